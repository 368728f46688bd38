//! From a well-formed query to what was found for it: who asks is known, the site and its clock are looked up, and the store
//! is asked everything that the answer needs, in as few questions as there are kinds of rows.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::site::VISITORS_MIN;
use model::{Currency, Domain, Site};
use privacy::disclosure::Precision;
use store::questions::{Answer, Question, ROWS_PER_ANSWER_MAX};
use store::{Store, StoreError};

use crate::Shared;
use crate::access::{Access, Look};
use crate::calendar::{at, zone_of};
use crate::query::Query;
use crate::query::answer::{Before, Found, FoundShares};
use crate::query::coverage::Coverage;
use crate::query::defined::{self, CountedFrom};
use crate::query::degraded::Degraded;
use crate::query::plan::{Here, Plan};
use crate::query::problem::Problem;
use crate::query::range::instants;
use crate::query::rows::{Beside, fill, for_rows};
use crate::query::shares::Shares;
use crate::query::{Dimension, Direction, Sorting};
use crate::reply::Failure;

/// A query with its answer.
pub(crate) struct Answered {
    /// As it was asked of the counts: what people defined stands under the values it is counted by.
    pub(crate) query: Query,
    pub(crate) plan: Plan,
    pub(crate) found: Found,
    pub(crate) zone: TimeZone,
}

/// Answers a query; the older API may name a date that stands for today.
pub(crate) async fn answer(
    shared: &Shared,
    access: &Access,
    query: &Query,
    today: Option<Date>,
) -> Result<Answered, Failure> {
    let look = Look::Counts(query);
    let sites = query.sites.iter().map(|name| shared.site(name, access, look)).collect::<Result<Vec<_>, _>>()?;
    let query = &access.narrowed(query, &sites)?;
    let precision = precision_of(&sites)?;
    let zone = sites.first().map_or(TimeZone::UTC, |site| zone_of(site));
    let domains: Vec<Domain> = sites.iter().map(|site| site.domain.clone()).collect();
    if query.include.coverage && sites.len() > 1 {
        return Err(Problem::wrong("`include.coverage` is of one site: ask each for its own").into());
    }
    let first_count = shared.first_count(query.range, &domains).await?;
    let here = Here {
        one_clock: sites.windows(2).all(|pair| matches!(pair, [one, other] if one.timezone == other.timezone)),
        sites: domains,
        now: at(shared.clock.now(), &zone),
        date: today,
        first_count,
        precision,
        currency: currency_of(&sites),
        visitors_min: sites.iter().map(|site| site.visitors_min).max().unwrap_or(VISITORS_MIN),
    };
    let (query, counted_from) = match defined::resolve(query, &sites) {
        Ok(resolved) => resolved,
        Err(problem) => resolve_now(shared, query, &sites).await.ok_or(problem)?,
    };
    let query = &query;
    let plan = Plan::of(query, &here)?;
    let before = plan.before(query, &here)?;
    let fills = query.include.empty_buckets || before.is_some();
    let whole_series = is_whole_series(query, &plan);
    if query.include.empty_buckets && !whole_series {
        return Err(Problem::wrong(
            "`include.empty_buckets` fills a whole series: leave `pagination` out, and `order_by` or order by time, ascending",
        )
        .into());
    }
    let work = async {
        let (from, until) = instants(plan.span, &zone);
        // Hardly ever is anything lost, and every answer has to know: asked beside the question, it costs no time of its own.
        let (mut answer, lost) = tokio::try_join!(
            Box::pin(counted(&shared.store, &plan.question, plan.whole.as_ref())),
            shared.store.lost(from, until)
        )?;
        if fills && whole_series {
            fill(&plan.question, &mut answer);
        }
        let degraded = Degraded::of(&lost, plan.span, &zone);
        let found = Found { answer, degraded, counted_from, ..Found::default() };
        Box::pin(find_beside(shared, query, (&plan, before), found, &zone)).await
    };
    let found = shared.in_turn(plan.question.report(), work).await?;
    Ok(Answered { query: query.clone(), plan, found, zone })
}

/// The answer to a question, or what is left of a whole without it.
async fn counted(store: &Store, question: &Question, whole: Option<&Question>) -> Result<Answer, StoreError> {
    let Some(whole) = whole else { return store.ask(question).await };
    let every = Question { limit: ROWS_PER_ANSWER_MAX, offset: 0, ..question.clone() };
    // One after the other: what was counted between them is in the whole alone, and nothing is below zero.
    let those = store.ask(&every).await?;
    let mut left = store.ask(whole).await?;
    let of: HashMap<_, _> = those.rows.into_iter().map(|row| ((row.day, row.hour), row.counts)).collect();
    for row in &mut left.rows {
        row.counts += -of.get(&(row.day, row.hour)).copied().unwrap_or_default();
    }
    Ok(left)
}

/// The same by what is defined now, where the table of sites does not know it yet.
async fn resolve_now(shared: &Shared, query: &Query, sites: &[Arc<Site>]) -> Option<(Query, Vec<CountedFrom>)> {
    let [site] = sites else { return None };
    let definitions = shared.defined_now(site).await?;
    defined::resolve(query, &[Arc::new(Site { definitions, ..Site::clone(site) })]).ok()
}

/// How precisely several sites tell together. A sum of rounded and exact counts, less the exact ones, would be a rounded count
/// told by another remainder each time, and thereby exactly.
fn precision_of(sites: &[Arc<Site>]) -> Result<Precision, Problem> {
    let mut of_each = sites.iter().map(|site| Precision::of(site.mode));
    let first = of_each.next().unwrap_or(Precision::Tens);
    if of_each.all(|precision| precision == first) {
        return Ok(first);
    }
    Err(Problem::wrong(
        "sites in mode `exempt`, which tell their counts in tens, are not added up with others: ask for each kind alone",
    ))
}

/// The currency that all of some sites have.
fn currency_of(sites: &[Arc<Site>]) -> Option<Currency> {
    let first = sites.first()?.currency;
    first.filter(|_| sites.iter().all(|site| site.currency == first))
}

/// Asks for what stands beside the rows.
async fn find_beside(
    shared: &Shared,
    query: &Query,
    (plan, before): (&Plan, Option<Plan>),
    found: Found,
    zone: &TimeZone,
) -> Result<Found, Failure> {
    let store = &shared.store;
    let rows = &found.answer.rows;
    let (from, until) = instants(plan.span, zone);
    let coverage = async {
        Ok::<_, Failure>(match plan.question.sites.as_slice() {
            [site] if query.include.coverage => Some(Coverage::of(&store.ledger(site, from, until).await?)),
            _ => None,
        })
    };
    let compared = async {
        let Some(plan) = before else {
            return Ok(None);
        };
        let (from, until) = instants(plan.span, zone);
        let question = for_rows(&plan.question, rows);
        let (answer, lost, shares) = tokio::try_join!(
            async { Ok::<_, Failure>(Box::pin(counted(store, &question, plan.whole.as_ref())).await?) },
            async { Ok(store.lost(from, until).await?) },
            find_shares(shared, &plan.shares, rows),
        )?;
        let degraded = Degraded::of(&lost, plan.span, zone);
        Ok(Some(Before { rows: Beside::of(&question, answer)?, plan, shares, degraded }))
    };
    let (shares, coverage, before) = tokio::try_join!(find_shares(shared, &plan.shares, rows), coverage, compared)?;
    Ok(Found { shares, coverage, before, ..found })
}

async fn find_shares(shared: &Shared, shares: &Shares, rows: &[store::questions::Row]) -> Result<FoundShares, Failure> {
    let visitors = async |question: &Option<Question>| -> Result<Option<i64>, Failure> {
        let Some(question) = question else {
            return Ok(None);
        };
        let answer = shared.store.ask(question).await?;
        Ok(answer.rows.first().map(|row| row.counts.visitors))
    };
    let of_group = async {
        let Some(question) = &shares.of_group else {
            return Ok(None);
        };
        let question = for_rows(question, rows);
        Ok(Some(Beside::of(&question, shared.store.ask(&question).await?)?))
    };
    let (all, without_goal, of_group) =
        tokio::try_join!(visitors(&shares.all), visitors(&shares.without_goal), of_group)?;
    Ok(FoundShares { all, without_goal, of_group })
}

/// Whether the rows are all buckets of time in order: then those without a count have a row where another stands beside it.
fn is_whole_series(query: &Query, plan: &Plan) -> bool {
    let over_time_alone = matches!(query.dimensions.as_slice(), [Dimension::Time(_)]);
    let in_order = plan.order_by.first() == Some(&(Sorting::Time, Direction::Ascending));
    over_time_alone && in_order && query.offset == 0 && query.limit == ROWS_PER_ANSWER_MAX
}
