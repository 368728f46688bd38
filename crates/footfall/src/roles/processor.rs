//! `footfall processor`: works on the partitions that the group gives it, and looks after the hours' keys, which all processors
//! share in one directory. It publishes their public halves; the private ones leave neither the directory nor this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use collector::{ConnectionLimits, Connections};
use journal::kafka::{KafkaJournal, KafkaSettings, Keeps, Publisher};
use model::Clock;
use processor::keys::KeyStore;
use processor::{Follow, Inboxes, Metrics, Processor};
use serde_json::json;
use tokio::sync::{mpsc, watch};

use super::directory::Directory;
use super::{Common, answers, schema};
use crate::audit::Audit;
use crate::config::Config;
use crate::{assets, engine, station, upkeep};

/// Runs until told to stop.
pub async fn run(config: &Config, common: Common) -> anyhow::Result<()> {
    let stopped = engine::stopped();
    tokio::pin!(stopped);
    let apart = &config.distributed;
    let settings = KafkaSettings { member: Some(apart.member()?), ..apart.journal()? };
    let store = apart.store()?;
    let metrics = Metrics::register(&common.registry)?;
    metrics.show_all();
    let figures = Connections::register(&common.registry)?;
    let directory = Arc::new(Directory::open(&settings, &apart.topic("settings")).await?);
    let answers_out = Publisher::open(&settings, &apart.topic("answers"), Keeps::Nothing).await?;
    let keys_at = apart.keys.clone().unwrap_or_else(|| config.data.join("keys"));
    let keys = Keys {
        store: Arc::new(KeyStore::open(&keys_at, common.clock.now())?),
        directory: Arc::clone(&directory),
        audit: Arc::clone(&common.audit),
        clock: common.clock.clone(),
        metrics: metrics.clone(),
        is_published: AtomicBool::new(false),
    };
    let secret = keys.store.partition_secret(common.clock.now())?;
    let differs = directory.differs(&keys.store.publics(common.clock.now()), &secret);
    anyhow::ensure!(
        !differs || apart.keys_replaced,
        "other processors publish other sealing keys than those in {}: what is sealed to them could not be opened here, and \
         would be lost. Set `keys` to the one directory that all processors share (is it mounted?). Where that directory is lost \
         for good, end all processors and start one with keys_replaced = true",
        keys_at.display()
    );
    directory.publish_partition_secret(&secret).await?;
    keys.turn().await;
    let tables = assets::tables(config)?;
    tokio::select! {
        result = schema(&store) => result?,
        () = &mut stopped => return Ok(()),
    }
    let journal = Arc::new(KafkaJournal::open(settings).await?);
    let (answers, to_send) = mpsc::channel(answers::SENDING_MAX);
    let sending = tokio::spawn(answers::send(answers_out, to_send));
    let processor = Processor {
        journal: Arc::clone(&journal),
        journal_name: None,
        sink: Arc::new(store),
        sites: Arc::clone(&directory.sites),
        keys: Arc::clone(&keys.store),
        tables,
        clock: common.clock.clone(),
        flush: config.flush,
        metrics,
        inboxes: Inboxes::default(),
        answers: Some(answers),
        follow: Some(follow(&directory)),
    };
    let (stop, stopping) = watch::channel(false);
    let (ended, mut has_ended) = watch::channel(false);
    let processing = tokio::spawn(async move {
        let result = processor.run(stopping).await;
        let _ = ended.send(true);
        result
    });
    let mut upkeep = tokio::spawn(async move {
        loop {
            tokio::time::sleep(upkeep::EVERY).await;
            keys.turn().await;
        }
    });
    let upkeep_handle = upkeep.abort_handle();
    let mut upkeep_ended = false;
    // One that has no partition is ready to be given one.
    let router = station::router(&common.registry, || Ok(()));
    station::say_ready(common.listener.local_addr()?)?;
    let until = async {
        tokio::select! {
            () = &mut stopped => {}
            // A processor that gives up ends the process: its partitions go to others.
            _ = has_ended.wait_for(|ended| *ended) => {}
            // So does upkeep, which has no end of its own: without it no key would die.
            _ = &mut upkeep => upkeep_ended = true,
        }
    };
    collector::serve_alone(common.listener, station::answering(router), ConnectionLimits::default(), figures, until)
        .await;
    let _ = stop.send(true);
    let processed = processing.await;
    upkeep_handle.abort();
    sending.abort();
    common.audit.record("stopped", &json!({}));
    anyhow::ensure!(!upkeep_ended, "the upkeep of the sealing keys ended on a broken invariant; see the log");
    Ok(processed.context("the processor stopped on a broken invariant")??)
}

/// Makes sure that this process has heard of every site that a collector had heard of.
fn follow(directory: &Arc<Directory>) -> Follow {
    let directory = Arc::clone(directory);
    Follow(Arc::new(move || {
        let directory = Arc::clone(&directory);
        Box::pin(async move { directory.catch_up().await })
    }))
}

/// The hours' keys, as this process looks after them.
struct Keys {
    store: Arc<KeyStore>,
    directory: Arc<Directory>,
    audit: Arc<Audit>,
    clock: Clock,
    metrics: Metrics,
    /// Whether the keys that were there at the start have been published: from then on others' are never replaced.
    is_published: AtomicBool,
}

impl Keys {
    /// Makes, publishes and destroys what is due. What fails is tried again with the next turn.
    async fn turn(&self) {
        let now = self.clock.now();
        upkeep::turn_keys(&self.store, now, &self.audit, &self.metrics);
        let publics = self.store.publics(now);
        if self.is_published.swap(true, Ordering::Relaxed) && self.directory.has_other_keys(&publics) {
            tracing::error!(
                "another processor publishes other sealing keys: `keys` is not one directory that all share"
            );
            return;
        }
        for key in publics {
            if let Err(error) = self.directory.publish_key(&key).await {
                tracing::warn!(%error, hour = key.hour, "a public key cannot be published; will try again");
            }
        }
        if let Err(error) = self.directory.forget_keys_before(now.hour() - 1).await {
            tracing::warn!(%error, "public keys of past hours cannot be taken back; will try again");
        }
    }
}
