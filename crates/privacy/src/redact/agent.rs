//! Finds user agents: by the names with which nearly every browser begins, before a version. In any case of letters.

/// Products that are named in nearly every browser's agent, and in no page before a slash and a digit.
const PRODUCTS: [&str; 2] = ["mozilla", "applewebkit"];

const LAYOUT: &str = "(khtml, like";

/// Where a user agent begins.
pub(super) fn find(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let begins = |at: usize, word: &str| {
        bytes.get(at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes()))
    };
    bytes.iter().enumerate().find_map(|(at, byte)| match byte {
        b'(' if begins(at, LAYOUT) => Some(at),
        b'/' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => PRODUCTS
            .iter()
            .filter_map(|product| at.checked_sub(product.len()).filter(|start| begins(*start, product)))
            .next(),
        _ => None,
    })
}
