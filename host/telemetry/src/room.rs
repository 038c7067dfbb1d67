//! How much of what was shown waits for the worker.

use std::sync::atomic::{AtomicUsize, Ordering};

use stepyard_engine::Shown;

/// The most events and spans, and the most bytes, that wait: what a busy server commits in a second or two.
const COUNT_MAX: usize = 500_000;
const BYTES_MAX: usize = 128 << 20;
/// An event with its details but for its data, or a span, roughly.
const SMALL_BYTES: usize = 512;

/// What waits, as it is accounted for.
#[derive(Debug, Default)]
pub(crate) struct Room {
    count: AtomicUsize,
    bytes: AtomicUsize,
}

/// How large something is that waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

impl Size {
    /// Of something small.
    pub(crate) const ONE: Self = Self { count: 1, bytes: SMALL_BYTES };

    /// Of a payload that others have, too, as if it were its own.
    pub(crate) fn of(shown: &[Shown]) -> Self {
        let mut size = Self::default();
        for it in shown {
            size.count += it.events.len() + it.spans.len();
            for event in &it.events {
                let details = &event.details;
                let payloads = [&details.input, &details.output, &details.parameters];
                let payloads = payloads.into_iter().flatten();
                let payloads = payloads.chain(details.assigned_variables.values());
                size.bytes += payloads.map(|it| it.len()).sum::<usize>();
                size.bytes += details.cause.as_ref().map_or(0, String::len);
            }
        }
        size.bytes += size.count * SMALL_BYTES;
        size
    }
}

impl Room {
    /// Takes room; false when there is none.
    pub(crate) fn take(&self, size: Size) -> bool {
        let count = self.count.fetch_add(size.count, Ordering::Relaxed);
        let bytes = self.bytes.fetch_add(size.bytes, Ordering::Relaxed);
        let fits = count + size.count <= COUNT_MAX && bytes + size.bytes <= BYTES_MAX;
        if !fits {
            self.give_back(size);
        }
        fits
    }

    pub(crate) fn give_back(&self, size: Size) {
        self.count.fetch_sub(size.count, Ordering::Relaxed);
        self.bytes.fetch_sub(size.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_more_room_than_there_is() {
        let room = Room::default();
        let half = Size { count: COUNT_MAX / 2, bytes: 1 };
        assert!(room.take(half) && room.take(half));
        assert!(!room.take(Size { count: 1, bytes: 0 }));
        room.give_back(half);
        assert!(!room.take(Size { count: 1, bytes: BYTES_MAX }));
        assert!(room.take(Size { count: 1, bytes: 1 }));
    }
}
