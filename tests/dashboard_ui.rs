//! The web page in Chromium over a server with hits of the test's own: each report's numbers against what is worked out
//! here, then filters, comparison, languages, themes, keyboard, axe-core, and the weight of the first load.
//! A list in full, as a file too, money, cities, the graph beside other days and by other steps, changes, who is there now, filters as
//! they are made and changed, what is not told, what strangers wrote, and what fails. And accounts, from the first one to the last sign-out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::browser;
use crate::harness::{AGENT, Server, TOKEN, eventually, fixture, footfall};

const SITE: &str = "example.com";
const OTHER: &str = "other.example";
/// Another host of the first site.
const BLOG: &str = "blog.example.com";
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";
const BOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// A visit, and what a reader of its hits would call it.
struct Visit {
    address: &'static str,
    agent: &'static str,
    referrer: &'static str,
    /// Of the first page.
    query: &'static str,
    pages: &'static [&'static str],
    event: Option<&'static str>,
    source: &'static str,
    channel: &'static str,
    campaign: Option<&'static str>,
    /// The term and the content of a campaign.
    words: Option<[&'static str; 2]>,
    /// Of all pages; a visitor reads in one language and with a window of one width.
    host: &'static str,
    width: u16,
    language: &'static str,
}

impl Visit {
    /// As a browser makes it.
    fn made(&self) -> Value {
        let (first, others) = self.pages.split_first().unwrap();
        let mut does = vec![json!({ "view": format!("{first}{}", self.query) })];
        does.extend(others.iter().map(|path| json!({ "view": path })));
        does.extend(self.event.iter().map(|name| json!({ "event": name, "props": { "plan": "team" } })));
        json!({ "address": self.address, "agent": self.agent, "site": SITE, "host": self.host, "language": self.language,
                "width": self.width, "referrer": self.referrer, "does": does })
    }
}

const VISITS: [Visit; 4] = [
    Visit {
        address: "126.142.77.15",
        agent: AGENT,
        referrer: "https://www.google.com/",
        query: "",
        pages: &["/", "/pricing"],
        event: Some("Signup"),
        source: "Google",
        channel: "Organic Search",
        campaign: None,
        words: None,
        host: SITE,
        width: 1920,
        language: "ja",
    },
    Visit {
        address: "126.142.77.16",
        agent: AGENT,
        referrer: "",
        query: "",
        pages: &["/"],
        event: None,
        source: "Direct / None",
        channel: "Direct",
        campaign: None,
        words: None,
        host: BLOG,
        width: 1024,
        language: "en-GB",
    },
    Visit {
        address: "126.142.77.17",
        agent: PHONE,
        referrer: "https://www.google.com/search?q=boots",
        query: "?utm_term=boots&utm_content=text",
        pages: &["/pricing"],
        event: None,
        source: "Google",
        channel: "Organic Search",
        campaign: None,
        words: Some(["boots", "text"]),
        host: SITE,
        width: 390,
        language: "ja",
    },
    Visit {
        address: "126.142.77.18",
        agent: PHONE,
        referrer: "",
        query: "?utm_campaign=%3D1%2B1&utm_source=newsletter&utm_medium=email&utm_term=shoes&utm_content=picture",
        pages: &["/", "/about"],
        event: None,
        source: "newsletter",
        channel: "Email",
        campaign: Some("=1+1"),
        words: Some(["shoes", "picture"]),
        host: BLOG,
        width: 390,
        language: "ja",
    },
];

/// Visitors of the seven days before the last seven, all of them on one day, and how much longer each stayed than the one before, in
/// seconds.
const EARLIER: usize = 8;
const EARLIER_DAYS: u64 = 10;
const STAY: usize = 30;

#[test]
fn the_dashboard_shows_what_was_sent_to_whoever_looks_however_they_do() {
    let data = tempfile::tempdir().unwrap();
    let server = two_sites(data.path());
    import_earlier(&server, data.path());
    let made = VISITS.iter().map(Visit::made);
    // One page view each, and nothing of attention.
    let elsewhere = [(AGENT, false), (AGENT, true), (BOT, false)].map(|(agent, gpc)| {
        json!({ "address": "126.142.77.19", "agent": agent, "site": OTHER, "gpc": gpc, "unwatched": true, "does": [{ "view": "/" }] })
    });
    browser::visits(&server, &made.chain(elsewhere).collect::<Vec<_>>());
    eventually("every visitor counted", || {
        let all = VISITS.len() + EARLIER + 1;
        (server.totals(SITE, &["visitors"]) == [i64::try_from(all).unwrap()]).then_some(())
    });
    eventually("the other site's three hits", || (server.ledger(OTHER)["received"] == 3).then_some(()));
    let seen = look(&server, "dashboard.mjs", &expected());
    let first_load = seen["firstLoad"].as_u64().unwrap();
    assert!(first_load <= 120_000, "{seen}");
    eprintln!("first load of the page that asks who signs in: {first_load} bytes, compressed, headers included");
    server.stop();
}

#[test]
fn accounts_are_made_used_and_looked_after_in_a_browser() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[SITE]);
    let hit = json!({ "name": "pageview", "url": format!("https://{SITE}/"), "domain": SITE });
    assert_eq!(server.event(&hit).outcome(), "counted");
    eventually("a page to export", || (server.totals(SITE, &["pageviews"]) == [1]).then_some(()));
    let made = browser::run("accounts.mjs", &[&server.url(), TOKEN, SITE]);
    server.stop();
    // Neither a password nor a secret rests anywhere.
    let kept = read_all(data.path());
    for secret in ["violet teapot", "brass umbrella", "seven quiet lanterns", made["secret"].as_str().unwrap()] {
        assert!(!kept.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret}");
    }
    assert!(kept.windows(9).any(|bytes| bytes == b"$argon2id"), "the right files were read");
}

/// The bytes of all files directly in a directory.
fn read_all(directory: &std::path::Path) -> Vec<u8> {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).flat_map(|path| std::fs::read(path).unwrap()).collect()
}

/// Visitors ten days ago, and one three weeks ago, so that the days before are measured ones.
fn import_earlier(server: &Server, directory: &std::path::Path) {
    import(server, directory, &[(days_ago(21), 1), (days_ago(EARLIER_DAYS), EARLIER)]);
}

/// So many visitors of each day: the first looked at one page, and each of the others once more, [`STAY`] later than the one before.
fn import(server: &Server, directory: &std::path::Path, days: &[(String, usize)]) {
    let view = |who: usize, day: &str, stayed: usize| {
        (format!("{day}T12:{:02}:{:02}Z", stayed / 60, stayed % 60), who, AGENT, "/".to_owned())
    };
    let mut views = Vec::new();
    for (day, visitors) in days {
        views.extend((0..*visitors).map(|who| view(who, day, 0)));
        views.extend((1..*visitors).map(|who| view(who, day, who * STAY)));
    }
    import_views(server, directory, SITE, &views);
}

/// A page view of the past: when, whose, with which browser, and of which page.
type Past = (String, usize, &'static str, String);

/// Page views of one site, all in one import: a visitor of two would count twice.
fn import_views(server: &Server, directory: &std::path::Path, site: &str, views: &[Past]) {
    let line = |(time, who, agent, path): &Past| {
        json!({ "name": "pageview", "url": format!("https://{site}{path}"), "domain": site, "user_agent": agent,
                "ip": format!("126.142.78.{who}"), "timestamp": time })
        .to_string()
    };
    let file = directory.join(format!("{site}.jsonl"));
    std::fs::write(&file, views.iter().map(line).collect::<Vec<_>>().join("\n")).unwrap();
    let imported = footfall()
        .args(["import", "--format", "events", "--site", site, "--url", &server.url()])
        .arg(file)
        .output()
        .unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
}

fn days_ago(days: u64) -> String {
    civil(seconds() / DAY - i64::try_from(days).unwrap())
}

/// Of a day.
const DAY: i64 = 86_400;

/// Seconds since 1970.
fn seconds() -> i64 {
    i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap()
}

/// A day's number since 1970 as a date: by counting, so that it is nobody else's arithmetic.
pub fn civil(mut day: i64) -> String {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while day >= 365 + i64::from(leap(year)) {
        day -= 365 + i64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", day + 1)
}

/// What the page has to show, from the visits alone.
fn expected() -> Value {
    let all: Vec<&Visit> = VISITS.iter().collect();
    let google: Vec<&Visit> = VISITS.iter().filter(|visit| visit.source == "Google").collect();
    let list = |card: &str, tab: &str, of: &dyn Fn(&Visit) -> Vec<String>| json!({ "card": card, "tab": tab, "rows": rows(&all, of) });
    let one = |value: &str| vec![value.to_owned()];
    let on_phone = |visit: &Visit| visit.agent == PHONE;
    json!({
        "site": SITE,
        "other": OTHER,
        "totals": totals(&all),
        "lists": [
            list("sources", "source", &|visit| one(visit.source)),
            list("sources", "channel", &|visit| one(visit.channel)),
            list("sources", "referrer", &|visit| referrer(visit).into_iter().collect()),
            list("pages", "page", &|visit| visit.pages.iter().map(|page| (*page).to_owned()).collect()),
            list("pages", "entry", &|visit| one(visit.pages[0])),
            list("pages", "exit", &|visit| one(visit.pages.last().unwrap())),
            list("pages", "hostname", &|visit| one(visit.host)),
            list("places", "country", &|_| one("Japan")),
            list("campaigns", "campaign", &|visit| visit.campaign.iter().map(|name| (*name).to_owned()).collect()),
            list("devices", "browser", &|visit| one(if on_phone(visit) { "Safari" } else { "Chrome" })),
            list("devices", "browser_version", &|visit| one(if on_phone(visit) { "Safari 18" } else { "Chrome 142" })),
            list("devices", "screen", &|visit| one(screen(visit.width))),
            list("devices", "device", &|visit| one(if on_phone(visit) { "Mobile" } else { "Desktop" })),
            list("campaigns", "utm_source", &|visit| visit.campaign.map(|_| "newsletter".to_owned()).into_iter().collect()),
            list("campaigns", "utm_medium", &|visit| visit.campaign.map(|_| "email".to_owned()).into_iter().collect()),
            list("campaigns", "utm_term", &|visit| visit.words.map(|[term, _]| term.to_owned()).into_iter().collect()),
            list("campaigns", "utm_content", &|visit| visit.words.map(|[_, text]| text.to_owned()).into_iter().collect()),
            list("systems", "os", &|visit| one(if on_phone(visit) { "iOS" } else { "Windows" })),
            list("systems", "os_version", &|visit| one(if on_phone(visit) { "iOS 18.1" } else { "Windows 10" })),
            list("systems", "language", &|visit| one(if visit.language == "ja" { "Japanese" } else { "British English" })),
            list("events", "event", &|visit| visit.event.iter().map(|name| (*name).to_owned()).collect()),
        ],
        "ways": ways("/"),
        "property": [["team", VISITS.iter().filter(|visit| visit.event.is_some()).count()]],
        "took": { "day": days_ago(EARLIER_DAYS), "average": took(STAY * (0..EARLIER).sum::<usize>() / EARLIER) },
        "change": format!("↓ {}%", (EARLIER - VISITS.len()) * 100 / EARLIER),
        "filter": {
            "source": "Google",
            "totals": totals(&google),
            "pages": rows(&google, &|visit| visit.pages.iter().map(|page| (*page).to_owned()).collect()),
        },
        "turned": (VISITS.len() - google.len()).to_string(),
        "before": [days_ago(13), days_ago(7)],
        "week": [days_ago(6), days_ago(0)],
        "pricing": VISITS.iter().filter(|visit| visit.pages.contains(&"/pricing")).count(),
        "ledger": { "Received": 3, "Measured": 1, "Counted only": 1, "Refused": 0, "Bots": 1, "says it is a bot": 1, "Late": 0 },
    })
}

/// What is kept of a referrer: host and path, and of a first page the host alone.
fn referrer(visit: &Visit) -> Option<String> {
    let kept = visit.referrer.strip_prefix("https://www.")?;
    Some(kept.split('?').next().unwrap_or_default().trim_end_matches('/').to_owned())
}

/// What a window of such a width is called.
fn screen(width: u16) -> &'static str {
    match width {
        390 => "Mobile",
        1024 => "Laptop",
        1920 => "Desktop",
        other => panic!("{other} pixels have no name here"),
    }
}

/// Seconds as the page tells them, from a minute on.
fn took(seconds: usize) -> String {
    format!("{}m {:02}s", seconds / 60, seconds % 60)
}

/// The sides of a page, as the page lists them: what was before its views, and what came after.
fn ways(page: &str) -> Value {
    let mut before: BTreeMap<&str, usize> = BTreeMap::new();
    let mut after: BTreeMap<&str, usize> = BTreeMap::new();
    for visit in &VISITS {
        let pages = visit.pages;
        for (at, _) in pages.iter().enumerate().filter(|(_, one)| **one == page) {
            *before.entry(if at == 0 { "" } else { pages[at - 1] }).or_default() += 1;
            *after.entry(pages.get(at + 1).copied().unwrap_or_default()).or_default() += 1;
        }
    }
    let side = |of: BTreeMap<&str, usize>, end: &str| {
        let named = |page: &str| if page.is_empty() { end.to_owned() } else { page.to_owned() };
        of.into_iter().map(|(page, views)| json!([named(page), views])).collect::<Value>()
    };
    json!([side(before, "Entered here"), side(after, "Left from here")])
}

/// The totals as they are written, but how long visits took, which is the machine's affair: each visitor made one visit.
fn totals(visits: &[&Visit]) -> Value {
    let views: usize = visits.iter().map(|visit| visit.pages.len()).sum();
    let bounces = visits.iter().filter(|visit| visit.pages.len() == 1 && visit.event.is_none()).count();
    let tenths = views * 10 / visits.len();
    json!({
        "visitors": visits.len().to_string(),
        "visits": visits.len().to_string(),
        "pageviews": views.to_string(),
        "views_per_visit": format!("{}.{}", tenths / 10, tenths % 10),
        "bounce_rate": format!("{}%", bounces * 100 / visits.len()),
    })
}

/// Distinct visitors by value, most first, equal ones by name.
fn rows(visits: &[&Visit], of: &dyn Fn(&Visit) -> Vec<String>) -> Vec<(String, usize)> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for visit in visits {
        for value in of(visit).into_iter().collect::<BTreeSet<_>>() {
            *counted.entry(value).or_default() += 1;
        }
    }
    let mut rows: Vec<_> = counted.into_iter().collect();
    rows.sort_by(|(_, one), (_, other)| other.cmp(one));
    rows
}

/// Somebody's hit after the definitions: who, with which browser, and a page or an event.
type Later = (u8, &'static str, &'static str);

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";

const LATER: [Later; 11] = [
    (1, AGENT, "/"),
    (1, AGENT, "/cart"),
    (1, AGENT, "Paid"),
    (1, AGENT, "/thanks/1"),
    (2, FIREFOX, "/"),
    (2, FIREFOX, "/cart"),
    (2, FIREFOX, "/cart/old"),
    (3, FIREFOX, "/cart"),
    (3, FIREFOX, "/thanks/2"),
    (4, FIREFOX, "/"),
    (5, AGENT, "/"),
];

/// What is paid each time, in cents.
const PRICE: i64 = 1_990;

#[test]
fn what_is_defined_on_the_page_is_counted_from_then_on_and_shown() {
    let data = tempfile::tempdir().unwrap();
    let config = format!("trusted_proxies = [\"127.0.0.0/8\"]\n[[site]]\ndomain = \"{SITE}\"\ncurrency = \"EUR\"\n");
    let server = Server::configured(data.path(), &config);
    // Before anything is defined, in no number of it.
    come(&server, &[(9, FIREFOX, "/cart")]);
    eventually("the first visitor", || (server.totals(SITE, &["visitors"]) == [1]).then_some(()));
    let looks = |part: &str, given: &str| browser::run("define.mjs", &[&server.url(), TOKEN, part, given]);
    looks("define", SITE);
    // What is defined counts from twenty seconds later on.
    std::thread::sleep(std::time::Duration::from_secs(22));
    come(&server, &LATER);
    eventually("every visitor", || (server.totals(SITE, &["visitors"]) == [6]).then_some(()));
    let visitors = |fits: &dyn Fn(&Later) -> bool| {
        LATER.iter().filter(|hit| fits(hit)).map(|(who, ..)| who).collect::<BTreeSet<_>>().len()
    };
    let is_fox_at_cart = |(_, agent, what): &Later| *agent == FIREFOX && what.contains("/cart");
    let pages = ["/cart", "/cart/old"].map(|page| (page, visitors(&|hit| is_fox_at_cart(hit) && hit.2 == page)));
    let took = |steps: &[&str]| {
        let took = |who: &u8| {
            let mut theirs = LATER.iter().filter(|hit| hit.0 == *who).map(|hit| hit.2);
            steps.iter().all(|step| theirs.any(|what| what == *step))
        };
        (1..=5).filter(took).count()
    };
    let payments = LATER.iter().filter(|hit| hit.2 == "Paid").count();
    let expected = json!({
        "site": SITE,
        // One more than later.
        "visitors": 1 + visitors(&|_| true),
        "goal": [
            ["Bought", visitors(&|(_, _, what)| what.starts_with("/thanks/"))],
            ["Sale", visitors(&|(_, _, what)| *what == "Paid")],
        ],
        "brought": { "Bought": told(0)[0], "Sale": told(PRICE * i64::try_from(payments).unwrap())[0] },
        "segment": [["Foxes at the cart", visitors(&is_fox_at_cart)]],
        "pages": pages,
        "funnel": [took(&["/"]), took(&["/", "/cart"]), took(&["/", "/cart", "Paid"])],
    });
    looks("show", &expected.to_string());
    server.stop();
}

/// Somebody's page views before and after the segment counts: who, with which browser, and the page.
const SHARED_BEFORE: [Later; 3] = [(1, AGENT, "/"), (1, AGENT, "/pricing"), (2, AGENT, "/")];
const SHARED_AFTER: [Later; 4] =
    [(3, FIREFOX, "/"), (3, FIREFOX, "/about"), (4, FIREFOX, "/pricing"), (5, AGENT, "/about")];

#[test]
fn what_is_shared_is_seen_by_its_link_and_nothing_else_is() {
    let data = tempfile::tempdir().unwrap();
    let config = "trusted_proxies = [\"127.0.0.0/8\"]\n";
    std::fs::write(data.path().join("footfall.toml"), config).unwrap();
    let added = footfall().args(["site", "add", SITE, "--data"]).arg(data.path()).output().unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let server = Server::configured(data.path(), config);
    let authorization = format!("Bearer {TOKEN}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let foxes = json!({ "filters": [["is", "visit:browser", ["Firefox"]]] }).to_string();
    let path = format!("/api/sites/{SITE}/segments/Foxes");
    assert_eq!(server.send("PUT", &path, &headers, foxes.as_bytes()).status, 200);
    come(&server, &SHARED_BEFORE);
    // What is defined counts from twenty seconds later on.
    std::thread::sleep(std::time::Duration::from_secs(22));
    come(&server, &SHARED_AFTER);
    eventually("every visitor", || (server.totals(SITE, &["visitors"]) == [5]).then_some(()));
    let all: Vec<Later> = SHARED_BEFORE.iter().chain(&SHARED_AFTER).copied().collect();
    let foxes: Vec<Later> = SHARED_AFTER.iter().filter(|hit| hit.1 == FIREFOX).copied().collect();
    let visitors = |hits: &[Later]| hits.iter().map(|(who, ..)| who).collect::<BTreeSet<_>>().len();
    let pages = |hits: &[Later]| {
        let paths: BTreeSet<_> = hits.iter().map(|(.., path)| *path).collect();
        let of = |path: &&str| hits.iter().filter(|hit| hit.2 == *path).copied().collect::<Vec<_>>();
        paths.iter().map(|path| json!([path, visitors(&of(path))])).collect::<Value>()
    };
    let expected = json!({
        "site": SITE,
        "visitors": visitors(&all),
        "pages": pages(&all),
        "foxes": { "visitors": visitors(&foxes), "pages": pages(&foxes) },
    });
    look(&server, "shared.mjs", &expected);
    server.stop();
    // Neither a password nor a link rests anywhere, also where the links have been followed.
    let kept = read_all(data.path());
    let is_secret = |bytes: &[u8]| {
        let (prefix, rest) = bytes.split_at(3);
        bytes == b"brass umbrel" || (matches!(prefix, b"fs_" | b"fo_") && rest.iter().all(u8::is_ascii_hexdigit))
    };
    assert!(!kept.windows(12).any(is_secret));
    assert!(kept.windows(9).any(|bytes| bytes == b"$argon2id"), "the right files were read");
}

/// Runs a script that looks at the page as whoever has the token, and answers what it saw.
fn look(server: &Server, script: &str, expected: &Value) -> Value {
    browser::run(script, &[&server.url(), TOKEN, &expected.to_string()])
}

/// Lets visitors come one after the other, each with what they do in a row.
fn come(server: &Server, hits: &[Later]) {
    let did = |what: &str| match what.starts_with('/') {
        true => json!({ "view": what }),
        false => json!({ "event": what, "revenue": in_euros(PRICE) }),
    };
    let visits = hits
        .chunk_by(|one, next| one.0 == next.0)
        .map(|theirs| visit(&address(theirs[0].0.into()), theirs[0].1, theirs.iter().map(|hit| did(hit.2)).collect()));
    browser::visits(server, &visits.collect::<Vec<_>>());
}

/// A visitor's address.
fn address(who: usize) -> String {
    format!("126.142.77.{who}")
}

/// Somebody's visit, by what is done in it.
fn visit(address: &str, agent: &str, does: Vec<Value>) -> Value {
    json!({ "address": address, "agent": agent, "site": SITE, "does": does })
}

/// A server of two sites behind a proxy, which says where visitors are.
fn two_sites(data: &std::path::Path) -> Server {
    let sites = [SITE, OTHER].map(|site| format!("[[site]]\ndomain = \"{site}\"\n")).concat();
    Server::configured(data, &format!("trusted_proxies = [\"127.0.0.0/8\"]\n{sites}"))
}

/// An amount as it is sent.
fn in_euros(cents: i64) -> Value {
    json!({ "currency": "EUR", "amount": format!("{}.{:02}", cents / 100, cents % 100) })
}

/// An amount as the page tells it: short, and in full.
fn told(cents: i64) -> [String; 2] {
    let units = |n: i64| if n < 1_000 { n.to_string() } else { format!("{},{:03}", n / 1_000, n % 1_000) };
    let full = format!("€{}.{:02}", units(cents / 100), cents % 100);
    let short = if cents < 100_000 { full.clone() } else { format!("€{}", units((cents + 50) / 100)) };
    [short, full]
}

/// More pages than a page of the list in full has rows.
const GUIDES: i64 = 60;

/// What visitors paid, in cents.
const ORDERS: [i64; 3] = [120_000, 3_450, 6];

#[test]
fn a_list_in_full_and_what_was_earned_are_what_was_sent() {
    let data = tempfile::tempdir().unwrap();
    let config = format!("trusted_proxies = [\"127.0.0.0/8\"]\n[[site]]\ndomain = \"{SITE}\"\ncurrency = \"EUR\"\n");
    let server = Server::configured(data.path(), &config);
    // One visitor reads all of them, some again and again, and another one every other; both without loading a page anew.
    let read = [|number: i64| 1 + number % 5, |number: i64| number % 2];
    let path = |number: i64| format!("/guide/{number:02}");
    let mut visits: Vec<Value> = read
        .iter()
        .zip(1..)
        .map(|(times, who)| {
            let again = (0..5).flat_map(|time| (1..=GUIDES).filter(move |number| times(*number) > time));
            let moves = again.map(|number| json!({ "move": path(number) }));
            visit(&address(who), AGENT, [json!({ "view": "/guide" })].into_iter().chain(moves).collect())
        })
        .collect();
    let mut pages: Vec<_> = (1..=GUIDES)
        .map(|number| (path(number), 1 + read[1](number), read.iter().map(|times| times(number)).sum::<i64>()))
        .collect();
    pages.push(("/guide".to_owned(), 2, 2));
    let paid = ORDERS.into_iter().map(in_euros).chain([json!({ "currency": "USD", "amount": "7.00" })]);
    for (number, revenue) in paid.enumerate() {
        let mut does = vec![json!({ "view": "/shop" }), json!({ "event": "Order", "revenue": revenue })];
        does.extend((number == 0).then(|| json!({ "event": "Look" })));
        visits.push(visit(&address(10 + number), AGENT, does));
    }
    browser::visits(&server, &visits);
    let (buyers, earned) = (4, ORDERS.iter().sum::<i64>());
    pages.push(("/shop".to_owned(), buyers, buyers));
    let views: i64 = pages.iter().map(|(.., views)| views).sum();
    eventually("every hit counted", || {
        (server.totals(SITE, &["visitors", "events"]) == [2 + buyers, views + buyers + 1]).then_some(())
    });
    let expected = json!({
        "site": SITE,
        "pages": pages,
        "search": "/guide/1",
        "events": [["Order", buyers], ["Look", 1]],
        "revenue": {
            "sum": told(earned),
            "none": told(0),
            // The average is of all orders, also of one that was paid in another currency.
            "exported": [earned as f64 / 100.0, (earned / buyers) as f64 / 100.0],
        },
    });
    look(&server, "details.mjs", &expected);
    look(&server, "dark.mjs", &json!({ "site": SITE, "page": "/shop" }));
    server.stop();
}

#[test]
fn a_card_that_fails_says_so_and_so_do_days_without_a_visit() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[SITE, OTHER]);
    come(&server, &[(15, AGENT, "/")]);
    eventually("the visitor counted", || (server.totals(SITE, &["visitors"]) == [1]).then_some(()));
    let lists = json!({
        "sources": [["Direct / None", 1]],
        "pages": [["/", 1]],
        "devices": [["Chrome", 1]],
        "systems": [["Windows", 1]],
    });
    look(&server, "edges.mjs", &json!({ "site": SITE, "other": OTHER, "lists": lists }));
    server.stop();
}

/// Visitors of twelve days, the last one first, of five of these a year before, the first one first, and of today.
const DAYS: [usize; 12] = [3, 1, 4, 2, 5, 6, 2, 8, 3, 7, 1, 9];
const YEAR_BEFORE: [usize; 5] = [2, 6, 4, 1, 3];
const TODAY: [Later; 2] = [(1, AGENT, "/"), (2, AGENT, "/")];

#[test]
fn the_graph_tells_what_is_not_over_and_what_other_days_had() {
    let data = tempfile::tempdir().unwrap();
    let config = format!("trusted_proxies = [\"127.0.0.0/8\"]\n[[site]]\ndomain = \"{SITE}\"\n");
    let server = Server::configured(data.path(), &config);
    // The last one of five days of a month that are in every year.
    let fits = |last: &u64| {
        let [from, to] = [last + 4, *last].map(days_ago);
        from[..7] == to[..7] && &to[8..] <= "28"
    };
    let last = (1..).find(fits).unwrap();
    let days = |from: u64, to: u64| (to..=from).rev().map(|ago| days_ago(last + ago)).collect::<Vec<_>>();
    let now = days(4, 0);
    let year_before: Vec<String> =
        now.iter().map(|day| format!("{}{}", day[..4].parse::<u32>().unwrap() - 1, &day[4..])).collect();
    let mut counted = vec![(days_ago(430), 1)];
    counted.extend(days(11, 0).into_iter().rev().zip(DAYS));
    counted.extend(year_before.iter().cloned().zip(YEAR_BEFORE));
    import(&server, data.path(), &counted);
    come(&server, &TODAY);
    let on = |date: &String| counted.iter().filter(|(day, _)| day == date).map(|(_, visitors)| visitors).sum::<usize>();
    let all = counted.iter().map(|(_, visitors)| visitors).sum::<usize>() + TODAY.len();
    eventually("every visitor counted", || {
        (server.totals(SITE, &["visitors"]) == [i64::try_from(all).unwrap()]).then_some(())
    });
    let before = |compare: &str, name: &str, dates: Vec<String>| {
        let visitors: Vec<usize> = dates.iter().map(on).collect();
        json!({ "compare": compare, "name": name, "against": [dates.first(), dates.last()], "counts": visitors })
    };
    let week: Vec<usize> = (1..7).rev().map(|ago| on(&days_ago(ago))).chain([TODAY.len()]).collect();
    let expected = json!({
        "site": SITE,
        "week": week,
        "dates": [now.first(), now.last()],
        "counts": now.iter().map(on).collect::<Vec<_>>(),
        "before": [
            before("previous", "the period before", days(9, 5)),
            before("weekday", "the same weekdays before", days(11, 7)),
            before("year", "a year ago", year_before),
            before("custom", "3 days", days(11, 9)),
        ],
    });
    look(&server, "graph.mjs", &expected);
    server.stop();
}

/// Addresses, and where a database made for tests has them: country, region and city, as far as it knows.
const PLACES: [(&str, [&str; 3]); 7] = [
    ("81.2.69.142", ["United Kingdom", "England, GB", "London, GB"]),
    ("81.2.69.160", ["United Kingdom", "England, GB", "London, GB"]),
    ("2.125.160.216", ["United Kingdom", "England, GB", "Boxford, GB"]),
    ("89.160.20.112", ["Sweden", "Östergötland County, SE", "Linköping, SE"]),
    ("216.160.83.56", ["United States", "Washington, US", "Milton, US"]),
    ("67.43.156.1", ["Bhutan", "", ""]),
    ("192.0.2.1", ["", "", ""]),
];

#[test]
fn regions_and_cities_are_told_where_a_database_has_them() {
    let Some(database) = fixture("geo/GeoIP2-City-Test.mmdb") else { return };
    let data = tempfile::tempdir().unwrap();
    let config =
        format!("trusted_proxies = [\"127.0.0.0/8\"]\ngeo_database = {database:?}\n[[site]]\ndomain = \"{SITE}\"\n");
    let server = Server::configured(data.path(), &config);
    let visits = PLACES.map(|(address, _)| visit(address, AGENT, vec![json!({ "view": "/" })]));
    browser::visits(&server, &visits);
    let all = i64::try_from(PLACES.len()).unwrap();
    eventually("every visitor counted", || (server.totals(SITE, &["visitors"]) == [all]).then_some(()));
    let of = |level: usize| {
        let mut visitors: BTreeMap<&str, usize> = BTreeMap::new();
        PLACES.iter().map(|(_, place)| place[level]).for_each(|name| *visitors.entry(name).or_default() += 1);
        visitors.remove("");
        visitors.into_iter().collect::<Vec<_>>()
    };
    let (countries, regions, cities) = (of(0), of(1), of(2));
    let expected = json!({
        "site": SITE,
        "visitors": all,
        "city": cities.iter().find(|(city, _)| *city == "London, GB"),
        "lists": { "country": countries, "region": regions, "city": cities },
        // Boxford is too small for the map, and Miltons are many.
        "region": ["GB-ENG", "England, GB"],
        "placed": { "region": ["GB-ENG", "SE-E", "US-WA"], "city": ["Linköping, SE", "London, GB"] },
    });
    look(&server, "places.mjs", &expected);
    server.stop();
}

/// A visitor: from which address, by which link, the pages one after the other, and where that is and what it is called.
struct Reader {
    address: &'static str,
    referrer: &'static str,
    pages: &'static [&'static str],
    country: &'static str,
    source: &'static str,
}

impl Reader {
    /// The visit to a site.
    fn on(&self, site: &str) -> Value {
        let does: Vec<_> = self.pages.iter().map(|page| json!({ "view": page })).collect();
        json!({ "address": self.address, "agent": AGENT, "site": site, "referrer": self.referrer, "does": does })
    }
}

const READERS: [Reader; 5] = [
    Reader {
        address: "126.142.77.15",
        referrer: "https://www.google.com/",
        pages: &["/", "/docs/start", "/docs/api", "/docs/start"],
        country: "Japan",
        source: "Google",
    },
    Reader {
        address: "126.142.77.16",
        referrer: "",
        pages: &["/docs/start"],
        country: "Japan",
        source: "Direct / None",
    },
    Reader {
        address: "126.142.77.17",
        referrer: "https://news.ycombinator.com/",
        pages: &["/", "/pricing"],
        country: "Japan",
        source: "Hacker News",
    },
    Reader {
        address: "81.2.69.142",
        referrer: "https://www.google.com/",
        pages: &["/pricing", "/docs/api", "/docs/start"],
        country: "United Kingdom",
        source: "Google",
    },
    Reader {
        address: "81.2.69.143",
        referrer: "",
        pages: &["/", "/blog", "/"],
        country: "United Kingdom",
        source: "Direct / None",
    },
];

#[test]
fn a_filter_is_made_changed_and_taken_off_on_the_page_and_keeps_the_hits_that_fit() {
    let data = tempfile::tempdir().unwrap();
    let server = two_sites(data.path());
    let elsewhere = Reader { pages: &["/"], ..READERS[0] };
    let read = READERS.iter().map(|reader| reader.on(SITE)).chain([elsewhere.on(OTHER)]);
    browser::visits(&server, &read.collect::<Vec<_>>());
    let all = kept(&|_, _| true);
    let of = |name: &str| all[name].as_i64().unwrap();
    eventually("every page view counted", || {
        let counted = server.totals(SITE, &["visitors", "pageviews"]) == [of("visitors"), of("views")];
        (counted && server.totals(OTHER, &["pageviews"]) == [1]).then_some(())
    });
    let pages = |values: &[&str]| {
        let mut told = told_by_page(kept(&|_, page| values.contains(&page)));
        told["values"] = json!(values);
        told
    };
    let mut contains = told_by_page(kept(&|_, page| page.contains("/docs")));
    contains["text"] = json!("/docs");
    let mut country = kept(&|reader, _| reader.country == "United Kingdom");
    (country["name"], country["code"]) = (json!("United Kingdom"), json!("GB"));
    let mut source = kept(&|reader, _| reader.source == "Google");
    (source["name"], source["typed"], source["offered"]) = (json!("Google"), json!("goo"), json!(sources()));
    // The most visitors, fewer, and none.
    let map = [("JP", "Japan"), ("GB", "United Kingdom"), ("FR", "France")].map(|(code, name)| {
        let from_there = READERS.iter().filter(|reader| reader.country == name).count();
        (code, format!("{name}: {from_there}"))
    });
    let mut sums = all.clone();
    // Each visitor made one visit, and whoever was on both sites is one on each.
    sums["all"] = json!({
        "visitors": of("visitors") + 1, "visits": of("visitors") + 1, "pageviews": of("views") + 1,
    });
    let expected = json!({
        "site": SITE,
        "contains": contains,
        "two": pages(&["/", "/pricing"]),
        "changed": pages(&["/pricing", "/blog"]),
        "country": country,
        "map": map,
        "source": source,
        "sums": sums,
    });
    look(&server, "filter.mjs", &expected);
    server.stop();
}

/// The page views that fit: how many, of how many visitors, and each page with its visitors and page views.
fn kept(fits: &dyn Fn(&Reader, &str) -> bool) -> Value {
    let mut pages: BTreeMap<&str, (BTreeSet<&str>, usize)> = BTreeMap::new();
    for reader in &READERS {
        for page in reader.pages.iter().filter(|page| fits(reader, page)) {
            let (visitors, views) = pages.entry(page).or_default();
            visitors.insert(reader.address);
            *views += 1;
        }
    }
    let visitors: BTreeSet<_> = pages.values().flat_map(|(visitors, _)| visitors).collect();
    let views: usize = pages.values().map(|(_, views)| views).sum();
    let rows: Vec<_> = pages.iter().map(|(page, (visitors, views))| json!([page, visitors.len(), views])).collect();
    json!({ "visitors": visitors.len(), "views": views, "rows": rows })
}

/// What is told of a filter by pages: visitors of several pages do not add up.
fn told_by_page(mut kept: Value) -> Value {
    kept.as_object_mut().unwrap().remove("visitors");
    kept
}

/// The sources by visitors, most first, equal ones by name.
fn sources() -> Vec<&'static str> {
    let mut visitors: BTreeMap<&str, usize> = BTreeMap::new();
    READERS.iter().for_each(|reader| *visitors.entry(reader.source).or_default() += 1);
    let mut sources: Vec<_> = visitors.into_iter().collect();
    sources.sort_by(|(_, one), (_, other)| other.cmp(one));
    sources.into_iter().map(|(source, _)| source).collect()
}

#[test]
fn the_live_view_tells_who_is_there_and_what_the_hour_has_seen() {
    let data = tempfile::tempdir().unwrap();
    let tens = "tens.example";
    let site = |site: &str| format!("[[site]]\ndomain = \"{site}\"\n");
    let sites = [site(SITE), site(OTHER), site(tens), "mode = \"exempt\"\n".to_owned()].concat();
    let server = Server::configured(data.path(), &format!("trusted_proxies = [\"127.0.0.0/8\"]\n{sites}"));
    // Everything is sent within one hour, and so on one day.
    let left = 3_600 - seconds() % 3_600;
    if left < 120 {
        std::thread::sleep(std::time::Duration::from_secs(u64::try_from(left).unwrap() + 1));
    }
    let begun = seconds();
    let one = Reader { pages: &["/"], ..READERS[0] };
    let visits = READERS.iter().map(|reader| reader.on(SITE)).chain([one.on(tens)]);
    browser::visits(&server, &visits.collect::<Vec<_>>());
    let sent = [begun, seconds()].map(|at| at * 1_000);
    let (visitors, views) = (READERS.len(), READERS.iter().map(|reader| reader.pages.len()).sum::<usize>());
    eventually("every page view counted", || {
        let all = [visitors, views].map(|count| i64::try_from(count).unwrap());
        (server.totals(SITE, &["visitors", "pageviews"]) == all).then_some(())
    });
    let expected = json!({
        "site": SITE,
        "other": OTHER,
        "tens": tens,
        "sent": sent,
        "visitors": visitors,
        "hour": {
            "pages": views_by(&|_, page| page),
            "sources": views_by(&|reader, _| reader.source),
            "countries": views_by(&|reader, _| reader.country),
        },
    });
    look(&server, "live.mjs", &expected);
    server.stop();
}

/// The readers' page views by what they have in common.
fn views_by(of: &dyn Fn(&'static Reader, &'static str) -> &'static str) -> Vec<(&'static str, usize)> {
    let mut views: BTreeMap<&str, usize> = BTreeMap::new();
    for reader in &READERS {
        reader.pages.iter().for_each(|page| *views.entry(of(reader, page)).or_default() += 1);
    }
    views.into_iter().collect()
}

/// Visitors of a day who viewed a page at the same minutes: how many days before the last one, who, and when.
type Came = (i64, &'static [usize], &'static [i64]);

const CAME: [Came; 24] = [
    // The last five days: some come twice a day, stay past the hour, and are there when a day begins and ends.
    (0, &[1], &[545, 550, 570]),
    (0, &[2], &[545]),
    (0, &[3], &[590, 610, 840]),
    (1, &[1], &[0, 10]),
    (1, &[4], &[1_430, 1_439]),
    (3, &[1], &[600, 603, 606, 609, 612]),
    (3, &[2], &[700, 705, 710, 720]),
    // The five days before.
    (5, &[1], &[60]),
    (5, &[2], &[480, 484]),
    (7, &[5], &[720, 726]),
    (9, &[1], &[1_000]),
    // The weeks before, back to the first day of the range.
    (12, &[1, 2], &[700]),
    (17, &[1, 2, 3], &[700, 701]),
    (18, &[2, 3], &[700]),
    (24, &[1], &[700, 800, 900]),
    (26, &[4, 5, 6, 7], &[3]),
    (31, &[1, 2, 3, 4, 5, 6], &[1_000, 1_005]),
    (33, &[9], &[1_200]),
    (38, &[1, 2], &[1_201]),
    (44, &[3, 4, 5], &[90]),
    (45, &[1, 2, 3, 4], &[0, 1]),
    // The days around it.
    (-1, &[1, 2, 3], &[0]),
    (46, &[1, 2, 3, 4, 5], &[1_439]),
    (96, &[1], &[700]),
];

/// From the first day of the range to its last.
const CAME_DAYS: i64 = 45;

/// A page view: on which day since 1970, at which minute of it, and whose.
type View = (i64, i64, usize);

#[test]
fn the_graph_by_hour_week_and_month_and_all_changes_are_those_of_what_was_viewed() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[SITE]);
    let now = seconds();
    let today = now / DAY;
    // Days that begin and end within a week and a month, which are over.
    let (week, month) = (|day: i64| (day + 3) / 7, |day: i64| civil(day)[..7].to_owned());
    let together = |one: i64, other: i64| week(one) == week(other) && month(one) == month(other);
    let fits = |last: &i64| {
        let first = last - CAME_DAYS;
        let cut = together(first - 1, first) && together(*last, last + 1);
        cut && week(*last) != week(today) && month(*last) != month(today)
    };
    let last = (1..).map(|ago| today - ago).find(fits).unwrap();
    let mut views = vec![(today - 1, 600, 1)];
    for (ago, visitors, minutes) in CAME {
        views.extend(visitors.iter().flat_map(|who| minutes.iter().map(move |minute| (last - ago, *minute, *who))));
    }
    views.sort_unstable();
    let imported: Vec<Past> =
        views.iter().map(|(day, minute, who)| (time(*day, *minute), *who, AGENT, "/".into())).collect();
    import_views(&server, data.path(), SITE, &imported);
    let all = i64::try_from(views.len()).unwrap();
    eventually("every page view counted", || (server.totals(SITE, &["pageviews"]) == [all]).then_some(()));
    let range = |by: &str, [first, last]: [i64; 2]| {
        let dates = [first, last].map(civil);
        json!({ "by": by, "dates": dates, "buckets": buckets(&views, by, first..=last) })
    };
    let mut hours = range("hour", [today - 1, today]);
    let begun = 24 + usize::try_from(now % DAY / 3_600).unwrap() + 1;
    hours["buckets"].as_array_mut().unwrap().truncate(begun);
    let days = [last - CAME_DAYS, last];
    let expected = json!({
        "site": SITE,
        "now": now * 1_000,
        "over": [range("hour", [last - 1, last]), range("week", days), range("month", days)],
        "days": range("day", days),
        "two": range("day", [last - 1, last]),
        "open": [hours, range("week", [today - 20, today]), range("month", [today - 40, today])],
    });
    look(&server, "intervals.mjs", &expected);
    let (these, before) = (totals_of(&views, last - 4..=last), totals_of(&views, last - 9..=last - 5));
    let told = |totals: &[(&str, f64, String)], [first, last]: [i64; 2]| {
        let values: BTreeMap<_, _> = totals.iter().map(|(name, _, told)| (*name, told.clone())).collect();
        json!({ "dates": [civil(first), civil(last)], "totals": values })
    };
    let expected = json!({
        "site": SITE,
        "now": told(&these, [last - 4, last]),
        "before": told(&before, [last - 9, last - 5]),
        "changes": {
            "grown": changes(&these, &before), "shrunk": changes(&before, &these), "same": changes(&these, &these),
        },
    });
    look(&server, "changes.mjs", &expected);
    server.stop();
}

/// A minute of a day as it is sent.
fn time(day: i64, minute: i64) -> String {
    format!("{}T{:02}:{:02}:00Z", civil(day), minute / 60, minute % 60)
}

/// What the graph shows of days: each hour, day, week or month as it is written and as it is called, with its visitors and page views. Only
/// what is of these days is in a week or month, and where that is not all of it, the first and the last of them is told; a visitor is known for
/// one day, and in each of its hours.
fn buckets(views: &[View], by: &str, days: std::ops::RangeInclusive<i64>) -> Vec<Bucket> {
    // The first of January 1970 was a Thursday.
    let begins = |day: i64| match by {
        "week" => day % 7 == 4,
        "month" => civil(day).ends_with("-01"),
        _ => true,
    };
    let mut buckets: Vec<Bucket> = Vec::new();
    for day in days.clone() {
        // Of hours, one after the other; of all else, the day as a whole.
        let parts = if by == "hour" {
            (0..24).map(|hour| hour * 60..(hour + 1) * 60).collect::<Vec<_>>()
        } else {
            std::iter::once(0..1_440).collect()
        };
        for minutes in parts {
            let (date, hour) = (civil(day), minutes.start / 60);
            if begins(day) || day == *days.start() {
                let (written, called) = match by {
                    "hour" => {
                        (format!("{date} {hour:02}:00:00"), format!("{}, {hour:02}:00–{hour:02}:59", day_name(day)))
                    }
                    "day" => (date, day_name(day)),
                    "week" => (date, format!("Week of {}", day_name(day))),
                    _ => (format!("{}-01", &date[..7]), format!("{} {}", month_name(&date), &date[..4])),
                };
                let last = (day..*days.end()).find(|last| begins(last + 1)).unwrap_or(*days.end());
                let is_whole = begins(day) && begins(last + 1);
                buckets.push((written, called, 0, 0, (!is_whole).then(|| [day, last].map(civil))));
            }
            let of_part = views.iter().filter(|(on, minute, _)| *on == day && minutes.contains(minute));
            let bucket = buckets.last_mut().unwrap();
            bucket.2 += of_part.clone().map(|(.., who)| who).collect::<BTreeSet<_>>().len();
            bucket.3 += of_part.count();
        }
    }
    buckets
}

/// As it is written and called, visitors, page views, and which days of a week or month it holds if not all.
type Bucket = (String, String, usize, usize, Option<[String; 2]>);

/// A day as the page calls it.
fn day_name(day: i64) -> String {
    let date = civil(day);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][usize::try_from(day % 7).unwrap()];
    format!("{weekday}, {} {}", month_name(&date), date[8..].trim_start_matches('0'))
}

/// A date's month as the page calls it.
fn month_name(date: &str) -> &'static str {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    MONTHS[date[5..7].parse::<usize>().unwrap() - 1]
}

/// The totals of days: what each is called in an address, how much it is, and how it is told. Half an hour after a view its visit is over.
fn totals_of(views: &[View], days: std::ops::RangeInclusive<i64>) -> Vec<(&'static str, f64, String)> {
    let mut visits: BTreeMap<(i64, usize), Vec<Vec<i64>>> = BTreeMap::new();
    for (day, minute, who) in views.iter().filter(|(day, ..)| days.contains(day)) {
        let theirs = visits.entry((*day, *who)).or_default();
        match theirs.last_mut() {
            Some(visit) if minute - visit.last().unwrap() <= 30 => visit.push(*minute),
            _ => theirs.push(vec![*minute]),
        }
    }
    let visitors = visits.len();
    let visits: Vec<Vec<i64>> = visits.into_values().flatten().collect();
    let views: usize = visits.iter().map(Vec::len).sum();
    let bounces = visits.iter().filter(|visit| visit.len() == 1).count();
    let stayed: i64 = visits.iter().map(|visit| (visit.last().unwrap() - visit[0]) * 60).sum();
    let all = visits.len();
    let average = usize::try_from(stayed).unwrap() / all;
    let count = |count: usize| (count as f64, count.to_string());
    let (tenths, percent) = (views * 10 / all, bounces * 100 / all);
    let totals = [
        ("visitors", count(visitors)),
        ("visits", count(all)),
        ("pageviews", count(views)),
        ("views_per_visit", (views as f64 / all as f64, format!("{}.{}", tenths / 10, tenths % 10))),
        ("bounce_rate", (percent as f64, format!("{percent}%"))),
        ("visit_duration", (average as f64, took(average))),
    ];
    totals.into_iter().map(|(name, (value, told))| (name, value, told)).collect()
}

/// How totals changed, as it is told, and what the page makes of it: a bounce rate is compared in points, and lower is better.
fn changes(now: &[(&'static str, f64, String)], before: &[(&str, f64, String)]) -> Value {
    let change = |((name, now, _), (_, before, _)): (&(&'static str, f64, String), &(&str, f64, String))| {
        let is_rate = *name == "bounce_rate";
        let by = if is_rate { now - before } else { (now - before) / before * 100.0 };
        let told = if by.abs() < 0.5 {
            ["unchanged".to_owned(), "change none".to_owned()]
        } else {
            let (arrow, unit) = (if by > 0.0 { "↑" } else { "↓" }, if is_rate { " pt" } else { "%" });
            let look = if (by > 0.0) == is_rate { "worse" } else { "better" };
            [format!("{arrow} {:.0}{unit}", by.abs()), format!("change {look}")]
        };
        (*name, told)
    };
    json!(now.iter().zip(before).map(change).collect::<BTreeMap<_, _>>())
}

/// More pages than one answer tells, and how many it tells.
const PAGES: usize = 10_013;
const ANSWER_ROWS: usize = 10_000;

/// Of one visitor; of a few more than 500 no visitor's are told apart.
const PAGES_PER_VISITOR: usize = 400;

#[test]
fn a_list_of_several_answers_is_one_file_or_none() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[SITE]);
    let dates = [days_ago(9), days_ago(8)];
    let viewed = |date: &str, number: usize| {
        let (who, second) = (number / PAGES_PER_VISITOR, number % PAGES_PER_VISITOR);
        (format!("{date}T10:{:02}:{:02}Z", second / 60, second % 60), who, AGENT, format!("/p/{number:05}"))
    };
    // Every seventh page is viewed on the other day, too.
    let again = (0..PAGES).step_by(7).map(|number| viewed(&dates[1], number));
    let views: Vec<Past> = (0..PAGES).map(|number| viewed(&dates[0], number)).chain(again).collect();
    import_views(&server, data.path(), SITE, &views);
    let all = i64::try_from(views.len()).unwrap();
    eventually("every page view counted", || (server.totals(SITE, &["pageviews"]) == [all]).then_some(()));
    let expected = json!({ "site": SITE, "dates": dates, "pages": PAGES, "answer": ANSWER_ROWS });
    let told = look(&server, "export.mjs", &expected);
    let mut pages: BTreeMap<&str, usize> = BTreeMap::new();
    views.iter().for_each(|(.., path)| *pages.entry(path).or_default() += 1);
    let rows = told["pages"].as_array().unwrap().iter();
    let found: BTreeSet<_> = rows.clone().map(|row| (row[0].as_str().unwrap(), row[1].as_u64().unwrap())).collect();
    let sent = pages.into_iter().map(|(page, views)| (page, u64::try_from(views).unwrap())).collect();
    assert_eq!((rows.len(), found), (PAGES, sent));
    server.stop();
}

/// Visitors of four days of a site that tells tens, one after the other: what is told of all is not the sum of what is told of each.
const TOLD_IN_TENS: [usize; 4] = [34, 14, 9, 0];

/// Who of the first day also viewed a second page, twenty minutes later, and a third one, after twenty more.
const FURTHER: [(&str, usize); 2] = [("/pricing", 13), ("/about", 7)];

/// What fewer visitors than these had in common stands together when its day is closed.
const TOGETHER_BELOW: usize = 5;

/// How many came to a page how and with which browser.
const ALIKE: [(usize, &str, &str); 3] = [(6, AGENT, "/"), (2, AGENT, "/?utm_source=newsletter"), (2, FIREFOX, "/")];

#[test]
fn tens_and_what_is_folded_are_told_to_be_that() {
    let data = tempfile::tempdir().unwrap();
    let config = format!(
        "[[site]]\ndomain = \"{SITE}\"\nmode = \"exempt\"\n[[site]]\ndomain = \"{OTHER}\"\nvisitors_min = {TOGETHER_BELOW}\n"
    );
    let server = Server::configured(data.path(), &config);
    let first = seconds() / DAY - 20;
    let days = [first, first + 1, first + 2, first + 3];
    let mut views: Vec<Past> = Vec::new();
    for (day, visitors) in days.into_iter().zip(TOLD_IN_TENS) {
        views.extend((0..visitors).map(|who| (time(day, 600), who, AGENT, "/".to_owned())));
    }
    for (minute, (path, visitors)) in [620, 640].into_iter().zip(FURTHER) {
        views.extend((0..visitors).map(|who| (time(first, minute), who, AGENT, path.to_owned())));
    }
    import_views(&server, data.path(), SITE, &views);
    let visits: usize = TOLD_IN_TENS.iter().sum();
    let further = FURTHER.map(|(_, visitors)| visitors);
    let stayed: usize = further.iter().map(|visitors| visitors * 20 * 60).sum();
    // What is made of counts is made of them as they are told.
    let [told_visits, told_views, told_bounces] = [visits, views.len(), visits - further[0]].map(nearest_ten);
    let rows = [("/", visits)].into_iter().chain(FURTHER);
    let tens_told = json!({
        "site": SITE,
        "days": days.map(civil),
        "totals": {
            "visitors": tens(visits),
            "visits": tens(visits),
            "pageviews": tens(views.len()),
            "views_per_visit": format!("{:.2}", told_views as f64 / told_visits as f64),
            "bounce_rate": format!("{:.0}%", told_bounces as f64 * 100.0 / told_visits as f64),
            "visit_duration": took(stayed / visits),
        },
        "visitors": TOLD_IN_TENS.map(tens),
        "pages": rows.map(|(page, count)| [page.to_owned(), tens(count), tens(count)]).collect::<Vec<_>>(),
        "changes": [
            [civil(days[1]), format!("↓ {:.0}%", 100.0 - nearest_ten(TOLD_IN_TENS[1]) as f64 * 100.0 / nearest_ten(TOLD_IN_TENS[0]) as f64)],
            // Fewer than ten are no number to be compared in percent.
            [civil(days[2]), format!("the period before {}", tens(TOLD_IN_TENS[1]))],
        ],
    });
    let views: Vec<Past> = ALIKE
        .into_iter()
        .flat_map(|(count, agent, path)| vec![(agent, path); count])
        .enumerate()
        .map(|(who, (agent, path))| (time(first, 600), who, agent, path.to_owned()))
        .collect();
    import_views(&server, data.path(), OTHER, &views);
    let of = |fits: &dyn Fn(&str, &str) -> bool| {
        ALIKE.iter().filter(|(_, agent, path)| fits(agent, path)).map(|(count, ..)| count).sum::<usize>()
    };
    let direct = of(&|_, path| path == "/");
    let folded = json!({
        "site": OTHER,
        "day": civil(first),
        "below": TOGETHER_BELOW,
        "versions": [["Chrome 142", of(&|agent, _| agent == AGENT)], ["Other, too few to show", of(&|agent, _| agent == FIREFOX)]],
        "values": ["Chrome 142", "(other)"],
        // A source alone stays, and not beside a page.
        "sources": [["Direct / None", direct], ["newsletter", of(&|_, path| path != "/")]],
        "filtered": [["Direct / None", direct]],
    });
    eventually("the day is closed", || {
        let versions = server.breakdown(OTHER, "visit:browser_version", &["visitors"]);
        let sources = server.query(&json!({
            "site_id": OTHER, "metrics": ["visitors"], "date_range": "all", "dimensions": ["visit:source"],
            "filters": [["is", "event:page", ["/"]]],
        }));
        let is_folded = versions.iter().any(|(version, _)| version == "(other)");
        (is_folded && sources["results"].as_array().unwrap().len() == 1).then_some(())
    });
    look(&server, "honesty.mjs", &json!({ "tens": tens_told, "folded": folded }));
    server.stop();
}

/// What a count is told as that is not told as fewer than ten.
fn nearest_ten(count: usize) -> usize {
    (count + 5) / 10 * 10
}

/// A count as a site tells it that tells tens.
fn tens(count: usize) -> String {
    if (1..10).contains(&count) { "<10".to_owned() } else { nearest_ten(count).to_string() }
}

/// Markup that says so when it runs.
const IMAGE: &str = "<img src=x onerror=window.pwned=1>";
const SCRIPT: &str = "<script>window.pwned=1</script>";

#[test]
fn what_strangers_wrote_is_shown_on_the_page_as_it_is_and_does_not_run() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[SITE]);
    let property = "<b>plan</b>";
    // As browsers write it in an address.
    let encoded = |text: &str| text.replace('<', "%3C").replace('>', "%3E").replace(' ', "%20");
    let campaign = format!("utm_source={}", encoded(IMAGE).replace('=', "%3D"));
    let referrer = format!("https://evil.example/{SCRIPT}");
    let url = format!("https://{SITE}/{IMAGE}");
    let hits = json!([
        // A path alone is kept as it was sent.
        { "name": "pageview", "url": format!("/{IMAGE}?{campaign}"), "domain": SITE, "referrer": referrer },
        { "name": "pageview", "url": url, "domain": SITE },
        { "name": IMAGE, "url": url, "domain": SITE, "props": { property: SCRIPT } },
    ]);
    let expected = json!({
        "site": SITE,
        "hits": hits,
        "pages": [format!("/{IMAGE}"), format!("/{}", encoded(IMAGE))],
        "source": IMAGE,
        "referrer": format!("evil.example/{}", encoded(SCRIPT)),
        "event": IMAGE,
        "property": property,
        "value": SCRIPT,
    });
    look(&server, "strangers.mjs", &expected);
    server.stop();
}

/// Bytes on the wire. No more than 120 kB are asked for; it is less, and stays so.
const FIRST_LOAD_MAX: u64 = 90_000;

#[test]
fn whoever_is_signed_in_loads_the_report_with_all_scripts_styles_and_fonts_in_at_most_90_kb() {
    let data = tempfile::tempdir().unwrap();
    let config = format!("trusted_proxies = [\"127.0.0.0/8\"]\n[[site]]\ndomain = \"{SITE}\"\n");
    let server = Server::configured(data.path(), &config);
    come(&server, &[(15, AGENT, "/")]);
    eventually("a country for the map", || (server.totals(SITE, &["visitors"]) == [1]).then_some(()));
    let loaded = browser::run("weight.mjs", &[&server.url(), TOKEN, SITE]);
    server.stop();
    let files = loaded.as_object().unwrap();
    let ends_with = |ending: &str| files.keys().any(|path| path.ends_with(ending));
    assert!(files.contains_key("/") && ends_with(".js") && ends_with(".css"), "something was weighed: {loaded}");
    let all: u64 = files.values().map(|bytes| bytes.as_u64().unwrap()).sum();
    assert!(all <= FIRST_LOAD_MAX, "{all} bytes: {loaded}");
    eprintln!("first load of the report: {all} bytes, compressed, headers included");
}
