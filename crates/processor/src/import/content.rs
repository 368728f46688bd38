//! A file's content as it is read: its lines, how far it is read, and which marks of earlier imports end there.
//!
//! It decides nothing about the counts. A mark is met only where its digest is that of everything read so far, so a mark of
//! another file never is. A mark may end inside a line, of a log that was imported while that line was being written: the
//! line then ends there, as it did for that import, and its rest is no line.

use std::io::{self, BufRead};

use sha2::{Digest, Sha256};
use store::ImportMark;

use super::{Known, LINE_BYTES_MAX};

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A line, or what there was of it when it was imported.
    Line,
    /// Bytes of a line whose beginning was imported before: they count as imported with it.
    Rest,
}

/// A file's content, from its start.
pub struct Content<'a> {
    reader: &'a mut dyn BufRead,
    /// Bytes read.
    pub bytes: u64,
    digest: Sha256,
    /// Marks that end behind what is read, shortest first.
    ahead: std::iter::Peekable<std::vec::IntoIter<ImportMark>>,
    /// Marks that end exactly here.
    met: Vec<ImportMark>,
    inside_line: bool,
}

impl<'a> Content<'a> {
    /// The content of `reader`, of whose beginnings `marks` may tell.
    pub fn new(reader: &'a mut dyn BufRead, mut marks: Vec<ImportMark>) -> Self {
        // Of two that end at one place, the one after which no hit waits is the later.
        marks.sort_by_key(|mark| (mark.bytes, !mark.hits_wait));
        let ahead = marks.into_iter().peekable();
        Self { reader, bytes: 0, digest: Sha256::new(), ahead, met: Vec::new(), inside_line: false }
    }

    /// Reads up to the next end of a line or of a met mark, without the line's end; nothing at the end of the content. Of a
    /// line that is too long only the beginning is kept: enough for its reader to see that it is.
    pub fn read(&mut self, line: &mut Vec<u8>) -> io::Result<Option<Piece>> {
        line.clear();
        let piece = if self.inside_line { Piece::Rest } else { Piece::Line };
        let mut any = false;
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(any.then_some(piece));
            }
            any = true;
            let end = buffer.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
            let bytes = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or(buffer);
            let bytes = bytes.get(..up_to_mark(&mut self.ahead, self.bytes, bytes.len())).unwrap_or(bytes);
            let of_line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            let room = (LINE_BYTES_MAX + 1).saturating_sub(line.len());
            line.extend_from_slice(of_line.get(..room).unwrap_or(of_line));
            let (read, ended) = (bytes.len(), of_line.len() < bytes.len());
            self.digest.update(bytes);
            self.reader.consume(read);
            self.bytes += read as u64;
            self.meet();
            if ended || !self.met.is_empty() {
                self.inside_line = !ended;
                return Ok(Some(piece));
            }
        }
    }

    /// Takes the next mark that ends where the last piece did.
    pub fn met(&mut self) -> Option<ImportMark> {
        (!self.met.is_empty()).then(|| self.met.remove(0))
    }

    /// A digest of what is read.
    pub fn sha256(&self) -> [u8; 32] {
        self.digest.clone().finalize().into()
    }

    fn meet(&mut self) {
        if self.ahead.peek().is_some_and(|mark| mark.bytes == self.bytes) {
            let sha256 = self.sha256();
            while let Some(mark) = self.ahead.next_if(|mark| mark.bytes == self.bytes) {
                self.met.extend(Some(mark).filter(|mark| mark.sha256 == sha256));
            }
        }
    }
}

/// How many of the next `bytes` bytes stand before the next mark's end.
fn up_to_mark(ahead: &mut std::iter::Peekable<std::vec::IntoIter<ImportMark>>, at: u64, bytes: usize) -> usize {
    while ahead.next_if(|mark| mark.bytes <= at).is_some() {}
    let left = ahead.peek().map_or(u64::MAX, |mark| mark.bytes - at);
    usize::try_from(left).unwrap_or(usize::MAX).min(bytes)
}

/// What earlier imports left in the counts of `reader`'s content, and what they had begun to insert.
///
/// # Errors
/// When it cannot be read.
pub fn known(marks: Vec<ImportMark>, reader: &mut dyn BufRead) -> io::Result<Known> {
    let mut content = Content::new(reader, marks);
    let (mut known, mut line) = (Known::default(), Vec::new());
    while content.ahead.peek().is_some() && content.read(&mut line)?.is_some() {
        while let Some(mark) = content.met() {
            let end = if mark.done { &mut known.counted } else { &mut known.begun };
            *end = mark.bytes;
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(content: &str) -> ImportMark {
        let sha256 = Sha256::digest(content).into();
        ImportMark { bytes: content.len() as u64, sha256, hits_wait: false, fold_version: 1, done: true }
    }

    /// The pieces of a content, read through a small buffer, with how many marks were met behind each.
    fn pieces(content: &str, marks: &[&str]) -> Vec<(Piece, String, usize)> {
        let mut reader = io::BufReader::with_capacity(3, content.as_bytes());
        let mut content = Content::new(&mut reader, marks.iter().map(|content| mark(content)).collect());
        let (mut pieces, mut line) = (Vec::new(), Vec::new());
        while let Some(piece) = content.read(&mut line).unwrap() {
            let met = std::iter::from_fn(|| content.met()).count();
            pieces.push((piece, String::from_utf8(line.clone()).unwrap(), met));
        }
        pieces
    }

    #[test]
    fn a_mark_that_ends_inside_a_line_ends_the_line() {
        let (line, rest) = (
            |text: &str, met| (Piece::Line, text.to_owned(), met),
            |text: &str, met| (Piece::Rest, text.to_owned(), met),
        );
        assert_eq!(pieces("first\nsecond\n", &[]), [line("first", 0), line("second", 0)]);
        assert_eq!(pieces("first\nsecond", &["first\n"]), [line("first", 1), line("second", 0)]);
        assert_eq!(
            pieces("first\nsecond\nt", &["first\nsec"]),
            [line("first", 0), line("sec", 1), rest("ond", 0), line("t", 0)]
        );
        assert_eq!(pieces("a\nbcd\n", &["a\nb", "a\nbc"]), [line("a", 0), line("b", 1), rest("c", 1), rest("d", 0)]);
        assert_eq!(pieces("a\nb\nc", &["a\nb"]), [line("a", 0), line("b", 1), rest("", 0), line("c", 0)]);
        assert_eq!(pieces("a\nb", &["a\nb", "a\nb"]), [line("a", 0), line("b", 2)]);
    }

    #[test]
    fn a_mark_of_another_content_is_never_met() {
        let whole: Vec<_> = pieces("first\nsecond\n", &["first\nsex", "f", "xirst\n", "", "first\nsecond\nthird"])
            .into_iter()
            .map(|(piece, line, met)| (piece, line.len(), met))
            .collect();
        assert_eq!(whole, [(Piece::Line, 1, 1), (Piece::Rest, 4, 0), (Piece::Line, 6, 0)]);
    }
}
