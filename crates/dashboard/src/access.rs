//! Who may do what: the one place where that is decided, by function, site and field. What is not allowed here is refused.
//!
//! An asker shows the administrator's token, a session, an API token, a shared link, or nothing. A public site's reports are everybody's;
//! a shared link shows what it is for and gives no right; all else hangs on a role at the site, or on the installation's operator, who
//! runs it and sees no statistics. An API token may do what its scopes say of what its owner may do at that moment.

mod guest;

use std::sync::Arc;

use model::{Domain, Site};
use settings::{ApiToken, Grant, Reach, Role, Scope, SecretDigest, Session};

use crate::query::Query;
use crate::reply::Failure;
pub(crate) use guest::{Guest, Look, check_segment};

/// What may be done at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// Read its reports.
    Read,
    /// Take tables away.
    Export,
    /// Say what is counted: goals, segments, funnels, annotations.
    Define,
    /// Change its settings and who sees it, and read what was done to it.
    Administer,
}

/// What may be done to the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Add, disable and remove users, end their sessions, and read the whole audit log.
    Users,
    /// Give somebody else a password: with it one could be them.
    Passwords,
}

impl Right {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Read, Self::Export, Self::Define, Self::Administer];

    /// As it is told.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Export => "export",
            Self::Define => "define",
            Self::Administer => "administer",
        }
    }

    /// The least role that has it, for whoever is refused.
    const fn least(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::Export | Self::Define => Role::Analyst,
            Self::Administer => Role::SiteAdmin,
        }
    }
}

/// Whether a role at a site has a right there.
const fn has(role: Role, right: Right) -> bool {
    match (role, right) {
        (Role::SiteAdmin, _) => true,
        (Role::Analyst, Right::Read | Right::Export | Right::Define) | (Role::Viewer, Right::Read) => true,
        (Role::Analyst, Right::Administer) | (Role::Viewer, Right::Export | Right::Define | Right::Administer) => false,
        (Role::Operator, _) => false,
    }
}

/// Whether a scope of a token is for a right.
const fn is_for(scope: Scope, right: Right) -> bool {
    match right {
        Right::Read => matches!(scope, Scope::StatsRead),
        Right::Export => matches!(scope, Scope::Export),
        Right::Define | Right::Administer => matches!(scope, Scope::Admin),
    }
}

/// What an asker has shown.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// The administrator's token.
    Administrator,
    /// A session.
    Person(Arc<Person>),
    /// An API token.
    Program(Arc<Program>),
    /// A shared link.
    Guest(Arc<Guest>),
    /// Nothing.
    Anyone,
}

/// Who is signed in.
#[derive(Debug)]
pub(crate) struct Person {
    /// The session.
    pub(crate) session: Session,
    /// What is kept of its secret.
    pub(crate) digest: SecretDigest,
    /// What a request that changes something has to repeat.
    pub(crate) csrf: String,
    /// Whether the password has to be changed first; until then nothing is granted.
    pub(crate) temporary: bool,
    /// What they are granted.
    pub(crate) grants: Vec<Grant>,
}

/// A program with an API token.
#[derive(Debug)]
pub(crate) struct Program {
    /// Its token.
    pub(crate) token: ApiToken,
    /// What the token's owner is granted; everything where it is the administrator's.
    pub(crate) grants: Option<Vec<Grant>>,
}

impl Access {
    /// Whether a right is held at a site, whatever is public there.
    pub(crate) fn may(&self, right: Right, site: &Domain) -> bool {
        self.may_over(right, &|grant: &Grant| grant.reach().covers(site), &|reach| reach.covers(site))
    }

    /// Whether a right is held at every site, also one that is added later.
    fn may_everywhere(&self, right: Right) -> bool {
        self.may_over(right, &|grant: &Grant| *grant.reach() == Reach::All, &|reach| *reach == Reach::All)
    }

    fn may_over(&self, right: Right, granted: &dyn Fn(&Grant) -> bool, within: &dyn Fn(&Reach) -> bool) -> bool {
        let held = |grants: &[Grant]| grants.iter().any(|grant| has(grant.role(), right) && granted(grant));
        match self {
            Self::Administrator => true,
            Self::Person(person) => held(&person.grants),
            Self::Program(program) => {
                let token = &program.token;
                token.scopes.iter().any(|scope| is_for(*scope, right))
                    && token.sites.iter().any(within)
                    && program.grants.as_deref().is_none_or(held)
            }
            // What it shows is no right: `may_look` says what that is.
            Self::Guest(_) | Self::Anyone => false,
        }
    }

    /// Whether a right is held wherever a grant would hold.
    fn may_throughout(&self, right: Right, reach: &Reach) -> bool {
        match reach {
            Reach::All => self.may_everywhere(right),
            Reach::Site(site) => self.may(right, site),
        }
    }

    /// Whether a site may be known of, and its reports read; which of them, [`Access::may_look`] says.
    pub(crate) fn may_read(&self, site: &Site) -> bool {
        match self {
            // Of a public site too: whoever wants all of it shows nothing.
            Self::Guest(guest) => guest.is_at(&site.domain),
            Self::Administrator | Self::Person(_) | Self::Program(_) | Self::Anyone => {
                site.public || self.may(Right::Read, &site.domain)
            }
        }
    }

    /// Whether something of a site that may be read may be looked at: everything, but by a shared link.
    pub(crate) fn may_look(&self, look: Look<'_>) -> Result<(), Failure> {
        match self {
            Self::Guest(guest) => guest.may_look(look),
            Self::Administrator | Self::Person(_) | Self::Program(_) | Self::Anyone => Ok(()),
        }
    }

    /// A question as this asker may have it answered.
    pub(crate) fn narrowed(&self, query: &Query, sites: &[Arc<Site>]) -> Result<Query, Failure> {
        match (self, sites) {
            (Self::Guest(guest), [site]) => guest.narrowed(query, site),
            (Self::Guest(_), _) => Err(self.refusal()),
            (Self::Administrator | Self::Person(_) | Self::Program(_) | Self::Anyone, _) => Ok(query.clone()),
        }
    }

    /// Whether tables of a site may be taken away; what is public is read in whatever form.
    pub(crate) fn may_export(&self, site: &Site) -> bool {
        match self {
            Self::Guest(guest) => guest.is_at(&site.domain) && guest.share.terms.export,
            Self::Administrator | Self::Person(_) | Self::Program(_) | Self::Anyone => {
                site.public || self.may(Right::Export, &site.domain)
            }
        }
    }

    /// Whether the installation's affairs are theirs.
    pub(crate) fn may_do(&self, duty: Duty) -> bool {
        let is_operator = |grants: &[Grant]| grants.iter().any(|grant| grant.role() == Role::Operator);
        match (self, duty) {
            (Self::Administrator, _) => true,
            // Whoever could set a password could sign in as its user, and see what they see.
            (Self::Person(_) | Self::Program(_) | Self::Guest(_) | Self::Anyone, Duty::Passwords)
            | (Self::Guest(_) | Self::Anyone, Duty::Users) => false,
            (Self::Person(person), Duty::Users) => is_operator(&person.grants),
            (Self::Program(program), Duty::Users) => {
                program.token.scopes.contains(&Scope::Admin)
                    && program.token.sites.contains(&Reach::All)
                    && program.grants.as_deref().is_none_or(is_operator)
            }
        }
    }

    /// Whether somebody may be given a grant, or lose it: at a site by its administrators, the operator's by operators.
    pub(crate) fn may_grant(&self, grant: &Grant) -> bool {
        match grant.role() {
            Role::Operator => self.may_do(Duty::Users),
            Role::Viewer | Role::Analyst | Role::SiteAdmin => self.may_throughout(Right::Administer, grant.reach()),
        }
    }

    /// Whether a grant of somebody else's may be seen: by whoever runs the users, and at one's own sites.
    pub(crate) fn may_see(&self, grant: &Grant) -> bool {
        self.may_do(Duty::Users) || self.may_grant(grant)
    }

    /// Whether the audit log's lines may be read: those of one site, or all.
    pub(crate) fn may_audit(&self, site: Option<&Domain>) -> bool {
        self.may_do(Duty::Users) || site.is_some_and(|site| self.may(Right::Administer, site))
    }

    /// Whether a token may be made: of what one may do oneself, so that a token is nobody's way to more.
    pub(crate) fn may_make(&self, scopes: &[Scope], sites: &[Reach]) -> bool {
        let may = |scope: Scope, reach: &Reach| {
            let rights = Right::ALL.into_iter().filter(|right| is_for(scope, *right));
            rights.into_iter().all(|right| self.may_throughout(right, reach))
                || (scope == Scope::Admin && *reach == Reach::All && self.may_do(Duty::Users))
        };
        let all = |scope: &Scope| sites.iter().all(|reach| may(*scope, reach));
        matches!(self, Self::Administrator | Self::Person(_)) && scopes.iter().all(all)
    }

    /// Who is signed in, for what only a person has: sessions, a password.
    pub(crate) fn person(&self) -> Result<&Arc<Person>, Failure> {
        match self {
            Self::Person(person) => Ok(person),
            Self::Administrator | Self::Program(_) | Self::Guest(_) | Self::Anyone => Err(Failure::NotSignedIn),
        }
    }

    /// For the audit log. No login holds a space or an apostrophe, so that none is taken for another.
    pub(crate) fn who(&self) -> String {
        match self {
            Self::Administrator => "administrator's token".to_owned(),
            Self::Person(person) => person.session.login.to_string(),
            Self::Program(program) => match &program.token.owner {
                Some(owner) => format!("token {} of {owner}", program.token.id),
                None => format!("token {} of the administrator", program.token.id),
            },
            Self::Guest(guest) => format!("shared link {}", guest.share.id),
            Self::Anyone => "anyone".to_owned(),
        }
    }

    /// What is answered for a site that does not exist or may not be read: one and the same, so that nobody learns which.
    pub(crate) fn refusal(&self) -> Failure {
        match self {
            Self::Administrator | Self::Person(_) | Self::Program(_) | Self::Guest(_) => Failure::NoSuchSite,
            Self::Anyone => Failure::Unauthorised,
        }
    }

    /// What is answered where a right is missing at a site that may be read.
    pub(crate) fn lacks(&self, right: Right) -> Failure {
        match self {
            Self::Anyone => Failure::Unauthorised,
            Self::Guest(_) => Failure::Forbidden(match right {
                Right::Export => "this link shows reports and lets nobody take tables of them away".to_owned(),
                Right::Read | Right::Define | Right::Administer => "a shared link only shows reports".to_owned(),
            }),
            Self::Program(_) => Failure::Forbidden(format!(
                "this token is not for that: it takes the right to {}, of the token and of its owner",
                right.as_str()
            )),
            Self::Administrator | Self::Person(_) => Failure::Forbidden(format!(
                "this takes the role {} at the site; whoever administers it can grant it",
                right.least()
            )),
        }
    }

    /// What is answered where a role everywhere is not theirs to give.
    pub(crate) fn lacks_grant(&self, role: Role) -> Failure {
        match (self, role) {
            (Self::Anyone, _) => Failure::Unauthorised,
            (Self::Guest(_), _) => self.lacks(Right::Administer),
            (_, Role::Operator) => self.lacks_duty(Duty::Users),
            (_, Role::Viewer | Role::Analyst | Role::SiteAdmin) => {
                Failure::Forbidden("this takes the role site_admin at every site (*)".to_owned())
            }
        }
    }

    /// What is answered where a duty is somebody else's.
    pub(crate) fn lacks_duty(&self, duty: Duty) -> Failure {
        match (self, duty) {
            (Self::Anyone, _) => Failure::Unauthorised,
            (Self::Guest(_), _) => self.lacks(Right::Administer),
            (_, Duty::Users) => {
                Failure::Forbidden("this takes the role operator, or the administrator's token".to_owned())
            }
            (_, Duty::Passwords) => Failure::Forbidden(
                "this takes the administrator's token, or `footfall user password` on the server".to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Millis;
    use settings::Login;

    use super::*;

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    fn grant(role: Role, site: &str) -> Grant {
        Grant::new(role, Reach::parse(site).unwrap()).unwrap()
    }

    fn person(grants: &[(Role, &str)]) -> Access {
        let session = Session {
            id: "s".to_owned(),
            login: Login::parse("jane").unwrap(),
            client: "Firefox on Linux".to_owned(),
            created: Millis(0),
            seen: Millis(0),
            idle_until: Millis(0),
            expires: Millis(0),
        };
        let grants = grants.iter().map(|(role, site)| grant(*role, site)).collect();
        Access::Person(Arc::new(Person {
            session,
            digest: SecretDigest::of(""),
            csrf: String::new(),
            temporary: false,
            grants,
        }))
    }

    fn program(scopes: &[Scope], sites: &[&str], grants: Option<&[(Role, &str)]>) -> Access {
        let token = ApiToken {
            id: "t".to_owned(),
            name: "t".to_owned(),
            owner: None,
            scopes: scopes.to_vec(),
            sites: sites.iter().map(|site| Reach::parse(site).unwrap()).collect(),
            created: Millis(0),
            expires: None,
            used_day: None,
        };
        let grants = grants.map(|grants| grants.iter().map(|(role, site)| grant(*role, site)).collect());
        Access::Program(Arc::new(Program { token, grants }))
    }

    /// The rights at a site as letters: read, export, define, administer.
    fn rights(access: &Access, site: &str) -> String {
        let held = Right::ALL.into_iter().filter(|right| access.may(*right, &domain(site)));
        held.map(|right| right.as_str().chars().next().unwrap()).collect()
    }

    #[test]
    fn each_role_has_its_rights_at_its_site_and_nowhere_else() {
        for (role, here) in [(Role::Viewer, "r"), (Role::Analyst, "red"), (Role::SiteAdmin, "reda")] {
            let one = person(&[(role, "a.example")]);
            assert_eq!((rights(&one, "a.example").as_str(), rights(&one, "b.example").as_str()), (here, ""), "{role}");
            let all = person(&[(role, "*")]);
            assert_eq!(
                (rights(&all, "a.example").as_str(), rights(&all, "b.example").as_str()),
                (here, here),
                "{role}"
            );
            assert!(!all.may_do(Duty::Users) && !all.may_do(Duty::Passwords), "{role}");
        }
        let operator = person(&[(Role::Operator, "*")]);
        assert_eq!(rights(&operator, "a.example"), "");
        assert!(operator.may_do(Duty::Users) && !operator.may_do(Duty::Passwords));
        assert_eq!(
            (rights(&Access::Administrator, "a.example").as_str(), rights(&Access::Anyone, "a.example").as_str()),
            ("reda", "")
        );
    }

    #[test]
    fn nobody_grants_what_is_not_theirs_to_grant() {
        let (site_admin, all, operator) = (
            person(&[(Role::SiteAdmin, "a.example")]),
            person(&[(Role::SiteAdmin, "*")]),
            person(&[(Role::Operator, "*")]),
        );
        for role in [Role::Viewer, Role::Analyst, Role::SiteAdmin] {
            let may = |access: &Access, site: &str| access.may_grant(&grant(role, site));
            assert!(may(&site_admin, "a.example") && !may(&site_admin, "b.example") && !may(&site_admin, "*"));
            assert!(may(&all, "b.example") && may(&all, "*"));
            assert!(!may(&operator, "a.example") && !may(&operator, "*"), "it would let the operator see statistics");
            assert!(!may(&person(&[(Role::Analyst, "*")]), "a.example"));
        }
        let operators = grant(Role::Operator, "*");
        assert!(
            operator.may_grant(&operators) && !all.may_grant(&operators) && Access::Administrator.may_grant(&operators)
        );
    }

    #[test]
    fn a_token_may_no_more_than_its_scopes_its_sites_and_its_owner() {
        let owner: &[(Role, &str)] = &[(Role::Analyst, "a.example"), (Role::Viewer, "b.example")];
        let all = [Scope::StatsRead, Scope::Export, Scope::Admin];
        let token = program(&all, &["*"], Some(owner));
        assert_eq!(
            (
                rights(&token, "a.example").as_str(),
                rights(&token, "b.example").as_str(),
                rights(&token, "c.example").as_str()
            ),
            ("red", "r", "")
        );
        assert_eq!(rights(&program(&[Scope::StatsRead], &["*"], Some(owner)), "a.example"), "r");
        assert_eq!(rights(&program(&all, &["b.example"], Some(owner)), "a.example"), "");
        assert_eq!(rights(&program(&all, &["b.example"], Some(&[])), "b.example"), "", "its owner has lost it");
        assert_eq!(rights(&program(&all, &["b.example"], None), "b.example"), "reda", "the administrator's");
        assert!(program(&[Scope::Admin], &["*"], Some(&[(Role::Operator, "*")])).may_do(Duty::Users));
        assert!(!program(&[Scope::StatsRead], &["*"], Some(&[(Role::Operator, "*")])).may_do(Duty::Users));
        assert!(!program(&[Scope::Admin], &["a.example"], Some(&[(Role::Operator, "*")])).may_do(Duty::Users));
    }

    #[test]
    fn a_token_is_made_of_what_its_maker_may() {
        let reach = |site: &str| [Reach::parse(site).unwrap()];
        let analyst = person(&[(Role::Analyst, "a.example")]);
        assert!(analyst.may_make(&[Scope::StatsRead, Scope::Export], &reach("a.example")));
        assert!(
            !analyst.may_make(&[Scope::Admin], &reach("a.example"))
                && !analyst.may_make(&[Scope::StatsRead], &reach("*"))
        );
        assert!(!analyst.may_make(&[Scope::StatsRead], &reach("b.example")));
        assert!(person(&[(Role::Operator, "*")]).may_make(&[Scope::Admin], &reach("*")));
        assert!(!person(&[(Role::Operator, "*")]).may_make(&[Scope::StatsRead], &reach("*")));
        assert!(
            !program(&[Scope::Admin], &["*"], None).may_make(&[Scope::Admin], &reach("*")),
            "a token makes no tokens"
        );
    }

    #[test]
    fn what_is_public_is_everybodys_to_read_and_nobodys_to_change() {
        let open = Site { public: true, ..Site::new(domain("a.example")) };
        assert!(Access::Anyone.may_read(&open) && Access::Anyone.may_export(&open));
        assert!(!Access::Anyone.may(Right::Define, &open.domain) && !Access::Anyone.may_audit(Some(&open.domain)));
        assert!(!Access::Anyone.may_read(&Site::new(domain("a.example"))));
    }
}
