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
    /// The furthest record that was handed out, and its stamp.
    last: Mutex<Option<Handed>>,
}

/// A record that was handed out: its place, and its stamp, by which it is told from another one there.
type Handed = (Offset, Millis);

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
    /// The offset that comes next, unless it has expired. The client asks a new leader where the epoch of what it fetched last ended
    /// (KIP-320); where that is before the place from which it fetches, it goes back there, and throws away what it had fetched.
    least: Offset,
    /// The record before the one where it began, if it was handed out: a client that begins knows of no epoch, and reads it again.
    before: Option<Handed>,
    /// The gap that was asked for again.
    gap: Option<Offset>,
    /// Whether others stand where records stood that were handed out.
    is_truncated: bool,
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
            let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
            reader.go(settings, control, request, last.filter(|(offset, _)| offset.next() == request.from))?;
        }
        // A reader that failed is not put back: its place is not known.
        let read = reader.read(settings, control, request, abandoned);
        if let Err(JournalError::Truncated { .. }) = read {
            // The other one would say it a second time.
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let mut entries = read?;
        self.put(reader);
        let read = entries.last().map(|entry| (entry.offset, entry.stamp));
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = (*last).max(read);
        drop(last);
        let mut hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        hold.begin(request.from);
        for entry in &mut entries {
            entry.at = hold.hold(entry.offset, entry.at);
        }
        Ok(entries)
    }

    fn take(&self, from: Offset) -> Option<Reader> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Where none stands right, the one that is less far moves: the other may be following the end.
        let least_far = || idle.iter().enumerate().min_by_key(|(_, reader)| reader.next).map_or(0, |(index, _)| index);
        let index = idle.iter().position(|reader| reader.next == Some(from)).unwrap_or_else(least_far);
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
        Ok(Self { consumer, next: None, least: Offset::default(), before: None, gap: None, is_truncated: false })
    }

    /// Moves to where the request begins, or as near as there are records: an offset out of range would be answered by a
    /// jump to the first record kept, and a reader that waits beyond the end would read everything again.
    fn go(
        &mut self,
        settings: &KafkaSettings,
        control: &BaseConsumer<Listener>,
        request: &Request,
        before: Option<Handed>,
    ) -> Result<(), JournalError> {
        let (first, end) = watermarks(control, &settings.topic, request.partition)?;
        let start = before.map_or(request.from, |(offset, _)| offset).max(first).min(end);
        self.begin(settings, request, start)?;
        (self.next, self.before, self.is_truncated) = (Some(request.from), before, false);
        Ok(())
    }

    fn begin(&mut self, settings: &KafkaSettings, request: &Request, start: Offset) -> Result<(), JournalError> {
        let mut place = TopicPartitionList::new();
        super::place(&mut place, &settings.topic, request.partition, start)
            .and_then(|()| self.consumer.assign(&place))
            .map_err(|error| self.fault(request, &error))?;
        self.least = start;
        Ok(())
    }

    fn read(
        &mut self,
        settings: &KafkaSettings,
        control: &BaseConsumer<Listener>,
        request: &Request,
        abandoned: &AtomicBool,
    ) -> Result<Vec<Entry>, JournalError> {
        let begun = Instant::now();
        let (mut entries, mut bytes, mut exists) = (Vec::new(), 0_usize, false);
        while !self.is_truncated && entries.len() < request.records_max && bytes < READ_BYTES_MAX {
            let left = request.wait.saturating_sub(begun.elapsed());
            let look = match (entries.is_empty(), exists) {
                (false, _) => Duration::ZERO,
                (true, true) => LOOK,
                (true, false) => left.min(LOOK),
            };
            match self.consumer.poll(look) {
                Some(Ok(message)) => {
                    let offset = super::offset(message.offset());
                    let is_other = |(place, known): Handed| place == offset && known != stamp(&message);
                    if offset < self.least || self.before.is_some_and(is_other) {
                        self.is_truncated = true;
                        continue;
                    }
                    if offset > self.least && self.gap != Some(self.least) {
                        let (first, _) = watermarks(control, &settings.topic, request.partition)?;
                        if first <= self.least {
                            // It was thrown away, and is there.
                            self.gap = Some(self.least);
                            drop(message);
                            self.begin(settings, request, self.least)?;
                            continue;
                        }
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
        if self.is_truncated && entries.is_empty() {
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

/// What the brokers' clock said when a message was appended.
fn stamp(message: &BorrowedMessage<'_>) -> Millis {
    Millis(message.timestamp().to_millis().unwrap_or(0))
}

/// A message as an entry, unless it stands before what was asked for.
fn entry(message: &BorrowedMessage<'_>, from: Offset) -> Option<Entry> {
    let offset = super::offset(message.offset());
    let at = stamp(message);
    (offset >= from).then(|| Entry { offset, at, stamp: at, bytes: message.payload().unwrap_or_default().to_vec() })
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
