//! A report by e-mail of a running server, added at a terminal and tried against a mail server of the test's own.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Server, TOKEN, eventually, footfall};
use crate::smtp::Smtp;

const SITE: &str = "example.com";

fn report(data: &Path, arguments: &[&str]) -> std::process::Output {
    footfall().arg("report").args(arguments).arg("--data").arg(data).output().unwrap()
}

fn done(data: &Path, arguments: &[&str]) -> String {
    let output = report(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_report_is_sent_to_try_it_and_ended_by_who_got_it() {
    let data = tempfile::tempdir().unwrap();
    let smtp = Smtp::start();
    let password = data.path().join("mail-password");
    std::fs::write(&password, "violet teapot\n").unwrap();
    let config = format!(
        "mail_host = \"127.0.0.1\"\nmail_port = {}\nmail_tls = \"none\"\nmail_user = \"footfall\"\nmail_password_file = \"{}\"\n\
         mail_from = \"Footfall <footfall@{SITE}>\"\nmail_url = \"https://count.{SITE}\"\n[[site]]\ndomain = \"{SITE}\"\n",
        smtp.port,
        password.display()
    );
    let server = Server::configured(data.path(), &config);
    let file = data.path().join("footfall.toml");
    let with = |arguments: &[&str]| done(data.path(), &[arguments, &["--config", file.to_str().unwrap()]].concat());
    let made: Value =
        serde_json::from_str(&with(&["add", SITE, "weekly", "jane@example.com", "max@example.com", "--json"])).unwrap();
    let id = made["id"].as_str().unwrap();
    let listed = with(&["list", SITE]);
    assert_eq!(listed, format!("{id:<16} weekly   at 08:00 in en: jane@example.com max@example.com\n"));
    // A page view of the week that has ended, imported as it was.
    let today = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400).unwrap();
    let last_friday = (today - (today - 4).rem_euclid(7)) - 3;
    let at = crate::dashboard_ui::civil(last_friday);
    let events = data.path().join("events.jsonl");
    let event = |number: u8| {
        json!({ "name": "pageview", "url": format!("https://{SITE}/pricing"), "domain": SITE, "user_agent": crate::harness::AGENT,
                "ip": format!("126.142.77.{number}"), "timestamp": format!("{at}T12:00:00Z") })
        .to_string()
    };
    std::fs::write(&events, (1..=3).map(event).collect::<Vec<_>>().join("\n")).unwrap();
    let imported = footfall()
        .args(["import", "--format", "events", "--site", SITE, "--url", &server.url()])
        .arg(&events)
        .output()
        .unwrap();
    assert!(imported.status.success(), "{imported:?}");
    eventually("the imported visitors", || (server.totals(SITE, &["visitors"]) == [3]).then_some(()));
    assert_eq!(with(&["send", SITE, id, "--url", &server.url()]), "sent to 2 addresses\n");
    let mails = smtp.mails();
    let to: Vec<_> = mails.iter().flat_map(|mail| mail.recipients.clone()).collect();
    assert_eq!(to, ["jane@example.com", "max@example.com"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/read_mail.py");
    let read = mails[0].read(&script);
    let rows = read["rows"].as_array().unwrap();
    for row in [json!(["Visitors", "3", ""]), json!(["/pricing", "3", "3"])] {
        assert!(rows.contains(&row), "{row} in {rows:#?}");
    }
    assert_eq!((&read["loads"], read["pictures"].as_array().unwrap().len()), (&json!([]), 1));
    assert_eq!(
        smtp.credentials(),
        ["AGZvb3RmYWxsAHZpb2xldCB0ZWFwb3Q="; 2],
        "user and password, as RFC 4616 writes them"
    );
    // The mail program's one click, at this server.
    let link = read["headers"]["list-unsubscribe"].as_str().unwrap();
    let path = link.strip_prefix(&format!("<https://count.{SITE}")).unwrap().strip_suffix('>').unwrap();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(server.send("POST", path, &form, b"List-Unsubscribe=One-Click").status, 200);
    assert!(with(&["list", SITE]).ends_with("in en: max@example.com\n"));
    assert!(with(&["remove", SITE, id]).starts_with(id));
    let metrics = server.send("GET", "/metrics", &[("authorization", &format!("Bearer {TOKEN}"))], b"").text();
    assert!(metrics.contains("footfall_mails_total{result=\"test\"} 2"), "{metrics}");
    server.stop();
}

/// A TLS server in front of a mail server, ended when dropped.
struct Tls(std::process::Child, u16);

impl Tls {
    fn before(smtp: &Smtp, (certificate, key): (&Path, &Path), begins: Option<&str>) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/tls.py");
        let mut command = std::process::Command::new("python3");
        command.arg(script).arg(certificate).arg(key).arg(smtp.port.to_string()).args(begins);
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
        Self(child, line.trim().parse().unwrap())
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_mail_server_is_believed_only_where_it_is_vouched_for_and_spoken_to_in_secret() {
    let data = tempfile::tempdir().unwrap();
    let smtp = Smtp::start();
    let at = |name: &str| data.path().join(name);
    let [authority, authority_key, certificate, key] =
        ["authority.pem", "authority.key", "certificate.pem", "certificate.key"].map(at);
    let make = |name: &str, key: &Path, certificate: &Path, more: &[&str]| {
        let mut command = std::process::Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3"]);
        command.args(["-subj", &format!("/CN={name}"), "-keyout"]).arg(key).arg("-out").arg(certificate).args(more);
        let made = command.output().unwrap();
        assert!(made.status.success(), "{made:?}");
    };
    make("authority", &authority_key, &authority, &[]);
    let by = [authority.to_str().unwrap(), authority_key.to_str().unwrap()];
    let leaf = ["-CA", by[0], "-CAkey", by[1], "-addext", "basicConstraints=critical,CA:FALSE"];
    make("localhost", &key, &certificate, &[&leaf[..], &["-addext", "subjectAltName=DNS:localhost"]].concat());
    let tls = Tls::before(&smtp, (&certificate, &key), None);
    let later = Tls::before(&smtp, (&certificate, &key), Some("starttls"));
    // How the way is encrypted, the port, who the server says it is, whether its authority is believed; and what is said.
    let cases = [
        ("tls", tls.1, "localhost", true, "sent to 1 addresses"),
        ("tls", tls.1, "localhost", false, "did not take it"),
        ("tls", tls.1, "127.0.0.1", true, "did not take it"),
        ("starttls", later.1, "localhost", true, "sent to 1 addresses"),
        ("starttls", later.1, "localhost", false, "did not take it"),
        ("starttls", smtp.port, "localhost", true, "did not take it"),
    ];
    for (number, (way, port, host, believed, said)) in cases.into_iter().enumerate() {
        let directory = data.path().join(number.to_string());
        std::fs::create_dir(&directory).unwrap();
        let config = format!(
            "mail_host = \"{host}\"\nmail_port = {port}\nmail_tls = \"{way}\"\nmail_user = \"u\"\nmail_from = \"a@{SITE}\"\n\
             mail_url = \"https://count.{SITE}\"\n[[site]]\ndomain = \"{SITE}\"\n"
        );
        let file = directory.join("footfall.toml");
        std::fs::write(&file, config).unwrap();
        let mut command = footfall();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&directory).arg("--config").arg(&file);
        if believed {
            command.env("SSL_CERT_FILE", &authority);
        }
        let server = Server::logging(&mut command, &directory.join("log"));
        let with =
            |arguments: &[&str]| report(&directory, &[arguments, &["--config", file.to_str().unwrap()]].concat());
        let made: Value =
            serde_json::from_slice(&with(&["add", SITE, "weekly", "jane@example.com", "--json"]).stdout).unwrap();
        let output = with(&["send", SITE, made["id"].as_str().unwrap(), "--url", &server.url()]);
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(told.contains(said), "{way} {host} {believed}: {told}");
        server.stop();
    }
    assert_eq!((smtp.mails().len(), smtp.credentials().len()), (2, 2), "nothing was said to the others");
}

#[test]
fn what_is_wrong_with_the_mail_server_or_a_report_is_said() {
    let data = tempfile::tempdir().unwrap();
    for (config, said) in [
        ("mail_host = \"mail.example.com\"\n", "mail_from is missing"),
        ("mail_host = \"mail.example.com\"\nmail_from = \"a@example.com\"\n", "mail_url is missing"),
        (
            "mail_host = \"m\"\nmail_from = \"nobody\"\nmail_url = \"https://c\"\n",
            "an address such as footfall@example.com",
        ),
        (
            "mail_host = \"m\"\nmail_from = \"a@b\"\nmail_url = \"https://c\"\nmail_tls = \"ssl\"\n",
            "starttls, tls or none",
        ),
        ("mail_host = \"m\"\nmail_tls = \"ssl\"\nmail_port = 99999\n", "mail_from is missing"),
        ("mail_hosts = \"m\"\n", "did you mean `mail_host`"),
    ] {
        let file = data.path().join("wrong.toml");
        std::fs::write(&file, config).unwrap();
        let output = report(data.path(), &["list", SITE, "--config", file.to_str().unwrap()]);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && complaint.contains(said), "{config}: {complaint}");
    }
    let added = footfall().args(["site", "add", SITE, "--data"]).arg(data.path()).output().unwrap();
    assert!(added.status.success(), "{added:?}");
    let cases: [(&[&str], i32, &str); 4] = [
        (&["add", SITE, "daily", "a@example.com"], 2, "weekly, monthly"),
        (&["add", SITE, "weekly", "nobody"], 2, "such as jane@example.com"),
        (&["add", SITE, "weekly", "a@example.com", "--hour", "24"], 2, "0..=23"),
        (&["remove", SITE, "nothing"], 1, "footfall report list"),
    ];
    for (arguments, code, said) in cases {
        let output = report(data.path(), arguments);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(code) && complaint.contains(said), "{arguments:?}: {complaint}");
    }
}
