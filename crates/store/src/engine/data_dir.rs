//! The engine's data directory: one process at a time, and repaired where a killed engine left it in two minds.
//!
//! The engine notes an insert's token first and makes its rows visible afterwards. Killed between the two, it would take
//! a repetition for a duplicate and the rows would be lost for good. The invariant restored here, before the engine opens
//! the directory: a token is noted only if its rows are there. Only the newest note of a table can be wrong, because
//! both happen under the table's lock.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::EngineError;

/// Holds the data directory; given back when dropped, and by the system when the process dies.
#[derive(Debug)]
pub(super) struct DataDir {
    /// The locked file: the lock lives as long as it is open.
    _lock: File,
    /// The directory given to the engine.
    pub(super) path: PathBuf,
}

impl DataDir {
    /// Makes the directory if it is missing, locks it, repairs it.
    pub(super) fn open(path: &Path) -> Result<Self, EngineError> {
        let doing = |what: &str| format!("{what} the data directory {}", path.display());
        fs::create_dir_all(path).map_err(|error| EngineError::io(doing("making"), error))?;
        let path = path.canonicalize().map_err(|error| EngineError::io(doing("finding"), error))?;
        let lock = lock(&path)?;
        let dropped = repair(&path).map_err(|error| EngineError::io(doing("repairing"), error))?;
        if dropped > 0 {
            tracing::warn!(dropped, "took back tokens of inserts that a killed engine had noted but not made visible");
        }
        Ok(Self { _lock: lock, path })
    }
}

fn lock(path: &Path) -> Result<File, EngineError> {
    let file = path.join("footfall-engine.lock");
    let failed = |error| EngineError::io(format!("locking {}", file.display()), error);
    let mut lock =
        OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&file).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = lock.read_to_string(&mut holder);
            let holder = if holder.trim().is_empty() { "unknown".to_owned() } else { holder.trim().to_owned() };
            return Err(EngineError::InUse { path: path.to_owned(), holder });
        }
        Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
    }
    // For the message of a second one alone: on a full disk it stays unsaid.
    let _ = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
    Ok(lock)
}

/// Repairs every table's notes; says how many tokens were taken back.
fn repair(data: &Path) -> std::io::Result<usize> {
    let mut dropped = 0;
    // store/abc/abc…-uuid/deduplication_logs
    for group in directories(&data.join("store"))? {
        for table in directories(&group)? {
            dropped += repair_table(&table)?;
        }
    }
    Ok(dropped)
}

fn repair_table(table: &Path) -> std::io::Result<usize> {
    let Some(log) = newest_log(&table.join("deduplication_logs"))? else { return Ok(0) };
    let mut file = OpenOptions::new().read(true).write(true).open(log)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    // A line that was cut by the kill notes an insert that cannot have become visible, and would hide those after it.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole < bytes.len() {
        bytes.truncate(whole);
        file.set_len(u64::try_from(whole).unwrap_or_default())?;
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let Some([ADDED, newest, _]) = lines.last().map(Vec::as_slice) else { return Ok(0) };
    if is_visible(table, newest)? {
        return Ok(0);
    }
    let mut undone = String::new();
    let mut count = 0;
    for line in lines.iter().rev().take_while(|line| line.get(..2) == Some(&[ADDED, newest])) {
        if let Some(token) = line.get(2) {
            undone.push_str(&format!("{DROPPED}\t{newest}\t{token}\n"));
            count += 1;
        }
    }
    file.seek(SeekFrom::End(0))?;
    file.write_all(undone.as_bytes())?;
    file.sync_all()?;
    Ok(count)
}

/// The log's words for noting and taking back.
const ADDED: &str = "1";
const DROPPED: &str = "2";

/// The file that was written last: they are numbered. One that is full is followed by an empty one before its last note's part is visible.
fn newest_log(logs: &Path) -> std::io::Result<Option<PathBuf>> {
    let Some(entries) = existing(fs::read_dir(logs))? else { return Ok(None) };
    let mut newest = None;
    for entry in entries {
        let entry = entry?;
        if entry.metadata()?.len() == 0 {
            continue;
        }
        let path = entry.path();
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .and_then(|stem| stem.strip_prefix("deduplication_log_"))
            .and_then(|number| number.parse::<u64>().ok());
        newest = newest.max(number.map(|number| (number, path)));
    }
    Ok(newest.map(|(_, path)| path))
}

/// Whether a part, or one that it was merged into, is there under its final name.
fn is_visible(table: &Path, part: &str) -> std::io::Result<bool> {
    let Some(wanted) = Part::parse(part) else { return Ok(true) };
    for entry in fs::read_dir(table)? {
        let name = entry?.file_name();
        let covers = |found: Part<'_>| {
            found.partition == wanted.partition && found.first <= wanted.first && wanted.last <= found.last
        };
        if name.to_str().and_then(Part::parse).is_some_and(covers) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A part's directory: `202606_1_5_1`, partition, first and last block, level, and for a mutated one its version.
#[derive(Debug, PartialEq, Eq)]
struct Part<'n> {
    partition: &'n str,
    first: u64,
    last: u64,
}

impl<'n> Part<'n> {
    fn parse(name: &'n str) -> Option<Self> {
        let fields: Vec<&str> = name.split('_').collect();
        let (partition, first, last) = match fields.as_slice() {
            [partition, first, last, _level] | [partition, first, last, _level, _] => (*partition, *first, *last),
            _ => return None,
        };
        Some(Self { partition, first: first.parse().ok()?, last: last.parse().ok()? })
    }
}

fn directories(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in existing(fs::read_dir(path))?.into_iter().flatten() {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// What is not there is no error.
fn existing<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(parts: &[&str], log: &str) -> (tempfile::TempDir, PathBuf) {
        let data = tempfile::tempdir().unwrap();
        let table = data.path().join("store/abc/abcdef");
        for part in parts {
            fs::create_dir_all(table.join(part)).unwrap();
        }
        fs::create_dir_all(table.join("deduplication_logs")).unwrap();
        let file = table.join("deduplication_logs/deduplication_log_1.txt");
        fs::write(&file, log).unwrap();
        (data, file)
    }

    #[test]
    fn takes_back_the_token_of_an_insert_that_never_became_visible() {
        let log = "1\t202606_1_1_0\ta\n1\t202606_2_2_0\tb\n";
        let (data, file) = table(&["202606_1_1_0", "tmp_insert_202606_2_2_0", "202605_2_2_0"], log);
        assert_eq!(repair(data.path()).unwrap(), 1);
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{log}2\t202606_2_2_0\tb\n"));
        assert_eq!(repair(data.path()).unwrap(), 0);
    }

    #[test]
    fn keeps_the_token_of_an_insert_that_was_merged_or_mutated() {
        for part in ["202606_2_2_0", "202606_1_7_2", "202606_2_2_0_9"] {
            let (data, _) = table(&[part], "1\t202606_2_2_0\tb\n");
            assert_eq!(repair(data.path()).unwrap(), 0, "{part}");
        }
    }

    #[test]
    fn takes_back_the_last_token_of_a_log_that_was_full() {
        let log = "1\t202606_2_2_0\tb\n";
        let (data, file) = table(&[], log);
        fs::write(file.with_file_name("deduplication_log_2.txt"), "").unwrap();
        assert_eq!(repair(data.path()).unwrap(), 1);
        assert_eq!(fs::read_to_string(file).unwrap(), format!("{log}2\t202606_2_2_0\tb\n"));
    }

    #[test]
    fn cuts_off_a_note_that_was_not_written_to_its_end() {
        let (data, file) = table(&["all_1_1_0"], "1\tall_1_1_0\ta\n1\tall_2_2");
        assert_eq!(repair(data.path()).unwrap(), 0);
        assert_eq!(fs::read_to_string(file).unwrap(), "1\tall_1_1_0\ta\n");
    }

    #[test]
    fn a_second_holder_is_refused_and_told_who_holds() {
        let data = tempfile::tempdir().unwrap();
        let held = DataDir::open(data.path()).unwrap();
        let Err(EngineError::InUse { holder, .. }) = DataDir::open(data.path()) else { panic!("opened twice") };
        assert_eq!(holder, std::process::id().to_string());
        drop(held);
        DataDir::open(data.path()).unwrap();
    }
}
