//! Sessions: what a browser shows instead of a password, from signing in until it is over.
//!
//! A session ends three ways: nobody used it until `idle_until`, it is older than `expires` allows, or somebody ended it. Whoever
//! opens it says how long; here it is only kept, and forgotten when it is over.

use model::Millis;
use serde_json::json;

use super::users::{User, user};
use super::{Login, SecretDigest};
use crate::audit::{Deed, note, plain};
use crate::database::{Transaction, Value};
use crate::{Settings, SettingsError};

/// Most sessions of a user: one more ends the one that was not used for longest.
pub const SESSIONS_PER_USER_MAX: usize = 20;
/// Longest label of a client, in characters.
const CLIENT_CHARS_MAX: usize = 60;

/// A session as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name, which opens nothing.
    pub id: String,
    /// Whose it is.
    pub login: Login,
    /// A coarse word for what it was opened with, such as "Firefox on Linux".
    pub client: String,
    /// Since when it is open.
    pub created: Millis,
    /// When it was last used, to the minute.
    pub seen: Millis,
    /// Until when it lives unless it is used.
    pub idle_until: Millis,
    /// Until when it lives.
    pub expires: Millis,
}

type SessionRow = (String, String, String, i64, i64, i64, i64);

impl Settings {
    /// Opens a session; `session`'s times of beginning are set to now. It notes that its user has signed in.
    ///
    /// # Errors
    /// The database cannot be reached, or the user is not there.
    pub async fn open_session(&self, digest: &SecretDigest, session: &Session) -> Result<(), SettingsError> {
        plain("a session's client", &session.client, CLIENT_CHARS_MAX)?;
        let tried = "opening a session";
        let now = self.clock.now();
        let call = async {
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            let login = Value::Text(session.login.as_str());
            // The one who signs in may have been removed or disabled since the password was compared.
            if user(&mut changing, &session.login).await?.is_none_or(|user| user.disabled_at.is_some()) {
                return Err(SettingsError::Refused(format!("{} may not sign in", session.login)));
            }
            let over = "DELETE FROM sessions WHERE expires <= $1 OR idle_until <= $1";
            changing.run(over, &[Value::Number(now.0)]).await?;
            make_room(&mut changing, &session.login).await?;
            let sql = "INSERT INTO sessions (sha256, id, login, client, created, seen, idle_until, expires) \
                       VALUES ($1, $2, $3, $4, $5, $5, $6, $7)";
            let (hex, id) = (digest.hex(), digest.id());
            let times = [now.0, session.idle_until.0, session.expires.0].map(Value::Number);
            let [begun, idle, expires] = times;
            let client = Value::Text(&session.client);
            changing.run(sql, &[Value::Text(&hex), Value::Text(&id), login, client, begun, idle, expires]).await?;
            let deed = Deed {
                who: session.login.as_str(),
                what: "signed_in",
                site: None,
                detail: json!({ "session": id, "client": session.client }),
            };
            note(&mut changing, now, &deed).await?;
            changing.commit().await
        };
        self.database.within(tried, call).await
    }

    /// The session of a secret and its user, where it lives.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn session(&self, digest: &SecretDigest) -> Result<Option<(Session, User)>, SettingsError> {
        let tried = "reading a session";
        let now = self.clock.now();
        let call = async {
            let mut reading = self.database.read(tried).await?;
            let sql = "SELECT id, login, client, created, seen, idle_until, expires FROM sessions \
                       WHERE sha256 = $1 AND idle_until > $2 AND expires > $2";
            let hex = digest.hex();
            let row = reading.row::<SessionRow>(sql, &[Value::Text(&hex), Value::Number(now.0)]).await?;
            let Some(session) = row.map(|row| read(row, &reading)).transpose()? else { return Ok(None) };
            let user = user(&mut reading, &session.login).await?.filter(|user| user.disabled_at.is_none());
            Ok(user.map(|user| (session, user)))
        };
        self.database.within(tried, call).await
    }

    /// Remembers that a session was used now, and until when it lives unless it is used again.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn touch_session(&self, digest: &SecretDigest, idle_until: Millis) -> Result<(), SettingsError> {
        let tried = "keeping a session";
        let hex = digest.hex();
        let call = async {
            let mut changing = self.database.change(tried).await?;
            let sql = "UPDATE sessions SET seen = $2, idle_until = $3 WHERE sha256 = $1";
            let values = [Value::Text(&hex), Value::Number(self.clock.now().0), Value::Number(idle_until.0)];
            changing.run(sql, &values).await?;
            changing.commit().await
        };
        self.database.within(tried, call).await
    }

    /// The sessions of a user that live, last used first.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn sessions(&self, login: &Login) -> Result<Vec<Session>, SettingsError> {
        let tried = "listing sessions";
        let now = self.clock.now();
        let call = async {
            let mut reading = self.database.read(tried).await?;
            let sql = "SELECT id, login, client, created, seen, idle_until, expires FROM sessions \
                       WHERE login = $1 AND idle_until > $2 AND expires > $2 ORDER BY seen DESC, sha256";
            let values = [Value::Text(login.as_str()), Value::Number(now.0)];
            let rows = reading.rows::<SessionRow>(sql, &values).await?;
            rows.into_iter().map(|row| read(row, &reading)).collect()
        };
        self.database.within(tried, call).await
    }

    /// Ends sessions of a user: one by its name, or all but one that is spared. Returns how many.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn end_sessions(&self, login: &Login, which: Ended<'_>, who: &str) -> Result<i64, SettingsError> {
        let tried = "ending sessions";
        let (counted, ended, text) = match which {
            Ended::One(id) => (
                "SELECT COUNT(*) FROM sessions WHERE login = $1 AND id = $2",
                "DELETE FROM sessions WHERE login = $1 AND id = $2",
                id,
            ),
            Ended::AllBut(spared) => (
                "SELECT COUNT(*) FROM sessions WHERE login = $1 AND id <> $2",
                "DELETE FROM sessions WHERE login = $1 AND id <> $2",
                spared.unwrap_or_default(),
            ),
        };
        let call = async {
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            let values = [Value::Text(login.as_str()), Value::Text(text)];
            let count = changing.row::<(i64,)>(counted, &values).await?.unwrap_or_default().0;
            if count == 0 {
                return Ok(0);
            }
            changing.run(ended, &values).await?;
            let detail = json!({ "login": login.as_str(), "sessions": count });
            let what = if who == login.as_str() && count == 1 { "signed_out" } else { "sessions_ended" };
            note(&mut changing, self.clock.now(), &Deed { who, what, site: None, detail }).await?;
            changing.commit().await?;
            Ok(count)
        };
        self.database.within(tried, call).await
    }
}

/// Which sessions end.
#[derive(Clone, Copy, Debug)]
pub enum Ended<'e> {
    /// The one of this name.
    One(&'e str),
    /// All, but the one of this name where it is given.
    AllBut(Option<&'e str>),
}

/// Ends what was not used for longest, so that one more has room.
async fn make_room(changing: &mut Transaction, login: &Login) -> Result<(), SettingsError> {
    let sql = "SELECT sha256 FROM sessions WHERE login = $1 ORDER BY seen DESC, sha256";
    let rows = changing.rows::<(String,)>(sql, &[Value::Text(login.as_str())]).await?;
    for (sha256,) in rows.iter().skip(SESSIONS_PER_USER_MAX - 1) {
        changing.run("DELETE FROM sessions WHERE sha256 = $1", &[Value::Text(sha256)]).await?;
    }
    Ok(())
}

fn read(
    (id, login, client, created, seen, idle_until, expires): SessionRow,
    from: &Transaction,
) -> Result<Session, SettingsError> {
    let login = Login::parse(&login).map_err(|error| from.foreign(format!("a session cannot be read: {error}")))?;
    let [created, seen, idle_until, expires] = [created, seen, idle_until, expires].map(Millis);
    Ok(Session { id, login, client, created, seen, idle_until, expires })
}
