//! The settings that make an insert one block, and the replicas hold it, written once: each pinned, because their defaults
//! changed between ClickHouse versions. A setting that a server does not know is left out there, which is why the server is
//! asked.

use clickhouse::Row;
use clickhouse::insert::Insert;

use crate::StoreError;
use crate::insert::ROWS_PER_INSERT_MAX;
use crate::store::{QUESTION_TIMEOUT, Store, within};

/// Pinned where the server has them; each is the meaning we rely on, whatever the default.
const WHERE_KNOWN: [(&str, &str); 4] = [
    // 26.x: what an insert does with a token; before, `insert_deduplicate` alone said it.
    ("deduplicate_insert", "enable"),
    // The same for `INSERT … SELECT`, which 26.x may leave out where the order of rows can differ: the token is the identity.
    ("deduplicate_insert_select", "enable_even_for_bad_queries"),
    ("deduplicate_blocks_in_dependent_materialized_views", "1"),
    // A byte bound on blocks would cut one insert into several.
    ("max_insert_block_size_bytes", "0"),
];

/// Larger than any insert of ours, so that one insert is one block.
const BLOCK_ROWS: &str = "1000000";
const _: () = assert!(ROWS_PER_INSERT_MAX < 1_000_000, "an insert must fit one block");

/// Longest that an insert waits for its replicas, in milliseconds; below our own bound, so that the server says what it knows.
const QUORUM_MS_MAX: &str = "20000";

/// Longest that it waits for all of them: one that was restarted has to catch up first.
const QUORUM_OF_ALL_MS_MAX: &str = "120000";

/// Which replicas of a cluster hold an insert when it is acknowledged; a single server is all of its replicas.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Held {
    /// More than half, so that what is acknowledged survives a replica. Several inserts may be under way at once.
    ByMajority,
    /// More than half, one insert after another: only then can a reader ask for no less than all of them.
    InOrder,
    /// Every one, so that whichever is asked next knows of it.
    ByAll,
}

impl Held {
    /// Marks of imports are read before anything is imported, so none may be missing; they are few.
    fn of(table: &str) -> Self {
        if table == "imports" { Self::InOrder } else { Self::ByMajority }
    }
}

impl Store {
    /// The settings of [`WHERE_KNOWN`] that this server knows.
    async fn pins(&self) -> Result<&[(&'static str, &'static str)], StoreError> {
        let ask = async || {
            let names = WHERE_KNOWN.map(|(name, _)| format!("'{name}'")).join(", ");
            let sql = format!("SELECT name FROM system.settings WHERE name IN ({names})");
            let asked = self.server().query(&sql).fetch_all::<String>();
            let known = within("asking which settings the server knows", QUESTION_TIMEOUT, asked).await?;
            Ok(WHERE_KNOWN.into_iter().filter(|(name, _)| known.iter().any(|k| k == name)).collect())
        };
        self.pins.get_or_try_init(ask).await.map(Vec::as_slice)
    }

    /// Starts an insert that is one atomic block and happens once per `token`.
    pub(crate) async fn insert_once<T: Row>(&self, table: &'static str, token: &str) -> Result<Insert<T>, StoreError> {
        let settings = self.once(token, BLOCK_ROWS, Held::of(table)).await?;
        let opened = self.client().insert::<T>(table);
        let insert = within("describing a table", QUESTION_TIMEOUT, opened).await?;
        let insert = insert.with_setting("input_format_parallel_parsing", "0");
        Ok(settings.into_iter().fold(insert, |insert, (name, value)| insert.with_setting(name, value)))
    }

    /// The settings of an insert that is one block of at most `block_rows` rows, happens once per `token`, and is held by
    /// these replicas.
    pub(crate) async fn once(
        &self,
        token: &str,
        block_rows: &str,
        held: Held,
    ) -> Result<Vec<(&'static str, String)>, StoreError> {
        let mut settings = vec![
            ("insert_deduplication_token", token),
            ("insert_deduplicate", "1"),
            ("async_insert", "0"),
            ("max_insert_block_size", block_rows),
            ("min_insert_block_size_rows", block_rows),
            ("min_insert_block_size_bytes", "0"),
            // A view that somebody hung on a table of ours may fail; what is counted does not depend on it.
            ("materialized_views_ignore_errors", "1"),
        ];
        settings.extend(self.pins().await?);
        let mut settings: Vec<_> = settings.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        if self.cluster.is_some() {
            let (replicas, parallel, ms_max) = match held {
                Held::ByMajority => ("auto".to_owned(), "1", QUORUM_MS_MAX),
                Held::InOrder => ("auto".to_owned(), "0", QUORUM_MS_MAX),
                Held::ByAll => (self.replicas().await?.to_string(), "1", QUORUM_OF_ALL_MS_MAX),
            };
            settings.push(("insert_quorum", replicas));
            settings.push(("insert_quorum_parallel", parallel.to_owned()));
            settings.push(("insert_quorum_timeout", ms_max.to_owned()));
        }
        Ok(settings)
    }

    /// How many replicas the counts have, living or not, as Keeper knows it.
    async fn replicas(&self) -> Result<u64, StoreError> {
        let sql = "SELECT toUInt64(max(total_replicas)) FROM system.replicas \
                   WHERE database = currentDatabase() AND table = 'counts'";
        within("asking how many replicas there are", QUESTION_TIMEOUT, self.client().query_raw(sql).fetch_one::<u64>())
            .await
    }
}
