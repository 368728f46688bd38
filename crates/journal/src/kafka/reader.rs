//! Reading clients of one partition. Each has a place from which it reads ahead; a reading takes the one that stands where
//! it wants to begin, and moves another one there otherwise. All of it blocks: it is called on threads made for that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::Millis;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message};

use super::fault::{self, Listener};
use super::hold::Hold;
use super::settings::{ANSWER_WAIT, KafkaSettings};
use crate::{Entry, JournalError, Offset, READ_BYTES_MAX};

/// Clients kept for the next reading of a partition: one that follows its end, and one that reads elsewhere beside it.
const IDLE_MAX: usize = 2;

/// How long one look into the client lasts, so that a reading whose future was dropped ends soon.
const LOOK: Duration = Duration::from_millis(100);

/// The readers of one partition, and the time they have come to.
#[derive(Default)]
pub(super) struct Readers {
    idle: Mutex<Vec<Reader>>,
    hold: Mutex<Hold>,
}

/// What is asked of a partition.
pub(super) struct Request {
    pub partition: u32,
    pub from: Offset,
    pub records_max: usize,
    pub wait: Duration,
}

struct Reader {
    consumer: BaseConsumer<Listener>,
    /// Where the client goes on; none before it was told.
    next: Option<Offset>,
    /// The least offset that can come next. The client asks a new leader where the epoch of the last message ended (KIP-320); where
    /// that is before its place, and where its place is beyond the partition's end, it goes back.
    least: Offset,
    /// Whether it went back.
    went_back: bool,
}

impl Readers {
    /// Reads as [`crate::Journal::read`] says. `abandoned` tells that nobody waits for the answer any more.
    pub(super) fn read(
        &self,
        settings: &KafkaSettings,
        control: &BaseConsumer<Listener>,
        request: &Request,
        abandoned: &AtomicBool,
    ) -> Result<Vec<Entry>, JournalError> {
        let mut reader = match self.take(request.from) {
            Some(reader) => reader,
            None => Reader::new(settings, control.context().as_ref().clone())?,
        };
        if reader.next != Some(request.from) {
            reader.go(settings, control, request)?;
        }
        // A reader that failed is not put back: its place is not known.
        let read = reader.read(settings, control, request, abandoned);
        if let Err(JournalError::Truncated { .. }) = read {
            // The other one would say it a second time.
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        let mut entries = read?;
        self.put(reader);
        let mut hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        hold.begin(request.from);
        for entry in &mut entries {
            entry.at = hold.hold(entry.offset, entry.at);
        }
        Ok(entries)
    }

    fn take(&self, from: Offset) -> Option<Reader> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Where none stands right, the one that was used longest ago moves: the other may be following the end.
        let index = idle.iter().position(|reader| reader.next == Some(from)).unwrap_or(0);
        (index < idle.len() && (idle.len() == IDLE_MAX || idle.get(index)?.next == Some(from)))
            .then(|| idle.remove(index))
    }

    fn put(&self, reader: Reader) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(reader);
        }
    }
}

impl Reader {
    fn new(settings: &KafkaSettings, listener: Listener) -> Result<Self, JournalError> {
        let consumer = settings
            .reader()?
            .create_with_context(listener)
            .map_err(|error| fault::failure("make a reading client".to_owned(), &error))?;
        Ok(Self { consumer, next: None, least: Offset::default(), went_back: false })
    }

    /// Moves to where the request begins, or as near as there are records: an offset out of range would be answered by a
    /// jump to the first record kept, and a reader that waits beyond the end would read everything again.
    fn go(
        &mut self,
        settings: &KafkaSettings,
        control: &BaseConsumer<Listener>,
        request: &Request,
    ) -> Result<(), JournalError> {
        let (first, end) = watermarks(control, &settings.topic, request.partition)?;
        let start = request.from.max(first).min(end);
        let mut place = TopicPartitionList::new();
        super::place(&mut place, &settings.topic, request.partition, start)
            .and_then(|()| self.consumer.assign(&place))
            .map_err(|error| self.fault(request, &error))?;
        (self.next, self.least, self.went_back) = (Some(request.from), start, false);
        Ok(())
    }

    fn read(
        &mut self,
        settings: &KafkaSettings,
        control: &BaseConsumer<Listener>,
        request: &Request,
        abandoned: &AtomicBool,
    ) -> Result<Vec<Entry>, JournalError> {
        if self.went_back {
            return Err(JournalError::Truncated { partition: request.partition });
        }
        let begun = Instant::now();
        let (mut entries, mut bytes, mut exists) = (Vec::new(), 0_usize, false);
        while entries.len() < request.records_max && bytes < READ_BYTES_MAX {
            let left = request.wait.saturating_sub(begun.elapsed());
            let look = match (entries.is_empty(), exists) {
                (false, _) => Duration::ZERO,
                (true, true) => LOOK,
                (true, false) => left.min(LOOK),
            };
            match self.consumer.poll(look) {
                Some(Ok(message)) => {
                    let offset = super::offset(message.offset());
                    if offset < self.least {
                        self.went_back = true;
                        break;
                    }
                    self.least = offset.next();
                    if let Some(entry) = entry(&message, request.from) {
                        bytes = bytes.saturating_add(entry.bytes.len());
                        entries.push(entry);
                    }
                    continue;
                }
                // Brokers that are away come back; the client goes on by itself, and the waiting below is bounded.
                Some(Err(error)) if fault::code(&error).is_some_and(fault::passes) => {}
                Some(Err(error)) => return Err(self.fault(request, &error)),
                None => {}
            }
            if !entries.is_empty() || abandoned.load(Ordering::Relaxed) {
                break;
            }
            if begun.elapsed() < request.wait {
                continue;
            }
            // An empty-handed client may still be fetching: that there is nothing is for the broker to say.
            if !exists {
                let (first, end) = watermarks(control, &settings.topic, request.partition)?;
                exists = end > request.from.max(first);
                if !exists {
                    break;
                }
            } else if begun.elapsed() > request.wait.saturating_add(ANSWER_WAIT) {
                let reason = "there are records, but none came in time".to_owned();
                return Err(JournalError::Unreachable { tried: tried(request), reason });
            }
        }
        if self.went_back && entries.is_empty() {
            return Err(JournalError::Truncated { partition: request.partition });
        }
        self.next = Some(entries.last().map_or(request.from, |entry: &Entry| entry.offset.next()));
        Ok(entries)
    }

    fn fault(&self, request: &Request, error: &rdkafka::error::KafkaError) -> JournalError {
        self.consumer.context().explain(tried(request), error)
    }
}

fn tried(request: &Request) -> String {
    format!("read partition {} from offset {}", request.partition, request.from)
}

/// A message as an entry, unless it stands before what was asked for.
fn entry(message: &BorrowedMessage<'_>, from: Offset) -> Option<Entry> {
    let offset = super::offset(message.offset());
    let at = Millis(message.timestamp().to_millis().unwrap_or(0));
    (offset >= from).then(|| Entry { offset, at, bytes: message.payload().unwrap_or_default().to_vec() })
}

/// The first offset kept and the one after the last durable record.
pub(super) fn watermarks(
    control: &BaseConsumer<Listener>,
    topic: &str,
    partition: u32,
) -> Result<(Offset, Offset), JournalError> {
    let number = super::number(partition);
    let (first, end) = fault::patiently(|wait| control.fetch_watermarks(topic, number, wait))
        .map_err(|error| control.context().explain(format!("ask where partition {partition} ends"), &error))?;
    Ok((super::offset(first), super::offset(end)))
}
