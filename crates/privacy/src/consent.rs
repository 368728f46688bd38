//! What may be computed about a hit, decided from its signals before anything about its visitor is touched.
//!
//! It reads no consent string: [`crate::tcf`], [`crate::gpp`] and [`crate::google`] turn those into [`Signals`]. The
//! invariants: a refusal only ever lowers the mode, and no grant outweighs any refusal.

use model::policy::SignalModes;
use model::{Lowering, Mode, Signals, Site};

/// A signal, and where a site says it leads to.
type Rule = (Signals, fn(&SignalModes) -> Mode);

/// The refusals, strongest first, where a site says each leads to, and how the ledger calls it.
const REFUSALS: [(Rule, Lowering); 7] = [
    ((Signals::OPTED_OUT, |modes| modes.opted_out), Lowering::OptedOut),
    ((Signals::CHILD, |modes| modes.child), Lowering::Child),
    ((Signals::REFUSED, |modes| modes.refused), Lowering::Refused),
    ((Signals::TCF_REFUSED, |modes| modes.tcf_refused), Lowering::TcfRefused),
    ((Signals::GPP_REFUSED, |modes| modes.gpp_refused), Lowering::GppRefused),
    ((Signals::GPC, |modes| modes.gpc), Lowering::Gpc),
    ((Signals::DNT, |modes| modes.dnt), Lowering::Dnt),
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
/// Who restricted the processing is not processed, whatever a site would have it lead to. Else the strongest signal present
/// decides. Among refusals the site's setting for a weaker one may still be the lower: then
/// that one holds, for else one more refusal could raise a mode. A refusal never leads above the site's default. The
/// strongest grant decides only where nothing refuses; it may lead above the default, and never below: who agrees is not
/// counted less than who says nothing.
#[must_use]
pub fn decide(signals: Signals, site: &Site) -> Mode {
    if signals.has(Signals::RESTRICTED) {
        return Mode::Off;
    }
    let signals = on_site(signals, site);
    let leads_to = |(signal, leads_to): &Rule| signals.has(*signal).then(|| leads_to(&site.signals));
    let refused = REFUSALS.iter().filter_map(|(rule, _)| leads_to(rule)).min().map(|lowered| site.mode.min(lowered));
    let granted = || GRANTS.iter().find_map(leads_to).map(|granted| site.mode.max(granted));
    let mode = refused.or_else(granted).unwrap_or(site.mode);
    if signals.has(Signals::UNCLEAR) { mode.min(UNCLEAR_MAX) } else { mode }
}

/// What lowered a hit to `mode`, the one that was decided for it: the strongest of the signals that lead there, or nothing
/// where the site's own mode is no higher.
#[must_use]
pub fn lowered_by(signals: Signals, mode: Mode, site: &Site) -> Option<Lowering> {
    let signals = on_site(signals, site);
    let leads_there = |(signal, leads_to): &Rule| signals.has(*signal) && leads_to(&site.signals) == mode;
    let refusal = REFUSALS.iter().find(|(rule, _)| mode < site.mode && leads_there(rule));
    let clear = Signals(signals.0 & !Signals::UNCLEAR.0);
    let unclear = || (clear != signals && decide(clear, site) > mode).then_some(Lowering::Unclear);
    refusal.map(|(_, lowering)| *lowering).or_else(unclear)
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
    fn a_restriction_leads_to_nothing_whatever_the_settings() {
        let signals = SignalModes { opted_out: Mode::Full, ..SignalModes::default() };
        let site = Site { signals, ..site() };
        for more in [Signals::default(), Signals::OPTED_OUT, GRANTING] {
            assert_eq!(decide(Signals::RESTRICTED.with(more), &site), Mode::Off);
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

    #[test]
    fn names_the_strongest_signal_that_led_where_it_went() {
        let signals = SignalModes { refused: Mode::Exempt, dnt: Mode::Full, ..SignalModes::default() };
        let cases = [
            (Signals::default(), Mode::Full, None),
            (Signals::GPC, Mode::Full, Some(Lowering::Gpc)),
            (Signals::GPC, Mode::Minimal, None),
            (Signals::DNT, Mode::Full, None),
            (Signals::REFUSED, Mode::Full, Some(Lowering::Refused)),
            (Signals::REFUSED, Mode::Exempt, None),
            (Signals::REFUSED.with(Signals::GPC), Mode::Full, Some(Lowering::Gpc)),
            (Signals::TCF_REFUSED.with(Signals::GPC), Mode::Exempt, Some(Lowering::TcfRefused)),
            (Signals::UNCLEAR, Mode::Full, Some(Lowering::Unclear)),
            (Signals::UNCLEAR, Mode::Exempt, None),
            (Signals::UNCLEAR.with(Signals::GRANTED), Mode::Exempt, Some(Lowering::Unclear)),
            (Signals::UNCLEAR.with(Signals::REFUSED), Mode::Full, Some(Lowering::Refused)),
        ];
        for (given, mode, expected) in cases {
            let site = Site { mode, signals, ..site() };
            assert_eq!(lowered_by(given, decide(given, &site), &site), expected, "{given:?} on {}", mode.as_str());
        }
    }

    proptest! {
        #[test]
        fn whatever_is_lowered_has_a_cause(site in sites(), bits in 0..=EVERY_SIGNAL) {
            let mode = decide(Signals(bits), &site);
            let cause = lowered_by(Signals(bits), mode, &site);
            prop_assert!(cause.is_some() || mode >= site.mode, "{bits:#b} to {}", mode.as_str());
            prop_assert!(cause.is_none() || bits != 0 || site.child_directed);
        }

        #[test]
        fn one_more_refusal_never_raises_a_mode(site in sites(), bits in 0..=EVERY_SIGNAL) {
            let before = decide(Signals(bits), &site);
            let unclear = Signals::UNCLEAR;
            for more in REFUSALS.iter().map(|((refusal, _), _)| *refusal).chain([unclear]) {
                prop_assert!(decide(Signals(bits).with(more), &site) <= before, "{bits:#b} then {more:?}");
            }
        }

        #[test]
        fn a_grant_never_changes_what_a_refusal_left(site in sites(), bits in 0..=EVERY_SIGNAL) {
            let signals = Signals(bits);
            prop_assume!(REFUSALS.iter().any(|((refusal, _), _)| signals.has(*refusal)) || site.child_directed);
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
