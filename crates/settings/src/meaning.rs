//! What definitions say, and from when on they count: the one way by which people's goals, segments, funnels and annotations come
//! into the database, and out of it to those who count.
//!
//! A definition counts from a little after it is saved, so that every station has heard of it by then.

use std::collections::BTreeMap;

use model::definition::{
    ANNOTATIONS_MAX, Annotation, DEFINITIONS_BYTES_MAX, Defined as _, Definitions, Effective, FUNNELS_MAX, Filter,
    Funnel, GOALS_MAX, Goal, Lists, SEGMENTS_MAX, check_name,
};
use model::{Domain, Millis};
use serde_json::Value;

use crate::{Definition, Expected, Kind, Settings, SettingsError, StoredDefinition};

/// How far ahead of its time a definition is saved: settings are followed each second, and published within another.
pub const LEAD_MS: i64 = 20_000;
/// Attempts at a change that others keep getting ahead of.
const ATTEMPTS_MAX: u32 = 10;

/// What a definition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// What counts as a conversion.
    Goal(Goal),
    /// A saved filter.
    Segment(Filter),
    /// Steps in order.
    Funnel(Funnel),
    /// A note at a time.
    Annotation(Annotation),
}

impl Meaning {
    /// What kind of definition it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Goal(_) => Kind::Goal,
            Self::Segment(_) => Kind::Segment,
            Self::Funnel(_) => Kind::Funnel,
            Self::Annotation(_) => Kind::Annotation,
        }
    }

    /// Reads what is kept.
    ///
    /// # Errors
    /// No version up to this one has written it.
    pub fn read(kind: Kind, body: &Value) -> Result<Self, String> {
        let body = body.clone();
        let read = match kind {
            Kind::Goal => serde_json::from_value(body).map(Self::Goal),
            Kind::Segment => serde_json::from_value(body).map(Self::Segment),
            Kind::Funnel => serde_json::from_value(body).map(Self::Funnel),
            Kind::Annotation => serde_json::from_value(body).map(Self::Annotation),
        };
        read.map_err(|error| error.to_string())
    }

    fn body(&self) -> Value {
        let body = match self {
            Self::Goal(goal) => serde_json::to_value(goal),
            Self::Segment(filter) => serde_json::to_value(filter),
            Self::Funnel(funnel) => serde_json::to_value(funnel),
            Self::Annotation(annotation) => serde_json::to_value(annotation),
        };
        body.expect("definitions are texts, numbers, lists and structs, all of which are JSON")
    }

    fn check(&self, name: &str) -> Result<(), SettingsError> {
        let checked = check_name(name).and_then(|()| match self {
            Self::Goal(goal) => goal.check(),
            Self::Segment(filter) => filter.check(),
            Self::Funnel(funnel) => funnel.check(),
            Self::Annotation(annotation) => annotation.check(),
        });
        checked.map_err(|error| SettingsError::Refused(format!("{} {name:?}: {error}", self.kind())))
    }
}

/// What hits are counted by, by site.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CountedBy {
    /// The definitions.
    pub sites: BTreeMap<Domain, Definitions>,
    /// Those that this version cannot read, and why: hits are not counted by them.
    pub unreadable: Vec<String>,
}

impl Settings {
    /// What hits of every site are counted by, those that ended lately too, so that a replay counts as it did.
    ///
    /// # Errors
    /// The database cannot be reached, or holds what no version writes.
    pub async fn counted_by(&self) -> Result<CountedBy, SettingsError> {
        let mut lists: BTreeMap<Domain, Lists> = BTreeMap::new();
        let mut unreadable = Vec::new();
        for stored in self.definitions(None, None).await?.definitions {
            let StoredDefinition { definition, effective_until: until, .. } = stored;
            let Definition { kind, site, name, body, effective_from: from } = definition;
            let meaning = match Meaning::read(kind, &body) {
                Ok(meaning) => meaning,
                Err(reason) => {
                    unreadable.push(format!("{kind} {name:?} of {site}: this version cannot read it: {reason}"));
                    continue;
                }
            };
            let lists = lists.entry(site).or_default();
            let name = name.into();
            match meaning {
                Meaning::Goal(what) => lists.goals.push(Effective { name, from, until, what }),
                Meaning::Segment(what) => lists.segments.push(Effective { name, from, until, what }),
                Meaning::Funnel(what) => lists.funnels.push(Effective { name, from, until, what }),
                Meaning::Annotation(_) => {}
            }
        }
        let sites = lists.into_iter().map(|(site, lists)| (site, lists.into())).collect();
        Ok(CountedBy { sites, unreadable })
    }

    /// Lets a name of a site mean something, from the time that the answer tells. What it means already is left as it is.
    ///
    /// # Errors
    /// The database cannot be reached, or it is beyond what is kept or makes no sense.
    pub async fn define(
        &self,
        site: &Domain,
        name: &str,
        meaning: &Meaning,
        who: &str,
    ) -> Result<StoredDefinition, SettingsError> {
        meaning.check(name)?;
        let (kind, body) = (meaning.kind(), meaning.body());
        let mut attempts_left = ATTEMPTS_MAX;
        loop {
            attempts_left -= 1;
            let known = self.definitions(None, Some(site)).await?.definitions;
            let present = known.iter().find(|stored| {
                let Definition { kind: of, name: named, .. } = &stored.definition;
                *of == kind && named == name && stored.is_present()
            });
            if let Some(present) = present.filter(|present| present.definition.body == body) {
                return Ok(StoredDefinition::clone(present));
            }
            room(site, kind, name, &body, &known)?;
            let effective_from = match meaning {
                Meaning::Annotation(_) => self.clock.now(),
                Meaning::Goal(_) | Meaning::Segment(_) | Meaning::Funnel(_) => self.clock.now().plus(LEAD_MS),
            };
            let expected = present.map_or(Expected::Nothing, |present| Expected::Revision(present.revision));
            let definition =
                Definition { kind, site: site.clone(), name: name.to_owned(), body: body.clone(), effective_from };
            match self.put_definition(&definition, expected, who).await {
                Ok(revision) => return Ok(StoredDefinition { definition, effective_until: None, revision }),
                Err(SettingsError::Conflict { .. }) if attempts_left > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets a name of a site mean nothing any more. What was counted stays.
    ///
    /// # Errors
    /// The database cannot be reached, or there is no such definition.
    pub async fn undefine(&self, kind: Kind, site: &Domain, name: &str, who: &str) -> Result<Millis, SettingsError> {
        let lead = if kind == Kind::Annotation { 0 } else { LEAD_MS };
        let from = self.clock.now().plus(lead);
        self.remove_definition((kind, site, name), from, Expected::Anything, who).await?;
        Ok(from)
    }
}

/// Refuses what is beyond what a site may have.
fn room(site: &Domain, kind: Kind, name: &str, body: &Value, known: &[StoredDefinition]) -> Result<(), SettingsError> {
    let is_other = |stored: &&StoredDefinition| stored.definition.kind != kind || stored.definition.name != name;
    let others = known.iter().filter(is_other);
    let of_kind = others.filter(|stored| stored.definition.kind == kind && stored.is_present()).count();
    let most = match kind {
        Kind::Goal => GOALS_MAX,
        Kind::Segment => SEGMENTS_MAX,
        Kind::Funnel => FUNNELS_MAX,
        Kind::Annotation => ANNOTATIONS_MAX,
    };
    if of_kind >= most {
        return Err(SettingsError::Refused(format!(
            "{site} has {of_kind} definitions of the kind {kind}, and no room for more: remove one that is not looked at"
        )));
    }
    let bytes = |body: &Value| body.to_string().len();
    // What it meant before travels on too, for as long as a replay may need it.
    let counted = known.iter().filter(|stored| stored.definition.kind != Kind::Annotation);
    let held: usize = counted.map(|stored| bytes(&stored.definition.body)).sum();
    if kind != Kind::Annotation && held + bytes(body) > DEFINITIONS_BYTES_MAX {
        return Err(SettingsError::Refused(format!(
            "the definitions of {site} would take more than {DEFINITIONS_BYTES_MAX} bytes together: shorten or remove some; one that was \
             removed takes its room for three days more"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::definition::{Action, Pattern, Step};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_meaning_is_read_as_it_was_written() {
        let action = Action::Page(Pattern("/thanks/**".into()));
        for meaning in [
            Meaning::Goal(Goal::of(action.clone())),
            Meaning::Annotation(Annotation { at: Millis(7), text: "Release".into() }),
            Meaning::Funnel(Funnel {
                steps: vec![
                    Step { label: Some("Cart".into()), action },
                    Step { label: None, action: Action::Event("Order".into()) },
                ],
            }),
        ] {
            assert_eq!(Meaning::read(meaning.kind(), &meaning.body()), Ok(meaning));
        }
        assert!(Meaning::read(Kind::Segment, &json!({ "newer": 1 })).is_err());
    }
}
