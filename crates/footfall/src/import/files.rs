//! The files to import: plain, gzip, or standard input; opened, looked at, and put in order of their first line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
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
    File { path: PathBuf, bytes: u64, gzip: bool },
    Stdin(Vec<u8>),
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
            Content::File { path, gzip, .. } => {
                let file = File::open(path).with_context(|| format!("cannot open {}", self.name))?;
                let raw = BufReader::with_capacity(BUFFER_BYTES, progress.wrap_read(file));
                match gzip {
                    false => Box::new(raw),
                    true => Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(raw))),
                }
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
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        let decoder = MultiGzDecoder::new(bytes.as_slice());
        decoder.take(STDIN_BYTES_MAX + 1).read_to_end(&mut plain).context("standard input is not valid gzip")?;
        if plain.len() as u64 > STDIN_BYTES_MAX {
            bail!("standard input unpacks to more than 512 MiB; import the file itself: it is then read in pieces");
        }
        bytes = plain;
    }
    Ok(Content::Stdin(bytes))
}

fn file(path: &Path) -> anyhow::Result<Content> {
    let context = || format!("cannot open {}", path.display());
    let mut file = File::open(path).with_context(context)?;
    let metadata = file.metadata().with_context(context)?;
    if metadata.is_dir() {
        bail!("{} is a directory; name the files in it", path.display());
    }
    let mut magic = [0; 2];
    let gzip = file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    Ok(Content::File { path: path.to_owned(), bytes: metadata.len(), gzip })
}
