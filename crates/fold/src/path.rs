//! The path of a hit: every step from its arrival to the counts, in order, once. A step's name is also its metric label and
//! its line in the docs; new behaviour is a new step here, or it is in the wrong place.
//!
//! `refuse_*` and `discard_*` may end a hit's path, `strip_*` only removes, `add_*` only adds, `count_*` counts.

use std::ops::ControlFlow;

use model::{Outcome, Refusal};

use crate::admit::Draft;
use crate::refine::Refinement;

/// Admission, at the door (collector, importer): an [`model::Arrival`] becomes a [`model::Hit`] or a refusal.
pub(crate) const ADMISSION: &[Admission] = &[
    Admission {
        name: "refuse_without_consent",
        does: "decides the mode from the signals; nothing else has been looked at yet",
        run: |draft| draft.refuse_without_consent(),
    },
    Admission {
        name: "refuse_robots",
        does: "turns away senders that can be told for robots by their user agent",
        run: |draft| draft.refuse_robots(),
    },
    Admission {
        name: "refuse_oversized",
        does: "turns away what is over a limit or no value of its field",
        run: |draft| draft.refuse_oversized(),
    },
    Admission {
        name: "strip_page",
        does: "cuts the page's URL down to host, path and campaign",
        run: |draft| draft.strip_page(),
    },
    Admission {
        name: "strip_referrer",
        does: "cuts the referrer's URL down to host and path, and drops the site's own",
        run: |draft| draft.strip_referrer(),
    },
    Admission {
        name: "strip_paths",
        does: "replaces what may name a person in either path, and what the site's patterns name",
        run: |draft| draft.strip_paths(),
    },
    Admission {
        name: "strip_hosts",
        does: "replaces what may name a person or a machine in either host, but the site's own name",
        run: |draft| draft.strip_hosts(),
    },
    Admission {
        name: "strip_words",
        does: "replaces what may name a person in campaign fields, properties and the event's name",
        run: |draft| draft.strip_words(),
    },
    Admission {
        name: "strip_address",
        does: "cuts the address to the site's precision",
        run: |draft| draft.strip_address(),
    },
    Admission { name: "strip_by_mode", does: "drops what the mode does not allow", run: |draft| draft.strip_by_mode() },
];

/// Refinement, in the fold: a [`model::Hit`] becomes changes of counts.
pub(crate) const REFINEMENT: &[Refining] = &[
    Refining {
        name: "add_day",
        does: "finds the site-local day and hour, and opens the day if it is not over",
        run: |hit| hit.add_day(),
    },
    Refining {
        name: "discard_duplicate",
        does: "drops a second arrival of the same hit",
        run: |hit| hit.discard_duplicate(),
    },
    Refining {
        name: "refuse_off",
        does: "turns away what was sent in mode `off` all the same",
        run: |hit| hit.refuse_off(),
    },
    Refining {
        name: "count_late",
        does: "counts a hit of a closed day without its visitor, in totals and by page, and ends there",
        run: |hit| hit.count_late(),
    },
    Refining {
        name: "count_minimal",
        does: "counts a hit without visitor in totals and by page, and ends there",
        run: |hit| hit.count_minimal(),
    },
    Refining {
        name: "add_agent",
        does: "reads browser, system and device out of the user agent",
        run: |hit| hit.add_agent(),
    },
    Refining { name: "add_place", does: "looks the address's country up", run: |hit| hit.add_place() },
    Refining {
        name: "strip_peer",
        does: "turns address and user agent into the day's pseudonym, and forgets them",
        run: |hit| hit.strip_peer(),
    },
    Refining {
        name: "refuse_restricted",
        does: "turns away hits of a visitor who restricted the day's processing",
        run: |hit| hit.refuse_restricted(),
    },
    Refining {
        name: "count_engagement",
        does: "adds attention to its page, and ends there",
        run: |hit| hit.count_engagement(),
    },
    Refining {
        name: "add_visitor",
        does: "finds the visitor's day, or opens it with what is the same all day",
        run: |hit| hit.add_visitor(),
    },
    Refining {
        name: "add_visit",
        does: "goes on with the visit, or begins one with its source",
        run: |hit| hit.add_visit(),
    },
    Refining {
        name: "add_labels",
        does: "finds the segments and goals that the hit is in",
        run: |hit| hit.add_labels(),
    },
    Refining {
        name: "count_funnels",
        does: "counts the visitor in the step of each funnel that the hit takes them to",
        run: |hit| hit.count_funnels(),
    },
    Refining {
        name: "count_flows",
        does: "counts the way from the visit's last page view to this one",
        run: |hit| hit.count_flows(),
    },
    Refining {
        name: "count_hit",
        does: "counts the hit, its visit and its visitor in every cell they are in",
        run: |hit| hit.count_hit(),
    },
];

/// A step of admission.
pub(crate) struct Admission {
    pub(crate) name: &'static str,
    pub(crate) does: &'static str,
    pub(crate) run: fn(&mut Draft<'_>) -> Result<(), Refusal>,
}

/// A step of refinement; it breaks with what became of the hit.
pub(crate) struct Refining {
    pub(crate) name: &'static str,
    pub(crate) does: &'static str,
    pub(crate) run: fn(&mut Refinement<'_>) -> ControlFlow<Outcome>,
}

/// A step, as metrics and docs show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a phrase.
    pub does: &'static str,
}

/// The whole path, for metrics and docs: made of the two lists above, so that it cannot differ from them.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler: an index out of range does not compile")]
pub const STEPS: [Step; ADMISSION.len() + REFINEMENT.len()] = {
    let mut steps = [Step { name: "", does: "" }; ADMISSION.len() + REFINEMENT.len()];
    let (doors, folds) = steps.split_at_mut(ADMISSION.len());
    let mut at = 0;
    while at < doors.len() {
        doors[at] = Step { name: ADMISSION[at].name, does: ADMISSION[at].does };
        at += 1;
    }
    at = 0;
    while at < folds.len() {
        folds[at] = Step { name: REFINEMENT[at].name, does: REFINEMENT[at].does };
        at += 1;
    }
    steps
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_step_is_named_once_and_by_what_it_may_do() {
        let names: BTreeSet<_> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), STEPS.len());
        for step in STEPS {
            let verb = step.name.split('_').next().unwrap();
            assert!(["refuse", "discard", "strip", "add", "count"].contains(&verb), "{}", step.name);
        }
    }

    #[test]
    fn consent_comes_before_everything_and_the_peer_ends_before_anything_is_remembered() {
        let at = |name| STEPS.iter().position(|step| step.name == name).unwrap();
        assert_eq!(at("refuse_without_consent"), 0);
        assert!(at("strip_by_mode") < at("add_agent"));
        assert!(at("strip_address") < at("add_place") && at("strip_paths") < at("add_agent"));
        assert!(at("strip_peer") < at("add_visitor"));
    }
}
