//! Access logs and event files: the same admission, the same fold, the same exactly-once inserts, with a file in the
//! journal's place.
//!
//! It is not a second way of counting: a file is a journal whose position is a digest of its content up to there. What was
//! imported before is folded again silently, and only what came after is inserted; so importing twice changes nothing, and a
//! grown log adds its new lines only. The order of effects is the journal's, for every insert: it is noted as begun, done,
//! and noted as done. What a crash left begun is repeated, exactly that range under exactly that token, before anything else.

pub mod combined;
mod content;
mod reorder;
mod summary;

use std::io::{self, BufRead};
use std::sync::Arc;

use fold::{Fold, Tables, admit};
use model::{Arrival, Changes, Domain, Millis, Outcome, Refusal, Site, Tally};
use privacy::visitor::Secret;
use store::ImportMark;

use crate::intent::FOLD_VERSION;
pub use content::known;
use content::{Content, Piece};
use reorder::Reorder;
pub use summary::Summary;

/// Longest line that is read, in bytes; a longer one is counted as too large and skipped. One event at all its limits fits.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// How far ahead of this machine's clock a line may be: a zone written wrongly, not a year.
const AHEAD_MS_MAX: i64 = 24 * 3_600_000;

/// What bounds an import's memory; smaller only in tests.
struct Bounds {
    /// Changed cells at which they are inserted before the file's end; bounds the size of one insert too.
    pending_cells_max: usize,
    /// Visitor-days at which the oldest days are closed before the file's end (about 0.5 GB).
    visitors_max: usize,
    /// Lines of a file between two looks at the other bounds.
    lines_between_looks: u64,
}

const BOUNDS: Bounds = Bounds { pending_cells_max: 200_000, visitors_max: 2_000_000, lines_between_looks: 10_000 };

/// What one line of a file says.
pub enum Line {
    /// Something arrived.
    Arrived(Arrival),
    /// A line that brings nothing to count, with its time when it has one.
    Refused(Refusal, Option<Millis>),
    /// A blank line or a comment.
    Empty,
}

/// Reads one line of some format for the named site.
pub type LineReader = dyn Fn(&[u8]) -> Line + Send + Sync;

/// What an import asks to be done, one after the other, each acknowledged before the next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Note an insert: before it as begun, after it as done.
    Note(ImportMark),
    /// Insert these changes under this token.
    Insert(String, Changes),
}

/// Why an import stopped. What was inserted stays; importing again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file could not be read.
    #[error("cannot read: {0}")]
    Read(#[from] io::Error),
    /// The content is not what it was when its known beginning was looked for.
    #[error("the file changed while it was read; import it again when nothing rewrites it")]
    Changed,
    /// A step was not acknowledged.
    #[error("{0}")]
    Step(String),
}

/// How much of a file's beginning earlier imports dealt with, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// In the counts, up to here.
    pub counted: u64,
    /// The last insert that was begun and is not known to be done ends here; at or before `counted` it needs no repetition.
    pub begun: u64,
}

/// One run over one or several files of a site; visits go on from a file to the next.
pub struct Import {
    site: Arc<Site>,
    fold: Fold,
    marks: Vec<ImportMark>,
    reorder: Reorder,
    bounds: Bounds,
    summary: Summary,
    /// Lines read and hits counted up to this file's start or the last mark met.
    accounted: (u64, u64),
    /// Minute of the line read last that had a time, for the ledger.
    minute_read: i64,
    /// Minute of the latest hit folded: the fold's time. Hits that wait to be put in order may lie far behind what is read.
    minute_folded: i64,
    /// Latest time a line may have; a later one is a clock or a format gone wrong.
    at_max: Millis,
}

/// What a caller gives to each file.
pub struct Doors<'a> {
    /// Reads a line.
    pub line: &'a LineReader,
    /// Carries out a step; returns once it is acknowledged.
    pub step: &'a mut dyn FnMut(Step) -> Result<(), ImportError>,
}

impl Import {
    /// An import into `site` at `now`, knowing what was imported before.
    #[must_use]
    pub fn new(site: Arc<Site>, tables: Tables, secret: [u8; 32], marks: Vec<ImportMark>, now: Millis) -> Self {
        Self {
            site,
            fold: Fold::new(0, Secret::new(secret), tables),
            marks,
            reorder: Reorder::default(),
            bounds: BOUNDS,
            summary: Summary::default(),
            accounted: (0, 0),
            minute_read: 0,
            minute_folded: 0,
            at_max: now.plus(AHEAD_MS_MAX),
        }
    }

    /// Reads one file to its end, knowing of it what [`known`] found. What is in the counts is folded silently, for visits
    /// may go on from it; where an insert was begun, it is repeated; the rest is new.
    ///
    /// # Errors
    /// When the file cannot be read, is not the one that was looked at, or a step is not acknowledged; the same file may
    /// then be imported again.
    pub fn file(&mut self, reader: &mut dyn BufRead, known: Known, doors: &mut Doors<'_>) -> Result<(), ImportError> {
        // An insert that was begun where the counts are further now was one of a shorter copy of the file. In one place an
        // insert on the way comes before one at an end.
        let further = |mark: &ImportMark| mark.bytes.saturating_add(u64::from(!mark.hits_wait)) > known.counted;
        let relevant = self.marks.iter().filter(|mark| mark.done || further(mark));
        let mut content = Content::new(reader, relevant.copied().collect());
        let (mut line, mut lines, mut last) = (Vec::new(), 0_u64, None);
        self.accounted = (self.summary.lines, self.summary.counted_all());
        while let Some(piece) = content.read(&mut line)? {
            if piece == Piece::Line {
                lines += 1;
                self.summary.lines += 1;
                self.read(&line, doors.line);
            }
            // Counted by this file's own lines: the same file is looked at in the same places whatever came before it.
            let look = piece == Piece::Line && lines.is_multiple_of(self.bounds.lines_between_looks);
            if look {
                self.keep_bounds();
            }
            while let Some(mark) = content.met() {
                self.pass(mark, doors)?;
                last = Some(mark);
            }
            if look && content.bytes <= known.counted {
                self.fold.discard_changes();
            } else if look && content.bytes > known.begun && self.fold.pending_cells() >= self.bounds.pending_cells_max
            {
                self.begin(&content, true, doors)?;
            }
        }
        self.drain();
        if last.map_or(0, |mark| mark.bytes) < known.counted.max(known.begun) {
            return Err(ImportError::Changed);
        }
        match last {
            Some(mark) if mark.bytes == content.bytes && !mark.hits_wait => Ok(()),
            None if content.bytes == 0 => Ok(()),
            Some(_) | None => self.begin(&content, false, doors),
        }
    }

    /// Goes past the end of an insert of an earlier import: one that is done is in the counts, one that was only begun may
    /// be, and is repeated under its own token.
    fn pass(&mut self, mark: ImportMark, doors: &mut Doors<'_>) -> Result<(), ImportError> {
        if !mark.hits_wait {
            self.drain();
        }
        let before = std::mem::replace(&mut self.accounted, (self.summary.lines, self.summary.counted_all()));
        if !mark.done {
            return self.finish(mark, doors);
        }
        self.fold.discard_changes();
        self.summary.lines_known += self.accounted.0 - before.0;
        self.summary.counted_known += self.accounted.1 - before.1;
        Ok(())
    }

    /// Inserts what is new up to here, having noted that it will.
    fn begin(&mut self, content: &Content<'_>, hits_wait: bool, doors: &mut Doors<'_>) -> Result<(), ImportError> {
        let (bytes, sha256) = (content.bytes, content.sha256());
        let mark = ImportMark { bytes, sha256, hits_wait, fold_version: FOLD_VERSION, done: false };
        (doors.step)(Step::Note(mark))?;
        self.finish(mark, doors)
    }

    fn finish(&mut self, mark: ImportMark, doors: &mut Doors<'_>) -> Result<(), ImportError> {
        let changes = Changes { live: Vec::new(), ..self.fold.changes(Millis(self.minute_folded * 60_000)) };
        (doors.step)(Step::Insert(token(&self.site.domain, &mark), changes))?;
        let mark = ImportMark { done: true, ..mark };
        (doors.step)(Step::Note(mark))?;
        self.marks.push(mark);
        Ok(())
    }

    /// The marks it knows now: those it was given and those of the files it read.
    #[must_use]
    pub fn marks(&self) -> &[ImportMark] {
        &self.marks
    }

    /// What became of every line so far.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    fn read(&mut self, line: &[u8], reader: &LineReader) {
        let (refusal, at) = match reader(line) {
            Line::Empty => return self.summary.empty += 1,
            Line::Refused(refusal, at) => (refusal, at),
            Line::Arrived(arrival) if !(Millis(0)..=self.at_max).contains(&arrival.at) => (Refusal::Malformed, None),
            Line::Arrived(arrival) => {
                let at = arrival.at;
                match admit(arrival, &self.site) {
                    Ok(hit) => {
                        if let Some(hit) = self.reorder.push(hit) {
                            self.apply(hit);
                        }
                        return;
                    }
                    Err(refusal) => (refusal, Some(at)),
                }
            }
        };
        // A line whose time cannot be read stands in the ledger at the time of the last one that could.
        let at = at.filter(|at| (Millis(0)..=self.at_max).contains(at));
        self.minute_read = at.map_or(self.minute_read, Millis::minute);
        self.summary.count(Outcome::Refused(refusal));
        self.fold.tally(Tally { site: self.site.domain.clone(), minute: self.minute_read, refusal, hits: 1 });
    }

    fn apply(&mut self, hit: model::Hit) {
        self.minute_folded = self.minute_folded.max(hit.at.minute());
        let outcome = self.fold.apply(&self.site, hit);
        self.summary.count(outcome);
    }

    fn drain(&mut self) {
        while let Some(hit) = self.reorder.pop() {
            self.apply(hit);
        }
    }

    fn keep_bounds(&mut self) {
        if self.fold.visitors() > self.bounds.visitors_max {
            self.fold.close(Millis(self.minute_folded * 60_000));
        }
    }
}

/// The store's deduplication token of the insert that ends at a mark. Another fold's is kept: what that one has inserted
/// whole stays as it is.
fn token(site: &Domain, mark: &ImportMark) -> String {
    let digest: String = mark.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    let waiting = if mark.hits_wait { "-waiting" } else { "" };
    format!("import-{site}-{digest}{waiting}-{}", mark.fold_version)
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
