//! The command line: what can be asked, and who answers.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{self, Config, Overrides, Setting};
use crate::{assets, demo, engine, import, query, serve};

/// Web analytics that counts visits without keeping visitors.
#[derive(Parser)]
#[command(name = "footfall", version, disable_help_subcommand = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything in one process tree: collector, journal, processor, ClickHouse engine, dashboard
    Serve(Serve),
    /// Run the embedded ClickHouse engine alone, over ClickHouse's HTTP interface
    Engine(Engine),
    /// Import access logs or event files: plain, gzip, or - for standard input
    Import(Import),
    /// Ask a Stats API question from the terminal
    Query(Query),
    /// Generate seeded, realistic traffic: as an events file, or sent to a running server
    DemoTraffic(DemoTraffic),
}

/// Where settings come from.
#[derive(Args)]
struct Common {
    /// The configuration file (TOML); every setting can also be given as FOOTFALL_<NAME>
    #[arg(long, value_name = "FILE", env = "FOOTFALL_CONFIG")]
    config: Option<PathBuf>,
    /// The data directory [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Args)]
struct Serve {
    #[command(flatten)]
    common: Common,
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// A site to measure, with the defaults; may be given several times
    #[arg(long = "site", value_name = "DOMAIN")]
    sites: Vec<String>,
    /// How long changes are gathered before they are written, such as 1s or 500ms [default: 10s]
    #[arg(long, value_name = "TIME")]
    flush: Option<String>,
}

#[derive(Args)]
struct Engine {
    #[command(flatten)]
    common: Common,
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8123")]
    listen: std::net::SocketAddr,
    /// The engine's library [default: where set-up puts it]
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
}

/// `footfall import`.
#[derive(Args)]
pub struct Import {
    #[command(flatten)]
    common: Common,
    /// The site the hits belong to
    #[arg(long, value_name = "DOMAIN")]
    pub site: String,
    /// common, combined or events; found out from the first lines when not given
    #[arg(long, value_name = "NAME")]
    pub format: Option<import::Format>,
    /// Zone whose midnight ends the site's days [default: the configured site's, or UTC]
    #[arg(long, value_name = "TZ")]
    pub timezone: Option<String>,
    /// Print the account as JSON on standard output
    #[arg(long)]
    pub json: bool,
    /// A running server to import into; without it the data directory is written directly
    #[arg(long, value_name = "URL", env = "FOOTFALL_URL")]
    pub url: Option<String>,
    /// API token for --url
    #[arg(long, value_name = "TOKEN", env = "FOOTFALL_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The files, in any order; - reads standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// `footfall query`.
#[derive(Args)]
pub struct Query {
    /// The server to ask
    #[arg(long, value_name = "URL", env = "FOOTFALL_URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// API token; a public site needs none
    #[arg(long, value_name = "TOKEN", env = "FOOTFALL_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// How to print the answer
    #[arg(long, value_name = "NAME", default_value = "table")]
    pub format: query::Format,
    /// A Stats API v2 query as JSON, or the short form: SITE METRIC[,METRIC] [by DIMENSION] [over RANGE] [where DIMENSION=VALUE]
    #[arg(required = true, value_name = "QUESTION")]
    pub question: Vec<String>,
}

/// `footfall demo-traffic`.
#[derive(Args)]
pub struct DemoTraffic {
    /// The site the traffic is for
    #[arg(long, value_name = "DOMAIN", default_value = "demo.example")]
    pub site: String,
    /// Days of history, ending now
    #[arg(long, value_name = "N", default_value_t = 90)]
    pub days: u32,
    /// Page views on an average day
    #[arg(long, value_name = "N", default_value_t = 3_000)]
    pub per_day: u32,
    /// The same seed and end make the same traffic
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// When the history ends (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Send live hits to this server instead of printing history
    #[arg(long, value_name = "URL")]
    pub live: Option<String>,
    /// Live hits a second
    #[arg(long, value_name = "N", default_value_t = 0.5)]
    pub rate: f64,
    /// How long to send live hits, in seconds [default: until stopped]
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
}

/// Why a command did not do what was asked.
pub enum Failure {
    /// It was used wrongly: bad arguments or a bad configuration.
    Usage(String),
    /// It was used well and failed.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Reads the command line; ends the process with help or a usage error where that is the answer.
pub fn read() -> Arguments {
    let settings: String = config::SETTINGS.iter().map(Setting::line).collect();
    let help = format!("Settings, in the configuration file or as FOOTFALL_<NAME>:\n{settings}");
    let command = Arguments::command().mut_subcommand("serve", |serve| serve.after_help(help));
    Arguments::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}

/// Does what was asked.
pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Serve(asked) => {
            let overrides =
                Overrides { data: asked.common.data, listen: asked.listen, flush: asked.flush, sites: asked.sites };
            let config = load(asked.common.config, overrides)?;
            logging(&config);
            Ok(serve::run(config)?)
        }
        Command::Engine(asked) => {
            let config = load(asked.common.config, Overrides::data(asked.common.data))?;
            logging(&config);
            Ok(engine::run(&config, asked.listen, asked.library)?)
        }
        Command::Import(asked) => {
            let config = load(asked.common.config.clone(), Overrides::data(asked.common.data.clone()))?;
            logging(&config);
            import::run(&config, &asked)
        }
        Command::Query(asked) => query::run(&asked),
        Command::DemoTraffic(asked) => demo::run(&asked),
    }
}

fn load(file: Option<PathBuf>, overrides: Overrides) -> Result<Config, Failure> {
    config::load(file.as_deref(), |name| std::env::var(name).ok(), overrides)
        .map_err(|mistakes| Failure::Usage(mistakes.to_string()))
}

fn logging(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log).unwrap_or_default();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    tracing::debug!(cache = %assets::cache().display(), "looking for the engine and the databases here");
}
