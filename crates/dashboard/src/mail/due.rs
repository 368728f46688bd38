//! Which period a mailing is due for: the week or month that ended last, from its hour on.

use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};
use model::Millis;
use settings::{MailingTerms, Rhythm};

use crate::calendar::{at, begin, local_day};

/// A period, the one before it, and when its report is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Its first and last day.
    pub(crate) dates: (Date, Date),
    /// Those of the one before.
    pub(crate) before: (Date, Date),
    /// From when on it is sent.
    pub(crate) at: Millis,
    /// When its last day has ended.
    pub(crate) over: Millis,
}

impl Due {
    /// The number of its last day.
    pub(crate) fn through(&self) -> i64 {
        local_day(self.dates.1).0.into()
    }
}

/// The last period whose report is due.
pub(crate) fn due(terms: MailingTerms, now: Millis, zone: &TimeZone) -> Due {
    let today = at(now, zone).date();
    let this = first_of(terms.rhythm, today);
    let of = |first: Date| {
        let (from, earlier) = (back(terms.rhythm, first), back(terms.rhythm, back(terms.rhythm, first)));
        let last = |next: Date| next.saturating_sub(1.day());
        let instant = |hour| Millis(begin(local_day(first), hour, zone).timestamp().as_millisecond());
        Due { dates: (from, last(first)), before: (earlier, last(from)), at: instant(terms.hour), over: instant(0) }
    };
    let due = of(this);
    if due.at.0 <= now.0 { due } else { of(back(terms.rhythm, this)) }
}

/// The Monday, or the first of the month, that a day is on or after.
fn first_of(rhythm: Rhythm, day: Date) -> Date {
    match rhythm {
        Rhythm::Weekly => {
            let week = day.iso_week_date();
            ISOWeekDate::new(week.year(), week.week(), Weekday::Monday).map_or(day, ISOWeekDate::date)
        }
        Rhythm::Monthly => day.first_of_month(),
    }
}

/// The first day of the period before.
fn back(rhythm: Rhythm, first: Date) -> Date {
    match rhythm {
        Rhythm::Weekly => first.saturating_sub(7.days()),
        Rhythm::Monthly => first.saturating_sub(1.month()),
    }
}

/// How long a failed mail waits: a minute after the first attempt, twice as long after each more, two hours at most.
pub(crate) fn wait(attempt: i64) -> SignedDuration {
    let doublings = u32::try_from(attempt.clamp(1, 8) - 1).unwrap_or_default();
    SignedDuration::from_mins((1_i64 << doublings).min(120))
}

#[cfg(test)]
mod tests {
    use settings::Tongue;

    use super::*;

    fn told(rhythm: Rhythm, hour: u8, now: &str, zone: &str) -> String {
        let zone = TimeZone::get(zone).unwrap();
        let now = Millis(now.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let due = due(MailingTerms { rhythm, hour, language: Tongue::English }, now, &zone);
        let instant = |at: Millis| jiff::Timestamp::from_millisecond(at.0).unwrap();
        let ((first, last), (earlier, before)) = (due.dates, due.before);
        format!("{first}..{last} after {earlier}..{before} at {} over {}", instant(due.at), instant(due.over))
    }

    #[test]
    fn a_week_is_due_on_monday_at_its_hour_where_the_site_is() {
        // 2026-11-30 is a Monday.
        let week = "2026-11-23..2026-11-29 after 2026-11-16..2026-11-22";
        let tokyo = format!("{week} at 2026-11-29T23:00:00Z over 2026-11-29T15:00:00Z");
        assert_eq!(told(Rhythm::Weekly, 8, "2026-11-29T23:00:00Z", "Asia/Tokyo"), tokyo);
        assert_eq!(told(Rhythm::Weekly, 8, "2026-12-06T22:59:59Z", "Asia/Tokyo"), tokyo, "until the next one is");
        let before = "2026-11-16..2026-11-22 after 2026-11-09..2026-11-15";
        assert!(told(Rhythm::Weekly, 8, "2026-11-29T22:59:59Z", "Asia/Tokyo").starts_with(before));
        assert!(told(Rhythm::Weekly, 0, "2026-11-29T15:00:00Z", "Asia/Tokyo").starts_with(week));
    }

    #[test]
    fn a_month_is_due_on_the_first_and_compared_with_the_month_before() {
        let february = "2028-02-01..2028-02-29 after 2028-01-01..2028-01-31 at 2028-03-01T08:00:00Z";
        assert!(told(Rhythm::Monthly, 8, "2028-03-01T08:00:00Z", "UTC").starts_with(february));
        assert!(told(Rhythm::Monthly, 8, "2028-03-31T23:00:00Z", "UTC").starts_with(february));
        let january = "2028-01-01..2028-01-31 after 2027-12-01..2027-12-31";
        assert!(told(Rhythm::Monthly, 8, "2028-03-01T07:59:59Z", "UTC").starts_with(january));
    }

    #[test]
    fn an_hour_that_a_change_of_clocks_leaves_out_is_the_one_after() {
        // In 2026 clocks in Berlin go from 2 to 3 on 2026-03-29, a Sunday; a month that begins so is none: look at weeks that follow.
        let told = told(Rhythm::Weekly, 2, "2026-03-30T00:00:00Z", "Europe/Berlin");
        assert!(told.contains("2026-03-23..2026-03-29") && told.contains("at 2026-03-30T00:00:00Z"), "{told}");
    }

    #[test]
    fn waits_grow_to_two_hours() {
        let waits: Vec<_> = (1..=9).map(|attempt| wait(attempt).as_mins()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
    }
}
