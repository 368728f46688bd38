//! The sentences about a visitor's browser and what a visitor can do.

use super::facts::{Facts, Signal};
use super::processing::named;
use super::{Said, both};

pub(super) fn no_cookie(facts: &Facts) -> Option<Said> {
    facts.measures_anything().then(|| match facts.opt_out {
        Some(_) => both(
            "The measurement stores nothing in your browser: no cookie, no local storage. There is one exception, which only you can ask for:",
            "計測のためにお使いのブラウザーへ情報を保存することはありません（Cookie、ローカルストレージとも不使用）。例外は、お客様のお申し出による次の1つだけです。",
        ),
        None => both(
            "The measurement stores nothing in your browser: no cookie, no local storage.",
            "計測のためにお使いのブラウザーへ情報を保存することはありません（Cookie、ローカルストレージとも不使用）。",
        ),
    })
}

pub(super) fn opt_out_cookie(facts: &Facts) -> Option<Said> {
    let opt_out = facts.opt_out?;
    let (cookie, days) = (opt_out.cookie, opt_out.days);
    Some(both(
        format!(
            "If you opt out, the cookie {cookie} is set for {days} days. It is the same for everybody who opts out, tells nobody from anybody, and serves only to keep to your choice."
        ),
        format!(
            "計測の停止（オプトアウト）をされると、Cookie「{cookie}」を{days}日間保存します。値はすべての方に共通で、個人を識別するものではなく、お客様の選択を守るためにのみ使用します。"
        ),
    ))
}

pub(super) fn opt_out(facts: &Facts) -> Option<Said> {
    let (mode, mode_ja) = named(facts.opt_out.and(facts.leads_to(Signal::OptedOut))?);
    let page = facts.page();
    Some(both(
        format!(
            "Opt out (object): with the button at {page} on the server that measures. From then on: {mode}. The choice holds for this browser and for every site measured by that server, until you delete its cookies; it cannot reach the server where your browser holds cookies back."
        ),
        format!(
            "計測の停止（オプトアウト・利用停止のお申し出）：計測サーバーの {page} にあるボタンから行えます。その時点からの取扱い：{mode_ja}。この選択は、お使いのブラウザーにおいて、同じサーバーで計測するすべてのサイトに適用され、Cookieを削除されるまで有効です。ブラウザーがCookieの送信を制限している場合は、選択がサーバーに届かないことがあります。"
        ),
    ))
}

pub(super) fn browser_signals(facts: &Facts) -> Option<Said> {
    let signals = [(Signal::Gpc, "Global Privacy Control (Sec-GPC)"), (Signal::Dnt, "Do Not Track (DNT)")];
    let read = signals.into_iter().filter_map(|(signal, name)| {
        let (mode, mode_ja) = named(facts.leads_to(signal)?);
        Some((format!("{name}: {mode}"), format!("{name}：{mode_ja}")))
    });
    let read: Vec<_> = read.collect();
    (!read.is_empty()).then(|| {
        both(
            "Let your browser speak: these settings of a browser are honoured on every visit, without a cookie.",
            "ブラウザーの設定による意思表示：次の設定は、Cookieを使わずに、閲覧のつど尊重されます。",
        )
        .listing(read)
    })
}

pub(super) fn withdrawal(facts: &Facts) -> Option<Said> {
    facts.opt_out.and(facts.leads_to(Signal::OptedOut)).map(|_| {
        both(
            "You can opt out, and in again, at any time. Either acts from that moment on; what was counted before stays counted.",
            "停止も再開も、いつでも行えます。いずれもその時点から効力を生じ、それ以前に集計された数値はそのまま残ります。",
        )
    })
}

pub(super) fn ask(facts: &Facts) -> Option<Said> {
    let contact = facts.answers.contact.as_ref()?;
    let said = both(
        format!(
            "Whatever else the law entitles you to (such as access, correction, erasure, restriction or objection), ask for it at {contact}. The counts do not say whom they are about, so that what concerns you cannot be picked out of them."
        ),
        format!(
            "そのほか、法令に基づく開示、訂正、削除、利用停止などのご請求は、{contact} までお申し出ください。集計値は誰に関するものかを示さないため、お客様に関する部分だけを取り出すことはできません。"
        ),
    );
    Some(said.linking(contact))
}

pub(super) fn complain(facts: &Facts) -> Option<Said> {
    facts.measures_anything().then(|| {
        both(
            "You may complain to the data protection authority of your country.",
            "個人情報保護委員会など、お住まいの国・地域の監督機関に申し出ることもできます。",
        )
    })
}
