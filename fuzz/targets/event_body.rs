//! The body of `POST /api/event`. An event alone and in a list of one is the same event, and every hit that comes of it
//! keeps what is promised about hits.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let read = collector::body::read(body);
    assert_eq!(read, collector::body::read(body), "reading is a function of the body");
    let Ok(events) = read else { return };
    fuzz::follow(&events, body.len());
    let alone = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if alone.trim_ascii_start().starts_with(b"{") {
        let list = [b"[", alone, b"]"].concat();
        assert_eq!(collector::body::read(&list), Ok(events), "a list of one event is that event");
    }
});
