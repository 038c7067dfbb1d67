//! How far all that was shown has been told outside, so that what lies behind it is told again after a
//! crash.
//!
//! What is made of a batch holds its receipt: once all of it is delivered, or dropped and counted, the
//! receipt is. The mark is the last fact before which no receipt is held.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use stepyard_engine::{
    FactPlace, Store, StoreError,
    outside::{KeyValue, KeyValueError},
};

/// The bucket that holds the mark, which no step may be granted, and its key there.
const BUCKET: &str = "$telemetry";
const KEY: &str = "mark";

/// The most facts that are told again.
const LEFT_MAX: usize = 100_000;

/// How far all was told.
#[derive(Debug, Default)]
pub(crate) struct Marks(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The number of the next receipt.
    next: u64,
    /// The receipts that are held, by their numbers, each with the last fact before the next of them. So
    /// there are no more than what waits has, however long it waits.
    held: BTreeMap<u64, Option<FactPlace>>,
    reached: Option<FactPlace>,
    is_closed: bool,
}

/// Held as long as something of a batch is not told.
#[derive(Debug)]
pub(crate) struct Receipt {
    number: u64,
    marks: Arc<Marks>,
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.marks.told(self.number);
    }
}

impl Marks {
    /// A receipt for the next batch, and its last fact; none of what is in no journal.
    pub(crate) fn issue(self: &Arc<Self>, place: Option<FactPlace>) -> Arc<Receipt> {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.held.insert(number, place);
        Arc::new(Receipt { number, marks: self.clone() })
    }

    /// The last fact up to which all is told; none while nothing is.
    pub(crate) fn reached(&self) -> Option<FactPlace> {
        self.state().reached.clone()
    }

    /// From here on receipts that are dropped say nothing: what they were for is given up.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
    }

    fn told(&self, number: u64) {
        let mut state = self.state();
        let state = &mut *state;
        if state.is_closed {
            return;
        }
        let Some(place) = state.held.remove(&number).flatten() else { return };
        match state.held.range_mut(..number).next_back() {
            Some((_, before)) => *before = Some(place),
            None => state.reached = Some(place),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the mark in the store.
#[derive(Clone, Debug)]
pub(crate) struct Ledger(pub(crate) Arc<dyn KeyValue>);

/// What the store does not give or keep.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    #[error(transparent)]
    KeyValue(#[from] KeyValueError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("`{KEY}` in bucket `{BUCKET}` is damaged: {0}")]
    Damaged(serde_json::Error),
}

impl Ledger {
    pub(crate) async fn keep(&self, mark: Option<&FactPlace>) -> Result<(), LedgerError> {
        let text = serde_json::to_vec(&mark).map_err(LedgerError::Damaged)?;
        Ok(self.0.write(BUCKET, vec![(KEY.to_owned(), Some(text))]).await?)
    }

    /// The facts that were kept after the mark. Where there is no mark, it begins to be: what was kept
    /// before is not told.
    pub(crate) async fn left(&self, store: &dyn Store) -> Result<Vec<FactPlace>, LedgerError> {
        let Some(kept) = self.0.get(BUCKET, KEY).await? else {
            self.keep(store.last_fact()?.as_ref()).await?;
            return Ok(Vec::new());
        };
        let mark: Option<FactPlace> =
            serde_json::from_slice(&kept).map_err(LedgerError::Damaged)?;
        let left = store.facts_kept_after(mark.as_ref(), LEFT_MAX)?.unwrap_or_default();
        if left.len() == LEFT_MAX {
            tracing::warn!(count = LEFT_MAX, "more was left untold than is told again");
        }
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: u64) -> Option<FactPlace> {
        Some(FactPlace { execution: "e".into(), number })
    }

    #[test]
    fn the_mark_is_before_all_that_is_not_told() {
        let marks = Arc::<Marks>::default();
        let [one, two, express, three] =
            [place(1), place(2), None, place(3)].map(|place| marks.issue(place));
        let other = one.clone();
        drop((two, express, one));
        assert_eq!(marks.reached(), None, "something of the first is held");
        drop(other);
        assert_eq!(marks.reached(), place(2));
        marks.close();
        drop(three);
        assert_eq!(marks.reached(), place(2), "what is given up is not told");
    }

    #[test]
    fn what_waits_for_long_keeps_nothing_of_what_was_told_meanwhile() {
        let marks = Arc::<Marks>::default();
        let waits = marks.issue(place(1));
        (2..10_000).for_each(|number| drop(marks.issue(place(number))));
        assert_eq!(marks.state().held.len(), 1);
        assert_eq!(marks.reached(), None);
        drop(waits);
        assert_eq!(marks.reached(), place(9_999));
    }
}
