//! A site-local day that is over, for the hits of it that come all the same: a collector kept them while the journal was away. Nobody
//! is known of the day any more, and nobody is remembered: it holds values and waiting changes, and no visitor has a place in it.

use model::{Cell, Domain, LocalDay};

use crate::cells::pending::{Pending, ValueTables};

/// What waits of one closed day.
#[derive(Default)]
pub(crate) struct LateDay {
    pub(crate) values: ValueTables,
    pub(crate) pending: Pending,
}

impl LateDay {
    pub(crate) fn take(&mut self, site: &Domain, day: LocalDay, cells: &mut Vec<Cell>) {
        self.pending.take(site, day, &self.values, cells);
    }
}
