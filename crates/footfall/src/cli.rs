//! The command line: what can be asked, and who answers.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::administer::Asked;
use crate::config::{self, Common, Config, Overrides, Setting, Uses};
use crate::failure::Failure;
use crate::{
    assets, define, demo, engine, import, logging, notice, prove, query, report, roles, serve, share, site, tokens,
    user,
};

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
    /// Take hits in and append them to Kafka: one role of a distributed installation
    Collector(Role),
    /// Fold what is in Kafka into counts in ClickHouse: one role of a distributed installation
    Processor(Role),
    /// Answer questions and show the counts in ClickHouse: one role of a distributed installation
    Dashboard(Role),
    /// Bring ClickHouse's tables up to date, as a user that may
    Migrate(Role),
    /// Run the embedded ClickHouse engine alone, over ClickHouse's HTTP interface
    Engine(Engine),
    /// Import access logs or event files: plain, gzip, or - for standard input
    Import(import::Import),
    /// Ask a Stats API question from the terminal
    Query(query::Query),
    /// List, add, change and remove sites
    Site(Asked<site::Does>),
    /// List, add and remove a site's goals
    Goal(Asked<define::Does>),
    /// List, add and remove a site's segments
    Segment(Asked<define::Does>),
    /// List, add and remove a site's funnels
    Funnel(Asked<define::Does>),
    /// List, add, disable and remove users, set passwords, grant and revoke roles
    User(Asked<user::Does>),
    /// List, make and revoke API tokens
    Token(Asked<tokens::Does>),
    /// List, add, try and remove reports of a site by e-mail
    Report(Asked<report::Does>),
    /// List, make and take back links that show reports of a site without an account
    Share(Asked<share::Does>),
    /// Print a site's privacy notice and record of processing, made from its configuration
    Notice(notice::Asked),
    /// Check a running installation's promises, and print each with its evidence
    Prove(prove::Prove),
    /// Generate seeded, realistic traffic: as an events file, or sent to a running server
    DemoTraffic(demo::DemoTraffic),
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
struct Role {
    #[command(flatten)]
    common: Common,
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
}

impl Role {
    fn config(self, uses: Uses) -> Result<Config, Failure> {
        let overrides = Overrides { listen: self.listen, uses, ..Overrides::data(self.common.data) };
        let config = load(self.common.config, overrides)?;
        start_logging(&config);
        Ok(config)
    }
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

/// Reads the command line; ends the process with help or a usage error where that is the answer.
pub fn read() -> Arguments {
    let settings: String = config::settings().map(Setting::line).collect();
    let sites = config::site_help();
    let help = format!(
        "Settings, in the configuration file or as FOOTFALL_<NAME>:\n{settings}\nSettings of a [[site]]:\n{sites}"
    );
    let settings_of_site = format!("Settings:\n{sites}");
    let command = Arguments::command().mut_subcommand("serve", |serve| serve.after_help(help));
    let command = command.mut_subcommand("site", |site| {
        let said = settings_of_site.clone();
        site.mut_subcommand("add", |add| add.after_help(said))
            .mut_subcommand("set", |set| set.after_help(settings_of_site))
    });
    Arguments::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}

/// Does what was asked.
pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Serve(asked) => {
            let uses = Uses { database: true, mail: true, ..Uses::default() };
            let Serve { common, listen, flush, sites } = asked;
            let overrides = Overrides { data: common.data, listen, flush, sites, uses };
            let config = load(common.config, overrides)?;
            start_logging(&config);
            Ok(serve::run(config)?)
        }
        Command::Collector(asked) => role(roles::Role::Collector, asked),
        Command::Processor(asked) => role(roles::Role::Processor, asked),
        Command::Dashboard(asked) => role(roles::Role::Dashboard, asked),
        Command::Migrate(asked) => Ok(engine::migrate(&asked.config(Uses { clickhouse: true, ..Uses::default() })?)?),
        Command::Engine(asked) => {
            let config = load(asked.common.config, Overrides::data(asked.common.data))?;
            start_logging(&config);
            Ok(engine::run(&config, asked.listen, asked.library)?)
        }
        Command::Import(asked) => {
            let config = load(asked.common.config.clone(), Overrides::data(asked.common.data.clone()))?;
            start_logging(&config);
            import::run(&config, &asked)
        }
        Command::Query(asked) => {
            let config = load(asked.common.config.clone(), Overrides::data(asked.common.data.clone()))?;
            query::run(&config, &asked)
        }
        Command::Site(asked) => administered(&asked, site::run),
        Command::Goal(asked) => defining(settings::Kind::Goal, &asked),
        Command::Segment(asked) => defining(settings::Kind::Segment, &asked),
        Command::Funnel(asked) => defining(settings::Kind::Funnel, &asked),
        Command::User(asked) => administered(&asked, user::run),
        Command::Token(asked) => administered(&asked, tokens::run),
        Command::Report(asked) => administered(&asked, report::run),
        Command::Share(asked) => administered(&asked, share::run),
        Command::Notice(asked) => {
            let config = load(asked.common.config.clone(), Overrides::data(asked.common.data.clone()))?;
            start_logging(&config);
            notice::run(&config, &asked)
        }
        Command::Prove(asked) => {
            let config = load(asked.common.config.clone(), Overrides::data(asked.common.data.clone()))?;
            prove::run(&config, &asked)
        }
        Command::DemoTraffic(asked) => {
            load(asked.common.config.clone(), Overrides::data(asked.common.data.clone()))?;
            demo::run(&asked)
        }
    }
}

fn role(role: roles::Role, asked: Role) -> Result<(), Failure> {
    Ok(roles::run(role, asked.config(role.uses())?)?)
}

fn defining(kind: settings::Kind, asked: &Asked<define::Does>) -> Result<(), Failure> {
    administered(asked, async |config, does, as_json| define::run(config, kind, does, as_json).await)
}

/// Does what was asked of the settings database that the configuration names; logging begins.
fn administered<Does: Subcommand>(
    asked: &Asked<Does>,
    run: impl AsyncFnOnce(&Config, &Does, bool) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let uses = Uses { database: true, ..Uses::default() };
    let overrides = Overrides { uses, ..Overrides::data(asked.common.data.clone()) };
    let config = load(asked.common.config.clone(), overrides)?;
    start_logging(&config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from)?;
    runtime.block_on(run(&config, &asked.does, asked.json))
}

fn load(file: Option<PathBuf>, overrides: Overrides) -> Result<Config, Failure> {
    config::load(file.as_deref(), &std::env::vars().collect(), overrides)
        .map_err(|mistakes| Failure::Usage(mistakes.to_string()))
}

fn start_logging(config: &Config) {
    logging::start(&config.log);
    tracing::debug!(cache = %assets::cache().display(), "looking for the engine and the databases here");
}
