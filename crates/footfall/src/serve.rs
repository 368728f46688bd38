//! `footfall serve`: collector, journal, processor, engine and dashboard wired together on one port.
//!
//! Nothing is decided here. The order matters: what collects starts last and stops first, so that no hit is acknowledged
//! that nobody could keep; a failed journal or processor ends the process rather than go on half.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwap;
use axum::Router;
use collector::{Collector, CollectorParts, ConnectionLimits, PublicKeys};
use dashboard::{Dashboard, Mailer};
use fold::Tables;
use journal::Journal;
use journal::embedded::EmbeddedJournal;
use model::{Clock, Sites};
use privacy::visitor::Secret;
use processor::keys::KeyStore;
use processor::witness::Witness;
use processor::{Inboxes, Inquiries, Metrics, Processor};
use prometheus::Registry;
use serde_json::json;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::audit::Audit;
use crate::config::{Config, Mail};
use crate::measured::Measured;
use crate::notice::Running;
use crate::privacy_page::{self, Ask, Failed, PrivacyPage};
use crate::prove;
use crate::upkeep::{self, Upkeep};
use crate::{assets, clock, demo_page, durable, engine, handles, import, memory, station, token};

/// One partition: one processor reads it, and one core folds more hits than one machine's disk acknowledges.
pub const PARTITIONS: u32 = 1;
/// Free disk space below which a server says it is not ready: a segment of the journal and an insert still fit.
const DISK_FREE_BYTES_MIN: u64 = 96 * 1024 * 1024;
/// Sealed records live as long as their keys can open them.
const RECORDS_MS: i64 = privacy::seal::KEY_LIFE_HOURS * 3_600_000;

/// Runs until told to stop.
pub fn run(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(serve(config))
}

/// What every part of the process shares.
#[derive(Clone)]
struct Shared {
    clock: Clock,
    registry: Registry,
    sites: Arc<ArcSwap<Sites>>,
    journal: Arc<EmbeddedJournal>,
    keys: Arc<KeyStore>,
    public_keys: PublicKeys,
    audit: Arc<Audit>,
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let data = config.data.display();
    std::fs::create_dir_all(&config.data).with_context(|| format!("cannot make the data directory {data}"))?;
    memory::keep_in_ram();
    handles::take_all();
    let shared = open(&config)?;
    let measured = Measured::open(&config, shared.clock.clone(), Arc::clone(&shared.sites)).await?;
    shared.audit.record("started", &json!({ "version": env!("CARGO_PKG_VERSION") }));
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}; is another server there?", config.listen))?;
    let (engine, store) = engine::start(&config).await?;
    engine::register(&shared.registry, &engine)?;
    let tables = assets::tables(&config)?;
    let token = token::obtain(&config.data, config.token.as_deref())?;
    let metrics = Metrics::register(&shared.registry)?;
    metrics.show(PARTITIONS);
    let (stop, stopping) = watch::channel(false);
    // There is no other clock here than this machine's.
    let witness = Witness::alone(clock::since_boot(), shared.clock.now());
    let upkeep = Upkeep::new(Arc::clone(&shared.keys), witness, Arc::clone(&shared.audit), metrics.clone());
    let mut upkeep = tokio::spawn(look_after(shared.clone(), upkeep));
    let upkeep_handle = upkeep.abort_handle();
    let settings = measured.settings();
    let mut following = tokio::spawn(measured.follow());
    let following_handle = following.abort_handle();
    let (ended, mut has_ended) = watch::channel(false);
    let (inquiries, inboxes) = processor::inquiries(PARTITIONS);
    let processor = processor(&config, &shared, &store, &tables, metrics, inboxes)?;
    let processor = tokio::spawn(async move {
        let result = processor.run(stopping).await;
        let _ = ended.send(true);
        result
    });
    let collector = Arc::new(collector(&config, &shared)?);
    let (router, mailer) =
        router(&config, &shared, &store, &tables, (token.sha256, settings), (&collector, inquiries))?;
    let mailing = tokio::spawn(mailer.run());
    let others = station::answering(router);
    let stopped = engine::stopped();
    say_ready(shared.sites.load().is_empty(), listener.local_addr()?, token.made.as_deref())?;
    let until = async move {
        tokio::select! {
            () = stopped => {}
            // A processor that gives up ends the process: hits must not pile up unseen.
            _ = has_ended.wait_for(|ended| *ended) => {}
            // So does upkeep, which has no end of its own: without it no key would die.
            _ = &mut upkeep => {}
            // And what follows the settings: a site that was switched off would go on being measured.
            _ = &mut following => {}
        }
    };
    collector::serve(listener, collector, others, ConnectionLimits::default(), until).await;
    let _ = stop.send(true);
    let processed = processor.await;
    upkeep_handle.abort();
    following_handle.abort();
    mailing.abort();
    engine.stop().await;
    shared.audit.record("stopped", &json!({}));
    Ok(processed.context("the processor stopped on a broken invariant")??)
}

fn open(config: &Config) -> anyhow::Result<Shared> {
    let clock = clock::system();
    let now = clock.now();
    let journal = EmbeddedJournal::open(&config.data.join("journal"), PARTITIONS, clock.clone())?;
    let keys = KeyStore::open(&config.data.join("keys"), now)?;
    let public_keys = PublicKeys::default();
    public_keys.store(keys.public(now).map(Arc::new));
    let registry = station::registry(now, &config.data)?;
    let sites = Arc::default();
    let audit = Arc::new(Audit::open(&config.data, clock.clone())?);
    let (journal, keys) = (Arc::new(journal), Arc::new(keys));
    Ok(Shared { clock, registry, sites, journal, keys, public_keys, audit })
}

fn processor(
    config: &Config,
    shared: &Shared,
    store: &Store,
    tables: &Tables,
    metrics: Metrics,
    inboxes: Inboxes,
) -> anyhow::Result<Processor<EmbeddedJournal, Store>> {
    Ok(Processor {
        journal: Arc::clone(&shared.journal),
        journal_name: Some(journal_name(&config.data)?),
        sink: Arc::new(store.clone()),
        sites: Arc::clone(&shared.sites),
        keys: Arc::clone(&shared.keys),
        tables: tables.clone(),
        bounds: config.bounds(PARTITIONS),
        clock: shared.clock.clone(),
        flush: config.flush,
        metrics,
        inboxes,
        answers: None,
        follow: None,
    })
}

fn collector(config: &Config, shared: &Shared) -> anyhow::Result<Collector<EmbeddedJournal>> {
    let parts = CollectorParts {
        sites: Arc::clone(&shared.sites),
        journal: Arc::clone(&shared.journal),
        public_keys: Arc::clone(&shared.public_keys),
        // With one partition it decides nothing, so it need not outlive the process.
        partition_secret: Secret::new(engine::secret()?),
        trusted_proxies: config.trusted_proxies.iter().copied().collect(),
        rate_limit: config.rate_limit,
        body_read_max: collector::BODY_READ_MAX,
        clock: shared.clock.clone(),
    };
    Ok(Collector::new(parts, &shared.registry)?)
}

fn router(
    config: &Config,
    shared: &Shared,
    store: &Store,
    tables: &Tables,
    (token_sha256, settings): (token::Digested, settings::Settings),
    (collector, inquiries): (&Arc<Collector<EmbeddedJournal>>, Inquiries),
) -> anyhow::Result<(Router, Mailer)> {
    let dashboard = Dashboard {
        store: store.clone(),
        sites: Arc::clone(&shared.sites),
        settings,
        token_sha256,
        peer_of: station::peer_of(&config.trusted_proxies),
        clock: shared.clock.clone(),
        mail: config.mail.as_ref().map(Mail::server).transpose()?,
        registry: shared.registry.clone(),
    };
    let import = import::service::Service {
        sites: Arc::clone(&shared.sites),
        store: store.clone(),
        tables: tables.clone(),
        admits: Box::new(move |headers| token::admits(headers, &token_sha256)),
        turn: Arc::default(),
    };
    let privacy = PrivacyPage {
        sites: Arc::clone(&shared.sites),
        running: Running::of(config, tables.geo.is_some()),
        trusted_proxies: config.trusted_proxies.clone(),
        collector: Arc::clone(collector),
        inquiries: Ask::Here(inquiries),
        failed: Failed::register(&shared.registry)?,
        clock: shared.clock.clone(),
    };
    let prove = prove::service::Service {
        data: config.data.clone(),
        region: config.region.clone(),
        store: store.clone(),
        sites: Arc::clone(&shared.sites),
        part: prove::service::Part::Whole(Arc::clone(&shared.journal)),
        clock: shared.clock.clone(),
        registry: shared.registry.clone(),
        admits: Box::new(move |headers| token::admits(headers, &token_sha256)),
        turn: tokio::sync::Mutex::default(),
    };
    let (collector, journal, data) = (Arc::clone(collector), Arc::clone(&shared.journal), config.data.clone());
    let station = station::router(&shared.registry, move || ready(&collector, &journal, &data));
    let ours =
        import::service::router(import).merge(prove::service::router(prove)).merge(privacy_page::router(privacy));
    let (router, mailer) = dashboard::router(dashboard)?;
    let mut router = router.merge(ours).merge(station);
    if let Some(site) = &config.demo_page {
        router = router.merge(demo_page::router(site));
    }
    Ok((router, mailer))
}

/// Why a hit sent now would not be taken and kept.
fn ready(collector: &Collector<EmbeddedJournal>, journal: &EmbeddedJournal, data: &Path) -> Result<(), String> {
    let reason = collector.ready().err().map(|error| error.to_string());
    let reason = reason.or_else(|| journal.failure().map(|failure| failure.to_string()));
    reason.or_else(|| no_room(journal, data)).map_or(Ok(()), Err)
}

/// Why nothing more could be appended, if so.
fn no_room(journal: &EmbeddedJournal, data: &Path) -> Option<String> {
    if journal.held_bytes() >= journal::embedded::BYTES_MAX {
        return Some("the journal has reached its bound".to_owned());
    }
    let disk = rustix::fs::statvfs(data).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    (free < DISK_FREE_BYTES_MIN).then(|| format!("{free} bytes are free where the data rests"))
}

/// Makes and destroys keys, publishes the hour's, and drops the records that nothing can open any more.
async fn look_after(shared: Shared, upkeep: Upkeep) {
    let mut expired_hour = i64::MIN;
    loop {
        let now = shared.clock.now();
        upkeep.turn(now);
        shared.public_keys.store(shared.keys.public(now).map(Arc::new));
        if now.hour() > expired_hour {
            match shared.journal.expire(now.plus(-RECORDS_MS)).await {
                Ok(records) => {
                    expired_hour = now.hour();
                    tracing::debug!(records, "expired records dropped");
                }
                Err(error) => tracing::error!(error = %error, "expired records cannot be dropped; will try again"),
            }
        }
        tokio::time::sleep(upkeep::EVERY).await;
    }
}

/// The journal's name, made with it: a journal that starts over counts its offsets from the beginning, and must not be
/// taken for the one before.
fn journal_name(data: &Path) -> anyhow::Result<String> {
    let path = data.join("journal").join("name");
    match std::fs::read_to_string(&path) {
        Ok(name) => return Ok(name),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        // Under another name the journal's last insert would be taken for a new one.
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    let name = engine::secret()?.iter().take(8).fold(String::new(), |name, byte| name + &format!("{byte:02x}"));
    durable::replace(&path, name.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(name)
}

#[expect(clippy::print_stderr, reason = "who started the server waits for these lines")]
fn say_ready(no_site: bool, address: SocketAddr, token: Option<&str>) -> anyhow::Result<()> {
    if let Some(token) = token {
        token::show(token, address);
    }
    if no_site {
        eprintln!("no site is measured yet: footfall site add example.com adds one while the server runs");
    }
    station::say_ready(address)
}
