//! An installation of several processes on loopback: a broker, the engine as the store, and whatever roles a test starts.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::kafka_server::{self, Broker};
use super::postgres;
use crate::harness::{Answer, Server, eventually, footfall, request};

pub const SITE: &str = "example.com";

/// What its roles share. Dropping it ends broker and engine.
pub struct Apart {
    pub broker: Broker,
    engine: Option<Server>,
    /// Where the engine listens, also after it was started again.
    engine_address: String,
    partitions: u32,
    /// Where each role's password for Kafka stands, where it needs one.
    passwords: Option<PathBuf>,
    /// A PostgreSQL for the settings, and its database's URL; SQLite otherwise.
    postgres: Option<(postgres::Server, String)>,
    directory: TempDir,
}

impl Apart {
    /// A broker, an engine, and tables.
    pub fn start(partitions: u32) -> Self {
        Self::with(Broker::start(), partitions)
    }

    /// The same, with a user of its own for each role, who may do what `deploy/kafka/rights.sh` allows and no more.
    pub fn guarded(partitions: u32) -> Self {
        let mut apart = Self::with(Broker::guarded(), partitions);
        let passwords = apart.path("passwords");
        std::fs::create_dir(&passwords).unwrap();
        for role in ["collector", "processor", "dashboard"] {
            std::fs::write(passwords.join(format!("kafka-{role}")), format!("password-of-{role}\n")).unwrap();
        }
        let plain = apart.path("administrator.properties");
        std::fs::write(&plain, "security.protocol=PLAINTEXT\n").unwrap();
        for script in ["topics.sh", "rights.sh"] {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kafka").join(script);
            let mut command = Command::new("bash");
            command.arg(script).env("KAFKA_BIN", apart.broker.tools()).env("BOOTSTRAP", apart.broker.plain());
            command.env("COMMAND_CONFIG", &plain).env("PASSWORDS", &passwords);
            command.env("FOOTFALL_KAFKA_PARTITIONS", partitions.to_string());
            command.env("FOOTFALL_KAFKA_REPLICATION", "1").env("FOOTFALL_KAFKA_IN_SYNC", "1");
            let done = command.output().unwrap();
            assert!(done.status.success(), "{done:?}");
        }
        apart.passwords = Some(passwords);
        apart
    }

    fn with(broker: Broker, partitions: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine_address = "127.0.0.1:0".to_owned();
        let mut apart =
            Self { broker, engine: None, engine_address, partitions, passwords: None, postgres: None, directory };
        apart.start_engine();
        let migrated = apart.command("migrate", "migrate").output().unwrap();
        assert!(migrated.status.success(), "{migrated:?}");
        apart
    }

    /// Keeps the settings in a PostgreSQL from now on.
    pub fn use_postgres(&mut self) {
        let server = postgres::Server::start();
        let url = server.by_address(&server.database());
        std::fs::write(self.path("postgres-password"), postgres::PASSWORD).unwrap();
        self.postgres = Some((server, url));
    }

    pub fn postgres(&mut self) -> &mut postgres::Server {
        &mut self.postgres.as_mut().unwrap().0
    }

    /// Starts the engine that is not running, on its data of before.
    pub fn start_engine(&mut self) {
        let mut command = footfall();
        command.args(["engine", "--listen", &self.engine_address, "--data"]).arg(self.path("engine"));
        let engine = Server::logging(&mut command, &self.path("engine-log"));
        self.engine_address = engine.address.clone();
        self.engine = Some(engine);
    }

    /// Ends the engine with SIGKILL.
    pub fn stop_engine(&mut self) {
        let mut engine = self.engine.take().unwrap();
        engine.child.kill().unwrap();
        engine.child.wait().unwrap();
    }

    pub fn collector(&self, name: &str) -> Server {
        self.role("collector", name)
    }

    pub fn processor(&self, name: &str) -> Server {
        self.role("processor", name)
    }

    pub fn dashboard(&self) -> Server {
        self.role("dashboard", "dashboard")
    }

    /// Starts a role and waits until it is ready. Each dashboard is named for the site that its configuration has; those whose names
    /// begin with `dashboard` are alike.
    pub fn role(&self, role: &str, name: &str) -> Server {
        Server::logging(&mut self.command(role, name), &self.path(&format!("{role}-{name}")))
    }

    /// Starts a role that may not become ready, and waits until it is alive.
    pub fn begin(&self, role: &str, name: &str) -> Server {
        let address = kafka_server::listen().local_addr().unwrap().to_string();
        let mut command = self.common(role, name);
        let said = |end| std::fs::File::create(self.path(&format!("{role}-{name}")).with_extension(end)).unwrap();
        let child = command.args(["--listen", &address]).stdout(said("out")).stderr(said("err")).spawn().unwrap();
        let server = Server { child, address };
        eventually("a role that is alive", || {
            server.try_send("GET", "/healthz", &[], b"").ok().filter(|answer| answer.status == 200)
        });
        server
    }

    /// Asks the engine itself.
    pub fn ask_engine(&self, statement: &str) -> Answer {
        request(&self.engine_address, "POST", "/", &[], statement.as_bytes()).unwrap()
    }

    /// Runs `footfall site`.
    pub fn site(&self, arguments: &[&str]) {
        let (verb, rest) = arguments.split_first().unwrap();
        let file = self.path("site.toml");
        std::fs::write(&file, self.config("dashboard", "dashboard")).unwrap();
        let done = footfall().args(["site", verb, "--config"]).arg(file).args(rest).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    fn command(&self, role: &str, name: &str) -> Command {
        let mut command = self.common(role, name);
        command.args(["--listen", "127.0.0.1:0"]);
        command
    }

    /// A command with a configuration of the installation and a data directory of the process's own.
    fn common(&self, role: &str, name: &str) -> Command {
        let file = self.path(&format!("{role}-{name}.toml"));
        std::fs::write(&file, self.config(role, name)).unwrap();
        let mut command = footfall();
        command.arg(role).arg("--config").arg(file);
        command.env("FOOTFALL_LOG", "info");
        command
    }

    /// What each role needs, and no more.
    fn config(&self, role: &str, name: &str) -> String {
        let data = self.path(&format!("data-{name}"));
        let mut config = format!(
            "data = \"{}\"\nflush = \"300ms\"\ntrusted_proxies = [\"127.0.0.0/8\"]\nkafka = [\"{}\"]\n\
             kafka_partitions = {}\nkafka_replication = 1\nkafka_in_sync = 1\n",
            data.display(),
            self.broker.plain(),
            self.partitions
        );
        if let Some(passwords) = &self.passwords {
            let file = passwords.join(format!("kafka-{role}"));
            config = config.replace(&self.broker.plain(), &self.broker.sasl());
            config += &format!("kafka_user = \"{role}\"\nkafka_password_file = \"{}\"\n", file.display());
        }
        if role != "collector" {
            config += &format!("clickhouse = \"http://{}\"\n", self.engine_address);
        }
        if role == "processor" {
            let keys = self.path("keys");
            config += &format!("instance = \"{name}\"\nsilence_max = \"3s\"\nkeys = \"{}\"\n", keys.display());
        }
        if let Some((_, url)) = self.postgres.as_ref().filter(|_| role == "dashboard") {
            let file = self.path("postgres-password");
            config += &format!("database = \"{url}\"\ndatabase_password_file = \"{}\"\n", file.display());
        }
        if role == "dashboard" {
            let site = if name.starts_with("dashboard") { SITE.to_owned() } else { format!("{name}.example") };
            config += &format!("[[site]]\ndomain = \"{site}\"\npublic = true\n");
        }
        config
    }

    pub fn path(&self, name: &str) -> PathBuf {
        Path::join(self.directory.path(), name)
    }
}
