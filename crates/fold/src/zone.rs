//! What zone counts a site after its setting was changed: its open day goes on by the zone that it was begun in, to that zone's
//! midnight, and a replay of the day finds the same.
//!
//! It remembers nothing: what was counted by before is an argument, and whoever keeps settings keeps it.

use model::{CountedZone, FormerZone, Millis};

use crate::calendar::Zone;

/// How long a former zone is remembered after its end: longer than any record or day lives that could still be replayed.
const REMEMBERED_MS: i64 = 3 * 24 * 3_600_000;

/// How far ahead of its midnight a change must be known, so that every station has learnt of it when it takes effect; a later one
/// takes effect a day later.
const LEAD_MS: i64 = 60_000;

/// What a site whose setting is `timezone` is counted by at `now`, after what it was counted by before.
#[must_use]
pub fn following(last: Option<&CountedZone>, timezone: &str, now: Millis) -> CountedZone {
    let counted = |before| CountedZone { timezone: timezone.to_owned(), before };
    let Some(last) = last else { return counted(None) };
    let before = last.before.as_ref().filter(|before| now < before.until.plus(REMEMBERED_MS));
    if last.timezone == timezone {
        return counted(before.cloned());
    }
    // A change that has not taken effect yet never will: the zone before it goes on.
    let (counting, until) = match before {
        Some(before) if now < before.until => (&before.timezone, before.until),
        Some(_) | None => (&last.timezone, now),
    };
    let mut zone = Zone::find_or_utc(counting);
    let day = zone.moment(now.plus(LEAD_MS)).day;
    counted(Some(FormerZone { until: zone.end_of(day).max(until), timezone: counting.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    /// 2026-06-01T17:00Z: the second of June in Tokyo.
    const NOW: Millis = Millis(20_605 * 24 * HOUR + 17 * HOUR);
    const MIDNIGHT: Millis = Millis(20_606 * 24 * HOUR);

    /// A site whose setting is read now and then, as by a server that starts or looks again.
    #[derive(Default)]
    struct Site(Option<CountedZone>);

    impl Site {
        fn reads(&mut self, timezone: &str, now: Millis) -> Option<(String, Millis)> {
            let counted = following(self.0.as_ref(), timezone, now);
            assert_eq!(counted.timezone, timezone);
            self.0 = Some(counted.clone());
            counted.before.map(|before| (before.timezone, before.until))
        }
    }

    #[test]
    fn a_change_takes_effect_at_the_end_of_the_day_however_often_it_is_read() {
        let mut site = Site::default();
        assert_eq!(site.reads("UTC", NOW), None);
        let utc = Some(("UTC".to_owned(), MIDNIGHT));
        assert_eq!(site.reads("Asia/Tokyo", NOW), utc);
        assert_eq!(site.reads("Asia/Tokyo", NOW.plus(HOUR)), utc);
        assert_eq!(site.reads("America/New_York", NOW.plus(2 * HOUR)), utc, "the day goes on by its own zone");
        assert_eq!(site.reads("America/New_York", MIDNIGHT.plus(30 * HOUR)), utc, "a replay may need it");
        assert_eq!(site.reads("America/New_York", MIDNIGHT.plus(4 * 24 * HOUR)), None);
    }

    #[test]
    fn back_again_before_the_end_of_the_day_changes_nothing() {
        let mut site = Site::default();
        site.reads("UTC", NOW);
        site.reads("Asia/Tokyo", NOW);
        assert_eq!(site.reads("UTC", NOW), Some(("UTC".to_owned(), MIDNIGHT)));
    }

    #[test]
    fn a_change_in_the_last_minute_of_a_day_takes_effect_a_day_later() {
        let mut site = Site::default();
        site.reads("UTC", NOW);
        let next = Some(("UTC".to_owned(), MIDNIGHT.plus(24 * HOUR)));
        assert_eq!(site.reads("Asia/Tokyo", MIDNIGHT.plus(-30_000)), next);
        assert_eq!(site.reads("America/New_York", MIDNIGHT.plus(-20_000)), next);
        let mut site = Site::default();
        site.reads("UTC", NOW);
        site.reads("Asia/Tokyo", NOW);
        assert_eq!(site.reads("America/New_York", MIDNIGHT.plus(-1)), next, "Tokyo was about to count, and does not");
    }

    #[test]
    fn after_a_change_took_effect_the_next_one_waits_for_the_new_zones_day() {
        let mut site = Site::default();
        site.reads("UTC", NOW);
        site.reads("Asia/Tokyo", NOW);
        let tokyo = Some(("Asia/Tokyo".to_owned(), MIDNIGHT.plus(15 * HOUR)));
        assert_eq!(site.reads("UTC", MIDNIGHT.plus(HOUR)), tokyo);
    }
}
