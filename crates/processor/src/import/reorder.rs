//! Puts hits of a file into order of time before they are folded: servers log a request when it ends, and an events file
//! may be in any order.
//!
//! Errs when a hit stands more than [`HITS_MAX`] hits away from its place: it is then folded at the visitor's latest time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use model::{Hit, Millis};

/// Hits held back at most; a file with fewer is sorted completely. Bounds memory (about 300 bytes a hit).
const HITS_MAX: usize = 500_000;

/// A sliding window over a file's hits, ordered by time; equal times keep the file's order.
pub struct Reorder {
    heap: BinaryHeap<Reverse<Held>>,
    sequence: u64,
    hits_max: usize,
}

struct Held {
    at: Millis,
    sequence: u64,
    hit: Hit,
}

impl Default for Reorder {
    fn default() -> Self {
        Self::holding(HITS_MAX)
    }
}

impl Reorder {
    /// A window of `hits_max` hits.
    pub const fn holding(hits_max: usize) -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0, hits_max }
    }

    /// Takes a hit; gives the earliest one back when the window is full.
    pub fn push(&mut self, hit: Hit) -> Option<Hit> {
        self.sequence += 1;
        self.heap.push(Reverse(Held { at: hit.at, sequence: self.sequence, hit }));
        if self.heap.len() > self.hits_max { self.pop() } else { None }
    }

    /// The earliest hit held.
    pub fn pop(&mut self) -> Option<Hit> {
        self.heap.pop().map(|Reverse(held)| held.hit)
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}
