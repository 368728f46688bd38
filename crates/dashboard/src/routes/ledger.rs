//! `GET /api/v1/ledger`: what became of every hit, so that nothing vanishes silently.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::Loss;
use privacy::disclosure::{Disclosed, Precision};
use serde::Serialize;
use serde_json::Value;
use settings::Report;
use store::questions::{LedgerSum, LostSum};

use super::days::addressed;
use super::parameters::Sent;
use super::taken::Taken;
use crate::Shared;
use crate::access::{Access, Look};
use crate::calendar::{at, instant_label, zone_of};
use crate::query::answer::rounded;
use crate::query::coverage::{Coverage, ToldCoverage};
use crate::query::degraded::Degraded;
use crate::query::range::{Range, ends, instants};
use crate::reply::Failure;

/// Answers with the ledger of a range; without one, of today.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    access: Access,
    taken: Taken,
    sent: Sent,
) -> Result<Json<Told>, Failure> {
    let (site, range) = addressed(sent)?;
    let site = shared.site(&site, &access, Look::Report(Report::Ledger))?;
    taken.note(&shared, &access, &site, "ledger").await?;
    let zone = zone_of(&site);
    let work = async {
        let first_count = match range {
            Range::All => shared.store.first_day(std::slice::from_ref(&site.domain)).await?,
            _ => None,
        };
        let span = range.resolve(&at(shared.clock.now(), &zone), first_count)?;
        let (from, until) = instants(span, &zone);
        let sums = shared.store.ledger(&site.domain, from, until).await?;
        let lost = shared.store.lost(from, until).await?;
        let complete_to = shared.store.complete_to(shared.clock.now()).await?;
        let (first, last) = ends(span, &zone);
        let precision = Precision::of(site.mode);
        Ok(Told {
            site_id: site.domain.as_str().to_owned(),
            date_range: [instant_label(&first), instant_label(&last)],
            complete_to: complete_to.map(|instant| instant_label(&at(instant, &zone))),
            lines: tell(&sums, &lost, precision),
            coverage: Coverage::of(&sums).tell(precision, span.days().0, &zone),
            degraded: Degraded::of(&lost, span, &zone).tell(precision),
            rounded: rounded(precision),
        })
    };
    shared.in_turn("ledger", work).await.map(Json)
}

/// The ledger as it leaves.
#[derive(Serialize)]
pub(super) struct Told {
    site_id: String,
    date_range: [String; 2],
    /// Everything that the journal had before is counted, of all sites; nothing while no processor says how far it is.
    complete_to: Option<String>,
    #[serde(flatten)]
    lines: Lines,
    coverage: ToldCoverage,
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rounded: Option<Value>,
}

/// The sums by outcome; `received` is their sum, so that the ledger shows its own balance (where numbers are told in tens, it
/// holds before they are rounded). What expired is beside it: of records that cannot be opened nobody knows the site.
#[derive(Serialize)]
struct Lines {
    received: Disclosed,
    counted: Disclosed,
    minimal: Disclosed,
    refused: BTreeMap<String, Disclosed>,
    bots: BTreeMap<String, Disclosed>,
    late: Disclosed,
    expired: Disclosed,
    expired_by_reason: BTreeMap<String, Disclosed>,
    forgotten: Disclosed,
}

fn tell(sums: &[LedgerSum], lost: &[LostSum], precision: Precision) -> Lines {
    let of = |outcome: &str| sums.iter().filter(|sum| sum.outcome == outcome).collect::<Vec<_>>();
    let total = |outcome: &str| precision.count(of(outcome).iter().map(|sum| sum.hits).sum());
    let by_reason =
        |outcome: &str| of(outcome).iter().map(|sum| (sum.reason.clone(), precision.count(sum.hits))).collect();
    let mut expired: BTreeMap<String, i64> = BTreeMap::new();
    for LostSum { reason, records, .. } in lost {
        *expired.entry(reason.clone()).or_default() += records;
    }
    // What was forgotten was counted.
    let forgotten = expired.remove(Loss::Forgotten.as_str()).unwrap_or_default();
    Lines {
        received: precision.count(sums.iter().map(|sum| sum.hits).sum()),
        counted: total("counted"),
        minimal: total("minimal"),
        refused: by_reason("refused"),
        bots: by_reason("bot"),
        late: total("late"),
        expired: precision.count(expired.values().sum()),
        expired_by_reason: expired.into_iter().map(|(reason, records)| (reason, precision.count(records))).collect(),
        forgotten: precision.count(forgotten),
    }
}

#[cfg(test)]
mod tests {
    use model::Millis;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_ledger_balances() {
        let sum = |outcome: &str, reason: &str, hits| LedgerSum {
            outcome: outcome.to_owned(),
            reason: reason.to_owned(),
            hits,
            since: Millis(0),
        };
        let sums = [
            sum("bot", "declared", 7),
            sum("counted", "exempt/unclear", 40),
            sum("counted", "full", 60),
            sum("late", "", 1),
            sum("minimal", "", 8),
            sum("minimal", "gpc", 12),
            sum("refused", "duplicate", 3),
            sum("refused", "off", 2),
        ];
        let lost = |reason: &str, records| LostSum { hour: Millis(0), reason: reason.to_owned(), records };
        let told = |precision| {
            json!(tell(
                &sums,
                &[lost("expired", 2), lost("forged", 1), lost("expired", 3), lost("forgotten", 4)],
                precision
            ))
        };
        assert_eq!(
            told(Precision::Exact),
            json!({ "received": 133, "counted": 100, "minimal": 20, "refused": { "duplicate": 3, "off": 2 }, "bots": { "declared": 7 }, "late": 1,
                    "expired": 6, "expired_by_reason": { "expired": 5, "forged": 1 }, "forgotten": 4 })
        );
        let in_tens = told(Precision::Tens);
        assert_eq!((&in_tens["received"], &in_tens["bots"]["declared"]), (&json!(130), &json!("<10")));
    }
}
