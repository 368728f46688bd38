//! The server's side of an import: `GET /api/v1/import` tells what is known of a site's files, `POST` counts files
//! as they stream in, framed. One import at a time: each holds a fold of its own in memory.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use model::{Domain, Sites};
use processor::import::{Doors, Import};
use serde::Deserialize;
use serde_json::json;
use store::Store;
use tokio::sync::{Mutex, mpsc};

use super::{direct, frames};
use crate::{clock, engine};

/// Pieces of a body on their way to the fold; more would only be memory.
const PIECES_MAX: usize = 16;

/// What the service works with.
pub struct Service {
    /// The measured sites.
    pub sites: Arc<ArcSwap<Sites>>,
    /// Where counts go.
    pub store: Store,
    /// Enrichment tables.
    pub tables: fold::Tables,
    /// Whether a request may import.
    pub admits: Box<dyn Fn(&HeaderMap) -> bool + Send + Sync>,
    /// One at a time.
    pub turn: Arc<Mutex<()>>,
}

/// The routes.
pub fn router(service: Service) -> axum::Router {
    let routes = axum::routing::get(known).post(import);
    axum::Router::new().route("/api/v1/import", routes).with_state(Arc::new(service))
}

#[derive(Deserialize)]
struct Asked {
    site_id: String,
    #[serde(default)]
    timezone: Option<String>,
}

impl Service {
    /// The site that a request may import into, or why it may not.
    fn admit(&self, headers: &HeaderMap, asked: &Asked) -> Result<Domain, Box<Response>> {
        if !(self.admits)(headers) {
            let message =
                "an import needs the API token: --token or FOOTFALL_TOKEN, sent as Authorization: Bearer TOKEN";
            return Err(Box::new(refuse(StatusCode::UNAUTHORIZED, message)));
        }
        let sites = self.sites.load();
        let site = sites.get(&asked.site_id).map(|site| site.domain.clone());
        site.ok_or_else(|| {
            let known: Vec<&str> = sites.iter().map(|site| site.domain.as_str()).collect();
            let message = format!("no such site here; configured are: {}", known.join(", "));
            Box::new(refuse(StatusCode::NOT_FOUND, &message))
        })
    }
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

async fn known(State(service): State<Arc<Service>>, headers: HeaderMap, Query(asked): Query<Asked>) -> Response {
    let domain = match service.admit(&headers, &asked) {
        Ok(domain) => domain,
        Err(refusal) => return *refusal,
    };
    match service.store.import_marks(&domain).await {
        Ok(marks) => Json(marks).into_response(),
        Err(error) => {
            tracing::warn!(error = %error, "import marks cannot be read");
            refuse(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer; try again")
        }
    }
}

async fn import(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
    body: Body,
) -> Response {
    let domain = match service.admit(&headers, &asked) {
        Ok(domain) => domain,
        Err(refusal) => return *refusal,
    };
    if asked.timezone.as_deref().is_some_and(|zone| fold::calendar::Zone::find(zone).is_err()) {
        return refuse(StatusCode::BAD_REQUEST, "timezone is not an IANA name such as Asia/Tokyo");
    }
    match count(&service, domain, &asked, body).await {
        Ok(account) => Json(account).into_response(),
        Err(error) => {
            tracing::warn!(error = %format!("{error:#}"), "an import stopped");
            refuse(StatusCode::UNPROCESSABLE_ENTITY, &format!("{error:#}; importing again goes on from there"))
        }
    }
}

async fn count(
    service: &Arc<Service>,
    domain: Domain,
    asked: &Asked,
    mut body: Body,
) -> anyhow::Result<serde_json::Value> {
    // Held by the counting itself, which goes on where the request is given up.
    let turn = Arc::clone(&service.turn).lock_owned().await;
    let (send, receive) = mpsc::channel::<io::Result<Bytes>>(PIECES_MAX);
    let marks = service.store.import_marks(&domain).await?;
    let site = direct::site(&service.sites.load(), domain, asked.timezone.clone());
    let service = Arc::clone(service);
    let counting = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let runtime = tokio::runtime::Handle::current();
        let now = clock::system().now();
        let mut import = Import::new(Arc::clone(&site), service.tables.clone(), engine::secret()?, marks, now);
        let mut body = Received { receive, piece: Bytes::new() };
        while let Some(header) = frames::header(&mut body)? {
            let line = header.format.reader(site.domain.as_str(), site.tcf);
            let mut step = |step| direct::carry_out(&runtime, &service.store, &site.domain, step);
            let mut doors = Doors { line: &*line, step: &mut step };
            import.file(&mut BufReader::new(frames::Pieces::new(&mut body)), header.known, &mut doors)?;
        }
        anyhow::Ok(super::account(import.summary()))
    });
    while let Some(frame) = body.frame().await {
        let piece = frame.map_err(io::Error::other).map(|frame| frame.into_data().unwrap_or_default());
        let broken = piece.is_err();
        if send.send(piece).await.is_err() || broken {
            break;
        }
    }
    drop(send);
    counting.await.map_err(|_| anyhow::anyhow!("the import broke off"))?
}

/// The body as a reader. Its end is no more than that: what ends a file is for `frames` to say.
struct Received {
    receive: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Read for Received {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receive.blocking_recv() {
                None => return Ok(0),
                Some(piece) => self.piece = piece?,
            }
        }
        let count = self.piece.len().min(buffer.len());
        let taken = self.piece.split_to(count);
        buffer.iter_mut().zip(taken.iter()).for_each(|(to, from)| *to = *from);
        Ok(count)
    }
}
