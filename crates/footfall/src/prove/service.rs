//! `GET /api/v1/prove`: the checks, run in the server and answered to whoever has the token. They read and change nothing.
//!
//! Where the roles are processes of their own, a dashboard answers it as far as it can see: the tables and itself. What only a
//! processor can see it names, with where to look.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use journal::embedded::EmbeddedJournal;
use model::{Clock, Sites};
use prometheus::Registry;
use serde_json::{Value, json};
use store::Store;
use tokio::sync::Mutex;

use super::check::{Check, Verdict};
use super::{PATH, host, stored};

/// What a program cannot see of itself, said with every answer.
const NOT_CHECKED: [&str; 7] = [
    "copies of the disk and of memory: backups, snapshots, a hypervisor",
    "names in plain words that a page writes into its path, a property or an event: no rule can know them",
    "logs outside this program: the reverse proxy's, the operating system's, the network's",
    "what can be inferred by combining counts with outside knowledge: see docs/privacy.md",
    "where the disk stands, and who else may log in to this machine",
    "whether this program is the one that was published: compare its digest with the release's",
    "parts of tables that a merge has replaced and the engine has not removed yet (minutes)",
];

/// What one process of several cannot see of the others.
const NOT_CHECKED_APART: &str =
    "the other processes of this installation, Kafka and the ClickHouse server: their memory, their disks, their logs";

/// Whose a check is, where the roles are apart: the claim, and who can tell.
const OF_PROCESSORS: [(&str, &str); 3] = [
    (
        host::KEYS_CLAIM,
        "the processors' to tell: look at their footfall_seal_key_oldest_seconds, and for seal_key_destroyed in their audit logs",
    ),
    (host::JOURNAL_CLAIM, "Kafka's to keep: every role refuses a topic of hits whose retention is longer"),
    (BALANCE_CLAIM, "the processors' to tell: look at their footfall_ledger_difference"),
];
const BALANCE_CLAIM: &str = "received = counted + minimal + refused + bot + late: no hit vanished";

/// What of an installation the process is that answers.
pub enum Part {
    /// All of it, with the sealed records.
    Whole(Arc<EmbeddedJournal>),
    /// A dashboard among other processes.
    Dashboard,
}

/// What the checks look at.
pub struct Service {
    /// The data directory.
    pub data: PathBuf,
    /// The region of the installation, where one is configured.
    pub region: Option<String>,
    /// The tables.
    pub store: Store,
    /// The measured sites.
    pub sites: Arc<ArcSwap<Sites>>,
    /// What it is of the installation.
    pub part: Part,
    /// The time.
    pub clock: Clock,
    /// What the process says about itself.
    pub registry: Registry,
    /// Whether a request may ask.
    pub admits: Box<dyn Fn(&HeaderMap) -> bool + Send + Sync>,
    /// One at a time: it looks through every table.
    pub turn: Mutex<()>,
}

/// The route.
pub fn router(service: Service) -> Router {
    Router::new().route(PATH, get(answer)).with_state(Arc::new(service))
}

async fn answer(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    if !(service.admits)(&headers) {
        let error = json!({ "error": "this needs the API token: --token or FOOTFALL_TOKEN, sent as Authorization: Bearer TOKEN" });
        return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
    }
    let _turn = service.turn.lock().await;
    let mut not_checked = NOT_CHECKED.to_vec();
    if matches!(service.part, Part::Dashboard) {
        not_checked.push(NOT_CHECKED_APART);
    }
    Json(written(&service.checks().await, &not_checked)).into_response()
}

impl Service {
    async fn checks(&self) -> Vec<Check> {
        let (sites, now) = (self.sites.load_full(), self.clock.now());
        let mut checks = stored::checks(&self.store, &sites, now).await;
        match &self.part {
            Part::Whole(journal) => {
                checks.push(host::keys(&self.data.join("keys"), now, self.gauge("footfall_seal_keys")));
                checks.push(host::journal(journal.as_ref(), now).await);
                checks.push(self.balance());
            }
            Part::Dashboard => checks.extend(OF_PROCESSORS.map(|(claim, who)| Check::untold(claim, who))),
        }
        checks.extend(host::memory());
        checks.push(host::audit(&self.data));
        checks.push(host::region(self.region.as_deref(), &sites));
        checks.push(host::api(dashboard::description()));
        checks
    }

    fn balance(&self) -> Check {
        let claim = BALANCE_CLAIM;
        match self.gauge("footfall_ledger_difference") {
            Some(difference) => {
                Check::new(claim, Verdict::of(difference == 0), format!("footfall_ledger_difference is {difference}"))
            }
            None => Check::untold(claim, "the metric is not there"),
        }
    }

    /// The value of a gauge without labels.
    #[expect(clippy::cast_possible_truncation, reason = "both gauges are whole numbers")]
    fn gauge(&self, name: &str) -> Option<i64> {
        let family = self.registry.gather().into_iter().find(|family| family.name() == name)?;
        family.get_metric().first().map(|metric| metric.get_gauge().get_value() as i64)
    }
}

fn written(checks: &[Check], not_checked: &[&str]) -> Value {
    let of = |verdict: Verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "holds": of(Verdict::Holds),
        "broken": of(Verdict::Broken),
        "cannot_be_told": of(Verdict::CannotBeTold),
        "checks": checks.iter().map(Check::json).collect::<Vec<_>>(),
        "not_checked": not_checked,
    })
}
