//! The sealing keys' place on disk: one file an hour, made some hours ahead, destroyed 27 hours after its hour.
//!
//! The secret that spreads visitors over partitions lies beside them. It does not decide how long a key lives (`privacy::seal` does) and never gives a private key to a collector. A file is
//! complete or absent: written aside, fsynced, linked to its name, which only the first who makes an hour's key can do. So
//! several processors may share the directory: all of them seal and open by the same keys, and each destroys what is left.
//! Destruction overwrites, fsyncs, unlinks, fsyncs the directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use model::Millis;
use privacy::seal::{HOUR_KEY_BYTES, HourKey, Opener, PublicKey, dies_at};
use zeroize::Zeroizing;

use crate::Metrics;
use crate::witness::Told;

/// For how many hours to come keys are made: as long may the brokers, or all processors, be away while collectors go on sealing
/// into their spools. A key that waits for its hour lives longer by that, and opens nothing yet.
const HOURS_AHEAD: i64 = 6;

/// The keys of the living hours.
pub struct KeyStore {
    /// Where they rest; nowhere for keys that go with the process.
    directory: Option<PathBuf>,
    keys: Mutex<BTreeMap<i64, Arc<HourKey>>>,
}

/// What looking after the keys has done.
#[derive(Debug)]
pub struct Turn {
    /// The hours whose keys were destroyed here, not by another processor on the same directory.
    pub destroyed: Vec<i64>,
    /// The first thing that could not be done.
    pub failed: Option<KeyStoreError>,
}

impl Turn {
    fn fails(&mut self, error: KeyStoreError) {
        self.failed.get_or_insert(error);
    }
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
        let store = Self { directory: Some(directory.to_owned()), keys: Mutex::new(BTreeMap::new()) };
        for path in store.files()? {
            match path.extension().and_then(|extension| extension.to_str()) {
                // What a crash left half-destroyed goes now; what it left half-written was never used to seal anything.
                Some("dead") => wipe(&path)?,
                Some("new") if is_left_behind(&path, now) => remove_left_behind(&path)?,
                _ => {}
            }
        }
        store.load()?;
        store.make_ahead(now)?;
        Ok(store)
    }

    /// Keys in memory alone, beside a journal in memory: made, turned and destroyed by the same rules, and gone with the process.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn in_memory(now: Millis) -> Result<Self, KeyStoreError> {
        let store = Self { directory: None, keys: Mutex::new(BTreeMap::new()) };
        store.make_ahead(now)?;
        Ok(store)
    }

    /// Destroys the keys whose time has surely come, then makes those of this hour and the next few where absent, then reads what
    /// other processors made: each whatever became of the one before, since a full disk must not keep a dead key alive, nor a key
    /// that cannot be destroyed leave the hours to come without one. To be called at least once a minute; what failed is tried again.
    pub fn turn(&self, told: Told) -> Turn {
        let mut turn = Turn { destroyed: Vec::new(), failed: None };
        let mut keys = self.lock();
        let is_dead = |hour: &i64| told.sure.is_some_and(|sure| dies_at(*hour) <= sure);
        let dead: Vec<i64> = keys.keys().copied().filter(is_dead).collect();
        for hour in dead {
            match self.path(hour).map_or(Ok(true), |path| destroy(&path)) {
                Ok(was_there) => {
                    keys.remove(&hour);
                    turn.destroyed.extend(was_there.then_some(hour));
                }
                Err(error) => turn.fails(error),
            }
        }
        drop(keys);
        for done in [self.make_ahead(told.likely), self.load()] {
            done.unwrap_or_else(|error| turn.fails(error));
        }
        turn
    }

    /// Whether a key's time has come by a clock that says `now`.
    #[must_use]
    pub fn is_due(&self, now: Millis) -> bool {
        self.lock().keys().next().is_some_and(|hour| dies_at(*hour) <= now)
    }

    /// Reports the living keys, those of hours to come, those that live because a second clock does not agree with this machine's
    /// `now`, and what a turn did.
    pub fn report(&self, now: Millis, told: Told, turn: &Turn, metrics: &Metrics) {
        let keys = self.lock();
        let kept = keys.keys().filter(|hour| dies_at(**hour) <= now).count();
        metrics.seal_keys_kept_by_clock.set(i64::try_from(kept).unwrap_or(i64::MAX));
        metrics.clock_difference_seconds.set(told.ahead_ms.unwrap_or(0) as f64 / 1_000.0);
        metrics.seal_keys.set(i64::try_from(keys.len()).unwrap_or(i64::MAX));
        let ahead = keys.range(told.likely.hour() + 1..).count();
        metrics.seal_keys_ahead.set(i64::try_from(ahead).unwrap_or(i64::MAX));
        let oldest = keys.keys().next().map_or(0, |hour| now.0 - hour * 3_600_000);
        metrics.seal_key_oldest_seconds.set(oldest as f64 / 1_000.0);
        metrics.seal_keys_destroyed.inc_by(turn.destroyed.len() as u64);
        metrics.seal_key_failures.inc_by(turn.failed.is_some().into());
    }

    fn make_ahead(&self, now: Millis) -> Result<(), KeyStoreError> {
        let mut keys = self.lock();
        for hour in now.hour()..=now.hour() + HOURS_AHEAD {
            if let std::collections::btree_map::Entry::Vacant(vacant) = keys.entry(hour) {
                vacant.insert(Arc::new(self.make(hour)?));
            }
        }
        Ok(())
    }

    /// The public key that seals at `now`; made by the last [`KeyStore::turn`].
    #[must_use]
    pub fn public(&self, now: Millis) -> Option<PublicKey> {
        self.lock().get(&now.hour()).map(|key| key.public())
    }

    /// The public keys that may be sealed to from `now` on.
    #[must_use]
    pub fn publics(&self, now: Millis) -> Vec<PublicKey> {
        self.lock().range(now.hour()..).map(|(_, key)| key.public()).collect()
    }

    /// Gives `opener` every living key and takes the dead ones from it.
    pub fn equip(&self, opener: &mut Opener) {
        let keys = self.lock();
        let known: BTreeSet<i64> = opener.hours().collect();
        for hour in known.iter().filter(|hour| !keys.contains_key(hour)) {
            opener.forget(*hour);
        }
        for key in keys.values().filter(|key| !known.contains(&key.hour())) {
            opener.insert(Arc::clone(key));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<i64, Arc<HourKey>>> {
        self.keys.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn path(&self, hour: i64) -> Option<PathBuf> {
        self.directory.as_ref().map(|directory| directory.join(format!("{hour}.key")))
    }

    fn files(&self) -> Result<Vec<PathBuf>, KeyStoreError> {
        let Some(directory) = &self.directory else { return Ok(Vec::new()) };
        let entries = fs::read_dir(directory).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        entries.map_err(|source| failed("read", directory, source))
    }

    /// Reads the keys that are not known yet: at the start all, later those that another processor made.
    fn load(&self) -> Result<(), KeyStoreError> {
        for path in self.files()? {
            let stem = path.file_stem().and_then(|name| name.to_str()).and_then(|hour| hour.parse::<i64>().ok());
            let is_key = path.extension().is_some_and(|extension| extension == "key");
            if !is_key || stem.is_some_and(|hour| self.lock().contains_key(&hour)) {
                continue;
            }
            match read(&path) {
                // A key under another's name would be destroyed under its own.
                Ok(key) if stem != Some(key.hour()) => return Err(KeyStoreError::Damaged { path }),
                Ok(key) => drop(self.lock().insert(key.hour(), Arc::new(key))),
                // Another processor destroyed it in between.
                Err(KeyStoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes the key of an hour, or takes the one that another processor made first.
    fn make(&self, hour: i64) -> Result<HourKey, KeyStoreError> {
        let mut random = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *random).map_err(|_| KeyStoreError::Random)?;
        let key = HourKey::generate(hour, *random);
        let (Some(directory), Some(path)) = (&self.directory, self.path(hour)) else { return Ok(key) };
        // The public half is as good as any name that nobody else writes to.
        let aside = directory.join(format!("{hour}-{}.new", hex(&key.public().bytes)));
        if write_first(&aside, &path, key.to_bytes().as_ref())? { Ok(key) } else { read(&path) }
    }

    /// The secret that spreads visitors over partitions: made by the first processor that shares the directory, and the same as
    /// long as that is there.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub fn partition_secret(&self, now: Millis) -> Result<[u8; 32], KeyStoreError> {
        let random = || {
            let mut random = [0; 32];
            getrandom::fill(&mut random).map_err(|_| KeyStoreError::Random).map(|()| random)
        };
        let Some(directory) = &self.directory else { return random() };
        let path = directory.join("partition.secret");
        if !path.exists() {
            // Named by the hour, as what is being written is: a start of another processor leaves it alone.
            write_first(&directory.join(format!("{}-{}.new", now.hour(), hex(&random()?))), &path, &random()?)?;
        }
        let bytes = fs::read(&path).map_err(|source| failed("read", &path, source))?;
        bytes.try_into().map_err(|_| KeyStoreError::Damaged { path })
    }
}

/// The beginning of what is random, as part of a file's name.
fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().take(8).fold(String::new(), |name, byte| name + &format!("{byte:02x}"))
}

/// Writes `bytes` aside and gives them their name, which only the first can do. Says whether it was this call; else what the first
/// one wrote holds, and ours are wiped.
fn write_first(aside: &Path, path: &Path, bytes: &[u8]) -> Result<bool, KeyStoreError> {
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(aside);
    let written = written
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::hard_link(aside, path));
    match written {
        Ok(()) => {
            let named = fs::remove_file(aside).and_then(|()| path.parent().map_or(Ok(()), sync_directory));
            named.map_err(|source| failed("write key", path, source)).map(|()| true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => wipe(aside).map(|()| false),
        Err(source) => Err(failed("write key", path, source)),
    }
}

fn read(path: &Path) -> Result<HourKey, KeyStoreError> {
    let bytes = Zeroizing::new(fs::read(path).map_err(|source| failed("read key", path, source))?);
    HourKey::from_bytes(&bytes).map_err(|_| KeyStoreError::Damaged { path: path.to_owned() })
}

/// Whether a half-written key is of an hour that nobody makes a key for any more.
fn is_left_behind(path: &Path, now: Millis) -> bool {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let hour = name.split('-').next().and_then(|hour| hour.parse::<i64>().ok());
    hour.is_none_or(|hour| hour < now.hour())
}

/// Removes a half-written key. One that has its name already, and was only not tidied up, is in use: its bytes stay.
fn remove_left_behind(path: &Path) -> Result<(), KeyStoreError> {
    let links = fs::metadata(path).map_err(|source| failed("read key", path, source))?.nlink();
    if links > 1 { fs::remove_file(path).map_err(|source| failed("remove", path, source)) } else { wipe(path) }
}

/// Takes a key out of use in one step, then wipes it: a crash in between leaves no half key that would be taken for one.
/// Says whether it was there: another processor may have been first.
fn destroy(path: &Path) -> Result<bool, KeyStoreError> {
    let dead = path.with_extension("dead");
    match fs::rename(path, &dead) {
        // It may have been taken out of use already, and then could not be wiped.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let was_left = dead.exists();
            wipe(&dead).map(|()| was_left)
        }
        Err(source) => Err(failed("destroy key", path, source)),
        Ok(()) => wipe(&dead).map(|()| true),
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

    /// Two clocks that agree.
    fn told(now: Millis) -> Told {
        Told { likely: now, sure: Some(now), ahead_ms: Some(0) }
    }

    /// What a turn destroys, when nothing fails.
    fn turned(store: &KeyStore, told: Told) -> Vec<i64> {
        let turn = store.turn(told);
        assert!(turn.failed.is_none(), "{turn:?}");
        turn.destroyed
    }

    /// A key that cannot be destroyed is told, lives on to be destroyed later, and keeps neither the others nor those to come.
    #[test]
    fn one_key_that_cannot_be_destroyed_hinders_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let store = KeyStore::open(directory.path(), Millis(500_000 * HOUR_MS)).unwrap();
        let file = |name: &str| directory.path().join(name);
        // A directory stands where the key would go to be wiped.
        fs::create_dir_all(file("500000.dead").join("in the way")).unwrap();
        let later = dies_at(500_001);
        let turn = store.turn(told(later));
        assert_eq!(turn.destroyed, [500_001]);
        assert!(turn.failed.is_some_and(|error| error.to_string().contains("500000.key")));
        assert!(file("500000.key").exists() && store.is_due(later));
        assert!((0..=HOURS_AHEAD).all(|hour| store.public(later.plus(hour * HOUR_MS)).is_some()));
        fs::remove_dir_all(file("500000.dead")).unwrap();
        assert_eq!(turned(&store, told(later)), [500_000]);
        assert!(!file("500000.key").exists() && !file("500000.dead").exists() && !store.is_due(later));
    }

    #[test]
    fn a_key_that_was_taken_out_of_use_and_not_wiped_is_wiped_by_the_next_turn() {
        let directory = tempfile::tempdir().unwrap();
        let store = KeyStore::open(directory.path(), Millis(500_000 * HOUR_MS)).unwrap();
        let file = |name: &str| directory.path().join(name);
        fs::rename(file("500000.key"), file("500000.dead")).unwrap();
        assert_eq!(turned(&store, told(dies_at(500_000))), [500_000]);
        assert!(!file("500000.dead").exists());
    }

    #[test]
    fn keeps_this_hour_and_the_next_ones_across_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let now = Millis(500_000 * HOUR_MS + 5);
        let store = KeyStore::open(directory.path(), now).unwrap();
        let public = store.public(now).unwrap();
        drop(store);
        let store = KeyStore::open(directory.path(), now).unwrap();
        assert_eq!(store.public(now).unwrap().bytes, public.bytes);
        assert!((0..=HOURS_AHEAD).all(|hour| store.public(now.plus(hour * HOUR_MS)).is_some()));
    }

    #[test]
    fn destroys_a_key_when_its_time_has_come_and_not_before() {
        let directory = tempfile::tempdir().unwrap();
        let now = Millis(500_000 * HOUR_MS);
        let store = KeyStore::open(directory.path(), now).unwrap();
        let file = directory.path().join("500000.key");
        assert!(turned(&store, told(dies_at(500_000).plus(-1))).is_empty() && file.exists());
        assert_eq!(turned(&store, told(dies_at(500_000))), [500_000]);
        assert!(!file.exists());
        let mut opener = Opener::default();
        store.equip(&mut opener);
        assert!(opener.hours().all(|hour| hour != 500_000));
    }

    #[test]
    fn a_key_is_kept_until_both_clocks_say_that_its_time_has_come_and_that_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let now = Millis(500_000 * HOUR_MS);
        let store = KeyStore::open(directory.path(), now).unwrap();
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        let day = 24 * HOUR_MS;
        // This machine's clock runs ahead by a day and an hour, so by it the first keys are due.
        let ahead = now.plus(28 * HOUR_MS);
        let told = |sure, ahead_ms| Told { likely: now.plus(3 * HOUR_MS), sure, ahead_ms };
        for told in [told(Some(now.plus(3 * HOUR_MS)), Some(day + HOUR_MS)), told(None, None)] {
            assert!(store.is_due(ahead));
            let turn = store.turn(told);
            assert!(turn.destroyed.is_empty() && turn.failed.is_none());
            store.report(ahead, told, &turn, &metrics);
            assert_eq!((metrics.seal_keys_kept_by_clock.get(), metrics.seal_keys_ahead.get()), (1, HOURS_AHEAD));
            assert_eq!(metrics.clock_difference_seconds.get(), told.ahead_ms.unwrap_or(0) as f64 / 1e3);
        }
        assert!(directory.path().join("500000.key").exists());
        assert!(store.public(now.plus(9 * HOUR_MS)).is_some(), "made ahead by the clock that is likely right");
        assert!(!directory.path().join("500028.key").exists());
        let both = Told { likely: ahead, sure: Some(ahead), ahead_ms: Some(0) };
        let turn = store.turn(both);
        assert_eq!(turn.destroyed, [500_000]);
        store.report(ahead, both, &turn, &metrics);
        assert_eq!((metrics.seal_keys_destroyed.get(), metrics.seal_key_failures.get()), (1, 0));
        assert_eq!((metrics.seal_keys_kept_by_clock.get(), metrics.clock_difference_seconds.get()), (0, 0.0));
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
        turned(&store, told(dies_at(500_000)));
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
    fn keys_in_memory_live_and_die_by_the_same_rules() {
        let now = Millis(500_000 * HOUR_MS);
        let store = KeyStore::in_memory(now).unwrap();
        let public = store.public(now).unwrap();
        assert!(turned(&store, told(dies_at(500_000).plus(-1))).is_empty());
        assert_eq!(store.public(now), Some(public));
        assert_eq!(turned(&store, told(dies_at(500_000))), [500_000]);
        assert_eq!(store.public(now), None);
    }

    #[test]
    fn clears_what_a_crash_left_half_written() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["1-ab.new", "x.new", "2.dead"] {
            fs::write(directory.path().join(name), b"short").unwrap();
        }
        KeyStore::open(directory.path(), Millis(2 * HOUR_MS)).unwrap();
        let left = || fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().file_name());
        assert_eq!(left().filter(|name| !name.to_str().unwrap().ends_with(".key")).count(), 0);
        // A crash between naming a key and tidying up: the key is in use.
        fs::hard_link(directory.path().join("2.key"), directory.path().join("2-ab.new")).unwrap();
        let public = KeyStore::open(directory.path(), Millis(2 * HOUR_MS)).unwrap().public(Millis(2 * HOUR_MS));
        let again = KeyStore::open(directory.path(), Millis(3 * HOUR_MS)).unwrap();
        assert!(!directory.path().join("2-ab.new").exists());
        assert_eq!(again.public(Millis(2 * HOUR_MS)), public);
    }

    #[test]
    fn processors_on_one_directory_seal_and_open_by_the_same_keys_and_destroy_each_once() {
        let directory = tempfile::tempdir().unwrap();
        let now = Millis(500_000 * HOUR_MS);
        let stores: Vec<KeyStore> = std::thread::scope(|scope| {
            let open = || KeyStore::open(directory.path(), now).unwrap();
            let opening: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            opening.into_iter().map(|opened| opened.join().unwrap()).collect()
        });
        let publics: BTreeSet<_> = stores.iter().map(|store| store.public(now).unwrap().bytes).collect();
        assert_eq!(publics.len(), 1, "only the first makes an hour's key");
        // One goes on alone for three hours; another that slept knows all of its keys with its next turn.
        let [awake, asleep, ..] = stores.as_slice() else { unreachable!() };
        (1..4).for_each(|hour| assert!(turned(awake, told(now.plus(hour * HOUR_MS))).is_empty()));
        let later = now.plus(3 * HOUR_MS);
        turned(asleep, told(later));
        let mut opener = Opener::default();
        asleep.equip(&mut opener);
        assert_eq!(opener.hours().collect::<Vec<_>>(), (500_000..500_004 + HOURS_AHEAD).collect::<Vec<_>>());
        let destroyed: Vec<i64> = stores.iter().flat_map(|store| turned(store, told(dies_at(500_000)))).collect();
        assert_eq!(destroyed, [500_000]);
        assert!(fs::read_dir(directory.path()).unwrap().all(|file| {
            let name = file.unwrap().file_name().into_string().unwrap();
            name.ends_with(".key") && name != "500000.key"
        }));
    }

    #[test]
    fn processors_that_share_a_directory_spread_visitors_alike() {
        let directory = tempfile::tempdir().unwrap();
        let now = Millis(500_000 * HOUR_MS);
        let secret = || KeyStore::open(directory.path(), now)?.partition_secret(now);
        let secrets: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| secret().unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| Some(secret) == secrets.first()) && secrets != [[0; 32]; 8]);
        let names =
            fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        assert_eq!(names.filter(|name| !name.ends_with(".key")).count(), 1, "nothing is left beside it");
        fs::write(directory.path().join("partition.secret"), b"short").unwrap();
        assert!(matches!(secret(), Err(KeyStoreError::Damaged { .. })));
    }
}
