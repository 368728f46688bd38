//! What a partition does where the journal has lost its end, with records that were read: a copy without them was made the leader
//! (an unclean election), every copy lost them (a power cut), or the journal was restored from an older one.
//!
//! What is appended then stands where others stood: another record, by its stamp, where the last one stood that was read. By the
//! brokers' clocks it came after them, so reading goes on at the first record that did; and the partition gets another name, because
//! the same range under the same token would be dropped by the store. What was counted stays counted.

use std::time::Duration;

use journal::{Journal, Offset};
use model::{Loss, Millis};
use tokio::time::Instant;

use crate::Sink;
use crate::partition::{End, Partition};

/// How long the journal's end must stand before what was read or committed until it is taken for truncated.
const TRUNCATED_AFTER: Duration = Duration::from_secs(60);

impl<J: Journal, S: Sink> Partition<'_, J, S> {
    /// Counts what was folded, of which the journal may have lost some, and goes on at the first record that came after it. The state
    /// stays, with visitors of whom the journal knows nothing any more.
    pub(crate) async fn go_on_where_others_stood(&mut self, live: &mut Instant) -> Result<(), End> {
        (self.is_truncated, self.shrunk) = (false, None);
        if !self.is_another(self.next, self.last_stamp).await? {
            // All that was read is there.
            return Ok(());
        }
        let cut = match self.last_at {
            Some(at) => self.first_after(at).await?.min(self.next),
            None => self.next,
        };
        let unread = self.end.0.saturating_sub(self.next.0);
        self.tell(cut, self.next);
        if unread > 0 {
            self.lose(self.reached().unwrap_or_else(|| self.processor.clock.now()), Loss::Damaged, unread);
        }
        self.flush(live).await?;
        self.hours.cut(cut);
        (self.first, self.next, self.end, self.last_stamp) = (cut, cut, cut, None);
        self.begin_anew().await
    }

    /// How far what was read before this start is still there, at most to `decided`: up to where the journal ends, or others stand in
    /// its place. The last of it came `decided_at` and has `stamp`. A journal that ends before that is taken for truncated once it has
    /// told so for a minute, because a new leader of a partition may know its end a moment later than its records.
    pub(crate) async fn end_of_what_was_read(
        &mut self,
        decided: Offset,
        decided_at: Option<Millis>,
        stamp: Option<Millis>,
    ) -> Result<Offset, End> {
        let end = loop {
            let end = self.end().await?;
            if end >= decided || self.has_shrunk() {
                break end.min(decided);
            }
            self.pause(Duration::from_secs(1)).await?;
        };
        let found = match decided_at {
            Some(at) if end < decided || self.is_another(decided, stamp).await? => self.first_after(at).await?.min(end),
            _ => end,
        };
        self.shrunk = None;
        if found < decided {
            self.tell(found, decided);
        }
        Ok(found)
    }

    /// Whether another record stands right before `next` than the one of that stamp, or none: a record's stamp never changes, and the
    /// brokers do not elect within a millisecond. Where it has expired, nothing is said against it.
    async fn is_another(&mut self, next: Offset, stamp: Option<Millis>) -> Result<bool, End> {
        let (Some(stamp), Some(last)) = (stamp, next.0.checked_sub(1)) else { return Ok(false) };
        Ok(match self.look_at(Offset(last)).await? {
            Some(entry) => entry.offset.0 == last && entry.stamp != stamp,
            None => self.end().await? < next,
        })
    }

    /// Whether the journal has ended too early for longer than a new leader needs, now that it does again.
    pub(crate) fn has_shrunk(&mut self) -> bool {
        self.shrunk.get_or_insert_with(Instant::now).elapsed() >= TRUNCATED_AFTER
    }

    async fn end(&mut self) -> Result<Offset, End> {
        self.patiently(|journal, number| async move { journal.end(number).await }).await
    }

    async fn first_after(&mut self, at: Millis) -> Result<Offset, End> {
        self.patiently(|journal, number| async move { journal.first_at(number, at.plus(1)).await }).await
    }

    fn tell(&self, end: Offset, read: Offset) {
        self.processor.metrics.journal_truncations.inc();
        tracing::error!(
            partition = self.number,
            %end,
            %read,
            "the journal has lost records that were read: by an unclean election, a power cut, or an older copy that was restored; \
             what was counted stays counted, and what is appended in their places is counted"
        );
    }
}
