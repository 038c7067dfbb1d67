//! Delivery of log events: a queue for each stream, batches, and another attempt for what was not taken.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use stepyard_engine::outside::{LogStream, Logs, LogsError};
use tokio::time::Instant;

use crate::{
    backoff::backoff,
    batch::{Batch, Line, is_full},
    counts::Counts,
};

/// How long an event waits for others that go with it.
const LINGER: Duration = Duration::from_secs(1);
/// How many calls are at work at once.
const CALLS_MAX: usize = 8;
/// How many bytes wait, of all streams together; of events that nobody takes, what is kept meanwhile.
const BYTES_MAX: usize = 64 << 20;

/// Where a stream is put, and what tells it from others.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) stream: LogStream,
    pub(crate) logs: Arc<dyn Logs>,
    pub(crate) counts: Arc<Counts>,
}

/// The number of a stream: its place among all.
pub(crate) type Number = usize;

/// All that is delivered.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    streams: Vec<Stream>,
    calls: FuturesUnordered<BoxFuture<'static, Ended>>,
    bytes: usize,
    is_closing: bool,
}

type Ended = (Number, Result<usize, LogsError>);

#[derive(Debug)]
struct Stream {
    target: Target,
    lines: VecDeque<Line>,
    bytes: usize,
    /// Since when the first line waits.
    since: Instant,
    /// What is being put, or was not taken.
    batch: Option<Batch>,
    is_being_put: bool,
    attempts: u32,
    not_before: Instant,
}

impl Stream {
    /// When it is to be put; none when there is nothing, or it is being put.
    fn due(&self, is_closing: bool) -> Option<Instant> {
        if self.is_being_put {
            return None;
        }
        if self.batch.is_some() {
            return Some(self.not_before);
        }
        let is_urgent = is_closing || is_full(self.lines.len(), self.bytes);
        let ready = if is_urgent { self.since } else { self.since + LINGER };
        (!self.lines.is_empty()).then(|| ready.max(self.not_before))
    }
}

impl Delivery {
    /// A stream from here on, and its number.
    pub(crate) fn add(&mut self, target: Target) -> Number {
        let (now, number) = (Instant::now(), self.streams.len());
        self.streams.push(Stream {
            target,
            lines: VecDeque::new(),
            bytes: 0,
            since: now,
            batch: None,
            is_being_put: false,
            attempts: 0,
            not_before: now,
        });
        number
    }

    /// An event waits to be delivered; what finds no room is lost.
    pub(crate) fn push(&mut self, number: Number, line: Line) {
        let stream = &mut self.streams[number];
        let bytes = line.bytes();
        if self.bytes + bytes > BYTES_MAX {
            return stream.target.counts.lose(1, "too many wait to be delivered");
        }
        if stream.lines.is_empty() {
            stream.since = Instant::now();
        }
        stream.target.counts.wait(1);
        stream.bytes += bytes;
        self.bytes += bytes;
        stream.lines.push_back(line);
    }

    /// Puts what is due; answers when the next will be.
    pub(crate) fn put_due(&mut self) -> Option<Instant> {
        let (now, mut next) = (Instant::now(), None);
        for (number, stream) in self.streams.iter_mut().enumerate() {
            let Some(due) = stream.due(self.is_closing) else { continue };
            if due > now {
                next = Some(next.map_or(due, |next: Instant| next.min(due)));
            } else if self.calls.len() < CALLS_MAX {
                let batch = stream.batch.get_or_insert_with(|| Batch::take(&mut stream.lines));
                stream.is_being_put = true;
                let (target, events) = (stream.target.clone(), batch.events.clone());
                self.calls.push(Box::pin(async move {
                    (number, target.logs.put(&target.stream, events).await)
                }));
            }
            // Else a call's end leads here again.
        }
        next
    }

    /// Waits for the end of a call; for ever while none is at work.
    pub(crate) async fn ended(&mut self) -> Ended {
        match self.calls.next().await {
            Some(ended) => ended,
            None => futures::future::pending().await,
        }
    }

    /// What comes of the end of a call.
    pub(crate) fn settle(&mut self, (number, result): Ended) {
        let stream = &mut self.streams[number];
        stream.is_being_put = false;
        let Some(batch) = stream.batch.take() else { return };
        let (count, counts) = (batch.events.len(), &stream.target.counts);
        let name = &stream.target.stream.name;
        match result {
            Ok(rejected) => {
                let rejected = rejected.min(count);
                counts.settle(count, count - rejected);
                counts.lose(rejected, "they are too old, or of a time to come");
                if stream.attempts > 0 {
                    tracing::warn!(stream = name, "log events are taken again");
                }
            }
            Err(LogsError::Refused(why)) => {
                counts.settle(count, 0);
                counts.lose(count, &why);
            }
            Err(LogsError::Unavailable(why)) => {
                // The first that fails is told of, and then what is lost.
                match stream.attempts {
                    0 => tracing::warn!(stream = name, why, "log events are not taken"),
                    _ => tracing::debug!(stream = name, why, "log events are not taken"),
                }
                stream.not_before = Instant::now() + backoff(stream.attempts, self.is_closing);
                stream.attempts = stream.attempts.saturating_add(1);
                stream.batch = Some(batch);
                return;
            }
        }
        (stream.attempts, stream.not_before) = (0, Instant::now());
        stream.bytes -= batch.bytes;
        self.bytes -= batch.bytes;
        if !stream.lines.is_empty() {
            stream.since = Instant::now();
        }
    }

    /// From here on nothing waits for more to come.
    pub(crate) fn close(&mut self) {
        self.is_closing = true;
        let now = Instant::now();
        self.streams.iter_mut().for_each(|stream| stream.not_before = now);
    }

    /// Whether all was delivered.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0 && self.calls.is_empty()
    }
}
