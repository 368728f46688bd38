//! `footfall dashboard`: the Stats API and the web page over ClickHouse, and the sites' publication to collectors and processors.
//!
//! It answers as soon as it has its settings and ClickHouse, and publishes as soon as it has its settings and Kafka: neither
//! waits for the other.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use collector::{ConnectionLimits, Connections};
use dashboard::Dashboard;
use journal::kafka::KafkaSettings;
use model::Sites;
use tokio::task::JoinHandle;

use super::anteroom::Anteroom;
use super::awaited::{Awaited, Neighbour};
use super::directory::Directory;
use super::{Common, schema};
use crate::config::Config;
use crate::measured::Measured;
use crate::{station, token};

/// How often what is published is held against the settings. Whatever was published meanwhile by an older dashboard is put right.
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
    let following = tokio::spawn(measured.follow());
    let mut publishing =
        tokio::spawn(publish(common.awaited.clone(), kafka, apart.topic("settings"), Arc::clone(&sites)));
    tokio::select! {
        result = schema(&common.awaited, &store) => result?,
        refused = &mut publishing => return Err(ended(refused)),
        () = &mut stopped => return Ok(()),
    }
    let parts = Dashboard {
        store,
        sites,
        token_sha256: token.sha256,
        clock: common.clock.clone(),
        registry: common.registry.clone(),
    };
    let router = dashboard::router(parts)?.merge(station::router(&common.registry, || Ok(())));
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
    following.abort();
    refused.map_or(Ok(()), Err)
}

type Published = <JoinHandle<anyhow::Error> as Future>::Output;

/// Why publishing ended, which has no end of its own.
fn ended(why: Published) -> anyhow::Error {
    why.unwrap_or_else(|error| anyhow::Error::from(error).context("publishing ended on a broken invariant"))
}

/// Publishes the sites whenever they differ from what is published; returns only what makes that useless.
async fn publish(awaited: Awaited, kafka: KafkaSettings, topic: String, sites: Arc<ArcSwap<Sites>>) -> anyhow::Error {
    let directory = Directory::default();
    let followed = awaited.until(Neighbour::Kafka, || async {
        directory.follow(&kafka, &topic).await.context("sites cannot be published")
    });
    if let Err(error) = followed.await {
        return error;
    }
    let mut away = false;
    loop {
        match directory.publish_sites(&sites.load_full()).await {
            Ok(()) => {
                if std::mem::take(&mut away) {
                    tracing::info!("sites are published again");
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
