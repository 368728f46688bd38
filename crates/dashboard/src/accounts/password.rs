//! Passwords: which are taken, how they rest, and how one is compared.
//!
//! Length is asked for and nothing about what it is made of: rules of that kind make people write `Password1!`. What is refused
//! is what a guesser tries first. A password rests as Argon2id; it is never kept, logged or told.

use argon2::password_hash::phc::PasswordHash as Parsed;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use settings::PasswordHash;

/// Fewest characters.
pub const CHARS_MIN: usize = 10;
/// Most bytes: whole sentences fit, and nobody makes the server hash megabytes.
pub const BYTES_MAX: usize = 1_024;

/// Memory of one hash in KiB, its passes, and its lanes: OWASP's first recommendation. About 30 ms of one core.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// What guessers try first: made up by hand of words, names, keys in a row and their usual spellings, in lower case.
const COMMON: &str = include_str!("common.txt");

/// What is left of a password without a common word in it has to be as long as this, or the word was all of it.
const BESIDE_MIN: usize = 6;
/// Fewest different characters.
const DIFFERENT_MIN: usize = 5;

/// Why a password is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// It is too short.
    #[error(
        "a password has at least {CHARS_MIN} characters; a few words that have nothing to do with each other are easy to remember"
    )]
    Short,
    /// It is too long.
    #[error("a password has at most {BYTES_MAX} bytes")]
    Long,
    /// It is the same few characters again and again, or keys in a row.
    #[error(
        "this password is a few characters repeated or in a row, which is tried first: take words that have nothing to do with each other"
    )]
    Repeated,
    /// It is little more than a word that is tried first.
    #[error(
        "this password is little more than \"{0}\", which is tried first: take words that have nothing to do with each other"
    )]
    Common(String),
    /// It is put together of the login and sites' names.
    #[error(
        "this password is put together of your login and sites' names, which is tried first: take words that have nothing to do with each other"
    )]
    Known,
}

/// Whether a password is taken. `context` is what somebody who guesses here would try: the login, the sites' names.
///
/// # Errors
/// Why it is not.
pub fn check<'c>(password: &str, context: impl IntoIterator<Item = &'c str>) -> Result<(), Weak> {
    if password.len() > BYTES_MAX {
        return Err(Weak::Long);
    }
    if password.chars().count() < CHARS_MIN {
        return Err(Weak::Short);
    }
    let lower = password.to_lowercase();
    if is_repeated(&lower) {
        return Err(Weak::Repeated);
    }
    let context: Vec<String> =
        context.into_iter().flat_map(parts).map(str::to_lowercase).chain(["footfall".to_owned()]).collect();
    let words = COMMON.lines().chain(context.iter().map(String::as_str)).filter(|word| word.chars().count() >= 4);
    for word in words {
        if is_little(&lower, &lower.replace(word, "")) {
            return Err(Weak::Common(word.to_owned()));
        }
    }
    // Of what is known here, several words are as easily put together as one.
    let known = context.iter().filter(|word| word.chars().count() >= 4);
    match is_little(&lower, &known.fold(lower.clone(), |rest, word| rest.replace(word, ""))) {
        true => Err(Weak::Known),
        false => Ok(()),
    }
}

/// Whether too little is left where something was taken away.
fn is_little(before: &str, rest: &str) -> bool {
    rest.len() < before.len() && rest.chars().count() < BESIDE_MIN
}

/// A name, and what it is made of: `shop.example.com` is guessed as `shop` and `example` too.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    std::iter::once(name).chain(name.split(|letter: char| !letter.is_alphanumeric()))
}

/// Whether it is few different characters, a short piece repeated, or characters that follow each other.
fn is_repeated(password: &str) -> bool {
    let letters: Vec<char> = password.chars().collect();
    let mut different = letters.clone();
    different.sort_unstable();
    different.dedup();
    let in_row = |step: i64| {
        letters
            .windows(2)
            .all(|pair| matches!(pair, [one, next] if i64::from(u32::from(*next)) - i64::from(u32::from(*one)) == step))
    };
    let of_pieces = |length: usize| letters.iter().zip(letters.iter().skip(length)).all(|(one, other)| one == other);
    different.len() < DIFFERENT_MIN || in_row(1) || in_row(-1) || (1..=letters.len() / 2).any(of_pieces)
}

/// Why a password could not be hashed or compared: the machine's fault or the kept hash's, never the password's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password cannot be hashed now")]
pub struct HashError;

/// Hashes a password with a salt of its own. It takes about 30 ms of one core and 19 MiB.
///
/// # Errors
/// The machine gives no memory or no randomness.
pub fn hash(password: &str) -> Result<PasswordHash, HashError> {
    let hash: Parsed = ours()?.hash_password(password.as_bytes()).map_err(|_| HashError)?;
    Ok(PasswordHash(hash.to_string()))
}

/// Whether a password is the one that was hashed. It takes as long as hashing.
///
/// # Errors
/// What is kept is no hash, or the machine gives no memory.
pub fn is_right(password: &str, kept: &PasswordHash) -> Result<bool, HashError> {
    let kept = Parsed::new(&kept.0).map_err(|_| HashError)?;
    match ours()?.verify_password(password.as_bytes(), &kept) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(HashError),
    }
}

/// Whether a hash was made with another algorithm or cost than is used now.
#[must_use]
pub fn is_outdated(kept: &PasswordHash) -> bool {
    let (memory, passes, lanes) = COST;
    !kept.0.starts_with(&format!("$argon2id$v=19$m={memory},t={passes},p={lanes}$"))
}

/// A hash of nobody's password, of the present cost: what is compared with where there is no such user, so that it takes as long.
pub(crate) fn nobodys() -> PasswordHash {
    const RANDOM: &str = "0d/wE6P7p9HRDgCvLa9aXA$XUNjT/jjknFcQWZyIlxuUlBVqHxa7GpMx5WQGKoSiyY";
    let (memory, passes, lanes) = COST;
    PasswordHash(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${RANDOM}"))
}

fn ours() -> Result<Argon2<'static>, HashError> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|_| HashError)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: [&str; 3] = ["jane@corp.example", "shop.example.com", "例え.テスト"];

    #[test]
    fn length_counts_and_composition_does_not() {
        for taken in [
            "violet teapot",
            "kmwkztqhfj",
            "ninechars!?",
            "七転び八起きの人生だもの",
            "        violet tea",
            "Footfall runs my old teapot",
        ] {
            assert_eq!(check(taken, CONTEXT), Ok(()), "{taken}");
        }
        assert_eq!(check("ninechars", CONTEXT), Err(Weak::Short));
        assert_eq!(check("七転び八起き", CONTEXT), Err(Weak::Short));
        let sentence = "violet teapot ".repeat(74);
        assert_eq!(check(&sentence[..1_023], CONTEXT), Err(Weak::Repeated));
        let mut state = 1_u32;
        let mut letter = || {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            char::from(b'a' + (state >> 16) as u8 % 26)
        };
        let long: String = (0..1_025).map(|_| letter()).collect();
        assert_eq!((check(&long[..1_024], CONTEXT), check(&long, CONTEXT)), (Ok(()), Err(Weak::Long)));
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for (password, word) in [
            ("Password123", "password"),
            ("footfall2026", "footfall"),
            ("FOOTFALL!!!", "footfall"),
            ("administrator", "admin"),
            ("shop.example.com1", "shop.example.com"),
            ("1qaz2wsx3edc", "1qaz2wsx"),
            ("correct horse battery staple", "correct horse battery staple"),
        ] {
            let Err(Weak::Common(found)) = check(password, CONTEXT) else { panic!("{password} was taken") };
            assert!(found.contains(word) || word.contains(&found), "{password}: {found}");
        }
        for repeated in
            ["aaaaaaaaaaaa", "abababababab", "abcdefghijkl", "9876543210", "abcdabcdabcd", "111112222233333"]
        {
            assert_eq!(check(repeated, CONTEXT), Err(Weak::Repeated), "{repeated}");
        }
    }

    #[test]
    fn the_list_is_in_lower_case_without_repetition() {
        let mut words: Vec<_> = COMMON.lines().collect();
        assert!(words.iter().all(|word| *word == word.to_lowercase() && !word.is_empty()));
        words.sort_unstable();
        let count = words.len();
        words.dedup();
        assert_eq!(words.len(), count);
    }

    #[test]
    fn a_hash_is_argon2id_of_this_cost_with_its_own_salt_and_knows_its_password() {
        let (one, other) = (hash("violet teapot").unwrap(), hash("violet teapot").unwrap());
        assert!(one.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && one != other, "{}", one.0);
        assert_eq!((is_right("violet teapot", &one), is_right("violet teapoT", &one)), (Ok(true), Ok(false)));
        assert_eq!(is_right("violet teapot", &PasswordHash("plain".to_owned())), Err(HashError));
        assert!(!is_outdated(&one));
        assert_eq!((is_right("violet teapot", &nobodys()), is_outdated(&nobodys())), (Ok(false), false));
        // `printf %s 'violet teapot' | argon2 footfallsalt -id -t 1 -k 8 -p 1 -e`, by the reference implementation.
        let older = PasswordHash(
            "$argon2id$v=19$m=8,t=1,p=1$Zm9vdGZhbGxzYWx0$5BhKvlxFy+r5hV8e2IjT31wEBlQ9muQpq0rfGF4QrpQ".to_owned(),
        );
        assert!(is_outdated(&older));
        assert_eq!((is_right("violet teapot", &older), is_right("violet teapo", &older)), (Ok(true), Ok(false)));
    }
}
