//! Shared links: who makes them, what they open and for how long, and that nothing else of the site is reached by one.

use axum::http::StatusCode;
use model::definition::{Effective, Filter, Lists};
use model::{Cell, Clock, Counts, Dimension, Domain, LocalDay, Millis, Site};
use prometheus::Registry;
use serde_json::{Value, json};
use settings::{Expected, Location, Origin, Report, Reports, Role, SecretDigest, Settings, ShareTerms};

use crate::asking::{NOW, TODAY, TOKEN, dashboard_keeping, private, tell};
use crate::bed::{Answer, Bed, HOUR, Shows, everything};
use crate::engine;

const BOARD: &str = "violet teapot for the board";

async fn follow(bed: &Bed, link: &str, password: Option<&str>) -> Answer {
    let sent = json!({ "link": link, "password": password });
    bed.ask(&Shows::Nothing, "POST", "/api/share", Some(sent)).await
}

async fn administrator(bed: &Bed) -> Shows {
    let login = bed.user("siteadmin", &[(Role::SiteAdmin, "a.example")]).await;
    bed.session(&login).await
}

/// The status of a report's question; 503 where it is let through, for there is no store.
async fn asks(bed: &Bed, who: &Shows, more: Value) -> u16 {
    let mut body = json!({ "site_id": "a.example", "metrics": ["visitors"], "date_range": "7d" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bed.ask(who, "POST", "/api/v2/query", Some(body)).await.status.as_u16()
}

#[tokio::test]
async fn a_link_is_told_once_followed_changed_renewed_and_taken_back() {
    let bed = Bed::new().await;
    let admin = administrator(&bed).await;
    let shares = "/api/sites/a.example/shares";
    let sent = json!({ "name": " Board ", "reports": ["overview", "pages"], "origins": ["https://Intranet.example/"],
                       "expires": "2024-05-16T00:00:00Z" });
    let made = bed.ask(&admin, "POST", shares, Some(sent)).await;
    assert_eq!((made.status.as_u16(), made.headers["cache-control"].to_str().unwrap()), (201, "no-store"));
    let id = made.body["id"].as_str().unwrap().to_owned();
    let link = made.body["link"].as_str().unwrap();
    let (path, secret) = link.split_once('#').unwrap();
    assert_eq!(path, format!("/share/{id}"));
    assert!(secret.starts_with("fs_") && secret.len() == 67, "{secret}");
    assert_eq!(made.body["embed"], json!(format!("/embed/{id}#{secret}")));
    let listed = bed.ask(&admin, "GET", shares, None).await;
    assert!(!listed.text.contains(secret), "it is told once");
    assert_eq!(
        listed.body["shares"],
        json!([{ "id": id, "name": "Board", "reports": ["overview", "pages"], "segment": null, "export": false,
                 "origins": ["https://intranet.example"], "expires": "2024-05-16T00:00:00Z", "expired": false, "password": false,
                 "made_by": "siteadmin", "created": "2024-05-15T13:30:00Z", "used_on": null }])
    );
    let opened = follow(&bed, secret, None).await;
    assert_eq!((opened.status.as_u16(), &opened.body["token"]), (200, &json!(secret)));
    assert_eq!(
        opened.body["share"],
        json!({ "id": id, "name": "Board", "site": "a.example", "timezone": "UTC", "currency": null, "reports": ["overview", "pages"],
                "segment": null, "export": false, "expires": "2024-05-16T00:00:00Z" })
    );
    assert!(!opened.text.contains("siteadmin") && !opened.headers.contains_key("set-cookie"), "no login, no cookie");
    let guest = Shows::Bearer(secret.to_owned());
    let told = bed.ask(&guest, "GET", "/api/session", None).await.body;
    assert_eq!((&told["kind"], &told["share"]), (&json!("shared link"), &opened.body["share"]));
    assert_eq!(told["sites"], json!([{ "domain": "a.example", "rights": ["read"] }]));
    let sites = bed.ask(&guest, "GET", "/api/v1/sites", None).await.body;
    assert_eq!(
        sites,
        json!({ "sites": [{ "domain": "a.example", "timezone": "UTC", "public": false, "currency": null }] })
    );
    assert_eq!(bed.ask(&admin, "GET", shares, None).await.body["shares"][0]["used_on"], json!("2024-05-15"));
    // What it shows is what it shows now.
    let pages = || json!({ "dimensions": ["event:page"] });
    assert_eq!(asks(&bed, &guest, pages()).await, 503);
    let one = format!("{shares}/{id}");
    let changed = bed.ask(&admin, "PUT", &one, Some(json!({ "name": "Board", "reports": ["overview"] }))).await;
    assert_eq!(
        (changed.status.as_u16(), &changed.body["expires"], &changed.body["link"]),
        (200, &Value::Null, &Value::Null)
    );
    assert_eq!((asks(&bed, &guest, pages()).await, asks(&bed, &guest, json!({})).await), (403, 503));
    let renewed = bed.ask(&admin, "POST", &format!("{one}/link"), None).await;
    let another = renewed.body["link"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    assert_eq!((asks(&bed, &guest, json!({})).await, follow(&bed, secret, None).await.status.as_u16()), (401, 404));
    let guest = Shows::Bearer(another.clone());
    assert_eq!(asks(&bed, &guest, json!({})).await, 503);
    assert_eq!(bed.ask(&admin, "DELETE", &one, None).await.status, 204);
    assert_eq!((asks(&bed, &guest, json!({})).await, follow(&bed, &another, None).await.status.as_u16()), (401, 404));
    assert_eq!(bed.ask(&admin, "DELETE", &one, None).await.status, 404);
    let log: Vec<_> = bed.log().await.into_iter().take(4).collect();
    let wanted = ["share_removed", "share_renewed", "share_changed", "share_added"];
    assert_eq!(log, wanted.map(|what| ("siteadmin".to_owned(), what.to_owned())));
}

#[tokio::test]
async fn a_link_that_opens_nothing_says_the_same_whatever_became_of_it() {
    let bed = Bed::new().await;
    let short = ShareTerms { expires: Some(bed.now().plus(HOUR)), ..everything() };
    let (_, expired) = bed.share("a.example", &short, None).await;
    let (removed, gone) = bed.share("a.example", &everything(), Some(BOARD)).await;
    let (share, _) = bed.share("a.example", &everything(), None).await;
    bed.settings.remove_share(&removed.site, &removed.id, "test").await.unwrap();
    let guest = Shows::Bearer(expired.clone());
    assert_eq!((asks(&bed, &guest, json!({})).await, follow(&bed, &expired, None).await.status.as_u16()), (503, 200));
    bed.turn(HOUR);
    assert_eq!(asks(&bed, &guest, json!({})).await, 401);
    let mut answers = Vec::new();
    for link in [&*expired, &*gone, "fs_never", "", &share.id, &removed.id, TOKEN] {
        let answer = follow(&bed, link, Some(BOARD)).await;
        assert_eq!(answer.status, 404, "{link}");
        answers.push(answer.text);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    assert_eq!(bed.counted("footfall_share_openings_total", "gone"), 7);
    assert_eq!(bed.counted("footfall_password_hashes_total", "compare"), 0, "nothing is hashed for who has no link");
}

#[tokio::test]
async fn a_password_is_asked_for_guesses_wait_and_what_it_opens_ends() {
    let bed = Bed::new().await;
    let (share, link) = bed.share("a.example", &everything(), Some(BOARD)).await;
    assert_eq!(asks(&bed, &Shows::Bearer(link.clone()), json!({})).await, 401, "the link alone shows nothing");
    let asked = follow(&bed, &link, None).await;
    assert!(asked.status == 401 && asked.text.contains("takes a password"), "{asked:?}");
    for _ in 0..5 {
        let wrong = follow(&bed, &link, Some("not this one")).await;
        assert!(wrong.status == 401 && wrong.text.contains("not the password"), "{wrong:?}");
    }
    // The sixth failure makes the seventh wait, and the right one as well.
    assert_eq!(follow(&bed, &link, Some("nor this one")).await.status, 401);
    let waits = follow(&bed, &link, Some(BOARD)).await;
    assert_eq!((waits.status.as_u16(), waits.headers["retry-after"].to_str().unwrap()), (429, "1"));
    let results = ["password", "wrong", "waits"].map(|result| bed.counted("footfall_share_openings_total", result));
    assert_eq!(results, [1, 6, 1]);
    bed.turn(1_000);
    let long = "x".repeat(2_000);
    assert_eq!(follow(&bed, &link, Some(&long)).await.status, 401);
    bed.turn(2_000);
    let opened = follow(&bed, &link, Some(BOARD)).await;
    let token = opened.body["token"].as_str().unwrap().to_owned();
    assert!(opened.status == 200 && token.starts_with("fo_") && token.len() == 67, "{opened:?}");
    let guest = Shows::Bearer(token);
    assert_eq!(asks(&bed, &guest, json!({})).await, 503);
    bed.turn(12 * HOUR);
    assert_eq!(asks(&bed, &guest, json!({})).await, 401);
    let again =
        || async { Shows::Bearer(follow(&bed, &link, Some(BOARD)).await.body["token"].as_str().unwrap().to_owned()) };
    let guest = again().await;
    let admin = administrator(&bed).await;
    let path = format!("/api/sites/a.example/shares/{}", share.id);
    // What says nothing of the password leaves it; another one ends what the one before opened.
    assert_eq!(bed.ask(&admin, "PUT", &path, Some(json!({ "name": "s" }))).await.body["password"], json!(true));
    assert_eq!(asks(&bed, &guest, json!({})).await, 503);
    let another = json!({ "name": "s", "password": "seven quiet lanterns" });
    assert_eq!(bed.ask(&admin, "PUT", &path, Some(another)).await.status, 200);
    assert_eq!(asks(&bed, &guest, json!({})).await, 401);
    assert_eq!(follow(&bed, &link, Some("seven quiet lanterns")).await.status, 200);
    let none = bed.ask(&admin, "PUT", &path, Some(json!({ "name": "s", "password": null }))).await;
    assert_eq!((none.body["password"].clone(), follow(&bed, &link, None).await.status.as_u16()), (json!(false), 200));
}

#[tokio::test]
async fn a_password_is_not_asked_for_where_others_read_it_nor_by_other_sites_pages() {
    let bed = Bed::new().await;
    let (_, link) = bed.share("a.example", &everything(), Some(BOARD)).await;
    let follow = async |more: &[(&str, &str)]| {
        let sent = json!({ "link": link, "password": BOARD });
        bed.ask_with(&Shows::Nothing, "POST", "/api/share", Some(sent), more).await.status.as_u16()
    };
    assert_eq!(follow(&[("x-peer", "192.0.2.1"), ("host", "count.example")]).await, 403);
    assert_eq!(follow(&[("sec-fetch-site", "cross-site")]).await, 403);
    assert_eq!(follow(&[("content-type", "text/plain")]).await, 415);
    assert_eq!(follow(&[]).await, 200);
}

#[tokio::test]
async fn what_is_not_shared_is_refused_by_name_whichever_way_it_is_asked() {
    let bed = Bed::with(&["open.example"]).await;
    let reports = Reports::These(vec![Report::Overview, Report::Pages]);
    let guest = bed.link(&ShareTerms { reports, ..everything() }).await;
    for (more, status) in [
        (json!({}), 503),
        (json!({ "dimensions": ["time:day"] }), 503),
        (json!({ "dimensions": ["event:page"] }), 503),
        (json!({ "dimensions": ["visit:entry_page"], "filters": [["is", "event:page", ["/"]]] }), 503),
        (json!({ "include": { "coverage": true } }), 503),
        (json!({ "dimensions": ["visit:source"] }), 403),
        (json!({ "filters": [["is", "visit:country", ["DE"]]] }), 403),
        (json!({ "filters": [["or", [["is", "visit:country", ["DE"]], ["is", "visit:country", ["FR"]]]]] }), 403),
        (json!({ "filters": [["has_done", ["is", "event:goal", ["Signup"]]]] }), 403),
        (json!({ "dimensions": ["event:page"], "filters": [["is", "segment", ["x"]]] }), 403),
        (json!({ "metrics": ["total_revenue"] }), 403),
        (json!({ "site_id": "b.example" }), 404),
        (json!({ "site_id": "nothing.example" }), 404),
        (json!({ "site_id": ["a.example", "b.example"] }), 404),
        (json!({ "site_id": "open.example" }), 404),
    ] {
        assert_eq!(asks(&bed, &guest, more.clone()).await, status, "{more}");
    }
    let refused =
        bed.ask(&guest, "GET", "/api/v1/stats/breakdown?site_id=a.example&property=visit:country", None).await;
    assert!(
        refused.status == 403 && refused.text.contains("`visit:country`") && refused.text.contains("`places`"),
        "{refused:?}"
    );
    assert!(refused.text.contains("it shares: overview, pages"), "{refused:?}");
    for (path, status) in [
        ("/api/v1/stats/aggregate?site_id=a.example", 503),
        ("/api/v1/stats/aggregate?site_id=a.example&filters=visit:country==DE", 403),
        ("/api/v1/stats/aggregate?site_id=b.example", 404),
        ("/api/v1/stats/timeseries?site_id=a.example&filters=visit:source==Google", 403),
        ("/api/v1/ledger?site_id=a.example", 403),
        ("/api/v1/stats/realtime?site_id=a.example", 403),
        ("/api/v1/stats/realtime/visitors?site_id=a.example", 403),
        ("/api/v1/stats/realtime/visitors?site_id=b.example", 404),
        ("/api/v1/stats/realtime/visitors?site_id=open.example", 404),
        ("/api/sites/a.example/segments", 403),
        ("/api/sites/a.example/funnels", 403),
        ("/api/sites/a.example/annotations/x", 403),
        ("/api/sites/b.example/goals", 404),
        ("/api/sites/a.example/shares", 403),
        ("/api/sites/b.example/shares", 404),
        ("/api/audit?site=a.example", 403),
        ("/api/users", 403),
    ] {
        assert_eq!(bed.ask(&guest, "GET", path, None).await.status.as_u16(), status, "{path}");
    }
    // A table needs to be shared as such, and is noted under the link's name.
    let table = async |who: &Shows, headers: &[(&str, &str)]| {
        let question = json!({ "site_id": "a.example", "metrics": ["visits"], "date_range": "7d" });
        bed.ask_with(who, "POST", "/api/v2/query", Some(question), headers).await.status.as_u16()
    };
    let exporting = bed.link(&ShareTerms { export: true, ..everything() }).await;
    for headers in [[("accept", "text/csv")], [("footfall-export", "csv")]] {
        assert_eq!((table(&guest, &headers).await, table(&exporting, &headers).await), (403, 503));
    }
    assert!(bed.counted("footfall_access_refused_total", "not_allowed") >= 20);
}

#[tokio::test]
async fn nobody_gets_at_another_sites_shares() {
    let bed = Bed::new().await;
    let admin = administrator(&bed).await;
    let (theirs, link) = bed.share("b.example", &everything(), None).await;
    for (method, path, body) in [
        ("PUT", format!("/api/sites/a.example/shares/{}", theirs.id), json!({ "name": "mine" })),
        ("DELETE", format!("/api/sites/a.example/shares/{}", theirs.id), Value::Null),
        ("POST", format!("/api/sites/a.example/shares/{}/link", theirs.id), Value::Null),
        ("PUT", format!("/api/sites/b.example/shares/{}", theirs.id), json!({ "name": "mine" })),
        ("POST", "/api/sites/b.example/shares".to_owned(), json!({ "name": "mine" })),
    ] {
        let answer = bed.ask(&admin, method, &path, Some(body).filter(|body| !body.is_null())).await;
        assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
    }
    assert_eq!(bed.settings.shares(&theirs.site).await.unwrap(), std::slice::from_ref(&theirs));
    // A link to one site is nothing at another.
    let guest = Shows::Bearer(link);
    assert_eq!(bed.ask(&guest, "GET", "/api/v1/ledger?site_id=a.example", None).await.status, 404);
    assert_eq!(bed.ask(&guest, "GET", "/api/v1/ledger?site_id=b.example", None).await.status, 503);
    // A session's change is our own page's, here too.
    let foreign = [("sec-fetch-site", "cross-site")];
    let made =
        bed.ask_with(&admin, "POST", "/api/sites/a.example/shares", Some(json!({ "name": "x" })), &foreign).await;
    assert_eq!(made.status, 403);
}

#[tokio::test]
async fn what_cannot_be_shared_is_refused_with_the_way_to_mend_it() {
    let bed = Bed::new().await;
    let admin = administrator(&bed).await;
    for (body, said) in [
        (json!({}), "missing field `name`"),
        (json!({ "name": "" }), "1 to 100 characters"),
        (json!({ "name": "s", "report": ["pages"] }), "unknown field `report`"),
        (json!({ "name": "s", "reports": ["page"] }), "overview, sources, pages"),
        (json!({ "name": "s", "reports": [] }), "at least one report"),
        (json!({ "name": "s", "segment": "none" }), "the site has no segment `none`"),
        (json!({ "name": "s", "origins": ["*"] }), "without *"),
        (json!({ "name": "s", "origins": ["https://*.example"] }), "without *"),
        (json!({ "name": "s", "origins": ["https://a.example; script-src *"] }), "an origin is"),
        (json!({ "name": "s", "expires": "tomorrow" }), "an instant such as"),
        (json!({ "name": "s", "expires": "2024-01-01T00:00:00Z" }), "expired already"),
        (json!({ "name": "s", "password": "short" }), "at least 10 characters"),
        (json!({ "name": "s", "password": "a.example2024" }), "tried first"),
    ] {
        let refused = bed.ask(&admin, "POST", "/api/sites/a.example/shares", Some(body.clone())).await;
        assert!(refused.status == 400 && refused.text.contains(said), "{body}: {refused:?}");
    }
    assert_eq!(bed.ask(&admin, "GET", "/api/sites/a.example/shares", None).await.body, json!({ "shares": [] }));
}

#[tokio::test]
async fn a_shared_page_is_framed_by_its_origins_and_by_nobody_else() {
    let bed = Bed::new().await;
    let origins: Vec<_> =
        ["https://intranet.example", "http://127.0.0.1:81"].iter().map(|text| Origin::parse(text).unwrap()).collect();
    let short = Some(bed.now().plus(HOUR));
    let (framed, _) = bed.share("a.example", &ShareTerms { origins, expires: short, ..everything() }, None).await;
    let (bare, _) = bed.share("a.example", &everything(), None).await;
    let ancestors = async |path: &str| {
        let answer = bed.ask(&Shows::Nothing, "GET", path, None).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text.contains("<div id=\"app\">"), "{path}");
        for (name, value) in
            [("x-robots-tag", "noindex, nofollow"), ("cache-control", "no-store"), ("referrer-policy", "no-referrer")]
        {
            assert_eq!(answer.headers[name], value, "{path}");
        }
        let policy = answer.headers["content-security-policy"].to_str().unwrap().to_owned();
        let (others, ancestors) = policy.rsplit_once("frame-ancestors ").unwrap();
        assert!(others.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        ancestors.to_owned()
    };
    let both = "https://intranet.example http://127.0.0.1:81";
    assert_eq!(ancestors(&format!("/embed/{}", framed.id)).await, both);
    assert_eq!(ancestors(&format!("/share/{}", framed.id)).await, "'none'");
    assert_eq!(ancestors(&format!("/embed/{}", bare.id)).await, "'none'");
    assert_eq!(ancestors("/embed/nothing").await, "'none'");
    // Where it has expired, the frame can still say so.
    bed.turn(HOUR);
    assert_eq!(ancestors(&format!("/embed/{}", framed.id)).await, both);
    bed.settings.remove_share(&framed.site, &framed.id, "test").await.unwrap();
    assert_eq!(ancestors(&format!("/embed/{}", framed.id)).await, "'none'");
    let page = bed.ask(&Shows::Nothing, "GET", "/", None).await;
    assert!(page.headers["content-security-policy"].to_str().unwrap().ends_with("frame-ancestors 'none'"));
}

#[tokio::test]
async fn a_share_of_a_segment_shows_its_counts_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(directory.path().join("settings.sqlite"));
    let settings = Settings::open(&location, Clock::new(|| NOW)).await.unwrap();
    let store = engine::store().await;
    let effective = |name: &str| Effective {
        name: name.into(),
        from: Millis(NOW.0 - 1),
        until: None,
        what: Filter::All(Vec::new()),
    };
    let segments = vec![effective("Germans"), effective("French")];
    let cell = |(dimension, value): (Dimension, &str), (by, by_value): (Dimension, &str), visitors| Cell {
        site: private(),
        day: LocalDay(TODAY),
        hour: None,
        dimension,
        value: value.into(),
        by,
        by_value: by_value.into(),
        counts: Counts { visitors, visits: visitors, pageviews: visitors, ..Counts::default() },
    };
    let (germans, french) = (segments[0].key(), segments[1].key());
    const NONE: (Dimension, &str) = (Dimension::Total, "");
    let cells = vec![
        cell(NONE, NONE, 100),
        cell((Dimension::Segment, &germans), NONE, 30),
        cell((Dimension::Segment, &french), NONE, 7),
        cell((Dimension::Page, "/"), NONE, 90),
        cell((Dimension::Page, "/"), (Dimension::Segment, &germans), 20),
        cell((Dimension::Page, "/"), (Dimension::Segment, &french), 5),
        cell((Dimension::Source, "Google"), (Dimension::Segment, &germans), 11),
    ];
    engine::insert(&store, cells).await;
    let terms = ShareTerms { segment: Some("Germans".to_owned()), ..everything() };
    settings.add_share(&private(), (&SecretDigest::of("fs_germans"), None), &terms, "test").await.unwrap();
    settings.add_share(&private(), (&SecretDigest::of("fs_all"), None), &everything(), "test").await.unwrap();
    let site = Site {
        definitions: Lists { segments, ..Lists::default() }.into(),
        timezone: "Asia/Tokyo".to_owned(),
        ..Site::new(private())
    };
    let router = dashboard_keeping(settings, site, NOW, store, &Registry::new());
    let ask = async |link: &str, more: Value| {
        let mut body = json!({ "site_id": "example.com", "metrics": ["visitors"], "date_range": "7d" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, answer) = tell(&router, ("POST", "/api/v2/query"), Some(link), &body).await;
        if status == StatusCode::OK { Ok(answer["results"].clone()) } else { Err((status.as_u16(), answer)) }
    };
    let one = |visitors: i64| json!([{ "metrics": [visitors], "dimensions": [] }]);
    let pages = json!({ "dimensions": ["event:page"] });
    assert_eq!(ask("fs_all", json!({})).await, Ok(one(100)));
    assert_eq!(ask("fs_germans", json!({})).await, Ok(one(30)));
    assert_eq!(ask("fs_germans", json!({ "filters": [["is", "segment", ["Germans"]]] })).await, Ok(one(30)));
    assert_eq!(ask("fs_germans", pages.clone()).await, Ok(json!([{ "metrics": [20], "dimensions": ["/"] }])));
    assert_eq!(ask("fs_all", pages).await, Ok(json!([{ "metrics": [90], "dimensions": ["/"] }])));
    assert_eq!(ask("fs_germans", json!({ "filters": [["is", "visit:source", ["Google"]]] })).await, Ok(one(11)));
    let shares = json!({ "metrics": ["visitors", "percentage"], "dimensions": ["event:page"] });
    assert_eq!(
        ask("fs_germans", shares).await,
        Ok(json!([{ "metrics": [20, 66.7], "dimensions": ["/"] }])),
        "of the segment's visitors"
    );
    let compared = json!({ "include": { "comparisons": { "mode": "previous_period" } } });
    assert_eq!(ask("fs_germans", compared).await.unwrap()[0]["metrics"], json!([30]));
    for more in [
        json!({ "filters": [["is", "segment", ["French"]]] }),
        json!({ "filters": [["is_not", "segment", ["Germans"]]] }),
        json!({ "dimensions": ["segment"] }),
        json!({ "include": { "coverage": true } }),
    ] {
        let (status, told) = ask("fs_germans", more.clone()).await.unwrap_err();
        assert!(status == 403 && !told.to_string().contains("French`"), "{more}: {told}");
    }
    // The older API is narrowed as well.
    let path = "/api/v1/stats/aggregate?site_id=example.com&period=7d";
    let (_, older) = crate::asking::get(&router, path, Some("fs_germans")).await;
    assert_eq!(older["results"], json!({ "visitors": { "value": 30 } }));
}

#[tokio::test]
async fn a_site_is_made_public_and_private_by_who_administers_it() {
    let bed = Bed::new().await;
    let admin = administrator(&bed).await;
    let put = async |public: bool| {
        bed.ask(&admin, "PUT", "/api/sites/a.example/public", Some(json!({ "public": public }))).await
    };
    let configured = put(true).await;
    assert!(configured.status == 400 && configured.text.contains("configuration file"), "{configured:?}");
    let domain = Domain::parse("a.example").unwrap();
    let site = Site { retention_days: 77, ..Site::new(domain.clone()) };
    bed.settings.put_site(&site, Expected::Nothing, "test").await.unwrap();
    let kept = async || bed.settings.site(&domain).await.unwrap().unwrap().site;
    assert_eq!(put(true).await.status, 204);
    assert_eq!((kept().await.public, kept().await.retention_days), (true, 77));
    assert_eq!(put(false).await.status, 204);
    assert!(!kept().await.public);
    assert_eq!(bed.log().await[0], ("siteadmin".to_owned(), "site_changed".to_owned()));
}
