//! One site-local day of one site: its values, its visitors, its waiting changes. Everything about a visitor that the fold
//! knows is in here, and goes with it.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::{HashSet, HashTable};
use model::limits::DAY_GRACE_MS;
use model::{Cell, Domain, LocalDay, Millis};
use privacy::visitor::Visitor;

use crate::bounds::Held;
use crate::cells::pending::{Pending, ValueTables};
use crate::cells::point::{OF_VISIT, OF_VISITOR};
use crate::state::chains::Chains;
use crate::state::funnels::Funnels;
use crate::state::history::{Histories, Past};
use crate::state::labels::LabelSets;
use crate::state::profiles::Profiles;
use crate::state::scrolled::Scrolled;
use crate::state::visitor::{Exit, PropertyShape, Shape, VisitorDay};

/// A day may come back by an hour when a clock is set back over midnight; its instants are counted from before that.
const SLACK_MS: i64 = 2 * 3_600_000;

/// One day.
pub(crate) struct SiteDay {
    zero: Millis,
    pub(crate) closes: Millis,
    pub(crate) values: ValueTables,
    pub(crate) visitor_profiles: Profiles<{ OF_VISITOR.len() }>,
    pub(crate) visit_profiles: Profiles<{ OF_VISIT.len() }>,
    pub(crate) visitors: Visitors,
    pub(crate) shapes: Chains<Shape>,
    pub(crate) properties: Chains<PropertyShape>,
    pub(crate) exits: Chains<Exit>,
    pub(crate) histories: Histories,
    /// The sets of segments and goals that hits were in.
    pub(crate) labels: LabelSets,
    /// How far visitors came in funnels.
    pub(crate) funnels: Funnels,
    /// What reached goals of a scroll depth.
    pub(crate) scrolled: Scrolled,
    /// Visitors who restricted the processing of this day.
    pub(crate) restricted: HashSet<Visitor, RandomState>,
    pub(crate) pending: Pending,
}

impl SiteDay {
    /// A day that begins at its midnight and closes for good some time after the next.
    pub(crate) fn new(begins: Millis, closes: Millis) -> Self {
        Self {
            zero: begins.plus(-SLACK_MS),
            closes,
            values: ValueTables::default(),
            visitor_profiles: Profiles::default(),
            visit_profiles: Profiles::default(),
            visitors: Visitors::default(),
            shapes: Chains::default(),
            properties: Chains::default(),
            exits: Chains::default(),
            histories: Histories::default(),
            labels: LabelSets::default(),
            funnels: Funnels::default(),
            scrolled: Scrolled::default(),
            restricted: HashSet::default(),
            pending: Pending::default(),
        }
    }

    /// An hour before which nothing of the day can have been.
    pub(crate) fn first_hour(&self) -> i64 {
        self.zero.hour()
    }

    /// The last minute of the day: its grace begins with the next.
    pub(crate) fn last_minute(&self) -> i64 {
        self.closes.plus(-DAY_GRACE_MS - 1).minute()
    }

    /// An instant as milliseconds of this day: half the memory, and no day has 2^32 of them.
    pub(crate) fn ms_of(&self, at: Millis) -> u32 {
        u32::try_from(at.0.saturating_sub(self.zero.0).max(0)).unwrap_or(u32::MAX)
    }

    /// The instant of a millisecond of this day.
    pub(crate) fn at(&self, ms: u32) -> Millis {
        self.zero.plus(i64::from(ms))
    }

    /// Adds to a visitor's history.
    pub(crate) fn remember(&mut self, number: VisitorNumber, past: Past) {
        let person = self.visitors.get_mut(number);
        self.histories.push(&mut person.history, past);
        person.hits_len = person.hits_len.saturating_add(1);
    }

    /// How much is remembered of visitors.
    pub(crate) fn held(&self) -> Held {
        let remembered = self.histories.len() + self.shapes.len() + self.properties.len();
        Held { visitors: self.visitors.len(), remembered }
    }

    pub(crate) fn take(&mut self, site: &Domain, day: LocalDay, cells: &mut Vec<Cell>) {
        self.pending.take(site, day, &self.values, cells);
    }

    pub(crate) fn discard(&mut self) {
        self.pending.discard();
    }
}

/// Number of a visitor within its day.
pub(crate) type VisitorNumber = u32;

/// The visitors of a day, found by pseudonym, kept in the order they came.
#[derive(Default)]
pub(crate) struct Visitors {
    days: Vec<VisitorDay>,
    numbers: HashTable<VisitorNumber>,
    hasher: RandomState,
}

impl Visitors {
    /// How many are known; those forgotten do not count.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(crate) fn find(&self, visitor: Visitor) -> Option<VisitorNumber> {
        let same = |number: &VisitorNumber| self.days.get(*number as usize).is_some_and(|day| day.visitor == visitor);
        self.numbers.find(self.hasher.hash_one(visitor), same).copied()
    }

    /// Opens a visitor's day; the visitor must not have one.
    pub(crate) fn open(&mut self, day: VisitorDay) -> VisitorNumber {
        let number = VisitorNumber::try_from(self.days.len()).expect("bounded far below 2^32 visitors");
        let hash = self.hasher.hash_one(day.visitor);
        self.days.push(day);
        let (days, hasher) = (&self.days, &self.hasher);
        let hash_of = |number: &VisitorNumber| days.get(*number as usize).map_or(0, |day| hasher.hash_one(day.visitor));
        self.numbers.insert_unique(hash, number, hash_of);
        number
    }

    /// Forgets a visitor: the number is not found again, and where it stood nothing is left.
    pub(crate) fn forget(&mut self, number: VisitorNumber) {
        let Some(day) = self.days.get_mut(number as usize) else { return };
        let hash = self.hasher.hash_one(day.visitor);
        if let Ok(found) = self.numbers.find_entry(hash, |known| *known == number) {
            found.remove();
        }
        *day = VisitorDay::new(Visitor::nobody(), 0);
    }

    pub(crate) fn get(&self, number: VisitorNumber) -> &VisitorDay {
        self.days.get(number as usize).expect("only numbers given out are asked for")
    }

    pub(crate) fn get_mut(&mut self, number: VisitorNumber) -> &mut VisitorDay {
        self.days.get_mut(number as usize).expect("only numbers given out are asked for")
    }
}
