//! Random operations on the embedded journal, reopening included, give what the twin gives.

use ::model::Millis;
use journal::memory::MemoryJournal;
use journal::{Commit, Journal, Offset};
use proptest::prelude::*;

use crate::bed::{HOUR, Hand, NOT_AT_ALL, START, open};

#[derive(Clone, Debug)]
enum Operation {
    Append { partition: u32, bytes: usize },
    Read { partition: u32, from: u64, records_max: usize },
    FirstAt { partition: u32, ms: i64 },
    Commit { partition: u32, next: u64 },
    Expire { ms: i64 },
    Turn { ms: i64 },
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        12 => (0..3_u32, 0..200_usize).prop_map(|(partition, bytes)| Append { partition, bytes }),
        6 => (0..3_u32, 0..40_u64, 1..20_usize)
            .prop_map(|(partition, from, records_max)| Read { partition, from, records_max }),
        3 => (0..3_u32, -HOUR..30 * HOUR).prop_map(|(partition, ms)| FirstAt { partition, ms }),
        2 => (0..3_u32, 0..40_u64).prop_map(|(partition, next)| Commit { partition, next }),
        1 => (-HOUR..20 * HOUR).prop_map(|ms| Expire { ms }),
        3 => prop_oneof![-2 * HOUR..3 * HOUR, -5..5_i64].prop_map(|ms| Turn { ms }),
        2 => Just(Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_operations_give_what_the_twin_gives(
        operations in prop::collection::vec(operation(), 1..120),
        segment_bytes in prop_oneof![Just(200_u64), Just(1_000), Just(1 << 20)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(operations, segment_bytes))?;
    }
}

async fn compare(operations: Vec<Operation>, segment_bytes: u64) -> Result<(), TestCaseError> {
    let hand = Hand::new();
    let directory = tempfile::tempdir().unwrap();
    let mut subject = open(directory.path(), 3, hand.clock(), segment_bytes);
    let twin = MemoryJournal::new(3, hand.clock());
    for (number, operation) in operations.into_iter().enumerate() {
        match operation {
            Operation::Append { partition, bytes } => {
                let record = vec![u8::try_from(number % 251).unwrap(); bytes];
                prop_assert_eq!(subject.append(partition, record.clone()).await, twin.append(partition, record).await);
            }
            Operation::Read { partition, from, records_max } => prop_assert_eq!(
                subject.read(partition, Offset(from), records_max, NOT_AT_ALL).await,
                twin.read(partition, Offset(from), records_max, NOT_AT_ALL).await
            ),
            Operation::FirstAt { partition, ms } => prop_assert_eq!(
                subject.first_at(partition, Millis(START + ms)).await,
                twin.first_at(partition, Millis(START + ms)).await
            ),
            Operation::Commit { partition, next } => {
                let commit = Commit { next: Offset(next), metadata: number.to_string().into_bytes() };
                prop_assert_eq!(subject.commit(partition, commit.clone()).await, twin.commit(partition, commit).await);
            }
            Operation::Expire { ms } => {
                prop_assert_eq!(subject.expire(Millis(START + ms)).await, twin.expire(Millis(START + ms)).await)
            }
            Operation::Turn { ms } => hand.turn(ms),
            Operation::Reopen => {
                drop(subject);
                subject = open(directory.path(), 3, hand.clock(), segment_bytes);
                prop_assert_eq!(subject.recovery(), Default::default());
            }
        }
        for partition in 0..3 {
            prop_assert_eq!(subject.end(partition).await, twin.end(partition).await);
            prop_assert_eq!(subject.committed(partition).await, twin.committed(partition).await);
        }
    }
    Ok(())
}
