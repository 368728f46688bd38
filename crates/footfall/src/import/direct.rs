//! Imports into a data directory that no server has open: starts the engine on it, counts, stops it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use journal::JournalError;
use journal::embedded::EmbeddedJournal;
use model::{Domain, Site, Sites, TcfPolicy};
use processor::import::{Doors, Import, ImportError, Line, Step, Summary, known};
use store::Store;
use tokio::runtime::Handle;

use super::files::Source;
use crate::config::Config;
use crate::{assets, clock, engine, measured, serve};

/// Offers of one insert before an import gives up; what was inserted stays, and importing again goes on.
const OFFERS_MAX: u32 = 8;

/// Imports the files in order of time and returns the account.
pub fn run(config: &Config, asked: &super::Import, domain: Domain, files: Vec<Source>) -> anyhow::Result<Summary> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let measured = measured::once(config, clock::system())?;
    let site = site(&measured, domain, asked.timezone.clone());
    let tables = assets::tables(config)?;
    let _alone = alone(config)?;
    let (engine, store) = runtime.block_on(engine::start(config))?;
    let marks = runtime.block_on(store.import_marks(&site.domain))?;
    let mut import = Import::new(Arc::clone(&site), tables, engine::secret()?, marks, clock::system().now());
    for file in in_order(files, site.domain.as_str()) {
        one(&mut import, &file, &site, &store, runtime.handle())
            .with_context(|| format!("the import of {} stopped", file.name()))?;
    }
    // What is left of it after a failure, the next server closes.
    let sites: Sites = measured.iter().chain([&site]).map(|site| site.as_ref().clone()).collect();
    let closed = processor::closing::close_after_import(&store, &sites, clock::system().now());
    runtime.block_on(closed).context("the imported days cannot be closed; a server on this directory will do it")?;
    runtime.block_on(engine.stop());
    Ok(import.summary().clone())
}

/// Holds the journal's lock, so that no server opens the directory meanwhile; a server that has it open is named at once.
fn alone(config: &Config) -> anyhow::Result<EmbeddedJournal> {
    let journal = EmbeddedJournal::open(&config.data.join("journal"), serve::PARTITIONS, clock::system());
    journal.map_err(|error| match error {
        JournalError::InUse { .. } => anyhow::anyhow!(
            "{} is open in a running server: import into that one with --url http://ADDRESS:PORT and its token",
            config.data.display()
        ),
        other => other.into(),
    })
}

/// The measured site, or one made up for the occasion; its zone as asked, and no other before it.
pub fn site(sites: &Sites, domain: Domain, timezone: Option<String>) -> Arc<Site> {
    let mut site = sites.get(domain.as_str()).map_or_else(|| Site::new(domain), |site| site.as_ref().clone());
    site.timezone_before = None;
    if let Some(timezone) = timezone {
        site.timezone = timezone;
    }
    Arc::new(site)
}

fn one(import: &mut Import, file: &Source, site: &Site, store: &Store, runtime: &Handle) -> anyhow::Result<()> {
    let bar = file.bar();
    let known = known(import.marks().to_vec(), &mut *file.reader(&indicatif::ProgressBar::hidden())?)?;
    let line = file.format.reader(site.domain.as_str(), site.tcf);
    let mut step = |step| carry_out(runtime, store, &site.domain, step);
    let mut doors = Doors { line: &*line, step: &mut step };
    let done = import.file(&mut *file.reader(&bar)?, known, &mut doors);
    bar.finish_and_clear();
    Ok(done?)
}

/// Carries out one step of an import, offering it again while the store says that may help.
pub fn carry_out(runtime: &Handle, store: &Store, site: &Domain, step: Step) -> Result<(), ImportError> {
    runtime.block_on(async {
        let mut pause = Duration::from_millis(100);
        for offer in 1.. {
            let done = match &step {
                Step::Insert(token, changes) => store.insert(token, changes).await,
                Step::Note(mark) => store.note_import(site, mark).await,
            };
            match done {
                Err(error) if error.retry() && offer < OFFERS_MAX => tokio::time::sleep(pause).await,
                done => return done.map_err(|error| ImportError::Step(error.to_string())),
            }
            pause *= 2;
        }
        Ok(())
    })
}

/// Rotated logs in order of their first line's time, so that visits go on from one to the next. Of a line nothing but its
/// time is looked at here.
pub fn in_order(mut files: Vec<Source>, site: &str) -> Vec<Source> {
    files.sort_by_cached_key(|file| match file.format.reader(site, TcfPolicy::default())(file.first_line()) {
        Line::Arrived(arrival) => Some(arrival.at),
        Line::Refused(_, at) => at,
        Line::Empty => None,
    });
    files
}
