//! Bits of a consent string, six to a character, read where they stand: both IAB formats are written in the URL-safe
//! alphabet without padding, and neither a number of characters nor of bits that is a multiple of anything may be assumed.
//!
//! Nothing is decoded ahead and nothing is kept, so a string costs no memory whatever it claims to hold.

/// Longest consent string that is read, in bytes. Real ones with all segments have fewer than 2,000; as an address's
/// parameter a longer one would not arrive whole.
pub const CONSENT_BYTES_MAX: usize = 4 * 1024;

const BITS_PER_CHARACTER: usize = 6;

/// A place in a string of bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bits<'a> {
    characters: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// The bits that a text stands for; none if a character is outside the alphabet.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        let characters = text.as_bytes();
        let seen = characters.iter().fold(0, |seen, byte| seen | six_bits(*byte));
        (seen < NONE).then_some(Self { characters, at: 0 })
    }

    /// Reads the next `bits` (at most 36) as a number, the first one weighing most.
    pub(crate) fn number(&mut self, bits: usize) -> Option<u64> {
        let end = self.at + bits;
        let (first, last) = (self.at / BITS_PER_CHARACTER, end.div_ceil(BITS_PER_CHARACTER));
        let characters = self.characters.get(first..last)?;
        let read = characters
            .iter()
            .fold(0, |read: u64, character| read << BITS_PER_CHARACTER | u64::from(six_bits(*character)));
        self.at = end;
        Some(read >> (last * BITS_PER_CHARACTER - end) & ((1 << bits) - 1))
    }

    /// Reads a number of at most 16 bits.
    pub(crate) fn short(&mut self, bits: usize) -> Option<u16> {
        u16::try_from(self.number(bits)?).ok()
    }

    /// Reads one bit.
    pub(crate) fn flag(&mut self) -> Option<bool> {
        Some(self.number(1)? == 1)
    }

    /// Passes over bits, all of which must be there.
    pub(crate) fn skip(&mut self, bits: usize) -> Option<()> {
        self.at += bits;
        (self.at <= self.characters.len() * BITS_PER_CHARACTER).then_some(())
    }

    /// Passes over bits and stands there, in one expression.
    pub(crate) fn after(mut self, bits: usize) -> Option<Self> {
        self.skip(bits)?;
        Some(self)
    }

    /// Reads a number in Fibonacci coding, which ends at the first two ones in a row. Nothing above 16 bits is one.
    pub(crate) fn fibonacci(&mut self) -> Option<u16> {
        let (mut number, mut weight, mut next) = (0_u16, 1_u16, 2_u16);
        let mut one_before = false;
        loop {
            let one = self.flag()?;
            if one && one_before {
                return Some(number);
            }
            if one {
                number = number.checked_add(weight)?;
            }
            one_before = one;
            (weight, next) = (next, weight.checked_add(next)?);
        }
    }
}

/// The bits of a character, [`NONE`] for one outside the alphabet.
fn six_bits(character: u8) -> u8 {
    SIX_BITS.get(usize::from(character)).copied().unwrap_or(NONE)
}

const NONE: u8 = 64;

/// A table, because a bomb has thousands of characters and 20 microseconds.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler: an index out of range does not compile")]
const SIX_BITS: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut table, mut at) = ([NONE; 256], 0);
    while at < NONE {
        table[alphabet[at as usize] as usize] = at;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_across_characters_and_stops_at_the_end() {
        let mut bits = Bits::of("C_A").unwrap(); // 000010 111111 000000
        assert_eq!((bits.number(4), bits.number(3), bits.number(6)), (Some(0), Some(0b101), Some(0b111110)));
        assert_eq!((bits.number(5), bits.number(1)), (Some(0), None));
        assert!(Bits::of("ab+/").is_none() && Bits::of("é").is_none() && Bits::of("ab==").is_none());
        assert!(Bits::of("AA").unwrap().after(12).is_some() && Bits::of("AA").unwrap().after(13).is_none());
    }

    #[test]
    fn reads_fibonacci_numbers_and_none_that_is_too_great() {
        for (written, number) in [("w", 1), ("Y", 2), ("M", 3), ("s", 4), ("DA", 8), ("TA", 10)] {
            assert_eq!(Bits::of(written).unwrap().fibonacci(), Some(number), "{written}");
        }
        assert_eq!(Bits::of(&"A".repeat(100)).unwrap().fibonacci(), None);
        assert_eq!(Bits::of(&"V".repeat(100)).unwrap().fibonacci(), None);
    }
}

/// Writes consent strings bit by bit, for the readers' tests.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Writer(pub(crate) Vec<bool>);

#[cfg(test)]
impl Writer {
    pub(crate) fn number(mut self, bits: usize, number: u64) -> Self {
        self.0.extend((0..bits).rev().map(|bit| number >> bit & 1 == 1));
        self
    }

    pub(crate) fn numbers<'a>(self, bits: usize, numbers: impl IntoIterator<Item = &'a u64>) -> Self {
        numbers.into_iter().fold(self, |writer, number| writer.number(bits, *number))
    }

    /// The text, with zeros up to a whole character.
    pub(crate) fn text(&self) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let six = |bits: &[bool]| (0..6).fold(0, |six, bit| six << 1 | usize::from(*bits.get(bit).unwrap_or(&false)));
        self.0.chunks(6).map(|bits| char::from(ALPHABET[six(bits)])).collect()
    }
}
