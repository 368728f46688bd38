//! What may be computed about a hit, decided from its signals before anything about its visitor is touched.
//!
//! It reads no consent string: parsers elsewhere turn those into [`Signals`]. The invariant: a signal only ever lowers the
//! mode. A grant therefore lifts nothing; it is carried so that a site may later ask for one.

use model::{Mode, Signals};

/// The signals that lower a mode, strongest first; the first one present decides.
///
/// Global Privacy Control and Do Not Track do not drop the view (its traffic is real, and dropping it would make every
/// number wrong): they leave it without a visitor.
const LOWERS_TO: [(Signals, Mode); 5] = [
    (Signals::OPTED_OUT, Mode::Off),
    (Signals::CHILD, Mode::Minimal),
    (Signals::REFUSED, Mode::Minimal),
    (Signals::TCF_REFUSED.with(Signals::GPP_REFUSED), Mode::Minimal),
    (Signals::GPC.with(Signals::DNT), Mode::Minimal),
];

/// Decides the mode of a hit: what the strongest lowering signal leaves, and never more than the site's default.
#[must_use]
pub fn decide(signals: Signals, site_default: Mode) -> Mode {
    LOWERS_TO
        .iter()
        .find(|(lowering, _)| signals.has_any(*lowering))
        .map_or(site_default, |(_, lowered)| site_default.min(*lowered))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODES: [Mode; 4] = [Mode::Off, Mode::Minimal, Mode::Exempt, Mode::Full];
    const EVERY_SIGNAL: u16 = 0x1ff;

    #[test]
    fn decides_by_the_strongest_signal() {
        let cases = [
            (Signals::default(), Mode::Full, Mode::Full),
            (Signals::default(), Mode::Exempt, Mode::Exempt),
            (Signals::GRANTED, Mode::Full, Mode::Full),
            (Signals::GPC, Mode::Full, Mode::Minimal),
            (Signals::DNT, Mode::Exempt, Mode::Minimal),
            (Signals::GPC.with(Signals::GRANTED), Mode::Full, Mode::Minimal),
            (Signals::TCF_REFUSED.with(Signals::GRANTED), Mode::Full, Mode::Minimal),
            (Signals::GPP_REFUSED, Mode::Full, Mode::Minimal),
            (Signals::REFUSED.with(Signals::TCF_GRANTED), Mode::Full, Mode::Minimal),
            (Signals::CHILD, Mode::Full, Mode::Minimal),
            (Signals::OPTED_OUT, Mode::Full, Mode::Off),
            (Signals::OPTED_OUT.with(Signals::GRANTED).with(Signals::TCF_GRANTED), Mode::Full, Mode::Off),
            (Signals::REFUSED, Mode::Off, Mode::Off),
        ];
        for (signals, site_default, expected) in cases {
            assert_eq!(
                decide(signals, site_default),
                expected,
                "{signals:?} on a site of mode {}",
                site_default.as_str()
            );
        }
    }

    #[test]
    fn no_grant_raises_a_mode() {
        for site_default in MODES {
            assert_eq!(decide(Signals::GRANTED.with(Signals::TCF_GRANTED), site_default), site_default);
        }
    }

    #[test]
    fn one_more_signal_never_allows_more() {
        for (bits, more) in (0..=EVERY_SIGNAL).flat_map(|bits| (0..9).map(move |bit| (bits, bits | 1 << bit))) {
            for site_default in MODES {
                let (before, after) = (decide(Signals(bits), site_default), decide(Signals(more), site_default));
                assert!(after <= before && before <= site_default, "{bits:#b} then {more:#b}");
            }
        }
    }
}
