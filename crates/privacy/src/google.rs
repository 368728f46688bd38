//! Reads Google consent mode's `gcs` and `gcd` as far as they say whether analytics may store anything.
//!
//! The format is undocumented: only what has been seen is understood, and everything else says nothing.

/// Whether analytics storage is granted, or nothing where neither word says so. One that denies outweighs the other.
#[must_use]
pub fn analytics(gcs: Option<&str>, gcd: Option<&str>) -> Option<bool> {
    match (gcs.and_then(of_gcs), gcd.and_then(of_gcd)) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), _) | (_, Some(true)) => Some(true),
        (None, None) => None,
    }
}

/// `G1xy`: `y` is analytics.
fn of_gcs(text: &str) -> Option<bool> {
    match text.as_bytes() {
        [b'G', b'1', b'0' | b'1' | b'-', b'1'] => Some(true),
        [b'G', b'1', b'0' | b'1' | b'-', b'0'] => Some(false),
        _ => None,
    }
}

/// The second letter of `11a1b1c1d5` is analytics; the digits between vary.
fn of_gcd(text: &str) -> Option<bool> {
    const BYTES_MAX: usize = 32;
    let text = Some(text).filter(|text| text.len() <= BYTES_MAX)?;
    match text.bytes().filter(u8::is_ascii_lowercase).nth(1)? {
        b't' | b'r' | b'n' | b'v' => Some(true),
        b'p' | b'q' | b'm' | b'u' => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_analytics_and_nothing_else() {
        for (gcs, said) in [
            ("G100", Some(false)),
            ("G101", Some(true)),
            ("G110", Some(false)),
            ("G111", Some(true)),
            ("G1--", None),
            ("", None),
            ("G1011", None),
        ] {
            assert_eq!(analytics(Some(gcs), None), said, "{gcs}");
        }
        for (letters, said) in [("trnv", Some(true)), ("pqmu", Some(false)), ("lx", None)] {
            for letter in letters.chars() {
                assert_eq!(analytics(None, Some(&format!("11l1{letter}1p1p5"))), said, "{letter}");
                assert_eq!(analytics(None, Some(&format!("13l3{letter}3p3p7"))), said, "{letter}");
            }
        }
        assert_eq!(analytics(None, Some("5")), None);
    }

    #[test]
    fn a_denial_outweighs_a_grant() {
        assert_eq!(analytics(Some("G111"), Some("11t1p1t1t5")), Some(false));
        assert_eq!(analytics(Some("G110"), Some("11t1t1t1t5")), Some(false));
    }
}
