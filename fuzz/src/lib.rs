//! What several targets hold against any hit, whichever door it came through: the way from admission over the sealed form
//! into the counts. Not a second way of counting: only what must be true of it for every input.

pub mod consent;

use collector::{Event, Events, HeaderWords};
use fold::{Fold, Tables, admit};
use model::limits::{BODY_BYTES_MAX, PROPS_MAX, RECORD_BYTES_MAX};
use model::{Arrival, Changes, Counts, Domain, Hit, Kind, Millis, Mode, Peer, Record, Signals, Site, TcfPolicy};
use privacy::visitor::Secret;

/// When everything arrives: noon of 15 May 2026, UTC.
pub const NOW: Millis = Millis(1_778_846_400_000);

/// Bytes that sealing adds to a record.
const SEAL_BYTES: usize = 65;

/// The site that hits are admitted to.
///
/// # Panics
/// Never: the name is one.
#[must_use]
pub fn site(mode: Mode) -> Site {
    let domain = Domain::parse("example.com").expect("a site's name");
    Site { timezone: "Asia/Tokyo".to_owned(), mode, ..Site::new(domain) }
}

/// Holds what must be true of the events of any request, and follows each of them in each mode.
pub fn follow(events: &Events, body_bytes: usize) {
    assert!(!events.is_empty(), "a request always has an outcome");
    for mode in [Mode::Full, Mode::Exempt, Mode::Minimal] {
        let site = site(mode);
        let (mut one, mut other) = (a_fold(1), a_fold(2));
        for event in events.iter().flatten() {
            let arrived = arrival(event);
            let agrees = arrived.signals.has(Signals::GRANTED) || arrived.signals.has(Signals::TCF_GRANTED);
            let admitted = admit(arrived, &site);
            assert_eq!(admitted, admit(arrival(event), &site), "admission is a function of the arrival");
            let Ok(hit) = admitted else { continue };
            check(&hit, if agrees { Mode::Full } else { mode });
            let encoded = Record::Hits(vec![hit]).encode();
            assert!(
                body_bytes > BODY_BYTES_MAX || encoded.len() + SEAL_BYTES <= RECORD_BYTES_MAX,
                "a hit fits a record"
            );
            one.apply(&site, decode(&encoded));
            other.apply(&site, decode(&encoded));
        }
        let changes = one.changes(NOW);
        assert_eq!(changes, other.changes(NOW), "counts do not depend on the secret");
        no_sum_is_negative(&changes);
    }
}

/// Nothing was counted before these changes, so they are sums, and a sum is never negative.
pub fn no_sum_is_negative(changes: &Changes) {
    for cell in &changes.cells {
        let Counts { visitors, visits, pageviews, events, bounces, visit_seconds, .. } = cell.counts;
        let Counts { entries, exits, engaged_ms, scroll_percent, scroll_visitors, revenue_micros, .. } = cell.counts;
        let counts = [visitors, visits, pageviews, events, bounces, visit_seconds, entries, exits, engaged_ms];
        let all = counts.into_iter().chain([scroll_percent, scroll_visitors, revenue_micros]);
        assert!(all.into_iter().all(|count| count >= 0), "{cell:?}");
        assert!(visits >= bounces && events >= pageviews, "{cell:?}");
    }
    assert!(changes.ledger.iter().all(|line| line.hits > 0), "{:?}", changes.ledger);
}

/// What is gone from an admitted hit, and what is bounded in it.
pub fn check(hit: &Hit, mode_max: Mode) {
    assert!(hit.mode <= mode_max && hit.mode > Mode::Off, "only a grant ever raises the mode");
    assert!(hit.path.starts_with('/') && !hit.path.contains(['?', '#']), "{}", hit.path);
    if let Some(referrer) = &hit.referrer {
        assert!(!referrer.host.is_empty() && !referrer.path.contains(['?', '#']), "{referrer:?}");
    }
    assert!(hit.props.len() <= PROPS_MAX);
    if hit.mode == Mode::Minimal {
        assert!(hit.peer.is_none() && hit.props.is_empty() && hit.referrer.is_none() && hit.language.is_none());
        assert!(hit.screen_width.is_none() && hit.revenue.is_none());
        assert!(!matches!(&hit.kind, Kind::Event { name, .. } if !name.is_empty()));
    }
    if hit.mode < Mode::Full {
        assert_eq!(hit.campaign, model::Campaign::default());
    }
}

fn arrival(event: &Event) -> Arrival {
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0".into();
    let peer = Peer { address: [192, 0, 2, 1].into(), agent };
    event.clone().arrival_under(TcfPolicy::default(), NOW, HeaderWords::default(), peer)
}

fn a_fold(secret: u8) -> Fold {
    Fold::new(0, Secret::new([secret; 32]), Tables::default())
}

fn decode(encoded: &[u8]) -> Hit {
    match Record::decode(encoded) {
        Ok(record @ Record::Hits(_)) => {
            assert_eq!(record.encode(), encoded, "a record read is the record written");
            let Record::Hits(mut hits) = record else { unreachable!("matched above") };
            hits.pop().expect("one was written")
        }
        other => panic!("a hit that was written does not read back: {other:?}"),
    }
}
