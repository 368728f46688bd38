//! Live demo traffic against a running server: visits begin at random and their hits arrive when they would.
//!
//! Bounded in rate and, when asked, in time; a hit that the server does not take is counted and not sent again.

use std::collections::BinaryHeap;
use std::time::Duration;

use anyhow::Context;
use model::Millis;

use super::DemoTraffic;
use super::random::Random;
use super::visits::{Hit, Visits};
use crate::client::{self, Client};

/// Share of page views that arrive by clear GIF, as from mail and from pages without scripts.
const GIF_SHARE: f64 = 0.15;
/// Hits of an average visit (views, events and engagement).
const HITS_PER_VISIT: f64 = 4.9;

/// Sends hits until stopped, or for as long as asked.
pub fn run(asked: &DemoTraffic, url: &str, now: Millis) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(send(asked, url, now))
}

/// A hit that waits for its time; the earliest is the greatest.
struct Due(Hit);

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.0.at == other.0.at
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.at.cmp(&self.0.at)
    }
}

async fn send(asked: &DemoTraffic, url: &str, now: Millis) -> anyhow::Result<()> {
    let clock = crate::clock::system();
    let client = Client::new(url, None)?;
    let mut random = Random::new(asked.seed ^ now.0.cast_unsigned());
    let mut due = BinaryHeap::new();
    let mut next_visit = now;
    let end = asked.seconds.map(|seconds| now.plus(i64::try_from(seconds * 1_000).unwrap_or(i64::MAX)));
    let gap_ms = 1_000.0 * HITS_PER_VISIT / asked.rate.clamp(0.01, 500.0);
    let (mut sent, mut failed) = (0_u64, 0_u64);
    while end.is_none_or(|end| clock.now() < end) {
        let now = clock.now();
        while next_visit <= now {
            due.extend(Visits::at(&mut random, next_visit).into_iter().map(Due));
            next_visit = next_visit.plus(random.exponential(gap_ms) as i64 + 1);
        }
        while due.peek().is_some_and(|hit| hit.0.at <= now) {
            let Some(Due(hit)) = due.pop() else { break };
            let gif = hit.name == "pageview" && random.chance(GIF_SHARE);
            match one(&client, &hit, &asked.site, gif).await {
                Ok(()) => sent += 1,
                Err(error) => {
                    failed += 1;
                    tracing::debug!(error = %error, failed, "a demo hit was not taken");
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tracing::info!(sent, failed, "demo traffic ends");
    anyhow::ensure!(sent > 0 || failed == 0, "none of {failed} hits was taken by {url}");
    Ok(())
}

async fn one(server: &Client, hit: &Hit, site: &str, gif: bool) -> anyhow::Result<()> {
    let headers = [("user-agent", hit.visitor.agent.to_owned()), ("x-forwarded-for", hit.visitor.address.to_string())];
    let answer = if gif {
        let page = format!("https://{site}{}", hit.target);
        let mut query = format!("/pixel.gif?d={site}&u={}", client::escape(&page));
        if let Some(referrer) = hit.referrer {
            query.push_str("&r=");
            query.push_str(&client::escape(referrer));
        }
        server.get(&query, &headers).await?
    } else {
        let body = serde_json::to_string(&super::Event::of(hit, site))?;
        server.post("/api/event", &headers, body.into()).await?
    };
    anyhow::ensure!(answer.status < 400, "status {}", answer.status);
    Ok(())
}
