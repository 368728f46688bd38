//! The brokers as one collector reaches them: for appending, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use journal::{AppendError, Commit, Entry, Journal, JournalError, Offset};
use model::Millis;
use tokio::time::sleep;

use crate::collector::Common;
use crate::embedded::Disk;
use crate::faults::{Fault, Point};
use crate::journal::unreachable;
use crate::letters::{Letter, described};

/// How long brokers that are silent are: longer than an append is waited for before its record goes into the spool.
const SILENCE: Duration = Duration::from_secs(2);

/// See the file's head.
pub struct Uplink {
    /// What all collectors share.
    pub common: Arc<Common>,
    /// Its spool's disk, which tells a record that is drained from one that comes straight from its sender.
    pub disk: Arc<Disk>,
    /// Which process it is.
    pub who: usize,
}

impl Journal for Uplink {
    fn partitions(&self) -> u32 {
        self.common.partitions
    }

    /// What begins later may arrive earlier: of a window that is drained a producer may lose one record and keep the next.
    async fn append(&self, partition: u32, record: Vec<u8>) -> Result<Offset, AppendError> {
        let Self { common, disk, who } = self;
        let Common { world, broker, letters, .. } = &**common;
        let is_drained = disk.holds(partition, &record);
        world.point(*who, if is_drained { Point::Drain } else { Point::Append }).await;
        if !broker.is_away() && !world.strikes(Fault::AppendLost) {
            let untold = world.strikes(Fault::AppendKept);
            let Letter { content, hour, .. } = letters.read(&record);
            let offset = broker.keep(partition, record, content.clone(), hour);
            world.tell(|| {
                let (what, known) = (described(&content), if untold { ", and it is not told so" } else { "" });
                format!("process {who} appends {what} as {offset} of partition {partition}{known}")
            });
            world.point(*who, if is_drained { Point::Drained } else { Point::Appended }).await;
            if !untold {
                return Ok(offset);
            }
        }
        if world.draw(|random| random.one_in(4)) {
            sleep(SILENCE).await;
        }
        Err(unreachable("append").into())
    }

    async fn read(&self, _: u32, _: Offset, _: usize, _: Duration) -> Result<Vec<Entry>, JournalError> {
        Err(appends_only())
    }

    async fn first_at(&self, _: u32, _: Millis) -> Result<Offset, JournalError> {
        Err(appends_only())
    }

    async fn end(&self, _: u32) -> Result<Offset, JournalError> {
        Err(appends_only())
    }

    async fn commit(&self, _: u32, _: Commit) -> Result<(), JournalError> {
        Err(appends_only())
    }

    async fn committed(&self, _: u32) -> Result<Option<Commit>, JournalError> {
        Err(appends_only())
    }

    async fn expire(&self, _: Millis) -> Result<u64, JournalError> {
        Err(appends_only())
    }
}

fn appends_only() -> JournalError {
    JournalError::Failed {
        tried: "do something else than append".to_owned(),
        reason: "a collector only appends".to_owned(),
    }
}
