//! Every kind of question against a recount of the visits themselves, through cells, the engine and the API.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use model::{ClosedDay, Counts, Dimension, LocalDay};
use prometheus::Registry;
use serde_json::{Value, json};

use crate::asking::{TODAY, dashboard, private, query};
use crate::recount::{Hit, Recount, ask, even, hits, in_days, measured, ranked, recount, rows, single};
use crate::traffic::{Dice, Visit, cells, day};
use crate::{engine, traffic};

#[tokio::test]
async fn totals_are_those_of_the_visits() {
    let (router, visits) = measured().await;
    let of_week: Vec<&Visit> = visits.iter().filter(|visit| in_days(TODAY - 6, TODAY)(visit)).collect();
    let counted = recount(&hits(&visits, in_days(TODAY - 6, TODAY)));
    let bounces = of_week.iter().filter(|visit| visit.is_bounce()).count();
    let seconds: i64 = of_week.iter().map(|visit| visit.seconds).sum();
    let metrics = ["visitors", "visits", "pageviews", "events", "views_per_visit", "bounce_rate", "visit_duration"];
    let answer = ask(&router, json!({ "metrics": metrics })).await;
    let (count, views) = (counted.visits as f64, counted.pageviews as f64);
    assert_eq!(
        single(&answer),
        [
            json!(counted.visitors),
            json!(counted.visits),
            json!(counted.pageviews),
            json!(counted.events),
            json!((views / count * 100.0).round_ties_even() / 100.0),
            json!(even(bounces as f64 / count * 100.0)),
            json!(even(seconds as f64 / count)),
        ]
    );
    assert_eq!(answer["meta"]["metric_warnings"]["visitors"]["code"], "sum_of_daily_visitors");
    let today = ask(&router, json!({ "date_range": "day" })).await;
    assert_eq!(single(&today), [json!(recount(&hits(&visits, in_days(TODAY, TODAY))).visitors)]);
    assert_eq!(today["meta"], json!({}), "one day's visitors are distinct");
    let all = ask(&router, json!({ "date_range": "all" })).await;
    assert_eq!(single(&all), [json!(recount(&hits(&visits, |_| true)).visitors)]);
}

#[tokio::test]
async fn rows_by_a_dimension_are_ranked_and_share_the_whole() {
    let (router, visits) = measured().await;
    let hits = hits(&visits, in_days(TODAY - 6, TODAY));
    let whole = recount(&hits).visitors as f64;
    let of_country = ranked(&hits, |hit| hit.visit.country.map(str::to_owned));
    let asked =
        json!({ "metrics": ["visitors", "visits", "pageviews", "percentage"], "dimensions": ["visit:country"] });
    let expected: Vec<_> = of_country
        .iter()
        .map(|(country, counted)| {
            let share = (counted.visitors as f64 * 100.0 / whole * 10.0).round_ties_even() / 10.0;
            (
                vec![country.clone()],
                vec![json!(counted.visitors), json!(counted.visits), json!(counted.pageviews), json!(share)],
            )
        })
        .collect();
    assert_eq!(rows(&ask(&router, asked).await), expected);

    let of_page = ranked(&hits, |hit| Some(hit.page.to_owned()));
    let asked = json!({ "metrics": ["visitors", "visits", "pageviews", "events"], "dimensions": ["event:page"] });
    let expected: Vec<_> = of_page
        .into_iter()
        .map(|(page, counted)| {
            let Recount { visitors, visits, pageviews, events } = counted;
            (vec![page], vec![json!(visitors), json!(visits), json!(pageviews), json!(events)])
        })
        .collect();
    assert_eq!(rows(&ask(&router, asked).await), expected);
}

#[tokio::test]
async fn a_page_has_its_own_bounces_exits_and_attention() {
    let (router, visits) = measured().await;
    let keep = in_days(TODAY - 6, TODAY);
    let of_week: Vec<&Visit> = visits.iter().filter(|visit| keep(visit)).collect();
    let page = "/pricing";
    let counted = recount(hits(&visits, keep).iter().filter(|hit| hit.page == page));
    let entered: Vec<_> = of_week.iter().filter(|visit| visit.entry() == page).collect();
    let bounced = entered.iter().filter(|visit| visit.is_bounce()).count() as f64;
    let exits = of_week.iter().filter(|visit| visit.exit() == page).count() as f64;
    let attention: Vec<_> =
        entered.iter().filter_map(|visit| visit.attention.map(|a| (visit.day, visit.visitor, a))).collect();
    let engaged: i64 = attention.iter().map(|(_, _, (ms, _))| ms).sum();
    let mut deepest = BTreeMap::new();
    for (day, visitor, (_, scroll)) in attention {
        let known = deepest.entry((day, visitor)).or_insert(0);
        *known = scroll.max(*known);
    }
    let scroll = deepest.values().sum::<i64>() as f64 / deepest.len() as f64;
    let answer = ask(
        &router,
        json!({
            "metrics": ["visitors", "bounce_rate", "exit_rate", "time_on_page", "scroll_depth"],
            "filters": [["is", "event:page", [page]]]
        }),
    )
    .await;
    assert_eq!(
        single(&answer),
        [
            json!(counted.visitors),
            json!(even(bounced / entered.len() as f64 * 100.0)),
            json!((exits / counted.pageviews as f64 * 1_000.0).round_ties_even() / 10.0),
            json!(even(engaged as f64 / counted.visits as f64 / 1_000.0)),
            json!(even(scroll)),
        ]
    );
}

#[tokio::test]
async fn a_filter_on_another_dimension_reads_the_pair() {
    let (router, visits) = measured().await;
    let keep = in_days(TODAY - 6, TODAY);
    let german = hits(&visits, |visit| keep(visit) && visit.country == Some("DE"));
    let expected: Vec<_> = ranked(&german, |hit| Some(hit.page.to_owned()))
        .into_iter()
        .map(|(page, counted)| (vec![page], vec![json!(counted.visitors), json!(counted.pageviews)]))
        .collect();
    // Page is stored before country: rows are of the pair's first side here and of its second below.
    let asked = json!({
        "metrics": ["visitors", "pageviews"], "dimensions": ["event:page"], "filters": [["is", "visit:country", ["DE"]]]
    });
    assert_eq!(rows(&ask(&router, asked).await), expected);

    let of_docs: Vec<_> =
        hits(&visits, in_days(TODAY - 6, TODAY)).into_iter().filter(|hit| hit.page == "/docs").collect();
    let expected: Vec<_> = ranked(&of_docs, |hit| hit.visit.country.map(str::to_owned))
        .into_iter()
        .map(|(country, counted)| (vec![country], vec![json!(counted.visitors), json!(counted.pageviews)]))
        .collect();
    let asked = json!({
        "metrics": ["visitors", "pageviews"], "dimensions": ["visit:country"], "filters": [["is", "event:page", ["/docs"]]]
    });
    assert_eq!(rows(&ask(&router, asked).await), expected);

    let both = recount(&hits(&visits, |visit| keep(visit) && visit.country == Some("JP") && visit.source == "GitHub"));
    let asked = json!({
        "metrics": ["visitors", "visits", "pageviews"],
        "filters": [["is", "visit:source", ["GitHub"]], ["is", "visit:country", ["JP"]]]
    });
    assert_eq!(single(&ask(&router, asked).await), [json!(both.visitors), json!(both.visits), json!(both.pageviews)]);
}

#[tokio::test]
async fn what_closing_folded_is_told_and_is_neither_found_nor_known_to_be_another() {
    let mut dice = Dice(11);
    let closed = TODAY - 3;
    let visits: Vec<Visit> =
        [closed, TODAY - 2].into_iter().flat_map(|number| day(&mut dice, LocalDay(number), 60, 23)).collect();
    let store = engine::store().await;
    engine::insert(&store, cells(&private(), &visits)).await;
    // More than any language or pair of this day has.
    store.close_day(&ClosedDay { site: private(), day: LocalDay(closed) }, 1_000).await.unwrap();
    let router = dashboard(store, &Registry::new());
    let of = |range: [&str; 2], mut more: Value| {
        more["date_range"] = json!(range);
        more
    };
    let (closed_day, open_day) = (["2024-05-12", "2024-05-12"], ["2024-05-13", "2024-05-13"]);

    // "(other)" holds a "th", and whoever else came beside those who are rejected.
    for filter in [json!(["contains", "visit:language", ["th"]]), json!(["is_not", "visit:language", ["en"]])] {
        let answer = ask(&router, of(closed_day, json!({ "metrics": ["visitors"], "filters": [filter] }))).await;
        assert_eq!((single(&answer), &answer["meta"]["folded"]["below"]), (vec![json!(0)], &json!(10)), "{filter}");
    }
    let others = recount(&hits(&visits, |visit| visit.day.0 == TODAY - 2 && visit.language != "en")).visitors;
    let asked = json!({ "metrics": ["visitors"], "filters": [["is_not", "visit:language", ["en"]]] });
    assert_eq!(single(&ask(&router, of(open_day, asked)).await), [json!(others)]);

    // The whole of a country stays, and its pages do not: the answer says that they may be missing.
    let german = recount(&hits(&visits, |visit| visit.day.0 == closed && visit.country == Some("DE"))).pageviews;
    assert!(german > 0);
    let asked = json!({ "metrics": ["pageviews"], "filters": [["is", "visit:country", ["DE"]]] });
    let answer = ask(&router, of(closed_day, asked.clone())).await;
    assert_eq!((single(&answer), &answer["meta"]["folded"]), (vec![json!(german)], &Value::Null));
    let mut by_page = asked;
    by_page["dimensions"] = json!(["event:page"]);
    let answer = ask(&router, of(closed_day, by_page)).await;
    assert_eq!((rows(&answer), &answer["meta"]["folded"]["below"]), (Vec::new(), &json!(10)));
    // Under its own name it is found.
    let asked = json!({ "metrics": ["visitors"], "filters": [["is", "visit:language", ["(other)"]]] });
    let all = recount(&hits(&visits, |visit| visit.day.0 == closed)).visitors;
    assert_eq!(single(&ask(&router, of(closed_day, asked)).await), [json!(all)]);
}

#[tokio::test]
async fn several_values_add_up_where_they_do() {
    let (router, visits) = measured().await;
    let keep = in_days(TODAY - 6, TODAY);
    let two = recount(&hits(&visits, |visit| keep(visit) && matches!(visit.country, Some("DE" | "US"))));
    let asked = json!({ "metrics": ["visitors", "visits"], "filters": [["is", "visit:country", ["US", "DE"]]] });
    assert_eq!(single(&ask(&router, asked).await), [json!(two.visitors), json!(two.visits)]);

    let others = recount(&hits(&visits, |visit| keep(visit) && visit.country.is_some_and(|code| code != "US")));
    let answer =
        ask(&router, json!({ "metrics": ["visitors"], "filters": [["is_not", "visit:country", ["US"]]] })).await;
    assert_eq!(single(&answer), [json!(others.visitors)]);
    assert_eq!(answer["meta"]["filter_warnings"]["visit:country"]["code"], "known_values_only");

    let blog = hits(&visits, keep).iter().filter(|hit| hit.event.is_none() && hit.page.contains("/blog")).count();
    let asked = json!({ "metrics": ["pageviews"], "filters": [["contains", "event:page", ["/BLOG"], { "case_sensitive": false }]] });
    assert_eq!(single(&ask(&router, asked).await), [json!(blog)]);
}

#[tokio::test]
async fn time_is_the_sites_own_by_hour_day_week_and_month() {
    let (router, visits) = measured().await;
    let mut of_hour: BTreeMap<u8, Vec<Hit<'_>>> = BTreeMap::new();
    for hit in hits(&visits, in_days(TODAY, TODAY)) {
        of_hour.entry(hit.visit.hour).or_default().push(hit);
    }
    let expected: Vec<_> = of_hour
        .iter()
        .map(|(hour, hits)| {
            let counted = recount(hits);
            (vec![format!("2024-05-15 {hour:02}:00:00")], vec![json!(counted.visitors), json!(counted.pageviews)])
        })
        .collect();
    let asked = json!({
        "metrics": ["visitors", "pageviews"], "date_range": "day", "dimensions": ["time:hour"], "include": { "time_labels": true }
    });
    let answer = ask(&router, asked).await;
    assert_eq!(rows(&answer), expected);
    assert_eq!(answer["meta"]["time_labels"].as_array().unwrap().len(), 24);

    let week = |first: i32, last: i32| json!(recount(&hits(&visits, in_days(first, last))).visitors);
    let answer = ask(&router, json!({ "date_range": ["2024-05-04", "2024-05-15"], "dimensions": ["time:week"] })).await;
    // 4 May 2024 is a Saturday; the 6th and the 13th are Mondays.
    assert_eq!(
        rows(&answer),
        [
            (vec!["2024-05-04".to_owned()], vec![week(TODAY - 11, TODAY - 10)]),
            (vec!["2024-05-06".to_owned()], vec![week(TODAY - 9, TODAY - 3)]),
            (vec!["2024-05-13".to_owned()], vec![week(TODAY - 2, TODAY)]),
        ]
    );
    let answer = ask(&router, json!({ "date_range": "month", "dimensions": ["time:month"] })).await;
    assert_eq!(rows(&answer), [(vec!["2024-05-01".to_owned()], vec![week(TODAY - 14, TODAY)])]);

    // The last 24 hours: from 23:00 yesterday.
    let recent = |visit: &Visit| visit.day.0 == TODAY || (visit.day.0 == TODAY - 1 && visit.hour == 23);
    let counted = recount(&hits(&visits, recent));
    let answer = ask(&router, json!({ "metrics": ["visits", "pageviews"], "date_range": "24h" })).await;
    assert_eq!(single(&answer), [json!(counted.visits), json!(counted.pageviews)]);
}

#[tokio::test]
async fn empty_buckets_fill_a_whole_series_and_nothing_else() {
    let (router, _) = measured().await;
    let body = |more: Value| {
        let mut body = json!({
            "site_id": "example.com", "metrics": ["visitors"], "date_range": "30d", "dimensions": ["time:day"],
            "include": { "empty_buckets": true }
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let whole = "leave `pagination` out, and `order_by` or order by time, ascending";
    let alone = "needs a time dimension such as `time:day`, and no other beside it";
    for (more, said) in [
        (json!({ "pagination": { "limit": 3 } }), whole),
        (json!({ "pagination": { "offset": 1 } }), whole),
        (json!({ "order_by": [["time:day", "desc"]] }), whole),
        (json!({ "order_by": [["visitors", "desc"]] }), whole),
        (json!({ "order_by": [["visitors", "asc"], ["time:day", "asc"]] }), whole),
        (json!({ "dimensions": ["time:day", "visit:country"] }), alone),
        (json!({ "dimensions": ["visit:country"] }), alone),
        (json!({ "dimensions": [] }), alone),
    ] {
        let (status, answer) = query(&router, body(more.clone())).await;
        let problem = answer["error"].as_str().unwrap_or_default();
        assert!(status == StatusCode::BAD_REQUEST && problem.contains(said), "{more}: {answer}");
    }
    // What says no more than leaving it out does; half of these days have no visit.
    for more in [
        json!({}),
        json!({ "order_by": [["time:day", "asc"]] }),
        json!({ "order_by": [["time:day", "asc"], ["visitors", "desc"]], "pagination": { "limit": 10_000, "offset": 0 } }),
    ] {
        let (status, answer) = query(&router, body(more.clone())).await;
        assert_eq!((status, rows(&answer).len()), (StatusCode::OK, 30), "{more}: {answer}");
    }
}

#[tokio::test]
async fn a_dimension_is_followed_over_time() {
    let (router, visits) = measured().await;
    let asked = json!({
        "metrics": ["visitors"], "date_range": ["2024-05-13", "2024-05-14"], "dimensions": ["time:day", "visit:device"]
    });
    let mut expected = Vec::new();
    for (number, label) in [(TODAY - 2, "2024-05-13"), (TODAY - 1, "2024-05-14")] {
        let hits = hits(&visits, in_days(number, number));
        let ranked = ranked(&hits, |hit| Some(hit.visit.device.to_owned()));
        expected.extend(
            ranked.into_iter().map(|(device, counted)| (vec![label.to_owned(), device], vec![json!(counted.visitors)])),
        );
    }
    assert_eq!(rows(&ask(&router, asked).await), expected);

    let asked = json!({
        "metrics": ["pageviews"], "date_range": "day", "dimensions": ["visit:device", "time:hour"],
        "filters": [["is", "visit:device", ["Mobile"]]]
    });
    let answer = ask(&router, asked).await;
    let mobile: i64 = rows(&answer).iter().map(|(_, metrics)| metrics[0].as_i64().unwrap()).sum();
    let counted = recount(&hits(&visits, |visit| visit.day.0 == TODAY && visit.device == "Mobile"));
    assert_eq!(mobile, counted.pageviews as i64);
}

#[tokio::test]
async fn events_and_their_properties_are_counted() {
    let (router, visits) = measured().await;
    let hits = hits(&visits, in_days(TODAY - 6, TODAY));
    let expected: Vec<_> = ranked(&hits, |hit| hit.event.map(|(name, _)| name.to_owned()))
        .into_iter()
        .map(|(name, counted)| {
            (vec![name], vec![json!(counted.visitors), json!(counted.visits), json!(counted.events)])
        })
        .collect();
    let asked = json!({ "metrics": ["visitors", "visits", "events"], "dimensions": ["event:goal"] });
    assert_eq!(rows(&ask(&router, asked).await), expected);

    let plans = |hit: &Hit<'_>| hit.event.map(|(_, plan)| plan.to_owned());
    let expected = |rows: Vec<(String, Recount)>| -> Vec<_> {
        rows.into_iter()
            .map(|(plan, counted)| (vec![plan], vec![json!(counted.visitors), json!(counted.events)]))
            .collect()
    };
    let asked = json!({ "metrics": ["visitors", "events"], "dimensions": ["event:props:plan"] });
    assert_eq!(rows(&ask(&router, asked.clone()).await), expected(ranked(&hits, plans)));

    let of_signup = |hit: &Hit<'_>| hit.event.filter(|(name, _)| *name == "Signup").map(|(_, plan)| plan.to_owned());
    let mut asked = asked;
    asked["filters"] = json!([["is", "event:goal", ["Signup"]], ["is", "event:props:plan", ["pro", "free"]]]);
    let mut kept = ranked(&hits, of_signup);
    kept.retain(|(plan, _)| plan != "team");
    assert_eq!(rows(&ask(&router, asked).await), expected(kept));
}

#[tokio::test]
async fn any_order_is_kept_over_all_pages() {
    let (router, visits) = measured().await;
    let of_week: Vec<&Visit> = visits.iter().filter(|visit| in_days(TODAY - 6, TODAY)(visit)).collect();
    let mut sources: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for visit in &of_week {
        let (bounces, visits) = sources.entry(visit.source).or_default();
        *bounces += f64::from(u8::from(visit.is_bounce()));
        *visits += 1.0;
    }
    for (direction, sign) in [("asc", 1.0), ("desc", -1.0)] {
        let mut expected: Vec<_> = sources.iter().collect();
        let rate = |(bounces, visits): &(f64, f64)| sign * bounces / visits;
        expected.sort_by(|(a, one), (b, other)| rate(one).total_cmp(&rate(other)).then_with(|| b.cmp(a)));
        let expected: Vec<String> = expected.into_iter().map(|(source, _)| (*source).to_owned()).collect();
        let mut paged = Vec::new();
        for offset in (0..).step_by(2) {
            let asked = json!({
                "metrics": ["bounce_rate"], "dimensions": ["visit:source"],
                "order_by": [["bounce_rate", direction], ["visit:source", "desc"]],
                "include": { "total_rows": true }, "pagination": { "limit": 2, "offset": offset }
            });
            let answer = ask(&router, asked).await;
            assert_eq!(answer["meta"]["total_rows"], json!(sources.len()), "also beyond the last row");
            let page = rows(&answer);
            if page.is_empty() {
                break;
            }
            paged.extend(page.into_iter().map(|(mut dimensions, _)| dimensions.remove(0)));
        }
        assert_eq!(paged, expected, "{direction}");
    }
}

#[tokio::test]
async fn strange_values_are_values_and_nothing_else() {
    let strange = [
        "/it's \"quoted\" \\ and {x:String} ?",
        "/'; DROP TABLE counts; --",
        "/tab\tand\nline",
        "/日本語/🦶",
        "/a\\'b\\",
        "/100%&=+#",
    ];
    let store = engine::store().await;
    let cell = |page: &str| model::Cell {
        site: private(),
        day: LocalDay(TODAY),
        hour: None,
        dimension: Dimension::Page,
        value: page.into(),
        by: Dimension::Total,
        by_value: "".into(),
        counts: Counts { visitors: 2, pageviews: 3, ..Counts::default() },
    };
    engine::insert(&store, strange.iter().map(|page| cell(page)).collect()).await;
    let router = dashboard(store, &Registry::new());
    for page in strange {
        for filter in [json!(["is", "event:page", [page]]), json!(["contains", "event:page", [page]])] {
            let asked = json!({ "date_range": "day", "dimensions": ["event:page"], "filters": [filter] });
            assert_eq!(rows(&ask(&router, asked).await), [(vec![page.to_owned()], vec![json!(2)])], "{page}");
        }
    }
    let asked = json!({ "site_id": "example.com", "metrics": ["visitors"], "date_range": "day",
                        "dimensions": ["event:page"], "filters": [["matches", "event:page", ["("]]] });
    let (status, told) = query(&router, asked).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
    assert!(told["error"].as_str().unwrap().contains("regular expression"), "{told}");
}

#[test]
fn the_made_up_traffic_is_the_same_everywhere() {
    let mut dice = Dice(1);
    let visits = day(&mut dice, LocalDay(TODAY), 20, 23);
    let again = day(&mut Dice(1), LocalDay(TODAY), 20, 23);
    assert_eq!(format!("{visits:?}"), format!("{again:?}"));
    assert!(traffic::cells(&private(), &visits).iter().all(|cell| cell.counts.visitors >= 0));
}
