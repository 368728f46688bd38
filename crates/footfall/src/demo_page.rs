//! The demo page: two small pages with the tracker and a button, to see a visit arrive.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use model::Domain;

const PAGE: &str = include_str!("demo_page.html");
const SCRIPT: &str = "document.querySelector('[data-demo=event]').addEventListener('click', () => \
                      window.footfall('Signup', { props: { plan: 'free' } }));";

/// The demo page of `site`, at `/demo` and `/demo/second`.
pub fn router(site: &Domain) -> Router {
    let page = |heading: &str, next: &str| {
        PAGE.replace("{site}", site.as_str()).replace("{heading}", heading).replace("{next}", next)
    };
    let (first, second) = (page("A page that is measured", "/demo/second"), page("A second page", "/demo"));
    Router::new()
        .route("/demo", get(|| async move { Html(first) }))
        .route("/demo/second", get(|| async move { Html(second) }))
        .route("/demo.js", get(|| async { ([(CONTENT_TYPE, "text/javascript")], SCRIPT).into_response() }))
}
