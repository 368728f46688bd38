//! Who may read what: the administrator's token reads every site, nobody's the public ones.
//!
//! Accounts and roles are not here yet; they will decide in this one place.

use axum::http::{HeaderMap, header};
use model::Site;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::reply::Failure;

/// What an asker has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// The administrator's token.
    Administrator,
    /// No token.
    Anyone,
}

impl Access {
    /// Reads the `Authorization` header. A wrong token is refused even where none is needed, so that its sender notices.
    pub(crate) fn of(headers: &HeaderMap, token_sha256: &[u8; 32]) -> Result<Self, Failure> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Ok(Self::Anyone);
        };
        let token = value.to_str().ok().and_then(|value| value.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
        let given: [u8; 32] = Sha256::digest(token.unwrap_or_default()).into();
        // Digests are compared, in constant time, so that neither length nor prefix of the token shows.
        if bool::from(given.ct_eq(token_sha256)) { Ok(Self::Administrator) } else { Err(Failure::Unauthorised) }
    }

    /// Whether a site may be read.
    pub(crate) fn may_read(self, site: &Site) -> bool {
        match self {
            Self::Administrator => true,
            Self::Anyone => site.public,
        }
    }

    /// Whether a site's goals, segments, funnels and annotations may be changed.
    pub(crate) fn may_define(self, _site: &Site) -> bool {
        match self {
            Self::Administrator => true,
            Self::Anyone => false,
        }
    }

    /// What is answered for a site that does not exist or may not be read.
    pub(crate) fn refusal(self) -> Failure {
        match self {
            Self::Administrator => Failure::NoSuchSite,
            Self::Anyone => Failure::Unauthorised,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(authorization: Option<&str>) -> Result<Access, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        Access::of(&headers, &Sha256::digest("right").into())
    }

    #[test]
    fn only_the_right_token_opens() {
        assert_eq!(of(None).ok(), Some(Access::Anyone));
        assert_eq!(of(Some("Bearer right")).ok(), Some(Access::Administrator));
        assert_eq!(of(Some("bearer  right ")).ok(), Some(Access::Administrator));
        for wrong in ["Bearer wrong", "Bearer ", "Bearer", "Basic right", "right", ""] {
            assert!(of(Some(wrong)).is_err(), "{wrong:?}");
        }
    }
}
