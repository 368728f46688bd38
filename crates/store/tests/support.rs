//! An engine process per test, on a directory that goes away, and shorthands for what is written and asked.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use model::{Cell, Changes, Counts, Dimension, Domain, LedgerLine, LiveLine, LocalDay, Measured, Millis, Outcome};
use store::{Store, StoreConfig};
use tempfile::TempDir;

/// The example `engine`, built beside this test.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples/engine")
}

/// Makes sure that the library is there, fetching it as `make test` does.
pub fn fetch() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/fetch-engine.sh");
        assert!(Command::new("sh").arg(script).status().unwrap().success(), "the engine cannot be fetched");
    });
}

/// A running engine process.
pub struct Host {
    pub url: String,
    pub data: TempDir,
    process: Child,
}

impl Host {
    pub fn start() -> Self {
        Self::on(tempfile::tempdir().unwrap())
    }

    pub fn on(data: TempDir) -> Self {
        fetch();
        let mut process = command(data.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("ready ").expect("the engine does not start").to_owned();
        Self { url, data, process }
    }

    /// `kill -9`, then a new process on the same directory.
    pub fn killed_and_restarted(self) -> Self {
        Self::on(self.kill())
    }

    /// `kill -9`.
    pub fn kill(mut self) -> TempDir {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::mem::replace(&mut self.data, tempfile::tempdir().unwrap())
    }

    /// `SIGTERM`; says whether it ended well.
    pub fn terminate(mut self) -> bool {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.process.wait().unwrap().success()
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn store(&self) -> Store {
        Store::connect(&self.config())
    }

    pub fn config(&self) -> StoreConfig {
        StoreConfig {
            url: self.url.clone(),
            database: "footfall".to_owned(),
            user: "default".to_owned(),
            password: String::new(),
        }
    }

    /// Asks for one text.
    pub async fn ask(&self, sql: &str) -> String {
        let (status, text) = self.post("/?database=footfall", sql.to_owned()).await;
        assert_eq!(status, 200, "{sql}: {text}");
        text.trim_end().to_owned()
    }

    /// Asks without a database.
    pub async fn ask_plain(&self, sql: &str) -> String {
        let (status, text) = self.post("/", sql.to_owned()).await;
        assert_eq!(status, 200, "{sql}: {text}");
        text
    }

    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> (u16, String) {
        let answer = self.send(http::Request::post(format!("{}{path}", self.url)), body.into()).await;
        (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
    }

    pub async fn send(&self, request: http::request::Builder, body: Bytes) -> http::Response<Bytes> {
        send(request, body).await.unwrap()
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most that it was, since that was last forgotten.
    pub fn peak_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    pub fn forget_peak(&self) {
        // As proc(5) has it.
        std::fs::write(format!("/proc/{}/clear_refs", self.id()), "5").unwrap();
    }

    fn status_bytes(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn command(data: &Path) -> Command {
    let mut command = Command::new(program());
    command.args(["engine", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    command
}

pub async fn send(request: http::request::Builder, body: Bytes) -> Result<http::Response<Bytes>, String> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request.body(Full::new(body)).unwrap()).await.map_err(|error| error.to_string())?;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok(http::Response::from_parts(parts, body))
}

/// Waits until something holds, at most half a minute.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < deadline, "{what}: not within 30 s");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn site() -> Domain {
    Domain::parse("example.com").unwrap()
}

/// The 1st of June 2026.
pub const JUNE: i32 = 20_605;

pub fn cell(day: i32, page: &str, pageviews: i64) -> Cell {
    Cell {
        site: site(),
        day: LocalDay(day),
        hour: None,
        dimension: Dimension::Page,
        value: page.into(),
        by: Dimension::Total,
        by_value: "".into(),
        counts: Counts { pageviews, visitors: 1, revenue_micros: -pageviews, ..Counts::default() },
    }
}

/// A flush: `pages` cells a day over the days, a ledger line and a live line.
pub fn flush(days: impl IntoIterator<Item = i32>, pages: usize) -> Changes {
    let cells: Vec<Cell> =
        days.into_iter().flat_map(|day| (0..pages).map(move |page| cell(day, &format!("/page/{page}"), 3))).collect();
    let minute = i64::from(JUNE) * 24 * 60;
    let ledger = vec![LedgerLine { site: site(), minute, outcome: Outcome::Counted(Measured::Full), hits: 5 }];
    // Live lines are forgotten after two hours of the engine's own clock: this one lies in the year 2100.
    let live = vec![LiveLine { site: site(), at: Millis(47_482 * 86_400_000), partition: 0, visitors: 2 }];
    Changes { cells, ledger, live, ..Changes::default() }
}

/// Page views and rows counted, hits in the ledger, live lines.
pub async fn totals(host: &Host) -> [i64; 3] {
    let text = host
        .ask("SELECT (SELECT sum(pageviews) FROM counts), (SELECT sum(hits) FROM ledger), (SELECT count() FROM live)")
        .await;
    let numbers: Vec<i64> = text.split('\t').map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}
