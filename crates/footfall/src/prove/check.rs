//! A promise, what was seen of it, and the verdict. Evidence holds counts, names and ages; never a stored value.

use serde_json::{Value, json};

/// What the evidence says of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds,
    Broken,
    /// The evidence is not to be had here.
    CannotBeTold,
}

impl Verdict {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
            Self::CannotBeTold => "cannot be told here",
        }
    }

    /// Holds where the condition does.
    pub(super) const fn of(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Broken }
    }
}

/// One promise, checked.
pub(super) struct Check {
    pub(super) claim: String,
    pub(super) evidence: String,
    pub(super) verdict: Verdict,
}

impl Check {
    pub(super) fn new(claim: impl Into<String>, verdict: Verdict, evidence: impl Into<String>) -> Self {
        Self { claim: claim.into(), evidence: evidence.into(), verdict }
    }

    /// A claim whose evidence could not be had; the operator's words for why not.
    pub(super) fn untold(claim: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::new(claim, Verdict::CannotBeTold, why.to_string())
    }

    pub(super) fn json(&self) -> Value {
        json!({ "claim": self.claim, "evidence": self.evidence, "verdict": self.verdict.as_str() })
    }
}
