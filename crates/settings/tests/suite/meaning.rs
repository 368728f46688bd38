//! What people define, as those who count read it, over both databases.

use ::model::Millis;
use ::model::definition::{
    Action, Annotation, Effective, FUNNELS_MAX, Filter, Funnel, Goal, Operator, Pattern, Step, Test,
};
use settings::{Kind, LEAD_MS, Meaning, Settings, SettingsError};

use crate::bed::{Bed, START, domain};
use crate::behaviour::over_both;

over_both!(
    a_meaning_counts_from_a_little_after_it_is_saved_until_it_is_replaced,
    what_makes_no_sense_or_is_too_much_is_refused,
    what_another_version_has_written_is_named_and_the_others_are_counted_by,
);

fn goal(page: &str) -> Meaning {
    Meaning::Goal(Goal::of(Action::Page(Pattern(page.into()))))
}

fn segment(value: &str) -> Meaning {
    let values = vec![value.into()];
    let dimension = ::model::Dimension::Country;
    Meaning::Segment(Filter::Test(Test { dimension, property: None, operator: Operator::Is, values }))
}

fn funnel() -> Meaning {
    let step = |name: &str| Step { label: None, action: Action::Event(name.into()) };
    Meaning::Funnel(Funnel { steps: vec![step("a"), step("b")] })
}

async fn goals(settings: &Settings) -> Vec<(String, Millis, Option<Millis>)> {
    let counted_by = settings.counted_by().await.unwrap();
    let of_site = counted_by.sites.get(&domain("example.com")).cloned().unwrap_or_default();
    let told = |goal: &Effective<Goal>| {
        let Action::Page(Pattern(page)) = &goal.what.action else { panic!("{goal:?}") };
        (page.to_string(), goal.from, goal.until)
    };
    of_site.goals().iter().map(told).collect()
}

async fn a_meaning_counts_from_a_little_after_it_is_saved_until_it_is_replaced(bed: Bed) {
    let settings = bed.open().await;
    let site = domain("example.com");
    let define = async |page: &str| settings.define(&site, "Thanks", &goal(page), "cli").await.unwrap();
    let first = define("/thanks").await;
    assert_eq!(first.definition.effective_from, START.plus(LEAD_MS));
    bed.turn(60_000);
    assert_eq!(define("/thanks").await, first, "what it means already is left as it is");
    define("/thanks/**").await;
    let second = START.plus(60_000 + LEAD_MS);
    let wanted = [("/thanks".to_owned(), START.plus(LEAD_MS), Some(second)), ("/thanks/**".to_owned(), second, None)];
    assert_eq!(goals(&settings).await, wanted);
    bed.turn(60_000);
    let until = settings.undefine(Kind::Goal, &site, "Thanks", "cli").await.unwrap();
    assert_eq!((until, goals(&settings).await[1].2), (START.plus(120_000 + LEAD_MS), Some(until)));
    let again = settings.undefine(Kind::Goal, &site, "Thanks", "cli").await;
    assert!(matches!(again, Err(SettingsError::Conflict { .. })), "{again:?}");
    let note = Meaning::Annotation(Annotation { at: START, text: "Release".into() });
    settings.define(&site, "Release", &note, "cli").await.unwrap();
    assert_eq!(settings.counted_by().await.unwrap().sites.len(), 1, "a note is nothing to count by");
    let audit = settings.audit_page(None, 10).await.unwrap();
    assert_eq!(audit.first().map(|entry| entry.what.as_str()), Some("annotation_added"));
}

async fn what_makes_no_sense_or_is_too_much_is_refused(bed: Bed) {
    let settings = bed.open().await;
    let site = domain("example.com");
    let refused = async |name: &str, meaning: &Meaning| match settings.define(&site, name, meaning, "cli").await {
        Err(SettingsError::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused("x", &goal("thanks")).await.contains("begins with /"));
    assert!(refused("(other)", &goal("/thanks")).await.contains("folded values"));
    for number in 0..FUNNELS_MAX {
        settings.define(&site, &format!("funnel {number}"), &funnel(), "cli").await.unwrap();
    }
    assert!(refused("one more", &funnel()).await.contains("no room for more"));
    // All together have their bound too: what was meant before counts until no replay can need it.
    let values = |letter: char| vec![letter.to_string().repeat(1_900).into(); 8];
    let test = |letter| Test {
        dimension: ::model::Dimension::Page,
        property: None,
        operator: Operator::Is,
        values: values(letter),
    };
    let mut put = 0;
    let why = loop {
        let large = Meaning::Segment(Filter::Test(test(char::from(b'a' + put))));
        match settings.define(&site, "large", &large, "cli").await {
            Ok(_) => {
                put += 1;
                bed.turn(60_000);
            }
            Err(error) => break error.to_string(),
        }
    };
    assert!((4..12).contains(&put) && why.contains("131072 bytes"), "{put}: {why}");
}

async fn what_another_version_has_written_is_named_and_the_others_are_counted_by(bed: Bed) {
    let settings = bed.open().await;
    settings.define(&domain("example.com"), "Germans", &segment("DE"), "cli").await.unwrap();
    bed.sql(
        "INSERT INTO definitions VALUES ('segment', 'example.com', 'newer', 0, NULL, '{\"some\": 1}', 2), \
         ('path', 'example.com', 'of another kind', 0, NULL, '{}', 3)",
    )
    .await;
    let counted_by = settings.counted_by().await.unwrap();
    let names: Vec<_> = counted_by.sites[&domain("example.com")].segments().iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["Germans"]);
    assert!(counted_by.unreadable.len() == 1 && counted_by.unreadable[0].contains("segment \"newer\" of example.com"));
}
