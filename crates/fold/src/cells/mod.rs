//! Cells: which ones a hit lies in, which of them are new to its visitor, and the changes that wait for the next flush.

pub(crate) mod pending;
pub(crate) mod point;
pub(crate) mod seen;
