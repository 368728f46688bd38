//! Reports by e-mail: what is due is asked, written and handed to the mail server of the configuration.
//!
//! Every dashboard looks once a minute, and takes what is due for itself in the settings before it sends it, so that one of several
//! sends. Where it dies between sending and noting, another one sends again after [`TAKEN`]: a report comes at least once, and the second has the
//! first one's `Message-ID`. What the server does not take now is tried again, longer apart each time, and given up after
//! [`ATTEMPTS_MAX`].

mod due;
mod letter;
mod picture;
mod report;
mod words;

use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncTransport as _, Tokio1Executor};
use model::{Millis, Site};
use prometheus::{IntCounterVec, Opts, Registry};
use settings::{Mail, MailEnd, Mailing, MailingTerms, Recipient};

use crate::Shared;
use crate::calendar::zone_of;
use crate::reply::Failure;
use due::Due;
use letter::Sender;
use report::Report;

pub(crate) use words::{Words, of as words_of};

/// How often it is looked for what is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How long a mail that was taken is nobody else's: longer than asking and sending may take.
const TAKEN_MS: i64 = 10 * 60_000;
/// Attempts at one mail; with the waits between them, most of a day.
const ATTEMPTS_MAX: i64 = 15;
/// How long a report waits for counts that are not complete yet; then it says so.
const COMPLETE_WAIT_MS: i64 = 12 * 3_600_000;
/// Longest wait for the mail server's answers.
const SERVER_WAIT: Duration = Duration::from_secs(30);

/// How the way to the mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// From the first byte (port 465).
    Tls,
    /// After a word in plain text, without which nothing is sent (port 587).
    StartTls,
    /// Not at all: for a server on the same machine.
    None,
}

/// The mail server.
#[derive(Clone)]
pub struct MailServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is encrypted.
    pub tls: MailTls,
    /// User and password, where it asks for them.
    pub credentials: Option<(String, String)>,
    /// Who the mails are from, such as `Footfall <footfall@example.com>`.
    pub from: String,
    /// The dashboard's address as readers of mails can open it.
    pub url: String,
}

impl std::fmt::Debug for MailServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MailServer({}:{} {:?})", self.host, self.port, self.tls)
    }
}

/// Why no mail can be sent by a server.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The sender's address is none.
    #[error("mail_from is an address such as Footfall <footfall@example.com>: {0}")]
    From(String),
    /// There is no way to the server.
    #[error("mail_host {host}: {reason}")]
    Server {
        /// Its name.
        host: String,
        /// What is wrong.
        reason: String,
    },
    /// Another part has its counter already.
    #[error(transparent)]
    Registry(#[from] prometheus::Error),
}

/// Sends mails.
pub(crate) struct Post {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    sender: Sender,
    mails: IntCounterVec,
}

impl Post {
    pub(crate) fn new(server: &MailServer, registry: &Registry) -> Result<Self, MailError> {
        let from: Mailbox = server.from.parse().map_err(|error| MailError::From(format!("{error}")))?;
        let refused = |reason: lettre::transport::smtp::Error| MailError::Server {
            host: server.host.clone(),
            reason: reason.to_string(),
        };
        let tls = match server.tls {
            MailTls::None => Tls::None,
            MailTls::Tls => Tls::Wrapper(TlsParameters::new(server.host.clone()).map_err(refused)?),
            MailTls::StartTls => Tls::Required(TlsParameters::new(server.host.clone()).map_err(refused)?),
        };
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .tls(tls)
            .timeout(Some(SERVER_WAIT))
            .hello_name(ClientId::Domain(from.email.domain().to_owned()));
        let transport = match &server.credentials {
            Some((user, password)) => transport.credentials(Credentials::new(user.clone(), password.clone())),
            None => transport,
        };
        let options = Opts::new("footfall_mails_total", "Reports by e-mail, by what became of the attempt");
        let mails = IntCounterVec::new(options, &["result"])?;
        registry.register(Box::new(mails.clone()))?;
        ["sent", "failed", "given_up", "test"].iter().for_each(|result| mails.with_label_values(&[*result]).inc_by(0));
        let sender = Sender { from, url: server.url.trim_end_matches('/').to_owned() };
        Ok(Self { transport: transport.build(), sender, mails })
    }

    /// Hands a mail to the server.
    async fn send(&self, mail: lettre::Message) -> Result<(), NotSent> {
        let sent = self.transport.send(mail).await;
        sent.map(drop).map_err(|error| NotSent { why: error.to_string(), is_away: error.status().is_none() })
    }
}

/// Why a mail was not sent, and whether the server said anything at all.
struct NotSent {
    why: String,
    is_away: bool,
}

impl NotSent {
    /// Ours to mend, not the server's.
    fn here(why: &impl ToString) -> Self {
        Self { why: why.to_string(), is_away: false }
    }
}

/// Looks for what is due, for as long as the process runs.
pub struct Mailer {
    pub(crate) shared: Arc<Shared>,
}

impl Mailer {
    /// Runs for as long as the process does. Without a mail server it has nothing to do.
    pub async fn run(self) {
        let Some(post) = &self.shared.post else { return };
        let mut away = false;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match Box::pin(self.shared.send_due(post)).await {
                Ok(()) => away = false,
                Err(error) if !away => {
                    tracing::error!(error = %error, "reports by e-mail cannot be looked for; it is tried again");
                    away = true;
                }
                Err(_) => {}
            }
        }
    }

    /// Sends what is due now, once.
    ///
    /// # Errors
    /// The settings cannot be read.
    pub async fn look(&self) -> Result<(), String> {
        let Some(post) = &self.shared.post else { return Ok(()) };
        Box::pin(self.shared.send_due(post)).await.map_err(|failure| failure.to_string())
    }
}

impl Shared {
    async fn send_due(&self, post: &Post) -> Result<(), Failure> {
        let now = self.clock.now();
        for mailing in self.accounts.settings.mailings(None).await? {
            let Some(site) = self.sites.load().get(mailing.site.as_str()).cloned() else { continue };
            let due = due::due(mailing.terms, now, &zone_of(&site));
            // What was due before the mailing was there is not sent.
            if due.at.0 < mailing.created.0 {
                continue;
            }
            let waiting =
                mailing.recipients.iter().filter(|one| one.sent_through.is_none_or(|day| day < due.through()));
            let waiting: Vec<_> = waiting.collect();
            if waiting.is_empty() || self.must_wait(&due, now).await? {
                continue;
            }
            let mut written = None;
            for recipient in waiting {
                let mail = self.send_one(post, (&mailing, recipient), &site, &due, &mut written);
                if !Box::pin(mail).await? {
                    // A server that is away keeps one mail waiting at each look, not all of them one after the other.
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Whether a period's counts may still become complete.
    async fn must_wait(&self, due: &Due, now: Millis) -> Result<bool, Failure> {
        let complete_to = self.store.complete_to(now).await?;
        Ok(complete_to.is_none_or(|to| to.0 < due.over.0) && now.0 < due.at.0 + COMPLETE_WAIT_MS)
    }

    /// Sends a mail where it is this dashboard's to send. False where no server answered.
    async fn send_one(
        &self,
        post: &Post,
        (mailing, recipient): (&Mailing, &Recipient),
        site: &Arc<Site>,
        due: &Due,
        written: &mut Option<Report>,
    ) -> Result<bool, Failure> {
        let (settings, now) = (&self.accounts.settings, self.clock.now());
        let mail = Mail { mailing, address: &recipient.address, through: due.through() };
        let Some(attempt) = settings.take_mail(mail, now.plus(TAKEN_MS)).await? else { return Ok(true) };
        let sent = match self.written(mailing, site, due, written).await {
            Ok(report) => match letter::write(report, (mailing, recipient), &post.sender, false) {
                Ok(mail) => post.send(mail).await,
                Err(error) => Err(NotSent::here(&error)),
            },
            Err(failure) => Err(NotSent::here(&failure)),
        };
        let Err(NotSent { why, is_away }) = sent else {
            post.mails.with_label_values(&["sent"]).inc();
            settings.end_mail(mail, MailEnd::Sent).await?;
            return Ok(true);
        };
        post.mails.with_label_values(&["failed"]).inc();
        tracing::warn!(site = %site.domain, report = mailing.id, attempt, "a report was not sent by e-mail: {why}");
        if attempt < ATTEMPTS_MAX {
            let wait = i64::try_from(due::wait(attempt).as_millis()).unwrap_or(TAKEN_MS);
            settings.put_mail_off(mail, now.plus(wait)).await?;
            return Ok(!is_away);
        }
        post.mails.with_label_values(&["given_up"]).inc();
        tracing::error!(site = %site.domain, report = mailing.id, "a report is given up after {attempt} attempts");
        settings.end_mail(mail, MailEnd::GivenUp).await?;
        Ok(!is_away)
    }

    /// The report of a period, asked once for all of its recipients.
    async fn written<'r>(
        &self,
        mailing: &Mailing,
        site: &Arc<Site>,
        due: &Due,
        written: &'r mut Option<Report>,
    ) -> Result<&'r Report, Failure> {
        let report = match written.take() {
            Some(report) => report,
            None => Box::pin(report::ask(self, mailing, site, due)).await?,
        };
        Ok(written.insert(report))
    }

    /// Sends the report of the last period that has ended to all recipients now, whatever its hour, as a test; what is due is sent all
    /// the same.
    pub(crate) async fn send_test(&self, mailing: &Mailing, site: &Arc<Site>) -> Result<usize, Failure> {
        let Some(post) = &self.post else {
            return Err(Failure::Refused(
                "no mail server is configured: set mail_host, mail_from and mail_url, and start again".to_owned(),
            ));
        };
        let terms = MailingTerms { hour: 0, ..mailing.terms };
        let due = due::due(terms, self.clock.now(), &zone_of(site));
        let report = Box::pin(report::ask(self, mailing, site, &due)).await?;
        for recipient in &mailing.recipients {
            let mail = letter::write(&report, (mailing, recipient), &post.sender, true);
            let mail = mail.map_err(|error| Failure::Refused(error.to_string()))?;
            let sent = post.send(mail).await;
            sent.map_err(|not| Failure::Refused(format!("the mail server did not take it: {}", not.why)))?;
            post.mails.with_label_values(&["test"]).inc();
        }
        Ok(mailing.recipients.len())
    }
}
