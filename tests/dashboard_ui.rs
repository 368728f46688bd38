//! The web page in Chromium over a server with hits of the test's own: each report's numbers against what is worked out
//! here, then filters, comparison, languages, themes, keyboard, axe-core, what strangers wrote, and the weight of the first load; and
//! accounts, from the first one to the last sign-out. What single parts of the page have to show stands in the modules.

mod definitions;
mod filters;
mod graph;
mod lists;
mod told;

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

/// A minute of a day as it is sent.
fn time(day: i64, minute: i64) -> String {
    format!("{}T{:02}:{:02}:00Z", civil(day), minute / 60, minute % 60)
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

/// Somebody's hit: who, with which browser, and a page or an event.
type Later = (u8, &'static str, &'static str);

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";

/// Runs a script that looks at the page as whoever has the token, and answers what it saw.
fn look(server: &Server, script: &str, expected: &Value) -> Value {
    browser::run(script, &[&server.url(), TOKEN, &expected.to_string()])
}

/// What is paid each time, in cents.
const PRICE: i64 = 1_990;

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
const FIRST_LOAD_MAX: u64 = 70_000;

#[test]
fn whoever_is_signed_in_loads_the_report_with_all_scripts_styles_and_fonts_in_at_most_70_kb() {
    let data = tempfile::tempdir().unwrap();
    let config = format!("trusted_proxies = [\"127.0.0.0/8\"]\n[[site]]\ndomain = \"{SITE}\"\n");
    let server = Server::configured(data.path(), &config);
    // A list that is full, as most are.
    let pages = ["/", "/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i"];
    come(&server, &pages.map(|page| (15, AGENT, page)));
    eventually("what there is to show", || (server.totals(SITE, &["pageviews"]) == [10]).then_some(()));
    let loaded = browser::run("weight.mjs", &[&server.url(), TOKEN, SITE]);
    server.stop();
    let sum = |files: &Value| files.as_object().unwrap().values().map(|bytes| bytes.as_u64().unwrap()).sum::<u64>();
    let first = loaded["first"].as_object().unwrap();
    let ends_with = |ending: &str| first.keys().any(|path| path.ends_with(ending));
    assert!(first.contains_key("/") && ends_with(".js") && ends_with(".css"), "something was weighed: {loaded}");
    let (all, map) = (sum(&loaded["first"]), sum(&loaded["map"]));
    assert!(all <= FIRST_LOAD_MAX, "{all} bytes: {loaded}");
    eprintln!(
        "first load of the report: {all} bytes, compressed, headers included; {map} more when the map is near: {loaded}"
    );
}
