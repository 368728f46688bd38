//! The administrator's API token: preset by `FOOTFALL_TOKEN`, or made at the first start and shown once. Only its SHA-256 rests.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The digest a token is compared by.
pub type Digested = [u8; 32];

/// What a start found or made.
pub struct Token {
    /// To compare with.
    pub sha256: Digested,
    /// The token itself, when it was made just now: it can be shown this once.
    pub made: Option<String>,
}

/// Takes the preset token, or the one known in `data`, or makes one.
pub fn obtain(data: &Path, preset: Option<&str>) -> anyhow::Result<Token> {
    if let Some(preset) = preset {
        return Ok(Token { sha256: digest(preset), made: None });
    }
    let path = data.join("token.sha256");
    if let Ok(known) = std::fs::read(&path) {
        let sha256 = known.try_into().ok().with_context(|| {
            format!("{} is damaged: remove it, and the next start makes a new token", path.display())
        })?;
        return Ok(Token { sha256, made: None });
    }
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| anyhow::anyhow!("the operating system gave no random bytes"))?;
    let token = random.iter().fold("ff_".to_owned(), |token, byte| token + &format!("{byte:02x}"));
    let sha256 = digest(&token);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(&sha256)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Token { sha256, made: Some(token) })
}

/// Shows a token that was made just now.
#[expect(clippy::print_stderr, reason = "it is shown this once, to whoever started the server")]
pub fn show(token: &str, address: SocketAddr) {
    eprintln!("API token, shown this once: {token}");
    eprintln!("dashboard: http://{address}/#token={token}");
    eprintln!("make the first account: http://{address}/#setup={token}");
}

/// Whether a request carries the token.
pub fn admits(headers: &HeaderMap, sha256: &Digested) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| value.strip_prefix("Bearer "));
    token.is_some_and(|token| digest(token).ct_eq(sha256).into())
}

fn digest(token: &str) -> Digested {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_once_and_known_afterwards() {
        let data = tempfile::tempdir().unwrap();
        let first = obtain(data.path(), None).unwrap();
        let second = obtain(data.path(), None).unwrap();
        assert_eq!((digest(&first.made.unwrap()), second.made), (second.sha256, None));
    }

    #[test]
    fn a_preset_token_wins() {
        let data = tempfile::tempdir().unwrap();
        obtain(data.path(), None).unwrap();
        assert_eq!(obtain(data.path(), Some("mine")).unwrap().sha256, digest("mine"));
    }
}
