//! Reports by e-mail, one test a sentence, over both databases.

use settings::{Address, Expected, Mail, MailEnd, Mailing, MailingTerms, Rhythm, Settings, SettingsError, Tongue};

use crate::bed::{Bed, HOUR, START, domain, site};
use crate::behaviour::over_both;

over_both!(
    a_mailing_is_kept_and_removed,
    a_mail_is_taken_by_one_and_sent_once,
    a_mail_that_nobody_answers_for_is_taken_again,
    many_that_look_at_once_send_once,
    whoever_unsubscribes_is_gone_and_the_others_stay,
    a_removed_site_is_sent_no_more,
    what_is_beyond_the_bounds_of_mailings_is_refused,
    a_newer_versions_rhythm_is_not_sent,
    a_database_from_before_mailings_is_taken_over,
);

const TERMS: MailingTerms = MailingTerms { rhythm: Rhythm::Weekly, hour: 8, language: Tongue::Japanese };

fn recipients(names: &[&str]) -> Vec<(Address, String)> {
    let one = |name: &&str| (Address::parse(&format!("{name}@example.com")).unwrap(), format!("secret-{name}"));
    names.iter().map(one).collect()
}

async fn add(settings: &Settings, id: &str, names: &[&str]) -> Mailing {
    settings.add_mailing((id, &domain("a.example")), TERMS, &recipients(names), "jane").await.unwrap()
}

fn mail(mailing: &Mailing, number: usize, through: i64) -> Mail<'_> {
    Mail { mailing, address: &mailing.recipients[number].address, through }
}

async fn what(settings: &Settings) -> Vec<String> {
    settings.audit_page(None, 100).await.unwrap().into_iter().map(|line| line.what).collect()
}

async fn a_mailing_is_kept_and_removed(bed: Bed) {
    let settings = bed.open().await;
    let one = add(&settings, "one", &["max", "jane"]).await;
    bed.turn(1);
    let other = add(&settings, "two", &["jane2"]).await;
    assert_eq!((one.terms, one.made_by.as_str(), one.created), (TERMS, "jane", START));
    let told: Vec<_> =
        one.recipients.iter().map(|one| (one.address.as_str(), one.secret.as_str(), one.sent_through)).collect();
    assert_eq!(told, [("jane@example.com", "secret-jane", None), ("max@example.com", "secret-max", None)]);
    assert_eq!(settings.mailings(Some(&domain("a.example"))).await.unwrap(), [one.clone(), other.clone()]);
    assert_eq!(settings.mailings(Some(&domain("b.example"))).await.unwrap(), []);
    assert!(!settings.remove_mailing(&domain("b.example"), "one", "max").await.unwrap(), "it is another site's");
    assert!(settings.remove_mailing(&domain("a.example"), "one", "max").await.unwrap());
    assert!(!settings.remove_mailing(&domain("a.example"), "one", "max").await.unwrap());
    assert_eq!(settings.mailings(None).await.unwrap(), [other]);
    assert_eq!(what(&settings).await, ["report_removed", "report_added", "report_added"]);
    assert!(!format!("{one:?}").contains("secret-"));
}

async fn a_mail_is_taken_by_one_and_sent_once(bed: Bed) {
    let settings = bed.open().await;
    let mailing = add(&settings, "one", &["jane", "max"]).await;
    let until = bed.now().plus(HOUR);
    assert_eq!(settings.take_mail(mail(&mailing, 0, 100), until).await.unwrap(), Some(1));
    assert_eq!(settings.take_mail(mail(&mailing, 0, 100), until).await.unwrap(), None);
    assert_eq!(settings.take_mail(mail(&mailing, 1, 100), until).await.unwrap(), Some(1), "the other's is another");
    settings.end_mail(mail(&mailing, 0, 100), MailEnd::Sent).await.unwrap();
    bed.turn(2 * HOUR);
    for through in [99, 100] {
        assert_eq!(settings.take_mail(mail(&mailing, 0, through), bed.now().plus(HOUR)).await.unwrap(), None);
    }
    assert_eq!(
        settings.take_mail(mail(&mailing, 0, 107), bed.now().plus(HOUR)).await.unwrap(),
        Some(1),
        "the next week's"
    );
    let sent: Vec<_> =
        settings.mailings(None).await.unwrap()[0].recipients.iter().map(|one| one.sent_through).collect();
    assert_eq!(sent, [Some(100), None]);
    settings.end_mail(mail(&mailing, 1, 100), MailEnd::GivenUp).await.unwrap();
    assert_eq!(what(&settings).await, ["report_given_up", "report_sent", "report_added"]);
}

async fn a_mail_that_nobody_answers_for_is_taken_again(bed: Bed) {
    let settings = bed.open().await;
    let mailing = add(&settings, "one", &["jane"]).await;
    let take = async || settings.take_mail(mail(&mailing, 0, 100), bed.now().plus(HOUR)).await.unwrap();
    assert_eq!(take().await, Some(1));
    bed.turn(HOUR - 1);
    assert_eq!(take().await, None);
    bed.turn(1);
    assert_eq!(take().await, Some(2));
    settings.put_mail_off(mail(&mailing, 0, 100), bed.now().plus(5)).await.unwrap();
    bed.turn(4);
    assert_eq!(take().await, None);
    bed.turn(1);
    assert_eq!(take().await, Some(3));
    // Of another period it is the first attempt, at once.
    assert_eq!(settings.take_mail(mail(&mailing, 0, 107), bed.now().plus(HOUR)).await.unwrap(), Some(1));
}

async fn many_that_look_at_once_send_once(bed: Bed) {
    let settings = bed.open().await;
    let mailing = add(&settings, "one", &["jane"]).await;
    let mut looking = Vec::new();
    for _ in 0..8 {
        let (settings, mailing, until) = (bed.open().await, mailing.clone(), bed.now().plus(HOUR));
        looking.push(tokio::spawn(async move { settings.take_mail(mail(&mailing, 0, 100), until).await.unwrap() }));
    }
    let mut taken = 0;
    for one in looking {
        taken += i32::from(one.await.unwrap().is_some());
    }
    assert_eq!(taken, 1);
}

async fn whoever_unsubscribes_is_gone_and_the_others_stay(bed: Bed) {
    let settings = bed.open().await;
    add(&settings, "one", &["jane", "max"]).await;
    assert!(!settings.unsubscribe("secret-nobody").await.unwrap());
    assert!(settings.unsubscribe("secret-jane").await.unwrap());
    assert!(!settings.unsubscribe("secret-jane").await.unwrap());
    let left = settings.mailings(None).await.unwrap();
    assert_eq!(left[0].recipients.iter().map(|one| one.address.as_str()).collect::<Vec<_>>(), ["max@example.com"]);
    assert_eq!(what(&settings).await, ["report_unsubscribed", "report_added"]);
}

async fn a_removed_site_is_sent_no_more(bed: Bed) {
    let settings = bed.open().await;
    settings.put_site(&site("a.example"), Expected::Nothing, "cli").await.unwrap();
    add(&settings, "one", &["jane"]).await;
    settings.remove_site(&domain("a.example"), Expected::Anything, "cli").await.unwrap();
    assert_eq!(settings.mailings(None).await.unwrap(), []);
    assert!(!settings.unsubscribe("secret-jane").await.unwrap());
}

async fn what_is_beyond_the_bounds_of_mailings_is_refused(bed: Bed) {
    let settings = bed.open().await;
    let a = domain("a.example");
    let many: Vec<_> = (0..21).map(|number| format!("r{number}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for (terms, recipients) in
        [(TERMS, Vec::new()), (TERMS, recipients(&many)), (MailingTerms { hour: 24, ..TERMS }, recipients(&["jane"]))]
    {
        let refusal = settings.add_mailing(("x", &a), terms, &recipients, "jane").await.unwrap_err();
        assert!(matches!(refusal, SettingsError::Refused(_)), "{refusal:?}");
    }
    assert!(what(&settings).await.is_empty());
    for number in 0..20 {
        add(&settings, &format!("m{number}"), &[&format!("r{number}")]).await;
    }
    let full = settings.add_mailing(("x", &a), TERMS, &recipients(&["jane"]), "jane").await.unwrap_err();
    assert!(full.to_string().contains("no room for more: remove one first"), "{full}");
}

async fn a_newer_versions_rhythm_is_not_sent(bed: Bed) {
    let settings = bed.open().await;
    add(&settings, "one", &["jane"]).await;
    let other = add(&settings, "two", &["max"]).await;
    bed.sql("UPDATE mailings SET rhythm = 'hourly' WHERE id = 'one'").await;
    assert_eq!(settings.mailings(None).await.unwrap(), [other]);
}

async fn a_database_from_before_mailings_is_taken_over(bed: Bed) {
    bed.open().await.put_site(&site("a.example"), Expected::Nothing, "cli").await.unwrap();
    bed.sql("DROP TABLE mailings; DROP TABLE mailing_recipients; DELETE FROM migrations WHERE number = 4").await;
    let settings = bed.open().await;
    add(&settings, "one", &["jane"]).await;
    assert_eq!(settings.sites().await.unwrap().sites.len(), 1);
}
