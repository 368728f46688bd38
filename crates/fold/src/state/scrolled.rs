//! What of each visitor of a day reached goals of a scroll depth: 16 bytes each time, nothing for those who reached none.

use hashbrown::HashMap;

use crate::state::day::VisitorNumber;
use crate::state::visitor::Shape;

/// The reports of attention of one day that reached a goal, as shapes.
#[derive(Default)]
pub(crate) struct Scrolled(HashMap<VisitorNumber, Vec<Shape>, foldhash::fast::RandomState>);

impl Scrolled {
    /// Those of a visitor, the oldest first.
    pub(crate) fn of(&self, visitor: VisitorNumber) -> &[Shape] {
        self.0.get(&visitor).map_or(&[], |shapes| shapes)
    }

    /// Adds one.
    pub(crate) fn note(&mut self, visitor: VisitorNumber, shape: Shape) {
        self.0.entry(visitor).or_default().push(shape);
    }

    /// Forgets a visitor, and leaves nothing of theirs in memory.
    pub(crate) fn forget(&mut self, visitor: VisitorNumber) {
        if let Some(mut shapes) = self.0.remove(&visitor) {
            shapes.fill(Shape::default());
        }
    }
}
