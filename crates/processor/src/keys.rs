//! The sealing keys' place on disk: one file an hour, made ahead, destroyed 27 hours after its hour.
//!
//! It does not decide how long a key lives (`privacy::seal` does) and never gives a private key to a collector. A file is
//! complete or absent: written aside, fsynced, renamed. Destruction overwrites, fsyncs, unlinks, fsyncs the directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use model::Millis;
use privacy::seal::{HOUR_KEY_BYTES, HourKey, Opener, PublicKey, dies_at};
use zeroize::Zeroizing;

use crate::Metrics;

/// The keys of the living hours.
pub struct KeyStore {
    directory: PathBuf,
    keys: Mutex<BTreeMap<i64, HourKey>>,
}

/// Why the keys cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    /// The file system refused.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file in the directory is no key. It may be a key that can still open records, so it is not thrown away.
    #[error("{path} is damaged: restore it, or remove it and lose what was sealed in its hour")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no random bytes for a sealing key")]
    Random,
}

impl KeyStore {
    /// Opens the directory, making it when absent, and reads the keys that still live at `now`.
    ///
    /// # Errors
    /// When the directory or a key cannot be read or made.
    pub fn open(directory: &Path, now: Millis) -> Result<Self, KeyStoreError> {
        fs::create_dir_all(directory).map_err(|source| failed("make", directory, source))?;
        let store = Self { directory: directory.to_owned(), keys: Mutex::new(BTreeMap::new()) };
        for entry in fs::read_dir(directory).map_err(|source| failed("read", directory, source))? {
            let path = entry.map_err(|source| failed("read", directory, source))?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("key") => store.load(&path)?,
                // What a crash left half-written was never used to seal anything, and what it left half-destroyed goes now.
                Some("new" | "dead") => wipe(&path)?,
                _ => {}
            }
        }
        store.make_ahead(now)?;
        Ok(store)
    }

    /// Destroys the keys whose time has come, then makes those of this hour and the next where absent: a full disk must not
    /// keep a dead key alive. To be called at least once a minute. Returns the hours whose keys were destroyed.
    ///
    /// # Errors
    /// When a key cannot be made or destroyed; the caller tries again.
    pub fn turn(&self, now: Millis) -> Result<Vec<i64>, KeyStoreError> {
        let mut keys = self.lock();
        let dead: Vec<i64> = keys.keys().copied().filter(|hour| dies_at(*hour) <= now).collect();
        for hour in &dead {
            destroy(&self.path(*hour))?;
            keys.remove(hour);
        }
        drop(keys);
        self.make_ahead(now)?;
        Ok(dead)
    }

    /// Reports the living keys, and how many were destroyed just now.
    pub fn report(&self, now: Millis, destroyed: usize, metrics: &Metrics) {
        let keys = self.lock();
        metrics.seal_keys.set(i64::try_from(keys.len()).unwrap_or(i64::MAX));
        let oldest = keys.keys().next().map_or(0, |hour| now.0 - hour * 3_600_000);
        metrics.seal_key_oldest_seconds.set(oldest as f64 / 1_000.0);
        metrics.seal_keys_destroyed.inc_by(destroyed as u64);
    }

    fn make_ahead(&self, now: Millis) -> Result<(), KeyStoreError> {
        let mut keys = self.lock();
        for hour in [now.hour(), now.hour() + 1] {
            if let std::collections::btree_map::Entry::Vacant(vacant) = keys.entry(hour) {
                vacant.insert(self.make(hour)?);
            }
        }
        Ok(())
    }

    /// The public key that seals at `now`; made by the last [`KeyStore::turn`].
    #[must_use]
    pub fn public(&self, now: Millis) -> Option<PublicKey> {
        self.lock().get(&now.hour()).map(HourKey::public)
    }

    /// Gives `opener` every living key and takes the dead ones from it.
    pub fn equip(&self, opener: &mut Opener) {
        let keys = self.lock();
        let known: BTreeSet<i64> = opener.hours().collect();
        for hour in known.iter().filter(|hour| !keys.contains_key(hour)) {
            opener.forget(*hour);
        }
        for key in keys.values().filter(|key| !known.contains(&key.hour())) {
            opener.insert(HourKey::from_bytes(key.to_bytes().as_ref()).expect("a key's own bytes are a key"));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<i64, HourKey>> {
        self.keys.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn path(&self, hour: i64) -> PathBuf {
        self.directory.join(format!("{hour}.key"))
    }

    fn load(&self, path: &Path) -> Result<(), KeyStoreError> {
        let bytes = Zeroizing::new(fs::read(path).map_err(|source| failed("read key", path, source))?);
        let key = HourKey::from_bytes(&bytes).map_err(|_| KeyStoreError::Damaged { path: path.to_owned() })?;
        self.lock().insert(key.hour(), key);
        Ok(())
    }

    fn make(&self, hour: i64) -> Result<HourKey, KeyStoreError> {
        let mut random = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *random).map_err(|_| KeyStoreError::Random)?;
        let key = HourKey::generate(hour, *random);
        let (path, aside) = (self.path(hour), self.directory.join(format!("{hour}.new")));
        let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside);
        written
            .and_then(|mut file| file.write_all(key.to_bytes().as_ref()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&aside, &path))
            .and_then(|()| sync_directory(&self.directory))
            .map_err(|source| failed("write key", &path, source))?;
        Ok(key)
    }
}

/// Takes a key out of use in one step, then wipes it: a crash in between leaves no half key that would be taken for one.
fn destroy(path: &Path) -> Result<(), KeyStoreError> {
    let dead = path.with_extension("dead");
    match fs::rename(path, &dead) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(failed("destroy key", path, source)),
        Ok(()) => wipe(&dead),
    }
}

fn wipe(path: &Path) -> Result<(), KeyStoreError> {
    let overwrite = |path: &Path| -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.write_all(&[0; HOUR_KEY_BYTES])?;
        file.sync_all()?;
        fs::remove_file(path)?;
        path.parent().map_or(Ok(()), sync_directory)
    };
    match overwrite(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done.map_err(|source| failed("destroy key", path, source)),
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> KeyStoreError {
    KeyStoreError::Io { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use privacy::seal::{OpenError, Sealer};

    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn keeps_this_hour_and_the_next_across_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let now = Millis(500_000 * HOUR_MS + 5);
        let store = KeyStore::open(directory.path(), now).unwrap();
        let public = store.public(now).unwrap();
        drop(store);
        let store = KeyStore::open(directory.path(), now).unwrap();
        assert_eq!(store.public(now).unwrap().bytes, public.bytes);
        assert!(store.public(now.plus(HOUR_MS)).is_some());
    }

    #[test]
    fn destroys_a_key_when_its_time_has_come_and_not_before() {
        let directory = tempfile::tempdir().unwrap();
        let now = Millis(500_000 * HOUR_MS);
        let store = KeyStore::open(directory.path(), now).unwrap();
        let file = directory.path().join("500000.key");
        assert!(store.turn(dies_at(500_000).plus(-1)).unwrap().is_empty() && file.exists());
        assert_eq!(store.turn(dies_at(500_000)).unwrap(), [500_000]);
        assert!(!file.exists());
        let mut opener = Opener::default();
        store.equip(&mut opener);
        assert!(opener.hours().all(|hour| hour != 500_000));
    }

    #[test]
    fn a_copy_taken_after_the_destruction_opens_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let now = Millis(500_000 * HOUR_MS);
        let store = KeyStore::open(directory.path(), now).unwrap();
        let mut sealer = Sealer::new(&store.public(now).unwrap(), [7; 32]).unwrap();
        let sealed = sealer.seal(b"a hit").unwrap();
        let mut opener = Opener::default();
        store.equip(&mut opener);
        assert_eq!(opener.open(&sealed).unwrap(), b"a hit");
        store.turn(dies_at(500_000)).unwrap();
        let copy = tempfile::tempdir().unwrap();
        for file in fs::read_dir(directory.path()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        let mut thief = Opener::default();
        let stolen = KeyStore::open(copy.path(), dies_at(500_000)).unwrap();
        stolen.equip(&mut thief);
        assert_eq!(thief.open(&sealed), Err(OpenError::Expired { hour: 500_000 }));
        store.equip(&mut opener);
        assert_eq!(opener.open(&sealed), Err(OpenError::Expired { hour: 500_000 }));
    }

    #[test]
    fn clears_what_a_crash_left_half_written() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["1.new", "2.dead"] {
            fs::write(directory.path().join(name), b"short").unwrap();
        }
        KeyStore::open(directory.path(), Millis(HOUR_MS)).unwrap();
        assert!(!directory.path().join("1.new").exists() && !directory.path().join("2.dead").exists());
    }
}
