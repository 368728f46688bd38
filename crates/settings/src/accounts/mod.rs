//! Accounts: users and what they are granted, their sessions, API tokens, and links that are shared.
//!
//! Here are the words. What a role may do is decided where it is asked for; this keeps who has which. A secret is never kept:
//! a password rests as the hash it is given as, a session, a token or a link as the SHA-256 of its 256 random bits.

pub(crate) mod origin;
pub(crate) mod sessions;
pub(crate) mod shares;
pub(crate) mod tokens;
pub(crate) mod users;

use std::fmt;

use model::Domain;
use sha2::{Digest as _, Sha256};

use crate::SettingsError;

/// Longest login, in characters; an address for mail is seldom longer.
pub const LOGIN_CHARS_MAX: usize = 100;

/// How a user is called: lower case, so that nobody is two users.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Login(String);

impl Login {
    /// Reads a login, in whatever case it was typed.
    ///
    /// # Errors
    /// It is empty, too long, or holds other than letters, digits and `. _ - + @`.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let text = text.trim();
        let known = |letter: char| letter.is_ascii_alphanumeric() || "._-+@".contains(letter);
        if text.is_empty() || text.len() > LOGIN_CHARS_MAX || !text.chars().all(known) {
            let reason = format!("a login takes 1 to {LOGIN_CHARS_MAX} letters of a to z, digits and . _ - + @");
            return Err(SettingsError::Refused(reason));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// As it is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A closed list of words that are kept as texts.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$word_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$word_doc])* $variant),*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word it is kept under.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }

            /// Reads the word.
            ///
            /// # Errors
            /// It is none of them; the error names them all.
            pub fn parse(word: &str) -> Result<Self, SettingsError> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|known| known.as_str()).collect();
                    SettingsError::Refused(format!("{} is one of {}, not {:?}", $what, known.join(", "), word.chars().take(50).collect::<String>()))
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// What somebody is. Of a site each holds what those before it hold; the operator is beside them.
    Role, "a role" {
        /// Reads reports.
        Viewer = "viewer",
        /// Takes them away, and says what is counted.
        Analyst = "analyst",
        /// Settles a site's settings and who sees it.
        SiteAdmin = "site_admin",
        /// Runs the installation and its users, and sees no statistics.
        Operator = "operator",
    }
}

words! {
    /// What an API token is for.
    Scope, "a scope" {
        /// Asking the counts.
        StatsRead = "stats:read",
        /// Taking tables of them away.
        Export = "export",
        /// Changing what its owner may change.
        Admin = "admin",
    }
}

words! {
    /// A part of what the page shows of a site, which a share may show. Its name is that of the page's card or view.
    Report, "a report" {
        /// The totals and their graph.
        Overview = "overview",
        /// Sources, channels, referrers.
        Sources = "sources",
        /// Pages, and where visits begin and end.
        Pages = "pages",
        /// Countries, regions, cities.
        Places = "places",
        /// Campaigns and their fields.
        Campaigns = "campaigns",
        /// Browsers, devices, screens.
        Devices = "devices",
        /// Operating systems, languages.
        Systems = "systems",
        /// Events, properties, goals, segments, and money.
        Events = "events",
        /// How far visitors come on the ways that somebody defined.
        Funnels = "funnels",
        /// Where pages lead.
        Flows = "flows",
        /// How pages feel to load and use.
        Vitals = "vitals",
        /// Who is there now.
        Live = "live",
        /// What became of every hit.
        Ledger = "ledger",
    }
}

/// Where something holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Every site, also one that is added later.
    All,
    /// One.
    Site(Domain),
}

impl Reach {
    /// Reads a site's name, or `*`.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        if text == "*" {
            return Ok(Self::All);
        }
        let site = Domain::parse(text).map(Self::Site);
        site.map_err(|error| SettingsError::Refused(format!("a site's name, or * for every site: {error}")))
    }

    /// As it is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::All => "*",
            Self::Site(site) => site.as_str(),
        }
    }

    /// Whether it holds for a site.
    #[must_use]
    pub fn covers(&self, site: &Domain) -> bool {
        match self {
            Self::All => true,
            Self::Site(own) => own == site,
        }
    }

    /// The site, if it is one.
    #[must_use]
    pub fn site(&self) -> Option<&Domain> {
        match self {
            Self::All => None,
            Self::Site(site) => Some(site),
        }
    }
}

/// A role, somewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// Where.
    reach: Reach,
    /// Which.
    role: Role,
}

impl Grant {
    /// A role somewhere.
    ///
    /// # Errors
    /// The role is the installation's, and the place is one site.
    pub fn new(role: Role, reach: Reach) -> Result<Self, SettingsError> {
        if role == Role::Operator && reach != Reach::All {
            let reason = "operator is a role of the installation, not of a site: its site is *".to_owned();
            return Err(SettingsError::Refused(reason));
        }
        Ok(Self { reach, role })
    }

    /// Which role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Where.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }
}

/// The hash of a password, as a PHC string. It shows nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// What is kept of a secret: its SHA-256. The secret is 256 random bits, so nobody finds it from here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// Of a secret as it is sent.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// A name for it that may be shown: it tells its session or token from others, and opens nothing.
    #[must_use]
    pub fn id(&self) -> String {
        self.hex().chars().take(16).collect()
    }

    /// In hexadecimal.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretDigest({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_one_whatever_its_case() {
        assert_eq!(Login::parse(" Jane.Doe+x@Example.com ").unwrap().as_str(), "jane.doe+x@example.com");
        for wrong in ["", " ", "jane doe", "ja\nne", "jané", "administrator's", &"a".repeat(101)] {
            assert!(Login::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()).unwrap(), *role);
        }
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()).unwrap(), *scope);
        }
        assert!(Role::parse("root").unwrap_err().to_string().contains("viewer, analyst, site_admin, operator"));
    }

    #[test]
    fn the_operator_is_of_the_installation() {
        let site = Reach::parse("example.com").unwrap();
        assert!(Grant::new(Role::Operator, site.clone()).is_err() && Grant::new(Role::Viewer, site).is_ok());
        assert!(Grant::new(Role::Operator, Reach::All).is_ok());
    }

    #[test]
    fn no_secret_shows() {
        let digest = SecretDigest::of("secret");
        // `printf secret | sha256sum`
        assert_eq!(digest.hex(), "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");
        assert_eq!((digest.id().as_str(), format!("{digest:?}").len()), ("2bb80d537b1da3e3", 30));
        assert_eq!(format!("{:?}", PasswordHash("$argon2id$x".to_owned())), "PasswordHash");
    }
}
