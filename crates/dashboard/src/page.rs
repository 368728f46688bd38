//! The web page's files, as the build made them, carried in the binary.
//!
//! What has a hash in its name is kept by browsers for good; the rest is asked again each time and mostly "not modified".

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::reply::Failure;

/// One file of the page.
struct File {
    path: &'static str,
    media_type: &'static str,
    hash: &'static str,
    bytes: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

impl File {
    /// The smallest form that a browser takes, with its name; none where that is the file as it is.
    fn packed(&self, headers: &HeaderMap) -> Option<(&'static str, &'static [u8])> {
        let forms = [("br", self.brotli), ("gzip", self.gzip)];
        forms.into_iter().find_map(|(name, form)| form.filter(|_| takes(headers, name)).map(|form| (name, form)))
    }
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Under this folder names carry a hash of their contents.
const HASHED: &str = "assets/";

/// Answers with a file of the page, `/` being the page itself.
pub(crate) async fn serve(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let Some(file) = FILES.iter().find(|file| file.path == path) else {
        return Failure::NoSuchPath.into_response();
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Failure::Method.into_response();
    }
    let headers = request.headers();
    let caching = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let packed = file.packed(headers);
    // Two forms of one file are two entities.
    let tag = match packed {
        Some((name, _)) => format!("\"{}-{name}\"", file.hash),
        None => format!("\"{}\"", file.hash),
    };
    let described = [
        (header::CONTENT_TYPE, file.media_type.to_owned()),
        (header::CACHE_CONTROL, caching.to_owned()),
        (header::VARY, "Accept-Encoding".to_owned()),
        (header::ETAG, tag.clone()),
    ];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)) {
        return (StatusCode::NOT_MODIFIED, described).into_response();
    }
    match packed {
        Some((name, form)) => (described, [(header::CONTENT_ENCODING, name)], form).into_response(),
        None => (described, file.bytes).into_response(),
    }
}

/// The page itself, whatever was known of it before.
pub(crate) fn document() -> Response {
    match FILES.iter().find(|file| file.path == "index.html") {
        Some(file) => ([(header::CONTENT_TYPE, file.media_type)], file.bytes).into_response(),
        None => Failure::NoSuchPath.into_response(),
    }
}

fn takes(headers: &HeaderMap, form: &str) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        name.trim() == form && weight.trim() != "q=0"
    })
}
