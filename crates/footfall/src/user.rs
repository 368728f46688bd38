//! `footfall user`: the users of the settings database, from a terminal. Whoever can read the database is its administrator, so
//! nothing is asked about rights; every change is a line of the audit log.

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use settings::{Added, Ended, Grant, Login, NewUser, PasswordHash, Reach, Role, Settings, User};

use crate::administer::{must_be_measured, open, say, usage, who};
use crate::config::{Config, without_line_end};
use crate::failure::Failure;
use crate::output;

/// What `footfall user` does.
#[derive(Subcommand)]
pub enum Does {
    /// Show all users and what they are granted
    List,
    /// Add a user; the password is read from standard input
    Add(Add),
    /// Set a user's password, read from standard input, and end their sessions
    Password(Password),
    /// Let a user in no more, and end their sessions
    Disable(Named),
    /// Let a disabled user in again
    Enable(Named),
    /// Remove a user with their grants, sessions and tokens
    Remove(Named),
    /// End all sessions of a user
    SignOut(Named),
    /// Grant a role: viewer, analyst or site_admin at a site, or operator
    Grant(Granting),
    /// Take a role back
    Revoke(Granting),
}

#[derive(Args)]
pub struct Add {
    /// How the user is called: letters, digits and . _ - + @
    login: String,
    /// A role from the beginning: viewer, analyst, site_admin, operator
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Where the role holds: a site, or * for every site
    #[arg(long, value_name = "DOMAIN")]
    site: Option<String>,
    #[command(flatten)]
    secret: Secret,
}

#[derive(Args)]
pub struct Password {
    /// The user's login
    login: String,
    #[command(flatten)]
    secret: Secret,
}

/// Where a password comes from.
#[derive(Args)]
struct Secret {
    /// The user has to choose another password when they first sign in
    #[arg(long)]
    temporary: bool,
    /// The file that holds the password; one line end after it is ignored [default: standard input]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(Args)]
pub struct Named {
    /// The user's login
    login: String,
}

#[derive(Args)]
pub struct Granting {
    /// The user's login
    login: String,
    /// viewer, analyst, site_admin or operator
    role: String,
    /// A site, or * for every site; the operator has none
    site: Option<String>,
}

/// Does what was asked.
pub async fn run(config: &Config, does: &Does, as_json: bool) -> Result<(), Failure> {
    match does {
        Does::List => list(config, as_json).await,
        Does::Add(asked) => Box::pin(add(config, asked, as_json)).await,
        Does::Password(asked) => Box::pin(password(config, asked, as_json)).await,
        Does::Disable(asked) => disable(config, asked, true, as_json).await,
        Does::Enable(asked) => disable(config, asked, false, as_json).await,
        Does::Remove(asked) => {
            let login = login(&asked.login)?;
            let done = open(config).await?.remove_user(&login, &who()).await.map_err(anyhow::Error::from)?;
            done_to(done, &login, as_json, ("removed", "removed"))
        }
        Does::SignOut(asked) => sign_out(config, asked, as_json).await,
        Does::Grant(asked) => grant(config, asked, true, as_json).await,
        Does::Revoke(asked) => grant(config, asked, false, as_json).await,
    }
}

fn login(text: &str) -> Result<Login, Failure> {
    Login::parse(text).map_err(usage)
}

/// A role and where, as two words.
fn granted(role: &str, site: Option<&str>) -> Result<Grant, Failure> {
    let role = Role::parse(role).map_err(usage)?;
    let reach = match (role, site) {
        (Role::Operator, None) => Reach::All,
        (_, Some(site)) => Reach::parse(site).map_err(usage)?,
        (Role::Viewer | Role::Analyst | Role::SiteAdmin, None) => {
            return Err(Failure::Usage(format!("{role} is a role at a site: name the site, or '*' for every site")));
        }
    };
    Grant::new(role, reach).map_err(usage)
}

fn missing(login: &Login) -> Failure {
    Failure::Failed(anyhow::anyhow!(
        "there is no user {login}: footfall user list shows those that are, footfall user add {login} adds them"
    ))
}

fn done_to(done: bool, login: &Login, as_json: bool, (what, words): (&str, &str)) -> Result<(), Failure> {
    if !done {
        return Err(missing(login));
    }
    say(as_json, &json!({ "login": login.as_str(), what: true }), &format!("{login} {words}"))
}

async fn list(config: &Config, as_json: bool) -> Result<(), Failure> {
    let users = open(config).await?.users().await.map_err(anyhow::Error::from)?;
    if as_json {
        return output::json(&users.iter().map(shown).collect());
    }
    for user in &users {
        let grants: Vec<_> =
            user.grants.iter().map(|grant| format!("{} at {}", grant.role(), grant.reach().as_str())).collect();
        let state = match (user.disabled_at, user.temporary) {
            (Some(_), _) => "disabled",
            (None, true) => "temporary password",
            (None, false) => "",
        };
        let line = format!("{:<30} {:<18} {}", user.login.as_str(), state, grants.join(", "));
        output::line(line.trim_end())?;
    }
    Ok(())
}

fn shown(user: &User) -> Value {
    let grants =
        user.grants.iter().map(|grant| json!({ "role": grant.role().as_str(), "site": grant.reach().as_str() }));
    json!({
        "login": user.login.as_str(),
        "grants": grants.collect::<Vec<_>>(),
        "temporary": user.temporary,
        "disabled": user.disabled_at.is_some(),
    })
}

async fn add(config: &Config, asked: &Add, as_json: bool) -> Result<(), Failure> {
    let login = login(&asked.login)?;
    let grants = match (&asked.role, &asked.site) {
        (Some(role), site) => vec![granted(role, site.as_deref())?],
        (None, None) => Vec::new(),
        (None, Some(_)) => {
            return Err(Failure::Usage("--site says where a --role holds; name the role too".to_owned()));
        }
    };
    let settings = open(config).await?;
    must_be_measured(config, &settings, grants.iter().map(Grant::reach)).await?;
    let password = new_password(config, &settings, &login, &asked.secret).await?;
    let new = NewUser {
        login: &login,
        password: &password,
        temporary: asked.secret.temporary,
        grants: &grants,
        first: false,
    };
    match settings.add_user(&new, &who()).await.map_err(anyhow::Error::from)? {
        Added::Yes => {}
        Added::Exists | Added::NotFirst => {
            return Err(Failure::Failed(anyhow::anyhow!(
                "there is a user {login} already: footfall user password {login} sets another password, footfall user grant {login} ROLE SITE grants a role"
            )));
        }
    }
    let user = settings.user(&login).await.map_err(anyhow::Error::from)?.ok_or_else(|| missing(&login))?;
    say(as_json, &shown(&user), &format!("{login} added"))
}

async fn password(config: &Config, asked: &Password, as_json: bool) -> Result<(), Failure> {
    let login = login(&asked.login)?;
    let settings = open(config).await?;
    if settings.user(&login).await.map_err(anyhow::Error::from)?.is_none() {
        return Err(missing(&login));
    }
    let password = new_password(config, &settings, &login, &asked.secret).await?;
    let set = settings.set_password((&login, &password), asked.secret.temporary, None, &who()).await;
    done_to(set.map_err(anyhow::Error::from)?, &login, as_json, ("password_changed", "has another password"))
}

async fn disable(config: &Config, asked: &Named, disabled: bool, as_json: bool) -> Result<(), Failure> {
    let login = login(&asked.login)?;
    let done = open(config).await?.set_disabled(&login, disabled, &who()).await.map_err(anyhow::Error::from)?;
    let what = if disabled { "disabled" } else { "enabled" };
    done_to(done, &login, as_json, (what, what))
}

async fn sign_out(config: &Config, asked: &Named, as_json: bool) -> Result<(), Failure> {
    let login = login(&asked.login)?;
    let settings = open(config).await?;
    if settings.user(&login).await.map_err(anyhow::Error::from)?.is_none() {
        return Err(missing(&login));
    }
    let ended = settings.end_sessions(&login, Ended::AllBut(None), &who()).await.map_err(anyhow::Error::from)?;
    say(
        as_json,
        &json!({ "login": login.as_str(), "sessions_ended": ended }),
        &format!("{login} signed out of {ended} sessions"),
    )
}

async fn grant(config: &Config, asked: &Granting, wanted: bool, as_json: bool) -> Result<(), Failure> {
    let (login, grant) = (login(&asked.login)?, granted(&asked.role, asked.site.as_deref())?);
    let settings = open(config).await?;
    let (role, site) = (grant.role().as_str(), grant.reach().as_str());
    let done = if wanted {
        must_be_measured(config, &settings, [grant.reach()]).await?;
        settings.grant(&login, &grant, &who()).await
    } else {
        let user = settings.user(&login).await.map_err(anyhow::Error::from)?.ok_or_else(|| missing(&login))?;
        if !user.grants.contains(&grant) {
            return Err(Failure::Failed(anyhow::anyhow!(
                "{login} is not granted {role} at {site}, so nothing was taken back: footfall user list shows what is granted"
            )));
        }
        settings.revoke(&login, &grant, &who()).await
    };
    if !done.map_err(anyhow::Error::from)? {
        return Err(missing(&login));
    }
    let what = if wanted { "granted" } else { "revoked" };
    say(
        as_json,
        &json!({ "login": login.as_str(), "role": role, "site": site, what: true }),
        &format!("{role} at {site} {what}: {login}"),
    )
}

/// Reads a password, and takes it where nobody would guess it first.
async fn new_password(
    config: &Config,
    settings: &Settings,
    login: &Login,
    from: &Secret,
) -> Result<PasswordHash, Failure> {
    let given = read_secret(from)?;
    let stored = settings.sites().await.map_err(anyhow::Error::from)?.sites;
    let names = config.sites.iter().map(|site| site.domain.as_str());
    let names = names.chain(stored.iter().map(|stored| stored.site.domain.as_str())).chain([login.as_str()]);
    dashboard::password::check(&given, names).map_err(|weak| Failure::Usage(weak.to_string()))?;
    Ok(dashboard::password::hash(&given).map_err(anyhow::Error::from)?)
}

fn read_secret(from: &Secret) -> Result<String, Failure> {
    let text = match &from.password_file {
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?,
        None if std::io::stdin().is_terminal() => ask()?,
        None => {
            let mut text = String::new();
            // One byte more than is taken, so that what is longer is refused and not cut.
            let most = dashboard::password::BYTES_MAX as u64 + 3;
            std::io::stdin()
                .take(most)
                .read_to_string(&mut text)
                .context("cannot read the password from standard input")?;
            text
        }
    };
    Ok(without_line_end(&text).to_owned())
}

/// Asks at the terminal, twice, without showing what is typed.
fn ask() -> Result<String, Failure> {
    let one = ask_once("Password: ")?;
    if one != ask_once("The same again: ")? {
        return Err(Failure::Usage("the two are not the same".to_owned()));
    }
    Ok(one)
}

#[expect(clippy::print_stderr, reason = "the question to whoever sits at the terminal")]
fn ask_once(question: &str) -> Result<String, Failure> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    eprint!("{question}");
    std::io::stderr().flush().context("cannot write to the terminal")?;
    let before = tcgetattr(&stdin).context("cannot hide what is typed")?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &hidden).context("cannot hide what is typed")?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &before).context("cannot show again what is typed")?;
    eprintln!();
    read.context("cannot read from the terminal")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_at_a_site_names_the_site() {
        let said = |role: &str, site: Option<&str>| match granted(role, site) {
            Ok(grant) => format!("{} {}", grant.role(), grant.reach().as_str()),
            Err(Failure::Usage(said)) => said,
            Err(Failure::Failed(error)) => error.to_string(),
            Err(Failure::Unread) => String::new(),
        };
        assert_eq!(said("viewer", Some("Example.com")), "viewer example.com");
        assert_eq!(
            (said("analyst", Some("*")), said("operator", None)),
            ("analyst *".to_owned(), "operator *".to_owned())
        );
        assert!(said("viewer", None).contains("name the site, or '*'"));
        assert!(said("operator", Some("example.com")).contains("role of the installation"));
        assert!(said("root", None).contains("viewer, analyst, site_admin, operator"));
    }
}
