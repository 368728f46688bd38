//! What an import did with every line: the account a person or a script reads at its end.

use std::collections::BTreeMap;

use model::Outcome;

/// Lines by what became of them; `lines` is the sum of all the others but `lines_known`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines read.
    pub lines: u64,
    /// Of these, lines that an earlier import had read; the numbers below speak of all lines, known ones included.
    pub lines_known: u64,
    /// Of those counted, how many an earlier import had counted.
    pub counted_known: u64,
    /// Blank lines and comments.
    pub empty: u64,
    /// Counted with their visitor.
    pub counted: u64,
    /// Counted without their visitor.
    pub minimal: u64,
    /// Turned away, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Robots, by class.
    pub bots: BTreeMap<&'static str, u64>,
    /// Counted without their visitor, because they came when their day was folded already: too far out of order.
    pub late: u64,
}

impl Summary {
    pub(super) fn count(&mut self, outcome: Outcome) {
        let counter = match outcome.kind() {
            "counted" => &mut self.counted,
            "minimal" => &mut self.minimal,
            "late" => &mut self.late,
            "bot" => self.bots.entry(outcome.reason()).or_default(),
            _ => self.refused.entry(outcome.reason()).or_default(),
        };
        *counter += 1;
    }

    /// Lines that became a page view or an event.
    #[must_use]
    pub const fn counted_all(&self) -> u64 {
        self.counted + self.minimal + self.late
    }
}
