//! Everything that protects a visitor: what may be computed about a hit, what is cut off it, how it is sealed while it
//! rests, and the pseudonym that is all the fold ever sees of its sender.
//!
//! Pure: randomness and time come as arguments, and nothing here knows where a record comes from or where it goes.

pub mod consent;
mod consent_bits;
pub mod disclosure;
pub mod google;
pub mod gpp;
mod marks;
mod money;
pub mod notice;
pub mod redact;
pub mod seal;
pub mod strip;
pub mod tcf;
pub mod visitor;
