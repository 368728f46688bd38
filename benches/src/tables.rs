//! The enrichment tables the binary would use, so that what is measured looks visitors' countries up as `footfall serve` does.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use fold::{Geo, Tables};

/// The tables, and a sentence on what was found: the country database is the newest in the cache that set-up fills.
pub fn cached() -> anyhow::Result<(Tables, String)> {
    let cache = store::engine::library_path().ancestors().nth(2).map(PathBuf::from).unwrap_or_default();
    let mut databases: Vec<PathBuf> = std::fs::read_dir(&cache)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("geo-whois-asn-country.mmdb"))
        .filter(|path| path.is_file())
        .collect();
    databases.sort();
    let Some(path) = databases.pop() else {
        return Ok((Tables::default(), "Without a country database: run scripts/fetch-geo.sh first.".to_owned()));
    };
    let bytes = std::fs::read(path).context("the country database cannot be read")?;
    let geo = Geo::open(bytes).context("the country database is none")?;
    Ok((Tables { geo: Some(Arc::new(geo)) }, "Countries are looked up in the cached country database.".to_owned()))
}
