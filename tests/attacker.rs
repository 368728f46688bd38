//! An attacker who holds every table at rest: singling out, linking, inference (WP216's three), before and after a day closes.
//!
//! Traffic with known visitors is folded and closed by the real fold, the real store and the real engine. The truth about each
//! cell is what every visitor folded alone comes to. The attacker sees cells only, and knows the program. The numbers are printed, and stand
//! in docs/privacy.md; the bounds here fail when protection is lost.
//!
//! It is one attacker and one kind of traffic: a better attacker may find more, and never less.

#[path = "attacker/day.rs"]
mod day;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{Cell, Changes, ClosedDay, Counts, Dimension};
use store::{Store, StoreConfig};

use crate::harness::engine_on;
use day::{DAY, Day, site};

/// Distinct visitors below which the closing folds.
const K: i64 = 10;

/// A cell's place on the one day.
type Place = (Option<u8>, &'static str, String, &'static str, String);

/// What rests, by place.
type Tables = BTreeMap<Place, Counts>;

fn place(cell: &Cell) -> Place {
    (cell.hour, cell.dimension.as_str(), cell.value.to_string(), cell.by.as_str(), cell.by_value.to_string())
}

fn tables(cells: &[Cell]) -> Tables {
    let mut tables = Tables::new();
    for cell in cells {
        *tables.entry(place(cell)).or_default() += cell.counts;
    }
    tables.retain(|_, counts| !counts.is_zero());
    tables
}

/// The tables after the day was inserted into the real engine, closed and swept: read from the parts.
fn closed(cells: Vec<Cell>) -> Tables {
    let data = tempfile::tempdir().unwrap();
    let engine = engine_on(data.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = Store::connect(&StoreConfig {
        url: engine.url(),
        database: "footfall".to_owned(),
        user: "default".to_owned(),
        password: String::new(),
    });
    runtime.block_on(async {
        store.migrate().await.unwrap();
        store.insert("day", &Changes { cells, ..Changes::default() }).await.unwrap();
        let day = ClosedDay { site: site().domain, day: DAY };
        store.close_day(&day, u32::try_from(K).unwrap()).await.unwrap();
        store.sweep_closed_days(&[day]).await.unwrap();
    });
    let columns = "visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits, engaged_ms, scroll_percent, \
                   scroll_visitors, revenue_micros";
    let sql = format!("SELECT hour, dimension, value, by_dimension, by_value, {columns} FROM counts FORMAT TSVRaw");
    let answer = engine.send("POST", "/?database=footfall", &[], sql.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let named: HashMap<&str, &'static str> = Dimension::ALL.iter().map(|one| (one.as_str(), one.as_str())).collect();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let count = |at: usize| fields[5 + at].parse::<i64>().unwrap();
        let hour = fields[0].parse::<i8>().unwrap();
        let place =
            (u8::try_from(hour).ok(), named[fields[1]], fields[2].to_owned(), named[fields[3]], fields[4].to_owned());
        let counts = Counts {
            visitors: count(0),
            visits: count(1),
            pageviews: count(2),
            events: count(3),
            bounces: count(4),
            visit_seconds: count(5),
            entries: count(6),
            exits: count(7),
            engaged_ms: count(8),
            scroll_percent: count(9),
            scroll_visitors: count(10),
            revenue_micros: count(11),
        };
        (place, counts)
    };
    let tables = answer.text().lines().map(row).collect();
    engine.stop();
    tables
}

/// Cells that somebody was in, by class; and those with one visitor, and with fewer than [`K`].
fn singling_out(tables: &Tables) -> BTreeMap<&'static str, [usize; 3]> {
    let mut classes: BTreeMap<&'static str, [usize; 3]> = BTreeMap::new();
    for ((hour, dimension, value, by, _), counts) in tables {
        if value == "(other)" || counts.visitors == 0 {
            continue;
        }
        let class = match (hour, *dimension, *by) {
            (_, _, by) if !by.is_empty() => "level 2",
            (Some(_), "" | "page", _) => "hours of totals and pages",
            (Some(_), _, _) => "hours of the rest",
            (None, "", _) => "total",
            (None, "page" | "entry_page" | "exit_page" | "event" | "hostname", _) => "the site's own: pages, events",
            (None, "referrer" | "source" | "utm_source" | "utm_campaign" | "utm_medium" | "channel", _) => "where from",
            (None, "property", _) => "properties",
            (None, "browser" | "os" | "device" | "screen" | "country", _) => "coarse facts of a visitor",
            (None, _, _) => "fine facts of a visitor, utm_term and utm_content",
        };
        let seen = classes.entry(class).or_default();
        seen[0] += 1;
        seen[1] += usize::from(counts.visitors == 1);
        seen[2] += usize::from(counts.visitors < K);
    }
    classes
}

/// A guess that two cells are one visitor's, scored: right and all guesses, pairs that are one visitor's, and all pairs.
#[derive(Clone, Copy, Debug, Default)]
struct Linked {
    right: usize,
    guessed: usize,
    true_pairs: usize,
    pairs: usize,
}

impl Linked {
    fn precision(self) -> f64 {
        self.right as f64 / (self.guessed as f64).max(1.0)
    }

    fn recall(self) -> f64 {
        self.right as f64 / (self.true_pairs as f64).max(1.0)
    }

    fn chance(self) -> f64 {
        self.true_pairs as f64 / (self.pairs as f64).max(1.0)
    }
}

/// Whether two cells say the same by their names already: a source is its referrer's host. Joining them finds nothing out.
fn same_fact(one: &Place, other: &Place) -> bool {
    let level_1 = one.3.is_empty() && other.3.is_empty();
    level_1 && matches!((one.1, other.1), ("referrer", "source") | ("source", "referrer"))
}

/// The best linking known here: among cells of one visitor, two whose sums of whole visits are equal and say something (a
/// duration in seconds) are taken for the same visitor's.
fn linking(tables: &Tables, truth: &HashMap<Place, Vec<u32>>) -> Linked {
    let single: Vec<(&Place, &Counts)> = tables
        .iter()
        .filter(|((hour, dimension, value, _, _), counts)| {
            hour.is_none() && counts.visitors == 1 && !dimension.is_empty() && value != "(other)"
        })
        .collect();
    let (mut by_owner, mut by_print) = (HashMap::new(), HashMap::new());
    for (place, counts) in &single {
        let owner = truth[*place][0];
        by_owner.entry(owner).or_insert_with(Vec::new).push((*place, owner));
        if counts.visit_seconds > 0 {
            let print = [counts.visits, counts.pageviews, counts.events, counts.visit_seconds];
            by_print.entry(print).or_insert_with(Vec::new).push((*place, owner));
        }
    }
    let pairs_of = |cells: &[(&Place, u32)], right: bool| -> usize {
        let pairs =
            cells.iter().enumerate().flat_map(|(at, one)| cells[at + 1..].iter().map(move |other| (one, other)));
        pairs.filter(|(one, other)| !same_fact(one.0, other.0) && (!right || one.1 == other.1)).count()
    };
    Linked {
        right: by_print.values().map(|cells| pairs_of(cells, true)).sum(),
        guessed: by_print.values().map(|cells| pairs_of(cells, false)).sum(),
        true_pairs: by_owner.values().map(|cells| pairs_of(cells, true)).sum(),
        pairs: single.len() * single.len().saturating_sub(1) / 2,
    }
}

/// Dimensions whose cell of one visitor can be joined to a cell of another kind of the same visitor, with how often.
fn linked_kinds(tables: &Tables, truth: &HashMap<Place, Vec<u32>>) -> BTreeMap<(&'static str, &'static str), usize> {
    let mut by_print: HashMap<[i64; 4], Vec<(&'static str, u32)>> = HashMap::new();
    for (place, counts) in tables {
        let (hour, dimension, value, by, _) = place;
        if hour.is_none() && counts.visitors == 1 && by.is_empty() && value != "(other)" && counts.visit_seconds > 0 {
            let print = [counts.visits, counts.pageviews, counts.events, counts.visit_seconds];
            by_print.entry(print).or_default().push((dimension, truth[place][0]));
        }
    }
    let mut kinds = BTreeMap::new();
    for cells in by_print.values() {
        for (at, (one, owner)) in cells.iter().enumerate() {
            for (other, _) in cells[at + 1..].iter().filter(|(other, owned)| other != one && owned == owner) {
                *kinds.entry((*one, *other)).or_default() += 1;
            }
        }
    }
    kinds
}

/// Places whose counts differ when one visitor had stayed away.
fn difference(with: &Tables, without: &Tables) -> Vec<Place> {
    let places: BTreeSet<&Place> = with.keys().chain(without.keys()).collect();
    places.into_iter().filter(|place| with.get(place) != without.get(place)).cloned().collect()
}

struct Report {
    name: &'static str,
    open: Linked,
    closed: Linked,
    singles: BTreeMap<&'static str, [usize; 3]>,
    open_difference: usize,
    closed_difference: usize,
}

fn attack(name: &'static str, day: &Day) -> Report {
    let cells = day.folded(None);
    let truth = day.truth();
    let open = tables(&cells);
    let shut = closed(cells);
    for (stage, tables) in [("open", &open), ("closed", &shut)] {
        for (class, [all, one, few]) in singling_out(tables) {
            eprintln!("{name}, {stage}: {class}: {all} cells, {one} of one visitor, {few} of fewer than {K}");
        }
        let linked = linking(tables, &truth);
        eprintln!(
            "{name}, {stage}: linking: {} of {} guesses right ({:.1} %), {:.1} % of {} linkable pairs found; by chance {:.4} %",
            linked.right,
            linked.guessed,
            100.0 * linked.precision(),
            100.0 * linked.recall(),
            linked.true_pairs,
            100.0 * linked.chance(),
        );
        let mut kinds: Vec<_> = linked_kinds(tables, &truth).into_iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        eprintln!("{name}, {stage}: most often joined: {:?}", &kinds[..kinds.len().min(8)]);
    }
    // Totals are untouched, and no pair's sum is: closing moves counts, and never loses one.
    for dimension in ["", "page", "language", "utm_term"] {
        let sum = |tables: &Tables| -> i64 {
            let of =
                tables.iter().filter(|((hour, one, _, by, _), _)| hour.is_none() && *one == dimension && by.is_empty());
            of.map(|(_, counts)| counts.pageviews + counts.visit_seconds + counts.revenue_micros).sum()
        };
        assert_eq!(sum(&open), sum(&shut), "{dimension}");
    }
    let without = day.folded(Some(day.most_active()));
    let open_difference = difference(&open, &tables(&without));
    let closed_difference = difference(&shut, &closed(without));
    for (_, dimension, value, by, by_value) in &closed_difference {
        let big = |place: &Place| shut.get(place).is_none_or(|counts| counts.visitors >= K - 1);
        let place = (None, *dimension, value.clone(), *by, by_value.clone());
        assert!(by.is_empty() || value == "(other)" || big(&place), "a small pair shows: {place:?}");
    }
    eprintln!(
        "{name}: without its most active visitor {} places differ while open, {} when closed",
        open_difference.len(),
        closed_difference.len()
    );
    Report {
        name,
        open: linking(&open, &truth),
        closed: linking(&shut, &truth),
        singles: singling_out(&shut),
        open_difference: open_difference.len(),
        closed_difference: closed_difference.len(),
    }
}

fn hold(report: &Report) {
    let Report { name, open, closed, singles, .. } = report;
    for protected in ["level 2", "fine facts of a visitor, utm_term and utm_content"] {
        let [_, one, few] = singles.get(protected).copied().unwrap_or_default();
        assert_eq!((one, few), (0, 0), "{name}: {protected}");
    }
    assert!(!singles.contains_key("hours of the rest"), "{name}: hours stay for totals and pages only");
    assert!(closed.true_pairs * 20 <= open.true_pairs, "{name}: {closed:?} of {open:?}");
    assert!(closed.right * 10 <= open.right, "{name}: {closed:?} of {open:?}");
    assert!(report.closed_difference * 4 <= report.open_difference * 3, "{name}: a visitor's absence shows too much");
}

#[test]
fn a_small_sites_closed_day_shows_less_of_a_visitor() {
    let report = attack("100 visitors", &Day::make(100, 60));
    hold(&report);
}

#[test]
fn a_large_sites_closed_day_shows_less_of_a_visitor() {
    let report = attack("20,000 visitors", &Day::make(20_000, 2_000));
    hold(&report);
    // Of twenty thousand visitors, how many pairs of cells can be joined: sixteen when this was written.
    assert!(report.closed.right <= 40, "{:?}", report.closed);
}
