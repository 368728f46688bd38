//! A model of the store: what inserts into ClickHouse may be counted on to do, and no more.
//!
//! An insert is several blocks, one table after another (`store::insert`). A block is there whole or not at all, and comes once
//! per token among the last tokens of its table. An answer may be lost, and a block may be still on its way when its sender has
//! given up or died. Days are closed in rounds, by the rules of `store::closing` and its SQL, on tables that merge at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::counts::FOLDED;
use model::{Cell, Changes, ClosedDay, Counts, Dimension, Domain, LedgerLine, LocalDay, LostLine};
use processor::{InsertError, Sink};
use store::Folded;
use tokio::time::sleep;

use crate::Planted;
use crate::faults::{Fault, Point};
use crate::world::{Life, World};

/// The window of the real tables; a planted one is smaller.
const WINDOW: usize = 100_000;
/// The value that small cells fold into.
const OTHER: &str = "(other)";

/// A cell's place within its site and day.
pub type Place = (Option<u8>, Dimension, String, Dimension, String);

/// The tables.
pub struct Tables {
    world: Arc<World>,
    state: Mutex<State>,
    /// Rows of one block: one number a day, because a repetition must cut where the first try did.
    block_rows: usize,
    planted: Planted,
}

#[derive(Default)]
struct State {
    away: bool,
    tokens: HashMap<&'static str, Window>,
    /// What came under each token, for ever: the same token must always bring the same.
    contents: HashMap<String, u64>,
    counts: Vec<Cell>,
    ledger: Vec<LedgerLine>,
    lost: Vec<LostLine>,
    days: BTreeMap<(Domain, LocalDay), Day>,
    on_their_way: usize,
    broken: Vec<String>,
}

/// The last tokens of a table.
#[derive(Default)]
struct Window {
    order: VecDeque<String>,
    known: HashSet<String>,
}

/// A day as its closing sees it.
#[derive(Default)]
struct Day {
    rows: Vec<usize>,
    merged: usize,
    cells: BTreeMap<Place, Counts>,
    /// Rounds of its closing: begun, folded, clean.
    begun: u32,
    folded: u32,
    clean: u32,
    /// Whether hour cells came that a closed day does not have.
    hours: bool,
    rounds: BTreeSet<u32>,
}

/// A block on its way.
#[derive(Clone)]
enum Block {
    Counts(String, Vec<Cell>),
    Ledger(String, Vec<LedgerLine>),
    Live(String),
    Lost(String, Vec<LostLine>),
}

/// What the tables hold in the end.
pub struct Held {
    /// Every row of counts, in the order they came.
    pub counts: Vec<Cell>,
    /// Every row of the ledger.
    pub ledger: Vec<LedgerLine>,
    /// Every row of lost records.
    pub lost: Vec<LostLine>,
    /// Closed days, folded, and those that are not closed.
    pub closed: BTreeMap<(Domain, LocalDay), BTreeMap<Place, Counts>>,
    /// What must never be and was.
    pub broken: Vec<String>,
}

impl Tables {
    /// Empty tables.
    pub fn new(world: Arc<World>, block_rows: usize, planted: Planted) -> Arc<Self> {
        Arc::new(Self { world, state: Mutex::default(), block_rows, planted })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the store away, or brings it back.
    pub fn set_away(&self, away: bool) {
        self.state().away = away;
    }

    /// Whether it is away.
    pub fn is_away(&self) -> bool {
        self.state().away
    }

    /// Whether nothing is on its way.
    pub fn is_still(&self) -> bool {
        self.state().on_their_way == 0
    }

    /// The days whose closing is not complete.
    pub fn not_closed(&self) -> Vec<ClosedDay> {
        let state = self.state();
        let open = state.days.iter().filter(|(_, day)| day.clean == 0 || day.hours || day.begun > day.clean);
        open.map(|((site, day), _)| ClosedDay { site: site.clone(), day: *day }).collect()
    }

    /// What is held.
    pub fn held(&self) -> Held {
        let mut state = self.state();
        let State { counts, ledger, lost, days, broken, .. } = &mut *state;
        for day in days.values_mut() {
            day.merge(counts);
        }
        let closed = days.iter().map(|(key, day)| (key.clone(), day.cells.clone())).collect();
        let taken = (std::mem::take(counts), std::mem::take(ledger), std::mem::take(lost), std::mem::take(broken));
        Held { counts: taken.0, ledger: taken.1, lost: taken.2, closed, broken: taken.3 }
    }

    fn blocks(&self, token: &str, changes: &Changes) -> Vec<Block> {
        let named = |table: &str, number: usize| format!("{token}/{table}/{number}");
        let counts = changes.cells.chunks(self.block_rows).enumerate();
        let mut blocks: Vec<Block> =
            counts.map(|(number, rows)| Block::Counts(named("counts", number), rows.to_vec())).collect();
        let ledger = changes.ledger.chunks(self.block_rows).enumerate();
        blocks.extend(ledger.map(|(number, rows)| Block::Ledger(named("ledger", number), rows.to_vec())));
        if !changes.live.is_empty() {
            blocks.push(Block::Live(named("live", 0)));
        }
        if !changes.lost.is_empty() && self.planted != Planted::LossUntold {
            blocks.push(Block::Lost(named("lost", 0), changes.lost.clone()));
        }
        blocks
    }

    fn apply(&self, block: Block) {
        let window = if self.planted == Planted::WindowTooSmall { 3 } else { WINDOW };
        self.state().apply(block, window);
    }

    /// Lets a block arrive in some time, whatever becomes of its sender.
    fn arrive_later(self: &Arc<Self>, block: Block) {
        let wait = self.world.draw(|random| {
            let most = if random.one_in(4) { 30_000 } else { 500 };
            2 * (1 + random.below(most))
        });
        self.state().on_their_way += 1;
        let tables = Arc::clone(self);
        tokio::spawn(async move {
            sleep(Duration::from_millis(wait)).await;
            tables.world.tell(|| "a late block arrives".to_owned());
            tables.apply(block);
            tables.state().on_their_way -= 1;
        });
    }
}

impl State {
    fn apply(&mut self, block: Block, window: usize) {
        match block {
            Block::Counts(token, rows) => {
                if self.is_new("counts", token, digest(&rows, hash_cell), window) {
                    for row in rows {
                        let day = self.days.entry((row.site.clone(), row.day)).or_default();
                        day.hours |= row.hour.is_some() && !matches!(row.dimension, Dimension::Total | Dimension::Page);
                        day.rows.push(self.counts.len());
                        self.counts.push(row);
                    }
                }
            }
            Block::Ledger(token, rows) => {
                let digest = digest(&rows, |row, hasher| {
                    (row.site.as_str(), row.minute, row.outcome, row.hits).hash(hasher);
                });
                if self.is_new("ledger", token, digest, window) {
                    self.ledger.extend(rows);
                }
            }
            // What is said of who is there depends on when it is said: a repetition may say another number.
            Block::Live(token) => drop(self.is_new("live", token, 0, window)),
            Block::Lost(token, rows) => {
                let digest = digest(&rows, |row, hasher| (row.hour, row.loss, row.records).hash(hasher));
                if self.is_new("lost", token, digest, window) {
                    self.lost.extend(rows);
                }
            }
        }
    }

    /// Notes a block's token; whether it is none of the last ones.
    fn is_new(&mut self, table: &'static str, token: String, digest: u64, window: usize) -> bool {
        let known = *self.contents.entry(token.clone()).or_insert(digest);
        if known != digest {
            self.broken.push(format!("{token} came again with other rows"));
        }
        let Window { order, known } = self.tokens.entry(table).or_default();
        if !known.insert(token.clone()) {
            return false;
        }
        order.push_back(token);
        if order.len() > window
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
        true
    }

    fn day(&mut self, day: &ClosedDay) -> &mut Day {
        let Self { days, counts, .. } = self;
        let day = days.entry((day.site.clone(), day.day)).or_default();
        day.merge(counts);
        day
    }
}

impl Day {
    /// Adds up what came since the last time.
    fn merge(&mut self, counts: &[Cell]) {
        for row in self.rows.iter().skip(self.merged).filter_map(|row| counts.get(*row)) {
            let Cell { hour, dimension, value, by, by_value, counts, .. } = row;
            let place = (*hour, *dimension, value.to_string(), *by, by_value.to_string());
            add(&mut self.cells, place, *counts);
        }
        self.merged = self.rows.len();
    }

    fn small(&self, visitors_min: u32) -> Vec<(Place, Counts)> {
        let enough = enough_measured(&self.cells, visitors_min);
        let small = |(place, counts): &(&Place, &Counts)| may_not_stay(place, counts, visitors_min, &enough);
        self.cells.iter().filter(small).map(|(place, counts)| (place.clone(), *counts)).collect()
    }

    /// One round, whole or not at all, once.
    fn fold(&mut self, round: u32, visitors_min: u32) {
        if !self.rounds.insert(round) {
            return;
        }
        for (place, counts) in self.small(visitors_min) {
            self.cells.remove(&place);
            let (hour, dimension, _, by, _) = place;
            if hour.is_none() {
                let by_value = if by == Dimension::Total { String::new() } else { OTHER.to_owned() };
                add(&mut self.cells, (None, dimension, OTHER.to_owned(), by, by_value), counts);
            }
        }
    }
}

/// The pages and devices of which a vital was measured often enough: `enough_measured.sql`.
pub fn enough_measured(cells: &BTreeMap<Place, Counts>, visitors_min: u32) -> BTreeSet<(Dimension, String, String)> {
    let mut measured: BTreeMap<(Dimension, String, String), i64> = BTreeMap::new();
    for ((_, dimension, value, by, by_value), counts) in cells {
        if *by == Dimension::Vital {
            let vital = by_value.split(' ').next().unwrap_or_default().to_owned();
            *measured.entry((*dimension, value.clone(), vital)).or_default() += counts.events;
        }
    }
    measured.into_iter().filter(|(_, events)| *events >= i64::from(visitors_min)).map(|(key, _)| key).collect()
}

/// Whether a cell of a closed day may not stay: the condition of `may_not_stay.sql` and `small.sql`.
pub fn may_not_stay(
    (hour, dimension, value, by, by_value): &Place,
    counts: &Counts,
    visitors_min: u32,
    enough: &BTreeSet<(Dimension, String, String)>,
) -> bool {
    if hour.is_some() {
        return !matches!(dimension, Dimension::Total | Dimension::Page);
    }
    let folds = match by {
        Dimension::Total => FOLDED.contains(dimension) && value != OTHER,
        _ if (value.as_str(), by_value.as_str()) == (OTHER, OTHER) => false,
        Dimension::Vital => {
            let vital = by_value.split(' ').next().unwrap_or_default().to_owned();
            !enough.contains(&(*dimension, value.clone(), vital))
        }
        _ => true,
    };
    folds && counts.visitors < i64::from(visitors_min)
}

fn add(cells: &mut BTreeMap<Place, Counts>, place: Place, counts: Counts) {
    use std::collections::btree_map::Entry;
    match cells.entry(place) {
        Entry::Vacant(vacant) => drop(vacant.insert(counts)),
        Entry::Occupied(mut cell) => {
            *cell.get_mut() += counts;
            if cell.get().is_zero() {
                cell.remove();
            }
        }
    }
}

fn digest<T>(rows: &[T], hash: impl Fn(&T, &mut DefaultHasher)) -> u64 {
    let mut hasher = DefaultHasher::new();
    rows.iter().for_each(|row| hash(row, &mut hasher));
    hasher.finish()
}

fn hash_cell(cell: &Cell, hasher: &mut DefaultHasher) {
    let Cell { site, day, hour, dimension, value, by, by_value, counts } = cell;
    (site.as_str(), day, hour, *dimension as u8, value, *by as u8, by_value).hash(hasher);
    let Counts { visitors, visits, pageviews, events, bounces, visit_seconds, .. } = counts;
    (visitors, visits, pageviews, events, bounces, visit_seconds).hash(hasher);
    let Counts { entries, exits, engaged_ms, scroll_percent, scroll_visitors, revenue_micros, .. } = counts;
    (entries, exits, engaged_ms, scroll_percent, scroll_visitors, revenue_micros).hash(hasher);
}

/// The tables as one processor reaches them.
pub struct Client {
    /// The tables.
    pub tables: Arc<Tables>,
    /// Which process it is.
    pub who: usize,
}

impl Client {
    /// One block of an insert, as its sender sees it; at most one block of a try is struck, so that tries get through.
    async fn send(&self, block: Block, struck: Option<Fault>) -> Result<(), InsertError> {
        let Self { tables, who } = self;
        match struck {
            _ if tables.is_away() => return Err(again("the store is away")),
            Some(Fault::InsertRefused) => return Err(again("the store takes nothing now")),
            Some(Fault::BlockLate) => {
                if tables.world.draw(|random| random.permille(750)) {
                    tables.arrive_later(block);
                }
                // Half of the senders die meanwhile.
                if tables.world.draw(|random| random.one_in(2)) {
                    tables.world.set_life(*who, Life::Gone);
                    std::future::pending::<()>().await;
                }
                return Err(again("no answer in time"));
            }
            Some(_) | None => tables.apply(block),
        }
        if struck == Some(Fault::ReplyLost) { Err(again("the reply was lost")) } else { Ok(()) }
    }
}

impl Sink for Client {
    async fn insert(&self, token: &str, changes: &Changes) -> Result<(), InsertError> {
        let Self { tables, who } = self;
        let world = &tables.world;
        world.point(*who, Point::BeforeInsert).await;
        let token = match tables.planted {
            Planted::TokenOfThisProcess => format!("{token}-{who}"),
            _ => token.to_owned(),
        };
        // Not the partition's name, which is drawn from the system's randomness.
        let told = token.split_once('-').map_or("", |(_, range)| range);
        world.tell(|| {
            let lost: i64 = changes.lost.iter().map(|line| line.records).sum();
            let lost = if lost == 0 { String::new() } else { format!(", and {lost} records lost,") };
            format!("process {who} inserts {} cells{lost} under {told}", changes.cells.len())
        });
        let blocks = tables.blocks(&token, changes);
        let faults = [Fault::InsertRefused, Fault::BlockLate, Fault::ReplyLost];
        let struck = faults.into_iter().find(|fault| !blocks.is_empty() && world.strikes(*fault));
        let at = world.draw(|random| random.index(blocks.len().max(1)));
        for (number, block) in blocks.into_iter().enumerate() {
            if number > 0 {
                world.point(*who, Point::AmidInsert).await;
            }
            self.send(block, struck.filter(|_| number == at)).await?;
        }
        world.point(*who, Point::AfterInsert).await;
        Ok(())
    }

    async fn days_not_closed(&self) -> Result<Vec<ClosedDay>, InsertError> {
        self.tables.world.point(self.who, Point::Close).await;
        if self.tables.is_away() { Err(again("the store is away")) } else { Ok(self.tables.not_closed()) }
    }

    async fn close_day(&self, closed: &ClosedDay, visitors_min: u32) -> Result<Folded, InsertError> {
        let Self { tables, who } = self;
        let mut done = Folded::default();
        loop {
            tables.world.point(*who, Point::Close).await;
            let (round, small) = {
                let mut state = tables.state();
                let day = state.day(closed);
                (day.folded + 1, day.small(visitors_min))
            };
            if small.is_empty() && round > 1 {
                break;
            }
            tables.world.point(*who, Point::Close).await;
            {
                let mut state = tables.state();
                let day = state.day(closed);
                day.begun = day.begun.max(round);
            }
            tables.world.point(*who, Point::Close).await;
            if !small.is_empty() && tables.planted != Planted::SmallCellsStay {
                tables.state().day(closed).fold(round, visitors_min);
            }
            tables.world.point(*who, Point::Close).await;
            let mut state = tables.state();
            let day = state.day(closed);
            day.folded = day.folded.max(round);
            if !day
                .cells
                .keys()
                .any(|(hour, dimension, ..)| hour.is_some() && !matches!(dimension, Dimension::Total | Dimension::Page))
            {
                day.hours = false;
            }
            done.cells += small.len() as u64;
            if tables.planted == Planted::SmallCellsStay {
                day.hours = false;
                break;
            }
        }
        tables.world.tell(|| format!("process {who} closes day {} of {}", closed.day.0, closed.site));
        Ok(done)
    }

    async fn sweep_closed_days(&self, days: &[ClosedDay]) -> Result<(), InsertError> {
        for day in days {
            self.tables.world.point(self.who, Point::Close).await;
            let mut state = self.tables.state();
            let day = state.day(day);
            day.clean = day.clean.max(day.begun);
        }
        Ok(())
    }
}

fn again(message: &str) -> InsertError {
    InsertError { message: message.to_owned(), retry: true }
}
