//! Places, filters and who is there now, of readers whose every page view is known here.

use super::*;

/// Addresses, and where a database made for tests has them: country, region and city, as far as it knows.
const PLACES: [(&str, [&str; 3]); 7] = [
    ("81.2.69.142", ["United Kingdom", "England, GB", "London, GB"]),
    ("81.2.69.160", ["United Kingdom", "England, GB", "London, GB"]),
    ("2.125.160.216", ["United Kingdom", "England, GB", "Boxford, GB"]),
    ("89.160.20.112", ["Sweden", "Östergötland County, SE", "Linköping, SE"]),
    ("216.160.83.56", ["United States", "Washington, US", "Milton, US"]),
    ("67.43.156.1", ["Bhutan", "", ""]),
    ("192.0.2.1", ["", "", ""]),
];

#[test]
fn regions_and_cities_are_told_where_a_database_has_them() {
    let Some(database) = fixture("geo/GeoIP2-City-Test.mmdb") else { return };
    let data = tempfile::tempdir().unwrap();
    let config =
        format!("trusted_proxies = [\"127.0.0.0/8\"]\ngeo_database = {database:?}\n[[site]]\ndomain = \"{SITE}\"\n");
    let server = Server::configured(data.path(), &config);
    let visits = PLACES.map(|(address, _)| visit(address, AGENT, vec![json!({ "view": "/" })]));
    browser::visits(&server, &visits);
    let all = i64::try_from(PLACES.len()).unwrap();
    eventually("every visitor counted", || (server.totals(SITE, &["visitors"]) == [all]).then_some(()));
    let of = |level: usize| {
        let mut visitors: BTreeMap<&str, usize> = BTreeMap::new();
        PLACES.iter().map(|(_, place)| place[level]).for_each(|name| *visitors.entry(name).or_default() += 1);
        visitors.remove("");
        visitors.into_iter().collect::<Vec<_>>()
    };
    let (countries, regions, cities) = (of(0), of(1), of(2));
    let expected = json!({
        "site": SITE,
        "visitors": all,
        "city": cities.iter().find(|(city, _)| *city == "London, GB"),
        "lists": { "country": countries, "region": regions, "city": cities },
        // Boxford is too small for the map, and Miltons are many.
        "region": ["GB-ENG", "England, GB"],
        "placed": { "region": ["GB-ENG", "SE-E", "US-WA"], "city": ["Linköping, SE", "London, GB"] },
    });
    look(&server, "places.mjs", &expected);
    server.stop();
}

/// A visitor: from which address, by which link, the pages one after the other, and where that is and what it is called.
struct Reader {
    address: &'static str,
    referrer: &'static str,
    pages: &'static [&'static str],
    country: &'static str,
    source: &'static str,
}

impl Reader {
    /// The visit to a site.
    fn on(&self, site: &str) -> Value {
        let does: Vec<_> = self.pages.iter().map(|page| json!({ "view": page })).collect();
        json!({ "address": self.address, "agent": AGENT, "site": site, "referrer": self.referrer, "does": does })
    }
}

const READERS: [Reader; 5] = [
    Reader {
        address: "126.142.77.15",
        referrer: "https://www.google.com/",
        pages: &["/", "/docs/start", "/docs/api", "/docs/start"],
        country: "Japan",
        source: "Google",
    },
    Reader {
        address: "126.142.77.16",
        referrer: "",
        pages: &["/docs/start"],
        country: "Japan",
        source: "Direct / None",
    },
    Reader {
        address: "126.142.77.17",
        referrer: "https://news.ycombinator.com/",
        pages: &["/", "/pricing"],
        country: "Japan",
        source: "Hacker News",
    },
    Reader {
        address: "81.2.69.142",
        referrer: "https://www.google.com/",
        pages: &["/pricing", "/docs/api", "/docs/start"],
        country: "United Kingdom",
        source: "Google",
    },
    Reader {
        address: "81.2.69.143",
        referrer: "",
        pages: &["/", "/blog", "/"],
        country: "United Kingdom",
        source: "Direct / None",
    },
];

#[test]
fn a_filter_is_made_changed_and_taken_off_on_the_page_and_keeps_the_hits_that_fit() {
    let data = tempfile::tempdir().unwrap();
    let server = two_sites(data.path());
    let elsewhere = Reader { pages: &["/"], ..READERS[0] };
    let read = READERS.iter().map(|reader| reader.on(SITE)).chain([elsewhere.on(OTHER)]);
    browser::visits(&server, &read.collect::<Vec<_>>());
    let all = kept(&|_, _| true);
    let of = |name: &str| all[name].as_i64().unwrap();
    eventually("every page view counted", || {
        let counted = server.totals(SITE, &["visitors", "pageviews"]) == [of("visitors"), of("views")];
        (counted && server.totals(OTHER, &["pageviews"]) == [1]).then_some(())
    });
    let pages = |values: &[&str]| {
        let mut told = told_by_page(kept(&|_, page| values.contains(&page)));
        told["values"] = json!(values);
        told
    };
    let mut contains = told_by_page(kept(&|_, page| page.contains("/docs")));
    contains["text"] = json!("/docs");
    let mut country = kept(&|reader, _| reader.country == "United Kingdom");
    (country["name"], country["code"]) = (json!("United Kingdom"), json!("GB"));
    let mut source = kept(&|reader, _| reader.source == "Google");
    (source["name"], source["typed"], source["offered"]) = (json!("Google"), json!("goo"), json!(sources()));
    // The most visitors, fewer, and none.
    let map = [("JP", "Japan"), ("GB", "United Kingdom"), ("FR", "France")].map(|(code, name)| {
        let from_there = READERS.iter().filter(|reader| reader.country == name).count();
        (code, format!("{name}: {from_there}"))
    });
    let mut sums = all.clone();
    // Each visitor made one visit, and whoever was on both sites is one on each.
    sums["all"] = json!({
        "visitors": of("visitors") + 1, "visits": of("visitors") + 1, "pageviews": of("views") + 1,
    });
    let expected = json!({
        "site": SITE,
        "contains": contains,
        "two": pages(&["/", "/pricing"]),
        "changed": pages(&["/pricing", "/blog"]),
        "country": country,
        "map": map,
        "source": source,
        "sums": sums,
    });
    look(&server, "filter.mjs", &expected);
    server.stop();
}

/// The page views that fit: how many, of how many visitors, and each page with its visitors and page views.
fn kept(fits: &dyn Fn(&Reader, &str) -> bool) -> Value {
    let mut pages: BTreeMap<&str, (BTreeSet<&str>, usize)> = BTreeMap::new();
    for reader in &READERS {
        for page in reader.pages.iter().filter(|page| fits(reader, page)) {
            let (visitors, views) = pages.entry(page).or_default();
            visitors.insert(reader.address);
            *views += 1;
        }
    }
    let visitors: BTreeSet<_> = pages.values().flat_map(|(visitors, _)| visitors).collect();
    let views: usize = pages.values().map(|(_, views)| views).sum();
    let rows: Vec<_> = pages.iter().map(|(page, (visitors, views))| json!([page, visitors.len(), views])).collect();
    json!({ "visitors": visitors.len(), "views": views, "rows": rows })
}

/// What is told of a filter by pages: visitors of several pages do not add up.
fn told_by_page(mut kept: Value) -> Value {
    kept.as_object_mut().unwrap().remove("visitors");
    kept
}

/// The sources by visitors, most first, equal ones by name.
fn sources() -> Vec<&'static str> {
    let mut visitors: BTreeMap<&str, usize> = BTreeMap::new();
    READERS.iter().for_each(|reader| *visitors.entry(reader.source).or_default() += 1);
    let mut sources: Vec<_> = visitors.into_iter().collect();
    sources.sort_by(|(_, one), (_, other)| other.cmp(one));
    sources.into_iter().map(|(source, _)| source).collect()
}

#[test]
fn the_live_view_tells_who_is_there_and_what_the_hour_has_seen() {
    let data = tempfile::tempdir().unwrap();
    let tens = "tens.example";
    let site = |site: &str| format!("[[site]]\ndomain = \"{site}\"\n");
    let sites = [site(SITE), site(OTHER), site(tens), "mode = \"exempt\"\n".to_owned()].concat();
    let server = Server::configured(data.path(), &format!("trusted_proxies = [\"127.0.0.0/8\"]\n{sites}"));
    // Everything is sent within one hour, and so on one day.
    let left = 3_600 - seconds() % 3_600;
    if left < 120 {
        std::thread::sleep(std::time::Duration::from_secs(u64::try_from(left).unwrap() + 1));
    }
    let begun = seconds();
    let one = Reader { pages: &["/"], ..READERS[0] };
    let visits = READERS.iter().map(|reader| reader.on(SITE)).chain([one.on(tens)]);
    browser::visits(&server, &visits.collect::<Vec<_>>());
    let sent = [begun, seconds()].map(|at| at * 1_000);
    let (visitors, views) = (READERS.len(), READERS.iter().map(|reader| reader.pages.len()).sum::<usize>());
    eventually("every page view counted", || {
        let all = [visitors, views].map(|count| i64::try_from(count).unwrap());
        (server.totals(SITE, &["visitors", "pageviews"]) == all).then_some(())
    });
    let expected = json!({
        "site": SITE,
        "other": OTHER,
        "tens": tens,
        "sent": sent,
        "visitors": visitors,
        "hour": {
            "pages": views_by(&|_, page| page),
            "sources": views_by(&|reader, _| reader.source),
            "countries": views_by(&|reader, _| reader.country),
        },
    });
    look(&server, "live.mjs", &expected);
    server.stop();
}

/// The readers' page views by what they have in common.
fn views_by(of: &dyn Fn(&'static Reader, &'static str) -> &'static str) -> Vec<(&'static str, usize)> {
    let mut views: BTreeMap<&str, usize> = BTreeMap::new();
    for reader in &READERS {
        reader.pages.iter().for_each(|page| *views.entry(of(reader, page)).or_default() += 1);
    }
    views.into_iter().collect()
}
