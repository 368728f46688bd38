//! `POST /api/v2/flow`: where the views of a page came from, and where they led to.
//!
//! Ways are page views that followed each other within a visit; entries and exits are the page's own counts. What is left of its views is
//! told as one number, so that each side adds up to them.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use model::{Counts, Dimension};
use privacy::disclosure::Precision;
use serde_json::{Map, Value, json};
use settings::Report;
use store::questions::{Answer, Cells, Column, Key, Measure, Order, Question, Selection};

use super::days::{Days, Fields, PERCENT, QUESTION_BYTES_MAX};
use super::taken::Taken;
use crate::Shared;
use crate::access::{Access, Look};
use crate::accounts::browser::json_body;
use crate::query::problem::Problem;
use crate::query::range::Range;
use crate::reply::Failure;

/// Pages of one side that are told, where nobody asks for another number.
const LIMIT: u32 = 10;
/// Most of them: more is no picture of where people go.
const LIMIT_MAX: u32 = 100;

const FORM: &str = "an object such as {\"site_id\": \"example.com\", \"page\": \"/\", \"date_range\": \"7d\"}";

/// Whose ways these are.
const IN_FULL: &str = "ways are counted between page views in mode `full` only: one person's pages in their order are more than counting \
     takes without consent. Other views are in `other`";

/// What else is in `other`.
const FOLDED: &str =
    "on a closed day, ways of fewer visitors than the site folds are in `other`; so are pages beyond `limit`";

/// Answers the question.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    access: Access,
    taken: Taken,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let body = json_body(&headers, body, QUESTION_BYTES_MAX).await?;
    let asked = Asked::parse(&body)?;
    let days =
        Days::of(&shared, (&access, Look::Report(Report::Flows)), (&asked.site, asked.range), "ways from page to page")
            .await?;
    taken.note(&shared, &access, &days.site, "flows").await?;
    let [of_page, previous, next] = questions(&days, &asked);
    let (of_page, previous, next, lost) = shared
        .in_turn("flow", async {
            let store = &shared.store;
            let lost = days.lost(&shared);
            Ok(tokio::try_join!(store.ask(&of_page), store.ask(&previous), store.ask(&next), lost)?)
        })
        .await?;
    let counts = of_page.rows.first().map_or_else(Counts::default, |row| row.counts);
    let (views, precision) = (counts.pageviews, days.precision);
    let own = [
        ("ways", json!({ "code": "in_full", "warning": IN_FULL })),
        ("folded", json!({ "below": days.site.visitors_min, "warning": FOLDED })),
    ];
    Ok(Json(json!({
        "page": asked.page,
        "pageviews": precision.count(views),
        "previous": side(("entries", counts.entries), &previous, views, precision),
        "next": side(("exits", counts.exits), &next, views, precision),
        "meta": days.meta(own, &lost),
        "query": {
            "site_id": days.site.domain, "page": asked.page, "date_range": days.label(), "limit": asked.limit,
        },
    })))
}

/// One side of a page: the visits that began or ended there, the pages before or after it, and the views that are neither.
fn side((end, ends): (&str, i64), ways: &Answer, views: i64, precision: Precision) -> Value {
    let share = |part| precision.share_beside(part, views, PERCENT);
    let of_pages: i64 = ways.rows.iter().map(|row| row.counts.pageviews).sum();
    let page = |row: &store::questions::Row| {
        let pageviews = row.counts.pageviews;
        json!({ "page": row.value, "pageviews": precision.count(pageviews), "share": share(pageviews) })
    };
    // The counts of one flush are written one after the other: for a moment there may be a way more than views.
    let other = views.saturating_sub(ends).saturating_sub(of_pages).max(0);
    let mut side = Map::new();
    for (name, part) in [(end, ends), ("other", other)] {
        side.insert(name.to_owned(), json!({ "pageviews": precision.count(part), "share": share(part) }));
    }
    side.insert("pages".to_owned(), ways.rows.iter().map(page).collect());
    side.insert("pages_total".to_owned(), json!(ways.rows_total));
    Value::Object(side)
}

/// The page's own counts, the ways to it, and those from it.
fn questions(days: &Days, asked: &Asked) -> [Question; 3] {
    let all = |dimension| Selection::all(dimension, String::new());
    let this = |dimension| Selection { is: Some(vec![asked.page.clone()]), ..all(dimension) };
    let measure = Measure::count(Column::Pageviews);
    // The order says no more than the numbers.
    let key = match days.precision {
        Precision::Exact => Key::Measure(measure),
        Precision::Tens => Key::InTens { measure, scale: 1.0 },
    };
    let ways = |page, next, listed| Question {
        order: vec![Order { key, descending: true }],
        limit: asked.limit,
        ..days.question(Cells::Pair(page, next), Some(listed))
    };
    [
        days.question(Cells::Of(this(Dimension::Page)), None),
        ways(all(Dimension::Page), this(Dimension::NextPage), Dimension::Page),
        ways(this(Dimension::Page), all(Dimension::NextPage), Dimension::NextPage),
    ]
}

/// A well-formed question.
struct Asked {
    site: String,
    page: String,
    range: Range,
    limit: u32,
}

impl Asked {
    fn parse(body: &[u8]) -> Result<Self, Problem> {
        let fields = Fields::parse(body, FORM, &["site_id", "page", "date_range", "limit"])?;
        let page = fields.text("page")?;
        if !page.starts_with('/') {
            return Err(Problem::form("page", "one page's path, such as \"/\" or \"/blog/a\"", &json!(page)));
        }
        if page.contains('*') {
            return Err(Problem::wrong(
                "ways are of one page: a pattern has none. Ask for each page, or define a funnel of patterns",
            ));
        }
        Ok(Self { site: fields.text("site_id")?, page, range: fields.range()?, limit: fields.limit(LIMIT, LIMIT_MAX)? })
    }
}
