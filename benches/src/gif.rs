//! Processor time per clear GIF over kept-alive connections: the whole of `footfall serve`, from the request through fsync
//! and fold to the insert, beside nginx's `empty_gif` with its access log. wrk, which shares the machine, is saturated
//! first, so what is compared is the kernel's account of each server and not how many requests wrk could send.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::http_client::HttpClient;
use crate::processes::{self, POLL, Server};
use crate::report::{Report, Row, multiple, short};
use crate::traffic::SITE;
use crate::traffic::world::World;

const LOAD_SECONDS: u64 = 8;
const REFUSED_SECONDS: u64 = 4;
const CONNECTIONS: usize = 64;
/// Different requests that wrk sends in turn, each of a visitor of its own.
const REQUESTS: u32 = 4_096;
const START_MAX: Duration = Duration::from_secs(30);
/// Pause between two looks at the counts: asking costs the server, too.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How long the last acknowledged hit may take into the counts.
const COUNTED_MAX: Duration = Duration::from_secs(60);

/// What wrk saw.
pub struct Load {
    pub requests: f64,
    pub seconds: f64,
    pub failed: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Measures both.
pub fn measure(footfall: &Path) -> anyhow::Result<Report> {
    let directory = tempfile::tempdir()?;
    let nginx = of_nginx(directory.path())?;
    let ours = of_footfall(footfall, directory.path())?;
    let (whole, theirs) = (ours.whole_us, nginx);
    let row = |what: &str, ours: f64, target: &str| Row {
        what: what.to_owned(),
        ours: format!("{} µs", short(ours)),
        peer: format!("{} µs (nginx)", short(theirs)),
        ratio: multiple(ours, theirs),
        target: target.to_owned(),
    };
    let rows = vec![
        row("CPU per clear GIF, request to insert", whole, "× 1.0; × 0.8"),
        row("the same of a refused GIF: HTTP and parsing only", ours.refused_us, ""),
        Row {
            what: format!("GIFs acknowledged (fsynced) per second, {CONNECTIONS} connections, one core"),
            ours: format!(
                "{}, {:.1} ms median, {:.1} ms p99",
                short(ours.load.requests / ours.load.seconds),
                ours.load.p50_ms,
                ours.load.p99_ms
            ),
            ..Row::default()
        },
    ];
    let notes = vec![
        format!(
            "GIF: of Footfall's {:.1} µs the journal's thread took {:.1} µs; the engine process took another {:.1} µs a hit \
             for inserts and merges, which the row leaves out as it leaves out what reads nginx's log.",
            whole, ours.journal_us, ours.engine_us
        ),
        format!(
            "GIF: wrk saw {} hits acknowledged, {} are in the counts (up to {CONNECTIONS} were under way when it stopped); \
             the last was counted {:.1} s after the load ended.",
            short(ours.load.requests),
            short(ours.counted),
            ours.drained.as_secs_f64()
        ),
    ];
    Ok(Report { rows, notes })
}

struct Ours {
    load: Load,
    whole_us: f64,
    refused_us: f64,
    journal_us: f64,
    engine_us: f64,
    counted: f64,
    drained: Duration,
}

fn of_footfall(footfall: &Path, directory: &Path) -> anyhow::Result<Ours> {
    let configuration = directory.join("footfall.toml");
    let data = directory.join("data");
    fs::write(
        &configuration,
        format!(
            "listen = \"127.0.0.1:0\"\ndata = \"{}\"\nlog = \"error\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n\
             [[site]]\ndomain = \"{SITE}\"\npublic = true\n",
            data.display()
        ),
    )?;
    let mut command = processes::pinned(0, footfall);
    command.arg("serve").arg("--config").arg(&configuration);
    let (server, url) = start(&mut command)?;
    let process = server.0.id();
    let engine = *processes::tree(process).get(1).context("the server has no engine process")?;

    let refused_before = processes::cpu_seconds(process)?;
    let refused = load(directory, &url, "unknown.example", REFUSED_SECONDS)?;
    let refused_us = 1e6 * (processes::cpu_seconds(process)? - refused_before) / refused.requests;

    let cpu = || Ok::<_, anyhow::Error>((processes::cpu_seconds(process)?, processes::cpu_seconds(engine)?));
    let journal = || processes::cpu_seconds_by_thread(process).map(|threads| threads.get("journal").copied());
    let (before, journal_before) = (cpu()?, journal()?.unwrap_or_default());
    let load = load(directory, &url, SITE, LOAD_SECONDS)?;
    let ended = Instant::now();
    let counted = counted(&url, load.requests)?;
    let drained = ended.elapsed();
    let (after, journal_after) = (cpu()?, journal()?.context("the journal's thread has another name")?);
    ensure!(load.failed == 0.0, "{} requests failed", load.failed);
    ensure!(
        (load.requests..=load.requests + CONNECTIONS as f64).contains(&counted),
        "{} hits were acknowledged and {counted} counted",
        load.requests
    );
    let per_hit = |seconds: f64| 1e6 * seconds / counted;
    Ok(Ours {
        whole_us: per_hit(after.0 - before.0),
        engine_us: per_hit(after.1 - before.1),
        journal_us: per_hit(journal_after - journal_before),
        refused_us,
        load,
        counted,
        drained,
    })
}

/// Starts a server and waits until it says where it answers.
pub fn start(command: &mut Command) -> anyhow::Result<(Server, String)> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut server = Server(child);
    let url = ready(&mut server)?;
    Ok((server, url))
}

/// The URL that the server tells when it answers.
fn ready(server: &mut Server) -> anyhow::Result<String> {
    let output = server.0.stdout.take().context("its output is piped")?;
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    let deadline = Instant::now() + START_MAX;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = lines.recv_timeout(left).context("footfall serve did not become ready")?;
        if let Some(url) = line.strip_prefix("ready ") {
            return Ok(url.to_owned());
        }
    }
}

/// Waits until at least `expected` page views are in the counts and no more come, and returns how many.
pub fn counted(url: &str, expected: f64) -> anyhow::Result<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = HttpClient::new(url);
    let question = serde_json::json!({ "site_id": SITE, "metrics": ["pageviews"], "date_range": "all" }).to_string();
    let deadline = Instant::now() + COUNTED_MAX;
    let (mut last, mut unchanged_since) = (0.0, Instant::now());
    loop {
        let answer = runtime.block_on(client.post("/api/v2/query", question.clone()))?;
        let answer: serde_json::Value = serde_json::from_str(&answer)?;
        let found = answer.pointer("/results/0/metrics/0").and_then(serde_json::Value::as_f64).unwrap_or_default();
        if found != last {
            (last, unchanged_since) = (found, Instant::now());
        }
        // What wrk left under way is acknowledged within milliseconds and flushed with the rest or ten seconds later.
        let settled = found >= expected && (found > expected || unchanged_since.elapsed() > Duration::from_secs(11));
        if settled {
            return Ok(found);
        }
        ensure!(
            Instant::now() < deadline,
            "only {found} of {expected} acknowledged hits were counted in {COUNTED_MAX:?}"
        );
        std::thread::sleep(ASK_EVERY);
    }
}

/// nginx's processor time per GIF, in microseconds.
fn of_nginx(directory: &Path) -> anyhow::Result<f64> {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let prefix = directory.join("nginx");
    fs::create_dir_all(&prefix)?;
    let configuration = format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid nginx.pid;\nerror_log error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n  access_log access.log combined;\n  keepalive_requests 100000000;\n\
         server {{ listen {address}; location = /pixel.gif {{ empty_gif; }} }}\n}}\n"
    );
    fs::write(prefix.join("nginx.conf"), configuration)?;
    let mut command = processes::pinned(0, Path::new("nginx"));
    command.arg("-p").arg(&prefix).arg("-c").arg("nginx.conf").arg("-e").arg("error.log");
    let server = Server(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().context("nginx does not start")?);
    let process = server.0.id();
    listening(address)?;
    let before = processes::cpu_seconds(process)?;
    let load = load(directory, &format!("http://{address}"), SITE, LOAD_SECONDS)?;
    let seconds = processes::cpu_seconds(process)? - before;
    ensure!(load.failed == 0.0, "nginx failed {} requests", load.failed);
    Ok(1e6 * seconds / load.requests)
}

fn listening(address: SocketAddr) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_MAX;
    while TcpStream::connect(address).is_err() {
        ensure!(Instant::now() < deadline, "nginx does not listen");
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// Sends GIFs for `site` for some seconds, from a processor of wrk's own.
pub fn load(directory: &Path, url: &str, site: &str, seconds: u64) -> anyhow::Result<Load> {
    let script = directory.join("requests.lua");
    fs::write(&script, requests(site))?;
    let mut command = processes::pinned(1, Path::new("wrk"));
    command.args(["--threads", "1", "--connections", &CONNECTIONS.to_string(), "--duration"]);
    command.arg(format!("{seconds}s")).arg("--script").arg(&script).arg(url);
    let ended = processes::run_within(command.stdout(Stdio::piped()), Duration::from_secs(seconds + 20))?;
    let line = ended.output.lines().find_map(|line| line.strip_prefix("RESULT ")).context("wrk told no result")?;
    let numbers: Vec<f64> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let [requests, microseconds, failed, p50_us, p99_us] = numbers.try_into().ok().context("wrk told other figures")?;
    let (p50_ms, p99_ms) = (p50_us / 1_000.0, p99_us / 1_000.0);
    Ok(Load { requests, seconds: microseconds / 1e6, failed, p50_ms, p99_ms })
}

/// A script that makes all requests before the load begins and sends them in turn.
fn requests(site: &str) -> String {
    let world = World::new();
    let mut script = String::from("local requests, sent = {}, 0\ninit = function()\n");
    script.push_str("  local function add(page, agent, address)\n    local headers = {}\n");
    script.push_str("    headers['Host'] = wrk.headers['Host']\n    headers['User-Agent'] = agent\n");
    script.push_str("    headers['Referer'] = page\n    headers['X-Forwarded-For'] = address\n");
    script.push_str(
        "    headers['Accept'] = 'image/avif,image/webp,*/*'\n    headers['Accept-Language'] = 'en-US,en;q=0.9'\n",
    );
    script
        .push_str(&format!("    requests[#requests + 1] = wrk.format('GET', '/pixel.gif?d={site}', headers)\n  end\n"));
    // Lua holds only so many constants in one function, so the values are made in a loop from a few agents.
    let agents: Vec<String> = (0..8).map(|number| format!("'{}'", world.agent(number * 24).name)).collect();
    script.push_str(&format!("  local agents = {{ {} }}\n", agents.join(", ")));
    script.push_str(&format!(
        "  for number = 0, {} do\n    add('https://{SITE}/blog/article-' .. number % 509, agents[number % 8 + 1], \
         '12.1.' .. math.floor(number / 250) .. '.' .. number % 250 + 1)\n  end\nend\n",
        REQUESTS - 1
    ));
    script.push_str("request = function()\n  sent = sent + 1\n  return requests[sent % #requests + 1]\nend\n");
    script.push_str("done = function(summary, latency)\n  local errors = summary.errors\n");
    script.push_str("  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout\n");
    script.push_str("  print(string.format('RESULT %d %d %d %d %d', summary.requests, summary.duration, failed,\n");
    script.push_str("    latency:percentile(50), latency:percentile(99)))\nend\n");
    script
}
