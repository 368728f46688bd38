//! The configuration, in two stages: texts from the file, the environment and the command line; then one checked [`Config`].
//!
//! Stronger sources win: command line, environment, file, default. All mistakes are reported at once; an unknown key is a
//! mistake that names its near miss. One table of settings feeds the file, the environment and the docs.

mod distributed;
mod mail;
mod site;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
pub use distributed::Distributed;
pub use mail::Mail;
use model::{Domain, Site, Sites};
use site::SITE_SETTINGS;
use tracing_subscriber::filter::Targets;

use crate::logging::levels;

/// A setting: its key in the file, its default, and what it is for. `FOOTFALL_` and the key in capitals is its variable.
pub struct Setting {
    /// Its key.
    pub key: &'static str,
    /// What applies when nobody sets it.
    pub default: &'static str,
    /// One sentence for the person who sets it.
    pub help: &'static str,
}

impl Setting {
    /// Its line in `footfall serve --help`.
    pub fn line(&self) -> String {
        let default = if self.default.is_empty() { String::new() } else { format!(" [default: {}]", self.default) };
        format!("  {:<16} {}{default}\n", self.key, self.help)
    }
}

/// Every setting outside `[[site]]`.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().chain(mail::SETTINGS).chain(distributed::SETTINGS)
}

const SETTINGS: &[Setting] = &[
    Setting { key: "listen", default: "127.0.0.1:8080", help: "Address and port to listen on." },
    Setting { key: "data", default: "./data", help: "The directory that holds everything Footfall keeps." },
    Setting {
        key: "trusted_proxies",
        default: "",
        help: "Networks whose forwarding headers are believed; empty: none.",
    },
    Setting { key: "flush", default: "10s", help: "How long changes are gathered before they are written." },
    Setting {
        key: "rate_limit",
        default: "off",
        help: "Hits a second that one address prefix (/24, /48) may send, with a burst of thirty times that; or off.",
    },
    Setting {
        key: "visitors_in_memory",
        default: "2000000",
        help: "Visitors of the open days that are known at a time, by all processors together (about a kilobyte each); more are counted without their visitor.",
    },
    Setting {
        key: "demo_page",
        default: "",
        help: "A site for which a small page with the tracker is served at /demo.",
    },
    Setting {
        key: "region",
        default: "",
        help: "Where this installation keeps its data, such as EU or JP; a site that declares another region stops the start.",
    },
    Setting {
        key: "database",
        default: "",
        help: "Where the settings rest: sqlite:PATH or postgres://USER@HOST/DATABASE; empty: settings.sqlite in data.",
    },
    Setting { key: "database_password_file", default: "", help: "The file that holds the database's password." },
    Setting { key: "engine_library", default: "", help: "Path of libchdb.so; empty: where set-up puts it." },
    Setting { key: "geo_database", default: "", help: "Path of a MaxMind-format country or city database." },
    Setting {
        key: "log",
        default: "info",
        help: "What is logged: error, warn, info, debug, also of a module: info,processor=debug.",
    },
];

/// The settings of a site, a line each.
pub fn site_help() -> String {
    let line =
        |setting: &site::SiteSetting| format!("  {:<16} {} Takes {}.\n", setting.key, setting.help, setting.takes);
    SITE_SETTINGS.iter().map(line).collect()
}

/// The setting of a site by its key, or what is near.
pub fn site_setting(key: &str) -> Result<&'static site::SiteSetting, String> {
    let known: Vec<_> = SITE_SETTINGS.iter().map(|setting| setting.key).collect();
    let found = SITE_SETTINGS.iter().find(|setting| setting.key == key);
    found.ok_or_else(|| format!("unknown setting `{key}`{}", suggestion(key, &known)))
}

/// A site's declared region is what its notice says, so it has to be where the data rests. A site that declares none takes
/// the installation's.
pub fn keep_region(site: &mut Site, here: Option<&str>) -> Result<(), String> {
    let Some(here) = here else { return Ok(()) };
    let declared = site.notice.region.get_or_insert_with(|| here.to_owned());
    if declared == here {
        return Ok(());
    }
    Err(format!(
        "site {}: it declares its data in the region {declared}, and this installation keeps it in {here}: \
         move the site to an installation there, or change its notice",
        site.domain
    ))
}

/// What holds for this run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The data directory.
    pub data: PathBuf,
    /// Networks whose forwarding headers are believed, as `address/bits`.
    pub trusted_proxies: Vec<collector::Network>,
    /// How long changes are gathered before they are written.
    pub flush: Duration,
    /// How fast one address prefix may send.
    pub rate_limit: Option<collector::RateLimit>,
    /// Visitors of the open days that all partitions together know.
    pub visitors_in_memory: usize,
    /// The site of the demo page, when there is one.
    pub demo_page: Option<Domain>,
    /// The region in which this installation keeps its data, when named.
    pub region: Option<String>,
    /// Where the settings rest.
    pub database: settings::Location,
    /// The engine's library, when named.
    pub engine_library: Option<PathBuf>,
    /// The country database, when named.
    pub geo_database: Option<PathBuf>,
    /// What is logged.
    pub log: Targets,
    /// The preset API token.
    pub token: Option<String>,
    /// The sites.
    pub sites: Sites,
    /// The mail server, when named.
    pub mail: Option<Mail>,
    /// What a role of a distributed installation needs beside.
    pub distributed: Distributed,
}

/// Where settings come from.
#[derive(Args, Default)]
pub struct Common {
    /// The configuration file (TOML); every setting can also be given as FOOTFALL_<NAME>
    #[arg(long, value_name = "FILE", env = "FOOTFALL_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// The data directory [default: ./data]
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
}

/// What the command line says.
#[derive(Debug, Default)]
pub struct Overrides {
    /// `--data`
    pub data: Option<PathBuf>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--flush`
    pub flush: Option<String>,
    /// `--site`, each with the defaults
    pub sites: Vec<String>,
    /// What the process uses
    pub uses: Uses,
}

impl Overrides {
    /// Only the data directory.
    pub fn data(data: Option<PathBuf>) -> Self {
        Self { data, ..Self::default() }
    }
}

/// What a process uses of the installation. That nothing of it is missing and its files can be read is seen with all other mistakes; a
/// command that uses none of it needs no right to read its passwords.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uses {
    /// Kafka.
    pub kafka: bool,
    /// A ClickHouse server.
    pub clickhouse: bool,
    /// The settings database.
    pub database: bool,
    /// The mail server, where there is one.
    pub mail: bool,
}

impl Config {
    /// How much one of so many partitions holds. Each has an equal share of the visitors, because they are spread evenly and nobody
    /// knows who will work on which; it is a share of the configuration alone, so that whoever takes a partition over counts the same.
    pub fn bounds(&self, partitions: u32) -> fold::Bounds {
        fold::Bounds::of_visitors(self.visitors_in_memory.div_ceil(usize::try_from(partitions).unwrap_or(1).max(1)))
    }
}

/// Everything that is wrong, one line each.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} mistake(s):", self.0.len())?;
        self.0.iter().try_for_each(|mistake| write!(f, "\n  - {mistake}"))
    }
}

/// Variables that are no settings: of the commands, of set-up, and the engine's own.
const OTHER_VARIABLES: &[&str] = &["CONFIG", "TOKEN", "URL", "SITES", "CACHE", "ENGINE_SUPERVISED"];

/// Reads and checks the configuration; `environment` is all variables there are.
pub fn load(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
    overrides: Overrides,
) -> Result<Config, Mistakes> {
    let variable = |name: &str| environment.get(name).cloned();
    let mut reading = Reading::default();
    reading.unknown_variables(environment);
    if let Some(path) = file {
        reading.file(path);
    }
    reading.environment(&variable);
    for (key, value) in [("listen", overrides.listen), ("flush", overrides.flush)] {
        reading.set(key, value, &format!("--{key}"));
    }
    reading.set("data", overrides.data.map(|data| data.display().to_string()), "--data");
    for domain in overrides.sites {
        reading.plain_site(&domain, "--site");
    }
    reading.check(variable("FOOTFALL_TOKEN"), overrides.uses)
}

/// A text and where it stands, for messages.
struct Said {
    text: String,
    origin: String,
}

#[derive(Default)]
struct Reading {
    said: BTreeMap<&'static str, Said>,
    sites: BTreeMap<String, Site>,
    mistakes: Vec<String>,
}

impl Reading {
    fn set(&mut self, key: &'static str, text: Option<String>, origin: &str) {
        if let Some(text) = text {
            self.said.insert(key, Said { text, origin: origin.to_owned() });
        }
    }

    fn file(&mut self, path: &Path) {
        let origin = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.mistakes.push(format!("{origin}: cannot be read: {error}")),
        };
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => return self.mistakes.push(format!("{origin}: {}", error.to_string().trim_end())),
        };
        for (key, value) in table {
            if key == "site" {
                self.file_sites(value, &origin);
                continue;
            }
            let Some(setting) = settings().find(|setting| setting.key == key) else {
                let known: Vec<_> = settings().map(|setting| setting.key).chain(["site"]).collect();
                self.mistakes.push(format!("{origin}: unknown setting `{key}`{}", suggestion(&key, &known)));
                continue;
            };
            match text_of(&value) {
                Some(text) => self.set(setting.key, Some(text), &format!("{origin}: {key}")),
                None => self.mistakes.push(format!("{origin}: `{key}` takes a text, a number or a list of texts")),
            }
        }
    }

    fn file_sites(&mut self, value: toml::Value, origin: &str) {
        let toml::Value::Array(sites) = value else {
            return self.mistakes.push(format!("{origin}: sites are written as [[site]]"));
        };
        for (number, site) in sites.into_iter().enumerate() {
            let origin = format!("{origin}: site {}", number + 1);
            match site {
                toml::Value::Table(site) => self.file_site(&site, &origin),
                _ => self.mistakes.push(format!("{origin}: sites are written as [[site]]")),
            }
        }
    }

    fn file_site(&mut self, table: &toml::Table, origin: &str) {
        let Some(domain) = table.get("domain").and_then(toml::Value::as_str) else {
            return self.mistakes.push(format!("{origin}: `domain` is missing: domain = \"example.com\""));
        };
        let Some(mut site) = self.domain(domain, origin) else { return };
        for (key, value) in table.iter().filter(|(key, _)| *key != "domain") {
            if let Err(mistake) = site_setting(key).and_then(|setting| setting.apply(&mut site, value)) {
                self.mistakes.push(format!("{origin}: {mistake}"));
            }
        }
        if self.sites.insert(site.domain.to_string(), site).is_some() {
            self.mistakes.push(format!("{origin}: {domain} is configured twice"));
        }
    }

    fn unknown_variables(&mut self, environment: &BTreeMap<String, String>) {
        let known = settings().map(|setting| setting.key.to_uppercase());
        let known = known.chain(OTHER_VARIABLES.iter().map(|name| (*name).to_owned()));
        let known: Vec<String> = known.map(|name| format!("FOOTFALL_{name}")).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        for name in environment.keys().filter(|name| name.starts_with("FOOTFALL_")) {
            if !known.contains(&name.as_str()) {
                let near = suggestion(name, &known).replace('`', "");
                self.mistakes.push(format!("unknown variable {name}{near}"));
            }
        }
    }

    fn environment(&mut self, variable: &impl Fn(&str) -> Option<String>) {
        for setting in settings() {
            let name = format!("FOOTFALL_{}", setting.key.to_uppercase());
            self.set(setting.key, variable(&name), &name);
        }
        for domain in variable("FOOTFALL_SITES").iter().flat_map(|sites| list(sites)) {
            self.plain_site(&domain, "FOOTFALL_SITES");
        }
    }

    fn plain_site(&mut self, domain: &str, origin: &str) {
        if let Some(site) = self.domain(domain, origin) {
            self.sites.entry(site.domain.to_string()).or_insert(site);
        }
    }

    fn domain(&mut self, text: &str, origin: &str) -> Option<Site> {
        Domain::parse(text)
            .map(Site::new)
            .map_err(|error| self.mistakes.push(format!("{origin}: `{text}`: {error}")))
            .ok()
    }

    fn check(mut self, token: Option<String>, uses: Uses) -> Result<Config, Mistakes> {
        let listen = self.parse("listen", "an address and port such as 127.0.0.1:8080", |text| text.parse().ok());
        let flush = self.parse("flush", "a time from 100ms to 60s such as 10s", duration);
        let log =
            self.parse("log", "error, warn, info, debug, trace or off, also of a module: info,processor=debug", levels);
        let proxies = self.parse("trusted_proxies", "a list of networks such as 10.0.0.0/8", |text| {
            list(text).iter().map(|network| network.parse().ok()).collect::<Option<Vec<_>>>()
        });
        let rate_limit = self.parse("rate_limit", "a number of hits a second from 1 to 100000, or off", rate_limit);
        let visitors_in_memory = self.parse("visitors_in_memory", "a number from 1000 to 100000000000", |text| {
            text.parse().ok().filter(|visitors| (1_000..=100_000_000_000).contains(visitors))
        });
        let demo_page = self.parse("demo_page", "a site's name", |text| match text {
            "" => Some(None),
            text => Domain::parse(text).map(Some).ok(),
        });
        let path = |text: &str| Some(PathBuf::from(text));
        let data = self.parse("data", "a path", path);
        let file = |text: &str| match text {
            "" => Some(None),
            text => Some(PathBuf::from(text)).filter(|path| path.is_file()).map(Some),
        };
        let engine_library = self.parse("engine_library", "a file that is there", file).flatten();
        let geo_database = self.parse("geo_database", "a file that is there", file).flatten();
        let region = self.parse("region", "a name such as EU or JP, of at most 100 characters", |text| {
            (text.chars().count() <= 100).then(|| Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
        });
        let region = region.flatten();
        for site in self.sites.values_mut() {
            self.mistakes.extend(keep_region(site, region.as_deref()).err());
        }
        let database = self.database(data.as_deref());
        let distributed = self.distributed();
        let mail = self.mail();
        self.used(uses);
        let sites = self.sites.into_values().collect();
        let token = token.filter(|token| !token.is_empty());
        match (listen, flush.zip(visitors_in_memory), log, proxies, data.zip(database), distributed.zip(mail)) {
            (
                Some(listen),
                Some((flush, visitors_in_memory)),
                Some(log),
                Some(trusted_proxies),
                Some((data, database)),
                Some((distributed, mail)),
            ) if self.mistakes.is_empty() => {
                let (rate_limit, demo_page) = (rate_limit.flatten(), demo_page.flatten());
                Ok(Config {
                    listen,
                    data,
                    trusted_proxies,
                    flush,
                    rate_limit,
                    visitors_in_memory,
                    demo_page,
                    region,
                    database,
                    engine_library,
                    geo_database,
                    log,
                    token,
                    sites,
                    mail,
                    distributed,
                })
            }
            _ => Err(Mistakes(self.mistakes)),
        }
    }

    /// Where the settings rest. What was said is not repeated in a mistake: a password might stand in it.
    fn database(&mut self, data: Option<&Path>) -> Option<settings::Location> {
        let password_file = self.parse("database_password_file", "a path", |text| Some(PathBuf::from(text)));
        let password_file = password_file.filter(|path| !path.as_os_str().is_empty());
        match self.said.get("database").filter(|said| !said.text.is_empty()) {
            None => Some(settings::Location::Sqlite(data?.join("settings.sqlite"))),
            Some(said) => settings::Location::parse(&said.text, password_file.as_deref())
                .map_err(|error| self.mistakes.push(format!("{}: {error}", said.origin)))
                .ok(),
        }
    }

    /// Looks for what a process uses: that it is named, and its files.
    fn used(&mut self, uses: Uses) {
        let says = |reading: &Self, key: &str, wanted: &dyn Fn(&str) -> bool| {
            reading.said.get(key).is_some_and(|said| wanted(said.text.trim()))
        };
        if uses.kafka {
            if !says(self, "kafka", &|text| !list(text).is_empty()) {
                self.mistake(distributed::NO_BROKER.to_owned());
            }
            self.password("kafka_password_file");
            if says(self, "kafka_tls", &|text| text == "true") {
                self.pem("kafka_authorities", "CERTIFICATE");
                self.pem("kafka_certificate", "CERTIFICATE");
                self.pem("kafka_key", "PRIVATE KEY");
            }
        }
        if uses.clickhouse {
            if !says(self, "clickhouse", &|text| !text.is_empty()) {
                self.mistake(distributed::NO_CLICKHOUSE.to_owned());
            }
            self.password("clickhouse_password_file");
        }
        if uses.database && says(self, "database", &|text| text.starts_with("postgres")) {
            self.password("database_password_file");
        }
        let has_user = |reading: &Self| says(reading, "mail_user", &|text| !text.is_empty());
        if uses.mail && says(self, "mail_host", &|text| !text.is_empty()) && has_user(self) {
            self.password("mail_password_file");
        }
    }

    /// A file that holds a password: it can be read, and there is one in it.
    fn password(&mut self, key: &str) {
        let Some(said) = self.said.get(key).filter(|said| !said.text.is_empty()) else { return };
        let why = match std::fs::read_to_string(&said.text) {
            Err(error) => format!("cannot be read: {error}"),
            Ok(text) if text.trim_end_matches(['\r', '\n']).is_empty() => "is empty".to_owned(),
            Ok(_) => return,
        };
        let mistake = format!("{}: the password file {} {why}", said.origin, said.text);
        self.mistake(mistake);
    }

    /// A file of PEM: it can be read, and what it is to hold begins in it.
    fn pem(&mut self, key: &str, what: &str) {
        let Some(said) = self.said.get(key).filter(|said| !said.text.is_empty()) else { return };
        let begins = |line: &str| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(&format!("{what}-----"));
        let why = match std::fs::read(&said.text) {
            Err(error) => format!("cannot be read: {error}"),
            Ok(bytes) if String::from_utf8_lossy(&bytes).lines().any(begins) => return,
            Ok(_) => format!("is no PEM: no line of it is -----BEGIN {what}-----"),
        };
        let mistake = format!("{}: the file {} {why}", said.origin, said.text);
        self.mistake(mistake);
    }

    fn mistake(&mut self, mistake: String) {
        self.mistakes.push(mistake);
    }

    fn parse<T>(&mut self, key: &'static str, wanted: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let Some(said) = self.said.get(key) else {
            let default = settings().find(|setting| setting.key == key).map_or("", |setting| setting.default);
            return read(default);
        };
        let value = read(&said.text);
        if value.is_none() {
            self.mistakes.push(format!("{}: `{}` is not {wanted}", said.origin, said.text));
        }
        value
    }
}

fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        toml::Value::Array(values) => {
            values.iter().map(toml::Value::as_str).collect::<Option<Vec<_>>>().map(|texts| texts.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Reads `500ms` or `10s`. The bounds: below 100 ms the engine would write tiny parts, above a minute nobody sees today.
fn duration(text: &str) -> Option<Duration> {
    let read = |digits: &str, unit_ms: u64| digits.parse::<u64>().ok()?.checked_mul(unit_ms);
    let ms = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(digits), _) => read(digits, 1),
        (None, Some(digits)) => read(digits, 1_000),
        (None, None) => None,
    };
    ms.filter(|ms| (100..=60_000).contains(ms)).map(Duration::from_millis)
}

/// Reads `off` or hits a second. The burst covers half a minute of that: a batch, or a page that loads many images.
fn rate_limit(text: &str) -> Option<Option<collector::RateLimit>> {
    if text == "off" {
        return Some(None);
    }
    let hits_per_second = text.parse().ok().filter(|hits| (1..=100_000).contains(hits))?;
    Some(Some(collector::RateLimit { hits_per_second, burst_hits: hits_per_second * 30 }))
}

/// The near miss among `known`, or all of them.
fn suggestion(unknown: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|name| (distance(unknown, name), name)).min();
    match nearest {
        Some((away, name)) if away <= 3 => format!("; did you mean `{name}`?"),
        _ => format!("; known are {}", known.join(", ")),
    }
}

/// Levenshtein's distance, in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (to, pair) in b.iter().zip(row.windows(2)) {
            let (Some(diagonal), Some(above)) = (pair.first(), pair.get(1)) else { continue };
            let left = next.last().copied().unwrap_or_default();
            next.push((diagonal + usize::from(*to != from)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// A password out of the file that a setting names; one line end after it is no part of it.
fn password(setting: &str, path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{setting}: cannot read {}", path.display()))?;
    Ok(without_line_end(&text).to_owned())
}

/// A text without the one line end that an editor or `echo` puts after it.
pub fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(text: &str) -> Result<Config, Mistakes> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("footfall.toml");
        std::fs::write(&path, text).unwrap();
        load(Some(&path), &BTreeMap::new(), Overrides::default())
    }

    #[test]
    fn reads_the_sample_of_the_readme() {
        let config = from_file(
            r#"
            listen = "127.0.0.1:8081"
            trusted_proxies = ["127.0.0.0/8"]
            flush = "500ms"
            [[site]]
            domain = "example.com"
            timezone = "Asia/Tokyo"
            mode = "exempt"
            "#,
        )
        .unwrap();
        let site = config.sites.get("example.com").unwrap();
        assert_eq!((site.timezone.as_str(), site.mode, site.public), ("Asia/Tokyo", model::Mode::Exempt, false));
        assert_eq!((config.flush, config.trusted_proxies.len()), (Duration::from_millis(500), 1));
    }

    #[test]
    fn memory_for_visitors_is_shared_by_partitions_alike() {
        let of = |text: &str, partitions| from_file(text).unwrap().bounds(partitions).visitors_in_all;
        assert_eq!((of("", 1), of("visitors_in_memory = 12001", 12)), (2_000_000, 1_001));
        let mistakes = from_file("visitors_in_memory = 12").unwrap_err().to_string();
        assert!(mistakes.contains("`12` is not a number from 1000 to"), "{mistakes}");
    }

    #[test]
    fn reports_all_mistakes_at_once_and_names_near_misses() {
        let mistakes = from_file(
            "lisen = \"x\"\nflush = \"soon\"\n[[site]]\ndomain = \"e.com\"\ntimezome = \"UTC\"\nmode = \"most\"\n[[site]]\n",
        )
        .unwrap_err()
        .to_string();
        for expected in [
            "did you mean `listen`",
            "`soon` is not",
            "did you mean `timezone`",
            "mode \"most\" is not off",
            "`domain` is missing",
        ] {
            assert!(mistakes.contains(expected), "{expected} in {mistakes}");
        }
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
        let environment = BTreeMap::from([("FOOTFALL_LISTEN".to_owned(), "127.0.0.1:2".to_owned())]);
        let config = load(None, &environment, Overrides::default()).unwrap();
        assert_eq!(config.listen.port(), 2);
        let overrides = Overrides { listen: Some("127.0.0.1:3".to_owned()), ..Overrides::default() };
        assert_eq!(load(None, &environment, overrides).unwrap().listen.port(), 3);
    }

    #[test]
    fn an_unknown_variable_is_a_mistake_that_names_its_near_miss() {
        let environment = BTreeMap::from([("FOOTFALL_LISTN".to_owned(), "x".to_owned())]);
        let mistakes = load(None, &environment, Overrides::default()).unwrap_err().to_string();
        assert!(mistakes.contains("FOOTFALL_LISTN; did you mean FOOTFALL_LISTEN?"), "{mistakes}");
    }

    #[test]
    fn a_site_of_another_region_is_a_mistake_and_one_of_none_takes_the_installations() {
        let sites = "[[site]]\ndomain = \"a.example\"\n[[site]]\ndomain = \"b.example\"\nregion = \"JP\"\n";
        let mistakes = from_file(&format!("region = \"EU\"\n{sites}")).unwrap_err().to_string();
        assert!(mistakes.contains("b.example: it declares its data in the region JP"), "{mistakes}");
        let config = from_file(&format!("region = \"JP\"\n{sites}")).unwrap();
        assert!(config.sites.iter().all(|site| site.notice.region.as_deref() == Some("JP")));
        assert!(from_file(sites).is_ok(), "an installation that says nothing refuses nothing");
    }

    #[test]
    fn what_belongs_together_in_kafkas_settings_is_checked_together() {
        let mistakes = from_file(
            "kafka = [\"kafka\"]\nkafka_in_sync = 3\nkafka_replication = 2\nkafka_user = \"a\"\nkafka_key = \"/k\"\nkafka_partition = 3\n",
        )
        .unwrap_err()
        .to_string();
        for expected in [
            "`kafka` is not a list of brokers",
            "is more than kafka_replication",
            "kafka_user and kafka_password_file belong together",
            "kafka_certificate and kafka_key belong together",
            "did you mean `kafka_partitions`",
        ] {
            assert!(mistakes.contains(expected), "{expected} in {mistakes}");
        }
    }

    /// What a process that uses something is told.
    fn told(text: &str, uses: Uses) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("footfall.toml");
        for (name, text) in [("empty", "\r\n"), ("password", "secret\n"), ("ca.pem", "-----BEGIN CERTIFICATE-----\n")] {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        std::fs::write(&path, text.replace("HERE", directory.path().to_str().unwrap())).unwrap();
        let overrides = Overrides { uses, ..Overrides::default() };
        load(Some(&path), &BTreeMap::new(), overrides).err().map(|mistakes| mistakes.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_a_process_uses_is_looked_for_with_everything_else_and_the_setting_is_named() {
        let all = Uses { kafka: true, clickhouse: true, database: true, mail: true };
        let mistakes = told(
            "lisen = \"x\"\nkafka_user = \"a\"\nkafka_password_file = \"/nowhere/password\"\nkafka_tls = true\n\
             kafka_authorities = \"HERE/password\"\nclickhouse_password_file = \"HERE/empty\"\n\
             database = \"postgres://f@h/d\"\ndatabase_password_file = \"HERE\"\nmail_host = \"m\"\nmail_user = \"f\"\n\
             mail_from = \"f@m\"\nmail_url = \"https://m\"\nmail_password_file = \"HERE/gone\"\n",
            all,
        );
        for expected in [
            "did you mean `listen`",
            "no broker is named",
            "no ClickHouse is named",
            "kafka_password_file: the password file /nowhere/password cannot be read: No such file",
            "password is no PEM: no line of it is -----BEGIN CERTIFICATE-----",
            "clickhouse_password_file: the password file",
            "/empty is empty",
            "database_password_file: the password file",
            "mail_password_file: the password file",
        ] {
            assert!(mistakes.contains(expected), "{expected} in {mistakes}");
        }
        assert!(!mistakes.contains("secret"), "{mistakes}");
        let right = "kafka = [\"k:9092\"]\nkafka_user = \"a\"\nkafka_password_file = \"HERE/password\"\nkafka_tls = true\n\
                     kafka_authorities = \"HERE/ca.pem\"\nclickhouse = \"http://c:8123\"\n";
        assert_eq!(told(right, all), "");
        // Whoever only asks a server need not be able to read its passwords.
        assert_eq!(told("clickhouse_password_file = \"/nowhere/password\"\n", Uses::default()), "");
    }

    #[test]
    fn a_role_hears_what_it_lacks() {
        let config = from_file("kafka_prefix = \"shop\"\n").unwrap();
        assert!(config.distributed.journal().unwrap_err().to_string().contains("FOOTFALL_KAFKA"));
        assert!(config.distributed.store().unwrap_err().to_string().contains("FOOTFALL_CLICKHOUSE"));
        let config = from_file("kafka = \"a:1, b:2\"\nclickhouse = \"http://c:8123\"\n").unwrap();
        let journal = config.distributed.journal().unwrap();
        assert_eq!((journal.bootstrap_servers.len(), journal.topic.as_str()), (2, "footfall-hits"));
        assert!(!config.distributed.member().unwrap().name.is_empty());
        assert!(config.distributed.store().is_ok());
    }

    #[test]
    fn the_settings_rest_in_the_data_directory_unless_said_otherwise_and_no_password_is_repeated() {
        let sqlite = |path: &str| settings::Location::Sqlite(path.into());
        assert_eq!(from_file("data = \"/d\"\n").unwrap().database, sqlite("/d/settings.sqlite"));
        assert_eq!(from_file("database = \"sqlite:/e/s\"\n").unwrap().database, sqlite("/e/s"));
        let postgres = "database = \"postgres://f@h/d\"\ndatabase_password_file = \"/run/secrets/password\"\n";
        assert!(format!("{:?}", from_file(postgres).unwrap().database).contains("/run/secrets/password"));
        let mistakes = from_file("database = \"postgres://f:hunter2@h/d\"\n").unwrap_err().to_string();
        assert!(
            mistakes.contains("database: a password does not belong") && !mistakes.contains("hunter2"),
            "{mistakes}"
        );
    }

    #[test]
    fn every_default_is_valid() {
        let config = load(None, &BTreeMap::new(), Overrides::default()).unwrap();
        assert_eq!((config.listen.port(), config.data.as_path()), (8080, Path::new("./data")));
    }
}
