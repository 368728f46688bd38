//! The API's paths, one file each. A handler finds out who asks, lets the query be read and planned, asks, and writes.

mod asking;
mod ledger;
mod openapi;
mod query;
mod realtime;
mod sites;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::Shared;
use crate::reply::Failure;
pub use openapi::DESCRIPTION;

/// Every path of the API with its one method; what /api/openapi.json describes.
pub(crate) const PATHS: [(&str, &str); 5] = [
    ("post", "/api/v2/query"),
    ("get", "/api/v1/stats/realtime/visitors"),
    ("get", "/api/v1/sites"),
    ("get", "/api/v1/ledger"),
    ("get", "/api/openapi.json"),
];

/// The routes of [`PATHS`].
pub(crate) fn routes() -> Router<Arc<Shared>> {
    let [query, realtime, sites, ledger, openapi] = PATHS.map(|(_, path)| path);
    Router::new()
        .route(query, post(query::answer))
        .route(realtime, get(realtime::answer))
        .route(sites, get(sites::answer))
        .route(ledger, get(ledger::answer))
        .route(openapi, get(openapi::answer))
        .method_not_allowed_fallback(async || Failure::Method)
}
