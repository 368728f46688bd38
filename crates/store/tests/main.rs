//! Tests on the real engine, in a process of its own. What belongs where:
//!
//! * `inserts`: exactly once, whatever is repeated or killed
//! * `schema`: migrations, live visitors, import marks, errors
//! * `closing`: closing a day, forgetting old ones, through kills
//! * `months`: questions over whole months, against a naive sum
//! * `host`: ClickHouse's HTTP interface, request by request
//! * `child`: the engine as a supervised process
//! * `faults`: what networks, disks and operators do to inserts, through the `proxy`
//! * `writes`: disks that fail under the engine
//! * `golden`: every statement that is sent, for a single server and for a cluster, and who may send it
//! * `https`: a server behind TLS
//! * `clients`: clients that nobody here wrote
//! * `figures`: speed and size, printed, never judged by the clock

#[cfg(test)]
mod child;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod closing;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod host;
#[cfg(test)]
mod https;
#[cfg(test)]
mod inserts;
#[cfg(test)]
mod months;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod support;
#[cfg(test)]
mod writes;
