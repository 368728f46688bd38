//! Cuts a page's and a referrer's URL down to what may be kept: host, path, campaign fields. Everything else of the query
//! and the whole fragment are gone after this, before anything rests anywhere.
//!
//! It decides nothing about consent. The invariants: no value of a parameter but the campaign's comes out, and of a click
//! id only the parameter's name.

use std::borrow::Cow;

use model::limits::URL_CHARS_MAX;
use model::{Campaign, Domain, Referrer};
use url::{Url, form_urlencoded};

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

/// Strips a referrer's URL. A referrer from the page's own host or site, or one that is no URL, is none.
#[must_use]
pub fn referrer(url: &str, page_host: &str, site: &Domain) -> Option<Referrer> {
    let url = before(url, &['?', '#']);
    if longer_than(url, URL_CHARS_MAX) {
        return None;
    }
    let url = Url::parse(url).ok()?;
    let host = url.host_str().map(bare_host).filter(|host| !host.is_empty())?;
    let site_host = before(site.as_str(), &['/', ':']);
    let internal = *host == *page_host || *host == *site_host.strip_prefix("www.").unwrap_or(site_host);
    (!internal).then(|| Referrer { host, path: non_empty_path(url.path()) })
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
