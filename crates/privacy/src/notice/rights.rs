//! The sentences about a visitor's browser and what a visitor can do.

use model::AddressPrecision;
use model::limits::DAY_GRACE_MS;

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
    let (restricting, restricting_ja) = facts.rights().map_or_else(Default::default, |hours| {
        let cookie = facts.restriction_cookie;
        (
            format!(" (if you restrict, the cookie {cookie} for {hours} hours)"),
            format!("（一時的な利用停止の場合はCookie「{cookie}」を{hours}時間）"),
        )
    });
    Some(both(
        format!(
            "If you opt out, the cookie {cookie} is set for {days} days{restricting}. It is the same for everybody who opts out, tells nobody from anybody, and serves only to keep to your choice."
        ),
        format!(
            "計測の停止（オプトアウト）をされると、Cookie「{cookie}」を{days}日間{restricting_ja}保存します。値はすべての方に共通で、個人を識別するものではなく、お客様の選択を守るためにのみ使用します。"
        ),
    ))
}

pub(super) fn access(facts: &Facts) -> Option<Said> {
    let (_, page) = (facts.rights()?, facts.page());
    let grace = DAY_GRACE_MS / 3_600_000;
    let (cut, cut_ja) = match facts.address {
        AddressPrecision::Full => ("", ""),
        AddressPrecision::Network => (
            " Because only the network of an address is kept here, it tells how much was counted, not of which pages.",
            "本サイトはアドレスのネットワーク部分のみを扱うため、表示するのは件数のみで、閲覧されたページは表示しません。",
        ),
        AddressPrecision::None => (
            " Because no address is kept here, nobody can be told from others with the same browser: nothing can be shown or erased.",
            "本サイトはアドレスを扱わず、同じブラウザーをお使いの方を区別できないため、表示および消去は行えません。",
        ),
    };
    Some(both(
        format!(
            "See what is held (access): with the link at {page}, or as JSON from /privacy/me. Until your visits' day has ended, and at most {grace} hours longer, it shows what was counted of them: pages, events, hour, and what was read from your browser. It is found by the address and the browser you ask with; whoever shares both with you counts as one visitor with you, and is shown the same.{cut}"
        ),
        format!(
            "保有内容の確認（開示）：{page} のリンクから、または /privacy/me よりJSON形式でご覧いただけます。ご利用日の終了まで（最長でその{grace}時間後まで）、集計された閲覧の内容（ページ、イベント、時間帯、ブラウザーから読み取った項目）を表示します。お問い合わせ時のアドレスとブラウザーによって特定するため、その両方が同じ方は同一の訪問者として数えられ、同じ内容が表示されます。{cut_ja}"
        ),
    ))
}

pub(super) fn erasure(facts: &Facts) -> Option<Said> {
    let (_, page, hours) = (facts.rights()?, facts.page(), facts.sealed_hours);
    Some(both(
        format!(
            "Have it erased: with the button at {page}. Everything that was counted of your visits on a day that has not ended is taken back from the counts, and your pseudonym is forgotten. Of earlier days nothing is left that could be tied to you. The encrypted records stay until their key is destroyed ({hours} hours after their hour), and are not counted again."
        ),
        format!(
            "消去：{page} のボタンから行えます。終了していない日の閲覧について集計されたものをすべて取り消し、仮の識別子を破棄します。それ以前の日については、お客様と結び付けられるものは残っていません。暗号化された記録は鍵の破棄（各時間の終了から{hours}時間後）まで残りますが、再び集計されることはありません。"
        ),
    ))
}

pub(super) fn restriction(facts: &Facts) -> Option<Said> {
    let (hours, page) = (facts.rights()?, facts.page());
    Some(both(
        format!(
            "Restrict: with the button at {page}. What was counted stays as it is. From then on nothing you send is processed while your browser keeps the cookie ({hours} hours); where it keeps none, nothing more is counted of you as a visitor until the day has ended."
        ),
        format!(
            "一時的な利用停止：{page} のボタンから行えます。すでに集計された数値はそのまま残ります。以後、ブラウザーがCookieを保持している間（{hours}時間）は送信された内容を一切処理しません。Cookieが保持されない場合も、当日の終了まで、お客様を訪問者として集計することはありません。"
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
    let (unless, unless_ja) = facts
        .rights()
        .map_or_else(Default::default, |_| (", unless you have it erased", "（消去をお申し出の場合を除きます）"));
    facts.opt_out.and(facts.leads_to(Signal::OptedOut)).map(|_| {
        both(
            format!("You can opt out, and in again, at any time. Either acts from that moment on; what was counted before stays counted{unless}."),
            format!("停止も再開も、いつでも行えます。いずれもその時点から効力を生じ、それ以前に集計された数値はそのまま残ります{unless_ja}。"),
        )
    })
}

pub(super) fn ask(facts: &Facts) -> Option<Said> {
    let contact = facts.answers.contact.as_ref()?;
    let said = both(
        format!(
            "Whatever else the law entitles you to, ask for it at {contact}. The counts of days that have ended do not say whom they are about, so that what concerns you cannot be picked out of them, corrected or erased."
        ),
        format!(
            "そのほか、法令に基づく開示、訂正、削除、利用停止などのご請求は、{contact} までお申し出ください。終了した日の集計値は誰に関するものかを示さないため、お客様に関する部分だけを取り出し、訂正または消去することはできません。"
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
