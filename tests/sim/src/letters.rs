//! Every record that collectors sealed: what it says, and whether its senders were told that it is kept.
//!
//! It is the other half of the oracle: the recount says what the journal's records come to, this says which of them have to be there.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Millis;

use crate::journal::Content;
use crate::sent::Sent;

/// A record, and its fate.
#[derive(Clone)]
pub struct Letter {
    /// The partition that it is for.
    pub partition: u32,
    /// What it says.
    pub content: Content,
    /// The hour of the key that it is sealed to.
    pub hour: i64,
    /// When it was sealed, by the true time.
    pub taken: Millis,
    /// Whether its sender was told that it is kept.
    pub acknowledged: bool,
}

impl Letter {
    /// Its hits.
    pub fn hits(&self) -> u64 {
        if let Content::Hits(hits) = &self.content { hits.len() as u64 } else { 0 }
    }
}

/// All of them, by their sealed bytes, of which no two are the same.
#[derive(Default)]
pub struct Letters(Mutex<BTreeMap<Vec<u8>, Letter>>);

impl Letters {
    fn letters(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Letter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a record that was sealed.
    pub fn note(&self, bytes: Vec<u8>, letter: Letter) {
        let known = self.letters().insert(bytes, letter);
        assert!(known.is_none(), "no two records are sealed alike");
    }

    /// What a record says.
    pub fn read(&self, bytes: &[u8]) -> Letter {
        self.letters().get(bytes).cloned().expect("nothing is appended that was not sealed here")
    }

    /// Notes that a record's sender is told that it is kept.
    pub fn acknowledge(&self, bytes: &[u8]) {
        self.letters().get_mut(bytes).expect("nothing is acknowledged that was not sealed here").acknowledged = true;
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<Vec<u8>, Letter> {
        self.letters().clone()
    }
}

/// A record in words.
pub fn described(content: &Content) -> String {
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
