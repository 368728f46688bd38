//! Plausible's two tables, re-created from what is publicly known of their shape: engines, sort keys, codecs and columns. Its
//! rows are made from the same visits as Footfall's counts, with the same enrichment, and its questions are what its
//! reports ask: sums over rows, and visitors by `uniq(user_id)`.

use std::fmt::Write;
use std::net::IpAddr;

use anyhow::Context;
use fold::Tables;
use fold::enrich::{agent, screen_class, source};
use model::Campaign;

use crate::folding::hit;
use crate::http_client::HttpClient;
use crate::traffic::random::Random;
use crate::traffic::world::{self, World};
use crate::traffic::{DAY_MS, Day, SITE, Step, Visit, What};

/// Names of the columns that describe a visitor and a visit, alike in both tables and in this order.
const DESCRIPTION: &str = "user_id, session_id, hostname, referrer, referrer_source, channel, country_code, screen_size, \
     operating_system, operating_system_version, browser, browser_version, utm_medium, utm_source, utm_campaign";

/// Rows of a day, as tab-separated text.
#[derive(Default)]
pub struct Rows {
    events: String,
    sessions: String,
}

/// Makes the tables.
pub async fn create(client: &HttpClient) -> anyhow::Result<()> {
    client.sql("CREATE DATABASE plausible").await?;
    client.sql(include_str!("events_v2.sql")).await?;
    client.sql(include_str!("sessions_v2.sql")).await?;
    Ok(())
}

/// Writes a day's rows.
pub fn rows(world: &World, day: &Day, tables: &Tables) -> anyhow::Result<Rows> {
    let mut rows = Rows::default();
    let mut described = vec![String::new(); day.visits.len()];
    for step in &day.steps {
        let number = usize::try_from(step.visit)?;
        let visit = day.visits.get(number).context("a step belongs to a visit")?;
        let description = described.get_mut(number).context("as many as visits")?;
        if description.is_empty() {
            *description = describe(world, day, step, tables)?;
            session(&mut rows.sessions, world, visit, description)?;
        }
        event(&mut rows.events, world, step, description)?;
    }
    Ok(rows)
}

/// Inserts a day's rows, each table's in one block.
pub async fn insert(client: &HttpClient, rows: Rows) -> anyhow::Result<()> {
    let events = format!(
        "plausible.events_v2 (timestamp, name, site_id, pathname, `meta.key`, `meta.value`, scroll_depth, engagement_time, \
         interactive, {DESCRIPTION})"
    );
    client.insert(&events, rows.events).await?;
    let sessions = format!(
        "plausible.sessions_v2 (sign, site_id, timestamp, start, is_bounce, entry_page, exit_page, exit_page_hostname, \
         pageviews, events, duration, {DESCRIPTION})"
    );
    client.insert(&sessions, rows.sessions).await
}

/// What is the same in all rows of a visit, in the order of [`DESCRIPTION`].
fn describe(world: &World, day: &Day, first: &Step, tables: &Tables) -> anyhow::Result<String> {
    let visit = day.visits.get(usize::try_from(first.visit)?).context("a step belongs to a visit")?;
    let entry = hit(world, day, first)?;
    let agent = agent::read(&world.agent(visit.agent).name);
    let place = tables.geo.as_deref().map(|geo| geo.place(IpAddr::V4(visit.address))).unwrap_or_default();
    let country = if place.country.is_empty() { "\\0\\0" } else { &place.country };
    let source = source::source(&entry.campaign, entry.referrer.as_ref());
    let referrer =
        entry.referrer.as_ref().map(|referrer| format!("{}{}", referrer.host, referrer.path)).unwrap_or_default();
    let Campaign { source: utm_source, medium, name, term: _, content: _, click_id: _ } = &entry.campaign;
    let word = |word: &Option<Box<str>>| word.as_deref().unwrap_or_default().to_owned();
    let screen = screen_class(world.agent(visit.agent).screen_width);
    let day_number = visit.start.0.div_euclid(DAY_MS).cast_unsigned();
    // Plausible's visitor is a hash that starts over each day; ours of the generator is a number.
    let user = Random::new((day_number << 32) | u64::from(visit.visitor)).bits();
    let session = Random::new(user ^ first.id).bits();
    Ok(format!(
        "{user}\t{session}\t{SITE}\t{referrer}\t{}\t{}\t{country}\t{screen}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
        source.name,
        source.channel,
        agent.os,
        agent.os_version,
        agent.browser,
        agent.browser_version,
        word(medium),
        word(utm_source),
        word(name)
    ))
}

fn event(rows: &mut String, world: &World, step: &Step, description: &str) -> std::fmt::Result {
    let (seconds, path) = (step.at.0 / 1_000, world.page(step.page));
    let (name, keys, values, scroll, engaged_ms) = match step.what {
        What::View { .. } => ("pageview", String::new(), String::new(), 255, 0),
        What::Event(number) => {
            let (name, key, value) = world::event(number);
            (name, format!("'{key}'"), format!("'{value}'"), 255, 0)
        }
        What::Engagement(engagement) => {
            let scroll = engagement.scroll_percent.unwrap_or(255);
            ("engagement", String::new(), String::new(), scroll, engagement.engaged_ms)
        }
    };
    writeln!(rows, "{seconds}\t{name}\t1\t{path}\t[{keys}]\t[{values}]\t{scroll}\t{engaged_ms}\t1\t{description}")
}

fn session(rows: &mut String, world: &World, visit: &Visit, description: &str) -> std::fmt::Result {
    let (start, end) = (visit.start.0 / 1_000, visit.end.0 / 1_000);
    let (entry, exit) = (world.page(visit.entry_page), world.page(visit.exit_page));
    let bounce = u8::from(visit.is_bounce());
    let (pageviews, events, duration) = (visit.pageviews, visit.events, end - start);
    writeln!(
        rows,
        "1\t1\t{end}\t{start}\t{bounce}\t{entry}\t{exit}\t{SITE}\t{pageviews}\t{events}\t{duration}\t{description}"
    )
}
