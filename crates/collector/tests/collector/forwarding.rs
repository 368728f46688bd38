//! Whose address a hit gets: sockets, proxies, and strangers who pretend to be proxies.

use std::path::Path;

use crate::desk::{BROWSER, Desk, Wishes, request, view};
use collector::forwarded;

const TRUSTED: &[&str] = &["10.0.0.0/8", "::ffff:192.168.0.0/120", "2001:db8:aaaa::/48"];

/// The address under which a hit from `socket` with these headers is counted.
async fn address(socket: &str, headers: &[(&str, &str)]) -> String {
    let desk = Desk::with(Wishes { trusted: TRUSTED, ..Wishes::default() });
    let mut all = vec![("user-agent", BROWSER)];
    all.extend(headers);
    let told = desk.send_from(socket, request("POST", "/api/event", &all, view(""))).await;
    assert_eq!(told.status, 202);
    desk.hit().await.peer.unwrap().address.to_string()
}

#[tokio::test]
async fn a_stranger_is_not_believed() {
    for header in [
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("x-real-ip", "203.0.113.9"),
        ("cf-connecting-ip", "203.0.113.9"),
        ("true-client-ip", "203.0.113.9"),
    ] {
        assert_eq!(address("198.51.100.7:40000", &[header]).await, "198.51.100.7", "{header:?}");
    }
}

#[tokio::test]
async fn of_a_trusted_proxy_only_the_standard_headers_are_believed() {
    for header in [("x-real-ip", "203.0.113.9"), ("cf-connecting-ip", "203.0.113.9"), ("client-ip", "203.0.113.9")] {
        assert_eq!(address("10.0.0.1:40000", &[header]).await, "10.0.0.1", "{header:?}");
    }
}

#[tokio::test]
async fn addresses_are_followed_from_the_right_through_trusted_hops() {
    for (list, expected) in [
        ("203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 10.1.2.3, 192.168.0.4", "203.0.113.9"),
        ("10.9.9.9, 10.1.2.3", "10.9.9.9"),
        ("203.0.113.9:8080", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 2001:db8:aaaa::5", "203.0.113.9"),
        ("203.0.113.9,unknown", "10.0.0.1"),
        ("203.0.113.9, ", "10.0.0.1"),
        ("203.0.113.9, 10.1.1.1, _hidden", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("1.2.3.4.5", "10.0.0.1"),
        ("[2001:db8::1]443", "10.0.0.1"),
    ] {
        assert_eq!(address("10.0.0.1:40000", &[("x-forwarded-for", list)]).await, expected, "{list:?}");
    }
}

#[tokio::test]
async fn several_fields_are_one_list() {
    let fields = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.9, 10.0.0.2")];
    assert_eq!(address("10.0.0.1:40000", &fields).await, "203.0.113.9");
    let fields = [("forwarded", "for=6.6.6.6"), ("forwarded", "for=203.0.113.9, for=10.0.0.2")];
    assert_eq!(address("10.0.0.1:40000", &fields).await, "203.0.113.9");
}

#[tokio::test]
async fn forwarded_is_read_by_its_rfc() {
    for (value, expected) in [
        ("for=203.0.113.9", "203.0.113.9"),
        ("For=203.0.113.9;proto=https;by=10.0.0.1", "203.0.113.9"),
        ("for=\"[2001:db8::1]:4711\"", "2001:db8::1"),
        ("for=6.6.6.6, for=203.0.113.9;host=\"a,b;for=7.7.7.7\"", "203.0.113.9"),
        ("for=203.0.113.9, for=10.3.3.3", "203.0.113.9"),
        ("for=203.0.113.9, for=unknown", "10.0.0.1"),
        ("for=203.0.113.9, by=10.0.0.1", "10.0.0.1"),
        ("for=203.0.113.9;for=6.6.6.6", "10.0.0.1"),
        ("for=203.0.113.9, for=\"broken", "10.0.0.1"),
        ("for=[2001:db8::1]", "10.0.0.1"),
    ] {
        assert_eq!(address("10.0.0.1:40000", &[("forwarded", value)]).await, expected, "{value:?}");
    }
}

#[tokio::test]
async fn a_client_cannot_slip_a_forwarded_past_a_proxy_that_writes_the_other() {
    let headers = [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "203.0.113.9")];
    assert_eq!(address("10.0.0.1:40000", &headers).await, "203.0.113.9");
}

#[tokio::test]
async fn a_mapped_socket_is_the_address_it_maps() {
    assert_eq!(address("[::ffff:198.51.100.7]:40000", &[]).await, "198.51.100.7");
    let header = [("x-forwarded-for", "203.0.113.9")];
    assert_eq!(address("[::ffff:10.0.0.1]:40000", &header).await, "203.0.113.9");
    assert_eq!(address("[::ffff:192.168.0.9]:40000", &header).await, "203.0.113.9");
    assert_eq!(address("192.168.1.9:40000", &header).await, "192.168.1.9");
}

#[test]
fn networks_are_read_and_nonsense_is_not() {
    for good in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "192.0.2.1", "2001:db8::/32", " 10.0.0.1/32 "] {
        assert!(good.parse::<collector::Network>().is_ok(), "{good}");
    }
    for bad in ["", "10.0.0.0/33", "::/129", "10.0.0", "10.0.0.0/", "10.0.0.0/-1", "all"] {
        assert!(bad.parse::<collector::Network>().is_err(), "{bad}");
    }
    let everything: collector::Network = "0.0.0.0/0".parse().unwrap();
    assert!(everything.contains("203.0.113.9".parse().unwrap()) && !everything.contains("::1".parse().unwrap()));
}

#[test]
fn parses_forwarded_as_the_reference_cases_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/url/forwarded_parse.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("SKIPPED parses_forwarded_as_the_reference_cases_say: the shared fixtures are not there");
        return;
    };
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() > 20);
    for case in &cases {
        let header = case["header"].as_str().unwrap();
        // The cases are texts of characters up to U+00FF, which HTTP carries as bytes; one holds a character that no
        // header can carry.
        let Some(bytes) = latin(header) else { continue };
        let parsed = forwarded::parse(&bytes).map(|elements| elements.iter().map(|e| named(e)).collect::<Vec<_>>());
        match case["expect"].as_array() {
            Some(expected) => assert_eq!(parsed.as_ref(), Some(expected), "{header:?}"),
            None => assert_eq!(parsed, None, "{header:?}"),
        }
    }
}

fn latin(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect()
}

/// An element as the cases have it: an object of lower-case names and texts.
fn named(element: &forwarded::Element<'_>) -> serde_json::Value {
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let pairs = element.iter().map(|(name, value)| (text(name).to_ascii_lowercase(), text(value).into()));
    serde_json::Value::Object(pairs.collect())
}
