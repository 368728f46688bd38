//! Cuts a page's and a referrer's URL down to what may be kept: host, path, campaign fields; and an address to a site's
//! precision. Everything else of the query and the whole fragment are gone after this, before anything rests anywhere.
//!
//! It decides nothing about consent, and looks into no path ([`crate::redact`] does). The invariants: no value of a parameter but the campaign's comes out, and of a click
//! id only the parameter's name.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::limits::URL_CHARS_MAX;
use model::{AddressPrecision, Campaign, Domain, Referrer};
use url::{Host, Url, form_urlencoded};

/// Longest campaign field kept, in characters; the rest of a longer one is cut. Real ones have fewer than 100.
pub const CAMPAIGN_CHARS_MAX: usize = 300;

/// Parameters by which advertising networks follow one click. That there was one says "paid"; its value is a person's.
const CLICK_IDS: [&str; 16] = [
    "gclid",
    "gbraid",
    "wbraid",
    "dclid",
    "fbclid",
    "msclkid",
    "twclid",
    "ttclid",
    "li_fat_id",
    "yclid",
    "epik",
    "rdt_cid",
    "ScCid",
    "irclickid",
    "qclid",
    "obclid",
];

/// What is kept of a page's URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Lower-case host without `www.`; empty when the URL was a path alone.
    pub host: Box<str>,
    /// Path, starting with `/`, percent-encoding as sent.
    pub path: Box<str>,
    /// Campaign fields.
    pub campaign: Campaign,
}

/// Why a page's URL cannot be used. It never carries the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Longer than [`URL_CHARS_MAX`].
    #[error("the page's URL is longer than {URL_CHARS_MAX} characters")]
    TooLong,
    /// Neither an absolute URL with a host nor a path.
    #[error("the page's URL is neither absolute with a host nor a path")]
    Malformed,
}

/// Strips a page's URL: an absolute one, or the path (and query) of a request line.
///
/// # Errors
/// See [`PageError`].
pub fn page(url: &str) -> Result<Page, PageError> {
    if longer_than(url, URL_CHARS_MAX) {
        return Err(PageError::TooLong);
    }
    if url.is_empty() || url.starts_with(['/', '?', '#']) {
        return page_of_request_line(url);
    }
    let url = Url::parse(url).map_err(|_| PageError::Malformed)?;
    let host = url.host_str().map(bare_host).filter(|host| !host.is_empty()).ok_or(PageError::Malformed)?;
    Ok(Page { host, path: non_empty_path(url.path()), campaign: campaign(url.query()) })
}

/// Strips a referrer's URL. A referrer from the page's own host or site, or one that is no URL, is none; nor is one whose
/// host is an address, which names somebody's machine (a router, a test server) and no site.
#[must_use]
pub fn referrer(url: &str, page_host: &str, site: &Domain) -> Option<Referrer> {
    let url = before(url, &['?', '#']);
    if longer_than(url, URL_CHARS_MAX) {
        return None;
    }
    let url = Url::parse(url).ok()?;
    let Some(Host::Domain(host)) = url.host() else { return None };
    // A scheme of its own (`android-app:`) has its host read as a name whatever it is.
    let host = Some(bare_host(host)).filter(|host| !host.is_empty() && host.parse::<IpAddr>().is_err())?;
    let internal = *host == *page_host || *host == *host_of(site);
    (!internal).then(|| Referrer { host, path: non_empty_path(url.path()) })
}

/// Cuts an address to a precision. One of IPv4 that came as IPv6 is cut as IPv4; of none, the unspecified address is left.
#[must_use]
pub fn address(address: IpAddr, precision: AddressPrecision) -> IpAddr {
    match (precision, address.to_canonical()) {
        (AddressPrecision::Full, _) => address,
        (AddressPrecision::Network, IpAddr::V4(v4)) => Ipv4Addr::from_bits(v4.to_bits() & !0 << 8).into(),
        (AddressPrecision::Network, IpAddr::V6(v6)) => Ipv6Addr::from_bits(v6.to_bits() & !0 << 80).into(),
        (AddressPrecision::None, _) => Ipv4Addr::UNSPECIFIED.into(),
    }
}

/// The host of a site, without `www.`.
pub(crate) fn host_of(site: &Domain) -> &str {
    let host = before(site.as_str(), &['/', ':']);
    host.strip_prefix("www.").unwrap_or(host)
}

/// The path of a log line, which knows no host. The URL parser is spared: most lines have no query at all.
fn page_of_request_line(target: &str) -> Result<Page, PageError> {
    let target = before(target, &['#']);
    if target.contains(char::is_control) {
        return Err(PageError::Malformed);
    }
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    Ok(Page { host: Box::default(), path: non_empty_path(path), campaign: campaign(query) })
}

/// The campaign fields of a query. A parameter that is repeated counts once, the first time.
fn campaign(query: Option<&str>) -> Campaign {
    let mut campaign = Campaign::default();
    let (mut source, mut reference) = (None, None);
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let field = match name.as_ref() {
            "utm_source" => &mut campaign.source,
            "utm_medium" => &mut campaign.medium,
            "utm_campaign" => &mut campaign.name,
            "utm_term" => &mut campaign.term,
            "utm_content" => &mut campaign.content,
            "source" => &mut source,
            "ref" => &mut reference,
            other => {
                if let Some(known) = CLICK_IDS.into_iter().find(|known| *known == other) {
                    campaign.click_id.get_or_insert_with(|| known.into());
                }
                continue;
            }
        };
        if field.is_none() {
            *field = kept_value(value);
        }
    }
    campaign.source = campaign.source.or(source).or(reference);
    campaign
}

fn kept_value(value: Cow<'_, str>) -> Option<Box<str>> {
    let kept: String = value.trim().chars().filter(|char| !char.is_control()).take(CAMPAIGN_CHARS_MAX).collect();
    (!kept.is_empty()).then(|| kept.into())
}

/// Lower case, without `www.` and without the root's dot.
fn bare_host(host: &str) -> Box<str> {
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    host.strip_prefix("www.").unwrap_or(host).into()
}

fn non_empty_path(path: &str) -> Box<str> {
    if path.is_empty() { "/".into() } else { path.into() }
}

fn before<'a>(text: &'a str, ends: &[char]) -> &'a str {
    text.find(ends).and_then(|end| text.get(..end)).unwrap_or(text)
}

/// Counts characters only where bytes alone cannot tell.
fn longer_than(text: &str, chars_max: usize) -> bool {
    text.len() > chars_max && text.chars().count() > chars_max
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keeps_host_and_path_of_a_page() {
        let cases = [
            ("https://www.Example.com/A/b?x=1#top", "example.com", "/A/b"),
            ("http://example.com", "example.com", "/"),
            ("https://user:secret@example.com:8443/a", "example.com", "/a"),
            ("https://example.com./a", "example.com", "/a"),
            ("https://例え.jp/カフェ", "xn--r8jz45g.jp", "/%E3%82%AB%E3%83%95%E3%82%A7"),
            ("https://example.com/caf%C3%A9/", "example.com", "/caf%C3%A9/"),
            ("https://example.com/a/../b", "example.com", "/b"),
            ("app://localhost/home", "localhost", "/home"),
            ("/caf%c3%a9?q=1", "", "/caf%c3%a9"),
            ("/a#b?c", "", "/a"),
            ("//double//slash", "", "//double//slash"),
            ("?q=1", "", "/"),
            ("", "", "/"),
        ];
        for (url, host, path) in cases {
            let found = page(url).unwrap();
            assert_eq!((found.host.as_ref(), found.path.as_ref()), (host, path), "{url}");
        }
    }

    #[test]
    fn refuses_what_is_no_page() {
        for url in [
            "example.com/a",
            "data:text/html,hello",
            "javascript:alert(1)",
            "https://",
            "mailto:a@example.com",
            "/a\nb",
            "*",
        ] {
            assert_eq!(page(url), Err(PageError::Malformed), "{url:?}");
        }
        let limit = |chars: usize| page(&format!("/{}", "あ".repeat(chars - 1)));
        assert!(limit(URL_CHARS_MAX).is_ok());
        assert_eq!(limit(URL_CHARS_MAX + 1), Err(PageError::TooLong));
    }

    #[test]
    fn keeps_the_campaign_and_nothing_else_of_a_query() {
        let query = "token=secret&utm_source=News%20Letter&utm_medium=email&utm_campaign=spring+sale&utm_term=%20&utm_content=a&email=a%40example.com&gclid=Cj0&fbclid=x";
        let expected = Campaign {
            source: Some("News Letter".into()),
            medium: Some("email".into()),
            name: Some("spring sale".into()),
            term: None,
            content: Some("a".into()),
            click_id: Some("gclid".into()),
        };
        assert_eq!(page(&format!("https://example.com/?{query}")).unwrap().campaign, expected);
        assert_eq!(page(&format!("/?{query}")).unwrap().campaign, expected);
    }

    #[test]
    fn takes_source_and_ref_where_utm_source_is_missing() {
        let source = |query: &str| page(&format!("/?{query}")).unwrap().campaign.source;
        assert_eq!(source("ref=a&source=b&utm_source=c").as_deref(), Some("c"));
        assert_eq!(source("ref=a&source=b").as_deref(), Some("b"));
        assert_eq!(source("ref=a").as_deref(), Some("a"));
        assert_eq!(source("utm_source=&ref=a").as_deref(), Some("a"));
        assert_eq!(source("utm_source=a&utm_source=b").as_deref(), Some("a"));
        assert_eq!(source("referrer=a"), None);
    }

    #[test]
    fn cuts_an_address_to_its_network_or_to_nothing() {
        let cut = |text: &str, precision| address(text.parse().unwrap(), precision).to_string();
        for (whole, network) in [
            ("192.0.2.77", "192.0.2.0"),
            ("::ffff:192.0.2.77", "192.0.2.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8:ffff::"),
        ] {
            assert_eq!(cut(whole, AddressPrecision::Full), whole);
            assert_eq!(cut(whole, AddressPrecision::Network), network);
            assert_eq!(cut(whole, AddressPrecision::None), "0.0.0.0");
        }
    }

    #[test]
    fn cuts_a_campaign_field_to_its_limit() {
        let campaign = page(&format!("/?utm_term={}", "é".repeat(CAMPAIGN_CHARS_MAX + 1))).unwrap().campaign;
        assert_eq!(campaign.term.unwrap().chars().count(), CAMPAIGN_CHARS_MAX);
    }

    #[test]
    fn keeps_host_and_path_of_a_referrer_from_elsewhere() {
        let site = Domain::parse("example.com/blog").unwrap();
        let from =
            |url: &str| referrer(url, "shop.example.com", &site).map(|from| format!("{}{}", from.host, from.path));
        assert_eq!(from("https://www.google.com/search?q=my+illness#x").as_deref(), Some("google.com/search"));
        assert_eq!(from("https://news.ycombinator.com").as_deref(), Some("news.ycombinator.com/"));
        assert_eq!(from("android-app://com.google.android.gm/").as_deref(), Some("com.google.android.gm/"));
        for internal in [
            "https://shop.example.com/a",
            "https://www.shop.example.com/",
            "https://example.com/blog/x",
            "https://www.example.com",
        ] {
            assert_eq!(from(internal), None, "{internal}");
        }
        for none in [
            "",
            "-",
            "google.com",
            "about:blank",
            "not a url",
            "http://192.0.2.7/",
            "http://[2001:db8::7]/",
            "app://192.0.2.7/",
        ] {
            assert_eq!(from(none), None, "{none:?}");
        }
        assert_eq!(from(&format!("https://a.example/?{}", "x".repeat(5_000))).as_deref(), Some("a.example/"));
        assert_eq!(from(&format!("https://a.example/{}", "x".repeat(5_000))), None);
    }

    proptest! {
        #[test]
        fn no_text_panics_and_a_path_has_no_query(url: String, query in "\\PC*") {
            for url in [url, format!("https://example.com/{query}"), format!("/{query}")] {
                if let Ok(page) = page(&url) {
                    prop_assert!(page.path.starts_with('/') && !page.path.contains(['?', '#']), "{}", page.path);
                }
                let _ = referrer(&url, "", &Domain::parse("example.com").unwrap());
            }
        }

        #[test]
        fn no_value_but_the_campaigns_comes_out(name in "[a-z_]{1,12}", value in "[0-9]{12}") {
            let kept = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "source", "ref"];
            prop_assume!(!kept.contains(&name.as_str()));
            for start in ["https://example.com/a", "/a"] {
                let page = page(&format!("{start}?{name}={value}&gclid={value}#{value}")).unwrap();
                let shown = format!("{page:?}");
                prop_assert!(!shown.contains(&value), "{}", shown);
            }
        }
    }
}
