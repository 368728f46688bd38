//! Appending to the topic, and hearing by it what time it is at the brokers.
//!
//! It waits for the brokers as long as the settings say, and never sends again by itself: what was not acknowledged may be kept.

use std::sync::atomic::Ordering;

use model::Millis;
use model::limits::RECORD_BYTES_MAX;
use rdkafka::Timestamp;
use rdkafka::error::KafkaError;
use rdkafka::producer::FutureRecord;
use rdkafka::producer::future_producer::Delivery;

use super::{KafkaJournal, fault, number};
use crate::{AppendError, JournalError};

impl KafkaJournal {
    /// What time it is by the brokers' clock: appends an empty record, which says only that time has passed, and hears how it
    /// was stamped.
    ///
    /// # Errors
    /// The brokers cannot be reached or refuse, or do not stamp.
    pub async fn brokers_time(&self) -> Result<Millis, JournalError> {
        let stamped = self.deliver(0, Vec::new()).await.map_err(|error| match error {
            AppendError::Failed(error) => error,
            other => JournalError::Failed { tried: "ask for the brokers' time".to_owned(), reason: other.to_string() },
        })?;
        match stamped.timestamp {
            Timestamp::LogAppendTime(at) => Ok(Millis(at)),
            other => {
                let reason = format!("they do not stamp records with their own time: {other:?}");
                Err(JournalError::Failed { tried: "ask for the brokers' time".to_owned(), reason })
            }
        }
    }

    /// Appends a record, and returns what the brokers said of it.
    pub(super) async fn deliver(&self, partition: u32, record: Vec<u8>) -> Result<Delivery, AppendError> {
        self.exists(partition)?;
        let bytes = record.len();
        if bytes > RECORD_BYTES_MAX {
            return Err(AppendError::TooLong { bytes });
        }
        let clients = &self.clients;
        let tried = || format!("append to partition {partition}");
        if !clients.is_checked.load(Ordering::Relaxed) {
            let reason = "the topic has not been seen yet".to_owned();
            return Err(AppendError::Failed(JournalError::Unreachable { tried: tried(), reason }));
        }
        let producer = clients.producing.client();
        let refused = |error: KafkaError| match fault::refusal(partition, bytes, &error) {
            AppendError::Failed(_) => AppendError::Failed(clients.producing.failure(&producer, tried(), &error)),
            other => other,
        };
        // It copies the record into the client's queue and does not wait.
        let delivery = {
            let topic = &clients.settings.topic;
            let record = FutureRecord::<(), [u8]>::to(topic).partition(number(partition)).payload(record.as_slice());
            producer.send_result(record).map_err(|(error, _record)| refused(error))?
        };
        match delivery.await {
            Ok(Ok(delivered)) => Ok(delivered),
            Ok(Err((error, _record))) => Err(refused(error)),
            Err(_cancelled) => {
                let reason = "the client ended".to_owned();
                Err(AppendError::Failed(JournalError::Failed { tried: tried(), reason }))
            }
        }
    }
}
