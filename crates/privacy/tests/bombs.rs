//! The longest work that a consent string of 4 KiB can ask for, for what is held of the readers' memory and time.

/// Bits, written highest first, as base64url characters of six.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn number(&mut self, width: u32, value: u64) -> &mut Self {
        self.0.extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn text(&self) -> String {
        const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let digit = |six: &[bool]| (0..6).fold(0, |value, at| value << 1 | usize::from(six.get(at) == Some(&true)));
        self.0.chunks(6).take(4_096).filter_map(|six| ALPHABET.chars().nth(digit(six))).collect()
    }
}

/// A TC string of today with as many vendor ranges, each of all vendors, as fit.
pub fn tcf_ranges(now_ms: i64) -> String {
    let mut bits = core(now_ms);
    for _ in 0..2 {
        bits.number(16, 65_535).number(1, 1).number(12, 350);
        for _ in 0..350 {
            bits.number(1, 1).number(16, 1).number(16, 65_535);
        }
    }
    bits.number(12, 0).text()
}

/// A TC string of today with as many restrictions as fit.
pub fn tcf_restrictions(now_ms: i64) -> String {
    let mut bits = core(now_ms);
    for _ in 0..2 {
        bits.number(16, 0).number(1, 0);
    }
    bits.number(12, 600);
    for _ in 0..600 {
        bits.number(6, 8).number(2, 0).number(12, 1).number(1, 0).number(16, 7);
    }
    bits.text()
}

/// A GPP header that names as many sections as it can.
pub fn gpp_header() -> String {
    let mut bits = Bits::default();
    bits.number(6, 3).number(6, 1).number(12, 4_095);
    for _ in 0..4_095 {
        bits.number(1, 0).number(2, 3);
    }
    bits.text()
}

fn core(now_ms: i64) -> Bits {
    let mut bits = Bits::default();
    let now = u64::try_from(now_ms / 100).unwrap_or(0);
    bits.number(6, 2).number(36, now).number(36, now).number(12, 31).number(12, 1).number(6, 1);
    bits.number(12, 0).number(12, 50).number(6, 4).number(1, 1).number(1, 0).number(12, 0);
    bits.number(24, 0xff_ffff).number(24, 0).number(1, 0).number(12, 0);
    bits
}
