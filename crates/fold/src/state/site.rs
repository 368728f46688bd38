//! What the fold remembers of one site: its calendar, its open days, the ids of its last hits, who is there now, and the
//! ledger lines that wait for the next flush.

use std::collections::BTreeMap;

use model::{Cell, Domain, LedgerLine, LocalDay, Millis, Outcome};

use crate::calendar::{Moment, Zone};
use crate::state::day::SiteDay;
use crate::state::duplicates::Duplicates;
use crate::state::live::Live;

/// One site.
pub(crate) struct SiteState {
    pub(crate) zone: Zone,
    pub(crate) days: BTreeMap<LocalDay, SiteDay>,
    pub(crate) duplicates: Duplicates,
    pub(crate) live: Live,
    ledger: BTreeMap<(i64, Outcome), i64>,
    /// Whether the last live line said that somebody is there; then one more has to say that nobody is.
    somebody: bool,
}

impl SiteState {
    pub(crate) fn new(timezone: &str) -> Self {
        Self {
            zone: Zone::find_or_utc(timezone),
            days: BTreeMap::new(),
            duplicates: Duplicates::default(),
            live: Live::default(),
            ledger: BTreeMap::new(),
            somebody: false,
        }
    }

    /// Follows the site's settings. Errs on the day of a change: it has hits of both calendars.
    pub(crate) fn keep_calendar(&mut self, timezone: &str) {
        if self.zone.name() != timezone {
            self.zone = Zone::find_or_utc(timezone);
        }
    }

    /// The open day of a moment, opened if need be; none if it had closed by `closed_at`.
    pub(crate) fn open(&mut self, moment: Moment, closed_at: Millis) -> Option<&mut SiteDay> {
        if !self.days.contains_key(&moment.day) {
            let closes = self.zone.closes(moment.day);
            if closes <= closed_at {
                return None;
            }
            let begins = self.zone.end_of(LocalDay(moment.day.0.saturating_sub(1)));
            self.days.insert(moment.day, SiteDay::new(begins, closes));
        }
        self.days.get_mut(&moment.day)
    }

    /// Notes what became of hits.
    pub(crate) fn note(&mut self, minute: i64, outcome: Outcome, hits: i64) {
        let line = self.ledger.entry((minute, outcome)).or_default();
        *line = line.saturating_add(hits);
    }

    /// Takes the waiting changes.
    pub(crate) fn take(&mut self, site: &Domain, cells: &mut Vec<Cell>, ledger: &mut Vec<LedgerLine>) {
        for (day, state) in &mut self.days {
            state.take(site, *day, cells);
        }
        let lines = std::mem::take(&mut self.ledger).into_iter();
        ledger.extend(lines.map(|((minute, outcome), hits)| LedgerLine { site: site.clone(), minute, outcome, hits }));
    }

    pub(crate) fn discard(&mut self) {
        self.days.values_mut().for_each(SiteDay::discard);
        self.ledger.clear();
    }

    /// Visitors there at `now`; nothing while nobody is and nobody was.
    pub(crate) fn live_at(&mut self, now: Millis) -> Option<u64> {
        let visitors = self.live.visitors(now);
        let was_somebody = std::mem::replace(&mut self.somebody, visitors > 0);
        (visitors > 0 || was_somebody).then_some(visitors)
    }

    /// Drops the days that are closed at `now`, after taking what still waits in them.
    pub(crate) fn close(&mut self, site: &Domain, now: Millis, cells: &mut Vec<Cell>) -> Vec<LocalDay> {
        let over: Vec<LocalDay> = self.days.iter().filter(|(_, day)| day.closes <= now).map(|(day, _)| *day).collect();
        for day in &over {
            if let Some(mut state) = self.days.remove(day) {
                state.take(site, *day, cells);
            }
        }
        over
    }
}
