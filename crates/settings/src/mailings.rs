//! Mailings: which reports of a site are sent by e-mail, to whom, and up to which period each of them has got theirs.
//!
//! Any number of dashboards look for what is due. The one that takes it ([`Settings::take_mail`]) has it for a while; when it says
//! nothing by then, another one takes it. So a mail is sent again after a crash between sending and noting it, and never forgotten.

use std::collections::HashMap;
use std::fmt;

use model::{Domain, Millis};
use serde_json::json;

use crate::accounts::words;
use crate::audit::{Deed, note};
use crate::database::{Transaction, Value};
use crate::{Settings, SettingsError};

/// Most mailings of a site.
pub const MAILINGS_PER_SITE_MAX: i64 = 20;
/// Most recipients of one.
pub const RECIPIENTS_MAX: usize = 20;
/// Longest address, in bytes (RFC 5321 with its brackets).
const ADDRESS_BYTES_MAX: usize = 254;

words! {
    /// How often a report is sent.
    Rhythm, "a rhythm" {
        /// On Monday, of the week before.
        Weekly = "weekly",
        /// On the first, of the month before.
        Monthly = "monthly",
    }
}

words! {
    /// What language a report is written in.
    Tongue, "a language" {
        /// English.
        English = "en",
        /// Japanese.
        Japanese = "ja",
    }
}

/// Where a report is sent: one address, as a mail's header takes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

impl Address {
    /// Reads an address such as `jane@example.com`.
    ///
    /// # Errors
    /// It is none, or holds what a header would read as something else.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let text = text.trim();
        let atom = |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(letter);
        let host = |letter: char| letter.is_ascii_alphanumeric() || "-.".contains(letter);
        let dots = |part: &str| !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
        let is_good = text.rsplit_once('@').is_some_and(|(name, domain)| {
            (1..=64).contains(&name.len())
                && name.chars().all(atom)
                && dots(name)
                && !domain.is_empty()
                && domain.chars().all(host)
                && dots(domain)
        });
        if is_good && text.len() <= ADDRESS_BYTES_MAX {
            return Ok(Self(text.to_owned()));
        }
        let shown: String = text.chars().filter(|letter| !letter.is_control()).take(80).collect();
        Err(SettingsError::Refused(format!("an address is such as jane@example.com, without a name; not {shown:?}")))
    }

    /// As it is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is sent, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailingTerms {
    /// How often.
    pub rhythm: Rhythm,
    /// The hour of the site's day, from 0 to 23.
    pub hour: u8,
    /// In which language.
    pub language: Tongue,
}

/// A mailing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailing {
    /// Its name.
    pub id: String,
    /// Of which site.
    pub site: Domain,
    /// What is sent.
    pub terms: MailingTerms,
    /// To whom, by address.
    pub recipients: Vec<Recipient>,
    /// Who made it, as the audit log says it.
    pub made_by: String,
    /// Since when it is there.
    pub created: Millis,
}

/// Somebody who gets it.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Where.
    pub address: Address,
    /// What their link to unsubscribe shows.
    pub secret: String,
    /// The last day of the last period they have got, as days since 1970.
    pub sent_through: Option<i64>,
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({} through {:?})", self.address, self.sent_through)
    }
}

/// A mail: whose, and of which period.
#[derive(Clone, Copy, Debug)]
pub struct Mail<'m> {
    /// The mailing.
    pub mailing: &'m Mailing,
    /// To whom.
    pub address: &'m Address,
    /// The period's last day, as days since 1970.
    pub through: i64,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailEnd {
    /// The server has taken it.
    Sent,
    /// It is not tried again.
    GivenUp,
}

type MailingRow = (String, String, String, i64, String, String, i64);
type RecipientRow = (String, String, String, Option<i64>);

impl Settings {
    /// Keeps a new mailing; each recipient comes with the secret of their link to unsubscribe.
    ///
    /// # Errors
    /// The database cannot be reached, or it is beyond what is kept.
    pub async fn add_mailing(
        &self,
        (id, site): (&str, &Domain),
        terms: MailingTerms,
        recipients: &[(Address, String)],
        who: &str,
    ) -> Result<Mailing, SettingsError> {
        if terms.hour > 23 {
            return Err(SettingsError::Refused("the hour of a day is from 0 to 23".to_owned()));
        }
        if recipients.is_empty() || recipients.len() > RECIPIENTS_MAX {
            let reason = format!("a report is sent to 1 to {RECIPIENTS_MAX} addresses: make another one for more");
            return Err(SettingsError::Refused(reason));
        }
        let tried = "adding a report by e-mail";
        let now = self.clock.now();
        let call = async {
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            let count = "SELECT COUNT(*) FROM mailings WHERE site = $1";
            let count = changing.row::<(i64,)>(count, &[Value::Text(site.as_str())]).await?.unwrap_or_default().0;
            if count >= MAILINGS_PER_SITE_MAX {
                let reason = format!("{site} has {count} reports by e-mail, and no room for more: remove one first");
                return Err(SettingsError::Refused(reason));
            }
            let sql = "INSERT INTO mailings (id, site, rhythm, hour, language, made_by, created) VALUES ($1, $2, $3, $4, $5, $6, $7)";
            let values = [
                Value::Text(id),
                Value::Text(site.as_str()),
                Value::Text(terms.rhythm.as_str()),
                Value::Number(terms.hour.into()),
                Value::Text(terms.language.as_str()),
                Value::Text(who),
                Value::Number(now.0),
            ];
            changing.run(sql, &values).await?;
            for (address, secret) in recipients {
                let sql = "INSERT INTO mailing_recipients (mailing, address, secret, attempts) VALUES ($1, $2, $3, 0) \
                           ON CONFLICT (mailing, address) DO NOTHING";
                changing.run(sql, &[Value::Text(id), Value::Text(address.as_str()), Value::Text(secret)]).await?;
            }
            let detail = json!({
                "report": id, "rhythm": terms.rhythm.as_str(), "hour": terms.hour, "language": terms.language.as_str(),
                "recipients": recipients.iter().map(|(address, _)| address.as_str()).collect::<Vec<_>>(),
            });
            note(&mut changing, now, &Deed { who, what: "report_added", site: Some(site), detail }.shortened()).await?;
            let kept = of_site(&mut changing, Some(site)).await?.into_iter().find(|mailing| mailing.id == id);
            changing.commit().await?;
            kept.ok_or_else(|| SettingsError::Refused("the report is gone already".to_owned()))
        };
        self.database.within(tried, call).await
    }

    /// The mailings of a site, or of all, by age.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn mailings(&self, site: Option<&Domain>) -> Result<Vec<Mailing>, SettingsError> {
        let tried = "listing the reports by e-mail";
        let call = async { of_site(&mut self.database.read(tried).await?, site).await };
        self.database.within(tried, call).await
    }

    /// Removes a mailing of a site. False where the site has none of that id.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn remove_mailing(&self, site: &Domain, id: &str, who: &str) -> Result<bool, SettingsError> {
        let tried = "removing a report by e-mail";
        let call = async {
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            let found = "SELECT id FROM mailings WHERE site = $1 AND id = $2";
            let values = [Value::Text(site.as_str()), Value::Text(id)];
            if changing.row::<(String,)>(found, &values).await?.is_none() {
                return Ok(false);
            }
            for sql in ["DELETE FROM mailing_recipients WHERE mailing = $1", "DELETE FROM mailings WHERE id = $1"] {
                changing.run(sql, &[Value::Text(id)]).await?;
            }
            let detail = json!({ "report": id });
            let deed = Deed { who, what: "report_removed", site: Some(site), detail };
            note(&mut changing, self.clock.now(), &deed).await?;
            changing.commit().await?;
            Ok(true)
        };
        self.database.within(tried, call).await
    }

    /// Takes whoever has this secret off their mailing. False where nobody has it any more.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn unsubscribe(&self, secret: &str) -> Result<bool, SettingsError> {
        let tried = "ending a report by e-mail";
        let found =
            "SELECT m.id, m.site FROM mailing_recipients r JOIN mailings m ON m.id = r.mailing WHERE r.secret = $1";
        let call = async {
            // Anybody may guess: for that nobody's turn is taken.
            let mut reading = self.database.read(tried).await?;
            if reading.row::<(String, String)>(found, &[Value::Text(secret)]).await?.is_none() {
                return Ok(false);
            }
            drop(reading);
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            let row = changing.row::<(String, String)>(found, &[Value::Text(secret)]).await?;
            let Some((id, site)) = row else { return Ok(false) };
            let site = domain(&site, &changing)?;
            changing.run("DELETE FROM mailing_recipients WHERE secret = $1", &[Value::Text(secret)]).await?;
            let detail = json!({ "report": id });
            let deed = Deed { who: "a recipient", what: "report_unsubscribed", site: Some(&site), detail };
            note(&mut changing, self.clock.now(), &deed).await?;
            changing.commit().await?;
            Ok(true)
        };
        self.database.within(tried, call).await
    }

    /// Takes a mail to send it, for so long: which attempt it is, or nothing where it was sent, another one has it, or it has to wait.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn take_mail(&self, mail: Mail<'_>, until: Millis) -> Result<Option<i64>, SettingsError> {
        let tried = "taking a report to send it";
        let call = async {
            let mut changing = self.database.change(tried).await?;
            let sql = "UPDATE mailing_recipients SET trying_through = $3, retry_at = $4, \
                       attempts = CASE WHEN trying_through = $3 THEN attempts + 1 ELSE 1 END \
                       WHERE mailing = $1 AND address = $2 AND (sent_through IS NULL OR sent_through < $3) \
                       AND (trying_through IS NULL OR trying_through <> $3 OR retry_at <= $5) RETURNING attempts";
            let [id, address, through] = keys(&mail);
            let values = [id, address, through, Value::Number(until.0), Value::Number(self.clock.now().0)];
            let taken = changing.row::<(i64,)>(sql, &values).await?.map(|(attempt,)| attempt);
            changing.commit().await?;
            Ok(taken)
        };
        self.database.within(tried, call).await
    }

    /// Lets a mail that was not sent be tried again from then on.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn put_mail_off(&self, mail: Mail<'_>, until: Millis) -> Result<(), SettingsError> {
        let tried = "putting a report off";
        let call = async {
            let mut changing = self.database.change(tried).await?;
            let sql = "UPDATE mailing_recipients SET retry_at = $4 WHERE mailing = $1 AND address = $2 AND trying_through = $3";
            let [id, address, through] = keys(&mail);
            changing.run(sql, &[id, address, through, Value::Number(until.0)]).await?;
            changing.commit().await
        };
        self.database.within(tried, call).await
    }

    /// Notes that nobody has to send a mail any more, here and in the audit log.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn end_mail(&self, mail: Mail<'_>, end: MailEnd) -> Result<(), SettingsError> {
        let tried = "noting a report that was sent";
        let call = async {
            let mut changing = self.database.change(tried).await?;
            let sql = "UPDATE mailing_recipients SET sent_through = $3, trying_through = NULL, attempts = 0, retry_at = NULL \
                       WHERE mailing = $1 AND address = $2";
            changing.run(sql, &keys(&mail)).await?;
            let what = if end == MailEnd::Sent { "report_sent" } else { "report_given_up" };
            let detail = json!({ "report": mail.mailing.id, "through_day": mail.through });
            let deed = Deed { who: "footfall", what, site: Some(&mail.mailing.site), detail };
            note(&mut changing, self.clock.now(), &deed).await?;
            changing.commit().await
        };
        self.database.within(tried, call).await
    }
}

/// Removes what is sent of a site that is removed.
pub(crate) async fn forget(changing: &mut Transaction, site: &Domain) -> Result<(), SettingsError> {
    let site = [Value::Text(site.as_str())];
    let recipients = "DELETE FROM mailing_recipients WHERE mailing IN (SELECT id FROM mailings WHERE site = $1)";
    changing.run(recipients, &site).await?;
    changing.run("DELETE FROM mailings WHERE site = $1", &site).await
}

fn keys<'m>(mail: &Mail<'m>) -> [Value<'m>; 3] {
    [Value::Text(&mail.mailing.id), Value::Text(mail.address.as_str()), Value::Number(mail.through)]
}

async fn of_site(from: &mut Transaction, site: Option<&Domain>) -> Result<Vec<Mailing>, SettingsError> {
    let of = [Value::Text(site.map_or("", Domain::as_str))];
    let sql = "SELECT id, site, rhythm, hour, language, made_by, created FROM mailings \
               WHERE $1 = '' OR site = $1 ORDER BY created, id";
    let rows = from.rows::<MailingRow>(sql, &of).await?;
    let sql = "SELECT mailing, address, secret, sent_through FROM mailing_recipients \
               WHERE mailing IN (SELECT id FROM mailings WHERE $1 = '' OR site = $1)";
    let mut recipients: HashMap<String, Vec<Recipient>> = HashMap::new();
    for (mailing, address, secret, sent_through) in from.rows::<RecipientRow>(sql, &of).await? {
        if let Ok(address) = Address::parse(&address) {
            recipients.entry(mailing).or_default().push(Recipient { address, secret, sent_through });
        }
    }
    let mut mailings = Vec::with_capacity(rows.len());
    for (id, site, rhythm, hour, language, made_by, created) in rows {
        // What a newer version sends otherwise is not sent by this one.
        let (Ok(rhythm), Ok(language), Ok(hour)) =
            (Rhythm::parse(&rhythm), Tongue::parse(&language), u8::try_from(hour))
        else {
            continue;
        };
        let mut recipients = recipients.remove(&id).unwrap_or_default();
        recipients.sort_by(|one, other| one.address.cmp(&other.address));
        let (site, terms) = (domain(&site, from)?, MailingTerms { rhythm, hour, language });
        mailings.push(Mailing { id, site, terms, recipients, made_by, created: Millis(created) });
    }
    Ok(mailings)
}

fn domain(text: &str, from: &Transaction) -> Result<Domain, SettingsError> {
    Domain::parse(text).map_err(|error| from.foreign(format!("a report by e-mail cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_address() {
        for good in ["jane@example.com", " j.o'neil+x@sub.example.com ", "a@localhost"] {
            assert_eq!(Address::parse(good).unwrap().as_str(), good.trim());
        }
        for wrong in [
            "",
            "jane",
            "@example.com",
            "jane@",
            "a@b@c",
            "jane doe@example.com",
            "jane@exa mple.com",
            "Jane <jane@example.com>",
            "jane@example.com,max@example.com",
            "jane@example.com\r\nBcc: x@example.com",
            "jané@example.com",
            ".jane@example.com",
            "jane..doe@example.com",
            "jane@example..com",
            "\"jane\"@example.com",
        ] {
            assert!(Address::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(Address::parse(&format!("{}@example.com", "a".repeat(65))).is_err());
    }
}
