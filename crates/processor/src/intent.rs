//! What a commit's metadata says: nothing, or the one range whose insert had been decided when it was written.
//!
//! Written before the insert and cleared after it. After a crash the processor repeats exactly that range under exactly
//! that token, so the store drops the second arrival; a zombie can repeat a range, never invent one.

use journal::Offset;

/// Changes when the same records would fold into other cells: a range decided by one version is then not repeated by another.
/// Another word in the ledger, or a table more, needs no new version: each table's rows are written whole, or are not there yet.
pub const FOLD_VERSION: u16 = 1;

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

impl Intent {
    /// The range from `first` up to but without `next`, by this program's fold.
    pub const fn new(first: Offset, next: Offset) -> Self {
        Self { first, next, fold_version: FOLD_VERSION }
    }

    /// Writes the intent as commit metadata.
    pub fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(18);
        bytes.extend(self.fold_version.to_le_bytes());
        bytes.extend(self.first.0.to_le_bytes());
        bytes.extend(self.next.0.to_le_bytes());
        bytes
    }

    /// Reads commit metadata: `Ok(None)` where no insert was under way, `Err` where something else wrote it.
    pub fn decode(metadata: &[u8]) -> Result<Option<Self>, UnknownMetadata> {
        if metadata.is_empty() {
            return Ok(None);
        }
        let bytes: &[u8; 18] = metadata.try_into().map_err(|_| UnknownMetadata)?;
        let [v0, v1, rest @ ..] = bytes;
        let (first, next) = rest.split_at(8);
        let offset = |half: &[u8]| half.try_into().map(|b| Offset(u64::from_le_bytes(b))).map_err(|_| UnknownMetadata);
        Ok(Some(Self { fold_version: u16::from_le_bytes([*v0, *v1]), first: offset(first)?, next: offset(next)? }))
    }

    /// The store's deduplication token for this range of this journal's partition.
    pub fn token(self, journal: &str, partition: u32) -> String {
        format!("{journal}-{partition}-{}-{}-{}", self.first.0, self.next.0, self.fold_version)
    }
}

/// Commit metadata that this program never writes.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownMetadata;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_comes_back_as_it_was() {
        let intent = Intent::new(Offset(7), Offset(u64::MAX));
        assert_eq!(Intent::decode(&intent.encode()), Ok(Some(intent)));
        assert_eq!(Intent::decode(&[]), Ok(None));
        assert_eq!(Intent::decode(b"something else"), Err(UnknownMetadata));
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
