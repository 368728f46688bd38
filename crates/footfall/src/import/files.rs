//! The files to import: plain, gzip, Zstandard, bzip2, or standard input; opened and looked at before anything is imported.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};

use super::Format;
use crate::failure::Failure;

const BUFFER_BYTES: usize = 256 * 1024;
/// Standard input is read before it is imported, to know whether it was imported before, and never rests on disk.
const STDIN_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// A file that is there and looks like what it should be.
pub struct Source {
    name: String,
    content: Content,
    /// Its format, asked for or guessed.
    pub format: Format,
    first_line: Vec<u8>,
}

enum Content {
    File { path: PathBuf, bytes: u64, packing: Packing },
    Stdin(Vec<u8>),
}

/// How a file is packed, as its first bytes say.
#[derive(Clone, Copy)]
enum Packing {
    Plain,
    Gzip,
    Zstandard,
    Bzip2,
}

impl Packing {
    fn of(beginning: &[u8]) -> Self {
        match beginning {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstandard,
            [b'B', b'Z', b'h', ..] => Self::Bzip2,
            _ => Self::Plain,
        }
    }

    /// The content that was packed.
    fn unpack<'a>(self, packed: impl BufRead + Send + 'a) -> io::Result<Box<dyn BufRead + Send + 'a>> {
        Ok(match self {
            Self::Plain => Box::new(packed),
            Self::Gzip => Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(packed))),
            Self::Zstandard => Box::new(BufReader::with_capacity(BUFFER_BYTES, zstd::Decoder::with_buffer(packed)?)),
            Self::Bzip2 => Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiBzDecoder::new(packed))),
        })
    }
}

/// Opens everything before anything is imported, so that a mistyped name costs nothing.
pub fn open_all(paths: &[PathBuf], format: Option<Format>) -> Result<Vec<Source>, Failure> {
    Ok(paths.iter().map(|path| Source::open(path, format)).collect::<anyhow::Result<Vec<_>>>()?)
}

impl Source {
    fn open(path: &Path, format: Option<Format>) -> anyhow::Result<Self> {
        let content = if path == Path::new("-") { stdin()? } else { file(path)? };
        let mut source =
            Self { name: path.display().to_string(), content, format: Format::Combined, first_line: Vec::new() };
        let mut first_line = Vec::new();
        source
            .reader(&ProgressBar::hidden())?
            .take(BUFFER_BYTES as u64)
            .read_until(b'\n', &mut first_line)
            .with_context(|| format!("cannot read {}", source.name))?;
        source.format = format.unwrap_or_else(|| Format::guess(&first_line));
        source.first_line = first_line;
        Ok(source)
    }

    /// Its name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its first line, to be put in order by.
    pub fn first_line(&self) -> &[u8] {
        &self.first_line
    }

    /// Its content from the start, decompressed; `progress` hears of the bytes as they lie in the file.
    pub fn reader(&self, progress: &ProgressBar) -> anyhow::Result<Box<dyn BufRead + Send + '_>> {
        Ok(match &self.content {
            Content::Stdin(bytes) => Box::new(bytes.as_slice()),
            Content::File { path, packing, .. } => {
                let file = File::open(path).with_context(|| format!("cannot open {}", self.name))?;
                let packed = BufReader::with_capacity(BUFFER_BYTES, progress.wrap_read(file));
                packing.unpack(packed).with_context(|| format!("cannot unpack {}", self.name))?
            }
        })
    }

    /// A bar of this file's length; nothing where nobody looks.
    pub fn bar(&self) -> ProgressBar {
        let bytes = match &self.content {
            Content::File { bytes, .. } => *bytes,
            Content::Stdin(bytes) => bytes.len() as u64,
        };
        let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} eta {eta}");
        let bar = ProgressBar::new(bytes).with_message(self.name.clone());
        style.map(|style| bar.clone().with_style(style)).unwrap_or(bar)
    }
}

fn stdin() -> anyhow::Result<Content> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(STDIN_BYTES_MAX + 1).read_to_end(&mut bytes).context("cannot read standard input")?;
    if bytes.len() as u64 > STDIN_BYTES_MAX {
        bail!("standard input holds more than 512 MiB; import the file itself: it is then read in pieces");
    }
    let packing = Packing::of(&bytes);
    let mut plain = Vec::new();
    let unpacked =
        packing.unpack(bytes.as_slice()).and_then(|content| content.take(STDIN_BYTES_MAX + 1).read_to_end(&mut plain));
    unpacked.context("standard input cannot be unpacked")?;
    if plain.len() as u64 > STDIN_BYTES_MAX {
        bail!("standard input unpacks to more than 512 MiB; import the file itself: it is then read in pieces");
    }
    Ok(Content::Stdin(plain))
}

fn file(path: &Path) -> anyhow::Result<Content> {
    let context = || format!("cannot open {}", path.display());
    let mut file = File::open(path).with_context(context)?;
    let metadata = file.metadata().with_context(context)?;
    if metadata.is_dir() {
        bail!("{} is a directory; name the files in it", path.display());
    }
    let mut beginning = Vec::new();
    Read::by_ref(&mut file).take(4).read_to_end(&mut beginning).with_context(context)?;
    Ok(Content::File { path: path.to_owned(), bytes: metadata.len(), packing: Packing::of(&beginning) })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn every_packing_is_told_by_its_first_bytes_and_undone() {
        let text = b"one\ntwo\n".as_slice();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text).unwrap();
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(text).unwrap();
        let packed =
            [text.to_vec(), gzip.finish().unwrap(), bzip2.finish().unwrap(), zstd::encode_all(text, 1).unwrap()];
        let directory = tempfile::tempdir().unwrap();
        for (number, bytes) in packed.iter().enumerate() {
            let path = directory.path().join(number.to_string());
            std::fs::write(&path, bytes).unwrap();
            let source = Source::open(&path, None).unwrap();
            let mut content = Vec::new();
            source.reader(&ProgressBar::hidden()).unwrap().read_to_end(&mut content).unwrap();
            assert_eq!((content.as_slice(), source.first_line()), (text, b"one\n".as_slice()), "{number}");
        }
    }
}
