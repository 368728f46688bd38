//! `footfall dashboard`: the Stats API and the web page over ClickHouse, and the sites' publication to collectors and processors.
//!
//! It answers as soon as it has its settings and ClickHouse, and publishes as soon as it has its settings and Kafka: neither
//! waits for the other.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use arc_swap::ArcSwap;
use collector::{ConnectionLimits, Connections};
use dashboard::Dashboard;
use journal::kafka::KafkaSettings;
use model::{Site, Sites};
use prometheus::{IntGauge, Registry};
use settings::Location;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;

use super::anteroom::Anteroom;
use super::awaited::{Awaited, Neighbour};
use super::directory::Directory;
use super::speaker::{Speaker, Step};
use super::{Common, schema};
use crate::config::{Config, Mail};
use crate::measured::Measured;
use crate::prove::{self, service::Part};
use crate::{station, token};

/// How often what is published is held against the settings.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// Runs until told to stop.
pub async fn run(
    config: &Config,
    common: &Common,
    anteroom: Anteroom,
    mut stopped: Pin<&mut impl Future<Output = ()>>,
) -> anyhow::Result<()> {
    let apart = &config.distributed;
    let (store, kafka) = (apart.store()?, apart.journal()?);
    let figures = Connections::register(&common.registry)?;
    let token = token::obtain(&config.data, config.token.as_deref())?;
    let sites: Arc<ArcSwap<Sites>> = Arc::default();
    let measured =
        common.awaited.until(Neighbour::Settings, || Measured::open(config, common.clock.clone(), Arc::clone(&sites)));
    let measured = tokio::select! {
        measured = measured => measured?,
        () = &mut stopped => return Ok(()),
    };
    let publication = Publication {
        speaker: Speaker::new(configuration(config)?),
        awaited: common.awaited.clone(),
        kafka,
        topic: apart.topic("settings"),
        sites: Arc::clone(&sites),
        revision: measured.revision(),
        differing: differing(&common.registry)?,
    };
    let settings = measured.settings();
    let following = tokio::spawn(measured.follow());
    let mut publishing = tokio::spawn(publication.run());
    tokio::select! {
        result = schema(&common.awaited, &store) => result?,
        refused = &mut publishing => return Err(ended(refused)),
        () = &mut stopped => return Ok(()),
    }
    let token_sha256 = token.sha256;
    let prove = prove::service::Service {
        data: config.data.clone(),
        region: config.region.clone(),
        store: store.clone(),
        sites: Arc::clone(&sites),
        part: Part::Dashboard,
        clock: common.clock.clone(),
        registry: common.registry.clone(),
        admits: Box::new(move |headers| token::admits(headers, &token_sha256)),
        turn: tokio::sync::Mutex::default(),
    };
    let parts = Dashboard {
        store,
        sites,
        settings,
        token_sha256,
        peer_of: station::peer_of(&config.trusted_proxies),
        clock: common.clock.clone(),
        mail: config.mail.as_ref().map(Mail::server).transpose()?,
        registry: common.registry.clone(),
    };
    let station = station::router(&common.registry, || Ok(()));
    let (router, mailer) = dashboard::router(parts)?;
    let mailing = tokio::spawn(mailer.run());
    let router = router.merge(prove::service::router(prove)).merge(station);
    let listener = anteroom.leave();
    let address = listener.local_addr()?;
    if let Some(token) = &token.made {
        token::show(token, address);
    }
    station::say_ready(address)?;
    let mut refused = None;
    let until = async {
        tokio::select! {
            () = &mut stopped => {}
            // A topic that contradicts a promise ends the process, as it does everywhere.
            why = &mut publishing => refused = Some(ended(why)),
        }
    };
    collector::serve_alone(listener, station::answering(router), ConnectionLimits::default(), figures, until).await;
    publishing.abort();
    mailing.abort();
    following.abort();
    refused.map_or(Ok(()), Err)
}

type Published = <JoinHandle<anyhow::Error> as Future>::Output;

/// Why publishing ended, which has no end of its own.
fn ended(why: Published) -> anyhow::Error {
    why.unwrap_or_else(|error| anyhow::Error::from(error).context("publishing ended on a broken invariant"))
}

/// What tells these dashboards from others: two that are alike publish the same sites.
fn configuration(config: &Config) -> anyhow::Result<String> {
    // A file of that name is another one on each host.
    let host = match &config.database {
        Location::Sqlite(_) => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        Location::Postgres { .. } => String::new(),
    };
    let sites: Vec<&Site> = config.sites.iter().map(AsRef::as_ref).collect();
    let all = (env!("CARGO_PKG_VERSION"), config.database.to_string(), host, &config.region, sites);
    let digest = Sha256::digest(serde_json::to_vec(&all).context("the configuration cannot be written down")?);
    Ok(digest.iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}

fn differing(registry: &Registry) -> anyhow::Result<IntGauge> {
    let gauge = IntGauge::new(
        "footfall_sites_published_otherwise",
        "Sites that are measured otherwise than this dashboard's configuration says, because another one was started later.",
    )?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

/// Publishes the sites whenever they differ from what is published, while this dashboard's configuration speaks.
struct Publication {
    speaker: Speaker,
    awaited: Awaited,
    kafka: KafkaSettings,
    topic: String,
    sites: Arc<ArcSwap<Sites>>,
    revision: Arc<AtomicI64>,
    differing: IntGauge,
}

impl Publication {
    /// Returns only what makes it useless.
    async fn run(mut self) -> anyhow::Error {
        let directory = Directory::default();
        let followed = self.awaited.until(Neighbour::Kafka, || async {
            directory.follow(&self.kafka, &self.topic).await.context("sites cannot be published")
        });
        if let Err(error) = followed.await {
            return error;
        }
        let (mut away, mut others) = (false, false);
        loop {
            match self.look(&directory).await {
                Ok(step) => {
                    if std::mem::take(&mut away) {
                        tracing::info!("sites are published again");
                    }
                    let now = step == Step::Others;
                    if std::mem::replace(&mut others, now) != now {
                        tell(now);
                    }
                }
                Err(error) if !std::mem::replace(&mut away, true) => {
                    tracing::warn!(error = %format!("{error:#}"), "sites cannot be published now; it is tried again");
                }
                Err(_) => {}
            }
            tokio::time::sleep(PUBLISH_EVERY).await;
        }
    }

    async fn look(&mut self, directory: &Directory) -> anyhow::Result<Step> {
        // Before the sites, which are of this revision or a newer one then.
        let revision = self.revision.load(Ordering::Acquire);
        let sites = self.sites.load_full();
        let step = self.speaker.step(directory.speaker().as_deref(), revision, Instant::now());
        match &step {
            Step::Speak => directory.publish_sites(&sites).await?,
            Step::Say(word) => directory.say(word).await?,
            Step::Others | Step::Behind => {}
        }
        let differing = if step == Step::Others { directory.differing(&sites) } else { 0 };
        self.differing.set(i64::try_from(differing).unwrap_or(i64::MAX));
        Ok(step)
    }
}

fn tell(others: bool) {
    if others {
        tracing::warn!(
            "dashboards of another configuration or version were started later: their sites are measured, and this one publishes none"
        );
    } else {
        tracing::info!("this dashboard's configuration holds: its sites are measured");
    }
}
