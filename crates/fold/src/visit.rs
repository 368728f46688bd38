//! A visitor's visits: what a page view or event does to the one it belongs to, or to the one it begins.
//!
//! It counts nothing; `count` does, from the visit before and after. The same walk takes hits back (`rights`), so it knows
//! only the day's numbers, no words.

use model::Dimension;

use crate::cells::point::OF_VISIT;
use crate::count::Counted;
use crate::state::day::{SiteDay, VisitorNumber};
use crate::state::profiles::ProfileId;
use crate::state::values::ABSENT;
use crate::state::visitor::{Exit, FOLLOWED, INTERACTED, Visit};

/// When a hit was: in milliseconds of its day, and the hour on the wall.
#[derive(Clone, Copy)]
pub(crate) struct When {
    pub(crate) ms: u32,
    pub(crate) hour: u8,
}

/// Moves a visitor's visit on by one hit, which notes the visit as it stood before. `begins` is the profile of a new visit,
/// if the hit begins one. Time never runs backwards: a hit dated before the last one is at the same time.
pub(crate) fn advance(
    day: &mut SiteDay,
    number: VisitorNumber,
    counted: &mut Counted,
    when: When,
    begins: Option<ProfileId>,
) {
    let before = day.visitors.get_mut(number).visit;
    let ms = when.ms.max(before.last_ms);
    let mut visit = match begins {
        Some(profile) => begin(day, number, profile, When { ms, ..when }),
        None => {
            counted.before = before.facts();
            counted.exit_before = before.exit;
            counted.followed = before.is(FOLLOWED).then_some(before.exit.page);
            let last_hour = if ms > before.last_ms { when.hour } else { before.last_hour };
            Visit { last_ms: ms, last_hour, ..before }
        }
    };
    if counted.is_pageview() {
        if visit.entry.page == ABSENT {
            visit.entry = counted.at;
            visit.profile = entered(day, visit.profile, counted);
        }
        visit.exit = counted.at;
        visit.pageviews += 1;
        visit.mark(FOLLOWED, counted.in_full);
    }
    visit.events += 1;
    visit.mark(INTERACTED, visit.is(INTERACTED) || counted.interactive);
    day.visitors.get_mut(number).visit = visit;
}

/// A new visit; where the last one ended is remembered for the exit pages.
fn begin(day: &mut SiteDay, number: VisitorNumber, profile: ProfileId, when: When) -> Visit {
    let person = day.visitors.get_mut(number);
    let last = person.visit;
    let exit = Exit { page: last.exit.page, start_hour: last.start_hour };
    if exit.page != ABSENT && !day.exits.iter(person.exits).any(|known| *known == exit) {
        day.exits.push(&mut person.exits, exit);
    }
    Visit {
        // Visits are half an hour apart, so a day has at most 51.
        number: last.number.saturating_add(1),
        start_hour: when.hour,
        last_hour: when.hour,
        first_ms: when.ms,
        last_ms: when.ms,
        profile,
        ..Visit::default()
    }
}

/// The visit's profile once its first page view is known.
fn entered(day: &mut SiteDay, profile: ProfileId, counted: &Counted) -> ProfileId {
    let mut values = *day.visit_profiles.get(profile);
    for (dimension, value) in OF_VISIT.iter().zip(&mut values) {
        if *dimension == Dimension::EntryPage {
            *value = counted.at.page;
        }
    }
    day.visit_profiles.number(values)
}
