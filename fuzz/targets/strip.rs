//! Stripping of pages and referrers: no query, no fragment, and no value that is not a campaign's ever comes out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Domain;
use privacy::strip::{self, CAMPAIGN_CHARS_MAX};

/// Stands for something about a person, in places that must not be kept.
const SECRET: &str = "q7x1z9secret";

fuzz_target!(|input: &str| {
    let site = Domain::parse("example.com").expect("a site's name");
    if let Ok(page) = strip::page(input) {
        assert!(page.path.starts_with('/') && !page.path.contains(['?', '#']), "{}", page.path);
        assert!(!page.host.contains(['/', '?', '#', '@']) && !page.host.contains(char::is_uppercase), "{}", page.host);
        let campaign = &page.campaign;
        let fields = [&campaign.source, &campaign.medium, &campaign.name, &campaign.term, &campaign.content];
        for field in fields.into_iter().flatten() {
            assert!(!field.is_empty() && field.chars().count() <= CAMPAIGN_CHARS_MAX);
            assert!(!field.contains(char::is_control));
        }
        if let Ok(again) = strip::page(&page.path) {
            assert_eq!(again.path, page.path, "a stripped path stays what it is");
        }
    }
    if let Some(referrer) = strip::referrer(input, "shop.example.com", &site) {
        assert!(!referrer.host.is_empty() && !referrer.path.contains(['?', '#']), "{referrer:?}");
        assert!(!["example.com", "shop.example.com"].contains(&referrer.host.as_ref()), "an internal one is none");
    }
    nothing_personal_is_kept(input, &site);
});

/// Plants the secret in a parameter, in a click id's value and in the fragment.
fn nothing_personal_is_kept(input: &str, site: &Domain) {
    let kept = |url: &str| format!("{:?} {:?}", strip::page(url), strip::referrer(url, "", site));
    let base = input.split(['?', '#']).next().unwrap_or_default();
    if kept(base).contains(SECRET) {
        return; // the fuzzer has learned the word and put it into host or path
    }
    for end in [format!("?e={SECRET}&gclid={SECRET}"), format!("?a=1&token={SECRET}#b"), format!("#{SECRET}")] {
        let url = format!("{base}{end}");
        assert!(!kept(&url).contains(SECRET), "{url:?} left {}", kept(&url));
    }
}
