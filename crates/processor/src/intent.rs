//! What a commit's metadata says: the partition's name in tokens, when the last record came that is in the counts, the one range
//! whose insert had been decided when it was written, if one was, and at which record each of the last hours began.
//!
//! The range is written before the insert and cleared after it. After a crash the processor repeats exactly that range under
//! exactly that token, so the store drops the second arrival; a zombie can repeat a range, never invent one. Times tell
//! other processors when every partition's counts have passed the end of a day; and who starts, whether the last record that was
//! read is still there, or another one in its place. The name goes with the commit: a topic
//! that was deleted and made again counts its offsets from the beginning, has no commits, and gets new names.

use std::num::NonZeroU64;

use journal::Offset;
use model::Millis;

use crate::hours::Hours;

/// Changes when the same records would fold into other cells. A range that another version decided is repeated under the same
/// token: of each of its blocks the store keeps the one that came first, so each hit is counted by one version or the other.
/// Another word in the ledger, or a table more, needs no new version: each table's rows are written whole, or are not there yet.
pub const FOLD_VERSION: u16 = 4;

/// The first byte of the present form. The form before it, 2, had whole minutes, no stamp, and no time of a range; the one before that
/// had no first byte and no time, and was empty or 18 bytes.
const FORM: u8 = 3;
const MINUTES: u8 = 2;
const RANGE_BYTES: usize = 18;
/// A range and the time of its last record.
const INTENT_BYTES: usize = RANGE_BYTES + 8;

/// A range of records that is being inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Offset of the first record.
    pub first: Offset,
    /// Offset after the last record.
    pub next: Offset,
    /// The fold that made the rows.
    pub fold_version: u16,
    /// When its last record came; nothing where that was not said.
    pub at: Option<Millis>,
}

/// A commit's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The partition's name; nothing where the whole journal has one and the partition never lost its end.
    pub name: Option<NonZeroU64>,
    /// When the last record came whose counts are in the store, by the journal's time; nothing where that was never said.
    pub at: Option<Millis>,
    /// The stamp of the last record that was read: of the range, if one was decided. By it another record in its place is known.
    pub stamp: Option<Millis>,
    /// The insert that was decided.
    pub intent: Option<Intent>,
    /// Where each of the last hours began.
    pub hours: Hours,
}

impl Words {
    /// Writes them as commit metadata.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        bytes.extend(self.name.map_or(0, NonZeroU64::get).to_le_bytes());
        bytes.extend(time_to_bytes(self.at));
        bytes.extend(time_to_bytes(self.stamp));
        bytes.push(self.intent.is_some().into());
        if let Some(intent) = self.intent {
            bytes.extend(intent.fold_version.to_le_bytes());
            bytes.extend(intent.first.0.to_le_bytes());
            bytes.extend(intent.next.0.to_le_bytes());
            bytes.extend(time_to_bytes(intent.at));
        }
        self.hours.encode(&mut bytes);
        bytes
    }

    /// Reads commit metadata.
    ///
    /// # Errors
    /// Something else wrote it.
    pub fn decode(metadata: &[u8]) -> Result<Self, UnknownMetadata> {
        let range = |bytes: &[u8]| {
            let [v0, v1, rest @ ..]: &[u8; RANGE_BYTES] = bytes.try_into().map_err(|_| UnknownMetadata)?;
            let (first, next) = rest.split_at(8);
            let offset =
                |half: &[u8]| half.try_into().map(|b| Offset(u64::from_le_bytes(b))).map_err(|_| UnknownMetadata);
            let fold_version = u16::from_le_bytes([*v0, *v1]);
            Ok(Intent { fold_version, first: offset(first)?, next: offset(next)?, at: None })
        };
        match metadata {
            [] => Ok(Self::default()),
            bytes if bytes.len() == RANGE_BYTES => Ok(Self { intent: Some(range(bytes)?), ..Self::default() }),
            [form @ (MINUTES | FORM), rest @ ..] => {
                let (name, rest) = rest.split_first_chunk().ok_or(UnknownMetadata)?;
                let (at, rest) = rest.split_first_chunk().ok_or(UnknownMetadata)?;
                let name = NonZeroU64::new(u64::from_le_bytes(*name));
                // It came at the end of that minute at the latest.
                let end_of = |minute: Millis| Millis(minute.0.saturating_mul(60_000).saturating_add(59_999));
                if *form == MINUTES {
                    let intent = if rest.is_empty() { None } else { Some(range(rest)?) };
                    return Ok(Self { name, at: time(*at).map(end_of), intent, ..Self::default() });
                }
                let (stamp, rest) = rest.split_first_chunk().ok_or(UnknownMetadata)?;
                let (intent, hours) = match rest {
                    [0, hours @ ..] => (None, hours),
                    [1, rest @ ..] => {
                        let (intent, hours) = rest.split_first_chunk::<INTENT_BYTES>().ok_or(UnknownMetadata)?;
                        let (intent, at) = intent.split_last_chunk().ok_or(UnknownMetadata)?;
                        (Some(Intent { at: time(*at), ..range(intent)? }), hours)
                    }
                    _ => return Err(UnknownMetadata),
                };
                Ok(Self { name, at: time(*at), stamp: time(*stamp), intent, hours: Hours::decode(hours)? })
            }
            _ => Err(UnknownMetadata),
        }
    }
}

fn time_to_bytes(at: Option<Millis>) -> [u8; 8] {
    at.map_or(i64::MIN, |at| at.0).to_le_bytes()
}

fn time(bytes: [u8; 8]) -> Option<Millis> {
    Some(i64::from_le_bytes(bytes)).filter(|at| *at != i64::MIN).map(Millis)
}

impl Intent {
    /// The range from `first` up to but without `next`, whose last record came `at`, by this program's fold.
    pub const fn new(first: Offset, next: Offset, at: Option<Millis>) -> Self {
        Self { first, next, fold_version: FOLD_VERSION, at }
    }

    /// The store's deduplication token for this range of this partition of a journal of that name.
    pub fn token(self, journal: &str, partition: u32) -> String {
        format!("{journal}-{partition}-{}-{}-1", self.first.0, self.next.0)
    }
}

/// Commit metadata that this program never writes.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownMetadata;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_as_they_were() {
        let (name, at, stamp) = (NonZeroU64::new(5), Some(Millis(-3)), Some(Millis(9)));
        for intent in
            [None, Some(Intent::new(Offset(7), Offset(u64::MAX), at)), Some(Intent::new(Offset(7), Offset(8), None))]
        {
            let mut hours = Hours::default();
            hours.note(Millis(3), Offset(6));
            for words in [Words { name, at, stamp, intent, hours }, Words { intent, ..Words::default() }] {
                assert_eq!(Words::decode(&words.encode()), Ok(words));
            }
        }
        for other in [
            &b"something else"[..],
            b"eighteen other bytes",
            &[FORM],
            &[FORM; 12],
            &[FORM; 25],
            &[FORM; 52],
            &[MINUTES; 43],
        ] {
            assert_eq!(Words::decode(other), Err(UnknownMetadata), "{other:?}");
        }
    }

    #[test]
    fn words_of_the_forms_before_are_read() {
        assert_eq!(Words::decode(&[]), Ok(Words::default()));
        let intent = Some(Intent { fold_version: 1, ..Intent::new(Offset(1), Offset(258), None) });
        let range = [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(Words::decode(&range), Ok(Words { intent, ..Words::default() }));
        let (name, minute) = ([5, 0, 0, 0, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0, 0, 0]);
        let minutes = [&[MINUTES], &name[..], &minute, &range].concat();
        let (name, at) = (NonZeroU64::new(5), Some(Millis(179_999)));
        assert_eq!(Words::decode(&minutes), Ok(Words { name, at, intent, ..Words::default() }));
        assert_eq!(Words::decode(&minutes[..17]), Ok(Words { name, at, ..Words::default() }));
    }

    #[test]
    fn tokens_of_different_ranges_partitions_and_journals_differ() {
        let range = |first, next| Intent::new(Offset(first), Offset(next), None);
        let intent = range(1, 2);
        let tokens = [
            intent.token("a", 0),
            intent.token("b", 0),
            intent.token("a", 1),
            range(1, 3).token("a", 0),
            range(0, 2).token("a", 0),
        ];
        let distinct: std::collections::BTreeSet<_> = tokens.iter().collect();
        assert_eq!(distinct.len(), tokens.len());
    }
}
