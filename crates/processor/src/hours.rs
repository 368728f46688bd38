//! At which record each of the last hours began, by the journal's time: it goes with every commit, so that a start knows how many
//! records of a day that is still open the journal has dropped since, and of which hours they were. The journal drops records as old
//! as keys grow; what is gone cannot be asked when it came.

use std::collections::BTreeMap;

use journal::Offset;
use model::Millis;

use crate::intent::UnknownMetadata;

/// No day that is open began longer ago than a replay reaches back, which is 28 hours; the hour in which it did, and this one.
const HOURS_MAX: i64 = 30;

/// The first record of each hour that had any, of the last ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hours(BTreeMap<i64, Offset>);

impl Hours {
    /// Notes a record: each once, or again in the same order.
    pub fn note(&mut self, at: Millis, offset: Offset) {
        self.0.entry(at.hour()).or_insert(offset);
    }

    /// All up to the last record is counted: hours that no open day can have are forgotten. Not before: who repeats an insert has to
    /// find as many records gone as the first one did.
    pub fn are_counted(&mut self) {
        if let Some((last, _)) = self.0.last_key_value() {
            self.0 = self.0.split_off(&last.saturating_sub(HOURS_MAX - 1));
        }
    }

    /// The journal ends there, and gives its offsets a second time.
    pub fn cut(&mut self, end: Offset) {
        self.0.values_mut().for_each(|first| *first = end.min(*first));
    }

    /// The first record that came in that hour or later; nothing where none is known.
    pub fn first_since(&self, hour: i64) -> Option<Offset> {
        self.0.range(hour..).next().map(|(_, first)| *first)
    }

    /// Whether nothing is known of any record.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many records of each hour from `since` on stood before `begin`.
    pub fn before(&self, begin: Offset, since: i64) -> Vec<(i64, u64)> {
        let hours = self.0.range(since..);
        let ends = hours.clone().skip(1).map(|(_, first)| begin.min(*first)).chain([begin]);
        let records = hours.zip(ends).map(|((hour, first), end)| (*hour, end.0.saturating_sub(first.0)));
        records.filter(|(_, records)| *records > 0).collect()
    }

    /// Writes them: the last hour, and of each how long before that it was and where it began.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let Some((last, _)) = self.0.last_key_value() else { return };
        bytes.extend(last.to_le_bytes());
        for (hour, first) in &self.0 {
            bytes.push(u8::try_from(last - hour).unwrap_or(u8::MAX));
            bytes.extend(first.0.to_le_bytes());
        }
    }

    /// Reads them.
    ///
    /// # Errors
    /// Something else wrote it.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnknownMetadata> {
        let Some((last, hours)) = bytes.split_first_chunk() else {
            return if bytes.is_empty() { Ok(Self::default()) } else { Err(UnknownMetadata) };
        };
        let last = i64::from_le_bytes(*last);
        let (hours, rest) = hours.as_chunks::<9>();
        let hour =
            |[ago, first @ ..]: &[u8; 9]| (last.saturating_sub(i64::from(*ago)), Offset(u64::from_le_bytes(*first)));
        if rest.is_empty() { Ok(Self(hours.iter().map(hour).collect())) } else { Err(UnknownMetadata) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn noted(records: &[(i64, u64)]) -> Hours {
        let mut hours = Hours::default();
        records.iter().for_each(|(hour, offset)| hours.note(Millis(hour * HOUR + 5), Offset(*offset)));
        hours
    }

    #[test]
    fn what_the_journal_dropped_of_each_hour_is_known() {
        let hours = noted(&[(100, 7), (100, 8), (101, 9), (104, 20), (104, 25)]);
        assert_eq!(hours.first_since(100), Some(Offset(7)));
        assert_eq!(hours.first_since(102), Some(Offset(20)));
        assert_eq!(hours.first_since(105), None);
        assert_eq!(hours.before(Offset(7), 100), []);
        assert_eq!(hours.before(Offset(12), 100), [(100, 2), (101, 3)]);
        assert_eq!(hours.before(Offset(23), 101), [(101, 11), (104, 3)]);
        assert_eq!(hours.before(Offset(23), 105), []);
    }

    #[test]
    fn who_reads_again_notes_nothing_new() {
        let mut hours = noted(&[(100, 7), (101, 9)]);
        hours.note(Millis(100 * HOUR), Offset(8));
        assert_eq!(hours, noted(&[(100, 7), (101, 9)]));
        hours.cut(Offset(8));
        assert_eq!(hours.before(Offset(8), 100), [(100, 1)]);
    }

    #[test]
    fn as_many_hours_as_a_day_can_be_open_are_kept_and_come_back() {
        let mut hours = noted(&(0..100).map(|hour| (hour, 3 * hour as u64)).collect::<Vec<_>>());
        hours.are_counted();
        assert_eq!(hours.first_since(0), Some(Offset(210)));
        for hours in [hours, noted(&[(-3, 1), (2, u64::MAX)]), Hours::default()] {
            let mut bytes = Vec::new();
            hours.encode(&mut bytes);
            assert!(bytes.len() <= 8 + 9 * HOURS_MAX as usize);
            assert_eq!(Hours::decode(&bytes), Ok(hours));
        }
        assert_eq!(Hours::decode(&[1; 7]), Err(UnknownMetadata));
        assert_eq!(Hours::decode(&[1; 18]), Err(UnknownMetadata));
    }
}
