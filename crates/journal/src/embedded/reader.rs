//! Reads durable records from the segment files. Blocking: it runs on threads that may wait for the disk.
//!
//! The invariant: what it returns begins at the offset asked for and has no gap. Offsets in one partition are dense here,
//! so whatever is missing, be it a block, a file or the end of one, shows as a gap and is reported, never skipped.

use std::fs::File;
use std::io;

use model::Millis;

use super::block::{self, Head, Header, Kind};
use super::catalog::{Cursor, Shared, Stretch, lock};
use super::scan::{Scan, Step};
use super::segment;
use crate::{Entry, JournalError, Offset, READ_BYTES_MAX};

/// Reads what is durable of `partition` from `from` on; nothing at the end.
pub fn read(shared: &Shared, partition: u32, from: Offset, records_max: usize) -> Result<Vec<Entry>, JournalError> {
    let index = partition as usize;
    let Some(cursor) = shared.cursors.get(index) else { return Ok(Vec::new()) };
    // Held while reading: expiry waits for it, and so never leaves a cursor behind that keeps a removed file's room.
    let mut cursor = lock(cursor);
    let partitions = shared.ends.len();
    let mut fetch = Fetch { partition, partitions, next: from.0, records_max, bytes: 0, entries: Vec::new() };
    while !fetch.is_full() {
        let Some(stretch) = lock(&shared.catalog).stretch(index, fetch.next) else { break };
        fetch.next = stretch.offset;
        let place = match cursor.take() {
            Some(place) if place.number == stretch.number && place.next == stretch.offset => place,
            Some(_) | None => match open(shared, &stretch) {
                Ok(place) => place,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let still = lock(&shared.catalog).stretch(index, fetch.next);
                    if still.is_some_and(|still| still.number == stretch.number) {
                        return fetch.lost(&stretch, stretch.end, "its file is missing");
                    }
                    continue; // expired in between
                }
                Err(error) => return Err(read_failure(shared, &stretch, &error)),
            },
        };
        match fetch.walk(place, &stretch).map_err(|error| read_failure(shared, &stretch, &error))? {
            Walked::To(place) => *cursor = Some(place),
            Walked::Lost { resumes_at, what } => return fetch.lost(&stretch, resumes_at, what),
        }
    }
    Ok(fetch.entries)
}

/// The first offset of `partition` appended at `at` or later, or its end.
pub fn first_at(shared: &Shared, partition: u32, at: Millis) -> Result<Offset, JournalError> {
    let index = partition as usize;
    let mut offset = lock(&shared.catalog).earliest(index, at);
    loop {
        let found = lock(&shared.catalog).stretch(index, offset);
        let Some(stretch) = found else { return Ok(Offset(lock(&shared.catalog).end(index))) };
        if stretch.at >= at {
            return Ok(Offset(stretch.offset));
        }
        let file = match File::open(segment::path(&shared.directory, stretch.number)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                offset = stretch.end;
                continue;
            }
            Err(error) => return Err(read_failure(shared, &stretch, &error)),
        };
        let mut scan = Scan::new(&file, shared.ends.len(), start(shared), stretch.bytes);
        loop {
            match scan.step().map_err(|error| read_failure(shared, &stretch, &error))? {
                Step::Block { header, .. } => {
                    if header.kind == Kind::Records && header.partition == partition && header.at >= at {
                        return Ok(Offset(header.first));
                    }
                }
                // A position is a hint; reading from it reports what is wrong.
                Step::Short { .. } | Step::Damage { .. } => {}
                Step::End => break,
            }
        }
        offset = stretch.end;
    }
}

/// Where the blocks of a segment start.
fn start(shared: &Shared) -> u64 {
    Head::length_bytes(shared.ends.len()) as u64
}

fn open(shared: &Shared, stretch: &Stretch) -> io::Result<Cursor> {
    let file = File::open(segment::path(&shared.directory, stretch.number))?;
    Ok(Cursor { next: stretch.offset, number: stretch.number, position: start(shared), file })
}

fn read_failure(shared: &Shared, stretch: &Stretch, error: &io::Error) -> JournalError {
    segment::failure("read", &segment::path(&shared.directory, stretch.number), error)
}

/// How a walk through one segment ended.
enum Walked {
    /// At the end of the segment's part, or when enough was collected.
    To(Cursor),
    /// At records that should be there and are not.
    Lost { resumes_at: u64, what: &'static str },
}

/// One read on its way.
struct Fetch {
    partition: u32,
    partitions: usize,
    next: u64,
    records_max: usize,
    bytes: usize,
    entries: Vec<Entry>,
}

impl Fetch {
    fn is_full(&self) -> bool {
        self.entries.len() >= self.records_max || self.bytes >= READ_BYTES_MAX
    }

    /// Collects from one segment.
    fn walk(&mut self, place: Cursor, stretch: &Stretch) -> io::Result<Walked> {
        let Cursor { number, mut position, file, .. } = place;
        let mut scan = Scan::new(&file, self.partitions, position, stretch.bytes);
        while self.next < stretch.end && !self.is_full() {
            match scan.step()? {
                Step::Block { header, position: found } => {
                    if header.kind != Kind::Records || header.partition != self.partition || header.next() <= self.next
                    {
                        continue;
                    }
                    if header.first > self.next {
                        return Ok(Walked::Lost { resumes_at: header.first, what: "its block is damaged" });
                    }
                    let Some(body) = scan.body(&header, found)? else {
                        return Ok(Walked::Lost {
                            resumes_at: header.next(),
                            what: "its block does not match its checksum",
                        });
                    };
                    self.take(&header, body);
                    position = if self.next == header.next() { found + header.block_bytes() } else { found };
                }
                // Whether anything of this partition stood there, the next block's offset tells.
                Step::Short { .. } | Step::Damage { .. } => {}
                Step::End => return Ok(Walked::Lost { resumes_at: stretch.end, what: "its segment ends before it" }),
            }
        }
        drop(scan);
        Ok(Walked::To(Cursor { next: self.next, number, position, file }))
    }

    /// Takes the records of a sound block from `self.next` on, as many as still fit.
    fn take(&mut self, header: &Header, body: &[u8]) {
        let skipped = usize::try_from(self.next - header.first).unwrap_or(usize::MAX);
        for record in block::records(body).skip(skipped) {
            if self.is_full() {
                return;
            }
            self.entries.push(Entry {
                offset: Offset(self.next),
                at: header.at,
                stamp: header.at,
                bytes: record.to_vec(),
            });
            self.bytes += record.len() + block::RECORD_OVERHEAD_BYTES;
            self.next += 1;
        }
    }

    /// Returns what was read before the gap; the next read starts at it and reports it.
    fn lost(self, stretch: &Stretch, resumes_at: u64, what: &str) -> Result<Vec<Entry>, JournalError> {
        if !self.entries.is_empty() {
            return Ok(self.entries);
        }
        Err(JournalError::Corrupt {
            partition: self.partition,
            offset: Offset(self.next),
            resumes_at: Offset(resumes_at),
            what: format!("{what} (segment {})", stretch.number),
        })
    }
}
