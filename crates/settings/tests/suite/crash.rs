//! A process that writes is killed with SIGKILL again and again, each time after a random number of acknowledgements. What it
//! acknowledged is there, and what is there is whole: a change and its line in the audit log.
//!
//! The process is this test binary again, running the one test below that does nothing without its variable.

use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use settings::{Expected, Location, Settings};

use crate::bed::{Bed, site};
use crate::behaviour::over_both;

const LOCATION: &str = "SETTINGS_CRASH_LOCATION";
const ROUND: &str = "SETTINGS_CRASH_ROUND";

over_both!(nothing_acknowledged_is_lost_and_nothing_is_there_by_half);

#[test]
fn writes_until_it_is_killed() {
    let (Ok(location), Ok(round)) = (std::env::var(LOCATION), std::env::var(ROUND)) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let location = Location::parse(&location, None).unwrap();
        let settings = Settings::open(&location, Bed::sqlite().clock()).await.unwrap();
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let (settings, round) = (settings.clone(), round.clone());
                tokio::spawn(async move {
                    for number in 0_u32.. {
                        let name = format!("r{round}-w{writer}-{number}.example");
                        settings.put_site(&site(&name), Expected::Nothing, "writer").await.unwrap();
                        std::io::stdout().write_all(format!("put {name}\n").as_bytes()).unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

async fn nothing_acknowledged_is_lost_and_nothing_is_there_by_half(bed: Bed) {
    let settings = bed.open().await;
    let mut acknowledged = Vec::new();
    for round in 0..6 {
        let after = RandomState::new().hash_one(round) % 40;
        run_and_kill(&bed, round, after, &mut acknowledged);
        let list = settings.sites().await.unwrap();
        let names: Vec<_> = list.sites.iter().map(|stored| stored.site.domain.to_string()).collect();
        for name in &acknowledged {
            assert!(names.contains(name), "round {round}: {name} was acknowledged");
        }
        // Of each writer at most the one change that was under way is more than acknowledged.
        assert!(names.len() <= acknowledged.len() + 3 * (round + 1), "round {round}");
        let log = settings.audit_page(None, 1_000).await.unwrap();
        assert_eq!((log.len(), list.revision.0), (names.len(), i64::try_from(names.len()).unwrap()), "round {round}");
        // The killed process holds nobody up.
        settings.site(&site("example.com").domain).await.unwrap();
    }
    settings.put_site(&site("after.example"), Expected::Nothing, "test").await.unwrap();
}

fn run_and_kill(bed: &Bed, round: usize, after: u64, acknowledged: &mut Vec<String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::writes_until_it_is_killed", "--nocapture"])
        .env(LOCATION, bed.location.to_string())
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (mut line, mut count, mut killed) = (String::new(), 0, false);
    while output.read_line(&mut line).unwrap() > 0 {
        if let Some(name) = line.strip_prefix("put ").and_then(|line| line.strip_suffix('\n')) {
            acknowledged.push(name.to_owned());
            count += 1;
        }
        line.clear();
        if count > after && !killed {
            child.kill().unwrap(); // SIGKILL; what it had said before is still read
            killed = true;
        }
    }
    assert!(!child.wait().unwrap().success());
    assert!(killed, "it ended by itself in round {round}");
}
