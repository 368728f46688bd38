//! Every bound of the fold in one value, and the count of what met one. The defaults are `model::limits`; tests and small
//! machines give smaller ones.

use model::limits;

/// How much the fold holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Distinct values per dimension, site and day; later ones are counted as [`limits::OTHER`].
    pub values: usize,
    /// Distinct cells per pair of dimensions, site and day; later ones are counted as [`limits::OTHER`] by it.
    pub cells_per_pair: usize,
    /// Visitors per site and day; hits of later ones are counted without their visitor.
    pub visitors: usize,
    /// Distinct shapes of hits per visitor and day; later hits are counted on the page [`limits::OTHER`].
    pub shapes: usize,
    /// Hits remembered per visitor and day, so that they can be taken back; later ones are counted without their visitor.
    pub hits_per_visitor: usize,
    /// Visitors per site and day whose processing is restricted; later requests are not kept here.
    pub restrictions: usize,
    /// Hit ids remembered per site and hour; later ones are not recognised when they come twice.
    pub ids_per_hour: usize,
    /// Distinct sets of segments and goals that hits are in, per site and day; later hits are in none.
    pub label_sets: usize,
    /// Visitors of all sites and open days together, per partition; hits of later ones are counted without their visitor.
    pub visitors_in_all: usize,
    /// What is remembered of them and their hits, and ids, per partition: see [`Held::remembered`].
    pub remembered_in_all: usize,
}

/// What is remembered of each visitor that there is room for, on the average: some six hits, each with its id, and three shapes; and as much
/// again, for days that are longer.
const REMEMBERED_PER_VISITOR: usize = 32;

/// Ten million hits an hour and site: 160 MB for each such hour whose hits can still come again.
const IDS_PER_HOUR_MAX: usize = 10_000_000;

impl Default for Bounds {
    fn default() -> Self {
        Self {
            values: limits::VALUES_PER_DIMENSION_MAX,
            cells_per_pair: limits::CELLS_PER_PAIR_MAX,
            visitors: limits::VISITORS_PER_DAY_MAX,
            shapes: limits::SHAPES_PER_VISITOR_MAX,
            hits_per_visitor: limits::HITS_PER_VISITOR_MAX,
            restrictions: limits::RESTRICTIONS_PER_DAY_MAX,
            ids_per_hour: IDS_PER_HOUR_MAX,
            label_sets: limits::LABEL_SETS_PER_DAY_MAX,
            visitors_in_all: limits::VISITORS_PER_DAY_MAX,
            remembered_in_all: limits::VISITORS_PER_DAY_MAX * REMEMBERED_PER_VISITOR,
        }
    }
}

impl Bounds {
    /// The usual bounds with memory for so many visitors, whatever their sites.
    ///
    /// A partition that is read again from where its open days begin meets these at the same hits only as long as no day
    /// closed in between: who was turned away may be known then, and the other way round.
    #[must_use]
    pub fn of_visitors(visitors: usize) -> Self {
        let remembered_in_all = visitors.saturating_mul(REMEMBERED_PER_VISITOR);
        Self { visitors_in_all: visitors, remembered_in_all, ..Self::default() }
    }
}

/// How much is held of the open days; what a day held goes with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Visitors.
    pub(crate) visitors: usize,
    /// Hit ids, hits that can be taken back, and the shapes and properties by which uniqueness is told.
    pub(crate) remembered: usize,
}

impl Held {
    /// Puts what a site holds now in the place of what it held before.
    pub(crate) const fn replace(&mut self, before: Self, now: Self) {
        self.visitors = self.visitors + now.visitors - before.visitors;
        self.remembered = self.remembered + now.remembered - before.remembered;
    }
}

/// How often a bound was met since the fold began. For metrics: none of this is an error, all of it should be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overflows {
    /// Values counted as `(other)`.
    pub values: u64,
    /// Changes of pair cells counted as `(other)`.
    pub cells: u64,
    /// Hits counted without their visitor.
    pub visitors: u64,
    /// Hits of a visitor with too many shapes.
    pub shapes: u64,
    /// Hits counted without their visitor, who has too many.
    pub hits: u64,
    /// Requests to restrict that were not kept.
    pub restrictions: u64,
    /// Hit ids not remembered.
    pub ids: u64,
    /// Hits that were in another set of segments and goals than are kept.
    pub label_sets: u64,
    /// Amounts of money that are in no sum, because they are in another currency than the site's, or the site has none.
    pub currencies: u64,
}
