//! Between a site's wall clock and the store's numbers: days as dates, hours as labels, instants as site-local hours.
//!
//! A day of a site is the site's own; no other time zone appears anywhere in an answer.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, ZonedDateTime};
use model::{LocalDay, Millis, Site};

/// The first day of the store's numbering.
const EPOCH: Date = date(1970, 1, 1);

/// A site's zone; configuration has checked its name, so an unknown one can only be newer than our tables: UTC then.
#[must_use]
pub fn zone_of(site: &Site) -> TimeZone {
    TimeZone::get(&site.timezone).unwrap_or(TimeZone::UTC)
}

/// The store's number of a date.
#[must_use]
pub fn local_day(date: Date) -> LocalDay {
    let days = date.duration_since(EPOCH).as_hours() / 24;
    LocalDay(i32::try_from(days).unwrap_or(i32::MAX))
}

/// The date of the store's number.
#[must_use]
pub fn date_of(day: LocalDay) -> Date {
    EPOCH.saturating_add(day.0.days())
}

/// How a day in UTC is told, which is given as days since 1970.
#[must_use]
pub fn utc_day_label(day: i64) -> String {
    at(Millis(0).plus_days(day), &TimeZone::UTC).date().to_string()
}

/// An instant on a site's wall clock.
#[must_use]
pub fn at(now: Millis, zone: &TimeZone) -> ZonedDateTime {
    Timestamp::from_millisecond(now.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned_datetime(zone.clone())
}

/// The site-local hour of an instant.
#[must_use]
pub fn local_hour(instant: &ZonedDateTime) -> (LocalDay, u8) {
    (local_day(instant.date()), u8::try_from(instant.hour()).unwrap_or_default())
}

/// The instant at which a site-local hour begins.
#[must_use]
pub fn begin(day: LocalDay, hour: u8, zone: &TimeZone) -> ZonedDateTime {
    let wall = date_of(day).at(i8::try_from(hour).unwrap_or_default(), 0, 0, 0);
    wall.to_zoned_datetime(zone.clone()).unwrap_or_else(|_| Timestamp::UNIX_EPOCH.to_zoned_datetime(zone.clone()))
}

/// The last second of a site-local hour.
#[must_use]
pub fn last_second(day: LocalDay, hour: u8, zone: &TimeZone) -> ZonedDateTime {
    let wall = date_of(day).at(i8::try_from(hour).unwrap_or_default(), 59, 59, 0);
    wall.to_zoned_datetime(zone.clone())
        .unwrap_or_else(|_| begin(day, hour, zone).saturating_add(SignedDuration::from_secs(3_599)))
}

/// How an instant stands in an answer: `2024-01-01T00:00:00+09:00`.
#[must_use]
pub fn instant_label(instant: &ZonedDateTime) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// How a bucket of time stands in an answer, as in Plausible's: `2024-01-01`, or `2024-01-01 15:00:00` for an hour.
#[must_use]
pub fn bucket_label(day: LocalDay, hour: Option<u8>) -> String {
    match hour {
        None => date_of(day).to_string(),
        Some(hour) => format!("{} {hour:02}:00:00", date_of(day)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_each_other() {
        for (number, text) in [(0, "1970-01-01"), (19_723, "2024-01-01"), (-1, "1969-12-31")] {
            assert_eq!(date_of(LocalDay(number)).to_string(), text);
            assert_eq!(local_day(text.parse().unwrap()), LocalDay(number));
        }
    }

    #[test]
    fn an_hour_is_the_sites_own() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let instant = at(Millis(1_704_034_800_000 - 1), &tokyo);
        assert_eq!(local_hour(&instant), (LocalDay(19_722), 23));
        assert_eq!(instant_label(&begin(LocalDay(19_723), 0, &tokyo)), "2024-01-01T00:00:00+09:00");
        assert_eq!(instant_label(&last_second(LocalDay(19_723), 23, &tokyo)), "2024-01-01T23:59:59+09:00");
    }
}
