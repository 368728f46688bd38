//! Finds what the binary needs and does not carry: the engine's library and the country database.
//!
//! Looked for, in this order: the setting, beside the executable, the cache that set-up fills. It never downloads anything.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use fold::{Geo, Tables};

use crate::config::Config;

/// Where scripts/fetch-geo.sh puts the country database, pinned by version; a test compares.
const COUNTRIES: &str = "geo-2.3.2026061719/geo-whois-asn-country.mmdb";

/// The directory that set-up fills: `$FOOTFALL_CACHE`, or `footfall` in the user's cache directory.
pub fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let user = || std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from);
    std::env::var_os("FOOTFALL_CACHE").map_or_else(|| user().join("footfall"), PathBuf::from)
}

/// The engine's library.
pub fn engine(config: &Config) -> anyhow::Result<PathBuf> {
    let cached = store::engine::library_path();
    let Some(found) = find(config.engine_library.as_deref(), "libchdb.so", &cached) else {
        bail!(
            "the ClickHouse engine's library is not here: looked for {} and for libchdb.so beside the program; \
             run `scripts/fetch-engine.sh`, or name it with engine_library = \"…\" or FOOTFALL_ENGINE_LIBRARY",
            cached.display()
        );
    };
    Ok(found)
}

/// The enrichment tables. Without a country database everything works and countries stay unknown; that is said once.
pub fn tables(config: &Config) -> anyhow::Result<Tables> {
    let cached = cache().join(COUNTRIES);
    let Some(path) = find(config.geo_database.as_deref(), "country.mmdb", &cached) else {
        tracing::warn!(
            looked_for = %cached.display(),
            "no country database: countries stay unknown; run scripts/fetch-geo.sh or set geo_database"
        );
        return Ok(Tables::default());
    };
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read the database {}", path.display()))?;
    let geo = Geo::open(bytes).with_context(|| format!("{} is not a MaxMind-format database", path.display()))?;
    Ok(Tables { geo: Some(Arc::new(geo)) })
}

fn find(setting: Option<&Path>, beside: &str, cached: &Path) -> Option<PathBuf> {
    if let Some(setting) = setting {
        return setting.exists().then(|| setting.to_owned());
    }
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(beside)));
    beside.into_iter().chain([cached.to_owned()]).find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_up_puts_the_country_database_where_it_is_looked_for() {
        let script = include_str!("../../../scripts/fetch-geo.sh");
        let version = COUNTRIES.split(['-', '/']).nth(1).unwrap();
        assert!(script.contains(version) && script.contains("geo-whois-asn-country.mmdb"));
    }
}
