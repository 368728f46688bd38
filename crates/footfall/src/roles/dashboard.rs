//! `footfall dashboard`: the Stats API and the web page over ClickHouse, and the sites' publication to collectors and processors.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use collector::{ConnectionLimits, Connections};
use dashboard::Dashboard;
use model::Sites;

use super::directory::Directory;
use super::{Common, schema};
use crate::config::Config;
use crate::measured::Measured;
use crate::{engine, station, token};

/// How often what is published is held against the settings. Whatever was published meanwhile by an older dashboard is put right.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// Runs until told to stop.
pub async fn run(config: &Config, common: Common) -> anyhow::Result<()> {
    let stopped = engine::stopped();
    let apart = &config.distributed;
    let store = apart.store()?;
    let directory = Arc::new(Directory::open(&apart.journal()?, &apart.topic("settings")).await?);
    let sites: Arc<ArcSwap<Sites>> = Arc::default();
    let measured = Measured::open(config, common.clock.clone(), Arc::clone(&sites)).await?;
    let following = tokio::spawn(measured.follow());
    let publishing = tokio::spawn({
        let (directory, sites) = (Arc::clone(&directory), Arc::clone(&sites));
        async move {
            loop {
                if let Err(error) = directory.publish_sites(&sites.load_full()).await {
                    tracing::warn!(error = %format!("{error:#}"), "sites cannot be published now; will try again");
                }
                tokio::time::sleep(PUBLISH_EVERY).await;
            }
        }
    });
    let token = token::obtain(&config.data, config.token.as_deref())?;
    tokio::pin!(stopped);
    tokio::select! {
        result = schema(&store) => result?,
        () = &mut stopped => return Ok(()),
    }
    let parts = Dashboard {
        store,
        sites,
        token_sha256: token.sha256,
        clock: common.clock.clone(),
        registry: common.registry.clone(),
    };
    let figures = Connections::register(&common.registry)?;
    let router = dashboard::router(parts)?.merge(station::router(&common.registry, || Ok(())));
    let address = common.listener.local_addr()?;
    if let Some(token) = &token.made {
        token::show(token, address);
    }
    station::say_ready(address)?;
    collector::serve_alone(common.listener, station::answering(router), ConnectionLimits::default(), figures, stopped)
        .await;
    publishing.abort();
    following.abort();
    common.audit.record("stopped", &serde_json::json!({}));
    Ok(())
}
