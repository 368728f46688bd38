//! What a request's headers say about its sender: address, user agent, language, and signals about being measured.
//!
//! Nothing here outlives the request. A [`Peer`] is made anew for each of its hits and moved on with it.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{ACCEPT_LANGUAGE, COOKIE, DNT, REFERER, USER_AGENT};
use model::limits::AGENT_BYTES_MAX;
use model::{Peer, Signals};

use crate::event::{HeaderWords, is_language_tag};
use crate::proxies::TrustedProxies;

/// The cookie by which a visitor asked this site to leave them out; only the privacy page sets it, on request.
pub const OPT_OUT_COOKIE: &str = "footfall_optout=1";

/// The cookie by which a visitor restricted the processing of their data; only the privacy page sets it, on request.
pub const RESTRICTION_COOKIE: &str = "footfall_restrict=1";

/// The sender of one request.
pub(crate) struct Sender<'r> {
    pub(crate) address: IpAddr,
    agent: Cow<'r, str>,
    pub(crate) words: HeaderWords<'r>,
    pub(crate) referer: Option<&'r str>,
}

impl<'r> Sender<'r> {
    /// Reads the headers of a request that came in over `socket`.
    pub(crate) fn read(headers: &'r HeaderMap, socket: SocketAddr, trusted: &TrustedProxies) -> Self {
        Self {
            address: trusted.sender(socket, headers),
            agent: agent(headers),
            words: HeaderWords::read(headers),
            referer: headers.get(REFERER).and_then(|value| value.to_str().ok()).filter(|page| !page.is_empty()),
        }
    }

    /// This sender as the peer of one hit.
    pub(crate) fn peer(&self) -> Peer {
        Peer { address: self.address, agent: self.agent.as_ref().into() }
    }
}

impl<'r> HeaderWords<'r> {
    /// Reads them off the headers of a request, or of what stands for one in an events file.
    #[must_use]
    pub fn read(headers: &'r HeaderMap) -> Self {
        Self { signals: signals(headers), language: language(headers) }
    }
}

fn agent(headers: &HeaderMap) -> Cow<'_, str> {
    let Some(value) = headers.get(USER_AGENT) else { return Cow::Borrowed("") };
    let bytes = value.as_bytes();
    let kept = bytes.get(..AGENT_BYTES_MAX).unwrap_or(bytes);
    match String::from_utf8_lossy(kept) {
        Cow::Owned(mut replaced) => {
            // Each broken byte became three; the limit holds for what is kept.
            replaced.truncate(replaced.floor_char_boundary(AGENT_BYTES_MAX));
            Cow::Owned(replaced)
        }
        borrowed @ Cow::Borrowed(_) => borrowed,
    }
}

/// GPC and DNT are exactly `1`, in any of several headers (w3c/gpc; DNT by the same rule); other values say nothing.
fn signals(headers: &HeaderMap) -> Signals {
    let says_one = |name: &str| headers.get_all(name).iter().any(|value| value == "1");
    let mut signals = Signals::default();
    if says_one("sec-gpc") {
        signals = signals.with(Signals::GPC);
    }
    if says_one(DNT.as_str()) {
        signals = signals.with(Signals::DNT);
    }
    for (cookie, signal) in [(OPT_OUT_COOKIE, Signals::OPTED_OUT), (RESTRICTION_COOKIE, Signals::RESTRICTED)] {
        if headers.get_all(COOKIE).iter().any(|cookies| holds(cookies.as_bytes(), cookie)) {
            signals = signals.with(signal);
        }
    }
    signals
}

fn holds(cookies: &[u8], wanted: &str) -> bool {
    cookies.split(|b| *b == b';').any(|cookie| cookie.trim_ascii() == wanted.as_bytes())
}

/// The first tag of `Accept-Language`: browsers list them by preference.
fn language(headers: &HeaderMap) -> Option<&str> {
    let first = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?.split([',', ';']).next()?.trim();
    is_language_tag(first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &[u8])]) -> HeaderMap {
        let value = |bytes: &[u8]| http::HeaderValue::from_bytes(bytes).unwrap();
        list.iter().map(|(name, bytes)| (http::HeaderName::from_static(name), value(bytes))).collect()
    }

    fn signals_of(list: &[(&'static str, &[u8])]) -> Signals {
        signals(&headers(list))
    }

    #[test]
    fn only_a_gpc_of_exactly_one_counts_and_any_of_several_does() {
        for other in ["0", "true", "1,1", "1;x", "01", ""] {
            assert_eq!(signals_of(&[("sec-gpc", other.as_bytes())]), Signals::default(), "{other:?}");
        }
        assert_eq!(signals_of(&[("sec-gpc", b"0"), ("sec-gpc", b"1")]), Signals::GPC);
        assert_eq!(signals_of(&[("dnt", b"1")]), Signals::DNT);
        assert_eq!(signals_of(&[("dnt", b"yes")]), Signals::default());
    }

    #[test]
    fn the_opt_out_cookie_is_found_among_others_and_only_whole() {
        assert_eq!(signals_of(&[("cookie", b"a=b; footfall_optout=1;c=d")]), Signals::OPTED_OUT);
        assert_eq!(signals_of(&[("cookie", b"a=b"), ("cookie", b"footfall_optout=1")]), Signals::OPTED_OUT);
        assert_eq!(signals_of(&[("cookie", b"footfall_restrict=1")]), Signals::RESTRICTED);
        for other in [&b"xfootfall_optout=1"[..], b"footfall_optout=10", b"a=footfall_optout=1", b"\xff"] {
            assert_eq!(signals_of(&[("cookie", other)]), Signals::default());
        }
    }

    #[test]
    fn a_long_or_broken_user_agent_is_cut_within_its_limit() {
        let agent_of = |bytes: &[u8]| agent(&headers(&[("user-agent", bytes)])).into_owned();
        assert_eq!(agent_of("é".repeat(400).as_bytes()).len(), 512);
        assert!(agent_of(&[0xff; 600]).len() <= AGENT_BYTES_MAX);
        assert_eq!(agent_of(b"Mozilla/5.0"), "Mozilla/5.0");
    }

    #[test]
    fn takes_the_language_a_browser_prefers() {
        let language_of = |text: &str| language(&headers(&[("accept-language", text.as_bytes())])).map(str::to_owned);
        assert_eq!(language_of("ja-JP,ja;q=0.9,en").as_deref(), Some("ja-JP"));
        assert_eq!(language_of("de;q=0.9").as_deref(), Some("de"));
        assert_eq!(language_of("*"), None);
    }
}
