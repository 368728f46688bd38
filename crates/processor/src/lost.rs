//! Records that were acknowledged and cannot be opened or read, counted by hour until they are written with the flush that
//! commits them: so none is committed in silence, and a replay writes none twice.
//!
//! There is no second try and no other way to their content. Errs when: a crash comes between an insert and its commit and
//! the key dies before the next start: then hits of that insert are counted and lost here. A day's loss is an upper bound.

use std::collections::BTreeMap;

use model::{Loss, LostLine, Millis};

/// What was lost since the last flush.
#[derive(Debug, Default)]
pub(crate) struct Lost(BTreeMap<(i64, Loss), i64>);

impl Lost {
    /// Notes records that were appended at `at`. A record's own hour is not asked: what does not open may say any.
    pub(crate) fn note(&mut self, at: Millis, loss: Loss, records: u64) {
        let noted = self.0.entry((at.hour(), loss)).or_default();
        *noted = noted.saturating_add(i64::try_from(records).unwrap_or(i64::MAX));
    }

    /// Forgets what was found in a range that is committed: it was written with it.
    pub(crate) fn discard(&mut self) {
        self.0.clear();
    }

    /// Takes the lines, and says so.
    pub(crate) fn take(&mut self, partition: u32) -> Vec<LostLine> {
        let lines = std::mem::take(&mut self.0).into_iter();
        let line = |((hour, loss), records)| {
            let reason = Loss::as_str(loss);
            tracing::error!(
                partition,
                hour,
                reason,
                records,
                "records cannot be opened and are lost; their day is marked"
            );
            LostLine { hour, loss, records }
        };
        lines.map(line).collect()
    }
}
