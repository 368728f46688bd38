//! Starts and stops real servers, and speaks HTTP to them as a stranger would.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub const TOKEN: &str = "test-token";
pub const AGENT: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// How long anything may take that should take a second.
const PATIENCE: Duration = Duration::from_secs(40);

/// The binary under test.
pub fn footfall() -> Command {
    footfall_at(env!("CARGO_BIN_EXE_footfall"))
}

/// Another version's binary, started as the one under test is.
pub fn footfall_at(binary: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(binary);
    command.env("FOOTFALL_TOKEN", TOKEN).env("FOOTFALL_LOG", "warn").env_remove("FOOTFALL_CONFIG");
    // What is said to the tests is no setting of the program's.
    command.env_remove("FOOTFALL_OTHER");
    command
}

/// A running `footfall serve`, ended when dropped.
pub struct Server {
    pub child: Child,
    pub address: String,
}

impl Server {
    /// Starts a server on a free port with one site per name and a short flush.
    pub fn start(data: &Path, sites: &[&str]) -> Self {
        Self::flushing("200ms", data, sites)
    }

    /// Starts a server on a free port that inserts what it counted once in `flush`.
    pub fn flushing(flush: &str, data: &Path, sites: &[&str]) -> Self {
        let mut command = footfall();
        command.args(["serve", "--listen", "127.0.0.1:0", "--flush", flush, "--data"]).arg(data);
        for site in sites {
            command.args(["--site", site]);
        }
        Self::spawn(command)
    }

    /// Starts a server with a configuration file's text.
    pub fn configured(data: &Path, config: &str) -> Self {
        let file = data.join("footfall.toml");
        std::fs::write(&file, config).unwrap();
        let mut command = footfall();
        command.args(["serve", "--listen", "127.0.0.1:0", "--flush", "200ms", "--data"]).arg(data);
        command.arg("--config").arg(file);
        Self::spawn(command)
    }

    fn spawn(command: Command) -> Self {
        Self::try_spawn(command).expect("it is ready")
    }

    /// Starts a server; nothing where it ended before it was ready.
    pub fn try_spawn(mut command: Command) -> Option<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some(address) = line.trim().strip_prefix("ready http://") else {
            assert_eq!(line, "", "not ready");
            child.wait().unwrap();
            return None;
        };
        Some(Self { address: address.to_owned(), child })
    }

    /// Starts a server, or an engine, whose standard output and error go to `file.out` and `file.err`.
    pub fn logging(command: &mut Command, file: &Path) -> Self {
        let (out, err) = (file.with_extension("out"), file.with_extension("err"));
        let made = |path: &Path| std::fs::File::create(path).unwrap();
        let child = command.stdout(made(&out)).stderr(made(&err)).spawn().unwrap();
        let mut server = Self { child, address: String::new() };
        server.address = eventually("a line that says ready", || {
            let said = std::fs::read_to_string(&out).unwrap();
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "ended with {ended:?}: {}", std::fs::read_to_string(&err).unwrap());
            said.lines().find_map(|line| line.strip_prefix("ready http://")).map(str::to_owned)
        });
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends one request on a connection of its own.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_send(method, path, headers, body).unwrap()
    }

    /// Like [`Server::send`] where the server may be gone.
    pub fn try_send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<Answer> {
        request(&self.address, method, path, headers, body)
    }

    /// Posts an event from an address nobody else has, with a browser's user agent.
    pub fn event(&self, event: &Value) -> Answer {
        let headers = [("user-agent", AGENT), ("content-type", "application/json")];
        self.send("POST", "/api/event", &headers, event.to_string().as_bytes())
    }

    /// Asks a Stats API question with the token.
    pub fn query(&self, question: &Value) -> Value {
        let authorization = format!("Bearer {TOKEN}");
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let answer = self.send("POST", "/api/v2/query", &headers, question.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{question} -> {}", answer.text());
        answer.json()
    }

    /// The ledger of the last two days with the token: a test may run at midnight.
    pub fn ledger(&self, site: &str) -> Value {
        let authorization = format!("Bearer {TOKEN}");
        let path = format!("/api/v1/ledger?site_id={site}&date_range=2d");
        let answer = self.send("GET", &path, &[("authorization", &authorization)], b"");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// One row of metrics over all time.
    pub fn totals(&self, site: &str, metrics: &[&str]) -> Vec<i64> {
        let answer = self.query(&json!({ "site_id": site, "metrics": metrics, "date_range": "all" }));
        answer["results"][0]["metrics"].as_array().unwrap().iter().map(|n| n.as_i64().unwrap_or(-1)).collect()
    }

    /// Like [`Server::totals`] while the server may not be able to answer.
    pub fn try_totals(&self, site: &str, metrics: &[&str]) -> Option<Vec<i64>> {
        let authorization = format!("Bearer {TOKEN}");
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let question = json!({ "site_id": site, "metrics": metrics, "date_range": "all" }).to_string();
        let answer = self.try_send("POST", "/api/v2/query", &headers, question.as_bytes()).ok()?;
        let metrics = answer.status == 200;
        metrics
            .then(|| answer.json()["results"][0]["metrics"].as_array().cloned())??
            .iter()
            .map(Value::as_i64)
            .collect()
    }

    /// A breakdown over all time: value and metrics, in the order answered.
    pub fn breakdown(&self, site: &str, dimension: &str, metrics: &[&str]) -> Vec<(String, Vec<i64>)> {
        let answer = self.query(&json!({
            "site_id": site, "metrics": metrics, "date_range": "all", "dimensions": [dimension],
            "pagination": { "limit": 10_000, "offset": 0 },
        }));
        let row = |row: &Value| {
            let metrics = row["metrics"].as_array().unwrap().iter().map(|n| n.as_i64().unwrap_or(-1)).collect();
            (row["dimensions"][0].as_str().unwrap().to_owned(), metrics)
        };
        answer["results"].as_array().unwrap().iter().map(row).collect()
    }

    /// Ends the server as an operator would and waits for it.
    pub fn stop(mut self) {
        terminate(self.child.id());
        let status = wait(&mut self.child);
        assert!(status.success(), "ended with {status}");
    }

    /// Ends the server as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An engine of the test's own on an engine's directory, as whoever has the disk can start one.
pub fn engine_on(directory: &Path) -> Server {
    let mut command = footfall();
    command.args(["engine", "--listen", "127.0.0.1:0", "--data"]).arg(directory);
    Server::spawn(command)
}

/// Sends one request on a connection of its own to a server that may be gone.
pub fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || method == "POST" {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    // A server may answer and close before it has read a body it refuses.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    Answer::parse(&bytes).ok_or_else(|| read.err().unwrap_or_else(|| std::io::ErrorKind::UnexpectedEof.into()))
}

/// Sends SIGTERM to a process that a test started.
pub fn terminate(id: u32) {
    assert!(Command::new("kill").arg(id.to_string()).status().unwrap().success());
}

fn wait(child: &mut Child) -> std::process::ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "the server did not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = if chunked { dechunk(&bytes[end + 4..]) } else { bytes[end + 4..].to_vec() };
        Some(Self { status, headers, body })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn outcome(&self) -> &str {
        self.header("x-footfall-outcome").unwrap_or("(none)")
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }
}

fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            break;
        }
        body.extend(&bytes[end + 2..end + 2 + length]);
        bytes = &bytes[end + 4 + length..];
    }
    body
}

/// Which of some texts stand in which file below a directory. A file that goes away meanwhile holds nothing.
pub fn found_below(directory: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for path in std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                let stands = |text: &&&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
                found.extend(texts.iter().filter(stands).map(|text| format!("{text} in {}", path.display())));
            }
        }
    }
    found
}

/// Looks until `seen` finds something, and fails with `wanted` when it never does.
pub fn eventually<T>(wanted: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = seen() {
            return found;
        }
        assert!(Instant::now() < deadline, "never saw: {wanted}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Test data that comes with the project's desk, not with the project: absent on most machines, and then said so.
pub fn fixture(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures").join(name);
    if !path.exists() {
        eprintln!("SKIPPED: the fixture {name} is not on this machine");
        return None;
    }
    Some(path)
}
