//! What every process that holds sealing keys does again and again, whatever else it is: makes and destroys what is due, and
//! tells the audit log and the metrics.

use std::time::Duration;

use model::Millis;
use processor::Metrics;
use processor::keys::KeyStore;
use serde_json::json;

use crate::audit::Audit;

/// How often. Public keys change on the hour and are made ahead.
pub const EVERY: Duration = Duration::from_secs(5);

/// Makes and destroys the keys that are due. What fails is tried again with the next turn.
pub fn turn_keys(keys: &KeyStore, now: Millis, audit: &Audit, metrics: &Metrics) {
    match keys.turn(now) {
        Ok(destroyed) => {
            for hour in &destroyed {
                audit.record("seal_key_destroyed", &json!({ "hour": hour }));
            }
            keys.report(now, destroyed.len(), metrics);
        }
        Err(error) => tracing::error!(%error, "sealing keys cannot be looked after; will try again"),
    }
}
