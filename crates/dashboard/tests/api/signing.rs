//! Signing in and out: what a browser is given, what a guesser meets, and what another site's page can make a browser do.

use serde_json::{Value, json};
use settings::{PasswordHash, Role};

use crate::asking::TOKEN;
use crate::bed::{Bed, HOUR, PASSWORD, Shows};

async fn who(bed: &Bed, shows: &Shows) -> Value {
    let told = bed.ask(shows, "GET", "/api/session", None).await.body;
    told["login"].clone()
}

#[tokio::test]
async fn a_session_is_given_shown_and_taken_away() {
    let bed = Bed::new().await;
    bed.user("Jane", &[(Role::Analyst, "a.example")]).await;
    let opened = bed
        .sign_in(
            " JANE ",
            PASSWORD,
            &[("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")],
        )
        .await;
    assert_eq!((opened.status.as_u16(), &opened.body["login"]), (200, &json!("jane")));
    let cookie = opened.headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("footfall_session=")
            && cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    let session = opened.session();
    let Shows::Session(secret) = &session else { unreachable!() };
    assert!(secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit()), "256 bits: {secret}");
    let told = bed.ask(&session, "GET", "/api/session", None).await;
    assert_eq!(told.headers["cache-control"], "no-store");
    assert_eq!((&told.body["kind"], &told.body["csrf"]), (&json!("person"), &opened.body["csrf"]));
    assert_eq!(told.body["sites"], json!([{ "domain": "a.example", "rights": ["read", "export", "define"] }]));
    assert_eq!((&told.body["users"], &told.body["session"]["client"]), (&json!(false), &json!("Firefox on Linux")));
    let out = bed.ask(&session, "DELETE", "/api/session", None).await;
    assert_eq!(out.status, 204);
    assert!(out.headers["set-cookie"].to_str().unwrap().starts_with("footfall_session=; Path=/; Max-Age=0"));
    assert_eq!(who(&bed, &session).await, Value::Null, "whoever kept the cookie has nothing");
    let log: Vec<_> = bed.log().await.into_iter().map(|(who, what)| format!("{who} {what}")).collect();
    assert_eq!(log[..2], ["jane signed_out", "jane signed_in"]);
}

#[tokio::test]
async fn over_tls_the_cookie_is_this_hosts_alone() {
    let bed = Bed::new().await;
    bed.user("jane", &[]).await;
    let opened =
        bed.sign_in("jane", PASSWORD, &[("x-https", "1"), ("x-peer", "192.0.2.1"), ("host", "count.example")]).await;
    let cookie = opened.headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-footfall=")
            && cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"),
        "{cookie}"
    );
    let pair = cookie.split(';').next().unwrap();
    let ask = async |more: &[(&str, &str)]| {
        bed.ask_with(&Shows::Nothing, "GET", "/api/session", None, more).await.body["kind"].clone()
    };
    assert_eq!(ask(&[("cookie", pair), ("x-https", "1")]).await, "person");
    assert_eq!(ask(&[("cookie", pair)]).await, "anyone", "not over a way that others can read");
    let plain = pair.replace("__Host-footfall", "footfall_session");
    assert_eq!(
        ask(&[("cookie", &plain), ("x-https", "1")]).await,
        "anyone",
        "a cookie that any host of the domain could set"
    );
}

#[tokio::test]
async fn a_password_does_not_cross_a_network_in_plain_text() {
    let bed = Bed::new().await;
    bed.user("jane", &[]).await;
    let far = [("x-peer", "192.0.2.1"), ("host", "count.example")];
    let refused = bed.sign_in("jane", PASSWORD, &far).await;
    assert!(refused.status == 403 && refused.text.contains("trusted_proxies"), "{refused:?}");
    let setup = bed
        .ask_with(
            &Shows::Bearer(TOKEN.to_owned()),
            "POST",
            "/api/setup",
            Some(json!({ "login": "x", "password": "purple kettle" })),
            &far,
        )
        .await;
    assert_eq!(setup.status, 403);
    assert_eq!(bed.sign_in("jane", PASSWORD, &[("x-peer", "192.0.2.1"), ("host", "localhost:8080")]).await.status, 200);
}

#[tokio::test]
async fn signing_in_takes_no_session_that_was_there_before() {
    let bed = Bed::new().await;
    let (jane, mallory) = (bed.user("jane", &[]).await, bed.user("mallory", &[]).await);
    let planted = bed.session(&mallory).await;
    let Shows::Session(secret) = &planted else { unreachable!() };
    // Mallory's cookie is in Jane's browser when she signs in.
    let opened = bed.sign_in("jane", PASSWORD, &[("cookie", &format!("footfall_session={secret}"))]).await;
    let Shows::Session(given) = opened.session() else { unreachable!() };
    assert_ne!(*secret, given);
    assert_eq!((who(&bed, &planted).await, who(&bed, &opened.session()).await), (Value::Null, json!(jane.as_str())));
    let invented = bed.sign_in("jane", PASSWORD, &[("cookie", "footfall_session=chosen-by-mallory")]).await;
    assert_ne!(
        invented.headers["set-cookie"].to_str().unwrap().split(';').next(),
        Some("footfall_session=chosen-by-mallory")
    );
    assert_eq!(who(&bed, &Shows::Session("chosen-by-mallory".to_owned())).await, Value::Null);
}

#[tokio::test]
async fn nobody_learns_who_has_an_account() {
    let bed = Bed::new().await;
    bed.user("jane", &[]).await;
    let disabled = bed.user("disabled", &[]).await;
    bed.settings.set_disabled(&disabled, true, "test").await.unwrap();
    let mut answers = Vec::new();
    for (number, (login, password)) in
        [("jane", "not her password"), ("nobody", PASSWORD), ("disabled", PASSWORD), ("no login at all!", PASSWORD)]
            .into_iter()
            .enumerate()
    {
        let before = bed.counted("footfall_password_hashes_total", "compare");
        let peer = format!("10.0.{number}.1");
        let answer = bed.sign_in(login, password, &[("x-peer", &peer)]).await;
        assert_eq!(
            bed.counted("footfall_password_hashes_total", "compare"),
            before + 1,
            "{login}: the work of one hash"
        );
        let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        answers.push((answer.status, answer.text, headers));
    }
    assert_eq!(answers[0].0, 401);
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    assert_eq!(bed.counted("footfall_logins_total", "wrong"), 4);
    // Of an account a failure is noted; what was typed where there is none may be a password.
    let noted = async || {
        bed.log().await.into_iter().filter(|(_, what)| what == "sign_in_failed").map(|(who, _)| who).collect::<Vec<_>>()
    };
    while noted().await.len() < 2 {
        tokio::task::yield_now().await;
    }
    let mut failed = noted().await;
    failed.sort();
    assert_eq!(failed, ["disabled", "jane"]);
}

#[tokio::test]
async fn guesses_wait_longer_and_longer_and_never_for_good() {
    let bed = Bed::new().await;
    bed.user("jane", &[]).await;
    for number in 0..6 {
        // From everywhere, so that it is the account that waits.
        let peer = format!("10.{number}.0.1");
        assert_eq!(bed.sign_in("jane", "a wrong guess", &[("x-peer", &peer)]).await.status, 401);
    }
    let mut waited = Vec::new();
    for _ in 0..3 {
        // The right password waits too, or waiting would tell which it is.
        let refused = bed.sign_in("jane", PASSWORD, &[("x-peer", "10.9.0.1")]).await;
        let seconds: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!(refused.status == 429 && refused.text.contains(&format!("in {seconds} seconds")), "{refused:?}");
        bed.turn(seconds * 1_000 - 1);
        assert_eq!(bed.sign_in("jane", PASSWORD, &[("x-peer", "10.9.0.1")]).await.status, 429);
        bed.turn(1);
        assert_eq!(bed.sign_in("jane", "a wrong guess", &[("x-peer", "10.8.0.1")]).await.status, 401);
        waited.push(seconds);
    }
    assert_eq!((waited, bed.counted("footfall_logins_total", "waits")), (vec![1, 2, 4], 6));
    bed.user("max", &[]).await;
    assert_eq!(bed.sign_in("max", PASSWORD, &[("x-peer", "10.7.0.1")]).await.status, 200, "others do not wait");
    bed.turn(15 * 60_000);
    assert_eq!(bed.sign_in("jane", PASSWORD, &[("x-peer", "10.9.0.1")]).await.status, 200);
    // An address prefix waits whichever accounts it tries.
    let mut last = 401;
    for number in 0..30 {
        last = bed
            .sign_in(&format!("user{number}"), "a wrong guess", &[("x-peer", &format!("192.0.2.{number}"))])
            .await
            .status
            .as_u16();
    }
    assert_eq!(last, 429);
    assert_eq!(bed.sign_in("max", PASSWORD, &[("x-peer", "192.0.3.1")]).await.status, 200);
}

#[tokio::test]
async fn guesses_at_the_old_password_wait_too() {
    let bed = Bed::new().await;
    let jane = bed.user("jane", &[]).await;
    let session = bed.session(&jane).await;
    let mut last = 0;
    for _ in 0..7 {
        let guess = json!({ "old": "a wrong guess", "new": "purple kettle" });
        last = bed.ask(&session, "POST", "/api/password", Some(guess)).await.status.as_u16();
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
    let bed = Bed::new().await;
    bed.user("jane", &[]).await;
    let (idle, used) =
        (bed.sign_in("jane", PASSWORD, &[]).await.session(), bed.sign_in("jane", PASSWORD, &[]).await.session());
    let alive = async |session: &Shows| who(&bed, session).await == "jane";
    bed.turn(HOUR - 1);
    assert!(alive(&used).await);
    bed.turn(1);
    assert!(alive(&used).await && !alive(&idle).await);
    for _ in 0..21 {
        bed.turn(HOUR / 2);
        assert!(alive(&used).await);
    }
    bed.turn(HOUR / 2);
    assert!(!alive(&used).await, "twelve hours after signing in");
}

#[tokio::test]
async fn another_sites_page_changes_nothing() {
    let bed = Bed::new().await;
    let jane = bed.user("jane", &[(Role::Operator, "*")]).await;
    let session = bed.session(&jane).await;
    let before = bed.settings.users().await.unwrap();
    let user = || Some(json!({ "login": "mallory", "password": "purple kettle" }));
    let foreign: [&[(&str, &str)]; 9] = [
        &[("footfall-csrf", "")],
        &[("footfall-csrf", "guess")],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", ""), ("origin", "https://elsewhere.example")],
        &[("sec-fetch-site", ""), ("origin", "null")],
        &[("sec-fetch-site", "")],
    ];
    for more in foreign {
        let answer = bed.ask_with(&session, "POST", "/api/users", user(), more).await;
        assert!(matches!(answer.status.as_u16(), 403 | 415), "{more:?}: {answer:?}");
        let answer = bed.ask_with(&session, "DELETE", "/api/users/jane", None, more).await;
        assert!(matches!(answer.status.as_u16(), 403 | 415), "{more:?}: {answer:?}");
    }
    for path in ["/api/users", "/api/session", "/api/sessions", "/api/tokens", "/api/password"] {
        let answer = bed.ask(&session, "GET", path, None).await;
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
    }
    assert_eq!(bed.settings.users().await.unwrap(), before);
    assert_eq!(bed.counted("footfall_access_refused_total", "not_our_page"), 18);
    // Nor does it sign anybody in as somebody else.
    for more in [[("sec-fetch-site", "cross-site")], [("content-type", "text/plain")]] {
        assert!(matches!(bed.sign_in("jane", PASSWORD, &more).await.status.as_u16(), 403 | 415));
    }
    assert_eq!(bed.ask(&session, "POST", "/api/users", user()).await.status, 201, "our own page does");
}

#[tokio::test]
async fn a_password_is_changed_by_its_owner_and_ends_other_sessions() {
    let bed = Bed::new().await;
    let jane = bed.user("jane", &[]).await;
    let (here, there) = (bed.session(&jane).await, bed.session(&jane).await);
    let change = async |old: &str, new: &str| {
        bed.ask(&here, "POST", "/api/password", Some(json!({ "old": old, "new": new }))).await
    };
    for (old, new, said) in [
        (PASSWORD, "short", "at least 10 characters"),
        (PASSWORD, "password123", "tried first"),
        (PASSWORD, "a.example.1", "tried first"),
        (PASSWORD, PASSWORD, "is the old one"),
        ("not this one", "purple kettle", "old password is not right"),
    ] {
        let refused = change(old, new).await;
        assert!(refused.status == 400 && refused.text.contains(said), "{new}: {refused:?}");
    }
    assert_eq!(change(PASSWORD, "purple kettle").await.status, 204);
    assert_eq!((who(&bed, &here).await, who(&bed, &there).await), (json!("jane"), Value::Null));
    assert_eq!(bed.sign_in("jane", PASSWORD, &[]).await.status, 401);
    assert_eq!(bed.sign_in("jane", "purple kettle", &[]).await.status, 200);
}

#[tokio::test]
async fn a_password_that_somebody_else_chose_opens_nothing_but_its_change() {
    let bed = Bed::new().await;
    let root = Shows::Bearer(TOKEN.to_owned());
    let new =
        json!({ "login": "jane", "password": "purple kettle", "grants": [{ "role": "site_admin", "site": "*" }] });
    assert_eq!(bed.ask(&root, "POST", "/api/users", Some(new.clone())).await.body["temporary"], json!(true));
    let again = bed.ask(&root, "POST", "/api/users", Some(new)).await;
    assert!(again.status == 409 && again.text.contains("jane already"), "{again:?}");
    let session = bed.sign_in("jane", "purple kettle", &[]).await.session();
    let told = bed.ask(&session, "GET", "/api/session", None).await.body;
    assert_eq!((&told["temporary"], &told["sites"]), (&json!(true), &json!([])));
    assert_eq!(bed.ask(&session, "GET", "/api/v1/ledger?site_id=a.example", None).await.status, 404);
    let change = json!({ "old": "purple kettle", "new": PASSWORD });
    assert_eq!(bed.ask(&session, "POST", "/api/password", Some(change)).await.status, 204);
    assert_eq!(bed.ask(&session, "GET", "/api/v1/ledger?site_id=a.example", None).await.status, 503);
    bed.ask(&root, "POST", "/api/users/jane/password", Some(json!({ "password": "purple kettle" }))).await;
    assert_eq!(who(&bed, &session).await, Value::Null);
}

#[tokio::test]
async fn a_hash_of_another_cost_is_renewed_at_the_next_sign_in() {
    let bed = Bed::new().await;
    let jane = bed.user("jane", &[]).await;
    // `printf %s 'violet teapot' | argon2 footfallsalt -id -t 1 -k 8 -p 1 -e`, by the reference implementation.
    let older = PasswordHash(
        "$argon2id$v=19$m=8,t=1,p=1$Zm9vdGZhbGxzYWx0$5BhKvlxFy+r5hV8e2IjT31wEBlQ9muQpq0rfGF4QrpQ".to_owned(),
    );
    bed.settings.set_password((&jane, &older), false, None, "test").await.unwrap();
    assert_eq!(bed.sign_in("jane", "another one", &[]).await.status, 401);
    assert_eq!(bed.settings.credentials(&jane).await.unwrap().unwrap().1, older);
    assert_eq!(bed.sign_in("jane", PASSWORD, &[]).await.status, 200);
    let renewed = bed.settings.credentials(&jane).await.unwrap().unwrap().1;
    assert!(renewed.0.contains("m=19456,t=2,p=1") && dashboard::password::is_right(PASSWORD, &renewed) == Ok(true));
}

#[tokio::test]
async fn the_first_account_is_made_once_by_whoever_has_the_administrators_token() {
    let bed = Bed::new().await;
    let root = Shows::Bearer(TOKEN.to_owned());
    assert_eq!(bed.ask(&Shows::Nothing, "GET", "/api/session", None).await.body["setup"], json!(true));
    let first = |password: &str| Some(json!({ "login": "jane", "password": password }));
    assert_eq!(bed.ask(&Shows::Nothing, "POST", "/api/setup", first("purple kettle")).await.status, 401);
    assert_eq!(bed.ask(&root, "POST", "/api/setup", first("footfall2026")).await.status, 400);
    let opened = bed.ask(&root, "POST", "/api/setup", first("purple kettle")).await;
    assert_eq!(opened.status, 200);
    let told = bed.ask(&opened.session(), "GET", "/api/session", None).await.body;
    let both = json!([{ "role": "site_admin", "site": "*" }, { "role": "operator", "site": "*" }]);
    assert_eq!((&told["login"], &told["grants"], &told["users"]), (&json!("jane"), &both, &json!(true)));
    assert_eq!(bed.ask(&root, "POST", "/api/setup", first("purple kettle")).await.status, 409);
    assert_eq!(bed.ask(&Shows::Nothing, "GET", "/api/session", None).await.body["setup"], json!(false));
}

#[tokio::test]
async fn ones_sessions_are_listed_and_ended() {
    let bed = Bed::new().await;
    let (jane, max) = (bed.user("jane", &[]).await, bed.user("max", &[]).await);
    let (one, other, his) = (bed.session(&jane).await, bed.session(&jane).await, bed.session(&max).await);
    let list =
        async |of: &Shows| bed.ask(of, "GET", "/api/sessions", None).await.body["sessions"].as_array().unwrap().clone();
    let mine = list(&one).await;
    assert_eq!((mine.len(), mine.iter().filter(|session| session["current"] == true).count()), (2, 1));
    let id = mine.iter().find(|session| session["current"] == false).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(bed.ask(&his, "DELETE", &format!("/api/sessions/{id}"), None).await.status, 404);
    assert_eq!(bed.ask(&one, "DELETE", &format!("/api/sessions/{id}"), None).await.status, 204);
    assert_eq!((who(&bed, &other).await, list(&one).await.len()), (Value::Null, 1));
    let third = bed.session(&jane).await;
    assert_eq!(bed.ask(&one, "DELETE", "/api/sessions", None).await.status, 204);
    assert_eq!(
        (who(&bed, &third).await, who(&bed, &one).await, who(&bed, &his).await),
        (Value::Null, json!("jane"), json!("max"))
    );
}
