//! A proxy between the store and the engine: it does to inserts what networks and servers do to them, and writes down what is
//! sent. It is not ClickHouse's: it knows only HTTP, and an insert by its first words.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use store::{Store, StoreConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

/// What happens to an insert on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The engine commits; the connection breaks before its answer arrives.
    ReplyLost,
    /// The engine commits; its answer comes this much later.
    Slow(Duration),
    /// Nothing reaches the engine; something in between answers 503.
    Unavailable,
    /// The connection breaks after half of the rows.
    Cut,
}

/// One request as it was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub statement: String,
    pub settings: Vec<(String, String)>,
}

#[derive(Default)]
struct State {
    /// One for each insert to come; afterwards they pass.
    faults: Vec<Fault>,
    met: usize,
    sent: Vec<Sent>,
}

pub struct Proxy {
    pub url: String,
    state: Arc<Mutex<State>>,
}

/// What the engine is to be sent instead of a statement.
pub type Rewrite = fn(&str) -> String;

impl Proxy {
    pub async fn start(engine: &str) -> Self {
        Self::rewriting(engine, str::to_owned).await
    }

    pub async fn rewriting(engine: &str, rewrite: Rewrite) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let (engine, shared) = (engine.trim_start_matches("http://").to_owned(), Arc::clone(&state));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (engine, shared) = (engine.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    let serve = service_fn(|request| handle(engine.clone(), Arc::clone(&shared), rewrite, request));
                    // A fault ends the connection, which is the point.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await;
                });
            }
        });
        Self { url, state }
    }

    pub fn store(&self) -> Store {
        Store::connect(&StoreConfig {
            url: self.url.clone(),
            database: "footfall".to_owned(),
            user: "default".to_owned(),
            password: String::new(),
        })
    }

    /// The next inserts meet these, one each.
    pub fn next(&self, faults: &[Fault]) {
        let mut state = self.state.lock().unwrap();
        state.faults = faults.iter().rev().copied().collect();
        state.met = 0;
    }

    /// How many of them were met.
    pub fn met(&self) -> usize {
        self.state.lock().unwrap().met
    }

    /// What was sent since this was asked last.
    pub fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.state.lock().unwrap().sent)
    }
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("broken on purpose")]
struct Broken;

async fn handle(
    engine: String,
    state: Arc<Mutex<State>>,
    rewrite: Rewrite,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Broken> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let named = query.iter().find(|(name, _)| name == "query").map(|(_, text)| text.clone());
    let statement = named.clone().unwrap_or_else(|| statement_of(&String::from_utf8_lossy(&body)));
    let fault = {
        let mut state = state.lock().unwrap();
        state.sent.push(Sent {
            statement: statement.clone(),
            settings: query.iter().filter(|(name, _)| name != "query" && name != "database").cloned().collect(),
        });
        let fault = if named.is_some_and(|text| text.starts_with("INSERT")) { state.faults.pop() } else { None };
        state.met += usize::from(fault.is_some());
        fault
    };
    match fault {
        Some(Fault::Unavailable) => {
            let answer = Response::builder().status(StatusCode::SERVICE_UNAVAILABLE);
            return Ok(answer.body(Full::new(Bytes::from_static(b"upstream connect error"))).unwrap());
        }
        Some(Fault::Cut) => {
            let mut half = TcpStream::connect(&engine).await.unwrap();
            let head = format!("POST {} HTTP/1.1\r\nhost: engine\r\ncontent-length: {}\r\n", parts.uri, body.len());
            let headers: String = parts
                .headers
                .iter()
                .filter(|(name, _)| name.as_str().starts_with("x-clickhouse"))
                .map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()))
                .collect();
            half.write_all(format!("{head}{headers}\r\n").as_bytes()).await.unwrap();
            half.write_all(&body[..body.len() / 2]).await.unwrap();
            half.shutdown().await.unwrap();
            return Err(Broken);
        }
        Some(Fault::ReplyLost | Fault::Slow(_)) | None => {}
    }
    let (path, body) = rewritten(&query, body, rewrite);
    let mut forwarded = Request::builder().method(Method::POST).uri(format!("http://{engine}{path}"));
    let wanted = |name: &str| name.starts_with("x-clickhouse") || name == "content-type";
    for (name, value) in parts.headers.iter().filter(|(name, _)| wanted(name.as_str())) {
        forwarded = forwarded.header(name, value);
    }
    let answer = crate::support::send(forwarded, body).await.map_err(|_| Broken)?;
    match fault {
        Some(Fault::ReplyLost) => Err(Broken),
        Some(Fault::Slow(wait)) => {
            tokio::time::sleep(wait).await;
            Ok(answer.map(Full::new))
        }
        Some(Fault::Unavailable | Fault::Cut) | None => Ok(answer.map(Full::new)),
    }
}

/// Path and body for the engine. A statement stands in the address, with rows in the body, or is the body.
fn rewritten(query: &[(String, String)], body: Bytes, rewrite: Rewrite) -> (String, Bytes) {
    let mut path = url::form_urlencoded::Serializer::new(String::from("/?"));
    let mut statement_in_path = false;
    for (name, value) in query {
        statement_in_path |= name == "query";
        let value = if name == "query" { rewrite(value) } else { value.clone() };
        path.append_pair(name, &value);
    }
    let body = match statement_in_path {
        true => body,
        false => Bytes::from(rewrite(&String::from_utf8_lossy(&body))),
    };
    (path.finish(), body)
}

/// The statement of a body: all of it, or the part of a form that the client sends where there are parameters.
fn statement_of(body: &str) -> String {
    let Some((boundary, form)) = body.split_once("\r\n").filter(|(boundary, _)| boundary.starts_with("--")) else {
        return body.to_owned();
    };
    let query = form.split(boundary).find(|part| part.contains("name=\"query\"")).expect("a form holds a statement");
    query.split_once("\r\n\r\n").unwrap().1.trim_end().to_owned()
}
