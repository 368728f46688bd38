//! The questions, how each is put over each period, and what is told of how long they took.

use super::*;

/// A question and what it is called.
struct Asked {
    name: &'static str,
    of: Of,
}

/// How a question is put.
enum Of {
    /// As an object, to a path.
    Object(&'static str, Value),
    /// By parameters, to a path, with the dates as these are called there.
    Parameters(&'static str, &'static str),
    /// To a path, about this moment.
    Now(&'static str),
}

/// A question over a period, ready to be put.
struct Put {
    path: String,
    body: Option<String>,
}

impl Of {
    /// The periods over which it is put.
    const fn periods(&self) -> &'static [i64] {
        match self {
            Self::Object(..) | Self::Parameters(..) => &PERIODS,
            Self::Now(_) => &[1],
        }
    }

    /// The question over so many days, to the last one.
    fn over(&self, days: i64) -> Put {
        match self {
            Self::Object(path, body) => Put { path: (*path).to_owned(), body: Some(over(body, days).to_string()) },
            Self::Parameters(path, called) => {
                let [from, to] = dates(days);
                Put { path: format!("{path}site_id={SITE}&{called}={from},{to}"), body: None }
            }
            Self::Now(path) => Put { path: format!("{path}site_id={SITE}"), body: None },
        }
    }
}

impl Put {
    async fn to(&self, client: &HttpClient) -> anyhow::Result<String> {
        match &self.body {
            Some(body) => client.post(&self.path, body.clone()).await,
            None => client.get(&self.path).await,
        }
    }
}

/// Every kind of question that the page and the API's users ask, without its period.
fn questions() -> Vec<Asked> {
    // What dates are called, and in the older API.
    const RANGE: &str = "date_range";
    const CUSTOM: &str = "period=custom&date";
    const TOP: [&str; 6] = ["visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration"];
    let asked = |name, body: Value| Asked { name, of: Of::Object("/api/v2/query", body) };
    let list = |name, dimension: &str, filters: Value| {
        let metrics = ["visitors", "visits", "bounce_rate", "visit_duration"];
        asked(
            name,
            json!({ "metrics": metrics, "dimensions": [dimension], "filters": filters, "pagination": { "limit": 100 } }),
        )
    };
    let world = World::new();
    let page = json!([["is", "event:page", [world.known_page()]]]);
    let source = json!([["is", "visit:source", ["Google"]]]);
    let goal = json!([["is", "event:goal", [GOAL]]]);
    let segment = json!([["is", "segment", [SEGMENT]]]);
    let object = |name, path, body: Value| Asked { name, of: Of::Object(path, body) };
    vec![
        // First, while what was said about this moment is not half an hour old.
        Asked { name: "visitors now", of: Of::Now("/api/v1/stats/realtime/visitors?") },
        Asked { name: "the last half hour", of: Of::Now("/api/v1/stats/realtime?") },
        asked("totals", json!({ "metrics": TOP })),
        asked(
            "totals beside the period before",
            json!({ "metrics": TOP, "include": { "comparisons": { "mode": "previous_period" } } }),
        ),
        asked("series by day", json!({ "metrics": TOP, "dimensions": ["time:day"] })),
        asked("series by hour", json!({ "metrics": TOP, "dimensions": ["time:hour"] })),
        asked(
            "pages",
            json!({ "metrics": ["visitors", "pageviews", "time_on_page", "scroll_depth"], "dimensions": ["event:page"], "pagination": { "limit": 100 } }),
        ),
        list("entry pages", "visit:entry_page", json!([])),
        list("exit pages", "visit:exit_page", json!([])),
        list("channels", "visit:channel", json!([])),
        list("sources", "visit:source", json!([])),
        list("referrers", "visit:referrer", json!([])),
        list("campaigns", "visit:utm_campaign", json!([])),
        list("countries", "visit:country", json!([])),
        list("browsers", "visit:browser", json!([])),
        list("browsers' versions", "visit:browser_version", json!([])),
        list("systems", "visit:os", json!([])),
        list("systems' versions", "visit:os_version", json!([])),
        list("devices", "visit:device", json!([])),
        list("screens", "visit:screen", json!([])),
        list("languages", "visit:language", json!([])),
        asked("hosts", json!({ "metrics": ["visitors", "pageviews"], "dimensions": ["event:hostname"] })),
        asked("events", json!({ "metrics": ["visitors", "events"], "dimensions": ["event:name"] })),
        asked("values of a property", json!({ "metrics": ["visitors", "events"], "dimensions": ["event:props:plan"] })),
        asked("totals of a page", json!({ "metrics": ["visitors", "visits", "pageviews"], "filters": page })),
        asked(
            "sources of a page",
            json!({ "metrics": ["visitors", "pageviews"], "dimensions": ["visit:source"], "filters": page }),
        ),
        asked(
            "pages of a source",
            json!({ "metrics": ["visitors", "visits"], "dimensions": ["event:page"], "filters": source, "pagination": { "limit": 100 } }),
        ),
        asked(
            "pages that contain a word",
            json!({ "metrics": ["visitors", "pageviews"], "dimensions": ["event:page"], "filters": [["contains", "event:page", ["blog"]]], "pagination": { "limit": 100 } }),
        ),
        object("ways from a page", "/api/v2/flow", json!({ "page": world.known_page() })),
        asked("goals", json!({ "metrics": ["visitors", "events", "conversion_rate"], "dimensions": ["event:goal"] })),
        asked("totals of a goal", json!({ "metrics": ["visitors", "events", "conversion_rate"], "filters": goal })),
        asked(
            "sources of a goal",
            json!({ "metrics": ["visitors", "conversion_rate"], "dimensions": ["visit:source"], "filters": goal }),
        ),
        asked(
            "pages of a goal",
            json!({ "metrics": ["visitors", "events"], "dimensions": ["event:page"], "filters": goal, "pagination": { "limit": 100 } }),
        ),
        asked("totals of a segment", json!({ "metrics": TOP, "filters": segment })),
        asked("series by day of a segment", json!({ "metrics": TOP, "filters": segment, "dimensions": ["time:day"] })),
        asked(
            "pages of a segment",
            json!({ "metrics": ["visitors", "pageviews"], "dimensions": ["event:page"], "filters": segment, "pagination": { "limit": 100 } }),
        ),
        object("funnel", "/api/v2/funnel", json!({ "funnel": FUNNEL })),
        object("web vitals", "/api/v2/vitals", json!({})),
        object("web vitals by page", "/api/v2/vitals", json!({ "by": "page" })),
        object("web vitals of a page", "/api/v2/vitals", json!({ "page": world.known_page() })),
        Asked { name: "ledger", of: Of::Parameters("/api/v1/ledger?", RANGE) },
        Asked { name: "properties' names", of: Of::Parameters("/api/v1/properties?", RANGE) },
        Asked {
            name: "aggregate (v1)",
            of: Of::Parameters(
                "/api/v1/stats/aggregate?metrics=visitors,visits,pageviews,bounce_rate,visit_duration&",
                CUSTOM,
            ),
        },
        Asked {
            name: "time series (v1)",
            of: Of::Parameters("/api/v1/stats/timeseries?metrics=visitors,pageviews&interval=date&", CUSTOM),
        },
        Asked {
            name: "breakdown by source (v1)",
            of: Of::Parameters("/api/v1/stats/breakdown?property=visit:source&metrics=visitors,bounce_rate&", CUSTOM),
        },
    ]
}

/// Puts every question over every period.
pub(super) async fn ask_all(client: &HttpClient, pageviews: u64) -> anyhow::Result<Report> {
    hold(client, pageviews).await?;
    let mut report = Report::default();
    for Asked { name, of } in questions() {
        let mut told = Vec::new();
        for &days in of.periods() {
            let put = of.over(days);
            // The first one warms up.
            let answer = put.to(client).await.with_context(|| format!("{name} over {days} days"))?;
            ensure!(tells_something(&answer), "{name} over {days} days: nothing was counted of it: {answer}");
            let mut times = Vec::with_capacity(ASKS);
            let begun = Instant::now();
            while times.len() < ASKS_MIN || times.len() < ASKS && begun.elapsed() < ASKING_MAX {
                let started = Instant::now();
                put.to(client).await?;
                times.push(started.elapsed());
            }
            told.push(percentiles(times));
        }
        report.rows.push(Row {
            what: match of {
                Of::Now(_) => format!("{name}: p50 / p99"),
                Of::Object(..) | Of::Parameters(..) => format!("{name}: p50 / p99 over a day, 30 days, a year"),
            },
            ours: told.join(", "),
            ..Row::default()
        });
    }
    Ok(report)
}

/// Fails unless the server tells the page views that were made.
async fn hold(client: &HttpClient, pageviews: u64) -> anyhow::Result<()> {
    let body = over(&json!({ "metrics": ["pageviews"] }), DAYS).to_string();
    let answer: Value = serde_json::from_str(&client.post("/api/v2/query", body).await?)?;
    let told = answer.pointer("/results/0/metrics/0").and_then(Value::as_u64);
    ensure!(told == Some(pageviews), "{pageviews} page views were made, and the answer is {answer}");
    Ok(())
}

/// Where answers of the several kinds tell how much was counted; the number of visitors now is one itself.
const TOLD: [&str; 10] = [
    "",
    "/results/0/metrics/0",
    "/results/0/visitors",
    "/results/visitors/value",
    "/steps/0/visitors",
    "/vitals/lcp/measurements",
    "/pageviews",
    "/received",
    "/visitors",
    "/properties/0/events",
];

/// Whether an answer is of something: one of nothing is a quick one.
fn tells_something(answer: &str) -> bool {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    TOLD.iter().filter_map(|told| answer.pointer(told)).any(|told| told.as_f64().is_some_and(|count| count > 0.0))
}

/// The first and the last of so many days, to the last that was made.
fn dates(days: i64) -> [String; 2] {
    let date = |day: i64| jiff::Timestamp::from_millisecond(day * DAY_MS).map(|at| at.strftime("%Y-%m-%d").to_string());
    [LAST_DAY - days + 1, LAST_DAY].map(|day| date(day).unwrap_or_default())
}

fn over(body: &Value, days: i64) -> Value {
    let range = dates(days);
    let mut body = body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("site_id".to_owned(), SITE.into());
        fields.insert("date_range".to_owned(), json!(range));
    }
    body
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: f64| {
        let place = ((times.len() as f64 * share).ceil() as usize).saturating_sub(1);
        times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
    };
    format!("{:.0} / {:.0} ms", at(0.5), at(0.99))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hundredth_of_a_hundred_is_the_last_but_one() {
        let times = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentiles(times), "50 / 99 ms");
    }

    #[test]
    fn an_answer_of_nothing_is_told_from_one_of_something() {
        for (answer, tells) in [
            (json!(700), true),
            (json!({ "results": [{ "metrics": [0, 0] }] }), false),
            (json!({ "results": [{ "metrics": [3, 0] }] }), true),
            (json!({ "results": [] }), false),
            (json!({ "vitals": { "lcp": { "measurements": 0, "buckets": [{ "to": 500 }] } } }), false),
        ] {
            assert_eq!(tells_something(&answer.to_string()), tells, "{answer}");
        }
    }

    #[test]
    fn a_period_ends_with_the_last_day_that_was_made() {
        let body = over(&json!({ "metrics": ["visits"] }), 30);
        assert_eq!(body["date_range"], json!(["2026-10-25", "2026-11-23"]));
        assert_eq!(body["site_id"], SITE);
    }
}
