//! The mail server that reports are sent by. Its password stands in a file of its own, which is read at the start.

use std::path::PathBuf;

use dashboard::{MailServer, MailTls};

use super::{Reading, Setting, password};

/// The settings of this part.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "mail_host",
        default: "",
        help: "The mail server that reports are sent by; empty: no reports by e-mail.",
    },
    Setting { key: "mail_port", default: "", help: "Its port; empty: 465 for tls, 587 for starttls, 25 for none." },
    Setting {
        key: "mail_tls",
        default: "starttls",
        help: "How the way to it is encrypted: starttls, tls, or none for a server on this machine.",
    },
    Setting { key: "mail_user", default: "", help: "The user there; empty: none." },
    Setting { key: "mail_password_file", default: "", help: "The file that holds that user's password." },
    Setting { key: "mail_from", default: "", help: "Who reports are from, such as Footfall <footfall@example.com>." },
    Setting {
        key: "mail_url",
        default: "",
        help: "The dashboard's address as readers of mails open it, such as https://count.example.com.",
    },
];

/// The mail server, as it is configured.
#[derive(Clone, Debug)]
pub struct Mail {
    host: String,
    port: u16,
    tls: MailTls,
    user: String,
    password_file: Option<PathBuf>,
    from: String,
    url: String,
}

impl Mail {
    /// The server, with its password.
    ///
    /// # Errors
    /// The password cannot be read.
    pub fn server(&self) -> anyhow::Result<MailServer> {
        let credentials = match (self.user.as_str(), &self.password_file) {
            ("", _) => None,
            (user, None) => Some((user.to_owned(), String::new())),
            (user, Some(path)) => Some((user.to_owned(), password("mail_password_file", path)?)),
        };
        let Self { host, port, tls, from, url, .. } = self.clone();
        Ok(MailServer { host, port, tls, credentials, from, url })
    }
}

impl Reading {
    /// Checks the settings of this part; none where no server is named.
    pub(super) fn mail(&mut self) -> Option<Option<Mail>> {
        let text = |text: &str| Some(text.trim().to_owned());
        let host = self.parse("mail_host", "a host's name", text)?;
        if host.is_empty() {
            return Some(None);
        }
        let tls = self.parse("mail_tls", "starttls, tls or none", |text| match text {
            "starttls" => Some(MailTls::StartTls),
            "tls" => Some(MailTls::Tls),
            "none" => Some(MailTls::None),
            _ => None,
        });
        let usual = match tls {
            Some(MailTls::Tls) => 465,
            Some(MailTls::StartTls) | None => 587,
            Some(MailTls::None) => 25,
        };
        let port = self.parse("mail_port", "a port", |text| match text {
            "" => Some(usual),
            text => text.parse().ok().filter(|port| *port > 0),
        });
        let user = self.parse("mail_user", "a user", text);
        let password_file = self.parse("mail_password_file", "a path", |text| Some(PathBuf::from(text)));
        let needed = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let from = self.parse("mail_from", "an address such as footfall@example.com, which mail_host needs", |text| {
            needed(text).filter(|text| text.contains('@'))
        });
        let url =
            self.parse("mail_url", "an address such as https://count.example.com, which mail_host needs", |text| {
                needed(text).filter(|text| text.starts_with("https://") || text.starts_with("http://"))
            });
        for (key, is_there) in [("mail_from", from.is_some()), ("mail_url", url.is_some())] {
            // A mistake in what was said is told already.
            if !is_there && !self.said.contains_key(key) {
                self.mistake(format!("{key} is missing: mail_host needs it"));
            }
        }
        // Every mistake is told before the first ends this.
        let password_file = password_file.map(|path| Some(path).filter(|path| !path.as_os_str().is_empty()))?;
        Some(Some(Mail { host, port: port?, tls: tls?, user: user?, password_file, from: from?, url: url? }))
    }
}
