//! What the client says, in the journal's words: which failures pass by themselves, and what the client complained about
//! last. It logs the client's own complaints, each kind seldom; they name brokers and topics, never records.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::seldom;
use super::settings::ANSWER_WAIT;
use crate::{AppendError, Bound, JournalError};

/// How long it is left alone before it is asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// Listens to a journal's clients. What one complained about last makes the reason of a time-out readable: «timed out»
/// alone does not say that a password was wrong. Only the producer's polling thread hears such reasons, and it tries to
/// reach the brokers from the start, so all clients share what it heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Listener {
    complaint: Arc<Mutex<Option<String>>>,
}

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if (level as i32) <= (RDKafkaLogLevel::Error as i32) {
            self.note(message);
        }
        let matters = (level as i32) <= (RDKafkaLogLevel::Warning as i32);
        match matters.then(|| seldom::due(facility)).flatten() {
            Some(left_out) => tracing::warn!(facility, message, left_out, "kafka client"),
            None => tracing::debug!(facility, message, "kafka client"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // That all are down follows whatever was wrong with each, and says nothing.
        if code(&error) != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.note(reason);
        }
        match seldom::due(&error.to_string()) {
            Some(left_out) => tracing::warn!(%error, reason, left_out, "kafka client"),
            None => tracing::debug!(%error, reason, "kafka client"),
        }
    }
}

impl ConsumerContext for Listener {}

impl Listener {
    pub(super) fn note(&self, complaint: &str) {
        *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = Some(complaint.to_owned());
    }

    /// The failure of `tried`, with the last complaint beside it where the brokers could not be reached.
    pub(super) fn explain(&self, tried: String, error: &KafkaError) -> JournalError {
        match failure(tried, error) {
            JournalError::Unreachable { tried, reason } => {
                let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let reason = complaint.map_or(reason.clone(), |complaint| format!("{reason} (last: {complaint})"));
                JournalError::Unreachable { tried, reason }
            }
            other => other,
        }
    }
}

/// Asks again while the failure is one that passes, as long as one answer may take: a partition that was just made, or
/// whose leader changes, is nobody's for a moment. It waits, so it is called on threads made for that.
pub(super) fn patiently<T>(ask: impl Fn(Duration) -> KafkaResult<T>) -> KafkaResult<T> {
    let begun = Instant::now();
    loop {
        let left = ANSWER_WAIT.saturating_sub(begun.elapsed());
        match ask(left.max(AGAIN)) {
            Err(error) if left > AGAIN && code(&error).is_some_and(passes) => std::thread::sleep(AGAIN),
            answer => return answer,
        }
    }
}

/// The failure of `tried`.
pub(super) fn failure(tried: String, error: &KafkaError) -> JournalError {
    // Not the value: it may be a password.
    let reason = match error {
        KafkaError::ClientConfig(_, what, setting, _value) => format!("{what} ({setting})"),
        other => other.to_string(),
    };
    match code(error) {
        Some(code) if passes(code) => JournalError::Unreachable { tried, reason },
        _ => JournalError::Failed { tried, reason },
    }
}

/// The error's code; the library's own function for that leaves administration out.
pub(super) fn code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    }
}

/// Why a record of `bytes` was not appended.
pub(super) fn refusal(partition: u32, bytes: usize, error: &KafkaError) -> AppendError {
    match code(error) {
        Some(RDKafkaErrorCode::QueueFull) => AppendError::Full(Bound::Queue),
        Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize) => {
            AppendError::TooLong { bytes }
        }
        _ => AppendError::Failed(failure(format!("append to partition {partition}"), error)),
    }
}

/// Whether a failure is the brokers' moment (away, electing, behind) rather than something that stays.
pub(super) const fn passes(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::*;
    matches!(
        code,
        BrokerTransportFailure
            | AllBrokersDown
            // The client has heard that a broker is gone, and asks another one next time.
            | DestroyBroker
            | Resolve
            | OperationTimedOut
            | MessageTimedOut
            | TimedOutQueue
            | RequestTimedOut
            | WaitingForCoordinator
            | WaitCache
            | Retry
            | InProgress
            | PreviousInProgress
            // Brokers that have just started, and a topic that was just made, are unknown to some for a moment.
            | UnknownPartition
            | UnknownTopicOrPartition
            | LeaderNotAvailable
            | NotLeaderForPartition
            | BrokerNotAvailable
            | ReplicaNotAvailable
            | NetworkException
            | CoordinatorLoadInProgress
            | CoordinatorNotAvailable
            | NotCoordinator
            | NotController
            | NotEnoughReplicas
            | NotEnoughReplicasAfterAppend
            | KafkaStorageError
            | FencedLeaderEpoch
            | UnknownLeaderEpoch
            | OffsetNotAvailable
            | PreferredLeaderNotAvailable
            | EligibleLeadersNotAvailable
            | UnstableOffsetCommit
            | ThrottlingQuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_and_what_stays_are_told_apart() {
        let away = KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut);
        let fatal = KafkaError::MessageProduction(RDKafkaErrorCode::Fatal);
        let denied = KafkaError::MessageProduction(RDKafkaErrorCode::TopicAuthorizationFailed);
        assert!(matches!(refusal(0, 1, &away), AppendError::Failed(JournalError::Unreachable { .. })));
        let asked = KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut);
        let of_one_that_is_gone = KafkaError::MetadataFetch(RDKafkaErrorCode::DestroyBroker);
        for passes in [asked, of_one_that_is_gone] {
            assert!(matches!(failure(String::new(), &passes), JournalError::Unreachable { .. }), "{passes}");
        }
        for stays in [fatal, denied] {
            assert!(matches!(refusal(0, 1, &stays), AppendError::Failed(JournalError::Failed { .. })), "{stays}");
        }
    }

    #[test]
    fn a_full_queue_and_a_long_record_are_refusals() {
        let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
        assert_eq!(refusal(0, 1, &full), AppendError::Full(Bound::Queue));
        let long = KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge);
        assert_eq!(refusal(0, 7, &long), AppendError::TooLong { bytes: 7 });
    }

    #[test]
    fn a_setting_that_is_refused_is_named_without_its_value() {
        let error = rdkafka::ClientConfig::new().set("linger.ms", "secret").create_native_config().err().unwrap();
        let said = failure("make a client".to_owned(), &error).to_string();
        assert!(said.contains("linger.ms") && !said.contains("(secret"), "{said}");
    }

    #[test]
    fn the_last_complaint_stands_beside_a_time_out() {
        let listener = Listener::default();
        let denied = KafkaError::Global(RDKafkaErrorCode::Authentication);
        listener.error(denied, "SASL authentication error: wrong password");
        listener.error(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        let error = listener.explain("x".to_owned(), &KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut));
        assert!(error.to_string().contains("wrong password"), "{error}");
    }
}
