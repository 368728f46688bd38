//! Every endpoint as everybody, from one table; and nobody gets at what is another site's or another person's.

use std::collections::BTreeSet;

use model::Domain;
use serde_json::{Value, json};
use settings::{Login, Report, Reports, Role, Scope, SecretDigest, ShareTerms};

use crate::bed::{Bed, PASSWORD, Shows, everything, grant};

/// Who asks, in the order of the table's columns.
const ASKERS: [&str; 10] = [
    "anyone",
    "viewer of a",
    "analyst of a",
    "site_admin of a",
    "site_admin of all",
    "operator",
    "all roles, temporary password",
    "administrator's token",
    "token stats:read at a of the analyst",
    "token admin at * of a site_admin and operator",
];

async fn shows(bed: &Bed, asker: usize) -> Shows {
    let user = async |name: &str, temporary, grants: &[(Role, &str)]| bed.user_with(name, temporary, grants).await;
    let session = async |login: Login| bed.session(&login).await;
    let all = [(Role::SiteAdmin, "*"), (Role::Operator, "*")];
    match asker {
        0 => Shows::Nothing,
        1 => session(user("viewer", false, &[(Role::Viewer, "a.example")]).await).await,
        2 => session(user("analyst", false, &[(Role::Analyst, "a.example")]).await).await,
        3 => session(user("siteadmin", false, &[(Role::SiteAdmin, "a.example")]).await).await,
        4 => session(user("allsites", false, &[(Role::SiteAdmin, "*")]).await).await,
        5 => session(user("operator", false, &[(Role::Operator, "*")]).await).await,
        6 => session(user("temporary", true, &all).await).await,
        7 => Shows::Bearer(crate::asking::TOKEN.to_owned()),
        8 => {
            let owner = user("analyst", false, &[(Role::Analyst, "a.example")]).await;
            bed.token(Some(&owner), &[Scope::StatsRead], &["a.example"]).await
        }
        _ => {
            let owner = user("allroles", false, &all).await;
            bed.token(Some(&owner), &[Scope::Admin], &["*"]).await
        }
    }
}

/// Somebody to whom things are done, there anew for each request, with a session and a token.
struct Target {
    session: String,
    token: String,
    share: String,
    link: String,
}

async fn target(bed: &Bed) -> Target {
    bed.settings.remove_user(&Login::parse("target").unwrap(), "test").await.unwrap();
    let login = bed.user("target", &[(Role::Viewer, "a.example")]).await;
    let Shows::Session(session) = bed.session(&login).await else { unreachable!() };
    let Shows::Bearer(token) = bed.token(Some(&login), &[Scope::StatsRead], &["a.example"]).await else {
        unreachable!()
    };
    // Those of the requests before, of which there are more than there is room for.
    let a = Domain::parse("a.example").unwrap();
    for share in bed.settings.shares(&a).await.unwrap() {
        bed.settings.remove_share(&a, &share.id, "test").await.unwrap();
    }
    let (share, link) = bed.share("a.example", &everything(), None).await;
    Target { session: SecretDigest::of(&session).id(), token: SecretDigest::of(&token).id(), share: share.id, link }
}

/// Shared links, which ask beside them.
const GUESTS: [&str; 3] = [
    "link to overview and sources of a",
    "link to everything of a, with tables",
    "link to everything of a, of a segment that is gone",
];

async fn guest(bed: &Bed, guest: usize) -> Shows {
    let some = Reports::These(vec![Report::Overview, Report::Sources]);
    match guest {
        0 => bed.link(&ShareTerms { reports: some, ..everything() }).await,
        1 => bed.link(&ShareTerms { export: true, ..everything() }).await,
        _ => bed.link(&ShareTerms { segment: Some("gone".to_owned()), ..everything() }).await,
    }
}

/// A request and what each asker gets for it. A 503 is let through: there is no store here.
struct Line {
    method: &'static str,
    path: &'static str,
    body: Value,
    accept: &'static str,
    gets: [u16; 10],
    /// What shared links get: nothing, where a line does not say so.
    guests: [u16; 3],
}

fn line(method: &'static str, path: &'static str, body: Value, gets: [u16; 10]) -> Line {
    Line { method, path, body, accept: "*/*", gets, guests: [403; 3] }
}

impl Line {
    fn guests(self, guests: [u16; 3]) -> Self {
        Self { guests, ..self }
    }
}

fn table() -> Vec<Line> {
    let none = || Value::Null;
    let goal = || json!({ "event": "Bought" });
    let question = || json!({ "site_id": "a.example", "metrics": ["visits"], "date_range": "7d" });
    // Reports of a: whoever may read there; to others it is not there.
    let reads = [401, 503, 503, 503, 503, 404, 404, 503, 503, 404];
    let persons = |status: u16| [401, status, status, status, status, status, status, 401, 401, 401];
    let operators = |status: u16| [401, 403, 403, 403, 403, status, 403, status, 403, status];
    let at_a = [401, 403, 403, 204, 204, 403, 403, 204, 403, 204];
    let at_b = [401, 403, 403, 403, 204, 403, 403, 204, 403, 204];
    // Who administers a; whoever only reads there may not, and to others it is not there.
    let shares = |done: u16, gone: u16| [401, 403, 403, done, done, gone, gone, done, 403, done];
    let granting = |role: &str, site: &str| json!({ "role": role, "site": site });
    vec![
        line("GET", "/api/openapi.json", none(), [200; 10]).guests([200; 3]),
        line("GET", "/api/session", none(), [200; 10]).guests([200; 3]),
        line("POST", "/api/session", json!({ "login": "target", "password": PASSWORD }), [200; 10]).guests([200; 3]),
        line("DELETE", "/api/session", none(), persons(204)).guests([401; 3]),
        line(
            "POST",
            "/api/setup",
            json!({ "login": "first", "password": "purple kettle" }),
            [401, 401, 401, 401, 401, 401, 401, 409, 401, 401],
        )
        .guests([401; 3]),
        line("GET", "/api/sessions", none(), persons(200)).guests([401; 3]),
        line("DELETE", "/api/sessions", none(), persons(204)).guests([401; 3]),
        line("DELETE", "/api/sessions/{session}", none(), persons(404)).guests([401; 3]),
        line("POST", "/api/password", json!({ "old": "not this one", "new": "purple kettle" }), persons(400))
            .guests([401; 3]),
        line("GET", "/api/users", none(), [401, 403, 403, 200, 200, 200, 403, 200, 403, 200]),
        line("POST", "/api/users", json!({ "login": "{new}", "password": "purple kettle" }), operators(201)),
        line("PUT", "/api/users/target", json!({ "disabled": true }), operators(204)),
        line("DELETE", "/api/users/target", none(), operators(204)),
        line("DELETE", "/api/users/target/sessions", none(), operators(204)),
        line(
            "POST",
            "/api/users/target/password",
            json!({ "password": "purple kettle" }),
            [401, 403, 403, 403, 403, 403, 403, 204, 403, 403],
        ),
        line("PUT", "/api/users/target/grants", granting("analyst", "a.example"), at_a),
        line("PUT", "/api/users/target/grants", granting("site_admin", "a.example"), at_a),
        line("PUT", "/api/users/target/grants", granting("viewer", "b.example"), at_b),
        line("PUT", "/api/users/target/grants", granting("viewer", "*"), at_b),
        line("PUT", "/api/users/target/grants", granting("operator", "*"), operators(204)),
        line("DELETE", "/api/users/target/grants?role=viewer&site=a.example", none(), at_a),
        line("DELETE", "/api/users/target/grants?role=viewer&site=b.example", none(), at_b),
        line("DELETE", "/api/users/target/grants?role=operator&site=*", none(), operators(204)),
        line("GET", "/api/tokens", none(), [401, 200, 200, 200, 200, 200, 200, 200, 401, 200]).guests([401; 3]),
        line(
            "POST",
            "/api/tokens",
            json!({ "name": "t", "scopes": ["stats:read"], "sites": ["a.example"] }),
            [401, 201, 201, 201, 201, 403, 401, 201, 401, 401],
        )
        .guests([401; 3]),
        line(
            "POST",
            "/api/tokens",
            json!({ "name": "t", "scopes": ["export"], "sites": ["a.example"] }),
            [401, 403, 201, 201, 201, 403, 401, 201, 401, 401],
        )
        .guests([401; 3]),
        line(
            "POST",
            "/api/tokens",
            json!({ "name": "t", "scopes": ["stats:read"], "sites": ["*"] }),
            [401, 403, 403, 403, 201, 403, 401, 201, 401, 401],
        )
        .guests([401; 3]),
        line("DELETE", "/api/tokens/{token}", none(), [401, 404, 404, 404, 404, 204, 404, 204, 401, 204])
            .guests([401; 3]),
        line("GET", "/api/audit", none(), operators(200)),
        line("GET", "/api/audit?site=a.example", none(), [401, 403, 403, 200, 200, 200, 403, 200, 403, 200]),
        line("GET", "/api/audit?site=b.example", none(), [401, 403, 403, 403, 200, 200, 403, 200, 403, 200]),
        line("GET", "/api/v1/sites", none(), [401, 200, 200, 200, 200, 200, 200, 200, 200, 200]).guests([200; 3]),
        line("POST", "/api/v2/query", question(), reads).guests([503, 503, 403]),
        Line {
            accept: "text/csv",
            ..line("POST", "/api/v2/query", question(), [401, 403, 503, 503, 503, 404, 404, 503, 403, 404])
                .guests([403, 503, 403])
        },
        line("GET", "/api/v1/ledger?site_id=a.example", none(), reads).guests([403, 503, 403]),
        line("GET", "/api/v1/ledger?site_id=b.example", none(), [401, 404, 404, 404, 503, 404, 404, 503, 404, 404])
            .guests([404; 3]),
        line("GET", "/api/v1/stats/realtime/visitors?site_id=a.example", none(), reads).guests([403, 503, 403]),
        line("GET", "/api/v1/stats/realtime?site_id=a.example", none(), reads).guests([403, 503, 403]),
        line(
            "POST",
            "/api/v2/funnel",
            json!({ "site_id": "a.example", "funnel": "none", "date_range": "7d" }),
            [401, 400, 400, 400, 400, 404, 404, 400, 400, 404],
        )
        .guests([403, 400, 403]),
        line("POST", "/api/v2/vitals", json!({ "site_id": "a.example", "date_range": "7d" }), reads)
            .guests([403, 503, 403]),
        line("GET", "/api/v1/properties?site_id=a.example", none(), reads).guests([403, 503, 403]),
        line("POST", "/api/v2/flow", json!({ "site_id": "a.example", "page": "/", "date_range": "7d" }), reads)
            .guests([403, 503, 403]),
        line("GET", "/api/sites/a.example/goals", none(), [401, 200, 200, 200, 200, 404, 404, 200, 200, 404]),
        line("GET", "/api/sites/a.example/goals/none", none(), [401, 404, 404, 404, 404, 404, 404, 404, 404, 404]),
        line("PUT", "/api/sites/a.example/goals/some", goal(), [401, 403, 200, 200, 200, 404, 404, 200, 403, 200]),
        line("PUT", "/api/sites/b.example/goals/some", goal(), [401, 404, 404, 404, 200, 404, 404, 200, 404, 200])
            .guests([404; 3]),
        line("DELETE", "/api/sites/a.example/goals/none", none(), [401, 403, 404, 404, 404, 404, 404, 404, 403, 404]),
        line("GET", "/api/v1/stats/aggregate?site_id=a.example", none(), reads).guests([503, 503, 403]),
        line("GET", "/api/v1/stats/timeseries?site_id=a.example", none(), reads).guests([503, 503, 403]),
        line("GET", "/api/v1/stats/breakdown?site_id=a.example&property=event:page", none(), reads)
            .guests([403, 503, 403]),
        line("GET", "/api/v1/stats/breakdown?site_id=a.example&property=visit:source", none(), reads)
            .guests([503, 503, 403]),
        line("GET", "/api/sites/a.example/funnels", none(), [401, 200, 200, 200, 200, 404, 404, 200, 200, 404])
            .guests([403, 200, 403]),
        line("POST", "/api/share", json!({ "link": "{link}" }), [200; 10]).guests([200; 3]),
        line("GET", "/api/sites/a.example/shares", none(), shares(200, 404)),
        line("POST", "/api/sites/a.example/shares", json!({ "name": "s" }), shares(201, 404)),
        line("PUT", "/api/sites/a.example/shares/{share}", json!({ "name": "s" }), shares(200, 404)),
        line("DELETE", "/api/sites/a.example/shares/{share}", none(), shares(204, 404)),
        line("POST", "/api/sites/a.example/shares/{share}/link", none(), shares(200, 404)),
        line("PUT", "/api/sites/a.example/public", json!({ "public": true }), shares(400, 404)),
        line("GET", "/api/sites/a.example/reports", none(), shares(200, 404)),
        line(
            "POST",
            "/api/sites/a.example/reports",
            json!({ "rhythm": "weekly", "recipients": ["jane@example.com"] }),
            shares(201, 404),
        ),
        line("DELETE", "/api/sites/a.example/reports/{report}", none(), shares(404, 404)),
        line("POST", "/api/sites/a.example/reports/{report}/test", none(), shares(404, 404)),
        line("GET", "/api/sites/b.example/shares", none(), [401, 404, 404, 404, 200, 404, 404, 200, 404, 200])
            .guests([404; 3]),
        line(
            "DELETE",
            "/api/sites/b.example/shares/{share}",
            none(),
            [401, 404, 404, 404, 404, 404, 404, 404, 404, 404],
        )
        .guests([404; 3]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_what_the_table_says_of_every_endpoint() {
    let bed = Bed::new().await;
    let mut wrong = Vec::new();
    for (row, line) in table().iter().enumerate() {
        for (column, wanted) in line.gets.iter().chain(&line.guests).enumerate() {
            let target = target(&bed).await;
            let who = match column.checked_sub(ASKERS.len()) {
                None => shows(&bed, column).await,
                Some(number) => guest(&bed, number).await,
            };
            let asker = ASKERS.iter().chain(&GUESTS).nth(column).unwrap();
            let path = line.path.replace("{session}", &target.session).replace("{token}", &target.token);
            let path = path.replace("{share}", &target.share).replace("{report}", "nothing");
            let body = line.body.to_string().replace("{new}", &format!("new-{row}-{column}"));
            let body = body.replace("{link}", &target.link);
            let body =
                Some(line.body.clone()).filter(|body| !body.is_null()).map(|_| serde_json::from_str(&body).unwrap());
            // Each from an address of its own, so that nobody waits for another's guesses.
            let peer = format!("10.{row}.{column}.1");
            let answer =
                bed.ask_with(&who, line.method, &path, body, &[("accept", line.accept), ("x-peer", &peer)]).await;
            if answer.status.as_u16() != *wanted {
                wrong.push(format!(
                    "{} {path} as {}: {} instead of {wanted}: {}",
                    line.method, asker, answer.status, answer.text
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_has_every_endpoint_of_the_description() {
    let description: Value = serde_json::from_str(dashboard::description()).unwrap();
    let described: BTreeSet<(String, String)> = description["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let tried: BTreeSet<(String, String)> =
        table().iter().map(|line| (line.method.to_owned(), described_as(line.path))).collect();
    assert_eq!(tried, described);
}

/// What a path of the table is called in the description.
fn described_as(path: &str) -> String {
    let path = path.split('?').next().unwrap();
    let path = path.replace("/target", "/{login}").replace("{session}", "{id}").replace("{token}", "{id}");
    let path = ["/none", "/some"].iter().fold(path, |path, name| path.replace(name, "/{name}"));
    let path = path.replace("/api/sites/a.example/goals", "/api/sites/{site}/{kind}");
    let path = path.replace("/api/sites/b.example/goals", "/api/sites/{site}/{kind}");
    let path = path.replace("/api/sites/a.example/funnels", "/api/sites/{site}/{kind}");
    path.replace("a.example/", "{site}/")
        .replace("b.example/", "{site}/")
        .replace("{share}", "{id}")
        .replace("{report}", "{id}")
}

#[test]
fn the_description_has_every_way_in_which_somebody_is_refused() {
    let description: Value = serde_json::from_str(dashboard::description()).unwrap();
    for line in table() {
        let method = line.method.to_lowercase();
        let responses = &description["paths"][described_as(line.path)][&method]["responses"];
        for status in line.gets.iter().chain(&line.guests).filter(|status| matches!(**status, 401 | 403)) {
            assert!(responses.get(status.to_string()).is_some(), "{} {}: {status}", line.method, line.path);
        }
    }
}

#[tokio::test]
async fn nobody_changes_anything_at_a_site_or_of_a_person_that_is_not_theirs() {
    let bed = Bed::new().await;
    let target = target(&bed).await;
    bed.user("other", &[(Role::Viewer, "b.example"), (Role::Operator, "*")]).await;
    let admin = bed.user("siteadmin", &[(Role::SiteAdmin, "a.example")]).await;
    let admin = bed.session(&admin).await;
    // Whom a site's administrator sees, and what of them.
    let seen = bed.ask(&admin, "GET", "/api/users", None).await.body;
    let at_a = |role: &str| json!([{ "role": role, "site": "a.example" }]);
    assert_eq!(
        seen,
        json!({ "users": [{ "login": "siteadmin", "grants": at_a("site_admin") }, { "login": "target", "grants": at_a("viewer") }] })
    );
    let before = (bed.settings.users().await.unwrap(), bed.settings.tokens(None).await.unwrap());
    for (method, path, body) in [
        ("PUT", "/api/users/other/grants".to_owned(), json!({ "role": "viewer", "site": "b.example" })),
        ("PUT", "/api/users/siteadmin/grants".to_owned(), json!({ "role": "site_admin", "site": "*" })),
        ("PUT", "/api/users/siteadmin/grants".to_owned(), json!({ "role": "operator", "site": "*" })),
        ("DELETE", "/api/users/other/grants?role=viewer&site=b.example".to_owned(), Value::Null),
        ("DELETE", format!("/api/sessions/{}", target.session), Value::Null),
        ("DELETE", format!("/api/tokens/{}", target.token), Value::Null),
        (
            "POST",
            "/api/tokens".to_owned(),
            json!({ "name": "t", "scopes": ["admin"], "sites": ["a.example", "b.example"] }),
        ),
        ("POST", "/api/users/target/password".to_owned(), json!({ "password": "purple kettle" })),
    ] {
        let answer = bed.ask(&admin, method, &path, Some(body).filter(|body| !body.is_null())).await;
        assert!(matches!(answer.status.as_u16(), 403 | 404), "{method} {path}: {answer:?}");
    }
    assert_eq!((bed.settings.users().await.unwrap(), bed.settings.tokens(None).await.unwrap()), before);
    assert!(bed.counted("footfall_access_refused_total", "not_allowed") >= 5);
    // Which sites there are besides one's own is not told either.
    let ask = async |site: &str, accept: &str| {
        let question = json!({ "site_id": site, "metrics": ["visits"], "date_range": "7d" });
        let answer = bed.ask_with(&admin, "POST", "/api/v2/query", Some(question), &[("accept", accept)]).await;
        (answer.status, answer.text)
    };
    for accept in ["*/*", "text/csv"] {
        assert_eq!(ask("b.example", accept).await, ask("nothing.example", accept).await);
    }
    let sites = bed.ask(&admin, "GET", "/api/v1/sites", None).await.body;
    assert_eq!((sites["sites"].as_array().unwrap().len(), &sites["sites"][0]["domain"]), (1, &json!("a.example")));
}

#[tokio::test]
async fn what_is_taken_back_is_gone_at_the_next_request() {
    let bed = Bed::new().await;
    let jane = bed.user("jane", &[(Role::Viewer, "a.example")]).await;
    let (session, token) = (bed.session(&jane).await, bed.token(Some(&jane), &[Scope::StatsRead], &["*"]).await);
    let reads = async |who: &Shows| bed.ask(who, "GET", "/api/v1/ledger?site_id=a.example", None).await.status.as_u16();
    assert_eq!((reads(&session).await, reads(&token).await), (503, 503));
    bed.settings.revoke(&jane, &grant(Role::Viewer, "a.example"), "test").await.unwrap();
    assert_eq!((reads(&session).await, reads(&token).await), (404, 404));
    bed.settings.grant(&jane, &grant(Role::Viewer, "*"), "test").await.unwrap();
    assert_eq!((reads(&session).await, reads(&token).await), (503, 503));
    bed.settings.set_disabled(&jane, true, "test").await.unwrap();
    assert_eq!((reads(&session).await, reads(&token).await), (401, 401));
}

#[tokio::test]
async fn a_public_site_is_everybodys_to_read() {
    let bed = Bed::with(&["open.example"]).await;
    let operator = bed.user("operator", &[(Role::Operator, "*")]).await;
    for who in [Shows::Nothing, bed.session(&operator).await, Shows::Session("over".to_owned())] {
        assert_eq!(bed.ask(&who, "GET", "/api/v1/ledger?site_id=open.example", None).await.status, 503, "{who:?}");
        let told = bed.ask(&who, "GET", "/api/session", None).await.body;
        assert_eq!(told["sites"], json!([{ "domain": "open.example", "rights": ["read", "export"] }]), "{who:?}");
    }
    let denied = bed.ask(&Shows::Nothing, "GET", "/api/audit?site=open.example", None).await;
    assert_eq!(denied.status, 401);
}
