//! What may be computed about a hit, decided from its signals before anything about its visitor is touched.
//!
//! It reads no consent string: [`crate::tcf`], [`crate::gpp`] and [`crate::google`] turn those into [`Signals`]. The
//! invariants: a refusal only ever lowers the mode, and no grant outweighs any refusal.

use model::policy::SignalModes;
use model::{Mode, Signals, Site};

/// A signal, and where a site says it leads to.
type Rule = (Signals, fn(&SignalModes) -> Mode);

/// The refusals, strongest first, and where a site says each leads to.
const REFUSALS: [Rule; 7] = [
    (Signals::OPTED_OUT, |modes| modes.opted_out),
    (Signals::CHILD, |modes| modes.child),
    (Signals::REFUSED, |modes| modes.refused),
    (Signals::TCF_REFUSED, |modes| modes.tcf_refused),
    (Signals::GPP_REFUSED, |modes| modes.gpp_refused),
    (Signals::GPC, |modes| modes.gpc),
    (Signals::DNT, |modes| modes.dnt),
];

/// The grants, strongest first, all of them weaker than any refusal.
const GRANTS: [Rule; 2] =
    [(Signals::GRANTED, |modes| modes.granted), (Signals::TCF_GRANTED, |modes| modes.tcf_granted)];

/// The most that a consent string without a clear word leaves: what needs no consent.
const UNCLEAR_MAX: Mode = Mode::Exempt;

/// The signals of a hit on a site: its own, and those that hold for every hit there.
#[must_use]
pub fn on_site(signals: Signals, site: &Site) -> Signals {
    if site.child_directed { signals.with(Signals::CHILD) } else { signals }
}

/// Decides the mode of a hit.
///
/// The strongest signal present decides. Among refusals the site's setting for a weaker one may still be the lower: then
/// that one holds, for else one more refusal could raise a mode. A refusal never leads above the site's default. The
/// strongest grant decides only where nothing refuses; it may lead above the default, and never below: who agrees is not
/// counted less than who says nothing.
#[must_use]
pub fn decide(signals: Signals, site: &Site) -> Mode {
    let signals = on_site(signals, site);
    let present = |rules: &'static [Rule]| {
        rules.iter().filter(move |(signal, _)| signals.has(*signal)).map(|(_, leads_to)| leads_to(&site.signals))
    };
    let refused = present(&REFUSALS).min().map(|lowered| site.mode.min(lowered));
    let mode = refused.or_else(|| present(&GRANTS).next().map(|granted| site.mode.max(granted))).unwrap_or(site.mode);
    if signals.has(Signals::UNCLEAR) { mode.min(UNCLEAR_MAX) } else { mode }
}

#[cfg(test)]
mod tests {
    use model::Domain;
    use proptest::prelude::*;

    use super::*;

    const EVERY_SIGNAL: u16 = 0x3ff;
    const GRANTING: Signals = Signals::GRANTED.with(Signals::TCF_GRANTED);

    #[test]
    fn decides_by_the_strongest_signal() {
        let cases = [
            (Signals::default(), Mode::Full, Mode::Full),
            (Signals::default(), Mode::Exempt, Mode::Exempt),
            (Signals::GRANTED, Mode::Full, Mode::Full),
            (Signals::GRANTED, Mode::Exempt, Mode::Full),
            (Signals::TCF_GRANTED, Mode::Exempt, Mode::Full),
            (Signals::GPC, Mode::Full, Mode::Minimal),
            (Signals::DNT, Mode::Exempt, Mode::Minimal),
            (Signals::GPC.with(Signals::GRANTED), Mode::Full, Mode::Minimal),
            (Signals::TCF_REFUSED.with(Signals::GRANTED), Mode::Full, Mode::Minimal),
            (Signals::GPP_REFUSED, Mode::Full, Mode::Minimal),
            (Signals::REFUSED.with(Signals::TCF_GRANTED), Mode::Full, Mode::Minimal),
            (Signals::CHILD.with(GRANTING), Mode::Full, Mode::Minimal),
            (Signals::OPTED_OUT, Mode::Full, Mode::Off),
            (Signals::OPTED_OUT.with(GRANTING), Mode::Full, Mode::Off),
            (Signals::REFUSED, Mode::Off, Mode::Off),
            (Signals::UNCLEAR, Mode::Full, Mode::Exempt),
            (Signals::UNCLEAR, Mode::Minimal, Mode::Minimal),
            (Signals::UNCLEAR.with(Signals::GRANTED), Mode::Exempt, Mode::Exempt),
            (Signals::UNCLEAR.with(Signals::GPC), Mode::Full, Mode::Minimal),
        ];
        for (signals, mode, expected) in cases {
            let site = Site { mode, ..site() };
            assert_eq!(decide(signals, &site), expected, "{signals:?} on a site of mode {}", mode.as_str());
        }
    }

    #[test]
    fn the_pages_own_grant_decides_before_the_consent_tools() {
        let signals = SignalModes { granted: Mode::Exempt, tcf_granted: Mode::Full, ..SignalModes::default() };
        let site = Site { mode: Mode::Minimal, signals, ..site() };
        assert_eq!(decide(Signals::TCF_GRANTED, &site), Mode::Full);
        assert_eq!(decide(GRANTING, &site), Mode::Exempt);
    }

    #[test]
    fn every_hit_on_a_site_directed_at_children_is_a_childs() {
        let site = Site { child_directed: true, ..site() };
        assert_eq!(on_site(Signals::GPC, &site), Signals::GPC.with(Signals::CHILD));
        assert_eq!(decide(GRANTING, &site), Mode::Minimal);
    }

    proptest! {
        #[test]
        fn one_more_refusal_never_raises_a_mode(site in sites(), bits in 0..=EVERY_SIGNAL) {
            let before = decide(Signals(bits), &site);
            let unclear = Signals::UNCLEAR;
            for more in REFUSALS.iter().map(|(refusal, _)| *refusal).chain([unclear]) {
                prop_assert!(decide(Signals(bits).with(more), &site) <= before, "{bits:#b} then {more:?}");
            }
        }

        #[test]
        fn a_grant_never_changes_what_a_refusal_left(site in sites(), bits in 0..=EVERY_SIGNAL) {
            let signals = Signals(bits);
            prop_assume!(REFUSALS.iter().any(|(refusal, _)| signals.has(*refusal)) || site.child_directed);
            let mode = decide(signals, &site);
            prop_assert!(mode <= site.mode);
            prop_assert_eq!(decide(signals.with(GRANTING), &site), mode);
            prop_assert_eq!(decide(Signals(signals.0 & !GRANTING.0), &site), mode);
        }
    }

    fn sites() -> impl Strategy<Value = Site> {
        let mode = || prop_oneof![Just(Mode::Off), Just(Mode::Minimal), Just(Mode::Exempt), Just(Mode::Full)];
        (mode(), any::<bool>(), proptest::array::uniform9(mode())).prop_map(|(mode, child_directed, to)| {
            let [opted_out, child, refused, tcf_refused, gpp_refused, gpc, dnt, granted, tcf_granted] = to;
            let signals =
                SignalModes { opted_out, child, refused, tcf_refused, gpp_refused, gpc, dnt, granted, tcf_granted };
            Site { mode, child_directed, signals, ..site() }
        })
    }

    fn site() -> Site {
        Site::new(Domain::parse("example.com").unwrap())
    }
}
