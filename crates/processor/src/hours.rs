//! At which record each of the last hours began, by the journal's time: it goes with every commit, so that a start knows how many
//! records of a day that is still open the journal has dropped since, and of which hours they were. The journal drops records as old
//! as keys grow; what is gone cannot be asked when it came.

use std::collections::BTreeMap;

use journal::Offset;
use model::Millis;

use crate::intent::UnknownMetadata;

/// No day that is open began longer ago than a replay reaches back, which is 28 hours. As many again may be read before they are counted,
/// after an outage: who repeats that insert has to find as many records gone as the first one did.
const HOURS_MAX: usize = 64;

/// The first record of each hour that had any, of the last ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hours(BTreeMap<i64, Offset>);

impl Hours {
    /// Notes a record: each once, or again in the same order.
    pub fn note(&mut self, at: Millis, offset: Offset) {
        self.0.entry(at.hour()).or_insert(offset);
        if self.0.len() > HOURS_MAX {
            self.0.pop_first();
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

    /// Writes them: each hour, and where it began.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        for (hour, first) in &self.0 {
            bytes.extend(hour.to_le_bytes());
            bytes.extend(first.0.to_le_bytes());
        }
    }

    /// Reads them.
    ///
    /// # Errors
    /// Something else wrote it.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnknownMetadata> {
        let (numbers, rest) = bytes.as_chunks();
        let (hours, odd) = numbers.as_chunks();
        let hour = |[hour, first]: &[[u8; 8]; 2]| (i64::from_le_bytes(*hour), Offset(u64::from_le_bytes(*first)));
        if rest.is_empty() && odd.is_empty() {
            Ok(Self(hours.iter().map(hour).collect()))
        } else {
            Err(UnknownMetadata)
        }
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
        let hours = noted(&(0..100).map(|hour| (hour, 3 * hour as u64)).collect::<Vec<_>>());
        assert_eq!(hours.first_since(0), Some(Offset(108)));
        for hours in [hours, noted(&[(-3, 1), (1_000_000, u64::MAX)]), Hours::default()] {
            let mut bytes = Vec::new();
            hours.encode(&mut bytes);
            assert!(bytes.len() <= 16 * HOURS_MAX);
            assert_eq!(Hours::decode(&bytes), Ok(hours));
        }
        for odd in [7, 18, 24] {
            assert_eq!(Hours::decode(&vec![1; odd]), Err(UnknownMetadata), "{odd} bytes");
        }
    }
}
