//! Whoever sends: browsers, servers, and visitors who ask for something. They wait for an answer, and some of those who get none
//! send again.
//!
//! Sent again is only what its second arrival can be told by: hits that all have an id, and what may be asked twice.

use std::sync::Arc;

use model::{Millis, Right, Tally};
use tokio::time::Instant;

use crate::collector::Collector;
use crate::faults::{GIVEN_UP, SENT_AGAIN};
use crate::sent::Sent;
use crate::world::World;

/// What is brought to a collector.
#[derive(Clone)]
pub enum Errand {
    /// The hits of a request. Their times count from their arrival.
    Hits(Vec<Sent>),
    /// Whom the collector turned away. Nobody waits for it; a crash loses it.
    Tally(Tally),
    /// A visitor's request.
    Ask(Right, Box<Sent>),
}

impl Errand {
    fn may_come_again(&self) -> bool {
        match self {
            Self::Hits(hits) => hits.iter().all(|hit| hit.id.is_some()),
            Self::Tally(_) => false,
            Self::Ask(..) => true,
        }
    }
}

/// An errand on its way to an answer.
pub struct Request {
    /// What is brought.
    pub errand: Errand,
    /// Since when, by the true time, its sender has no answer.
    pub since: Millis,
    to: usize,
    sends_at: Instant,
}

/// Those whose requests are with no collector.
pub struct Senders {
    world: Arc<World>,
    waiting: Vec<Request>,
}

impl Senders {
    /// Nobody.
    pub fn new(world: &Arc<World>) -> Self {
        Self { world: Arc::clone(world), waiting: Vec::new() }
    }

    /// Somebody sends for the first time.
    pub fn send(&mut self, to: usize, errand: Errand) {
        self.waiting.push(Request { errand, since: self.world.wall(), to, sends_at: Instant::now() });
    }

    /// Somebody has no answer, or was refused.
    pub fn is_unanswered(&mut self, request: Request) {
        let again = request.errand.may_come_again() && !self.world.draw(|random| random.one_in(4));
        self.world.injected(if again { SENT_AGAIN } else { GIVEN_UP });
        if again {
            self.waiting.push(Request { sends_at: self.world.later(2_000), ..request });
        }
    }

    /// Brings requests to a collector that is up: the one that was meant, or else the next.
    pub fn deliver(&mut self, collectors: &mut [Collector]) {
        let now = Instant::now();
        for request in std::mem::take(&mut self.waiting) {
            let mut all = (0..collectors.len()).map(|number| (request.to + number) % collectors.len());
            match all.find(|number| request.sends_at <= now && collectors[*number].is_up()) {
                Some(number) => collectors[number].take(request),
                None => self.waiting.push(request),
            }
        }
    }

    /// Since when, by the true time, somebody waits who has reached no collector.
    pub fn waits_since(&self) -> Option<Millis> {
        self.waiting.iter().map(|request| request.since).min()
    }
}
