//! Users, grants, sessions and tokens, one test a sentence, over both databases. The lines of the audit log are part of each.

use ::model::Millis;
use serde_json::json;
use settings::{
    Added, ApiToken, Ended, Expected, Grant, Login, NewUser, PasswordHash, Reach, Role, Scope, SecretDigest, Session,
    Settings, SettingsError,
};

use crate::bed::{Bed, HOUR, START, domain, site};
use crate::behaviour::over_both;

over_both!(
    a_user_is_added_changed_and_removed_with_all_that_is_theirs,
    only_one_of_many_becomes_the_first_user,
    grants_are_added_up_and_taken_back_and_a_removed_site_leaves_none,
    a_session_lives_until_it_is_idle_old_or_ended,
    a_new_password_and_a_disabled_account_end_sessions,
    a_user_has_so_many_sessions_and_the_one_unused_for_longest_gives_way,
    a_token_lives_as_long_as_it_and_its_owner_do,
    nothing_is_kept_that_opens_anything,
    a_newer_versions_roles_and_scopes_open_nothing,
    what_is_beyond_the_bounds_is_refused,
    the_audit_log_is_read_by_site,
    a_database_of_the_version_before_is_taken_over,
);

fn login(text: &str) -> Login {
    Login::parse(text).unwrap()
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash(format!("$argon2id${text}"))
}

fn grant(role: Role, site: &str) -> Grant {
    Grant::new(role, Reach::parse(site).unwrap()).unwrap()
}

async fn add(settings: &Settings, name: &str) -> Login {
    let login = login(name);
    let password = hash(name);
    let new = NewUser { login: &login, password: &password, temporary: false, grants: &[], first: false };
    assert_eq!(settings.add_user(&new, "cli").await.unwrap(), Added::Yes);
    login
}

fn session(login: &Login, now: Millis) -> Session {
    Session {
        id: String::new(),
        login: login.clone(),
        client: "Firefox on Linux".to_owned(),
        created: now,
        seen: now,
        idle_until: now.plus(HOUR),
        expires: now.plus(12 * HOUR),
    }
}

async fn open(bed: &Bed, settings: &Settings, login: &Login, secret: &str) -> SecretDigest {
    let digest = SecretDigest::of(secret);
    settings.open_session(&digest, &session(login, bed.now())).await.unwrap();
    digest
}

fn token(name: &str, owner: Option<&Login>) -> ApiToken {
    ApiToken {
        id: String::new(),
        name: name.to_owned(),
        owner: owner.cloned(),
        scopes: vec![Scope::StatsRead, Scope::Export],
        sites: vec![Reach::Site(domain("example.com"))],
        created: START,
        expires: None,
        used_day: None,
    }
}

/// What was done, oldest first, by whom and with what.
async fn told(settings: &Settings) -> Vec<(String, String, serde_json::Value)> {
    let lines = settings.audit_page(None, 1_000).await.unwrap();
    lines.into_iter().rev().map(|line| (line.who, line.what, line.detail)).collect()
}

async fn a_user_is_added_changed_and_removed_with_all_that_is_theirs(bed: Bed) {
    let settings = bed.open().await;
    assert!(!settings.has_users().await.unwrap());
    let (jane, password) = (login("Jane"), hash("one"));
    let grants = [grant(Role::SiteAdmin, "*"), grant(Role::Operator, "*")];
    let new = NewUser { login: &jane, password: &password, temporary: true, grants: &grants, first: true };
    assert_eq!(settings.add_user(&new, "cli").await.unwrap(), Added::Yes);
    assert_eq!(settings.add_user(&NewUser { first: false, ..new.clone() }, "cli").await.unwrap(), Added::Exists);
    let kept = settings.user(&jane).await.unwrap().unwrap();
    assert_eq!(
        (kept.temporary, kept.created, kept.disabled_at, kept.grants.as_slice()),
        (true, START, None, &grants[..])
    );
    assert_eq!(settings.credentials(&jane).await.unwrap(), Some((kept, password.clone())));
    bed.turn(HOUR);
    let second = hash("two");
    assert!(settings.set_password((&jane, &second), false, None, "jane").await.unwrap());
    // Renewing a hash that was changed meanwhile changes nothing.
    settings.rehash(&jane, &password, &hash("stale")).await.unwrap();
    let (kept, found) = settings.credentials(&jane).await.unwrap().unwrap();
    assert_eq!((kept.temporary, kept.password_at, found), (false, START.plus(HOUR), second.clone()));
    settings.rehash(&jane, &second, &hash("renewed")).await.unwrap();
    assert_eq!(settings.credentials(&jane).await.unwrap().unwrap().1, hash("renewed"));
    let secret = open(&bed, &settings, &jane, "secret").await;
    let digest = SecretDigest::of("ff_token");
    let made = settings.add_token(&digest, &token("mine", Some(&jane)), "jane").await.unwrap();
    assert!(settings.remove_user(&jane, "cli").await.unwrap() && !settings.remove_user(&jane, "cli").await.unwrap());
    assert_eq!((settings.session(&secret).await.unwrap(), settings.token(&digest).await.unwrap()), (None, None));
    assert_eq!((settings.users().await.unwrap().len(), settings.tokens(None).await.unwrap().len()), (0, 0));
    // Another of that name begins with nothing.
    add(&settings, "jane").await;
    assert!(settings.user(&jane).await.unwrap().unwrap().grants.is_empty());
    let all = told(&settings).await;
    let what: Vec<_> = all.iter().map(|(who, what, _)| (who.as_str(), what.as_str())).collect();
    assert_eq!(
        what,
        [
            ("cli", "user_added"),
            ("jane", "password_changed"),
            ("jane", "signed_in"),
            ("jane", "token_added"),
            ("cli", "user_removed"),
            ("cli", "user_added")
        ]
    );
    assert_eq!(all[0].2, json!({ "login": "jane", "grants": [["site_admin", "*"], ["operator", "*"]], "first": true }));
    assert_eq!((&all[3].2["token"], &all[4].2), (&json!(made.id), &json!({ "login": "jane" })));
}

async fn only_one_of_many_becomes_the_first_user(bed: Bed) {
    let settings = bed.open().await;
    let attempts: Vec<_> = (0..8)
        .map(|number| {
            let settings = settings.clone();
            tokio::spawn(async move {
                let (login, password) = (login(&format!("user{number}")), hash("x"));
                let new = NewUser { login: &login, password: &password, temporary: false, grants: &[], first: true };
                settings.add_user(&new, "setup").await.unwrap()
            })
        })
        .collect();
    let mut first = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Added::Yes => first += 1,
            other => assert_eq!(other, Added::NotFirst),
        }
    }
    assert_eq!((first, settings.users().await.unwrap().len(), told(&settings).await.len()), (1, 1, 1));
}

async fn grants_are_added_up_and_taken_back_and_a_removed_site_leaves_none(bed: Bed) {
    let settings = bed.open().await;
    settings.put_site(&site("example.com"), Expected::Nothing, "cli").await.unwrap();
    let jane = add(&settings, "jane").await;
    let (viewer, analyst) = (grant(Role::Viewer, "*"), grant(Role::Analyst, "example.com"));
    for grant in [&viewer, &analyst, &analyst] {
        assert!(settings.grant(&jane, grant, "root").await.unwrap());
    }
    assert!(!settings.grant(&login("nobody"), &viewer, "root").await.unwrap());
    let held = |user: &settings::User| user.grants.clone();
    assert_eq!(held(&settings.user(&jane).await.unwrap().unwrap()), [viewer.clone(), analyst.clone()]);
    let digest = SecretDigest::of("ff_t");
    settings.add_token(&digest, &token("mine", Some(&jane)), "jane").await.unwrap();
    settings.remove_site(&domain("example.com"), Expected::Anything, "cli").await.unwrap();
    settings.put_site(&site("example.com"), Expected::Nothing, "cli").await.unwrap();
    let left = held(&settings.users().await.unwrap()[0]);
    assert_eq!(left, std::slice::from_ref(&viewer), "the site that is there now is another");
    assert!(settings.token(&digest).await.unwrap().unwrap().0.sites.is_empty());
    for _ in 0..2 {
        assert!(settings.revoke(&jane, &viewer, "root").await.unwrap());
    }
    let all = told(&settings).await;
    let granted: Vec<_> = all
        .iter()
        .filter(|(who, ..)| who == "root")
        .map(|(_, what, detail)| (what.as_str(), detail["site"].clone()))
        .collect();
    assert_eq!(
        granted,
        [("granted", json!("*")), ("granted", json!("example.com")), ("revoked", json!("*"))],
        "what changes nothing is no line"
    );
}

async fn a_session_lives_until_it_is_idle_old_or_ended(bed: Bed) {
    let settings = bed.open().await;
    let jane = add(&settings, "jane").await;
    let one = open(&bed, &settings, &jane, "one").await;
    let other = open(&bed, &settings, &jane, "other").await;
    assert_eq!(settings.session(&SecretDigest::of("guess")).await.unwrap(), None);
    bed.turn(HOUR - 1);
    let (found, user) = settings.session(&one).await.unwrap().unwrap();
    assert_eq!((found.id, found.client.as_str(), user.login), (one.id(), "Firefox on Linux", jane.clone()));
    settings.touch_session(&one, bed.now().plus(HOUR)).await.unwrap();
    bed.turn(1);
    assert!(settings.session(&one).await.unwrap().is_some(), "it was used");
    assert_eq!(settings.session(&other).await.unwrap(), None, "it was not");
    for _ in 0..11 {
        settings.touch_session(&one, bed.now().plus(HOUR)).await.unwrap();
        bed.turn(HOUR - 1);
    }
    settings.touch_session(&one, bed.now().plus(HOUR)).await.unwrap();
    assert!(settings.session(&one).await.unwrap().is_some());
    bed.turn(11);
    assert_eq!(bed.now(), START.plus(12 * HOUR));
    assert_eq!(settings.session(&one).await.unwrap(), None, "nothing lives longer than it may");
    let [one, two, three] = [
        open(&bed, &settings, &jane, "1").await,
        open(&bed, &settings, &jane, "2").await,
        open(&bed, &settings, &jane, "3").await,
    ];
    let ids = |sessions: Vec<Session>| sessions.into_iter().map(|session| session.id).collect::<Vec<_>>();
    assert_eq!(ids(settings.sessions(&jane).await.unwrap()).len(), 3, "those that are over were forgotten");
    let max = add(&settings, "max").await;
    assert_eq!(settings.end_sessions(&max, Ended::One(&one.id()), "max").await.unwrap(), 0, "it is not his");
    assert_eq!(settings.end_sessions(&jane, Ended::One(&one.id()), "jane").await.unwrap(), 1);
    assert_eq!(settings.session(&one).await.unwrap(), None);
    assert_eq!(settings.end_sessions(&jane, Ended::AllBut(Some(&two.id())), "root").await.unwrap(), 1);
    assert!(settings.session(&two).await.unwrap().is_some() && settings.session(&three).await.unwrap().is_none());
    let lines = told(&settings).await;
    let ended: Vec<_> = lines
        .iter()
        .filter(|(_, what, _)| what.contains("signed_out") || what.contains("ended"))
        .map(|(who, what, _)| (who.as_str(), what.as_str()))
        .collect();
    assert_eq!(ended, [("jane", "signed_out"), ("root", "sessions_ended")]);
}

async fn a_new_password_and_a_disabled_account_end_sessions(bed: Bed) {
    let settings = bed.open().await;
    let jane = add(&settings, "jane").await;
    let here = open(&bed, &settings, &jane, "here").await;
    let there = open(&bed, &settings, &jane, "there").await;
    settings.set_password((&jane, &hash("new")), false, Some(&here), "jane").await.unwrap();
    assert!(settings.session(&here).await.unwrap().is_some() && settings.session(&there).await.unwrap().is_none());
    let digest = SecretDigest::of("ff_t");
    settings.add_token(&digest, &token("mine", Some(&jane)), "jane").await.unwrap();
    assert!(settings.set_disabled(&jane, true, "root").await.unwrap());
    assert_eq!((settings.session(&here).await.unwrap(), settings.token(&digest).await.unwrap()), (None, None));
    let refused = settings.open_session(&SecretDigest::of("again"), &session(&jane, bed.now())).await.unwrap_err();
    assert!(refused.to_string().contains("may not sign in"), "{refused}");
    assert_eq!(settings.user(&jane).await.unwrap().unwrap().disabled_at, Some(START));
    assert!(settings.set_disabled(&jane, false, "root").await.unwrap());
    assert!(settings.token(&digest).await.unwrap().is_some() && settings.session(&here).await.unwrap().is_none());
    assert!(!settings.set_disabled(&login("nobody"), true, "root").await.unwrap());
}

async fn a_user_has_so_many_sessions_and_the_one_unused_for_longest_gives_way(bed: Bed) {
    let settings = bed.open().await;
    let (jane, max) = (add(&settings, "jane").await, add(&settings, "max").await);
    let his = open(&bed, &settings, &max, "his").await;
    let mut all = Vec::new();
    for number in 0..20 {
        all.push(open(&bed, &settings, &jane, &number.to_string()).await);
        bed.turn(1_000);
    }
    settings.touch_session(&all[0], bed.now().plus(HOUR)).await.unwrap();
    bed.turn(1_000);
    open(&bed, &settings, &jane, "one more").await;
    assert_eq!(settings.sessions(&jane).await.unwrap().len(), 20);
    assert!(settings.session(&all[0]).await.unwrap().is_some() && settings.session(&all[1]).await.unwrap().is_none());
    assert!(settings.session(&his).await.unwrap().is_some());
}

async fn a_token_lives_as_long_as_it_and_its_owner_do(bed: Bed) {
    let settings = bed.open().await;
    let jane = add(&settings, "jane").await;
    let [short, long, root] = ["ff_short", "ff_long", "ff_root"].map(SecretDigest::of);
    let short_one = ApiToken { expires: Some(START.plus(HOUR)), ..token("short", Some(&jane)) };
    settings.add_token(&short, &short_one, "jane").await.unwrap();
    settings.add_token(&long, &token("long", Some(&jane)), "jane").await.unwrap();
    let kept =
        settings.add_token(&root, &ApiToken { sites: vec![Reach::All], ..token("root", None) }, "cli").await.unwrap();
    assert_eq!((kept.id.clone(), kept.created), (root.id(), START));
    let (found, owner) = settings.token(&root).await.unwrap().unwrap();
    assert_eq!((&found, owner), (&kept, None));
    let owner = settings.token(&long).await.unwrap().unwrap().1.unwrap();
    assert_eq!(owner.login, jane);
    assert!(!found.is_noted(START));
    settings.touch_token(&found.id).await.unwrap();
    let found = settings.token(&root).await.unwrap().unwrap().0;
    assert_eq!(
        (found.used_day, found.is_noted(START), found.is_noted(START.plus(7 * HOUR))),
        (Some(20_605), true, false)
    );
    bed.turn(HOUR);
    assert_eq!(settings.token(&short).await.unwrap(), None);
    let names =
        |tokens: Vec<ApiToken>| tokens.into_iter().map(|token| token.name).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names(settings.tokens(Some(&jane)).await.unwrap()), ["long".to_owned(), "short".to_owned()].into());
    assert_eq!(names(settings.tokens(None).await.unwrap()).len(), 3);
    assert!(!settings.remove_token(&root.id(), Some(&jane), "jane").await.unwrap(), "it is not hers");
    assert!(settings.remove_token(&long.id(), Some(&jane), "jane").await.unwrap());
    assert!(settings.remove_token(&root.id(), None, "cli").await.unwrap());
    assert_eq!((settings.token(&long).await.unwrap(), settings.token(&root).await.unwrap()), (None, None));
    let nobodys = settings.add_token(&long, &token("x", Some(&login("nobody"))), "cli").await.unwrap_err();
    assert!(nobodys.to_string().contains("there is no user nobody"), "{nobodys}");
}

/// Every text of the database, by whatever table.
async fn nothing_is_kept_that_opens_anything(bed: Bed) {
    let settings = bed.open().await;
    let jane = add(&settings, "jane").await;
    open(&bed, &settings, &jane, "the-secret-of-a-session").await;
    settings
        .add_token(&SecretDigest::of("ff_the-secret-of-a-token"), &token("mine", Some(&jane)), "jane")
        .await
        .unwrap();
    let lines = format!("{:?}", settings.audit_page(None, 100).await.unwrap());
    assert!(!lines.contains("the-secret") && !lines.contains("argon2"), "{lines}");
    if let settings::Location::Sqlite(path) = &bed.location {
        let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
        let all: Vec<u8> = files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        assert!(!all.windows(10).any(|bytes| bytes == b"the-secret"));
        assert!(all.windows(9).any(|bytes| bytes == b"$argon2id"), "it is the right file");
    }
}

async fn a_newer_versions_roles_and_scopes_open_nothing(bed: Bed) {
    let settings = bed.open().await;
    let jane = add(&settings, "jane").await;
    bed.sql("INSERT INTO grants VALUES ('jane', '*', 'emperor'), ('jane', '*', 'viewer'), ('jane', 'a.example', 'operator')").await;
    assert_eq!(settings.user(&jane).await.unwrap().unwrap().grants, [grant(Role::Viewer, "*")]);
    let digest = SecretDigest::of("ff_t");
    settings.add_token(&digest, &token("mine", Some(&jane)), "jane").await.unwrap();
    bed.sql("UPDATE tokens SET scopes = 'everything export'").await;
    assert_eq!(settings.token(&digest).await.unwrap().unwrap().0.scopes, [Scope::Export]);
}

async fn what_is_beyond_the_bounds_is_refused(bed: Bed) {
    let settings = bed.open().await;
    let jane = add(&settings, "jane").await;
    let long = Session { client: "x".repeat(61), ..session(&jane, bed.now()) };
    let digest = SecretDigest::of("x");
    let many = (0..101).map(|number| Reach::parse(&format!("s{number}.example")).unwrap()).collect();
    let lines = settings.audit_page(None, 100).await.unwrap();
    let refusals = [
        settings.open_session(&digest, &long).await.unwrap_err(),
        settings.add_token(&digest, &token("", Some(&jane)), "cli").await.unwrap_err(),
        settings.add_token(&digest, &ApiToken { scopes: Vec::new(), ..token("x", None) }, "cli").await.unwrap_err(),
        settings.add_token(&digest, &ApiToken { sites: Vec::new(), ..token("x", None) }, "cli").await.unwrap_err(),
        settings.add_token(&digest, &ApiToken { sites: many, ..token("x", None) }, "cli").await.unwrap_err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, SettingsError::Refused(_)), "{refusal:?}");
    }
    assert_eq!(settings.audit_page(None, 100).await.unwrap(), lines);
    bed.sql("INSERT INTO grants SELECT 'jane', 's' || value || '.example', 'viewer' FROM (WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 1000) SELECT value FROM n) AS numbers").await;
    let full = settings.grant(&jane, &grant(Role::Viewer, "*"), "root").await.unwrap_err();
    assert!(full.to_string().contains("no room for more"), "{full}");
    bed.sql("INSERT INTO users SELECT 'u' || value, 'x', 0, 0, 0, NULL FROM (WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 9999) SELECT value FROM n) AS numbers").await;
    let (max, password) = (login("max"), hash("x"));
    let new = NewUser { login: &max, password: &password, temporary: false, grants: &[], first: false };
    assert!(settings.add_user(&new, "root").await.unwrap_err().to_string().contains("there are 10000 users"));
    assert_eq!(settings.users().await.unwrap().len(), 10_000);
}

async fn the_audit_log_is_read_by_site(bed: Bed) {
    let settings = bed.open().await;
    let jane = add(&settings, "jane").await;
    for name in ["a.example", "b.example", "a.example"] {
        settings.put_site(&site(name), Expected::Anything, "cli").await.unwrap();
    }
    settings.grant(&jane, &grant(Role::Viewer, "a.example"), "root").await.unwrap();
    let of = async |site: &str, before, most| {
        let lines = settings.audit_page_of(Some(&domain(site)), before, most).await.unwrap();
        lines.into_iter().map(|line| (line.number, line.what)).collect::<Vec<_>>()
    };
    let line = |number: i64, what: &str| (number, what.to_owned());
    assert_eq!(of("a.example", None, 10).await, [line(5, "granted"), line(4, "site_changed"), line(2, "site_added")]);
    assert_eq!(of("a.example", Some(5), 1).await, [line(4, "site_changed")]);
    assert_eq!(of("c.example", None, 10).await, []);
}

async fn a_database_of_the_version_before_is_taken_over(bed: Bed) {
    bed.open().await.put_site(&site("example.com"), Expected::Nothing, "cli").await.unwrap();
    bed.sql("DROP TABLE users; DROP TABLE grants; DROP TABLE sessions; DROP TABLE tokens; DROP TABLE token_sites; DELETE FROM counters WHERE name = 'accounts'; DELETE FROM migrations WHERE number = 2").await;
    let settings = bed.open().await;
    let jane = add(&settings, "jane").await;
    assert_eq!(settings.users().await.unwrap()[0].login, jane);
    assert_eq!(settings.sites().await.unwrap().sites.len(), 1);
}
