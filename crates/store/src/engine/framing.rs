//! ClickHouse's own framing of compressed blocks (`compress=1`, `decompress=1`): a CityHash128 checksum, a method, two
//! lengths, and LZ4 or plain bytes. ZSTD blocks are refused with a clear error.

use std::io::{self, Read};

/// Bytes of the checksum.
const CHECKSUM: usize = 16;
/// Bytes of method and lengths; the packed length counts them.
const HEADER: usize = 9;
const LZ4: u8 = 0x82;
const ZSTD: u8 = 0x90;
const PLAIN: u8 = 0x02;

/// Largest block read, in bytes; ClickHouse itself refuses more than 1 GiB, clients send about one MiB.
const BLOCK_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// Reads blocks one after another as one stream of bytes.
pub(super) struct Blocks<R> {
    inner: R,
    block: Vec<u8>,
    at: usize,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, block: Vec::new(), at: 0 }
    }

    /// Reads the next block; `false` at the end of the stream.
    fn advance(&mut self) -> io::Result<bool> {
        let mut head = [0_u8; CHECKSUM + HEADER];
        if !fill(&mut self.inner, &mut head)? {
            return Ok(false);
        }
        let (checksum, header) = head.split_at(CHECKSUM);
        let method = header.first().copied().unwrap_or_default();
        let (packed, unpacked) = (length_at(header, 1), length_at(header, 5));
        let payload =
            packed.checked_sub(HEADER as u32).filter(|_| packed <= BLOCK_BYTES_MAX && unpacked <= BLOCK_BYTES_MAX);
        let payload = payload.ok_or_else(|| broken("a block's length is out of bounds"))?;
        let mut hashed = header.to_vec();
        let read = self.inner.by_ref().take(u64::from(payload)).read_to_end(&mut hashed)?;
        if u32::try_from(read) != Ok(payload) {
            return Err(broken("a block is cut short"));
        }
        if checksum != checksum_of(&hashed) {
            return Err(broken("a block's checksum does not match"));
        }
        let data = hashed.get(HEADER..).unwrap_or_default();
        let unpacked = usize::try_from(unpacked).map_err(|_| broken("a block's length is out of bounds"))?;
        self.block = match method {
            LZ4 => lz4_flex::block::decompress(data, unpacked).map_err(|_| broken("a block is no LZ4"))?,
            PLAIN => data.to_vec(),
            ZSTD => return Err(broken("ZSTD blocks are not supported, LZ4 and plain ones are")),
            _ => return Err(broken("a block has an unknown compression method")),
        };
        self.at = 0;
        Ok(true)
    }
}

impl<R: Read> Read for Blocks<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.block.len() {
            if !self.advance()? {
                return Ok(0);
            }
        }
        let rest = self.block.get(self.at..).unwrap_or_default();
        let count = rest.len().min(into.len());
        for (to, from) in into.iter_mut().zip(rest) {
            *to = *from;
        }
        self.at += count;
        Ok(count)
    }
}

/// One block holding `data`.
pub(super) fn block(data: &[u8]) -> Vec<u8> {
    let payload = lz4_flex::block::compress(data);
    let packed = u32::try_from(payload.len() + HEADER).expect("callers pass blocks of at most 1 MiB");
    let unpacked = u32::try_from(data.len()).expect("callers pass blocks of at most 1 MiB");
    let mut hashed = vec![LZ4];
    hashed.extend_from_slice(&packed.to_le_bytes());
    hashed.extend_from_slice(&unpacked.to_le_bytes());
    hashed.extend_from_slice(&payload);
    let mut block = checksum_of(&hashed).to_vec();
    block.append(&mut hashed);
    block
}

/// CityHash128 of version 1.0.2 with its halves in ClickHouse's order.
fn checksum_of(bytes: &[u8]) -> [u8; CHECKSUM] {
    cityhash_rs::cityhash_102_128(bytes).rotate_right(64).to_le_bytes()
}

fn length_at(header: &[u8], at: usize) -> u32 {
    header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// Fills `into` or finds the end of the stream at its very start.
fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<bool> {
    let mut head = Vec::with_capacity(into.len());
    from.by_ref().take(into.len() as u64).read_to_end(&mut head)?;
    if head.is_empty() {
        return Ok(false);
    }
    if head.len() != into.len() {
        return Err(broken("a block's header is cut short"));
    }
    into.copy_from_slice(&head);
    Ok(true)
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_as_they_went_in() {
        let data: Vec<u8> = (0..300_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
        let packed: Vec<u8> = data.chunks(100_000).flat_map(block).collect();
        assert!(packed.len() < data.len());
        let mut unpacked = Vec::new();
        Blocks::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, data);
    }

    /// A block that ClickHouse wrote itself: the numbers one and two, 64 bits each.
    #[test]
    fn reads_what_clickhouse_wrote() {
        let written = [
            0xda, 0x13, 0x2a, 0x98, 0x8c, 0x15, 0x92, 0x74, 0x9a, 0xfb, 0x9b, 0xf2, 0x04, 0x57, 0x77, 0x22, 0x82, 0x17,
            0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x22, 0x01, 0x00, 0x01, 0x00, 0x80, 0x02, 0x00, 0x00, 0x00, 0x00,
            0x00, 0x00, 0x00,
        ];
        let mut numbers = Vec::new();
        Blocks::new(written.as_slice()).read_to_end(&mut numbers).unwrap();
        assert_eq!(numbers, [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn refuses_a_block_that_was_changed_or_cut() {
        let packed = block(b"twelve bytes");
        for at in 0..packed.len() {
            let mut changed = packed.clone();
            changed[at] ^= 1;
            assert!(Blocks::new(changed.as_slice()).read_to_end(&mut Vec::new()).is_err(), "byte {at}");
            assert_eq!(Blocks::new(&packed[..at]).read_to_end(&mut Vec::new()).is_err(), at > 0, "cut at {at}");
        }
    }
}
