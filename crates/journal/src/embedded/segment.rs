//! The files of the log: their names, how one comes to be whole or not at all, how one goes away, and who may write.
//! Nothing here knows which segment is needed.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::block::Head;
use crate::JournalError;

const SUFFIX: &str = ".log";
const UNFINISHED_SUFFIX: &str = ".new";
const LOCK_NAME: &str = "lock";

/// Where group commits are written. A trait so that tests can make a disk fail.
pub trait Medium: Send {
    /// Writes behind everything written before.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once everything written is on the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Takes back everything behind the first `length` bytes.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Medium for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Opens the file of a segment for appending.
pub type OpenMedium = Box<dyn Fn(&Path) -> io::Result<Box<dyn Medium>> + Send>;

/// The real disk.
pub fn open_file(path: &Path) -> io::Result<Box<dyn Medium>> {
    Ok(Box::new(File::options().append(true).open(path)?))
}

/// The path of segment `number`. Twenty digits, so that names sort as numbers do.
pub fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:020}{SUFFIX}"))
}

/// Makes `directory` and takes it for this process. The lock goes with the returned file, also when the process is killed.
pub fn lock(directory: &Path) -> Result<File, JournalError> {
    let failed = |error: io::Error| failure("open", directory, &error);
    make_durable_directory(directory).map_err(failed)?;
    let file =
        File::options().create(true).write(true).truncate(false).open(directory.join(LOCK_NAME)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse { directory: directory.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failure("lock", directory, &error)),
    }
}

/// Makes `directory` and whatever of the path to it is missing. Each name is made durable in the directory above it:
/// records are as lost with the directory that holds them as by themselves.
fn make_durable_directory(directory: &Path) -> io::Result<()> {
    let missing: Vec<_> =
        directory.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    fs::create_dir_all(directory)?;
    for made in missing {
        match made.parent() {
            Some(above) if !above.as_os_str().is_empty() => sync_directory(above)?,
            Some(_) | None => sync_directory(Path::new("."))?,
        }
    }
    Ok(())
}

/// The numbers of the segments in `directory`, ascending. Segments that were never finished are removed.
pub fn list(directory: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.ends_with(UNFINISHED_SUFFIX) {
            fs::remove_file(entry.path())?;
        } else if let Some(number) = name.strip_suffix(SUFFIX).and_then(|digits| digits.parse().ok()) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Makes segment `number` with `content`. It is there, whole and durable, or not at all: it gets its name last.
pub fn create(directory: &Path, number: u64, content: &[u8]) -> io::Result<PathBuf> {
    let path = path(directory, number);
    let unfinished = path.with_extension(UNFINISHED_SUFFIX.trim_start_matches('.'));
    let mut file = File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)?;
    sync_directory(directory)?;
    Ok(path)
}

/// Makes what was created, renamed or removed in `directory` durable.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// What the beginning of a segment file says.
pub enum Beginning {
    /// Its head.
    Sound(Head),
    /// A sound head of a journal with another number of partitions.
    OtherPartitions(u32),
    /// No head that can be believed.
    Damaged,
}

/// Reads the head of a segment of a journal that should have `partitions`.
pub fn read_head(file: &mut File, partitions: u32) -> io::Result<Beginning> {
    let mut start = [0; 8];
    let Some(found) = read_whole(file, &mut start)?.then(|| Head::partitions(&start)).flatten() else {
        return Ok(Beginning::Damaged);
    };
    let length = Head::length_bytes(found as usize);
    if length as u64 > file.metadata()?.len() {
        return Ok(Beginning::Damaged);
    }
    let mut bytes = start.to_vec();
    bytes.resize(length, 0);
    let rest = bytes.get_mut(start.len()..).unwrap_or_default();
    Ok(match read_whole(file, rest)?.then(|| Head::decode(&bytes)).flatten() {
        Some(head) if found == partitions => Beginning::Sound(head),
        Some(_) => Beginning::OtherPartitions(found),
        None => Beginning::Damaged,
    })
}

fn read_whole(file: &mut File, target: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(target) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// A failure of the storage, in words.
pub fn failure(tried: &str, path: &Path, error: &io::Error) -> JournalError {
    JournalError::Failed { tried: format!("{tried} {}", path.display()), reason: error.to_string() }
}
