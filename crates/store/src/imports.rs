//! Which beginnings of which files were imported, so that importing a file again, or a file that has grown, adds only what
//! is new. A mark is a length and a digest of that many bytes: no file name, no path, no content.

use clickhouse::Row;
use model::Domain;
use serde::{Deserialize, Serialize};

use crate::store::{QUESTION_TIMEOUT, within};
use crate::{Store, StoreError};

/// An insert that brought some file's content up to `bytes` into the counts, or was begun and may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImportMark {
    /// How many bytes from the file's start.
    pub bytes: u64,
    /// SHA-256 of those bytes.
    pub sha256: [u8; 32],
    /// Whether the last hits before this place still waited to be put in order of time: they are in the next insert.
    pub hits_wait: bool,
    /// The fold that made the rows.
    pub fold_version: u16,
    /// Whether the counts hold it; before that it was begun.
    pub done: bool,
}

#[derive(Row, Deserialize)]
struct MarkRow {
    bytes: u64,
    sha256: [u8; 32],
    hits_wait: bool,
    fold_version: u16,
    begun: bool,
}

#[derive(Row, Serialize)]
struct NewMarkRow<'a> {
    site: &'a str,
    bytes: u64,
    sha256: [u8; 32],
    hits_wait: bool,
    fold_version: u16,
    begun: bool,
}

impl Store {
    /// All marks of a site, longest first, each once: done where that is noted, else begun.
    ///
    /// # Errors
    /// The store cannot be reached or refuses.
    pub async fn import_marks(&self, site: &Domain) -> Result<Vec<ImportMark>, StoreError> {
        let asked = self
            .client()
            .query(include_str!("../sql/import_marks.sql"))
            .param("site", site.as_str())
            .with_setting("select_sequential_consistency", if self.cluster.is_some() { "1" } else { "0" })
            .fetch_all::<MarkRow>();
        let rows = within("reading import marks", QUESTION_TIMEOUT, asked).await?;
        let mark = |MarkRow { bytes, sha256, hits_wait, fold_version, begun }| ImportMark {
            bytes,
            sha256,
            hits_wait,
            fold_version,
            done: !begun,
        };
        Ok(rows.into_iter().map(mark).collect())
    }

    /// Notes an insert as begun or as done; doing so again changes nothing, and what is done stays done.
    ///
    /// # Errors
    /// The store cannot be reached or refuses; repeating is safe.
    pub async fn note_import(&self, site: &Domain, mark: &ImportMark) -> Result<(), StoreError> {
        let ImportMark { bytes, sha256, hits_wait, fold_version, done } = *mark;
        let row = NewMarkRow { site: site.as_str(), bytes, sha256, hits_wait, fold_version, begun: !done };
        let digest: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let token = format!("import/{site}/{digest}/{bytes}/{hits_wait}/{done}");
        let mut insert = self.insert_once::<NewMarkRow<'_>>("imports", &token).await?;
        let write = async {
            insert.write(&row).await?;
            insert.end().await
        };
        within("noting an import", QUESTION_TIMEOUT, write).await
    }
}
