//! The collector: HTTP in, sealed records out. Page beacons, the clear GIF and the server API come in here; an answer of
//! success leaves only after the record is durable in the journal.
//!
//! It knows nothing of ClickHouse or of how hits are counted, it cannot open what it sealed, and it writes nothing about a
//! sender anywhere but into the seal. Its bounds: [`model::limits`], and the constants beside what they bound.

mod answer;
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
mod ordered;
mod proxies;
pub mod query;
mod sender;
mod tallies;
mod value;
mod verdict;

pub use answer::{Answer, OUTCOME, PIXEL};
pub use collector::{BODY_READ_MAX, Collector, CollectorParts};
pub use envelope::{EnvelopeError, PublicKeys};
pub use event::{Event, Events, HeaderWords, Refused, SITES_PER_EVENT_MAX};
pub use limiter::RateLimit;
pub use listen::{ConnectionLimits, serve};
pub use proxies::{Network, NetworkError, TrustedProxies};
pub use sender::OPT_OUT_COOKIE;
