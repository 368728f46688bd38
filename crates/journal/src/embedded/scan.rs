//! Walks the blocks of one segment file from a position on, reading a window at a time. It judges headers only; a body
//! is checked when it is asked for. Behind a damaged header it finds the next sound one.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::block::{BLOCK_MAGIC, HEADER_BYTES, Header};

/// Bytes read at once: large enough that a replay is a few thousand system calls a gigabyte, small beside a batch.
const WINDOW_BYTES: usize = 512 * 1024;

/// What stands at a position of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A block with a sound header, complete in the file.
    Block {
        /// Its header.
        header: Header,
        /// Where it starts.
        position: u64,
    },
    /// A sound header whose body reaches beyond the end, or less than a header: what an interrupted write leaves.
    Short {
        /// Where it starts.
        position: u64,
    },
    /// Bytes that are no header. The walk goes on at the next sound one, or ends.
    Damage {
        /// Where it starts.
        position: u64,
    },
    /// Nothing more.
    End,
}

/// A walk over one segment.
pub struct Scan<'a> {
    file: &'a File,
    partitions: usize,
    limit: u64,
    position: u64,
    window: Vec<u8>,
    window_start: u64,
}

impl<'a> Scan<'a> {
    /// Walks `file` from the block at `position` up to `limit`, which no read passes.
    pub fn new(file: &'a File, partitions: usize, position: u64, limit: u64) -> Self {
        Self { file, partitions, limit, position, window: Vec::new(), window_start: position }
    }

    /// The next block, or why there is none.
    pub fn step(&mut self) -> io::Result<Step> {
        let position = self.position;
        if position >= self.limit {
            return Ok(Step::End);
        }
        let (limit, partitions) = (self.limit, self.partitions);
        let Some(bytes) = self.bytes(position, HEADER_BYTES)? else {
            self.position = limit;
            return Ok(Step::Short { position });
        };
        let Some(header) = bytes.first_chunk().and_then(|bytes| Header::decode(bytes, partitions)) else {
            self.position = self.next_sound(position + 1)?.unwrap_or(limit);
            return Ok(Step::Damage { position });
        };
        let end = position.saturating_add(header.block_bytes());
        if end > limit {
            self.position = limit;
            return Ok(Step::Short { position });
        }
        self.position = end;
        Ok(Step::Block { header, position })
    }

    /// The body of a block this walk found; `None` where it is damaged.
    pub fn body(&mut self, header: &Header, position: u64) -> io::Result<Option<&[u8]>> {
        let body = self.bytes(position + HEADER_BYTES as u64, header.body_bytes as usize)?;
        Ok(body.filter(|body| header.vouches_for(body)))
    }

    /// Whether nothing but zeros stands from `position` to the end.
    pub fn zeros_from(&mut self, mut position: u64) -> io::Result<bool> {
        while position < self.limit {
            let length = self.window_length(position);
            match self.bytes(position, length)? {
                Some(bytes) if bytes.iter().all(|byte| *byte == 0) => position += length as u64,
                Some(_) | None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Where the next block with a sound header starts, at or behind `position`.
    fn next_sound(&mut self, mut position: u64) -> io::Result<Option<u64>> {
        let (limit, partitions) = (self.limit, self.partitions);
        while position + HEADER_BYTES as u64 <= limit {
            let length = self.window_length(position);
            let Some(bytes) = self.bytes(position, length)? else { return Ok(None) };
            let found = bytes.windows(HEADER_BYTES).position(|candidate| {
                candidate.starts_with(&BLOCK_MAGIC)
                    && candidate.first_chunk().is_some_and(|candidate| Header::decode(candidate, partitions).is_some())
            });
            if let Some(found) = found {
                return Ok(Some(position + found as u64));
            }
            position += (length - (HEADER_BYTES - 1)) as u64;
        }
        Ok(None)
    }

    fn window_length(&self, position: u64) -> usize {
        usize::try_from(self.limit.saturating_sub(position)).unwrap_or(usize::MAX).min(WINDOW_BYTES)
    }

    /// Exactly these bytes of the file, through the window; `None` where they reach beyond the limit.
    fn bytes(&mut self, position: u64, length: usize) -> io::Result<Option<&[u8]>> {
        if position.saturating_add(length as u64) > self.limit {
            return Ok(None);
        }
        let held = position.checked_sub(self.window_start).and_then(|start| usize::try_from(start).ok());
        let covered = held.is_some_and(|start| start.saturating_add(length) <= self.window.len());
        if !covered {
            let wanted = self.window_length(position).max(length);
            // Emptied first, so that a failed read never leaves another place's bytes under this one's position.
            self.window_start = position;
            let mut window = std::mem::take(&mut self.window);
            window.resize(wanted, 0);
            self.file.read_exact_at(&mut window, position)?;
            self.window = window;
        }
        let start = usize::try_from(position - self.window_start).unwrap_or(usize::MAX);
        Ok(self.window.get(start..start.saturating_add(length)))
    }
}
