//! The calls: how many are at work at once, what each operation's came to, and how long they took.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use stepyard_engine::measures::{Count, Named, Timing};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{action, error::ApiError, lambda};

/// An operation that is awaited for up to a minute; AWS and the engine bound how many wait.
const LONG_POLL: &str = "GetActivityTask";

/// What requests to `POST /start/<machine>` are counted under.
pub(crate) const START: &str = "POST /start";

/// What calls to no operation of AWS's are counted under.
const UNKNOWN: &str = "unknown";

/// The calls to the server.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    operations: Arc<BTreeMap<&'static str, Operation>>,
    places: Arc<Semaphore>,
    places_max: usize,
}

/// The calls to one operation.
#[derive(Debug, Default)]
pub(crate) struct Operation {
    /// Those that were answered as asked.
    pub(crate) succeeded: Count,
    /// The others, by their error.
    pub(crate) errors: Named<Count>,
    /// How long all took, from their head to their answer.
    pub(crate) duration: Timing,
}

/// A call that is being answered.
pub(crate) struct Call<'a> {
    calls: &'a Calls,
    operation: &'a str,
    begun: Instant,
}

impl Calls {
    pub(crate) fn new(at_once_max: usize) -> Self {
        let places_max = at_once_max.min(Semaphore::MAX_PERMITS);
        let operations = action::OPERATIONS.iter().chain(lambda::OPERATIONS).copied();
        let names = operations.chain([START, lambda::LINK, UNKNOWN]);
        let operations = names.map(|name| (name, Operation::default())).collect();
        let places = Arc::new(Semaphore::new(places_max));
        Self { operations: Arc::new(operations), places, places_max }
    }

    pub(crate) fn begin<'a>(&'a self, operation: &'a str) -> Call<'a> {
        Call { calls: self, operation, begun: Instant::now() }
    }

    /// How many hold a place.
    pub(crate) fn at_work(&self) -> usize {
        self.places_max - self.places.available_permits()
    }

    /// The operations that were called, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Operation)> {
        let called = |operation: &Operation| operation.duration.read().count() > 0;
        self.operations.iter().map(|(name, it)| (*name, it)).filter(move |(_, it)| called(it))
    }

    fn of(&self, operation: &str) -> Option<&Operation> {
        self.operations.get(operation).or_else(|| self.operations.get(UNKNOWN))
    }
}

impl Call<'_> {
    /// A place among those that are at work; none is needed for what only waits. Who finds none is
    /// throttled at once.
    pub(crate) fn place(&self) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        if self.operation == LONG_POLL {
            return Ok(None);
        }
        let place = self.calls.places.clone().try_acquire_owned();
        place.map(Some).map_err(|_| ApiError::throttled())
    }

    /// It was answered.
    pub(crate) fn end<T>(self, answered: &Result<T, ApiError>) {
        let Some(operation) = self.calls.of(self.operation) else { return };
        match answered {
            Ok(_) => operation.succeeded.add(),
            Err(error) => operation.errors.of(error.told().0).add(),
        }
        operation.duration.add(self.took());
    }

    fn took(&self) -> Duration {
        self.begun.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_no_place_is_throttled_and_a_long_poll_needs_none() {
        let calls = Calls::new(1);
        let place = calls.begin("StartExecution").place().unwrap();
        assert!(place.is_some());
        assert_eq!(calls.begin("StopExecution").place().err(), Some(ApiError::throttled()));
        assert!(calls.begin(LONG_POLL).place().unwrap().is_none());
        drop(place);
        assert!(calls.begin("StopExecution").place().is_ok());
        assert_eq!(calls.at_work(), 0);
    }

    #[test]
    fn a_call_is_counted_by_its_operation_and_error() {
        let calls = Calls::new(1);
        calls.begin("StartExecution").end(&Ok(()));
        calls.begin("StartExecution").end::<()>(&Err(ApiError::throttled()));
        calls.begin("Fly").end::<()>(&Err(ApiError::new("UnknownOperationException", "")));
        let seen: Vec<_> = calls
            .iter()
            .map(|(name, it)| {
                let errors: Vec<_> = it.errors.iter().map(|(name, of)| (name, of.get())).collect();
                (name, it.succeeded.get(), errors)
            })
            .collect();
        let expected = [
            ("StartExecution", 1, vec![("ThrottlingException", 1)]),
            (UNKNOWN, 0, vec![("UnknownOperationException", 1)]),
        ];
        assert_eq!(seen, expected);
    }
}
