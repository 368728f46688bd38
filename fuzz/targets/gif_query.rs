//! The query of `GET /pixel.gif`, its first line; the `Referer` of the request is the second.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (query, referer) = input.split_once('\n').map_or((input, None), |(query, referer)| (query, Some(referer)));
    let events = collector::query::read(query, referer);
    assert_eq!(events, collector::query::read(query, referer), "reading is a function of the query");
    fuzz::follow(&events, input.len());
    // What nobody reads changes nothing.
    assert_eq!(events, collector::query::read(&format!("h=x&{query}&v=1"), referer));
});
