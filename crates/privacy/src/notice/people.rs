//! The sentences about who measures, what for, and where this text comes from.

use super::facts::Facts;
use super::{Said, both};

pub(super) fn summary(facts: &Facts) -> Option<Said> {
    let site = &facts.site;
    if !facts.measures_anything() {
        return Some(both(
            format!("Visits to {site} are not measured at present."),
            format!("現在、{site} ではアクセスの計測を行っていません。"),
        ));
    }
    let (visitors, visitors_ja) = if facts.tells_visitors_apart() {
        (
            "how often its pages are viewed and how many visitors there are in a day",
            "ページの閲覧回数と、1日ごとの訪問者数",
        )
    } else {
        ("how often its pages are viewed", "ページの閲覧回数")
    };
    Some(both(
        format!("{site} counts {visitors}. What is stored for good are counts, not records of people."),
        format!(
            "{site} では、{visitors_ja}を計測しています。長期に保存するのは集計値のみであり、個人ごとの記録ではありません。"
        ),
    ))
}

pub(super) fn controller(facts: &Facts) -> Option<Said> {
    let controller = facts.answers.controller.as_ref()?;
    Some(both(
        format!("Who answers for the measurement (controller): {controller}"),
        format!("計測の責任を負う者（管理者）：{controller}"),
    ))
}

pub(super) fn responsible(facts: &Facts) -> Option<Said> {
    let responsible = facts.answers.responsible.as_ref()?;
    Some(both(
        format!("Responsible for data protection: {responsible}"),
        format!("個人情報保護の責任者・担当部署：{responsible}"),
    ))
}

pub(super) fn contact(facts: &Facts) -> Option<Said> {
    let contact = facts.answers.contact.as_ref()?;
    let said =
        both(format!("Requests and complaints: {contact}"), format!("お問い合わせ・苦情のお申し出先：{contact}"));
    Some(said.linking(contact))
}

pub(super) fn purpose(facts: &Facts) -> Option<Said> {
    if !facts.measures_anything() {
        return None;
    }
    Some(match &facts.answers.purpose {
        Some(purpose) => both(format!("The counts are for this: {purpose}"), format!("利用目的：{purpose}")),
        None => both(
            "The counts tell how often pages are viewed and how the site is used.",
            "ページの閲覧回数およびサイトの利用状況を統計として把握するために利用します。",
        ),
    })
}

pub(super) fn nothing_else(facts: &Facts) -> Option<Said> {
    (facts.measures_anything() && !facts.rows_per_person).then(|| {
        both(
            "Advertising and following people from site to site are no part of it: nothing is stored by which that could be done.",
            "広告配信や、サイトを横断した追跡には利用しません。また、それを可能にする情報は保存していません。",
        )
    })
}

pub(super) fn generated(facts: &Facts) -> Option<Said> {
    let version = facts.version;
    Some(both(
        format!(
            "This text was made by Footfall {version} from the settings that are in force. When they change, it changes."
        ),
        format!(
            "この文書は、稼働中の設定に基づいて Footfall {version} が自動的に作成したものです。設定を変更すると、内容も変わります。"
        ),
    ))
}
