//! A collector as a process: it takes what senders bring, seals it to the key of the hour, picks the partition as the real one
//! does, keeps it by the product's own spool, and answers. It may die at any point; what is on its disk stays, and the next one
//! that starts there goes on with it.
//!
//! Its doors are not the real ones: nothing is parsed or admitted, and what comes is what was admitted. The invariant: a sender is
//! told that its request is kept once all of it is.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use journal::Journal as _;
use model::{Hit, Millis, Record};
use privacy::seal::Sealer;
use privacy::visitor::{Secret, partition_of};
use processor::keys::KeyStore;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::Planted;
use crate::embedded::{Disk, MOUNTED};
use crate::faults::{COLLECTOR_KILLED, Fault, Point, REFUSED, SPOOL_FOUND};
use crate::journal::{Broker, Content};
use crate::letters::{Letter, Letters};
use crate::senders::{Errand, Request};
use crate::sent::Sent;
use crate::spool::{Settings, Spooled};
use crate::uplink::Uplink;
use crate::world::{Life, Role, World, ended};

/// What all collectors share.
pub struct Common {
    /// The world.
    pub world: Arc<World>,
    /// The brokers.
    pub broker: Arc<Broker>,
    /// What was sealed.
    pub letters: Letters,
    /// The journal's partitions.
    pub partitions: u32,
    keys: Arc<KeyStore>,
    secret: Secret,
    /// The encapsulation of the hour. They share one, because opening it again in every replay costs more than all the rest.
    sealing: Mutex<Option<(i64, Sealer)>>,
    planted: Planted,
}

/// One collector: a disk, and who runs on it.
pub struct Collector {
    common: Arc<Common>,
    name: usize,
    disk: Arc<Disk>,
    running: Option<Running>,
    starts_at: Instant,
}

struct Running {
    process: Arc<Process>,
    opening: JoinHandle<()>,
    /// What is with it, and whether it was kept.
    requests: Vec<(Request, JoinHandle<bool>)>,
}

/// A process, with its spool once that is open.
struct Process {
    common: Arc<Common>,
    who: usize,
    spool: OnceLock<Spooled<Uplink>>,
}

impl Collector {
    /// A collector that was never started. The secret by which partitions are picked is the same for all.
    pub fn new(common: &Arc<Common>, name: usize) -> Self {
        let disk = Disk::new(&common.world, common.partitions, common.planted);
        Self { common: Arc::clone(common), name, disk, running: None, starts_at: Instant::now() }
    }

    /// Whether it takes requests.
    pub fn is_up(&self) -> bool {
        self.running.as_ref().is_some_and(|Running { process, .. }| {
            process.spool.get().is_some() && self.common.world.life(process.who) == Life::Runs
        })
    }

    /// Takes a request, where it is up.
    pub fn take(&mut self, request: Request) {
        let running = self.running.as_mut().expect("it is up");
        let answer = tokio::spawn(Arc::clone(&running.process).answer(request.errand.clone()));
        running.requests.push((request, answer));
    }

    /// Kills it, wherever it is.
    pub fn kill(&mut self) {
        if let Some(Running { process, .. }) = &self.running {
            self.common.world.tell(|| format!("collector {} is killed", self.name));
            self.common.world.injected(COLLECTOR_KILLED);
            self.common.world.set_life(process.who, Life::Gone);
        }
    }

    /// Buries who is dead, and starts another in its place; returns the requests that ended without the answer that all is kept,
    /// or whose senders have gone.
    pub fn look_after(&mut self, broken: &mut Vec<String>) -> Vec<Request> {
        let world = Arc::clone(&self.common.world);
        let mut unanswered = Vec::new();
        if let Some(running) = &mut self.running {
            for (request, answer) in std::mem::take(&mut running.requests) {
                if !answer.is_finished() {
                    if world.strikes(Fault::SenderLeaves) {
                        answer.abort();
                        unanswered.push(request);
                    } else {
                        running.requests.push((request, answer));
                    }
                    continue;
                }
                match ended(answer) {
                    Some(Ok(true)) => {}
                    Some(Ok(false)) => unanswered.push(request),
                    Some(Err(_)) | None => broken.push(format!("a request ended badly in collector {}", self.name)),
                }
            }
        }
        let is_gone = |running: &mut Running| world.life(running.process.who) == Life::Gone;
        if let Some(Running { opening, requests, .. }) = self.running.take_if(is_gone) {
            opening.abort();
            for (request, answer) in requests {
                answer.abort();
                unanswered.push(request);
            }
            self.starts_at = world.later(4_000);
        }
        if self.running.is_none() && Instant::now() >= self.starts_at {
            self.start();
        }
        unanswered
    }

    /// Since when, by the true time, the oldest record waits on its disk; nothing where none does.
    pub fn waits_since(&self) -> Option<Millis> {
        self.disk.waits_since()
    }

    /// Since when, by the true time, somebody waits for its answer.
    pub fn unanswered_since(&self) -> Option<Millis> {
        self.running.iter().flat_map(|running| &running.requests).map(|(request, _)| request.since).min()
    }

    fn start(&mut self) {
        let who = self.common.world.born();
        self.common.world.tell(|| format!("collector {} starts as process {who}", self.name));
        let process = Arc::new(Process { common: Arc::clone(&self.common), who, spool: OnceLock::new() });
        let opened = Arc::clone(&process).open(Arc::clone(&self.disk));
        let opening = tokio::spawn(MOUNTED.scope((Arc::clone(&self.disk), who), opened));
        self.running = Some(Running { process, opening, requests: Vec::new() });
    }
}

impl Process {
    async fn open(self: Arc<Self>, disk: Arc<Disk>) {
        let Self { common, who, spool } = &*self;
        let uplink = Arc::new(Uplink { common: Arc::clone(common), disk, who: *who });
        let settings = Settings::new(common.world.clock(Role::Collector));
        // Which disk that is, is told beside.
        let opened = Spooled::open(uplink, Path::new("spool"), settings).await.expect("what is mounted opens");
        let waiting = opened.figures().records;
        if waiting > 0 {
            common.world.tell(|| format!("process {who} finds {waiting} records in its spool"));
            common.world.injected(SPOOL_FOUND);
        }
        let _ = spool.set(opened);
    }

    /// Takes a request and answers it: whether all of it is kept.
    async fn answer(self: Arc<Self>, errand: Errand) -> bool {
        let Self { common, who, spool } = &*self;
        let Common { world, letters, planted, .. } = &**common;
        let spool = spool.get().expect("only one that is up is asked");
        let mut kept = Vec::new();
        for (partition, content) in common.sort(errand) {
            let bytes = common.seal(partition, content);
            if *planted == Planted::AcknowledgedTooEarly {
                letters.acknowledge(&bytes);
            }
            world.point(*who, Point::Taken).await;
            if let Err(error) = spool.append(partition, bytes.clone()).await {
                world.tell(|| format!("process {who} refuses a request: {error}"));
                world.injected(REFUSED);
                return false;
            }
            kept.push(bytes);
        }
        world.point(*who, Point::Answer).await;
        kept.iter().for_each(|bytes| letters.acknowledge(bytes));
        true
    }
}

impl Common {
    /// What is shared by collectors before a journal.
    pub fn new(
        world: &Arc<World>,
        broker: &Arc<Broker>,
        keys: &Arc<KeyStore>,
        (partitions, planted): (u32, Planted),
    ) -> Arc<Self> {
        Arc::new(Self {
            world: Arc::clone(world),
            broker: Arc::clone(broker),
            letters: Letters::default(),
            partitions,
            keys: Arc::clone(keys),
            secret: Secret::new([7; 32]),
            sealing: Mutex::default(),
            planted,
        })
    }

    /// An errand's records, each with its partition.
    fn sort(&self, errand: Errand) -> Vec<(u32, Content)> {
        let now = self.world.now(Role::Collector).0;
        match errand {
            Errand::Hits(hits) => self.sort_hits(hits.into_iter().map(|hit| Sent { at: now + hit.at, ..hit })),
            Errand::Tally(tally) => vec![(self.any_partition(), Content::Tally(tally))],
            Errand::Ask(right, sent) => {
                let sent = Sent { at: now, ..*sent };
                let partition = partition_of(&self.secret, &sent.site.domain, &sent.peer(), self.partitions);
                vec![(partition, Content::Ask(right, Box::new(sent)))]
            }
        }
    }

    /// Those that may go anywhere go with others.
    fn sort_hits(&self, hits: impl Iterator<Item = Sent>) -> Vec<(u32, Content)> {
        let mut letters: Vec<(u32, Vec<Sent>)> = Vec::new();
        let mut anywhere = Vec::new();
        for hit in hits {
            match self.partition(&hit) {
                None => anywhere.push(hit),
                Some(partition) => match letters.iter_mut().find(|(known, _)| *known == partition) {
                    Some((_, letter)) => letter.push(hit),
                    None => letters.push((partition, vec![hit])),
                },
            }
        }
        match letters.first_mut() {
            Some((_, letter)) => letter.append(&mut anywhere),
            None if anywhere.is_empty() => {}
            None => letters.push((self.any_partition(), anywhere)),
        }
        letters.into_iter().map(|(partition, hits)| (partition, Content::Hits(hits))).collect()
    }

    /// Seals with the key that the processors publish for this hour, and notes what was sealed.
    fn seal(&self, partition: u32, content: Content) -> Vec<u8> {
        let now = self.world.now(Role::Processor);
        let mut sealer = self.sealing.lock().unwrap_or_else(PoisonError::into_inner);
        if sealer.as_ref().is_none_or(|(hour, _)| *hour != now.hour()) {
            let public = self.keys.public(now).expect("the driver turns the keys before anybody seals");
            let random = self.world.draw(crate::random::Random::bytes);
            *sealer = Some((now.hour(), Sealer::new(&public, random).expect("a public key of ours")));
        }
        let (hour, sealer) = sealer.as_mut().expect("just made");
        let bytes = sealer.seal(&self.record(&content).encode()).expect("small enough");
        let taken = self.world.wall();
        self.letters.note(bytes.clone(), Letter { partition, content, hour: *hour, taken, acknowledged: false });
        bytes
    }

    fn record(&self, content: &Content) -> Record {
        match content {
            Content::Hits(hits) => {
                let ids_are_sent = self.planted != Planted::IdsForgotten;
                let hit = |sent: &Sent| Hit { id: sent.id.filter(|_| ids_are_sent), ..sent.hit() };
                Record::Hits(hits.iter().map(hit).collect())
            }
            Content::Tally(tally) => Record::Tally(tally.clone()),
            Content::Ask(right, sent) => Record::Rights(sent.request(*right)),
            Content::Tick => unreachable!("nobody brings a record that lets time go on"),
        }
    }

    fn partition(&self, sent: &Sent) -> Option<u32> {
        let hit = sent.hit();
        match (&hit.peer, hit.id) {
            (Some(peer), _) => Some(partition_of(&self.secret, &hit.site, peer, self.partitions)),
            (None, Some(id)) => u32::try_from(id % u64::from(self.partitions)).ok(),
            (None, None) => None,
        }
    }

    fn any_partition(&self) -> u32 {
        self.world.draw(|random| u32::try_from(random.below(self.partitions.into())).unwrap_or_default())
    }
}
