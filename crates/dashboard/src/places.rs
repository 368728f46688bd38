//! What countries and regions are called, by their codes (ISO 3166-1 and 3166-2): for mails, and for who asks the API by names. The page has the
//! same lists, which its build takes from the same files.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Code, English and Japanese name, parted by tabs: `scripts/country-names.mjs` writes it.
const COUNTRIES: &str = include_str!("places/countries.tsv");

/// Code, longitude and latitude, where they are known, and name, in English or the country's own: `scripts/region-places.mjs` writes it.
const REGIONS: &str = include_str!("../web/src/regions.tsv");

/// By code.
pub(crate) type Names = HashMap<&'static str, &'static str>;

static ENGLISH: LazyLock<Names> = LazyLock::new(|| column(COUNTRIES, 1));
static JAPANESE: LazyLock<Names> = LazyLock::new(|| column(COUNTRIES, 2));
static NAMES_OF_REGIONS: LazyLock<Names> = LazyLock::new(|| column(REGIONS, 3));

fn column(lines: &'static str, number: usize) -> Names {
    lines.lines().filter_map(|line| Some((line.split('\t').next()?, line.split('\t').nth(number)?))).collect()
}

/// Countries by their English names.
pub(crate) fn countries() -> &'static Names {
    &ENGLISH
}

/// Countries by their Japanese names.
pub(crate) fn countries_in_japanese() -> &'static Names {
    &JAPANESE
}

/// Regions by their names, of which several may be the same: there is a `Limburg` in Belgium and one in the Netherlands.
pub(crate) fn regions() -> &'static Names {
    &NAMES_OF_REGIONS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_whole_and_every_region_is_of_a_country_that_has_a_name() {
        for names in [countries(), countries_in_japanese()] {
            assert_eq!(names.len(), COUNTRIES.lines().count());
        }
        assert_eq!(regions().len(), REGIONS.lines().count());
        for (code, name) in regions() {
            assert!(code.get(..2).is_some_and(|country| countries().contains_key(country)), "{code}");
            assert!(!name.is_empty(), "{code}");
        }
        assert_eq!((countries()["JP"], countries_in_japanese()["JP"]), ("Japan", "日本"));
        assert_eq!((regions()["GB-ENG"], regions()["JP-13"]), ("England", "Tokyo"));
    }
}
