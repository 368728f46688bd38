//! What holds on Kafka beside the common behaviour: its topic, its clock, its being away and coming back, its locks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ::model::Millis;
use ::model::limits::RECORD_BYTES_MAX;
use journal::kafka::{Feed, KafkaJournal, KafkaSettings, Keeps, Publisher, Scram, Security, Tls};
use journal::{AppendError, Bound, Commit, Journal, JournalError, Offset};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use tokio::task::JoinSet;

use crate::bed::{Bed, HOUR, Hand, LONG, NOT_AT_ALL, OnKafka, read_all, texts, unlike_any_other};
use crate::kafka_server::{Broker, PASSWORD, USER, listen, shared, tool};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_once_is_opened_again_with_its_records_and_commits() {
    let settings = unlike_any_other(shared().plain(), 3);
    let commit = Commit { next: Offset(7), metadata: b"words".to_vec() };
    let first = KafkaJournal::open(settings.clone()).await.unwrap();
    first.append(2, b"kept".to_vec()).await.unwrap();
    first.commit(2, commit.clone()).await.unwrap();
    drop(first);
    let second = KafkaJournal::open(settings).await.unwrap();
    assert_eq!(texts(&read_all(&second, 2, 10).await), ["kept"]);
    assert_eq!(second.committed(2).await, Ok(Some(commit)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_contradicts_a_promise_is_refused_and_left_as_it_is() {
    let right = [
        ("message.timestamp.type", "LogAppendTime"),
        ("retention.ms", "97200000"),
        ("segment.ms", "3600000"),
        ("cleanup.policy", "delete"),
    ];
    for (setting, wrong, wanted) in [
        ("message.timestamp.type", "CreateTime", "LogAppendTime"),
        ("retention.ms", "604800000", "from 97200000 to 100800000"),
        ("segment.ms", "7200000", "at most 3600000"),
        ("cleanup.policy", "compact", "delete"),
        ("max.message.bytes", "200000", "at least 856064"),
    ] {
        let settings = unlike_any_other(shared().plain(), 1);
        let mut topic = NewTopic::new(&settings.topic, 1, TopicReplication::Fixed(1));
        for (name, value) in right.into_iter().filter(|(name, _)| *name != setting).chain([(setting, wrong)]) {
            topic = topic.set(name, value);
        }
        make(&topic).await;
        let refused = JournalError::TopicContradicts {
            topic: settings.topic.clone(),
            setting,
            found: wrong.to_owned(),
            wanted: wanted.to_owned(),
        };
        for _opening in 0..2 {
            assert_eq!(KafkaJournal::open(settings.clone()).await.err(), Some(refused.clone()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_of_other_partitions_or_fewer_replicas_is_refused() {
    let settings = unlike_any_other(shared().plain(), 2);
    drop(KafkaJournal::open(settings.clone()).await.unwrap());
    let more = KafkaJournal::open(KafkaSettings { partitions: 4, ..settings.clone() }).await.err().unwrap();
    assert_eq!(more.to_string(), format!("topic {} has partitions = 2, but it must be 4", settings.topic));
    let replicated = KafkaJournal::open(KafkaSettings { replication: 3, ..settings.clone() }).await.err().unwrap();
    assert!(replicated.to_string().contains("has replication factor = 1, but it must be at least 3"), "{replicated}");
    let in_sync = KafkaJournal::open(KafkaSettings { in_sync_min: 2, ..settings }).await.err().unwrap();
    assert!(in_sync.to_string().contains("has min.insync.replicas = 1, but it must be at least 2"), "{in_sync}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_followed_topic_that_would_forget_or_keep_too_long_is_refused_whoever_opens_it() {
    let settings = unlike_any_other(shared().plain(), 1);
    for (keeps, partitions, setting, wrong, wanted) in [
        (Keeps::Latest, 1, "cleanup.policy", "delete", "compact"),
        (Keeps::Latest, 2, "partitions", "2", "1"),
        (Keeps::Nothing, 1, "retention.ms", "604800000", "from 60000 to 3600000"),
    ] {
        let name = format!("{}-{keeps:?}-{partitions}", settings.topic);
        let mut topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1))
            .set("segment.ms", "600000")
            .set("delete.retention.ms", "86400000");
        if keeps == Keeps::Latest && setting != "cleanup.policy" {
            topic = topic.set("cleanup.policy", "compact");
        }
        if setting != "partitions" {
            topic = topic.set(setting, wrong);
        }
        make(&topic).await;
        let refused = JournalError::TopicContradicts {
            topic: name.clone(),
            setting,
            found: wrong.to_owned(),
            wanted: wanted.to_owned(),
        };
        assert_eq!(Feed::open(&settings, &name, keeps, |_, _| {}).await.err(), Some(refused.clone()));
        assert_eq!(Publisher::open(&settings, &name, keeps).await.err(), Some(refused));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_is_connected_without_brokers_and_takes_nothing_before_its_topic_was_seen() {
    let nobody = listen().local_addr().unwrap().to_string();
    let away = KafkaJournal::connect(unlike_any_other(nobody, 1)).await.unwrap();
    let refused = |refused: Result<Offset, AppendError>| {
        matches!(refused, Err(AppendError::Failed(JournalError::Unreachable { .. })))
    };
    assert!(refused(away.append(0, b"early".to_vec()).await));
    assert!(away.brokers_time().await.is_err());
    let journal = KafkaJournal::connect(unlike_any_other(shared().plain(), 1)).await.unwrap();
    assert!(refused(journal.append(0, b"early".to_vec()).await), "it may contradict a promise");
    journal.check().await.unwrap();
    journal.append(0, b"kept".to_vec()).await.unwrap();
    assert_eq!(texts(&read_all(&journal, 0, 10).await), ["kept"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_brokers_tell_their_time_by_a_record_that_says_nothing_else() {
    let journal = KafkaJournal::open(unlike_any_other(shared().plain(), 1)).await.unwrap();
    let first = journal.brokers_time().await.unwrap();
    let second = journal.brokers_time().await.unwrap();
    let entries = read_all(&journal, 0, 10).await;
    assert_eq!(entries.iter().map(|entry| entry.at).collect::<Vec<_>>(), [first, second]);
    assert!(entries.iter().all(|entry| entry.bytes.is_empty()));
    // They are on this machine, and so is their clock.
    let here = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    assert!((0..60_000).contains(&(here - second.0)), "{here} {second:?}");
}

async fn make(topic: &NewTopic<'_>) {
    let mut config = ClientConfig::new();
    let admin: AdminClient<DefaultClientContext> = config.set("bootstrap.servers", shared().plain()).create().unwrap();
    let options = AdminOptions::new().operation_timeout(Some(LONG));
    assert!(admin.create_topics([topic], &options).await.unwrap()[0].is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_finds_the_first_record_of_it() {
    let bed = OnKafka::new(1, Hand::new().clock());
    let journal = bed.journal();
    for number in 0..60_u8 {
        journal.append(0, vec![number]).await.unwrap();
    }
    let entries = read_all(&**journal, 0, 7).await;
    assert!(entries.is_sorted_by_key(|entry| entry.at));
    let mut first_of = BTreeMap::new();
    for entry in &entries {
        first_of.entry(entry.at).or_insert(entry.offset);
    }
    assert!(first_of.len() > 2, "the broker's clock moved");
    for (at, first) in &first_of {
        assert_eq!(journal.first_at(0, *at).await, Ok(*first));
    }
    assert_eq!(journal.first_at(0, Millis(i64::MIN)).await, Ok(entries[0].offset));
    assert_eq!(journal.first_at(0, entries[59].at.plus(1)).await, journal.end(0).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_expired_is_gone_and_offsets_and_commits_go_on() {
    let bed = OnKafka::new(2, Hand::new().clock());
    let journal = bed.journal();
    let first = journal.append(0, b"old".to_vec()).await.unwrap();
    let last = journal.append(0, b"old too".to_vec()).await.unwrap();
    journal.append(1, b"old elsewhere".to_vec()).await.unwrap();
    let commit = Commit { next: last.next(), metadata: b"kept".to_vec() };
    journal.commit(0, commit.clone()).await.unwrap();
    let at = read_all(&**journal, 0, 10).await[0].at;
    assert_eq!(journal.expire(Millis(at.hour() * HOUR)).await, Ok(0), "their hour has not ended");
    assert_eq!(journal.expire(at.plus(2 * HOUR)).await, Ok(3));
    assert_eq!(journal.expire(at.plus(2 * HOUR)).await, Ok(0), "they are gone already");
    assert_eq!(journal.end(0).await, Ok(last.next()));
    assert_eq!(journal.first_at(0, Millis(0)).await, Ok(last.next()));
    assert_eq!(journal.committed(0).await, Ok(Some(commit)));
    let (wait, begun) = (Duration::from_millis(40), Instant::now());
    assert_eq!(journal.read(0, first, 10, wait).await, Ok(vec![]));
    assert!(begun.elapsed() >= wait, "an expired record must not turn waiting into a busy loop");
    let reader = tokio::spawn({
        let journal = journal.clone();
        async move { journal.read(0, first, 10, LONG).await }
    });
    assert!(journal.append(0, b"new".to_vec()).await.unwrap() > last);
    assert_eq!(texts(&reader.await.unwrap().unwrap()), ["new"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longest_records_go_through_together() {
    let bed = OnKafka::new(1, Hand::new().clock());
    let mut appends = JoinSet::new();
    for number in 0..40_u8 {
        let journal = bed.journal().clone();
        appends.spawn(async move { journal.append(0, vec![number; RECORD_BYTES_MAX]).await.unwrap() });
    }
    appends.join_all().await;
    let first = bed.journal().read(0, Offset(0), 1_000, LONG).await.unwrap();
    assert!(first.len() <= 8 * 1024 * 1024 / RECORD_BYTES_MAX + 1, "a reading is bounded: {} records", first.len());
    let mut numbers: Vec<_> = read_all(&**bed.journal(), 0, 1_000).await.iter().map(|entry| entry.bytes[9]).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..40).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reading_that_was_given_up_leaves_the_next_one_alone() {
    let bed = OnKafka::new(1, Hand::new().clock());
    let journal = bed.journal();
    for _attempt in 0..3 {
        let given_up = tokio::time::timeout(Duration::from_millis(20), journal.read(0, Offset(0), 10, LONG)).await;
        assert!(given_up.is_err());
    }
    journal.append(0, b"x".to_vec()).await.unwrap();
    assert_eq!(texts(&journal.read(0, Offset(0), 10, LONG).await.unwrap()), ["x"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scram_lets_in_who_knows_the_password_and_says_why_it_lets_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let with = |password: &str| {
        let password_file = directory.path().join(password);
        std::fs::write(&password_file, format!("{password}\n")).unwrap();
        let security =
            Security::SaslScram { user: USER.to_owned(), password_file, mechanism: Scram::Sha512, tls: None };
        KafkaSettings { security, ..unlike_any_other(shared().sasl(), 1) }
    };
    goes_through(with(PASSWORD)).await;
    let refused = KafkaJournal::open(with("a-guess")).await.err().unwrap();
    assert!(refused.to_string().to_lowercase().contains("authentication"), "{refused}");
    assert!(!refused.to_string().contains("a-guess"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_within_tls_is_taken_by_either_digest() {
    let directory = tempfile::tempdir().unwrap();
    let password_file = directory.path().join("password");
    std::fs::write(&password_file, PASSWORD).unwrap();
    let with = |mechanism, authorities: Option<&Path>| {
        let tls = Some(Tls { authorities: authorities.map(Path::to_owned), own: None });
        let security =
            Security::SaslScram { user: USER.to_owned(), password_file: password_file.clone(), mechanism, tls };
        KafkaSettings { security, ..unlike_any_other(shared().sasl_tls(), 1) }
    };
    let authorities = shared().authorities();
    for mechanism in [Scram::Sha256, Scram::Sha512] {
        goes_through(with(mechanism, Some(&authorities))).await;
    }
    let refused = KafkaJournal::open(with(Scram::Sha512, None)).await.err().unwrap();
    assert!(
        refused.to_string().contains("certificate"),
        "a broker that nobody vouches for hears no password: {refused}"
    );
}

/// A broker of its own, because it lets nobody do what was not allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_refused_goes_on_once_the_rights_are_there() {
    let broker = tokio::task::block_in_place(Broker::guarded);
    let administrator = unlike_any_other(broker.plain(), 1);
    drop(KafkaJournal::open(administrator.clone()).await.unwrap());
    let directory = tempfile::tempdir().unwrap();
    let password_file = directory.path().join("password");
    std::fs::write(&password_file, PASSWORD).unwrap();
    let security = Security::SaslScram { user: USER.to_owned(), password_file, mechanism: Scram::Sha512, tls: None };
    let settings = KafkaSettings { bootstrap_servers: vec![broker.sasl()], security, ..administrator.clone() };
    let journal = KafkaJournal::connect(settings).await.unwrap();
    assert!(journal.check().await.is_err());
    // Kafka's client has asked for its number meanwhile, was refused, and never asks again.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let allow = ["--add", "--force", "--allow-principal", &format!("User:{USER}"), "--topic", &administrator.topic];
    let server = broker.plain();
    tokio::task::block_in_place(|| {
        let operations = ["--operation", "Write", "--operation", "DescribeConfigs"];
        let arguments = [&["--bootstrap-server", server.as_str()][..], &allow[..], &operations[..]].concat();
        tool("org.apache.kafka.tools.AclCommand", &arguments);
    });
    let begun = Instant::now();
    let patiently = |error: String| async move {
        assert!(begun.elapsed() < 2 * LONG, "{error}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    while let Err(error) = journal.check().await {
        patiently(error.to_string()).await;
    }
    while let Err(error) = journal.append(0, b"at last".to_vec()).await {
        patiently(error.to_string()).await;
    }
    let reader = KafkaJournal::open(administrator).await.unwrap();
    assert_eq!(texts(&reader.read(0, Offset(0), 10, LONG).await.unwrap()), ["at last"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_reaches_a_broker_that_is_vouched_for_and_no_other() {
    let with = |authorities: Option<&Path>| {
        let tls = Tls { authorities: authorities.map(Path::to_owned), own: None };
        KafkaSettings { security: Security::Tls(tls), ..unlike_any_other(shared().tls(), 1) }
    };
    goes_through(with(Some(&shared().authorities()))).await;
    let refused = KafkaJournal::open(with(None)).await.err().unwrap();
    assert!(refused.to_string().contains("certificate"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_asks_for_a_certificate_takes_ours_and_nobody_without() {
    let with = |own: Option<(PathBuf, PathBuf)>| {
        let tls = Tls { authorities: Some(shared().authorities()), own };
        KafkaSettings { security: Security::Tls(tls), ..unlike_any_other(shared().own_tls(), 1) }
    };
    goes_through(with(Some(shared().client()))).await;
    let refused = KafkaJournal::open(with(None)).await.err().unwrap();
    assert!(refused.to_string().contains("certificate"), "{refused}");
}

async fn goes_through(settings: KafkaSettings) {
    let journal = KafkaJournal::open(settings).await.unwrap();
    journal.append(0, b"through".to_vec()).await.unwrap();
    assert_eq!(texts(&journal.read(0, Offset(0), 10, LONG).await.unwrap()), ["through"]);
}

/// A broker of its own, because it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_loses_nothing_acknowledged_and_the_journal_goes_on() {
    const QUEUE: usize = 10;
    let mut broker = tokio::task::block_in_place(Broker::start);
    let append_wait = Duration::from_secs(5);
    let settings = KafkaSettings { append_wait, queue_records_max: QUEUE, ..unlike_any_other(broker.plain(), 1) };
    let journal = Arc::new(KafkaJournal::open(settings).await.unwrap());
    let commit = Commit { next: Offset(3), metadata: b"before".to_vec() };
    journal.commit(0, commit.clone()).await.unwrap();

    // Killed while appends are under way: each is acknowledged, or reported as not kept.
    let count = Arc::new(AtomicU32::new(0));
    let mut senders = JoinSet::new();
    for sender in 0..4 {
        senders.spawn(append_until_refused(journal.clone(), sender, count.clone()));
    }
    let begun = Instant::now();
    while count.load(Ordering::SeqCst) < 100 {
        assert!(begun.elapsed() < 2 * LONG, "{count:?} acknowledged");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::task::block_in_place(|| broker.kill());
    let mut acknowledged: BTreeMap<Offset, String> = senders.join_all().await.into_iter().flatten().collect();
    assert!(acknowledged.len() >= 100, "{} acknowledged", acknowledged.len());

    // While it is away: a full queue refuses at once, and what waits is told within the bound.
    let mut appends = JoinSet::new();
    for number in 0..3 * QUEUE {
        let journal = journal.clone();
        appends.spawn(async move {
            let begun = Instant::now();
            (journal.append(0, format!("away {number}").into_bytes()).await.unwrap_err(), begun.elapsed())
        });
    }
    let told = appends.join_all().await;
    let full: Vec<_> = told.iter().filter(|(error, _)| *error == AppendError::Full(Bound::Queue)).collect();
    assert!(full.len() >= 2 * QUEUE, "{} refused", full.len());
    assert!(full.iter().all(|(_, took)| *took < append_wait / 2), "at once: {full:?}");
    for (error, took) in told.iter().filter(|(error, _)| *error != AppendError::Full(Bound::Queue)) {
        assert!(matches!(error, AppendError::Failed(JournalError::Unreachable { .. })), "{error}");
        assert!(*took < append_wait + LONG, "{took:?}");
    }
    let later = Commit { next: Offset(4), metadata: b"while it is away".to_vec() };
    let (end, committing) = tokio::join!(journal.end(0), journal.commit(0, later));
    assert!(matches!(end, Err(JournalError::Unreachable { .. })), "{end:?}");
    assert!(matches!(committing, Err(JournalError::Unreachable { .. })), "{committing:?}");

    tokio::task::block_in_place(|| broker.restart());
    let begun = Instant::now();
    let back = loop {
        match journal.append(0, b"back".to_vec()).await {
            Ok(offset) => break offset,
            Err(error) => assert!(begun.elapsed() < 2 * LONG, "it does not go on: {error}"),
        }
    };
    println!("appends went on {:?} after the broker", begun.elapsed());
    acknowledged.insert(back, "back".to_owned());
    let entries = read_all(&*journal, 0, 100).await;
    let found: BTreeMap<_, _> =
        entries.iter().map(|entry| (entry.offset, String::from_utf8(entry.bytes.clone()).unwrap())).collect();
    for (offset, text) in &acknowledged {
        assert_eq!(found.get(offset), Some(text), "{offset} was acknowledged");
    }
    let mut all = texts(&entries);
    all.sort_unstable();
    assert!(all.is_sorted_by(|one, next| one < next), "nothing is there twice");
    assert_eq!(journal.committed(0).await, Ok(Some(commit)));
    assert_eq!(journal.read(0, back.next(), 10, NOT_AT_ALL).await, Ok(vec![]));
}

async fn append_until_refused(journal: Arc<KafkaJournal>, sender: u32, count: Arc<AtomicU32>) -> Vec<(Offset, String)> {
    let mut acknowledged: Vec<(Offset, String)> = Vec::new();
    for number in 0_u32.. {
        let text = format!("{sender}/{number}");
        match journal.append(0, text.clone().into_bytes()).await {
            Ok(offset) => {
                assert!(acknowledged.last().is_none_or(|(last, _)| *last < offset), "in order");
                acknowledged.push((offset, text));
                count.fetch_add(1, Ordering::SeqCst);
            }
            Err(AppendError::Failed(JournalError::Unreachable { .. })) => break,
            Err(other) => panic!("{other}"),
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_a_partition_hears_once_that_its_end_is_gone_whatever_stands_there_since() {
    let mut broker = tokio::task::block_in_place(Broker::start);
    // A client that reads on knows by the epoch; one that begins anew after the outage, by the last record that was read.
    for reads_meanwhile in [false, true] {
        let settings = unlike_any_other(broker.plain(), 1);
        let journal = KafkaJournal::open(settings.clone()).await.unwrap();
        for number in 0..90 {
            journal.append(0, format!("first {number}").into_bytes()).await.unwrap();
        }
        assert_eq!(read_all(&journal, 0, 100).await.len(), 90);
        // One more look, so that a client waits at the end.
        assert_eq!(journal.read(0, Offset(90), 1, Duration::from_millis(300)).await, Ok(Vec::new()));
        tokio::task::block_in_place(|| broker.kill());
        if reads_meanwhile {
            let away = journal.read(0, Offset(90), 1, Duration::from_millis(300)).await;
            assert!(matches!(away, Err(JournalError::Unreachable { .. })), "{away:?}");
        }
        tokio::task::block_in_place(|| {
            assert!(broker.cut_tail(&settings.topic) > 0);
            broker.restart();
        });
        // Another process appends: more than is gone, so that the end says nothing.
        let other = KafkaJournal::open(settings).await.unwrap();
        let cut = other.end(0).await.unwrap();
        assert!(cut < Offset(90), "{cut}");
        for number in 0..90 {
            other.append(0, format!("second {number}").into_bytes()).await.unwrap();
        }
        let begun = Instant::now();
        let told = loop {
            match journal.read(0, Offset(90), 1, Duration::from_secs(1)).await {
                Ok(none) if none.is_empty() && begun.elapsed() < LONG => {}
                Err(JournalError::Unreachable { .. }) if begun.elapsed() < 2 * LONG => {}
                told => break told,
            }
        };
        assert_eq!(told, Err(JournalError::Truncated { partition: 0 }));
        let entries = journal.read(0, cut, 100, LONG).await.unwrap();
        let first = entries.first().map(|entry| (entry.offset, &entry.bytes[..]));
        assert_eq!(first, Some((cut, &b"second 0"[..])));
        let all = read_all(&journal, 0, 200).await;
        assert_eq!(u64::try_from(all.len()), Ok(cut.0 + 90));
    }
}
