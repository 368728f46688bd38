//! Crowds: thousands of clients that send a byte now and then, and floods of many times what a collector carries, beside senders who
//! only want their hits taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::bed::Bed;
use super::load::Load;
use super::{Room, Size, tell};
use crate::distributed::figure;
use crate::harness::{AGENT, Server, eventually};

/// What a connection may cost while it sends (`ConnectionLimits`).
const CONNECTION_KIB: u64 = 40;

/// Clients that trickle a head or a body: honest ones beside them wait no longer than without, though the slow ones want every
/// place that there is.
pub fn slow(size: &Size) {
    let _room = Room::alone();
    take_all_handles();
    let mut bed = Bed::start(1, size.partitions);
    let load = Load::new(&bed.doors);
    let hits = size.of(2_000, 20_000);
    load.during(hits, size.pause, || std::thread::sleep(Duration::from_secs(1)));
    let (before, quiet) = (memory(bed.role("collector-a")), load.wait(0.99));
    load.figures.waits.lock().unwrap().clear();
    // The long form asks for more places than the collector has.
    let slow = size.of(1_000, 11_000);
    let door = bed.role("collector-a").address.clone();
    let (mut open, mut after) = (0.0_f64, 0);
    load.during(hits, size.pause, || {
        let mut slow: Vec<_> = (0..slow).filter_map(|number| trickle::begin(&door, number)).collect();
        let begun = Instant::now();
        while begun.elapsed() < size.seconds(5, 60) {
            trickle::drip(&mut slow);
            open = open.max(figure(bed.role("collector-a"), "footfall_connections_open"));
            after = memory(bed.role("collector-a")).max(after);
            std::thread::sleep(size.seconds(1, 5));
        }
    });
    let busy = load.wait(0.99);
    let cut_off = figure(bed.role("collector-a"), "footfall_connections_cut_off_total");
    // On a busy machine the first are hung up on (15 s for a body) before the last are there.
    assert!(open >= size.of(500.0, 5_000.0), "{open} connections are open: nobody was slow");
    assert!(open < 10_000.0 || cut_off > 0.0, "nobody had to make room");
    // 64 MiB are for what else grew.
    let bound = before + slow.min(10_000) * CONNECTION_KIB + 64 * 1024;
    assert!(after <= bound, "{after} KiB of memory, {before} before");
    assert!(busy < 2_000, "honest senders wait {busy} ms, {quiet} before");
    bed.settle(&load);
    let more = format!(
        "slow connections {slow}, open at most {open}, cut off {cut_off} | honest p99 {quiet} ms before, {busy} ms beside them | \
         RSS {} MiB before, {} MiB beside them",
        before / 1024,
        after / 1024
    );
    tell("slow clients", &mut bed, &load, 0, &more);
}

/// This process is all the clients.
fn take_all_handles() {
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
}

/// Resident memory in KiB.
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Clients that send a byte now and then.
mod trickle {
    use std::io::Write;
    use std::net::TcpStream;
    use std::time::Duration;

    /// Half of them trickle a head, half of them a body. Nothing where there was no place to be had in time.
    pub fn begin(address: &str, number: u64) -> Option<TcpStream> {
        let mut stream = TcpStream::connect_timeout(&address.parse().unwrap(), Duration::from_secs(2)).ok()?;
        let head = match number % 2 {
            0 => "POST /api/event HTTP/1.1\r\nhost: example.com\r\nx-slow: ",
            _ => "POST /api/event HTTP/1.1\r\nhost: example.com\r\ncontent-length: 60000\r\n\r\n[",
        };
        let _refused = stream.write_all(head.as_bytes());
        Some(stream)
    }

    /// A byte from each; who was hung up on comes again.
    pub fn drip(slow: &mut Vec<TcpStream>) {
        let address = slow.first().and_then(|stream| stream.peer_addr().ok()).map(|address| address.to_string());
        let wanted = slow.len() as u64;
        slow.retain_mut(|stream| stream.write_all(b" ").is_ok());
        let Some(address) = address else { return };
        slow.extend((slow.len() as u64..wanted).filter_map(|number| begin(&address, number)));
    }
}

/// The site that is flooded, beside the one that is counted exactly.
const FLOODED: &str = "flooded.example";
/// Connections that a flood comes in on.
const CONNECTIONS: u64 = 256;
/// Requests that a connection sends at once, at most: more wait for their answers.
const TOGETHER: u64 = 8;

/// What became of a flood.
#[derive(Default)]
struct Flood {
    taken: AtomicU64,
    /// 429: one neighbourhood sends too much.
    limited: AtomicU64,
    /// 503: it could not be kept.
    refused: AtomicU64,
    /// Sent, and not answered when the flood ended.
    unanswered: AtomicU64,
    /// Due by the schedule, and not sent: earlier ones had not been answered.
    held_back: AtomicU64,
}

impl Flood {
    fn of(figure: &AtomicU64) -> u64 {
        figure.load(Ordering::Relaxed)
    }
}

/// Twice and ten times what one collector carries beside its generator, from one neighbourhood and from everywhere, and honest senders
/// beside it. What was acknowledged is counted, of both; what is too much is refused and told, or not taken from its sender.
pub fn overload(size: &Size) {
    let _room = Room::alone();
    take_all_handles();
    let mut bed = Bed::bare(size.brokers, size.partitions);
    bed.is_rate_limited = true;
    bed.more.insert("dashboard-d".to_owned(), format!("[[site]]\ndomain = \"{FLOODED}\"\npublic = true\n"));
    for name in ["processor-one", "processor-two", "dashboard-d", "collector-a"] {
        bed.start_role(name);
    }
    let collector = bed.role("collector-a").address.clone();
    eventually("both sites have been heard of", || {
        let heard = |site| bed.role("collector-a").send("GET", &format!("/privacy?d={site}"), &[], b"").status == 200;
        (heard(FLOODED) && heard(super::bed::SITE)).then_some(())
    });
    let load = Load::new(&bed.doors);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let flood = |per_second: Option<f64>, neighbourhoods: u64, lasts: Duration| {
        let flood = Arc::<Flood>::default();
        runtime.block_on(pour(&collector, &flood, per_second, neighbourhoods, lasts));
        flood
    };
    let (lasts, hits) = (size.seconds(4, 30), size.of(2_000, 20_000));
    load.during(hits, size.pause, || std::thread::sleep(Duration::from_secs(2)));
    let (quiet, before) = (load.wait(0.99), memory(bed.role("collector-a")));
    // What it carries: as fast as it answers, from everywhere.
    let begun = Instant::now();
    let all = flood(None, 60_000, lasts / 2);
    let mut taken = Flood::of(&all.taken);
    // What was sent within the time is waited for.
    let carries = taken as f64 / begun.elapsed().as_secs_f64();
    let mut told = vec![format!("carries {carries:.0} hits/s beside its generator | honest p99 {quiet} ms in quiet")];
    let (mut unanswered, mut limited, mut most) = (Flood::of(&all.unanswered), 0, before);
    for (times, neighbourhoods) in [(2.0, 1), (10.0, 1), (2.0, 60_000), (10.0, 60_000)] {
        load.figures.waits.lock().unwrap().clear();
        let flood = load.during(hits / 4, size.pause, || flood(Some(carries * times), neighbourhoods, lasts));
        bed.faults += 1;
        most = most.max(memory(bed.role("collector-a")));
        let of = Flood::of;
        let due =
            of(&flood.taken) + of(&flood.limited) + of(&flood.refused) + of(&flood.unanswered) + of(&flood.held_back);
        let wait = load.wait(0.99);
        told.push(format!(
            "{times} times from {neighbourhoods} neighbourhoods: {due} due, {} taken, {} 429, {} 503, {} not taken from their senders \
             (shed {:.1} %), honest p99 {wait} ms",
            of(&flood.taken), of(&flood.limited), of(&flood.refused), of(&flood.held_back) + of(&flood.unanswered),
            100.0 * (due - of(&flood.taken)) as f64 / due as f64,
        ));
        assert!(
            wait < 5_000,
            "honest senders wait {wait} ms beside {times} times what it carries, {quiet} ms in quiet"
        );
        if neighbourhoods == 1 {
            // The burst, and what is refilled meanwhile, with a second to spare.
            assert!(
                of(&flood.taken) <= 3_000 + 100 * (lasts.as_secs() + 1),
                "{} were taken from one neighbourhood",
                of(&flood.taken)
            );
            assert!(of(&flood.limited) > 0, "nothing was limited");
        }
        taken += of(&flood.taken);
        unanswered += of(&flood.unanswered);
        limited += of(&flood.limited);
    }
    // Connections, the client's queue (64 MiB), and the tables of encapsulations and limits.
    let bound = before + CONNECTIONS * CONNECTION_KIB + 128 * 1024;
    assert!(most <= bound, "{most} KiB of memory, {before} before");
    let refused = figure(bed.role("collector-a"), "footfall_hits_refused_total");
    assert!(refused >= limited as f64, "{refused} are told to be refused, {limited} were answered so");
    bed.settle(&load);
    let counted = eventually("what was taken of the floods is counted", || {
        let counted = u64::try_from(bed.role("dashboard-d").totals(FLOODED, &["pageviews"])[0]).unwrap();
        (counted >= taken).then_some(counted)
    });
    assert!(counted <= taken + unanswered, "{counted} are counted, {taken} were taken and {unanswered} not answered");
    told.push(format!(
        "RSS {} MiB before, {} MiB at most | {taken} of the floods acknowledged, {counted} counted",
        before / 1024,
        most / 1024
    ));
    tell("overload", &mut bed, &load, 0, &told.join(" | "));
}

/// Sends page views for a time: so many a second, or as fast as they are answered.
async fn pour(address: &str, flood: &Arc<Flood>, per_second: Option<f64>, neighbourhoods: u64, lasts: Duration) {
    let begun = Instant::now();
    let mut streams = JoinSet::new();
    for number in 0..CONNECTIONS {
        let stream = TcpStream::connect(address).await.unwrap();
        let source = Source { number, neighbourhoods, per_second, until: begun + lasts, begun };
        streams.spawn(source.pour(stream, Arc::clone(flood)));
    }
    let sent: u64 = streams.join_all().await.into_iter().sum();
    let due = per_second.map_or(sent, |rate| (lasts.as_secs_f64() * rate) as u64);
    flood.held_back.fetch_add(due.saturating_sub(sent), Ordering::Relaxed);
}

/// One connection of a flood.
struct Source {
    number: u64,
    neighbourhoods: u64,
    per_second: Option<f64>,
    begun: Instant,
    until: Instant,
}

impl Source {
    /// Sends what is due until time is up, and answers how much it sent.
    async fn pour(self, mut stream: TcpStream, flood: Arc<Flood>) -> u64 {
        let (mut sent, mut answers) = (0, vec![0; 64 * 1024]);
        while Instant::now() < self.until {
            let rate = self.per_second.map(|rate| rate / CONNECTIONS as f64);
            let due = rate.map_or(sent + TOGETHER, |rate| (self.begun.elapsed().as_secs_f64() * rate) as u64);
            let together = due.saturating_sub(sent).min(TOGETHER);
            if together == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
            let asked: String = (sent..sent + together).map(|hit| self.ask(hit)).collect();
            sent += together;
            let answered = match stream.write_all(asked.as_bytes()).await {
                Ok(()) => hear(&mut stream, &flood, &mut answers, together).await,
                Err(_) => 0,
            };
            if answered < together {
                flood.unanswered.fetch_add(together - answered, Ordering::Relaxed);
                break;
            }
        }
        sent
    }

    /// A page view of somebody from one of the neighbourhoods.
    fn ask(&self, hit: u64) -> String {
        let place = hit.wrapping_mul(CONNECTIONS).wrapping_add(self.number) % self.neighbourhoods;
        format!(
            "GET /pixel.gif?d={FLOODED}&u=https://{FLOODED}/{} HTTP/1.1\r\nhost: a\r\nuser-agent: {AGENT}\r\n\
             x-forwarded-for: 10.{}.{}.{}\r\n\r\n",
            hit % 10,
            place / 250 % 250,
            place % 250,
            self.number % 250 + 1,
        )
    }
}

/// Hears so many answers, and says how many came.
async fn hear(stream: &mut TcpStream, flood: &Flood, bytes: &mut [u8], wanted: u64) -> u64 {
    let (mut heard, mut kept) = (0, 0);
    while heard < wanted {
        let read = match tokio::time::timeout(Duration::from_secs(60), stream.read(&mut bytes[kept..])).await {
            Ok(Ok(read)) if read > 0 => read,
            _ => break,
        };
        let filled = kept + read;
        let mut from = 0;
        // Every answer says its outcome once; the line after it begins anew.
        while let Some(at) = find(&bytes[from..filled], b"x-footfall-outcome: ") {
            let outcome = from + at + 20;
            let Some(end) = find(&bytes[outcome..filled], b"\r\n") else { break };
            let outcome_text = &bytes[outcome..outcome + end];
            let figure = match outcome_text {
                b"counted" => &flood.taken,
                other if find(other, b"rate_limited").is_some() => &flood.limited,
                other if find(other, b"unavailable").is_some() || find(other, b"full").is_some() => &flood.refused,
                other => panic!("a flood was answered {}", String::from_utf8_lossy(other)),
            };
            figure.fetch_add(1, Ordering::Relaxed);
            heard += 1;
            from = outcome + end;
        }
        bytes.copy_within(from..filled, 0);
        kept = filled - from;
    }
    heard
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
