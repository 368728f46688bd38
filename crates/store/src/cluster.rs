//! The schema's statements for the replicas of a cluster, derived from those for a single server: a published migration is
//! never edited, and both kinds of installation stand on the same files.
//!
//! One shard, any number of replicas: every replica holds every count. Counts are small (a few bytes a page view), and a
//! second shard would part what one insert's block, one day's closing and one question see at once. It knows only the words
//! that our own statements use; a test derives each of them. docs/decisions/0016-clickhouse-cluster.md argues the rest.

use std::sync::Arc;

use crate::retention::quoted;

/// Where a table's replicas meet in Keeper, and how each is called there: ClickHouse's own defaults, written out so that a
/// server configured otherwise makes the same. `{shard}` and `{replica}` are macros of each server's configuration.
const REPLICA: &str = "'/clickhouse/tables/{uuid}/{shard}', '{replica}'";

/// Seconds that Keeper keeps a token beside its count. The longest time between an insert and its repetition is that between
/// a processor's end and the hour's key: 27 hours later its records cannot be opened any more, so nothing can repeat them.
/// A week covers that, and an import that is taken up again after a long weekend. Servers after 25.8 keep an hour by default.
const TOKEN_SECONDS: u32 = 7 * 24 * 3_600;

/// The setting that a single server's tables keep tokens by.
const WINDOW: &str = "non_replicated_deduplication_window = ";

/// A cluster by its name in the servers' `remote_servers`.
#[derive(Clone, Debug)]
pub(crate) struct Cluster(Arc<str>);

impl Cluster {
    pub(crate) fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// A statement of the schema, for every replica at once.
    pub(crate) fn prepared(&self, statement: &str) -> String {
        let statement = uncommented(statement);
        let on_cluster = format!(" ON CLUSTER {}", quoted(&self.0));
        let heads = ["CREATE DATABASE IF NOT EXISTS ", "CREATE TABLE IF NOT EXISTS ", "ALTER TABLE "];
        let Some(head) = heads.iter().find(|head| statement.starts_with(**head)) else { return statement };
        // A name is a word, or stands in backticks.
        let rest = statement.get(head.len()..).unwrap_or_default();
        let name = rest.find([' ', '\n']).filter(|_| !rest.starts_with('`')).unwrap_or_else(|| end_of_quoted(rest));
        let (name, rest) = rest.split_at(name);
        format!("{head}{name}{on_cluster}{}", with_windows(&replicated(rest)))
    }
}

/// Without the lines that are comments, whose words could be taken for the statement's.
fn uncommented(statement: &str) -> String {
    statement.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
}

fn end_of_quoted(name: &str) -> usize {
    let mut escaped = false;
    for (at, c) in name.char_indices().skip(1) {
        match c {
            '`' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    name.len()
}

/// The table's engine, and what its replicas remember of tokens where a single server's table remembers none.
fn replicated(rest: &str) -> String {
    let Some((before, engine)) = rest.split_once("ENGINE = ") else { return rest.to_owned() };
    let end = engine.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(engine.len());
    let (name, after) = engine.split_at(end);
    let engine = match after.strip_prefix('(') {
        Some(arguments) => format!("Replicated{name}({REPLICA}, {arguments}"),
        None => format!("Replicated{name}({REPLICA}){after}"),
    };
    let windows = match (engine.contains("SETTINGS "), engine.contains(WINDOW)) {
        (_, true) => "",
        (true, false) => ", non_replicated_deduplication_window = 10000",
        (false, false) => "\nSETTINGS non_replicated_deduplication_window = 10000",
    };
    format!("{before}ENGINE = {engine}{windows}")
}

/// Beside a single server's window, the replicas': as many tokens, and for as long as [`TOKEN_SECONDS`].
fn with_windows(rest: &str) -> String {
    let Some((before, after)) = rest.split_once(WINDOW) else { return rest.to_owned() };
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let (tokens, after) = after.split_at(end);
    format!(
        "{before}{WINDOW}{tokens}, replicated_deduplication_window = {tokens}, \
         replicated_deduplication_window_seconds = {TOKEN_SECONDS}{after}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_gets_its_replicas_its_path_and_its_windows() {
        let cluster = Cluster::new("main");
        let plain = "-- Words on an ENGINE = None.\nCREATE TABLE IF NOT EXISTS a\n(\n    b Int64\n)\n\
                     ENGINE = SummingMergeTree((b))\nORDER BY b\nSETTINGS non_replicated_deduplication_window = 7, x = 1";
        assert_eq!(
            cluster.prepared(plain),
            "CREATE TABLE IF NOT EXISTS a ON CLUSTER 'main'\n(\n    b Int64\n)\nENGINE = ReplicatedSummingMergeTree(\
             '/clickhouse/tables/{uuid}/{shard}', '{replica}', (b))\nORDER BY b\nSETTINGS \
             non_replicated_deduplication_window = 7, replicated_deduplication_window = 7, \
             replicated_deduplication_window_seconds = 604800, x = 1"
        );
        let bare = cluster.prepared("CREATE TABLE IF NOT EXISTS a (b Int64) ENGINE = MergeTree ORDER BY b");
        assert!(bare.contains(
            "ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}') ORDER BY b\nSETTINGS non_"
        ));
    }

    #[test]
    fn a_name_in_quotes_and_a_name_that_would_end_its_quotes_stay_whole() {
        assert_eq!(
            Cluster::new("it's").prepared("CREATE DATABASE IF NOT EXISTS `a b\\`c`"),
            "CREATE DATABASE IF NOT EXISTS `a b\\`c` ON CLUSTER 'it\\'s'"
        );
    }

    #[test]
    fn an_alteration_reaches_every_replica() {
        assert_eq!(
            Cluster::new("main").prepared("ALTER TABLE a\n    ADD COLUMN IF NOT EXISTS b Bool"),
            "ALTER TABLE a ON CLUSTER 'main'\n    ADD COLUMN IF NOT EXISTS b Bool"
        );
        let window =
            Cluster::new("main").prepared("ALTER TABLE a MODIFY SETTING non_replicated_deduplication_window = 9");
        assert!(
            window.ends_with("replicated_deduplication_window = 9, replicated_deduplication_window_seconds = 604800")
        );
    }
}
