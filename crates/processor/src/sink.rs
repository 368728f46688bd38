//! Where changes go, as the processor sees it: a place that takes a range once, however often it is offered.

use std::future::Future;

use model::Changes;

/// Takes changes exactly once per token.
pub trait Sink: Send + Sync + 'static {
    /// Inserts `changes` under `token`; a token that was inserted before is acknowledged and changes nothing.
    fn insert(&self, token: &str, changes: &Changes) -> impl Future<Output = Result<(), InsertError>> + Send;
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

impl Sink for store::Store {
    async fn insert(&self, token: &str, changes: &Changes) -> Result<(), InsertError> {
        Self::insert(self, token, changes)
            .await
            .map_err(|error| InsertError { retry: error.retry(), message: error.to_string() })
    }
}
