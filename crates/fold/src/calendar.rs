//! Instants to site-local days and hours. Time zones come with the binary (jiff's bundled database), so that every station
//! and every replay reads the same calendar.
//!
//! It is not a clock. The invariant: the answer is that of the zone's rules, whatever was asked before; between two changes
//! of a zone's offset it costs two comparisons.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use model::limits::DAY_GRACE_MS;
use model::{LocalDay, Millis};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A name that is no time zone of the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no time zone is named {0:?}; use an IANA name such as Asia/Tokyo")]
pub struct UnknownZone(pub String);

/// Where an instant lies on a site's wall calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Day in the zone.
    pub day: LocalDay,
    /// Wall-clock hour, 0 to 23.
    pub hour: u8,
}

/// A time zone and the stretch between two offset changes that was asked for last.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    zone: TimeZone,
    stretch: Stretch,
}

/// A range of instants with one offset.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from: i64,
    until: i64,
    offset_ms: i64,
}

impl Zone {
    /// Finds a zone by its IANA name.
    ///
    /// # Errors
    /// A name that is none.
    pub fn find(name: &str) -> Result<Self, UnknownZone> {
        let zone = TimeZone::get(name).map_err(|_| UnknownZone(name.to_owned()))?;
        let empty = Stretch { from: 0, until: 0, offset_ms: 0 };
        Ok(Self { name: name.to_owned(), zone, stretch: empty })
    }

    /// The zone of this name, or UTC under it: settings are checked where they are made, and a hit is never lost to one.
    #[must_use]
    pub fn find_or_utc(name: &str) -> Self {
        Self::find(name).unwrap_or_else(|_| {
            let empty = Stretch { from: 0, until: 0, offset_ms: 0 };
            Self { name: name.to_owned(), zone: TimeZone::UTC, stretch: empty }
        })
    }

    /// The name it was asked for by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The day and hour of an instant. An instant before the year -9999 or after 9999 is taken as that end.
    #[must_use]
    pub fn moment(&mut self, at: Millis) -> Moment {
        let at = at.0.clamp(Timestamp::MIN.as_millisecond() + DAY_MS, Timestamp::MAX.as_millisecond() - DAY_MS);
        if at < self.stretch.from || at >= self.stretch.until {
            self.stretch = self.stretch_around(at);
        }
        let local = at + self.stretch.offset_ms;
        let day = i32::try_from(local.div_euclid(DAY_MS)).expect("days of the years -9999 to 9999 fit");
        let hour = u8::try_from(local.rem_euclid(DAY_MS) / HOUR_MS).expect("a day has 24 hours on its clock");
        Moment { day: LocalDay(day), hour }
    }

    /// The first instant after a day: when its midnight strikes in the zone.
    #[must_use]
    pub fn end_of(&self, day: LocalDay) -> Millis {
        let next = i64::from(day.0).saturating_add(1);
        let instant = date_of(next)
            .and_then(|date| self.zone.to_ambiguous_timestamp(date.to_datetime(Time::midnight())).compatible().ok());
        instant.map_or(Millis(next.saturating_mul(DAY_MS)), |instant| Millis(instant.as_millisecond()))
    }

    /// When a day is over for good: its midnight and the grace have passed.
    #[must_use]
    pub fn closes(&self, day: LocalDay) -> Millis {
        self.end_of(day).plus(DAY_GRACE_MS)
    }

    fn stretch_around(&self, at: i64) -> Stretch {
        let instant = Timestamp::from_millisecond(at).expect("clamped to what jiff knows");
        // `preceding` is strict, so that it is asked about the next instant: a change at `at` itself has happened.
        let next = Timestamp::from_millisecond(at + 1).expect("clamped to what jiff knows");
        let from = self.zone.preceding(next).next().map_or(i64::MIN, |change| change.timestamp().as_millisecond());
        let until = self.zone.following(instant).next().map_or(i64::MAX, |change| change.timestamp().as_millisecond());
        Stretch { from, until, offset_ms: i64::from(self.zone.to_offset(instant).seconds()) * 1_000 }
    }
}

fn date_of(day: i64) -> Option<Date> {
    Date::new(1970, 1, 1).ok()?.checked_add(jiff::Span::new().try_days(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_zones_rules_at_every_hour_of_years_with_odd_days() {
        let zones = [
            "UTC",
            "Asia/Tokyo",
            "Europe/Berlin",
            "America/New_York",
            "Asia/Kolkata",
            "Asia/Kathmandu",
            "Australia/Lord_Howe",
            "America/St_Johns",
            "Pacific/Apia",
            "America/Havana",
            "Africa/Casablanca",
        ];
        for name in zones {
            let mut zone = Zone::find(name).unwrap();
            let reference = TimeZone::get(name).unwrap();
            // Half-hours of 2011 (Samoa skips a day, Newfoundland changes at 00:01) and 2026, forwards and then backwards.
            let steps = (0..17_520).map(|step| step * HOUR_MS / 2);
            for at in [1_293_840_000_000_i64, 1_767_225_600_000]
                .into_iter()
                .flat_map(|start| steps.clone().map(move |step| start + step))
            {
                check(&mut zone, &reference, at);
                check(&mut zone, &reference, at - 1);
            }
            check(&mut zone, &reference, 0);
        }
    }

    #[test]
    fn days_are_as_long_as_the_wall_says() {
        let hours = |name: &str, year, month, day| {
            let zone = Zone::find(name).unwrap();
            let number = (Date::new(year, month, day).unwrap() - Date::new(1970, 1, 1).unwrap()).get_days();
            let length = zone.end_of(LocalDay(number)).0 - zone.end_of(LocalDay(number - 1)).0;
            length as f64 / HOUR_MS as f64
        };
        assert_eq!(hours("Europe/Berlin", 2026, 3, 29), 23.0);
        assert_eq!(hours("Europe/Berlin", 2026, 10, 25), 25.0);
        assert_eq!(hours("Europe/Berlin", 2026, 7, 1), 24.0);
        assert_eq!(hours("Australia/Lord_Howe", 2026, 4, 5), 24.5);
        assert_eq!(hours("America/Havana", 2026, 3, 8), 23.0);
        assert_eq!(hours("Pacific/Apia", 2011, 12, 30), 0.0);
    }

    #[test]
    fn a_half_hour_zone_changes_day_at_its_own_midnight() {
        let mut zone = Zone::find("Asia/Kolkata").unwrap();
        let midnight = 20_000 * DAY_MS - 5 * HOUR_MS - HOUR_MS / 2;
        assert_eq!(zone.moment(Millis(midnight - 1)), Moment { day: LocalDay(19_999), hour: 23 });
        assert_eq!(zone.moment(Millis(midnight)), Moment { day: LocalDay(20_000), hour: 0 });
        assert_eq!(zone.end_of(LocalDay(19_999)), Millis(midnight));
        assert_eq!(zone.closes(LocalDay(19_999)), Millis(midnight + 2 * HOUR_MS));
    }

    #[test]
    fn a_repeated_hour_is_one_hour() {
        let mut zone = Zone::find("Europe/Berlin").unwrap();
        let change = 1_792_890_000_000; // 2026-10-25T01:00:00Z, from 03:00 to 02:00
        let (first, second) = (zone.moment(Millis(change - HOUR_MS)), zone.moment(Millis(change)));
        assert_eq!((first, first.hour), (second, 2));
        assert_eq!(zone.moment(Millis(change - 2 * HOUR_MS)).hour, 1);
        assert_eq!(zone.moment(Millis(change + HOUR_MS)).hour, 3);
    }

    #[test]
    fn no_instant_and_no_name_panics() {
        let mut zone = Zone::find("America/New_York").unwrap();
        for at in [i64::MIN, i64::MAX, 0, Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond()] {
            let moment = zone.moment(Millis(at));
            let _ = zone.closes(moment.day);
        }
        let _ = (zone.end_of(LocalDay(i32::MIN)), zone.end_of(LocalDay(i32::MAX)));
        assert_eq!(Zone::find("Mars/Olympus").unwrap_err(), UnknownZone("Mars/Olympus".to_owned()));
    }

    fn check(zone: &mut Zone, reference: &TimeZone, at: i64) {
        let local = reference.to_datetime(Timestamp::from_millisecond(at).unwrap());
        let day = (local.date() - Date::new(1970, 1, 1).unwrap()).get_days();
        let expected = Moment { day: LocalDay(day), hour: local.hour().try_into().unwrap() };
        assert_eq!(zone.moment(Millis(at)), expected, "{} {at}", zone.name());
    }
}
