//! What the fold remembers: per site, and per site-local day. All of it is in memory only, and a day is dropped whole.

pub(crate) mod chains;
pub(crate) mod closed;
pub(crate) mod day;
pub(crate) mod duplicates;
pub(crate) mod funnels;
pub(crate) mod history;
pub(crate) mod labels;
pub(crate) mod live;
pub(crate) mod profiles;
pub(crate) mod scrolled;
pub(crate) mod site;
pub(crate) mod values;
pub(crate) mod visitor;
