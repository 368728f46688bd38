//! `footfall collector`: the ingest doors and the visitor's page, with Kafka behind them, and a spool for while Kafka is away.
//! It opens neither ClickHouse nor the settings, and cannot open what it sealed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use collector::{Collector, CollectorParts, ConnectionLimits, PublicKeys};
use journal::Journal;
use journal::kafka::KafkaJournal;
use journal::spool::{Settings, Spooled};
use privacy::visitor::Secret;

use super::directory::Directory;
use super::{Answers, Common, waiting};
use crate::config::Config;
use crate::notice::Running;
use crate::privacy_page::{self, Ask, Failed, PrivacyPage};
use crate::{assets, engine, station};

/// How often it is looked which hour's key seals: keys are published some hours ahead.
const KEY_EVERY: Duration = Duration::from_secs(1);

/// Runs until told to stop.
pub async fn run(config: &Config, common: Common) -> anyhow::Result<()> {
    let stopped = engine::stopped();
    let settings = config.distributed.journal()?;
    let directory = Arc::new(Directory::open(&settings, &config.distributed.topic("settings")).await?);
    let answers = Answers::listen(&settings, &config.distributed.topic("answers")).await?;
    let kafka = Arc::new(KafkaJournal::open(settings).await?);
    let waits = Settings { bytes_max: config.distributed.spool_bytes_max, ..Settings::new(common.clock.clone()) };
    let at = config.data.join("spool");
    let journal = Spooled::open(kafka, &at, waits).await;
    let journal = Arc::new(journal.with_context(|| format!("cannot open the spool in {}", at.display()))?);
    let figures = Arc::clone(&journal);
    collector::register_spool(&common.registry, common.clock.clone(), move || figures.figures())?;
    let secret =
        waiting("a processor to publish the secret that spreads visitors", async || directory.partition_secret());
    tokio::pin!(stopped);
    let secret = tokio::select! {
        secret = secret => secret,
        () = &mut stopped => return Ok(()),
    };
    let public_keys = PublicKeys::default();
    let collector = Arc::new(collector(config, &common, &directory, Arc::clone(&journal), secret, &public_keys)?);
    let page = PrivacyPage {
        sites: Arc::clone(&directory.sites),
        running: Running::of(config, assets::tables(config)?.geo.is_some()),
        trusted_proxies: config.trusted_proxies.clone(),
        collector: Arc::clone(&collector),
        inquiries: Ask::Elsewhere(answers),
        failed: Failed::register(&common.registry)?,
        clock: common.clock.clone(),
    };
    let ready = {
        let (collector, journal) = (Arc::clone(&collector), Arc::clone(&journal));
        move || {
            collector.ready().map_err(|error| error.to_string())?;
            journal.refuses().map_or(Ok(()), Err)
        }
    };
    let router = privacy_page::router(page).merge(station::router(&common.registry, ready));
    let keys = tokio::spawn({
        let (directory, clock) = (Arc::clone(&directory), common.clock.clone());
        async move {
            loop {
                // Without one of this hour the last one is sealed to for a while: the collector knows how long.
                if let Some(key) = directory.public_key(clock.now()) {
                    public_keys.store(Some(Arc::new(key)));
                }
                tokio::time::sleep(KEY_EVERY).await;
            }
        }
    });
    station::say_ready(common.listener.local_addr()?)?;
    let others = station::answering(router);
    collector::serve(common.listener, collector, others, ConnectionLimits::default(), stopped).await;
    keys.abort();
    // What waits rests in the spool, and goes on with the next start.
    journal.stop().await;
    common.audit.record("stopped", &serde_json::json!({}));
    Ok(())
}

fn collector<J: Journal>(
    config: &Config,
    common: &Common,
    directory: &Directory,
    journal: Arc<J>,
    secret: [u8; 32],
    public_keys: &PublicKeys,
) -> anyhow::Result<Collector<J>> {
    public_keys.store(directory.public_key(common.clock.now()).map(Arc::new));
    let parts = CollectorParts {
        sites: Arc::clone(&directory.sites),
        journal,
        public_keys: Arc::clone(public_keys),
        partition_secret: Secret::new(secret),
        trusted_proxies: config.trusted_proxies.iter().copied().collect(),
        rate_limit: config.rate_limit,
        body_read_max: collector::BODY_READ_MAX,
        clock: common.clock.clone(),
    };
    Ok(Collector::new(parts, &common.registry)?)
}
