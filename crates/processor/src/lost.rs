//! Records that were acknowledged and cannot be opened or read, counted by hour until they are written with the flush that
//! commits them: so none is committed in silence, and a replay writes none twice.
//!
//! What a replay can no longer open or read within an open day was counted by an earlier start, or told as expired by it: which, it cannot
//! know, so what it tells as forgotten is an upper bound, and each start tells it again. There is no second try and no other way to
//! their content. Errs when a crash comes between an insert and its commit and the key dies before the next start: then hits of that
//! insert are counted and lost here. A day's loss is an upper bound.

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

    /// Drops what was found in a range that is committed: it was written with it. Only what can no longer be opened, of the hours
    /// from `since` on, is news: it was counted, and is known to nobody any more.
    pub(crate) fn take_for_forgotten(&mut self, since: i64) {
        for ((hour, loss), records) in std::mem::take(&mut self.0) {
            if matches!(loss, Loss::Expired | Loss::Forgotten) && hour >= since {
                let forgotten = self.0.entry((hour, Loss::Forgotten)).or_default();
                *forgotten = forgotten.saturating_add(records);
            }
        }
    }

    /// Records that were forgotten since the last flush.
    pub(crate) fn forgotten(&self) -> u64 {
        let forgotten = self.0.iter().filter(|((_, loss), _)| *loss == Loss::Forgotten);
        forgotten.map(|(_, records)| u64::try_from(*records).unwrap_or_default()).sum()
    }

    /// Takes the lines, and says so.
    pub(crate) fn take(&mut self, partition: u32) -> Vec<LostLine> {
        let lines = std::mem::take(&mut self.0).into_iter();
        let line = |((hour, loss), records)| {
            let reason = Loss::as_str(loss);
            match loss {
                Loss::Forgotten => tracing::error!(
                    partition,
                    hour,
                    records,
                    "records were counted, and their key died before they had to be read again: who comes again counts twice; \
                     their day is marked"
                ),
                Loss::Expired | Loss::Forged | Loss::Malformed | Loss::Format | Loss::Damaged => tracing::error!(
                    partition,
                    hour,
                    reason,
                    records,
                    "records cannot be opened and are lost; their day is marked"
                ),
            }
            LostLine { hour, loss, records }
        };
        lines.map(line).collect()
    }
}
