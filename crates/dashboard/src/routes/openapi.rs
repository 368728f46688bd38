//! `GET /api/openapi.json`: the API's description, made of the table of endpoints, of the words that queries know, and of the
//! schemas beside this crate's sources. `docs/openapi.json` is the same text; a test holds them together.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::{ENDPOINTS, Endpoint};
use crate::query::dimension::{BY_NAME, NAMES, TIMES};
use crate::query::filter::OPERATORS;
use crate::query::metric::Metric;

/// What is the same whatever the code knows: schemas, parameters, responses.
const SCHEMAS: &str = include_str!("../../openapi.json");

/// The description (OpenAPI 3.1).
#[must_use]
pub fn description() -> &'static str {
    static DESCRIPTION: LazyLock<String> =
        LazyLock::new(|| format!("{:#}\n", describe(serde_json::from_str(SCHEMAS).expect("a test reads it"))));
    &DESCRIPTION
}

/// Answers with the description; it is the same for everybody.
pub(super) async fn answer() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")], description())
}

#[expect(clippy::indexing_slicing, reason = "a key of an object is made where it is missing")]
fn describe(mut document: Value) -> Value {
    let mut paths = Map::new();
    for endpoint in &ENDPOINTS {
        let of_path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        of_path[endpoint.method] = operation(endpoint);
    }
    super::accounts::description::add(&mut paths, &mut document);
    document["paths"] = paths.into();
    let schemas = &mut document["components"]["schemas"];
    schemas["Metric"] = json!({ "enum": Metric::ALL.map(Metric::as_str) });
    schemas["TimeDimension"] = json!({ "enum": TIMES.map(|(name, _)| name) });
    let names: Vec<&str> =
        NAMES.iter().chain(&BY_NAME).map(|(name, _)| *name).filter(|name| !name.ends_with(":NAME")).collect();
    schemas["CountedDimension"] =
        json!({ "anyOf": [{ "enum": names }, { "type": "string", "pattern": "^event:props:.+$" }] });
    schemas["FilterOperator"] = json!({ "enum": OPERATORS });
    document
}

#[expect(clippy::indexing_slicing, reason = "a key of an object is made where it is missing")]
fn operation(endpoint: &Endpoint) -> Value {
    let Endpoint { method, summary, question, parameters, answer, .. } = endpoint;
    let schema = |name: &str| json!({ "schema": { "$ref": format!("#/components/schemas/{name}") } });
    let response = |name: &str| json!({ "$ref": format!("#/components/responses/{name}") });
    let mut operation = json!({
        "summary": summary,
        "responses": { "200": { "description": "The answer", "content": { "application/json": schema(answer) } } }
    });
    let responses = &mut operation["responses"];
    if endpoint.is_open {
        operation["security"] = json!([{}]);
        return operation;
    }
    responses["401"] = response("Unauthorised");
    if *method == "put" {
        responses["413"] = response("Problem");
        responses["415"] = response("Problem");
    }
    if let Some(question) = question {
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": schema(question) } });
    }
    let responses = &mut operation["responses"];
    if *method == "post" || !parameters.is_empty() {
        responses["400"] = response("Problem");
        responses["403"] = response("Forbidden");
        responses["404"] = response("NoSuchSite");
        responses["503"] = response("Busy");
    }
    if *method == "post" {
        responses["413"] = response("Problem");
        responses["415"] = response("Problem");
    }
    if *question == Some("Query") {
        responses["200"]["content"]["text/csv"] = json!({ "schema": { "type": "string" } });
        responses["200"]["headers"] = json!({
            "footfall-total-rows": { "description": "With text/csv: how many rows there are without `pagination`", "schema": { "type": "integer" } },
            "footfall-warnings": { "description": "With text/csv: the keys of what `meta` would warn of", "schema": { "type": "string" } }
        });
    }
    if !parameters.is_empty() {
        let parameter = |name: &&str| json!({ "$ref": format!("#/components/parameters/{name}") });
        operation["parameters"] = parameters.iter().map(parameter).collect();
    }
    operation
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_description_in_the_documentation_is_this_one() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&file, description()).unwrap();
        }
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            written == description(),
            "docs/openapi.json is another: UPDATE_GOLDEN=1 cargo test -p dashboard writes it"
        );
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document: Value = serde_json::from_str(description()).unwrap();
        let mut seen = 0;
        let mut left = vec![&document];
        while let Some(value) = left.pop() {
            if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                seen += 1;
                assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
            }
            match value {
                Value::Array(values) => left.extend(values),
                Value::Object(fields) => left.extend(fields.values()),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        assert!(seen > 50, "{seen}");
    }
}
