//! The words of Footfall: everything that crosses a wire or a crate boundary, and the limits that hold there.
//!
//! It is not a place for behaviour: no clock, no socket, no Kafka, no ClickHouse, no decision. A type lives here when two
//! crates speak about the same thing; what only one crate needs lives in that crate.

pub mod counts;
pub mod definition;
pub mod hit;
pub mod ledger;
pub mod limits;
pub mod policy;
pub mod record;
pub mod rights;
pub mod signals;
pub mod site;
pub mod time;
pub mod vitals;

pub use counts::{Cell, Counts, Dimension};
pub use definition::Definitions;
pub use hit::{Arrival, Campaign, Engagement, Hit, Kind, Peer, Referrer, Revenue};
pub use ledger::{
    BotClass, Changes, ClosedDay, LedgerLine, LiveLine, Loss, LostLine, Lowering, Measured, Outcome, ReachedLine,
    Refusal,
};
pub use policy::{AddressPrecision, NoticeFacts, SignalModes, TcfPolicy};
pub use record::{Record, RecordError, Tally};
pub use rights::{Inquiry, Right, RightsRequest};
pub use signals::Signals;
pub use site::{CountedZone, Currency, Domain, FormerZone, Mode, Site, Sites};
pub use time::{Clock, LocalDay, Millis};
pub use vitals::{Vital, Vitals};
