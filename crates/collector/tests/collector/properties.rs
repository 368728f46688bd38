//! Whatever bytes come in, nothing panics and every answer about a hit says what became of it.

use crate::desk::{Desk, Wishes, request};
use collector::{body, forwarded, query};
use proptest::prelude::*;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Events of nearly the right form: right keys with any values.
fn nearly_an_event() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "n", "u", "d", "r", "p", "$", "i", "e", "sd", "id", "w", "lang", "consent", "child", "gpc", "x",
    ]);
    let scalar = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        Just("\"example.com\"".to_owned()),
        Just("\"https://example.com/\"".to_owned()),
        ".*".prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    let value = scalar.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|list| format!("[{}]", list.join(","))),
            prop::collection::vec(("[a-z$]{0,9}", inner), 0..4).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    prop::collection::vec((key, value), 0..12).prop_map(|members| {
        let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

proptest! {
    #[test]
    fn any_body_is_read_or_refused(bytes: Vec<u8>) {
        if let Ok(events) = body::read(&bytes) {
            prop_assert!(!events.is_empty());
        }
    }

    #[test]
    fn any_query_and_any_forwarded_are_read_or_refused(text in ".*", bytes: Vec<u8>) {
        prop_assert!(!query::read(&text, None).is_empty());
        let _ = forwarded::parse(&bytes);
    }

    #[test]
    fn every_answer_about_a_hit_has_an_outcome(event in nearly_an_event(), batch: bool) {
        let body = if batch { format!("[{event},{event}]") } else { event };
        let told = runtime().block_on(Desk::new().post(body));
        prop_assert!(told.outcome.is_some());
        prop_assert!([202, 400, 413].contains(&told.status), "{}", told.status);
    }

    #[test]
    fn any_headers_are_survived(bytes in prop::collection::vec(prop_oneof![32_u8..127, 128_u8..=255], 0..60)) {
        let value = http::HeaderValue::from_bytes(&bytes).unwrap();
        let names = ["user-agent", "x-forwarded-for", "forwarded", "cookie", "sec-gpc", "accept-language", "referer"];
        let mut request = request("GET", "/pixel.gif?d=example.com", &[], "");
        for name in names {
            request.headers_mut().insert(name, value.clone());
        }
        let desk = Desk::with(Wishes { trusted: &["0.0.0.0/0"], ..Wishes::default() });
        let told = runtime().block_on(desk.send(request));
        prop_assert!(told.outcome.is_some());
    }
}
