//! What the redactor lets through against what the evidence looks for: whatever a stranger sends, no look may find it.

use privacy::redact;
use proptest::prelude::*;
use regex::Regex;

use super::*;

#[test]
fn the_looks_find_what_they_are_for() {
    for (name, shown) in [
        ("IPv4 address", "/from/198.51.100.7/x"),
        ("IPv6 address", "2001:db8:1:2::77"),
        ("e-mail address", "/jane%40wide.example"),
        ("user agent", "Mozilla/5.0 (X11)"),
        ("UUID", "/7c1f0e2a-93b4-4d5e-8f60-a1b2c3d4e5f6"),
        ("long hexadecimal token", "/x/9f86d081884c7d659a2f/"),
        ("number of nine digits or more", "tel-0312345678"),
    ] {
        let found = LOOKS.iter().filter(|look| compiled(look).is_match(shown)).map(|look| look.name);
        assert!(found.collect::<Vec<_>>().contains(&name), "{name}: {shown}");
    }
}

/// What an adversarial reading of 2026-11-24 got past the redactor.
#[test]
fn what_once_broke_the_evidence_does_not() {
    for sent in [
        "/x/addr=203.0.113.5",
        "/ip_203.0.113.5",
        "/203.0.113.5_x",
        "/a/v203.0.113.5",
        "/[2001:db8::1]:443/a",
        "/package@1.2.3-beta.rc",
        "/0311234567@x",
        "Mozilla/5.0 (X11; Linux) Gecko/20100101",
        "/:uuid:a::",
        "/0f8fad5b-d9cb-469f-a165-70867728950e:a::",
        "/%2320241123",
        "/%2A%40example.com",
        "/jane@b.cc,M%6Fzilla/5",
        "/9f86d081884c7d65Mozilla/5",
        "a:b:://x",
        "app://jane%40example.com/",
    ] {
        check(sent).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_that_the_redactor_lets_through_is_found(sent in prop::collection::vec(piece(), 1..7)) {
        check(&sent.concat())?;
    }

    #[test]
    fn nor_is_any_text_of_the_letters_that_the_looks_are_made_of(
        sent in "[0-9a-fA-F:.@%/\\-_A-Z２․é ]{0,60}", digits in "[0-9.:\\-% /]{0,40}",
    ) {
        check(&sent)?;
        check(&digits)?;
    }
}

fn check(sent: &str) -> Result<(), TestCaseError> {
    let site = Domain::parse("example.net").unwrap();
    let patterns = ["/a/*".to_owned()];
    let path = format!("/{sent}");
    let kept = [
        ("page", redact::path(&path, &[])),
        ("page", redact::path(&path, &patterns)),
        ("goal", redact::text(sent)),
        ("utm_content", redact::campaign(sent)),
        // The site's own host may look like anything; that of another must not.
        ("host of another", redact::host(sent, &site)),
    ];
    for (dimension, kept) in kept {
        for look in LOOKS.iter().filter(|look| !look.unless.contains(&format!("'{dimension}'"))) {
            prop_assert!(!compiled(look).is_match(&kept), "{} in {}: {:?} of {:?}", look.name, dimension, kept, sent);
        }
    }
    Ok(())
}

fn compiled(look: &Look) -> &'static Regex {
    static COMPILED: std::sync::OnceLock<Vec<Regex>> = std::sync::OnceLock::new();
    let compiled = COMPILED.get_or_init(|| LOOKS.iter().map(|look| Regex::new(look.pattern).unwrap()).collect());
    &compiled[LOOKS.iter().position(|other| other.name == look.name).unwrap()]
}

/// What a look is for, as it is or disguised, or what may be glued to it.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => secret(),
        1 => secret().prop_map(|secret| percent_encoded(&secret)),
        1 => secret().prop_map(|secret| full_width(&secret)),
        3 => neighbour(),
        1 => any::<String>(),
    ]
}

fn secret() -> impl Strategy<Value = String> {
    let of_four = any::<u32>().prop_map(|bits| std::net::Ipv4Addr::from_bits(bits).to_string());
    let of_six = (any::<u128>(), 0..8_u32).prop_map(|(bits, zeros)| {
        std::net::Ipv6Addr::from_bits(bits >> (16 * zeros) << (16 * (zeros / 2))).to_string()
    });
    let uuid = any::<u128>().prop_map(|bits| {
        let digits = format!("{bits:032x}");
        [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
    });
    prop_oneof![
        of_four,
        of_six,
        uuid,
        "[a-z.+_-]{1,6}@[a-z0-9-]{1,6}(\\.[a-z0-9-]{1,4}){0,2}\\.[a-z0-9]{1,4}",
        "[0-9]{1,14}",
        "20[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9])",
        "[0-9]{2,4}([-_ .+()]{1,2}[0-9]{2,4}){1,3}",
        "[0-9a-f]{8,33}",
        "[0-9A-F]{8,20}",
        "([0-9a-f]{1,5}:){1,9}:?[0-9a-f]{0,5}",
        "([0-9]{1,3}\\.){2,5}[0-9]{0,3}",
        "[A-Z0-9]{12,24}",
        prop::sample::select(vec![
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/127.0.0.0",
            "Mozilla/5",
            "AppleWebKit/537.36",
            "(KHTML, like",
            "mozilla/",
        ])
        .prop_map(str::to_owned),
    ]
}

fn neighbour() -> impl Strategy<Value = String> {
    let glue = "/ = + - _ . : ; , @ % ' ’ ( ) [ ] # ? & ~ | \" %20 %25 %2F %40 %2E %3A :// http:// .com a F g Z 1 0 é ２ ․ 。 ＠ カ \
                www. xn-- :email :uuid :hex :number :token :address :agent :redacted eyJ";
    prop_oneof![
        6 => prop::sample::select(glue.split(' ').collect::<Vec<_>>()).prop_map(str::to_owned),
        1 => Just(" ".to_owned()),
        1 => "[a-zA-Z]{1,5}",
    ]
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn full_width(text: &str) -> String {
    let wide = |letter: char| char::from_u32(letter as u32 + 0xFEE0).filter(|_| ('!'..='~').contains(&letter));
    text.chars().map(|letter| wide(letter).unwrap_or(letter)).collect()
}
