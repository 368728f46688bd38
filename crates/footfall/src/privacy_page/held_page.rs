//! What is held of the browser that asks, for a person to read. The same as [`super::held`] gives a program; nothing is decided
//! here.

use fold::rights::{HeldDay, HeldHit, HeldWhat};
use model::{Dimension, Mode};
use privacy::notice::{Language, escaped};

use super::held::{self, Held};
use super::page::document;

/// What is held of this browser, to read.
pub(super) fn page(held: &Held<'_>, language: Language) -> String {
    let tag = language.tag();
    let site = escaped(held.site.domain.as_str());
    let title = language.choose("What is held about this browser", "このブラウザーについて保有している内容");
    let back = language.choose("Back to the notice", "プライバシー通知に戻る");
    let json = language.choose("The same as JSON", "JSON形式で表示");
    let mut body = format!(
        "<header><nav><a href=\"/privacy?d={site}&amp;lang={tag}\">{back}</a></nav>\n<h1>{title}</h1></header>\n<main>\n<p class=\"state\">{}</p>\n",
        held_says(held, language)
    );
    for day in held.days() {
        body += &format!("<section><h2>{}</h2>\n", held::date(day.day));
        let until = held::instant(day.forgotten_at).replace('T', " ").replace('Z', " UTC");
        let (forgotten, restricted) = language.choose(
            (format!("All of this is forgotten at {until}."), "You restricted the processing of this day."),
            (format!("以下の内容は {until} にすべて破棄されます。"), "この日の処理を停止されています。"),
        );
        body += &format!("<p>{forgotten}</p>\n");
        if day.restricted {
            body += &format!("<p class=\"hint\">{restricted}</p>\n");
        }
        body += &facts(&day.visitor, language);
        if !held.shows_visits() {
            body += &how_much(day, language);
        }
        for (number, visit) in (1..).zip(day.visits.iter().filter(|_| held.shows_visits())) {
            body += &format!("<h3>{} {number}</h3>\n", language.choose("Visit", "訪問"));
            body += &facts(&visit.came_by, language);
            let hits: String = visit.hits.iter().map(|hit| format!("<li>{}</li>", hit_words(hit, language))).collect();
            body += &format!("<ol>{hits}</ol>\n");
        }
        body += "</section>\n";
    }
    if let Some((address, agent)) = held.sealed {
        let agent = escaped(agent);
        let sealed = language.choose(
            format!("Encrypted, for 27 hours at most after the hour of a visit: the address as {address} and your browser's description of itself, “{agent}”."),
            format!("暗号化して、各閲覧の時間帯の終了から最長27時間：アドレス（{address} として）およびブラウザーの自己紹介文字列「{agent}」。"),
        );
        body += &format!("<section id=\"sealed\"><p>{sealed}</p></section>\n");
    }
    let others = if held.shows_visits() {
        language.choose(
            "This was found by the address and the browser you ask with. Whoever shares both with you counts as one visitor with you, and this may be theirs.",
            "この内容は、お問い合わせ時のアドレスとブラウザーによって特定しています。その両方が同じ方は同一の訪問者として数えられるため、他の方の閲覧が含まれる場合があります。",
        )
    } else {
        language.choose(
            "This site keeps no more than the network of an address. Neighbours with the same browser count as one visitor with you; so it is not shown what was viewed.",
            "このサイトはアドレスのネットワーク部分のみを扱います。同じネットワークで同じブラウザーをお使いの方とは同一の訪問者として数えられるため、閲覧の内容は表示しません。",
        )
    };
    body += &format!(
        "<section id=\"about\"><p>{others}</p>\n<p><a href=\"/privacy/me?d={site}&amp;format=json\">{json}</a></p></section>\n</main>"
    );
    document(language, title, &body)
}

fn held_says(held: &Held<'_>, language: Language) -> &'static str {
    match (held.days().iter().any(|day| !day.visits.is_empty()), held.mode) {
        (false, Mode::Exempt | Mode::Full) if held.days.is_none() => language.choose(
            "You cannot be told from other visitors here, because no address of yours is known; so nothing can be shown to you or erased for you.",
            "お客様のアドレスが記録されないため、他の訪問者と区別できません。したがって、内容の表示や消去を行うことはできません。",
        ),
        (true, _) => language.choose(
            "This is what is held of your visits while their day is open.",
            "終了していない日の閲覧について、次の内容を保有しています。",
        ),
        (false, Mode::Off) => language.choose(
            "Nothing is held of you: your visits are not measured.",
            "お客様の閲覧は計測されていないため、保有している内容はありません。",
        ),
        (false, Mode::Minimal) => language.choose(
            "Nothing is held of you: your page views are counted without telling you from anybody else.",
            "お客様の閲覧は他の方と区別せずに回数だけを数えているため、保有している内容はありません。",
        ),
        (false, Mode::Exempt | Mode::Full) => language.choose(
            "Nothing is held of you now: no visit of today is known.",
            "現在、お客様について保有している内容はありません（本日の閲覧は記録されていません）。",
        ),
    }
}

fn how_much(day: &HeldDay, language: Language) -> String {
    let hits = day.visits.iter().flat_map(|visit| &visit.hits);
    let views = hits.filter(|hit| hit.what == HeldWhat::Pageview).count();
    let visits = day.visits.len();
    let said = language
        .choose(format!("Visits: {visits}. Page views: {views}."), format!("訪問 {visits}回、ページの閲覧 {views}回"));
    format!("<p>{said}</p>\n")
}

fn hit_words(hit: &HeldHit, language: Language) -> String {
    let what = match &hit.what {
        HeldWhat::Pageview => language.choose("page view", "ページの閲覧").to_owned(),
        HeldWhat::Event { name, properties, .. } => {
            let properties: Vec<_> = properties.iter().map(|property| escaped(property).to_string()).collect();
            let event = language.choose("event", "イベント");
            format!("{event} {} {}", escaped(name), properties.join(", "))
        }
        HeldWhat::Attention { engaged_ms, vitals, .. } => {
            let seconds = engaged_ms / 1_000;
            let seen = language.choose(format!("in view for {seconds} s"), format!("表示時間 {seconds}秒"));
            let measured = language.choose("measured, at most", "計測値（以下）");
            match vitals.join(", ") {
                none if none.is_empty() => seen,
                vitals => format!("{seen}, {measured}: {}", escaped(&vitals)),
            }
        }
    };
    format!("{:02}:00 {} {what}", hit.hour, escaped(&hit.page))
}

/// What is known, name by name; nothing where nothing is.
fn facts(known: &[(Dimension, Box<str>)], language: Language) -> String {
    let items = known.iter().map(|(dimension, value)| {
        let (english, japanese) = name(*dimension);
        format!("<dt>{}</dt><dd>{}</dd>", language.choose(english, japanese), escaped(value))
    });
    let items: String = items.collect();
    if items.is_empty() { items } else { format!("<dl>{items}</dl>\n") }
}

/// A dimension's name for a person, in English and Japanese.
const fn name(dimension: Dimension) -> (&'static str, &'static str) {
    match dimension {
        Dimension::Country => ("Country", "国"),
        Dimension::Region => ("Region", "地域"),
        Dimension::City => ("City", "都市"),
        Dimension::Browser => ("Browser", "ブラウザー"),
        Dimension::BrowserVersion => ("Browser's version", "ブラウザーのバージョン"),
        Dimension::Os => ("System", "OS"),
        Dimension::OsVersion => ("System's version", "OSのバージョン"),
        Dimension::Device => ("Device", "端末"),
        Dimension::Screen => ("Window", "画面の幅"),
        Dimension::Language => ("Language", "言語"),
        Dimension::Source => ("Came from", "訪問元"),
        Dimension::Channel => ("By way of", "経路"),
        Dimension::Referrer => ("Referring page", "参照元ページ"),
        Dimension::UtmSource
        | Dimension::UtmMedium
        | Dimension::UtmCampaign
        | Dimension::UtmTerm
        | Dimension::UtmContent => ("Campaign", "キャンペーン"),
        Dimension::Total
        | Dimension::Page
        | Dimension::EntryPage
        | Dimension::ExitPage
        | Dimension::Hostname
        | Dimension::Event
        | Dimension::Property
        | Dimension::Segment
        | Dimension::Goal
        | Dimension::Funnel
        | Dimension::Step
        | Dimension::NextPage
        | Dimension::Vital => ("Page", "ページ"),
    }
}
