//! A request of ClickHouse's HTTP interface, read from URL and headers: nothing is executed, nothing is checked against
//! the engine. Whatever the interface does not reserve is a setting for this one query.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::request::Parts;
use http::{HeaderMap, Method, header};

use super::exception::{Exception, Own};
use super::ffi::Parameter;

/// How bytes are packed on the way, as HTTP names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Lz4,
}

impl Encoding {
    pub(super) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Deflate => Some("deflate"),
            Self::Lz4 => Some("lz4"),
        }
    }
}

/// The session a request belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SessionWish {
    pub(super) id: String,
    pub(super) timeout_seconds: u64,
    /// It must exist already.
    pub(super) check: bool,
}

/// Everything a request says beside its body.
#[derive(Debug)]
pub(super) struct Request {
    /// The `query` parameter, or nothing.
    pub(super) query: Vec<u8>,
    pub(super) query_id: String,
    pub(super) database: Option<String>,
    pub(super) default_format: Option<String>,
    pub(super) session: Option<SessionWish>,
    pub(super) settings: Vec<(String, String)>,
    pub(super) parameters: Vec<Parameter>,
    /// The answer is wanted in ClickHouse's own framing.
    pub(super) compress: bool,
    /// The body comes in ClickHouse's own framing.
    pub(super) decompress: bool,
    /// A `GET` changes nothing.
    pub(super) read_only: bool,
    pub(super) accepted: Encoding,
    pub(super) encoded: Encoding,
    /// Boundary of a `multipart/form-data` body.
    pub(super) boundary: Option<String>,
    pub(super) user: String,
    pub(super) password: String,
}

/// Longest a session may be kept idle, in seconds; ClickHouse's default bound.
const SESSION_SECONDS_MAX: u64 = 3_600;
/// How long a session is kept idle unless the client says otherwise; ClickHouse's default.
const SESSION_SECONDS: u64 = 60;

impl Request {
    /// Reads URL and headers; `query_id` is used unless the client brings its own.
    pub(super) fn parse(parts: &Parts, query_id: String) -> Result<Self, Exception> {
        let headers = &parts.headers;
        let mut request = Self {
            query: Vec::new(),
            query_id,
            database: text(headers, "x-clickhouse-database"),
            default_format: text(headers, "x-clickhouse-format"),
            session: None,
            settings: Vec::new(),
            parameters: Vec::new(),
            compress: false,
            decompress: false,
            read_only: parts.method != Method::POST,
            accepted: accepted(headers),
            encoded: encoded(headers)?,
            boundary: text(headers, "content-type").as_deref().and_then(boundary),
            user: text(headers, "x-clickhouse-user").unwrap_or_default(),
            password: text(headers, "x-clickhouse-key").unwrap_or_default(),
        };
        if let Some((user, password)) = text(headers, "authorization").as_deref().and_then(basic) {
            (request.user, request.password) = (user, password);
        }
        let mut session = SessionWish { id: String::new(), timeout_seconds: SESSION_SECONDS, check: false };
        for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "session_id" => session.id = value.into_owned(),
                "session_timeout" => {
                    let seconds = value.parse().ok().filter(|seconds| *seconds <= SESSION_SECONDS_MAX);
                    let wrong = || Exception::own(Own::IncorrectData, "session_timeout must be at most 3600 seconds");
                    session.timeout_seconds = seconds.ok_or_else(wrong)?;
                }
                "session_check" => session.check = value == "1",
                name => request.take(name, value.into_owned())?,
            }
        }
        request.session = Some(session).filter(|session| !session.id.is_empty());
        if request.settings.iter().any(|(name, value)| name == "enable_http_compression" && value == "0") {
            request.accepted = Encoding::Identity;
        }
        Ok(request)
    }

    /// Takes one parameter, from the URL or from a form.
    pub(super) fn take(&mut self, name: &str, value: String) -> Result<(), Exception> {
        match name {
            "query" => {
                if !self.query.is_empty() {
                    self.query.push(b'\n');
                }
                self.query.extend_from_slice(value.as_bytes());
            }
            "query_id" if !value.is_empty() => self.query_id = value,
            "database" if !value.is_empty() => self.database = Some(value),
            "default_format" if !value.is_empty() => self.default_format = Some(value),
            "user" => self.user = value,
            "password" => self.password = value,
            "compress" => self.compress = value == "1",
            "decompress" => self.decompress = value == "1",
            "role" => return Err(Exception::own(Own::NotImplemented, "Roles do not exist in the embedded engine")),
            // Reserved by the interface and without meaning here: answers are complete when they are small, and large
            // ones are streamed; blocks are always those of the oldest protocol, as for a server without this parameter.
            "query_id"
            | "database"
            | "default_format"
            | "wait_end_of_query"
            | "buffer_size"
            | "stacktrace"
            | "quota_key"
            | "client_protocol_version"
            | "http_write_exception_in_output_format" => {}
            _ => match name.strip_prefix("param_") {
                Some(parameter) => self.parameters.push((parameter.to_owned(), value)),
                None => self.settings.push((setting_name(name)?, value)),
            },
        }
        Ok(())
    }
}

/// A name that may stand in a `SET` statement without quotes.
fn setting_name(name: &str) -> Result<String, Exception> {
    let well_formed = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    if name.is_empty() || !well_formed || name.len() > 200 {
        return Err(Exception::own(Own::UnknownSetting, "Unknown setting: its name is no identifier"));
    }
    Ok(name.to_owned())
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned).filter(|value| !value.is_empty())
}

/// The cheapest encoding that the client can read.
fn accepted(headers: &HeaderMap) -> Encoding {
    let list = text(headers, header::ACCEPT_ENCODING.as_str()).unwrap_or_default();
    let names = |wanted: &str| {
        list.split(',').any(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted)) && parts.all(|part| part != "q=0")
        })
    };
    match (names("lz4"), names("gzip"), names("deflate")) {
        (true, _, _) => Encoding::Lz4,
        (false, true, _) => Encoding::Gzip,
        (false, false, true) => Encoding::Deflate,
        (false, false, false) => Encoding::Identity,
    }
}

fn encoded(headers: &HeaderMap) -> Result<Encoding, Exception> {
    let name = text(headers, header::CONTENT_ENCODING.as_str()).unwrap_or_default().to_ascii_lowercase();
    match name.as_str() {
        "" | "identity" => Ok(Encoding::Identity),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        "deflate" => Ok(Encoding::Deflate),
        "lz4" => Ok(Encoding::Lz4),
        _ => {
            let said = "This Content-Encoding is not supported; gzip, deflate and lz4 are";
            Err(Exception::own(Own::NotImplemented, said))
        }
    }
}

fn boundary(content_type: &str) -> Option<String> {
    let rest = content_type.strip_prefix("multipart/form-data")?;
    let found = rest.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?;
    Some(found.trim_matches('"').to_owned())
}

fn basic(authorization: &str) -> Option<(String, String)> {
    let encoded = authorization.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, headers: &[(&str, &str)]) -> Result<Request, Exception> {
        let mut builder = http::Request::builder().method(Method::POST).uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        Request::parse(&builder.body(()).unwrap().into_parts().0, "made".to_owned())
    }

    #[test]
    fn what_is_not_reserved_is_a_setting_or_a_parameter() {
        let read =
            request("/?query=SELECT+1&database=d&max_threads=2&param_a=x%20y&query_id=&session_id=s", &[]).unwrap();
        assert_eq!((read.query.as_slice(), read.query_id.as_str()), (b"SELECT 1".as_slice(), "made"));
        assert_eq!(read.settings, [("max_threads".to_owned(), "2".to_owned())]);
        assert_eq!(read.parameters, [("a".to_owned(), "x y".to_owned())]);
        assert_eq!(read.session.map(|session| (session.id, session.timeout_seconds)), Some(("s".to_owned(), 60)));
        assert_eq!(request("/?a%20b=1", &[]).unwrap_err().code, 115);
    }

    #[test]
    fn reads_who_asks_from_headers_and_from_basic_authentication() {
        let read = request("/", &[("X-ClickHouse-User", "u"), ("X-ClickHouse-Key", "k")]).unwrap();
        assert_eq!((read.user.as_str(), read.password.as_str()), ("u", "k"));
        let read = request("/", &[("Authorization", "Basic dXNlcjpwYTpzcw==")]).unwrap();
        assert_eq!((read.user.as_str(), read.password.as_str()), ("user", "pa:ss"));
    }

    #[test]
    fn picks_an_encoding_both_sides_know() {
        let of = |list: &str| request("/", &[("Accept-Encoding", list)]).unwrap().accepted;
        assert_eq!(of("br, zstd, gzip;q=0.5"), Encoding::Gzip);
        assert_eq!(of("gzip;q=0, deflate"), Encoding::Deflate);
        assert_eq!(of("zstd"), Encoding::Identity);
        assert_eq!(request("/", &[("Content-Encoding", "br")]).unwrap_err().code, 48);
    }
}
