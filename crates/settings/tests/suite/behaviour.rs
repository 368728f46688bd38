//! What the settings do, one test a sentence, over both databases.

use std::collections::BTreeMap;

use ::model::{CountedZone, FormerZone, Millis, Mode, Site};
use serde_json::{Value, json};
use settings::{AuditEntry, Deed, Definition, Expected, Kind, Revision, Settings, SettingsError};

use crate::bed::{Bed, HOUR, START, domain, site};

/// Makes a test over each database of a function that takes a bed.
macro_rules! over_both {
    ($($sentence:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")] async fn $sentence() { super::$sentence(crate::bed::Bed::sqlite()).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")] async fn $sentence() { super::$sentence(crate::bed::Bed::postgres()).await; })*
        }
    };
}
pub(crate) use over_both;

over_both!(
    a_site_is_kept_changed_and_removed,
    a_change_that_expects_something_else_changes_nothing,
    sites_come_in_order_of_bytes_whatever_the_databases_language,
    every_text_comes_back_as_it_was_or_is_refused,
    what_is_beyond_the_bounds_is_refused_and_changes_nothing,
    another_versions_site_is_read_with_defaults_and_loses_nothing,
    a_site_that_cannot_be_read_is_named_and_the_others_are_listed,
    a_definition_holds_from_its_time_and_the_one_before_until_then,
    a_definition_that_was_replaced_is_forgotten_when_no_replay_can_need_it,
    removing_a_site_removes_its_definitions,
    the_audit_log_tells_every_change_in_order_and_by_pages,
    a_change_of_zone_waits_for_the_end_of_the_open_day,
    zones_of_another_memory_are_taken_over_where_none_is_known,
    a_database_opens_again_with_everything,
    tables_of_another_version_are_refused,
);

async fn a_site_is_kept_changed_and_removed(bed: Bed) {
    let settings = bed.open().await;
    assert_eq!((settings.revision().await.unwrap(), settings.sites().await.unwrap().sites.len()), (Revision(0), 0));
    let mut tokyo = Site { timezone: "Asia/Tokyo".to_owned(), ..site("example.com") };
    tokyo.notice.recipients = vec!["Example KK".to_owned()];
    let added = settings.put_site(&tokyo, Expected::Nothing, "cli").await.unwrap();
    assert_eq!(
        settings.site(&tokyo.domain).await.unwrap().map(|stored| (stored.site, stored.revision)),
        Some((tokyo.clone(), added))
    );
    let minimal = Site { mode: Mode::Minimal, ..tokyo.clone() };
    let changed = settings.put_site(&minimal, Expected::Revision(added), "cli").await.unwrap();
    let list = settings.sites().await.unwrap();
    assert_eq!((list.revision, list.sites[0].revision, &list.sites[0].site), (changed, changed, &minimal));
    assert!(added < changed);
    let removed = settings.remove_site(&tokyo.domain, Expected::Revision(changed), "cli").await.unwrap();
    assert_eq!(settings.site(&tokyo.domain).await.unwrap(), None);
    assert_eq!(settings.revision().await.unwrap(), removed);
    assert!(changed < removed);
}

async fn a_change_that_expects_something_else_changes_nothing(bed: Bed) {
    let settings = bed.open().await;
    let first = settings.put_site(&site("a.example"), Expected::Anything, "one").await.unwrap();
    let second = settings.put_site(&site("a.example"), Expected::Anything, "two").await.unwrap();
    let exempt = Site { mode: Mode::Exempt, ..site("a.example") };
    for expected in [Expected::Nothing, Expected::Revision(first)] {
        let conflict = settings.put_site(&exempt, expected, "three").await.unwrap_err();
        assert!(matches!(conflict, SettingsError::Conflict { found, .. } if found == Some(second)), "{conflict}");
        let conflict = settings.remove_site(&exempt.domain, expected, "three").await.unwrap_err();
        assert!(!conflict.retry(), "{conflict}");
    }
    for expected in [Expected::Anything, Expected::Revision(second)] {
        let missing = settings.remove_site(&domain("b.example"), expected, "three").await.unwrap_err();
        assert!(missing.to_string().contains("site b.example is not there"), "{missing}");
    }
    assert_eq!(settings.revision().await.unwrap(), second, "what was refused took no revision");
    assert_eq!(settings.audit_page(None, 100).await.unwrap().len(), 2);
}

async fn sites_come_in_order_of_bytes_whatever_the_databases_language(bed: Bed) {
    let settings = bed.open().await;
    let mut names = vec!["a.b.example", "a-b.example", "ab.example", "a/b.example", "a_b.example", "0.example"];
    for name in &names {
        settings.put_site(&site(name), Expected::Nothing, "cli").await.unwrap();
    }
    names.sort_unstable();
    let list = settings.sites().await.unwrap();
    let listed: Vec<_> = list.sites.iter().map(|stored| stored.site.domain.as_str()).collect();
    assert_eq!(listed, names);
}

async fn every_text_comes_back_as_it_was_or_is_refused(bed: Bed) {
    let settings = bed.open().await;
    let hostile = [
        "'; DROP TABLE sites; --",
        "\" OR \"\"=\"",
        "$1 ? :a @b",
        "\\'\\\\",
        "%_",
        "😀👩‍👩‍👧‍👦 例え\u{202e}",
        "a\u{0}b\r\n\t",
        "\u{feff}\u{ffff}",
    ];
    let longest = format!("{}.example", "a".repeat(245));
    assert_eq!(longest.len(), 253);
    for (number, text) in hostile.iter().enumerate() {
        let mut wanted = site(if number == 0 { &longest } else { "example.com" });
        wanted.notice.controller = Some((*text).to_owned());
        wanted.redact_paths = vec![format!("/{text}/*")];
        settings.put_site(&wanted, Expected::Anything, "cli").await.unwrap();
        assert_eq!(settings.site(&wanted.domain).await.unwrap().unwrap().site, wanted);
        let body = json!({ (*text): [text, null, 1.5, { "deep": text }] });
        let deed = Deed { who: "cli", what: "tried", site: None, detail: body.clone() };
        settings.note(&deed).await.unwrap();
        assert_eq!(settings.audit_page(None, 1).await.unwrap()[0].detail, body);
        let goal = Definition {
            kind: Kind::Goal,
            site: wanted.domain.clone(),
            name: (*text).to_owned(),
            body,
            effective_from: START,
        };
        let put = settings.put_definition(&goal, Expected::Nothing, text).await;
        if text.chars().any(char::is_control) {
            assert!(matches!(put, Err(SettingsError::Refused(_))), "{put:?}");
        } else {
            put.unwrap();
            let list = settings.definitions(Some(Kind::Goal), Some(&goal.site)).await.unwrap();
            assert!(list.definitions.iter().any(|stored| stored.definition == goal));
            assert_eq!(settings.audit_page(None, 1).await.unwrap()[0].who, *text);
            settings.remove_definition((Kind::Goal, &goal.site, text), START, Expected::Anything, "cli").await.unwrap();
        }
    }
    assert_eq!(settings.sites().await.unwrap().sites.len(), 2);
}

async fn what_is_beyond_the_bounds_is_refused_and_changes_nothing(bed: Bed) {
    let settings = bed.open().await;
    let mut long = site("example.com");
    long.notice.purpose = Some("x".repeat(70_000));
    let body = json!("x".repeat(20_000));
    let goal = |name: &str, body: &Value| Definition {
        kind: Kind::Goal,
        site: domain("example.com"),
        name: name.to_owned(),
        body: body.clone(),
        effective_from: START,
    };
    let deed = |who, detail| Deed { who, what: "tried", site: None, detail };
    let long_name = "n".repeat(121);
    let refusals = [
        settings.put_site(&long, Expected::Anything, "cli").await.unwrap_err(),
        settings.put_site(&site("example.com"), Expected::Anything, "").await.unwrap_err(),
        settings
            .put_site(&Site { timezone: "Mars/Olympus".to_owned(), ..site("e.com") }, Expected::Anything, "cli")
            .await
            .unwrap_err(),
        settings.put_definition(&goal("big", &body), Expected::Anything, "cli").await.unwrap_err(),
        settings.put_definition(&goal(" ", &json!(1)), Expected::Anything, "cli").await.unwrap_err(),
        settings.put_definition(&goal(&long_name, &json!(1)), Expected::Anything, "cli").await.unwrap_err(),
        settings.note(&deed("cli", body)).await.unwrap_err(),
        settings.note(&deed(&"w".repeat(201), json!({}))).await.unwrap_err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, SettingsError::Refused(_)) && refusal.to_string().len() < 700, "{refusal}");
    }
    assert_eq!(settings.revision().await.unwrap(), Revision(0));
    assert_eq!(settings.audit_page(None, 10).await.unwrap(), []);
    // A change whose detail would be too long for the log is noted by the names of what changed.
    settings.put_site(&site("example.com"), Expected::Anything, "cli").await.unwrap();
    long.notice.purpose = Some("x".repeat(30_000));
    settings.put_site(&long, Expected::Anything, "cli").await.unwrap();
    assert_eq!(settings.audit_page(None, 1).await.unwrap()[0].detail, json!({ "changed": ["notice"] }));
}

async fn another_versions_site_is_read_with_defaults_and_loses_nothing(bed: Bed) {
    let settings = bed.open().await;
    bed.sql(r#"INSERT INTO sites VALUES ('old.example', '{"domain":"old.example","mode":"exempt"}', 1)"#).await;
    bed.sql(r#"INSERT INTO sites VALUES ('new.example', '{"domain":"new.example","floor":{"a":[1]}}', 2)"#).await;
    let old = settings.site(&domain("old.example")).await.unwrap().unwrap();
    assert_eq!(old.site, Site { mode: Mode::Exempt, ..site("old.example") });
    let new = settings.site(&domain("new.example")).await.unwrap().unwrap();
    assert_eq!((&new.site, new.revision), (&site("new.example"), Revision(2)));
    settings.put_site(&Site { public: true, ..new.site }, Expected::Revision(Revision(2)), "cli").await.unwrap();
    bed.sql(r#"INSERT INTO sites SELECT 'copy.example', definition, 9 FROM sites WHERE definition LIKE '%"floor":{"a":[1]}%' AND definition LIKE '%"public":true%'"#).await;
    let list = settings.sites().await.unwrap();
    assert_eq!(list.unreadable[0].reason, "it is the definition of new.example", "the newer version's field was kept");
}

async fn a_site_that_cannot_be_read_is_named_and_the_others_are_listed(bed: Bed) {
    let settings = bed.open().await;
    settings.put_site(&site("good.example"), Expected::Nothing, "cli").await.unwrap();
    bed.sql(r#"INSERT INTO sites VALUES ('bad.example', '{"domain":"bad.example","mode":"ultra"}', 2)"#).await;
    bed.sql("INSERT INTO sites VALUES ('worse example', '{', 3)").await;
    let list = settings.sites().await.unwrap();
    assert_eq!(list.sites.iter().map(|stored| stored.site.domain.as_str()).collect::<Vec<_>>(), ["good.example"]);
    let names: Vec<_> = list.unreadable.iter().map(|site| site.domain.as_str()).collect();
    assert_eq!(names, ["bad.example", "worse example"]);
    assert!(list.unreadable[0].reason.contains("ultra"), "{:?}", list.unreadable);
    assert!(settings.site(&domain("bad.example")).await.unwrap_err().to_string().contains("ultra"));
    settings.remove_site(&domain("bad.example"), Expected::Anything, "cli").await.unwrap();
}

fn goal(body: &str, from: Millis) -> Definition {
    Definition {
        kind: Kind::Goal,
        site: domain("example.com"),
        name: "Signup".to_owned(),
        body: json!(body),
        effective_from: from,
    }
}

/// What a name stands for at a time.
async fn holding(settings: &Settings, at: Millis) -> Vec<String> {
    let list = settings.definitions(None, Some(&domain("example.com"))).await.unwrap();
    let holds = list.definitions.iter().filter(|stored| stored.holds_at(at));
    holds.map(|stored| stored.definition.body.as_str().unwrap().to_owned()).collect()
}

async fn a_definition_holds_from_its_time_and_the_one_before_until_then(bed: Bed) {
    let settings = bed.open().await;
    let at = |minutes: i64| START.plus(minutes * 60_000);
    let first = settings.put_definition(&goal("first", at(1)), Expected::Nothing, "cli").await.unwrap();
    let second = settings.put_definition(&goal("second", at(10)), Expected::Revision(first), "cli").await.unwrap();
    assert!(holding(&settings, at(0)).await.is_empty());
    assert_eq!(
        (holding(&settings, at(1)).await, holding(&settings, at(10)).await),
        (vec!["first".to_owned()], vec!["second".to_owned()])
    );
    // What would begin later than a new one never does; what held before is not touched.
    let third = settings.put_definition(&goal("third", at(5)), Expected::Revision(second), "cli").await.unwrap();
    assert_eq!(
        (holding(&settings, at(4)).await, holding(&settings, at(10)).await),
        (vec!["first".to_owned()], vec!["third".to_owned()])
    );
    let name = (Kind::Goal, &domain("example.com"), "Signup");
    settings.remove_definition(name, at(20), Expected::Revision(second), "cli").await.unwrap_err();
    let removed = settings.remove_definition(name, at(20), Expected::Revision(third), "cli").await.unwrap();
    assert_eq!(
        (holding(&settings, at(19)).await, holding(&settings, at(20)).await),
        (vec!["third".to_owned()], vec![])
    );
    assert!(
        settings.remove_definition(name, at(30), Expected::Anything, "cli").await.is_err(),
        "it is removed already"
    );
    let segments = settings.definitions(Some(Kind::Segment), None).await.unwrap();
    assert_eq!((segments.revision, segments.definitions.len()), (removed, 0));
}

async fn a_definition_that_was_replaced_is_forgotten_when_no_replay_can_need_it(bed: Bed) {
    let settings = bed.open().await;
    settings.put_definition(&goal("first", START), Expected::Nothing, "cli").await.unwrap();
    settings.put_definition(&goal("second", START.plus(60_000)), Expected::Anything, "cli").await.unwrap();
    bed.turn(70 * HOUR);
    settings.put_definition(&goal("third", bed.now()), Expected::Anything, "cli").await.unwrap();
    assert_eq!(settings.definitions(None, None).await.unwrap().definitions.len(), 3);
    bed.turn(3 * HOUR);
    settings.put_definition(&goal("fourth", bed.now()), Expected::Anything, "cli").await.unwrap();
    let bodies: Vec<_> = settings
        .definitions(None, None)
        .await
        .unwrap()
        .definitions
        .into_iter()
        .map(|stored| stored.definition.body)
        .collect();
    assert_eq!(bodies, ["second", "third", "fourth"]);
}

async fn removing_a_site_removes_its_definitions(bed: Bed) {
    let settings = bed.open().await;
    for name in ["example.com", "other.example"] {
        settings.put_site(&site(name), Expected::Nothing, "cli").await.unwrap();
        let definition = Definition { site: domain(name), kind: Kind::Annotation, ..goal("x", START) };
        settings.put_definition(&definition, Expected::Nothing, "cli").await.unwrap();
    }
    settings.remove_site(&domain("example.com"), Expected::Anything, "cli").await.unwrap();
    let left = settings.definitions(None, None).await.unwrap().definitions;
    assert_eq!(left.iter().map(|stored| stored.definition.site.as_str()).collect::<Vec<_>>(), ["other.example"]);
}

async fn the_audit_log_tells_every_change_in_order_and_by_pages(bed: Bed) {
    let settings = bed.open().await;
    settings.put_site(&site("example.com"), Expected::Nothing, "cli").await.unwrap();
    bed.turn(1);
    settings.put_site(&Site { mode: Mode::Minimal, ..site("example.com") }, Expected::Anything, "jane").await.unwrap();
    settings.put_definition(&goal("x", START), Expected::Nothing, "jane").await.unwrap();
    settings
        .remove_definition((Kind::Goal, &domain("example.com"), "Signup"), START, Expected::Anything, "jane")
        .await
        .unwrap();
    settings.remove_site(&domain("example.com"), Expected::Anything, "cli").await.unwrap();
    settings.note(&Deed { who: "jane", what: "signed_in", site: None, detail: json!({}) }).await.unwrap();
    let all = settings.audit_page(None, 100).await.unwrap();
    let told: Vec<_> = all.iter().rev().map(|entry| (entry.number, entry.who.as_str(), entry.what.as_str())).collect();
    let wanted = [
        (1, "cli", "site_added"),
        (2, "jane", "site_changed"),
        (3, "jane", "goal_added"),
        (4, "jane", "goal_removed"),
        (5, "cli", "site_removed"),
        (6, "jane", "signed_in"),
    ];
    assert_eq!(told, wanted);
    let changed = AuditEntry {
        number: 2,
        at: START.plus(1),
        who: "jane".to_owned(),
        what: "site_changed".to_owned(),
        site: Some("example.com".to_owned()),
        detail: json!({ "mode": ["full", "minimal"] }),
    };
    assert_eq!(all[4], changed);
    let numbers = |page: Vec<AuditEntry>| page.into_iter().map(|entry| entry.number).collect::<Vec<_>>();
    assert_eq!(numbers(settings.audit_page(None, 2).await.unwrap()), [6, 5]);
    assert_eq!(numbers(settings.audit_page(Some(5), 2).await.unwrap()), [4, 3]);
    assert_eq!(numbers(settings.audit_page(Some(1), 2).await.unwrap()), [0; 0]);
}

async fn a_change_of_zone_waits_for_the_end_of_the_open_day(bed: Bed) {
    let settings = bed.open().await;
    let zoned = |zone: &str| vec![Site { timezone: zone.to_owned(), ..site("example.com") }];
    let before = |sites: ::model::Sites| sites.iter().next().unwrap().timezone_before.clone();
    assert_eq!(before(settings.settle(zoned("UTC")).await.unwrap()), None);
    let utc = Some(FormerZone { timezone: "UTC".to_owned(), until: START.plus(7 * HOUR) });
    assert_eq!(before(settings.settle(zoned("Asia/Tokyo")).await.unwrap()), utc);
    bed.turn(HOUR);
    // Also for another process, and for a site that was away meanwhile.
    assert_eq!(settings.settle(Vec::new()).await.unwrap().len(), 0);
    assert_eq!(before(bed.open().await.settle(zoned("America/New_York")).await.unwrap()), utc);
    bed.turn(6 * HOUR + 4 * 24 * HOUR);
    assert_eq!(before(settings.settle(zoned("America/New_York")).await.unwrap()), None);
    assert_eq!(settings.revision().await.unwrap(), Revision(0), "nothing that others read has changed");
}

async fn zones_of_another_memory_are_taken_over_where_none_is_known(bed: Bed) {
    let settings = bed.open().await;
    let counted = |timezone: &str| CountedZone { timezone: timezone.to_owned(), before: None };
    settings.settle(vec![site("known.example")]).await.unwrap();
    let zones = BTreeMap::from([
        ("known.example".to_owned(), counted("Asia/Tokyo")),
        ("other.example".to_owned(), counted("Asia/Tokyo")),
    ]);
    for _ in 0..2 {
        settings.adopt_zones(&zones).await.unwrap();
    }
    let sites = settings.settle(vec![site("known.example"), site("other.example")]).await.unwrap();
    assert_eq!(sites.get("known.example").unwrap().timezone_before, None);
    assert_eq!(sites.get("other.example").unwrap().timezone_before.as_ref().unwrap().timezone, "Asia/Tokyo");
}

async fn a_database_opens_again_with_everything(bed: Bed) {
    let settings = bed.open().await;
    settings.put_site(&site("example.com"), Expected::Nothing, "cli").await.unwrap();
    let (list, log) = (settings.sites().await.unwrap(), settings.audit_page(None, 10).await.unwrap());
    drop(settings);
    let again = bed.open().await;
    assert_eq!((again.sites().await.unwrap(), again.audit_page(None, 10).await.unwrap()), (list, log));
}

async fn tables_of_another_version_are_refused(bed: Bed) {
    bed.open().await;
    let refused = async |why: &str| {
        let error = Settings::open(&bed.location, bed.clock()).await.unwrap_err();
        assert!(matches!(error, SettingsError::OtherVersion { .. }) && error.to_string().contains(why), "{error}");
    };
    bed.sql("INSERT INTO migrations VALUES (999, '0999_from_the_future', 'x', 0)").await;
    refused("a newer version of footfall has changed its tables (0999_from_the_future)").await;
    bed.sql("DELETE FROM migrations WHERE number = 999; UPDATE migrations SET sha256 = 'x' WHERE number = 1").await;
    refused("0001_settings was applied with other contents").await;
}
