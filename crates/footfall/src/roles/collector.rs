//! `footfall collector`: the ingest doors and the visitor's page, with Kafka behind them, and a spool for while Kafka is away.
//! It opens neither ClickHouse nor the settings, and cannot open what it sealed.
//!
//! One that has learned of sites and keys before takes hits from its start, whether Kafka is there or not; its first start
//! waits for Kafka and the first processor.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use collector::{Collector, CollectorParts, ConnectionLimits, PublicKeys};
use journal::Journal;
use journal::kafka::{KafkaJournal, KafkaSettings};
use journal::spool::{Settings, Spooled};
use model::Clock;
use privacy::visitor::Secret;

use super::anteroom::Anteroom;
use super::awaited::{Awaited, Neighbour, NotYet};
use super::directory::Directory;
use super::remembered::Remembered;
use super::{Answers, Common};
use crate::config::Config;
use crate::notice::Running;
use crate::privacy_page::{self, Ask, Failed, PrivacyPage};
use crate::{assets, station};

/// How often it is looked which hour's key seals (keys are published some hours ahead), and whether there is something to
/// remember.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often Kafka is looked at again where it refused, while hits wait in the spool.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);

/// Runs until told to stop.
pub async fn run(
    config: &Config,
    common: &Common,
    anteroom: Anteroom,
    mut stopped: Pin<&mut impl Future<Output = ()>>,
) -> anyhow::Result<()> {
    let remembered = Remembered::of(&config.data);
    let known = remembered.recall(common.clock.now());
    let (learned, directory) = (known.is_some(), Arc::new(known.map(Directory::remembering).unwrap_or_default()));
    let reaching = Reaching::new(config, &directory, common.awaited.clone()).await?;
    let waits = Settings { bytes_max: config.distributed.spool_bytes_max, ..Settings::new(common.clock.clone()) };
    let at = config.data.join("spool");
    let journal = Spooled::open(Arc::clone(&reaching.kafka), &at, waits).await;
    let journal = Arc::new(journal.with_context(|| format!("cannot open the spool in {}", at.display()))?);
    let figures = Arc::clone(&journal);
    collector::register_spool(&common.registry, common.clock.clone(), move || figures.figures())?;
    let answers = Arc::clone(&reaching.answers);
    let mut background = tokio::task::JoinSet::new();
    if learned {
        tracing::info!("going on with what was learned of sites and keys before");
        background.spawn(reaching.reach_sometime());
    } else {
        tokio::select! {
            reached = reaching.reach() => reached?,
            () = &mut stopped => return Ok(()),
        }
    }
    let secret = common.awaited.until(Neighbour::Processor, || async {
        let secret = directory.partition_secret();
        Ok(secret.ok_or(NotYet("no processor has published the secret that spreads visitors over partitions"))?)
    });
    let secret = tokio::select! {
        secret = secret => secret?,
        () = &mut stopped => return Ok(()),
    };
    let public_keys = PublicKeys::default();
    let collector = Arc::new(collector(config, common, &directory, Arc::clone(&journal), secret, &public_keys)?);
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
    background.spawn(look_after(common.clock.clone(), directory, public_keys, secret, remembered));
    let listener = anteroom.leave();
    station::say_ready(listener.local_addr()?)?;
    let others = station::answering(router);
    collector::serve(listener, collector, others, ConnectionLimits::default(), stopped).await;
    background.shutdown().await;
    // What waits rests in the spool, and goes on with the next start.
    journal.stop().await;
    Ok(())
}

/// What of Kafka a collector needs, and how it comes to it.
struct Reaching {
    settings: KafkaSettings,
    /// The topics of sites and keys, and of answers.
    topics: [String; 2],
    kafka: Arc<KafkaJournal>,
    directory: Arc<Directory>,
    answers: Arc<Answers>,
    awaited: Awaited,
}

impl Reaching {
    /// Asks nothing of Kafka yet.
    async fn new(config: &Config, directory: &Arc<Directory>, awaited: Awaited) -> anyhow::Result<Self> {
        let settings = config.distributed.journal()?;
        Ok(Self {
            topics: ["settings", "answers"].map(|of| config.distributed.topic(of)),
            kafka: Arc::new(KafkaJournal::connect(settings.clone()).await?),
            settings,
            directory: Arc::clone(directory),
            answers: Arc::default(),
            awaited,
        })
    }

    /// Waits for Kafka, opens the topic of hits, and follows the others.
    async fn reach(&self) -> anyhow::Result<()> {
        let [settings, answers] = &self.topics;
        let reach = self.awaited.until(Neighbour::Kafka, || async {
            // First of all what lets hits through.
            self.kafka.check().await?;
            if !self.directory.is_followed() {
                self.directory.follow(&self.settings, settings).await?;
            }
            Ok(self.answers.listen(&self.settings, answers).await?)
        });
        reach.await
    }

    /// The same while hits are taken into the spool: a topic that contradicts a promise is no reason to lose them.
    async fn reach_sometime(self) {
        let mut said = String::new();
        while let Err(error) = self.reach().await {
            let error = format!("{error:#}");
            if said != error {
                tracing::error!(error, "Kafka refuses; hits wait in the spool, and it is tried again");
                said = error;
            }
            tokio::time::sleep(REFUSED_PAUSE).await;
        }
    }
}

/// Seals by the hour's key, and keeps what is learned for the next start.
async fn look_after(
    clock: Clock,
    directory: Arc<Directory>,
    public_keys: PublicKeys,
    secret: [u8; 32],
    remembered: Remembered,
) {
    let (mut kept, mut fails, mut other_secret) = (None, false, false);
    loop {
        // Without one of this hour the last one is sealed to for a while: the collector knows how long.
        if let Some(key) = directory.public_key(clock.now()) {
            public_keys.store(Some(Arc::new(key)));
        }
        let changes = directory.changes();
        if directory.is_followed() && kept != Some(changes) {
            let (known, at) = (directory.all(), clock.now());
            if known.partition_secret.is_some_and(|known| known != secret)
                && !std::mem::replace(&mut other_secret, true)
            {
                tracing::error!(
                    "another secret that spreads visitors was published: start this collector again, or visitors count twice"
                );
            }
            let keep = {
                let remembered = remembered.clone();
                move || remembered.keep(&known, at)
            };
            match tokio::task::spawn_blocking(keep).await {
                Ok(Ok(())) => (kept, fails) = (Some(changes), false),
                Ok(Err(error)) if !std::mem::replace(&mut fails, true) => {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "what was learned of sites and keys cannot be kept; it is tried again");
                }
                // It is tried again.
                Ok(Err(_)) | Err(_) => {}
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
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
