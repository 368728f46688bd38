//! What a visitor may ask of the processor about what is held on their browser today. A request travels sealed through the
//! journal like a hit, so that it acts in order with the hits, and again when they are replayed.
//!
//! Opting out is not one of these: that is the browser's own cookie, read at the door.

use serde::{Deserialize, Serialize};

use crate::{Domain, Millis, Peer};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Right {
    /// Take back every count of this visitor's open days, and forget the visitor.
    Erase,
    /// Leave the counts as they are, and process nothing more of this visitor until the day is over.
    Restrict,
    /// Lift a restriction.
    Resume,
}

impl Right {
    /// The word for it in metrics and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Erase => "erase",
            Self::Restrict => "restrict",
            Self::Resume => "resume",
        }
    }
}

/// A visitor's request. Its peer is cut to the site's precision, as that of a hit is: else it would be somebody else.
#[derive(Debug, PartialEq, Eq)]
pub struct RightsRequest {
    /// The site it is about.
    pub site: Domain,
    /// When it was received.
    pub at: Millis,
    /// What is asked for.
    pub right: Right,
    /// Who asks.
    pub peer: Peer,
}

/// A visitor's question what is held of them, on its way through the journal: who has their hits answers it when it has come to
/// it, sealed to a key that lives as long as the question.
#[derive(Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// The site it is about.
    pub site: Domain,
    /// When it was received.
    pub at: Millis,
    /// Who asks, cut to the site's precision.
    pub peer: Peer,
    /// Tells the answer from others; made for this question alone.
    pub number: u64,
    /// The X25519 public key to which the answer is sealed.
    pub key: [u8; 32],
}
