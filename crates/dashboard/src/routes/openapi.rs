//! `GET /api/openapi.json`: the API's description, held against the routes and the words it names by its tests.

use axum::http::header;
use axum::response::IntoResponse;

/// The description (OpenAPI 3.1).
pub const DESCRIPTION: &str = include_str!("../../openapi.json");

/// Answers with the description; it is the same for everybody.
pub(super) async fn answer() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")], DESCRIPTION)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::query::dimension::{NAMES, TIMES};
    use crate::query::metric::Metric;
    use crate::routes::PATHS;

    fn description() -> Value {
        serde_json::from_str(DESCRIPTION).unwrap()
    }

    fn words(at: &str) -> BTreeSet<String> {
        let listed = description().pointer(at).unwrap_or_else(|| panic!("{at}")).clone();
        listed.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let described = description();
        let described: BTreeSet<(String, String)> = described["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone()))
            })
            .collect();
        let routed = PATHS.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect();
        assert_eq!(described, routed);
    }

    #[test]
    fn every_metric_and_dimension_is_described_and_nothing_else() {
        let metrics = Metric::ALL.iter().map(|metric| metric.as_str().to_owned()).collect();
        assert_eq!(words("/components/schemas/Metric/enum"), metrics);
        let dimensions =
            NAMES.iter().map(|(name, _)| *name).filter(|name| *name != "event:props:NAME").map(str::to_owned).collect();
        assert_eq!(words("/components/schemas/CountedDimension/anyOf/0/enum"), dimensions);
        let times = TIMES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(words("/components/schemas/TimeDimension/enum"), times);
    }
}
