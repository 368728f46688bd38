//! `footfall processor`: works on the partitions that the group gives it, and looks after the hours' keys, which all processors
//! share in one directory. It publishes their public halves; the private ones leave neither the directory nor this process.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
use crate::{assets, engine, station};

/// How often keys are looked after.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

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
    let secret = partition_secret(&keys_at)?;
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
            tokio::time::sleep(UPKEEP_EVERY).await;
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
        match self.store.turn(now) {
            Ok(destroyed) => {
                for hour in &destroyed {
                    self.audit.record("seal_key_destroyed", &json!({ "hour": hour }));
                }
                self.store.report(now, destroyed.len(), &self.metrics);
            }
            Err(error) => tracing::error!(%error, "sealing keys cannot be looked after; will try again"),
        }
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

/// The secret that spreads visitors over partitions: made by the first processor that shares the keys' directory, and the same as
/// long as that is there.
fn partition_secret(directory: &Path) -> anyhow::Result<[u8; 32]> {
    let path = directory.join("partition.secret");
    let read = || -> std::io::Result<[u8; 32]> {
        let bytes = std::fs::read(&path)?;
        bytes.try_into().map_err(|_| std::io::Error::other("it has not 32 bytes"))
    };
    let known = match read() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let secret = engine::secret()?;
            let random = engine::secret()?;
            let name = random.iter().take(8).fold("partition-".to_owned(), |name, byte| name + &format!("{byte:02x}"));
            let aside = directory.join(name);
            let made = std::fs::write(&aside, secret)
                .and_then(|()| std::fs::File::open(&aside)?.sync_all())
                .and_then(|()| std::fs::hard_link(&aside, &path));
            let tidied = std::fs::remove_file(&aside);
            match made {
                // Another processor was first: its secret holds.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                made => made.and(tidied).with_context(|| format!("cannot write {}", path.display()))?,
            }
            read()
        }
        known => known,
    };
    known.with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_that_share_a_directory_spread_visitors_alike() {
        let directory = tempfile::tempdir().unwrap();
        let secrets: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| partition_secret(directory.path()).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| Some(secret) == secrets.first()) && secrets != [[0; 32]; 8]);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
        std::fs::write(directory.path().join("partition.secret"), b"short").unwrap();
        assert!(partition_secret(directory.path()).is_err());
    }
}
