//! The contract's lines for ingest, each as a request, its answer, and what the journal holds afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::desk::{BROWSER, Desk, SOCKET, Wishes, get, post, request, told, view};
use bytes::Bytes;
use collector::{PIXEL, RateLimit};
use hyper::body::{Body, Frame};
use model::{BotClass, Kind, Mode, Record, Refusal, Revenue, Signals, Vital};

const MALFORMED: &str = "refused; reason=malformed";
const TOO_LARGE: &str = "refused; reason=too_large";
const UNKNOWN_SITE: &str = "refused; reason=unknown_site";

/// Header names and values.
type Headers<'a> = &'a [(&'a str, &'a str)];

/// Body, status, outcome, records.
type Case<'a> = (&'a str, u16, &'a str, usize);

async fn check(cases: &[Case<'_>]) {
    for (body, status, outcome, kept) in cases {
        let desk = Desk::new();
        let told = desk.post(body.to_string()).await;
        let shown: String = body.chars().take(120).collect();
        assert_eq!(told.short(), (*status, *outcome), "{shown}");
        assert_eq!(desk.hits().await.len(), *kept, "{shown}");
        assert_eq!(told.header("access-control-allow-origin"), "*");
        assert_eq!(told.header("access-control-expose-headers"), "x-footfall-outcome");
        assert_eq!(told.header("cache-control"), "no-store");
        if *status >= 400 {
            let error: serde_json::Value = serde_json::from_slice(&told.body).unwrap();
            assert!(error["error"].as_str().is_some_and(|text| !text.is_empty()), "{shown}: {error}");
            assert_eq!(format!("refused; reason={}", error["reason"].as_str().unwrap()), *outcome);
        } else {
            assert_eq!(&told.body[..], b"ok");
        }
    }
}

#[tokio::test]
async fn takes_events_as_plausible_writes_them() {
    check(&[
        (&view(""), 202, "counted", 1),
        (r#"{"name":"pageview","url":"https://example.com/","domain":"example.com"}"#, 202, "counted", 1),
        (
            &view(r#","r":"https://news.example/","p":{"a":1},"h":1,"v":24,"w":1440,"e":null,"sd":null"#),
            202,
            "counted",
            1,
        ),
        (&view(r#","p":"{\"author\":\"someone\"}""#), 202, "counted", 1),
        (&view(r#","p":"","r":"""#), 202, "counted", 1),
        (r#"{"n":"engagement","u":"https://example.com/","d":"example.com","e":1500,"sd":80}"#, 202, "counted", 1),
        (r#"{"n":"Signup","u":"https://example.com/","d":"EXAMPLE.com","i":false}"#, 202, "counted", 1),
        (&view(r#","unknown":{"deep":[[{"er":1}]]},"tcf":"CPx","gpp":"DBAA""#), 202, "counted", 1),
        (&view(r#","d":"minimal.example""#), 202, "minimal", 1),
        (&view(r#","d":"exempt.example""#), 202, "counted", 1),
        (&format!("  \n{}", view("")), 202, "counted", 1),
        (&format!("\u{feff}{}", view("")), 202, "counted", 1),
    ])
    .await;
}

#[tokio::test]
async fn takes_batches_and_lists_of_sites() {
    let (good, bad) = (view(""), r#"{"n":"pageview","d":"example.com"}"#);
    check(&[
        (&format!("[{good}]"), 202, "counted", 1),
        (&format!("[{good},{good},{good}]"), 202, "counted; hits=3", 3),
        (&format!("[{good},{bad}]"), 202, "counted; hits=1, refused; reason=malformed; hits=1", 1),
        (&format!("[{bad},{bad}]"), 400, MALFORMED, 0),
        (&view(r#","d":"example.com, second.example""#), 202, "counted; hits=2", 2),
        (&view(r#","d":"example.com,minimal.example""#), 202, "minimal; hits=1, counted; hits=1", 2),
        (
            &view(r#","d":"example.com,nobody.example""#),
            202,
            "refused; reason=unknown_site; hits=1, counted; hits=1",
            1,
        ),
        (&view(r#","d":"a,b,c,d,e,f,g,h,i""#), 413, TOO_LARGE, 0),
        ("[]", 400, MALFORMED, 0),
        (&format!("[{good},1]"), 400, MALFORMED, 0),
    ])
    .await;
}

#[tokio::test]
async fn a_batch_may_hold_a_thousand_events_and_no_more() {
    let event = r#"{"n":"a","u":"http://a/","d":"example.com"}"#;
    let batch = |events: usize| format!("[{}]", vec![event; events].join(","));
    let desk = Desk::new();
    assert_eq!(desk.post(batch(1_000)).await.short(), (202, "counted; hits=1000"));
    assert_eq!(desk.hits().await.len(), 1_000);
    assert_eq!(Desk::new().post(batch(1_001)).await.short(), (413, TOO_LARGE));
}

#[tokio::test]
async fn refuses_what_is_not_the_format() {
    let name = "x".repeat(121);
    check(&[
        ("", 400, MALFORMED, 0),
        ("null", 400, MALFORMED, 0),
        ("\"pageview\"", 400, MALFORMED, 0),
        ("{", 400, MALFORMED, 0),
        (&format!("{} trailing", view("")), 400, MALFORMED, 0),
        ("{}", 400, MALFORMED, 0),
        (r#"{"n":"pageview","u":"https://example.com/"}"#, 400, MALFORMED, 0),
        (r#"{"n":"pageview","u":"https://example.com/","d":" , "}"#, 400, MALFORMED, 0),
        (r#"{"u":"https://example.com/","d":"example.com"}"#, 400, MALFORMED, 0),
        (&view(r#","n":7"#), 400, MALFORMED, 0),
        (&view(r#","u":"""#), 400, MALFORMED, 0),
        (&view(r#","u":{"a":1}"#), 400, MALFORMED, 0),
        (&view(r#","p":[1]"#), 400, MALFORMED, 0),
        (&view(r#","p":"[1]""#), 400, MALFORMED, 0),
        (&view(r#","$":{"currency":"EURO","amount":1}"#), 400, MALFORMED, 0),
        (&view(r#","$":{"currency":"EUR","amount":"much"}"#), 400, MALFORMED, 0),
        (&view(r#","$":{"currency":"EUR","amount":1e300}"#), 400, MALFORMED, 0),
        (&view(r#","consent":{"analytics":"perhaps"}"#), 400, MALFORMED, 0),
        (&view(r#","child":"maybe""#), 400, MALFORMED, 0),
        (&view(r#","e":NaN"#), 400, MALFORMED, 0),
        (&view(r#","e":1e999"#), 400, MALFORMED, 0),
        (&view(r#","u":"https://example.com/\u0000""#), 400, MALFORMED, 0),
        (&view(r#","u":"https://example.com/\ud800""#), 400, MALFORMED, 0),
        (&view(r#","d":"nobody.example""#), 400, UNKNOWN_SITE, 0),
        (&view(&format!(r#","u":"https://example.com/{}""#, "a".repeat(2_000))), 413, TOO_LARGE, 0),
        (&view(&format!(r#","n":"{name}""#)), 413, TOO_LARGE, 0),
        (&view(&props(31)), 413, TOO_LARGE, 0),
        (&view(&props(30)), 202, "counted", 1),
    ])
    .await;
}

#[tokio::test]
async fn survives_bombs() {
    let bombs = bombs();
    check(&bombs.each_ref().map(|(body, status, outcome, kept)| (body.as_str(), *status, *outcome, *kept))).await;
    for broken in [&b"\xff\xfe{}"[..], b"{\"n\":\"\xff\"}", b"\0", b"{\"n\":\"a\0\"}"] {
        assert_eq!(Desk::new().post(broken).await.short(), (400, MALFORMED));
    }
}

#[tokio::test]
async fn the_last_of_two_equal_keys_wins_whichever_way_it_is_written() {
    let desk = Desk::new();
    desk.post(view(r#","name":"Signup","url":"https://example.com/last""#)).await;
    let hit = desk.hit().await;
    assert_eq!((hit.kind, &*hit.path), (Kind::Event { name: "Signup".into(), interactive: true }, "/last"));
}

#[tokio::test]
async fn refuses_bodies_by_their_headers() {
    let with = |headers: &[(&str, &str)]| request("POST", "/api/event", headers, view(""));
    let agent = ("user-agent", BROWSER);
    let cases: &[(Headers<'_>, u16, &str)] = &[
        (&[agent], 202, "counted"),
        (&[agent, ("content-type", "application/json")], 202, "counted"),
        (&[agent, ("content-type", "Application/JSON ; charset=utf-8")], 202, "counted"),
        (&[agent, ("content-type", "text/plain;charset=UTF-8")], 202, "counted"),
        (&[agent, ("content-type", "application/x-www-form-urlencoded")], 415, MALFORMED),
        (&[agent, ("content-type", "application/jsonp")], 415, MALFORMED),
        (&[agent, ("content-encoding", "identity")], 202, "counted"),
        (&[agent, ("content-encoding", "gzip")], 415, MALFORMED),
        (&[agent, ("content-encoding", "identity"), ("content-encoding", "br")], 415, MALFORMED),
    ];
    for (headers, status, outcome) in cases {
        assert_eq!(Desk::new().send(with(headers)).await.short(), (*status, *outcome), "{headers:?}");
    }
}

#[tokio::test]
async fn a_body_may_have_64_kib_and_no_byte_more() {
    let padded = |bytes: usize| {
        let event = view("");
        format!("{}{event}", " ".repeat(bytes - event.len()))
    };
    assert_eq!(Desk::new().post(padded(65_536)).await.short(), (202, "counted"));
    assert_eq!(Desk::new().post(padded(65_537)).await.short(), (413, TOO_LARGE));
}

#[tokio::test]
async fn a_body_of_unknown_length_is_read_no_further_than_the_limit() {
    let read = Arc::new(AtomicUsize::new(0));
    let endless = Endless(Arc::clone(&read));
    let request = http::Request::builder().method("POST").uri("/api/event").body(endless).unwrap();
    let answer = Desk::new().collector.handle(request, SOCKET.parse().unwrap()).await;
    assert_eq!(told(answer).await.short(), (413, TOO_LARGE));
    assert!(read.load(Ordering::Relaxed) <= 65_536 + 2 * 1_024, "a chunk beyond the limit, and one to see its end");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let desk = Desk::with(Wishes { body_read_max: Duration::from_millis(20), ..Wishes::default() });
    let request = http::Request::builder().method("POST").uri("/api/event").body(Never).unwrap();
    let answer = desk.collector.handle(request, SOCKET.parse().unwrap()).await;
    assert_eq!(told(answer).await.short(), (408, MALFORMED));
}

#[tokio::test]
async fn refuses_wrong_methods_and_says_which_are_right() {
    let desk = Desk::new();
    for (method, uri, allow) in [
        ("GET", "/api/event", "POST, OPTIONS"),
        ("PUT", "/api/event", "POST, OPTIONS"),
        ("POST", "/pixel.gif?d=example.com&u=https://example.com/", "GET, HEAD, OPTIONS"),
    ] {
        let told = desk.send(request(method, uri, &[("user-agent", BROWSER)], "")).await;
        assert_eq!(told.short(), (405, MALFORMED), "{method} {uri}");
        assert_eq!(told.header("allow"), allow);
    }
    assert!(desk.hits().await.is_empty());
}

#[tokio::test]
async fn answers_preflights_without_credentials() {
    for uri in ["/api/event", "/pixel.gif"] {
        let asked = [("origin", "https://example.com"), ("access-control-request-method", "POST")];
        let told = Desk::new().send(request("OPTIONS", uri, &asked, "")).await;
        assert_eq!((told.status, told.header("access-control-allow-origin")), (204, "*"));
        assert_eq!(told.header("access-control-max-age"), "86400");
        assert_eq!(told.header("access-control-allow-headers"), "content-type");
        assert!(!told.headers.contains_key("access-control-allow-credentials"));
    }
}

#[tokio::test]
async fn the_pixel_is_the_43_bytes_everyone_serves() {
    let known = "47494638396101000100800100000000ffffff21f90401000001002c00000000010001000002024c01003b";
    let hex: String = PIXEL.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, known);
    let desk = Desk::new();
    let told = desk.pixel("d=example.com&u=https%3A%2F%2Fexample.com%2Fpage").await;
    assert_eq!((told.short(), &told.body[..]), ((200, "counted"), &PIXEL[..]));
    assert_eq!((told.header("content-type"), told.header("cache-control")), ("image/gif", "no-store"));
    assert_eq!(&*desk.hit().await.path, "/page");
}

#[tokio::test]
async fn the_pixel_takes_its_page_from_the_referer() {
    let desk = Desk::new();
    let headers = [("user-agent", BROWSER), ("referer", "https://example.com/from?x=1")];
    let told = desk.send(request("GET", "/pixel.gif?d=example.com", &headers, "")).await;
    assert_eq!(told.short(), (200, "counted"));
    assert_eq!(&*desk.hit().await.path, "/from");
}

#[tokio::test]
async fn the_pixel_refuses_wrong_requests_and_keeps_the_picture_for_policy() {
    let long = format!("d=example.com&u=https://example.com/{}", "a".repeat(2_000));
    for (query, status, outcome) in [
        ("", 400, MALFORMED),
        ("d=example.com", 400, MALFORMED),
        ("u=https://example.com/", 400, MALFORMED),
        ("d=example.com&u=%ff", 400, MALFORMED),
        ("d=example.com&u=https://example.com/%00", 400, MALFORMED),
        ("d=nobody.example&u=https://example.com/", 400, UNKNOWN_SITE),
        (&long, 413, TOO_LARGE),
        ("d=off.example&u=https://example.com/", 200, "refused; reason=off"),
        ("d=minimal.example&u=https://example.com/", 200, "minimal"),
        ("d=example.com&u=https://example.com/&n=Opened&r=https://mail.example/&gdpr=1&gpp=DBAA", 200, "counted"),
    ] {
        let told = Desk::new().pixel(query).await;
        assert_eq!(told.short(), (status, outcome), "{query}");
        assert_eq!(told.header("content-type"), if status == 200 { "image/gif" } else { "application/json" });
        assert_eq!(told.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_head_of_the_pixel_views_nothing() {
    let desk = Desk::new();
    let told = desk.send(request("HEAD", "/pixel.gif?d=example.com&u=https://example.com/", &[], "")).await;
    assert_eq!(told.short(), (200, "refused; reason=method"));
    assert!(desk.hits().await.is_empty());
}

#[tokio::test]
async fn refusals_by_policy_keep_the_answer_of_success() {
    let view = view("");
    let event = |headers: &[(&str, &str)]| request("POST", "/api/event", headers, view.clone());
    let agent = ("user-agent", BROWSER);
    let cases: &[(Headers<'_>, &str)] = &[
        (&[agent, ("cookie", "footfall_optout=1")], "refused; reason=opted_out"),
        (&[("user-agent", "Googlebot/2.1 (+http://www.google.com/bot.html)")], "refused; reason=bot"),
        (&[], "refused; reason=bot"),
        (&[agent, ("sec-gpc", "1")], "minimal"),
        (&[agent, ("dnt", "1")], "minimal"),
        (&[agent, ("sec-gpc", "true")], "counted"),
    ];
    for (headers, outcome) in cases {
        let told = Desk::new().send(event(headers)).await;
        assert_eq!((told.short(), &told.body[..]), ((202, *outcome), &b"ok"[..]), "{headers:?}");
    }
}

#[tokio::test]
async fn what_the_page_says_about_consent_becomes_signals_and_nothing_else() {
    for (more, signals, outcome) in [
        (r#","consent":{"analytics":true,"targeting":false}"#, Signals::GRANTED, "counted"),
        (r#","consent":{"analytics":false}"#, Signals::REFUSED, "minimal"),
        (r#","consent":"denied""#, Signals::REFUSED, "minimal"),
        (r#","consent":false"#, Signals::REFUSED, "minimal"),
        (r#","consent":{"targeting":false}"#, Signals::default(), "counted"),
        (r#","gpc":true"#, Signals::GPC, "minimal"),
        (r#","gpc":false,"child":false"#, Signals::default(), "counted"),
        (r#","child":"1""#, Signals::CHILD, "minimal"),
    ] {
        let desk = Desk::new();
        assert_eq!(desk.post(view(more)).await.short(), (202, outcome), "{more}");
        assert_eq!(desk.hit().await.signals, signals, "{more}");
    }
}

#[tokio::test]
async fn a_record_holds_what_was_sent() {
    let desk = Desk::new();
    let body = r#"{"n":"Purchase","u":"https://www.example.com/shop?utm_source=news&mail=a@b.example#top","d":"example.com",
        "r":"https://www.search.example/find?q=secret","p":{"plan":"pro","seats":3,"annual":true,"none":null,"list":[1]},
        "$":{"currency":"eur","amount":"1299.95"},"i":false,"w":1280,"id":9007199254740991,"lang":"ja-JP"}"#;
    assert_eq!(desk.post(body).await.short(), (202, "counted"));
    let hit = desk.hit().await;
    assert_eq!(hit.mode, Mode::Full);
    assert_eq!(hit.kind, Kind::Event { name: "Purchase".into(), interactive: false });
    assert_eq!((&*hit.host, &*hit.path, hit.campaign.source.as_deref()), ("example.com", "/shop", Some("news")));
    assert_eq!(hit.referrer.map(|referrer| referrer.host).as_deref(), Some("search.example"));
    let mut props: Vec<_> = hit.props.iter().map(|(name, value)| (&**name, &**value)).collect();
    props.sort_unstable();
    assert_eq!(props, [("annual", "true"), ("plan", "pro"), ("seats", "3")]);
    assert_eq!(hit.revenue, Some(Revenue { currency: *b"EUR", micros: 1_299_950_000 }));
    assert_eq!((hit.screen_width, hit.id, hit.language.as_deref()), (Some(1280), Some((1 << 53) - 1), Some("ja-jp")));
    let peer = hit.peer.unwrap();
    assert_eq!((peer.address.to_string(), &*peer.agent), ("198.51.100.7".to_owned(), BROWSER));
}

#[tokio::test]
async fn a_minimal_hit_holds_no_sender() {
    let desk = Desk::new();
    desk.post(view(r#","d":"minimal.example","w":1280,"p":{"a":"b"}"#)).await;
    let hit = desk.hit().await;
    assert!(hit.peer.is_none() && hit.props.is_empty() && hit.screen_width.is_none());
}

#[tokio::test]
async fn engagement_is_held_to_its_ranges() {
    for (more, engaged_ms, scroll_percent) in [
        (r#""e":1500.4,"sd":57.2"#, 1_500, Some(57)),
        (r#""e":1e12,"sd":130"#, 86_400_000, Some(100)),
        (r#""e":-5,"sd":255"#, 0, None),
        (r#""sd":-1"#, 0, Some(0)),
        (r#""e":"700","sd":"x""#, 700, None),
    ] {
        let desk = Desk::new();
        let body = format!(r#"{{"n":"engagement","u":"https://example.com/","d":"example.com",{more}}}"#);
        assert_eq!(desk.post(body).await.status, 202, "{more}");
        let Kind::Engagement(engagement) = desk.hit().await.kind else { panic!("an engagement") };
        assert_eq!((engagement.engaged_ms, engagement.scroll_percent), (engaged_ms, scroll_percent), "{more}");
    }
}

#[tokio::test]
async fn vitals_are_held_to_their_ranges_and_nothing_else_is_taken_for_one() {
    let all = [Vital::Lcp, Vital::Inp, Vital::Cls, Vital::Fcp, Vital::Ttfb];
    for (vitals, values) in [
        (
            r#"{"lcp":2412.4,"inp":88,"cls":0.0314,"fcp":900,"ttfb":0}"#,
            [Some(2_412), Some(88), Some(31), Some(900), Some(0)],
        ),
        (
            r#"{"lcp":1e300,"cls":1e300,"inp":-1,"fcp":"x","ttfb":null}"#,
            [Some(600_000), None, Some(100_000), None, None],
        ),
        (r#"{"lcp":"800","fid":5,"LCP":1}"#, [Some(800), None, None, None, None]),
        ("{}", [None; 5]),
        ("null", [None; 5]),
    ] {
        let desk = Desk::new();
        let body =
            format!(r#"{{"n":"engagement","u":"https://example.com/","d":"example.com","e":5,"vitals":{vitals}}}"#);
        assert_eq!(desk.post(body).await.status, 202, "{vitals}");
        let Kind::Engagement(engagement) = desk.hit().await.kind else { panic!("an engagement") };
        let told: Vec<_> = engagement.vitals.iter().collect();
        let expected: Vec<_> = all.into_iter().zip(values).filter_map(|(vital, value)| Some((vital, value?))).collect();
        assert_eq!(told, expected, "{vitals}");
    }
    for wrong in ["7", "[1]", "true", r#""lcp""#] {
        let desk = Desk::new();
        let body = format!(r#"{{"n":"engagement","u":"https://example.com/","d":"example.com","vitals":{wrong}}}"#);
        let told = desk.post(body).await;
        assert_eq!(told.short(), (400, "refused; reason=malformed"), "{wrong}");
    }
    // Plausible's script sends its version as `v`.
    let desk = Desk::new();
    let body = r#"{"n":"engagement","u":"https://example.com/","d":"example.com","e":5,"v":37}"#;
    assert_eq!(desk.post(body.to_owned()).await.status, 202);
}

#[tokio::test]
async fn a_full_journal_acknowledges_nothing() {
    let desk = Desk::with(Wishes { journal_bytes_max: 10, ..Wishes::default() });
    for request in [post(view("")), get("/pixel.gif?d=example.com&u=https://example.com/")] {
        let told = desk.send(request).await;
        assert_eq!(told.short(), (503, "refused; reason=unavailable"));
        assert_eq!(told.header("retry-after"), "5");
    }
    assert_eq!(desk.figure("footfall_hits_refused_total", "unavailable"), 2.0);
    assert_eq!(desk.figure("footfall_hits_acknowledged_total", "full"), 0.0);
    let batch = format!("[{},{}]", view(""), view(""));
    assert_eq!(desk.post(batch).await.status, 503);
}

#[tokio::test]
async fn without_a_key_nothing_is_taken_and_nothing_is_written_in_the_clear() {
    let desk = Desk::with(Wishes { key: false, ..Wishes::default() });
    assert!(desk.collector.ready().is_err());
    assert_eq!(desk.post(view("")).await.short(), (503, "refused; reason=unavailable"));
    assert!(desk.records().await.is_empty());
    let stale = Desk::new();
    assert!(stale.collector.ready().is_ok());
    stale.now.fetch_add(3 * 3_600_000, Ordering::Relaxed);
    assert_eq!(stale.post(view("")).await.status, 503);
}

#[tokio::test]
async fn one_network_may_send_only_so_much() {
    let limit = RateLimit { hits_per_second: 1, burst_hits: 2 };
    let desk = Desk::with(Wishes { rate_limit: Some(limit), ..Wishes::default() });
    assert_eq!(desk.post(view("")).await.status, 202);
    assert_eq!(desk.post(view("")).await.status, 202);
    let told = desk.post(view("")).await;
    assert_eq!((told.short(), told.header("retry-after")), ((429, "refused; reason=rate_limited"), "5"));
    assert_eq!(desk.send_from("198.51.101.1:1", post(view(""))).await.status, 202);
    assert_eq!(desk.hits().await.len(), 3);
}

#[tokio::test]
async fn refused_hits_of_known_sites_reach_the_ledger_once() {
    let desk = Desk::new();
    for _ in 0..3 {
        desk.send(request("POST", "/api/event", &[("user-agent", "curl/8.0")], view(""))).await;
    }
    desk.post(r#"{"n":"pageview","d":"example.com"}"#).await;
    desk.post(view(r#","d":"nobody.example""#)).await;
    desk.collector.flush_tallies().await;
    desk.collector.flush_tallies().await;
    let mut tallies: Vec<_> =
        desk.tallies().await.iter().map(|tally| (tally.site.to_string(), tally.refusal, tally.hits)).collect();
    tallies.sort();
    let site = "example.com".to_owned();
    assert_eq!(tallies, [(site.clone(), Refusal::Malformed, 1), (site, Refusal::Bot(BotClass::Library), 3)]);
    assert_eq!(desk.figure("footfall_hits_received_total", "example.com"), 4.0);
    assert_eq!(desk.figure("footfall_hits_received_total", ""), 1.0);
    assert_eq!(desk.figure("footfall_hits_refused_total", "bot"), 3.0);
    assert_eq!(desk.figure("footfall_hits_refused_total", "unknown_site"), 1.0);
}

#[tokio::test]
async fn a_tally_that_cannot_be_written_waits() {
    let desk = Desk::new();
    desk.send(request("POST", "/api/event", &[], view(""))).await;
    desk.now.fetch_add(3 * 3_600_000, Ordering::Relaxed);
    desk.collector.flush_tallies().await;
    desk.now.fetch_sub(3 * 3_600_000, Ordering::Relaxed);
    desk.collector.flush_tallies().await;
    assert_eq!(desk.tallies().await.len(), 1);
}

#[tokio::test]
async fn hits_of_one_visitor_share_a_partition_and_visitors_are_spread() {
    let desk = Desk::new();
    for visitor in 0..40 {
        for _ in 0..3 {
            assert_eq!(desk.send_from(&format!("203.0.113.{visitor}:5"), post(view(""))).await.status, 202);
        }
    }
    let mut partitions_of = BTreeMap::<_, BTreeSet<u32>>::new();
    for (partition, record) in desk.records().await {
        let Record::Hits(mut hits) = record else { panic!("a hit") };
        let hit = hits.pop().unwrap();
        partitions_of.entry(hit.peer.unwrap().address).or_default().insert(partition);
    }
    assert_eq!(partitions_of.len(), 40);
    assert!(partitions_of.values().all(|partitions| partitions.len() == 1));
    let used: BTreeSet<_> = partitions_of.values().flatten().collect();
    assert_eq!(used.len(), 4);
}

#[tokio::test]
async fn a_batch_is_kept_whole_or_not_at_all() {
    let desk = Desk::new();
    let batch = |hits: usize| format!("[{}]", vec![view(""); hits].join(","));
    assert_eq!(desk.post(batch(20)).await.status, 202);
    let records = desk.records().await;
    let [(_, Record::Hits(hits))] = records.as_slice() else { panic!("one record: {records:?}") };
    assert_eq!(hits.len(), 20);
    // Mixed modes, and no ids to tell a second send by.
    let mixed = format!("[{},{}]", view(r#","consent":{"analytics":false}"#), view(""));
    assert_eq!(desk.post(mixed).await.status, 202);
    assert_eq!(desk.records().await.len(), 2, "a hit without a visitor goes where the visitor's go");
}

#[tokio::test]
async fn the_longest_batch_of_paths_that_grow_fits_a_record() {
    let desk = Desk::new();
    let path = "あ".repeat(600);
    let hit = format!(r#"{{"n":"pageview","u":"https://example.com/{path}","d":"example.com"}}"#);
    let batch = format!("[{}]", vec![hit; 34].join(","));
    assert!((60_000..65_536).contains(&batch.len()), "{}", batch.len());
    assert_eq!(desk.post(batch).await.status, 202);
    let short = r#"{"n":"pageview","u":"/","d":"example.com"}"#;
    assert_eq!(desk.post(format!("[{}]", vec![short; 1_000].join(","))).await.status, 202);
    assert_eq!(desk.hits().await.len(), 1_034);
}

#[tokio::test]
async fn a_second_send_of_a_minimal_hit_meets_the_first() {
    let desk = Desk::new();
    for _ in 0..2 {
        for id in 0..8 {
            desk.post(view(&format!(r#","d":"minimal.example","id":{id}"#))).await;
        }
    }
    let mut partitions_of = BTreeMap::<_, BTreeSet<u32>>::new();
    for (partition, record) in desk.records().await {
        let Record::Hits(mut hits) = record else { panic!("a hit") };
        let hit = hits.pop().unwrap();
        partitions_of.entry(hit.id).or_default().insert(partition);
    }
    assert!(partitions_of.len() == 8 && partitions_of.values().all(|partitions| partitions.len() == 1));
}

#[tokio::test]
async fn an_event_for_two_sites_is_two_hits_with_two_ids() {
    let desk = Desk::new();
    desk.post(view(r#","d":"example.com,second.example","id":5"#)).await;
    let ids: BTreeSet<_> = desk.hits().await.iter().map(|hit| hit.id).collect();
    assert_eq!(ids.len(), 2);
}

/// Bodies of few bytes that ask for much: body, status, outcome, records.
pub fn bombs() -> [(String, u16, &'static str, usize); 6] {
    let keys = |count: usize| (0..count).map(|key| format!("\"{key}\":0")).collect::<Vec<_>>().join(",");
    [
        (format!(r#"{{"n":"pageview","x":{}1{}}}"#, "[".repeat(30_000), "]".repeat(30_000)), 400, MALFORMED, 0),
        ("[".repeat(65_000), 400, MALFORMED, 0),
        (view(&format!(",{}", keys(6_000))), 202, "counted", 1),
        (view(&format!(r#","p":{{{}}}"#, keys(6_000))), 413, TOO_LARGE, 0),
        (view(&r#","n":"pageview""#.repeat(4_000)), 202, "counted", 1),
        (format!("{{{}}}", keys(100_000)), 413, TOO_LARGE, 0),
    ]
}

fn props(count: usize) -> String {
    let members: Vec<_> = (0..count).map(|number| format!("\"p{number}\":{number}")).collect();
    format!(r#","p":{{{}}}"#, members.join(","))
}

/// An endless body in chunks of a kibibyte, which says how much of it was read.
struct Endless(Arc<AtomicUsize>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.fetch_add(1_024, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; 1_024])))))
    }
}

/// A body that never comes.
struct Never;

impl Body for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// The longest event that there can be, for as many sites: together more than a record holds.
#[tokio::test]
async fn a_long_event_is_kept_for_each_site_that_it_names() {
    let named = "example.com, second.example,third.example,fourth.example,fifth.example,sixth.example";
    let props: Vec<_> = (0..30).map(|prop| format!(r#""p{prop}":"{}""#, "word ".repeat(400))).collect();
    let desk = Desk::new();
    let body = format!(r#"{{"n":"pageview","u":"https://example.com/","d":"{named}","p":{{{}}}}}"#, props.join(","));
    assert_eq!(desk.post(body).await.status, 202);
    assert!(desk.kept_bytes().await > model::limits::RECORD_BYTES_MAX);
    let sites: BTreeSet<_> = desk.hits().await.iter().map(|hit| hit.site.to_string()).collect();
    assert_eq!(sites, named.split(',').map(|site| site.trim().to_owned()).collect());
}

#[tokio::test]
async fn a_site_that_is_named_twice_counts_once() {
    let desk = Desk::new();
    let body =
        r#"{"n":"pageview","u":"https://example.com/","d":"example.com,second.example,Example.com,example.com"}"#;
    assert_eq!(desk.post(body.to_owned()).await.status, 202);
    assert_eq!(desk.hits().await.len(), 2);
}

#[tokio::test]
async fn a_batch_is_as_long_as_its_events_are_for_sites() {
    let event = r#"{"n":"a","u":"https://a/","d":"example.com,second.example,third.example"}"#;
    let list = |events: usize| format!("[{}]", vec![event; events].join(","));
    let desk = Desk::new();
    assert_eq!(desk.post(list(334)).await.status, 413);
    assert_eq!(desk.hits().await.len(), 0);
    assert_eq!(desk.post(list(333)).await.status, 202);
    assert_eq!(desk.hits().await.len(), 999);
}
