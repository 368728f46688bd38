//! Following a shared link: what its page sends once, and what it shows with every question after.
//!
//! A link without a password is what is shown, as an API token is. One with a password opens a session of its own for half a day; of both
//! the page keeps the secret in memory, where no other site's frame can make the browser send it. Guesses wait as those at a sign-in do.

use std::sync::Arc;

use axum::http::request::Parts;
use settings::{PasswordHash, SecretDigest, Share};

use super::backoff::Wait;
use super::{Accounts, SESSION_MS, password, secret};
use crate::access::{Access, Guest};
use crate::reply::Failure;

/// What the secret of a link begins with, so that a leaked one is found and recognised.
pub(super) const LINK_PREFIX: &str = "fs_";
/// What the secret of a session begins with that was opened by a link and its password.
pub(super) const OPENED_PREFIX: &str = "fo_";

/// The results of following a link.
pub(super) const RESULTS: [&str; 6] = ["ok", "gone", "password", "wrong", "waits", "busy"];

/// A link that was followed.
pub(crate) struct Opening {
    /// What is shown with every question.
    pub(crate) token: String,
    /// What it shows.
    pub(crate) guest: Guest,
}

impl Accounts {
    /// Who shows a shared link, or the session that it opened.
    pub(super) async fn guest(&self, secret: &str) -> Result<Access, Failure> {
        let digest = SecretDigest::of(secret);
        let share = if secret.starts_with(LINK_PREFIX) {
            self.settings
                .share_of_link(&digest)
                .await?
                .filter(|(_, password)| password.is_none())
                .map(|(share, _)| share)
        } else {
            self.settings.share_of_session(&digest).await?
        };
        let share = share.ok_or(Failure::Unauthorised)?;
        self.note_use(&share).await?;
        Ok(Access::Guest(Arc::new(Guest { share })))
    }

    /// Follows a link. Whether it never was, has expired or was taken back is one answer.
    pub(crate) async fn open_share(&self, parts: &Parts, link: &str, given: Option<&str>) -> Result<Opening, Failure> {
        let counted = |result: &'static str| self.openings.with_label_values(&[result]).inc();
        let digest = SecretDigest::of(link);
        let found = if link.starts_with(LINK_PREFIX) { self.settings.share_of_link(&digest).await? } else { None };
        let Some((share, kept)) = found else {
            counted("gone");
            return Err(Failure::NoSuchShare);
        };
        let token = match (kept, given) {
            (None, _) => link.to_owned(),
            (Some(_), None) => {
                counted("password");
                return Err(Failure::SharePassword { given: false });
            }
            (Some(kept), Some(given)) => {
                let token = Box::pin(self.compare(parts, (&share, &digest), &kept, given)).await;
                token.inspect_err(|failure| {
                    counted(match failure {
                        Failure::SharePassword { .. } => "wrong",
                        Failure::Waits(_) => "waits",
                        Failure::NoSuchShare => "gone",
                        _ => "busy",
                    });
                })?
            }
        };
        self.note_use(&share).await?;
        counted("ok");
        Ok(Opening { token, guest: Guest { share } })
    }

    /// Compares a password, and opens a session where it is right.
    async fn compare(
        &self,
        parts: &Parts,
        (share, link): (&Share, &SecretDigest),
        kept: &PasswordHash,
        given: &str,
    ) -> Result<String, Failure> {
        let peer = self.may_open(parts)?;
        // No login holds a space, so that none is taken for a share's.
        let account = format!("share {}", share.id);
        let admitted = self.backoff.admit(&account, peer.address, self.clock.now());
        let attempt = admitted.map_err(|Wait(seconds)| Failure::Waits(seconds))?;
        if given.len() > password::BYTES_MAX {
            return Err(Failure::SharePassword { given: true });
        }
        let (given, compared) = (given.to_owned(), kept.clone());
        let is_right = self.hashed("compare", move || password::is_right(&given, &compared).unwrap_or(false)).await?;
        if !is_right {
            return Err(Failure::SharePassword { given: true });
        }
        self.backoff.succeeded(&attempt, self.clock.now());
        let token = format!("{OPENED_PREFIX}{}", secret()?);
        let until = self.clock.now().plus(SESSION_MS);
        let opened = self.settings.open_share_session(&SecretDigest::of(&token), (share, link), kept, until).await?;
        if opened { Ok(token) } else { Err(Failure::NoSuchShare) }
    }

    async fn note_use(&self, share: &Share) -> Result<(), Failure> {
        if !share.is_noted(self.clock.now()) {
            self.settings.touch_share(&share.id).await?;
        }
        Ok(())
    }
}

/// The secret of a new link.
pub fn link_secret() -> Option<String> {
    Some(format!("{LINK_PREFIX}{}", secret().ok()?))
}
