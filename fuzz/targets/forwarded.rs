//! The `Forwarded` and `X-Forwarded-For` headers: what was read can be written again and reads the same, and no header of
//! a stranger is believed.
#![no_main]

use std::net::{IpAddr, SocketAddr};

use collector::forwarded::{ELEMENTS_MAX, Element, parameter, parse};
use collector::{Network, TrustedProxies};
use http::header::FORWARDED;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

const SOCKET: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

fuzz_target!(|value: &[u8]| {
    if let Some(elements) = parse(value) {
        assert!(!elements.is_empty() && elements.len() <= ELEMENTS_MAX);
        assert!(elements.iter().all(|element| !element.is_empty()));
        assert_eq!(parse(&written(&elements)).as_ref(), Some(&elements), "what was read reads the same again");
        for element in &elements {
            for (name, _) in element {
                let name = std::str::from_utf8(name).expect("a token is ASCII");
                assert_eq!(parameter(element, &name.to_uppercase()), parameter(element, &name.to_lowercase()));
            }
        }
    }
    let Ok(value) = HeaderValue::from_bytes(value) else { return };
    for name in [FORWARDED, HeaderName::from_static("x-forwarded-for")] {
        let headers = HeaderMap::from_iter([(name, value.clone())]);
        assert_eq!(TrustedProxies::default().sender(SOCKET, &headers), SOCKET.ip(), "a stranger is not believed");
        let trusted = TrustedProxies::from_iter(["127.0.0.0/8", "10.0.0.0/8", "::1"].map(network));
        let sender = trusted.sender(SOCKET, &headers);
        assert_eq!(sender, sender.to_canonical(), "an address has one form, so that a visitor has one");
    }
});

fn network(text: &str) -> Network {
    text.parse().expect("a network")
}

/// The elements as a header, everything quoted and escaped.
fn written(elements: &[Element<'_>]) -> Vec<u8> {
    let pair = |(name, value): &(&[u8], std::borrow::Cow<'_, [u8]>)| {
        let escaped: Vec<u8> = value.iter().flat_map(|byte| [b'\\', *byte]).collect();
        [name, b"=\"".as_slice(), &escaped, b"\""].concat()
    };
    let element = |element: &Element<'_>| element.iter().map(pair).collect::<Vec<_>>().join(b" ; ".as_slice());
    elements.iter().map(element).collect::<Vec<_>>().join(b" , ".as_slice())
}
