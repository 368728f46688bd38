//! The notice and the visitor's page against the running program: what they say is what happens, and a choice made on the
//! page holds from the next hit on.

use std::process::Output;

use serde_json::{Value, json};

use crate::browser;
use crate::harness::{AGENT, Answer, Server, eventually, footfall};

const SITE: &str = "[[site]]\ndomain = \"example.com\"\ncontact = \"privacy@example.com\"\n";

/// Runs `footfall notice` over a configuration's text.
fn printed(config: &str, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("footfall.toml");
    std::fs::write(&file, config).unwrap();
    footfall().arg("notice").args(arguments).arg("--config").arg(file).current_dir(directory.path()).output().unwrap()
}

fn text(config: &str, arguments: &[&str]) -> String {
    let output = printed(config, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn event(server: &Server, headers: &[(&str, &str)]) -> Answer {
    let event = json!({ "name": "pageview", "url": "https://example.com/", "domain": "example.com" }).to_string();
    let all: Vec<_> = [("user-agent", AGENT), ("content-type", "application/json")]
        .into_iter()
        .chain(headers.iter().copied())
        .collect();
    server.send("POST", "/api/event", &all, event.as_bytes())
}

#[test]
fn the_notice_follows_the_configuration() {
    let plain = text(SITE, &["--lang", "en"]);
    assert!(plain.starts_with("# How visits to example.com are counted"), "{plain}");
    assert!(plain.contains("privacy@example.com") && plain.contains("this applies: full measurement"));
    let minimal = text(
        &format!("{SITE}mode = \"minimal\"\nsignals = {{ granted = \"minimal\", tcf_granted = \"minimal\" }}\n"),
        &[],
    );
    assert!(minimal.contains("this applies: counting only") && !minimal.contains("In full measurement"));
    assert!(!minimal.contains("pseudonym"), "no visitor is told apart: {minimal}");
    let exempt = text(&format!("{SITE}mode = \"exempt\"\n"), &[]);
    assert!(exempt.contains("rounded to the nearest 10") && !plain.contains("rounded"), "{exempt}");
    let public = text(&format!("{SITE}public = true\nrecipients = [\"Agency\"]\n"), &[]);
    assert!(public.contains("anybody may read them") && public.contains("- Agency"));
    let japanese = text(SITE, &["--lang", "ja", "--format", "html"]);
    assert!(japanese.contains("<article lang=\"ja\">") && japanese.contains("利用目的"));
}

#[test]
fn what_lacks_is_named_to_the_operator() {
    let output = printed(SITE, &["--format", "json"]);
    let notice: Value = serde_json::from_slice(&output.stdout).unwrap();
    let missing: Vec<&str> =
        notice["missing"].as_array().unwrap().iter().map(|one| one["setting"].as_str().unwrap()).collect();
    assert_eq!(missing, ["controller", "responsible", "purpose", "region"]);
    assert!(notice["record_of_processing"]["controller"].is_null());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("setting `controller`") && !told.contains("setting `contact`"), "{told}");
}

#[test]
fn a_site_must_be_chosen_where_there_are_several() {
    let two = "[[site]]\ndomain = \"a.example\"\n[[site]]\ndomain = \"b.example\"\n";
    let output = printed(two, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("a.example, b.example"));
    assert!(text(two, &["--site", "B.example"]).contains("b.example"));
    assert_eq!(printed(two, &["--site", "c.example"]).status.code(), Some(2));
}

#[test]
fn the_page_says_what_the_command_says() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), SITE);
    let answer = |headers: &[(&str, &str)]| server.send("GET", "/privacy?d=example.com", headers, b"");
    let mut page = answer(&[("accept", "application/json")]).json();
    let mut command: Value = serde_json::from_str(&text(SITE, &["--format", "json"])).unwrap();
    page.as_object_mut().unwrap().remove("browser");
    command.as_object_mut().unwrap().remove("missing");
    assert_eq!(page, command);
    let japanese = answer(&[("accept", "text/html"), ("accept-language", "ja,en;q=0.5")]);
    assert_eq!((japanese.status, japanese.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(japanese.text().contains("<html lang=\"ja\">") && japanese.text().contains("計測を停止する"));
    let policy = japanese.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; form-action 'self'"), "{policy}");
    assert!(!japanese.text().contains("<script") && !japanese.text().contains("style="));
    assert_eq!(japanese.header("set-cookie"), None);
    server.stop();
}

#[test]
fn each_signal_leads_where_the_notice_says() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), SITE);
    let notice = server.send("GET", "/privacy?d=example.com&format=json", &[], b"").json();
    let said = &notice["record_of_processing"]["modes"]["by_signal"];
    for (signal, header) in
        [("gpc", ("sec-gpc", "1")), ("dnt", ("dnt", "1")), ("opted_out", ("cookie", "footfall_optout=1"))]
    {
        let outcome = event(&server, &[header]).outcome().to_owned();
        let mode = if outcome.starts_with("refused") { "off" } else { outcome.as_str() };
        assert_eq!(said[signal], mode, "{signal}");
    }
    server.stop();
}

#[test]
fn opting_out_and_in_works_from_the_next_hit_on() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), SITE);
    let own = [("sec-fetch-site", "same-origin"), ("accept", "text/html")];
    let out = server.send("POST", "/privacy/optout?d=example.com&lang=ja", &own, b"");
    assert_eq!((out.status, out.header("location")), (303, Some("/privacy?d=example.com&lang=ja&done=optout")));
    let cookie = out.header("set-cookie").unwrap();
    assert_eq!(cookie, "footfall_optout=1; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax");
    let kept = cookie.split(';').next().unwrap();
    assert_eq!(event(&server, &[("cookie", kept)]).outcome(), "refused; reason=opted_out");
    let page = server.send("GET", "/privacy?d=example.com&lang=en", &[("cookie", kept), ("sec-gpc", "1")], b"").text();
    for said in [
        "You have opted out.",
        "Your visits are not measured.",
        "sends Global Privacy Control",
        "action=\"/privacy/optin?",
    ] {
        assert!(page.contains(said), "{said} in {page}");
    }
    let headers = [("accept", "application/json"), ("cookie", kept), ("sec-fetch-site", "same-origin")];
    let back = server.send("POST", "/privacy/optin?d=example.com", &headers, b"");
    assert_eq!((back.status, back.json()), (200, json!({ "site": "example.com", "opted_out": false })));
    assert!(back.header("set-cookie").unwrap().starts_with("footfall_optout=; Path=/; Max-Age=0;"));
    assert_eq!(event(&server, &[]).outcome(), "counted");
    server.stop();
}

#[test]
fn a_browser_that_keeps_no_cookie_is_told() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), SITE);
    let page = |path: &str, headers: &[(&str, &str)]| server.send("GET", path, headers, b"").text();
    let hint = "did not keep the cookie";
    assert!(page("/privacy?d=example.com&done=optout", &[]).contains(hint));
    assert!(!page("/privacy?d=example.com&done=optout", &[("cookie", "footfall_optout=1")]).contains(hint));
    assert!(!page("/privacy?d=example.com", &[]).contains(hint));
    server.stop();
}

#[test]
fn the_cookie_is_secure_behind_a_trusted_proxy_that_speaks_https() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), &format!("trusted_proxies = [\"127.0.0.0/8\"]\n{SITE}"));
    let headers = [("x-forwarded-proto", "https"), ("sec-fetch-site", "same-origin")];
    let out = server.send("POST", "/privacy/optout?d=example.com", &headers, b"");
    assert!(out.header("set-cookie").unwrap().ends_with("HttpOnly; SameSite=None; Secure"));
    server.stop();
}

#[test]
fn no_other_site_can_press_the_buttons() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), SITE);
    for header in [("sec-fetch-site", "cross-site"), ("origin", "https://elsewhere.example"), ("origin", "null")] {
        for path in ["/privacy/optin?d=example.com", "/privacy/optout?d=example.com"] {
            let refused = server.send("POST", path, &[header], b"");
            assert_eq!((refused.status, refused.header("set-cookie")), (403, None), "{header:?} {path}");
        }
    }
    assert_eq!(server.send("GET", "/privacy/optout?d=example.com", &[], b"").status, 405, "a link changes nothing");
    server.stop();
}

#[test]
fn an_unknown_site_gets_a_page_that_helps_and_names_no_other() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), &format!("{SITE}[[site]]\ndomain = \"secret.example\"\n"));
    for path in ["/privacy", "/privacy?d=none.example", "/privacy?d=%3Cscript%3E", "/privacy?d=a&d=b"] {
        let page = server.send("GET", path, &[("accept", "text/html")], b"");
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text().contains("<input name=\"d\"") && !page.text().contains("secret.example"), "{path}");
        assert!(!page.text().contains("<script"));
    }
    let program = server.send("POST", "/privacy/optout?d=none.example", &[("accept", "application/json")], b"");
    assert!(program.status == 404 && program.json()["error"].is_string());
    server.stop();
}

/// The page in Chromium: a visitor presses the buttons, and sees what they did.
#[test]
fn a_visitor_opts_out_and_in_again_in_chromium() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), &format!("demo_page = \"example.com\"\n{SITE}"));
    let seen = browser::run("privacy.mjs", &[&server.url()]);
    assert_eq!(seen["states"], json!(["You have not opted out.", "You have opted out.", "You have not opted out."]));
    assert_eq!(seen["outcomes"], json!(["counted", "refused; reason=opted_out", "counted"]));
    assert_eq!((&seen["errors"], &seen["elsewhere"]), (&json!([]), &json!([])), "{seen}");
    assert_eq!((&seen["wide"], &seen["scripts"]), (&json!(false), &json!(0)), "{seen}");
    server.stop();
}

fn me(server: &Server, headers: &[(&str, &str)]) -> Value {
    let answer = server.send("GET", "/privacy/me?d=example.com", headers, b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn a_visitor_sees_what_is_held_and_has_it_taken_back() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), SITE);
    let (mine, other) = (
        [("user-agent", AGENT)],
        [("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")],
    );
    let view = |agent: (&str, &str), path: &str| {
        let event = json!({ "name": "pageview", "url": format!("https://example.com{path}"), "domain": "example.com" });
        let answer = server.send("POST", "/api/event", &[agent], event.to_string().as_bytes());
        assert_eq!(answer.outcome(), "counted");
    };
    view(mine[0], "/a");
    view(mine[0], "/b");
    view(other[0], "/b");
    // The answer knows what was acknowledged before it was asked.
    let held = me(&server, &mine);
    assert_eq!(
        (&held["held"][0]["page_views"], &held["held"][0]["visits"][0]["hits"][1]["page"]),
        (&json!(2), &json!("/b"))
    );
    assert_eq!(
        (&held["held"][0]["read_from_your_browser"]["browser"], &held["sealed"]["user_agent"]),
        (&json!("Chrome"), &json!(AGENT))
    );
    eventually("three page views", || (server.totals("example.com", &["pageviews"]) == [3]).then_some(()));

    let own = [mine[0], ("sec-fetch-site", "same-origin")];
    let erased = server.send("POST", "/privacy/erase?d=example.com", &own, b"").json();
    assert_eq!(erased["erased"], true, "{erased}");
    assert_eq!(me(&server, &mine)["held"], json!([]));
    eventually("only the other's view", || {
        (server.totals("example.com", &["visitors", "visits", "pageviews"]) == [1, 1, 1]).then_some(())
    });
    assert_eq!(server.breakdown("example.com", "event:page", &["visitors"]), [("/b".to_owned(), vec![1])]);
    assert_eq!(me(&server, &other)["held"][0]["page_views"], 1);
    assert_eq!(server.send("POST", "/privacy/erase?d=example.com", &own, b"").json()["erased"], false);

    // A replay folds the hits and takes them back again.
    server.kill();
    let server = Server::configured(data.path(), SITE);
    assert_eq!(me(&server, &mine)["held"], json!([]));
    assert_eq!(me(&server, &other)["held"][0]["page_views"], 1);
    assert_eq!(server.totals("example.com", &["visitors", "pageviews"]), [1, 1]);
    let page =
        server.send("GET", "/privacy/me?d=example.com&lang=ja", &[other[0], ("accept", "text/html")], b"").text();
    assert!(page.contains("保有") && page.contains("/b") && !page.contains("<script"), "{page}");
    server.stop();
}

#[test]
fn a_restricted_visitor_is_left_alone_without_a_cookie_too() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), SITE);
    assert_eq!(event(&server, &[]).outcome(), "counted");
    let own = [("user-agent", AGENT), ("sec-fetch-site", "same-origin")];
    let restricted = server.send("POST", "/privacy/restrict?d=example.com", &own, b"");
    assert_eq!(restricted.json()["restricted"], true);
    let cookie = restricted.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(event(&server, &[("cookie", &cookie)]).outcome(), "refused; reason=restricted");
    event(&server, &[]);
    assert_eq!(me(&server, &[("user-agent", AGENT)])["held"][0]["restricted"], true);
    eventually("the first view", || (server.totals("example.com", &["pageviews"]) == [1]).then_some(()));
    let headers = [("user-agent", AGENT), ("sec-fetch-site", "same-origin")];
    assert_eq!(server.send("POST", "/privacy/optin?d=example.com", &headers, b"").status, 200);
    event(&server, &[]);
    eventually("two views, and not the one between", || {
        (server.totals("example.com", &["pageviews"]) == [2]).then_some(())
    });
    server.stop();
}

#[test]
fn nobody_elses_page_can_ask_or_erase() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), SITE);
    for path in ["/privacy/erase?d=example.com", "/privacy/restrict?d=example.com"] {
        assert_eq!(server.send("POST", path, &[("sec-fetch-site", "cross-site")], b"").status, 403);
        assert_eq!(server.send("GET", path, &[], b"").status, 405, "a link changes nothing");
        assert_eq!(server.send("POST", &path.replace("example.com", "none.example"), &[], b"").status, 404);
    }
    let asked = server.send("GET", "/privacy/me?d=example.com", &[("origin", "https://elsewhere.example")], b"");
    assert_eq!(
        (asked.header("access-control-allow-origin"), asked.header("cross-origin-resource-policy")),
        (None, Some("same-origin"))
    );
    server.stop();
}

/// Who cannot be told from strangers is shown nothing of them, and erases nothing of theirs.
#[test]
fn nobody_is_shown_or_erases_what_may_be_a_strangers() {
    let data = tempfile::tempdir().unwrap();
    let sites = "[[site]]\ndomain = \"none.example\"\naddress = \"none\"\n[[site]]\ndomain = \"near.example\"\naddress = \"network\"\n\
                 [[site]]\ndomain = \"few.example\"\nmode = \"minimal\"\nsignals = { granted = \"minimal\", tcf_granted = \"minimal\" }\n";
    let server = Server::configured(data.path(), &format!("trusted_proxies = [\"127.0.0.0/8\"]\n{SITE}{sites}"));
    let view = |site: &str, address: &str| {
        let event = json!({ "name": "pageview", "url": format!("https://{site}/secret"), "domain": site }).to_string();
        server.send("POST", "/api/event", &[("user-agent", AGENT), ("x-forwarded-for", address)], event.as_bytes());
    };
    let ask = |method: &str, path: &str, site: &str, address: &str| {
        let headers = [("user-agent", AGENT), ("x-forwarded-for", address), ("sec-fetch-site", "same-origin")];
        server.send(method, &format!("/privacy/{path}?d={site}"), &headers, b"").json()
    };
    for site in ["none.example", "near.example", "few.example"] {
        view(site, "192.0.2.1");
    }
    let none = ask("GET", "me", "none.example", "198.51.100.9");
    assert_eq!(
        (&none["held"], none["says"].as_str().unwrap().contains("cannot be told")),
        (&json!([]), true),
        "{none}"
    );
    assert_eq!(ask("POST", "erase", "none.example", "198.51.100.9")["erased"], false);
    let near = ask("GET", "me", "near.example", "192.0.2.200");
    assert_eq!((&near["held"][0]["page_views"], &near["held"][0]["visits"]), (&json!(1), &Value::Null), "{near}");
    assert!(!near.to_string().contains("/secret"));
    let few = ask("GET", "me", "few.example", "192.0.2.1");
    assert_eq!((&few["held"], &few["sealed"]), (&json!([]), &Value::Null), "nothing rests sealed of a visitor: {few}");
    assert_eq!(ask("POST", "erase", "few.example", "192.0.2.1")["erased"], false);
    eventually("all three views stay", || {
        let views = ["none.example", "near.example", "few.example"].map(|site| server.totals(site, &["pageviews"])[0]);
        (views == [1, 1, 1]).then_some(())
    });
    server.stop();

    // Behind a proxy that nobody trusts everybody has the proxy's address.
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), SITE);
    event(&server, &[("x-forwarded-for", "192.0.2.1")]);
    let stranger = [("user-agent", AGENT), ("x-forwarded-for", "198.51.100.9")];
    assert_eq!(me(&server, &stranger)["held"], json!([]));
    server.stop();
}

#[test]
fn restricting_does_not_shorten_an_objection() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::configured(data.path(), SITE);
    let headers = [("cookie", "footfall_optout=1"), ("sec-fetch-site", "same-origin"), ("accept", "application/json")];
    let restricted = server.send("POST", "/privacy/restrict?d=example.com", &headers, b"");
    assert!(restricted.header("set-cookie").unwrap().starts_with("footfall_restrict=1; "));
    let page = server.send("GET", "/privacy?d=example.com&lang=en", &headers[..1], b"").text();
    assert!(!page.contains("/privacy/restrict?"), "who opted out has no use for it");
    server.stop();
}
