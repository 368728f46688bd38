//! Which beginnings of which files were imported, so that importing a file again, or a file that has grown, adds only what
//! is new. A mark is a length and a digest of that many bytes: no file name, no path, no content.

use clickhouse::Row;
use model::Domain;
use serde::{Deserialize, Serialize};

use crate::store::{QUESTION_TIMEOUT, within};
use crate::{Store, StoreError};

/// The first `bytes` bytes of some file were imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImportMark {
    /// How many bytes from the file's start.
    pub bytes: u64,
    /// SHA-256 of those bytes.
    pub sha256: [u8; 32],
}

#[derive(Row, Serialize, Deserialize)]
struct MarkRow {
    bytes: u64,
    sha256: [u8; 32],
}

#[derive(Row, Serialize)]
struct NewMarkRow<'a> {
    site: &'a str,
    bytes: u64,
    sha256: [u8; 32],
}

impl Store {
    /// All marks of a site, longest first.
    ///
    /// # Errors
    /// The store cannot be reached or refuses.
    pub async fn import_marks(&self, site: &Domain) -> Result<Vec<ImportMark>, StoreError> {
        let asked = self
            .client()
            .query(include_str!("../sql/import_marks.sql"))
            .param("site", site.as_str())
            .fetch_all::<MarkRow>();
        let rows = within("reading import marks", QUESTION_TIMEOUT, asked).await?;
        Ok(rows.into_iter().map(|MarkRow { bytes, sha256 }| ImportMark { bytes, sha256 }).collect())
    }

    /// Adds a mark; adding it again changes nothing.
    ///
    /// # Errors
    /// The store cannot be reached or refuses; repeating is safe.
    pub async fn add_import_mark(&self, site: &Domain, mark: &ImportMark) -> Result<(), StoreError> {
        let digest: String = mark.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let token = format!("import/{site}/{digest}/{}", mark.bytes);
        let mut insert = self.insert_once::<NewMarkRow<'_>>("imports", &token).await?;
        let write = async {
            insert.write(&NewMarkRow { site: site.as_str(), bytes: mark.bytes, sha256: mark.sha256 }).await?;
            insert.end().await
        };
        within("adding an import mark", QUESTION_TIMEOUT, write).await
    }
}
