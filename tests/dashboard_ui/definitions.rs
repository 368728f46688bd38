//! What is defined on the page counts from then on, and what is shared is seen by its link alone.

use super::*;

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
