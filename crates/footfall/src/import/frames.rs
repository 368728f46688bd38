//! How several files travel in one request: for each a header and its pieces, each piece with its length; then a last mark.
//!
//! The point is the ends: a file ends with an empty piece, the request with the last mark. A body that merely stops was broken
//! off, and nothing may be remembered of the file it broke off in.

use std::io::{self, Read};

use bytes::Bytes;
use clap::ValueEnum;
use processor::import::Known;

use super::Format;

/// Begins a file.
const FILE: u8 = 2;
/// Ends the request.
pub const LAST: &[u8] = &[0];
/// Longest piece that is taken, in bytes; senders use a quarter of it.
const PIECE_BYTES_MAX: u32 = 1024 * 1024;

/// What stands before a file's pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its format.
    pub format: Format,
    /// What earlier imports did with its beginning.
    pub known: Known,
}

impl Header {
    /// Writes the header: a mark, the format's number, up to where the file is counted, and up to where an insert was begun.
    pub fn encode(self) -> Bytes {
        let number = Format::value_variants().iter().position(|format| *format == self.format).unwrap_or_default();
        let mut bytes = vec![FILE, u8::try_from(number).unwrap_or_default()];
        bytes.extend(self.known.counted.to_be_bytes());
        bytes.extend(self.known.begun.to_be_bytes());
        bytes.into()
    }
}

/// Writes a piece; an empty one ends the file.
pub fn piece(content: &[u8]) -> Bytes {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), content].concat().into()
}

/// Reads the next file's header; `None` at the last mark.
///
/// # Errors
/// When the body ends before it, or is framed otherwise.
pub fn header(body: &mut dyn Read) -> io::Result<Option<Header>> {
    match one::<1>(body)? {
        [0] => Ok(None),
        [FILE] => {
            let [number] = one::<1>(body)?;
            let format = Format::value_variants().get(usize::from(number)).copied();
            let format = format.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no such format"))?;
            let (counted, begun) = (u64::from_be_bytes(one(body)?), u64::from_be_bytes(one(body)?));
            Ok(Some(Header { format, known: Known { counted, begun } }))
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "not framed as `footfall import` frames files")),
    }
}

fn one<const N: usize>(body: &mut dyn Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    body.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// One file's content out of its pieces.
pub struct Pieces<'a> {
    body: &'a mut dyn Read,
    left: u32,
    ended: bool,
}

impl<'a> Pieces<'a> {
    /// The file whose header was read last.
    pub fn new(body: &'a mut dyn Read) -> Self {
        Self { body, left: 0, ended: false }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended {
            self.left = u32::from_be_bytes(one(self.body)?);
            self.ended = self.left == 0;
            if self.left > PIECE_BYTES_MAX {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a piece is too long"));
            }
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(room) = buffer.get_mut(..wanted).filter(|room| !room.is_empty()) else { return Ok(0) };
        let count = self.body.read(room)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= u32::try_from(count).unwrap_or(self.left);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header { format: Format::Events, known: Known { counted: 7, begun: 300 } };

    fn body() -> Vec<u8> {
        [&HEADER.encode()[..], &piece(b"one\nt"), &piece(b"wo\n"), &piece(b""), &HEADER.encode(), &piece(b""), LAST]
            .concat()
    }

    fn contents(mut body: &[u8]) -> io::Result<Vec<String>> {
        let mut contents = Vec::new();
        while let Some(read) = header(&mut body)? {
            assert_eq!(read, HEADER);
            let mut content = String::new();
            Pieces::new(&mut body).read_to_string(&mut content)?;
            contents.push(content);
        }
        Ok(contents)
    }

    #[test]
    fn files_come_out_as_they_went_in() {
        assert_eq!(contents(&body()).unwrap(), ["one\ntwo\n", ""]);
    }

    #[test]
    fn a_body_that_breaks_off_anywhere_is_an_error() {
        let body = body();
        for end in 0..body.len() {
            assert!(contents(&body[..end]).is_err(), "cut at {end}");
        }
    }
}
