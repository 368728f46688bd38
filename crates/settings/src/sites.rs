//! Sites: list, one, put, remove.

use model::{Domain, Site};
use serde_json::json;

use crate::accounts::shares;
use crate::audit::{Deed, note};
use crate::database::Value;
use crate::{Expected, Revision, Settings, SettingsError, document, mailings};

/// Most sites of one database: every station holds all of them in memory, and a reader reads all at a change.
pub const SITES_MAX: i64 = 10_000;
/// Largest site as JSON, in bytes: a hundred patterns of paths and a page of text for the notice fit.
pub const SITE_BYTES_MAX: usize = 64 * 1024;

/// A site and the change that made it what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSite {
    /// The site. Its zone before is empty: [`Settings::settle`] tells it.
    pub site: Site,
    /// Its last change.
    pub revision: Revision,
}

/// A site that this version cannot read. It should not be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its name.
    pub domain: String,
    /// What cannot be read.
    pub reason: String,
}

/// All sites at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteList {
    /// Of the database: nothing changed after it.
    pub revision: Revision,
    /// The sites, by name.
    pub sites: Vec<StoredSite>,
    /// Those that this version cannot read.
    pub unreadable: Vec<Unreadable>,
}

impl SiteList {
    /// The name of every site, also of one that this version cannot read.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let readable = self.sites.iter().map(|stored| stored.site.domain.as_str());
        readable.chain(self.unreadable.iter().map(|site| &*site.domain))
    }
}

impl Settings {
    /// All sites.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn sites(&self) -> Result<SiteList, SettingsError> {
        let tried = "listing the sites";
        let (revision, mut rows) = self
            .database
            .within(tried, async {
                let mut reading = self.database.read(tried).await?;
                let revision = reading.revision().await?;
                let sql = "SELECT domain, definition, revision FROM sites";
                Ok((revision, reading.rows::<(String, String, i64)>(sql, &[]).await?))
            })
            .await?;
        // Here, because databases order texts by their own language.
        rows.sort();
        let mut list = SiteList { revision, ..SiteList::default() };
        for (domain, definition, revision) in rows {
            match document::read(&domain, &definition) {
                Ok(site) => list.sites.push(StoredSite { site, revision: Revision(revision) }),
                Err(reason) => list.unreadable.push(Unreadable { domain, reason }),
            }
        }
        Ok(list)
    }

    /// One site.
    ///
    /// # Errors
    /// The database cannot be reached, or the site cannot be read by this version.
    pub async fn site(&self, domain: &Domain) -> Result<Option<StoredSite>, SettingsError> {
        let tried = "reading a site";
        let call = async {
            let mut reading = self.database.read(tried).await?;
            let row = reading.row::<(String, i64)>(STORED, &[Value::Text(domain.as_str())]).await?;
            let Some((definition, revision)) = row else { return Ok(None) };
            let site = document::read(domain.as_str(), &definition)
                .map_err(|reason| reading.foreign(format!("site {domain} cannot be read by this version: {reason}")))?;
            Ok(Some(StoredSite { site, revision: Revision(revision) }))
        };
        self.database.within(tried, call).await
    }

    /// Adds or changes a site, and notes it in the audit log.
    ///
    /// # Errors
    /// The database cannot be reached, something else was expected, or the site is beyond what is kept.
    pub async fn put_site(&self, site: &Site, expected: Expected, who: &str) -> Result<Revision, SettingsError> {
        fold::calendar::Zone::find(&site.timezone)
            .map_err(|error| SettingsError::Refused(format!("site {}: {error}", site.domain)))?;
        let tried = "changing a site";
        let call = async {
            let domain = Value::Text(site.domain.as_str());
            let mut changing = self.database.change(tried).await?;
            let revision = changing.next("revision").await?;
            let stored = changing.row::<(String, i64)>(STORED, &[domain]).await?;
            let found = stored.as_ref().map(|(_, revision)| Revision(*revision));
            expected.check(|| format!("site {}", site.domain), found)?;
            let before = stored.as_ref().map(|(definition, _)| definition.as_str());
            let document = document::write(site, before);
            let text = document.to_string();
            if text.len() > SITE_BYTES_MAX {
                let reason =
                    format!("site {} takes {} bytes; at most {SITE_BYTES_MAX} are kept", site.domain, text.len());
                return Err(SettingsError::Refused(reason));
            }
            if before.is_none() {
                let count = changing.row::<(i64,)>("SELECT COUNT(*) FROM sites", &[]).await?.unwrap_or_default().0;
                if count >= SITES_MAX {
                    return Err(SettingsError::Refused(format!("there are {count} sites, and no room for more")));
                }
            }
            let sql = "INSERT INTO sites (domain, definition, revision) VALUES ($1, $2, $3) \
                       ON CONFLICT (domain) DO UPDATE SET definition = excluded.definition, revision = excluded.revision";
            changing.run(sql, &[domain, Value::Text(&text), Value::Number(revision)]).await?;
            let what = if before.is_none() { "site_added" } else { "site_changed" };
            // What a new site is, is told by itself.
            let changed = before.map(|before| document::difference(Some(before), &document)).unwrap_or_default();
            let deed = Deed { who, what, site: Some(&site.domain), detail: json!(changed) };
            note(&mut changing, self.clock.now(), &deed.shortened()).await?;
            changing.commit().await?;
            Ok(Revision(revision))
        };
        self.database.within(tried, call).await
    }

    /// Removes a site, its definitions, what was granted at it and what was shared of it, and notes it in the audit log. Its counts and the zone of its open day stay.
    ///
    /// # Errors
    /// The database cannot be reached, something else was expected, or there is no such site.
    pub async fn remove_site(&self, domain: &Domain, expected: Expected, who: &str) -> Result<Revision, SettingsError> {
        let tried = "removing a site";
        let call = async {
            let name = Value::Text(domain.as_str());
            let mut changing = self.database.change(tried).await?;
            let revision = changing.next("revision").await?;
            let found = changing.row::<(String, i64)>(STORED, &[name]).await?.map(|(_, revision)| Revision(revision));
            expected.check(|| format!("site {domain}"), found)?;
            if found.is_none() {
                return Err(SettingsError::Conflict { what: format!("site {domain}"), found: None });
            }
            changing.run("DELETE FROM sites WHERE domain = $1", &[name]).await?;
            changing.run("DELETE FROM definitions WHERE site = $1", &[name]).await?;
            // Another site of that name would be somebody else's.
            changing.run("DELETE FROM grants WHERE site = $1", &[name]).await?;
            changing.run("DELETE FROM token_sites WHERE site = $1", &[name]).await?;
            shares::forget(&mut changing, domain).await?;
            mailings::forget(&mut changing, domain).await?;
            let deed = Deed { who, what: "site_removed", site: Some(domain), detail: json!({}) };
            note(&mut changing, self.clock.now(), &deed).await?;
            changing.commit().await?;
            Ok(Revision(revision))
        };
        self.database.within(tried, call).await
    }
}

const STORED: &str = "SELECT definition, revision FROM sites WHERE domain = $1";
