//! The sentences about what is not done, where the data is, who receives it and how it is protected.

use super::facts::{Facts, Measure, Signal};
use super::processing::named;
use super::{Said, both};

pub(super) fn no_profile(facts: &Facts) -> Option<Said> {
    (facts.measures_anything() && !facts.rows_per_person).then(|| {
        both(
            "No profile of anybody is made: what is stored has no place for one.",
            "個人のプロファイリングは行いません。保存するデータには、個人ごとの記録を置く場所がありません。",
        )
    })
}

pub(super) fn no_decision(facts: &Facts) -> Option<Said> {
    (facts.measures_anything() && !facts.rows_per_person).then(|| {
        both(
            "The measurement takes no decision about anybody, by automated means or otherwise.",
            "計測の仕組みが、自動的な処理その他により個人に関する決定を行うことはありません。",
        )
    })
}

pub(super) fn children(facts: &Facts) -> Option<Said> {
    if facts.child_directed {
        let (mode, mode_ja) = named(facts.without_signal);
        return Some(both(
            format!("The site is directed at children. Every visit is treated as a child's: {mode} at most."),
            format!(
                "このサイトは子ども向けです。すべての訪問を子どもによるものとして取り扱います（最大でも：{mode_ja}）。"
            ),
        ));
    }
    let (mode, mode_ja) = named(facts.leads_to(Signal::Child)?);
    Some(both(
        format!("Where the page says that its visitor is a child, this applies: {mode}. Nobody's age is guessed."),
        format!("閲覧者が子どもであるとページが伝えた場合の取扱い：{mode_ja}。年齢の推定は行いません。"),
    ))
}

pub(super) fn region(facts: &Facts) -> Option<Said> {
    let region = facts.answers.region.as_ref()?;
    Some(both(
        format!("The operator declares that the data is kept in this region: {region}"),
        format!("運営者が申告するデータの保存地域：{region}"),
    ))
}

pub(super) fn recipients(facts: &Facts) -> Option<Said> {
    let recipients = &facts.answers.recipients;
    if recipients.is_empty() {
        return facts.measures_anything().then(|| {
            both("The operator names no other recipient of the counts.", "運営者が申告する集計値の提供先：なし")
        });
    }
    let said = both("The counts are also received by:", "集計値の提供先：");
    Some(said.listing(recipients.iter().map(|name| (name.clone(), name.clone()))))
}

pub(super) fn readers(facts: &Facts) -> Option<Said> {
    facts.public.then(|| {
        both(
            "The counts of this site are public: anybody may read them.",
            "このサイトの集計値は公開されており、どなたでもご覧になれます。",
        )
    })
}

pub(super) fn rounded(facts: &Facts) -> Option<Said> {
    let to = facts.rounded_to.filter(|_| facts.measures_anything())?;
    let most = to - 1;
    Some(both(
        format!(
            "Whoever reads the counts sees them rounded to the nearest {to}; 1 to {most} are shown as fewer than {to}."
        ),
        format!("集計値は{to}単位に四捨五入して表示し、1から{most}までの値は「{to}未満」として表示します。"),
    ))
}

pub(super) fn not_passed_on(facts: &Facts) -> Option<Said> {
    (facts.measures_anything() && facts.one_server).then(|| {
        both(
            "Receiving, counting and storing are done by one program on one server, which passes nothing on to anybody by itself.",
            "受信、集計および保存は1台のサーバー上の1つのプログラムで行い、このプログラムが自ら第三者へ情報を提供することはありません。",
        )
    })
}

pub(super) fn measures(facts: &Facts) -> Option<Said> {
    if facts.measures.is_empty() || !facts.measures_anything() {
        return None;
    }
    let said = both("These measures are in force:", "次の安全管理措置を講じています。");
    Some(said.listing(facts.measures.iter().map(|measure| {
        let (english, japanese) = measure_named(*measure);
        (english.to_owned(), japanese.to_owned())
    })))
}

/// A measure in English and Japanese.
const fn measure_named(measure: Measure) -> (&'static str, &'static str) {
    match measure {
        Measure::Sealed => (
            "records are encrypted with a public key before they are written; it cannot decrypt them",
            "記録は、書き込む前に公開鍵で暗号化します（この鍵では復号できません）",
        ),
        Measure::KeysDestroyed => {
            ("keys whose time has come are overwritten and removed", "期限を迎えた鍵は、上書きしたうえで削除します")
        }
        Measure::Audited => {
            ("each destruction of a key is written to an audit log", "鍵の破棄は、その都度監査ログに記録します")
        }
        Measure::SecretsInMemory => (
            "memory that holds secrets is not written to a core dump",
            "秘密情報を保持するメモリは、障害時のダンプに書き出しません",
        ),
        Measure::QuietLogs => (
            "logs and metrics of the measurement hold no address and no user agent",
            "計測のログや監視情報に、IPアドレスやユーザーエージェントは含めません",
        ),
        Measure::Token => {
            ("the counts can be read with an access token only", "集計値の閲覧にはアクセストークンが必要です")
        }
    }
}
