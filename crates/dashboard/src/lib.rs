//! The dashboard: Plausible's Stats API over the counts, and the web page that reads it.
//!
//! It never sees a hit or the journal. Who may ask is decided in one place (`access`). Everything it tells is a sum of stored counts; what they cannot say exactly is a
//! 400 that teaches. The page is a client of the same public API and has no other source.

mod access;
mod accounts;
mod calendar;
pub mod define;
mod headers;
mod mail;
mod page;
mod places;
pub mod query;
mod reply;
mod routes;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use model::{Clock, Definitions, Domain, LocalDay, Site, Sites};
use prometheus::{HistogramOpts, HistogramVec, Registry};
use settings::{Settings, ShareTerms};
use store::Store;
use tokio::sync::Semaphore;

use access::{Access, Look};
use accounts::Accounts;
pub use accounts::{Peer, PeerOf, link_secret, password, token_secret, unsubscribe_secret};
pub use calendar::utc_day_label;
use mail::Post;
pub use mail::{MailError, MailServer, MailTls, Mailer};
use query::range::Range;
use reply::Failure;
pub use routes::description;

/// Questions that the engine works on at once; more would only share the same processors and wait longer each.
const QUESTIONS_AT_ONCE_MAX: usize = 8;

/// Questions that wait for their turn; a page asks about ten, so some twenty pages may open in one moment.
const QUESTIONS_WAITING_MAX: usize = 256;

/// Longest wait for a turn; then the answer is 503, because nobody looks at the page any more.
const TURN_WAIT: Duration = Duration::from_secs(15);

/// What a dashboard is made of.
pub struct Dashboard {
    /// Where the counts are.
    pub store: Store,
    /// The measured sites.
    pub sites: Arc<ArcSwap<Sites>>,
    /// Where accounts, what people define and the audit log are.
    pub settings: Settings,
    /// SHA-256 of the administrator's API token; the token itself is nowhere.
    pub token_sha256: [u8; 32],
    /// Tells who is at the other end of a request.
    pub peer_of: PeerOf,
    /// The time.
    pub clock: Clock,
    /// The server that reports are sent by, where there is one.
    pub mail: Option<MailServer>,
    /// Where the metrics are registered.
    pub registry: Registry,
}

/// Makes the routes of the API and the page (everything else is 404), and what sends reports by e-mail, to be run beside them.
///
/// # Errors
/// The registry has these metrics already, or no mail can be sent as it is configured.
pub fn router(parts: Dashboard) -> Result<(Router, Mailer), MailError> {
    let options =
        HistogramOpts::new("footfall_query_seconds", "Time to answer a question, by report; waiting included")
            .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0]);
    let seconds = HistogramVec::new(options, &["report"])?;
    parts.registry.register(Box::new(seconds.clone()))?;
    let Dashboard { settings, token_sha256, peer_of, clock, registry, .. } = parts;
    let shared = Arc::new(Shared {
        store: parts.store,
        sites: parts.sites,
        accounts: Accounts::new(settings, token_sha256, peer_of, clock.clone(), &registry)?,
        post: parts.mail.map(|server| Post::new(&server, &registry)).transpose()?,
        clock,
        seconds,
        places: Semaphore::new(QUESTIONS_AT_ONCE_MAX + QUESTIONS_WAITING_MAX),
        turns: Semaphore::new(QUESTIONS_AT_ONCE_MAX),
    });
    let mailer = Mailer { shared: Arc::clone(&shared) };
    let routes = routes::routes().fallback(page::serve).with_state(shared);
    Ok((routes.layer(axum::middleware::map_response(headers::secure)), mailer))
}

/// Whether a share can show what it is to show.
///
/// # Errors
/// Why it cannot: some reports are not of a segment.
pub fn check_share(terms: &ShareTerms) -> Result<(), String> {
    access::check_segment(&terms.reports, terms.segment.as_deref()).map_err(|failure| failure.to_string())
}

/// What is said of a site that nobody measures, with the one of `known` that was probably meant.
#[must_use]
pub fn unknown_site<'k>(site: &Domain, known: impl IntoIterator<Item = &'k str>) -> String {
    let near = query::near::nearest(site.as_str(), known).map(|near| format!("; did you mean {near}?"));
    format!("no site {site} is measured{}", near.unwrap_or_default())
}

/// The address of a share under the dashboard's own. What is behind the `#` stays in the browser.
#[must_use]
pub fn link(share: &str, secret: &str) -> String {
    format!("/share/{share}#{secret}")
}

/// The same for a frame.
#[must_use]
pub fn embed(share: &str, secret: &str) -> String {
    format!("/embed/{share}#{secret}")
}

/// What every request shares.
struct Shared {
    store: Store,
    sites: Arc<ArcSwap<Sites>>,
    accounts: Accounts,
    post: Option<Post>,
    clock: Clock,
    seconds: HistogramVec,
    places: Semaphore,
    turns: Semaphore,
}

impl Shared {
    /// The site of that name, if the asker may look at that of it. One that does not exist and one that may not be read are alike.
    fn site(&self, name: &str, access: &Access, look: Look<'_>) -> Result<Arc<Site>, Failure> {
        let refused = |failure| self.accounts.note_refusal(access, failure);
        let found = self.sites.load().get(name).cloned();
        let site = found.filter(|site| access.may_read(site)).ok_or_else(|| refused(access.refusal()))?;
        access.may_look(look).map_err(refused)?;
        Ok(site)
    }

    /// The first day of sites with a count, where a range begins with it.
    async fn first_count(&self, range: Range, sites: &[Domain]) -> Result<Option<LocalDay>, Failure> {
        match range {
            Range::All => self.in_turn("first_day", async { Ok(self.store.first_day(sites).await?) }).await,
            Range::Day
            | Range::Month
            | Range::Year
            | Range::Hours24
            | Range::LastDays(_)
            | Range::LastMonths(_)
            | Range::Dates(..)
            | Range::Instants(..) => Ok(None),
        }
    }

    /// What a site's hits are counted by as the settings have it now. The table of sites follows them a moment later: who has just
    /// given a name a meaning may ask by it at once.
    async fn defined_now(&self, site: &Site) -> Option<Definitions> {
        let mut counted_by = self.accounts.settings.counted_by().await.ok()?;
        counted_by.sites.remove(&site.domain)
    }

    /// Does one piece of work in turn, measured under its report's name.
    async fn in_turn<T>(&self, report: &str, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let timer = self.seconds.with_label_values(&[report]).start_timer();
        let _place = self.places.try_acquire().map_err(|_| Failure::Busy)?;
        let turn = tokio::time::timeout(TURN_WAIT, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| Failure::Busy)?.map_err(|_| Failure::Busy)?;
        let done = work.await;
        timer.observe_duration();
        done
    }
}
