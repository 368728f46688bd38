//! The collector from outside: requests in, answers and sealed records out. One binary, because they share a desk.

mod desk;
mod doors;
mod forwarding;
mod listening;
mod properties;
