//! Google consent mode's two words: read as a plain reader reads them; one that denies outweighs the other, and a word that
//! is cut says the same or nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use privacy::google::analytics;

fuzz_target!(|words: &str| {
    let (gcs, gcd) = words.split_once(' ').unwrap_or((words, ""));
    let alone = (analytics(Some(gcs), None), analytics(None, Some(gcd)));
    assert_eq!(alone, (state(gcs), details(gcd)), "{words}");
    let both = analytics(Some(gcs), Some(gcd));
    assert_eq!(both == Some(false), [alone.0, alone.1].contains(&Some(false)), "{words}");
    assert_eq!(both.is_none(), alone == (None, None), "{words}");
    assert_eq!(analytics(None, None), None);
    // More than a word, or a word too long to be looked at, may say something when it is cut.
    for (end, _) in gcs.char_indices().filter(|_| alone.0.is_some()) {
        assert_eq!(analytics(Some(&gcs[..end]), None), None, "{gcs} cut at {end}");
    }
    for (end, _) in gcd.char_indices().filter(|_| gcd.len() <= 32) {
        assert!([None, alone.1].contains(&analytics(None, Some(&gcd[..end]))), "{gcd} cut at {end}");
    }
});

fn state(gcs: &str) -> Option<bool> {
    let known = |analytics: char| ["G10", "G11", "G1-"].iter().any(|begin| format!("{begin}{analytics}") == gcs);
    (known('0') || known('1')).then(|| known('1'))
}

fn details(gcd: &str) -> Option<bool> {
    let letters: Vec<char> = gcd.chars().filter(char::is_ascii_lowercase).collect();
    let second = letters.get(1).filter(|_| gcd.len() <= 32)?;
    ("trnv".contains(*second) || "pqmu".contains(*second)).then(|| "trnv".contains(*second))
}
