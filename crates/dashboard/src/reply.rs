//! Failures as the asker sees them: a status, one sentence and a code in JSON. The operator's words go to the log, never out.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use settings::SettingsError;
use store::StoreError;

use crate::query::problem::Problem;

/// When to ask again where something is away or busy.
const RETRY_SECONDS: u64 = 5;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The question is wrong or cannot be answered.
    #[error("{0}")]
    Problem(#[from] Problem),
    /// No token, or a wrong one.
    #[error(
        "this needs a session or a valid API token: sign in, or send `Authorization: Bearer TOKEN` (and check that the site exists)"
    )]
    Unauthorised,
    /// No such site.
    #[error("there is no such site, or you may not read it")]
    NoSuchSite,
    /// No such definition.
    #[error("the site has no {kind} {name:?}; GET /api/sites/SITE/{kind}s lists those it has")]
    NoSuchDefinition {
        /// Of what kind.
        kind: &'static str,
        /// Under what name.
        name: String,
    },
    /// Whatever user, session or token was named.
    #[error("there is no such {0}, or it is not yours to see")]
    NoSuch(&'static str),
    /// What only somebody who is signed in has.
    #[error("this is for somebody who is signed in with login and password")]
    NotSignedIn,
    /// Login and password do not go together; nobody learns which of them is wrong.
    #[error("login and password do not go together, or the account is disabled")]
    WrongLogin,
    /// A link that is followed, and whatever became of it.
    #[error(
        "this link opens nothing: it was taken back, it has expired, or a part of it is missing; ask whoever gave it to you for another one"
    )]
    NoSuchShare,
    /// A link that takes a password.
    #[error("{}", if *given { "that is not the password of this link" } else { "this link takes a password: send it as `password`" })]
    SharePassword {
        /// Whether one was sent.
        given: bool,
    },
    /// Known, and not allowed.
    #[error("{0}")]
    Forbidden(String),
    /// A session's request that another site may have made the browser send.
    #[error("this request did not come from this dashboard's own page; open the page again and repeat it")]
    NotOurs,
    /// A password over a connection that others can read.
    #[error(
        "a password would cross the network in plain text: open the dashboard over https (and name the TLS proxy in trusted_proxies, so that its X-Forwarded-Proto is believed), or on the server itself"
    )]
    Readable,
    /// Too many failed attempts.
    #[error("too many attempts; try again in {0} seconds")]
    Waits(u64),
    /// What was asked for is not taken, and why.
    #[error("{0}")]
    Refused(String),
    /// It is there already.
    #[error("{0}")]
    Exists(String),
    /// The settings did not answer.
    #[error("the settings cannot be read or changed at the moment; try again in a few seconds")]
    Settings,
    /// No such path.
    #[error("there is nothing here; the API is described at /api/openapi.json")]
    NoSuchPath,
    /// Another method is needed.
    #[error("this path does not answer that method; the API is described at /api/openapi.json")]
    Method,
    /// Parameters in the URL that are not understood.
    #[error("the URL's parameters are not understood: send each once, as /api/openapi.json describes them")]
    Parameters,
    /// A body that is not JSON.
    #[error("send the request as JSON with `Content-Type: application/json`")]
    MediaType,
    /// A body over the limit.
    #[error("the request is larger than {0} bytes")]
    TooLarge(usize),
    /// Too many questions at once.
    #[error("too many questions at once; try again in a few seconds")]
    Busy,
    /// The counts did not answer.
    #[error("{}", told(.0))]
    Store(#[from] StoreError),
}

/// What ClickHouse's codes mean for the asker.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    TooMuch,
    BadPattern,
    Unavailable,
}

fn verdict(error: &StoreError) -> Verdict {
    match error.code() {
        // TOO_MANY_ROWS, TIMEOUT_EXCEEDED, MEMORY_LIMIT_EXCEEDED, TOO_MANY_ROWS_OR_BYTES
        Some(158 | 159 | 241 | 396) => Verdict::TooMuch,
        // CANNOT_COMPILE_REGEXP
        Some(427) => Verdict::BadPattern,
        Some(_) | None => Verdict::Unavailable,
    }
}

fn told(error: &StoreError) -> &'static str {
    match verdict(error) {
        Verdict::TooMuch => "this question takes too long: ask for fewer days, or for fewer rows",
        Verdict::BadPattern => "a `matches` filter is not a regular expression in RE2's syntax",
        Verdict::Unavailable => "the counts cannot be read at the moment; nothing is lost, try again in a few seconds",
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Refused(reason) => Self::Refused(reason),
            other => {
                tracing::warn!(error = %other, "the settings did not do what they were asked");
                Self::Settings
            }
        }
    }
}

/// A failure as it is sent.
#[derive(Serialize)]
struct Told {
    error: String,
    code: &'static str,
    /// How many there may be of what there are too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<i64>,
}

impl Failure {
    /// What it is in HTTP, and what a program tells it by, which stays when the words get better.
    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Problem(problem) => (StatusCode::BAD_REQUEST, problem.code()),
            Self::Parameters => (StatusCode::BAD_REQUEST, "parameters"),
            Self::Refused(_) => (StatusCode::BAD_REQUEST, "refused"),
            Self::Unauthorised => (StatusCode::UNAUTHORIZED, "unauthorised"),
            Self::NotSignedIn => (StatusCode::UNAUTHORIZED, "not_signed_in"),
            Self::WrongLogin => (StatusCode::UNAUTHORIZED, "wrong_login"),
            Self::SharePassword { .. } => (StatusCode::UNAUTHORIZED, "share_password"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::NotOurs => (StatusCode::FORBIDDEN, "not_ours"),
            Self::Readable => (StatusCode::FORBIDDEN, "readable"),
            Self::NoSuchSite => (StatusCode::NOT_FOUND, "no_such_site"),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "no_such_path"),
            Self::NoSuch(_) => (StatusCode::NOT_FOUND, "no_such_thing"),
            Self::NoSuchShare => (StatusCode::NOT_FOUND, "no_such_share"),
            Self::NoSuchDefinition { .. } => (StatusCode::NOT_FOUND, "no_such_definition"),
            Self::Exists(_) => (StatusCode::CONFLICT, "exists"),
            Self::Waits(_) => (StatusCode::TOO_MANY_REQUESTS, "waits"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method"),
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Settings => (StatusCode::SERVICE_UNAVAILABLE, "settings_away"),
            Self::Store(error) => match verdict(error) {
                Verdict::TooMuch => (StatusCode::BAD_REQUEST, "too_much"),
                Verdict::BadPattern => (StatusCode::BAD_REQUEST, "bad_pattern"),
                Verdict::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "counts_away"),
            },
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        // The store's own words may repeat what was asked, so only its code is logged; and a question's own fault is not ours.
        if let Self::Store(error) = &self
            && verdict(error) == Verdict::Unavailable
        {
            tracing::warn!(code = error.code(), "the store did not answer a question");
        }
        let (status, code) = self.kind();
        let wait = if let Self::Waits(seconds) = self { seconds } else { RETRY_SECONDS };
        let max = if let Self::Problem(Problem::TooLong(days)) = self { Some(days) } else { None };
        let body = axum::Json(Told { error: self.to_string(), code, max });
        match status {
            StatusCode::UNAUTHORIZED => {
                (status, [(header::WWW_AUTHENTICATE, "Bearer realm=\"footfall\"")], body).into_response()
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                (status, [(header::RETRY_AFTER, wait.to_string())], body).into_response()
            }
            _ => (status, body).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_store_is_told_without_its_words() {
        let secret = "Code: 60. SELECT secret FROM counts AT 10.0.0.1";
        for (code, status) in [(60, 503), (159, 400), (427, 400)] {
            let failure = Failure::from(StoreError::Exception { doing: "asking", code, detail: secret.to_owned() });
            assert_eq!(failure.kind().0.as_u16(), status);
            assert!(!failure.to_string().contains("SELECT") && !failure.to_string().contains("10.0.0.1"), "{failure}");
        }
    }
}
