//! The year itself: some days folded and closed, the others their copies; and who is there now.

use super::*;

async fn start_engine(footfall: &Path, data: &Path) -> anyhow::Result<Engine> {
    let (program, data) = (footfall.to_owned(), data.join("engine"));
    Ok(Engine::start(ChildConfig { program, data, arguments: Vec::new() }).await?)
}

/// Makes the year.
pub(super) async fn fill(footfall: &Path, data: &Path) -> anyhow::Result<Made> {
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
pub(super) async fn say_who_is_there(footfall: &Path, data: &Path) -> anyhow::Result<()> {
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
