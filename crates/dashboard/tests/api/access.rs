//! Who gets in, and what every answer carries.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use prometheus::Registry;
use serde_json::json;
use store::{Store, StoreConfig};

use crate::asking::{TOKEN, dashboard, get, query, send};
use crate::engine;

/// A store that nobody answers for: what is refused before asking needs none.
pub fn nowhere() -> Store {
    Store::connect(&StoreConfig {
        url: "http://127.0.0.1:9".to_owned(),
        database: "footfall".to_owned(),
        user: "default".to_owned(),
        password: String::new(),
    })
}

#[tokio::test]
async fn a_private_site_and_one_that_does_not_exist_answer_alike() {
    let router = dashboard(nowhere(), &Registry::new());
    let path = |site: &str| format!("/api/v1/stats/realtime/visitors?site_id={site}");
    let (private, told) = get(&router, &path("example.com"), None).await;
    let (missing, same) = get(&router, &path("nothing.example"), None).await;
    assert_eq!((private.status(), &told), (StatusCode::UNAUTHORIZED, &same));
    assert_eq!(missing.status(), StatusCode::UNAUTHORIZED);
    assert!(private.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"));
    let (missing, _) = get(&router, &path("nothing.example"), Some(TOKEN)).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_wrong_token_is_refused_everywhere() {
    let router = dashboard(nowhere(), &Registry::new());
    for path in [
        "/api/v1/sites",
        "/api/v1/ledger?site_id=public.example",
        "/api/v1/stats/realtime/visitors?site_id=public.example",
    ] {
        let (head, _) = get(&router, path, Some("wrong")).await;
        assert_eq!(head.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn everybody_sees_the_public_sites_and_the_token_all() {
    let router = dashboard(nowhere(), &Registry::new());
    let public = json!({ "domain": "public.example", "timezone": "UTC", "public": true, "currency": null });
    let private = json!({ "domain": "example.com", "timezone": "Asia/Tokyo", "public": false, "currency": null });
    assert_eq!(get(&router, "/api/v1/sites", None).await.1, json!({ "sites": [public] }));
    assert_eq!(get(&router, "/api/v1/sites", Some(TOKEN)).await.1, json!({ "sites": [private, public] }));
}

#[tokio::test]
async fn a_public_site_is_read_without_a_token() {
    let store = engine::store().await;
    let router = dashboard(store, &Registry::new());
    let (head, visitors) = get(&router, "/api/v1/stats/realtime/visitors?site_id=public.example", None).await;
    assert_eq!((head.status(), visitors), (StatusCode::OK, json!(0)));
    let (head, ledger) = get(&router, "/api/v1/ledger?site_id=public.example&date_range=7d", None).await;
    assert_eq!((head.status(), &ledger["received"]), (StatusCode::OK, &json!(0)));
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let router = dashboard(nowhere(), &Registry::new());
    for path in
        ["/", "/favicon.svg", "/nothing", "/api/nothing", "/api/openapi.json", "/api/v1/sites", "/api/v1/ledger"]
    {
        let (head, _) = get(&router, path, None).await;
        let headers = head.headers();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer", "{path}");
        assert!(headers[header::STRICT_TRANSPORT_SECURITY].to_str().unwrap().starts_with("max-age=31536000"), "{path}");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin", "{path}");
        assert!(headers.contains_key(header::CACHE_CONTROL), "{path}");
    }
    let (head, _) = get(&router, "/api/v1/sites", None).await;
    assert_eq!(head.headers()[header::CACHE_CONTROL], "no-store");
}

#[tokio::test]
async fn wrong_methods_types_and_sizes_are_told_in_json() {
    let router = dashboard(nowhere(), &Registry::new());
    let post = |media_type: &str, body: Vec<u8>| {
        let request = Request::post("/api/v2/query").header("authorization", format!("Bearer {TOKEN}"));
        request.header("content-type", media_type).body(Body::from(body)).unwrap()
    };
    let asked = |question: serde_json::Value| post("application/json", question.to_string().into_bytes());
    let of = |more: serde_json::Value| {
        let mut question = json!({ "site_id": "example.com", "metrics": ["visitors"], "date_range": "7d" });
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        asked(question)
    };
    let bad = StatusCode::BAD_REQUEST;
    for (request, status, code) in [
        (Request::get("/api/v2/query").body(Body::empty()).unwrap(), StatusCode::METHOD_NOT_ALLOWED, "method"),
        (Request::post("/").body(Body::empty()).unwrap(), StatusCode::METHOD_NOT_ALLOWED, "method"),
        (Request::get("/nothing").body(Body::empty()).unwrap(), StatusCode::NOT_FOUND, "no_such_path"),
        (Request::get("/api/v1/ledger?site_id=a&date_rnge=7d").body(Body::empty()).unwrap(), bad, "unknown"),
        (Request::get("/api/v1/ledger?site_id=a&site_id=b").body(Body::empty()).unwrap(), bad, "parameters"),
        (post("text/plain", b"{}".to_vec()), StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type"),
        (post("application/json", b"{".to_vec()), bad, "not_an_object"),
        (post("application/json", vec![b' '; 40_000]), StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        (asked(json!({})), bad, "missing"),
        (of(json!({ "metrics": "visitors" })), bad, "form"),
        (of(json!({ "metrics": ["vistors"] })), bad, "unknown"),
        (of(json!({ "metrics": vec!["visitors"; 100] })), bad, "too_many"),
        (of(json!({ "date_range": ["1980-01-01", "2020-01-01"] })), bad, "too_long"),
        (of(json!({ "order_by": [["visits", "desc"]] })), bad, "wrong"),
        (of(json!({ "dimensions": ["visit:browser"], "filters": [["is", "visit:os", ["iOS"]]] })), bad, "not_counted"),
        (
            of(
                json!({ "include": { "comparisons": { "mode": "custom", "date_range": ["1980-01-01", "2020-01-01"] } } }),
            ),
            bad,
            "comparison",
        ),
    ] {
        let told = format!("{request:?}");
        let (head, body) = send(&router, request).await;
        assert_eq!(head.status(), status, "{told}");
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert!(body["error"].is_string() && body["code"] == code, "{told}: {body} is not {code}");
        assert_eq!(body.get("max").is_some(), code == "too_long", "{body}");
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_told_without_its_address() {
    let router = dashboard(nowhere(), &Registry::new());
    let asked = json!({ "site_id": "example.com", "metrics": ["visitors"], "date_range": "7d" });
    let (status, body) = query(&router, asked).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!body.to_string().contains("127.0.0.1"), "{body}");
}

#[tokio::test]
async fn the_page_is_served_packed_and_known_again() {
    let router = dashboard(nowhere(), &Registry::new());
    let request = |takes: &str, tag: Option<&str>| {
        let request = Request::get("/").header("accept-encoding", takes);
        let request = match tag {
            Some(tag) => request.header("if-none-match", tag),
            None => request,
        };
        request.body(Body::empty()).unwrap()
    };
    let mut tags = std::collections::BTreeSet::new();
    for (takes, form) in [("gzip, br", "br"), ("br;q=0, gzip", "gzip")] {
        let (head, packed) = send(&router, request(takes, None)).await;
        assert_eq!(head.headers()[header::CONTENT_ENCODING], form);
        assert!(form == "br" || packed[..2] == [0x1f, 0x8b]);
        let tag = head.headers()[header::ETAG].to_str().unwrap().to_owned();
        let (head, body) = send(&router, request(takes, Some(&tag))).await;
        assert_eq!((head.status(), body.len()), (StatusCode::NOT_MODIFIED, 0));
        tags.insert(tag);
    }
    assert_eq!(tags.len(), 2, "two forms are two entities");
    let (_, plain) = send(&router, Request::get("/").body(Body::empty()).unwrap()).await;
    let page = String::from_utf8(plain).unwrap();
    assert!(page.contains("<div id=\"app\">") && !page.contains("http://") && !page.contains("https://"), "{page}");
    assert!(!page.contains("style=") && !page.contains("<style"), "nothing inline, as the policy demands");
}
