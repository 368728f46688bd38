//! Access logs and event files: the same admission, the same fold, the same exactly-once inserts, with a file in the
//! journal's place.
//!
//! It is not a second way of counting: a file is a journal whose position is a digest of its content up to there. A file
//! that was imported before, or its beginning, is folded again silently and only what came after is inserted; so importing
//! twice changes nothing, and a grown log adds its new lines only.

pub mod combined;
mod reorder;
mod summary;

use std::io::{self, BufRead};
use std::sync::Arc;

use fold::{Fold, Tables, admit};
use model::{Arrival, Changes, Millis, Outcome, Refusal, Site, Tally};
use privacy::visitor::Secret;
use sha2::{Digest, Sha256};
use store::ImportMark;

use crate::intent::FOLD_VERSION;
use reorder::Reorder;
pub use summary::Summary;

/// Longest line that is read, in bytes; a longer one is counted as too large and skipped. One event at all its limits fits.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Changed cells at which they are inserted before the file's end: bounds memory and the size of one insert.
const PENDING_CELLS_MAX: usize = 200_000;
/// Visitor-days at which the oldest days are closed before the file's end: bounds memory (about 0.5 GB).
const VISITORS_MAX: usize = 2_000_000;
/// How far ahead of this machine's clock a line may be: a zone written wrongly, not a year.
const AHEAD_MS_MAX: i64 = 24 * 3_600_000;
/// Lines of a file between two looks at the bounds and two reports of progress.
const LINES_BETWEEN_LOOKS: u64 = 10_000;

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
pub enum Step {
    /// Insert these changes under this token.
    Insert(String, Changes),
    /// Remember that this much of a file is in the counts. Comes after all of its inserts.
    Remember(ImportMark),
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

/// How many bytes of `content` are in the counts already: its longest beginning that a mark knows.
///
/// # Errors
/// When it cannot be read.
pub fn known(mut marks: Vec<ImportMark>, content: &mut dyn BufRead) -> io::Result<u64> {
    marks.sort_by_key(|mark| mark.bytes);
    let mut digest = Content::new(marks);
    let mut line = Vec::new();
    while digest.marks.peek().is_some() && digest.line(content, &mut line)? {}
    Ok(digest.known)
}

/// One run over one or several files of a site; visits go on from a file to the next.
pub struct Import {
    site: Arc<Site>,
    fold: Fold,
    marks: Vec<ImportMark>,
    reorder: Reorder,
    summary: Summary,
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
    pub fn new(site: Arc<Site>, tables: Tables, secret: [u8; 32], mut marks: Vec<ImportMark>, now: Millis) -> Self {
        marks.sort_by_key(|mark| mark.bytes);
        Self {
            site,
            fold: Fold::new(0, Secret::new(secret), tables),
            marks,
            reorder: Reorder::default(),
            summary: Summary::default(),
            minute_read: 0,
            minute_folded: 0,
            at_max: now.plus(AHEAD_MS_MAX),
        }
    }

    /// Reads one file to its end. Its first `known` bytes, as [`known`] found, are folded silently: they are in the
    /// counts, and visits may go on from them.
    ///
    /// # Errors
    /// When the file cannot be read, is not the one that was looked at, or a step is not acknowledged; the same file may
    /// then be imported again.
    pub fn file(&mut self, content: &mut dyn BufRead, known: u64, doors: &mut Doors<'_>) -> Result<(), ImportError> {
        let mut digest = Content::new(self.marks.clone());
        let mut line = Vec::new();
        let (mut lines, mut known_lines, mut counted) = (0_u64, 0, self.summary.counted_all());
        while digest.line(content, &mut line)? {
            lines += 1;
            self.summary.lines += 1;
            self.read(&line, doors.line);
            if digest.at_known_prefix() {
                self.drain();
                self.fold.discard_changes();
                self.summary.lines_known += lines - std::mem::replace(&mut known_lines, lines);
                let before = std::mem::replace(&mut counted, self.summary.counted_all());
                self.summary.counted_known += counted - before;
            }
            // Counted by this file's own lines: the same file must be cut at the same places whatever came before it.
            if lines.is_multiple_of(LINES_BETWEEN_LOOKS) {
                self.keep_bounds();
                if digest.bytes <= known {
                    self.fold.discard_changes();
                } else if self.fold.pending_cells() >= PENDING_CELLS_MAX {
                    self.insert(&digest, doors)?;
                }
            }
        }
        self.drain();
        if digest.known < known {
            return Err(ImportError::Changed);
        }
        if digest.known == digest.bytes {
            return Ok(());
        }
        self.insert(&digest, doors)?;
        let mark = digest.mark();
        (doors.step)(Step::Remember(mark))?;
        self.marks.push(mark);
        self.marks.sort_by_key(|mark| mark.bytes);
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
        if self.fold.visitors() > VISITORS_MAX {
            self.fold.close(Millis(self.minute_folded * 60_000));
        }
    }

    fn insert(&mut self, digest: &Content, doors: &mut Doors<'_>) -> Result<(), ImportError> {
        let changes = Changes { live: Vec::new(), ..self.fold.changes(Millis(self.minute_folded * 60_000)) };
        let token = format!("import-{}-{}-{FOLD_VERSION}", self.site.domain, hex(&digest.mark().sha256));
        (doors.step)(Step::Insert(token, changes))
    }
}

/// A file's content as it is read: how far, its digest there, and how much of it was known before.
struct Content {
    bytes: u64,
    digest: Sha256,
    /// Known beginnings, longest last; only those longer than what is read.
    marks: std::iter::Peekable<std::vec::IntoIter<ImportMark>>,
    /// Bytes of the longest known beginning so far.
    known: u64,
    /// Whether a known beginning ended in the line that was read last.
    ended_here: bool,
}

impl Content {
    fn new(marks: Vec<ImportMark>) -> Self {
        Self { bytes: 0, digest: Sha256::new(), marks: marks.into_iter().peekable(), known: 0, ended_here: false }
    }

    /// Reads the next line without its end; false at the end of the content. Of a line that is too long only the
    /// beginning is kept: enough for the reader to see that it is.
    fn line(&mut self, content: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        let mut any = false;
        loop {
            let buffer = content.fill_buf()?;
            if buffer.is_empty() {
                return Ok(any);
            }
            any = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let (taken, used) =
                end.map_or((buffer, buffer.len()), |end| (buffer.get(..end).unwrap_or(buffer), end + 1));
            let room = (LINE_BYTES_MAX + 1).saturating_sub(line.len());
            line.extend(taken.iter().take(room));
            self.absorb(buffer.get(..used).unwrap_or(buffer));
            content.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    /// Adds to the digest, stopping at each known length on the way: a log that was imported while its last line was being
    /// written ends inside a line.
    fn absorb(&mut self, mut bytes: &[u8]) {
        while let Some(mark) = self.marks.next_if(|mark| mark.bytes <= self.bytes + bytes.len() as u64) {
            let ahead = usize::try_from(mark.bytes.saturating_sub(self.bytes)).unwrap_or(bytes.len());
            let (before, after) = bytes.split_at(ahead.min(bytes.len()));
            self.digest.update(before);
            self.bytes += before.len() as u64;
            bytes = after;
            if mark.bytes == self.bytes && mark.sha256 == <[u8; 32]>::from(self.digest.clone().finalize()) {
                (self.known, self.ended_here) = (self.bytes, true);
            }
        }
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Whether a beginning that was imported before ended in the line just read.
    fn at_known_prefix(&mut self) -> bool {
        std::mem::take(&mut self.ended_here)
    }

    fn mark(&self) -> ImportMark {
        ImportMark { bytes: self.bytes, sha256: self.digest.clone().finalize().into() }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
