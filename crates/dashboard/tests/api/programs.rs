//! API tokens, what is taken away, and the audit log.

use axum::http::StatusCode;
use model::{Domain, Site};
use prometheus::Registry;
use serde_json::{Value, json};
use settings::{Deed, Expected, Role, Scope};

use crate::asking::{TOKEN, dashboard};
use crate::bed::{Bed, HOUR, PASSWORD, Shows};
use crate::engine;

#[tokio::test]
async fn a_token_is_told_once_used_and_revoked() {
    let bed = Bed::new().await;
    let jane = bed.user("jane", &[(Role::Analyst, "a.example")]).await;
    let session = bed.session(&jane).await;
    let make = async |body: Value| bed.ask(&session, "POST", "/api/tokens", Some(body)).await;
    let made = make(json!({ "name": "nightly", "scopes": ["stats:read"], "sites": ["a.example"], "days": 2 })).await;
    let secret = made.body["token"].as_str().unwrap().to_owned();
    assert!(made.status == 201 && secret.len() == 67 && secret.starts_with("ff_"), "{made:?}");
    let token = Shows::Bearer(secret.clone());
    let reads = async |site: &str| {
        bed.ask(&token, "GET", &format!("/api/v1/ledger?site_id={site}"), None).await.status.as_u16()
    };
    assert_eq!((reads("a.example").await, reads("b.example").await), (503, 404));
    let told = bed.ask(&session, "GET", "/api/tokens", None).await;
    assert!(!told.text.contains(&secret));
    assert_eq!(
        (&told.body["tokens"][0]["used_on"], &told.body["tokens"][0]["owner"]),
        (&json!("2024-05-15"), &json!("jane"))
    );
    assert_eq!(bed.ask(&token, "GET", "/api/session", None).await.body["kind"], json!("token"));
    // In the URL it opens nothing.
    let path = format!("/api/v1/ledger?site_id=a.example&token={secret}");
    assert_eq!(bed.ask(&Shows::Nothing, "GET", &path, None).await.status, 400);
    bed.turn(48 * HOUR);
    assert_eq!(reads("a.example").await, 401);
    let made = bed
        .ask(
            &Shows::Bearer(TOKEN.to_owned()),
            "POST",
            "/api/tokens",
            Some(json!({ "name": "ever", "scopes": ["stats:read", "export"], "sites": ["*"] })),
        )
        .await;
    let ever = Shows::Bearer(made.body["token"].as_str().unwrap().to_owned());
    assert_eq!((&made.body["owner"], &made.body["expires"]), (&Value::Null, &Value::Null));
    assert_eq!(bed.ask(&ever, "GET", "/api/v1/ledger?site_id=b.example", None).await.status, 503);
    let id = made.body["id"].as_str().unwrap();
    assert_eq!(
        bed.ask(&Shows::Bearer(TOKEN.to_owned()), "DELETE", &format!("/api/tokens/{id}"), None).await.status,
        204
    );
    assert_eq!(bed.ask(&ever, "GET", "/api/v1/ledger?site_id=b.example", None).await.status, 401);
    let session = bed.session(&jane).await;
    for (body, said) in [
        (json!({ "name": "x", "scopes": ["everything"], "sites": ["*"] }), "stats:read, export, admin"),
        (json!({ "name": "x", "scopes": ["stats:read"], "sites": ["a.example"], "days": 0 }), "1 to 3650 days"),
        (json!({ "name": "x", "scopes": [], "sites": ["a.example"] }), "at least one scope"),
        (json!({ "name": "x", "scope": ["stats:read"], "sites": ["a.example"] }), "unknown field `scope`"),
    ] {
        let refused = bed.ask(&session, "POST", "/api/tokens", Some(body)).await;
        assert!(refused.status == 400 && refused.text.contains(said), "{said}: {refused:?}");
    }
}

#[tokio::test]
async fn a_guessed_token_is_refused_like_any_other() {
    let bed = Bed::new().await;
    let ask = async |token: &str| {
        let answer = bed.ask(&Shows::Bearer(token.to_owned()), "GET", "/api/v1/sites", None).await;
        (answer.status, answer.text)
    };
    let guess = format!("ff_{}", "0".repeat(64));
    assert_eq!(ask(&guess).await, ask("wrong").await);
    assert_eq!(ask(&guess).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_a_person_takes_away_is_noted_and_what_was_filtered_by_is_not() {
    let mut bed = Bed::with(&["open.example"]).await;
    let jane = bed.user("jane", &[(Role::Analyst, "a.example")]).await;
    let session = bed.session(&jane).await;
    let question = |site: &str| {
        json!({ "site_id": site, "metrics": ["visits"], "date_range": "7d", "dimensions": ["visit:source"],
                "filters": [["contains", "visit:source", ["jane@corp.example"]]] })
    };
    // This bed has no store: nothing is taken, and nothing noted.
    bed.ask_with(&session, "POST", "/api/v2/query", Some(question("a.example")), &[("accept", "text/csv")]).await;
    assert!(bed.log().await.iter().all(|(_, what)| what != "exported"));
    let settings = bed.settings.clone();
    bed.router = bed.over(engine::store().await);
    for more in [("accept", "text/csv"), ("footfall-export", "json")] {
        let answer = bed.ask_with(&session, "POST", "/api/v2/query", Some(question("a.example")), &[more]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    bed.ask(&session, "POST", "/api/v2/query", Some(question("a.example"))).await;
    bed.ask_with(&Shows::Nothing, "POST", "/api/v2/query", Some(question("open.example")), &[("accept", "text/csv")])
        .await;
    let lines = settings.audit_page(None, 100).await.unwrap();
    let exported: Vec<_> = lines.iter().filter(|line| line.what == "exported").collect();
    assert_eq!(exported.len(), 2, "looking is not taking, and what is public is everybody's");
    assert_eq!((exported[0].who.as_str(), exported[0].site.as_deref()), ("jane", Some("a.example")));
    assert_eq!(
        exported[0].detail,
        json!({ "sites": ["a.example"], "columns": ["visit:source", "visits"], "filters": 1, "rows": 0 })
    );
    let viewer = bed.user("viewer", &[(Role::Viewer, "a.example")]).await;
    let viewer = bed.session(&viewer).await;
    for more in [("accept", "text/csv"), ("footfall-export", "json")] {
        let refused = bed.ask_with(&viewer, "POST", "/api/v2/query", Some(question("a.example")), &[more]).await;
        assert!(refused.status == 403 && refused.text.contains("role analyst"), "{refused:?}");
    }
}

#[tokio::test]
async fn every_report_that_the_page_makes_a_file_of_takes_the_right_and_is_noted() {
    let mut bed = Bed::with(&["open.example"]).await;
    let (analyst, viewer) = (
        bed.user("jane", &[(Role::Analyst, "a.example")]).await,
        bed.user("joe", &[(Role::Viewer, "a.example")]).await,
    );
    let (analyst, viewer) = (bed.session(&analyst).await, bed.session(&viewer).await);
    let settings = bed.settings.clone();
    bed.router = bed.over(engine::store().await);
    let of = |more: Value| {
        let mut body = json!({ "site_id": "a.example", "date_range": "7d" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(body)
    };
    let reports = [
        ("GET", "/api/v1/stats/realtime?site_id=a.example", None, "realtime"),
        ("GET", "/api/v1/ledger?site_id=a.example&date_range=7d", None, "ledger"),
        ("POST", "/api/v2/flow", of(json!({ "page": "/" })), "flows"),
        ("POST", "/api/v2/vitals", of(json!({})), "vitals"),
    ];
    for (method, path, body, _) in &reports {
        let file = [("footfall-export", "csv")];
        let refused = bed.ask_with(&viewer, method, path, body.clone(), &file).await;
        assert!(refused.status == 403 && refused.text.contains("role analyst"), "{path}: {refused:?}");
        assert_eq!(bed.ask(&viewer, method, path, body.clone()).await.status, 200, "{path} is read");
        assert_eq!(bed.ask_with(&analyst, method, path, body.clone(), &file).await.status, 200, "{path}");
    }
    let lines = settings.audit_page(None, 100).await.unwrap();
    let noted: Vec<_> =
        lines.iter().filter(|line| line.what == "exported").map(|line| &line.detail["report"]).collect();
    let expected: Vec<_> = reports.iter().rev().map(|(.., report)| json!(report)).collect();
    assert_eq!(noted, expected.iter().collect::<Vec<_>>(), "newest first");
    // A program needs the scope.
    let token = async |scopes: &[Scope]| bed.token(None, scopes, &["a.example"]).await;
    let (reads, takes) = (token(&[Scope::StatsRead]).await, token(&[Scope::StatsRead, Scope::Export]).await);
    let question = of(json!({ "metrics": ["visits"] }));
    for (program, status) in [(&reads, 403), (&takes, 200)] {
        let csv = [("accept", "text/csv")];
        let answer = bed.ask_with(program, "POST", "/api/v2/query", question.clone(), &csv).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[tokio::test]
async fn the_audit_log_is_read_by_pages_and_no_line_of_it_is_a_formula() {
    let bed = Bed::new().await;
    let root = Shows::Bearer(TOKEN.to_owned());
    bed.user("@sum", &[]).await;
    for number in 0..5 {
        bed.settings
            .note(&Deed { who: "=1+1", what: "tried", site: None, detail: json!({ "number": number }) })
            .await
            .unwrap();
    }
    let first = bed.ask(&root, "GET", "/api/audit?limit=4", None).await.body;
    let numbers = |page: &Value| {
        page["lines"].as_array().unwrap().iter().map(|line| line["number"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((numbers(&first), &first["next"]), (vec![6, 5, 4, 3], &json!(3)));
    let second = bed.ask(&root, "GET", "/api/audit?limit=4&before=3", None).await.body;
    assert_eq!((numbers(&second), &second["next"]), (vec![2, 1], &Value::Null));
    assert_eq!((&first["lines"][0]["who"], &first["lines"][0]["at"]), (&json!("=1+1"), &json!("2024-05-15T13:30:00Z")));
    let table = bed.ask_with(&root, "GET", "/api/audit", None, &[("accept", "text/csv")]).await;
    assert!(table.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    let lines: Vec<_> = table.text.lines().collect();
    assert_eq!(lines[0], "number,at,who,what,site,detail");
    assert_eq!(lines[1], "6,2024-05-15T13:30:00Z,'=1+1,tried,,\"{\"\"number\"\":4}\"");
    assert!(bed.log().await.first().is_some_and(|(who, what)| who == "administrator's token" && what == "exported"));
    for (path, said) in [
        ("/api/audit?before=x", "`before` must be the number of a line"),
        ("/api/audit?sites=a", "did you mean `site`"),
        ("/api/audit?site=a b", "site"),
        ("/api/audit?limit=0", "a whole number from 1 to 1000"),
        ("/api/audit?limit=1001", "a whole number from 1 to 1000"),
        ("/api/audit?limit=many", "a whole number from 1 to 1000"),
    ] {
        let refused = bed.ask(&root, "GET", &path.replace(' ', "%20"), None).await;
        assert!(refused.status == 400 && refused.text.contains(said), "{path}: {refused:?}");
    }
}

#[tokio::test]
async fn what_is_defined_and_taken_away_is_noted_with_who_did_it() {
    let bed = Bed::new().await;
    let (jane, joe) = (
        bed.user("jane", &[(Role::Analyst, "a.example")]).await,
        bed.user("joe", &[(Role::Viewer, "a.example")]).await,
    );
    let (jane, joe) = (bed.session(&jane).await, bed.session(&joe).await);
    // What is defined holds twenty seconds later.
    let from = bed.now().plus(20_000);
    let mut expected = Vec::new();
    for (path, kind, name, first, second) in [
        ("goals/Reads", "goal", "Reads", json!({ "page": "/blog/**" }), json!({ "page": "/news/**" })),
        (
            "segments/On%20phones",
            "segment",
            "On phones",
            json!({ "filters": [["is", "visit:device", ["Mobile"]]] }),
            json!({ "filters": [["is_not", "visit:device", ["Desktop"]]] }),
        ),
    ] {
        let path = format!("/api/sites/a.example/{path}");
        assert_eq!(bed.ask(&joe, "PUT", &path, Some(first.clone())).await.status, 403);
        // The second of two equal ones changes nothing.
        for body in [&first, &first, &second] {
            assert_eq!(bed.ask(&jane, "PUT", &path, Some(body.clone())).await.status, 200, "{path}");
        }
        assert_eq!(bed.ask(&joe, "DELETE", &path, None).await.status, 403);
        assert_eq!(bed.ask(&jane, "DELETE", &path, None).await.status, 200);
        assert_eq!(bed.ask(&jane, "DELETE", &path, None).await.status, 404);
        let detail = json!({ "name": name, "from": from.0 });
        expected.extend(["added", "changed", "removed"].map(|done| (format!("{kind}_{done}"), detail.clone())));
    }
    let lines = bed.settings.audit_page(None, 100).await.unwrap();
    let of_site = lines.iter().rev().filter(|line| line.site.as_deref() == Some("a.example") && line.who == "jane");
    assert_eq!(of_site.map(|line| (line.what.clone(), line.detail.clone())).collect::<Vec<_>>(), expected);
    assert!(lines.iter().all(|line| line.who != "joe" || line.site.is_none()), "who may not does nothing: {lines:?}");
}

#[tokio::test]
async fn who_administers_a_site_is_told_how_to_read_its_lines() {
    let bed = Bed::new().await;
    let (jane, joe) = (
        bed.user("jane", &[(Role::SiteAdmin, "b.example")]).await,
        bed.user("joe", &[(Role::Viewer, "b.example")]).await,
    );
    let said = async |who: &Shows| {
        let refused = bed.ask(who, "GET", "/api/audit", None).await;
        assert_eq!(refused.status, 403, "{refused:?}");
        refused.text
    };
    let told = said(&bed.session(&jane).await).await;
    assert!(told.contains("add ?site=, such as ?site=b.example"), "{told}");
    let told = said(&bed.session(&joe).await).await;
    assert!(told.contains("role operator") && !told.contains("b.example"), "{told}");
}

#[tokio::test]
async fn nothing_is_granted_at_a_site_that_nobody_measures() {
    let bed = Bed::new().await;
    bed.user("max", &[]).await;
    let root = Shows::Bearer(TOKEN.to_owned());
    let admin = bed.user("siteadmin", &[(Role::SiteAdmin, "*")]).await;
    let admin = bed.session(&admin).await;
    let before = (bed.settings.users().await.unwrap(), bed.settings.tokens(None).await.unwrap());
    let grant = |site: &str| json!({ "role": "viewer", "site": site });
    for (who, method, path, body) in [
        (&root, "PUT", "/api/users/max/grants", grant("a.exampel")),
        (&admin, "PUT", "/api/users/max/grants", grant("a.exampel")),
        (&root, "POST", "/api/users", json!({ "login": "new", "password": PASSWORD, "grants": [grant("a.exampel")] })),
        (
            &root,
            "POST",
            "/api/tokens",
            json!({ "name": "t", "scopes": ["stats:read"], "sites": ["b.example", "a.exampel"] }),
        ),
    ] {
        let refused = bed.ask(who, method, path, Some(body)).await;
        let told = "no site a.exampel is measured; did you mean a.example?";
        assert!(refused.status == 400 && refused.text.contains(told), "{method} {path}: {refused:?}");
    }
    assert_eq!((bed.settings.users().await.unwrap(), bed.settings.tokens(None).await.unwrap()), before);
    // Who administers one site learns of no other.
    let jane = bed.user("jane", &[(Role::SiteAdmin, "b.exampel")]).await;
    let refused = bed.ask(&bed.session(&jane).await, "PUT", "/api/users/max/grants", Some(grant("b.exampel"))).await;
    assert!(refused.status == 400 && !refused.text.contains("b.example"), "{refused:?}");
    // One that was added a moment ago is there, and what is granted at one that is gone can be taken back.
    let added = Site::new(Domain::parse("new.example").unwrap());
    bed.settings.put_site(&added, Expected::Nothing, "test").await.unwrap();
    assert_eq!(bed.ask(&root, "PUT", "/api/users/max/grants", Some(grant("new.example"))).await.status, 204);
    bed.settings.remove_site(&added.domain, Expected::Anything, "test").await.unwrap();
    let path = "/api/users/max/grants?role=viewer&site=new.example";
    assert_eq!(bed.ask(&root, "DELETE", path, None).await.status, 204);
}

#[tokio::test]
async fn what_a_token_does_is_its_own_in_the_log() {
    let bed = Bed::new().await;
    let jane = bed.user("jane", &[(Role::SiteAdmin, "a.example")]).await;
    bed.user("max", &[]).await;
    let token = bed.token(Some(&jane), &[Scope::Admin], &["a.example"]).await;
    let grant = json!({ "role": "viewer", "site": "a.example" });
    assert_eq!(bed.ask(&token, "PUT", "/api/users/max/grants", Some(grant)).await.status, 204);
    let (who, what) = bed.log().await.remove(0);
    assert!(what == "granted" && who.starts_with("token ") && who.ends_with(" of jane"), "{who}");
}

#[tokio::test]
async fn the_administrators_token_needs_no_accounts() {
    let router = dashboard(engine::store().await, &Registry::new());
    let (head, _) = crate::asking::get(&router, "/api/v1/ledger?site_id=example.com", Some(TOKEN)).await;
    assert_eq!(head.status(), StatusCode::OK);
}
