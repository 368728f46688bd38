//! Every sentence against its fact, the words against what may not be claimed, and the three forms against golden files.

use std::path::PathBuf;

use model::{AddressPrecision, Domain, Mode, NoticeFacts};

use super::facts::{Cuts, Facts, Kept, Measure, OptOut, Referrer, Signal};
use super::{Language, Sentence, notice};

/// A change of the facts that must change or end a sentence.
type Flip = fn(&mut Facts);

/// The flip of each sentence. No sentence without one.
fn flip(sentence: Sentence) -> Flip {
    let nothing_measured: Flip = |facts| facts.kept = [(Mode::Off, Kept::default())].into();
    match sentence {
        Sentence::Summary | Sentence::Pseudonym | Sentence::Window => {
            |facts| facts.kept = [(Mode::Minimal, Kept::default())].into()
        }
        Sentence::Controller => |facts| facts.answers.controller = None,
        Sentence::Responsible => |facts| facts.answers.responsible = None,
        Sentence::Contact | Sentence::Ask => |facts| facts.answers.contact = None,
        Sentence::Purpose => |facts| facts.answers.purpose = None,
        Sentence::NothingElse | Sentence::Counts | Sentence::NoProfile | Sentence::NoDecision => {
            |facts| facts.rows_per_person = true
        }
        Sentence::Sent | Sentence::Robots | Sentence::Lost | Sentence::Complain => nothing_measured,
        Sentence::Default => |facts| facts.without_signal = Mode::Minimal,
        Sentence::Signals => |facts| facts.signals[1].1 = Mode::Off,
        Sentence::Full => |facts| facts.kept.get_mut(&Mode::Full).unwrap().campaign = false,
        Sentence::Exempt => |facts| facts.kept.get_mut(&Mode::Exempt).unwrap().referrer = Referrer::Nothing,
        Sentence::Minimal => |facts| facts.kept.retain(|mode, _| *mode != Mode::Minimal),
        Sentence::Off => |facts| facts.kept.retain(|mode, _| *mode != Mode::Off),
        Sentence::RateLimit => |facts| facts.rate_limited = false,
        Sentence::Address => |facts| facts.address = AddressPrecision::Full,
        Sentence::Query => |facts| facts.cuts.query = false,
        Sentence::ClickIds => |facts| facts.cuts.click_ids = false,
        Sentence::Referrer => |facts| facts.cuts.referrer_query = false,
        Sentence::Paths => |facts| facts.cuts.path_patterns = 0,
        Sentence::Sealed => |facts| facts.sealed_hours = 3,
        Sentence::SmallGroups => |facts| facts.visitors_min = None,
        Sentence::Retention => |facts| facts.retention_days = None,
        Sentence::NoCookie | Sentence::OptOutCookie | Sentence::OptOut | Sentence::Withdrawal => {
            |facts| facts.opt_out = None
        }
        Sentence::Access | Sentence::Erasure | Sentence::Restriction => |facts| facts.restriction_hours = None,
        Sentence::Children => |facts| facts.signals.retain(|(signal, _)| *signal != Signal::Child),
        Sentence::Region => |facts| facts.answers.region = None,
        Sentence::Recipients => |facts| facts.answers.recipients.clear(),
        Sentence::Readers => |facts| facts.public = false,
        Sentence::Rounded => |facts| facts.rounded_to = None,
        Sentence::NotPassedOn => |facts| facts.one_server = false,
        Sentence::Measures => |facts| facts.measures.truncate(1),
        Sentence::BrowserSignals => |facts| facts.signals.retain(|(signal, _)| *signal != Signal::Dnt),
        Sentence::Generated => |facts| facts.version = "9",
    }
}

#[test]
fn every_sentence_changes_or_goes_with_its_fact() {
    for sentence in Sentence::ALL {
        let mut facts = facts();
        let before = sentence.say(&facts).unwrap_or_else(|| panic!("{sentence:?} is not said"));
        flip(sentence)(&mut facts);
        if let Some(after) = sentence.say(&facts) {
            assert_ne!(after.english, before.english, "{sentence:?}");
            assert_ne!(after.japanese, before.japanese, "{sentence:?}");
        }
    }
}

#[test]
fn each_signal_and_mode_is_told_as_it_is() {
    let mut facts = facts();
    for (at, mode) in [Mode::Off, Mode::Minimal, Mode::Exempt].into_iter().enumerate() {
        facts.signals[at].1 = mode;
    }
    let said = Sentence::Signals.say(&facts).unwrap().english.items;
    assert_eq!(said.len(), facts.signals.len());
    for (item, ending) in said.iter().zip(["no measurement", "counting only", "limited measurement"]) {
        assert!(item.ends_with(ending), "{item}");
    }
}

#[test]
fn what_a_mode_keeps_is_listed_item_by_item() {
    let flips: [fn(&mut Kept); 8] = [
        |kept| kept.visitor = false,
        |kept| kept.referrer = Referrer::Nothing,
        |kept| kept.campaign = false,
        |kept| kept.event_name = false,
        |kept| kept.properties = false,
        |kept| kept.revenue = false,
        |kept| kept.screen = false,
        |kept| kept.language = false,
    ];
    let items = |facts: &Facts| Sentence::Full.say(facts).unwrap().english.items.len();
    for (number, flip) in flips.into_iter().enumerate() {
        let mut less = facts();
        flip(less.kept.get_mut(&Mode::Full).unwrap());
        assert!(items(&less) < items(&facts()), "flip {number}");
    }
    let nowhere = Facts { places: false, ..facts() };
    assert_eq!(items(&nowhere) + 1, items(&facts()));
    let addressless = Facts { address: AddressPrecision::None, ..facts() };
    assert_eq!(items(&addressless) + 1, items(&facts()), "no place without an address");
}

#[test]
fn a_site_directed_at_children_says_so() {
    let directed = Facts { child_directed: true, without_signal: Mode::Minimal, ..facts() };
    let said = Sentence::Children.say(&directed).unwrap();
    assert!(said.english.text.contains("directed at children") && said.english.text.contains("counting only"));
    assert!(said.japanese.text.contains("子ども向け"));
}

#[test]
fn a_site_that_measures_nothing_says_little() {
    let off =
        Facts { kept: [(Mode::Off, Kept::default())].into(), signals: vec![], without_signal: Mode::Off, ..facts() };
    let text = notice(&off, Language::English).markdown();
    assert!(text.contains("not measured at present"));
    for gone in ["pseudonym", "sealed", "utm", "Counts are deleted", "robots"] {
        assert!(!text.contains(gone), "{gone} in {text}");
    }
}

#[test]
fn nothing_is_claimed_that_is_not_so() {
    for facts in [facts(), bare()] {
        let english = notice(&facts, Language::English).markdown().replace("not anonymous", "").to_lowercase();
        for claim in ["anonym", "certif", "compli", "consent-free", "gdpr", "guarantee"] {
            assert!(!english.contains(claim), "{claim}");
        }
        let japanese = notice(&facts, Language::Japanese).markdown().replace("匿名化された情報ではありません", "");
        for claim in ["匿名", "認証を", "準拠", "保証", "同意不要", "仮名加工情報", "統計情報"] {
            assert!(!japanese.contains(claim), "{claim}");
        }
    }
}

#[test]
fn rights_in_what_is_held_are_told_only_where_visitors_are_told_apart() {
    let counting = Facts { kept: [(Mode::Minimal, Kept::default())].into(), ..facts() };
    for sentence in [Sentence::Access, Sentence::Erasure, Sentence::Restriction] {
        assert!(sentence.say(&counting).is_none(), "{sentence:?}: nothing is held of anybody");
    }
    assert!(!Sentence::Withdrawal.say(&counting).unwrap().english.text.contains("erased"));
}

#[test]
fn both_languages_say_the_same_sentences() {
    for facts in [facts(), bare()] {
        let [english, japanese] = Language::ALL.map(|language| notice(&facts, language));
        let shape = |notice: &super::Notice| -> Vec<_> {
            notice.parts.iter().flat_map(|part| &part.said).map(|(id, words)| (*id, words.items.len())).collect()
        };
        assert_eq!(shape(&english), shape(&japanese));
        for (sentence, words) in japanese.parts.iter().flat_map(|part| &part.said) {
            let native = words.text.chars().any(|char| ('ぁ'..='龠').contains(&char));
            assert!(native, "{sentence:?}: {}", words.text);
        }
    }
}

#[test]
fn what_is_not_configured_is_told_to_the_operator_and_left_out_for_the_visitor() {
    assert_eq!(facts().missing(), []);
    let settings: Vec<_> = bare().missing().into_iter().map(|missing| missing.setting).collect();
    assert_eq!(settings, ["controller", "contact", "responsible", "purpose", "region"]);
    let text = notice(&bare(), Language::English).markdown();
    assert!(!text.contains("Who answers") && !text.contains("missing"), "{text}");
    assert!(notice(&bare(), Language::English).json(&bare())["record_of_processing"]["controller"].is_null());
}

#[test]
fn an_operators_words_mean_nothing_to_html_and_markdown() {
    let mut facts = facts();
    facts.answers.controller = Some("<script>alert('1')</script> & \"Co\"".to_owned());
    facts.answers.contact = Some("https://e.com/\"><script>".to_owned());
    facts.answers.purpose = Some("a\n# b *c*".to_owned());
    let notice = notice(&facts, Language::English);
    let html = notice.html();
    assert!(
        !html.contains("<script")
            && html.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;Co&quot;")
    );
    assert!(html.contains("<a href=\"https://e.com/&quot;&gt;&lt;script&gt;\">"));
    assert!(notice.markdown().contains("a \\# b \\*c\\*"));
}

#[test]
fn a_contact_is_a_link_where_it_can_be_one() {
    let html = |contact: &str| {
        let answers = NoticeFacts { contact: Some(contact.to_owned()), ..NoticeFacts::default() };
        notice(&Facts { answers, ..facts() }, Language::English).html()
    };
    assert!(html("a@e.com").contains("<a href=\"mailto:a@e.com\">a@e.com</a>"));
    assert!(html("https://e.com/privacy").contains("<a href=\"https://e.com/privacy\">"));
    for other in ["javascript:alert(1)", "Office of Data, 1 Main Street"] {
        assert!(!html(other).contains("<a "), "{other}");
    }
}

/// `UPDATE_GOLDEN=1 cargo test -p privacy` writes them anew; read the difference.
#[test]
fn the_three_forms_in_both_languages_are_as_agreed() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/notice/golden");
    for language in Language::ALL {
        let notice = notice(&facts(), language);
        let json = format!("{:#}\n", notice.json(&facts()));
        for (ending, text) in [("html", notice.html()), ("md", notice.markdown()), ("json", json)] {
            let path = folder.join(format!("notice.{}.{ending}", language.tag()));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "{}", path.display());
        }
    }
}

/// Everything is there: the facts of a site that says all it can, on a build that does all it can.
fn facts() -> Facts {
    let limited = Kept { visitor: true, referrer: Referrer::Host, screen: true, language: true, ..Kept::default() };
    let full = Kept {
        referrer: Referrer::HostAndPath,
        campaign: true,
        event_name: true,
        properties: true,
        revenue: true,
        ..limited
    };
    Facts {
        site: Domain::parse("example.com").unwrap(),
        timezone: "Asia/Tokyo".to_owned(),
        answers: NoticeFacts {
            controller: Some("Example K.K., 1-1 Chiyoda, Tokyo".to_owned()),
            contact: Some("privacy@example.com".to_owned()),
            responsible: Some("Data Protection Office".to_owned()),
            purpose: Some("to improve our pages".to_owned()),
            region: Some("JP".to_owned()),
            recipients: vec!["Example Design K.K.".to_owned()],
        },
        without_signal: Mode::Full,
        signals: vec![
            (Signal::OptedOut, Mode::Off),
            (Signal::Child, Mode::Minimal),
            (Signal::Refused, Mode::Minimal),
            (Signal::TcfRefused, Mode::Minimal),
            (Signal::GppRefused, Mode::Minimal),
            (Signal::Gpc, Mode::Minimal),
            (Signal::Dnt, Mode::Exempt),
            (Signal::Granted, Mode::Full),
            (Signal::TcfGranted, Mode::Full),
            (Signal::Unclear, Mode::Exempt),
        ],
        kept: [
            (Mode::Off, Kept::default()),
            (Mode::Minimal, Kept::default()),
            (Mode::Exempt, limited),
            (Mode::Full, full),
        ]
        .into(),
        address: AddressPrecision::Network,
        cuts: Cuts { query: true, click_ids: true, referrer_query: true, personal_paths: true, path_patterns: 2 },
        child_directed: false,
        public: true,
        places: true,
        rate_limited: true,
        sealed_hours: crate::seal::KEY_LIFE_HOURS,
        retention_days: Some(761),
        visitors_min: Some(10),
        rounded_to: Some(10),
        opt_out: Some(OptOut { cookie: "footfall_optout=1", days: 365 }),
        restriction_hours: Some(27),
        restriction_cookie: "footfall_restrict=1",
        one_server: true,
        rows_per_person: false,
        measures: vec![
            Measure::Sealed,
            Measure::KeysDestroyed,
            Measure::Audited,
            Measure::SecretsInMemory,
            Measure::QuietLogs,
        ],
        version: "0.0.0",
    }
}

/// A site of which only the name was configured.
fn bare() -> Facts {
    Facts {
        answers: NoticeFacts::default(),
        retention_days: None,
        visitors_min: None,
        rounded_to: None,
        public: false,
        ..facts()
    }
}
