//! The API's paths, one file each. A handler finds out who asks, lets the query be read and planned, asks, and writes.

pub(crate) mod accounts;
pub(crate) mod asking;
mod days;
mod definitions;
mod flow;
mod funnel;
mod ledger;
mod openapi;
mod parameters;
mod properties;
mod query;
mod realtime;
mod sites;
mod taken;
mod v1;
mod vitals;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::Shared;
use crate::reply::Failure;
pub use openapi::description;

/// One path of the API.
pub(crate) struct Endpoint {
    /// Its one method.
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// What it is for.
    pub(crate) summary: &'static str,
    /// What its body holds, by its schema's name in the description.
    pub(crate) question: Option<&'static str>,
    /// The parameters in its URL, by their names in the description.
    pub(crate) parameters: &'static [&'static str],
    /// What it answers with, by its schema's name in the description.
    pub(crate) answer: &'static str,
    /// Whether it is the same for everybody.
    pub(crate) is_open: bool,
}

const fn reading(path: &'static str, parameters: &'static [&'static str], answer: &'static str) -> Endpoint {
    Endpoint { method: "get", path, summary: "", question: None, parameters, answer, is_open: false }
}

/// The definitions of a kind.
pub(crate) const DEFINITIONS: &str = "/api/sites/{site}/{kind}";
/// One of them.
pub(crate) const DEFINITION: &str = "/api/sites/{site}/{kind}/{name}";

const fn asking(path: &'static str, question: &'static str, answer: &'static str) -> Endpoint {
    Endpoint { method: "post", question: Some(question), ..reading(path, &[], answer) }
}

const fn defining(method: &'static str, path: &'static str, parameters: &'static [&'static str]) -> Endpoint {
    Endpoint { method, ..reading(path, parameters, "Definition") }
}

/// Every path of the API: what is served and what /api/openapi.json describes.
pub(crate) const ENDPOINTS: [Endpoint; 17] = [
    Endpoint { summary: "Ask the counts of a site", ..asking("/api/v2/query", "Query", "Answer") },
    Endpoint {
        summary: "One number a metric (Plausible's older API)",
        ..reading(
            "/api/v1/stats/aggregate",
            &["SiteId", "Period", "Date", "Metrics", "Filters", "WithImported", "Compare"],
            "Aggregate",
        )
    },
    Endpoint {
        summary: "Every bucket of a range (Plausible's older API)",
        ..reading(
            "/api/v1/stats/timeseries",
            &["SiteId", "Period", "Date", "Metrics", "Filters", "WithImported", "Interval"],
            "Objects",
        )
    },
    Endpoint {
        summary: "The values of one property (Plausible's older API)",
        ..reading(
            "/api/v1/stats/breakdown",
            &["SiteId", "Property", "Period", "Date", "Metrics", "Filters", "WithImported", "Limit", "Page"],
            "Objects",
        )
    },
    Endpoint {
        summary: "Visitors of the last five minutes",
        ..reading("/api/v1/stats/realtime/visitors", &["SiteId"], "Count")
    },
    Endpoint {
        summary: "The last half hour by minute, and how far the counts are",
        ..reading("/api/v1/stats/realtime", &["SiteId"], "HalfHour")
    },
    Endpoint { summary: "The sites you may read", ..reading("/api/v1/sites", &[], "Sites") },
    Endpoint {
        summary: "What became of every hit: received = counted + minimal + refused + bots + late",
        ..reading("/api/v1/ledger", &["SiteId", "DateRange"], "Ledger")
    },
    Endpoint { summary: "This description", is_open: true, ..reading("/api/openapi.json", &[], "Description") },
    Endpoint {
        summary: "How many visitors reached each step of a funnel",
        ..asking("/api/v2/funnel", "FunnelQuery", "FunnelAnswer")
    },
    Endpoint {
        summary: "Where the views of a page came from, and where they led to",
        ..asking("/api/v2/flow", "FlowQuery", "FlowAnswer")
    },
    Endpoint { summary: "How pages felt to load and use", ..asking("/api/v2/vitals", "VitalsQuery", "VitalsAnswer") },
    Endpoint {
        summary: "The names of the properties that events had",
        ..reading("/api/v1/properties", &["SiteId", "DateRange"], "PropertyNames")
    },
    Endpoint {
        summary: "The goals, segments, funnels or annotations of a site",
        ..reading(DEFINITIONS, &["Site", "Kind"], "DefinitionList")
    },
    Endpoint { summary: "One of them", ..defining("get", DEFINITION, &["Site", "Kind", "Name"]) },
    Endpoint {
        question: Some("Meaning"),
        summary: "Give a name a meaning: hits are counted by it from `effective_from` on",
        ..defining("put", DEFINITION, &["Site", "Kind", "Name"])
    },
    Endpoint {
        summary: "Take a name's meaning away: what was counted stays",
        ..defining("delete", DEFINITION, &["Site", "Kind", "Name"])
    },
];

/// The routes of [`ENDPOINTS`].
pub(crate) fn routes() -> Router<Arc<Shared>> {
    let [
        query,
        aggregate,
        timeseries,
        breakdown,
        realtime,
        half_hour,
        sites,
        ledger,
        openapi,
        funnel,
        flow,
        vitals,
        properties,
        ..,
    ] = ENDPOINTS.map(|endpoint| endpoint.path);
    Router::new()
        .route(query, post(query::answer))
        .route(aggregate, get(v1::aggregate))
        .route(timeseries, get(v1::timeseries))
        .route(breakdown, get(v1::breakdown))
        .route(realtime, get(realtime::answer))
        .route(half_hour, get(realtime::half_hour))
        .route(sites, get(sites::answer))
        .route(ledger, get(ledger::answer))
        .route(openapi, get(openapi::answer))
        .route(funnel, post(funnel::answer))
        .route(flow, post(flow::answer))
        .route(vitals, post(vitals::answer))
        .route(properties, get(properties::answer))
        .merge(definitions::routes())
        .merge(accounts::routes())
        .method_not_allowed_fallback(async || Failure::Method)
}
