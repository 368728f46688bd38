//! Rows by the dimensions that the made-up visits do not have: page views by hand, and what each dimension says of them.

use std::collections::BTreeSet;

use model::{Cell, Counts, Dimension, LocalDay};
use prometheus::Registry;
use serde_json::{Value, json};

use crate::asking::{TODAY, dashboard, private};
use crate::engine;
use crate::recount::{ask, rows, single};

/// A page view: whose, and its value in each of [`ASKED`]; nothing where it has none.
type View = (u32, [&'static str; 10]);

/// Five views by four visitors: the second visitor moves on to another host, and the fourth says little of itself.
const VIEWS: [View; 5] = [
    (1, ["Laptop", "cpc", "red shoes", "banner", "GB-ENG", "14.2", "128.0", "en", "Paid Search", "example.com"]),
    (2, ["Mobile", "email", "blue hats", "footer", "JP-13", "17.4", "17.4", "ja", "Email", "example.com"]),
    (2, ["Mobile", "email", "blue hats", "footer", "JP-13", "17.4", "17.4", "ja", "Email", "shop.example.com"]),
    (3, ["Mobile", "cpc", "red shoes", "button", "JP-13", "17.4", "18.0", "de", "Paid Search", "shop.example.com"]),
    (4, ["Desktop", "", "", "", "", "", "128.0", "en", "Direct", "shop.example.com"]),
];

/// Value, visitors, page views.
type Row = (&'static str, i64, i64);

/// Each dimension's name, whose cells it is, and its rows of [`VIEWS`]: most visitors first, then by value.
const ASKED: [(&str, Dimension, &[Row]); 10] = [
    ("visit:screen", Dimension::Screen, &[("Mobile", 2, 3), ("Desktop", 1, 1), ("Laptop", 1, 1)]),
    ("visit:utm_medium", Dimension::UtmMedium, &[("cpc", 2, 2), ("email", 1, 2)]),
    ("visit:utm_term", Dimension::UtmTerm, &[("red shoes", 2, 2), ("blue hats", 1, 2)]),
    ("visit:utm_content", Dimension::UtmContent, &[("banner", 1, 1), ("button", 1, 1), ("footer", 1, 2)]),
    ("visit:region", Dimension::Region, &[("JP-13", 2, 3), ("GB-ENG", 1, 1)]),
    ("visit:os_version", Dimension::OsVersion, &[("17.4", 2, 3), ("14.2", 1, 1)]),
    ("visit:browser_version", Dimension::BrowserVersion, &[("128.0", 2, 2), ("17.4", 1, 2), ("18.0", 1, 1)]),
    ("visit:language", Dimension::Language, &[("en", 2, 2), ("de", 1, 1), ("ja", 1, 2)]),
    ("visit:channel", Dimension::Channel, &[("Paid Search", 2, 2), ("Direct", 1, 1), ("Email", 1, 2)]),
    ("event:hostname", Dimension::Hostname, &[("shop.example.com", 3, 3), ("example.com", 2, 2)]),
];

/// The cell of a dimension's value, of the views that have it.
fn cell(dimension: Dimension, value: &str, has: impl Fn(&View) -> bool) -> Cell {
    let views: Vec<&View> = VIEWS.iter().filter(|view| has(view)).collect();
    let visitors = views.iter().map(|(visitor, _)| visitor).collect::<BTreeSet<_>>().len() as i64;
    let pageviews = views.len() as i64;
    Cell {
        site: private(),
        day: LocalDay(TODAY),
        hour: None,
        dimension,
        value: value.into(),
        by: Dimension::Total,
        by_value: "".into(),
        counts: Counts { visitors, visits: visitors, pageviews, events: pageviews, ..Counts::default() },
    }
}

#[tokio::test]
async fn rows_by_each_further_dimension_are_those_of_its_own_cells() {
    let mut cells = vec![cell(Dimension::Total, "", |_| true)];
    for (at, (_, dimension, _)) in ASKED.iter().enumerate() {
        let values: BTreeSet<_> =
            VIEWS.iter().map(|(_, values)| values[at]).filter(|value| !value.is_empty()).collect();
        cells.extend(values.into_iter().map(|value| cell(*dimension, value, |(_, values)| values[at] == value)));
    }
    let store = engine::store().await;
    engine::insert(&store, cells).await;
    let router = dashboard(store, &Registry::new());
    let asked = |more: Value| {
        let mut body = json!({ "metrics": ["visitors", "pageviews"], "date_range": "day" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    assert_eq!(single(&ask(&router, asked(json!({}))).await), [json!(4), json!(5)]);
    for (name, _, expected) in ASKED {
        let by = asked(json!({ "dimensions": [name], "order_by": [["visitors", "desc"], [name, "asc"]] }));
        let expected: Vec<_> = expected
            .iter()
            .map(|(value, visitors, pageviews)| (vec![(*value).to_owned()], vec![json!(visitors), json!(pageviews)]))
            .collect();
        assert_eq!(rows(&ask(&router, by).await), expected, "{name}");
        for (value, counts) in expected {
            let of_value = asked(json!({ "filters": [["is", name, value]] }));
            assert_eq!(single(&ask(&router, of_value).await), counts, "{name} {value:?}");
        }
    }
}
