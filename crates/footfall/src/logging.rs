//! What the process logs: the grammar of the setting `log`, and what no setting turns on.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The most that libraries log: finer logs of the engine's client repeat the engine's words, which repeat what was asked for;
/// those of the settings' client tell a database's absence with every look.
const QUIET: [(&str, LevelFilter); 2] = [("clickhouse", LevelFilter::INFO), ("sqlx", LevelFilter::ERROR)];

/// Levels of logs: one for all, `info`, or also of modules, `info,processor=debug`. Without one for all, errors are logged.
pub fn levels(text: &str) -> Option<Targets> {
    // A word alone is a misspelt level. The library takes it for a module to log all of, and would log nothing else.
    let is_level = |part: &str| part.contains('=') || part.parse::<LevelFilter>().is_ok();
    let asked: Targets = text.split(',').all(is_level).then(|| text.parse().ok())??;
    let others = asked.default_level().unwrap_or(LevelFilter::ERROR);
    Some(asked.with_default(others))
}

/// Begins to log, to standard error.
pub fn start(levels: &Targets) {
    // Colours are for a person at a terminal: in a file they are signs that no search expects.
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|no| !no.is_empty());
    let has_colours = std::io::stderr().is_terminal() && !is_plain;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(has_colours).with_target(false);
    // Each is asked, so that a finer module of a quiet library is as quiet.
    let quiet = Targets::new().with_default(LevelFilter::TRACE).with_targets(QUIET);
    tracing_subscriber::registry().with(lines).with(levels.clone()).with(quiet).init();
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn levels_are_one_for_all_and_others_of_modules() {
        let levels = levels("info,processor=debug").unwrap();
        assert!(levels.would_enable("collector", &Level::INFO) && !levels.would_enable("collector", &Level::DEBUG));
        assert!(levels.would_enable("processor::group", &Level::DEBUG));
    }

    #[test]
    fn errors_of_all_are_logged_when_only_modules_are_named() {
        let levels = levels("processor=debug").unwrap();
        assert!(levels.would_enable("collector", &Level::ERROR) && !levels.would_enable("collector", &Level::WARN));
    }

    #[test]
    fn a_misspelt_level_is_no_module() {
        for text in ["verbose", "info,debgu", "processor=verbose", "a=b=c"] {
            assert!(levels(text).is_none(), "{text}");
        }
    }
}
