//! `footfall processor`: works on the partitions that the group gives it, and looks after the hours' keys, which all processors
//! share in one directory. It publishes their public halves; the private ones leave neither the directory nor this process.
//!
//! Keys are looked after from the start, also while Kafka and ClickHouse are away: a promise does not wait for them.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use collector::{ConnectionLimits, Connections};
use journal::kafka::{KafkaJournal, KafkaSettings, Keeps, Publisher};
use model::{Clock, Millis};
use processor::keys::KeyStore;
use processor::witness::{Told, Witness};
use processor::{Follow, Inboxes, Metrics, Processor};
use store::Store;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::anteroom::Anteroom;
use super::awaited::Neighbour;
use super::directory::Directory;
use super::{Common, answers, schema};
use crate::config::Config;
use crate::upkeep::{self, Upkeep};
use crate::{assets, clock, station};

/// Runs until told to stop.
pub async fn run(
    config: &Config,
    common: &Common,
    anteroom: Anteroom,
    mut stopped: Pin<&mut impl Future<Output = ()>>,
) -> anyhow::Result<()> {
    // What is wrong with the configuration is said before anybody is waited for.
    let (tables, _) = (assets::tables(config)?, config.distributed.store()?);
    let metrics = Metrics::register(&common.registry)?;
    metrics.show_all();
    let figures = Connections::register(&common.registry)?;
    let settings = KafkaSettings { member: Some(config.distributed.member()?), ..config.distributed.journal()? };
    let journal = Arc::new(KafkaJournal::connect(settings.clone()).await?);
    let keys = Arc::new(Keys::open(config, common, metrics.clone(), Arc::clone(&journal))?);
    keys.turn().await;
    let mut upkeep = tokio::spawn({
        let keys = Arc::clone(&keys);
        async move {
            loop {
                tokio::time::sleep(upkeep::EVERY).await;
                keys.turn().await;
            }
        }
    });
    let upkeep_handle = upkeep.abort_handle();
    let opened = tokio::select! {
        opened = Box::pin(open(config, common, &keys, &settings)) => opened?,
        () = &mut stopped => return Ok(()),
        _ = &mut upkeep => anyhow::bail!(UPKEEP_ENDED),
    };
    let (answers, to_send) = mpsc::channel(answers::SENDING_MAX);
    let sending = tokio::spawn(answers::send(opened.answers, to_send));
    let processor = Processor {
        journal,
        journal_name: None,
        sink: Arc::new(opened.store),
        sites: Arc::clone(&keys.directory.sites),
        keys: Arc::clone(&keys.upkeep.keys),
        tables,
        bounds: config.bounds(settings.partitions),
        clock: common.clock.clone(),
        flush: config.flush,
        metrics,
        inboxes: Inboxes::default(),
        answers: Some(answers),
        follow: Some(follow(&keys.directory)),
    };
    let (stop, stopping) = watch::channel(false);
    let (ended, mut has_ended) = watch::channel(false);
    let processing = tokio::spawn(async move {
        let result = processor.run(stopping).await;
        let _ = ended.send(true);
        result
    });
    let mut upkeep_ended = false;
    // One that has no partition is ready to be given one.
    let router = station::router(&common.registry, || Ok(()));
    let listener = anteroom.leave();
    station::say_ready(listener.local_addr()?)?;
    let until = async {
        tokio::select! {
            () = &mut stopped => {}
            // A processor that gives up ends the process: its partitions go to others.
            _ = has_ended.wait_for(|ended| *ended) => {}
            // So does upkeep, which has no end of its own: without it no key would die.
            _ = &mut upkeep => upkeep_ended = true,
        }
    };
    collector::serve_alone(listener, station::answering(router), ConnectionLimits::default(), figures, until).await;
    let _ = stop.send(true);
    let processed = processing.await;
    upkeep_handle.abort();
    sending.abort();
    anyhow::ensure!(!upkeep_ended, UPKEEP_ENDED);
    Ok(processed.context("the processor stopped on a broken invariant")??)
}

const UPKEEP_ENDED: &str = "the upkeep of the sealing keys ended on a broken invariant; see the log";

/// What a processor reaches before it can begin.
struct Opened {
    answers: Publisher,
    store: Store,
}

/// Waits for Kafka and ClickHouse, publishes the keys, and joins the group last: whoever is given partitions can work.
async fn open(config: &Config, common: &Common, keys: &Keys, settings: &KafkaSettings) -> anyhow::Result<Opened> {
    let (apart, awaited) = (&config.distributed, &common.awaited);
    let store = apart.store()?;
    let (topic, answers) = (apart.topic("settings"), apart.topic("answers"));
    let reached = awaited.until(Neighbour::Kafka, || async {
        keys.journal.check().await?;
        if !keys.directory.is_followed() {
            keys.directory.follow(settings, &topic).await?;
        }
        keys.begin_to_publish(apart.keys_replaced).await?;
        Ok(Publisher::open(settings, &answers, Keeps::Nothing).await?)
    });
    let answers = reached.await?;
    keys.turn().await;
    schema(awaited, &store).await?;
    keys.journal.join()?;
    Ok(Opened { answers, store })
}

/// Makes sure that this process has heard of every site that a collector had heard of.
fn follow(directory: &Arc<Directory>) -> Follow {
    let directory = Arc::clone(directory);
    Follow(Arc::new(move || {
        let directory = Arc::clone(&directory);
        Box::pin(async move { directory.catch_up().await })
    }))
}

/// How often the brokers are asked what time it is; between two answers a clock that never steps goes on.
const ASK_EVERY: Duration = Duration::from_secs(600);
/// How often at most, where a key is due and the last answer does not agree.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// The hours' keys, as this process looks after them.
struct Keys {
    upkeep: Upkeep,
    /// Where they rest.
    at: PathBuf,
    directory: Arc<Directory>,
    /// Whose brokers tell the time.
    journal: Arc<KafkaJournal>,
    /// When they last told it.
    asked: Mutex<Option<Instant>>,
    clock: Clock,
    /// Whether it was seen that they may be published: no others are, or those are to be replaced.
    may_publish: AtomicBool,
    /// Whether the keys that were there at the start have been published: from then on others' are never replaced.
    is_published: AtomicBool,
    /// Why publishing failed last, so that only what changes is said.
    trouble: Mutex<Option<String>>,
}

impl Keys {
    fn open(config: &Config, common: &Common, metrics: Metrics, journal: Arc<KafkaJournal>) -> anyhow::Result<Self> {
        let at = config.distributed.keys.clone().unwrap_or_else(|| config.data.join("keys"));
        let store = Arc::new(KeyStore::open(&at, common.clock.now())?);
        let witness = Witness::brokers(clock::since_boot());
        Ok(Self {
            upkeep: Upkeep::new(store, witness, Arc::clone(&common.audit), metrics),
            at,
            directory: Arc::default(),
            journal,
            asked: Mutex::default(),
            clock: common.clock.clone(),
            may_publish: AtomicBool::new(false),
            is_published: AtomicBool::new(false),
            trouble: Mutex::default(),
        })
    }

    /// Looks whether other processors publish other keys, and publishes the secret that spreads visitors; keys follow with the
    /// next turn.
    ///
    /// # Errors
    /// Others are published, or Kafka does not take it.
    async fn begin_to_publish(&self, replaced: bool) -> anyhow::Result<()> {
        let (store, now) = (&self.upkeep.keys, self.clock.now());
        let secret = store.partition_secret(now)?;
        anyhow::ensure!(
            replaced || !self.directory.differs(&store.publics(now), &secret),
            "other processors publish other sealing keys than those in {}: what is sealed to them could not be opened here, and \
             would be lost. Set `keys` to the one directory that all processors share (is it mounted?). Where that directory is lost \
             for good, end all processors and start one with keys_replaced = true",
            self.at.display()
        );
        self.directory.publish_partition_secret(&secret).await?;
        self.may_publish.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Makes, publishes and destroys what is due. What fails is tried again with the next turn.
    async fn turn(&self) {
        let now = self.clock.now();
        self.ask_for_the_time(now).await;
        let told = self.upkeep.turn(now);
        if !self.may_publish.load(Ordering::Relaxed) {
            return;
        }
        let trouble = self.publish(told).await.err().map(|error| error.to_string());
        let mut before = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *before != trouble {
            match &trouble {
                Some(error) => {
                    tracing::warn!(error, "public keys cannot be published; it is tried again every few seconds")
                }
                None => tracing::info!("public keys are published again"),
            }
            *before = trouble;
        }
    }

    /// Hears the brokers' clock: from time to time, and before a key is destroyed.
    async fn ask_for_the_time(&self, now: Millis) {
        let last = *self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = if self.upkeep.keys.is_due(now) { ASK_AGAIN } else { ASK_EVERY };
        if last.is_some_and(|last| last.elapsed() < pause) {
            return;
        }
        match self.journal.brokers_time().await {
            Ok(at) => {
                self.upkeep.witness.hear(at);
                *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            // That the brokers are away is told elsewhere, and what is kept because of it by a gauge.
            Err(error) => tracing::debug!(%error, "the brokers cannot be asked for the time"),
        }
    }

    /// Publishes the keys to come, and takes back those of past hours.
    async fn publish(&self, told: Told) -> anyhow::Result<()> {
        let publics = self.upkeep.keys.publics(told.likely);
        if self.is_published.swap(true, Ordering::Relaxed) && self.directory.has_other_keys(&publics) {
            anyhow::bail!("another processor publishes other sealing keys: `keys` is not one directory that all share");
        }
        for key in publics {
            self.directory.publish_key(&key).await?;
        }
        // By the clock that takes back last: collectors seal to what is published.
        if let Some(sure) = told.sure {
            self.directory.forget_keys_before(sure.hour() - 1).await?;
        }
        Ok(())
    }
}
