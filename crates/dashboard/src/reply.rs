//! Failures as the asker sees them: a status and one sentence in JSON. The operator's words go to the log, never out.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use settings::SettingsError;
use store::StoreError;

use crate::query::problem::Problem;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The question is wrong or cannot be answered.
    #[error("{0}")]
    Problem(#[from] Problem),
    /// No token, or a wrong one.
    #[error("this needs a valid API token: send `Authorization: Bearer TOKEN` (and check that the site exists)")]
    Unauthorised,
    /// No such site.
    #[error("there is no such site")]
    NoSuchSite,
    /// No such definition.
    #[error("the site has no {kind} {name:?}; GET /api/sites/SITE/{kind}s lists those it has")]
    NoSuchDefinition {
        /// Of what kind.
        kind: &'static str,
        /// Under what name.
        name: String,
    },
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
    #[error("send the query as JSON with `Content-Type: application/json`")]
    MediaType,
    /// A body over the limit.
    #[error("the query is larger than {0} bytes")]
    TooLarge(usize),
    /// Too many questions at once.
    #[error("too many questions at once; try again in a few seconds")]
    Busy,
    /// The settings did not do it. Only what is wrong with the request is told.
    #[error("{}", match .0 {
        SettingsError::Refused(why) => why.as_str(),
        _ => "the settings cannot be reached at the moment; try again in a few seconds",
    })]
    Settings(#[from] SettingsError),
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

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Problem(_) | Self::Parameters => StatusCode::BAD_REQUEST,
            Self::Unauthorised => StatusCode::UNAUTHORIZED,
            Self::NoSuchSite | Self::NoSuchPath | Self::NoSuchDefinition { .. } => StatusCode::NOT_FOUND,
            Self::Settings(SettingsError::Refused(_)) => StatusCode::BAD_REQUEST,
            Self::Settings(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(error) => match verdict(error) {
                Verdict::TooMuch | Verdict::BadPattern => StatusCode::BAD_REQUEST,
                Verdict::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
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
        if let Self::Settings(error) = &self
            && !matches!(error, SettingsError::Refused(_))
        {
            tracing::warn!(%error, "the settings did not do what was asked over HTTP");
        }
        let status = self.status();
        let body = axum::Json(json!({ "error": self.to_string() }));
        match status {
            StatusCode::UNAUTHORIZED => {
                (status, [(header::WWW_AUTHENTICATE, "Bearer realm=\"footfall\"")], body).into_response()
            }
            StatusCode::SERVICE_UNAVAILABLE => (status, [(header::RETRY_AFTER, "5")], body).into_response(),
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
            assert_eq!(failure.status().as_u16(), status);
            assert!(!failure.to_string().contains("SELECT") && !failure.to_string().contains("10.0.0.1"), "{failure}");
        }
    }
}
