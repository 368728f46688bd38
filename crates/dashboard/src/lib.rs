//! dashboard
mod calendar;
pub mod query;
