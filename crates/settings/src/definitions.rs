//! Definitions: what holds for a site from a time on, as JSON whose meaning is another crate's.
//!
//! The invariant: what held before a change's `effective_from` is not touched by it. A replay of the hours before reads the
//! definitions as they were, so a row that was replaced or removed stays until no replay can need it ([`REMEMBERED_MS`]).

use std::fmt;

use model::{Domain, Millis};
use serde_json::json;

use crate::audit::{Deed, note, plain};
use crate::database::{Transaction, Value};
use crate::{Expected, Revision, Settings, SettingsError};

/// How long a definition is remembered after its end: longer than any record lives that could still be replayed.
pub const REMEMBERED_MS: i64 = 3 * 24 * 3_600_000;
/// Longest name, in characters; an event's name is as long.
pub const NAME_CHARS_MAX: usize = model::limits::EVENT_NAME_CHARS_MAX;
/// Largest body as JSON, in bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
/// Most definitions of one kind and site, those that are remembered included: the fold looks at each for every hit.
pub const PER_SITE_MAX: i64 = 1_000;

/// What a definition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// What counts as a conversion.
    Goal,
    /// A saved filter.
    Segment,
    /// Steps in order.
    Funnel,
    /// A note at a time.
    Annotation,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Goal, Self::Segment, Self::Funnel, Self::Annotation];

    /// The word it is kept under.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Goal => "goal",
            Self::Segment => "segment",
            Self::Funnel => "funnel",
            Self::Annotation => "annotation",
        }
    }

    fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A definition to put.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// What it is.
    pub kind: Kind,
    /// Whose.
    pub site: Domain,
    /// Its name, one per kind and site.
    pub name: String,
    /// What it says.
    pub body: serde_json::Value,
    /// From when on it holds, by the time at which hits are received.
    pub effective_from: Millis,
}

/// A definition that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDefinition {
    /// The definition.
    pub definition: Definition,
    /// Until when it holds, where it was replaced or removed.
    pub effective_until: Option<Millis>,
    /// Its last change.
    pub revision: Revision,
}

impl StoredDefinition {
    /// Whether nothing has replaced or removed it: it is what its name means now, or will in a moment.
    #[must_use]
    pub const fn is_present(&self) -> bool {
        self.effective_until.is_none()
    }

    /// Whether it holds for what is received at `at`.
    #[must_use]
    pub fn holds_at(&self, at: Millis) -> bool {
        self.definition.effective_from <= at && self.effective_until.is_none_or(|until| at < until)
    }
}

/// Definitions at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DefinitionList {
    /// Of the database: nothing changed after it.
    pub revision: Revision,
    /// Those that were asked for, by kind, site, name and time, also such as hold no longer or not yet.
    pub definitions: Vec<StoredDefinition>,
}

type DefinitionRow = (String, String, String, i64, Option<i64>, String, i64);

impl Settings {
    /// The definitions of a kind and a site, or of all. A kind that only a newer version knows is left out.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn definitions(
        &self,
        kind: Option<Kind>,
        site: Option<&Domain>,
    ) -> Result<DefinitionList, SettingsError> {
        let tried = "listing definitions";
        let (kind, site) = (kind.map_or("", Kind::as_str), site.map_or("", Domain::as_str));
        let call = async {
            let mut reading = self.database.read(tried).await?;
            let revision = reading.revision().await?;
            let sql = "SELECT kind, site, name, effective_from, effective_until, body, revision FROM definitions \
                       WHERE ($1 = '' OR kind = $1) AND ($2 = '' OR site = $2)";
            let mut rows = reading.rows::<DefinitionRow>(sql, &[Value::Text(kind), Value::Text(site)]).await?;
            // Here, because databases order texts by their own language.
            rows.sort();
            let read = |row| stored(row).map_err(|reason| reading.foreign(reason)).transpose();
            let definitions = rows.into_iter().filter_map(read).collect::<Result<Vec<_>, _>>()?;
            Ok(DefinitionList { revision, definitions })
        };
        self.database.within(tried, call).await
    }

    /// Lets a definition hold from its time on, instead of what the name stood for, and notes it in the audit log.
    ///
    /// # Errors
    /// The database cannot be reached, something else was expected, or it is beyond what is kept.
    pub async fn put_definition(
        &self,
        definition: &Definition,
        expected: Expected,
        who: &str,
    ) -> Result<Revision, SettingsError> {
        let Definition { kind, site, name, body, effective_from } = definition;
        plain("a name", name, NAME_CHARS_MAX)?;
        let body = body.to_string();
        if body.len() > BODY_BYTES_MAX {
            let reason = format!("{kind} {name} takes {} bytes; at most {BODY_BYTES_MAX} are kept", body.len());
            return Err(SettingsError::Refused(reason));
        }
        let tried = "changing a definition";
        let call = async {
            let mut changing = self.database.change(tried).await?;
            let mut change = Change { kind: *kind, site, name, at: *effective_from, revision: 0 };
            let found = change.begin(&mut changing, expected).await?;
            change.end_before(&mut changing, self.clock.now()).await?;
            room(&mut changing, *kind, site).await?;
            let sql = "INSERT INTO definitions (kind, site, name, effective_from, effective_until, body, revision) \
                       VALUES ($1, $2, $3, $4, NULL, $5, $6)";
            let [kind, site, name, at, revision] = change.values();
            changing.run(sql, &[kind, site, name, at, Value::Text(&body), revision]).await?;
            change
                .note(&mut changing, self.clock.now(), who, if found.is_none() { "added" } else { "changed" })
                .await?;
            changing.commit().await?;
            Ok(Revision(change.revision))
        };
        self.database.within(tried, call).await
    }

    /// Lets a name stand for nothing from a time on, and notes it in the audit log.
    ///
    /// # Errors
    /// The database cannot be reached, something else was expected, or there is no such definition.
    pub async fn remove_definition(
        &self,
        (kind, site, name): (Kind, &Domain, &str),
        from: Millis,
        expected: Expected,
        who: &str,
    ) -> Result<Revision, SettingsError> {
        let tried = "removing a definition";
        let call = async {
            let mut changing = self.database.change(tried).await?;
            let mut change = Change { kind, site, name, at: from, revision: 0 };
            if change.begin(&mut changing, expected).await?.is_none() {
                return Err(SettingsError::Conflict { what: change.what(), found: None });
            }
            change.end_before(&mut changing, self.clock.now()).await?;
            change.note(&mut changing, self.clock.now(), who, "removed").await?;
            changing.commit().await?;
            Ok(Revision(change.revision))
        };
        self.database.within(tried, call).await
    }
}

/// A change of one name from a time on.
struct Change<'c> {
    kind: Kind,
    site: &'c Domain,
    name: &'c str,
    at: Millis,
    revision: i64,
}

impl<'c> Change<'c> {
    /// Takes the turn, and the revision of what the name stands for now, if anything.
    async fn begin(
        &mut self,
        changing: &mut Transaction,
        expected: Expected,
    ) -> Result<Option<Revision>, SettingsError> {
        self.revision = changing.next("revision").await?;
        let sql = "SELECT revision FROM definitions \
                   WHERE kind = $1 AND site = $2 AND name = $3 AND effective_until IS NULL";
        let [kind, site, name, ..] = self.values();
        let found = changing.row::<(i64,)>(sql, &[kind, site, name]).await?.map(|(revision,)| Revision(revision));
        expected.check(|| self.what(), found)?;
        Ok(found)
    }

    /// Ends whatever the name stands for at that time: what would begin later never does, and what holds then ends then.
    async fn end_before(&self, changing: &mut Transaction, now: Millis) -> Result<(), SettingsError> {
        let [kind, site, name, at, revision] = self.values();
        let later = "DELETE FROM definitions WHERE kind = $1 AND site = $2 AND name = $3 AND effective_from >= $4";
        changing.run(later, &[kind, site, name, at]).await?;
        let holding = "UPDATE definitions SET effective_until = $4, revision = $5 WHERE kind = $1 AND site = $2 \
                       AND name = $3 AND (effective_until IS NULL OR effective_until > $4)";
        changing.run(holding, &[kind, site, name, at, revision]).await?;
        let forgotten = "DELETE FROM definitions WHERE effective_until <= $1";
        changing.run(forgotten, &[Value::Number(now.plus(-REMEMBERED_MS).0)]).await
    }

    async fn note(&self, changing: &mut Transaction, now: Millis, who: &str, done: &str) -> Result<(), SettingsError> {
        let what = format!("{}_{done}", self.kind);
        let detail = json!({ "name": self.name, "from": self.at });
        note(changing, now, &Deed { who, what: &what, site: Some(self.site), detail }).await
    }

    fn what(&self) -> String {
        format!("{} {:?} of {}", self.kind, self.name, self.site)
    }

    /// Kind, site, name, time and revision, to bind.
    fn values(&self) -> [Value<'c>; 5] {
        let (at, revision) = (Value::Number(self.at.0), Value::Number(self.revision));
        [Value::Text(self.kind.as_str()), Value::Text(self.site.as_str()), Value::Text(self.name), at, revision]
    }
}

async fn room(changing: &mut Transaction, kind: Kind, site: &Domain) -> Result<(), SettingsError> {
    let sql = "SELECT COUNT(*) FROM definitions WHERE kind = $1 AND site = $2";
    let values = [Value::Text(kind.as_str()), Value::Text(site.as_str())];
    let count = changing.row::<(i64,)>(sql, &values).await?.unwrap_or_default().0;
    if count < PER_SITE_MAX {
        return Ok(());
    }
    Err(SettingsError::Refused(format!(
        "{site} has {count} definitions of the kind {kind}, counting those that ended in the last three days, and no room for more"
    )))
}

/// Reads a row; nothing where its kind is not known to this version.
fn stored((kind, site, name, from, until, body, revision): DefinitionRow) -> Result<Option<StoredDefinition>, String> {
    let Some(kind) = Kind::read(&kind) else { return Ok(None) };
    let what = format!("{kind} {name:?} of {site:?} cannot be read");
    let site = Domain::parse(&site).map_err(|error| format!("{what}: {error}"))?;
    let body = serde_json::from_str(&body).map_err(|error| format!("{what}: {error}"))?;
    let definition = Definition { kind, site, name, body, effective_from: Millis(from) };
    let effective_until = until.map(Millis);
    Ok(Some(StoredDefinition { definition, effective_until, revision: Revision(revision) }))
}
