//! Reads a text as a person or a mail program would: percent-encoding undone, full-width and other look-alike characters made
//! plain, invisible ones left out. What it makes is looked at; it is kept only where something was taken out.

use std::borrow::Cow;

/// How often a text is looked into for percent-encoding inside percent-encoding.
const DECODINGS_MAX: usize = 3;

/// A text made plain.
pub(super) struct Read<'a> {
    pub(super) text: Cow<'a, str>,
    /// Whether percent-encoding was undone.
    pub(super) was_encoded: bool,
}

impl Read<'_> {
    pub(super) const fn is_as_sent(&self) -> bool {
        matches!(self.text, Cow::Borrowed(_))
    }
}

pub(super) fn read(text: &str) -> Read<'_> {
    let mut read = Read { text: Cow::Borrowed(text), was_encoded: false };
    for _ in 0..DECODINGS_MAX {
        match decoded(&read.text) {
            Some(plainer) => read = Read { text: Cow::Owned(plainer), was_encoded: true },
            None => break,
        }
    }
    if !read.text.is_ascii() && read.text.chars().any(|character| plain(character) != Some(character)) {
        read.text = Cow::Owned(read.text.chars().filter_map(plain).collect());
    }
    read
}

/// The character that one is taken for; nothing for one that is not seen.
const fn plain(character: char) -> Option<char> {
    const FULL_WIDTH_AHEAD: u32 = 0xFF01 - 0x21;
    match character {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(character as u32 - FULL_WIDTH_AHEAD),
        '\u{2024}' | '\u{3002}' | '\u{FE52}' | '\u{FF61}' => Some('.'),
        '\u{FE6B}' => Some('@'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE63}' => Some('-'),
        '\u{00A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{3000}' => Some(' '),
        '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' => None,
        other => Some(other),
    }
}

/// The text with its `%XX` undone once; nothing where there is none.
fn decoded(text: &str) -> Option<String> {
    text.contains('%').then(|| percent_decode(text)).filter(|plainer| plainer != text)
}

pub(super) fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let digits = after.first_chunk::<2>().map(|pair| pair.map(|digit| char::from(digit).to_digit(16)));
        match (byte, digits) {
            (b'%', Some([Some(high), Some(low)])) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = after.get(2..).unwrap_or_default();
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Encodes again what may not stand in a path.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            let digit = |four_bits: u8| char::from_digit(u32::from(four_bits), 16).unwrap_or('0').to_ascii_uppercase();
            encoded.extend([digit(byte >> 4), digit(byte & 15)]);
        }
    }
    encoded
}
