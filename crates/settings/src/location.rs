//! Where the settings are: an SQLite file or a PostgreSQL database, read from a URL.
//!
//! No password stands in a [`Location`]: it names the file that holds it, which is read at opening. So it can be shown.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::SettingsError;

/// What a URL of PostgreSQL may add after its `?`, by libpq's names. Others are refused: the client would pass over one that it does
/// not know, and log its value.
const PARAMETERS: [&str; 9] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "port", "user", "dbname", "application_name"];

/// A settings database, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A file, made when it is missing. On a disk of this machine: SQLite's locks do not work over a network.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server.
    Postgres {
        /// Its URL, without a password.
        url: String,
        /// The file that holds the password; one line end after it is ignored.
        password_file: Option<PathBuf>,
    },
}

/// Why a text is no settings database's name. It repeats nothing of the text, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Neither form.
    #[error("it takes sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Form,
    /// The URL carries a password.
    #[error(
        "a password does not belong into the URL, where every list of processes and every log shows it: put it into a file and name that"
    )]
    Password,
    /// A parameter that is not known.
    #[error("after the ? it takes {}", PARAMETERS.join(", "))]
    Parameter,
}

impl Location {
    /// Reads `sqlite:PATH` or `postgres://USER@HOST/DATABASE[?sslmode=verify-full&sslrootcert=FILE…]`.
    ///
    /// # Errors
    /// Another form, a password in it, or a parameter that is not known.
    pub fn parse(text: &str, password_file: Option<&Path>) -> Result<Self, LocationError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            // A database in memory would be another one for every connection.
            let good = !path.is_empty() && path != ":memory:" && !path.contains(['?', '\0']);
            return if good { Ok(Self::Sqlite(path.into())) } else { Err(LocationError::Form) };
        }
        let url = Url::parse(text).map_err(|_| LocationError::Form)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") || url.cannot_be_a_base() {
            return Err(LocationError::Form);
        }
        if url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password") {
            return Err(LocationError::Password);
        }
        if url.query_pairs().any(|(key, _)| !PARAMETERS.contains(&&*key)) || url.fragment().is_some() {
            return Err(LocationError::Parameter);
        }
        PgConnectOptions::from_str(text).map_err(|_| LocationError::Form)?;
        Ok(Self::Postgres { url: text.to_owned(), password_file: password_file.map(Path::to_owned) })
    }

    /// How the PostgreSQL client reaches it, the password read from its file.
    pub(crate) fn postgres(url: &str, password_file: Option<&Path>) -> Result<PgConnectOptions, SettingsError> {
        let failed = |tried, reason| SettingsError::Failed { tried, database: url.to_owned(), reason };
        // The client's words for a URL that it cannot read might repeat it; it was read once before.
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| failed("reading the URL", LocationError::Form.to_string()))?
            .application_name("footfall");
        let Some(file) = password_file else { return Ok(options) };
        let text = fs::read_to_string(file)
            .map_err(|error| failed("reading its password", format!("{}: {error}", file.display())))?;
        let password = text.strip_suffix('\n').unwrap_or(&text);
        Ok(options.password(password.strip_suffix('\r').unwrap_or(password)))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres { url, .. } => f.write_str(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Location, LocationError> {
        Location::parse(text, None)
    }

    #[test]
    fn both_forms_are_read() {
        for text in ["sqlite:/var/lib/footfall/s.sqlite", "sqlite:///var/lib/footfall/s.sqlite"] {
            assert_eq!(read(text), Ok(Location::Sqlite("/var/lib/footfall/s.sqlite".into())));
        }
        for text in [
            "postgres://footfall@db.example:5433/footfall?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgresql://footfall@%2Frun%2Fpostgresql/footfall",
            "postgres://footfall@[::1]/footfall",
        ] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        for text in
            ["postgres://f:hunter2@h/d", "postgres://f@h/d?password=hunter2", "postgres://f@h/d?passwrd=hunter2"]
        {
            let error = read(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        assert_eq!(read("postgres://f:hunter2@h/d"), Err(LocationError::Password));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in [
            "",
            "sqlite:",
            "sqlite::memory:",
            "sqlite:a?mode=rwc",
            "mysql://h/d",
            "postgres:d",
            "/var/lib/x",
            "postgres://h/d?sslmode=maybe",
        ] {
            assert_eq!(read(text), Err(LocationError::Form), "{text}");
        }
    }

    #[test]
    fn a_password_comes_from_its_file_and_shows_nowhere() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "hunter2\n").unwrap();
        let location = Location::parse("postgres://f@h/d", Some(file.path())).unwrap();
        assert!(!format!("{location} {location:?}").contains("hunter2"));
        let options = Location::postgres("postgres://f@h/d", Some(file.path())).unwrap();
        assert!(format!("{options:?}").contains("Some(\"hunter2\")"), "the client's own words are never shown");
        let error = Location::postgres("postgres://f@h/d", Some(Path::new("/nowhere/password"))).unwrap_err();
        assert!(error.to_string().contains("/nowhere/password"), "{error}");
    }
}
