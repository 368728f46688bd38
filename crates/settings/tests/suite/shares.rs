//! Shares, one test a sentence, over both databases.

use ::model::Millis;
use serde_json::json;
use settings::{
    Expected, Origin, PasswordHash, Report, Reports, SecretDigest, Settings, SettingsError, Share, SharePassword,
    ShareTerms,
};

use crate::bed::{Bed, HOUR, START, domain, site};
use crate::behaviour::over_both;

over_both!(
    a_share_is_kept_changed_and_removed,
    a_share_opens_by_its_link_until_it_expires,
    another_link_ends_the_one_before,
    a_password_is_given_once_a_browser_and_for_a_time,
    a_share_of_one_site_is_nothing_at_another,
    no_secret_of_a_share_is_kept,
    a_removed_site_takes_its_shares_along,
    what_a_newer_version_shares_is_not_shown,
    what_is_beyond_the_bounds_of_shares_is_refused,
    a_database_from_before_shares_is_taken_over,
);

fn terms() -> ShareTerms {
    ShareTerms {
        name: "For the board".to_owned(),
        reports: Reports::These(vec![Report::Pages, Report::Overview]),
        segment: Some("Germans".to_owned()),
        export: true,
        origins: vec![
            Origin::parse("https://intranet.example").unwrap(),
            Origin::parse("http://127.0.0.1:81").unwrap(),
        ],
        expires: Some(START.plus(HOUR)),
    }
}

fn everything() -> ShareTerms {
    ShareTerms {
        name: "All".to_owned(),
        reports: Reports::All,
        segment: None,
        export: false,
        origins: vec![],
        expires: None,
    }
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash(format!("$argon2id${text}"))
}

async fn add(settings: &Settings, of: &str, link: &str, terms: &ShareTerms) -> Share {
    settings.add_share(&domain(of), (&SecretDigest::of(link), None), terms, "jane").await.unwrap()
}

async fn opens(settings: &Settings, link: &str) -> bool {
    settings.share_of_link(&SecretDigest::of(link)).await.unwrap().is_some()
}

async fn a_share_is_kept_changed_and_removed(bed: Bed) {
    let settings = bed.open().await;
    let a = domain("a.example");
    let one = add(&settings, "a.example", "fs_one", &terms()).await;
    bed.turn(1);
    let other = add(&settings, "a.example", "fs_other", &everything()).await;
    assert_eq!((one.id.as_str(), one.created), (SecretDigest::of("fs_one").id().as_str(), START));
    // As they come back: reports in the order of their list.
    let kept = ShareTerms { reports: Reports::These(vec![Report::Overview, Report::Pages]), ..terms() };
    let kept = Share { terms: kept, ..one.clone() };
    assert_eq!(settings.shares(&a).await.unwrap(), [kept, other.clone()]);
    let less = ShareTerms { name: "Less".to_owned(), reports: Reports::These(vec![Report::Ledger]), ..everything() };
    let changed = settings.change_share((&a, &one.id), &less, &SharePassword::Stays, "max").await.unwrap().unwrap();
    assert_eq!((&changed.terms, changed.made_by.as_str()), (&less, "jane"));
    assert_eq!(settings.share(&one.id).await.unwrap(), Some(changed));
    assert!(opens(&settings, "fs_one").await, "the link stays");
    settings.touch_share(&one.id).await.unwrap();
    let used = settings.share(&one.id).await.unwrap().unwrap();
    assert!(used.is_noted(START) && !used.is_noted(START.plus(24 * HOUR)));
    assert_eq!(settings.remove_share(&a, &one.id, "max").await.unwrap().map(|share| share.id), Some(one.id.clone()));
    assert_eq!(settings.shares(&a).await.unwrap(), [other]);
    assert!(!opens(&settings, "fs_one").await);
    assert_eq!(settings.remove_share(&a, &one.id, "max").await.unwrap(), None);
    let lines = settings.audit_page_of(Some(&a), None, 10).await.unwrap();
    let told: Vec<_> = lines.iter().map(|line| (line.who.as_str(), line.what.as_str())).collect();
    let wanted = [("max", "share_removed"), ("max", "share_changed"), ("jane", "share_added"), ("jane", "share_added")];
    assert_eq!(told, wanted);
    assert_eq!(
        lines[3].detail,
        json!({ "share": one.id, "name": "For the board", "reports": "overview pages", "segment": "Germans", "export": true,
                "origins": "https://intranet.example http://127.0.0.1:81", "password": false, "expires": START.plus(HOUR) })
    );
    assert_eq!(settings.revision().await.unwrap().0, 0, "whoever follows the sites is not woken");
}

async fn a_share_opens_by_its_link_until_it_expires(bed: Bed) {
    let settings = bed.open().await;
    let share = add(&settings, "a.example", "fs_one", &terms()).await;
    let (found, password) = settings.share_of_link(&SecretDigest::of("fs_one")).await.unwrap().unwrap();
    assert_eq!((found.id.as_str(), password), (share.id.as_str(), None));
    assert!(!opens(&settings, "fs_two").await && !opens(&settings, &share.id).await, "its name opens nothing");
    bed.turn(HOUR - 1);
    assert!(opens(&settings, "fs_one").await);
    bed.turn(1);
    assert!(!opens(&settings, "fs_one").await);
    assert!(settings.share(&share.id).await.unwrap().is_some(), "it is still listed, and can be given more time");
    let longer = ShareTerms { expires: Some(bed.now().plus(HOUR)), ..terms() };
    settings.change_share((&share.site, &share.id), &longer, &SharePassword::Stays, "jane").await.unwrap().unwrap();
    assert!(opens(&settings, "fs_one").await);
}

async fn another_link_ends_the_one_before(bed: Bed) {
    let settings = bed.open().await;
    let share = add(&settings, "a.example", "fs_one", &everything()).await;
    let renewed = settings.renew_share((&share.site, &share.id), &SecretDigest::of("fs_two"), "jane").await.unwrap();
    assert_eq!(renewed, Some(share.clone()));
    assert!(!opens(&settings, "fs_one").await && opens(&settings, "fs_two").await);
    let (found, _) = settings.share_of_link(&SecretDigest::of("fs_two")).await.unwrap().unwrap();
    assert_eq!(found.id, share.id, "its name stays, and with it the address of what is framed");
    assert_eq!(settings.audit_page(None, 1).await.unwrap()[0].what, "share_renewed");
}

async fn a_password_is_given_once_a_browser_and_for_a_time(bed: Bed) {
    let settings = bed.open().await;
    let (link, password) = (SecretDigest::of("fs_one"), hash("one"));
    let added = settings.add_share(&domain("a.example"), (&link, Some(&password)), &everything(), "jane").await;
    let share = added.unwrap();
    assert!(share.has_password);
    assert_eq!(settings.share_of_link(&link).await.unwrap().unwrap(), (share.clone(), Some(password.clone())));
    let open = async |secret: &str, link: &SecretDigest, password: &PasswordHash, until: Millis| {
        settings.open_share_session(&SecretDigest::of(secret), (&share, link), password, until).await.unwrap()
    };
    let lives = async |secret: &str| settings.share_of_session(&SecretDigest::of(secret)).await.unwrap().is_some();
    assert!(open("fo_one", &link, &password, bed.now().plus(HOUR)).await);
    assert!(lives("fo_one").await && !lives("fo_two").await && !lives("fs_one").await);
    bed.turn(HOUR);
    assert!(!lives("fo_one").await);
    // Another password, another link and the end of the share end it.
    let at = (&share.site, share.id.as_str());
    let later = bed.now().plus(12 * HOUR);
    assert!(open("fo_two", &link, &password, later).await);
    let is = SharePassword::Is(hash("two"));
    assert!(settings.change_share(at, &everything(), &is, "jane").await.unwrap().unwrap().has_password);
    assert!(!lives("fo_two").await);
    assert!(!open("fo_three", &link, &password, later).await, "who gave the old one in that moment is not let in");
    assert!(open("fo_three", &link, &hash("two"), later).await);
    settings.renew_share(at, &SecretDigest::of("fs_two"), "jane").await.unwrap().unwrap();
    assert!(!lives("fo_three").await && !open("fo_four", &link, &hash("two"), later).await);
    let link = SecretDigest::of("fs_two");
    assert!(open("fo_four", &link, &hash("two"), later).await);
    let short = ShareTerms { expires: Some(bed.now().plus(1)), ..everything() };
    settings.change_share(at, &short, &SharePassword::Stays, "jane").await.unwrap().unwrap();
    assert!(lives("fo_four").await);
    bed.turn(1);
    assert!(!lives("fo_four").await);
    let goes = settings.change_share(at, &everything(), &SharePassword::Goes, "jane").await.unwrap().unwrap();
    assert!(!goes.has_password && settings.share_of_link(&link).await.unwrap().unwrap().1.is_none());
    // So many browsers at once, and the one that came first gives way.
    let back = SharePassword::Is(hash("three"));
    settings.change_share(at, &everything(), &back, "jane").await.unwrap().unwrap();
    for number in 0..=200 {
        bed.turn(1);
        assert!(open(&format!("fo_{number}"), &link, &hash("three"), later).await);
    }
    assert!(!lives("fo_0").await && lives("fo_1").await && lives("fo_200").await);
    settings.remove_share(&share.site, &share.id, "jane").await.unwrap();
    assert!(!lives("fo_200").await);
}

async fn a_share_of_one_site_is_nothing_at_another(bed: Bed) {
    let settings = bed.open().await;
    let share = add(&settings, "a.example", "fs_one", &everything()).await;
    let b = domain("b.example");
    let at = (&b, share.id.as_str());
    assert_eq!(settings.shares(&b).await.unwrap(), []);
    assert_eq!(settings.change_share(at, &terms(), &SharePassword::Goes, "max").await.unwrap(), None);
    assert_eq!(settings.renew_share(at, &SecretDigest::of("fs_two"), "max").await.unwrap(), None);
    assert_eq!(settings.remove_share(&b, &share.id, "max").await.unwrap(), None);
    assert_eq!(settings.share(&share.id).await.unwrap(), Some(share));
    assert_eq!(settings.audit_page(None, 10).await.unwrap().len(), 1, "nothing was done");
}

async fn no_secret_of_a_share_is_kept(bed: Bed) {
    let settings = bed.open().await;
    let link = SecretDigest::of("fs_the-secret-of-a-link");
    let (a, password) = (domain("a.example"), hash("a"));
    let share = settings.add_share(&a, (&link, Some(&password)), &everything(), "jane").await.unwrap();
    let session = SecretDigest::of("fo_the-secret-of-a-browser");
    assert!(settings.open_share_session(&session, (&share, &link), &password, START.plus(HOUR)).await.unwrap());
    let lines = format!("{:?}", settings.audit_page(None, 100).await.unwrap());
    assert!(!lines.contains("the-secret") && !lines.contains("argon2") && !lines.contains(&link.hex()), "{lines}");
    if let settings::Location::Sqlite(path) = &bed.location {
        let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
        let all: Vec<u8> = files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        assert!(!all.windows(10).any(|bytes| bytes == b"the-secret"));
        assert!(all.windows(9).any(|bytes| bytes == b"$argon2id"), "it is the right file");
    }
}

async fn a_removed_site_takes_its_shares_along(bed: Bed) {
    let settings = bed.open().await;
    for name in ["a.example", "b.example"] {
        settings.put_site(&site(name), Expected::Nothing, "cli").await.unwrap();
        add(&settings, name, name, &everything()).await;
    }
    settings.remove_site(&domain("a.example"), Expected::Anything, "cli").await.unwrap();
    settings.put_site(&site("a.example"), Expected::Nothing, "cli").await.unwrap();
    assert!(!opens(&settings, "a.example").await && opens(&settings, "b.example").await);
}

async fn what_a_newer_version_shares_is_not_shown(bed: Bed) {
    let settings = bed.open().await;
    let share = add(&settings, "a.example", "fs_one", &terms()).await;
    bed.sql("UPDATE shares SET reports = 'pages crystal_ball', origins = 'https://*.example https://a.example'").await;
    let found = settings.share(&share.id).await.unwrap().unwrap().terms;
    assert_eq!(found.reports, Reports::These(vec![Report::Pages]));
    assert_eq!(found.origins, [Origin::parse("https://a.example").unwrap()]);
    bed.sql("UPDATE shares SET reports = 'crystal_ball', origins = ''").await;
    let found = settings.share(&share.id).await.unwrap().unwrap().terms;
    assert!(Report::ALL.iter().all(|report| !found.reports.has(*report)) && found.origins.is_empty());
}

async fn what_is_beyond_the_bounds_of_shares_is_refused(bed: Bed) {
    let settings = bed.open().await;
    let (a, link) = (domain("a.example"), SecretDigest::of("fs_x"));
    let origins: Vec<_> = (0..21).map(|number| Origin::parse(&format!("https://o{number}.example")).unwrap()).collect();
    for wrong in [
        ShareTerms { name: " ".to_owned(), ..everything() },
        ShareTerms { name: "x".repeat(101), ..everything() },
        ShareTerms { reports: Reports::These(Vec::new()), ..everything() },
        ShareTerms { origins, ..everything() },
        ShareTerms { segment: Some("x".repeat(121)), ..everything() },
        ShareTerms { expires: Some(START), ..everything() },
    ] {
        let refusal = settings.add_share(&a, (&link, None), &wrong, "jane").await.unwrap_err();
        assert!(matches!(refusal, SettingsError::Refused(_)), "{refusal:?}");
    }
    assert_eq!(settings.audit_page(None, 10).await.unwrap(), []);
    for number in 0..100 {
        add(&settings, "a.example", &format!("fs_{number}"), &everything()).await;
    }
    let full = settings.add_share(&a, (&link, None), &everything(), "jane").await.unwrap_err();
    assert!(full.to_string().contains("no room for more: remove one first"), "{full}");
    add(&settings, "b.example", "fs_x", &everything()).await;
}

async fn a_database_from_before_shares_is_taken_over(bed: Bed) {
    bed.open().await.put_site(&site("example.com"), Expected::Nothing, "cli").await.unwrap();
    bed.sql("DROP TABLE shares; DROP TABLE share_sessions; DELETE FROM migrations WHERE number = 3").await;
    let settings = bed.open().await;
    add(&settings, "example.com", "fs_one", &everything()).await;
    assert_eq!(settings.sites().await.unwrap().sites.len(), 1);
}
