//! Brokers of Kafka on loopback, each a controller too: one, or three that keep every record on three and acknowledge what two
//! have. Each has a second way in through a proxy.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use super::proxy::{Proxy, Weather};
use crate::distributed::kafka_server as kafka;

/// How long a broker may take to copy what it lacks: far longer than its reading of a few megabytes.
const IN_STEP_WAIT: Duration = Duration::from_secs(120);

pub struct Cluster {
    nodes: Vec<Node>,
}

struct Node {
    directory: PathBuf,
    plain: String,
    proxy: Proxy,
    watcher: Option<Child>,
    starts: u32,
}

impl Cluster {
    pub fn start(brokers: usize) -> Self {
        let mut cluster = Self::laid_out(brokers);
        cluster.begin();
        cluster
    }

    /// Brokers that have their directories and addresses, and no data yet.
    pub fn laid_out(brokers: usize) -> Self {
        kafka::fetch();
        // All ports are held until all are known, so that no two are the same.
        let held: Vec<TcpListener> = (0..3 * brokers).map(|_| kafka::listen()).collect();
        let ports: Vec<String> = held.iter().map(|held| held.local_addr().unwrap().to_string()).collect();
        let voter = |(node, ports): (usize, &[String])| format!("{}@{}", node + 1, ports[2]);
        let voters: Vec<String> = ports.chunks(3).enumerate().map(voter).collect();
        let in_sync = brokers.min(2);
        let mut nodes = Vec::new();
        for (number, ports) in ports.chunks(3).enumerate() {
            let [plain, far, controller] = ports else { unreachable!("three each") };
            let proxy = Proxy::before(far);
            let directory = tempfile::Builder::new().prefix("footfall-kafka-").tempdir().unwrap().keep();
            let properties = format!(
                "process.roles=broker,controller\n\
                 node.id={}\n\
                 controller.quorum.voters={}\n\
                 listeners=PLAIN://{plain},FAR://{far},CONTROLLER://{controller}\n\
                 advertised.listeners=PLAIN://{plain},FAR://{}\n\
                 listener.security.protocol.map=PLAIN:PLAINTEXT,FAR:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
                 controller.listener.names=CONTROLLER\n\
                 inter.broker.listener.name=PLAIN\n\
                 log.dirs={}/data\n\
                 offsets.topic.replication.factor={brokers}\n\
                 offsets.topic.num.partitions=2\n\
                 min.insync.replicas={in_sync}\n\
                 group.min.session.timeout.ms=1000\n\
                 group.initial.rebalance.delay.ms=0\n\
                 log.cleaner.dedupe.buffer.size=10485760\n\
                 num.network.threads=2\n\
                 num.io.threads=2\n",
                number + 1,
                voters.join(","),
                proxy.address,
                directory.display(),
            );
            std::fs::write(directory.join("server.properties"), properties).unwrap();
            nodes.push(Node { directory, plain: plain.clone(), proxy, watcher: None, starts: 0 });
        }
        drop(held);
        Self { nodes }
    }

    /// Formats the brokers' data and starts them.
    pub fn begin(&mut self) {
        for node in &self.nodes {
            kafka::format(&node.directory, &[]);
        }
        self.start_all();
    }

    /// Starts the brokers, of which none runs: one alone has no majority to begin with.
    pub fn start_all(&mut self) {
        self.nodes.iter_mut().for_each(Node::spawn);
        self.nodes.iter().for_each(Node::await_start);
    }

    /// Where a broker keeps its data.
    pub fn data(&self, broker: usize) -> PathBuf {
        self.nodes[broker].directory.join("data")
    }

    /// Waits until a broker has ended by itself, and says how long that took.
    pub fn await_end(&mut self, broker: usize) -> Duration {
        let begun = Instant::now();
        let watcher = self.nodes[broker].watcher.as_ref().unwrap();
        while kafka::is_up(watcher) {
            assert!(begun.elapsed() < IN_STEP_WAIT, "the broker goes on");
            std::thread::sleep(Duration::from_millis(100));
        }
        self.kill(broker);
        begun.elapsed()
    }

    pub fn brokers(&self) -> usize {
        self.nodes.len()
    }

    /// The way in without a proxy, as a list of TOML.
    pub fn near(&self) -> String {
        format!("{:?}", self.nodes.iter().map(|node| &node.plain).collect::<Vec<_>>())
    }

    /// The way in through the proxies.
    pub fn far(&self) -> String {
        format!("{:?}", self.nodes.iter().map(|node| &node.proxy.address).collect::<Vec<_>>())
    }

    /// What the proxies do from now on.
    pub fn set(&self, weather: Weather) {
        for node in &self.nodes {
            node.proxy.set(weather);
        }
    }

    pub fn kill(&mut self, broker: usize) {
        kafka::kill(self.nodes[broker].watcher.take().unwrap());
    }

    /// Cuts the ends off what a broker that does not run keeps of a topic, and says how many bytes.
    pub fn cut_tail(&self, broker: usize, topic: &str) -> u64 {
        assert!(self.nodes[broker].watcher.is_none(), "the broker runs");
        kafka::cut_tail(&self.data(broker), topic)
    }

    /// Waits until every broker has what the others have.
    pub fn await_in_step(&self) {
        let brokers = self.nodes.iter().map(|node| node.plain.clone()).collect::<Vec<_>>().join(",");
        let behind = ["--bootstrap-server", &brokers, "--describe", "--under-replicated-partitions"];
        let begun = Instant::now();
        while !kafka::tool("org.apache.kafka.tools.TopicCommand", &behind).trim().is_empty() {
            assert!(begun.elapsed() < IN_STEP_WAIT, "a replica stays behind");
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    pub fn restart(&mut self, broker: usize) {
        self.nodes[broker].spawn();
        self.nodes[broker].await_start();
    }

    pub fn signal(&self, broker: usize, name: &str) {
        kafka::signal(self.nodes[broker].watcher.as_ref().unwrap(), name);
    }
}

impl Node {
    fn spawn(&mut self) {
        self.starts += 1;
        self.watcher = Some(kafka::spawn(&self.directory, &self.log()));
    }

    fn await_start(&self) {
        kafka::await_start(&self.log());
    }

    fn log(&self) -> PathBuf {
        self.directory.join(format!("log.{}", self.starts))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut watcher) = self.watcher.take() {
            drop(watcher.stdin.take());
            watcher.wait().unwrap();
        }
        let _gone_already = std::fs::remove_dir_all(&self.directory);
    }
}
