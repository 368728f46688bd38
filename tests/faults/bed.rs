//! An installation on loopback that things are done to: brokers, the engine behind a proxy, and roles as processes that are
//! killed, frozen and started again under their names, from this binary or another version's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::cluster::Cluster;
use super::load::{self, Counts, Doors, Load};
use super::proxy::Proxy;
use crate::distributed::{figure, figure_in};
use crate::harness::{Server, eventually, footfall, footfall_at, request};

pub const SITE: &str = "example.com";
/// The roles of an installation, in the order in which they start.
const FIRST: [&str; 5] = ["processor-one", "processor-two", "dashboard-d", "collector-a", "collector-b"];
/// How long the counts may take to be whole once a fault is over: far longer than the longest pause between two tries.
const SETTLE_WAIT: Duration = Duration::from_secs(240);

pub struct Bed {
    pub cluster: Cluster,
    engine: Option<Server>,
    engine_address: String,
    /// Between processors and the engine.
    pub engine_proxy: Proxy,
    roles: BTreeMap<String, Server>,
    /// Where collectors take hits now.
    pub doors: Doors,
    starts: u32,
    partitions: u32,
    /// What further configuration a role gets.
    pub more: BTreeMap<String, String>,
    /// Variables that a role is started with, beside its own.
    pub environment: BTreeMap<String, Vec<(&'static str, PathBuf)>>,
    /// Whether collectors take no more than 100 hits a second from one neighbourhood.
    pub is_rate_limited: bool,
    /// Another version's binary, by role.
    pub versions: BTreeMap<String, PathBuf>,
    /// Faults injected, for the figures.
    pub faults: u32,
    /// Processes that ended by themselves and were started again, as systemd and Kubernetes do.
    pub restarts: u32,
    /// Whether visitors may count again who were counted: the brokers lost records, and with them who had been where.
    pub visitors_may_repeat: bool,
    directory: TempDir,
}

impl Bed {
    /// Brokers, engine, tables, two processors, a dashboard, two collectors that know the site.
    pub fn start(brokers: usize, partitions: u32) -> Self {
        let mut bed = Self::bare(brokers, partitions);
        for name in FIRST {
            bed.start_role(name);
        }
        bed
    }

    /// Brokers, engine and tables.
    pub fn bare(brokers: usize, partitions: u32) -> Self {
        Self::on(Cluster::start(brokers), partitions)
    }

    /// Engine and tables, beside these brokers.
    pub fn on(cluster: Cluster, partitions: u32) -> Self {
        let directory = tempfile::Builder::new().prefix("footfall-faults-").tempdir().unwrap();
        let engine_address = crate::distributed::kafka_server::listen().local_addr().unwrap().to_string();
        let mut bed = Self {
            cluster,
            engine: None,
            engine_proxy: Proxy::before(&engine_address),
            engine_address,
            roles: BTreeMap::new(),
            doors: Doors::default(),
            starts: 0,
            partitions,
            more: BTreeMap::new(),
            environment: BTreeMap::new(),
            is_rate_limited: false,
            versions: BTreeMap::new(),
            faults: 0,
            restarts: 0,
            visitors_may_repeat: false,
            directory,
        };
        bed.start_engine();
        let migrated = bed.command("migrate-once").output().unwrap();
        assert!(migrated.status.success(), "{migrated:?}");
        bed
    }

    pub fn start_engine(&mut self) {
        let mut command = footfall();
        command.args(["engine", "--listen", &self.engine_address, "--data"]).arg(self.path("engine"));
        self.starts += 1;
        self.engine = Some(Server::logging(&mut command, &self.path(&format!("engine-{}", self.starts))));
    }

    pub fn kill_engine(&mut self) {
        self.faults += 1;
        self.engine.take().unwrap().kill();
    }

    pub fn signal_engine(&mut self, name: &str) {
        signal(self.engine.as_ref().unwrap().child.id(), name);
    }

    /// Starts a role; its name begins with what it is.
    pub fn start_role(&mut self, name: &str) {
        self.starts += 1;
        let log = self.path(&format!("{name}-{}", self.starts));
        let server = Server::logging(&mut self.command(name), &log);
        // A collector answers before it has heard of any site, and hits of an unknown one are refused for good.
        if name.starts_with("collector") {
            let knows =
                || server.try_send("GET", &format!("/privacy?d={SITE}"), &[], b"").is_ok_and(|said| said.status == 200);
            eventually("the site has been heard of", || knows().then_some(()));
        }
        self.roles.insert(name.to_owned(), server);
        self.open_doors();
    }

    fn open_doors(&self) {
        let collector = |(name, _): &(&String, &Server)| name.starts_with("collector");
        let doors = self.roles.iter().filter(collector).map(|(_, server)| server.address.clone()).collect();
        *self.doors.lock().unwrap() = doors;
    }

    pub fn role(&self, name: &str) -> &Server {
        &self.roles[name]
    }

    /// The roles that run and whose names begin so.
    pub fn names(&self, of: &str) -> Vec<String> {
        self.roles.keys().filter(|name| name.starts_with(of)).cloned().collect()
    }

    pub fn kill(&mut self, name: &str) {
        self.faults += 1;
        self.roles.remove(name).unwrap().kill();
        self.open_doors();
    }

    /// Ends a role as an operator would.
    pub fn stop(&mut self, name: &str) {
        let server = self.roles.remove(name).unwrap();
        self.open_doors();
        server.stop();
    }

    pub fn signal(&mut self, name: &str, what: &str) {
        signal(self.roles[name].child.id(), what);
    }

    /// Waits until these processors have all partitions between them.
    pub fn await_owners(&self, names: &[&str]) {
        eventually("all partitions have owners", || {
            let owned: f64 = names.iter().map(|name| figure(self.role(name), "footfall_partitions_owned")).sum();
            (owned >= f64::from(self.partitions)).then_some(())
        });
    }

    fn command(&self, name: &str) -> Command {
        let (role, _) = name.split_once('-').unwrap();
        let file = self.path(&format!("{name}.toml"));
        std::fs::write(&file, self.config(role, name)).unwrap();
        let mut command = self.versions.get(role).map_or_else(footfall, footfall_at);
        command.envs(self.environment.get(name).into_iter().flatten().map(|(name, value)| (name, value)));
        command.env("FOOTFALL_LOG", "info");
        command.arg(role).arg("--config").arg(file).args(["--listen", "127.0.0.1:0"]);
        command
    }

    /// What each role needs, and no more.
    fn config(&self, role: &str, name: &str) -> String {
        let brokers = if role == "collector" { self.cluster.far() } else { self.cluster.near() };
        let mut config = format!(
            "data = \"{}\"\nflush = \"300ms\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n\
             kafka = {brokers}\nkafka_partitions = {}\nkafka_replication = {}\nkafka_in_sync = {}\n",
            self.data(name).display(),
            self.partitions,
            self.cluster.brokers(),
            self.cluster.brokers().min(2),
        );
        if self.is_rate_limited {
            config += "rate_limit = \"100\"\n";
        }
        match role {
            "processor" => {
                let keys = self.path("keys");
                config += &format!("clickhouse = \"http://{}\"\n", self.engine_proxy.address);
                config += &format!("instance = \"{name}\"\nsilence_max = \"3s\"\nkeys = \"{}\"\n", keys.display());
            }
            "collector" => {}
            _ => config += &format!("clickhouse = \"http://{}\"\n", self.engine_address),
        }
        config += self.more.get(name).map_or("", String::as_str);
        if role == "dashboard" {
            config += &format!("[[site]]\ndomain = \"{SITE}\"\npublic = true\n");
        }
        config
    }

    /// A role's own directory.
    pub fn data(&self, name: &str) -> PathBuf {
        self.path(&format!("data-{name}"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        Path::join(self.directory.path(), name)
    }

    /// A figure over all collectors.
    pub fn of_collectors(&self, name: &str) -> f64 {
        self.names("collector").iter().map(|collector| figure(self.role(collector), name)).sum()
    }

    /// A figure of a role that may have ended; nothing then.
    pub fn figure_if_there(&self, role: &str, name: &str) -> f64 {
        let told = self.role(role).try_send("GET", "/metrics", &[], b"");
        told.map_or(0.0, |told| figure_in(&told.text(), name))
    }

    /// Brings back the roles that there were at first, for the next case.
    pub fn tidy(&mut self) {
        let first = FIRST.map(str::to_owned);
        for more in self.roles.keys().filter(|name| !first.contains(name)).cloned().collect::<Vec<_>>() {
            self.stop(&more);
        }
        for missing in first.iter().filter(|name| !self.roles.contains_key(*name)).collect::<Vec<_>>() {
            self.start_role(missing);
        }
    }

    /// What a supervisor does: starts again who ended by itself.
    pub fn supervise(&mut self) {
        let mut ended = Vec::new();
        for (name, server) in &mut self.roles {
            if server.child.try_wait().unwrap().is_some() {
                ended.push(name.clone());
            }
        }
        for name in ended {
            eprintln!("{name} ended by itself and is started again");
            self.restarts += 1;
            self.start_role(&name);
        }
    }

    /// Waits until all is counted that was acknowledged when this was called: a fault has just ended.
    pub fn recover(&mut self, load: &Load) {
        let (begun, acknowledged) = (Instant::now(), load.hits());
        while self.totals().is_none_or(|[.., events]| events < acknowledged) {
            self.supervise();
            assert!(begun.elapsed() < SETTLE_WAIT, "{} of {acknowledged}; logs in {}", self.told(), self.logs());
            std::thread::sleep(Duration::from_millis(50));
        }
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap();
        load.figures.recoveries.lock().unwrap().push(took);
    }

    fn totals(&self) -> Option<[i64; load::METRICS.len()]> {
        self.roles.get("dashboard-d")?.try_totals(SITE, &load::METRICS)?.try_into().ok()
    }

    fn told(&self) -> String {
        format!("{:?} counted", self.totals())
    }

    fn logs(&self) -> String {
        self.directory.path().display().to_string()
    }

    /// Waits until the counts equal the recount, to the last page and source, and checks that they stay so.
    pub fn settle(&mut self, load: &Load) {
        let (begun, expected) = (Instant::now(), load.recount());
        // Page views and events come last, and exactly also where visitors may repeat.
        while self.totals().is_none_or(|totals| expected.totals[2..] != totals[2..]) {
            self.supervise();
            assert!(begun.elapsed() < SETTLE_WAIT, "{} of {:?}; logs in {}", self.told(), expected.totals, self.logs());
            std::thread::sleep(Duration::from_millis(100));
        }
        // Nothing trickles in afterwards: a double would show as more, with the next flush or the one behind it.
        std::thread::sleep(Duration::from_secs(1));
        let dashboard = self.role("dashboard-d");
        let told = Counts::told_by(dashboard);
        if self.visitors_may_repeat {
            assert!(told.has_all_of(&expected), "{told:?}\n{expected:?}");
        } else {
            assert_eq!(told, expected);
        }
        self.check_balance(dashboard, load, &told);
    }

    /// What was received is what became of it, every visit begins and ends and none bounces, and no cell is below zero.
    fn check_balance(&self, dashboard: &Server, load: &Load, told: &Counts) {
        for processor in self.names("processor") {
            assert_eq!(figure(self.role(&processor), "footfall_ledger_difference"), 0.0, "{processor}");
        }
        load.check_ledger(&dashboard.ledger(SITE));
        let question = format!(
            "SELECT sum(entries), sum(exits), sum(bounces) FROM footfall.counts WHERE site = '{SITE}' AND dimension = '' \
             AND hour = -1"
        );
        let visits = told.totals[1];
        assert_eq!(self.ask_engine(&question), format!("{visits}\t{visits}\t0"), "entries, exits and bounces");
        if self.visitors_may_repeat {
            // What is moved for a visitor of whom records were lost is taken from where the rest of them says that it was.
            return;
        }
        let sums = ["visitors", "visits", "pageviews", "events", "bounces", "entries", "exits", "visit_seconds"];
        let below: Vec<String> = sums.iter().map(|column| format!("sum({column}) < 0")).collect();
        let question = format!(
            "SELECT count() FROM (SELECT 1 FROM footfall.counts GROUP BY site, day, hour, dimension, value, by_dimension, \
             by_value HAVING {})",
            below.join(" OR ")
        );
        assert_eq!(self.ask_engine(&question), "0", "cells below zero");
    }

    /// Asks the engine itself.
    pub fn ask_engine(&self, question: &str) -> String {
        let answer = request(&self.engine_address, "POST", "/", &[], question.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text().trim().to_owned()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for server in self.roles.values().chain(&self.engine) {
            // One that is frozen is ended all the same.
            let _gone = Command::new("kill").args(["-s", "CONT", &server.child.id().to_string()]).status();
        }
        if std::thread::panicking() {
            self.directory.disable_cleanup(true);
        }
    }
}

/// Sends a signal to a process of the test's own.
pub fn signal(id: u32, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &id.to_string()]).status().unwrap().success());
}
