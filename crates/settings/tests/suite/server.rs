//! A real PostgreSQL for tests: a cluster of its own on a free port of loopback and a socket in its directory, which goes
//! away with it. It asks for passwords over TCP, speaks TLS, and lets everybody in at the socket, which is the tests' alone.
//!
//! PostgreSQL refuses to run as root, so that root hands it to another user. Between the test and the server stands a shell
//! that waits for its input to end. It ends the server and removes the directory also when the test itself was killed.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Far longer than a server takes to start, even on a machine that builds something else.
const START_WAIT: Duration = Duration::from_secs(120);

pub const USER: &str = "footfall";
pub const PASSWORD: &str = "a-password-of-the-tests";

/// SIGQUIT ends a server and all its processes at once, as a power cut would.
const WATCHER: &str = r#"
log=$1 directory=$2 process=$3; shift 3
"$@" </dev/null >"$log" 2>&1 &
server=$!
echo "$server" >"$process"
if read -r _; then again=yes; else again=no; fi
kill -QUIT "$server"
wait "$server"
[ "$again" = yes ] || rm -rf "$directory"
"#;

/// A server; dropping it ends it.
pub struct Server {
    directory: PathBuf,
    port: u16,
    watcher: Option<Child>,
    starts: u32,
}

/// The server that the tests of this binary share.
pub fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(Server::start)
}

impl Server {
    pub fn start() -> Self {
        let server = Self::bare();
        let role = format!("CREATE ROLE {USER} LOGIN CREATEDB PASSWORD '{PASSWORD}'");
        server.psql("postgres", &role);
        server
    }

    /// Without a user but the cluster's owner.
    pub fn bare() -> Self {
        let directory = tempfile::Builder::new().prefix("footfall-postgres-").tempdir().unwrap().keep();
        let mut server = Self { directory, port: free_port(), watcher: None, starts: 0 };
        server.make();
        server.restart();
        server
    }

    /// The directory of its socket, and its port.
    #[allow(dead_code, reason = "the whole system's tests ask")]
    pub fn socket(&self) -> (&Path, String) {
        (&self.directory, self.port.to_string())
    }

    /// Makes a database and returns its name.
    pub fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("settings_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
        self.psql("postgres", &format!("CREATE DATABASE {name} OWNER {USER}"));
        name
    }

    /// The URL of a database by the socket, where nobody is asked for a password.
    pub fn by_socket(&self, database: &str) -> String {
        let socket = self.directory.display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{socket}:{}/{database}", self.port)
    }

    /// The URL of a database by TCP.
    pub fn by_address(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// The certificate that vouches for the server.
    pub fn authorities(&self) -> PathBuf {
        self.directory.join("authorities.pem")
    }

    /// Runs statements as the cluster's owner.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let mut command = Command::new(program("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", sql]);
        command.arg("-h").arg(&self.directory).args(["-p", &self.port.to_string()]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{sql}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        let mut watcher = self.watcher.take().unwrap();
        watcher.stdin.take().unwrap().write_all(b"kill\n").unwrap();
        watcher.wait().unwrap();
    }

    /// Sends a signal to the server's process and all that it started.
    pub fn signal(&self, signal: &str) {
        let server = fs::read_to_string(self.directory.join("process")).unwrap().trim().to_owned();
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &server]).output().unwrap().stdout;
        let children = String::from_utf8(children).unwrap();
        for process in std::iter::once(server.as_str()).chain(children.split_whitespace()) {
            // A process that has just ended by itself is as good.
            let _ = Command::new("kill").args([signal, process]).stderr(Stdio::null()).status().unwrap();
        }
    }

    /// Starts the server that is not running and waits until it answers.
    pub fn restart(&mut self) {
        assert!(self.watcher.is_none());
        self.starts += 1;
        let log = self.directory.join(format!("log.{}", self.starts));
        let port = self.port.to_string();
        let server = self.as_its_user(&program("postgres"), &["-D", self.at("data").to_str().unwrap(), "-p", &port]);
        let child = Command::new("sh")
            .args(["-c", WATCHER, "sh"])
            .arg(&log)
            .arg(&self.directory)
            .arg(self.at("process"))
            .arg(server.get_program())
            .args(server.get_args())
            .current_dir(&self.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0) // so that an interrupt at the terminal leaves it to clean up
            .spawn()
            .unwrap();
        self.watcher = Some(child);
        let begun = Instant::now();
        let said = || fs::read_to_string(&log).unwrap_or_default();
        while !said().contains("ready to accept connections") {
            assert!(begun.elapsed() < START_WAIT && !said().contains("FATAL"), "it does not start: {}", said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn make(&self) {
        let (certificate, key) = (self.at("server.pem"), self.at("server.key"));
        let (authorities, authority_key) = (self.authorities(), self.at("authorities.key"));
        run(&mut certificate_for("authority", &authority_key, &authorities));
        run(certificate_for("127.0.0.1", &key, &certificate)
            .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-CA"])
            .arg(&authorities)
            .arg("-CAkey")
            .arg(&authority_key));
        if rustix::process::geteuid().is_root() {
            run(Command::new("chown").arg("-R").arg(format!("{}:", user())).arg(&self.directory));
        }
        let data = self.at("data");
        let authentication = ["--auth-local=trust", "--auth-host=scram-sha-256", "-U", "postgres"];
        let made = ["-D", data.to_str().unwrap(), "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"];
        run(&mut self.as_its_user(&program("initdb"), &[&authentication[..], &made].concat()));
        let directory = self.directory.display();
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = '{directory}'\nfsync = off\nmax_connections = 200\n\
             ssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'\n",
            certificate.display(),
            key.display()
        );
        let file = data.join("postgresql.conf");
        let sample = fs::read_to_string(&file).unwrap();
        fs::write(file, sample + &settings).unwrap();
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A program of PostgreSQL as the user who may run it.
    fn as_its_user(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("setpriv");
            let user = user();
            command.args([&format!("--reuid={user}"), &format!("--regid={}", group(user)), "--clear-groups", "--"]);
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(arguments).current_dir(&self.directory);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut watcher) = self.watcher.take() {
            drop(watcher.stdin.take());
            watcher.wait().unwrap();
        }
        let _gone_already = fs::remove_dir_all(&self.directory);
    }
}

/// Where Debian keeps the programs of a version, the newest first; elsewhere they are in the path.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| {
            Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin").join(name)))
        })
        .filter(|(_, path)| path.exists())
        .collect();
    found.sort();
    let found = found.pop().map_or_else(|| name.into(), |(_, path)| path);
    let there = Command::new(&found).arg("--version").output().is_ok();
    assert!(
        there,
        "PostgreSQL's {name} is not here; scripts/test-needs.sh installs it, or: sudo apt-get install postgresql"
    );
    found
}

/// Who runs the server where root runs the tests.
fn user() -> &'static str {
    let there = Command::new("id").arg("postgres").output().is_ok_and(|output| output.status.success());
    if there { "postgres" } else { "nobody" }
}

fn group(user: &str) -> String {
    String::from_utf8(Command::new("id").args(["-g", user]).output().unwrap().stdout).unwrap().trim().to_owned()
}

/// A free port below those that the system gives to outgoing connections, which come and go while the server is not running.
fn free_port() -> u16 {
    for attempt in 0_u64.. {
        let port = u16::try_from(20_000 + RandomState::new().hash_one(attempt) % 12_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    unreachable!("no port is free")
}

fn certificate_for(name: &str, key: &Path, certificate: &Path) -> Command {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3"]);
    command.args(["-subj", &format!("/CN={name}"), "-keyout"]).arg(key).arg("-out").arg(certificate);
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?} failed: {output:?}");
}
