//! What one call of `PutLogEvents` may bring.

use std::{collections::VecDeque, sync::Arc};

use stepyard_engine::outside::LogEvent;

use crate::marks::Receipt;

/// "The maximum number of log events in a batch is 10,000", "The maximum batch size is 1,048,576 bytes. This
/// size is calculated as the sum of all event messages in UTF-8, plus 26 bytes for each log event", "A batch
/// of log events in a single request must be in a chronological order" and "cannot span more than 24 hours"
/// (CloudWatch Logs, `PutLogEvents`).
const EVENTS_MAX: usize = 10_000;
const BYTES_MAX: usize = 1_048_576;
const EVENT_BYTES: usize = 26;
const SPAN_MILLIS_MAX: i64 = 24 * 60 * 60 * 1_000;

/// A log event that waits, and what it is of.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) event: LogEvent,
    pub(crate) receipt: Option<Arc<Receipt>>,
}

impl Line {
    pub(crate) fn bytes(&self) -> usize {
        self.event.message.len() + EVENT_BYTES
    }
}

/// Events of one call, in the order of time.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) events: Arc<[LogEvent]>,
    pub(crate) bytes: usize,
    /// What they are of; let go once they are taken or given up.
    _receipts: Vec<Arc<Receipt>>,
}

/// Whether a call would take no more than these.
pub(crate) fn is_full(count: usize, bytes: usize) -> bool {
    count >= EVENTS_MAX || bytes >= BYTES_MAX
}

impl Batch {
    /// Takes what one call may bring from the front.
    pub(crate) fn take(lines: &mut VecDeque<Line>) -> Self {
        let (mut events, mut receipts, mut bytes) = (Vec::new(), Vec::<Arc<Receipt>>::new(), 0);
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        while let Some(line) = lines.front() {
            let at = line.event.at.as_millis();
            let (first_then, last_then) = (first.min(at), last.max(at));
            let fits = events.len() < EVENTS_MAX
                && bytes + line.bytes() <= BYTES_MAX
                && last_then.saturating_sub(first_then) < SPAN_MILLIS_MAX;
            // One that fits into no call is put alone, and refused by whoever gets it.
            if !fits && !events.is_empty() {
                break;
            }
            (first, last, bytes) = (first_then, last_then, bytes + line.bytes());
            let Some(line) = lines.pop_front() else { break };
            // Those of one batch of the engine stand together.
            if let Some(receipt) = line.receipt
                && receipts.last().is_none_or(|last| !Arc::ptr_eq(last, &receipt))
            {
                receipts.push(receipt);
            }
            events.push(line.event);
        }
        // Stable: what happened at one moment stays in its order.
        events.sort_by_key(|event: &LogEvent| event.at);
        Self { events: events.into(), bytes, _receipts: receipts }
    }
}

#[cfg(test)]
mod tests {
    use stepyard_asl::Timestamp;

    use super::*;

    fn lines(all: impl IntoIterator<Item = (i64, usize)>) -> VecDeque<Line> {
        let line = |(at, length)| Line {
            event: LogEvent { at: Timestamp::from_millis(at), message: "m".repeat(length) },
            receipt: None,
        };
        all.into_iter().map(line).collect()
    }

    fn batches(mut lines: VecDeque<Line>) -> Vec<Vec<i64>> {
        let mut batches = Vec::new();
        while !lines.is_empty() {
            let batch = Batch::take(&mut lines);
            batches.push(batch.events.iter().map(|event| event.at.as_millis()).collect());
        }
        batches
    }

    #[test]
    fn a_call_brings_no_more_events_bytes_and_time_than_it_may() {
        let counts: Vec<_> =
            batches(lines((0..25_000).map(|at| (at, 1)))).iter().map(Vec::len).collect();
        assert_eq!(counts, [10_000, 10_000, 5_000]);
        let size = BYTES_MAX / 4 - EVENT_BYTES;
        let counts: Vec<_> =
            batches(lines((0..9).map(|at| (at, size)))).iter().map(Vec::len).collect();
        assert_eq!(counts, [4, 4, 1]);
        let day = SPAN_MILLIS_MAX;
        assert_eq!(batches(lines([(0, 1), (day - 1, 1), (day, 1)])), [vec![0, day - 1], vec![day]]);
        assert_eq!(batches(lines([(day, 1), (1, 1), (0, 1)])), [vec![1, day], vec![0]]);
    }

    #[test]
    fn events_come_in_the_order_of_time_and_those_of_a_moment_as_they_were() {
        let mut all = lines([(2, 1), (1, 2), (1, 1), (2, 2)]);
        let batch = Batch::take(&mut all);
        let shown: Vec<_> =
            batch.events.iter().map(|it| (it.at.as_millis(), it.message.len())).collect();
        assert_eq!(shown, [(1, 2), (1, 1), (2, 1), (2, 2)]);
    }

    #[test]
    fn an_event_that_fits_nowhere_is_put_alone() {
        assert_eq!(batches(lines([(0, 1), (1, BYTES_MAX), (2, 1)])), [vec![0], vec![1], vec![2]]);
    }
}
