//! Clocks that are an hour ahead, an hour behind, and that step from one to the other while hits come in: each hit is dated by its
//! collector's clock, exactly; a processor's clock changes nothing that is counted; no key dies before its time by that clock.
//!
//! A few lines of C ([`wall_clock.c`](wall_clock.c)) tell the processes' own code another wall-clock time. `libfaketime` cannot: it changes what
//! `gettimeofday` says, from which librdkafka works out until when to sleep, and not the sleep (`cnd_timedwait`), so that under a
//! clock an hour ahead its threads sleep for an hour, and under one an hour behind they never sleep. No machine has that.
//! What this cannot show is a step back of the machine's clock while librdkafka sleeps so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use super::bed::Bed;
use super::load::{self, Load};
use super::{Room, Size, preloaded, tell};
use crate::distributed::figure;
use crate::harness::{AGENT, Server, eventually, found_below, request};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// As the model has it: a visit ends by so much silence.
const VISIT_MS: i64 = HOUR_MS / 2;
/// How long a key lives after its hour.
const KEY_LIFE_HOURS: i64 = 27;
/// Keys are made six hours ahead.
const HOURS_PAST_ALL_KEYS: i64 = 8;
const VISITORS: u64 = 60;
const COLLECTORS: [&str; 3] = ["collector-a", "collector-b", "collector-c"];
const PROCESSORS: [&str; 2] = ["processor-one", "processor-two"];

/// A measured site, and how far its local time is ahead of UTC.
struct Place {
    domain: &'static str,
    ahead_ms: i64,
}

impl Place {
    /// A site where it is this hour of the day now.
    fn where_it_is(domain: &'static str, hour: i64) -> Self {
        let ahead = hour - now().rem_euclid(DAY_MS) / HOUR_MS;
        let ahead = if ahead > 14 { ahead - 24 } else { ahead };
        Self { domain, ahead_ms: (if ahead < -12 { ahead + 24 } else { ahead }) * HOUR_MS }
    }

    /// Signs are the other way round in these names.
    fn zone(&self) -> String {
        format!("Etc/GMT{:+}", -self.ahead_ms / HOUR_MS)
    }

    fn day(&self, at: i64) -> i64 {
        (at + self.ahead_ms).div_euclid(DAY_MS)
    }
}

/// One page view that was acknowledged.
struct Sent {
    place: usize,
    visitor: u64,
    /// When, by its collector's clock.
    at: i64,
}

/// What a site's day came to: visitors, visits, page views.
type Days = BTreeMap<String, Vec<i64>>;

fn now() -> i64 {
    i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}

/// Where the clock of a role is set.
fn set_clock(bed: &Bed, name: &str, hours: i64) {
    let (file, aside) = (bed.path(&format!("clock-{name}")), bed.path(&format!("clock-{name}.new")));
    std::fs::write(&aside, format!("{:+}", hours * 3_600)).unwrap();
    std::fs::rename(aside, file).unwrap();
}

/// Has a role start with a clock that can be set.
fn give_clock(bed: &mut Bed, library: &Path, name: &str, hours: i64) {
    set_clock(bed, name, hours);
    let variables = vec![("LD_PRELOAD", library.to_owned()), ("WALL_CLOCK_FILE", bed.path(&format!("clock-{name}")))];
    bed.environment.insert(name.to_owned(), variables);
}

/// Nobody makes keys, and the hours go on until all that were made are past: nothing is taken, and nothing is kept in the clear. When somebody
/// makes keys again, it goes on.
pub fn without_keys(size: &Size) {
    let _room = Room::beside_others();
    let mut bed = Bed::bare(1, size.partitions);
    let library = preloaded("wall_clock", &bed.path(""));
    bed.start_role("processor-one");
    bed.start_role("dashboard-d");
    give_clock(&mut bed, &library, COLLECTORS[0], 0);
    bed.start_role(COLLECTORS[0]);
    let load = Load::new(&bed.doors);
    load.during(size.hits, size.pause, || {
        std::thread::sleep(Duration::from_secs(1));
        bed.stop("processor-one");
        set_clock(&bed, COLLECTORS[0], HOURS_PAST_ALL_KEYS);
        bed.faults += 1;
        let refused = || load.figures.refused.load(Ordering::Relaxed);
        eventually("hits are refused", || (refused() > 20).then_some(()));
        let (taken, before) = (load.hits(), refused());
        std::thread::sleep(size.seconds(2, 30));
        assert!(load.hits() == taken && refused() > before, "hits are taken without a key");
        let collector = bed.role(COLLECTORS[0]);
        assert_eq!(collector.send("GET", "/readyz", &[], b"").status, 503);
        for kept in [bed.data(COLLECTORS[0]), bed.cluster.data(0)] {
            assert_eq!(found_below(&kept, &[load::PLAIN]), Vec::<String>::new());
        }
        assert_ne!(
            found_below(&bed.cluster.data(0), &["cluster.id"]),
            Vec::<String>::new(),
            "the right files are read"
        );
        set_clock(&bed, COLLECTORS[0], 0);
        bed.start_role("processor-one");
        bed.recover(&load);
    });
    bed.settle(&load);
    tell("no keys", &mut bed, &load, 0, "");
}

pub fn wrong_clocks(size: &Size) {
    let _room = Room::beside_others();
    let places = [Place::where_it_is("late.example", 23), Place::where_it_is("early.example", 0)];
    let mut bed = Bed::bare(size.brokers, size.partitions);
    let library = preloaded("wall_clock", &bed.path(""));
    let site = |place: &Place| {
        format!("[[site]]\ndomain = \"{}\"\ntimezone = \"{}\"\npublic = true\n", place.domain, place.zone())
    };
    bed.more.insert("dashboard-d".to_owned(), places.iter().map(site).collect());
    let planted = plant_keys(&bed.path("keys"));
    // The first processor is behind, so that there is a key of the hour in which a collector believes to be; none is ahead yet, because
    // it would take that key back.
    for (name, hours) in [("processor-one", -1), ("processor-two", 0)] {
        give_clock(&mut bed, &library, name, hours);
        bed.start_role(name);
    }
    bed.start_role("dashboard-d");
    let mut clocks = [-1, 1, 0];
    for (name, hours) in COLLECTORS.iter().zip(clocks) {
        give_clock(&mut bed, &library, name, hours);
        bed.start_role(name);
    }
    for name in COLLECTORS {
        for place in &places {
            hears_of(bed.role(name), place.domain);
        }
    }
    let sent = Mutex::new(Vec::new());
    let (next, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let mut faults = 5;
    for _ in 0..size.of(1, 4) {
        // A processor's clock steps in the middle of the traffic, collectors' between two parts of it, when nothing is under way.
        for (collectors, processors) in [([1, -1, 0], [1, -1]), ([0, 0, 1], [0, 0]), ([-1, 1, -1], [-1, 1])] {
            traffic(&bed, &places, clocks, (&sent, &next, &refused), size, || {
                for (name, hours) in PROCESSORS.iter().zip(processors) {
                    set_clock(&bed, name, hours);
                }
            });
            clocks = collectors;
            for (name, hours) in COLLECTORS.iter().zip(clocks) {
                set_clock(&bed, name, hours);
            }
            faults += 5;
        }
    }
    traffic(&bed, &places, clocks, (&sent, &next, &refused), size, || ());
    let sent = sent.into_inner().unwrap();
    for (number, place) in places.iter().enumerate() {
        let expected = recount(place, sent.iter().filter(|sent| sent.place == number));
        assert!(expected.len() >= 2, "{expected:?}: the clocks are on both sides of midnight");
        let counted = || days(bed.role("dashboard-d"), place);
        eventually(&format!("{expected:?} at {}", place.domain), || (counted() == expected).then_some(()));
    }
    std::thread::sleep(Duration::from_secs(2));
    for (number, place) in places.iter().enumerate() {
        let expected = recount(place, sent.iter().filter(|sent| sent.place == number));
        assert_eq!(days(bed.role("dashboard-d"), place), expected, "{}", place.domain);
        let ledger = bed.role("dashboard-d").ledger(place.domain);
        assert_eq!((&ledger["late"], &ledger["expired"]), (&0.into(), &0.into()), "{ledger}");
    }
    for name in PROCESSORS {
        assert_eq!(figure(bed.role(name), "footfall_ledger_difference"), 0.0, "{name}");
        assert_eq!(figure(bed.role(name), "footfall_records_unreadable_total"), 0.0, "{name}");
    }
    check_keys(&bed.path("keys"), &planted);
    eprintln!(
        "FIGURES clocks an hour ahead, behind, and stepping | brokers {} | faults {faults} | acknowledged {} | lost 0 | duplicated 0 | \
         largest difference 0 (visitors, visits, page views of each day) | refused {}",
        size.brokers,
        sent.len(),
        refused.load(Ordering::Relaxed),
    );
}

fn hears_of(collector: &Server, domain: &str) {
    eventually("the site has been heard of, and there is a key", || {
        let knows = collector.send("GET", &format!("/privacy?d={domain}"), &[], b"").status == 200;
        (knows && collector.send("GET", "/readyz", &[], b"").status == 200).then_some(())
    });
}

/// Sends one part of the traffic: three senders, each with visitors of its own, so that one visitor's hits come one after the other.
fn traffic(
    bed: &Bed,
    places: &[Place; 2],
    clocks: [i64; 3],
    (sent, next, refused): (&Mutex<Vec<Sent>>, &AtomicU64, &AtomicU64),
    size: &Size,
    in_the_middle: impl FnOnce(),
) {
    let doors = COLLECTORS.map(|name| bed.role(name).address.clone());
    let (over, begun) = (AtomicBool::new(false), next.load(Ordering::Relaxed));
    std::thread::scope(|scope| {
        for sender in 0..3 {
            let (doors, over) = (&doors, &over);
            scope.spawn(move || {
                // The others end with one that fails.
                let _over = Over(over);
                while !over.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    // Every visitor comes in by every door.
                    let (door, place) = ((number % 3) as usize, (number / 3 % 2) as usize);
                    let visitor = number / 6 % (VISITORS / 3) * 3 + sender;
                    await_no_midnight();
                    let view = json!({ "name": "pageview", "domain": places[place].domain, "url": format!("https://{}/{}", places[place].domain, number % 7) });
                    let from = format!("100.64.1.{}", visitor + 1);
                    let headers =
                        [("user-agent", AGENT), ("content-type", "application/json"), ("x-forwarded-for", from.as_str())];
                    let body = view.to_string().into_bytes();
                    let mut at = 0;
                    // A collector whose clock went on by two hours has no key for its hour at first, and says so.
                    let answer = eventually("the hit is taken", || {
                        at = now() + clocks[door] * HOUR_MS;
                        let answer = request(&doors[door], "POST", "/api/event", &headers, &body).unwrap();
                        refused.fetch_add(u64::from(answer.status == 503), Ordering::Relaxed);
                        (answer.status != 503).then_some(answer)
                    });
                    assert_eq!((answer.status, answer.outcome()), (202, "counted"), "{}", answer.text());
                    sent.lock().unwrap().push(Sent { place, visitor, at });
                }
            });
        }
        let ends = Over(&over);
        let wanted = size.of(240, 3_000);
        let until = |share: u64| {
            while next.load(Ordering::Relaxed) < begun + wanted * share / 2 {
                assert!(!over.load(Ordering::Relaxed), "a sender failed");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        until(1);
        in_the_middle();
        until(2);
        drop(ends);
    });
}

/// Ends the senders also when something fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Local midnights are at full hours here: a hit that is under way at one might be of either day.
fn await_no_midnight() {
    let left = HOUR_MS - now().rem_euclid(HOUR_MS);
    if left < 3_000 {
        std::thread::sleep(Duration::from_millis(u64::try_from(left).unwrap() + 100));
    }
}

/// The naive recount: what came in by which clock, in the order in which each visitor sent it.
fn recount<'a>(place: &Place, sent: impl Iterator<Item = &'a Sent>) -> Days {
    let mut visits: BTreeMap<(i64, u64), (i64, i64)> = BTreeMap::new();
    let mut days: BTreeMap<i64, (BTreeSet<u64>, i64)> = BTreeMap::new();
    for Sent { visitor, at, .. } in sent {
        let day = place.day(*at);
        let (visitors, views) = days.entry(day).or_default();
        visitors.insert(*visitor);
        *views += 1;
        let (visits, last) = visits.entry((day, *visitor)).or_insert((0, i64::MIN / 2));
        if at - *last > VISIT_MS {
            *visits += 1;
        }
        *last = (*last).max(*at);
    }
    let of_day = |day: i64| visits.range((day, 0)..(day + 1, 0)).map(|(_, (visits, _))| visits).sum::<i64>();
    let row = |(day, (visitors, views)): (&i64, &(BTreeSet<u64>, i64))| {
        (date(*day), vec![i64::try_from(visitors.len()).unwrap(), of_day(*day), *views])
    };
    days.iter().map(row).collect()
}

fn date(day: i64) -> String {
    let begins = jiff::Timestamp::from_millisecond(day * DAY_MS).unwrap();
    jiff::tz::TimeZone::UTC.to_datetime(begins).date().to_string()
}

/// What the dashboard tells of a site's days, tomorrow included.
fn days(dashboard: &Server, place: &Place) -> Days {
    let today = place.day(now());
    let answer = dashboard.query(&json!({
        "site_id": place.domain, "metrics": ["visitors", "visits", "pageviews"], "dimensions": ["time:day"],
        "date_range": [date(today - 1), date(today + 1)],
    }));
    let rows = answer["results"].as_array().unwrap().iter().map(|row| {
        let metrics = row["metrics"].as_array().unwrap().iter().map(|metric| metric.as_i64().unwrap()).collect();
        (row["dimensions"][0].as_str().unwrap().to_owned(), metrics)
    });
    rows.filter(|(_, metrics): &(String, Vec<i64>)| metrics[2] > 0).collect()
}

/// Keys of the hours that are about to die, as an installation of yesterday has them.
fn plant_keys(directory: &Path) -> Vec<i64> {
    std::fs::create_dir_all(directory).unwrap();
    let this = now() / HOUR_MS;
    let hours: Vec<i64> = (this - 30..=this - 24).collect();
    for hour in &hours {
        let key = privacy::seal::HourKey::generate(*hour, [u8::try_from(hour % 251).unwrap(); 32]);
        std::fs::write(directory.join(format!("{hour}.key")), key.to_bytes().as_ref()).unwrap();
    }
    hours
}

/// A key that is due is gone; one that is due by no clock of the processors' is there.
fn check_keys(directory: &Path, planted: &[i64]) {
    for hour in planted {
        let (due_in, is_there) =
            ((hour + 1 + KEY_LIFE_HOURS) * HOUR_MS - now(), directory.join(format!("{hour}.key")).exists());
        // The upkeep comes round every five seconds.
        if due_in < -30_000 {
            assert!(!is_there, "the key of hour {hour} was due {} s ago", -due_in / 1_000);
        } else if due_in > HOUR_MS {
            assert!(is_there, "the key of hour {hour} is due only in {} s", due_in / 1_000);
        }
    }
}
