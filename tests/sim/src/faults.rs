//! What goes wrong, where, and how often: a seed draws which kinds of faults its day has, and at which rates, because faults of
//! every kind at once hide each other.

use std::collections::BTreeMap;

use crate::random::Random;

/// A place where a process waits for an answer, and may be killed; a processor may also be frozen there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Asks the journal for its end, a time's offset or its commit, which a processor does before and while it replays.
    Ask,
    /// Reads, in a replay or in its course.
    Read,
    /// Has decided an intent or a position and not committed it.
    BeforeCommit,
    /// Has committed it and not heard so.
    AfterCommit,
    /// Has an intent and inserted nothing.
    BeforeInsert,
    /// Is between two blocks of an insert.
    AmidInsert,
    /// Has inserted everything and not heard so.
    AfterInsert,
    /// Is about to close a day, to note a step of it, or between two of them.
    Close,
    /// A collector has taken a request, or kept a part of it, and not begun to keep the next.
    Taken,
    /// Has a record on its way to the journal, which has not got it.
    Append,
    /// Has not heard that the journal has got it.
    Appended,
    /// Is about to write a record into its spool.
    SpoolWrite,
    /// Has written it and not heard so.
    SpoolWritten,
    /// Has kept a request and not answered it.
    Answer,
    /// Looks at its start for what waits.
    SpoolOpen,
    /// Reads what waits, or waits for something to.
    SpoolRead,
    /// Has a record on its way from its spool to the journal, which has not got it.
    Drain,
    /// Has not heard that the journal has got it.
    Drained,
    /// Has heard so, and its spool does not know.
    SpoolCommit,
    /// Its spool knows, and the room has not been given back.
    SpoolRelease,
}

/// Every point.
const POINTS: [Point; 20] = [
    Point::Ask,
    Point::Read,
    Point::BeforeCommit,
    Point::AfterCommit,
    Point::BeforeInsert,
    Point::AmidInsert,
    Point::AfterInsert,
    Point::Close,
    Point::Taken,
    Point::Append,
    Point::Appended,
    Point::SpoolWrite,
    Point::SpoolWritten,
    Point::Answer,
    Point::SpoolOpen,
    Point::SpoolRead,
    Point::Drain,
    Point::Drained,
    Point::SpoolCommit,
    Point::SpoolRelease,
];

/// A collector killed wherever it was.
pub const COLLECTOR_KILLED: &str = "kill: a collector, anywhere";
/// A collector that found at its start what one before it had left in its spool.
pub const SPOOL_FOUND: &str = "collector: started, and found records in its spool";
/// A request for which neither journal nor spool had room.
pub const REFUSED: &str = "collector: refused a request";
/// A sender without an answer, or with a refusal.
pub const SENT_AGAIN: &str = "sender: no answer or a refusal, sent again";
/// The same, who has no ids or no patience.
pub const GIVEN_UP: &str = "sender: no answer or a refusal, given up";

/// What follows from faults and is none.
const FOLLOWS: [&str; 4] = [SPOOL_FOUND, REFUSED, SENT_AGAIN, GIVEN_UP];

impl Point {
    const fn killed(self) -> &'static str {
        match self {
            Self::Ask => "kill: before a replay",
            Self::Read => "kill: at a read",
            Self::BeforeCommit => "kill: before a commit",
            Self::AfterCommit => "kill: after a commit",
            Self::BeforeInsert => "kill: before an insert",
            Self::AmidInsert => "kill: between two blocks of an insert",
            Self::AfterInsert => "kill: after an insert, before its commit",
            Self::Close => "kill: while a day closes",
            Self::Taken => "kill: a collector, before it keeps what it took",
            Self::Append => "kill: a collector, before the journal has the record",
            Self::Appended => "kill: a collector, before it hears that the journal has it",
            Self::SpoolWrite => "kill: a collector, before its spool's write",
            Self::SpoolWritten => "kill: a collector, after its spool's write",
            Self::Answer => "kill: a collector, before it answers for what it kept",
            Self::SpoolOpen => "kill: a collector, while its spool opens",
            Self::SpoolRead => "kill: a collector, at a read of its spool",
            Self::Drain => "kill: a collector, draining, before the journal has the record",
            Self::Drained => "kill: a collector, draining, before it hears that the journal has it",
            Self::SpoolCommit => "kill: a collector, draining, before its spool knows",
            Self::SpoolRelease => "kill: a collector, draining, before it gives room back",
        }
    }

    /// Nothing where nobody is frozen.
    const fn frozen(self) -> Option<&'static str> {
        Some(match self {
            Self::Ask => "freeze: before a replay",
            Self::Read => "freeze: at a read",
            Self::BeforeCommit => "freeze: before a commit",
            Self::AfterCommit => "freeze: after a commit",
            Self::BeforeInsert => "freeze: before an insert",
            Self::AmidInsert => "freeze: between two blocks of an insert",
            Self::AfterInsert => "freeze: after an insert, before its commit",
            Self::Close => "freeze: while a day closes",
            Self::Taken
            | Self::Append
            | Self::Appended
            | Self::SpoolWrite
            | Self::SpoolWritten
            | Self::Answer
            | Self::SpoolOpen
            | Self::SpoolRead
            | Self::Drain
            | Self::Drained
            | Self::SpoolCommit
            | Self::SpoolRelease => return None,
        })
    }
}

/// What becomes of a process at a point.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// It goes on.
    None,
    /// It is gone.
    Killed,
    /// It stands still until somebody lets it go on.
    Frozen,
}

/// A fault of a peer. Its text is how it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The journal cannot be asked or read.
    Unreachable,
    /// A read gives fewer records than there are.
    ShortRead,
    /// A commit's answer is lost; the commit may be kept.
    CommitUnknown,
    /// No room for a commit.
    NoRoom,
    /// An append fails and the record is not kept.
    AppendLost,
    /// An append is told to have failed, and the record is kept.
    AppendKept,
    /// A spool has no room for a record.
    SpoolFull,
    /// A sender goes away before its answer, and its request ends where it is.
    SenderLeaves,
    /// The store takes nothing: read-only, too many parts, away.
    InsertRefused,
    /// The store has everything, and the answer is lost.
    ReplyLost,
    /// A block is still on its way when its sender gives up or dies: it arrives later, if at all.
    BlockLate,
}

/// Every fault of a peer.
pub const FAULTS: [Fault; 11] = [
    Fault::Unreachable,
    Fault::ShortRead,
    Fault::CommitUnknown,
    Fault::NoRoom,
    Fault::AppendLost,
    Fault::AppendKept,
    Fault::SpoolFull,
    Fault::SenderLeaves,
    Fault::InsertRefused,
    Fault::ReplyLost,
    Fault::BlockLate,
];

impl Fault {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "journal: unreachable",
            Self::ShortRead => "journal: short read",
            Self::CommitUnknown => "journal: a commit's answer lost",
            Self::NoRoom => "journal: no room for a commit",
            Self::AppendLost => "journal: append failed, not kept",
            Self::AppendKept => "journal: append failed, kept all the same",
            Self::SpoolFull => "spool: no room for a record",
            Self::SenderLeaves => "sender: gone before its answer",
            Self::InsertRefused => "store: insert refused (read-only, too many parts, away)",
            Self::ReplyLost => "store: inserted, reply lost",
            Self::BlockLate => "store: a block arrives late, or not at all",
        }
    }
}

/// Times in a thousand that each thing happens where it can.
pub struct Rates {
    kill: u64,
    freeze: u64,
    /// Collectors killed.
    crash: u64,
    faults: [u64; FAULTS.len()],
}

impl Rates {
    /// A day's own mixture: each kind is there in every second day.
    pub fn draw(random: &mut Random, freezes: bool) -> Self {
        let mut rate = |rates: [u64; 3]| if random.one_in(2) { random.pick(&rates) } else { 0 };
        let kill = rate([2, 8, 25]);
        let freeze = if freezes { rate([1, 4, 10]) } else { 0 };
        let crash = rate([4, 15, 40]);
        Self { kill, freeze, crash, faults: FAULTS.map(|_| rate([10, 50, 150])) }
    }

    /// A peaceful day.
    pub const fn none() -> Self {
        Self { kill: 0, freeze: 0, crash: 0, faults: [0; FAULTS.len()] }
    }

    /// Whether a process that comes to a point goes on from there. It reads far more often than it does anything else.
    pub fn blow(&self, point: Point, random: &mut Random) -> Blow {
        let rare = if point == Point::Read { 16 } else { 1 };
        let struck = random.below(1_000 * rare);
        let (kill, freeze) = if point.frozen().is_some() { (self.kill, self.freeze) } else { (self.crash, 0) };
        if struck < kill {
            Blow::Killed
        } else if struck < kill + freeze {
            Blow::Frozen
        } else {
            Blow::None
        }
    }

    /// Whether a peer fails.
    pub fn strikes(&self, fault: Fault, random: &mut Random) -> bool {
        // A restart follows where the journal fails, so that is rarer, or nothing else would happen.
        let rare = if matches!(fault, Fault::Unreachable) { 64 } else { 1 };
        let rate = self.faults.get(fault as usize).copied().unwrap_or_default();
        rate > 0 && random.below(1_000 * rare) < rate
    }
}

/// How often each thing went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Injected(BTreeMap<&'static str, u64>);

impl Injected {
    /// Counts one.
    pub fn note(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// Counts a blow.
    pub fn note_blow(&mut self, blow: Blow, point: Point) {
        match blow {
            Blow::None => {}
            Blow::Killed => self.note(point.killed()),
            Blow::Frozen => self.note(point.frozen().expect("who is never frozen was not")),
        }
    }

    /// Counts a fault of a peer.
    pub fn note_fault(&mut self, fault: Fault) {
        self.note(fault.as_str());
    }

    /// Takes another count in.
    pub fn add(&mut self, other: &Self) {
        for (what, times) in &other.0 {
            *self.0.entry(what).or_default() += times;
        }
    }

    /// Everything that was counted, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(what, times)| (*what, *times))
    }

    /// What never happened: what is meant to go wrong and does not shows nothing.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let blows = POINTS.iter().flat_map(|point| [Some(point.killed()), point.frozen()]).flatten();
        let all = blows.chain(FAULTS.iter().map(|fault| fault.as_str()));
        let all = all.chain([COLLECTOR_KILLED]).chain(FOLLOWS);
        all.filter(|what| !self.0.contains_key(what)).collect()
    }

    /// All together, without what only follows.
    pub fn total(&self) -> u64 {
        self.iter().filter(|(what, _)| !FOLLOWS.contains(what)).map(|(_, times)| times).sum()
    }
}
