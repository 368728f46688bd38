//! The collectors: they seal what they admitted to the key of the hour, pick the partition as the real one does, append, and
//! keep in a spool what the journal did not acknowledge. Whatever they took is acknowledged, so it must be counted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use model::{Hit, Millis, Record, Right, Tally};
use privacy::seal::Sealer;
use privacy::visitor::{Secret, partition_of};
use processor::keys::KeyStore;

use crate::Planted;
use crate::faults::Fault;
use crate::journal::{Broker, Content};
use crate::sent::Sent;
use crate::world::{Role, World};

/// The encapsulation of the hour. All collectors share one, because opening it again in every replay costs more than all the rest.
#[derive(Default)]
pub struct Sealing(Mutex<Option<(i64, Sealer)>>);

/// One collector.
pub struct Collector {
    world: Arc<World>,
    broker: Arc<Broker>,
    keys: Arc<KeyStore>,
    secret: Secret,
    partitions: u32,
    sealing: Arc<Sealing>,
    spool: VecDeque<Sealed>,
    planted: Planted,
}

/// A record on its way.
#[derive(Clone)]
struct Sealed {
    partition: u32,
    bytes: Vec<u8>,
    content: Content,
    hour: i64,
    /// When it was taken, by the true time.
    taken: Millis,
}

impl Collector {
    /// A collector with an empty spool. The secret by which partitions are picked is the same for all.
    pub fn new(
        world: &Arc<World>,
        broker: &Arc<Broker>,
        keys: &Arc<KeyStore>,
        sealing: &Arc<Sealing>,
        (partitions, planted): (u32, Planted),
    ) -> Self {
        Self {
            world: Arc::clone(world),
            broker: Arc::clone(broker),
            keys: Arc::clone(keys),
            secret: Secret::new([7; 32]),
            partitions,
            sealing: Arc::clone(sealing),
            spool: VecDeque::new(),
            planted,
        }
    }

    /// Takes a request. A hit's time counts from the time of its arrival.
    pub fn request(&mut self, hits: &[Sent]) {
        let now = self.world.now(Role::Collector).0;
        let hits = hits.iter().map(|hit| Sent { at: now + hit.at, ..hit.clone() });
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
        for (partition, letter) in letters {
            let ids_are_sent = self.planted != Planted::IdsForgotten;
            let hit = |sent: &Sent| Hit { id: sent.id.filter(|_| ids_are_sent), ..sent.hit() };
            let record = Record::Hits(letter.iter().map(hit).collect());
            self.send(partition, &record, Content::Hits(letter));
        }
    }

    /// Writes down whom it turned away.
    pub fn refused(&mut self, tally: &Tally) {
        let partition = self.any_partition();
        self.send(partition, &Record::Tally(tally.clone()), Content::Tally(tally.clone()));
    }

    /// Takes a visitor's request.
    pub fn ask(&mut self, right: Right, sent: &Sent) {
        let sent = Sent { at: self.world.now(Role::Collector).0, ..sent.clone() };
        let partition = partition_of(&self.secret, &sent.site.domain, &sent.peer(), self.partitions);
        self.send(partition, &Record::Rights(sent.request(right)), Content::Ask(right, Box::new(sent)));
    }

    /// Sends what waits, the oldest first; stops where the journal does not take it.
    pub fn drain(&mut self) {
        while let Some(sealed) = self.spool.pop_front() {
            if !self.append(sealed) {
                break;
            }
        }
    }

    /// Since when, by the true time, the oldest record waits; nothing where none does.
    pub fn waits_since(&self) -> Option<Millis> {
        self.spool.iter().map(|sealed| sealed.taken).min()
    }

    fn send(&mut self, partition: u32, record: &Record, content: Content) {
        let (hour, bytes) = self.seal(&record.encode());
        let sealed = Sealed { partition, bytes, content, hour, taken: self.world.wall() };
        if self.world.draw(|random| random.one_in(3)) {
            self.drain();
        }
        self.append(sealed);
    }

    /// Appends a record, or puts it into the spool. It is taken in either case.
    fn append(&mut self, sealed: Sealed) -> bool {
        let lost = self.broker.is_away() || self.world.strikes(Fault::AppendLost);
        let kept = !lost;
        let untold = kept && self.world.strikes(Fault::AppendKept);
        let Sealed { partition, bytes, content, hour, .. } = sealed.clone();
        if kept {
            let offset = self.broker.keep(partition, bytes, content, hour);
            self.world.tell(|| {
                let (what, known) = (described(&sealed.content), if untold { ", and it is not told so" } else { "" });
                format!("a collector appends {what} as {offset} of partition {partition}{known}")
            });
        }
        let told = kept && !untold;
        if !told {
            self.spool.push_back(sealed);
        }
        told
    }

    /// Seals with the key that the processors publish for this hour.
    fn seal(&self, bytes: &[u8]) -> (i64, Vec<u8>) {
        let now = self.world.now(Role::Processor);
        let mut sealer = self.sealing.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sealer.as_ref().is_none_or(|(hour, _)| *hour != now.hour()) {
            let public = self.keys.public(now).expect("the driver turns the keys before anybody seals");
            let random = self.world.draw(crate::random::Random::bytes);
            *sealer = Some((now.hour(), Sealer::new(&public, random).expect("a public key of ours")));
        }
        let (hour, sealer) = sealer.as_mut().expect("just made");
        (*hour, sealer.seal(bytes).expect("small enough"))
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

fn described(content: &Content) -> String {
    let at = |ms: i64| jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| at.to_string());
    let hit = |sent: &Sent| {
        let Sent { site, id, mode, kind, path, address, agent, .. } = sent;
        let agent = agent.rsplit(' ').next().unwrap_or_default();
        format!("{} {path} {kind:?} {} id {id:?} by {address} {agent} at {}", site.domain, mode.as_str(), at(sent.at))
    };
    match content {
        Content::Hits(hits) => hits.iter().map(hit).collect::<Vec<_>>().join(" + "),
        Content::Tally(tally) => format!("{} hits refused as {:?}", tally.hits, tally.refusal),
        Content::Ask(right, sent) => format!("a wish to {}: {}", right.as_str(), hit(sent)),
        Content::Tick => format!("{:?}", Millis(0)),
    }
}
