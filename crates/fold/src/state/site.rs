//! What the fold remembers of one site: its calendar, its open days, the ids of their hits, who is there now, and the
//! ledger lines that wait for the next flush.

use std::collections::BTreeMap;

use model::{Cell, Domain, LedgerLine, LocalDay, Millis, Outcome, Site};
use privacy::seal::KEY_LIFE_HOURS;

use crate::bounds::Held;
use crate::calendar::{Moment, Zone};
use crate::cells::pending::Pending;
use crate::state::closed::Waiting;
use crate::state::day::SiteDay;
use crate::state::duplicates::Duplicates;
use crate::state::live::Live;

/// One site.
pub(crate) struct SiteState {
    calendar: Calendar,
    pub(crate) days: BTreeMap<LocalDay, SiteDay>,
    /// What waits of days that are over. No day is here and open.
    pub(crate) closed: BTreeMap<LocalDay, Waiting>,
    pub(crate) duplicates: Duplicates,
    pub(crate) live: Live,
    ledger: BTreeMap<(i64, Outcome), i64>,
    /// Whether the last live line said that somebody is there; then one more has to say that nobody is.
    somebody: bool,
}

/// A state before anything is known of the site but what was refused at the door.
impl Default for SiteState {
    fn default() -> Self {
        Self {
            calendar: Calendar { zone: Zone::find_or_utc("UTC"), former: None },
            days: BTreeMap::new(),
            closed: BTreeMap::new(),
            duplicates: Duplicates::default(),
            live: Live::default(),
            ledger: BTreeMap::new(),
            somebody: false,
        }
    }
}

impl SiteState {
    pub(crate) fn new(site: &Site) -> Self {
        Self { calendar: Calendar::of(site), ..Self::default() }
    }

    /// Follows the site's settings.
    pub(crate) fn keep_calendar(&mut self, site: &Site) {
        if self.calendar.is_of(site) {
            return;
        }
        self.calendar = Calendar::of(site);
        if let Some(until) = site.timezone_before.as_ref().map(|former| former.until) {
            for (local, day) in &mut self.days {
                day.closes = day.closes.max(self.calendar.closes(until.plus(-1), *local));
            }
        }
    }

    /// Where an instant lies on the site's calendar.
    #[inline]
    pub(crate) fn moment(&mut self, at: Millis) -> Moment {
        self.calendar.zone_at(at).moment(at)
    }

    /// The open day of a moment, opened if need be; none if it had closed by `closed_at`.
    pub(crate) fn open(&mut self, at: Millis, moment: Moment, closed_at: Millis) -> Option<&mut SiteDay> {
        if !self.days.contains_key(&moment.day) {
            let closes = self.calendar.closes(at, moment.day);
            if closes <= closed_at {
                return None;
            }
            let begins = self.calendar.zone_at(at).end_of(LocalDay(moment.day.0.saturating_sub(1)));
            let mut open = SiteDay::new(begins, closes);
            // In another zone it was over before.
            if let Some(Waiting { values, pending }) = self.closed.remove(&moment.day) {
                (open.values, open.pending) = (values, pending);
            }
            self.days.insert(moment.day, open);
        }
        self.days.get_mut(&moment.day)
    }

    /// A day that is open.
    #[inline]
    pub(crate) fn opened(&mut self, day: LocalDay) -> &mut SiteDay {
        self.days.get_mut(&day).expect("opened by `add_day`")
    }

    /// How much is held of the site's visitors.
    #[inline]
    pub(crate) fn held(&self) -> Held {
        let ids = Held { visitors: 0, remembered: self.duplicates.len() };
        self.days.values().map(SiteDay::held).fold(ids, |sum, day| Held {
            visitors: sum.visitors + day.visitors,
            remembered: sum.remembered + day.remembered,
        })
    }

    /// Cells with a change waiting.
    pub(crate) fn pending_cells(&self) -> usize {
        let open = self.days.values().map(|day| &day.pending);
        open.chain(self.closed.values().map(|day| &day.pending)).map(Pending::len).sum()
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
        for (day, Waiting { values, mut pending }) in std::mem::take(&mut self.closed) {
            pending.take(site, day, &values, cells);
        }
        let lines = std::mem::take(&mut self.ledger).into_iter();
        ledger.extend(lines.map(|((minute, outcome), hits)| LedgerLine { site: site.clone(), minute, outcome, hits }));
    }

    pub(crate) fn discard(&mut self) {
        self.days.values_mut().for_each(SiteDay::discard);
        self.closed.clear();
        self.ledger.clear();
    }

    /// Visitors there at `now`; nothing while nobody is and nobody was.
    pub(crate) fn live_at(&mut self, now: Millis) -> Option<u64> {
        let visitors = self.live.visitors(now);
        let was_somebody = std::mem::replace(&mut self.somebody, visitors > 0);
        (visitors > 0 || was_somebody).then_some(visitors)
    }

    /// Drops the days that are closed at `now`, but for what still waits in them.
    pub(crate) fn close(&mut self, now: Millis) -> Vec<LocalDay> {
        let over: Vec<LocalDay> = self.days.iter().filter(|(_, day)| day.closes <= now).map(|(day, _)| *day).collect();
        for day in &over {
            if let Some(SiteDay { values, pending, .. }) = self.days.remove(day) {
                self.closed.insert(*day, Waiting { values, pending });
            }
        }
        // A second copy may come as long as it can be opened, which may be longer than its day is open.
        let can_be_opened = now.hour().saturating_sub(KEY_LIFE_HOURS + 1);
        let of_days = self.days.values().map(SiteDay::first_hour).min().unwrap_or(i64::MAX);
        self.duplicates.forget_before(of_days.min(can_be_opened));
        over
    }
}

/// A site's zone, and the one before it while that still counts. It follows from the settings alone, so that a replay reads the
/// same calendar.
struct Calendar {
    zone: Zone,
    former: Option<(Zone, Millis)>,
}

impl Calendar {
    fn of(site: &Site) -> Self {
        let former = site.timezone_before.as_ref();
        Self {
            zone: Zone::find_or_utc(&site.timezone),
            former: former.map(|former| (Zone::find_or_utc(&former.timezone), former.until)),
        }
    }

    fn is_of(&self, site: &Site) -> bool {
        let former = self.former.as_ref().map(|(zone, until)| (zone.name(), *until));
        let wanted = site.timezone_before.as_ref().map(|former| (former.timezone.as_str(), former.until));
        self.zone.name() == site.timezone && former == wanted
    }

    #[inline]
    fn zone_at(&mut self, at: Millis) -> &mut Zone {
        match &mut self.former {
            Some((zone, until)) if at < *until => zone,
            Some(_) | None => &mut self.zone,
        }
    }

    /// When a day to which a hit at `at` belongs is over for good. A day that begins by the former zone and has its name in the
    /// new one too goes on to the new one's midnight: up to 49 hours in all, and a crash in it may count a visitor of its
    /// beginning again.
    fn closes(&mut self, at: Millis, day: LocalDay) -> Millis {
        let closes = self.zone_at(at).closes(day);
        match self.former.as_ref().map(|(_, until)| *until) {
            Some(until) if at < until && self.zone.moment(until).day == day => closes.max(self.zone.closes(day)),
            Some(_) | None => closes,
        }
    }
}
