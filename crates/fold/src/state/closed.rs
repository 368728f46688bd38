//! A site-local day that is over, until the next flush: what still waited in it when it closed, and what came of it all the same, because a
//! collector kept it while the journal was away. Nobody is known of the day any more: it holds values and waiting changes, and no visitor
//! has a place in it.

use crate::cells::pending::{Pending, ValueTables};

/// What waits of one closed day.
#[derive(Default)]
pub(crate) struct Waiting {
    pub(crate) values: ValueTables,
    pub(crate) pending: Pending,
}
