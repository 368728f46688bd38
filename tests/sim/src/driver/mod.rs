//! Lets a script happen: moves the wall, starts, kills, freezes and moves processes, turns keys, and in the end lets everything
//! come to rest.
//!
//! Three bounds keep what it plays inside what the product promises. No record waits longer than [`LAG_MAX`] of the wall's time
//! while others come, but in a long outage, which is a case of its own: what a processor knew of visitors dies with their keys.
//! Nobody sends again what was sent more than [`ANSWER_MAX`] ago. And everything comes to rest within [`REST_MAX`] once nothing
//! goes wrong any more: else it would be a livelock.

mod processes;
mod rest;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use fold::calendar::Zone;
use model::{LocalDay, Millis, Sites};
use privacy::seal::{KEY_LIFE_HOURS, Opener, dies_at};
use processor::keys::{KeyStore, Turn};
use processor::witness::Told;
use processor::{Inboxes, Metrics, Processor, ProcessorError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::Planted;
use crate::collector::{Collector, Common};
use crate::faults::Rates;
use crate::journal::{Broker, Content, Logged, View};
use crate::member::{Member, Word};
use crate::script::{Script, Step, What};
use crate::senders::{Errand, Senders};
use crate::sent::{HOUR, MINUTE};
use crate::store::{Client, Tables};
use crate::world::{Life, Role, World, ended};

/// Longest that a record waits while the wall moves on.
const LAG_MAX: i64 = 25 * MINUTE;
/// Longest that a record waits in a spool; its key must live until its day has closed.
const SPOOL_MAX: i64 = 8 * HOUR;
/// Longest that a sender has no answer: an id is known for an hour around its hit's time, and what is sent again has another time.
const ANSWER_MAX: i64 = 10 * MINUTE;
/// Longest that a process goes on without its partition. The real tables know tokens for almost nine hours at the load they are made for;
/// one that is back after hours may call records forgotten that another process has counted (docs/known-faults.md).
const ZOMBIE_MAX: i64 = 50 * MINUTE;
/// Longest that everything takes to come to rest, of the runtime's time.
const REST_MAX: Duration = Duration::from_secs(20 * 60);
/// Longest that things go wrong while everybody waits for rest.
const TROUBLE_MAX: Duration = Duration::from_secs(4 * 60);
/// How often the driver looks after processes.
const LOOK_MS: u64 = 100;
/// Looks for the end of work on a partition that is asked back: twenty seconds, as on Kafka.
const TAKE_BACK_LOOKS: usize = 200;

/// Everything that plays a part.
pub struct Driver {
    /// The world.
    pub world: Arc<World>,
    /// The journal.
    pub broker: Arc<Broker>,
    /// The store.
    pub tables: Arc<Tables>,
    /// Records that nobody could open in time, by partition and offset.
    pub lost: BTreeSet<(u32, usize)>,
    /// Records of open days that were counted and that no start after an outage could know of.
    pub forgotten: i64,
    /// What must never be and was.
    pub broken: Vec<String>,
    /// Keys that were destroyed.
    pub keys_destroyed: u64,
    /// What collectors share: all that they sealed is noted there.
    pub common: Arc<Common>,
    keys: Arc<KeyStore>,
    collectors: Vec<Collector>,
    senders: Senders,
    /// Processes by their name.
    processes: Vec<Process>,
    /// Whose each partition is, by the group's word.
    owners: Vec<usize>,
    /// Processes whose name another one has now, and those that ended by themselves.
    zombies: Vec<Worker>,
    parts: Parts,
    /// Whether no process starts.
    down: bool,
    /// Rates that wait until an outage is over.
    rates: Option<Rates>,
    committed: Vec<usize>,
}

/// What every processor is made of.
struct Parts {
    embedded: bool,
    sites: Arc<ArcSwap<Sites>>,
    flush: Duration,
    turns_every_hour: bool,
    metrics: Metrics,
    planted: Planted,
}

/// A name in the group, and who runs under it.
struct Process {
    worker: Option<Worker>,
    starts_at: Instant,
}

struct Worker {
    who: usize,
    member: Arc<Member>,
    /// Since when, by the true time, something was taken from it that it has not heard of.
    lost_at: Option<Millis>,
    stop: watch::Sender<bool>,
    handle: JoinHandle<Result<(), ProcessorError>>,
}

impl Worker {
    /// Has it hear something within some seconds.
    fn tell(&mut self, world: &World, word: Word) {
        if !matches!(word, Word::Given(..)) {
            self.lost_at.get_or_insert(world.wall());
        }
        self.member.tell(world.later(3_000), word);
    }

    fn hears(&self, world: &World) -> bool {
        world.life(self.who) == Life::Runs && self.member.hears()
    }

    fn hear(&mut self, world: &World) {
        if !self.hears(world) {
            return;
        }
        for word in self.member.hear() {
            world.tell(|| format!("process {} hears {word:?}", self.who));
        }
        if !self.member.has_words() {
            self.lost_at = None;
        }
    }
}

impl Driver {
    /// A driver of a script, with nothing started.
    pub fn new(world: &Arc<World>, script: &Script, metrics: Metrics, planted: Planted) -> Self {
        let broker = Broker::new(Arc::clone(world), script.partitions, planted);
        let tables = Tables::new(Arc::clone(world), script.block_rows, planted);
        let keys = Arc::new(KeyStore::in_memory(world.now(Role::Processor)).expect("there is randomness"));
        let common = Common::new(world, &broker, &keys, (script.partitions, planted));
        let collectors = (0..2).map(|name| Collector::new(&common, name)).collect();
        let owners = (0..script.partitions).map(|_| world.draw(|random| random.index(script.processes))).collect();
        let process = |_| Process { worker: None, starts_at: Instant::now() };
        let processes = (0..script.processes).map(process).collect();
        let sites: Sites = script.sites.iter().cloned().collect();
        let flush = Duration::from_millis(world.draw(|random| random.pick(&[100, 500, 1_000, 4_000])));
        let sites = Arc::new(ArcSwap::from_pointee(sites));
        let turns_every_hour = world.draw(|random| random.one_in(8));
        let parts = Parts { embedded: script.embedded, sites, flush, turns_every_hour, metrics, planted };
        Self {
            world: Arc::clone(world),
            committed: vec![0; script.partitions as usize],
            broker,
            tables,
            lost: BTreeSet::new(),
            forgotten: 0,
            broken: Vec::new(),
            keys_destroyed: 0,
            common,
            keys,
            collectors,
            senders: Senders::new(world),
            processes,
            owners,
            zombies: Vec::new(),
            parts,
            down: false,
            rates: None,
        }
    }

    /// Lets everything happen, and come to rest.
    pub async fn play(&mut self, script: &Script) {
        self.turn_keys();
        self.look_after();
        for step in &script.steps {
            self.advance(step.at).await;
            self.happen(step).await;
            self.work(step.works_ms).await;
        }
        self.end(script).await;
    }

    async fn happen(&mut self, step: &Step) {
        match &step.what {
            What::Request(collector, hits) => self.send(*collector, Errand::Hits(hits.clone())),
            What::Refused(collector, tally) => self.send(*collector, Errand::Tally(tally.clone())),
            What::Ask(collector, right, sent) => self.send(*collector, Errand::Ask(*right, sent.clone())),
            What::Clock(role, error) => {
                if *role == Role::Collector {
                    self.answer_all().await;
                }
                self.world.tell(|| format!("the clock of {role:?} errs by {} s", error / 1_000));
                self.world.set_error(*role, *error);
                self.world.injected(match (role, error) {
                    (_, 0) => "clock: right again",
                    (Role::Broker, _) => "clock: the journal's errs",
                    (Role::Collector, _) => "clock: the collectors' err",
                    (Role::Processor, _) => "clock: the processors' errs",
                });
                self.turn_keys();
            }
            What::Brokers(away) => {
                self.world.tell(|| format!("the brokers are {}", if *away { "away" } else { "back" }));
                self.broker.set_away(*away);
                self.world.injected(if *away { "journal: away" } else { "journal: back" });
            }
            What::Store(away) => {
                self.world.tell(|| format!("the store is {}", if *away { "away" } else { "back" }));
                self.tables.set_away(*away);
                self.world.injected(if *away { "store: away" } else { "store: back" });
            }
            What::Kill(process) => self.kill(*process).await,
            What::Crash(collector) => self.at_odds(|driver| driver.collectors[*collector].kill()).await,
            What::Restart(process) => self.restart(*process).await,
            What::Freeze(process) => self.freeze(*process).await,
            What::Thaw => self.thaw().await,
            What::Move(partition, to, sudden) => self.hand_over(*partition, *to, *sudden).await,
            What::LongOutage => self.long_outage().await,
            What::OutageEnds => self.outage_ends().await,
        }
    }

    /// Lets machines work for some time of the runtime.
    async fn work(&mut self, ms: u64) {
        let mut left = ms;
        while left > 0 {
            let some = left.min(LOOK_MS);
            sleep(Duration::from_millis(some)).await;
            left -= some;
            self.look_after();
            self.hear().await;
        }
    }

    /// Moves the wall on, turning keys as it goes; before that, what waits too long is worked through.
    async fn advance(&mut self, to: Millis) {
        let waits_too_long = |driver: &Self| {
            let oldest = (0..driver.partitions()).filter_map(|number| driver.broker.waits_since(number)).min();
            oldest.is_some_and(|oldest| to.0 - oldest.0 > LAG_MAX)
                || driver.world.rebuilds_since().is_some_and(|since| to.0 - since.0 > LAG_MAX)
        };
        let has_old_zombies = |driver: &Self| {
            let lost_at = driver.workers().filter_map(|worker| worker.lost_at).min();
            lost_at.is_some_and(|lost_at| to.0 - lost_at.0 > ZOMBIE_MAX)
        };
        if self.unanswered_since().is_some_and(|since| to.0 - since.0 > ANSWER_MAX) {
            self.answer_all().await;
        }
        if has_old_zombies(self) {
            self.lay_to_rest().await;
        }
        let spooled_too_long = self.spooled_since().is_some_and(|oldest| to.0 - oldest.0 > SPOOL_MAX);
        if self.is_outage() && spooled_too_long {
            self.rest("something waits in a spool", |driver| driver.spooled_since().is_none()).await;
        }
        if !self.is_outage() && (spooled_too_long || waits_too_long(self)) {
            self.broker.set_away(false);
            self.tables.set_away(false);
            self.catch_up().await;
        }
        // Who lost their partitions while the others caught up would sleep through all that comes now.
        if has_old_zombies(self) {
            self.lay_to_rest().await;
        }
        // Making a key costs as much as counting a hundred hits, so most days look after them only where something happens.
        let every_hour = self.parts.turns_every_hour;
        while self.world.wall() < to {
            let next_hour = Millis((self.world.wall().hour() + 1) * HOUR);
            let turned = self.world.now(Role::Processor).hour();
            self.world.set_wall(if every_hour { next_hour.min(to) } else { to });
            if every_hour || self.world.now(Role::Processor).hour() != turned {
                self.turn_keys();
            }
        }
    }

    /// What `footfall serve` does once a minute.
    fn turn_keys(&mut self) {
        let now = self.world.now(Role::Processor);
        let asked = if self.parts.planted == Planted::KeysDieEarly { now.plus(2 * HOUR) } else { now };
        let Turn { destroyed, failed } = self.keys.turn(Told { likely: asked, sure: Some(asked), ahead_ms: Some(0) });
        if let Some(error) = failed {
            return self.broken.push(format!("keys cannot be turned: {error}"));
        }
        self.keys_destroyed += destroyed.len() as u64;
        if let Some(early) = destroyed.iter().find(|hour| dies_at(**hour) > now) {
            self.broken.push(format!("the key of hour {early} was destroyed at {} already", now.0));
        }
        let mut opener = Opener::default();
        self.keys.equip(&mut opener);
        if let Some(late) = opener.hours().find(|hour| dies_at(*hour) <= now) {
            self.broken.push(format!("the key of hour {late} lives still at {}", now.0));
        }
        // An hour more than keys live, for clocks that disagree: what nothing can open any more hurts nobody by lying there.
        self.broker.expire(now.plus(-(KEY_LIFE_HOURS + 1) * HOUR));
    }

    fn partitions(&self) -> u32 {
        self.owners.len().try_into().unwrap_or(u32::MAX)
    }

    /// Since when, by the true time, the oldest record waits in a spool.
    fn spooled_since(&self) -> Option<Millis> {
        self.collectors.iter().filter_map(Collector::waits_since).min()
    }

    /// Since when, by the true time, a sender has no answer.
    fn unanswered_since(&self) -> Option<Millis> {
        self.collectors.iter().filter_map(Collector::unanswered_since).chain(self.senders.waits_since()).min()
    }

    const fn is_outage(&self) -> bool {
        self.down
    }

    /// Everybody who may still do something.
    fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.processes.iter().filter_map(|process| process.worker.as_ref()).chain(&self.zombies)
    }

    fn workers_mut(&mut self) -> impl Iterator<Item = &mut Worker> {
        self.processes.iter_mut().filter_map(|process| process.worker.as_mut()).chain(&mut self.zombies)
    }
}

/// Collectors, and who sends to them.
impl Driver {
    fn send(&mut self, to: usize, errand: Errand) {
        self.senders.send(to, errand);
        self.senders.deliver(&mut self.collectors);
    }

    /// Starts collectors again, and lets senders hear what became of their requests, and send again.
    fn look_after_collectors(&mut self) {
        for collector in &mut self.collectors {
            for request in collector.look_after(&mut self.broken) {
                self.senders.is_unanswered(request);
            }
        }
        self.senders.deliver(&mut self.collectors);
    }

    /// Waits until no sender waits.
    async fn answer_all(&mut self) {
        self.rest("somebody has no answer", |driver| driver.unanswered_since().is_none()).await;
    }
}
