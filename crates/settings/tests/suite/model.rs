//! Random operations on each database give what a naive map gives.

use std::collections::BTreeMap;

use ::model::{Millis, Mode, Site};
use proptest::prelude::*;
use serde_json::json;
use settings::{Definition, Expected, Kind, Revision, Settings, SettingsError};

use crate::bed::{Bed, START, domain, site};

#[derive(Clone, Debug)]
enum Operation {
    Put { site: u8, mode: Mode, expected: Guess },
    Remove { site: u8, expected: Guess },
    Define { kind: Kind, site: u8, name: u8, at: i64, expected: Guess },
    Undefine { kind: Kind, site: u8, name: u8, at: i64, expected: Guess },
    Reopen,
}

/// What a change expects, and whether rightly.
#[derive(Clone, Copy, Debug)]
enum Guess {
    Anything,
    Nothing,
    Right,
    Stale,
}

impl Guess {
    fn expected(self, found: Option<Revision>) -> Expected {
        match self {
            Self::Anything => Expected::Anything,
            Self::Nothing => Expected::Nothing,
            Self::Right => found.map_or(Expected::Nothing, Expected::Revision),
            Self::Stale => Expected::Revision(Revision(found.map_or(1, |found| found.0 - 1))),
        }
    }

    fn met(self, found: Option<Revision>) -> bool {
        match self {
            Self::Anything | Self::Right => true,
            Self::Nothing => found.is_none(),
            Self::Stale => false,
        }
    }
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let guess = || prop_oneof![4 => Just(Guess::Anything), 1 => Just(Guess::Nothing), 3 => Just(Guess::Right), 1 => Just(Guess::Stale)];
    let mode = prop_oneof![Just(Mode::Off), Just(Mode::Minimal), Just(Mode::Exempt), Just(Mode::Full)];
    let kind = || prop_oneof![Just(Kind::Goal), Just(Kind::Annotation)];
    let name = || (kind(), 0..3_u8, 0..2_u8, 0..12_i64, guess());
    prop_oneof![
        6 => (0..4_u8, mode, guess()).prop_map(|(site, mode, expected)| Put { site, mode, expected }),
        2 => (0..4_u8, guess()).prop_map(|(site, expected)| Remove { site, expected }),
        6 => name().prop_map(|(kind, site, name, at, expected)| Define { kind, site, name, at, expected }),
        2 => name().prop_map(|(kind, site, name, at, expected)| Undefine { kind, site, name, at, expected }),
        1 => Just(Reopen),
    ]
}

type Name = (Kind, u8, u8);

/// From when, until when, and what: the number of the change that made it.
type Span = (i64, Option<i64>, usize);

#[derive(Default)]
struct Map {
    revision: i64,
    sites: BTreeMap<u8, (Mode, Revision)>,
    names: BTreeMap<Name, Vec<Span>>,
    changed: BTreeMap<Name, Revision>,
}

impl Map {
    fn next(&mut self) -> Revision {
        self.revision += 1;
        Revision(self.revision)
    }

    /// The last change of a name that stands for something with no end.
    fn standing(&self, name: &Name) -> Option<Revision> {
        let open = self.names.get(name)?.iter().any(|(_, until, _)| until.is_none());
        open.then(|| self.changed[name])
    }

    fn end(&mut self, name: Name, at: i64) {
        let spans = self.names.entry(name).or_default();
        spans.retain(|(from, ..)| *from < at);
        for (_, until, _) in spans {
            *until = Some(until.map_or(at, |until| until.min(at)));
        }
    }

    fn holding(&self, at: i64) -> Vec<(Name, usize)> {
        let all = self.names.iter().flat_map(|(name, spans)| spans.iter().map(move |span| (*name, span)));
        all.filter(|(_, (from, until, _))| *from <= at && until.is_none_or(|until| at < until))
            .map(|(name, span)| (name, span.2))
            .collect()
    }
}

fn named(number: u8) -> Site {
    site(&format!("site-{number}.example"))
}

fn at(minute: i64) -> Millis {
    START.plus(minute * 60_000)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_gives_what_a_map_gives(operations in prop::collection::vec(operation(), 1..60)) {
        runtime().block_on(compare(operations, Bed::sqlite()))?;
    }

    #[test]
    fn postgresql_gives_what_a_map_gives(operations in prop::collection::vec(operation(), 1..60)) {
        runtime().block_on(compare(operations, Bed::postgres()))?;
    }
}

async fn compare(operations: Vec<Operation>, bed: Bed) -> Result<(), TestCaseError> {
    let mut settings = bed.open().await;
    let mut map = Map::default();
    for (number, operation) in operations.into_iter().enumerate() {
        match operation {
            Operation::Put { site, mode, expected } => {
                let found = map.sites.get(&site).map(|(_, revision)| *revision);
                let done = settings.put_site(&Site { mode, ..named(site) }, expected.expected(found), "model").await;
                if agree(done, expected.met(found).then(|| map.next()))? {
                    map.sites.insert(site, (mode, Revision(map.revision)));
                }
            }
            Operation::Remove { site, expected } => {
                let found = map.sites.get(&site).map(|(_, revision)| *revision);
                let done = settings.remove_site(&named(site).domain, expected.expected(found), "model").await;
                if agree(done, (expected.met(found) && found.is_some()).then(|| map.next()))? {
                    map.sites.remove(&site);
                    map.names.retain(|(_, of, _), _| *of != site);
                }
            }
            Operation::Define { kind, site, name, at: minute, expected } => {
                let key = (kind, site, name);
                let found = map.standing(&key);
                let definition = Definition {
                    kind,
                    site: named(site).domain,
                    name: name.to_string(),
                    body: json!(number),
                    effective_from: at(minute),
                };
                let done = settings.put_definition(&definition, expected.expected(found), "model").await;
                if agree(done, expected.met(found).then(|| map.next()))? {
                    map.end(key, minute);
                    map.names.entry(key).or_default().push((minute, None, number));
                    map.changed.insert(key, Revision(map.revision));
                }
            }
            Operation::Undefine { kind, site, name, at: minute, expected } => {
                let key = (kind, site, name);
                let found = map.standing(&key);
                let (site, name) = (named(site).domain, name.to_string());
                let done = settings
                    .remove_definition((kind, &site, &name), at(minute), expected.expected(found), "model")
                    .await;
                if agree(done, (expected.met(found) && found.is_some()).then(|| map.next()))? {
                    map.end(key, minute);
                }
            }
            Operation::Reopen => settings = bed.open().await,
        }
        same(&settings, &map).await?;
    }
    let log = settings.audit_page(None, 1_000).await.unwrap();
    prop_assert_eq!(i64::try_from(log.len()), Ok(map.revision), "every change is a line, and nothing else is");
    Ok(())
}

/// Whether it was done, after seeing that database and map say the same.
fn agree(done: Result<Revision, SettingsError>, wanted: Option<Revision>) -> Result<bool, TestCaseError> {
    match (done, wanted) {
        (Ok(done), Some(wanted)) => prop_assert_eq!(done, wanted),
        (Err(SettingsError::Conflict { .. }), None) => return Ok(false),
        (done, wanted) => prop_assert!(false, "{done:?} instead of {wanted:?}"),
    }
    Ok(true)
}

async fn same(settings: &Settings, map: &Map) -> Result<(), TestCaseError> {
    let list = settings.sites().await.unwrap();
    prop_assert_eq!(list.revision, Revision(map.revision));
    let listed: Vec<_> = list.sites.into_iter().map(|stored| (stored.site, stored.revision)).collect();
    let wanted: Vec<_> =
        map.sites.iter().map(|(site, (mode, revision))| (Site { mode: *mode, ..named(*site) }, *revision)).collect();
    prop_assert_eq!(listed, wanted);
    let all = settings.definitions(None, None).await.unwrap();
    for minute in -1..13 {
        let holding = all.definitions.iter().filter(|stored| stored.holds_at(at(minute)));
        let found: Vec<_> = holding
            .map(|stored| {
                (
                    stored.definition.kind.as_str(),
                    stored.definition.site.clone(),
                    stored.definition.name.clone(),
                    stored.definition.body.clone(),
                )
            })
            .collect();
        let mut wanted: Vec<_> = map
            .holding(minute)
            .into_iter()
            .map(|((kind, site, name), body)| (kind.as_str(), named(site).domain, name.to_string(), json!(body)))
            .collect();
        wanted.sort_by(|one, next| (one.0, &one.1, &one.2).cmp(&(next.0, &next.1, &next.2)));
        prop_assert_eq!(found, wanted, "minute {}", minute);
    }
    prop_assert_eq!(domain("site-0.example"), named(0).domain);
    Ok(())
}
