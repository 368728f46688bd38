//! The settings that make an insert one block, written once: each pinned, because their defaults changed between
//! ClickHouse versions. A setting that a server does not know is left out there, which is why the server is asked.

use clickhouse::insert::Insert;
use clickhouse::{Client, Row};

use crate::StoreError;
use crate::insert::ROWS_PER_INSERT_MAX;
use crate::store::{QUESTION_TIMEOUT, Store, within};

/// Pinned where the server has them; each is the meaning we rely on, whatever the default.
const WHERE_KNOWN: [(&str, &str); 3] = [
    // 26.x: what an insert does with a token; before, `insert_deduplicate` alone said it.
    ("deduplicate_insert", "enable"),
    ("deduplicate_blocks_in_dependent_materialized_views", "1"),
    // A byte bound on blocks would cut one insert into several.
    ("max_insert_block_size_bytes", "0"),
];

/// Larger than any insert of ours, so that one insert is one block.
const BLOCK_ROWS: &str = "1000000";
const _: () = assert!(ROWS_PER_INSERT_MAX < 1_000_000, "an insert must fit one block");

impl Store {
    /// The settings of [`WHERE_KNOWN`] that this server knows.
    pub(crate) async fn pins(&self) -> Result<&[(&'static str, &'static str)], StoreError> {
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
        let pins = self.pins().await?;
        let client: &Client = self.client();
        let opened = client.insert::<T>(table);
        let insert = within("describing a table", QUESTION_TIMEOUT, opened).await?;
        let insert = insert
            .with_setting("insert_deduplication_token", token)
            .with_setting("insert_deduplicate", "1")
            .with_setting("async_insert", "0")
            .with_setting("max_insert_block_size", BLOCK_ROWS)
            .with_setting("min_insert_block_size_rows", BLOCK_ROWS)
            .with_setting("min_insert_block_size_bytes", "0")
            .with_setting("input_format_parallel_parsing", "0");
        Ok(pins.iter().fold(insert, |insert, (name, value)| insert.with_setting(*name, *value)))
    }
}
