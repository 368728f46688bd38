//! What people decide about sites and what was done about it, in SQL: sites, definitions (goals, segments, funnels,
//! annotations), accounts, shares and the audit log, in PostgreSQL or SQLite alike.
//!
//! It knows nothing of hits, HTTP or the journal, and it decides nothing: it keeps. Two invariants hold for both databases.
//! Every change of sites or definitions has a [`Revision`] of its own, and whoever reads one has all before it, because changes
//! happen one after the other. And a change and its line in the audit log are there together or not at all.
//!
//! | module | holds |
//! |---|---|
//! | `location` | where the database is, read from a URL; no password stands in it |
//! | `database` | the two pools behind one face, and a bound on every call |
//! | `migrations` | bringing a database to this version's tables |
//! | `sites` | sites by name, and how another version's are read |
//! | `zones` | which zone counts each site's open day |
//! | `definitions` | what holds for a site from a time on |
//! | `meaning` | what definitions say, and when they begin to count |
//! | `accounts` | users and their grants, sessions, API tokens, shares |
//! | `mailings` | reports by e-mail: to whom, and up to which period they have got them |
//! | `audit` | who did what |

mod accounts;
mod audit;
mod database;
mod definitions;
mod document;
mod error;
mod location;
mod mailings;
mod meaning;
mod migrations;
mod sites;
mod zones;

use std::fmt;

use model::Clock;

pub use accounts::origin::Origin;
pub use accounts::sessions::{Ended, Session};
pub use accounts::shares::{Reports, Share, SharePassword, ShareTerms};
pub use accounts::tokens::ApiToken;
pub use accounts::users::{Added, NewUser, User};
pub use accounts::{Grant, Login, PasswordHash, Reach, Report, Role, Scope, SecretDigest};
pub use audit::{AUDIT_PAGE_MAX, AuditEntry, Deed};
use database::Database;
pub use definitions::{Definition, DefinitionList, Kind, StoredDefinition};
pub use error::SettingsError;
pub use location::{Location, LocationError};
pub use mailings::{Address, Mail, MailEnd, Mailing, MailingTerms, Recipient, Rhythm, Tongue};
pub use meaning::{CountedBy, LEAD_MS, Meaning};
pub use sites::{SiteList, StoredSite, Unreadable};

/// The number of a change. It grows with each, over all sites and definitions of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub i64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a change expects to find, so that it does not undo another that it has not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is there, or nothing.
    Anything,
    /// Nothing of that name.
    Nothing,
    /// What was last changed by this revision.
    Revision(Revision),
}

impl Expected {
    fn check(self, what: impl Fn() -> String, found: Option<Revision>) -> Result<(), SettingsError> {
        let met = match self {
            Self::Anything => true,
            Self::Nothing => found.is_none(),
            Self::Revision(revision) => found == Some(revision),
        };
        if met { Ok(()) } else { Err(SettingsError::Conflict { what: what(), found }) }
    }
}

/// An open settings database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Settings {
    database: Database,
    clock: Clock,
}

impl Settings {
    /// Opens the database, making an SQLite file that is missing, and brings it to this version's tables. Any number of
    /// processes may do so at once.
    ///
    /// # Errors
    /// It cannot be reached or refuses, the password file cannot be read, or another version has changed the tables.
    pub async fn open(location: &Location, clock: Clock) -> Result<Self, SettingsError> {
        let database = Database::open(location).await?;
        database.migrate(clock.now()).await?;
        Ok(Self { database, clock })
    }

    /// The revision of the last change: what a reader asks for to learn whether it has to read again.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn revision(&self) -> Result<Revision, SettingsError> {
        let tried = "asking for the revision";
        self.database.within(tried, async { self.database.read(tried).await?.revision().await }).await
    }
}
