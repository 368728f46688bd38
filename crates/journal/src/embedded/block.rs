//! The bytes of the log: a segment's head, then blocks. Pure encoding and decoding, no file.
//!
//! A block is one group commit's records of one partition, or one commit. Head, block header and block body each carry
//! a CRC-32, so that a flipped bit is found before anything of it is believed; the header has its own, so that a damaged
//! body still tells how many records were lost. All numbers are little-endian.

use model::Millis;

use crate::{Commit, Offset};

/// Bytes of a block before its body.
pub const HEADER_BYTES: usize = 44;

/// What every block starts with; searched for behind a damaged header.
pub const BLOCK_MAGIC: [u8; 4] = *b"FFb\x01";

const HEAD_MAGIC: [u8; 4] = *b"FFs\x01";

/// Bytes of a record before its own bytes: its length.
pub const RECORD_OVERHEAD_BYTES: usize = 4;

/// How a segment begins: what was true before its first block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// When the segment was begun; no record in it is older, none in an earlier segment is younger.
    pub at: Millis,
    /// Per partition, the offset of its first record here or later.
    pub bases: Vec<u64>,
}

impl Head {
    /// How many bytes the head of a journal with `partitions` takes.
    pub fn length_bytes(partitions: usize) -> usize {
        20 + 8 * partitions
    }

    /// Writes the head.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::length_bytes(self.bases.len()));
        out.extend_from_slice(&HEAD_MAGIC);
        out.extend_from_slice(&u32::try_from(self.bases.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&self.at.0.to_le_bytes());
        for base in &self.bases {
            out.extend_from_slice(&base.to_le_bytes());
        }
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// How many partitions a head that begins with these bytes claims; `None` where they begin no head.
    pub fn partitions(start: &[u8]) -> Option<u32> {
        let mut fields = Fields(start);
        (fields.take::<4>()? == HEAD_MAGIC).then_some(())?;
        Some(u32::from_le_bytes(fields.take()?))
    }

    /// Reads a head from exactly its bytes; `None` where they are damaged.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, crc) = bytes.split_last_chunk::<4>()?;
        (crc32fast::hash(content) == u32::from_le_bytes(*crc)).then_some(())?;
        let partitions = Self::partitions(content)?;
        let mut fields = Fields(content.get(8..)?);
        let at = Millis(i64::from_le_bytes(fields.take()?));
        let bases = (0..partitions).map(|_| fields.take().map(u64::from_le_bytes)).collect::<Option<Vec<_>>>()?;
        Some(Self { at, bases })
    }
}

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Records of one partition.
    Records,
    /// One commit of one partition.
    Commit,
    /// The partition's last commit was lost to damage; nothing older may be taken for it.
    CommitLost,
}

impl Kind {
    const fn code(self) -> u32 {
        match self {
            Self::Records => 1,
            Self::Commit => 2,
            Self::CommitLost => 3,
        }
    }

    const fn from_code(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Records),
            2 => Some(Self::Commit),
            3 => Some(Self::CommitLost),
            _ => None,
        }
    }
}

/// A block's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the body is.
    pub kind: Kind,
    /// Whose it is.
    pub partition: u32,
    /// When it was appended: one time for the whole group.
    pub at: Millis,
    /// The offset of its first record.
    pub first: u64,
    /// How many records it holds.
    pub count: u32,
    /// Bytes of its body.
    pub body_bytes: u32,
    body_crc: u32,
}

impl Header {
    /// The offset after its last record.
    pub fn next(&self) -> u64 {
        self.first.saturating_add(u64::from(self.count))
    }

    /// Bytes of header and body.
    pub fn block_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.body_bytes)
    }

    /// Whether `body` is what was written.
    pub fn vouches_for(&self, body: &[u8]) -> bool {
        crc32fast::hash(body) == self.body_crc
    }

    /// Reads a header; `None` where it is damaged or names a partition that does not exist.
    pub fn decode(bytes: &[u8; HEADER_BYTES], partitions: usize) -> Option<Self> {
        let (content, crc) = bytes.split_last_chunk::<4>()?;
        let mut fields = Fields(content);
        (fields.take::<4>()? == BLOCK_MAGIC).then_some(())?;
        (crc32fast::hash(content) == u32::from_le_bytes(*crc)).then_some(())?;
        let header = Self {
            kind: Kind::from_code(u32::from_le_bytes(fields.take()?))?,
            partition: u32::from_le_bytes(fields.take()?),
            at: Millis(i64::from_le_bytes(fields.take()?)),
            first: u64::from_le_bytes(fields.take()?),
            count: u32::from_le_bytes(fields.take()?),
            body_bytes: u32::from_le_bytes(fields.take()?),
            body_crc: u32::from_le_bytes(fields.take()?),
        };
        ((header.partition as usize) < partitions).then_some(header)
    }

    fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        let mut rest = out.as_mut_slice();
        let fields: [&[u8]; 8] = [
            &BLOCK_MAGIC,
            &self.kind.code().to_le_bytes(),
            &self.partition.to_le_bytes(),
            &self.at.0.to_le_bytes(),
            &self.first.to_le_bytes(),
            &self.count.to_le_bytes(),
            &self.body_bytes.to_le_bytes(),
            &self.body_crc.to_le_bytes(),
        ];
        for field in fields {
            if let Some((target, after)) = std::mem::take(&mut rest).split_at_mut_checked(field.len()) {
                target.copy_from_slice(field);
                rest = after;
            }
        }
        if let Some((content, crc)) = out.split_last_chunk_mut::<4>() {
            *crc = crc32fast::hash(content).to_le_bytes();
        }
        out
    }
}

/// A block under construction at the end of a buffer; its header is filled in by [`Draft::finish`].
pub struct Draft {
    start: usize,
    header: Header,
}

impl Draft {
    /// Begins a block behind what `out` already holds.
    pub fn begin(out: &mut Vec<u8>, kind: Kind, partition: u32, at: Millis, first: u64) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_BYTES]);
        Self { start, header: Header { kind, partition, at, first, count: 0, body_bytes: 0, body_crc: 0 } }
    }

    /// Adds a record.
    pub fn push(&mut self, out: &mut Vec<u8>, record: &[u8]) {
        out.extend_from_slice(&u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(record);
        self.header.count += 1;
    }

    /// Bytes of the block so far.
    pub fn bytes(&self, out: &[u8]) -> usize {
        out.len() - self.start
    }

    /// Completes the block.
    pub fn finish(mut self, out: &mut [u8]) {
        let Some((header, body)) =
            out.get_mut(self.start..).and_then(|block| block.split_first_chunk_mut::<HEADER_BYTES>())
        else {
            return;
        };
        self.header.body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        self.header.body_crc = crc32fast::hash(body);
        *header = self.header.encode();
    }
}

/// Appends a block that says what `partition`'s commit is.
pub fn push_commit(out: &mut Vec<u8>, partition: u32, at: Millis, commit: &Commit) {
    let draft = Draft::begin(out, Kind::Commit, partition, at, 0);
    out.extend_from_slice(&commit.next.0.to_le_bytes());
    out.extend_from_slice(&commit.metadata);
    draft.finish(out);
}

/// Appends a block that says that `partition`'s commit is lost.
pub fn push_commit_lost(out: &mut Vec<u8>, partition: u32, at: Millis) {
    Draft::begin(out, Kind::CommitLost, partition, at, 0).finish(out);
}

/// Reads the body of a commit block whose CRC held.
pub fn decode_commit(body: &[u8]) -> Option<Commit> {
    let (next, metadata) = body.split_first_chunk::<8>()?;
    Some(Commit { next: Offset(u64::from_le_bytes(*next)), metadata: metadata.to_vec() })
}

/// The records of a body whose CRC held.
pub fn records(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<RECORD_OVERHEAD_BYTES>()?;
        let (record, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        rest = after;
        Some(record)
    })
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block() -> Vec<u8> {
        let mut out = b"before".to_vec();
        let mut draft = Draft::begin(&mut out, Kind::Records, 1, Millis(-5), 77);
        draft.push(&mut out, b"one");
        draft.push(&mut out, b"");
        assert_eq!(draft.bytes(&out), HEADER_BYTES + 11);
        draft.finish(&mut out);
        out.split_off(6)
    }

    #[test]
    fn a_block_reads_back_as_it_was_written() {
        let bytes = block();
        let (header, body) = bytes.split_first_chunk().unwrap();
        let header = Header::decode(header, 2).unwrap();
        assert_eq!((header.kind, header.partition, header.at), (Kind::Records, 1, Millis(-5)));
        assert_eq!((header.first, header.next(), header.block_bytes()), (77, 79, bytes.len() as u64));
        assert!(header.vouches_for(body));
        assert_eq!(records(body).collect::<Vec<_>>(), [b"one".as_slice(), b""]);
        assert_eq!(Header::decode(bytes.first_chunk().unwrap(), 1), None, "partition 1 of 1");
    }

    #[test]
    fn every_flipped_bit_of_a_block_is_noticed() {
        let original = block();
        for bit in 0..original.len() * 8 {
            let mut bytes = original.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let (header, body) = bytes.split_first_chunk().unwrap();
            assert!(Header::decode(header, 2).is_none_or(|header| !header.vouches_for(body)), "bit {bit}");
        }
    }

    #[test]
    fn a_head_reads_back_and_every_flipped_bit_of_it_is_noticed() {
        let head = Head { at: Millis(9), bases: vec![3, u64::MAX] };
        let original = head.encode();
        assert_eq!(original.len(), Head::length_bytes(2));
        assert_eq!((Head::partitions(&original), Head::decode(&original)), (Some(2), Some(head)));
        for bit in 0..original.len() * 8 {
            let mut bytes = original.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Head::decode(&bytes), None, "bit {bit}");
        }
    }

    #[test]
    fn a_commit_reads_back_as_it_was_written() {
        let mut out = Vec::new();
        let commit = Commit { next: Offset(12), metadata: b"batch 12".to_vec() };
        push_commit(&mut out, 0, Millis(1), &commit);
        let (header, body) = out.split_first_chunk().unwrap();
        assert!(Header::decode(header, 1).unwrap().vouches_for(body));
        assert_eq!(decode_commit(body), Some(commit));
    }
}
