//! Goals, segments and funnels, defined while the system runs and counted from then on: held against numbers that the test works
//! out itself from the hits it sent, with a crash in between, on one machine and apart.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::distributed::apart::{Apart, SITE};
use crate::harness::{Server, TOKEN, eventually, footfall};

/// A page view (`/…`) or an event, by one of some visitors.
type Sent = (u32, &'static str);

/// Before anything is defined.
const BEFORE: [Sent; 4] = [(0, "/de/start"), (1, "/"), (2, "/shop"), (3, "/de/late")];
/// After that, in two parts; between them the server dies.
const FIRST: [Sent; 9] = [
    (0, "/pricing"),
    (1, "/de/a"),
    (1, "/de/b/c"),
    (2, "/cart"),
    (4, "/"),
    (4, "/shop"),
    (4, "/cart"),
    (4, "Order"),
    (5, "/de"),
];
const SECOND: [Sent; 8] =
    [(0, "Order"), (1, "/cart"), (2, "/shop"), (2, "/cart"), (3, "/"), (4, "/de/x"), (5, "/shop"), (6, "/shop")];

/// Odd visitors have Chrome, even ones Firefox; each has a version, and so a user agent, of its own.
fn browser(visitor: u32) -> &'static str {
    if visitor % 2 == 1 { "Chrome" } else { "Firefox" }
}

fn agent(visitor: u32) -> String {
    let version = 100 + visitor;
    match browser(visitor) {
        "Chrome" => format!(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
        ),
        _ => format!("Mozilla/5.0 (X11; Linux x86_64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"),
    }
}

fn send(door: &Server, (visitor, what): Sent) {
    let (name, path) = if what.starts_with('/') { ("pageview", what) } else { (what, "/cart") };
    let event = json!({ "name": name, "domain": SITE, "url": format!("https://{SITE}{path}") });
    let agent = agent(visitor);
    let headers = [("user-agent", agent.as_str()), ("content-type", "application/json")];
    let answer = door.send("POST", "/api/event", &headers, event.to_string().as_bytes());
    assert_eq!(answer.header("x-footfall-outcome"), Some("counted"), "{}", answer.text());
}

/// What the segment is: pages in German below `/de/`, and whatever else is done by Firefox in visits that entered there.
fn segment() -> Value {
    json!({ "filters": [["or", [
        ["matches_wildcard", "event:page", ["/de/**"]],
        ["and", [["is", "visit:browser", ["Firefox"]], ["contains", "visit:entry_page", ["/de/"]]]],
    ]]] })
}

/// The same, of a hit whose visit entered on `entry`.
fn is_german((visitor, what): Sent, entry: &str) -> bool {
    what.starts_with("/de/") || (browser(visitor) == "Firefox" && entry.starts_with("/de/"))
}

/// What all hits come to. Nobody pauses for half an hour, so that a visitor is a visit.
struct Expected {
    german: BTreeSet<u32>,
    german_views: i64,
    german_by_browser: BTreeMap<String, i64>,
    shop_goal: BTreeSet<u32>,
    steps: [i64; 3],
}

impl Expected {
    fn of(sent: &[Sent]) -> Self {
        let all: Vec<Sent> = BEFORE.iter().chain(sent).copied().collect();
        let entry = |visitor: u32| all.iter().find(|(who, _)| *who == visitor).unwrap().1;
        let german: Vec<Sent> = sent.iter().copied().filter(|hit| is_german(*hit, entry(hit.0))).collect();
        let who: BTreeSet<u32> = german.iter().map(|(visitor, _)| *visitor).collect();
        let mut german_by_browser = BTreeMap::new();
        who.iter().for_each(|visitor| *german_by_browser.entry(browser(*visitor).to_owned()).or_default() += 1);
        let shop = sent.iter().filter(|(_, what)| what.starts_with("/shop")).map(|(visitor, _)| *visitor);
        let steps = ["/shop", "/cart", "Order"];
        let reached = |count: usize| {
            let took = |visitor: &u32| {
                let mut theirs = sent.iter().filter(|(who, _)| who == visitor).map(|(_, what)| *what);
                steps[..count].iter().all(|step| theirs.any(|what| what == *step))
            };
            i64::try_from((0..7).filter(took).count()).unwrap()
        };
        Self {
            german_views: i64::try_from(german.iter().filter(|(_, what)| what.starts_with('/')).count()).unwrap(),
            german: who,
            german_by_browser,
            shop_goal: shop.collect(),
            steps: [reached(1), reached(2), reached(3)],
        }
    }

    /// Waits until a dashboard tells just this.
    fn is_told_by(&self, dashboard: &Server) {
        let count = |visitors: &BTreeSet<u32>| i64::try_from(visitors.len()).unwrap();
        let filters = json!([["is", "segment", ["German"]]]);
        eventually("the segment's numbers", || {
            let told = ask(dashboard, &json!({ "metrics": ["visitors", "visits", "pageviews"], "filters": filters }))?;
            let wanted = json!([count(&self.german), count(&self.german), self.german_views]);
            (told["results"][0]["metrics"] == wanted).then_some(())
        });
        let rows =
            ask(dashboard, &json!({ "metrics": ["visitors"], "dimensions": ["visit:browser"], "filters": filters }))
                .unwrap();
        let rows = rows["results"].as_array().unwrap().iter();
        let by_browser: BTreeMap<String, i64> = rows
            .map(|row| (row["dimensions"][0].as_str().unwrap().to_owned(), row["metrics"][0].as_i64().unwrap()))
            .collect();
        assert_eq!(by_browser, self.german_by_browser);
        // Another partition than the segment's may be counted later.
        let shops = json!([{ "metrics": [count(&self.shop_goal)], "dimensions": ["Shops"] }]);
        eventually("the goal's numbers", || {
            let goals = ask(dashboard, &json!({ "metrics": ["visitors"], "dimensions": ["event:goal"] }))?;
            (goals["results"] == shops).then_some(())
        });
        let question = json!({ "site_id": SITE, "funnel": "Order", "date_range": "2d" });
        eventually("the funnel's numbers", || {
            let funnel = api(dashboard, "POST", "/api/v2/funnel", &question);
            let steps = funnel["steps"].as_array()?.iter();
            let steps: Vec<i64> = steps.map(|step| step["visitors"].as_i64().unwrap()).collect();
            (steps == self.steps).then_some(())
        });
    }
}

fn api(server: &Server, method: &str, path: &str, body: &Value) -> Value {
    let authorization = format!("Bearer {TOKEN}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let answer = server.send(method, path, &headers, body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
    answer.json()
}

fn ask(server: &Server, more: &Value) -> Option<Value> {
    let mut question = json!({ "site_id": SITE, "date_range": "2d" });
    question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let authorization = format!("Bearer {TOKEN}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let answer = server.try_send("POST", "/api/v2/query", &headers, question.to_string().as_bytes()).ok()?;
    assert_eq!(answer.status, 200, "{question}: {}", answer.text());
    Some(answer.json())
}

/// Defines a segment, a goal and a funnel, and waits until they count.
fn define(dashboard: &Server) {
    let steps = json!({ "steps": [{ "page": "/shop" }, { "page": "/cart" }, { "event": "Order" }] });
    let mut last = Value::Null;
    for (rest, body) in
        [("segments/German", segment()), ("goals/Shops", json!({ "page": "/shop*" })), ("funnels/Order", steps)]
    {
        last = api(dashboard, "PUT", &format!("/api/sites/{SITE}/{rest}"), &body);
    }
    let until: jiff::Timestamp = last["effective_from"].as_str().unwrap().parse().unwrap();
    let until = Duration::from_millis(until.as_millisecond().try_into().unwrap());
    let wait = until.saturating_sub(std::time::UNIX_EPOCH.elapsed().unwrap());
    std::thread::sleep(wait + Duration::from_millis(1_100));
}

#[test]
fn what_is_defined_counts_from_then_on_and_through_a_crash() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[SITE]);
    BEFORE.iter().for_each(|hit| send(&server, *hit));
    define(&server);
    FIRST.iter().for_each(|hit| send(&server, *hit));
    Expected::of(&FIRST).is_told_by(&server);
    server.kill();
    let server = Server::start(data.path(), &[SITE]);
    SECOND.iter().for_each(|hit| send(&server, *hit));
    let all = [&FIRST[..], &SECOND[..]].concat();
    Expected::of(&all).is_told_by(&server);
    let told = ask(&server, &json!({ "metrics": ["visitors"], "filters": [["is", "segment", ["German"]]] })).unwrap();
    assert!(told["meta"]["counted_from"]["segments"]["German"].is_string(), "{told}");
    // A name that means something else begins anew.
    api(
        &server,
        "PUT",
        &format!("/api/sites/{SITE}/segments/German"),
        &json!({ "filters": [["is", "event:page", ["/"]]] }),
    );
    eventually("the segment begins anew", || {
        let told = ask(&server, &json!({ "metrics": ["visitors"], "filters": [["is", "segment", ["German"]]] }))?;
        (told["results"][0]["metrics"] == json!([0])).then_some(())
    });
    server.stop();
}

#[test]
fn apart_it_counts_the_same_and_a_processor_that_takes_over_goes_on() {
    let apart = Apart::start(2);
    let processor = apart.processor("one");
    let dashboard = apart.dashboard();
    let collector = apart.collector("a");
    eventually("the site has been heard of", || {
        (collector.send("GET", &format!("/privacy?d={SITE}"), &[], b"").status == 200).then_some(())
    });
    BEFORE.iter().for_each(|hit| send(&collector, *hit));
    define(&dashboard);
    FIRST.iter().for_each(|hit| send(&collector, *hit));
    Expected::of(&FIRST).is_told_by(&dashboard);
    processor.kill();
    let _processor = apart.processor("two");
    SECOND.iter().for_each(|hit| send(&collector, *hit));
    let all = [&FIRST[..], &SECOND[..]].concat();
    Expected::of(&all).is_told_by(&dashboard);
}

#[test]
fn a_terminal_defines_too_and_says_what_is_wrong() {
    let data = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = footfall().args(arguments).arg("--data").arg(data.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    assert_eq!(run(&["site", "add", SITE]).0, Some(0));
    let (code, said, complaint) = run(&["segment", "add", SITE, "Germans", r#"["is", "visit:country", ["DE"]]"#]);
    assert!(code == Some(0) && said.starts_with("segment Germans of example.com counts from 20"), "{said}{complaint}");
    assert_eq!(run(&["goal", "add", SITE, "Thanks", "/thanks/**"]).0, Some(0));
    let (_, added, _) = run(&["funnel", "add", SITE, "Order", "/", "/cart", "Order", "--json"]);
    let added: Value = serde_json::from_str(&added).unwrap();
    assert_eq!(added["steps"], json!([{ "page": "/" }, { "page": "/cart" }, { "event": "Order" }]));
    let (_, listed, _) = run(&["segment", "list", SITE, "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["filters"], json!([["is", "visit:country", ["DE"]]]));
    let (_, listed, _) = run(&["goal", "list", SITE]);
    assert!(listed.starts_with("Thanks") && listed.contains("/thanks/**"), "{listed}");
    for (arguments, code, said) in [
        (&["segment", "add", SITE, "x", "visit:country=DE"][..], 2, "is no JSON such as"),
        (&["segment", "add", SITE, "x", r#"["is", "visit:land", ["DE"]]"#], 2, "unknown dimension"),
        (&["goal", "add", SITE, "x", "pageview"], 2, "name the page"),
        (&["funnel", "add", SITE, "x", "/"], 2, "2 to 8 steps"),
        (&["goal", "add", "other.example", "x", "/"], 1, "footfall site add other.example"),
        (&["goal", "remove", SITE, "x"], 1, "footfall goal list example.com"),
    ] {
        let (found, _, complaint) = run(arguments);
        assert!(found == Some(code) && complaint.contains(said), "{arguments:?}: {found:?} {complaint}");
    }
    assert_eq!(run(&["goal", "remove", SITE, "Thanks"]).0, Some(0));
    assert_eq!(run(&["goal", "list", SITE]).1, "");
}
