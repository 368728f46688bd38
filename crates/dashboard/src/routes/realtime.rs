//! Who is there now: `GET /api/v1/stats/realtime/visitors`, a plain number as Plausible's, or `"<10"`; and `GET
//! /api/v1/stats/realtime`, the last half hour by minute and how far the counts are.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::{Millis, Site};
use privacy::disclosure::{Disclosed, Precision};
use serde::Serialize;
use settings::Report;
use store::LIVE_MINUTES;

use super::parameters::{Parameters, Sent};
use super::taken::Taken;
use crate::Shared;
use crate::access::{Access, Look};
use crate::calendar::{at, instant_label, zone_of};
use crate::reply::Failure;

const MINUTE_MS: i64 = 60_000;

/// The last half hour as it leaves.
#[derive(Serialize)]
pub(super) struct Told {
    /// Of the last five minutes.
    visitors: Disclosed,
    /// Every minute of the half hour, the running one last.
    minutes: Vec<ToldMinute>,
    /// Everything that the journal had before is counted, of all sites; nothing while no processor says how far it is.
    complete_to: Option<String>,
}

#[derive(Serialize)]
struct ToldMinute {
    /// When it began, in the site's zone.
    minute: String,
    /// Of the five minutes before its end; nothing where no processor was up.
    visitors: Option<Disclosed>,
}

/// Answers with the visitors of the last five minutes.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    access: Access,
    sent: Sent,
) -> Result<Json<Disclosed>, Failure> {
    let site = site(&shared, &access, sent)?;
    let now = shared.clock.now();
    let visitors = shared.in_turn("realtime", async { Ok(shared.store.live(&site.domain, now).await?) }).await?;
    Ok(Json(told(&site, visitors)))
}

/// Answers with the last half hour.
pub(super) async fn half_hour(
    State(shared): State<Arc<Shared>>,
    access: Access,
    taken: Taken,
    sent: Sent,
) -> Result<Json<Told>, Failure> {
    let site = site(&shared, &access, sent)?;
    taken.note(&shared, &access, &site, "realtime").await?;
    let (now, zone) = (shared.clock.now(), zone_of(&site));
    let work = async {
        let store = &shared.store;
        let asked = tokio::try_join!(
            store.live(&site.domain, now),
            store.live_minutes(&site.domain, now),
            store.complete_to(now)
        );
        let (visitors, lines, complete_to) = asked?;
        let label = |instant| instant_label(&at(instant, &zone));
        let minute = |minute| ToldMinute {
            minute: label(Millis(minute * MINUTE_MS)),
            visitors: lines.iter().find(|line| line.minute == minute).map(|line| told(&site, line.visitors)),
        };
        let minutes = (now.minute() - LIVE_MINUTES + 1..=now.minute()).map(minute).collect();
        Ok(Told { visitors: told(&site, visitors), minutes, complete_to: complete_to.map(label) })
    };
    shared.in_turn("realtime", work).await.map(Json)
}

fn site(shared: &Shared, access: &Access, sent: Sent) -> Result<Arc<Site>, Failure> {
    let parameters = Parameters::read(sent, ["site_id"])?;
    shared.site(parameters.must("site_id")?, access, Look::Report(Report::Live))
}

fn told(site: &Site, visitors: u64) -> Disclosed {
    Precision::of(site.mode).count(i64::try_from(visitors).unwrap_or(i64::MAX))
}
