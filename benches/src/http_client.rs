//! A small client for the engine's HTTP interface and Footfall's API: one request, one whole answer, an error for anything
//! but success. It is not the store's client; the peers' tables are asked through it.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use store::StoreConfig;

/// Longest one request may take: a large month, merged to its end beside other work.
const REQUEST_MAX: Duration = Duration::from_secs(600);

/// A client of one server.
pub struct HttpClient {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    headers: Vec<(&'static str, String)>,
}

impl HttpClient {
    /// Of any server.
    pub fn new(url: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, url: url.to_owned(), headers: Vec::new() }
    }

    /// Of an engine.
    pub fn of_engine(config: &StoreConfig) -> Self {
        let headers = vec![("x-clickhouse-user", config.user.clone()), ("x-clickhouse-key", config.password.clone())];
        Self { headers, ..Self::new(&config.url) }
    }

    /// Posts `body` and returns the answer.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> anyhow::Result<String> {
        let mut request = http::Request::post(format!("{}{path}", self.url)).header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        self.send(request.body(Full::new(body.into()))?).await
    }

    /// Gets a page and returns it.
    pub async fn get(&self, path: &str) -> anyhow::Result<String> {
        self.send(http::Request::get(format!("{}{path}", self.url)).body(Full::default())?).await
    }

    async fn send(&self, request: http::Request<Full<Bytes>>) -> anyhow::Result<String> {
        let answer = async {
            let answer = self.client.request(request).await?;
            let status = answer.status();
            let body = answer.into_body().collect().await?.to_bytes();
            let text = String::from_utf8_lossy(&body).into_owned();
            if !status.is_success() {
                bail!("{} answered {status}: {}", self.url, text.get(..500).unwrap_or(&text));
            }
            Ok(text)
        };
        tokio::time::timeout(REQUEST_MAX, answer).await.context("no answer in time")?
    }

    /// Runs one SQL statement and returns its answer's text.
    pub async fn sql(&self, statement: &str) -> anyhow::Result<String> {
        self.post("/", statement.to_owned()).await
    }

    /// Inserts rows, written as tab-separated text.
    pub async fn insert(&self, table_and_columns: &str, rows: String) -> anyhow::Result<()> {
        let statement = format!("INSERT INTO {table_and_columns} FORMAT TabSeparated\n{rows}");
        self.sql(&statement).await.map(drop)
    }
}
