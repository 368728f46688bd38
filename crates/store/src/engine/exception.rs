//! Errors as ClickHouse's HTTP interface tells them: a code, a name, a text, and the status that belongs to the code.

use http::StatusCode;

/// One error, on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exception {
    /// ClickHouse's number.
    pub(super) code: i32,
    /// `Code: N. DB::Exception: …`, without the version.
    pub(super) text: String,
}

/// The errors that the host itself makes; all others are the engine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// A body, an encoding or a parameter is not what it says it is.
    IncorrectData,
    /// A thing ClickHouse has and this host does not.
    NotImplemented,
    /// More than one statement, or none.
    Syntax,
    /// A statement over the bound.
    TooLarge,
    /// A setting's name that cannot be one.
    UnknownSetting,
    /// A change by `GET`.
    ReadOnly,
    /// The queue is full.
    TooManyQueries,
    /// The session is not there.
    SessionNotFound,
    /// The session is in use.
    SessionLocked,
    /// Wrong user or key.
    Authentication,
    /// The engine gave no connection.
    NoConnection,
}

impl Own {
    const fn code_and_name(self) -> (i32, &'static str) {
        match self {
            Self::IncorrectData => (117, "INCORRECT_DATA"),
            Self::NotImplemented => (48, "NOT_IMPLEMENTED"),
            Self::Syntax => (62, "SYNTAX_ERROR"),
            Self::TooLarge => (66, "QUERY_IS_TOO_LARGE"),
            Self::UnknownSetting => (115, "UNKNOWN_SETTING"),
            Self::ReadOnly => (164, "READONLY"),
            Self::TooManyQueries => (202, "TOO_MANY_SIMULTANEOUS_QUERIES"),
            Self::SessionNotFound => (372, "SESSION_NOT_FOUND"),
            Self::SessionLocked => (373, "SESSION_IS_LOCKED"),
            Self::Authentication => (516, "AUTHENTICATION_FAILED"),
            Self::NoConnection => (203, "NO_FREE_CONNECTION"),
        }
    }
}

impl Exception {
    /// An error of the host's own.
    pub(super) fn own(kind: Own, text: &str) -> Self {
        let (code, name) = kind.code_and_name();
        Self { code, text: format!("Code: {code}. DB::Exception: {text}. ({name})") }
    }

    /// An error in the engine's words.
    pub(super) fn of_engine(text: String) -> Self {
        let digits = text.split_once("Code: ").map_or("", |(_, rest)| rest);
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let code = digits.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or(UNKNOWN_EXCEPTION);
        Self { code, text: text.trim_end().to_owned() }
    }

    /// The body to send. It ends in two brackets, by which clients find an error at the end of a broken answer.
    pub(super) fn body(&self, version: &str) -> String {
        let text = self.text.split(" (version ").next().unwrap_or_default();
        format!("{text} (version {version} (embedded))\n")
    }

    /// The status that ClickHouse answers with; 503 for a full queue, so that anything in between tries again later.
    pub(super) fn status(&self) -> StatusCode {
        match self.code {
            194 => StatusCode::UNAUTHORIZED,
            192 | 193 | 497 | 512 | 516 => StatusCode::FORBIDDEN,
            6 | 15 | 25 | 26 | 27 | 36 | 38 | 41 | 44 | 53 | 62 | 72 | 8 | 92 | 117 | 167 | 168 | 223 | 321 | 376
            | 427 | 441 | 675 | 676 => StatusCode::BAD_REQUEST,
            // A parameter's value is the client's mistake like any other value; ClickHouse says 500 here in old versions.
            456 | 457 => StatusCode::BAD_REQUEST,
            46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | 115 | 336 | 372 | 511 => StatusCode::NOT_FOUND,
            66 => StatusCode::PAYLOAD_TOO_LARGE,
            48 => StatusCode::NOT_IMPLEMENTED,
            202 | 203 | 209 | 439 => StatusCode::SERVICE_UNAVAILABLE,
            159 => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// ClickHouse's code for what has none.
const UNKNOWN_EXCEPTION: i32 = 1002;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_error_keeps_its_code_and_gains_a_version() {
        let error = Exception::of_engine("Code: 60. DB::Exception: No table. (UNKNOWN_TABLE)\n".to_owned());
        assert_eq!((error.code, error.status()), (60, StatusCode::NOT_FOUND));
        assert_eq!(error.body("1.2"), "Code: 60. DB::Exception: No table. (UNKNOWN_TABLE) (version 1.2 (embedded))\n");
        let versioned = Exception::of_engine("Code: 27. DB::Exception: x. (Y) (version 26.7.2.1)".to_owned());
        assert_eq!(versioned.body("1.2"), "Code: 27. DB::Exception: x. (Y) (version 1.2 (embedded))\n");
    }

    #[test]
    fn statuses_follow_the_codes() {
        let status = |kind| Exception::own(kind, "x").status().as_u16();
        assert_eq!(status(Own::TooManyQueries), 503);
        assert_eq!(status(Own::Authentication), 403);
        assert_eq!(status(Own::Syntax), 400);
        assert_eq!(Exception::of_engine("what".to_owned()).status().as_u16(), 500);
    }
}
