//! Lets a script happen: moves the wall, starts, kills, freezes and moves processes, turns keys, and in the end lets everything
//! come to rest.
//!
//! Three bounds keep what it plays inside what the product promises. No record waits longer than [`LAG_MAX`] of the wall's time
//! while others come, but in a long outage, which is a case of its own: what a processor knew of visitors dies with their keys.
//! Nobody sends again what was sent more than [`ANSWER_MAX`] ago. And everything comes to rest within [`REST_MAX`] once nothing
//! goes wrong any more: else it would be a livelock.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use fold::calendar::Zone;
use model::{Millis, Sites};
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

/// Processors.
impl Driver {
    /// Starts what is to run, buries what is dead, and gives the partitions of who stands still to others.
    fn look_after(&mut self) {
        self.look_after_collectors();
        for name in 0..self.processes.len() {
            let process = &mut self.processes[name];
            if let Some(worker) = process.worker.take() {
                match self.world.life(worker.who) {
                    Life::Gone => {
                        worker.handle.abort();
                        process.starts_at = self.world.later(4_000);
                    }
                    Life::Runs | Life::Frozen if worker.handle.is_finished() => {
                        process.starts_at = self.world.later(4_000);
                        self.zombies.push(worker);
                    }
                    Life::Frozen if self.world.draw(|random| random.one_in(8)) => self.give_up(name, worker),
                    Life::Runs | Life::Frozen => process.worker = Some(worker),
                }
            }
            let process = &self.processes[name];
            if process.worker.is_none() && !self.down && Instant::now() >= process.starts_at {
                self.start(name);
            }
        }
        self.bury();
    }

    /// Somebody stands still: the group shares its partitions out to the others, or another process is started under its name.
    fn give_up(&mut self, name: usize, mut worker: Worker) {
        let others = self.processes.len() - 1;
        if others > 0 && self.world.draw(|random| random.one_in(2)) {
            self.processes[name].worker = Some(worker);
            for partition in
                (0..self.partitions()).filter(|partition| self.owners[*partition as usize] == name).collect::<Vec<_>>()
            {
                let other = self.world.draw(|random| random.index(others));
                self.world.injected("rebalance: from a process that stands still");
                self.assign(partition, if other >= name { other + 1 } else { other });
            }
        } else {
            self.world.tell(|| format!("process {} stands still, another starts under its name", worker.who));
            self.world.injected("rebalance: another process under the name of one that stands still");
            worker.tell(&self.world, Word::Replaced);
            self.processes[name].starts_at = self.world.later(1_000);
            self.zombies.push(worker);
        }
    }

    /// The group's word: a partition is this process's from now on, whoever knows it.
    fn assign(&mut self, partition: u32, to: usize) {
        let epoch = self.broker.give(partition);
        let from = std::mem::replace(&mut self.owners[partition as usize], to);
        self.world.tell(|| format!("the group gives partition {partition} to the process named {to}"));
        if let Some(worker) = &mut self.processes[from].worker {
            worker.tell(&self.world, Word::Lost(partition));
            self.world.rebuilds(worker.who, partition, false);
        }
        // Who starts later is given everything at its start.
        if let Some(worker) = &mut self.processes[to].worker {
            worker.tell(&self.world, Word::Given(partition, epoch));
        }
    }

    /// Lets everybody hear what the group has said.
    async fn hear(&mut self) {
        if self.workers().any(|worker| worker.hears(&self.world)) {
            self.at_odds(|driver| {
                let world = Arc::clone(&driver.world);
                driver.workers_mut().for_each(|worker| worker.hear(&world));
            })
            .await;
        }
    }

    /// Looks at who ended, and how.
    fn bury(&mut self) {
        let zombies = std::mem::take(&mut self.zombies);
        for worker in zombies {
            if self.world.life(worker.who) == Life::Gone {
                worker.handle.abort();
                continue;
            }
            if !worker.handle.is_finished() {
                self.zombies.push(worker);
                continue;
            }
            self.world.set_life(worker.who, Life::Gone);
            match ended(worker.handle) {
                Some(Ok(Ok(()))) | None => {}
                Some(Ok(Err(ProcessorError::Journal(error)))) => {
                    self.world.tell(|| format!("process {} ended: {error}", worker.who));
                }
                Some(Ok(Err(error))) => self.broken.push(format!("process {} ended: {error}", worker.who)),
                Some(Err(error)) => {
                    if error.is_panic() {
                        self.broken.push(format!("process {} panicked", worker.who));
                    }
                }
            }
        }
    }

    fn start(&mut self, name: usize) {
        let Self { world, broker, tables, keys, parts, .. } = self;
        let who = world.born();
        let member = Arc::new(Member::default());
        let given: Vec<u32> =
            (0..).zip(&self.owners).filter(|(_, owner)| **owner == name).map(|(number, _)| number).collect();
        for partition in &given {
            member.take_in(Word::Given(*partition, broker.give(*partition)));
        }
        world.tell(|| format!("process {who} starts under the name {name} on partitions {given:?}"));
        let view = View {
            broker: Arc::clone(broker),
            world: Arc::clone(world),
            who,
            member: Arc::clone(&member),
            shared: !parts.embedded,
        };
        let processor = Processor {
            journal: Arc::new(view),
            // Apart, a partition's name comes with its commits.
            journal_name: parts.embedded.then(|| "journal".to_owned()),
            sink: Arc::new(Client { tables: Arc::clone(tables), who }),
            sites: Arc::clone(&parts.sites),
            keys: Arc::clone(keys),
            tables: fold::Tables::default(),
            bounds: fold::Bounds::default(),
            clock: world.clock(Role::Processor),
            flush: parts.flush,
            metrics: parts.metrics.clone(),
            inboxes: Inboxes::default(),
            answers: None,
            follow: None,
        };
        let (stop, stopping) = watch::channel(false);
        let handle = tokio::spawn(processor.run(stopping));
        self.processes[name].worker = Some(Worker { who, member, lost_at: None, stop, handle });
    }

    /// Goes on at an odd millisecond, does something to processes, and comes back at an even one.
    async fn at_odds(&mut self, deed: impl FnOnce(&mut Self)) {
        sleep(Duration::from_millis(1)).await;
        deed(self);
        sleep(Duration::from_millis(1)).await;
    }

    async fn kill(&mut self, name: usize) {
        self.at_odds(|driver| {
            let process = &mut driver.processes[name];
            if let Some(worker) = process.worker.take() {
                driver.world.tell(|| format!("process {} is killed", worker.who));
                driver.world.injected("kill: anywhere");
                driver.world.set_life(worker.who, Life::Gone);
                worker.handle.abort();
                process.starts_at = driver.world.later(3_000);
            }
        })
        .await;
    }

    /// Asks a process to stop, and waits until it has, or is dead, or does not answer.
    async fn restart(&mut self, name: usize) {
        let Some(mut worker) = self.processes[name].worker.take() else { return };
        self.world.tell(|| format!("process {} is asked to stop", worker.who));
        self.world.injected("stop: asked to");
        self.at_odds(|_| _ = worker.stop.send_replace(true)).await;
        for _ in 0..100 {
            if worker.handle.is_finished() || self.world.life(worker.who) != Life::Runs {
                break;
            }
            sleep(Duration::from_millis(LOOK_MS)).await;
        }
        if self.world.life(worker.who) == Life::Gone {
            worker.handle.abort();
        } else {
            worker.tell(&self.world, Word::Replaced);
            self.zombies.push(worker);
        }
        self.processes[name].starts_at = self.world.later(1_000);
        self.bury();
    }

    async fn freeze(&mut self, name: usize) {
        self.at_odds(|driver| {
            if let Some(worker) = &driver.processes[name].worker {
                driver.world.tell(|| format!("process {} stands still", worker.who));
                driver.world.injected("freeze: anywhere");
                driver.world.set_life(worker.who, Life::Frozen);
            }
        })
        .await;
    }

    async fn thaw(&mut self) {
        self.at_odds(|driver| {
            for worker in driver.workers().filter(|worker| driver.world.life(worker.who) == Life::Frozen) {
                driver.world.tell(|| format!("process {} goes on", worker.who));
                driver.world.set_life(worker.who, Life::Runs);
            }
        })
        .await;
    }

    /// Lets those who lost partitions find out; who does not hear it is killed.
    async fn lay_to_rest(&mut self) {
        self.thaw().await;
        for _ in 0..50 {
            if self.zombies.is_empty() && self.workers().all(|worker| worker.lost_at.is_none()) {
                return;
            }
            self.work(400).await;
        }
        self.at_odds(|driver| {
            for worker in driver.zombies.drain(..) {
                driver.world.set_life(worker.who, Life::Gone);
                worker.handle.abort();
            }
            for worker in driver.workers().filter(|worker| worker.lost_at.is_some()) {
                driver.world.set_life(worker.who, Life::Gone);
            }
        })
        .await;
        self.look_after();
    }

    /// A partition goes to another process.
    async fn hand_over(&mut self, partition: u32, to: usize, sudden: bool) {
        if sudden {
            self.world.injected("rebalance: sudden");
        } else {
            self.world.injected("rebalance: after asking");
            self.take_back(partition).await;
        }
        self.assign(partition, to);
    }

    /// Asks for a partition back, and takes it once work on it has ended, or when that takes too long; from who stands still or
    /// has died meanwhile the group does not wait for it.
    async fn take_back(&mut self, partition: u32) {
        let name = self.owners[partition as usize];
        let Some(worker) = &self.processes[name].worker else { return };
        let (who, member) = (worker.who, Arc::clone(&worker.member));
        self.at_odds(|_| member.ownership.ask_back(&[partition])).await;
        let is_here = |driver: &Self| {
            driver.world.life(who) == Life::Runs
                && driver.processes[name].worker.as_ref().is_some_and(|worker| worker.who == who)
        };
        for _ in 0..TAKE_BACK_LOOKS {
            if !is_here(self) || member.ownership.is_idle(&[partition]) {
                break;
            }
            self.work(LOOK_MS).await;
        }
        if is_here(self) {
            self.at_odds(|_| member.ownership.lose(&[partition])).await;
        }
    }
}

/// Outages, and the end.
impl Driver {
    /// Waits until everything that was taken is committed.
    async fn catch_up(&mut self) {
        self.rest("something that was taken is not counted", |driver| {
            (0..driver.partitions()).all(|number| driver.broker.waits_since(number).is_none())
                && driver.spooled_since().is_none()
                && driver.unanswered_since().is_none()
        })
        .await;
        // And until who started lately knows what was before, as far as that comes to an end.
        for _ in 0..500 {
            if self.world.rebuilds_since().is_none() {
                break;
            }
            self.work(200).await;
        }
    }

    async fn rest(&mut self, else_: &str, is_at_rest: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        let mut rates = None;
        while !is_at_rest(self) {
            if begun.elapsed() > REST_MAX {
                let minutes = REST_MAX.as_secs() / 60;
                let waiting = (0..self.partitions()).filter_map(|number| self.broker.waits_since(number)).count();
                let (spooled, rebuilds) =
                    (self.collectors.iter().filter_map(Collector::waits_since).count(), self.world.rebuilding());
                self.broken.push(format!("after {minutes} minutes {else_}: {waiting} partitions and {spooled} spools wait; rebuilding: {rebuilds}"));
                break;
            }
            // Processes that die faster than they start get nowhere: after a while they no longer do.
            if rates.is_none() && begun.elapsed() > TROUBLE_MAX {
                rates = Some(self.world.set_rates(Rates::none()));
            }
            // Who stands still in front of a record for that long is let go on, as a process is that nobody watches.
            if self.world.draw(|random| random.one_in(200)) {
                self.thaw().await;
            }
            self.work(200).await;
        }
        if let Some(rates) = rates {
            self.world.set_rates(rates);
        }
    }

    /// Lets nothing go wrong, and waits until nothing is on its way.
    async fn calm_down(&mut self) -> Rates {
        let rates = self.world.set_rates(Rates::none());
        self.broker.set_away(false);
        self.tables.set_away(false);
        self.thaw().await;
        self.catch_up().await;
        rates
    }

    async fn long_outage(&mut self) {
        let rates = self.calm_down().await;
        self.rates = Some(self.world.set_rates(rates));
        self.rest("blocks are on their way", |driver| driver.tables.is_still()).await;
        self.world.injected("outage: longer than keys live");
        self.at_odds(|driver| {
            driver.down = true;
            let workers = driver.processes.iter_mut().filter_map(|process| process.worker.take());
            for worker in workers.chain(driver.zombies.drain(..)) {
                driver.world.set_life(worker.who, Life::Gone);
                worker.handle.abort();
            }
        })
        .await;
        // All is counted but what somebody who went on has appended since: a record that lets time go on.
        self.committed = (0..self.partitions()).map(|number| self.broker.next_and_kept(number).0).collect();
        // A clock that errs now would let keys die at another time than the others'.
        for role in [Role::Broker, Role::Collector, Role::Processor] {
            self.world.set_error(role, 0);
        }
        self.turn_keys();
    }

    async fn outage_ends(&mut self) {
        self.world.tell(|| "the outage ends".to_owned());
        let now = self.world.now(Role::Processor);
        for number in 0..self.partitions() {
            // Where everything that waited has expired, the loss is told with the partition's next record, whatever it is.
            self.broker.keep(number, Vec::new(), Content::Tick, i64::MAX);
        }
        self.down = false;
        self.look_after();
        self.catch_up().await;
        // Who lost its partition meanwhile would read the same range again after more keys have died, and find others lost.
        self.lay_to_rest().await;
        // All of it was read while the wall stood still, also what came out of a spool only now.
        for number in 0..self.partitions() {
            let from = self.committed.get(number as usize).copied().unwrap_or_default();
            let (log, (_, kept)) = (self.broker.log(number), self.broker.next_and_kept(number));
            // Of what has expired nobody knows whether it was empty.
            let is_lost = |offset: usize, record: &Logged| offset < kept || dies_at(record.hour) <= now;
            let dead = log.iter().enumerate().skip(from).filter(|(offset, record)| is_lost(*offset, record));
            self.lost.extend(dead.map(|(offset, _)| (number, offset)));
        }
    }

    async fn end(&mut self, script: &Script) {
        self.answer_all().await;
        for role in [Role::Broker, Role::Collector, Role::Processor] {
            self.world.set_error(role, 0);
        }
        self.broker.set_away(false);
        self.tables.set_away(false);
        self.thaw().await;
        self.world.tell(|| "the last days end".to_owned());
        let now = self.world.wall();
        let closes = script.sites.iter().map(|site| {
            let mut zone = Zone::find_or_utc(&site.timezone);
            // A collector that is an hour ahead has opened the next day.
            let last = zone.moment(now.plus(HOUR)).day;
            zone.closes(last)
        });
        let mut closes: Vec<Millis> = closes.chain([now]).collect();
        closes.sort_unstable();
        for close in closes {
            self.advance(close.plus(-MINUTE)).await;
            self.work(400).await;
            self.advance(close.plus(2 * MINUTE)).await;
            self.work(3_000).await;
        }
        // Days close while things still go wrong; then nothing does.
        self.work(22_000).await;
        self.calm_down().await;
        self.rest("days are not closed, or blocks on their way", |driver| {
            driver.tables.not_closed().is_empty() && driver.tables.is_still()
        })
        .await;
        self.down = true;
        for name in 0..self.processes.len() {
            self.restart(name).await;
        }
        self.at_odds(|driver| {
            for worker in &driver.zombies {
                worker.stop.send_replace(true);
            }
        })
        .await;
        for _ in 0..200 {
            self.bury();
            if self.zombies.is_empty() {
                break;
            }
            sleep(Duration::from_millis(500)).await;
        }
        if !self.zombies.is_empty() {
            self.broken.push(format!("{} processes do not stop", self.zombies.len()));
        }
        // Nothing that was sealed can be opened a day later.
        let last = self.world.wall();
        self.advance(last.plus((KEY_LIFE_HOURS + 2) * HOUR)).await;
        let mut opener = Opener::default();
        self.keys.equip(&mut opener);
        if opener.hours().any(|hour| hour <= last.hour()) {
            self.broken.push("a key of the day lives still".to_owned());
        }
    }
}
