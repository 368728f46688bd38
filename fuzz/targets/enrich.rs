//! What is read out of a user agent, a referrer's host and a campaign: names from the tables, version numbers, and nothing
//! else of an agent string.
#![no_main]

use arbitrary::Arbitrary;
use fold::enrich::{agent, robots, source};
use libfuzzer_sys::fuzz_target;
use model::{Campaign, Referrer};

#[derive(Arbitrary, Debug)]
struct Input {
    agent: String,
    host: Option<Box<str>>,
    source: Option<Box<str>>,
    medium: Option<Box<str>>,
    name: Option<Box<str>>,
    click_id: Option<Box<str>>,
}

fuzz_target!(|input: Input| {
    let read = agent::read(&input.agent);
    assert!(["", "Desktop", "Mobile", "Tablet"].contains(&read.device));
    for (name, versioned) in [(read.browser, &read.browser_version), (read.os, &read.os_version)] {
        if versioned.is_empty() {
            continue;
        }
        let Some(version) = versioned.strip_prefix(name) else { panic!("{versioned:?} is not a version of {name:?}") };
        assert!(version.chars().count() <= 13, "{version:?}");
        let from_table = matches!(version, " XP" | " Vista");
        let is_number = version.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b' '));
        assert!(from_table || is_number, "{version:?} is more of the agent than a version");
    }
    let robot = robots::robot(&input.agent);
    assert_eq!(robot, robots::robot(&input.agent.to_ascii_uppercase()), "robots are told without case");
    assert_eq!(robot, robots::robot(&input.agent.to_ascii_lowercase()), "robots are told without case");

    let Input { source: word, medium, name, click_id, .. } = input;
    let campaign = Campaign { source: word, medium, name, click_id, ..Campaign::default() };
    let referrer = input.host.map(|host| Referrer { host, path: "/".into() });
    let found = source::source(&campaign, referrer.as_ref());
    assert!(!found.name.is_empty() && !found.channel.is_empty());
    if campaign.source.is_some() {
        assert_eq!(found, source::source(&campaign, None), "a campaign's source wins over the referrer");
    }
});
