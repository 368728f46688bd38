//! Sees that every partition of a settled group has a reader, and has the group share them out anew where one has none.
//!
//! A static member that dies while it hands partitions over, and starts again, is given what its last generation said: to the brokers
//! nothing has changed (KIP-345). What was on its way from it to another member is then nobody's, and no member asks. A member that
//! comes and leaves again makes the group share out; it subscribes to another topic, so that nothing is taken from anybody for it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::groups::GroupInfo;

use super::fault::Listener;
use super::seldom;
use super::settings::{ANSWER_WAIT, KafkaSettings, Member};

/// Between two looks at the group.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Looks that have to find the same partitions without a reader. A partition on its way between two members is nobody's to the brokers as
/// well, for as long as the first may take to end its work (`TAKE_BACK_PATIENCE`): these take longer.
const LOOKS: usize = 7;
/// How long the passing member waits for the group to settle: all members have to answer, some after they have ended their work.
const STIR_WAIT: Duration = Duration::from_secs(60);
/// What the brokers call a group in which nothing changes hands.
const SETTLED: &str = "Stable";

/// Looks until `ended`. The calls wait, so it has a thread of its own.
pub(super) fn watch<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    (settings, member): (&KafkaSettings, &Member),
    ended: &AtomicBool,
) {
    let mut before = BTreeSet::new();
    let mut looks = 0;
    while pause(LOOK_EVERY, ended) {
        let (orphans, rank) = match look(consumer, settings, member) {
            Ok(found) => found,
            Err(error) => {
                complain("who reads which partition is not known", &error.to_string());
                continue;
            }
        };
        looks = if !orphans.is_empty() && orphans == before { looks + 1 } else { 1 };
        before = orphans;
        // One after the other, so that not all do it at once, and the next one where the first cannot.
        if before.is_empty() || looks < LOOKS + rank {
            continue;
        }
        looks = 0;
        tracing::warn!(partitions = ?before, "partitions are nobody's in a settled group; it is made to share out anew");
        if let Err(error) = stir(settings, member, ended) {
            complain("the group cannot be made to share out anew", &error);
        }
    }
}

fn complain(what: &str, error: &str) {
    if let Some(left_out) = seldom::due(&format!("{what}: {error}")) {
        tracing::warn!(error, left_out, "{what}; will try again");
    }
}

/// Sleeps; says whether to go on.
fn pause(time: Duration, ended: &AtomicBool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < time && !ended.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(100));
    }
    !ended.load(Ordering::Relaxed)
}

/// The partitions that nobody reads, and this member's place among all by their names; none while the group is not settled.
fn look<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    settings: &KafkaSettings,
    member: &Member,
) -> KafkaResult<(BTreeSet<u32>, usize)> {
    let found = consumer.fetch_group_list(Some(&settings.group), ANSWER_WAIT)?;
    let group = found.groups().iter().find(|group| group.name() == settings.group && group.state() == SETTLED);
    let read = group.and_then(|group| read_partitions(group, &settings.topic));
    let (Some(group), Some(read)) = (group, read) else { return Ok((BTreeSet::new(), 0)) };
    let mut names: Vec<&str> = group.members().iter().map(|member| member.client_id()).collect();
    names.sort_unstable();
    let mine = settings.client_id(member);
    let rank = names.iter().position(|name| *name == mine).unwrap_or(names.len());
    Ok(((0..settings.partitions).filter(|partition| !read.contains(partition)).collect(), rank))
}

/// Every partition that a member has; nothing where one says it in a way that is not known here.
fn read_partitions(group: &GroupInfo, topic: &str) -> Option<BTreeSet<u32>> {
    let mut all = BTreeSet::new();
    for member in group.members() {
        all.extend(assigned(member.assignment().unwrap_or_default(), topic)?);
    }
    Some(all)
}

/// The partitions of a topic in a member's assignment: Kafka's `ConsumerProtocolAssignment`, of which every version begins alike.
fn assigned(mut bytes: &[u8], topic: &str) -> Option<Vec<u32>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let _version = i16::from_be_bytes(take(&mut bytes)?);
    let mut found = Vec::new();
    for _topic in 0..i32::from_be_bytes(take(&mut bytes)?) {
        let length = usize::try_from(i16::from_be_bytes(take(&mut bytes)?)).ok()?;
        let (name, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        for _partition in 0..i32::from_be_bytes(take(&mut bytes)?) {
            let partition = i32::from_be_bytes(take(&mut bytes)?);
            if name == topic.as_bytes() {
                found.push(u32::try_from(partition).ok()?);
            }
        }
    }
    Some(found)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

/// Joins the group without a lasting name until it has settled, and leaves: it is shared out twice.
fn stir(settings: &KafkaSettings, member: &Member, ended: &AtomicBool) -> Result<(), String> {
    let config = settings.passing_member().map_err(|error| error.to_string())?;
    let made = config.create_with_context(Listener::default());
    let consumer: BaseConsumer<Listener> = made.map_err(|error| error.to_string())?;
    consumer.subscribe(&[&member.beside]).map_err(|error| error.to_string())?;
    let begun = Instant::now();
    while begun.elapsed() < STIR_WAIT && !ended.load(Ordering::Relaxed) {
        // Some records of what it is given may come; they are for others.
        let _record = consumer.poll(Duration::from_millis(100));
        // Nobody else asks for that topic, so whoever has it was given it just now.
        if consumer.assignment().is_ok_and(|given| given.count() > 0) {
            return Ok(());
        }
    }
    Err(format!("it did not settle within {STIR_WAIT:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_read_as_the_protocol_writes_it() {
        let topic = |name: &str, partitions: &[i32]| {
            let mut bytes = i16::try_from(name.len()).unwrap().to_be_bytes().to_vec();
            bytes.extend(name.as_bytes());
            bytes.extend(i32::try_from(partitions.len()).unwrap().to_be_bytes());
            bytes.extend(partitions.iter().flat_map(|partition| partition.to_be_bytes()));
            bytes
        };
        let mut whole = vec![0, 1, 0, 0, 0, 2];
        whole.extend(topic("other", &[7]));
        whole.extend(topic("hits", &[0, 3]));
        // The user data of assignors that have some.
        whole.extend((-1_i32).to_be_bytes());
        assert_eq!(assigned(&whole, "hits"), Some(vec![0, 3]));
        assert_eq!(assigned(&whole, "hit"), Some(vec![]));
        assert_eq!(assigned(&[], "hits"), Some(vec![]));
        assert_eq!(assigned(&[0, 1, 0, 0, 0, 0], "hits"), Some(vec![]));
        for cut in 1..whole.len() - 4 {
            assert_eq!(assigned(&whole[..cut], "hits"), None, "cut at {cut}");
        }
        assert_eq!(assigned(&[0, 1, 127, 255, 255, 255], "hits"), None);
    }
}
