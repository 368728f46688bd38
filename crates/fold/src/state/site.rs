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
    zone: Zone,
    /// The zone before it, which days that were open at the change keep until their last midnight.
    former: Option<(Zone, Millis)>,
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
            former: None,
            days: BTreeMap::new(),
            duplicates: Duplicates::default(),
            live: Live::default(),
            ledger: BTreeMap::new(),
            somebody: false,
        }
    }

    /// Follows the site's settings at `now`. The days that are open keep the zone they were opened with; the new one counts
    /// from the last of their midnights. Errs where the two calendars give that moment one day's name: the day then goes on
    /// to its midnight in the new zone, up to 49 hours in all, and a crash in it may count a visitor of its beginning again.
    pub(crate) fn keep_calendar(&mut self, timezone: &str, now: Millis) {
        if self.zone.name() == timezone {
            return;
        }
        let mut next = Zone::find_or_utc(timezone);
        if let Some((last, day)) = self.days.iter_mut().next_back() {
            let waiting = self.former.take_if(|(_, until)| now < *until);
            let (zone, until) = waiting.unwrap_or_else(|| (self.zone.clone(), self.zone.end_of(*last)));
            if next.moment(until).day == *last {
                day.closes = day.closes.max(next.closes(*last));
            }
            self.former = Some((zone, until));
        }
        self.zone = next;
    }

    /// Where an instant lies on the site's calendar.
    #[inline]
    pub(crate) fn moment(&mut self, at: Millis) -> Moment {
        match &mut self.former {
            Some((zone, until)) if at < *until => zone.moment(at),
            Some(_) | None => self.zone.moment(at),
        }
    }

    /// The open day of a moment, opened if need be; none if it had closed by `closed_at`.
    pub(crate) fn open(&mut self, at: Millis, moment: Moment, closed_at: Millis) -> Option<&mut SiteDay> {
        if !self.days.contains_key(&moment.day) {
            let zone = match &self.former {
                Some((zone, until)) if at < *until => zone,
                Some(_) | None => &self.zone,
            };
            let closes = zone.closes(moment.day);
            if closes <= closed_at {
                return None;
            }
            let begins = zone.end_of(LocalDay(moment.day.0.saturating_sub(1)));
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
