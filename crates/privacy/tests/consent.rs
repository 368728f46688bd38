//! The consent readers allocate nothing, whatever a string asks for: memory cannot be bombed. Their time is a row of the
//! benches, because a timed test fails on a busy machine.

mod bombs;

use model::policy::TcfPolicy;
use model::{Millis, Signals};
use privacy::{gpp, tcf};

const NOW: Millis = Millis(1_795_000_000_000);

#[test]
fn reading_a_consent_string_allocates_nothing() {
    let policy = TcfPolicy { vendor: Some(7), purposes_speak: true, ..TcfPolicy::default() };
    let (ranges, restrictions) = (bombs::tcf_ranges(NOW.0), bombs::tcf_restrictions(NOW.0));
    assert_eq!(tcf::read(&ranges, NOW, policy), tcf::Word::Granted, "the bomb is read to its end");
    assert_eq!(tcf::read(&restrictions, NOW, policy), tcf::Word::Refused, "and so is this");
    let header = bombs::gpp_header();
    let counted = allocation_counter::measure(|| {
        for text in [&ranges, &restrictions, &header] {
            let _ = tcf::read(text, NOW, policy);
            assert_ne!(gpp::read(text, None, NOW, policy), Signals::GRANTED);
        }
    });
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
}
