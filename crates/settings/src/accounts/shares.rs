//! Shares: links that let whoever has one read some reports of one site, without an account.
//!
//! A share is the site's, not its maker's: it opens until it expires or is removed, whatever becomes of who made it. Of its link only
//! the digest is kept, so that nobody who reads the database can follow it; a lost link is made anew, and the one before ends with that.
//! What a report is made of is not known here.

use model::{Domain, Millis};
use serde_json::{Value as Json, json};

use super::origin::Origin;
use super::{PasswordHash, Report, SecretDigest};
use crate::audit::{Deed, note, plain};
use crate::database::{Transaction, Value};
use crate::definitions::NAME_CHARS_MAX as SEGMENT_CHARS_MAX;
use crate::{Settings, SettingsError};

/// Most shares of a site, those that have expired included: a list that a person can look through.
pub const SHARES_PER_SITE_MAX: i64 = 100;
/// Most browsers that have given a share's password and need not give it again; one more ends the oldest.
pub const SHARE_SESSIONS_MAX: usize = 200;
/// Most origins that may frame one share: they travel in a header.
pub const ORIGINS_MAX: usize = 20;
/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 100;

/// Which reports a share shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reports {
    /// Every one, also one that a later version has.
    All,
    /// These.
    These(Vec<Report>),
}

impl Reports {
    /// Whether it is one of them.
    #[must_use]
    pub fn has(&self, report: Report) -> bool {
        match self {
            Self::All => true,
            Self::These(these) => these.contains(&report),
        }
    }

    /// The words of all of them.
    #[must_use]
    pub fn words(&self) -> Vec<&'static str> {
        Report::ALL.iter().filter(|report| self.has(**report)).map(|report| report.as_str()).collect()
    }

    fn kept(&self) -> String {
        match self {
            Self::All => "*".to_owned(),
            Self::These(_) => self.words().join(" "),
        }
    }

    /// A report that this version does not know is not shown.
    fn read(text: &str) -> Self {
        match text {
            "*" => Self::All,
            words => Self::These(words.split(' ').filter_map(|word| Report::parse(word).ok()).collect()),
        }
    }
}

/// What a share shows, where, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareTerms {
    /// What it is called, also to whoever follows the link.
    pub name: String,
    /// What is shown.
    pub reports: Reports,
    /// The one segment whose counts are shown; of everything without one.
    pub segment: Option<String>,
    /// Whether tables may be taken away.
    pub export: bool,
    /// Where it may be framed; nowhere without one.
    pub origins: Vec<Origin>,
    /// From when on it opens nothing.
    pub expires: Option<Millis>,
}

/// A share, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its name among shares, which opens nothing.
    pub id: String,
    /// Of which site.
    pub site: Domain,
    /// What it shows.
    pub terms: ShareTerms,
    /// Whether it takes a password.
    pub has_password: bool,
    /// Who made it, as the audit log says it.
    pub made_by: String,
    /// Since when it is there.
    pub created: Millis,
    /// The day it was last used, as days since 1970 in UTC.
    pub used_day: Option<i64>,
}

/// What becomes of a share's password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharePassword {
    /// It stays as it is.
    Stays,
    /// It takes none any more.
    Goes,
    /// It is this one.
    Is(PasswordHash),
}

type ShareRow = (
    String,
    String,
    String,
    Option<String>,
    Option<i64>,
    String,
    Option<String>,
    i64,
    String,
    String,
    i64,
    Option<i64>,
);

/// The columns of a [`ShareRow`], for one of several conditions.
macro_rules! shares_where {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, s.site, s.name, s.password, s.expires, s.reports, s.segment, s.export, s.origins, s.made_by, s.created, \
             s.used_day FROM shares s ",
            $rest
        )
    };
}

impl Settings {
    /// Keeps a new share of a site under its link's digest.
    ///
    /// # Errors
    /// The database cannot be reached, or it is beyond what is kept.
    pub async fn add_share(
        &self,
        site: &Domain,
        (link, password): (&SecretDigest, Option<&PasswordHash>),
        terms: &ShareTerms,
        who: &str,
    ) -> Result<Share, SettingsError> {
        let tried = "adding a share";
        let now = self.clock.now();
        check(terms, now)?;
        let kept = Share {
            id: link.id(),
            site: site.clone(),
            terms: terms.clone(),
            has_password: password.is_some(),
            made_by: who.to_owned(),
            created: now,
            used_day: None,
        };
        let call = async {
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            let count = "SELECT COUNT(*) FROM shares WHERE site = $1";
            let count = changing.row::<(i64,)>(count, &[Value::Text(site.as_str())]).await?.unwrap_or_default().0;
            if count >= SHARES_PER_SITE_MAX {
                let reason = format!("{site} has {count} shared links, and no room for more: remove one first");
                return Err(SettingsError::Refused(reason));
            }
            let sql = "INSERT INTO shares (id, site, name, sha256, password, expires, reports, segment, export, origins, made_by, created) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
            let (hex, (reports, origins)) = (link.hex(), texts(terms));
            let [name, expires, reports, segment, export, origins] = values(terms, &reports, &origins);
            let password = Value::MaybeText(password.map(|hash| hash.0.as_str()));
            let (id, site) = (Value::Text(&kept.id), Value::Text(site.as_str()));
            let all = [
                id,
                site,
                name,
                Value::Text(&hex),
                password,
                expires,
                reports,
                segment,
                export,
                origins,
                Value::Text(who),
                Value::Number(now.0),
            ];
            changing.run(sql, &all).await?;
            tell(&mut changing, now, (who, "share_added"), &kept).await?;
            changing.commit().await
        };
        self.database.within(tried, call).await?;
        Ok(kept)
    }

    /// The shares of a site, by age.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn shares(&self, site: &Domain) -> Result<Vec<Share>, SettingsError> {
        let tried = "listing the shares";
        let call = async {
            let mut reading = self.database.read(tried).await?;
            let sql = shares_where!("WHERE s.site = $1 ORDER BY s.created, s.id");
            let rows = reading.rows::<ShareRow>(sql, &[Value::Text(site.as_str())]).await?;
            rows.into_iter().map(|row| Ok(read(row, &reading)?.0)).collect()
        };
        self.database.within(tried, call).await
    }

    /// The share of this id, also one that has expired: to say where it may be framed.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn share(&self, id: &str) -> Result<Option<Share>, SettingsError> {
        let found = self.found(shares_where!("WHERE s.id = $1"), &[Value::Text(id)]).await?;
        Ok(found.map(|(share, _)| share))
    }

    /// The share that a link opens, with the hash of its password, where it has not expired.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn share_of_link(
        &self,
        link: &SecretDigest,
    ) -> Result<Option<(Share, Option<PasswordHash>)>, SettingsError> {
        let sql = shares_where!("WHERE s.sha256 = $1 AND (s.expires IS NULL OR s.expires > $2)");
        self.found(sql, &[Value::Text(&link.hex()), Value::Number(self.clock.now().0)]).await
    }

    /// The share whose password a browser has given, where neither has expired.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn share_of_session(&self, session: &SecretDigest) -> Result<Option<Share>, SettingsError> {
        let sql = shares_where!(
            "JOIN share_sessions o ON o.share = s.id WHERE o.sha256 = $1 AND o.expires > $2 \
             AND (s.expires IS NULL OR s.expires > $2)"
        );
        let found = self.found(sql, &[Value::Text(&session.hex()), Value::Number(self.clock.now().0)]).await?;
        Ok(found.map(|(share, _)| share))
    }

    async fn found(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<(Share, Option<PasswordHash>)>, SettingsError> {
        let tried = "reading a share";
        let call = async {
            let mut reading = self.database.read(tried).await?;
            let row = reading.row::<ShareRow>(sql, values).await?;
            row.map(|row| read(row, &reading)).transpose()
        };
        self.database.within(tried, call).await
    }

    /// Remembers that a browser has given a share's password, until then. False where the share is gone meanwhile, or its link or
    /// password is another one.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn open_share_session(
        &self,
        session: &SecretDigest,
        (share, link): (&Share, &SecretDigest),
        password: &PasswordHash,
        expires: Millis,
    ) -> Result<bool, SettingsError> {
        let tried = "opening a share";
        let now = self.clock.now();
        let call = async {
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            let id = Value::Text(&share.id);
            let still = "SELECT COUNT(*) FROM shares WHERE id = $1 AND sha256 = $2 AND password = $3";
            let (link, hex) = (link.hex(), session.hex());
            let still = changing.row::<(i64,)>(still, &[id, Value::Text(&link), Value::Text(&password.0)]).await?;
            if still.unwrap_or_default().0 == 0 {
                return Ok(false);
            }
            changing.run("DELETE FROM share_sessions WHERE expires <= $1", &[Value::Number(now.0)]).await?;
            let others = "SELECT sha256 FROM share_sessions WHERE share = $1 ORDER BY created DESC, sha256";
            for (sha256,) in changing.rows::<(String,)>(others, &[id]).await?.iter().skip(SHARE_SESSIONS_MAX - 1) {
                changing.run("DELETE FROM share_sessions WHERE sha256 = $1", &[Value::Text(sha256)]).await?;
            }
            let sql = "INSERT INTO share_sessions (sha256, share, created, expires) VALUES ($1, $2, $3, $4)";
            changing.run(sql, &[Value::Text(&hex), id, Value::Number(now.0), Value::Number(expires.0)]).await?;
            changing.commit().await?;
            Ok(true)
        };
        self.database.within(tried, call).await
    }

    /// Remembers that a share was used today.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn touch_share(&self, id: &str) -> Result<(), SettingsError> {
        let tried = "noting a share's use";
        let call = async {
            let mut changing = self.database.change(tried).await?;
            let today = Value::Number(self.clock.now().day());
            changing.run("UPDATE shares SET used_day = $2 WHERE id = $1", &[Value::Text(id), today]).await?;
            changing.commit().await
        };
        self.database.within(tried, call).await
    }

    /// Gives a share of a site other terms; its link stays. Nothing where the site has none of that id.
    ///
    /// # Errors
    /// The database cannot be reached, or it is beyond what is kept.
    pub async fn change_share(
        &self,
        (site, id): (&Domain, &str),
        terms: &ShareTerms,
        password: &SharePassword,
        who: &str,
    ) -> Result<Option<Share>, SettingsError> {
        let tried = "changing a share";
        let now = self.clock.now();
        check(terms, now)?;
        let call = async {
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            let Some(before) = of_site(&mut changing, site, id).await? else { return Ok(None) };
            let (reports, origins) = texts(terms);
            let [name, expires, reports, segment, export, origins] = values(terms, &reports, &origins);
            let id = Value::Text(id);
            let sql = "UPDATE shares SET name = $2, expires = $3, reports = $4, segment = $5, export = $6, origins = $7 WHERE id = $1";
            changing.run(sql, &[id, name, expires, reports, segment, export, origins]).await?;
            let has_password = match password {
                SharePassword::Stays => before.has_password,
                SharePassword::Goes | SharePassword::Is(_) => {
                    let hash = if let SharePassword::Is(hash) = password { Some(hash.0.as_str()) } else { None };
                    let sql = "UPDATE shares SET password = $2 WHERE id = $1";
                    changing.run(sql, &[id, Value::MaybeText(hash)]).await?;
                    // Who knew the one before does not know this one.
                    changing.run("DELETE FROM share_sessions WHERE share = $1", &[id]).await?;
                    hash.is_some()
                }
            };
            let kept = Share { terms: terms.clone(), has_password, ..before };
            tell(&mut changing, now, (who, "share_changed"), &kept).await?;
            changing.commit().await?;
            Ok(Some(kept))
        };
        self.database.within(tried, call).await
    }

    /// Gives a share of a site another link; the one before opens nothing any more. Nothing where the site has none of that id.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn renew_share(
        &self,
        (site, id): (&Domain, &str),
        link: &SecretDigest,
        who: &str,
    ) -> Result<Option<Share>, SettingsError> {
        let tried = "making a share's link anew";
        let hex = link.hex();
        let sql = "UPDATE shares SET sha256 = $2 WHERE id = $1";
        self.done_to((site, id), (tried, "share_renewed", who), sql, Some(&hex)).await
    }

    /// Removes a share of a site: its link opens nothing any more. Nothing where the site has none of that id.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn remove_share(&self, site: &Domain, id: &str, who: &str) -> Result<Option<Share>, SettingsError> {
        let tried = "removing a share";
        self.done_to((site, id), (tried, "share_removed", who), "DELETE FROM shares WHERE id = $1", None).await
    }

    /// Does something to a share of a site that ends its sessions.
    async fn done_to(
        &self,
        (site, id): (&Domain, &str),
        (tried, what, who): (&'static str, &'static str, &str),
        sql: &'static str,
        text: Option<&str>,
    ) -> Result<Option<Share>, SettingsError> {
        let call = async {
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            let Some(share) = of_site(&mut changing, site, id).await? else { return Ok(None) };
            let values: Vec<_> = [id].into_iter().chain(text).map(Value::Text).collect();
            changing.run(sql, &values).await?;
            changing.run("DELETE FROM share_sessions WHERE share = $1", &[Value::Text(id)]).await?;
            tell(&mut changing, self.clock.now(), (who, what), &share).await?;
            changing.commit().await?;
            Ok(Some(share))
        };
        self.database.within(tried, call).await
    }
}

impl Share {
    /// Whether it was noted already that it was used on the day of `now`.
    #[must_use]
    pub fn is_noted(&self, now: Millis) -> bool {
        self.used_day == Some(now.day())
    }
}

/// Removes what is shared of a site that is removed: another site of that name would be somebody else's.
pub(crate) async fn forget(changing: &mut Transaction, site: &Domain) -> Result<(), SettingsError> {
    let site = [Value::Text(site.as_str())];
    let sessions = "DELETE FROM share_sessions WHERE share IN (SELECT id FROM shares WHERE site = $1)";
    changing.run(sessions, &site).await?;
    changing.run("DELETE FROM shares WHERE site = $1", &site).await
}

fn check(terms: &ShareTerms, now: Millis) -> Result<(), SettingsError> {
    plain("a share's name", &terms.name, NAME_CHARS_MAX)?;
    if let Some(segment) = &terms.segment {
        plain("a segment's name", segment, SEGMENT_CHARS_MAX)?;
    }
    let refused = |reason: &str| Err(SettingsError::Refused(reason.to_owned()));
    if matches!(&terms.reports, Reports::These(these) if these.is_empty()) {
        return refused("a share shows at least one report");
    }
    if terms.origins.len() > ORIGINS_MAX {
        return Err(SettingsError::Refused(format!("a share may be framed by at most {ORIGINS_MAX} origins")));
    }
    if terms.expires.is_some_and(|expires| expires <= now) {
        return refused("a share that has expired already opens nothing: choose a later end, or remove it");
    }
    Ok(())
}

async fn of_site(changing: &mut Transaction, site: &Domain, id: &str) -> Result<Option<Share>, SettingsError> {
    let sql = shares_where!("WHERE s.site = $1 AND s.id = $2");
    let row = changing.row::<ShareRow>(sql, &[Value::Text(site.as_str()), Value::Text(id)]).await?;
    row.map(|row| Ok(read(row, changing)?.0)).transpose()
}

/// Reports and origins as they are kept.
fn texts(terms: &ShareTerms) -> (String, String) {
    let origins: Vec<_> = terms.origins.iter().map(Origin::as_str).collect();
    (terms.reports.kept(), origins.join(" "))
}

/// Name, end, reports, segment, export, origins, to bind.
fn values<'t>(terms: &'t ShareTerms, reports: &'t str, origins: &'t str) -> [Value<'t>; 6] {
    [
        Value::Text(&terms.name),
        Value::MaybeNumber(terms.expires.map(|at| at.0)),
        Value::Text(reports),
        Value::MaybeText(terms.segment.as_deref()),
        Value::Number(terms.export.into()),
        Value::Text(origins),
    ]
}

async fn tell(
    changing: &mut Transaction,
    now: Millis,
    (who, what): (&str, &str),
    share: &Share,
) -> Result<(), SettingsError> {
    let Share { id, site, terms, has_password, .. } = share;
    let (reports, origins) = texts(terms);
    let detail: Json = json!({
        "share": id, "name": terms.name, "reports": reports, "segment": terms.segment, "export": terms.export,
        "origins": origins, "password": has_password, "expires": terms.expires,
    });
    note(changing, now, &Deed { who, what, site: Some(site), detail }.shortened()).await
}

fn read(row: ShareRow, from: &Transaction) -> Result<(Share, Option<PasswordHash>), SettingsError> {
    let (id, site, name, password, expires, reports, segment, export, origins, made_by, created, used_day) = row;
    let site = Domain::parse(&site).map_err(|error| from.foreign(format!("a share cannot be read: {error}")))?;
    // An origin that this version does not take may frame nothing.
    let origins = origins.split(' ').filter_map(|origin| Origin::parse(origin).ok()).collect();
    let (reports, expires) = (Reports::read(&reports), expires.map(Millis));
    let terms = ShareTerms { name, reports, segment, export: export == 1, origins, expires };
    let has_password = password.is_some();
    let share = Share { id, site, terms, has_password, made_by, created: Millis(created), used_day };
    Ok((share, password.map(PasswordHash)))
}
