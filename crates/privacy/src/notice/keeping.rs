//! The sentences about what is cut away, and about what is kept and for how long.

use model::AddressPrecision;

use super::facts::Facts;
use super::{Said, both};

pub(super) fn address(facts: &Facts) -> Option<Said> {
    if !facts.tells_visitors_apart() {
        return None;
    }
    Some(match facts.address {
        AddressPrecision::Full => both(
            "The IP address is sealed whole; it is never stored readable, and is gone once the pseudonym and the country are found.",
            "IPアドレスは全桁を暗号化して封じます。読める形で保存することはなく、仮の識別子と国を求めた時点で破棄します。",
        ),
        AddressPrecision::Network => both(
            "Of the IP address only the network is kept (/24 of IPv4, /48 of IPv6); the rest is cut off before the record is sealed.",
            "IPアドレスはネットワーク部分（IPv4は/24、IPv6は/48）だけを残し、それ以下は記録を封じる前に切り捨てます。",
        ),
        AddressPrecision::None => both(
            "The IP address is dropped before the record is sealed; no country is looked up.",
            "IPアドレスは記録を封じる前に破棄し、国の判定も行いません。",
        ),
    })
}

pub(super) fn query(facts: &Facts) -> Option<Said> {
    if !facts.measures_anything() || !facts.cuts.query {
        return None;
    }
    let campaign = facts.kept.values().any(|kept| kept.campaign);
    Some(if campaign {
        both(
            "The query and the fragment of a page's address are dropped, but for the campaign fields.",
            "ページURLのクエリー文字列とフラグメントは、キャンペーン情報を除いて破棄します。",
        )
    } else {
        both(
            "The query and the fragment of a page's address are dropped.",
            "ページURLのクエリー文字列とフラグメントは破棄します。",
        )
    })
}

pub(super) fn click_ids(facts: &Facts) -> Option<Said> {
    let kept = facts.kept.values().any(|kept| kept.campaign);
    (kept && facts.cuts.click_ids).then(|| {
        both(
            "Of click ids of advertising networks (such as gclid) only the parameter's name is kept, never the value.",
            "広告ネットワークのクリックID（gclid など）は、パラメーター名だけを残し、値は保持しません。",
        )
    })
}

pub(super) fn referrer(facts: &Facts) -> Option<Said> {
    (facts.measures_anything() && facts.cuts.referrer_query).then(|| {
        both(
            "The query of the page you came from is dropped, and with it what was searched for.",
            "直前に閲覧していたページのクエリー文字列（検索語など）は破棄します。",
        )
    })
}

pub(super) fn paths(facts: &Facts) -> Option<Said> {
    if !facts.measures_anything() {
        return None;
    }
    let patterns = facts.cuts.path_patterns;
    match (facts.cuts.personal_paths, patterns) {
        (false, 0) => None,
        (true, 0) => Some(both(
            "Parts of a path that look personal (mail addresses, long numbers, tokens) are replaced before the record is sealed.",
            "パスのうち個人に関わると見られる部分（メールアドレス、長い数字、トークンなど）は、記録を封じる前に置き換えます。",
        )),
        (false, _) => Some(both(
            format!(
                "Parts of paths that match {patterns} of the operator's patterns are replaced before the record is sealed."
            ),
            format!("運営者が定めた{patterns}件の規則に当てはまるパスの一部は、記録を封じる前に置き換えます。"),
        )),
        (true, _) => Some(both(
            format!(
                "Parts of a path that look personal (mail addresses, long numbers, tokens), or match {patterns} of the operator's patterns, are replaced before the record is sealed."
            ),
            format!(
                "パスのうち個人に関わると見られる部分（メールアドレス、長い数字、トークンなど）と、運営者が定めた{patterns}件の規則に当てはまる部分は、記録を封じる前に置き換えます。"
            ),
        )),
    }
}

pub(super) fn pseudonym(facts: &Facts) -> Option<Said> {
    let zone = &facts.timezone;
    let (from, from_ja) = match facts.address {
        AddressPrecision::Full => ("the address and the user agent", "IPアドレスとユーザーエージェント"),
        AddressPrecision::Network => {
            ("the network of the address and the user agent", "IPアドレスのネットワーク部分とユーザーエージェント")
        }
        AddressPrecision::None => ("the user agent alone", "ユーザーエージェントのみ"),
    };
    facts.tells_visitors_apart().then(|| {
        both(
            format!(
                "To tell visitors apart for one day (until midnight, {zone}), a pseudonym is computed from {from} with a secret key (HMAC-SHA-256). It exists in memory only, is never written, and is another one for every site and every day; nobody is recognised from one day to the next or on another site."
            ),
            format!(
                "1日（{zone} の午前0時まで）に限って訪問者を区別するため、{from_ja}から秘密鍵を用いて仮の識別子（HMAC-SHA-256）を計算します。これはメモリ上にのみ存在し、書き出されることはありません。サイトごと・日ごとに異なる値となるため、翌日以降や他のサイトで同じ方だと認識することはありません。"
            ),
        )
    })
}

pub(super) fn sealed(facts: &Facts) -> Option<Said> {
    let hours = facts.sealed_hours;
    facts.measures_anything().then(|| {
        both(
            format!(
                "Between the browser's report and the count, records rest encrypted (HPKE, one key an hour). The key is destroyed {hours} hours after its hour has ended; from then on nobody can open the records, nor any copy of them, by that key."
            ),
            format!(
                "受信から集計までの間、記録は暗号化して保存します（HPKE、1時間ごとに別の鍵）。鍵は、その1時間が終わってから{hours}時間後に破棄します。以後は、複製を含め、その鍵で記録を開くことは誰にもできません。"
            ),
        )
    })
}

pub(super) fn window(facts: &Facts) -> Option<Said> {
    let hours = facts.sealed_hours;
    facts.tells_visitors_apart().then(|| {
        both(
            format!(
                "During these {hours} hours whoever runs the server holds the records and their keys. In that time the data is pseudonymous, not anonymous."
            ),
            format!(
                "この{hours}時間の間は、サーバーの運営者が記録と鍵の両方を保有しています。したがって、その間の情報は仮名化された状態にとどまり、匿名化された情報ではありません。"
            ),
        )
    })
}

pub(super) fn lost(facts: &Facts) -> Option<Said> {
    facts.measures_anything().then(|| {
        both(
            "A record whose key is lost before it was counted can be opened by nobody. Only how many there were in an hour is kept, and reports of that day say that it is incomplete.",
            "集計の前に鍵が失われた記録は、誰にも開くことができません。1時間ごとの件数だけを残し、その日の集計が不完全であることを画面に表示します。",
        )
    })
}

pub(super) fn counts(facts: &Facts) -> Option<Said> {
    (facts.measures_anything() && !facts.rows_per_person).then(|| {
        both(
            "What stays are counts by day (for totals and pages also by hour): so many views, visits and visitors of a page, a source, a country. No line of them stands for a person, a visit or an event. A count can be as small as one.",
            "長期に残るのは、日ごと（サイト全体とページについては時間ごとも）の集計値、すなわちページ、流入元、国などごとの閲覧数、訪問数、訪問者数だけです。個人、訪問または操作を1件ずつ表す行はありません。ただし、集計値が1となることはあります。",
        )
    })
}

pub(super) fn small_groups(facts: &Facts) -> Option<Said> {
    let least = facts.visitors_min?;
    facts.tells_visitors_apart().then(|| {
        both(
            format!(
                "When a day has ended, combinations of two properties, regions and cities, languages, versions of browsers and systems, and the campaign fields utm_term and utm_content with fewer than {least} visitors are merged into “(other)” in what is stored."
            ),
            format!("1日の終了後、訪問者が{least}人未満となる項目の組合せ、地域と市区町村、言語、ブラウザーやOSのバージョン、キャンペーン情報の utm_term と utm_content は、保存データ上で「(other)」にまとめます。"),
        )
    })
}

pub(super) fn retention(facts: &Facts) -> Option<Said> {
    if !facts.measures_anything() {
        return None;
    }
    let Some(days) = facts.retention_days else {
        return Some(both("No end is set for how long the counts are kept.", "集計値の保存期間に定めはありません。"));
    };
    let (months, months_ja) = match (f64::from(days) / 30.44).round() {
        few if few < 2.0 => (String::new(), String::new()),
        months => (format!(" (about {months} months)"), format!("（約{months}か月）")),
    };
    Some(both(
        format!("Counts are deleted after {days} days{months}."),
        format!("集計値は{days}日{months_ja}を経過した後に削除します。"),
    ))
}
