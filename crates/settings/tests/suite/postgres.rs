//! What is about PostgreSQL alone: passwords, TLS, rights, and a server that goes away, hangs and comes back.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use settings::{Expected, Location, Settings, SettingsError};

use crate::bed::{Bed, site};
use crate::server::{PASSWORD, Server, shared};

async fn open(url: &str, password_file: Option<&Path>) -> Result<Settings, SettingsError> {
    Settings::open(&Location::parse(url, password_file).unwrap(), Bed::sqlite().clock()).await
}

fn password_file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

#[tokio::test]
async fn the_password_is_read_from_its_file_and_shows_in_no_error() {
    let url = shared().by_address(&shared().database());
    let right = password_file(&format!("{PASSWORD}\n"));
    let settings = open(&url, Some(right.path())).await.unwrap();
    settings.revision().await.unwrap();
    assert!(!format!("{settings:?}").contains(PASSWORD));
    let wrong = password_file("not-the-password-qzk");
    for file in [Some(wrong.path()), None] {
        let error = open(&url, file).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!error.retry() && shown.contains("password"), "{shown}");
        assert!(!shown.contains("qzk"), "{shown}");
    }
    let gone = open(&url, Some(Path::new("/nowhere/password"))).await.unwrap_err();
    assert!(gone.to_string().contains("/nowhere/password") && !gone.retry(), "{gone}");
    let missing = open(&shared().by_socket("no_such_database"), None).await.unwrap_err();
    assert!(missing.to_string().contains("no_such_database") && !missing.retry(), "{missing}");
}

#[tokio::test]
async fn tls_reaches_a_server_that_is_vouched_for_and_no_other() {
    let password = password_file(PASSWORD);
    let database = shared().database();
    let url = shared().by_address(&database);
    let trusted = shared().authorities();
    let verified = format!("{url}?sslmode=verify-full&sslrootcert={}", trusted.display());
    let settings = open(&verified, Some(password.path())).await.unwrap();
    settings.put_site(&site("example.com"), Expected::Nothing, "test").await.unwrap();
    let encrypted =
        "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND datname = current_database()";
    assert_ne!(shared().psql(&database, encrypted), "0");
    // The machine's own authorities do not vouch for it, nor does its certificate for another name.
    let other_name = verified.replace("127.0.0.1", "localhost");
    for refused in [format!("{url}?sslmode=verify-full"), other_name] {
        let error = open(&refused, Some(password.path())).await.unwrap_err();
        assert!(!error.retry() && error.to_string().to_lowercase().contains("certificate"), "{error}");
    }
}

#[tokio::test]
async fn who_may_not_change_tables_can_use_those_that_are_there() {
    let database = shared().database();
    let owner = open(&shared().by_socket(&database), None).await.unwrap();
    owner.put_site(&site("example.com"), Expected::Nothing, "owner").await.unwrap();
    shared().psql(
        &database,
        &format!(
            "CREATE ROLE reader_{database} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_{database}; \
             GRANT INSERT, UPDATE, DELETE ON counters, sites, zones, definitions, audit TO reader_{database}"
        ),
    );
    let url = shared().by_socket(&database).replace("footfall@", &format!("reader_{database}@"));
    let settings = open(&url, None).await.unwrap();
    settings.put_site(&site("other.example"), Expected::Nothing, "reader").await.unwrap();
    assert_eq!(settings.sites().await.unwrap().sites.len(), 2);
    // An empty database is another matter.
    let empty = shared().database();
    let url = shared().by_socket(&empty).replace("footfall@", &format!("reader_{database}@"));
    let error = open(&url, None).await.unwrap_err();
    assert!(error.to_string().contains("permission denied") && !error.retry(), "{error}");
}

#[tokio::test]
async fn a_database_of_another_encoding_is_refused() {
    shared().psql("postgres", "CREATE DATABASE latin OWNER footfall ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    let error = open(&shared().by_socket("latin"), None).await.unwrap_err();
    assert!(error.to_string().contains("LATIN1 and must be UTF8"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_is_an_error_to_try_again_and_is_found_when_it_comes_back() {
    let mut server = Server::start();
    let settings = open(&server.by_socket(&server.database()), None).await.unwrap();
    settings.put_site(&site("before.example"), Expected::Nothing, "test").await.unwrap();
    for round in 0..2 {
        server.kill();
        let begun = Instant::now();
        for error in [
            settings.revision().await.unwrap_err(),
            settings.put_site(&site("during.example"), Expected::Anything, "test").await.unwrap_err(),
        ] {
            assert!(error.retry() && error.to_string().ends_with("try again"), "round {round}: {error}");
        }
        assert!(begun.elapsed() < Duration::from_secs(25), "both calls are bounded: {:?}", begun.elapsed());
        server.restart();
        let revision = eventually(&settings).await;
        settings.put_site(&site(&format!("after-{round}.example")), Expected::Nothing, "test").await.unwrap();
        assert_eq!(settings.revision().await.unwrap().0, revision + 1);
    }
    let names: Vec<_> =
        settings.sites().await.unwrap().sites.into_iter().map(|stored| stored.site.domain.to_string()).collect();
    assert_eq!(names, ["after-0.example", "after-1.example", "before.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_an_error_in_time_and_is_found_when_it_goes_on() {
    let server = Server::start();
    let settings = open(&server.by_address("postgres").replace("footfall@", "nobody@"), None).await;
    assert!(settings.is_err(), "the server asks for passwords");
    let settings = open(&server.by_socket(&server.database()), None).await.unwrap();
    settings.put_site(&site("before.example"), Expected::Nothing, "test").await.unwrap();
    server.signal("-STOP");
    let begun = Instant::now();
    let error = settings.put_site(&site("during.example"), Expected::Nothing, "test").await.unwrap_err();
    server.signal("-CONT");
    assert!(error.retry() && begun.elapsed() < Duration::from_secs(20), "{error} after {:?}", begun.elapsed());
    eventually(&settings).await;
    settings.put_site(&site("after.example"), Expected::Nothing, "test").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_in_the_middle_of_a_change_undoes_it_and_holds_nobody_up() {
    let database = shared().database();
    let settings = open(&shared().by_socket(&database), None).await.unwrap();
    let options: sqlx::postgres::PgConnectOptions = shared().by_socket(&database).parse().unwrap();
    let pool = sqlx::PgPool::connect_with(options).await.unwrap();
    let mut half = pool.begin().await.unwrap();
    for statement in ["UPDATE counters SET value = value + 1", "INSERT INTO sites VALUES ('half.example', '{}', 1)"] {
        sqlx::raw_sql(statement).execute(&mut *half).await.unwrap();
    }
    let waiting = tokio::spawn({
        let settings = settings.clone();
        async move { settings.put_site(&site("whole.example"), Expected::Nothing, "test").await }
    });
    let held_up =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    until(|| shared().psql(&database, held_up) == "1").await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = current_database()";
    shared().psql(&database, cut);
    assert_eq!(waiting.await.unwrap().unwrap().0, 1, "the half change took no revision");
    assert_eq!(settings.sites().await.unwrap().sites.len(), 1);
}

/// Asks until there is an answer.
async fn eventually(settings: &Settings) -> i64 {
    let begun = Instant::now();
    loop {
        match settings.revision().await {
            Ok(revision) => return revision.0,
            Err(error) => assert!(error.retry() && begun.elapsed() < Duration::from_secs(60), "{error}"),
        }
    }
}

async fn until(mut seen: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !seen() {
        assert!(begun.elapsed() < Duration::from_secs(40), "never seen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
