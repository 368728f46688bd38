//! Users: list, one, add, change, remove, and what they are granted. Each change is a line of the audit log, in its transaction.

use std::collections::BTreeMap;

use model::Millis;
use serde_json::{Value as Json, json};

use super::{Grant, Login, PasswordHash, Reach, Role, SecretDigest};
use crate::audit::{Deed, note};
use crate::database::{Transaction, Value};
use crate::{Settings, SettingsError};

/// Most users of one database: they are listed whole.
pub const USERS_MAX: i64 = 10_000;
/// Most grants of a user: they are read with every request of theirs.
pub const GRANTS_PER_USER_MAX: i64 = 1_000;

/// A user, without the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// How they are called.
    pub login: Login,
    /// Since when they are known.
    pub created: Millis,
    /// Since when the password is the one it is.
    pub password_at: Millis,
    /// Whether somebody else chose the password: then it opens nothing but its own change.
    pub temporary: bool,
    /// Since when they may not sign in, where they may not.
    pub disabled_at: Option<Millis>,
    /// What they are granted.
    pub grants: Vec<Grant>,
}

/// A user to add.
#[derive(Clone, Debug)]
pub struct NewUser<'n> {
    /// How they are called.
    pub login: &'n Login,
    /// The hash of their password.
    pub password: &'n PasswordHash,
    /// Whether they have to change it first.
    pub temporary: bool,
    /// What they are granted from the beginning.
    pub grants: &'n [Grant],
    /// Whether they are only added where nobody is there yet.
    pub first: bool,
}

/// What became of a user that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// They are there now.
    Yes,
    /// Somebody is called so already.
    Exists,
    /// They were to be the first, and are not.
    NotFirst,
}

pub(crate) type UserRow = (String, i64, i64, i64, Option<i64>);

const ALL: &str = "SELECT login, created, password_at, temporary, disabled_at FROM users";
const ONE: &str = "SELECT login, created, password_at, temporary, disabled_at FROM users WHERE login = $1";

impl Settings {
    /// Whether there is any user.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn has_users(&self) -> Result<bool, SettingsError> {
        let tried = "looking for users";
        let call = async { Ok(count(&mut self.database.read(tried).await?).await? > 0) };
        self.database.within(tried, call).await
    }

    /// All users, by login.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn users(&self) -> Result<Vec<User>, SettingsError> {
        let tried = "listing the users";
        let call = async {
            let mut reading = self.database.read(tried).await?;
            let users = reading.rows::<UserRow>(ALL, &[]).await?;
            let grants = reading.rows::<(String, String, String)>("SELECT login, site, role FROM grants", &[]).await?;
            let mut of_each: BTreeMap<String, Vec<Grant>> = BTreeMap::new();
            for (login, site, role) in grants {
                of_each.entry(login).or_default().extend(granted(&site, &role));
            }
            let mut users = users
                .into_iter()
                .map(|row| {
                    let grants = of_each.remove(&row.0).unwrap_or_default();
                    read(row, grants).map_err(|reason| reading.foreign(reason))
                })
                .collect::<Result<Vec<_>, _>>()?;
            users.sort_by(|one, other| one.login.cmp(&other.login));
            Ok(users)
        };
        self.database.within(tried, call).await
    }

    /// One user.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn user(&self, login: &Login) -> Result<Option<User>, SettingsError> {
        let tried = "reading a user";
        let call = async { user(&mut self.database.read(tried).await?, login).await };
        self.database.within(tried, call).await
    }

    /// One user with the hash of the password, for whoever compares it.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn credentials(&self, login: &Login) -> Result<Option<(User, PasswordHash)>, SettingsError> {
        let tried = "reading a user";
        let call = async {
            let mut reading = self.database.read(tried).await?;
            let Some(user) = user(&mut reading, login).await? else { return Ok(None) };
            let sql = "SELECT password FROM users WHERE login = $1";
            let kept = reading.row::<(String,)>(sql, &[Value::Text(login.as_str())]).await?;
            Ok(kept.map(|(password,)| (user, PasswordHash(password))))
        };
        self.database.within(tried, call).await
    }

    /// Adds a user.
    ///
    /// # Errors
    /// The database cannot be reached, or there is no room for more.
    pub async fn add_user(&self, new: &NewUser<'_>, who: &str) -> Result<Added, SettingsError> {
        let tried = "adding a user";
        let now = self.clock.now();
        let call = async {
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            let count = count(&mut changing).await?;
            if new.first && count > 0 {
                return Ok(Added::NotFirst);
            }
            if user(&mut changing, new.login).await?.is_some() {
                return Ok(Added::Exists);
            }
            if count >= USERS_MAX {
                return Err(SettingsError::Refused(format!("there are {count} users, and no room for more")));
            }
            let sql =
                "INSERT INTO users (login, password, temporary, created, password_at) VALUES ($1, $2, $3, $4, $4)";
            let login = Value::Text(new.login.as_str());
            let temporary = Value::Number(i64::from(new.temporary));
            changing.run(sql, &[login, Value::Text(&new.password.0), temporary, Value::Number(now.0)]).await?;
            for grant in new.grants {
                give(&mut changing, new.login, grant).await?;
            }
            let detail = json!({ "login": new.login.as_str(), "grants": told(new.grants), "first": new.first });
            note(&mut changing, now, &Deed { who, what: "user_added", site: None, detail }.shortened()).await?;
            changing.commit().await?;
            Ok(Added::Yes)
        };
        self.database.within(tried, call).await
    }

    /// Gives a user another password, and ends all their sessions but one that is spared. False where nobody is called so.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn set_password(
        &self,
        (login, password): (&Login, &PasswordHash),
        temporary: bool,
        spare: Option<&SecretDigest>,
        who: &str,
    ) -> Result<bool, SettingsError> {
        let sql = "UPDATE users SET password = $2, temporary = $3, password_at = $4 WHERE login = $1";
        let now = self.clock.now();
        let temporary_number = Value::Number(i64::from(temporary));
        let values = [Value::Text(login.as_str()), Value::Text(&password.0), temporary_number, Value::Number(now.0)];
        let spared = spare.map(SecretDigest::hex).unwrap_or_default();
        let end = ("DELETE FROM sessions WHERE login = $1 AND sha256 <> $2", spared.as_str());
        self.change_user(login, (sql, &values), &[end], ("password_changed", json!({ "temporary": temporary })), who)
            .await
    }

    /// Replaces a password's hash by a newer kind of the same password's, unless it was changed meanwhile. Nothing has changed for
    /// anybody, so it is no line of the audit log.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn rehash(&self, login: &Login, from: &PasswordHash, to: &PasswordHash) -> Result<(), SettingsError> {
        let tried = "renewing a password's hash";
        let call = async {
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            let sql = "UPDATE users SET password = $3 WHERE login = $1 AND password = $2";
            changing.run(sql, &[Value::Text(login.as_str()), Value::Text(&from.0), Value::Text(&to.0)]).await?;
            changing.commit().await
        };
        self.database.within(tried, call).await
    }

    /// Lets a user in no more, or again. Their sessions end; their tokens rest for as long. False where nobody is called so.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn set_disabled(&self, login: &Login, disabled: bool, who: &str) -> Result<bool, SettingsError> {
        let sql = "UPDATE users SET disabled_at = $2 WHERE login = $1";
        let at = Value::MaybeNumber(disabled.then(|| self.clock.now().0));
        let end = ("DELETE FROM sessions WHERE login = $1 AND sha256 <> $2", "");
        let what = if disabled { "user_disabled" } else { "user_enabled" };
        self.change_user(login, (sql, &[Value::Text(login.as_str()), at]), &[end], (what, json!({})), who).await
    }

    /// Removes a user with their grants, sessions and tokens. False where nobody is called so.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn remove_user(&self, login: &Login, who: &str) -> Result<bool, SettingsError> {
        let all = [
            ("DELETE FROM sessions WHERE login = $1 AND sha256 <> $2", ""),
            ("DELETE FROM grants WHERE login = $1 AND site <> $2", ""),
            ("DELETE FROM token_sites WHERE id IN (SELECT id FROM tokens WHERE owner = $1) AND site <> $2", ""),
            ("DELETE FROM tokens WHERE owner = $1 AND sha256 <> $2", ""),
        ];
        let sql = "DELETE FROM users WHERE login = $1";
        self.change_user(login, (sql, &[Value::Text(login.as_str())]), &all, ("user_removed", json!({})), who).await
    }

    /// Changes a user that is there: one statement about them, and others with their login and one text more.
    async fn change_user(
        &self,
        login: &Login,
        (sql, values): (&'static str, &[Value<'_>]),
        more: &[(&'static str, &str)],
        (what, detail): (&str, Json),
        who: &str,
    ) -> Result<bool, SettingsError> {
        let tried = "changing a user";
        let call = async {
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            if user(&mut changing, login).await?.is_none() {
                return Ok(false);
            }
            for (sql, text) in more {
                changing.run(sql, &[Value::Text(login.as_str()), Value::Text(text)]).await?;
            }
            changing.run(sql, values).await?;
            let mut detail = detail;
            if let Some(fields) = detail.as_object_mut() {
                fields.insert("login".to_owned(), login.as_str().into());
            }
            note(&mut changing, self.clock.now(), &Deed { who, what, site: None, detail }).await?;
            changing.commit().await?;
            Ok(true)
        };
        self.database.within(tried, call).await
    }

    /// Grants a role. False where nobody is called so; what is granted already stays so, and is no line of the audit log.
    ///
    /// # Errors
    /// The database cannot be reached, or the user has as many grants as are kept.
    pub async fn grant(&self, login: &Login, grant: &Grant, who: &str) -> Result<bool, SettingsError> {
        self.change_grants(login, grant, true, who).await
    }

    /// Takes a role back. False where nobody is called so; what was not granted stays so.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn revoke(&self, login: &Login, grant: &Grant, who: &str) -> Result<bool, SettingsError> {
        self.change_grants(login, grant, false, who).await
    }

    async fn change_grants(
        &self,
        login: &Login,
        grant: &Grant,
        wanted: bool,
        who: &str,
    ) -> Result<bool, SettingsError> {
        let tried = "changing a user's grants";
        let call = async {
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            let Some(user) = user(&mut changing, login).await? else { return Ok(false) };
            if user.grants.contains(grant) == wanted {
                return Ok(true);
            }
            if wanted {
                give(&mut changing, login, grant).await?;
            } else {
                let sql = "DELETE FROM grants WHERE login = $1 AND site = $2 AND role = $3";
                changing.run(sql, &bound(login, grant)).await?;
            }
            let what = if wanted { "granted" } else { "revoked" };
            let detail =
                json!({ "login": login.as_str(), "role": grant.role().as_str(), "site": grant.reach().as_str() });
            let deed = Deed { who, what, site: grant.reach().site(), detail };
            note(&mut changing, self.clock.now(), &deed).await?;
            changing.commit().await?;
            Ok(true)
        };
        self.database.within(tried, call).await
    }
}

fn bound<'b>(login: &'b Login, grant: &'b Grant) -> [Value<'b>; 3] {
    [Value::Text(login.as_str()), Value::Text(grant.reach().as_str()), Value::Text(grant.role().as_str())]
}

async fn give(changing: &mut Transaction, login: &Login, grant: &Grant) -> Result<(), SettingsError> {
    let sql = "SELECT COUNT(*) FROM grants WHERE login = $1";
    let count = changing.row::<(i64,)>(sql, &[Value::Text(login.as_str())]).await?.unwrap_or_default().0;
    if count >= GRANTS_PER_USER_MAX {
        return Err(SettingsError::Refused(format!(
            "{login} has {count} grants, and no room for more: grant * instead"
        )));
    }
    let sql = "INSERT INTO grants (login, site, role) VALUES ($1, $2, $3) ON CONFLICT (login, site, role) DO NOTHING";
    changing.run(sql, &bound(login, grant)).await
}

fn told(grants: &[Grant]) -> Vec<Json> {
    grants.iter().map(|grant| json!([grant.role().as_str(), grant.reach().as_str()])).collect()
}

async fn count(transaction: &mut Transaction) -> Result<i64, SettingsError> {
    Ok(transaction.row::<(i64,)>("SELECT COUNT(*) FROM users", &[]).await?.unwrap_or_default().0)
}

/// One user with what they are granted, as of this transaction.
pub(crate) async fn user(transaction: &mut Transaction, login: &Login) -> Result<Option<User>, SettingsError> {
    let key = [Value::Text(login.as_str())];
    let Some(row) = transaction.row::<UserRow>(ONE, &key).await? else { return Ok(None) };
    let grants = transaction.rows::<(String, String)>("SELECT site, role FROM grants WHERE login = $1", &key).await?;
    let grants = grants.iter().filter_map(|(site, role)| granted(site, role)).collect();
    read(row, grants).map(Some).map_err(|reason| transaction.foreign(reason))
}

fn read(
    (login, created, password_at, temporary, disabled_at): UserRow,
    mut grants: Vec<Grant>,
) -> Result<User, String> {
    let login = Login::parse(&login).map_err(|error| format!("a user cannot be read: {error}"))?;
    grants.sort();
    let disabled_at = disabled_at.map(Millis);
    Ok(User {
        login,
        created: Millis(created),
        password_at: Millis(password_at),
        temporary: temporary != 0,
        disabled_at,
        grants,
    })
}

/// A grant; one of a role that this version does not know grants nothing.
fn granted(site: &str, role: &str) -> Option<Grant> {
    Grant::new(Role::parse(role).ok()?, Reach::parse(site).ok()?).ok()
}
