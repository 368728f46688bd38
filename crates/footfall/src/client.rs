//! A small HTTP client for the commands that talk to a running server: plain HTTP to one base address.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Largest answer that is read, in bytes; the largest honest one is a page of 10,000 rows.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A body that may be streamed.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// Talks to one server.
pub struct Client {
    base: String,
    authorization: Option<String>,
    client: legacy::Client<HttpConnector, Body>,
}

/// What a server answered.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Client {
    /// A client of the server at `base`, such as `http://127.0.0.1:8080`.
    pub fn new(base: &str, token: Option<&str>) -> anyhow::Result<Self> {
        if base.starts_with("https:") {
            bail!("{base}: this command speaks plain HTTP only; give it the address behind the TLS proxy");
        }
        ensure!(base.starts_with("http://"), "{base} is not an address such as http://127.0.0.1:8080");
        let client =
            legacy::Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(20)).build_http();
        let authorization = token.filter(|token| !token.is_empty()).map(|token| format!("Bearer {token}"));
        Ok(Self { base: base.trim_end_matches('/').to_owned(), authorization, client })
    }

    /// GETs a path.
    pub async fn get(&self, path: &str, headers: &[(&str, String)]) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, headers, whole(Bytes::new())).await
    }

    /// POSTs JSON to a path.
    pub async fn post(&self, path: &str, headers: &[(&str, String)], json: Bytes) -> anyhow::Result<Answer> {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/json".to_owned()));
        self.send(Method::POST, path, &headers, whole(json)).await
    }

    /// Sends any body to a path.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: Body,
    ) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.base);
        let mut request = Request::builder().method(method).uri(&url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let request = request.body(body).with_context(|| format!("{url} is not an address"))?;
        let answer = self
            .client
            .request(request)
            .await
            .with_context(|| format!("no answer from {}; is `footfall serve` running there?", self.base))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the answer of {url} broke off: {error}"))?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

impl Answer {
    /// The body of a good answer; of another, an error with the server's own words.
    pub fn good(self, asked: &str) -> anyhow::Result<Bytes> {
        if self.status < 300 {
            return Ok(self.body);
        }
        let said: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let words = said.as_ref().and_then(|said| said.get("error")).and_then(serde_json::Value::as_str);
        // The server speaks of the header; whoever is here does not write any.
        let token = if self.status == 401 { "; a token is given with --token or FOOTFALL_TOKEN" } else { "" };
        bail!("{asked}: the server answered {}: {}{token}", self.status, words.unwrap_or("no reason given"))
    }
}

/// A body that is here already.
pub fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// Percent-encodes a query value.
pub fn escape(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len() * 2), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}
