//! The record format: bytes that are a record read back as the record they were written as.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Record;

fuzz_target!(|bytes: &[u8]| {
    let Ok(record) = Record::decode(bytes) else { return };
    let encoded = record.encode();
    assert_eq!(Record::decode(&encoded), Ok(record));
    assert_eq!(Record::decode(&encoded).map(|record| record.encode()), Ok(encoded));
});
