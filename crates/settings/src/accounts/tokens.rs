//! API tokens: what a program shows. Each is for some scopes at some sites, may expire, and is its owner's or the administrator's.

use model::Millis;
use serde_json::json;

use super::users::{User, user};
use super::{Login, Reach, Scope, SecretDigest};
use crate::audit::{Deed, note, plain};
use crate::database::{Transaction, Value};
use crate::{Settings, SettingsError};

/// Most tokens of one owner, and of the administrator.
pub const TOKENS_PER_OWNER_MAX: i64 = 200;
/// Most sites that a token names.
pub const SITES_PER_TOKEN_MAX: usize = 100;
/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 100;

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Its name among tokens, which opens nothing.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Whose it is; none: the administrator's.
    pub owner: Option<Login>,
    /// What it is for.
    pub scopes: Vec<Scope>,
    /// Where.
    pub sites: Vec<Reach>,
    /// Since when it is there.
    pub created: Millis,
    /// From when on it opens nothing.
    pub expires: Option<Millis>,
    /// The day it was last used, as days since 1970 in UTC.
    pub used_day: Option<i64>,
}

type TokenRow = (String, String, Option<String>, String, i64, Option<i64>, Option<i64>);

const COLUMNS_OF_ONE: &str = "SELECT id, name, owner, scopes, created, expires, used_day FROM tokens WHERE sha256 = $1";
const COLUMNS_OF_OWNER: &str = "SELECT id, name, owner, scopes, created, expires, used_day FROM tokens \
     WHERE $1 = '' OR owner = $1 ORDER BY created, id";

impl Settings {
    /// Keeps a new token; its `id`, `created` and `used_day` are made here.
    ///
    /// # Errors
    /// The database cannot be reached, its owner is not there, or it is beyond what is kept.
    pub async fn add_token(
        &self,
        digest: &SecretDigest,
        token: &ApiToken,
        who: &str,
    ) -> Result<ApiToken, SettingsError> {
        plain("a token's name", &token.name, NAME_CHARS_MAX)?;
        let (scopes, sites) = (&token.scopes, &token.sites);
        if scopes.is_empty() || sites.is_empty() || sites.len() > SITES_PER_TOKEN_MAX {
            let reason = format!("a token is for at least one scope, and for 1 to {SITES_PER_TOKEN_MAX} sites, or *");
            return Err(SettingsError::Refused(reason));
        }
        let tried = "adding a token";
        let now = self.clock.now();
        let kept = ApiToken { id: digest.id(), created: now, used_day: None, ..token.clone() };
        let call = async {
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            if let Some(owner) = &kept.owner
                && user(&mut changing, owner).await?.is_none()
            {
                return Err(SettingsError::Refused(format!("there is no user {owner}")));
            }
            let owner = kept.owner.as_ref().map(Login::as_str);
            let sql = "SELECT COUNT(*) FROM tokens WHERE COALESCE(owner, '') = $1";
            let count = changing.row::<(i64,)>(sql, &[Value::Text(owner.unwrap_or_default())]).await?;
            if count.unwrap_or_default().0 >= TOKENS_PER_OWNER_MAX {
                let reason = format!("there are {TOKENS_PER_OWNER_MAX} tokens, and no room for more: revoke one first");
                return Err(SettingsError::Refused(reason));
            }
            let words = kept.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ");
            let hex = digest.hex();
            let sql = "INSERT INTO tokens (sha256, id, name, owner, scopes, created, expires) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7)";
            let values = [
                Value::Text(&hex),
                Value::Text(&kept.id),
                Value::Text(&kept.name),
                Value::MaybeText(owner),
                Value::Text(&words),
                Value::Number(now.0),
                Value::MaybeNumber(kept.expires.map(|at| at.0)),
            ];
            changing.run(sql, &values).await?;
            for site in &kept.sites {
                let sql = "INSERT INTO token_sites (id, site) VALUES ($1, $2) ON CONFLICT (id, site) DO NOTHING";
                changing.run(sql, &[Value::Text(&kept.id), Value::Text(site.as_str())]).await?;
            }
            let sites: Vec<_> = kept.sites.iter().map(Reach::as_str).collect();
            let detail = json!({ "token": kept.id, "name": kept.name, "owner": owner, "scopes": words, "sites": sites, "expires": kept.expires });
            note(&mut changing, now, &Deed { who, what: "token_added", site: None, detail }.shortened()).await?;
            changing.commit().await
        };
        self.database.within(tried, call).await?;
        Ok(kept)
    }

    /// The tokens of an owner, or all, by age.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn tokens(&self, owner: Option<&Login>) -> Result<Vec<ApiToken>, SettingsError> {
        let tried = "listing the tokens";
        let call = async {
            let mut reading = self.database.read(tried).await?;
            let owner = [Value::Text(owner.map_or("", Login::as_str))];
            let rows = reading.rows::<TokenRow>(COLUMNS_OF_OWNER, &owner).await?;
            let mut tokens = Vec::with_capacity(rows.len());
            for row in rows {
                tokens.push(read(row, &mut reading).await?);
            }
            Ok(tokens)
        };
        self.database.within(tried, call).await
    }

    /// The token of a secret and its owner, where it opens anything: not expired, and its owner may still come in.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn token(&self, digest: &SecretDigest) -> Result<Option<(ApiToken, Option<User>)>, SettingsError> {
        let tried = "reading a token";
        let now = self.clock.now();
        let hex = digest.hex();
        let call = async {
            let mut reading = self.database.read(tried).await?;
            let Some(row) = reading.row::<TokenRow>(COLUMNS_OF_ONE, &[Value::Text(&hex)]).await? else {
                return Ok(None);
            };
            let token = read(row, &mut reading).await?;
            if token.expires.is_some_and(|expires| expires <= now) {
                return Ok(None);
            }
            let Some(owner) = &token.owner else { return Ok(Some((token, None))) };
            let owner = user(&mut reading, owner).await?.filter(|user| user.disabled_at.is_none());
            Ok(owner.map(|owner| (token, Some(owner))))
        };
        self.database.within(tried, call).await
    }

    /// Remembers that a token was used today.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn touch_token(&self, id: &str) -> Result<(), SettingsError> {
        let tried = "noting a token's use";
        let call = async {
            let mut changing = self.database.change(tried).await?;
            let today = Value::Number(self.clock.now().day());
            changing.run("UPDATE tokens SET used_day = $2 WHERE id = $1", &[Value::Text(id), today]).await?;
            changing.commit().await
        };
        self.database.within(tried, call).await
    }

    /// Revokes a token: of an owner, or whoever's it is. False where there is none of that name.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn remove_token(&self, id: &str, owner: Option<&Login>, who: &str) -> Result<bool, SettingsError> {
        let tried = "revoking a token";
        let call = async {
            let mut changing = self.database.change(tried).await?;
            changing.next("accounts").await?;
            let sql = "SELECT name FROM tokens WHERE id = $1 AND ($2 = '' OR owner = $2)";
            let owner = Value::Text(owner.map_or("", Login::as_str));
            let Some((name,)) = changing.row::<(String,)>(sql, &[Value::Text(id), owner]).await? else {
                return Ok(false);
            };
            changing.run("DELETE FROM tokens WHERE id = $1", &[Value::Text(id)]).await?;
            changing.run("DELETE FROM token_sites WHERE id = $1", &[Value::Text(id)]).await?;
            let detail = json!({ "token": id, "name": name });
            note(&mut changing, self.clock.now(), &Deed { who, what: "token_revoked", site: None, detail }).await?;
            changing.commit().await?;
            Ok(true)
        };
        self.database.within(tried, call).await
    }
}

impl ApiToken {
    /// Whether it was noted already that it was used on the day of `now`.
    #[must_use]
    pub fn is_noted(&self, now: Millis) -> bool {
        self.used_day == Some(now.day())
    }
}

async fn read(
    (id, name, owner, scopes, created, expires, used_day): TokenRow,
    from: &mut Transaction,
) -> Result<ApiToken, SettingsError> {
    let sites = from.rows::<(String,)>("SELECT site FROM token_sites WHERE id = $1", &[Value::Text(&id)]).await?;
    let mut sites: Vec<_> = sites.iter().filter_map(|(site,)| Reach::parse(site).ok()).collect();
    sites.sort();
    let owner = owner.map(|owner| Login::parse(&owner)).transpose();
    let owner = owner.map_err(|error| from.foreign(format!("a token cannot be read: {error}")))?;
    // A scope that this version does not know opens nothing.
    let scopes = scopes.split(' ').filter_map(|word| Scope::parse(word).ok()).collect();
    Ok(ApiToken { id, name, owner, scopes, sites, created: Millis(created), expires: expires.map(Millis), used_day })
}
