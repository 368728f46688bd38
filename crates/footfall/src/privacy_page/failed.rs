//! Counts the requests of visitors that could not be carried out: each is somebody whose right waits.

use prometheus::{IntCounterVec, Opts, Registry};

use super::Wish;

/// The counter, by right.
#[derive(Clone)]
pub struct Failed(IntCounterVec);

/// To be shown what is held.
const ACCESS: &str = "access";
const LABELS: [&str; 4] = [ACCESS, "erase", "restrict", "resume"];

impl Failed {
    /// Registers the counter, with every right at zero.
    ///
    /// # Errors
    /// The registry has it already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let options = Opts::new(
            "footfall_rights_failed_total",
            "Requests of visitors that could not be carried out when they came; the visitor was told to come again.",
        );
        let counter = IntCounterVec::new(options, &["right"])?;
        registry.register(Box::new(counter.clone()))?;
        for right in LABELS {
            let _ = counter.with_label_values(&[right]);
        }
        Ok(Self(counter))
    }

    /// Somebody could not be shown what is held of them.
    pub(super) fn access(&self) {
        self.0.with_label_values(&[ACCESS]).inc();
    }

    /// A wish could not be carried out.
    pub(super) fn wish(&self, wish: Wish) {
        let right = match wish {
            Wish::Erase => "erase",
            Wish::Restrict => "restrict",
            Wish::OptOut | Wish::OptIn => "resume",
        };
        self.0.with_label_values(&[right]).inc();
    }
}
