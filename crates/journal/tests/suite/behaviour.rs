//! What a reader and a writer may rely on, whatever stands behind the trait.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::model::Millis;
use ::model::limits::RECORD_BYTES_MAX;
use journal::{AppendError, Bound, Commit, Journal, JournalError, METADATA_BYTES_MAX, Offset};

use crate::bed::{Bed, BehindSpool, Embedded, HOUR, Hand, InMemory, LONG, NOT_AT_ALL, OnKafka, START, read_all, texts};

macro_rules! behaviours {
    (
        everywhere: [$($name:ident),* $(,)?],
        where_the_clock_is_ours: [$($timed:ident),* $(,)?],
        where_room_is_ours: [$($bounded:ident),* $(,)?] $(,)?
    ) => {
        mod embedded { run!(super::Embedded: $($name),*, $($timed),*, $($bounded),*); }
        mod memory { run!(super::InMemory: $($name),*, $($timed),*, $($bounded),*); }
        mod spooled { run!(super::BehindSpool: $($name),*, $($timed),*); }
        mod kafka { run!(super::OnKafka: $($name),*); }
    };
}

macro_rules! run {
    ($bed:ty: $($name:ident),*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() { super::$name::<$bed>().await; })*
    };
}

behaviours![
    everywhere: [
        an_empty_journal_has_nothing_to_read,
        records_are_read_in_the_order_they_were_appended,
        reading_starts_in_the_middle,
        reading_from_beyond_the_end_waits_for_that_offset,
        a_commit_is_kept_per_partition_with_its_metadata,
        commit_metadata_is_bounded,
        waiting_ends_when_a_record_is_appended,
        waiting_ends_after_its_time,
        partitions_know_nothing_of_each_other,
        a_partition_that_does_not_exist_is_refused_everywhere,
        a_record_that_is_too_long_is_refused,
        concurrent_appends_are_each_read_exactly_once,
    ],
    // Kafka's clock is the broker's, which no test turns, and its room is the broker's disk, which no test fills. Tests of
    // time, expiry and the queue's bound with a broker's own clock stand in `kafka`; that time is held, in `kafka::hold`.
    where_the_clock_is_ours: [
        records_carry_the_time_of_their_append,
        time_is_found_also_among_equal_times,
        time_does_not_go_back_when_the_clock_does,
        hours_that_ended_expire_and_others_stay,
        after_everything_expired_offsets_and_commits_go_on,
        a_reader_of_expired_records_waits_for_the_next_one,
    ],
    // Before a journal that is full, a spool takes the record.
    where_room_is_ours: [
        a_full_journal_refuses_until_records_expire,
    ],
];

async fn an_empty_journal_has_nothing_to_read<B: Bed>() {
    let bed = B::new(2, Hand::new().clock());
    let journal = bed.journal();
    assert_eq!(journal.partitions(), 2);
    assert_eq!(journal.read(1, Offset(0), 10, NOT_AT_ALL).await, Ok(vec![]));
    let end = journal.end(1).await.unwrap();
    assert_eq!(journal.first_at(1, Millis(0)).await, Ok(end));
    assert_eq!(journal.committed(1).await, Ok(None));
    assert_eq!(journal.expire(Millis(i64::MAX)).await, Ok(0));
    assert_eq!(journal.end(1).await, Ok(end));
}

async fn records_are_read_in_the_order_they_were_appended<B: Bed>() {
    let bed = B::new(1, Hand::new().clock());
    let journal = bed.journal();
    let mut offsets = Vec::new();
    for number in 0..100 {
        offsets.push(journal.append(0, format!("record {number}").into_bytes()).await.unwrap());
        assert!(journal.end(0).await.unwrap() > offsets[number]);
    }
    assert!(offsets.is_sorted_by(|one, next| one < next));
    for records_max in [1, 3, 7, 1_000] {
        let entries = read_all(&**journal, 0, records_max).await;
        assert_eq!(entries.iter().map(|entry| entry.offset).collect::<Vec<_>>(), offsets, "portions of {records_max}");
        assert_eq!(texts(&entries), (0..100).map(|number| format!("record {number}")).collect::<Vec<_>>());
    }
    assert_eq!(journal.read(0, Offset(0), 0, LONG).await, Ok(vec![]), "nothing asked for, nothing waited for");
}

async fn records_carry_the_time_of_their_append<B: Bed>() {
    let hand = Hand::new();
    let bed = B::new(1, hand.clock());
    for turn in [0, 7, 9] {
        hand.set(START + turn);
        bed.journal().append(0, b"x".to_vec()).await.unwrap();
    }
    let ats: Vec<_> = read_all(&**bed.journal(), 0, 2).await.iter().map(|entry| entry.at.0 - START).collect();
    assert_eq!(ats, [0, 7, 9]);
}

async fn reading_starts_in_the_middle<B: Bed>() {
    let bed = B::new(1, Hand::new().clock());
    let journal = bed.journal();
    let mut offsets = Vec::new();
    for number in 0..50 {
        offsets.push(journal.append(0, vec![number; 40]).await.unwrap());
    }
    for number in (0..50).rev().chain([20, 0, 49]) {
        let entries = journal.read(0, offsets[number], 2, NOT_AT_ALL).await.unwrap();
        assert_eq!(entries[0].offset, offsets[number]);
        assert_eq!(entries[0].bytes, vec![u8::try_from(number).unwrap(); 40]);
    }
}

async fn reading_from_beyond_the_end_waits_for_that_offset<B: Bed>() {
    let bed = B::new(1, Hand::new().clock());
    let journal = bed.journal();
    let first = journal.append(0, b"one".to_vec()).await.unwrap();
    let far = Offset(first.0 + 3);
    let reader = tokio::spawn({
        let journal = journal.clone();
        async move { journal.read(0, far, 10, LONG).await }
    });
    let mut last = first;
    while last < far {
        last = journal.append(0, b"more".to_vec()).await.unwrap();
    }
    assert_eq!(reader.await.unwrap().unwrap()[0].offset, last);
}

async fn time_is_found_also_among_equal_times<B: Bed>() {
    let hand = Hand::new();
    let bed = B::new(2, hand.clock());
    let journal = bed.journal();
    let mut first_of = BTreeMap::new();
    for at in [START, START + 10, START + 20, START + 2 * HOUR, START + 3 * HOUR + 5] {
        hand.set(at);
        for number in 0..30 {
            let offset = journal.append(0, vec![0; 60]).await.unwrap();
            if number == 0 {
                first_of.insert(at, offset);
            }
        }
        journal.append(1, vec![1; 60]).await.unwrap();
    }
    for at in (START - 1..START + 22).chain([START + HOUR, START + 2 * HOUR, START + 3 * HOUR, START + 3 * HOUR + 5]) {
        let wanted = *first_of.range(at..).next().unwrap().1;
        assert_eq!(journal.first_at(0, Millis(at)).await, Ok(wanted), "at start {:+}", at - START);
    }
    assert_eq!(journal.first_at(0, Millis(START + 4 * HOUR)).await, journal.end(0).await);
    assert_eq!(journal.first_at(0, Millis(i64::MIN)).await, Ok(first_of[&START]));
}

async fn time_does_not_go_back_when_the_clock_does<B: Bed>() {
    let hand = Hand::new();
    let bed = B::new(1, hand.clock());
    let journal = bed.journal();
    for ms in [0, 5_000, -3 * HOUR, -1, 1, 4 * HOUR] {
        hand.turn(ms);
        journal.append(0, b"x".to_vec()).await.unwrap();
    }
    let ats: Vec<_> = read_all(&**journal, 0, 10).await.iter().map(|entry| entry.at.0 - START).collect();
    assert_eq!(ats, [0, 5_000, 5_000, 5_000, 5_000, 5_000 + HOUR]);
}

async fn a_commit_is_kept_per_partition_with_its_metadata<B: Bed>() {
    let bed = B::new(2, Hand::new().clock());
    let journal = bed.journal();
    for number in 0..40_u64 {
        let commit = Commit { next: Offset(number), metadata: vec![u8::try_from(number).unwrap(); 100] };
        journal.commit(0, commit.clone()).await.unwrap();
        assert_eq!(journal.committed(0).await, Ok(Some(commit)));
        assert_eq!(journal.committed(1).await, Ok(None));
    }
    let back = Commit { next: Offset(3), metadata: vec![] };
    journal.commit(0, back.clone()).await.unwrap();
    assert_eq!(journal.committed(0).await, Ok(Some(back)));
    assert_eq!(journal.read(0, Offset(0), 10, NOT_AT_ALL).await, Ok(vec![]), "a commit is no record");
}

async fn commit_metadata_is_bounded<B: Bed>() {
    let bed = B::new(1, Hand::new().clock());
    let fits = Commit { next: Offset(1), metadata: vec![7; METADATA_BYTES_MAX] };
    bed.journal().commit(0, fits.clone()).await.unwrap();
    let too_long = Commit { next: Offset(2), metadata: vec![7; METADATA_BYTES_MAX + 1] };
    let bytes = METADATA_BYTES_MAX + 1;
    assert_eq!(bed.journal().commit(0, too_long).await, Err(JournalError::MetadataTooLong { bytes }));
    assert_eq!(bed.journal().committed(0).await, Ok(Some(fits)));
}

async fn waiting_ends_when_a_record_is_appended<B: Bed>() {
    let bed = B::new(2, Hand::new().clock());
    let journal = bed.journal();
    for number in 0..20_u8 {
        let from = journal.end(0).await.unwrap();
        let reader = tokio::spawn({
            let journal = journal.clone();
            async move { journal.read(0, from, 10, LONG).await }
        });
        tokio::task::yield_now().await;
        journal.append(1, b"another partition".to_vec()).await.unwrap();
        journal.append(0, vec![number]).await.unwrap();
        let entries = reader.await.unwrap().unwrap();
        assert_eq!(entries.iter().map(|entry| entry.bytes.clone()).collect::<Vec<_>>(), [vec![number]]);
    }
}

async fn waiting_ends_after_its_time<B: Bed>() {
    let bed = B::new(1, Hand::new().clock());
    let journal = bed.journal();
    let end = journal.append(0, b"x".to_vec()).await.unwrap().next();
    let wait = std::time::Duration::from_millis(60);
    let begun = std::time::Instant::now();
    assert_eq!(journal.read(0, end, 10, wait).await, Ok(vec![]));
    assert!(begun.elapsed() >= wait);
}

async fn partitions_know_nothing_of_each_other<B: Bed>() {
    let bed = B::new(3, Hand::new().clock());
    let journal = bed.journal();
    for number in 0..30 {
        journal.append(number % 2, format!("{number}").into_bytes()).await.unwrap();
    }
    let even: Vec<_> = (0..30).step_by(2).map(|number| number.to_string()).collect();
    let odd: Vec<_> = (1..30).step_by(2).map(|number| number.to_string()).collect();
    assert_eq!(texts(&read_all(&**journal, 0, 4).await), even);
    assert_eq!(texts(&read_all(&**journal, 1, 4).await), odd);
    assert_eq!(texts(&read_all(&**journal, 2, 4).await), Vec::<String>::new());
}

async fn a_partition_that_does_not_exist_is_refused_everywhere<B: Bed>() {
    let bed = B::new(2, Hand::new().clock());
    let journal = bed.journal();
    let error = JournalError::NoSuchPartition { partition: 2, partitions: 2 };
    assert_eq!(journal.append(2, vec![]).await, Err(AppendError::Failed(error.clone())));
    assert_eq!(journal.read(2, Offset(0), 1, NOT_AT_ALL).await, Err(error.clone()));
    assert_eq!(journal.first_at(2, Millis(0)).await, Err(error.clone()));
    assert_eq!(journal.end(2).await, Err(error.clone()));
    let commit = Commit { next: Offset(0), metadata: vec![] };
    assert_eq!(journal.commit(2, commit).await, Err(error.clone()));
    assert_eq!(journal.committed(2).await, Err(error));
}

async fn hours_that_ended_expire_and_others_stay<B: Bed>() {
    let hand = Hand::new();
    let bed = B::new(2, hand.clock());
    let journal = bed.journal();
    for hour in 0..5 {
        hand.set(START + hour * HOUR);
        journal.append(0, format!("{hour} begins").into_bytes()).await.unwrap();
        hand.set(START + hour * HOUR + HOUR - 1);
        journal.append(1, format!("{hour} ends").into_bytes()).await.unwrap();
    }
    assert_eq!(journal.expire(Millis(START + HOUR - 1)).await, Ok(0), "the first hour has not ended");
    assert_eq!(journal.expire(Millis(START + 2 * HOUR + 30)).await, Ok(4));
    assert_eq!(texts(&read_all(&**journal, 0, 10).await), ["2 begins", "3 begins", "4 begins"]);
    assert_eq!(texts(&read_all(&**journal, 1, 1).await), ["2 ends", "3 ends", "4 ends"]);
    let first = journal.first_at(0, Millis(0)).await.unwrap();
    assert_eq!(texts(&journal.read(0, first, 1, NOT_AT_ALL).await.unwrap()), ["2 begins"]);
    assert_eq!(journal.expire(Millis(START + 2 * HOUR + 30)).await, Ok(0), "they are gone already");
}

async fn after_everything_expired_offsets_and_commits_go_on<B: Bed>() {
    let hand = Hand::new();
    let bed = B::new(1, hand.clock());
    let journal = bed.journal();
    let last = journal.append(0, b"old".to_vec()).await.unwrap();
    let commit = Commit { next: last.next(), metadata: b"kept".to_vec() };
    journal.commit(0, commit.clone()).await.unwrap();
    assert_eq!(journal.expire(Millis(START + 30 * HOUR)).await, Ok(1));
    assert_eq!(journal.read(0, Offset(0), 10, NOT_AT_ALL).await, Ok(vec![]));
    assert_eq!(journal.end(0).await, Ok(last.next()));
    assert_eq!(journal.first_at(0, Millis(0)).await, Ok(last.next()));
    assert_eq!(journal.committed(0).await, Ok(Some(commit)));
    hand.turn(30 * HOUR);
    let new = journal.append(0, b"new".to_vec()).await.unwrap();
    assert!(new > last);
    assert_eq!(texts(&read_all(&**journal, 0, 10).await), ["new"]);
}

async fn a_reader_of_expired_records_waits_for_the_next_one<B: Bed>() {
    let hand = Hand::new();
    let bed = B::new(1, hand.clock());
    let journal = bed.journal();
    let first = journal.append(0, b"old".to_vec()).await.unwrap();
    journal.expire(Millis(START + HOUR)).await.unwrap();
    let wait = std::time::Duration::from_millis(40);
    let begun = std::time::Instant::now();
    assert_eq!(journal.read(0, first, 10, wait).await, Ok(vec![]));
    assert!(begun.elapsed() >= wait, "an expired record must not turn waiting into a busy loop");
    let reader = tokio::spawn({
        let journal = journal.clone();
        async move { journal.read(0, first, 10, LONG).await }
    });
    journal.append(0, b"new".to_vec()).await.unwrap();
    assert_eq!(texts(&reader.await.unwrap().unwrap()), ["new"]);
}

async fn a_full_journal_refuses_until_records_expire<B: Bed>() {
    let hand = Hand::new();
    let bed = B::bounded(1, hand.clock(), 20_000);
    let journal = bed.journal();
    let mut kept = 0_u64;
    let refusal = loop {
        match journal.append(0, vec![7; 300]).await {
            Ok(_offset) => kept += 1,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal, AppendError::Full(Bound::Space));
    assert!((40..=66).contains(&kept), "{kept} records of 300 bytes in 20,000");
    assert_eq!(read_all(&**journal, 0, 1_000).await.len() as u64, kept);
    let commit = Commit { next: Offset(kept), metadata: b"full".to_vec() };
    journal.commit(0, commit).await.unwrap();
    assert_eq!(journal.append(0, vec![7; 300]).await, Err(refusal), "and again");
    hand.turn(HOUR);
    assert_eq!(journal.expire(Millis(START + HOUR)).await, Ok(kept));
    journal.append(0, vec![8; 300]).await.unwrap();
    assert_eq!(read_all(&**journal, 0, 10).await.len(), 1);
}

async fn a_record_that_is_too_long_is_refused<B: Bed>() {
    let bed = B::new(1, Hand::new().clock());
    let journal = bed.journal();
    journal.append(0, vec![1; RECORD_BYTES_MAX]).await.unwrap();
    let bytes = RECORD_BYTES_MAX + 1;
    assert_eq!(journal.append(0, vec![2; bytes]).await, Err(AppendError::TooLong { bytes }));
    journal.append(0, vec![]).await.unwrap();
    let lengths: Vec<_> = read_all(&**journal, 0, 10).await.iter().map(|entry| entry.bytes.len()).collect();
    assert_eq!(lengths, [RECORD_BYTES_MAX, 0]);
}

async fn concurrent_appends_are_each_read_exactly_once<B: Bed>() {
    const SENDERS: u32 = 64;
    const EACH: u32 = 50;
    let bed = B::new(3, Hand::new().clock());
    let journal = bed.journal();
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let journal = Arc::clone(journal);
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for number in 0..EACH {
                    let text = format!("{sender}/{number}");
                    let offset = journal.append(sender % 3, text.clone().into_bytes()).await.unwrap();
                    acknowledged.push((sender % 3, offset, text));
                }
                assert!(acknowledged.is_sorted_by_key(|(_, offset, _)| *offset));
                acknowledged
            })
        })
        .collect();
    let mut acknowledged = Vec::new();
    for sender in senders {
        acknowledged.extend(sender.await.unwrap());
    }
    let mut read = Vec::new();
    for partition in 0..3 {
        for entry in read_all(&**journal, partition, 97).await {
            read.push((partition, entry.offset, String::from_utf8(entry.bytes).unwrap()));
        }
    }
    acknowledged.sort();
    assert!(read.is_sorted(), "partition by partition, in order");
    assert_eq!(read, acknowledged);
}
