//! The store: schema and migrations, exactly-once inserts, and the host of the embedded ClickHouse engine.
//!
//! Everything speaks to ClickHouse through its HTTP interface and the official client, embedded or not, so the SQL and the
//! deduplication are the same code in both. It never sees a raw hit: what comes in is [`model::Changes`], counts only.

mod closing;
mod cluster;
pub mod engine;
pub mod error;
pub mod evidence;
mod https;
mod imports;
mod insert;
mod migrations;
pub mod questions;
mod retention;
mod schema;
mod settings;
mod store;

pub use closing::Folded;
pub use error::StoreError;
pub use imports::ImportMark;
pub use insert::ROWS_PER_INSERT_MAX;
pub use retention::{Forgotten, Kept, LEDGER_DAYS};
pub use schema::Schema;
pub use store::{LIVE_MINUTES, LiveMinute, Store, StoreConfig};
