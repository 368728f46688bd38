//! Point 1 of the promises: no readable identifier at rest. Ten thousand hits through every door of the real program carry known
//! addresses, user agents, e-mail addresses, click ids, cookies, consent strings, names, passwords and tokens; then every byte that
//! was written anywhere is searched for each of them in every form of [`forms`].
//!
//! The engine's files are compressed, so besides their bytes every table of every database is read out and searched, the
//! engine's own tables too. It cannot find what is encrypted under a key that is not on the disk, nor a name in plain words that a
//! page puts into its path: no rule could know it. The search is itself tested: each form of each secret is planted and found.
//!
//! And what strangers send begins no line of a log, whatever line ends it holds.

#[path = "canary/forms.rs"]
mod forms;
#[path = "canary/hits.rs"]
mod hits;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::harness::{Server, eventually, footfall, request, terminate};
use forms::{Needles, Salt};
use hits::{OTHER_SITE, SITE};

/// Two sites: one with every default, one with a pattern of its own.
const CONFIG: &str = "trusted_proxies = [\"127.0.0.0/8\"]\n[[site]]\ndomain = \"shop.example\"\n\
    [[site]]\ndomain = \"club.example\"\nredact_paths = [\"/members/*\"]\n";

/// A path that has to be found, or the search looks in the wrong place.
const MUST_BE_THERE: &str = "/a-page-that-is-kept";

/// Everything of one run: the data directory, and every other place that the program can write to.
struct Places {
    root: tempfile::TempDir,
    /// What the importer reads: full of secrets, and not the program's.
    inputs: tempfile::TempDir,
}

impl Places {
    fn make() -> Self {
        let places = Self { root: tempfile::tempdir().unwrap(), inputs: tempfile::tempdir().unwrap() };
        for name in ["data", "tmp", "home", "logs", "exports"] {
            fs::create_dir(places.of(name)).unwrap();
        }
        fs::write(places.of("data").join("footfall.toml"), CONFIG).unwrap();
        places
    }

    fn of(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The program, with every place it could write to inside the root, and as talkative as it can be.
    fn command(&self) -> Command {
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache"), PathBuf::from);
        let mut command = footfall();
        command.env("FOOTFALL_LOG", "trace").env_remove("FOOTFALL_TOKEN").current_dir(self.of("home"));
        if std::env::var_os("FOOTFALL_CACHE").is_none() {
            command.env("FOOTFALL_CACHE", cache.join("footfall"));
        }
        command.env("TMPDIR", self.of("tmp")).env("HOME", self.of("home"));
        command
    }

    /// A server whose output goes to files, and the API token that it made.
    fn serve(&self) -> (Server, String) {
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--flush", "200ms", "--data"]).arg(self.of("data"));
        command.arg("--config").arg(self.of("data").join("footfall.toml"));
        let server = Server::logging(&mut command, &self.of("logs").join("serve"));
        let said = fs::read_to_string(self.of("logs").join("serve.err")).unwrap();
        let token = said.lines().find_map(|line| line.strip_prefix("API token, shown this once: ")).unwrap().to_owned();
        (server, token)
    }

    /// Runs a command to its end, its output in files; whether it ended well is not asked: some are meant to fail.
    fn run(&self, name: &str, arguments: &[&str], token: &str) {
        let file = |end: &str| fs::File::create(self.of("exports").join(format!("{name}.{end}"))).unwrap();
        let mut command = self.command();
        command.args(arguments).env("FOOTFALL_TOKEN", token).stdout(file("out")).stderr(file("err"));
        command.status().unwrap();
    }
}

#[test]
fn ten_thousand_hits_leave_no_identifier_in_any_byte_written() {
    let places = Places::make();
    let (server, token) = places.serve();
    let sent = hits::send(&server, MUST_BE_THERE);
    assert!(sent >= 7_000, "{sent} over HTTP");
    let imported = import(&places, &server, &token);
    assert!(sent + imported >= 10_000, "{sent} over HTTP and {imported} imported");
    hits::send_what_is_wrong(&server, &token);
    eventually("the hits are in the counts", || {
        let authorization = format!("Bearer {token}");
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let question = json!({ "site_id": SITE, "metrics": ["pageviews"], "date_range": "all" }).to_string();
        let answer = server.send("POST", "/api/v2/query", &headers, question.as_bytes()).json();
        (answer["results"][0]["metrics"][0].as_i64()? >= 7_000).then_some(())
    });
    export(&places, &server, &token);

    let salts = salts(&places.of("data"));
    let needles = Needles::make(&hits::secrets(), &hits::addresses(), &salts);
    needles.check_themselves();
    // While it runs: what is written and removed again is there now.
    let running = needles.scan(places.root.path());
    server.stop();
    // Written directly into the directory that the server left.
    let log = places.inputs.path().join("direct.log");
    fs::write(&log, hits::access_log(2_000..2_500)).unwrap();
    let data = places.of("data");
    let direct = ["import", "--site", SITE, "--data", data.to_str().unwrap(), log.to_str().unwrap()];
    places.run("import-direct", &direct, &token);

    let dump = places.of("dump");
    fs::create_dir(&dump).unwrap();
    dump_engine(&places, &dump);
    let rested = needles.scan(places.root.path());
    eprintln!("{} needles; {} bytes while running, {} at rest", needles.len(), running.bytes, rested.bytes);
    assert!(rested.bytes > 1_000_000, "the search read {} bytes only", rested.bytes);
    assert_eq!((running.found, rested.found), (vec![], vec![]));
    let everything = fs::read(dump.join("footfall.counts")).unwrap();
    for there in [MUST_BE_THERE, "/:email", "/members/:redacted", ":address"] {
        let found = everything.windows(there.len()).any(|window| window == there.as_bytes());
        assert!(found, "{there} is not in the dump of the counts: the search looks in the wrong place");
    }
}

/// A log is read line by line: whoever begins one says something in our name.
#[test]
fn line_ends_that_strangers_send_begin_no_line_of_a_log() {
    assert!(begins_a_line("as it was\r\nFORGED x") && begins_a_line("FORGED x") && begins_a_line("x\u{2028}FORGED x"));
    assert!(!begins_a_line("x FORGED x\n") && !begins_a_line("x\\r\\nFORGED"));
    let places = Places::make();
    let (server, token) = places.serve();
    let taken = hits::send_line_ends(&server);
    assert_eq!(taken, 6, "one of each kind of line end is a hit that counts");
    eventually("the hits are in the counts", || {
        let authorization = format!("Bearer {token}");
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let question = json!({ "site_id": SITE, "metrics": ["pageviews"], "date_range": "all" }).to_string();
        let answer = server.send("POST", "/api/v2/query", &headers, question.as_bytes()).json();
        (answer["results"][0]["metrics"][0].as_i64()? >= taken).then_some(())
    });
    server.stop();
    // What the engine says goes where its parent's words go. Each holds something that is known to be said.
    for (name, said) in
        [("logs/serve.out", "ready http://"), ("logs/serve.err", "DEBUG"), ("data/audit.log", "\"stopped\"")]
    {
        let log = String::from_utf8_lossy(&fs::read(places.of(name)).unwrap()).into_owned();
        assert!(log.contains(said), "{name}: {log}");
        assert!(!begins_a_line(&log), "{name}: {log}");
    }
}

/// Whether what a stranger sent stands at the beginning of a line, by anything that a reader of logs takes for the end of one.
fn begins_a_line(log: &str) -> bool {
    let ends = ['\n', '\r', '\u{85}', '\u{2028}'];
    log.match_indices(hits::FORGED)
        .any(|(at, _)| log[..at].chars().next_back().is_none_or(|before| ends.contains(&before)))
}

/// An access log and an events file into the running server.
fn import(places: &Places, server: &Server, token: &str) -> usize {
    let (log, events) = (places.inputs.path().join("access.log"), places.inputs.path().join("events.jsonl"));
    fs::write(&log, hits::access_log(0..2_000)).unwrap();
    fs::write(&events, hits::events_file(1_500)).unwrap();
    let url = server.url();
    for (name, file, format) in [("import-log", &log, "combined"), ("import-events", &events, "events")] {
        let file = file.to_str().unwrap();
        places.run(name, &["import", "--site", SITE, "--json", "--format", format, "--url", &url, file], token);
        let account = fs::read_to_string(places.of("exports").join(format!("{name}.out"))).unwrap();
        assert!(account.contains("\"counted\":"), "{name}: {account}");
    }
    // A file that is no log at all: its lines end in errors.
    let wrong = places.inputs.path().join("wrong.log");
    fs::write(&wrong, hits::access_log(0..20).replace('"', "")).unwrap();
    places.run("import-wrong", &["import", "--site", SITE, "--url", &url, wrong.to_str().unwrap()], token);
    3_500
}

/// What analysts, operators and visitors take away.
fn export(places: &Places, server: &Server, token: &str) {
    let url = server.url();
    for (number, dimension) in hits::DIMENSIONS.iter().enumerate() {
        for site in [SITE, OTHER_SITE] {
            let question = json!({
                "site_id": site, "metrics": ["visitors", "events"], "date_range": "all", "dimensions": [dimension],
                "pagination": { "limit": 10_000, "offset": 0 },
            });
            let format = ["json", "csv", "table"][number % 3];
            let name = format!("query-{number}-{site}");
            places.run(&name, &["query", "--format", format, "--url", &url, &question.to_string()], token);
        }
    }
    let authorization = format!("Bearer {token}");
    let headers: &[(&str, &str)] = &[("authorization", &authorization)];
    for (name, path) in [
        ("metrics", "/metrics"),
        ("ledger", "/api/v1/ledger?site_id=shop.example&date_range=all"),
        ("sites", "/api/v1/sites"),
        ("realtime", "/api/v1/stats/realtime/visitors?site_id=shop.example"),
        ("notice", "/privacy?d=shop.example"),
        ("notice-json", "/privacy?d=shop.example&format=json"),
    ] {
        let answer = server.send("GET", path, &[headers, &hits::headers(7)].concat(), b"");
        assert_eq!(answer.status, 200, "{path}");
        fs::write(places.of("exports").join(name), &answer.body).unwrap();
    }
}

/// What whoever has the disk could have salted a digest with.
fn salts(data: &Path) -> Vec<Salt> {
    let read = |path: PathBuf| fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let now = jiff::Timestamp::try_from(fs::metadata(data.join("audit.log")).unwrap().modified().unwrap()).unwrap();
    let date = now.to_string()[..10].to_owned();
    let mut salts = vec![
        Salt::new("the token's digest", read(data.join("token.sha256"))),
        Salt::new("the journal's name", read(data.join("journal/name"))),
        Salt::new("the date", date.clone()),
        Salt::new("the date without hyphens", date.replace('-', "")),
    ];
    for site in [SITE, OTHER_SITE] {
        salts.push(Salt::new("the site", site));
        salts.push(Salt::new("site and date", format!("{site}{date}")));
        salts.push(Salt::new("date and site", format!("{date}{site}")));
    }
    for key in fs::read_dir(data.join("keys")).unwrap() {
        let bytes = read(key.unwrap().path());
        salts.push(Salt::new("an hour's key", bytes[8..].to_vec()));
        salts.push(Salt::new("an hour's key file", bytes));
    }
    salts
}

/// Every table of every database as text, in a file each, from an engine on a copy of the directory.
fn dump_engine(places: &Places, into: &Path) {
    let copy = places.inputs.path().join("engine");
    assert!(Command::new("cp").arg("-r").arg(places.of("data/engine")).arg(&copy).status().unwrap().success());
    let mut command = places.command();
    command.env("FOOTFALL_LOG", "warn").args(["engine", "--listen", "127.0.0.1:0", "--data"]).arg(&copy);
    let mut engine = Server::logging(&mut command, &places.inputs.path().join("engine-log"));
    let ask = |sql: &str| request(&engine.address, "POST", "/", &[], sql.as_bytes());
    // Tables that make their rows up have none of ours, and no end; the table of Unicode is
    // large, and looking at every thread's stack waits for all of them.
    let tables = ask("SELECT database, name FROM system.tables WHERE engine NOT IN \
                      ('SystemNumbers', 'SystemZeros', 'SystemPrimes', 'GenerateSeries') AND name NOT IN ('unicode', 'stack_trace') FORMAT TSV")
    .unwrap()
    .text();
    let (mut read, mut unreadable) = (0, Vec::new());
    for (database, table) in tables.lines().filter_map(|line| line.split_once('\t')) {
        // Some of the engine's own tables answer only when every thread of a busy machine has.
        match ask(&format!("SELECT * FROM `{database}`.`{table}` LIMIT 5000000 FORMAT TSVRaw")) {
            Ok(answer) if answer.status == 200 => {
                fs::write(into.join(format!("{database}.{table}")), &answer.body).unwrap();
                read += 1;
            }
            Ok(_) | Err(_) => unreadable.push(format!("{database}.{table}")),
        }
    }
    terminate(engine.child.id());
    engine.child.wait().unwrap();
    eprintln!("{read} tables read out; the engine refuses to read {unreadable:?}");
    assert!(read > 60, "only {read} tables could be read");
    // What the engine shows to nobody: who may do what in it. Never a table of ours, and never a log.
    assert!(unreadable.iter().all(|table| table.starts_with("system.") && !table.ends_with("_log")), "{unreadable:?}");
}
