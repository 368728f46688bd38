//! A report as a mail: HTML of tables and inline styles, which all mail clients draw, with the picture inside it, and the same as plain
//! text. It loads nothing from anywhere, so that nobody learns whether it was read.

use std::fmt::Write as _;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use privacy::notice::escaped;
use serde_json::Value;
use settings::{Mailing, Recipient};
use sha2::{Digest as _, Sha256};

use super::picture;
use super::report::{Counted, Kind, Report, Table, Total};
use super::words::{self, Words, period};
use crate::query::metric::Metric;

/// The picture's name within the mail.
const PICTURE: &str = "graph@footfall";

/// Who sends, and where the dashboard is found from outside.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) from: Mailbox,
    pub(crate) url: String,
}

/// Why a report could not be written as a mail.
#[derive(Debug, thiserror::Error)]
#[error("the report cannot be written as a mail: {0}")]
pub(crate) struct Unwritable(String);

/// Writes the mail of a report to one of its recipients.
pub(crate) fn write(
    report: &Report,
    (mailing, recipient): (&Mailing, &Recipient),
    sender: &Sender,
    is_test: bool,
) -> Result<Message, Unwritable> {
    let words = words::of(mailing.terms.language);
    let unwritable = |error: &dyn std::fmt::Display| Unwritable(error.to_string());
    let to = recipient.address.as_str().parse().map_err(|error: lettre::address::AddressError| unwritable(&error))?;
    let title = format!("{} · {}", words.title(mailing.terms.rhythm), report.site);
    let subject = format!(
        "{}{title} · {}",
        if is_test { format!("{}: ", words.test) } else { String::new() },
        period(report.dates)
    );
    let unsubscribe = format!("{}/unsubscribe/{}", sender.url, recipient.secret);
    let raw = |name: &'static str, value: String| {
        HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.clone(), value)
    };
    let (html, text) =
        (html(report, words, &title, sender, &unsubscribe), text(report, words, &title, sender, &unsubscribe));
    let picture = picture::bars(&report.days).ok_or_else(|| Unwritable("no picture".to_owned()))?;
    let png = "image/png".parse().map_err(|error| Unwritable(format!("{error:?}")))?;
    let related = MultiPart::related()
        .singlepart(SinglePart::html(html))
        .singlepart(Attachment::new_inline(PICTURE.to_owned()).body(picture, png));
    Message::builder()
        .from(sender.from.clone())
        .to(Mailbox::new(None, to))
        .subject(subject)
        .message_id(Some(message_id(report, (mailing, recipient), sender, is_test)))
        .raw_header(raw("Auto-Submitted", "auto-generated".to_owned()))
        .raw_header(raw("List-Unsubscribe", format!("<{unsubscribe}>")))
        .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()))
        .multipart(MultiPart::alternative().singlepart(SinglePart::plain(text)).multipart(related))
        .map_err(|error| unwritable(&error))
}

/// One mail has one name, also where it is sent again: by it a server or a reader may know the second from the first.
fn message_id(report: &Report, (mailing, recipient): (&Mailing, &Recipient), sender: &Sender, is_test: bool) -> String {
    let all = format!("{} {} {:?} {is_test}", mailing.id, recipient.secret, report.dates);
    let digest = Sha256::digest(all).iter().take(12).fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    format!("<{digest}@{}>", sender.from.email.domain())
}

/// A number as it stands in a mail, in both languages alike.
pub(super) fn number(metric: Metric, value: &Value) -> String {
    let Some(number) = value.as_f64() else { return value.as_str().unwrap_or("–").to_owned() };
    match metric {
        Metric::BounceRate => format!("{number}%"),
        Metric::ConversionRate => format!("{number:.1}%"),
        Metric::VisitDuration => {
            let seconds = number.round() as u64;
            format!("{}:{:02}", seconds / 60, seconds % 60)
        }
        _ => grouped(number.round() as i64),
    }
}

/// With commas between thousands.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How it changed, and what it was; nothing where there is nothing to compare with.
fn change(total: &Total, words: &Words) -> String {
    if total.before.is_null() || total.before.as_f64() == Some(0.0) {
        return String::new();
    }
    let before = format!("{} {}", words.against, number(total.metric, &total.before));
    let Some(change) = total.change.as_f64() else { return before };
    let unit = if total.metric == Metric::BounceRate { format!(" {}", words.points) } else { "%".to_owned() };
    let sign = if change > 0.0 { "+" } else { "" };
    let told = if change == 0.0 { words.unchanged.to_owned() } else { format!("{sign}{change}{unit}") };
    format!("{told} ({before})")
}

/// The report's period, and the one that it is compared with.
fn periods(report: &Report, words: &Words) -> String {
    format!("{}, {} {}", period(report.dates), words.compared, period(report.before))
}

/// A row's name as it is shown.
fn name<'n>(table: &'n Table, name: &'n str, words: &'n Words) -> &'n str {
    match name {
        name if table.folded.as_deref() == Some(name) => words.other,
        "" => words.unknown,
        code if table.kind == Kind::Countries => words.country(code),
        name => name,
    }
}

/// What has to be known of the numbers.
fn notes(report: &Report, words: &Words) -> Vec<String> {
    let counted = match &report.counted {
        Counted::Whole => None,
        Counted::UpTo(until) => Some(format!("{} {until}", words.incomplete)),
        Counted::Unknown => Some(words.incomplete_unknown.to_owned()),
    };
    let folded = report.tables.iter().any(|table| table.folded.is_some());
    [
        Some(words.sums.to_owned()),
        report.rounded.then(|| words.rounded.to_owned()),
        folded.then(|| words.folded.to_owned()),
        report.degraded.has_lost().then(|| words.lost.to_owned()),
        report.degraded.has_forgotten().then(|| words.forgotten.to_owned()),
        counted,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn text(report: &Report, words: &Words, title: &str, sender: &Sender, unsubscribe: &str) -> String {
    let mut text = format!("{title}\n{}\n\n", periods(report, words));
    for total in &report.totals {
        let line =
            format!("{}: {}  {}", words.metric(total.metric), number(total.metric, &total.value), change(total, words));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    for table in report.tables.iter().filter(|table| !table.rows.is_empty()) {
        let _ = write!(text, "\n{}\n", words.table(table.kind));
        for (row, visitors, beside) in &table.rows {
            let (visitors, beside) = (number(Metric::Visitors, visitors), number(table.kind.beside(), beside));
            let _ = writeln!(text, "  {visitors:>9} {beside:>9}  {}", name(table, row, words));
        }
    }
    if report.tables.iter().all(|table| table.rows.is_empty()) {
        let _ = write!(text, "\n{}", words.nothing);
    }
    for note in notes(report, words) {
        let _ = write!(text, "\n{note}");
    }
    let _ = write!(
        text,
        "\n\n{}: {}\n\n{}\n{}: {unsubscribe}\n",
        words.open,
        link(report, sender),
        words.why,
        words.unsubscribe
    );
    text
}

/// The dashboard's address for the period.
fn link(report: &Report, sender: &Sender) -> String {
    let (first, last) = report.dates;
    format!("{}/?site={}&from={first}&to={last}", sender.url, report.site)
}

const FONT: &str = "font-family:-apple-system,Segoe UI,Roboto,Noto Sans,Helvetica,Arial,sans-serif";
const MUTED: &str = "color:#5b6966;font-size:13px";

fn html(report: &Report, words: &Words, title: &str, sender: &Sender, unsubscribe: &str) -> String {
    let (width, height) = picture::SIZE;
    let mut html = format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title></head><body style=\"margin:0;padding:16px;background:#f6f7f7;{FONT};color:#17211f\">\
         <table role=\"presentation\" align=\"center\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" \
         style=\"max-width:600px;margin:0 auto;background:#ffffff;border:1px solid #e3e8e7;border-radius:12px\"><tr><td style=\"padding:20px\">\
         <h1 style=\"margin:0;font-size:20px\">{title}</h1><p style=\"margin:4px 0 16px;{MUTED}\">{period}</p>\
         <table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\">",
        words.lang,
        title = escaped(title),
        period = periods(report, words),
    );
    for total in &report.totals {
        let _ = write!(
            html,
            "<tr><td style=\"padding:6px 0;border-bottom:1px solid #e6eae9\">{}</td>\
             <td align=\"right\" style=\"padding:6px 0;border-bottom:1px solid #e6eae9;font-size:18px\"><b>{}</b></td>\
             <td align=\"right\" style=\"padding:6px 0 6px 12px;border-bottom:1px solid #e6eae9;{MUTED}\">{}</td></tr>",
            words.metric(total.metric),
            escaped(&number(total.metric, &total.value)),
            escaped(&change(total, words)),
        );
    }
    let _ = write!(
        html,
        "</table><p style=\"margin:20px 0 6px;font-size:14px\"><b>{graph}</b></p><img src=\"cid:{PICTURE}\" width=\"{width}\" height=\"{height}\" \
         alt=\"{graph}: {}\" style=\"display:block;width:100%;max-width:{width}px;height:auto;border:0\">",
        escaped(&days(report)),
        graph = words.graph,
    );
    for table in report.tables.iter().filter(|table| !table.rows.is_empty()) {
        html.push_str(&html_table(table, words));
    }
    if report.tables.iter().all(|table| table.rows.is_empty()) {
        let _ = write!(html, "<p>{}</p>", words.nothing);
    }
    for note in notes(report, words) {
        let _ = write!(html, "<p style=\"margin:12px 0 0;{MUTED}\">{}</p>", escaped(&note));
    }
    let _ = write!(
        html,
        "<p style=\"margin:20px 0 0\"><a href=\"{}\" style=\"color:#0f766e\">{}</a></p>\
         <p style=\"margin:16px 0 0;{MUTED}\">{} <a href=\"{}\" style=\"color:#5b6966\">{}</a></p></td></tr></table></body></html>",
        escaped(&link(report, sender)),
        words.open,
        words.why,
        escaped(unsubscribe),
        words.unsubscribe,
    );
    html
}

fn html_table(table: &Table, words: &Words) -> String {
    let head = |text: &str| {
        format!("<th align=\"right\" style=\"padding:4px 0 4px 12px;{MUTED};font-weight:400\">{text}</th>")
    };
    let mut html = format!(
        "<table width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" style=\"margin-top:20px;font-size:14px\"><tr><th align=\"left\" style=\"padding:4px 0\">{}</th>{}{}</tr>",
        words.table(table.kind),
        head(words.metric(Metric::Visitors)),
        head(words.metric(table.kind.beside())),
    );
    for (row, visitors, beside) in &table.rows {
        let _ = write!(
            html,
            "<tr><td style=\"padding:4px 0;border-top:1px solid #e6eae9;word-break:break-all\">{}</td>\
             <td align=\"right\" style=\"padding:4px 0 4px 12px;border-top:1px solid #e6eae9\">{}</td>\
             <td align=\"right\" style=\"padding:4px 0 4px 12px;border-top:1px solid #e6eae9;color:#5b6966\">{}</td></tr>",
            escaped(name(table, row, words)),
            escaped(&number(Metric::Visitors, visitors)),
            escaped(&number(table.kind.beside(), beside)),
        );
    }
    html.push_str("</table>");
    html
}

/// The picture in words.
fn days(report: &Report) -> String {
    report.days.iter().map(|day| number(Metric::Visitors, day)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use model::Domain;
    use serde_json::json;
    use settings::Tongue;
    use store::questions::{LostSum, Span};

    use super::*;
    use crate::calendar::local_day;
    use crate::query::degraded::Degraded;
    use crate::query::range::instants;

    #[test]
    fn numbers_read_well_and_what_is_not_told_stays_so() {
        for (metric, value, told) in [
            (Metric::Visitors, json!(1_234_567), "1,234,567"),
            (Metric::Visitors, json!(999), "999"),
            (Metric::Visitors, json!("<10"), "<10"),
            (Metric::Visitors, json!(null), "–"),
            (Metric::BounceRate, json!(42), "42%"),
            (Metric::VisitDuration, json!(125), "2:05"),
            (Metric::ConversionRate, json!(12.5), "12.5%"),
        ] {
            assert_eq!(number(metric, &value), told);
        }
    }

    #[test]
    fn a_change_says_what_it_is_against() {
        let words = words::of(Tongue::English);
        let told =
            |metric, before: Value, by: Value| change(&Total { metric, value: json!(10), before, change: by }, words);
        assert_eq!(told(Metric::Visitors, json!(5), json!(100)), "+100% (before 5)");
        assert_eq!(told(Metric::BounceRate, json!(50), json!(-10)), "-10 pt (before 50%)");
        assert_eq!(told(Metric::Visits, json!(10), json!(0)), "unchanged (before 10)");
        assert_eq!(told(Metric::Visits, json!("<10"), json!(null)), "before <10");
        assert_eq!(
            (told(Metric::Visits, json!(0), json!(null)), told(Metric::Visits, json!(null), json!(null))),
            (String::new(), String::new())
        );
    }

    #[test]
    fn what_is_missing_is_told_apart_from_what_was_forgotten() {
        let day: jiff::civil::Date = "2024-05-14".parse().unwrap();
        let told = |reasons: &[&str]| {
            let span = Span::Days { first: local_day(day), last: local_day(day) };
            let hour = instants(span, &TimeZone::UTC).0;
            let lost: Vec<_> =
                reasons.iter().map(|reason| LostSum { hour, reason: (*reason).to_owned(), records: 3 }).collect();
            let report = Report {
                site: Domain::parse("example.com").unwrap(),
                dates: (day, day),
                before: (day, day),
                totals: Vec::new(),
                days: Vec::new(),
                tables: Vec::new(),
                rounded: false,
                degraded: Degraded::of(&lost, span, &TimeZone::UTC),
                counted: Counted::Whole,
            };
            notes(&report, words::of(Tongue::English)).split_off(1).join(" ")
        };
        let (lost, forgotten) = (words::of(Tongue::English).lost, words::of(Tongue::English).forgotten);
        assert_eq!(told(&[]), "");
        assert_eq!(told(&["expired"]), lost);
        assert_eq!(told(&["forgotten"]), forgotten);
        assert_eq!(told(&["forgotten", "forged"]), format!("{lost} {forgotten}"));
    }

    #[test]
    fn what_strangers_wrote_is_shown_and_not_run() {
        let page = "/<script>alert(1)</script>\"'&";
        let table = Table {
            kind: super::super::report::Kind::Pages,
            rows: vec![(page.to_owned(), json!(1), json!(1))],
            folded: None,
        };
        let html = html_table(&table, words::of(Tongue::English));
        assert!(
            html.contains("/&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;") && !html.contains("<script"),
            "{html}"
        );
    }
}
