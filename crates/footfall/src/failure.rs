//! Why a command did not do what was asked: the ways that have an exit code of their own.

/// Why a command did not do what was asked.
pub enum Failure {
    /// It was used wrongly: bad arguments or a bad configuration.
    Usage(String),
    /// It was used well and failed.
    Failed(anyhow::Error),
    /// Nobody reads its answer any more. There is nobody to complain to, and nothing to complain of.
    Unread,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}
