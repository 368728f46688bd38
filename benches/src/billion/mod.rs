//! What an analyst waits for: every kind of question of the Stats API, and the page itself, over a site with a billion page views in
//! a year. The days are generated, folded and closed as the processor does it; of a few such days the year is copied together in the
//! store, because folding a year would take hours and give cells of the same shapes. It has no peer, and it says nothing about
//! bytes at rest: copied days compress too well.
//!
//! The site has a goal, a segment and a funnel from the year's first day on, and a third of its pages measure how they feel.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use fold::{Fold, Tables};
use model::definition::{Action, Filter, Funnel, Goal, Operator, Pattern, Step as FunnelStep, Test};
use model::site::VISITORS_MIN;
use model::vitals::{Vital, Vitals};
use model::{Changes, Clock, ClosedDay, Dimension, Kind, LiveLine, LocalDay, Millis, Site};
use privacy::visitor::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use settings::{LEAD_MS, Location, Meaning, Settings};
use store::engine::child::{ChildConfig, Engine};
use store::{LIVE_MINUTES, Store};

use crate::folding::admitted;
use crate::gif;
use crate::http_client::HttpClient;
use crate::report::{Report, Row, short};
use crate::tables;
use crate::traffic::random::Random;
use crate::traffic::world::World;
use crate::traffic::{DAY_MS, Day, LAST_DAY, SITE, Step, site};

/// Days of the year, a multiple of the days that are really folded.
const DAYS: i64 = 364;
/// Days that are folded, the others are their copies.
const FOLDED: i64 = 4;
const PAGEVIEWS_PER_DAY: u32 = 2_760_000;
/// After midnight, when every day has closed: the grace is two hours.
const CLOSED_MS: i64 = 3 * 3_600_000;
/// Times that each question is put over each period, fewer where they would take longer than [`ASKING_MAX`]: a hundredth is one of them.
const ASKS: usize = 100;
const ASKS_MIN: usize = 5;
/// Making the year takes an hour, and asking should take a quarter of one.
const ASKING_MAX: Duration = Duration::from_secs(15);
/// The periods: a day, a month, the year.
const PERIODS: [i64; 3] = [1, 30, DAYS];

/// Midnight of the year's first day, from which on all definitions hold.
const DEFINED: Millis = Millis((LAST_DAY - DAYS + 1) * DAY_MS);
const GOAL: &str = "Read an article";
const SEGMENT: &str = "Japan, on the phone";
const FUNNEL: &str = "From the page to the plan";
/// Partitions that say who is there, as a large site's journal has them, and what each says.
const PARTITIONS: u32 = 16;
const LIVE_PER_PARTITION: u64 = 700;
const MINUTE_MS: i64 = 60_000;
/// One page of so many carries the tracker that measures.
const MEASURED_OF: u32 = 3;

/// What was made, noted beside it when it is whole.
#[derive(Serialize, Deserialize)]
struct Made {
    pageviews: u64,
    /// Of counts.
    rows: f64,
    /// That it took.
    seconds: f64,
}

/// Measures the questions, of the year in `kept`, which is made there when it is missing, or of one that goes afterwards.
pub fn measure(footfall: &Path, kept: Option<&Path>) -> anyhow::Result<Report> {
    let directory = tempfile::tempdir()?;
    let data = kept.unwrap_or_else(|| directory.path()).join("data");
    let runtime = tokio::runtime::Runtime::new()?;
    let note = data.join("made.json");
    let made: Made = match fs::read(&note) {
        Ok(made) => serde_json::from_slice(&made).with_context(|| format!("{} cannot be read", note.display()))?,
        Err(error) => {
            ensure!(error.kind() == std::io::ErrorKind::NotFound, "{} cannot be read: {error}", note.display());
            ensure!(
                !data.join("engine").exists(),
                "{} holds a year that was not made to its end: remove it",
                data.display()
            );
            let made = runtime.block_on(fill(footfall, &data))?;
            fs::write(&note, serde_json::to_vec(&made)?)?;
            made
        }
    };
    runtime.block_on(say_who_is_there(footfall, &data))?;
    let configuration = directory.path().join("footfall.toml");
    fs::write(
        &configuration,
        format!(
            "listen = \"127.0.0.1:0\"\ndata = \"{}\"\nlog = \"error\"\n[[site]]\ndomain = \"{SITE}\"\npublic = true\n",
            data.display()
        ),
    )?;
    let mut command = std::process::Command::new(footfall);
    let (_server, url) = gif::start(command.arg("serve").arg("--config").arg(&configuration))?;
    let client = HttpClient::new(&url);
    let mut report = runtime.block_on(ask_all(&client, made.pageviews))?;
    report.notes.push(format!(
        "A billion: {} page views in {DAYS} days, {} rows of counts; {FOLDED} days were folded and closed, the others are their \
         copies; made in {:.0} s. Times are a client's, one question after the other, warm.",
        short(made.pageviews as f64),
        short(made.rows),
        made.seconds
    ));
    Ok(report)
}

async fn start_engine(footfall: &Path, data: &Path) -> anyhow::Result<Engine> {
    let (program, data) = (footfall.to_owned(), data.join("engine"));
    Ok(Engine::start(ChildConfig { program, data, arguments: Vec::new() }).await?)
}

/// Makes the year.
async fn fill(footfall: &Path, data: &Path) -> anyhow::Result<Made> {
    let started = Instant::now();
    fs::create_dir_all(data)?;
    let site = defined(data).await?;
    let engine = start_engine(footfall, data).await?;
    let config = engine.store_config("footfall");
    let (store, client) = (Store::connect(&config), HttpClient::of_engine(&config));
    store.migrate().await?;
    let mut pageviews = 0;
    for number in LAST_DAY - FOLDED + 1..=LAST_DAY {
        let (tables, theirs) = (tables::cached()?.0, site.clone());
        let (changes, viewed) = tokio::task::spawn_blocking(move || make_day(&theirs, number, tables)).await??;
        pageviews += viewed * u64::try_from(DAYS / FOLDED)?;
        store.insert(&format!("day-{number}"), &changes).await?;
        let over = ClosedDay { site: site.domain.clone(), day: LocalDay(i32::try_from(number)?) };
        store.close_day(&over, VISITORS_MIN).await?;
        store.sweep_closed_days(&[over]).await?;
    }
    client.sql("OPTIMIZE TABLE footfall.counts FINAL").await?;
    copy_days(&store, &client).await?;
    let rows =
        client.sql("SELECT sum(rows) FROM system.parts WHERE active AND database = 'footfall' AND table = 'counts'");
    let rows = rows.await?.trim().parse()?;
    engine.stop().await;
    Ok(Made { pageviews, rows, seconds: started.elapsed().as_secs_f64() })
}

/// Defines what the site counts by, in the settings that the server will read, as if somebody had saved it before the year began.
async fn defined(data: &Path) -> anyhow::Result<Site> {
    let clock = Clock::new(|| DEFINED.plus(-LEAD_MS));
    let settings = Settings::open(&Location::Sqlite(data.join("settings.sqlite")), clock).await?;
    let mut site = site();
    let is = |dimension, value: &str| {
        Filter::Test(Test { dimension, property: None, operator: Operator::Is, values: vec![value.into()] })
    };
    let step = |action| FunnelStep { label: None, action };
    let view = |path: &str| Action::Page(Pattern(path.into()));
    let signup = || Action::Event("Signup".into());
    for (name, meaning) in [
        (GOAL, Meaning::Goal(Goal { scroll_percent: Some(75), ..Goal::of(view("/blog/**")) })),
        (SEGMENT, Meaning::Segment(Filter::All(vec![is(Dimension::Country, "JP"), is(Dimension::Device, "Mobile")]))),
        (FUNNEL, Meaning::Funnel(Funnel { steps: vec![step(view("/")), step(view("/pricing")), step(signup())] })),
    ] {
        settings.define(&site.domain, name, &meaning, "benches").await?;
    }
    site.definitions = settings.counted_by().await?.sites.remove(&site.domain).context("nothing is defined")?;
    Ok(site)
}

/// Says who is there at each minute of the half hour from now back, as processors do.
async fn say_who_is_there(footfall: &Path, data: &Path) -> anyhow::Result<()> {
    let engine = start_engine(footfall, data).await?;
    let store = Store::connect(&engine.store_config("footfall"));
    #[expect(clippy::disallowed_methods, reason = "the server that is asked afterwards goes by the machine's clock")]
    let now = Millis(jiff::Timestamp::now().as_millisecond());
    let line = |minute: i64, partition| LiveLine {
        site: site().domain,
        at: now.plus(-minute * MINUTE_MS),
        partition,
        visitors: LIVE_PER_PARTITION,
    };
    let live = (0..LIVE_MINUTES).flat_map(|minute| (0..PARTITIONS).map(move |partition| line(minute, partition)));
    store.insert(&format!("live-{}", now.0), &Changes { live: live.collect(), ..Changes::default() }).await?;
    engine.stop().await;
    Ok(())
}

fn make_day(site: &Site, number: i64, tables: Tables) -> anyhow::Result<(Changes, u64)> {
    let world = World::new();
    let mut fold = Fold::new(0, Secret::new([7; 32]), tables);
    let day = Day::new(&world, 1, number, PAGEVIEWS_PER_DAY);
    for step in &day.steps {
        let mut arrival = day.arrival(&world, step).context("a step belongs to a visit")?;
        if let Kind::Engagement(engagement) = &mut arrival.kind
            && step.page.is_multiple_of(MEASURED_OF)
        {
            engagement.vitals = felt(step);
        }
        fold.apply(site, admitted(arrival)?);
    }
    let after = Millis((number + 1) * DAY_MS + CLOSED_MS);
    fold.close(after);
    Ok((Changes { live: Vec::new(), ..fold.changes(after) }, day.pageviews()))
}

/// What a browser measured of a page view: around what web.dev calls good, with a long tail.
fn felt(step: &Step) -> Vitals {
    let mut random = Random::new(step.id);
    let mut vitals = Vitals::default();
    for (vital, mean) in
        [(Vital::Lcp, 1_900.0), (Vital::Inp, 130.0), (Vital::Cls, 60.0), (Vital::Fcp, 1_300.0), (Vital::Ttfb, 500.0)]
    {
        vitals.set(vital, random.exponential(mean) as u32);
    }
    vitals
}

/// Copies the folded days back through the year, all of them at a time, and merges each month.
async fn copy_days(store: &Store, client: &HttpClient) -> anyhow::Result<()> {
    let (first_folded, first) = (LAST_DAY - FOLDED + 1, LAST_DAY - DAYS + 1);
    for closed in first..first_folded {
        // So that the server does not close them again.
        let day = LocalDay(i32::try_from(closed)?);
        store.close_day(&ClosedDay { site: site().domain, day }, VISITORS_MIN).await?;
    }
    for copy in 1..DAYS / FOLDED {
        // A large month's merge takes half of the gigabyte that the engine has, and what is copied does not fit beside two.
        merges_end(client).await?;
        client.sql("SYSTEM STOP MERGES footfall.counts").await?;
        merges_end(client).await?;
        client
            .sql(&format!(
                "INSERT INTO footfall.counts SELECT c.* REPLACE (c.day - toIntervalDay({}) AS day) FROM footfall.counts AS c \
                 WHERE c.day >= toDate({first_folded}) \
                 SETTINGS max_threads = 1, max_insert_threads = 1, max_insert_block_size = 200000, min_insert_block_size_rows = 200000",
                FOLDED * copy
            ))
            .await
            .with_context(|| format!("the days cannot be copied for the time {copy}"))?;
        client.sql("SYSTEM START MERGES footfall.counts").await?;
        client
            .sql(&format!(
                "INSERT INTO footfall.ledger SELECT l.* REPLACE (l.minute - toIntervalDay({}) AS minute) FROM footfall.ledger AS l \
                 WHERE l.minute >= toDate({first_folded})",
                FOLDED * copy
            ))
            .await
            .with_context(|| format!("the ledger cannot be copied for the time {copy}"))?;
    }
    let months = client
        .sql("SELECT DISTINCT partition FROM system.parts WHERE active AND database = 'footfall' AND table = 'counts'");
    for month in months.await?.lines() {
        merges_end(client).await?;
        client.sql(&format!("OPTIMIZE TABLE footfall.counts PARTITION {month} FINAL")).await?;
    }
    Ok(())
}

/// Waits until nothing merges.
async fn merges_end(client: &HttpClient) -> anyhow::Result<()> {
    loop {
        // What may merge has begun after a second.
        tokio::time::sleep(Duration::from_secs(1)).await;
        if client.sql("SELECT count() FROM system.merges").await?.trim() == "0" {
            return Ok(());
        }
    }
}

/// A question and what it is called.
struct Asked {
    name: &'static str,
    of: Of,
}

/// How a question is put.
enum Of {
    /// As an object, to a path.
    Object(&'static str, Value),
    /// By parameters, to a path, with the dates as these are called there.
    Parameters(&'static str, &'static str),
    /// To a path, about this moment.
    Now(&'static str),
}

/// A question over a period, ready to be put.
struct Put {
    path: String,
    body: Option<String>,
}

impl Of {
    /// The periods over which it is put.
    const fn periods(&self) -> &'static [i64] {
        match self {
            Self::Object(..) | Self::Parameters(..) => &PERIODS,
            Self::Now(_) => &[1],
        }
    }

    /// The question over so many days, to the last one.
    fn over(&self, days: i64) -> Put {
        match self {
            Self::Object(path, body) => Put { path: (*path).to_owned(), body: Some(over(body, days).to_string()) },
            Self::Parameters(path, called) => {
                let [from, to] = dates(days);
                Put { path: format!("{path}site_id={SITE}&{called}={from},{to}"), body: None }
            }
            Self::Now(path) => Put { path: format!("{path}site_id={SITE}"), body: None },
        }
    }
}

impl Put {
    async fn to(&self, client: &HttpClient) -> anyhow::Result<String> {
        match &self.body {
            Some(body) => client.post(&self.path, body.clone()).await,
            None => client.get(&self.path).await,
        }
    }
}

/// Every kind of question that the page and the API's users ask, without its period.
fn questions() -> Vec<Asked> {
    // What dates are called, and in the older API.
    const RANGE: &str = "date_range";
    const CUSTOM: &str = "period=custom&date";
    const TOP: [&str; 6] = ["visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration"];
    let asked = |name, body: Value| Asked { name, of: Of::Object("/api/v2/query", body) };
    let list = |name, dimension: &str, filters: Value| {
        let metrics = ["visitors", "visits", "bounce_rate", "visit_duration"];
        asked(
            name,
            json!({ "metrics": metrics, "dimensions": [dimension], "filters": filters, "pagination": { "limit": 100 } }),
        )
    };
    let world = World::new();
    let page = json!([["is", "event:page", [world.known_page()]]]);
    let source = json!([["is", "visit:source", ["Google"]]]);
    let goal = json!([["is", "event:goal", [GOAL]]]);
    let segment = json!([["is", "segment", [SEGMENT]]]);
    let object = |name, path, body: Value| Asked { name, of: Of::Object(path, body) };
    vec![
        // First, while what was said about this moment is not half an hour old.
        Asked { name: "visitors now", of: Of::Now("/api/v1/stats/realtime/visitors?") },
        Asked { name: "the last half hour", of: Of::Now("/api/v1/stats/realtime?") },
        asked("totals", json!({ "metrics": TOP })),
        asked(
            "totals beside the period before",
            json!({ "metrics": TOP, "include": { "comparisons": { "mode": "previous_period" } } }),
        ),
        asked("series by day", json!({ "metrics": TOP, "dimensions": ["time:day"] })),
        asked("series by hour", json!({ "metrics": TOP, "dimensions": ["time:hour"] })),
        asked(
            "pages",
            json!({ "metrics": ["visitors", "pageviews", "time_on_page", "scroll_depth"], "dimensions": ["event:page"], "pagination": { "limit": 100 } }),
        ),
        list("entry pages", "visit:entry_page", json!([])),
        list("exit pages", "visit:exit_page", json!([])),
        list("channels", "visit:channel", json!([])),
        list("sources", "visit:source", json!([])),
        list("referrers", "visit:referrer", json!([])),
        list("campaigns", "visit:utm_campaign", json!([])),
        list("countries", "visit:country", json!([])),
        list("browsers", "visit:browser", json!([])),
        list("browsers' versions", "visit:browser_version", json!([])),
        list("systems", "visit:os", json!([])),
        list("systems' versions", "visit:os_version", json!([])),
        list("devices", "visit:device", json!([])),
        list("screens", "visit:screen", json!([])),
        list("languages", "visit:language", json!([])),
        asked("hosts", json!({ "metrics": ["visitors", "pageviews"], "dimensions": ["event:hostname"] })),
        asked("events", json!({ "metrics": ["visitors", "events"], "dimensions": ["event:name"] })),
        asked("values of a property", json!({ "metrics": ["visitors", "events"], "dimensions": ["event:props:plan"] })),
        asked("totals of a page", json!({ "metrics": ["visitors", "visits", "pageviews"], "filters": page })),
        asked(
            "sources of a page",
            json!({ "metrics": ["visitors", "pageviews"], "dimensions": ["visit:source"], "filters": page }),
        ),
        asked(
            "pages of a source",
            json!({ "metrics": ["visitors", "visits"], "dimensions": ["event:page"], "filters": source, "pagination": { "limit": 100 } }),
        ),
        asked(
            "pages that contain a word",
            json!({ "metrics": ["visitors", "pageviews"], "dimensions": ["event:page"], "filters": [["contains", "event:page", ["blog"]]], "pagination": { "limit": 100 } }),
        ),
        object("ways from a page", "/api/v2/flow", json!({ "page": world.known_page() })),
        asked("goals", json!({ "metrics": ["visitors", "events", "conversion_rate"], "dimensions": ["event:goal"] })),
        asked("totals of a goal", json!({ "metrics": ["visitors", "events", "conversion_rate"], "filters": goal })),
        asked(
            "sources of a goal",
            json!({ "metrics": ["visitors", "conversion_rate"], "dimensions": ["visit:source"], "filters": goal }),
        ),
        asked(
            "pages of a goal",
            json!({ "metrics": ["visitors", "events"], "dimensions": ["event:page"], "filters": goal, "pagination": { "limit": 100 } }),
        ),
        asked("totals of a segment", json!({ "metrics": TOP, "filters": segment })),
        asked("series by day of a segment", json!({ "metrics": TOP, "filters": segment, "dimensions": ["time:day"] })),
        asked(
            "pages of a segment",
            json!({ "metrics": ["visitors", "pageviews"], "dimensions": ["event:page"], "filters": segment, "pagination": { "limit": 100 } }),
        ),
        object("funnel", "/api/v2/funnel", json!({ "funnel": FUNNEL })),
        object("web vitals", "/api/v2/vitals", json!({})),
        object("web vitals by page", "/api/v2/vitals", json!({ "by": "page" })),
        object("web vitals of a page", "/api/v2/vitals", json!({ "page": world.known_page() })),
        Asked { name: "ledger", of: Of::Parameters("/api/v1/ledger?", RANGE) },
        Asked { name: "properties' names", of: Of::Parameters("/api/v1/properties?", RANGE) },
        Asked {
            name: "aggregate (v1)",
            of: Of::Parameters(
                "/api/v1/stats/aggregate?metrics=visitors,visits,pageviews,bounce_rate,visit_duration&",
                CUSTOM,
            ),
        },
        Asked {
            name: "time series (v1)",
            of: Of::Parameters("/api/v1/stats/timeseries?metrics=visitors,pageviews&interval=date&", CUSTOM),
        },
        Asked {
            name: "breakdown by source (v1)",
            of: Of::Parameters("/api/v1/stats/breakdown?property=visit:source&metrics=visitors,bounce_rate&", CUSTOM),
        },
    ]
}

/// Puts every question over every period.
async fn ask_all(client: &HttpClient, pageviews: u64) -> anyhow::Result<Report> {
    hold(client, pageviews).await?;
    let mut report = Report::default();
    for Asked { name, of } in questions() {
        let mut told = Vec::new();
        for &days in of.periods() {
            let put = of.over(days);
            // The first one warms up.
            let answer = put.to(client).await.with_context(|| format!("{name} over {days} days"))?;
            ensure!(tells_something(&answer), "{name} over {days} days: nothing was counted of it: {answer}");
            let mut times = Vec::with_capacity(ASKS);
            let begun = Instant::now();
            while times.len() < ASKS_MIN || times.len() < ASKS && begun.elapsed() < ASKING_MAX {
                let started = Instant::now();
                put.to(client).await?;
                times.push(started.elapsed());
            }
            told.push(percentiles(times));
        }
        report.rows.push(Row {
            what: match of {
                Of::Now(_) => format!("{name}: p50 / p99"),
                Of::Object(..) | Of::Parameters(..) => format!("{name}: p50 / p99 over a day, 30 days, a year"),
            },
            ours: told.join(", "),
            ..Row::default()
        });
    }
    Ok(report)
}

/// Fails unless the server tells the page views that were made.
async fn hold(client: &HttpClient, pageviews: u64) -> anyhow::Result<()> {
    let body = over(&json!({ "metrics": ["pageviews"] }), DAYS).to_string();
    let answer: Value = serde_json::from_str(&client.post("/api/v2/query", body).await?)?;
    let told = answer.pointer("/results/0/metrics/0").and_then(Value::as_u64);
    ensure!(told == Some(pageviews), "{pageviews} page views were made, and the answer is {answer}");
    Ok(())
}

/// Where answers of the several kinds tell how much was counted; the number of visitors now is one itself.
const TOLD: [&str; 10] = [
    "",
    "/results/0/metrics/0",
    "/results/0/visitors",
    "/results/visitors/value",
    "/steps/0/visitors",
    "/vitals/lcp/measurements",
    "/pageviews",
    "/received",
    "/visitors",
    "/properties/0/events",
];

/// Whether an answer is of something: one of nothing is a quick one.
fn tells_something(answer: &str) -> bool {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    TOLD.iter().filter_map(|told| answer.pointer(told)).any(|told| told.as_f64().is_some_and(|count| count > 0.0))
}

/// The first and the last of so many days, to the last that was made.
fn dates(days: i64) -> [String; 2] {
    let date = |day: i64| jiff::Timestamp::from_millisecond(day * DAY_MS).map(|at| at.strftime("%Y-%m-%d").to_string());
    [LAST_DAY - days + 1, LAST_DAY].map(|day| date(day).unwrap_or_default())
}

fn over(body: &Value, days: i64) -> Value {
    let range = dates(days);
    let mut body = body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("site_id".to_owned(), SITE.into());
        fields.insert("date_range".to_owned(), json!(range));
    }
    body
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: f64| {
        let place = ((times.len() as f64 * share).ceil() as usize).saturating_sub(1);
        times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
    };
    format!("{:.0} / {:.0} ms", at(0.5), at(0.99))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hundredth_of_a_hundred_is_the_last_but_one() {
        let times = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentiles(times), "50 / 99 ms");
    }

    #[test]
    fn an_answer_of_nothing_is_told_from_one_of_something() {
        for (answer, tells) in [
            (json!(700), true),
            (json!({ "results": [{ "metrics": [0, 0] }] }), false),
            (json!({ "results": [{ "metrics": [3, 0] }] }), true),
            (json!({ "results": [] }), false),
            (json!({ "vitals": { "lcp": { "measurements": 0, "buckets": [{ "to": 500 }] } } }), false),
        ] {
            assert_eq!(tells_something(&answer.to_string()), tells, "{answer}");
        }
    }

    #[test]
    fn a_period_ends_with_the_last_day_that_was_made() {
        let body = over(&json!({ "metrics": ["visits"] }), 30);
        assert_eq!(body["date_range"], json!(["2026-10-25", "2026-11-23"]));
        assert_eq!(body["site_id"], SITE);
    }
}
