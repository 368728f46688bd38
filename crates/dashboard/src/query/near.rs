//! Near misses: what somebody probably meant by a word that is not known.

/// Most edits between a word and what was meant; beyond that a guess confuses more than it helps.
const EDITS_MAX: usize = 3;

/// The known word nearest to `word`, if one is near.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let contains = |candidate: &str| !word.is_empty() && candidate.split([':', '_']).any(|part| part == word);
    known
        .into_iter()
        .map(|candidate| (if contains(candidate) { 1 } else { edits(&word, candidate) }, candidate))
        .filter(|(edits, candidate)| *edits <= EDITS_MAX.min(candidate.len() / 2))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, taken out or changed (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.chars().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        for (wanted, above) in to.iter().zip(row.iter_mut().skip(1)) {
            let changed = corner + usize::from(letter != *wanted);
            corner = *above;
            left = changed.min(left + 1).min(corner + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (from, to, expected) in
            [("", "abc", 3), ("abc", "", 3), ("visitor", "visitors", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(edits(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn finds_what_was_meant_and_guesses_nothing_else() {
        let known = ["visitors", "visits", "event:page", "visit:country"];
        assert_eq!(nearest("Visitor", known), Some("visitors"));
        assert_eq!(nearest("country", known), Some("visit:country"));
        assert_eq!(nearest("event:pages", known), Some("event:page"));
        assert_eq!(nearest("temperature", known), None);
    }
}
