//! Every statement that the store sends, with its settings, for a single server and for a cluster: checked in, compared, and
//! written anew with `UPDATE_GOLDEN=1`. What a single server gets, the engine runs; what a cluster gets, it parses, and runs
//! without what only replicas have. By role, so that `deploy/clickhouse/users.sql` can be held against it.

use std::path::{Path, PathBuf};

use model::{Cell, Changes, ClosedDay, Counts, Dimension, Domain, LocalDay, Loss, LostLine, Millis, ReachedLine};
use regex::Regex;
use store::questions::{Cells, Grain, Measured, Question, Selection, Span, VitalsQuestion};
use store::{ImportMark, Kept, Store};

use crate::proxy::{Proxy, Sent};
use crate::support::{Host, JUNE, flush, site};

const CLUSTER: &str = "main";
/// The oldest version that is promised.
const LTS: &str = "25.8";

/// Statements by who sends them.
type ByRole = [(&'static str, Vec<Sent>); 3];

#[tokio::test]
async fn a_single_server_gets_these_statements() {
    let host = Host::start();
    if is_lts(&host).await {
        return;
    }
    let proxy = Proxy::start(&host.url).await;
    let sent = everything(&proxy, &proxy.store()).await;
    compare("plain.sql", &sent);
    covered(&sent);
}

/// What is sent otherwise where the server says that it is the LTS version and has that version's settings: the same, when this suite runs on
/// that very version (`make lts`).
#[tokio::test]
async fn a_server_of_the_lts_version_gets_these_statements() {
    let host = Host::start();
    let proxy = Proxy::rewriting(&host.url, as_of_lts).await;
    let sent = everything(&proxy, &proxy.store()).await;
    let plain = std::fs::read_to_string(golden("plain.sql")).unwrap_or_default();
    let all = written(&sent);
    let others = all.split_inclusive("\n;\n\n").filter(|one| one.starts_with("-- Sent by") || !plain.contains(one));
    compare_text("lts.sql", &others.collect::<String>());
    covered(&sent);
}

fn as_of_lts(statement: &str) -> String {
    statement
        .replace("version()", &format!("'{LTS}.2.1'"))
        .replace("'deduplicate_insert', 'deduplicate_insert_select', ", "")
        .replace(", 'max_insert_block_size_bytes'", "")
}

async fn is_lts(host: &Host) -> bool {
    let is_lts = host.ask_plain("SELECT version()").await.starts_with(LTS);
    if is_lts {
        println!("SKIPPED: this engine is {LTS}, whose statements are in lts.sql");
    }
    is_lts
}

#[tokio::test]
async fn a_cluster_gets_these_statements() {
    let host = Host::start();
    if is_lts(&host).await {
        return;
    }
    let proxy = Proxy::rewriting(&host.url, as_plain).await;
    let sent = everything(&proxy, &proxy.store().on_cluster(CLUSTER)).await;
    for Sent { statement, .. } in sent.iter().flat_map(|(_, sent)| sent) {
        let quoted = statement.replace('\\', "\\\\").replace('\'', "\\'");
        if !statement.starts_with("INSERT") {
            host.ask_plain(&format!("SELECT formatQuery('{quoted}') FORMAT Null")).await;
        }
    }
    compare("cluster.sql", &sent);
    covered(&sent);
}

/// What the engine, which has no replicas, can run of a cluster's statement.
fn as_plain(statement: &str) -> String {
    let path = "'/clickhouse/tables/{uuid}/{shard}', '{replica}'";
    statement
        .replace(&format!(" ON CLUSTER '{CLUSTER}'"), "")
        .replace("ENGINE = Replicated", "ENGINE = ")
        .replace(&format!("({path}, "), "(")
        .replace(&format!("({path})"), "")
        .replace("NOT startsWith(engine, 'Replicated')", "startsWith(engine, 'Replicated')")
        .replace("toUInt64(max(total_replicas))", "toUInt64(max(total_replicas) + 3)")
}

/// Calls everything that sends something.
async fn everything(proxy: &Proxy, store: &Store) -> ByRole {
    store.migrate().await.unwrap();
    let migrate = proxy.sent();
    write(store).await;
    let processor = proxy.sent();
    read(store).await;
    [("migrate", migrate), ("processor", processor), ("dashboard", proxy.sent())]
}

async fn write(store: &Store) {
    store.ping().await.unwrap();
    store.check_schema().await.unwrap();
    let cell = |day, hour, dimension, value: &str, visitors| Cell {
        site: site(),
        day: LocalDay(day),
        hour,
        dimension,
        value: value.into(),
        by: Dimension::Total,
        by_value: "".into(),
        counts: Counts { visitors, pageviews: visitors, ..Counts::default() },
    };
    let mut changes = flush([JUNE], 3);
    for day in [JUNE, JUNE + 1] {
        changes.cells.push(cell(day, None, Dimension::Total, "", 20));
        changes.cells.push(cell(day, None, Dimension::City, "Small, XX", 2));
        changes.cells.push(cell(day, Some(3), Dimension::City, "Small, XX", 2));
    }
    changes.lost = vec![LostLine { hour: i64::from(JUNE) * 24, loss: Loss::Expired, records: 1 }];
    changes.reached = Some(ReachedLine { partition: 0, at: Millis(1) });
    store.insert("token", &changes).await.unwrap();
    let days = store.days_not_closed().await.unwrap();
    assert_eq!(days.len(), 2);
    for day in &days {
        assert_eq!(store.close_day(day, 10).await.unwrap().cells, 1);
    }
    store.sweep_closed_days(&days).await.unwrap();
    assert_eq!(store.days_not_closed().await.unwrap(), Vec::<ClosedDay>::new());
    for done in [false, true] {
        let mark = ImportMark { bytes: 1, sha256: [1; 32], hits_wait: false, fold_version: 1, done };
        store.note_import(&site(), &mark).await.unwrap();
    }
    assert_eq!(store.import_marks(&site()).await.unwrap().len(), 1);
    // Part of a month, and the rest of it: in the year 2100 by the caller's word, so that what was noted today is old.
    let late = LocalDay(48_000);
    let kept = [Kept { site: site(), first_day: LocalDay(JUNE + 1) }];
    assert_eq!(store.forget(&kept, late, LocalDay(JUNE)).await.unwrap().counts, 0);
    let others = [Kept { site: Domain::parse("other.org").unwrap(), first_day: late }];
    let one = Changes { cells: vec![cell(JUNE + 2, None, Dimension::Total, "", 20)], ..Changes::default() };
    store.insert("later", &one).await.unwrap();
    assert!(store.forget(&others, late, late).await.unwrap().counts > 0);
    let rest = ClosedDay { site: site(), day: LocalDay(JUNE + 2) };
    store.close_day(&rest, 10).await.unwrap();
    assert_eq!(store.forget(&others, late, late).await.unwrap().counts, 1);
}

async fn read(store: &Store) {
    store.ping().await.unwrap();
    store.check_schema().await.unwrap();
    store.live(&site(), Millis(0)).await.unwrap();
    store.live_minutes(&site(), Millis(0)).await.unwrap();
    store.complete_to(Millis(0)).await.unwrap();
    store.first_day(&[site()]).await.unwrap();
    store.ledger(&site(), Millis(0), Millis(1)).await.unwrap();
    store.lost(Millis(0), Millis(1)).await.unwrap();
    for (over_time, by_value) in [(None, false), (Some(Grain::Day), false), (None, true), (Some(Grain::Day), true)] {
        let page = Selection::all(Dimension::Page, String::new());
        store
            .ask(&Question {
                sites: vec![site()],
                span: Span::Days { first: LocalDay(JUNE), last: LocalDay(JUNE) },
                cells: if by_value { Cells::Of(page) } else { Cells::Total },
                over_time,
                by_value: by_value.then_some(Dimension::Page),
                order: Vec::new(),
                limit: 10,
                offset: 0,
            })
            .await
            .unwrap();
    }
    for of in [Measured::Site, Measured::By(Dimension::Page, None)] {
        let days = (LocalDay(JUNE), LocalDay(JUNE));
        store.vitals(&VitalsQuestion { site: site(), days, of, limit: 10, in_tens: false }).await.unwrap();
    }
    store.property_names(&site(), (LocalDay(JUNE), LocalDay(JUNE)), 10).await.unwrap();
    let columns = store.columns().await.unwrap();
    store.logs_of_engine().await.unwrap();
    store.suspicious(&columns).await.unwrap();
    store.small_cells_of_closed_days(&site(), 10).await.unwrap();
    store.overdue_days(&[], LocalDay(0)).await.unwrap();
    store.ledger_lines().await.unwrap();
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn compare(name: &str, sent: &ByRole) {
    compare_text(name, &written(sent));
}

fn compare_text(name: &str, text: &str) {
    let path = golden(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let line = golden.lines().zip(text.lines()).find(|(one, other)| one != other);
    assert!(golden == text, "{name} differs from what is sent, first at {line:?}; UPDATE_GOLDEN=1 writes it anew");
}

/// Each statement once, with the settings it is sent with; a token is shown as one.
fn written(sent: &ByRole) -> String {
    let mut text = String::new();
    for (role, sent) in sent {
        text.push_str(&format!("-- Sent by: {role}.\n\n"));
        let mut seen = Vec::new();
        for Sent { statement, settings } in sent {
            let shown = |(name, value): &(String, String)| match name.as_str() {
                "insert_deduplication_token" => format!("-- {name} = (its token)\n"),
                _ => format!("-- {name} = {value}\n"),
            };
            let mut settings: Vec<String> =
                settings.iter().filter(|(name, _)| !name.starts_with("param_")).map(shown).collect();
            settings.sort();
            let one = format!("{}{}\n;\n\n", settings.concat(), statement.trim());
            if !seen.contains(&one) {
                text.push_str(&one);
                seen.push(one);
            }
        }
    }
    text
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/clickhouse")
}

/// What a role may do: a privilege and what on, as `GRANT` says it.
fn grants(role: &str) -> Vec<(String, String)> {
    let sql = std::fs::read_to_string(deploy().join("users.sql")).unwrap();
    let grant = Regex::new(r"(?m)^GRANT ([A-Z ,]+) ON ([a-z_.*]+) TO footfall_([a-z]+);$").unwrap();
    let of_role = grant.captures_iter(&sql).filter(|found| &found[3] == role);
    let each = |found: regex::Captures<'_>| {
        let on = found[2].to_owned();
        found[1].split(", ").map(|privilege| (privilege.to_owned(), on.clone())).collect::<Vec<_>>()
    };
    of_role.flat_map(each).collect()
}

/// What a statement needs, by its words.
fn needed(statement: &str) -> Vec<(String, String)> {
    let words: String =
        statement.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join(" ");
    let on = |table: &str| match table.contains('.') {
        true => table.to_owned(),
        false => format!("footfall.{table}"),
    };
    let mut needed = Vec::new();
    for (pattern, privilege) in [
        (r"(?-u:\b)FROM `?([a-z_]+(?:\.[a-z_]+)?)`?", "SELECT"),
        // Who may select from a table may have it described.
        (r"^DESCRIBE TABLE `([a-z]+)`", "SELECT"),
        (r"^INSERT INTO `?([a-z]+)`?", "INSERT"),
        (r"^CREATE TABLE IF NOT EXISTS ([a-z]+)", "CREATE TABLE"),
        (r"^OPTIMIZE TABLE ([a-z]+)", "OPTIMIZE"),
        (r"^ALTER TABLE ([a-z]+) (?:DELETE|DROP PARTITION)", "ALTER DELETE"),
        (r"^ALTER TABLE ([a-z]+) .*ADD COLUMN", "ALTER ADD COLUMN"),
        (r"^ALTER TABLE ([a-z]+) .*MODIFY ORDER BY", "ALTER ORDER BY"),
        (r"^ALTER TABLE ([a-z]+) .*MODIFY SETTING", "ALTER SETTINGS"),
        (r"^ALTER TABLE ([a-z]+) .*ADD PROJECTION", "ALTER ADD PROJECTION"),
        (r"^ALTER TABLE ([a-z]+) .*MATERIALIZE PROJECTION", "ALTER MATERIALIZE PROJECTION"),
        (r"^ALTER TABLE ([a-z]+) CLEAR PROJECTION", "ALTER CLEAR PROJECTION"),
    ] {
        let found = Regex::new(pattern).unwrap();
        needed.extend(found.captures_iter(words.trim()).map(|found| (privilege.to_owned(), on(&found[1]))));
    }
    if words.starts_with("CREATE DATABASE") {
        needed.push(("CREATE DATABASE".to_owned(), "footfall.*".to_owned()));
    }
    if words.contains(" ON CLUSTER ") {
        needed.push(("CLUSTER".to_owned(), "*.*".to_owned()));
    }
    needed
}

/// Every statement is covered by its role's grants.
fn covered(sent: &ByRole) {
    for (role, sent) in sent {
        let granted = grants(role);
        let covers = |privilege: &str, on: &str| {
            let database = format!("{}.*", on.split('.').next().unwrap());
            granted.iter().any(|(name, where_to)| name == privilege && (where_to == on || *where_to == database))
        };
        for Sent { statement, .. } in sent {
            let needed = needed(statement);
            let is_anybodys =
                ["SELECT 1", "SELECT version()", &format!("SELECT '{LTS}")].iter().any(|of| statement.starts_with(of));
            assert!(!needed.is_empty() || is_anybodys, "needs nothing: {statement}");
            for (privilege, on) in needed {
                assert!(covers(&privilege, &on), "{role} may not {privilege} ON {on}: {statement}");
            }
        }
    }
}

#[tokio::test]
async fn the_statements_that_make_the_users_are_valid_and_give_each_the_least() {
    let host = Host::start();
    let sql = std::fs::read_to_string(deploy().join("users.sql")).unwrap();
    let sql: String = sql.lines().filter(|line| !line.starts_with("--")).map(|line| format!("{line}\n")).collect();
    let statements: Vec<&str> = sql.split(";\n").map(str::trim).filter(|text| !text.is_empty()).collect();
    assert!(statements.len() > 10);
    for statement in statements {
        let quoted = statement.replace('\\', "\\\\").replace('\'', "\\'");
        host.ask_plain(&format!("SELECT formatQuery('{quoted}') FORMAT Null")).await;
    }
    let of = |role| grants(role).into_iter().map(|(privilege, _)| privilege).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(of("dashboard").into_iter().collect::<Vec<_>>(), ["SELECT", "SHOW TABLES"]);
    let of_processor =
        ["ALTER CLEAR PROJECTION", "ALTER DELETE", "ALTER MATERIALIZE PROJECTION", "INSERT", "OPTIMIZE", "SELECT"];
    assert_eq!(of("processor").into_iter().collect::<Vec<_>>(), of_processor);
    assert!(!sql.contains("GRANT ALL") && !sql.contains("GRANT OPTION"));
}
