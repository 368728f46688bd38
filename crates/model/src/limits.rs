//! Every bound that more than one crate must agree on, in one place, each with its reason.
//!
//! A bound that one crate alone keeps (a queue length, a timeout) stands in that crate. Units are part of the name.

/// Largest request body the collector reads, in bytes. Batches of a hundred events fit; a beacon needs about 300 bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Longest page or referrer URL, in characters. Browsers and proxies start to disagree beyond about 2,000.
pub const URL_CHARS_MAX: usize = 2_000;

/// Most custom properties on one event; Plausible's number, so that its users lose none.
pub const PROPS_MAX: usize = 30;

/// Longest property name, in characters.
pub const PROP_NAME_CHARS_MAX: usize = 300;

/// Longest property value, in characters.
pub const PROP_VALUE_CHARS_MAX: usize = 2_000;

/// Longest event name, in characters.
pub const EVENT_NAME_CHARS_MAX: usize = 120;

/// Longest user-agent string that is read, in bytes; the rest of a longer one says nothing about the browser.
pub const AGENT_BYTES_MAX: usize = 512;

/// Longest language tag that is kept, in bytes (`zh-Hant-HK` has ten).
pub const LANGUAGE_BYTES_MAX: usize = 35;

/// Most events in one request, one for each site that an event names: a bigger batch would let one client hold a connection's fsync
/// for many.
pub const BATCH_EVENTS_MAX: usize = 1_000;

/// Largest sealed record, in bytes. A record holds all hits of one request for one site, so that they are kept together or not at
/// all: a full body of paths whose every byte grows to three (percent-encoded), the fixed fields of [`BATCH_EVENTS_MAX`] hits, and
/// the seal.
pub const RECORD_BYTES_MAX: usize = 320 * 1024;

/// Largest engagement time one report may add, in milliseconds: a page that stays focused reports more often than this.
pub const ENGAGED_MS_MAX: u32 = 24 * 60 * 60 * 1_000;

/// How long a visit may be idle before the next hit starts a new one, in milliseconds (30 minutes, as Plausible and GA do).
pub const VISIT_IDLE_MS_MAX: i64 = 30 * 60 * 1_000;

/// Distinct values kept per dimension, site and day; later ones are counted under [`OTHER`]. Bounds memory and storage
/// against a stranger who makes up paths.
pub const VALUES_PER_DIMENSION_MAX: usize = 50_000;

/// Distinct cells per level-2 pair, site and day; later ones are counted under [`OTHER`].
pub const CELLS_PER_PAIR_MAX: usize = 200_000;

/// How long after its local midnight a day stays open, in milliseconds: for hits that were under way, and longer than the
/// hour by which a clock set back can make a day come again.
pub const DAY_GRACE_MS: i64 = 2 * 60 * 60 * 1_000;

/// Visitors held in memory per site and day; later ones are counted in `minimal` mode.
pub const VISITORS_PER_DAY_MAX: usize = 20_000_000;

/// Distinct things (page, event, property, by visit source) remembered about one visitor in one day for uniqueness. A
/// person stays far below; a robot that gets past the filters stops adding to memory.
pub const SHAPES_PER_VISITOR_MAX: usize = 512;

/// Hits of one visitor that a day remembers, so that they can be shown and taken back; later ones are counted without their
/// visitor. Nobody views a page every three seconds for eight hours.
pub const HITS_PER_VISITOR_MAX: usize = 10_000;

/// Visitors per site and day that may have restricted their processing; the cookie still speaks for later ones.
pub const RESTRICTIONS_PER_DAY_MAX: usize = 100_000;

/// Distinct sets of segments and goals that hits are in, per site and day. Definitions of people overlap in a few ways; those
/// made to overlap in every way would number more than memory holds.
pub const LABEL_SETS_PER_DAY_MAX: usize = 10_000;

/// The value under which folded and capped values are counted.
pub const OTHER: &str = "(other)";

const _: () = assert!(RECORD_BYTES_MAX > BODY_BYTES_MAX, "a full body must fit one record");
