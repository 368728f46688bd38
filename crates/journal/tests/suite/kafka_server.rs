//! A real Apache Kafka for tests: one broker in KRaft mode on free ports of loopback, in a directory that goes away. It
//! speaks plainly, SASL/SCRAM and TLS. It is no cluster; the tests of faults make one of the same parts.
//!
//! Between the test and the broker stands a shell that waits for its input to end. It ends the broker with SIGKILL and
//! removes the directory also when the test itself was killed, without a word of unsafe code.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// As `scripts/fetch-kafka.sh` pins it.
const VERSION: &str = "4.4.0";
/// Far longer than a broker takes to start, even on a machine that builds something else.
const START_WAIT: Duration = Duration::from_secs(120);

/// Where Kafka's own scripts would start its tools, these start them from the jars.
const TOOLS: [(&str, &str); 5] = [
    ("kafka-topics.sh", "org.apache.kafka.tools.TopicCommand"),
    ("kafka-configs.sh", "org.apache.kafka.tools.ConfigCommand"),
    ("kafka-acls.sh", "org.apache.kafka.tools.AclCommand"),
    ("kafka-storage.sh", "kafka.tools.StorageTool"),
    ("kafka-server-start.sh", "kafka.Kafka"),
];

pub const USER: &str = "footfall";
pub const PASSWORD: &str = "a-password-of-the-tests";

const WATCHER: &str = r#"
log=$1 directory=$2; shift 2
"$@" </dev/null >"$log" 2>&1 &
broker=$!
if read -r _; then again=yes; else again=no; fi
kill -9 "$broker"
wait "$broker"
[ "$again" = yes ] || rm -rf "$directory"
"#;

/// A broker; dropping it ends it.
pub struct Broker {
    directory: PathBuf,
    ports: Vec<u16>,
    watcher: Option<Child>,
    starts: u32,
}

/// The broker that the tests of this binary share.
pub fn shared() -> &'static Broker {
    static SHARED: OnceLock<Broker> = OnceLock::new();
    SHARED.get_or_init(Broker::start)
}

impl Broker {
    pub fn start() -> Self {
        Self::with("")
    }

    /// A broker that lets a user do only what was allowed; whoever comes in plainly administers it.
    pub fn guarded() -> Self {
        Self::with(
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
             super.users=User:ANONYMOUS\n\
             allow.everyone.if.no.acl.found=false\n",
        )
    }

    /// The broker's tools under the names of Kafka's own scripts, in a directory.
    pub fn tools(&self) -> PathBuf {
        tools(&self.directory)
    }

    fn with(properties: &str) -> Self {
        fetch();
        let directory = tempfile::Builder::new().prefix("footfall-kafka-").tempdir().unwrap().keep();
        // All are held until all are known, so that no two are the same.
        let held: Vec<_> = (0..6).map(|_| listen()).collect();
        let ports = held.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        drop(held);
        let mut broker = Self { directory, ports, watcher: None, starts: 0 };
        broker.configure(properties);
        broker.restart();
        broker
    }

    pub fn plain(&self) -> String {
        self.address(0)
    }

    pub fn sasl(&self) -> String {
        self.address(1)
    }

    pub fn tls(&self) -> String {
        self.address(2)
    }

    /// A user and a password, within TLS.
    pub fn sasl_tls(&self) -> String {
        self.address(4)
    }

    /// TLS for who has a certificate of [`Broker::client`].
    pub fn own_tls(&self) -> String {
        self.address(5)
    }

    /// The one certificate that the broker takes where it asks for one, and its key.
    pub fn client(&self) -> (PathBuf, PathBuf) {
        (self.directory.join("client.pem"), self.directory.join("client.key"))
    }

    /// The certificate that vouches for the broker.
    pub fn authorities(&self) -> PathBuf {
        self.directory.join("broker.pem")
    }

    /// SIGKILL; what the broker had written stays.
    pub fn kill(&mut self) {
        kill(self.watcher.take().unwrap());
    }

    /// Sends the broker a signal.
    pub fn signal(&self, name: &str) {
        signal(self.watcher.as_ref().unwrap(), name);
    }

    /// The broker's process, not the shell's that watches over it.
    pub fn process(&self) -> u32 {
        process(self.watcher.as_ref().unwrap())
    }

    /// As [`cut_tail`], of the broker that is not running.
    pub fn cut_tail(&self, topic: &str) -> u64 {
        assert!(self.watcher.is_none());
        cut_tail(&self.directory.join("data"), topic)
    }

    /// Starts the broker that is not running and waits until it answers.
    pub fn restart(&mut self) {
        assert!(self.watcher.is_none());
        self.starts += 1;
        let log = self.directory.join(format!("log.{}", self.starts));
        self.watcher = Some(spawn(&self.directory, &log));
        await_start(&log);
    }

    fn address(&self, index: usize) -> String {
        format!("127.0.0.1:{}", self.ports[index])
    }

    fn configure(&self, more: &str) {
        let directory = self.directory.display();
        let [plain, sasl, tls, controller, sasl_tls, own_tls] = [0, 1, 2, 3, 4, 5].map(|index| self.address(index));
        let store = self.directory.join("broker.p12");
        let key = ["-alias", "broker", "-storepass", "changeit", "-keystore", store.to_str().unwrap()];
        let authorities = self.authorities();
        run(Command::new("keytool")
            .args(["-genkeypair", "-keyalg", "EC", "-storetype", "PKCS12", "-dname", "CN=127.0.0.1"])
            .args(["-ext", "san=ip:127.0.0.1", "-validity", "3"])
            .args(key));
        run(Command::new("keytool").args(["-exportcert", "-rfc", "-file", authorities.to_str().unwrap()]).args(key));
        let (client, client_key) = self.client();
        run(Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", "/CN=footfall", "-keyout"])
            .arg(client_key)
            .arg("-out")
            .arg(&client));
        let login = |(listener, mechanism)| {
            let module = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
            format!("listener.name.{listener}.{mechanism}.sasl.jaas.config={module}\n")
        };
        let (sha_512, sha_256) = ("scram-sha-512", "scram-sha-256");
        let logins: String =
            ["sasl", "sasltls"].map(|listener| login((listener, sha_512)) + &login((listener, sha_256))).concat();
        let store = |listener| {
            let of = format!("listener.name.{listener}.ssl.keystore");
            format!("{of}.type=PKCS12\n{of}.location={directory}/broker.p12\n{of}.password=changeit\n")
        };
        let stores = ["tls", "sasltls", "owntls"].map(store).concat();
        let trusted = client.display();
        let properties = format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.voters=1@{controller}\n\
             listeners=PLAIN://{plain},SASL://{sasl},TLS://{tls},SASLTLS://{sasl_tls},OWNTLS://{own_tls},\
             CONTROLLER://{controller}\n\
             advertised.listeners=PLAIN://{plain},SASL://{sasl},TLS://{tls},SASLTLS://{sasl_tls},OWNTLS://{own_tls}\n\
             listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,\
             SASLTLS:SASL_SSL,OWNTLS:SSL\n\
             controller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=PLAIN\n\
             log.dirs={directory}/data\n\
             offsets.topic.replication.factor=1\n\
             offsets.topic.num.partitions=1\n\
             group.min.session.timeout.ms=1000\n\
             group.initial.rebalance.delay.ms=0\n\
             log.cleaner.dedupe.buffer.size=10485760\n\
             num.network.threads=2\n\
             num.io.threads=2\n\
             sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256\n\
             {logins}\
             {stores}\
             listener.name.owntls.ssl.client.auth=required\n\
             listener.name.owntls.ssl.truststore.type=PEM\n\
             listener.name.owntls.ssl.truststore.location={trusted}\n\
             {more}"
        );
        let file = self.directory.join("server.properties");
        fs::write(&file, properties).unwrap();
        let user = |mechanism| format!("{mechanism}=[name={USER},password={PASSWORD}]");
        let [sha_512, sha_256] = ["SCRAM-SHA-512", "SCRAM-SHA-256"].map(user);
        format(&self.directory, &["--add-scram", &sha_512, "--add-scram", &sha_256]);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut watcher) = self.watcher.take() {
            drop(watcher.stdin.take());
            watcher.wait().unwrap();
        }
        let _gone_already = fs::remove_dir_all(&self.directory);
    }
}

/// Kafka's tools under the names of its own scripts, in `bin` of a directory.
pub fn tools(directory: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let bin = directory.join("bin");
    fs::create_dir_all(&bin).unwrap();
    for (script, class) in TOOLS {
        let java = "java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1";
        let path = bin.join(script);
        fs::write(&path, format!("#!/bin/sh\nexec {java} -cp '{}' {class} \"$@\"\n", jars())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    bin
}

/// Starts a broker on the `server.properties` of a directory, which goes away with the shell that is returned; what it says goes to `log`.
pub fn spawn(directory: &Path, log: &Path) -> Child {
    Command::new("sh")
        .args(["-c", WATCHER, "sh"])
        .arg(log)
        .arg(directory)
        .args(["java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"])
        .arg(jars())
        .arg("kafka.Kafka")
        .arg(directory.join("server.properties"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0) // so that an interrupt at the terminal leaves it to clean up
        .spawn()
        .unwrap()
}

/// Waits until a broker's log says that it answers.
pub fn await_start(log: &Path) {
    let begun = Instant::now();
    let said = || fs::read_to_string(log).unwrap_or_default();
    while !said().contains("Kafka Server started") {
        assert!(begun.elapsed() < START_WAIT && !said().contains("Exiting Kafka"), "it does not start: {}", said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends a broker with SIGKILL, and leaves its directory.
pub fn kill(mut watcher: Child) {
    watcher.stdin.take().unwrap().write_all(b"kill\n").unwrap();
    watcher.wait().unwrap();
}

/// Sends a broker a signal, not the shell that watches over it.
pub fn signal(watcher: &Child, name: &str) {
    run(Command::new("kill").args(["-s", name, &process(watcher).to_string()]));
}

/// Whether a broker runs, and has not ended by itself.
pub fn is_up(watcher: &Child) -> bool {
    // The shell waits for a word, not for the broker: one that has ended is a zombie until then.
    let stat = fs::read_to_string(format!("/proc/{}/stat", process(watcher)));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// A broker's process, not the shell's that watches over it.
pub fn process(watcher: &Child) -> u32 {
    let watcher = watcher.id();
    let children = fs::read_to_string(format!("/proc/{watcher}/task/{watcher}/children")).unwrap();
    children.split_whitespace().next().unwrap().parse().unwrap()
}

/// Cuts the last third off the newest file of each partition of a topic, of a broker that does not run, and says how many bytes.
pub fn cut_tail(data: &Path, topic: &str) -> u64 {
    let mut cut = 0;
    for partition in fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()) {
        let name = partition.file_name().unwrap().to_string_lossy().into_owned();
        if !name.rsplit_once('-').is_some_and(|(of, number)| of == topic && number.parse::<u32>().is_ok()) {
            continue;
        }
        let files = fs::read_dir(&partition).unwrap().map(|entry| entry.unwrap().path());
        let newest = files.filter(|path| path.extension().is_some_and(|extension| extension == "log")).max().unwrap();
        let file = fs::OpenOptions::new().write(true).open(newest).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length - length / 3).unwrap();
        cut += length / 3;
    }
    cut
}

/// Runs one of Kafka's own tools, and answers what it said.
pub fn tool(class: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("java");
    command.args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", &jars(), class]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?} failed: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Makes a broker's directory ready for its first start.
pub fn format(directory: &Path, more: &[&str]) {
    run(Command::new("java")
        .args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", &jars()])
        .args(["kafka.tools.StorageTool", "format", "--cluster-id", "Zm9vdGZhbGwtdGVzdC1r", "--config"])
        .arg(directory.join("server.properties"))
        .args(more));
}

/// Listens on a free port below those that the system gives to outgoing connections, which come and go while the broker is
/// not running.
pub fn listen() -> TcpListener {
    for attempt in 0_u64.. {
        let port = 20_000 + RandomState::new().hash_one(attempt) % 12_000;
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", u16::try_from(port).unwrap())) {
            return listener;
        }
    }
    unreachable!("no port is free")
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; Java 17 or newer is needed"));
    assert!(output.status.success(), "{command:?} failed: {output:?}");
}

/// Every jar of the cache, as Java's class path names them.
fn jars() -> String {
    let cache = std::env::var_os("FOOTFALL_CACHE").map(PathBuf::from).unwrap_or_else(|| {
        let home = || Path::new(&std::env::var_os("HOME").unwrap()).join(".cache");
        std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("footfall")
    });
    format!("{}/*", cache.join(format!("kafka-tools-{VERSION}")).display())
}

/// Makes sure that Kafka is there, fetching it as `make test` does.
pub fn fetch() {
    let of = |root: &Path| Some(root.join("scripts/fetch-kafka.sh")).filter(|script| script.exists());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find_map(of).unwrap();
    assert!(Command::new("sh").arg(script).status().unwrap().success(), "Kafka cannot be fetched");
}
