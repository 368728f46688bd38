//! What consent tools pass on, at both doors: what becomes of it, and that no string outlives the request.

use model::{Mode, Signals};

use crate::desk::{Desk, view};

/// TCF strings of January 2027, policy 4, for one service: the publisher's purpose 8 granted; refused; only the general
/// purpose 8 granted; and the first one, years old.
const GRANTED: &str = "CQwSZ2AQwSZ2AEsAHBENAwEgAAAAAAAAAAhoAAAAAAAA.YCAAAAAAAA";
const REFUSED: &str = "CQwSZ2AQwSZ2AEsAHBENAwEgAAAAAAAAAAhoAAAAAAAA.YAAAAAAAAA";
const PURPOSES_ONLY: &str = "CQwSZ2AQwSZ2AEsAHBENAwEgAAEAAAAAAAhoAAAAAAAA";
const OLD: &str = "CMuy6WAMuy6WAEsAHBENAwEgAAEAAAAAAAhoAAAAAAAA.YCAAAAAAAA";

const UNREADABLE: &str = "CPsecretstring";

#[tokio::test]
async fn consent_strings_of_events_become_signals_by_the_sites_policy() {
    for (site, more, signals, mode) in [
        ("example.com", format!(r#","tcf":"{GRANTED}""#), Signals::TCF_GRANTED, Mode::Full),
        ("example.com", format!(r#","tcf":"{REFUSED}""#), Signals::TCF_REFUSED, Mode::Minimal),
        ("example.com", format!(r#","tcf":"{PURPOSES_ONLY}""#), Signals::UNCLEAR, Mode::Exempt),
        ("example.com", format!(r#","tcf":"{OLD}""#), Signals::UNCLEAR, Mode::Exempt),
        ("example.com", format!(r#","tcf":"{UNREADABLE}""#), Signals::UNCLEAR, Mode::Exempt),
        ("example.com", r#","tcf":"","gpp":"""#.to_owned(), Signals::default(), Mode::Full),
        ("asks.example", String::new(), Signals::default(), Mode::Exempt),
        ("asks.example", format!(r#","tcf":"{PURPOSES_ONLY}""#), Signals::TCF_GRANTED, Mode::Full),
        ("asks.example", r#","consent":{"analytics":true}"#.to_owned(), Signals::GRANTED, Mode::Full),
        (
            "asks.example",
            format!(r#","consent":{{"analytics":false}},"tcf":"{GRANTED}""#),
            Signals::REFUSED.with(Signals::TCF_GRANTED),
            Mode::Minimal,
        ),
        (
            "children.example",
            format!(r#","tcf":"{GRANTED}""#),
            Signals::CHILD.with(Signals::TCF_GRANTED),
            Mode::Minimal,
        ),
        ("example.com", r#","gpp":"DBABTA~1YYN""#.to_owned(), Signals::GPP_REFUSED, Mode::Minimal),
        ("example.com", r#","gpp":"DBABLA~BAAAAAAAAQA.YA""#.to_owned(), Signals::GPC, Mode::Minimal),
        ("example.com", r#","gpp":"DBABLA~BAAAVVVVUQA.QA""#.to_owned(), Signals::CHILD, Mode::Minimal),
        ("example.com", format!(r#","gpp":"DBABM~{GRANTED}""#), Signals::TCF_GRANTED, Mode::Full),
        ("example.com", format!(r#","gpp":"DBABM~{REFUSED}","gpp_sid":"7""#), Signals::default(), Mode::Full),
        ("example.com", r#","gcs":"G110""#.to_owned(), Signals::REFUSED, Mode::Minimal),
        ("asks.example", r#","gcd":"11t1t1t1t5""#.to_owned(), Signals::GRANTED, Mode::Full),
    ] {
        let desk = Desk::new();
        let outcome = if mode == Mode::Minimal { "minimal" } else { "counted" };
        let told = desk.post(view(&format!(r#","d":"{site}"{more}"#))).await;
        assert_eq!(told.short(), (202, outcome), "{site} {more}");
        let hit = desk.hit().await;
        assert_eq!((hit.signals, hit.mode), (signals, mode), "{site} {more}");
    }
}

#[tokio::test]
async fn the_clear_gif_takes_them_as_advertisers_pass_them_on() {
    for (more, signals, mode) in [
        (format!("&gdpr=1&gdpr_consent={GRANTED}"), Signals::TCF_GRANTED, Mode::Full),
        (format!("&gdpr_consent={REFUSED}"), Signals::TCF_REFUSED, Mode::Minimal),
        (format!("&gdpr=0&gdpr_consent={REFUSED}"), Signals::default(), Mode::Full),
        ("&gdpr=1".to_owned(), Signals::UNCLEAR, Mode::Exempt),
        ("&gdpr=1&gdpr_consent=".to_owned(), Signals::UNCLEAR, Mode::Exempt),
        ("&gdpr=${GDPR}&gdpr_consent=${GDPR_CONSENT_9}".to_owned(), Signals::UNCLEAR, Mode::Exempt),
        ("&gdpr=0".to_owned(), Signals::default(), Mode::Full),
        ("&gpp=DBACNY~CPXx~1YYN&gpp_sid=6".to_owned(), Signals::GPP_REFUSED, Mode::Minimal),
        ("&gpp=DBABTA%7E1YNN".to_owned(), Signals::default(), Mode::Full),
    ] {
        let desk = Desk::new();
        let told = desk.pixel(&format!("d=example.com&u=https://example.com/a{}", more.replace(['{', '}'], "x"))).await;
        assert_eq!(told.status, 200, "{more}");
        let hit = desk.hit().await;
        assert_eq!((hit.signals, hit.mode), (signals, mode), "{more}");
    }
}

#[test]
fn an_event_shows_no_string() {
    let body = view(&format!(r#","tcf":"{UNREADABLE}","gpp":"{UNREADABLE}""#));
    let events = collector::body::read(body.as_bytes()).unwrap();
    assert!(!format!("{events:?}").contains("secret"));
}

#[tokio::test]
async fn no_string_reaches_what_is_sealed() {
    let desk = Desk::new();
    desk.post(view(&format!(r#","tcf":"{UNREADABLE}","gpp":"{UNREADABLE}""#))).await;
    assert!(!format!("{:?}", desk.records().await).contains("secret"));
}
