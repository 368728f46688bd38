//! Several processes on one topic: who is given which partition, and that nobody commits what was taken away.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use journal::kafka::{Feed, KafkaJournal, KafkaSettings, Keeps, Member, VALUE_BYTES_MAX, Value};
use journal::{Commit, Grant, Journal, JournalError, Offset, Ownership};

use crate::bed::{LONG, unlike_any_other};
use crate::kafka_server::shared;

/// Short, so that a lost member is missed soon; a busy machine stays below it.
const SILENCE: Duration = Duration::from_secs(3);

async fn join(settings: &KafkaSettings, name: &str) -> KafkaJournal {
    drop(Feed::open(settings, &beside(settings), Keeps::Latest, |_, _| {}).await.unwrap());
    KafkaJournal::open(named(settings, name)).await.unwrap()
}

/// The settings of a member of this name.
fn named(settings: &KafkaSettings, name: &str) -> KafkaSettings {
    let member = Member { name: name.to_owned(), silence_max: SILENCE, beside: beside(settings) };
    KafkaSettings { member: Some(member), ..settings.clone() }
}

/// The topic that a member follows beside the hits.
fn beside(settings: &KafkaSettings) -> String {
    format!("{}-settings", settings.topic)
}

fn ownership(journal: &KafkaJournal) -> &Ownership {
    journal.ownership().unwrap()
}

fn held(journal: &KafkaJournal) -> BTreeSet<u32> {
    ownership(journal).wanted().borrow().clone()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < 2 * LONG, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn words(next: u64) -> Commit {
    Commit { next: Offset(next), metadata: format!("up to {next}").into_bytes() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_refuses_positions_on_fewer_replicas_than_hits() {
    let settings = unlike_any_other(shared().plain(), 1);
    // Kafka makes its topic of positions for the first group.
    let member = join(&settings, "member").await;
    until("it has the partition", || held(&member).len() == 1).await;
    member.commit(0, words(1)).await.unwrap();
    drop(member);
    let replicated = KafkaSettings { replication: 3, ..named(&settings, "member") };
    let refused = KafkaJournal::open(replicated).await.err().unwrap();
    let said = "topic __consumer_offsets has replication factor = 1, but it must be at least 3";
    assert_eq!(refused.to_string(), said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_share_the_partitions_and_take_over_those_of_one_that_is_gone() {
    let settings = unlike_any_other(shared().plain(), 4);
    let one = join(&settings, "one").await;
    until("one has all", || held(&one).len() == 4).await;
    one.commit(3, words(7)).await.unwrap();
    // A partition that is worked on changes hands when the work has ended, and is committed until then.
    let work: Vec<_> = (0..4).map(|partition| ownership(&one).begin(partition).unwrap()).collect();
    let two = join(&settings, "two").await;
    until("one is asked for two", || held(&one).len() == 2).await;
    let asked_for = (0..4).find(|partition| !held(&one).contains(partition)).unwrap();
    one.commit(asked_for, words(8)).await.unwrap();
    assert_eq!(held(&two), BTreeSet::new());
    drop(work);
    until("two has two", || held(&two).len() == 2).await;
    assert!(held(&one).is_disjoint(&held(&two)));
    assert_eq!(two.committed(asked_for).await, Ok(Some(words(8))));
    assert_eq!(one.commit(asked_for, words(9)).await, Err(JournalError::Fenced { partition: asked_for }));
    two.commit(asked_for, words(10)).await.unwrap();
    drop(one);
    until("two has all", || held(&two).len() == 4).await;
    for partition in 0..4 {
        two.commit(partition, words(11)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_starts_under_the_same_name_takes_over_at_once_and_fences_the_one_before() {
    let settings = unlike_any_other(shared().plain(), 2);
    let before = join(&settings, "same").await;
    until("it has both", || held(&before).len() == 2).await;
    before.commit(0, words(1)).await.unwrap();
    let after = join(&settings, "same").await;
    until("the other has both", || held(&after).len() == 2).await;
    let fenced = before.commit(0, words(2)).await;
    assert!(matches!(fenced, Err(JournalError::Fenced { partition: 0 })), "{fenced:?}");
    let why = tokio::time::timeout(LONG, ownership(&before).failed()).await.unwrap();
    assert!(why.to_string().contains("same `instance`"), "{why}");
    after.commit(0, words(3)).await.unwrap();
    assert_eq!(after.committed(0).await, Ok(Some(words(3))));
}

/// The group is settled then, as far as the brokers know: a static member that comes back is given what its last generation said, and nobody
/// shares out what was on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_dies_while_handing_over_leaves_no_partition_without_a_reader() {
    let settings = unlike_any_other(shared().plain(), 4);
    let one = join(&settings, "one").await;
    until("one has all", || held(&one).len() == 4).await;
    let work: Vec<_> = (0..4).map(|partition| ownership(&one).begin(partition).unwrap()).collect();
    let two = join(&settings, "two").await;
    until("one is asked for two", || held(&one).len() == 2).await;
    // It never answers: another process starts under its name, as after `kill -9`.
    let again = join(&settings, "one").await;
    until("what was never asked for is given back", || held(&again).len() == 2).await;
    let grants = |of: &KafkaJournal| -> Vec<(u32, Grant)> {
        held(of).into_iter().map(|partition| (partition, ownership(of).grant_of(partition).unwrap())).collect()
    };
    let kept = grants(&again);
    until("all have a reader", || held(&again).union(&held(&two)).count() == 4).await;
    // Nothing changed hands for whoever passed through the group.
    assert_eq!(grants(&again), kept);
    assert!(held(&again).is_disjoint(&held(&two)));
    for partition in 0..4 {
        let owner = if held(&again).contains(&partition) { &again } else { &two };
        owner.commit(partition, words(1)).await.unwrap();
    }
    drop(work);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_commits_beside_the_group() {
    let settings = unlike_any_other(shared().plain(), 1);
    let member = join(&settings, "member").await;
    until("it has the partition", || held(&member).len() == 1).await;
    member.commit(0, words(1)).await.unwrap();
    let stranger = KafkaJournal::open(settings).await.unwrap();
    assert!(stranger.ownership().is_none());
    assert!(stranger.commit(0, words(0)).await.is_err());
    assert_eq!(stranger.committed(0).await, Ok(Some(words(1))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_tells_later_comers_the_latest_and_everybody_what_was_taken_back() {
    let settings = unlike_any_other(shared().plain(), 1);
    let name = format!("{}-settings", settings.topic);
    let open = |keeps| Feed::open(&settings, &name, keeps, |_, _| {});
    let early = open(Keeps::Latest).await.unwrap();
    assert!(early.values().is_empty());
    for (key, value) in [("a", Some("1")), ("b", Some("2")), ("a", Some("3")), ("c", Some("")), ("b", None)] {
        early.publish(key, value.map(str::as_bytes)).await.unwrap();
    }
    let late = open(Keeps::Latest).await.unwrap();
    for feed in [&early, &late] {
        feed.catch_up().await.unwrap();
        let values: Vec<_> = feed.values().into_iter().map(|(key, value)| (key.to_string(), value.to_vec())).collect();
        assert_eq!(values, [("a".to_owned(), b"3".to_vec()), ("c".to_owned(), Vec::new())]);
    }
    let mut changed = late.changed();
    changed.mark_unchanged();
    early.publish("d", Some(b"4")).await.unwrap();
    tokio::time::timeout(LONG, changed.changed()).await.unwrap().unwrap();
    assert!(late.values().contains_key("d"));
    let long = vec![0; VALUE_BYTES_MAX + 1];
    assert!(early.publish("e", Some(&long)).await.is_err());
    early.publish("e", Some(&long[1..])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_keeps_nothing_is_heard_by_who_listens_now() {
    let settings = unlike_any_other(shared().plain(), 1);
    let name = format!("{}-answers", settings.topic);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listen = {
        let heard = Arc::clone(&heard);
        move |key: &str, value: &Value| heard.lock().unwrap().push((key.to_owned(), value.as_deref().unwrap().to_vec()))
    };
    let before = Feed::open(&settings, &name, Keeps::Nothing, |_, _| {}).await.unwrap();
    before.publish("too early", Some(b"0")).await.unwrap();
    let listening = Feed::open(&settings, &name, Keeps::Nothing, listen).await.unwrap();
    before.publish("in time", Some(b"1")).await.unwrap();
    listening.catch_up().await.unwrap();
    assert_eq!(*heard.lock().unwrap(), [("in time".to_owned(), b"1".to_vec())]);
    assert!(listening.values().is_empty());
}
