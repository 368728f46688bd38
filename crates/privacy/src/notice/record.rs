//! The record of processing of one site, for machines: the fields that Art. 30 GDPR asks for, from the same facts.
//!
//! What is not configured is `null`, so that whoever reads it sees what lacks. It claims no compliance.

use model::AddressPrecision;
use serde_json::{Map, Value, json};

use super::facts::{Facts, Kept, Measure, Referrer, Signal};

pub(super) fn record(facts: &Facts) -> Value {
    let answers = &facts.answers;
    json!({
        "processing": "audience measurement of one web site, as counts",
        "controller": answers.controller,
        "contact": answers.contact,
        "data_protection_responsible": answers.responsible,
        "purposes": answers.purpose.iter().collect::<Vec<_>>(),
        "data_subjects": [format!("visitors of {}", facts.site)],
        "modes": modes(facts),
        "minimisation": {
            "address": address(facts.address),
            "page_query_dropped": facts.cuts.query,
            "click_id_values_dropped": facts.cuts.click_ids,
            "referrer_query_dropped": facts.cuts.referrer_query,
            "personal_path_parts_replaced": facts.cuts.personal_paths,
            "path_patterns": facts.cuts.path_patterns,
            "visitors_min": facts.visitors_min,
            "counts_rounded_to": facts.rounded_to,
        },
        "retention": {
            "visitor_pseudonym": {
                "ends": "site-local midnight", "timezone": facts.timezone, "where": "memory only",
                "exists": facts.tells_visitors_apart(),
            },
            "sealed_records": { "hours": facts.sealed_hours, "state": "pseudonymous" },
            "counts": { "days": facts.retention_days },
        },
        "stored_in_browser": facts.opt_out.iter().map(|opt_out| json!({
            "cookie": opt_out.cookie, "days": opt_out.days, "purpose": "keeps the visitor's objection",
        })).collect::<Vec<_>>(),
        "rights": facts.rights().map(|hours| json!({
            "access": "GET /privacy/me", "erasure": "POST /privacy/erase", "restriction": "POST /privacy/restrict",
            "objection": "POST /privacy/optout", "while": "the site-local day is open", "restriction_hours": hours,
        })),
        "recipients": answers.recipients,
        "counts_are_public": facts.public,
        "region": answers.region,
        "automated_decisions": facts.rows_per_person,
        "profiling": facts.rows_per_person,
        "child_directed": facts.child_directed,
        "security_measures": facts.measures.iter().map(|measure| measure_id(*measure)).collect::<Vec<_>>(),
        "generated_by": format!("Footfall {}", facts.version),
    })
}

fn modes(facts: &Facts) -> Value {
    let signals: Map<String, Value> =
        facts.signals.iter().map(|(signal, mode)| (signal_id(*signal).to_owned(), json!(mode.as_str()))).collect();
    let kept: Map<String, Value> =
        facts.kept.iter().map(|(mode, kept)| (mode.as_str().to_owned(), categories(facts, *mode, kept))).collect();
    json!({ "without_signal": facts.without_signal.as_str(), "by_signal": signals, "data_categories": kept })
}

fn categories(facts: &Facts, mode: model::Mode, kept: &Kept) -> Value {
    let located = kept.visitor && facts.places && facts.address != AddressPrecision::None;
    let referrer = match kept.referrer {
        Referrer::Nothing => None,
        Referrer::Host => Some("referrer_host"),
        Referrer::HostAndPath => Some("referrer_host_and_path"),
    };
    let measured = mode > model::Mode::Off;
    let categories = [
        measured.then_some("page_and_time"),
        kept.visitor.then_some("engagement"),
        referrer,
        kept.campaign.then_some("campaign_fields"),
        kept.event_name.then_some("event_names"),
        kept.properties.then_some("event_properties"),
        kept.revenue.then_some("revenue"),
        kept.screen.then_some("window_width"),
        kept.language.then_some("language"),
        (kept.visitor && facts.address != AddressPrecision::None).then_some("ip_address"),
        kept.visitor.then_some("user_agent"),
        located.then_some("place"),
    ];
    json!(categories.into_iter().flatten().collect::<Vec<_>>())
}

const fn address(precision: AddressPrecision) -> &'static str {
    match precision {
        AddressPrecision::Full => "full",
        AddressPrecision::Network => "network",
        AddressPrecision::None => "none",
    }
}

const fn signal_id(signal: Signal) -> &'static str {
    match signal {
        Signal::OptedOut => "opted_out",
        Signal::Child => "child",
        Signal::Refused => "refused",
        Signal::TcfRefused => "tcf_refused",
        Signal::GppRefused => "gpp_refused",
        Signal::Gpc => "gpc",
        Signal::Dnt => "dnt",
        Signal::Granted => "granted",
        Signal::TcfGranted => "tcf_granted",
        Signal::Unclear => "unclear",
    }
}

const fn measure_id(measure: Measure) -> &'static str {
    match measure {
        Measure::Sealed => "records_encrypted_before_written",
        Measure::KeysDestroyed => "keys_overwritten_and_removed",
        Measure::Audited => "key_destruction_audited",
        Measure::SecretsInMemory => "no_core_dumps",
        Measure::QuietLogs => "no_addresses_in_logs",
        Measure::Token => "counts_behind_token",
    }
}
