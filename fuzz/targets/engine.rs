//! What the engine's host reads before the engine does: a request's URL, where a statement's data begins, and ClickHouse's
//! framing. These modules are private to `store`, so they are compiled in here from its sources.
#![no_main]
#![allow(dead_code, reason = "the host uses more of these modules than is held here")]

use std::io::Read as _;

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/store/src/engine/exception.rs"]
mod exception;
#[path = "../../crates/store/src/engine/framing.rs"]
mod framing;
#[path = "../../crates/store/src/engine/request.rs"]
mod request;
#[path = "../../crates/store/src/engine/statement.rs"]
mod statement;

/// Stands for the module that calls the library, of which the reader of requests needs one name.
mod ffi {
    pub(super) type Parameter = (String, String);
}

use framing::{Blocks, block};
use statement::{Statement, look};

fuzz_target!(|input: &[u8]| {
    statements(input);
    framed(input);
    if let Ok(query) = std::str::from_utf8(input)
        && let Ok(uri) = format!("/?{query}").parse::<http::Uri>()
    {
        request(uri);
    }
});

/// What is said of the beginning of a text stays true of the whole.
fn statements(text: &[u8]) {
    let whole = look(text, true);
    match &whole {
        Statement::Insert { head_end, data, format } => {
            assert!(head_end <= data && *data <= text.len() && !format.is_empty());
        }
        Statement::Plain { end, .. } => assert!(*end <= text.len()),
        Statement::Empty | Statement::Several => {}
        Statement::Incomplete => panic!("a complete text is never incomplete"),
    }
    let _ = statement::only_reads(text);
    for length in [text.len() / 4, text.len() / 2, text.len()] {
        let start = text.get(..length).unwrap_or_default();
        if let (Statement::Insert { head_end, format, .. }, Statement::Insert { head_end: end, format: name, .. }) =
            (look(start, false), &whole)
        {
            assert_eq!((head_end, &format), (*end, name), "the first {length} bytes tell the insert's head");
        }
    }
}

fn framed(input: &[u8]) {
    let mut unpacked = Vec::new();
    let _ = Blocks::new(input).read_to_end(&mut unpacked);
    let (one, other) = input.split_at(input.len() / 2);
    let blocks = [block(one), block(other)].concat();
    unpacked.clear();
    Blocks::new(blocks.as_slice()).read_to_end(&mut unpacked).expect("our own blocks can be read");
    assert_eq!(unpacked, input, "what was framed comes out as it was");
    // The checksum is kept, so that what follows it is reached.
    let Some((first, flipped)) = input.first().zip(blocks.get(16..)) else { return };
    let mut changed = blocks.clone();
    let at = 16 + usize::from(*first) % flipped.len();
    changed[at] ^= 1;
    assert!(Blocks::new(changed.as_slice()).read_to_end(&mut unpacked).is_err(), "a flipped bit is noticed");
}

fn request(uri: http::Uri) {
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.uri = uri;
    if let Ok(request) = request::Request::parse(&parts, "made".to_owned()) {
        assert!(request.read_only, "a GET changes nothing");
        let well_formed = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
        assert!(request.settings.iter().all(|(name, _)| !name.is_empty() && well_formed(name)), "a name is SQL later");
        assert!(request.session.is_none_or(|session| !session.id.is_empty() && session.timeout_seconds <= 3_600));
    }
}
