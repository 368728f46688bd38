//! Where changes go, as the processor sees it: a place that takes a range once, however often it is offered.

use std::future::Future;

use model::{Changes, ClosedDay, LocalDay};
use store::{Folded, Forgotten, Kept};

/// Takes changes exactly once per token; a sink that keeps them also closes days and forgets. What is left out here is right
/// for one that keeps nothing.
pub trait Sink: Send + Sync + 'static {
    /// Inserts `changes` under `token`; a token that was inserted before is acknowledged and changes nothing.
    fn insert(&self, token: &str, changes: &Changes) -> impl Future<Output = Result<(), InsertError>> + Send;

    /// The site-days whose closing is not complete, open ones among them.
    fn days_not_closed(&self) -> impl Future<Output = Result<Vec<ClosedDay>, InsertError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Folds the cells of a day that have fewer visitors; repeating changes nothing.
    fn close_day(&self, _: &ClosedDay, _: u32) -> impl Future<Output = Result<Folded, InsertError>> + Send {
        async { Ok(Folded::default()) }
    }

    /// Removes from the disk what closing these days took back; repeating changes nothing.
    fn sweep_closed_days(&self, _: &[ClosedDay]) -> impl Future<Output = Result<(), InsertError>> + Send {
        async { Ok(()) }
    }

    /// Removes what is older than is kept: of these sites, of others, as of a day; repeating changes nothing.
    fn forget(
        &self,
        _: &[Kept],
        _: LocalDay,
        _: LocalDay,
    ) -> impl Future<Output = Result<Forgotten, InsertError>> + Send {
        async { Ok(Forgotten::default()) }
    }
}

/// Why an insert was not acknowledged. It may have happened all the same; only a repeat under the same token is safe.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct InsertError {
    /// The operator's words.
    pub message: String,
    /// Whether the same insert can succeed later.
    pub retry: bool,
}

impl From<store::StoreError> for InsertError {
    fn from(error: store::StoreError) -> Self {
        Self { retry: error.retry(), message: error.to_string() }
    }
}

impl Sink for store::Store {
    async fn insert(&self, token: &str, changes: &Changes) -> Result<(), InsertError> {
        Ok(Self::insert(self, token, changes).await?)
    }

    async fn days_not_closed(&self) -> Result<Vec<ClosedDay>, InsertError> {
        Ok(Self::days_not_closed(self).await?)
    }

    async fn close_day(&self, day: &ClosedDay, visitors_min: u32) -> Result<Folded, InsertError> {
        Ok(Self::close_day(self, day, visitors_min).await?)
    }

    async fn sweep_closed_days(&self, days: &[ClosedDay]) -> Result<(), InsertError> {
        Ok(Self::sweep_closed_days(self, days).await?)
    }

    async fn forget(&self, kept: &[Kept], others: LocalDay, today: LocalDay) -> Result<Forgotten, InsertError> {
        Ok(Self::forget(self, kept, others, today).await?)
    }
}
