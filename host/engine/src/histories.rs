//! Histories in pages. A page goes on where the one before ended: the execution as it was then is kept
//! for a while, so that what a page costs does not grow with those before it.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use stepyard_asl::{Execution, HistoryEvent, Seed};

use crate::{Engine, EngineError, ExecutionArn, Store, StoreError, recall::blocking};

/// How many facts are read at a time.
const FACTS: usize = 512;
/// How many histories are kept that are read in pages, and how much of them.
const TELLINGS_MAX: usize = 64;
const BYTES_MAX: usize = 64 << 20;

/// A part of a history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryPage {
    /// Its events: in their order, or the last first.
    pub events: Vec<HistoryEvent>,
    /// Whether there are more behind it.
    pub has_more: bool,
}

/// Histories that are read in pages: those read last are kept.
#[derive(Debug, Default)]
pub(crate) struct Histories(Mutex<VecDeque<(Place, Telling)>>);

/// Where a page begins. A name may be another execution's after a time, a seed is not.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    execution: ExecutionArn,
    seed: Seed,
    is_reverse: bool,
    /// The event behind which it does.
    after: u64,
}

/// What is known of a history behind a place.
#[derive(Debug)]
struct Telling {
    /// The execution that is told on; none of one that is read backwards.
    execution: Option<Execution>,
    /// How many facts it was told.
    facts: u64,
    /// In their order, behind the place if that is read forwards, else before it.
    events: VecDeque<HistoryEvent>,
    bytes: usize,
}

impl Telling {
    fn new(execution: Execution) -> Self {
        Self { execution: Some(execution), facts: 0, events: VecDeque::new(), bytes: 0 }
    }

    /// Tells facts until there are `wanted` events behind `after`, or no facts.
    fn go_on(
        &mut self,
        store: &dyn Store,
        arn: &str,
        after: u64,
        wanted: usize,
    ) -> Result<(), StoreError> {
        let Some(execution) = &mut self.execution else { return Ok(()) };
        while self.events.len() < wanted {
            let facts = store.facts_after(arn, self.facts, FACTS)?;
            if facts.is_empty() {
                break;
            }
            for fact in &facts {
                self.facts += 1;
                let told = execution.step(fact).history.into_iter();
                for event in told.filter(|event| event.id > after) {
                    self.bytes += bytes(&event);
                    self.events.push_back(event);
                }
            }
        }
        Ok(())
    }

    /// Forgets the event `before` and all behind it.
    fn cut(&mut self, before: u64) {
        let behind = self.events.partition_point(|event| event.id < before);
        self.bytes -= self.events.drain(behind..).map(|event| bytes(&event)).sum::<usize>();
    }

    /// The next `size` events forwards.
    fn next(&mut self, size: usize) -> HistoryPage {
        let events: Vec<_> = self.events.drain(..size.min(self.events.len())).collect();
        self.page(events)
    }

    /// The last `size` events, backwards.
    fn last(&mut self, size: usize) -> HistoryPage {
        let events = self.events.split_off(self.events.len().saturating_sub(size));
        self.page(events.into_iter().rev().collect())
    }

    fn page(&mut self, events: Vec<HistoryEvent>) -> HistoryPage {
        self.bytes -= events.iter().map(bytes).sum::<usize>();
        HistoryPage { events, has_more: !self.events.is_empty() }
    }
}

/// What an event takes, roughly: of a payload that others have, too, as if it were its own.
fn bytes(event: &HistoryEvent) -> usize {
    let details = &event.details;
    let payloads = [&details.input, &details.output, &details.parameters];
    let payloads = payloads.into_iter().flatten().chain(details.assigned_variables.values());
    let payloads = payloads.map(|payload| payload.len()).sum::<usize>();
    let causes = details.cause.as_ref().map_or(0, String::len);
    size_of::<HistoryEvent>() + size_of_val(&**details) + payloads + causes
}

impl Histories {
    /// What was kept for the page that begins there, from here on the asker's.
    fn take(&self, place: &Place) -> Option<Telling> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = kept.iter().position(|(it, _)| it == place)?;
        kept.remove(index).map(|(_, telling)| telling)
    }

    fn keep(&self, place: Place, telling: Telling) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((place, telling));
        let mut bytes: usize = kept.iter().map(|(_, telling)| telling.bytes).sum();
        while kept.len() > TELLINGS_MAX || bytes > BYTES_MAX {
            let Some((_, first)) = kept.pop_front() else { return };
            bytes -= first.bytes;
        }
    }
}

impl Engine {
    /// A page of an execution's history: at most `size` events, those behind the event `after`, or
    /// from the first; in reverse those before it, or from the last.
    pub async fn history_page(
        &self,
        arn: &str,
        after: Option<u64>,
        is_reverse: bool,
        size: usize,
    ) -> Result<HistoryPage, EngineError> {
        let record = self.record(arn)?;
        let (execution, seed) = (record.summary.arn.clone(), record.seed);
        let first = if is_reverse { u64::MAX } else { 0 };
        let place = Place { execution, seed, is_reverse, after: after.unwrap_or(first) };
        let (machine, shared) = (self.machine_of(&record)?, self.shared.clone());
        blocking(move || {
            let histories = &shared.histories;
            let store = &*shared.config.store;
            let kept = histories.take(&place);
            let mut telling = kept.unwrap_or_else(|| Telling::new(Execution::new(machine)));
            let page = if place.is_reverse {
                telling.go_on(store, &place.execution, 0, usize::MAX)?;
                telling.execution = None;
                telling.cut(place.after);
                telling.last(size)
            } else {
                telling.go_on(store, &place.execution, place.after, size.saturating_add(1))?;
                telling.next(size)
            };
            if let (true, Some(last)) = (page.has_more, page.events.last()) {
                histories.keep(Place { after: last.id, ..place }, telling);
            }
            Ok(page)
        })
        .await
    }
}
