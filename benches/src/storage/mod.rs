//! The same visits at rest twice: as Footfall's counts, through the real fold and `Store::insert`, and as Plausible's rows,
//! each in an engine process of its own of the same binary. Footfall's days are closed as the processor closes them, and both
//! are merged to one part a month before anything is measured.
//!
//! The comparison is void unless both give the same page views and visits: then the measurement fails.

mod plausible;
mod questions;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use fold::{Fold, Tables};
use model::site::VISITORS_MIN;
use model::{Changes, ClosedDay, LocalDay, Millis};
use privacy::visitor::Secret;
use store::engine::child::{ChildConfig, Engine};
use store::{Store, StoreConfig};
use tokio::sync::mpsc;

use crate::folding::hit;
use crate::http_client::HttpClient;
use crate::report::{Report, Row, fraction, median_ms, short};
use crate::tables;
use crate::traffic::world::World;
use crate::traffic::{DAY_MS, Day, LAST_DAY, site};
use plausible::Rows;
use questions::Asked;

/// Runs of a question, of which the middle one counts.
const RUNS: usize = 15;
/// After midnight, when every day has closed: the grace is two hours.
const CLOSED_MS: i64 = 3 * 3_600_000;
const DATABASE: &str = "footfall";

/// How much traffic.
#[derive(Clone, Copy)]
struct Span {
    days: i64,
    pageviews_per_day: u32,
}

/// Two months of a middling site, for the questions; and a day of a large one, for the bytes that the design names.
const MONTHS: Span = Span { days: 60, pageviews_per_day: 12_000 };
const LARGE_DAY: Span = Span { days: 1, pageviews_per_day: 1_000_000 };

/// Measures questions and bytes over two months.
pub fn measure_months(footfall: &Path) -> anyhow::Result<Report> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut report = Report::default();
        let pair = Pair::start(footfall, MONTHS, &tables::cached()?.0).await?;
        pair.compare_bytes(&mut report, "").await?;
        pair.compare_questions(&mut report).await?;
        pair.stop().await;
        Ok(report)
    })
}

/// Measures bytes of a large site's day.
pub fn measure_large_day(footfall: &Path) -> anyhow::Result<Report> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut report = Report::default();
        let pair = Pair::start(footfall, LARGE_DAY, &tables::cached()?.0).await?;
        pair.hold_totals(LAST_DAY, LAST_DAY).await?;
        pair.compare_bytes(&mut report, "÷ 20; ÷ 60").await?;
        pair.stop().await;
        Ok(report)
    })
}

/// The same visits in both shapes.
struct Pair {
    span: Span,
    pageviews: u64,
    visits: u64,
    store: Store,
    ours: HttpClient,
    theirs: HttpClient,
    engines: [Engine; 2],
    filled: Duration,
    closing: Duration,
    _directory: tempfile::TempDir,
}

impl Pair {
    /// Starts both engines and fills them.
    async fn start(footfall: &Path, span: Span, tables: &Tables) -> anyhow::Result<Self> {
        let started = Instant::now();
        let directory = tempfile::tempdir()?;
        let (ours, config) = engine(footfall, &directory.path().join("counts")).await?;
        let (theirs, their_config) = engine(footfall, &directory.path().join("rows")).await?;
        let store = Store::connect(&config);
        store.migrate().await?;
        let mut pair = Self {
            span,
            pageviews: 0,
            visits: 0,
            store,
            ours: HttpClient::of_engine(&config),
            theirs: HttpClient::of_engine(&their_config),
            engines: [ours, theirs],
            filled: Duration::ZERO,
            closing: Duration::ZERO,
            _directory: directory,
        };
        plausible::create(&pair.theirs).await?;
        pair.fill(tables.clone()).await?;
        for table in ["counts", "ledger"] {
            pair.ours.sql(&format!("OPTIMIZE TABLE {DATABASE}.{table} FINAL")).await?;
        }
        for table in ["events_v2", "sessions_v2"] {
            pair.theirs.sql(&format!("OPTIMIZE TABLE plausible.{table} FINAL")).await?;
        }
        pair.filled = started.elapsed();
        Ok(pair)
    }

    /// Makes one day after the other on a thread of its own, inserts each into both, and closes Footfall's.
    async fn fill(&mut self, tables: Tables) -> anyhow::Result<()> {
        let (sender, mut days) = mpsc::channel(1);
        let span = self.span;
        let maker = tokio::task::spawn_blocking(move || make_days(span, &tables, &sender));
        let mut closed = Vec::new();
        while let Some(day) = days.recv().await {
            let token = format!("day-{}", day.number);
            let ours = self.store.insert(&token, &day.changes);
            let (ours, theirs) = tokio::join!(ours, plausible::insert(&self.theirs, day.rows));
            ours?;
            theirs?;
            self.pageviews += day.pageviews;
            self.visits += day.visits;
            let over = ClosedDay { site: site().domain, day: LocalDay(i32::try_from(day.number)?) };
            let started = Instant::now();
            self.store.close_day(&over, VISITORS_MIN).await?;
            self.closing += started.elapsed();
            closed.push(over);
        }
        let started = Instant::now();
        self.store.sweep_closed_days(&closed).await?;
        self.closing += started.elapsed();
        maker.await?
    }

    async fn compare_bytes(&self, report: &mut Report, target: &str) -> anyhow::Result<()> {
        let bytes = |database: &str| {
            format!("SELECT sum(bytes_on_disk), sum(rows) FROM system.parts WHERE active AND database = '{database}'")
        };
        let [ours, our_rows] = two_numbers(&self.ours.sql(&bytes(DATABASE)).await?)?;
        let [theirs, their_rows] = two_numbers(&self.theirs.sql(&bytes("plausible")).await?)?;
        let per_view = |bytes: f64| bytes / self.pageviews as f64;
        let Span { days, pageviews_per_day } = self.span;
        report.rows.push(Row {
            what: format!(
                "bytes at rest per page view, {days} day(s) of about {} page views",
                short(pageviews_per_day.into())
            ),
            ours: format!("{} B", short(per_view(ours))),
            peer: format!("{} B (Plausible's schema)", short(per_view(theirs))),
            ratio: fraction(ours, theirs),
            target: target.to_owned(),
        });
        report.notes.push(format!(
            "Storage, {days} day(s): {} page views in {} visits; {:.1} MB in {} rows of counts, {:.1} MB in {} rows of events and \
             sessions; made, inserted, closed and merged in {:.0} s, of which closing took {:.1} s.",
            short(self.pageviews as f64),
            short(self.visits as f64),
            ours / 1e6,
            short(our_rows),
            theirs / 1e6,
            short(their_rows),
            self.filled.as_secs_f64(),
            self.closing.as_secs_f64()
        ));
        Ok(())
    }

    async fn compare_questions(&self, report: &mut Report) -> anyhow::Result<()> {
        let world = World::new();
        let (first, last) = (LAST_DAY - self.span.days + 1, LAST_DAY);
        for asked in Asked::ALL {
            let (question, statement) = (asked.ours(&world, first, last)?, asked.theirs(&world, first, last));
            asked.hold(&self.store.ask(&question).await?, &self.theirs.sql(&statement).await?)?;
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            // In turns, so that what else the machine does falls on both.
            for _ in 0..RUNS {
                let started = Instant::now();
                self.store.ask(&question).await?;
                ours.push(started.elapsed());
                let started = Instant::now();
                self.theirs.sql(&statement).await?;
                theirs.push(started.elapsed());
            }
            let (ours, theirs) = (median_ms(ours), median_ms(theirs));
            report.rows.push(Row {
                what: format!("{} over {} days, median of {RUNS}", asked.name(), self.span.days),
                ours: format!("{ours:.1} ms"),
                peer: format!("{theirs:.1} ms (Plausible's schema)"),
                ratio: fraction(ours, theirs),
                target: if asked == Asked::TopPages { "÷ 20; ÷ 100".to_owned() } else { String::new() },
            });
        }
        self.hold_totals(first, last).await?;
        let mut floor = Vec::new();
        for _ in 0..RUNS {
            let started = Instant::now();
            self.ours.sql("SELECT 1").await?;
            floor.push(started.elapsed());
        }
        report.notes.push(format!(
            "Questions: times are a client's, over HTTP on loopback; `SELECT 1` takes {:.1} ms of them. Both gave the same page \
             views and visits.",
            median_ms(floor)
        ));
        Ok(())
    }

    /// Both hold what the generator made.
    async fn hold_totals(&self, first: i64, last: i64) -> anyhow::Result<()> {
        let totals = self.store.ask(&Asked::Totals.ours(&World::new(), first, last)?).await?;
        let counts = totals.rows.first().context("totals are one row")?.counts;
        ensure!(
            u64::try_from(counts.pageviews) == Ok(self.pageviews) && u64::try_from(counts.visits) == Ok(self.visits),
            "{} page views in {} visits were made, {} in {} are stored",
            self.pageviews,
            self.visits,
            counts.pageviews,
            counts.visits
        );
        Ok(())
    }

    async fn stop(self) {
        for engine in self.engines {
            engine.stop().await;
        }
    }
}

async fn engine(footfall: &Path, data: &Path) -> anyhow::Result<(Engine, StoreConfig)> {
    let config = ChildConfig { program: footfall.to_owned(), data: data.to_owned(), arguments: Vec::new() };
    let engine = Engine::start(config).await?;
    let config = engine.store_config(DATABASE);
    Ok((engine, config))
}

/// One day, ready to be inserted.
struct Made {
    number: i64,
    changes: Changes,
    rows: Rows,
    pageviews: u64,
    visits: u64,
}

fn make_days(span: Span, tables: &Tables, sender: &mpsc::Sender<Made>) -> anyhow::Result<()> {
    let (world, site) = (World::new(), site());
    let mut fold = Fold::new(0, Secret::new([7; 32]), tables.clone());
    for number in LAST_DAY - span.days + 1..=LAST_DAY {
        let day = Day::new(&world, 1, number, span.pageviews_per_day);
        for step in &day.steps {
            fold.apply(&site, hit(&world, &day, step)?);
        }
        let after = Millis((number + 1) * DAY_MS + CLOSED_MS);
        fold.close(after);
        let changes = Changes { live: Vec::new(), ..fold.changes(after) };
        let rows = plausible::rows(&world, &day, tables)?;
        let (pageviews, visits) = (day.pageviews(), day.visits.len() as u64);
        if sender.blocking_send(Made { number, changes, rows, pageviews, visits }).is_err() {
            break;
        }
    }
    Ok(())
}

fn two_numbers(answer: &str) -> anyhow::Result<[f64; 2]> {
    let numbers: Vec<f64> = answer.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    numbers.try_into().ok().context("two numbers were asked for")
}
