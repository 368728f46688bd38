//! What a browser, a page or a consent tool said about being measured, as a bitmask. The strings that said it (a TC string,
//! a cookie) never travel: they may be personal data themselves.

use serde::{Deserialize, Serialize};

/// A set of consent signals. What they mean together is decided in `privacy::consent`, nowhere else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Signals(pub u16);

impl Signals {
    /// The visitor opted out of this site (opt-out cookie).
    pub const OPTED_OUT: Self = Self(1);
    /// A child, or a page directed at children.
    pub const CHILD: Self = Self(1 << 1);
    /// The page said the visitor refused analytics.
    pub const REFUSED: Self = Self(1 << 2);
    /// The IAB TCF string refuses.
    pub const TCF_REFUSED: Self = Self(1 << 3);
    /// The IAB GPP string refuses.
    pub const GPP_REFUSED: Self = Self(1 << 4);
    /// Global Privacy Control.
    pub const GPC: Self = Self(1 << 5);
    /// Do Not Track.
    pub const DNT: Self = Self(1 << 6);
    /// The page said the visitor agreed to analytics.
    pub const GRANTED: Self = Self(1 << 7);
    /// The IAB TCF string agrees.
    pub const TCF_GRANTED: Self = Self(1 << 8);
    /// A consent string was there that says neither yes nor no: malformed, out of date, or silent on measuring.
    pub const UNCLEAR: Self = Self(1 << 9);
    /// The visitor restricted the processing of their data, for some hours (restriction cookie).
    pub const RESTRICTED: Self = Self(1 << 10);

    /// Whether all of `other` is in this set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in this set.
    #[must_use]
    pub const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// This set and `other` together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
