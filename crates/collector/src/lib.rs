//! The collector: HTTP in, sealed records out. Page beacons, the clear GIF and the server API come in here; an answer of
//! success leaves only after the record is durable in the journal.
//!
//! It knows nothing of ClickHouse or of how hits are counted, it cannot open what it sealed, and it writes nothing about a
//! sender anywhere but into the seal. Its bounds: [`model::limits`], and the constants beside what they bound.
//!
//! What its answers promise:
//! * 202, or the GIF: every hit of the request came to an outcome; what the outcome header calls `counted` or `minimal` is
//!   durable. Robots, opted-out visitors and sites that are off get this answer too. Of several hits (a batch, a list of
//!   sites) the header is a list: `counted; hits=2, refused; reason=malformed; hits=1`.
//! * 4xx: the request is wrong as a whole (400 malformed or unknown site, 405, 408, 413, 415) or too early (429); nothing of
//!   it was kept. One wrong event among right ones is refused alone.
//! * 503: the journal is full or fails, or there is no key to seal to. Nothing was kept, so the same request may be
//!   sent again. (On a journal of several partitions a request that names several sites may be kept in part; give its hits `id`s.)

mod answer;
mod arriving;
mod assets;
pub mod body;
mod collector;
mod draft;
mod envelope;
mod event;
pub mod forwarded;
mod ingest;
mod limiter;
mod listen;
mod metrics;
mod money;
mod proxies;
pub mod query;
mod rights;
mod sender;
mod spool;
mod strings;
mod tallies;
mod value;
mod verdict;

pub use answer::{Answer, OUTCOME, PIXEL};
pub use arriving::Arriving;
pub use collector::{BODY_READ_MAX, Collector, CollectorParts};
pub use envelope::{EnvelopeError, KEY_LATE_HOURS_MAX, PublicKeys};
pub use event::{Event, Events, HeaderWords, Refused, SITES_PER_EVENT_MAX};
pub use limiter::RateLimit;
pub use listen::{ConnectionLimits, Connections, serve, serve_alone};
pub use proxies::{Network, NetworkError, TrustedProxies};
pub use rights::{RightsError, Whose};
pub use sender::{OPT_OUT_COOKIE, RESTRICTION_COOKIE};
pub use spool::register_spool;
