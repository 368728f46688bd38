//! The graph: what is not over, other days beside it, and hours, weeks, months and changes, worked out here from what was viewed.

use super::*;

/// Visitors of twelve days, the last one first, of five of these a year before, the first one first, and of today.
const DAYS: [usize; 12] = [3, 1, 4, 2, 5, 6, 2, 8, 3, 7, 1, 9];
const YEAR_BEFORE: [usize; 5] = [2, 6, 4, 1, 3];
const TODAY: [Later; 2] = [(1, AGENT, "/"), (2, AGENT, "/")];

#[test]
fn the_graph_tells_what_is_not_over_and_what_other_days_had() {
    let data = tempfile::tempdir().unwrap();
    let config = format!("trusted_proxies = [\"127.0.0.0/8\"]\n[[site]]\ndomain = \"{SITE}\"\n");
    let server = Server::configured(data.path(), &config);
    // The last one of five days of a month that are in every year.
    let fits = |last: &u64| {
        let [from, to] = [last + 4, *last].map(days_ago);
        from[..7] == to[..7] && &to[8..] <= "28"
    };
    let last = (1..).find(fits).unwrap();
    let days = |from: u64, to: u64| (to..=from).rev().map(|ago| days_ago(last + ago)).collect::<Vec<_>>();
    let now = days(4, 0);
    let year_before: Vec<String> =
        now.iter().map(|day| format!("{}{}", day[..4].parse::<u32>().unwrap() - 1, &day[4..])).collect();
    let mut counted = vec![(days_ago(430), 1)];
    counted.extend(days(11, 0).into_iter().rev().zip(DAYS));
    counted.extend(year_before.iter().cloned().zip(YEAR_BEFORE));
    import(&server, data.path(), &counted);
    come(&server, &TODAY);
    let on = |date: &String| counted.iter().filter(|(day, _)| day == date).map(|(_, visitors)| visitors).sum::<usize>();
    let all = counted.iter().map(|(_, visitors)| visitors).sum::<usize>() + TODAY.len();
    eventually("every visitor counted", || {
        (server.totals(SITE, &["visitors"]) == [i64::try_from(all).unwrap()]).then_some(())
    });
    let before = |compare: &str, name: &str, dates: Vec<String>| {
        let visitors: Vec<usize> = dates.iter().map(on).collect();
        json!({ "compare": compare, "name": name, "against": [dates.first(), dates.last()], "counts": visitors })
    };
    let week: Vec<usize> = (1..7).rev().map(|ago| on(&days_ago(ago))).chain([TODAY.len()]).collect();
    let expected = json!({
        "site": SITE,
        "week": week,
        "dates": [now.first(), now.last()],
        "counts": now.iter().map(on).collect::<Vec<_>>(),
        "before": [
            before("previous", "the period before", days(9, 5)),
            before("weekday", "the same weekdays before", days(11, 7)),
            before("year", "a year ago", year_before),
            before("custom", "3 days", days(11, 9)),
        ],
    });
    look(&server, "graph.mjs", &expected);
    server.stop();
}

/// Visitors of a day who viewed a page at the same minutes: how many days before the last one, who, and when.
type Came = (i64, &'static [usize], &'static [i64]);

const CAME: [Came; 24] = [
    // The last five days: some come twice a day, stay past the hour, and are there when a day begins and ends.
    (0, &[1], &[545, 550, 570]),
    (0, &[2], &[545]),
    (0, &[3], &[590, 610, 840]),
    (1, &[1], &[0, 10]),
    (1, &[4], &[1_430, 1_439]),
    (3, &[1], &[600, 603, 606, 609, 612]),
    (3, &[2], &[700, 705, 710, 720]),
    // The five days before.
    (5, &[1], &[60]),
    (5, &[2], &[480, 484]),
    (7, &[5], &[720, 726]),
    (9, &[1], &[1_000]),
    // The weeks before, back to the first day of the range.
    (12, &[1, 2], &[700]),
    (17, &[1, 2, 3], &[700, 701]),
    (18, &[2, 3], &[700]),
    (24, &[1], &[700, 800, 900]),
    (26, &[4, 5, 6, 7], &[3]),
    (31, &[1, 2, 3, 4, 5, 6], &[1_000, 1_005]),
    (33, &[9], &[1_200]),
    (38, &[1, 2], &[1_201]),
    (44, &[3, 4, 5], &[90]),
    (45, &[1, 2, 3, 4], &[0, 1]),
    // The days around it.
    (-1, &[1, 2, 3], &[0]),
    (46, &[1, 2, 3, 4, 5], &[1_439]),
    (96, &[1], &[700]),
];

/// From the first day of the range to its last.
const CAME_DAYS: i64 = 45;

/// A page view: on which day since 1970, at which minute of it, and whose.
type View = (i64, i64, usize);

#[test]
fn the_graph_by_hour_week_and_month_and_all_changes_are_those_of_what_was_viewed() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[SITE]);
    let now = seconds();
    let today = now / DAY;
    // Days that begin and end within a week and a month, which are over.
    let (week, month) = (|day: i64| (day + 3) / 7, |day: i64| civil(day)[..7].to_owned());
    let together = |one: i64, other: i64| week(one) == week(other) && month(one) == month(other);
    let fits = |last: &i64| {
        let first = last - CAME_DAYS;
        let cut = together(first - 1, first) && together(*last, last + 1);
        cut && week(*last) != week(today) && month(*last) != month(today)
    };
    let last = (1..).map(|ago| today - ago).find(fits).unwrap();
    let mut views = vec![(today - 1, 600, 1)];
    for (ago, visitors, minutes) in CAME {
        views.extend(visitors.iter().flat_map(|who| minutes.iter().map(move |minute| (last - ago, *minute, *who))));
    }
    views.sort_unstable();
    let imported: Vec<Past> =
        views.iter().map(|(day, minute, who)| (time(*day, *minute), *who, AGENT, "/".into())).collect();
    import_views(&server, data.path(), SITE, &imported);
    let all = i64::try_from(views.len()).unwrap();
    eventually("every page view counted", || (server.totals(SITE, &["pageviews"]) == [all]).then_some(()));
    let range = |by: &str, [first, last]: [i64; 2]| {
        let dates = [first, last].map(civil);
        json!({ "by": by, "dates": dates, "buckets": buckets(&views, by, first..=last) })
    };
    let mut hours = range("hour", [today - 1, today]);
    let begun = 24 + usize::try_from(now % DAY / 3_600).unwrap() + 1;
    hours["buckets"].as_array_mut().unwrap().truncate(begun);
    let days = [last - CAME_DAYS, last];
    let expected = json!({
        "site": SITE,
        "now": now * 1_000,
        "over": [range("hour", [last - 1, last]), range("week", days), range("month", days)],
        "days": range("day", days),
        "two": range("day", [last - 1, last]),
        "open": [hours, range("week", [today - 20, today]), range("month", [today - 40, today])],
    });
    look(&server, "intervals.mjs", &expected);
    let (these, before) = (totals_of(&views, last - 4..=last), totals_of(&views, last - 9..=last - 5));
    let told = |totals: &[(&str, f64, String)], [first, last]: [i64; 2]| {
        let values: BTreeMap<_, _> = totals.iter().map(|(name, _, told)| (*name, told.clone())).collect();
        json!({ "dates": [civil(first), civil(last)], "totals": values })
    };
    let expected = json!({
        "site": SITE,
        "now": told(&these, [last - 4, last]),
        "before": told(&before, [last - 9, last - 5]),
        "changes": {
            "grown": changes(&these, &before), "shrunk": changes(&before, &these), "same": changes(&these, &these),
        },
    });
    look(&server, "changes.mjs", &expected);
    server.stop();
}

/// What the graph shows of days: each hour, day, week or month as it is written and as it is called, with its visitors and page views. Only
/// what is of these days is in a week or month, and where that is not all of it, the first and the last of them is told; a visitor is known for
/// one day, and in each of its hours.
fn buckets(views: &[View], by: &str, days: std::ops::RangeInclusive<i64>) -> Vec<Bucket> {
    // The first of January 1970 was a Thursday.
    let begins = |day: i64| match by {
        "week" => day % 7 == 4,
        "month" => civil(day).ends_with("-01"),
        _ => true,
    };
    let mut buckets: Vec<Bucket> = Vec::new();
    for day in days.clone() {
        // Of hours, one after the other; of all else, the day as a whole.
        let parts = if by == "hour" {
            (0..24).map(|hour| hour * 60..(hour + 1) * 60).collect::<Vec<_>>()
        } else {
            std::iter::once(0..1_440).collect()
        };
        for minutes in parts {
            let (date, hour) = (civil(day), minutes.start / 60);
            if begins(day) || day == *days.start() {
                let (written, called) = match by {
                    "hour" => {
                        (format!("{date} {hour:02}:00:00"), format!("{}, {hour:02}:00–{hour:02}:59", day_name(day)))
                    }
                    "day" => (date, day_name(day)),
                    "week" => (date, format!("Week of {}", day_name(day))),
                    _ => (format!("{}-01", &date[..7]), format!("{} {}", month_name(&date), &date[..4])),
                };
                let last = (day..*days.end()).find(|last| begins(last + 1)).unwrap_or(*days.end());
                let is_whole = begins(day) && begins(last + 1);
                buckets.push((written, called, 0, 0, (!is_whole).then(|| [day, last].map(civil))));
            }
            let of_part = views.iter().filter(|(on, minute, _)| *on == day && minutes.contains(minute));
            let bucket = buckets.last_mut().unwrap();
            bucket.2 += of_part.clone().map(|(.., who)| who).collect::<BTreeSet<_>>().len();
            bucket.3 += of_part.count();
        }
    }
    buckets
}

/// As it is written and called, visitors, page views, and which days of a week or month it holds if not all.
type Bucket = (String, String, usize, usize, Option<[String; 2]>);

/// A day as the page calls it.
fn day_name(day: i64) -> String {
    let date = civil(day);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][usize::try_from(day % 7).unwrap()];
    format!("{weekday}, {} {}", month_name(&date), date[8..].trim_start_matches('0'))
}

/// A date's month as the page calls it.
fn month_name(date: &str) -> &'static str {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    MONTHS[date[5..7].parse::<usize>().unwrap() - 1]
}

/// The totals of days: what each is called in an address, how much it is, and how it is told. Half an hour after a view its visit is over.
fn totals_of(views: &[View], days: std::ops::RangeInclusive<i64>) -> Vec<(&'static str, f64, String)> {
    let mut visits: BTreeMap<(i64, usize), Vec<Vec<i64>>> = BTreeMap::new();
    for (day, minute, who) in views.iter().filter(|(day, ..)| days.contains(day)) {
        let theirs = visits.entry((*day, *who)).or_default();
        match theirs.last_mut() {
            Some(visit) if minute - visit.last().unwrap() <= 30 => visit.push(*minute),
            _ => theirs.push(vec![*minute]),
        }
    }
    let visitors = visits.len();
    let visits: Vec<Vec<i64>> = visits.into_values().flatten().collect();
    let views: usize = visits.iter().map(Vec::len).sum();
    let bounces = visits.iter().filter(|visit| visit.len() == 1).count();
    let stayed: i64 = visits.iter().map(|visit| (visit.last().unwrap() - visit[0]) * 60).sum();
    let all = visits.len();
    let average = usize::try_from(stayed).unwrap() / all;
    let count = |count: usize| (count as f64, count.to_string());
    let (tenths, percent) = (views * 10 / all, bounces * 100 / all);
    let totals = [
        ("visitors", count(visitors)),
        ("visits", count(all)),
        ("pageviews", count(views)),
        ("views_per_visit", (views as f64 / all as f64, format!("{}.{}", tenths / 10, tenths % 10))),
        ("bounce_rate", (percent as f64, format!("{percent}%"))),
        ("visit_duration", (average as f64, took(average))),
    ];
    totals.into_iter().map(|(name, (value, told))| (name, value, told)).collect()
}

/// How totals changed, as it is told, and what the page makes of it: a bounce rate is compared in points, and lower is better.
fn changes(now: &[(&'static str, f64, String)], before: &[(&str, f64, String)]) -> Value {
    let change = |((name, now, _), (_, before, _)): (&(&'static str, f64, String), &(&str, f64, String))| {
        let is_rate = *name == "bounce_rate";
        let by = if is_rate { now - before } else { (now - before) / before * 100.0 };
        let told = if by.abs() < 0.5 {
            ["unchanged".to_owned(), "change none".to_owned()]
        } else {
            let (arrow, unit) = (if by > 0.0 { "↑" } else { "↓" }, if is_rate { " pt" } else { "%" });
            let look = if (by > 0.0) == is_rate { "worse" } else { "better" };
            [format!("{arrow} {:.0}{unit}", by.abs()), format!("change {look}")]
        };
        (*name, told)
    };
    json!(now.iter().zip(before).map(change).collect::<BTreeMap<_, _>>())
}
