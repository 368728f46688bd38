//! What became of every hit, and how much of it was measured: through the store and the API against a naive recount.

use axum::Router;
use axum::http::StatusCode;
use model::{
    BotClass, Changes, LedgerLine, LiveLine, Loss, LostLine, Lowering, Measured, Millis, Outcome, ReachedLine, Refusal,
};
use prometheus::Registry;
use serde_json::{Value, json};

use crate::asking::{NOW, TOKEN, dashboard, dashboard_at, get, private, public, query};
use crate::engine;
use crate::traffic::Dice;

#[tokio::test]
async fn the_ledger_and_the_live_visitors_are_told() {
    let store = engine::store().await;
    let line = |outcome, hits, minutes_ago: i64| LedgerLine {
        site: private(),
        minute: NOW.minute() - minutes_ago,
        outcome,
        hits,
    };
    // The engine forgets live lines by its own clock, so theirs is the machine's.
    let now = Millis(i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap());
    let live = |partition, visitors| LiveLine { site: private(), at: now.plus(-30_000), partition, visitors };
    let changes = Changes {
        cells: Vec::new(),
        ledger: vec![
            line(Outcome::Counted(Measured::Full), 90, 1),
            line(Outcome::Counted(Measured::Exempt(Some(Lowering::Unclear))), 10, 5),
            line(Outcome::Minimal(Some(Lowering::Gpc)), 7, 1),
            line(Outcome::Refused(Refusal::Bot(BotClass::Declared)), 5, 1),
            line(Outcome::Refused(Refusal::Duplicate), 2, 1),
            // Before midnight in Tokyo, which is 22 and a half hours ago.
            line(Outcome::Counted(Measured::Full), 1_000, 22 * 60 + 31),
        ],
        live: vec![live(0, 3), live(1, 4)],
        lost: Vec::new(),
        reached: Some(ReachedLine { partition: 0, at: now.plus(-4_000) }),
    };
    store.insert("one", &changes).await.unwrap();
    let (registry, registry_of_now) = (Registry::new(), Registry::new());
    let router = dashboard(store.clone(), &registry);
    let (_, ledger) = get(&router, "/api/v1/ledger?site_id=example.com", Some(TOKEN)).await;
    assert_eq!(
        ledger,
        json!({
            "site_id": "example.com", "date_range": ["2024-05-15T00:00:00+09:00", "2024-05-15T23:59:59+09:00"],
            "complete_to": ledger["complete_to"],
            "received": 114, "counted": 100, "minimal": 7, "refused": { "duplicate": 2 }, "bots": { "declared": 5 }, "late": 0,
            "expired": 0, "expired_by_reason": {}, "forgotten": 0,
            "coverage": {
                "measured": 100, "exempt": 10, "counted_only": 7, "opted_out": 0,
                "shares": { "measured": 93.5, "exempt": 9.3, "counted_only": 6.5, "opted_out": 0.0 },
                "lowered_by": { "gpc": 7, "unclear": 10 }
            }
        })
    );
    let (_, ledger) =
        get(&router, "/api/v1/ledger?site_id=example.com&date_range=2024-05-14,2024-05-15", Some(TOKEN)).await;
    assert_eq!(ledger["counted"], json!(1_100));
    let router = dashboard_at(now, store, &registry_of_now);
    let (_, live) = get(&router, "/api/v1/stats/realtime/visitors?site_id=example.com", Some(TOKEN)).await;
    assert_eq!(live, json!(7));
    let (_, half_hour) = get(&router, "/api/v1/stats/realtime?site_id=example.com", Some(TOKEN)).await;
    let minutes = half_hour["minutes"].as_array().unwrap();
    let seen: Vec<_> = minutes.iter().filter(|line| !line["visitors"].is_null()).collect();
    let minute = jiff::Timestamp::from_second(now.plus(-30_000).minute() * 60).unwrap();
    assert_eq!((minutes.len(), half_hour["visitors"].clone()), (30, json!(7)));
    assert_eq!(seen.len(), 1);
    assert_eq!((instant(&seen[0]["minute"]), &seen[0]["visitors"]), (minute, &json!(7)));
    let reached = jiff::Timestamp::from_second(now.plus(-4_000).0 / 1_000).unwrap();
    assert_eq!(instant(&half_hour["complete_to"]), reached);
    let families = [registry.gather(), registry_of_now.gather()].concat();
    let families = families.iter().filter(|family| family.name() == "footfall_query_seconds");
    let labels = families.flat_map(|family| family.get_metric()).flat_map(|metric| metric.get_label());
    assert_eq!(labels.map(|label| label.value().to_owned()).collect::<Vec<_>>(), ["ledger", "realtime"]);
}

fn instant(label: &Value) -> jiff::Timestamp {
    label.as_str().unwrap().parse().unwrap()
}

/// Everything a hit of a person can come to, and what a report calls it.
const FATES: [(Outcome, &str, Option<&str>); 10] = [
    (Outcome::Counted(Measured::Full), "measured", None),
    (Outcome::Counted(Measured::Exempt(None)), "exempt", None),
    (Outcome::Counted(Measured::Exempt(Some(Lowering::Unclear))), "exempt", Some("unclear")),
    (Outcome::Counted(Measured::Exempt(Some(Lowering::Dnt))), "exempt", Some("dnt")),
    (Outcome::Minimal(None), "counted_only", None),
    (Outcome::Minimal(Some(Lowering::Gpc)), "counted_only", Some("gpc")),
    (Outcome::Minimal(Some(Lowering::Dnt)), "counted_only", Some("dnt")),
    (Outcome::Late, "counted_only", Some("late")),
    (Outcome::Refused(Refusal::OptedOut), "opted_out", None),
    (Outcome::Refused(Refusal::Off), "opted_out", None),
];

/// What is no hit of a person, or no hit at all.
const OTHERS: [Outcome; 2] = [Outcome::Refused(Refusal::Bot(BotClass::Declared)), Outcome::Refused(Refusal::Duplicate)];

/// The share in percent to one decimal, in whole numbers: no part of the program's own reckoning.
fn share(part: i64, whole: i64) -> Value {
    let thousandths = (2_000 * part + whole) / (2 * whole);
    json!(thousandths as f64 / 10.0)
}

async fn coverage(router: &Router, range: Value) -> Value {
    let asked = json!({
        "site_id": "example.com", "metrics": ["pageviews"], "date_range": range, "include": { "coverage": true }
    });
    let (status, answer) = query(router, asked).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["query"]["include"]["coverage"], json!(true));
    answer["meta"]["coverage"].clone()
}

#[tokio::test]
async fn coverage_is_that_of_the_sites_own_days() {
    let store = engine::store().await;
    let mut dice = Dice(23);
    // 2024-05-13T00:00 in Tokyo, and three days of minutes from there.
    let (begin, minutes) = (NOW.minute() - 22 * 60 - 30 - 2 * 24 * 60, 3 * 24 * 60);
    let mut sent: Vec<(i64, Outcome, i64)> = Vec::new();
    for _ in 0..3_000 {
        let outcome = match dice.roll(12) as usize {
            fate if fate < FATES.len() => FATES[fate].0,
            other => OTHERS[other - FATES.len()],
        };
        sent.push((begin + dice.roll(minutes) as i64, outcome, 1 + dice.roll(4) as i64));
    }
    for (token, half) in sent.chunks(1_600).enumerate() {
        let line = |(minute, outcome, hits): &(i64, Outcome, i64)| LedgerLine {
            site: private(),
            minute: *minute,
            outcome: *outcome,
            hits: *hits,
        };
        let mut ledger: Vec<LedgerLine> = half.iter().map(line).collect();
        ledger.push(LedgerLine { site: public(), minute: begin, outcome: FATES[0].0, hits: 1_000_000 });
        store.insert(&token.to_string(), &Changes { ledger, ..Changes::default() }).await.unwrap();
    }
    let router = dashboard(store, &Registry::new());
    for (range, first, last) in [
        (json!(["2024-05-13", "2024-05-15"]), 0, 3 * 24 * 60),
        (json!(["2024-05-14", "2024-05-14"]), 24 * 60, 48 * 60),
        (json!(["2024-05-14T20:00:00+09:00", "2024-05-15T02:59:59+09:00"]), 44 * 60, 51 * 60),
    ] {
        let hits = |keep: &dyn Fn(&Outcome) -> bool| -> i64 {
            let kept =
                sent.iter().filter(|(minute, outcome, _)| (first..last).contains(&(minute - begin)) && keep(outcome));
            kept.map(|(.., hits)| hits).sum()
        };
        let called =
            |name: &str| hits(&|outcome| FATES.iter().any(|(fate, called, _)| fate == outcome && *called == name));
        let by = |name: &str| hits(&|outcome| FATES.iter().any(|(fate, _, by)| fate == outcome && *by == Some(name)));
        let (exempt, only, out) = (called("exempt"), called("counted_only"), called("opted_out"));
        let measured = called("measured") + exempt;
        let whole = measured + only + out;
        let expected = json!({
            "measured": measured, "exempt": exempt, "counted_only": only, "opted_out": out,
            "shares": {
                "measured": share(measured, whole), "exempt": share(exempt, whole),
                "counted_only": share(only, whole), "opted_out": share(out, whole)
            },
            "lowered_by": { "dnt": by("dnt"), "gpc": by("gpc"), "late": by("late"), "unclear": by("unclear") },
        });
        assert_eq!(coverage(&router, range.clone()).await, expected, "{range}");
    }
    let since = coverage(&router, json!("12mo")).await["since"].clone();
    assert_eq!(since, json!("2024-05-13"), "the ledger does not go back as far as the question");
    let silent = json!({ "site_id": "example.com", "metrics": ["pageviews"], "date_range": "day" });
    assert_eq!(query(&router, silent).await.1["meta"]["coverage"], Value::Null);
}

#[tokio::test]
async fn a_day_of_which_records_were_lost_says_so_on_every_site() {
    let store = engine::store().await;
    let lost = |hours_ago: i64, loss, records| LostLine { hour: NOW.hour() - hours_ago, loss, records };
    let lines = vec![lost(1, Loss::Expired, 4), lost(2, Loss::Forged, 1), lost(48, Loss::Expired, 8)];
    store.insert("one", &Changes { lost: lines, ..Changes::default() }).await.unwrap();
    let router = dashboard(store, &Registry::new());
    let ask = async |site: &str, range: &str| {
        let asked = json!({ "site_id": site, "metrics": ["pageviews"], "date_range": range });
        query(&router, asked).await.1["meta"]["degraded"].clone()
    };
    // It is half past ten in the evening in Tokyo, and the afternoon in UTC.
    let today = ask("example.com", "day").await;
    assert_eq!((&today[0]["day"], &today[0]["records"]), (&json!("2024-05-15"), &json!(5)));
    assert_eq!(today.as_array().map(Vec::len), Some(1));
    let week = ask("public.example", "7d").await;
    let days: Vec<_> =
        week.as_array().unwrap().iter().map(|day| (day["day"].clone(), day["records"].clone())).collect();
    assert_eq!(days, [(json!("2024-05-13"), json!(8)), (json!("2024-05-15"), json!(5))]);
    let (_, ledger) = get(&router, "/api/v1/ledger?site_id=example.com", Some(TOKEN)).await;
    assert_eq!((&ledger["expired"], &ledger["received"]), (&json!(5), &json!(0)), "it belongs to no site");
    assert_eq!(ledger["expired_by_reason"], json!({ "expired": 4, "forged": 1 }));
    assert_eq!(ledger["degraded"], today);
    let (_, ledger) =
        get(&router, "/api/v1/ledger?site_id=example.com&date_range=2024-05-14,2024-05-14", Some(TOKEN)).await;
    assert_eq!((&ledger["expired"], &ledger["degraded"]), (&json!(0), &Value::Null));
}
