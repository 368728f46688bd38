//! What can go wrong between Footfall and its store, with a verdict: whether the same call, made again, can succeed.
//!
//! The texts are for operators. Nothing here retries: the caller owns the back-off and the budget.

use std::time::Duration;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nobody answered, or the connection broke.
    #[error("{doing}: the store cannot be reached: {detail}")]
    Unreachable {
        /// What was being done.
        doing: &'static str,
        /// The client's words.
        detail: String,
    },
    /// No answer in time. Whether it was done is unknown; an insert repeated under its token settles that.
    #[error("{doing}: no answer within {after:?}")]
    TimedOut {
        /// What was being done.
        doing: &'static str,
        /// The bound that was reached.
        after: Duration,
    },
    /// The store answered with an exception.
    #[error("{doing}: {detail}")]
    Exception {
        /// What was being done.
        doing: &'static str,
        /// ClickHouse's number for it.
        code: i32,
        /// ClickHouse's words.
        detail: String,
    },
    /// The answer, or the schema behind it, is not what this version expects.
    #[error("{doing}: unexpected answer: {detail}")]
    Unexpected {
        /// What was being done.
        doing: &'static str,
        /// The client's words.
        detail: String,
    },
    /// A migration that was applied is not the one this version carries.
    #[error("migration {name} was applied with other contents; this data belongs to another version of footfall")]
    MigrationChanged {
        /// The migration.
        name: String,
    },
    /// A migration of this version is not applied.
    #[error("the database lacks migration {missing} of this version: run `footfall migrate`; until then this waits")]
    SchemaBehind {
        /// The first that is missing.
        missing: &'static str,
    },
    /// A cluster is named, and a table is one server's own.
    #[error(
        "table {table} belongs to one server alone although a cluster is named: its rows reach no replica. Name no cluster, or \
         move the counts into a new database (docs/decisions/0016-clickhouse-cluster.md)"
    )]
    NotReplicated {
        /// The table.
        table: String,
    },
    /// A table has replicas, and no cluster is named: what is written there would be acknowledged by one of them.
    #[error(
        "table {table} has replicas and no cluster is named: an insert would be acknowledged before a majority holds it. Set \
         `clickhouse_cluster` to the name that `footfall migrate` was given"
    )]
    Replicated {
        /// The table.
        table: String,
    },
    /// A day or minute that the columns cannot hold (1970 to 2105).
    #[error("a change lies outside the years 1970 to 2105 that the store can hold")]
    OutOfRange,
}

/// ClickHouse's codes, with its names, for conditions that pass without a new process: overload, a lost connection, a replica
/// or Keeper away, memory or disk full (often told as an error of a file or of the system), and what an operator mends at the
/// server, such as a quota, a grant or a read-only mode. Waiting loses nothing, and keeps what a new process would have to replay.
///
/// Not among them, on purpose: a wrong password (516), because it is read at the start, so the process that is started anew
/// reads the new one; and a table, column or type that is not as it was made (16, 47, 53, 60, 81), because somebody's hand
/// changed the schema, and the check at the next start names what is missing. Codes are never given twice.
pub const PASSING: [(i32, &str); 57] = [
    (75, "CANNOT_WRITE_TO_FILE_DESCRIPTOR"),
    (76, "CANNOT_OPEN_FILE"),
    (95, "CANNOT_READ_FROM_SOCKET"),
    (96, "CANNOT_WRITE_TO_SOCKET"),
    (159, "TIMEOUT_EXCEEDED"),
    (160, "TOO_SLOW"),
    (164, "READONLY"),
    (172, "CANNOT_CREATE_DIRECTORY"),
    (173, "CANNOT_ALLOCATE_MEMORY"),
    (198, "DNS_ERROR"),
    (201, "QUOTA_EXCEEDED"),
    (202, "TOO_MANY_SIMULTANEOUS_QUERIES"),
    (203, "NO_FREE_CONNECTION"),
    (204, "CANNOT_FSYNC"),
    (209, "SOCKET_TIMEOUT"),
    (210, "NETWORK_ERROR"),
    (216, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING"),
    (225, "NO_ZOOKEEPER"),
    (234, "NO_REPLICA_HAS_PART"),
    (236, "ABORTED"),
    (241, "MEMORY_LIMIT_EXCEEDED"),
    (242, "TABLE_IS_READ_ONLY"),
    (243, "NOT_ENOUGH_SPACE"),
    (252, "TOO_MANY_PARTS"),
    (254, "NO_ACTIVE_REPLICAS"),
    (279, "ALL_CONNECTION_TRIES_FAILED"),
    (285, "TOO_FEW_LIVE_REPLICAS"),
    (286, "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE"),
    (289, "REPLICA_IS_NOT_IN_QUORUM"),
    (319, "UNKNOWN_STATUS_OF_INSERT"),
    (341, "UNFINISHED"),
    (364, "RECEIVED_ERROR_TOO_MANY_REQUESTS"),
    (369, "ALL_REPLICAS_ARE_STALE"),
    (373, "SESSION_IS_LOCKED"),
    (384, "PART_IS_TEMPORARILY_LOCKED"),
    (394, "QUERY_WAS_CANCELLED"),
    (416, "REPLICA_STATUS_CHANGED"),
    (425, "SYSTEM_ERROR"),
    (439, "CANNOT_SCHEDULE_TASK"),
    (473, "DEADLOCK_AVOIDED"),
    (497, "ACCESS_DENIED"),
    (499, "S3_ERROR"),
    (517, "CANNOT_ASSIGN_ALTER"),
    (529, "NOT_A_LEADER"),
    (667, "NOT_INITIALIZED"),
    (692, "TOO_MANY_MUTATIONS"),
    (695, "ASYNC_LOAD_FAILED"),
    (696, "ASYNC_LOAD_CANCELED"),
    (700, "USER_SESSION_LIMIT_EXCEEDED"),
    (722, "ASYNC_LOAD_WAIT_FAILED"),
    (735, "QUERY_WAS_CANCELLED_BY_CLIENT"),
    (745, "SERVER_OVERLOADED"),
    (774, "TABLE_IS_PERMANENTLY_READ_ONLY"),
    (777, "MEMORY_RESERVATION_KILLED"),
    (999, "KEEPER_EXCEPTION"),
    (1000, "POCO_EXCEPTION"),
    (1001, "STD_EXCEPTION"),
];

impl StoreError {
    /// Whether the same call, made again later, can succeed.
    #[must_use]
    pub fn retry(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::SchemaBehind { .. } => true,
            Self::Exception { code, .. } => PASSING.iter().any(|(passing, _)| passing == code),
            Self::Unexpected { .. }
            | Self::MigrationChanged { .. }
            | Self::NotReplicated { .. }
            | Self::Replicated { .. }
            | Self::OutOfRange => false,
        }
    }

    /// ClickHouse's number of the exception, if it was one.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        match self {
            Self::Exception { code, .. } => Some(*code),
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Unexpected { .. }
            | Self::MigrationChanged { .. }
            | Self::SchemaBehind { .. }
            | Self::NotReplicated { .. }
            | Self::Replicated { .. }
            | Self::OutOfRange => None,
        }
    }

    /// Sorts the client's error into ours.
    pub(crate) fn from_client(doing: &'static str, error: clickhouse::error::Error) -> Self {
        use clickhouse::error::Error;
        match error {
            Error::Network(source) => Self::Unreachable { doing, detail: chain(source.as_ref()) },
            Error::BadResponse(detail) => match exception_code(&detail) {
                Some(code) => Self::Exception { doing, code, detail },
                // Every exception of ClickHouse has its code. An answer without one comes from something in between: a proxy, a
                // balancer without a server, a host that is stopping. Its words are its own, so nothing can be read from them.
                None => Self::Unreachable { doing, detail },
            },
            // Not ours to enumerate: the client's enum is open, and everything else means that rows and schema disagree.
            other => Self::Unexpected { doing, detail: other.to_string() },
        }
    }
}

/// The number in `Code: 60. DB::Exception: …`.
fn exception_code(text: &str) -> Option<i32> {
    let digits = text.split_once("Code: ")?.1;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}

/// An error with its causes; the outermost alone ("error sending request") helps nobody.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use clickhouse::error::Error;

    use super::*;

    #[test]
    fn an_exception_carries_its_code_and_a_verdict() {
        let of = |text: &str| StoreError::from_client("asking", Error::BadResponse(text.to_owned()));
        let unknown_table = of("Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE)");
        assert_eq!((unknown_table.code(), unknown_table.retry()), (Some(60), false));
        let overload = of("Code: 202. DB::Exception: Too many simultaneous queries.");
        assert_eq!((overload.code(), overload.retry()), (Some(202), true));
    }

    #[test]
    fn a_broken_connection_may_be_tried_again_and_a_wrong_schema_may_not() {
        assert!(StoreError::from_client("asking", Error::Network("reset".into())).retry());
        assert!(StoreError::from_client("asking", Error::BadResponse("502 Bad Gateway".to_owned())).retry());
        assert!(StoreError::from_client("asking", Error::BadResponse("upstream connect error".to_owned())).retry());
        assert!(!StoreError::from_client("asking", Error::NotEnoughData).retry());
        assert!(!StoreError::OutOfRange.retry());
    }
}
