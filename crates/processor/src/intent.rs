//! What a commit's metadata says: the partition's name in tokens, how far in the journal's time the counts are, and the one
//! range whose insert had been decided when it was written, if one was.
//!
//! The range is written before the insert and cleared after it. After a crash the processor repeats exactly that range under
//! exactly that token, so the store drops the second arrival; a zombie can repeat a range, never invent one. The time is there
//! for other processors: a day is closed when every partition's counts have passed its end. The name goes with the commit: a topic
//! that was deleted and made again counts its offsets from the beginning, has no commits, and gets new names.

use std::num::NonZeroU64;

use journal::Offset;

/// Changes when the same records would fold into other cells. A range that another version decided is repeated under the same
/// token: of each of its blocks the store keeps the one that came first, so each hit is counted by one version or the other.
/// Another word in the ledger, or a table more, needs no new version: each table's rows are written whole, or are not there yet.
pub const FOLD_VERSION: u16 = 4;

/// The first byte of the present form; the form before it had no time, and was empty or 18 bytes.
const FORM: u8 = 2;
const RANGE_BYTES: usize = 18;

/// A range of records that is being inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Offset of the first record.
    pub first: Offset,
    /// Offset after the last record.
    pub next: Offset,
    /// The fold that made the rows.
    pub fold_version: u16,
}

/// A commit's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The partition's name; nothing where the whole journal has one.
    pub name: Option<NonZeroU64>,
    /// The minute of the journal's time whose counts are in the store; nothing where that was never said.
    pub minute: Option<i64>,
    /// The insert that was decided.
    pub intent: Option<Intent>,
}

impl Words {
    /// Writes them as commit metadata.
    pub fn encode(self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        bytes.extend(self.name.map_or(0, NonZeroU64::get).to_le_bytes());
        bytes.extend(self.minute.unwrap_or(i64::MIN).to_le_bytes());
        if let Some(intent) = self.intent {
            bytes.extend(intent.fold_version.to_le_bytes());
            bytes.extend(intent.first.0.to_le_bytes());
            bytes.extend(intent.next.0.to_le_bytes());
        }
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
            Ok(Intent { fold_version, first: offset(first)?, next: offset(next)? })
        };
        match metadata {
            [] => Ok(Self::default()),
            bytes if bytes.len() == RANGE_BYTES => Ok(Self { intent: Some(range(bytes)?), ..Self::default() }),
            [FORM, rest @ ..] => {
                let (name, rest) = rest.split_first_chunk().ok_or(UnknownMetadata)?;
                let (minute, rest) = rest.split_first_chunk().ok_or(UnknownMetadata)?;
                let name = NonZeroU64::new(u64::from_le_bytes(*name));
                let minute = Some(i64::from_le_bytes(*minute)).filter(|minute| *minute != i64::MIN);
                let intent = if rest.is_empty() { None } else { Some(range(rest)?) };
                Ok(Self { name, minute, intent })
            }
            _ => Err(UnknownMetadata),
        }
    }
}

impl Intent {
    /// The range from `first` up to but without `next`, by this program's fold.
    pub const fn new(first: Offset, next: Offset) -> Self {
        Self { first, next, fold_version: FOLD_VERSION }
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
        let intent = Some(Intent::new(Offset(7), Offset(u64::MAX)));
        let name = NonZeroU64::new(5);
        for words in [Words { name, minute: Some(-3), intent }, Words { intent, ..Words::default() }, Words::default()]
        {
            assert_eq!(Words::decode(&words.encode()), Ok(words));
        }
        for other in [&b"something else"[..], b"eighteen other bytes", &[FORM], &[FORM; 12]] {
            assert_eq!(Words::decode(other), Err(UnknownMetadata), "{other:?}");
        }
    }

    #[test]
    fn words_of_the_form_before_are_read() {
        assert_eq!(Words::decode(&[]), Ok(Words::default()));
        let intent = Intent { fold_version: 1, ..Intent::new(Offset(1), Offset(258)) };
        let before = [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(Words::decode(&before), Ok(Words { intent: Some(intent), ..Words::default() }));
    }

    #[test]
    fn tokens_of_different_ranges_partitions_and_journals_differ() {
        let intent = Intent::new(Offset(1), Offset(2));
        let tokens = [
            intent.token("a", 0),
            intent.token("b", 0),
            intent.token("a", 1),
            Intent::new(Offset(1), Offset(3)).token("a", 0),
            Intent::new(Offset(0), Offset(2)).token("a", 0),
        ];
        let distinct: std::collections::BTreeSet<_> = tokens.iter().collect();
        assert_eq!(distinct.len(), tokens.len());
    }
}
