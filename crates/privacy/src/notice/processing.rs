//! The sentences about what is processed: what a browser sends, which mode applies when, and what each mode keeps.

use model::{AddressPrecision, Mode};

use super::facts::{Facts, Kept, Referrer, Signal};
use super::{Said, both};

type Item = (String, String);

fn item(english: impl Into<String>, japanese: impl Into<String>) -> Item {
    (english.into(), japanese.into())
}

/// A mode as visitors read it, in English and Japanese.
pub(super) const fn named(mode: Mode) -> (&'static str, &'static str) {
    match mode {
        Mode::Off => ("no measurement", "計測しない"),
        Mode::Minimal => ("counting only", "回数の計数のみ"),
        Mode::Exempt => ("limited measurement", "限定的な計測"),
        Mode::Full => ("full measurement", "通常の計測"),
    }
}

const fn signal_named(signal: Signal) -> (&'static str, &'static str) {
    match signal {
        Signal::OptedOut => ("You opted out", "計測の停止（オプトアウト）をされた場合"),
        Signal::Child => ("The page says that its visitor is a child", "ページが、閲覧者は子どもであると伝えた場合"),
        Signal::Refused => {
            ("You refused analytics in the page's consent dialog", "ページの同意画面で分析を拒否された場合")
        }
        Signal::TcfRefused => ("A consent string (IAB TCF) refuses", "同意情報（IAB TCF）が拒否を示す場合"),
        Signal::GppRefused => ("A consent string (IAB GPP) refuses", "同意情報（IAB GPP）が拒否を示す場合"),
        Signal::Gpc => {
            ("Your browser sends Global Privacy Control", "ブラウザーが Global Privacy Control を送信した場合")
        }
        Signal::Dnt => ("Your browser sends Do Not Track", "ブラウザーが Do Not Track を送信した場合"),
        Signal::Granted => {
            ("You agreed to analytics in the page's consent dialog", "ページの同意画面で分析に同意された場合")
        }
        Signal::TcfGranted => ("A consent string (IAB TCF) agrees", "同意情報（IAB TCF）が同意を示す場合"),
        Signal::Unclear => (
            "A consent string is broken, out of date or says nothing of it",
            "同意情報が不完全、期限切れ、または計測に触れていない場合",
        ),
    }
}

pub(super) fn sent(facts: &Facts) -> Option<Said> {
    if !facts.measures_anything() {
        return None;
    }
    let page = facts.page();
    let said = both(
        format!(
            "Pages of {} carry a script or a clear GIF (web beacon). With it your browser sends the following to the server that measures, the one on which {page} is found. Lines of the site's access log are treated by the same rules where the operator imports them.",
            facts.site
        ),
        format!(
            "{} のページには、スクリプトまたは透明な画像（ウェブビーコン）が組み込まれています。ページを閲覧されると、お使いのブラウザーから計測サーバー（{page} を提供しているサーバー）へ、次の情報が送信されます（外部送信）。運営者がアクセスログを取り込む場合も、同じ規則で取り扱います。",
            facts.site
        ),
    );
    Some(said.listing([
        item("the address of the page, and of the page you came from", "閲覧したページのURLと、その直前に閲覧していたページのURL"),
        item(
            "that a page was viewed, how long it was in view, how far it was scrolled, on pages that measure it how fast it loaded and answered, and events that the page reports, such as a click on a download",
            "ページを閲覧したこと、表示されていた時間、スクロールした割合、計測するページでは表示と応答の速さ、ダウンロードのクリックなどページが通知する操作",
        ),
        item("the width of the window and your preferred language", "ウィンドウの幅と、優先する言語"),
        item(
            "what your browser or the page's consent dialog says about being measured",
            "計測に関するブラウザーの設定や、ページの同意画面での選択",
        ),
        item(
            "a random number made for this one report, so that it is counted once",
            "二重に数えないための、その送信限りの乱数",
        ),
        item(
            "as with every request on the web, your IP address and your browser's description of itself (user agent)",
            "あらゆるウェブ通信と同様に、IPアドレスとブラウザーの種類を示す文字列（ユーザーエージェント）",
        ),
    ]))
}

pub(super) fn default(facts: &Facts) -> Option<Said> {
    let (mode, mode_ja) = named(facts.without_signal);
    Some(both(
        format!("Where nothing is said about being measured, this applies: {mode}."),
        format!("計測について特に意思表示がない場合の取扱い：{mode_ja}"),
    ))
}

pub(super) fn signals(facts: &Facts) -> Option<Said> {
    if facts.signals.is_empty() {
        return None;
    }
    let said = both(
        "What you, your browser or the page say about it is read first, before anything about you is computed. Of several refusals the one that leaves the least holds; an agreement holds only where nothing refuses.",
        "お客様、ブラウザーまたはページによる意思表示は、お客様に関する処理を始める前に確認します。拒否が複数ある場合は最も制限の強いものに従い、同意は、拒否がない場合にのみ有効とします。",
    );
    Some(said.listing(facts.signals.iter().map(|(signal, mode)| {
        let ((word, word_ja), (leads, leads_ja)) = (signal_named(*signal), named(*mode));
        item(format!("{word}: {leads}"), format!("{word_ja}：{leads_ja}"))
    })))
}

pub(super) fn full(facts: &Facts) -> Option<Said> {
    measured(facts, Mode::Full)
}

pub(super) fn exempt(facts: &Facts) -> Option<Said> {
    measured(facts, Mode::Exempt)
}

fn measured(facts: &Facts, mode: Mode) -> Option<Said> {
    let kept = facts.kept.get(&mode)?;
    let (name, name_ja) = named(mode);
    let said = both(
        format!("In {name} these are kept until they are counted:"),
        format!("「{name_ja}」では、集計するまでの間、次の情報を取り扱います。"),
    );
    let always = [
        item("the page (host and path) and the time", "ページ（ホスト名とパス）と日時"),
        item(
            "how long the page was in view, how far it was scrolled, and, on pages that measure it, how fast it loaded and answered",
            "ページの表示時間、スクロールした割合、計測するページでは表示と応答の速さ",
        ),
    ];
    Some(said.listing(always.into_iter().chain(extras(facts, kept))))
}

pub(super) fn minimal(facts: &Facts) -> Option<Said> {
    let kept = facts.kept.get(&Mode::Minimal)?;
    let said = both(
        "In counting only, the view is added to the site's totals and to its page, by hour and by day. Visitors are not told apart; your address and your browser's description are not kept.",
        "「回数の計数のみ」では、閲覧をサイト全体とそのページの回数に、時間ごと・日ごとに加算するだけです。訪問者の区別は行わず、IPアドレスやブラウザーの情報も保持しません。",
    );
    Some(said.listing(extras(facts, kept)))
}

pub(super) fn off(facts: &Facts) -> Option<Said> {
    facts.reaches(Mode::Off).then(|| {
        both(
            "In no measurement, nothing is kept of what was sent; only how many requests were left out in a minute, and for which reason, is counted.",
            "「計測しない」では、送信された内容は一切保持しません。1分ごとに、除外した件数とその理由の種別だけを数えます。",
        )
    })
}

/// What a mode keeps beyond the page and the time.
fn extras(facts: &Facts, kept: &Kept) -> Vec<Item> {
    let referrer = match kept.referrer {
        Referrer::Nothing => None,
        Referrer::Host => Some(item("the site you came from (host only)", "直前に閲覧していたサイト（ホスト名のみ）")),
        Referrer::HostAndPath => {
            Some(item("the page you came from (host and path)", "直前に閲覧していたページ（ホスト名とパス）"))
        }
    };
    let located = kept.visitor && facts.places && facts.address != AddressPrecision::None;
    let items = [
        referrer,
        kept.campaign.then(|| {
            item(
                "campaign fields of the page's address (utm_source, utm_medium, utm_campaign, utm_term, utm_content)",
                "ページURLに含まれるキャンペーン情報（utm_source、utm_medium、utm_campaign、utm_term、utm_content）",
            )
        }),
        kept.event_name.then(|| item("names of events that the page reports", "ページが通知する操作の名称")),
        kept.properties.then(|| item("what the page attaches to them", "ページがその操作に付け加える情報")),
        kept.revenue.then(|| item("an amount of money that an event brought", "その操作による売上額")),
        kept.screen.then(|| item("the width of the window, counted by class", "ウィンドウの幅（区分ごとに集計）")),
        kept.language.then(|| item("your preferred language", "優先する言語")),
        kept.visitor.then(|| {
            item(
                "browser, operating system and kind of device, read from the user agent",
                "ブラウザー、OSおよび端末の種類（ユーザーエージェントから判定）",
            )
        }),
        located.then(|| {
            item(
                "the country (region and city where the table has them), looked up from the address in a table on the server",
                "国（対応表にある場合は地域・市区町村。サーバー内の対応表によりIPアドレスから判定）",
            )
        }),
        kept.visitor.then(|| {
            item(
                "address and user agent, to tell visitors apart for one day as described below",
                "IPアドレスとユーザーエージェント（後述のとおり、1日に限り訪問者を区別するため）",
            )
        }),
    ];
    items.into_iter().flatten().collect()
}

pub(super) fn robots(facts: &Facts) -> Option<Said> {
    facts.measures_anything().then(|| {
        both(
            "To leave robots out of the counts, the user agent is looked at before anything is kept.",
            "ロボット（自動巡回プログラム）を集計から除くため、保持に先立ってユーザーエージェントを確認します。",
        )
    })
}

pub(super) fn rate_limit(facts: &Facts) -> Option<Said> {
    facts.rate_limited.then(|| {
        both(
            "To hold floods back, the network of the address (/24, /48) is remembered in memory as a keyed hash. It is not stored.",
            "過剰なアクセスを防ぐため、IPアドレスのネットワーク部分（/24、/48）を鍵付きハッシュ値としてメモリ上にのみ保持します。保存はしません。",
        )
    })
}
