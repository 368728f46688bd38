//! The hits of the canary test: what each secret is, and through which door and in which field it goes.
//!
//! Addresses are those set aside for documentation; the rest is made up and looks as the real thing does.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};

use super::forms::Secret;
use crate::harness::Server;

pub const SITE: &str = "shop.example";
pub const OTHER_SITE: &str = "club.example";

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 QvxZplmWkt/7.31";
const UNKNOWN_AGENT: &str = "JqwXunkAgentYb/2.0 (Qwzztop; Vxkdevice)";
const ROBOT: &str = "Googlebot/2.1 (BvqRobotXzz)";
const COOKIE: &str = "cKq7sessionVZt41";
const CLICK_ID: &str = "EAIaIQobChMIqzKvX9wYhAMV";
const TC_STRING: &str = "CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA.YAAAAAAAAAAA";
const GPP_STRING: &str = "DBABLA~BVVVVVVVVWA.YA";
const USER: &str = "usrQzkWv8";
const PASSWORD: &str = "pwQzkWv81xLm";
const TOKEN: &str = "Zx3Kq9_Lm2Np7-Rt5Vw8Yb4Cd6";
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJxemsifQ.dBjftJeZ4CVPmB92K27uhbUJU1p1rwW1gFWFOEjXk";
const UUID: &str = "7c1f0e2a-93b4-4d5e-8f60-a1b2c3d4e5f6";
const HEX: &str = "9f86d081884c7d659a2feaa0c55ad015";
const NUMBER: &str = "48151623420815";
const MEMBER: &str = "membQzkNamed";
const ID: &str = "id-Qzk-7719-wvxyz";
const QUERY: &str = "searchQzkIllness";
const FRAGMENT: &str = "fragQzkAccess";
const WRONG_BODY: &str = "mQzkBodyWvxBroken";
const WRONG_SITE: &str = "qzk-unknown-wvx.example";
const WRONG_TOKEN: &str = "ff_wrongQzkTokenWvx";
const WRONG_CHAIN: &str = "qzkChainWvx.invalid";
const LOST_PATH: &str = "qzkLostPathWvx";
const ASKED: &str = "asked.qzk@wvx-mail.example";

/// An e-mail address for each place that one can stand in.
const MAILS: [&str; 10] = [
    "path.qzk@wvx-mail.example",
    "encoded.qzk@wvx-mail.example",
    "query.qzk@wvx-mail.example",
    "refpath.qzk@wvx-mail.example",
    "refquery.qzk@wvx-mail.example",
    "source.qzk@wvx-mail.example",
    "content.qzk@wvx-mail.example",
    "prop.qzk@wvx-mail.example",
    "link.qzk@wvx-mail.example",
    "event.qzk@wvx-mail.example",
];

/// What is exported, each by one question.
pub const DIMENSIONS: [&str; 16] = [
    "event:page",
    "event:name",
    "event:hostname",
    "event:props:note",
    "event:props:url",
    "visit:entry_page",
    "visit:exit_page",
    "visit:source",
    "visit:referrer",
    "visit:utm_source",
    "visit:utm_content",
    "visit:utm_term",
    "visit:browser_version",
    "visit:os_version",
    "visit:country",
    "visit:device",
];

/// Every secret that is a text. Of a user agent also the word that is in no other.
pub fn secrets() -> Vec<Secret> {
    let named = [
        ("user agent", AGENT),
        ("word of a user agent", "QvxZplmWkt"),
        ("unknown user agent", UNKNOWN_AGENT),
        ("word of an unknown user agent", "JqwXunkAgentYb"),
        ("word of a robot", "BvqRobotXzz"),
        ("cookie", COOKIE),
        ("click id", CLICK_ID),
        ("TC string", TC_STRING),
        ("GPP string", GPP_STRING),
        ("user name in a URL", USER),
        ("password in a URL", PASSWORD),
        ("token in a path", TOKEN),
        ("JSON web token", JWT),
        ("UUID", UUID),
        ("hexadecimal id", HEX),
        ("telephone number", NUMBER),
        ("member's name under a pattern", MEMBER),
        ("hit's id", ID),
        ("query", QUERY),
        ("fragment", FRAGMENT),
        ("broken body", WRONG_BODY),
        ("unknown site", WRONG_SITE),
        ("wrong API token", WRONG_TOKEN),
        ("wrong forwarding header", WRONG_CHAIN),
        ("path that is nowhere", LOST_PATH),
        ("what an analyst asked for", ASKED),
    ];
    let mails =
        MAILS.iter().flat_map(|mail| [("e-mail", *mail), ("name of an e-mail", mail.split('@').next().unwrap())]);
    let all = named.into_iter().chain(mails).chain([("host of an e-mail", "wvx-mail.example")]);
    all.map(|(name, text)| Secret { name, text: text.to_owned() }).collect()
}

/// 200 of IPv4, 20 of IPv6.
pub fn addresses() -> Vec<IpAddr> {
    let v4 = (0..200).map(|last| IpAddr::from(Ipv4Addr::new(203, 0, 113, last)));
    let v6 = (0..20)
        .map(|last| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0x7a3, 0xb4c, 0x5d6e, 0x7f81, 0x92a3, 0xb400 + last)));
    v4.chain(v6).collect()
}

fn address(number: usize) -> String {
    let addresses = addresses();
    addresses[number % addresses.len()].to_string()
}

/// The headers of a visitor's request.
pub fn headers(number: usize) -> [(&'static str, &'static str); 4] {
    // Leaked on purpose: a few addresses, and a test that ends.
    let from: &'static str = address(number).leak();
    let agent = if number % 10 == 9 { UNKNOWN_AGENT } else { AGENT };
    [
        ("x-forwarded-for", from),
        ("user-agent", agent),
        ("cookie", "sid=cKq7sessionVZt41; theme=dark"),
        ("accept-language", "en-GB"),
    ]
}

/// The address of a page, with a secret in one of the places that one can stand in.
fn page(number: usize, must: &str) -> String {
    let (site, path) = (SITE, |rest: String| format!("https://{SITE}{rest}"));
    match number % 16 {
        0 => path(format!("/account/{}", MAILS[0])),
        1 => path(format!("/account/{}/edit", MAILS[1].replace('@', "%40").replace('.', "%2E"))),
        2 => path(format!("/find?q={QUERY}&mail={}#{FRAGMENT}", MAILS[2])),
        3 => path(format!("/?utm_source={}&utm_content={}&utm_term={UUID}&gclid={CLICK_ID}", MAILS[5], MAILS[6])),
        4 => format!("https://{USER}:{PASSWORD}@{site}/signed-in"),
        5 => path(format!("/reset/{TOKEN}")),
        6 => path(format!("/auth/{JWT}/x")),
        7 => path(format!("/orders/{UUID}/{HEX}")),
        8 => path(format!("/call/+{NUMBER}")),
        9 => path(format!("/whois/{}", address(number))),
        10 => path(format!("/?fbclid={CLICK_ID}&msclkid={CLICK_ID}&source={HEX}")),
        11 => path(format!("/?utm_campaign={TOKEN}&ref={}", address(number))),
        _ => path(must.to_owned()),
    }
}

fn referrer(number: usize) -> String {
    match number % 6 {
        0 => format!("https://mail.wide.example/inbox/{}", MAILS[3]),
        1 => format!("https://search.wide.example/?q={QUERY}&u={}", MAILS[4]),
        2 => format!("https://{USER}:{PASSWORD}@intranet.example/{TOKEN}"),
        3 => format!("http://{}/status", address(number).replace(':', "-")),
        4 => format!("http://[{}]/", addresses()[200 + number % 20]),
        _ => "https://news.wide.example/today".to_owned(),
    }
}

fn event(number: usize, must: &str) -> Value {
    let mut event =
        json!({ "name": "pageview", "url": page(number, must), "domain": SITE, "referrer": referrer(number) });
    match number % 12 {
        0 => event["id"] = json!(format!("{ID}-{number}")),
        1 => event["tcf"] = json!(TC_STRING),
        2 => event["gpp"] = json!(GPP_STRING),
        3 => {
            event["name"] = json!(format!("Signup {}", MAILS[9]));
            let link = format!("https://{USER}:{PASSWORD}@files.example/{}?token={TOKEN}", MAILS[8]);
            event["props"] = json!({ "note": MAILS[7], "url": link, "from": address(number), "user": NUMBER });
        }
        4 => {
            event["domain"] = json!(OTHER_SITE);
            event["url"] = json!(format!("https://{OTHER_SITE}/members/{MEMBER}"));
        }
        5 => event["consent"] = json!({ "analytics": false }),
        6 => {
            event["name"] = json!("engagement");
            event["e"] = json!(1_234);
        }
        _ => {}
    }
    event
}

fn post(server: &Server, number: usize, body: &str) {
    let headers = [&headers(number)[..], &[("content-type", "application/json")]].concat();
    let answer = server.send("POST", "/api/event", &headers, body.as_bytes());
    assert_eq!(answer.status, 202, "{}", answer.text());
}

/// Through script, batch and GIF; says how many hits there were.
pub fn send(server: &Server, must: &str) -> usize {
    const EACH: usize = 700;
    std::thread::scope(|scope| {
        for worker in 0..4 {
            scope.spawn(move || {
                for number in (worker * EACH..(worker + 1) * EACH).step_by(2) {
                    post(server, number, &event(number, must).to_string());
                    let (page, referrer) = (page(number + 1, must), referrer(number + 1));
                    let query = format!("d={SITE}&u={}&r={}", escaped(&page), escaped(&referrer));
                    let consent = format!("&gdpr=1&gdpr_consent={TC_STRING}&gpp={}&sid={COOKIE}", escaped(GPP_STRING));
                    let path = format!("/pixel.gif?{query}{}", if number % 4 == 0 { &consent } else { "" });
                    assert_eq!(server.send("GET", &path, &headers(number + 1), b"").status, 200);
                }
                for batch in 0..25 {
                    let first = worker * 2_000 + batch * 50;
                    let events: Vec<Value> = (first..first + 50).map(|number| event(number, must)).collect();
                    post(server, first, &Value::Array(events).to_string());
                }
            });
        }
    });
    4 * (EACH + 25 * 50)
}

/// Method, path, headers and body.
type Request<'a> = (&'a str, String, &'a [(&'a str, &'a str)], String);

/// What ends in an answer of error, a log line, or nowhere.
pub fn send_what_is_wrong(server: &Server, token: &str) {
    let one = event(0, "/");
    let json: (&str, &str) = ("content-type", "application/json");
    let long = one.to_string().replace("/account/", &format!("/{}/", "x".repeat(2_100)));
    let elsewhere = one.to_string().replace(SITE, WRONG_SITE);
    let bodies = [
        format!("{{\"name\": \"pageview\", \"{WRONG_BODY}\": {}", MAILS[0]),
        format!("[{one}, {{\"url\": \"{WRONG_BODY}\"}}]"),
        format!("{{\"name\": \"pageview\", \"domain\": \"{SITE}\", \"url\": \"nothing:{WRONG_BODY}\"}}"),
        format!("{{\"name\": 7, \"domain\": \"{SITE}\", \"url\": [\"{WRONG_BODY}\"]}}"),
        long,
        elsewhere,
    ];
    for (number, body) in bodies.iter().enumerate() {
        for kind in [json, ("content-type", WRONG_BODY)] {
            let headers = [&headers(number)[..], &[kind, ("x-debug", WRONG_BODY), ("host", WRONG_SITE)]].concat();
            assert!(server.send("POST", "/api/event", &headers, body.as_bytes()).status >= 202);
        }
    }
    let authorization = format!("Bearer {token}");
    let wrong_authorization = format!("Bearer {WRONG_TOKEN}");
    let chain = format!("{}, {WRONG_CHAIN}, {}", address(1), address(2));
    let question = json!({
        "site_id": SITE, "metrics": ["visitors"], "date_range": "all", "dimensions": ["event:page"],
        "filters": [["matches", "event:page", [format!("({ASKED}")]]],
    });
    let asked = json!({
        "site_id": SITE, "metrics": ["visitors"], "date_range": "all", "dimensions": ["event:page"],
        "filters": [["is", "event:page", [format!("/{ASKED}")]]],
    });
    let requests: &[Request<'_>] = &[
        ("GET", format!("/{LOST_PATH}/{}", MAILS[0]), &[], String::new()),
        ("GET", format!("/pixel.gif?d={SITE}&u=%ff{WRONG_BODY}"), &[], String::new()),
        ("GET", format!("/pixel.gif?d={WRONG_SITE}&u={}", escaped(&page(0, "/"))), &[], String::new()),
        (
            "GET",
            format!("/pixel.gif?d={SITE}"),
            &[("referer", "https://usrQzkWv8:pwQzkWv81xLm@shop.example/?q=searchQzkIllness")],
            String::new(),
        ),
        ("POST", "/api/event".to_owned(), &[("user-agent", ROBOT), json], one.to_string()),
        ("POST", "/api/event".to_owned(), &[("x-forwarded-for", &chain), json], one.to_string()),
        (
            "POST",
            "/api/event".to_owned(),
            &[("forwarded", "for=203.0.113.4;by=qzkChainWvx.invalid"), json],
            one.to_string(),
        ),
        ("GET", format!("/privacy?d={WRONG_SITE}&lang={LOST_PATH}"), &[], String::new()),
        ("POST", format!("/privacy/optout?d={SITE}"), &[("origin", "https://qzk-unknown-wvx.example")], String::new()),
        ("POST", format!("/privacy/optout?d={SITE}"), &[], String::new()),
        ("POST", format!("/privacy/optin?d={SITE}"), &[], String::new()),
        ("POST", "/api/v2/query".to_owned(), &[("authorization", &wrong_authorization), json], asked.to_string()),
        ("POST", "/api/v2/query".to_owned(), &[("authorization", &authorization), json], question.to_string()),
        ("POST", "/api/v2/query".to_owned(), &[("authorization", &authorization), json], asked.to_string()),
        ("POST", "/api/v2/query".to_owned(), &[("authorization", &authorization), json], WRONG_BODY.to_owned()),
    ];
    for (method, path, more, body) in requests {
        let all = [&headers(3)[..], *more].concat();
        assert!(server.send(method, path, &all, body.as_bytes()).status >= 200, "{path}");
    }
    // Not HTTP at all, and a request that breaks off.
    for broken in [
        format!("{WRONG_BODY}\r\n\r\n"),
        format!("POST /api/event HTTP/1.1\r\ncontent-length: 999\r\n\r\n{WRONG_BODY}"),
    ] {
        let mut stream = std::net::TcpStream::connect(&server.address).unwrap();
        std::io::Write::write_all(&mut stream, broken.as_bytes()).unwrap();
    }
}

/// What would begin a line of a log if it were written there as it is.
pub const FORGED: &str = "FORGED";

/// Line ends wherever a stranger's text goes, each followed by [`FORGED`]; says how many page views were taken.
pub fn send_line_ends(server: &Server) -> i64 {
    let json: (&'static str, &'static str) = ("content-type", "application/json");
    let say_event =
        |body: &str| server.send("POST", "/api/event", &[&headers(1)[..], &[json]].concat(), body.as_bytes());
    let mut taken = 0;
    for end in ["\r\n", "\n", "\r", "%0d%0a", "\u{85}", "\u{2028}"] {
        let with = |before: &str| format!("{before}{end}{FORGED} ");
        let page = format!("https://{SITE}/");
        let url = with(&page);
        let view = json!({ "name": "pageview", "url": page, "domain": SITE });
        for (field, before) in [
            ("url", format!("https://{SITE}/a").as_str()),
            ("url", &page),
            ("url", "nothing:"),
            ("domain", SITE),
            ("domain", WRONG_SITE),
            ("referrer", "https://news.wide.example/today"),
            ("name", "Signup"),
            ("lang", "en"),
            ("id", ID),
            ("consent", "granted"),
            ("tcf", TC_STRING),
        ] {
            let mut event = view.clone();
            event[field] = json!(with(before));
            let answer = say_event(&event.to_string());
            taken += i64::from(field == "referrer" && answer.outcome() == "counted");
        }
        let mut event = view.clone();
        event[with("url")] = json!("x");
        event["props"] = json!({ with("note"): with("x"), "url": with("https://files.example/") });
        event["revenue"] = json!({ "currency": with("EUR"), "amount": with("1") });
        // In no shape that is one, too, which is told differently.
        for body in [event.to_string(), with("{"), with(&view.to_string()), view.to_string().replace(SITE, &with(SITE))]
        {
            say_event(&body);
        }
        let asked = escaped(&with("x"));
        for path in [
            format!("/pixel.gif?d={SITE}&u={}&r={}&n={asked}&lang={asked}", escaped(&page), escaped(&url)),
            format!("/pixel.gif?d={asked}&u={}", escaped(&url)),
            format!("/{asked}"),
            format!("/api/event/{asked}?{asked}={asked}"),
            format!("/privacy?d={asked}&lang={asked}"),
            format!("/unsubscribe/{asked}"),
            format!("/api/v1/stats/aggregate?site_id={asked}&period={asked}"),
            format!("/api/sites/{asked}/goals/{asked}"),
        ] {
            server.send("GET", &path, &headers(1), b"");
        }
        let same_origin = [json, ("sec-fetch-site", "same-origin")];
        for (path, body) in [
            ("/api/session", json!({ "login": with("jane@wide.example"), "password": with("p") })),
            ("/api/share", json!({ "link": with("fs_x"), "password": with("p") })),
            ("/api/setup", json!({ "login": with("jane@wide.example"), "password": with("p") })),
            (
                "/api/v2/query",
                json!({ "site_id": with(SITE), "metrics": [with("visitors")], "date_range": with("7d") }),
            ),
        ] {
            let answer = server.send("POST", path, &same_origin, body.to_string().as_bytes());
            assert!(answer.status >= 400, "{path}: {}", answer.text());
        }
        // HTTP allows no line end within a header: some of these are another header, others no HTTP.
        for header in
            ["user-agent", "referer", "x-forwarded-for", "forwarded", "cookie", "authorization", "host", "origin"]
        {
            let head =
                format!("POST /api/event HTTP/1.1\r\nhost: {SITE}\r\nconnection: close\r\n{header}: {}\r\n", with("x"));
            let whole = format!("{head}content-length: {}\r\n\r\n{view}", view.to_string().len());
            say(server, whole.as_bytes());
        }
        say(server, format!("{}HTTP/1.1\r\nhost: {SITE}\r\nconnection: close\r\n\r\n", with("GET /")).as_bytes());
        say(server, format!("{}\r\n\r\n", with("x")).as_bytes());
    }
    taken
}

/// Says bytes that need be no HTTP, and hears whatever comes until the server hangs up.
fn say(server: &Server, bytes: &[u8]) {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // Who has heard enough may hang up before it has heard all.
    let _ = stream.write_all(bytes);
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Lines of a combined log, a secret in each field that has room.
pub fn access_log(numbers: Range<usize>) -> String {
    let mut log = String::new();
    for number in numbers {
        let url = page(number, "/");
        let target = url.split_once(".example").map_or("/", |(_, target)| target);
        let user = if number % 3 == 0 { USER } else { "-" };
        let (minute, second) = (number / 60 % 60, number % 60);
        let agent = headers(number)[1].1;
        writeln!(
            log,
            "{} - {user} [01/Oct/2026:{:02}:{minute:02}:{second:02} +0000] \"GET {target} HTTP/1.1\" 200 512 \"{}\" \"{agent}\"",
            address(number),
            10 + number / 3_600,
            referrer(number),
        )
        .unwrap();
    }
    log
}

/// Events of the past, one a line.
pub fn events_file(count: usize) -> String {
    let line = |number: usize| {
        let mut event = event(number, "/");
        event["timestamp"] = json!(format!("2026-10-02T10:{:02}:{:02}Z", number / 60, number % 60));
        event["ip"] = json!(address(number));
        event["user_agent"] = json!(headers(number)[1].1);
        event["headers"] = json!({ "cookie": format!("sid={COOKIE}") });
        // All of one file are one site's, and the pattern is the other's.
        if event["domain"] != SITE {
            event["url"] = json!(format!("https://{SITE}/"));
            event["domain"] = json!(SITE);
        }
        format!("{event}\n")
    };
    (0..count).map(line).collect()
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
