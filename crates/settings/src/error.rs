//! What can go wrong between Footfall and its settings, with a verdict: whether the same call, made again, can succeed.
//!
//! The texts are for operators. They name the database, and never a password: none is ever part of its name.

use std::io::ErrorKind;

use crate::Revision;

/// Why the settings did not do what they were asked.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Nobody answered in time, the connection broke, or the database is busy, full or starting. Whether a change was made is
    /// unknown.
    #[error("{tried}: {database} cannot do it now: {reason}; try again")]
    Unreachable {
        /// What was being done.
        tried: &'static str,
        /// The database, without a secret.
        database: String,
        /// The client's words.
        reason: String,
    },
    /// Somebody else changed it first, or it is not there, or it is there already.
    #[error("{what} {}", found.map_or_else(|| "is not there".to_owned(), |revision| format!("is there already, last changed by revision {revision}; read it again")))]
    Conflict {
        /// What was to be changed.
        what: String,
        /// What changed it last; none where it does not exist.
        found: Option<Revision>,
    },
    /// What was asked is outside what the settings keep.
    #[error("{0}")]
    Refused(String),
    /// The tables are another version's.
    #[error("{database}: {reason}")]
    OtherVersion {
        /// The database, without a secret.
        database: String,
        /// What does not fit, and what to do.
        reason: String,
    },
    /// The database answered no, and will again.
    #[error("{tried}: {database}: {reason}")]
    Failed {
        /// What was being done.
        tried: &'static str,
        /// The database, without a secret.
        database: String,
        /// Its words.
        reason: String,
    },
}

impl SettingsError {
    /// Whether the same call, made again later, can succeed.
    #[must_use]
    pub fn retry(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Conflict { .. } | Self::Refused(_) | Self::OtherVersion { .. } | Self::Failed { .. } => false,
        }
    }

    /// Sorts the client's error into ours.
    pub(crate) fn from_client(tried: &'static str, database: &str, error: &sqlx::Error) -> Self {
        let (database, reason) = (database.to_owned(), error.to_string());
        if passes(error) {
            Self::Unreachable { tried, database, reason }
        } else {
            Self::Failed { tried, database, reason }
        }
    }
}

/// Whether what the client says can be over in a moment.
fn passes(error: &sqlx::Error) -> bool {
    use sqlx::Error;
    match error {
        // The client's TLS says what it does not trust as data that is invalid. A socket that is not there may be by next time.
        Error::Io(error) => !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::PermissionDenied),
        Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed | Error::BeginFailed => true,
        Error::Database(error) => error.code().is_some_and(|code| passing_code(&code)),
        // Not ours to enumerate: the client's enum is open, and everything else means that rows and tables disagree.
        _ => false,
    }
}

/// Five characters are PostgreSQL's SQLSTATE, a number is SQLite's result code (whose low byte is its kind).
fn passing_code(code: &str) -> bool {
    if code.len() == 5 {
        // A lost connection, a conflict of transactions, no room or too many connections, the operator's hand, a server that
        // is starting or a standby that does not write yet, a lock that was not given in time.
        let class = matches!(code.get(..2), Some("08" | "40" | "53" | "57"));
        return class || matches!(code, "25006" | "25P03" | "55P03");
    }
    // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_FULL.
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 13))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_in_a_moment_is_told_from_what_stays() {
        for passing in ["08006", "40001", "53300", "57P01", "57P03", "55P03", "25006", "5", "517", "6", "13"] {
            assert!(passing_code(passing), "{passing}");
        }
        for staying in ["28P01", "42P01", "3D000", "42501", "22021", "8", "11", "1555", "26"] {
            assert!(!passing_code(staying), "{staying}");
        }
        let io = |kind: ErrorKind| passes(&sqlx::Error::Io(kind.into()));
        assert!(io(ErrorKind::ConnectionReset) && io(ErrorKind::NotFound) && !io(ErrorKind::InvalidData));
        assert!(passes(&sqlx::Error::PoolTimedOut) && !passes(&sqlx::Error::RowNotFound));
    }

    #[test]
    fn a_conflict_says_what_was_found() {
        let conflict = |found| SettingsError::Conflict { what: "site example.com".to_owned(), found }.to_string();
        assert_eq!(conflict(None), "site example.com is not there");
        assert!(conflict(Some(Revision(7))).contains("last changed by revision 7"));
    }
}
