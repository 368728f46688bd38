//! Looks up a place: country, and region and city where the database has them. The database is a value given at the start
//! (MaxMind's format, either MaxMind's own layout or the flat one of ip-location-db); nothing is fetched here.
//!
//! An address goes in and a place comes out; the address is not kept.

use std::net::IpAddr;

use hashbrown::HashMap;
use maxminddb::{LookupResult, Reader, path};

/// Places whose names are remembered; a country database has about 250, a city database some 100,000 behind real traffic.
/// When it is full it starts over, and a place costs its decoding once more.
const PLACES_REMEMBERED_MAX: usize = 100_000;

/// A place. Empty where the database says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// ISO 3166-1 alpha-2 code.
    pub country: Box<str>,
    /// ISO 3166-2 code.
    pub region: Box<str>,
    /// City's name, with its country's code.
    pub city: Box<str>,
}

/// Bytes that are no MaxMind database.
#[derive(Debug, thiserror::Error)]
#[error("not a MaxMind database: {0}")]
pub struct GeoError(#[from] maxminddb::MaxMindDbError);

/// A geographical database.
pub struct Geo(Reader<Vec<u8>>);

impl Geo {
    /// Takes the bytes of a database.
    ///
    /// # Errors
    /// Bytes that are none.
    pub fn open(bytes: Vec<u8>) -> Result<Self, GeoError> {
        Ok(Self(Reader::from_source(bytes)?))
    }

    /// Looks an address up.
    #[must_use]
    pub fn place(&self, address: IpAddr) -> Place {
        self.entry(address).map_or_else(Place::default, |entry| decode(&entry))
    }

    /// An IPv6 address against an IPv4 database is an error to the reader and simply unknown to us.
    fn entry(&self, address: IpAddr) -> Option<LookupResult<'_, Vec<u8>>> {
        self.0.lookup(address.to_canonical()).ok()
    }
}

/// Reads either layout; a field that is missing or of another type is empty.
fn decode(entry: &LookupResult<'_, Vec<u8>>) -> Place {
    let text = |path: &[maxminddb::PathElement<'_>]| entry.decode_path::<&str>(path).ok().flatten().unwrap_or_default();
    let either = |nested: &str, flat: &str| if nested.is_empty() { flat.to_owned() } else { nested.to_owned() };
    let country = either(text(&path!["country", "iso_code"]), text(&path!["country_code"]));
    let region = text(&path!["subdivisions", 0, "iso_code"]);
    let city = either(text(&path!["city", "names", "en"]), text(&path!["city"]));
    let within = |part: String, separator: &str, flip: bool| match (part.is_empty() || country.is_empty(), flip) {
        (true, _) => Box::default(),
        (false, false) => format!("{country}{separator}{part}").into(),
        (false, true) => format!("{part}{separator}{country}").into(),
    };
    Place { region: within(region.to_owned(), "-", false), city: within(city, ", ", true), country: country.into() }
}

/// The places seen lately, so that each is decoded once. Found by where they stand in the database, never by address.
#[derive(Default)]
pub(crate) struct Places {
    by_offset: HashMap<usize, u32, foldhash::fast::RandomState>,
    places: Vec<Place>,
}

/// A place in [`Places`], good until the next [`Places::look`].
#[derive(Clone, Copy)]
pub(crate) struct PlaceId(u32);

impl Places {
    pub(crate) fn look(&mut self, geo: &Geo, address: IpAddr) -> Option<PlaceId> {
        let entry = geo.entry(address)?;
        let offset = entry.offset()?;
        if let Some(known) = self.by_offset.get(&offset) {
            return Some(PlaceId(*known));
        }
        if self.places.len() >= PLACES_REMEMBERED_MAX {
            self.places.clear();
            self.by_offset.clear();
        }
        let id = u32::try_from(self.places.len()).expect("fewer than PLACES_REMEMBERED_MAX");
        self.places.push(decode(&entry));
        self.by_offset.insert(offset, id);
        Some(PlaceId(id))
    }

    pub(crate) fn get(&self, id: PlaceId) -> &Place {
        self.places.get(id.0 as usize).expect("an id is used before the next look")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_country_region_and_city_of_a_real_database() {
        let Some(geo) = fixture("GeoIP2-City-Test.mmdb") else { return };
        let london = Place { country: "GB".into(), region: "GB-ENG".into(), city: "London, GB".into() };
        assert_eq!(geo.place("81.2.69.142".parse().unwrap()), london);
        assert_eq!(geo.place("::ffff:81.2.69.142".parse().unwrap()), london);
        assert_eq!(geo.place("10.0.0.1".parse().unwrap()), Place::default());
    }

    #[test]
    fn a_country_database_gives_countries_and_nothing_else() {
        let Some(geo) = fixture("GeoLite2-Country-Test.mmdb") else { return };
        let place = geo.place("81.2.69.142".parse().unwrap());
        assert_eq!(place, Place { country: "GB".into(), ..Place::default() });
        let mut places = Places::default();
        for _ in 0..2 {
            let known = places.look(&geo, "81.2.69.142".parse().unwrap()).unwrap();
            assert_eq!(*places.get(known), place);
        }
        assert_eq!(places.places.len(), 1);
    }

    #[test]
    fn refuses_bytes_that_are_no_database() {
        assert!(Geo::open(b"nothing".to_vec()).is_err());
    }

    /// Test databases lie beside the checkout; where they do not, the test says so and passes.
    fn fixture(name: &str) -> Option<Geo> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/geo").join(name);
        match std::fs::read(&path) {
            Ok(bytes) => Some(Geo::open(bytes).unwrap()),
            Err(_) => {
                eprintln!("SKIPPED: no {name} in ../shared/fixtures/geo");
                None
            }
        }
    }
}
