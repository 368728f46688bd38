//! The fold as the processor uses it. `properties` holds it against the naive recount of `oracle` on random `traffic`;
//! `cases` are single days worked out by hand; `bounds` is what happens when there is too much of something; `closing` is when days
//! end; `rights` is what a visitor may ask; `defined` is what segments, goals and funnels mean; `flows` is which page follows which; `vitals` is what
//! browsers measured. `sent` and `oracle` are also read by the simulation in tests/sim.

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod closing;
#[cfg(test)]
mod defined;
#[cfg(test)]
mod flows;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod sent;
#[cfg(test)]
mod traffic;
#[cfg(test)]
mod vitals;
