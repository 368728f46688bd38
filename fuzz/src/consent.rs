//! Consent strings for their targets: bits as slowly and plainly as they can be read, to compare the readers with. It shares no
//! code and no table with them.

use model::TcfPolicy;

/// Every way in which a site may read TCF strings, with vendors that seeds restrict and one that none does.
pub fn policies() -> impl Iterator<Item = TcfPolicy> {
    let flags = [(false, false), (false, true), (true, false), (true, true)];
    let vendors = [None, Some(1), Some(50), Some(u16::MAX)];
    flags.into_iter().flat_map(move |(purposes_speak, legitimate_interest)| {
        vendors.into_iter().map(move |vendor| TcfPolicy { purposes_speak, legitimate_interest, vendor })
    })
}

/// The input as a string that is likely to be read: what is neither of the alphabet nor one of `separators` becomes a
/// character that is.
pub fn spelled(input: &[u8], separators: &str) -> String {
    let spell = |byte: &u8| match char::from(*byte) {
        kept if kept.is_ascii_alphanumeric() || kept == '-' || kept == '_' || separators.contains(kept) => kept,
        _ => char::from(b'A' + byte % 26),
    };
    input.iter().map(spell).collect()
}

/// Bits, one after the other.
#[derive(Clone, Debug)]
pub struct Bits(std::vec::IntoIter<bool>);

impl Bits {
    /// The bits of a text, none where a character stands for none.
    pub fn of(text: &str) -> Option<Self> {
        let mut bits = Vec::new();
        for character in text.chars() {
            let value = match character {
                'A'..='Z' => character as u32 - 'A' as u32,
                'a'..='z' => character as u32 - 'a' as u32 + 26,
                '0'..='9' => character as u32 - '0' as u32 + 52,
                '-' => 62,
                '_' => 63,
                _ => return None,
            };
            bits.extend([32, 16, 8, 4, 2, 1].map(|place| value & place != 0));
        }
        Some(Self(bits.into_iter()))
    }

    /// The next bits as a number.
    pub fn number(&mut self, bits: usize) -> Option<u64> {
        let mut number = 0;
        for _ in 0..bits {
            number = number * 2 + u64::from(self.0.next()?);
        }
        Some(number)
    }

    /// The next bits one by one.
    pub fn flags(&mut self, bits: u64) -> Option<Vec<bool>> {
        (0..bits).map(|_| self.0.next()).collect()
    }

    /// The next number in Fibonacci coding, of at most 22 bits: no id needs more.
    pub fn fibonacci(&mut self) -> Option<u64> {
        let (mut places, mut number) = (vec![1, 2], 0);
        let mut before = false;
        for bit in 0..22 {
            let one = self.0.next()?;
            if one && before {
                return Some(number);
            }
            number += if one { places[bit] } else { 0 };
            places.push(places[bit] + places[bit + 1]);
            before = one;
        }
        None
    }
}
