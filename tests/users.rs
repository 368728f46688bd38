//! Users and API tokens made at a terminal, used at a running server's doors, and taken away again.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::harness::{Answer, Server, TOKEN, footfall};

const PASSWORD: &str = "violet teapot";

/// Runs a command with a text on standard input.
fn command(data: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = footfall();
    command.args(arguments).arg("--data").arg(data).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// What a command says on standard output, once it is done.
fn done(data: &Path, arguments: &[&str], input: &str) -> String {
    let output = command(data, arguments, input);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Puts two sites into the settings database.
fn add_sites(data: &Path) {
    for site in ["a.example", "b.example"] {
        done(data, &["site", "add", site], "");
    }
}

fn sign_in(server: &Server, login: &str, password: &str) -> Answer {
    let sent = json!({ "login": login, "password": password }).to_string();
    server.send("POST", "/api/session", &[("content-type", "application/json")], sent.as_bytes())
}

/// The sites' names that whoever shows these headers may read, or the status.
fn reads(server: &Server, shows: (&str, &str)) -> Result<Vec<String>, u16> {
    let answer = server.send("GET", "/api/v1/sites", &[shows], b"");
    if answer.status != 200 {
        return Err(answer.status);
    }
    let name = |site: &Value| site["domain"].as_str().unwrap().to_owned();
    Ok(answer.json()["sites"].as_array().unwrap().iter().map(name).collect())
}

#[test]
fn a_user_made_at_a_terminal_signs_in_and_is_let_go() {
    let data = tempfile::tempdir().unwrap();
    add_sites(data.path());
    let server = Server::start(data.path(), &[]);
    assert_eq!(sign_in(&server, "jane", PASSWORD).status, 401);
    assert_eq!(done(data.path(), &["user", "add", "Jane"], &format!("{PASSWORD}\n")), "jane added\n");
    let opened = sign_in(&server, "jane", PASSWORD);
    assert_eq!(opened.status, 200, "{}", opened.text());
    let cookie = opened.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let session = ("cookie", cookie.as_str());
    assert_eq!(reads(&server, session), Ok(vec![]));
    assert_eq!(
        done(data.path(), &["user", "grant", "jane", "viewer", "a.example"], ""),
        "viewer at a.example granted: jane\n"
    );
    assert_eq!(reads(&server, session), Ok(vec!["a.example".to_owned()]));
    done(data.path(), &["user", "grant", "jane", "analyst", "*"], "");
    assert_eq!(reads(&server, session).map(|sites| sites.len()), Ok(2));
    done(data.path(), &["user", "revoke", "jane", "analyst", "*"], "");
    assert_eq!(reads(&server, session), Ok(vec!["a.example".to_owned()]));
    let list: Value = serde_json::from_str(&done(data.path(), &["user", "list", "--json"], "")).unwrap();
    assert_eq!(
        list,
        json!([{ "login": "jane", "grants": [{ "role": "viewer", "site": "a.example" }], "temporary": false, "disabled": false }])
    );
    // The server that was started again knows the session and the user.
    server.stop();
    let server = Server::start(data.path(), &[]);
    assert_eq!(reads(&server, session), Ok(vec!["a.example".to_owned()]));
    done(data.path(), &["user", "disable", "jane"], "");
    assert_eq!((reads(&server, session), sign_in(&server, "jane", PASSWORD).status), (Err(401), 401));
    done(data.path(), &["user", "enable", "jane"], "");
    assert_eq!(done(data.path(), &["user", "password", "jane"], "purple kettle"), "jane has another password\n");
    assert_eq!(
        (sign_in(&server, "jane", PASSWORD).status, sign_in(&server, "jane", "purple kettle").status),
        (401, 200)
    );
    assert!(done(data.path(), &["user", "sign-out", "jane"], "").starts_with("jane signed out of 1 sessions"));
    done(data.path(), &["user", "remove", "jane"], "");
    assert_eq!(
        (sign_in(&server, "jane", "purple kettle").status, done(data.path(), &["user", "list"], "").as_str()),
        (401, "")
    );
    // All of it is in the audit log, and no password is.
    let authorization = format!("Bearer {TOKEN}");
    let log = server.send("GET", "/api/audit", &[("authorization", &authorization)], b"");
    let what: Vec<_> = log.json()["lines"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|line| line["what"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(what[..2], ["site_added", "site_added"], "{what:?}");
    assert_eq!(what[2..8], ["user_added", "signed_in", "granted", "granted", "revoked", "user_disabled"], "{what:?}");
    assert!(!log.text().contains("teapot") && !log.text().contains("kettle") && !log.text().contains("argon2"));
    server.stop();
}

#[test]
fn a_token_made_at_a_terminal_reads_what_it_is_for_until_it_is_revoked() {
    let data = tempfile::tempdir().unwrap();
    add_sites(data.path());
    let server = Server::start(data.path(), &[]);
    let made = done(
        data.path(),
        &["token", "add", "nightly", "--scope", "stats:read", "--site", "a.example", "--days", "30"],
        "",
    );
    let authorization = format!("Bearer {}", made.trim());
    let token = ("authorization", authorization.as_str());
    assert_eq!(reads(&server, token), Ok(vec!["a.example".to_owned()]));
    let import = server.send("GET", "/api/v1/prove", &[token], b"");
    assert_eq!(import.status, 401, "what is the administrator's stays the administrator's");
    let list: Value = serde_json::from_str(&done(data.path(), &["token", "list", "--json"], "")).unwrap();
    assert_eq!((list[0]["name"].as_str(), list[0]["used_on"].is_string()), (Some("nightly"), true));
    let id = list[0]["id"].as_str().unwrap();
    assert!(!list.to_string().contains(made.trim()));
    assert_eq!(done(data.path(), &["token", "revoke", id], ""), format!("{id} revoked\n"));
    assert_eq!(reads(&server, token), Err(401));
    server.stop();
}

#[test]
fn behind_a_tls_proxy_a_session_is_for_https_alone() {
    let data = tempfile::tempdir().unwrap();
    done(data.path(), &["user", "add", "jane", "--role", "viewer", "--site", "*"], PASSWORD);
    let server =
        Server::configured(data.path(), "trusted_proxies = [\"127.0.0.0/8\"]\n[[site]]\ndomain = \"a.example\"\n");
    let sent = json!({ "login": "jane", "password": PASSWORD }).to_string();
    let send = |more: &[(&str, &str)]| {
        let headers = [&[("content-type", "application/json"), ("x-forwarded-for", "192.0.2.7")], more].concat();
        // The harness names the server itself as the host; a proxy names what the browser asked for.
        server.send("POST", "/api/session", &headers, sent.as_bytes())
    };
    let cookie = |answer: &Answer| answer.header("set-cookie").unwrap().to_owned();
    let secure = cookie(&send(&[("x-forwarded-proto", "https")]));
    assert!(secure.starts_with("__Host-footfall=") && secure.ends_with("; Secure"), "{secure}");
    let plain = cookie(&send(&[("x-forwarded-proto", "http")]));
    assert!(plain.starts_with("footfall_session=") && !plain.contains("Secure"), "{plain}");
    server.stop();
}

#[test]
fn what_cannot_be_done_says_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    done(data.path(), &["user", "add", "jane"], PASSWORD);
    done(data.path(), &["site", "add", "a.example"], "");
    let cases: [(&[&str], &str, i32, &str); 16] = [
        (&["user", "add", "jane"], PASSWORD, 1, "footfall user password jane"),
        (&["user", "add", "max"], "short", 2, "at least 10 characters"),
        (&["user", "add", "max"], "footfall2026", 2, "tried first"),
        (&["user", "add", "jané"], PASSWORD, 2, "letters of a to z"),
        (&["user", "add", "max", "--role", "viewer"], PASSWORD, 2, "name the site, or '*'"),
        (&["user", "grant", "max", "viewer", "*"], "", 1, "footfall user add max"),
        (&["user", "grant", "jane", "root", "*"], "", 2, "viewer, analyst, site_admin, operator"),
        (&["user", "grant", "jane", "operator", "a.example"], "", 2, "role of the installation"),
        (
            &["user", "grant", "jane", "viewer", "a.exampel"],
            "",
            1,
            "no site a.exampel is measured; did you mean a.example?",
        ),
        (
            &["user", "add", "max", "--role", "viewer", "--site", "nope.test"],
            PASSWORD,
            1,
            "footfall site add nope.test",
        ),
        (
            &["token", "add", "x", "--scope", "stats:read", "--site", "nope.test"],
            "",
            1,
            "no site nope.test is measured",
        ),
        (&["user", "revoke", "jane", "viewer", "a.example"], "", 1, "jane is not granted viewer at a.example"),
        (&["user", "remove", "max"], "", 1, "footfall user list"),
        (&["token", "add", "x", "--scope", "everything", "--site", "*"], "", 2, "stats:read, export, admin"),
        (&["token", "add", "x", "--scope", "admin", "--site", "*", "--owner", "max"], "", 1, "no user max"),
        (&["token", "revoke", "nothing"], "", 1, "footfall token list"),
    ];
    for (arguments, input, code, said) in cases {
        let output = command(data.path(), arguments, input);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(code) && complaint.contains(said),
            "{arguments:?}: {:?} {complaint}",
            output.status
        );
        assert!(output.stdout.is_empty());
    }
}
