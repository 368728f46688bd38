//! The page's HTML: this browser's state with its buttons, then the notice. No script; the style is a file beside.

use model::{Mode, Signals};
use privacy::notice::facts::Facts;
use privacy::notice::{Language, Notice, escaped};

use super::asked::Done;

/// What this request says about its browser.
#[derive(Clone, Copy)]
pub(super) struct Browser {
    pub(super) signals: Signals,
    /// What applies to it now.
    pub(super) mode: Mode,
    /// What its visitor just had done.
    pub(super) done: Option<Done>,
}

/// Why there is no notice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    UnknownSite,
    FromElsewhere,
    TooMany,
    NotNow,
}

impl Trouble {
    /// Heading and text.
    pub(super) fn words(self, language: Language) -> (&'static str, &'static str) {
        match self {
            Self::UnknownSite => language.choose(
                (
                    "Which site?",
                    "This server measures no site of that name. Type the site's name as it stands in its address, such as example.com.",
                ),
                (
                    "どのサイトについてでしょうか",
                    "このサーバーでは、ご指定の名前のサイトを計測していません。example.com のように、サイトのアドレスに含まれる名前をご入力ください。",
                ),
            ),
            Self::FromElsewhere => language.choose(
                (
                    "Not from this page",
                    "This choice can be made on the site's own privacy page only. Open that page and press the button there. Nothing was changed.",
                ),
                (
                    "このページ以外からの操作です",
                    "この選択は、サイトのプライバシーページからのみ行えます。ページを開き、ボタンを押してください。設定は変更されていません。",
                ),
            ),
            Self::TooMany => language.choose(
                ("Too many requests", "Your network has asked too often. Come again in a minute. Nothing was changed."),
                (
                    "リクエストが多すぎます",
                    "お使いのネットワークからのリクエストが多すぎます。1分ほどしてから、もう一度お試しください。設定は変更されていません。",
                ),
            ),
            Self::NotNow => language.choose(
                ("Not at this moment", "The server cannot answer this now. Come again in a minute."),
                ("ただいま処理できません", "サーバーが現在お答えできません。1分ほどしてから、もう一度お試しください。"),
            ),
        }
    }
}

/// The page of a site.
pub(super) fn notice_page(notice: &Notice, facts: &Facts, browser: Browser) -> String {
    let language = notice.language;
    let other = language.choose(Language::Japanese, Language::English);
    let other_name = other.choose("English", "日本語");
    let (site, tag) = (escaped(facts.site.as_str()), other.tag());
    let switch = format!(
        "<nav><a href=\"/privacy?d={site}&amp;lang={tag}\" lang=\"{tag}\" hreflang=\"{tag}\">{other_name}</a></nav>"
    );
    let title = escaped(&notice.title);
    let (panel, parts) = (panel(facts, language, browser), notice.html_parts());
    document(language, &title, &format!("<header>{switch}\n<h1>{title}</h1></header>\n{panel}\n<main>\n{parts}</main>"))
}

/// The page where there is no notice to show.
pub(super) fn trouble_page(trouble: Trouble, language: Language) -> String {
    let (heading, text) = trouble.words(language);
    let (label, show) = language.choose(("Site", "Show its notice"), ("サイト名", "表示する"));
    let tag = language.tag();
    let form = format!(
        "<form class=\"find\" method=\"get\" action=\"/privacy\"><input type=\"hidden\" name=\"lang\" value=\"{tag}\">\
         <label>{label} <input name=\"d\" required autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\" \
         placeholder=\"example.com\"></label> <button>{show}</button></form>"
    );
    document(language, heading, &format!("<header><h1>{heading}</h1></header>\n<main><p>{text}</p>\n{form}</main>"))
}

/// What holds for this browser, and the button that changes it.
fn panel(facts: &Facts, language: Language, browser: Browser) -> String {
    let opted_out = browser.signals.has(Signals::OPTED_OUT);
    let restricted = browser.signals.has(Signals::RESTRICTED);
    let (state, hint) = state(language, browser);
    let applies = applies(language, browser.mode);
    let heard = [(Signals::GPC, "Global Privacy Control (Sec-GPC)"), (Signals::DNT, "Do Not Track (DNT)")];
    let heard = heard.into_iter().filter(|(signal, _)| browser.signals.has(*signal)).map(|(_, name)| {
        let said = language
            .choose(format!("Your browser sends {name}."), format!("お使いのブラウザーは {name} を送信しています。"));
        format!("<p>{said}</p>\n")
    });
    let heard: String = heard.collect();
    let (path, label) = if opted_out || restricted {
        ("optin", language.choose("Opt back in", "計測を再開する"))
    } else {
        ("optout", language.choose("Opt out", "計測を停止する（オプトアウト）"))
    };
    let (heading, site, tag) =
        (language.choose("Your browser", "お使いのブラウザーの状態"), escaped(facts.site.as_str()), language.tag());
    let hint = hint.map(|hint| format!("<p class=\"hint\">{hint}</p>\n")).unwrap_or_default();
    let look = if opted_out { "quiet" } else { "strong" };
    let button = |path: &str, look: &str, words: &str| {
        format!(
            "<form method=\"post\" action=\"/privacy/{path}?d={site}&amp;lang={tag}\"><button class=\"{look}\">{words}</button></form>"
        )
    };
    let choice = button(path, look, label);
    let held = facts.rights().map(|_| {
        let see =
            language.choose("See what is held about this browser", "このブラウザーについて保有している内容を見る");
        let erase = button("erase", "quiet", language.choose("Erase it", "消去する"));
        let restrict = language.choose("Restrict for today", "本日の処理を停止する");
        let restrict = if opted_out || restricted { String::new() } else { button("restrict", "quiet", restrict) };
        format!(
            "<div class=\"held\"><p><a href=\"/privacy/me?d={site}&amp;lang={tag}\">{see}</a></p>\n{erase}\n{restrict}</div>\n"
        )
    });
    let held = held.unwrap_or_default();
    format!(
        "<aside aria-labelledby=\"state\">\n<h2 id=\"state\">{heading}</h2>\n<p class=\"state\" role=\"status\">{state}</p>\n{heard}<p>{applies}</p>\n{hint}\
         {choice}\n{held}</aside>"
    )
}

/// Whether this browser is opted out, and a hint where its cookie was not kept.
fn state(language: Language, browser: Browser) -> (&'static str, Option<&'static str>) {
    if browser.signals.has(Signals::RESTRICTED) && !browser.signals.has(Signals::OPTED_OUT) {
        let hint = browser.done.map(|done| done_words(done, language));
        return (language.choose("You have restricted the processing.", "処理を一時的に停止しています。"), hint);
    }
    if browser.signals.has(Signals::OPTED_OUT) {
        let hint = browser.done.filter(|done| *done != Done::OptedOut).map(|done| done_words(done, language));
        return (language.choose("You have opted out.", "計測を停止しています（オプトアウト済み）。"), hint);
    }
    let hint = browser.done.map(|done| done_words(done, language));
    (language.choose("You have not opted out.", "計測は停止されていません。"), hint)
}

/// What a button did. That of opting out is shown only where it did not last.
const fn done_words(done: Done, language: Language) -> &'static str {
    let (english, japanese) = match done {
        Done::OptedOut => (
            "Your browser did not keep the cookie that remembers your choice. Allow cookies for this server, or switch Global Privacy Control on in your browser.",
            "選択を記憶するためのCookieが、ブラウザーに保存されませんでした。このサーバーのCookieを許可するか、ブラウザーで Global Privacy Control を有効にしてください。",
        ),
        Done::Erased => (
            "Erased: what was counted of your visits today is taken back, within seconds. New visits are counted anew, unless you opt out.",
            "消去しました。本日の閲覧について集計された内容は、数秒以内に取り消されます。今後の閲覧は、オプトアウトされない限り、新たに集計されます。",
        ),
        Done::NothingToErase => (
            "Nothing of you was held, so there was nothing to erase.",
            "お客様について保有している内容はなく、消去の対象はありませんでした。",
        ),
        Done::Restricted => (
            "Restricted: nothing more of your visits is processed until the day has ended. What was counted stays.",
            "処理を停止しました。本日の終了まで、お客様の閲覧に関する処理は行いません。すでに集計された数値はそのまま残ります。",
        ),
    };
    match language {
        Language::English => english,
        Language::Japanese => japanese,
    }
}

/// What applies to this browser's visits now, by its own word; a page's consent dialog may still say more.
fn applies(language: Language, mode: Mode) -> &'static str {
    match mode {
        Mode::Off => language.choose("Your visits are not measured.", "お客様の閲覧は計測されません。"),
        Mode::Minimal => language.choose(
            "Your page views are counted without telling you from anybody else.",
            "お客様の閲覧は、他の方と区別することなく、回数だけを数えています。",
        ),
        Mode::Exempt => language.choose(
            "Your visits are measured in the limited way described below.",
            "お客様の閲覧には、下記の「限定的な計測」が適用されます。",
        ),
        Mode::Full => language.choose(
            "Your visits are measured in the full way described below.",
            "お客様の閲覧には、下記の「通常の計測」が適用されます。",
        ),
    }
}

pub(super) fn document(language: Language, title: &str, body: &str) -> String {
    let tag = language.tag();
    format!(
        "<!doctype html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<link rel=\"stylesheet\" href=\"/privacy/style.css\">\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
}
