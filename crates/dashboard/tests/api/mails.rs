//! Reports by e-mail: when they are due, what stands in them, who sends them, and how they end.

use std::path::Path;

use model::{Cell, Changes, Counts, Dimension, Domain, LocalDay, Millis, ReachedLine};
use serde_json::{Value, json};
use settings::{Address, Mailing, MailingTerms, Rhythm, Role, Tongue};

use crate::bed::{Bed, HOUR, Shows};
use crate::engine;
use crate::smtp::Smtp;

const DAY: i64 = 24 * HOUR;
const SITE: &str = "a.example";

/// The script that reads mails.
fn reader() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/mail/read_mail.py"))
}

/// The Monday that begins this week, as a day's number: 1970-01-05 was one.
fn monday(now: Millis) -> i64 {
    let today = now.0.div_euclid(DAY);
    today - (today - 4).rem_euclid(7)
}

/// A store with two weeks: `visitors` a day of the last one, and half as many of the one before; its counts are complete.
async fn counted(now: Millis, visitors: i64) -> store::Store {
    let store = engine::store().await;
    let cell = |day: i64, dimension, value: &str, visitors| Cell {
        site: Domain::parse(SITE).unwrap(),
        day: LocalDay(i32::try_from(day).unwrap()),
        hour: None,
        dimension,
        value: value.into(),
        by: Dimension::Total,
        by_value: "".into(),
        counts: Counts {
            visitors,
            visits: visitors,
            pageviews: 3 * visitors,
            bounces: visitors / 2,
            visit_seconds: 90 * visitors,
            ..Counts::default()
        },
    };
    let first = monday(now) - 7;
    let days = (first - 7..first).map(|day| (day, visitors / 2)).chain((first..first + 7).map(|day| (day, visitors)));
    let cells = days.flat_map(|(day, visitors)| {
        [
            cell(day, Dimension::Total, "", visitors),
            cell(day, Dimension::Page, "/<b>&", visitors),
            cell(day, Dimension::Page, "/pricing", visitors / 4),
            cell(day, Dimension::Source, "Google", visitors / 2),
            cell(day, Dimension::Country, "JP", visitors),
            cell(day, Dimension::Event, "Signup", visitors / 16),
        ]
    });
    engine::insert(&store, cells.collect()).await;
    let reached = Some(ReachedLine { partition: 0, at: now });
    store.insert("reached", &Changes { reached, ..Changes::default() }).await.unwrap();
    store
}

/// A bed whose clock is the machine's, for the engine forgets by its own how far the counts are.
async fn bed() -> Bed {
    let bed = Bed::new().await;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    bed.turn(i64::try_from(now).unwrap() - bed.now().0);
    bed
}

/// A weekly report that has been there for a month.
async fn mailing(bed: &Bed, language: Tongue, recipients: &[&str]) -> Mailing {
    bed.turn(-30 * DAY);
    let terms = MailingTerms { rhythm: Rhythm::Weekly, hour: 0, language };
    let recipients: Vec<_> =
        recipients.iter().map(|text| (Address::parse(text).unwrap(), format!("secret-of-{text}"))).collect();
    let domain = Domain::parse(SITE).unwrap();
    let kept = bed.settings.add_mailing(("weekly", &domain), terms, &recipients, "jane").await.unwrap();
    bed.turn(30 * DAY);
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_says_what_was_counted_to_each_recipient_once() {
    let (bed, server) = (bed().await, Smtp::start());
    let store = counted(bed.now(), 1_000).await;
    mailing(&bed, Tongue::English, &["jane@example.com", "max@example.com"]).await;
    // Two dashboards that look at the same time.
    let (one, other) = (bed.mailing(store.clone(), server.port), bed.mailing(store, server.port));
    let (first, second) = tokio::join!(one.look(), other.look());
    first.and(second).unwrap();
    for mailer in [&one, &other] {
        mailer.look().await.unwrap();
    }
    let mut mails = server.mails();
    mails.sort_by(|one, other| one.recipients.cmp(&other.recipients));
    let to: Vec<_> = mails.iter().map(|mail| mail.recipients.clone()).collect();
    assert_eq!(to, [["jane@example.com"], ["max@example.com"]]);
    let read = mails[0].read(reader());
    let headers = &read["headers"];
    assert_eq!(
        (&headers["to"], &headers["from"]),
        (&json!("jane@example.com"), &json!("Footfall <footfall@example.com>"))
    );
    assert!(headers["subject"].as_str().unwrap().starts_with("Weekly report · a.example · 20"), "{headers}");
    assert_eq!(headers["list-unsubscribe"], json!("<https://count.example/unsubscribe/secret-of-jane@example.com>"));
    assert_eq!(headers["list-unsubscribe-post"], json!("List-Unsubscribe=One-Click"));
    assert_eq!(headers["auto-submitted"], json!("auto-generated"));
    assert_eq!(
        read["types"],
        json!(["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"])
    );
    // Seven days of a thousand, against seven of five hundred; three pages a visit, half of them bounced, a minute and a half each.
    // Of the thousand, 62 signed up: 434 of 7,000 are 6.2 %.
    let rows = read["rows"].as_array().unwrap();
    for row in [
        json!(["Visitors", "7,000", "+100% (before 3,500)"]),
        json!(["Visits", "7,000", "+100% (before 3,500)"]),
        json!(["Page views", "21,000", "+100% (before 10,500)"]),
        json!(["Bounce rate", "50%", "unchanged (before 50%)"]),
        json!(["Visit duration", "1:30", "unchanged (before 1:30)"]),
        json!(["/<b>&", "7,000", "21,000"]),
        json!(["/pricing", "1,750", "5,250"]),
        json!(["Google", "3,500", "3,500"]),
        json!(["Japan", "7,000", "7,000"]),
        json!(["Goals", "Visitors", "Conversion"]),
        json!(["Signup", "434", "6.2%"]),
    ] {
        assert!(rows.contains(&row), "{row} in {rows:#?}");
    }
    let text = read["text"].as_str().unwrap();
    assert!(
        text.contains("Visitors: 7,000  +100% (before 3,500)") && text.contains("    1,750     5,250  /pricing"),
        "{text}"
    );
    assert!(text.contains("Goals") && text.contains("        434      6.2%  Signup"), "{text}");
    assert!(
        text.contains("visitors of several days are the sum of each day's") && !text.contains("complete"),
        "{text}"
    );
    assert_eq!((&read["loads"], &read["script"]), (&json!([]), &json!(false)), "nobody learns that it was read");
    let picture = &read["pictures"][0];
    assert_eq!((&picture["width"], &picture["height"]), (&json!(1_120), &json!(280)));
    assert!(picture["colours"].as_u64().unwrap() >= 3, "{picture}");
    assert_eq!(bed.log().await.iter().filter(|(_, what)| what == "report_sent").count(), 2);
    // The next week has its own.
    let kept = &bed.settings.mailings(None).await.unwrap()[0];
    assert!(kept.recipients.iter().all(|recipient| recipient.sent_through == Some(monday(bed.now()) - 1)), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_gets_it_later_and_once() {
    let (bed, server) = (bed().await, Smtp::start());
    let store = counted(bed.now(), 10).await;
    mailing(&bed, Tongue::Japanese, &["jane@example.com"]).await;
    let mailer = bed.mailing(store, server.port);
    server.refuse(true);
    for wait in [60_000, 2 * 60_000, 4 * 60_000] {
        mailer.look().await.unwrap();
        mailer.look().await.unwrap();
        bed.turn(wait - 1_000);
        mailer.look().await.unwrap();
        bed.turn(1_000);
    }
    assert_eq!(mailer.counted("failed"), 3, "it waits longer each time");
    server.refuse(false);
    for _ in 0..3 {
        mailer.look().await.unwrap();
    }
    assert_eq!((server.mails().len(), mailer.counted("sent"), mailer.counted("failed")), (1, 1, 3));
    let read = server.mails()[0].read(reader());
    assert!(read["headers"]["subject"].as_str().unwrap().starts_with("週次レポート · a.example"), "{read}");
    assert!(read["rows"].as_array().unwrap().contains(&json!(["訪問者数", "70", "+100% (前の期間 35)"])), "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_asked_once_a_look() {
    let bed = bed().await;
    let store = counted(bed.now(), 10).await;
    mailing(&bed, Tongue::English, &["jane@example.com", "max@example.com"]).await;
    let nobodys = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mailer = bed.mailing(store.clone(), nobodys);
    for looks in 1..=2 {
        mailer.look().await.unwrap();
        assert_eq!(mailer.counted("failed"), looks, "the second look is the other one's");
    }
    mailer.look().await.unwrap();
    assert_eq!(mailer.counted("failed"), 2, "both wait");
    let server = Smtp::start();
    bed.turn(60_000);
    bed.mailing(store, server.port).look().await.unwrap();
    assert_eq!(server.mails().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_taken_is_given_up() {
    let (bed, server) = (bed().await, Smtp::start());
    let store = counted(bed.now(), 10).await;
    mailing(&bed, Tongue::English, &["jane@example.com"]).await;
    let mailer = bed.mailing(store, server.port);
    server.refuse(true);
    // Two hours a look: each is an attempt, until there were fifteen.
    for _ in 0..20 {
        mailer.look().await.unwrap();
        bed.settings
            .put_mail_off(
                settings::Mail {
                    mailing: &bed.settings.mailings(None).await.unwrap()[0],
                    address: &Address::parse("jane@example.com").unwrap(),
                    through: monday(bed.now()) - 1,
                },
                bed.now(),
            )
            .await
            .unwrap();
    }
    assert_eq!((mailer.counted("failed"), mailer.counted("given_up")), (15, 1));
    assert_eq!(bed.log().await[0].1, "report_given_up");
    server.refuse(false);
    mailer.look().await.unwrap();
    assert!(server.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_waits_for_its_counts_and_then_says_that_they_are_not_complete() {
    let (bed, server) = (bed().await, Smtp::start());
    // Nobody says how far the counts are, a moment after the week has ended.
    let store = engine::store().await;
    mailing(&bed, Tongue::English, &["jane@example.com"]).await;
    bed.turn(monday(bed.now()) * DAY + 1_000 - bed.now().0);
    let mailer = bed.mailing(store, server.port);
    mailer.look().await.unwrap();
    assert!(server.mails().is_empty());
    bed.turn(12 * HOUR);
    mailer.look().await.unwrap();
    let text = server.mails()[0].read(reader())["text"].as_str().unwrap().to_owned();
    assert!(text.contains("These numbers may not be complete") && text.contains("Nothing was counted."), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_report_of_before_they_asked() {
    let (bed, server) = (bed().await, Smtp::start());
    let store = counted(bed.now(), 10).await;
    let domain = Domain::parse(SITE).unwrap();
    let terms = MailingTerms { rhythm: Rhythm::Monthly, hour: 23, language: Tongue::English };
    let recipients = [(Address::parse("jane@example.com").unwrap(), "s".to_owned())];
    bed.settings.add_mailing(("monthly", &domain), terms, &recipients, "jane").await.unwrap();
    bed.mailing(store, server.port).look().await.unwrap();
    assert!(server.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gets_it_ends_it_without_an_account() {
    let (bed, server) = (bed().await, Smtp::start());
    let store = counted(bed.now(), 10).await;
    mailing(&bed, Tongue::English, &["jane@example.com", "max@example.com"]).await;
    let path = "/unsubscribe/secret-of-jane@example.com";
    let asked = bed.ask(&Shows::Nothing, "GET", path, None).await;
    assert!(
        asked.status == 200 && asked.text.contains("<form method=\"post\">") && !asked.text.contains("<script"),
        "{asked:?}"
    );
    assert_eq!(asked.headers["x-robots-tag"], "noindex, nofollow");
    assert_eq!(bed.settings.mailings(None).await.unwrap()[0].recipients.len(), 2, "looking changes nothing");
    // As a mail program does it, from nowhere of ours.
    let form = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "")];
    let done = bed.ask_with(&Shows::Nothing, "POST", path, None, &form).await;
    assert!(done.status == 200 && done.text.contains("no more"), "{done:?}");
    let again = bed.ask_with(&Shows::Nothing, "POST", path, None, &[("accept-language", "ja,en;q=0.5")]).await;
    assert!(
        again.status == 200 && again.text.contains("lang=\"ja\"") && again.text.contains("すでに停止"),
        "{again:?}"
    );
    bed.mailing(store, server.port).look().await.unwrap();
    let to: Vec<_> = server.mails().into_iter().map(|mail| mail.recipients).collect();
    assert_eq!(to, [["max@example.com"]]);
    assert!(bed.log().await.contains(&("a recipient".to_owned(), "report_unsubscribed".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_added_tried_and_removed_by_who_administers_the_site() {
    let (bed, server) = (bed().await, Smtp::start());
    let store = counted(bed.now(), 10).await;
    let admin = bed.user("siteadmin", &[(Role::SiteAdmin, SITE)]).await;
    let admin = bed.session(&admin).await;
    let path = "/api/sites/a.example/reports";
    for (body, said) in [
        (json!({ "rhythm": "daily", "recipients": ["jane@example.com"] }), "weekly, monthly"),
        (json!({ "rhythm": "weekly", "recipients": [] }), "1 to 20 addresses"),
        (json!({ "rhythm": "weekly", "recipients": ["jane"] }), "such as jane@example.com"),
        (
            json!({ "rhythm": "weekly", "recipients": ["jane@example.com\r\nBcc: x@example.com"] }),
            "such as jane@example.com",
        ),
        (json!({ "rhythm": "weekly", "recipients": ["jane@example.com"], "hour": 24 }), "from 0 to 23"),
        (json!({ "rhythm": "weekly", "recipients": ["jane@example.com"], "language": "fr" }), "en, ja"),
    ] {
        let refused = bed.ask(&admin, "POST", path, Some(body.clone())).await;
        assert!(refused.status == 400 && refused.text.contains(said), "{body}: {refused:?}");
    }
    let body = json!({ "rhythm": "weekly", "recipients": ["jane@example.com"], "language": "ja", "hour": 7 });
    let made = bed.ask(&admin, "POST", path, Some(body)).await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    let listed = bed.ask(&admin, "GET", path, None).await.body;
    let one = json!({ "id": id, "rhythm": "weekly", "hour": 7, "language": "ja", "recipients": [{ "address": "jane@example.com", "sent_through": null }],
                      "made_by": "siteadmin", "created": made.body["created"] });
    assert_eq!(listed, json!({ "reports": [one], "mail_server": false }));
    let without = bed.ask(&admin, "POST", &format!("{path}/{id}/test"), None).await;
    assert!(without.status == 400 && without.text.contains("mail_host"), "{without:?}");
    // With a server.
    let posting = bed.posting(store, server.port);
    let tried = posting.ask(&admin, "POST", &format!("{path}/{id}/test"), None).await;
    assert_eq!((tried.status.as_u16(), tried.body), (200, json!({ "sent": 1 })));
    let read = server.mails()[0].read(reader());
    assert!(read["headers"]["subject"].as_str().unwrap().starts_with("テスト: 週次レポート"), "{read}");
    assert_eq!(server.credentials(), ["AHVzZXIAcGFzc3dvcmQ="], "user and password, as RFC 4616 writes them");
    assert_eq!(
        bed.settings.mailings(None).await.unwrap()[0].recipients[0].sent_through,
        None,
        "what is due is sent all the same"
    );
    assert_eq!(bed.ask(&admin, "DELETE", &format!("{path}/{id}"), None).await.status, 204);
    assert_eq!(bed.ask(&admin, "DELETE", &format!("{path}/{id}"), None).await.status, 404);
    assert_eq!(bed.ask(&admin, "GET", path, None).await.body["reports"], Value::Array(Vec::new()));
}
