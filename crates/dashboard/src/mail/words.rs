//! What a report says around its numbers, in each language that it is sent in.

use jiff::civil::Date;
use settings::{Rhythm, Tongue};

use super::report::Kind;
use crate::places::{self, Names};
use crate::query::metric::Metric;

/// The words of one language.
pub(crate) struct Words {
    pub(crate) lang: &'static str,
    pub(crate) weekly: &'static str,
    pub(crate) monthly: &'static str,
    pub(crate) test: &'static str,
    pub(crate) against: &'static str,
    pub(crate) compared: &'static str,
    pub(crate) points: &'static str,
    pub(crate) unchanged: &'static str,
    pub(crate) graph: &'static str,
    pub(crate) other: &'static str,
    pub(crate) unknown: &'static str,
    pub(crate) nothing: &'static str,
    pub(crate) sums: &'static str,
    pub(crate) rounded: &'static str,
    pub(crate) folded: &'static str,
    pub(crate) lost: &'static str,
    pub(crate) forgotten: &'static str,
    pub(crate) incomplete: &'static str,
    pub(crate) incomplete_unknown: &'static str,
    pub(crate) why: &'static str,
    pub(crate) open: &'static str,
    pub(crate) unsubscribe: &'static str,
    pub(crate) unsubscribe_ask: &'static str,
    pub(crate) unsubscribed: &'static str,
    pub(crate) unsubscribe_gone: &'static str,
    metrics: [&'static str; 6],
    tables: [&'static str; 4],
    countries: fn() -> &'static Names,
}

const ENGLISH: Words = Words {
    lang: "en",
    weekly: "Weekly report",
    monthly: "Monthly report",
    test: "Test",
    against: "before",
    compared: "compared with",
    points: "pt",
    unchanged: "unchanged",
    graph: "Visitors by day",
    other: "Other, too few to show",
    unknown: "Unknown",
    nothing: "Nothing was counted.",
    sums: "A visitor is known for one day only: visitors of several days are the sum of each day's.",
    rounded: "Counts are rounded to the nearest ten; fewer are shown as <10.",
    folded: "What fewer visitors did than are told apart stands together as \"Other\".",
    lost: "Some requests of these days could not be opened and are missing here.",
    forgotten: "After a restart, some visitors of these days may be counted twice.",
    incomplete: "These numbers are not complete: they are counted up to",
    incomplete_unknown: "These numbers may not be complete: nothing says how far the counts are.",
    why: "You get this because somebody who administers the site in Footfall entered your address.",
    open: "Open the dashboard",
    unsubscribe: "Unsubscribe",
    unsubscribe_ask: "Shall this report be sent to you no more?",
    unsubscribed: "This report is sent to you no more.",
    unsubscribe_gone: "This report is not sent to you: you have unsubscribed already, or it has ended.",
    metrics: ["Visitors", "Visits", "Page views", "Bounce rate", "Visit duration", "Conversion"],
    tables: ["Pages", "Sources", "Countries", "Goals"],
    countries: places::countries,
};

const JAPANESE: Words = Words {
    lang: "ja",
    weekly: "週次レポート",
    monthly: "月次レポート",
    test: "テスト",
    against: "前の期間",
    compared: "比較:",
    points: "ポイント",
    unchanged: "変化なし",
    graph: "日ごとの訪問者数",
    other: "その他（少数のためまとめて表示）",
    unknown: "不明",
    nothing: "計測された訪問はありません。",
    sums: "訪問者が分かるのはその日だけです。複数の日の訪問者数は、日ごとの数の合計です。",
    rounded: "数は10の単位に丸められ、それより少ない数は <10 と表示されます。",
    folded: "少数の訪問者の分は「その他」にまとめられています。",
    lost: "この期間のリクエストの一部は開くことができず、ここには含まれていません。",
    forgotten: "再起動のため、この期間の訪問者の一部は2回数えられている可能性があります。",
    incomplete: "この数はまだ完全ではありません。計測済みの時点:",
    incomplete_unknown: "この数はまだ完全ではない可能性があります。どこまで計測されたかが分かりません。",
    why: "このメールは、Footfall でサイトを管理する人があなたのアドレスを登録したため送られています。",
    open: "ダッシュボードを開く",
    unsubscribe: "配信を停止する",
    unsubscribe_ask: "このレポートの配信を停止しますか？",
    unsubscribed: "このレポートの配信を停止しました。",
    unsubscribe_gone: "このレポートはあなたに送られていません。すでに停止されたか、配信が終了しています。",
    metrics: ["訪問者数", "訪問数", "ページビュー", "直帰率", "訪問時間", "コンバージョン"],
    tables: ["ページ", "参照元", "国", "ゴール"],
    countries: places::countries_in_japanese,
};

/// The words of a language.
pub(crate) const fn of(language: Tongue) -> &'static Words {
    match language {
        Tongue::English => &ENGLISH,
        Tongue::Japanese => &JAPANESE,
    }
}

impl Words {
    pub(crate) const fn metric(&self, metric: Metric) -> &'static str {
        let [visitors, visits, pageviews, bounce_rate, visit_duration, conversion] = self.metrics;
        match metric {
            Metric::Visitors => visitors,
            Metric::Visits => visits,
            Metric::Pageviews => pageviews,
            Metric::BounceRate => bounce_rate,
            Metric::VisitDuration => visit_duration,
            _ => conversion,
        }
    }

    pub(crate) const fn table(&self, kind: Kind) -> &'static str {
        let [pages, sources, countries, goals] = self.tables;
        match kind {
            Kind::Pages => pages,
            Kind::Sources => sources,
            Kind::Countries => countries,
            Kind::Goals => goals,
        }
    }

    /// A country's name by its code; the code where there is none.
    pub(crate) fn country<'n>(&self, code: &'n str) -> &'n str {
        (self.countries)().get(code).copied().unwrap_or(code)
    }

    pub(crate) const fn title(&self, rhythm: Rhythm) -> &'static str {
        match rhythm {
            Rhythm::Weekly => self.weekly,
            Rhythm::Monthly => self.monthly,
        }
    }
}

/// A period, by its first and last day; their form is the same in every language.
pub(crate) fn period((first, last): (Date, Date)) -> String {
    format!("{first} – {last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_have_their_names_in_each_language_and_other_values_stay() {
        let told = |tongue, code: &'static str| of(tongue).country(code);
        assert_eq!((told(Tongue::English, "DE"), told(Tongue::Japanese, "DE")), ("Germany", "ドイツ"));
        assert_eq!((told(Tongue::English, "ZW"), told(Tongue::Japanese, "AD")), ("Zimbabwe", "アンドラ"));
        assert_eq!((told(Tongue::English, "D"), told(Tongue::English, "de")), ("D", "de"));
    }
}
