//! Random traffic over few of everything, so that visitors, pages and sources meet in every way.

use model::definition::{Action, Effective, Filter, Funnel, Goal, Lists, Operator, Pattern, Step, Test};
use model::{
    Campaign, Definitions, Dimension, Domain, Engagement, Kind, Millis, Mode, Referrer, Refusal, Revenue, Right,
    Signals, Tally, Vital, Vitals,
};
use proptest::prelude::*;

use crate::sent::{CHROME, HOUR, IPHONE, MINUTE, Op, Sent, site};

/// A stretch of traffic around a day that is not like the others.
pub fn traffic(ops_max: usize) -> impl Strategy<Value = Vec<Op>> {
    let starts = prop_oneof![
        Just(1_792_872_000_000), // 2026-10-24T20:00Z: Berlin's 25 hours are near
        Just(1_793_484_000_000), // 2026-10-31T22:00Z: Havana sets back at midnight
        Just(1_772_920_800_000), // 2026-03-07T22:00Z: Havana sets forward at midnight
        Just(1_774_728_000_000), // 2026-03-28T20:00Z: Berlin's 23 hours are near
    ];
    let ops = prop::collection::vec((step(), op()), 1..ops_max);
    (starts, defined(), ops).prop_map(|(start, defined, steps)| {
        let mut now = start;
        let mut ops = Vec::new();
        let definitions = beginning(start, defined);
        for (id, (step, op)) in (0..).zip(steps) {
            now += step;
            match op {
                Draft::Hit { sent, back, has_id, again } => {
                    let mut sent = Sent { at: now - back, id: has_id.then_some(id), ..*sent };
                    sent.site.definitions = definitions.clone();
                    ops.push(Op::Hit(Box::new(sent.clone())));
                    if let (true, Some(later)) = (has_id, again) {
                        ops.push(Op::Hit(Box::new(Sent { at: sent.at + later, ..sent })));
                    }
                }
                Draft::Tally(hits) => {
                    let site = Domain::parse("berlin.example").unwrap();
                    let minute = Millis(now).minute();
                    ops.push(Op::Tally(Tally { site, minute, refusal: Refusal::RateLimited, hits }));
                }
                Draft::Close => ops.push(Op::Close(Millis(now))),
                Draft::Ask(right, sent) => ops.push(Op::Ask(right, Box::new(Sent { at: now, ..*sent }))),
            }
        }
        ops
    })
}

/// What a site has defined: nothing, or a few of each whose times are hours from the traffic's beginning.
fn defined() -> impl Strategy<Value = Lists> {
    let segments = prop::collection::vec((prop::sample::select(vec!["one", "two", "three"]), filter(), held()), 0..4);
    let goals = prop::collection::vec((goal(), held()), 0..4);
    let funnels = prop::collection::vec((prop::collection::vec(action(), 2..5), held()), 0..3);
    let some = (segments, goals, funnels).prop_map(|(segments, goals, funnels)| Lists {
        segments: segments.into_iter().map(|(name, what, held)| effective(name, what, held)).collect(),
        goals: goals.into_iter().map(|((name, goal), held)| effective(name, goal, held)).collect(),
        // A name and a time stand for one meaning.
        funnels: std::iter::zip(["first", "second"], funnels)
            .map(|(name, (steps, held))| {
                let steps = steps.into_iter().map(|action| Step { label: None, action }).collect();
                effective(name, Funnel { steps }, held)
            })
            .collect(),
    });
    prop_oneof![1 => Just(Lists::default()), 2 => some]
}

fn effective<T>(name: &str, what: T, (from, until): (i64, Option<i64>)) -> Effective<T> {
    Effective { name: name.into(), from: Millis(from), until: until.map(Millis), what }
}

/// From when until when, after the traffic's beginning.
fn held() -> impl Strategy<Value = (i64, Option<i64>)> {
    (prop_oneof![Just(-48 * HOUR), 0..12 * HOUR], prop::option::weighted(0.3, 0..24 * HOUR))
}

fn beginning(start: i64, mut lists: Lists) -> Definitions {
    fn shift<T>(list: &mut [Effective<T>], start: i64) {
        for one in list {
            one.from = one.from.plus(start);
            one.until = one.until.map(|until| until.plus(start));
        }
    }
    shift(&mut lists.segments, start);
    shift(&mut lists.goals, start);
    shift(&mut lists.funnels, start);
    lists.into()
}

fn action() -> impl Strategy<Value = Action> {
    let page = prop::sample::select(vec!["/", "/a", "/*", "/b"]).prop_map(|page| Action::Page(Pattern(page.into())));
    prop_oneof![3 => page, 1 => Just(Action::Event("Signup".into()))]
}

/// A goal of what is done or of how far a page is scrolled; a name stands for one kind.
fn goal() -> impl Strategy<Value = (&'static str, Goal)> {
    let page = prop::sample::select(vec!["/", "/a", "/*"]).prop_map(|page| Action::Page(Pattern(page.into())));
    let scrolled =
        (page, 1..=100_u8).prop_map(|(action, percent)| Goal { scroll_percent: Some(percent), ..Goal::of(action) });
    let named = |names: [&'static str; 2]| prop::sample::select(names.to_vec());
    prop_oneof![(named(["Sign up", "two"]), action().prop_map(Goal::of)), (named(["Read", "Read on"]), scrolled),]
}

fn filter() -> impl Strategy<Value = Filter> {
    let test =
        |dimension, operator, value: &str| Test { dimension, property: None, operator, values: vec![value.into()] };
    let of_property = Test { property: Some("plan".into()), ..test(Dimension::Property, Operator::Is, "pro") };
    let either = Test { values: vec!["/".into(), "/c".into()], ..test(Dimension::Page, Operator::Is, "/") };
    let tests = prop::sample::select(vec![
        test(Dimension::Page, Operator::Is, "/a"),
        either,
        test(Dimension::Page, Operator::Fits, "/?*"),
        test(Dimension::Page, Operator::Fits, "/*"),
        test(Dimension::EntryPage, Operator::Is, "/"),
        test(Dimension::Hostname, Operator::Contains, "shop"),
        test(Dimension::Source, Operator::Contains, "oo"),
        test(Dimension::Channel, Operator::Is, "Email"),
        test(Dimension::UtmCampaign, Operator::Is, "spring"),
        test(Dimension::Browser, Operator::Is, "Chrome"),
        test(Dimension::Device, Operator::Is, "Mobile"),
        test(Dimension::Language, Operator::Is, "ja"),
        test(Dimension::Event, Operator::Is, "Signup"),
        of_property,
    ]);
    tests.prop_map(Filter::Test).prop_recursive(3, 10, 3, |inner| {
        let some = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            some.clone().prop_map(Filter::All),
            some.prop_map(Filter::Any),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

#[derive(Clone, Debug)]
enum Draft {
    Hit { sent: Box<Sent>, back: i64, has_id: bool, again: Option<i64> },
    Tally(u64),
    Close,
    Ask(Right, Box<Sent>),
}

/// How time goes on: mostly within a visit, often just around its end.
fn step() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 0..2 * MINUTE,
        2 => 5 * MINUTE..25 * MINUTE,
        1 => Just(30 * MINUTE),
        1 => Just(30 * MINUTE + 1),
        1 => HOUR..8 * HOUR,
    ]
}

fn op() -> impl Strategy<Value = Draft> {
    let back = prop_oneof![8 => Just(0), 1 => 0..10 * MINUTE, 1 => 0..5 * HOUR];
    let again = prop::option::weighted(0.2, 0..MINUTE);
    let right = prop_oneof![4 => Just(Right::Erase), 1 => Just(Right::Restrict), 2 => Just(Right::Resume)];
    prop_oneof![
        20 => (sent(), back, any::<bool>(), again).prop_map(|(sent, back, has_id, again)| Draft::Hit { sent: Box::new(sent), back, has_id, again }),
        1 => (1..5_u64).prop_map(Draft::Tally),
        1 => Just(Draft::Close),
        1 => (right, sent()).prop_map(|(right, sent)| Draft::Ask(right, Box::new(sent))),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    let site = prop::sample::select(vec![
        site("berlin.example", "Europe/Berlin"),
        site("havana.example", "America/Havana"),
        site("kolkata.example", "Asia/Kolkata"),
    ]);
    let mode = prop_oneof![
        18 => Just((Mode::Full, Signals::default())),
        1 => Just((Mode::Exempt, Signals::default())),
        1 => Just((Mode::Exempt, Signals::UNCLEAR)),
        1 => Just((Mode::Minimal, Signals::DNT)),
        1 => Just((Mode::Minimal, Signals::TCF_REFUSED.with(Signals::DNT))),
    ];
    let who = (prop::sample::select(vec!["192.0.2.1", "2001:db8::1"]), prop::sample::select(vec![CHROME, IPHONE]));
    let place = (
        prop::sample::select(vec!["", "example.com", "shop.example.com"]),
        prop::sample::select(vec!["/", "/a", "/b", "/c"]),
    );
    (site, mode, kind(), who, place, whence(), details()).prop_map(
        |(
            site,
            (mode, signals),
            kind,
            (address, agent),
            (host, path),
            (referrer, campaign),
            (props, revenue, screen_width, language),
        )| Sent {
            site,
            at: 0,
            id: None,
            mode,
            signals,
            kind,
            host,
            path,
            campaign,
            referrer,
            props,
            revenue,
            screen_width,
            language,
            address,
            agent,
        },
    )
}

fn kind() -> impl Strategy<Value = Kind> {
    let event = (prop::sample::select(vec!["Signup", "Download"]), any::<bool>());
    prop_oneof![
        6 => Just(Kind::Pageview),
        3 => event.prop_map(|(name, interactive)| Kind::Event { name: name.into(), interactive }),
        2 => (0..60_000_u32, prop::option::of(0..=100_u8), vitals()).prop_map(|(engaged_ms, scroll_percent, vitals)| {
            Kind::Engagement(Engagement { engaged_ms, scroll_percent, vitals })
        }),
    ]
}

fn vitals() -> impl Strategy<Value = Vitals> {
    let measured = (prop::sample::select(Vital::ALL.to_vec()), prop_oneof![3 => 0..6_000_u32, 1 => any::<u32>()]);
    prop::collection::vec(measured, 0..4).prop_map(|all| {
        let mut vitals = Vitals::default();
        all.into_iter().for_each(|(vital, value)| vitals.set(vital, value));
        vitals
    })
}

fn whence() -> impl Strategy<Value = (Option<Referrer>, Campaign)> {
    let referrer = prop::option::of(prop::sample::select(vec![
        ("google.com", "/"),
        ("example.org", "/x"),
        ("example.org", "/y/"),
    ]));
    let word = |words: [&'static str; 2]| prop::option::weighted(0.2, prop::sample::select(words.to_vec()));
    (referrer, word(["google", "news"]), word(["email", "cpc"]), word(["spring", "autumn"]), word(["t", "u"])).prop_map(
        |(referrer, source, medium, name, term)| {
            let referrer = referrer.map(|(host, path)| Referrer { host: host.into(), path: path.into() });
            let [source, medium, name, term] = [source, medium, name, term].map(|word| word.map(Into::into));
            (referrer, Campaign { source, medium, name, term: term.clone(), content: term, click_id: None })
        },
    )
}

type Details = (Vec<(Box<str>, Box<str>)>, Option<Revenue>, Option<u16>, Option<Box<str>>);

fn details() -> impl Strategy<Value = Details> {
    let prop = prop::sample::select(vec![("plan", "free"), ("plan", "pro"), ("size", "l")]);
    let props = prop::collection::vec(prop.prop_map(|(name, value)| (name.into(), value.into())), 0..3);
    let money = prop_oneof![3 => Just(*b"EUR"), 1 => Just(*b"JPY")];
    let revenue = prop::option::weighted(
        0.3,
        (money, 0..5_000_000_i64).prop_map(|(currency, micros)| Revenue { currency, micros }),
    );
    let screen_width = prop::option::of(prop::sample::select(vec![400, 1_300]));
    let language = prop::option::of(prop::sample::select(vec!["de", "ja"]).prop_map(Into::into));
    (props, revenue, screen_width, language)
}
