//! The audit log: who did what, where, and what it was before. Lines are added and read, never changed or removed.
//!
//! It holds no secret and nothing about a visitor; whoever adds a line sees to that. Changes of sites and definitions note
//! themselves, in their own transaction.

use model::{Domain, Millis};
use serde_json::json;

use crate::database::{Transaction, Value};
use crate::{Settings, SettingsError};

/// Longest name of who did it, in characters: an account, or a user of the machine.
const WHO_CHARS_MAX: usize = 200;
/// Longest word for what was done, in characters.
const WHAT_CHARS_MAX: usize = 100;
/// Largest detail as JSON, in bytes.
const DETAIL_BYTES_MAX: usize = 8 * 1024;
/// Most lines of one page.
pub const AUDIT_PAGE_MAX: u32 = 1_000;

/// What is to be noted.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed<'d> {
    /// Who did it.
    pub who: &'d str,
    /// What, as one word such as `site_added`.
    pub what: &'d str,
    /// The site it was done to, if it was one.
    pub site: Option<&'d Domain>,
    /// What else is worth knowing.
    pub detail: serde_json::Value,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Its place: each line's is one more than the one's before.
    pub number: i64,
    /// When.
    pub at: Millis,
    /// Who.
    pub who: String,
    /// What.
    pub what: String,
    /// To which site.
    pub site: Option<String>,
    /// What else is worth knowing.
    pub detail: serde_json::Value,
}

impl Deed<'_> {
    /// Names only what changed where the whole would be too long.
    pub(crate) fn shortened(self) -> Self {
        if self.detail.to_string().len() <= DETAIL_BYTES_MAX {
            return self;
        }
        let names: Vec<_> = self.detail.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        Self { detail: json!({ "changed": names }), ..self }
    }
}

impl Settings {
    /// Adds a line.
    ///
    /// # Errors
    /// The database cannot be reached, or a text is longer than is kept.
    pub async fn note(&self, deed: &Deed<'_>) -> Result<(), SettingsError> {
        let tried = "adding to the audit log";
        let call = async {
            let mut changing = self.database.change(tried).await?;
            note(&mut changing, self.clock.now(), deed).await?;
            changing.commit().await
        };
        self.database.within(tried, call).await
    }

    /// The lines before a number (the newest without one), newest first, at most `lines_max` and [`AUDIT_PAGE_MAX`].
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn audit_page(&self, before: Option<i64>, lines_max: u32) -> Result<Vec<AuditEntry>, SettingsError> {
        self.audit_page_of(None, before, lines_max).await
    }

    /// Like [`Settings::audit_page`], only the lines of one site where it is given.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn audit_page_of(
        &self,
        site: Option<&Domain>,
        before: Option<i64>,
        lines_max: u32,
    ) -> Result<Vec<AuditEntry>, SettingsError> {
        let tried = "reading the audit log";
        let sql = "SELECT number, at, who, what, site, detail FROM audit \
                   WHERE number < $1 AND ($3 = '' OR site = $3) ORDER BY number DESC LIMIT $2";
        let lines_max = Value::Number(lines_max.min(AUDIT_PAGE_MAX).into());
        let site = Value::Text(site.map_or("", Domain::as_str));
        let values = [Value::Number(before.unwrap_or(i64::MAX)), lines_max, site];
        type AuditRow = (i64, i64, String, String, Option<String>, String);
        let call = async { self.database.read(tried).await?.rows::<AuditRow>(sql, &values).await };
        let rows = self.database.within(tried, call).await?;
        let entry = |(number, at, who, what, site, detail): AuditRow| {
            let detail = serde_json::from_str(&detail).unwrap_or(serde_json::Value::String(detail));
            AuditEntry { number, at: Millis(at), who, what, site, detail }
        };
        Ok(rows.into_iter().map(entry).collect())
    }
}

/// Adds a line in a transaction that does what the line says.
pub(crate) async fn note(changing: &mut Transaction, at: Millis, deed: &Deed<'_>) -> Result<(), SettingsError> {
    let detail = deed.detail.to_string();
    plain("who did it", deed.who, WHO_CHARS_MAX)?;
    plain("what was done", deed.what, WHAT_CHARS_MAX)?;
    if detail.len() > DETAIL_BYTES_MAX {
        let reason = format!("a detail of {} bytes; the audit log keeps at most {DETAIL_BYTES_MAX}", detail.len());
        return Err(SettingsError::Refused(reason));
    }
    let number = changing.next("audit").await?;
    let values = [
        Value::Number(number),
        Value::Number(at.0),
        Value::Text(deed.who),
        Value::Text(deed.what),
        Value::MaybeText(deed.site.map(Domain::as_str)),
        Value::Text(&detail),
    ];
    let sql = "INSERT INTO audit (number, at, who, what, site, detail) VALUES ($1, $2, $3, $4, $5, $6)";
    changing.run(sql, &values).await
}

/// Whether a text is one that both databases keep and a person can read: not empty, not too long, no control characters.
pub(crate) fn plain(what: &str, text: &str, chars_max: usize) -> Result<(), SettingsError> {
    if text.trim().is_empty() || text.chars().count() > chars_max || text.chars().any(char::is_control) {
        let reason = format!("{what} takes 1 to {chars_max} characters without control characters, not {text:?}");
        return Err(SettingsError::Refused(reason.chars().take(500).collect()));
    }
    Ok(())
}
