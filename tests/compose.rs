//! The compose deployment without containers: its own scripts make the secrets, start the broker and hand out rights, and our roles
//! run with the variables that `docker-compose.yml` gives them, on a real Kafka with SCRAM, a real PostgreSQL, and the engine, which has
//! no users, in ClickHouse's place.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::distributed::{kafka_server, postgres};
use crate::harness::{AGENT, Server, eventually, footfall};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The lines that stand deeper than `head`, which stands alone on a line.
fn below<'t>(text: &'t str, head: &str) -> Vec<&'t str> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| *line != head).skip(1);
    lines.by_ref().take_while(|line| line.is_empty() || depth(line) > depth(head)).collect()
}

/// What a service of the compose file has in its environment, with what it shares with others; variables of the caller have their defaults.
fn environment(service: &str) -> BTreeMap<String, String> {
    let file = std::fs::read_to_string(root().join("docker-compose.yml")).unwrap();
    let of_service = below(&file, &format!("  {service}:")).join("\n");
    let mut lines = below(&of_service, "    environment:");
    assert!(!lines.is_empty(), "{service} has no environment");
    if lines.iter().any(|line| line.trim() == "<<: *kafka") {
        lines.extend(below(&file, "x-kafka: &kafka"));
    }
    let pairs = lines.into_iter().filter_map(|line| line.trim().split_once(": "));
    let pairs = pairs.filter(|(key, _)| key.starts_with("FOOTFALL_"));
    let told = |value: &str| {
        let value = value.trim_matches('"');
        let default = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')?.split_once(":-"));
        default.map_or(value, |(_, default)| default).to_owned()
    };
    pairs.map(|(key, value)| (key.to_owned(), told(value))).collect()
}

/// Runs a script of the deployment to its end.
fn script(name: &str, variables: &[(&str, &str)]) {
    script_on(name, &[], variables);
}

fn script_on(name: &str, arguments: &[&str], variables: &[(&str, &str)]) {
    let shell = if name.ends_with("secrets.sh") { "sh" } else { "bash" };
    let mut command = Command::new(shell);
    command.arg(root().join(name)).args(arguments);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
}

/// The directories that volumes are mounted at; who is not root owns everything, and is told that owners are not checked.
fn make_secrets(at: &Path) {
    let (secrets, data) = (at.join("run/secrets"), at.join("data"));
    let services =
        ["admin", "kafka", "clickhouse", "postgres", "collector", "processor", "dashboard", "migrate", "grafana"];
    for name in services {
        std::fs::create_dir_all(secrets.join(name)).unwrap();
    }
    for name in ["collector", "processor", "keys", "dashboard"] {
        std::fs::create_dir_all(data.join(name)).unwrap();
    }
    let is_root = rustix::process::geteuid().is_root();
    let mut path = std::env::var("PATH").unwrap();
    if !is_root {
        eprintln!("not root: the owners of the secrets are not checked");
        let bin = at.join("as-if-root");
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink("/bin/true", bin.join("chown")).unwrap();
        path = format!("{}:{path}", bin.display());
    }
    let variables = [("SECRETS", secrets.to_str().unwrap()), ("DATA", data.to_str().unwrap()), ("PATH", &path)];
    script("deploy/compose/secrets.sh", &variables);
    let read = |name: &str| std::fs::read_to_string(secrets.join(name)).unwrap();
    let before = read("admin/kafka-processor");
    assert!(before.len() == 64 && before.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(read("processor/kafka"), before);
    assert_ne!(read("collector/kafka"), before);
    script("deploy/compose/secrets.sh", &variables);
    assert_eq!((read("admin/kafka-processor"), read("processor/kafka")), (before.clone(), before), "never changed");
    for (name, owner) in
        [("kafka", 1_000), ("postgres", 999), ("collector", 10_001), ("processor", 10_001), ("grafana", 472)]
    {
        for file in std::fs::read_dir(secrets.join(name)).unwrap().flatten() {
            let metadata = file.metadata().unwrap();
            assert_eq!(metadata.mode() & 0o077, 0, "{file:?} is read by others");
            assert!(!is_root || metadata.uid() == owner, "{file:?}");
        }
    }
}

/// The file in which the engine keeps the tokens of a table's newest inserts, of each table that has any.
fn notes_of_tokens(engine: &Path) -> Vec<PathBuf> {
    let entries = |path: &Path| std::fs::read_dir(path).map(|all| all.flatten().map(|entry| entry.path()).collect());
    let entries = |path: &Path| -> Vec<PathBuf> { entries(path).unwrap_or_default() };
    let tables = entries(&engine.join("store")).into_iter().flat_map(|group| entries(&group));
    let noted = |log: &PathBuf| std::fs::metadata(log).is_ok_and(|file| file.len() > 0);
    let logs = |table: PathBuf| entries(&table.join("deduplication_logs")).into_iter().filter(noted);
    tables.filter_map(|table| logs(table).max_by_key(|log| number(log))).collect()
}

fn number(log: &Path) -> u64 {
    log.file_stem().and_then(|stem| stem.to_str()?.rsplit('_').next()?.parse().ok()).unwrap()
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

/// What the engine does by itself at its start, and a ClickHouse server does not.
#[test]
fn an_insert_that_a_killed_clickhouse_noted_and_did_not_make_visible_is_taken_back_before_it_starts() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("engine");
    let server = Server::start(directory.path(), &["example.com"]);
    server.event(&json!({ "name": "pageview", "domain": "example.com", "url": "https://example.com/" }));
    eventually("a count", || (server.totals("example.com", &["pageviews"]) == [1]).then_some(()));
    server.stop();
    let migrate = |engine: &Server| {
        let mut command = footfall();
        command.arg("migrate").env("FOOTFALL_CLICKHOUSE", engine.url()).env("FOOTFALL_DATA", directory.path());
        assert!(command.status().unwrap().success());
    };
    // As the engine left it, nothing is to do.
    let notes = notes_of_tokens(&data);
    let before: Vec<String> = notes.iter().map(|log| read(log)).collect();
    assert!(!before.is_empty() && before.iter().all(|notes| notes.ends_with('\n')), "{before:?}");
    let repair = || script_on("deploy/clickhouse/repair.sh", &[data.to_str().unwrap()], &[]);
    repair();
    assert_eq!(notes.iter().map(|log| read(log)).collect::<Vec<_>>(), before);
    // As after some hours. Then a kill between an insert's notes and its part, and one within a note.
    let many: String =
        (0..20_000).map(|at| format!("1\tall_{at}_{at}_0\tj-0-{at}-{}-1/counts/202611/0\n", at + 1)).collect();
    let before: Vec<String> = before.iter().map(|notes| format!("{many}{notes}")).collect();
    let cut = ["1\tall_900_900_0\tx\n1\tall_901_901_0\ty/0\n1\tall_901_901_0\ty/1\n", "1\tall_902_9"];
    for (log, before) in notes.iter().zip(&before) {
        std::fs::write(log, format!("{before}{}", cut.concat())).unwrap();
    }
    let copy = directory.path().join("copy");
    assert!(Command::new("cp").arg("-r").arg(&data).arg(&copy).status().unwrap().success());
    repair();
    for (log, before) in notes.iter().zip(&before) {
        let taken_back = "2\tall_901_901_0\ty/1\n2\tall_901_901_0\ty/0\n";
        assert_eq!(read(log), format!("{before}{}{taken_back}", cut[0]));
    }
    let said = |engine: &Path| {
        let mut command = footfall();
        command.args(["engine", "--listen", "127.0.0.1:0", "--data"]).arg(engine);
        let log = engine.with_extension("log");
        migrate(&Server::logging(&mut command, &log));
        read(&log.with_extension("err"))
    };
    assert!(said(&copy).contains("took back tokens"), "the engine finds what the script was not run on");
    assert!(!said(&data).contains("took back tokens"), "and agrees with the script where it was");
}

#[test]
fn a_directory_whose_tables_cannot_be_looked_at_is_refused_and_one_without_any_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let made = |name: &str| std::fs::create_dir_all(path(name)).unwrap();
    let table = "tables/store/aaa/one";
    for name in ["empty", "no-store", &format!("{table}/deduplication_logs"), &format!("{table}/all_1_1_0")] {
        made(name);
    }
    std::fs::write(path(&format!("{table}/deduplication_logs/deduplication_log_1.txt")), "1\tall_1_1_0\tx\n").unwrap();
    made("tables/store/aaa/other");
    std::fs::write(path("file"), "").unwrap();
    std::fs::write(path("no-store/store"), "").unwrap();
    let ran = |arguments: &[&str]| {
        let script = root().join("deploy/clickhouse/repair.sh");
        let output = Command::new("bash").arg(script).args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let [tables, nowhere, file, no_store, empty] = ["tables", "nowhere", "file", "no-store", "empty"].map(path);
    let cases: [(&[&str], i32, &str); 9] = [
        (&[], 2, "it takes the server's data directory"),
        (&[""], 2, "it takes the server's data directory"),
        (&["--help"], 2, "repair.sh /var/lib/clickhouse"),
        (&[&tables, &tables], 2, "nothing else"),
        (&[&nowhere], 1, "is no directory"),
        (&[&file], 1, "is no directory"),
        (&[&no_store], 1, "no-store/store is no directory"),
        (&[&empty], 0, "has no store yet"),
        (&[&tables], 0, "looked at 1 tables that note inserts"),
    ];
    for (arguments, code, said) in cases {
        let (found, told) = ran(arguments);
        assert!(found == code && told.contains(said), "{arguments:?}: {found} {told}");
    }
    assert!(ran(&[&tables]).1.contains("repaired 0"));
    // Root sees everything, whatever its mode.
    if rustix::process::geteuid().is_root() {
        return;
    }
    for hidden in ["tables/store/aaa/one", "tables/store/aaa", "tables/store", "tables"] {
        let mode = |mode| std::fs::set_permissions(path(hidden), PermissionsExt::from_mode(mode)).unwrap();
        mode(0o300);
        let (code, told) = ran(&[&tables]);
        mode(0o700);
        assert!(code == 1 && told.contains("cannot be read by"), "{hidden}: {code} {told}");
    }
}

#[test]
fn the_compose_deployment_works_from_its_own_scripts_and_variables() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let path = |name: &str| at.join(name).to_str().unwrap().to_owned();
    make_secrets(at);

    kafka_server::fetch();
    // Its controller takes the port behind it.
    let port = loop {
        let port = kafka_server::listen().local_addr().unwrap().port();
        if std::net::TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            break port;
        }
    };
    let home = at.join("kafka");
    let bin = kafka_server::tools(&home);
    let log = std::fs::File::create(at.join("broker.log")).unwrap();
    let mut command = Command::new("bash");
    command.arg(root().join("deploy/compose/kafka.sh")).env("KAFKA_HOME", &home).env("KAFKA_DATA", path("kafka/data"));
    command.env("KAFKA_HOST", "127.0.0.1").env("KAFKA_PORT", port.to_string()).env("TMPDIR", at);
    command.env("KAFKA_ADMIN_PASSWORD_FILE", path("run/secrets/kafka/kafka-admin"));
    command.stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null());
    std::fs::create_dir(at.join("kafka/data")).unwrap();
    let broker = Server { child: command.spawn().unwrap(), address: format!("127.0.0.1:{port}") };
    kafka_server::await_start(&at.join("broker.log"));
    script(
        "deploy/compose/kafka-rights.sh",
        &[
            ("PASSWORDS", &path("run/secrets/admin")),
            ("KAFKA_SCRIPTS", root().join("deploy/kafka").to_str().unwrap()),
            ("KAFKA_BIN", bin.to_str().unwrap()),
            ("BOOTSTRAP", &broker.address),
            ("FOOTFALL_KAFKA_REPLICATION", "1"),
            ("FOOTFALL_KAFKA_IN_SYNC", "1"),
            ("TMPDIR", at.to_str().unwrap()),
        ],
    );

    let settings = postgres::Server::bare();
    let (socket, postgres_port) = settings.socket();
    script(
        "deploy/compose/postgres.sh",
        &[
            ("PASSWORD_FILE", &path("run/secrets/postgres/postgres-dashboard")),
            ("POSTGRES_PASSWORD", "not asked at the socket"),
            ("PGHOST", socket.to_str().unwrap()),
            ("PGPORT", &postgres_port),
        ],
    );
    let mut engine = footfall();
    engine.args(["engine", "--listen", "127.0.0.1:0", "--data"]).arg(path("engine"));
    let engine = Server::logging(&mut engine, &at.join("engine-log"));

    let role = |service: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_footfall"));
        // The engine has no users: ClickHouse's own script and rights are not run here.
        let of_a_server = ["FOOTFALL_CLICKHOUSE_USER", "FOOTFALL_CLICKHOUSE_PASSWORD_FILE"];
        for (key, value) in environment(service).into_iter().filter(|(key, _)| !of_a_server.contains(&key.as_str())) {
            let here = value
                .replace("kafka:9092", &broker.address)
                .replace("http://clickhouse:8123", &engine.url())
                .replace("@postgres/", &format!("@127.0.0.1:{postgres_port}/"))
                .replace("/run/secrets", &path("run/secrets"))
                .replace("/var/lib/footfall/keys", &path("data/keys"))
                .replace("0.0.0.0:8080", "127.0.0.1:0");
            command.env(key, here);
        }
        command.arg(service).env("FOOTFALL_DATA", path(&format!("data/{service}"))).env("FOOTFALL_FLUSH", "300ms");
        command
    };
    let migrated = role("migrate").output().unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
    let start = |service: &str| {
        let mut command = role(service);
        if service == "dashboard" {
            command.env("FOOTFALL_TOKEN", std::fs::read_to_string(path("run/secrets/dashboard/token")).unwrap());
        }
        Server::logging(&mut command, &at.join(service))
    };
    let (processor, dashboard, collector) = (start("processor"), start("dashboard"), start("collector"));
    for server in [&processor, &dashboard, &collector] {
        let mut healthy = Command::new("bash");
        healthy.arg(root().join("deploy/healthcheck.sh")).arg("/healthz").env("FOOTFALL_LISTEN", &server.address);
        assert!(healthy.status().unwrap().success(), "{}", server.address);
    }
    let site = "example.com";
    eventually("the collector has heard of the site", || {
        (collector.send("GET", &format!("/privacy?d={site}"), &[], b"").status == 200).then_some(())
    });
    let event = json!({ "name": "pageview", "domain": site, "url": format!("https://{site}/") }).to_string();
    let headers = [("user-agent", AGENT), ("content-type", "application/json")];
    for _view in 0..3 {
        assert_eq!(collector.send("POST", "/api/event", &headers, event.as_bytes()).status, 202);
    }
    let token = std::fs::read_to_string(path("run/secrets/dashboard/token")).unwrap();
    let asked = json!({ "site_id": site, "metrics": ["visitors", "pageviews"], "date_range": "2d" }).to_string();
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    eventually("three views of one visitor", || {
        let answer = dashboard.send("POST", "/api/v2/query", &headers, asked.as_bytes());
        (answer.status == 200 && answer.json()["results"][0]["metrics"] == json!([1, 3])).then_some(())
    });
    let secrets: Vec<PathBuf> =
        std::fs::read_dir(at.join("run/secrets/admin")).unwrap().flatten().map(|file| file.path()).collect();
    assert_eq!(secrets.len(), 10);
    let said: String = std::fs::read_dir(at)
        .unwrap()
        .flatten()
        .filter(|file| file.path().extension().is_some_and(|end| end == "log" || end == "err" || end == "out"))
        .map(|file| std::fs::read_to_string(file.path()).unwrap())
        .collect();
    for secret in secrets {
        assert!(!said.contains(std::fs::read_to_string(&secret).unwrap().trim()), "{secret:?} is in a log");
    }
}
