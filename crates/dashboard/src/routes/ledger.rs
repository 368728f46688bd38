//! `GET /api/v1/ledger`: what became of every hit, so that nothing vanishes silently.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use store::questions::{LedgerSum, LostSum};

use crate::Shared;
use crate::access::Access;
use crate::calendar::{at, instant_label, zone_of};
use crate::query::coverage::Coverage;
use crate::query::degraded::Degraded;
use crate::query::problem::Problem;
use crate::query::range::{Range, ends, instants};
use crate::reply::Failure;

/// What is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    site_id: Option<String>,
    date_range: Option<String>,
}

/// Answers with the ledger of a range; without one, of today.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Value>, Failure> {
    let access = Access::of(&headers, &shared.token_sha256)?;
    let Query(asked) = asked.map_err(|_| Failure::Parameters)?;
    let site = shared.site(&asked.site_id.ok_or(Problem::Missing("site_id"))?, access)?;
    let zone = zone_of(&site);
    let range = Range::parse_text(asked.date_range.as_deref().unwrap_or("day"))?;
    let work = async {
        let first_count = match range {
            Range::All => shared.store.first_day(&site.domain).await?,
            _ => None,
        };
        let span = range.resolve(&at(shared.clock.now(), &zone), first_count)?;
        let (from, until) = instants(span, &zone);
        let sums = shared.store.ledger(&site.domain, from, until).await?;
        let lost = shared.store.lost(from, until).await?;
        let (first, last) = ends(span, &zone);
        let mut body = write(&sums, &lost);
        if let Value::Object(fields) = &mut body {
            fields.extend(Degraded::of(&lost, span, &zone).write().map(|days| ("degraded".to_owned(), days)));
            fields.insert("coverage".to_owned(), Coverage::of(&sums).write(span.days().0, &zone));
            fields.insert("site_id".to_owned(), site.domain.as_str().into());
            fields.insert("date_range".to_owned(), json!([instant_label(&first), instant_label(&last)]));
        }
        Ok(body)
    };
    shared.in_turn("ledger", work).await.map(Json)
}

/// The sums by outcome; `received` is their sum, so that the ledger shows its own balance. What expired is beside it: of
/// records that cannot be opened nobody knows the site.
fn write(sums: &[LedgerSum], lost: &[LostSum]) -> Value {
    let of = |outcome: &str| -> BTreeMap<&str, i64> {
        sums.iter().filter(|sum| sum.outcome == outcome).map(|sum| (sum.reason.as_str(), sum.hits)).collect()
    };
    let mut expired: BTreeMap<&str, i64> = BTreeMap::new();
    for LostSum { reason, records, .. } in lost {
        *expired.entry(reason).or_default() += records;
    }
    let total = |outcome: &str| of(outcome).values().sum::<i64>();
    json!({
        "received": sums.iter().map(|sum| sum.hits).sum::<i64>(),
        "counted": total("counted"),
        "minimal": total("minimal"),
        "refused": of("refused"),
        "bots": of("bot"),
        "late": total("late"),
        "expired": expired.values().sum::<i64>(),
        "expired_by_reason": expired,
    })
}

#[cfg(test)]
mod tests {
    use model::Millis;

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
        let written = write(&sums, &[lost("expired", 2), lost("forged", 1), lost("expired", 3)]);
        assert_eq!(
            written,
            json!({ "received": 133, "counted": 100, "minimal": 20, "refused": { "duplicate": 3, "off": 2 }, "bots": { "declared": 7 }, "late": 1,
                    "expired": 6, "expired_by_reason": { "expired": 5, "forged": 1 } })
        );
    }
}
