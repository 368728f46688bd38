//! How far each visitor of a day has come in each funnel: a few bytes for those who took a first step, nothing for the others.

use hashbrown::HashMap;

use crate::state::day::VisitorNumber;
use crate::state::values::ValueId;

/// Steps reached, counted from the first.
pub(crate) type Steps = u8;

/// The funnels of one day's visitors.
#[derive(Default)]
pub(crate) struct Funnels(HashMap<VisitorNumber, Vec<Reached>, foldhash::fast::RandomState>);

/// How far one visitor came in one funnel, by the number of its name. At most as many of them as a site has funnels on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) funnel: ValueId,
    pub(crate) steps: Steps,
}

impl Funnels {
    /// How many steps of a funnel a visitor has reached.
    pub(crate) fn steps(&self, visitor: VisitorNumber, funnel: ValueId) -> Steps {
        let reached = self.0.get(&visitor).into_iter().flatten().find(|reached| reached.funnel == funnel);
        reached.map_or(0, |reached| reached.steps)
    }

    /// Notes that a visitor has taken one step more; says the number of that step.
    pub(crate) fn advance(&mut self, visitor: VisitorNumber, funnel: ValueId) -> Steps {
        let funnels = self.0.entry(visitor).or_default();
        match funnels.iter_mut().find(|reached| reached.funnel == funnel) {
            Some(reached) => {
                reached.steps = reached.steps.saturating_add(1);
                reached.steps
            }
            None => {
                funnels.push(Reached { funnel, steps: 1 });
                1
            }
        }
    }

    /// Forgets a visitor, and says how far they had come.
    pub(crate) fn forget(&mut self, visitor: VisitorNumber) -> Vec<Reached> {
        self.0.remove(&visitor).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_goes_on_in_each_funnel_and_is_forgotten_in_all() {
        let mut funnels = Funnels::default();
        assert_eq!([(7, 2), (7, 2), (7, 3), (8, 2)].map(|(who, funnel)| funnels.advance(who, funnel)), [1, 2, 1, 1]);
        assert_eq!((funnels.steps(7, 2), funnels.steps(7, 4), funnels.steps(9, 2)), (2, 0, 0));
        assert_eq!(funnels.forget(7), [Reached { funnel: 2, steps: 2 }, Reached { funnel: 3, steps: 1 }]);
        assert_eq!((funnels.steps(7, 2), funnels.steps(8, 2)), (0, 1));
    }
}
