//! The path that an execution took through its state machine.

use std::collections::{BTreeMap, BTreeSet};

use super::{Edge, EdgeKind, START, Scope};
use crate::{EventType, HistoryEvent, StateName};

/// Which states an execution visited and which arrows it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    visits: BTreeMap<StateName, (Visit, u64)>,
    /// From, to, and whether a catcher led there.
    arrows: BTreeSet<(StateName, StateName, bool)>,
    ending: Option<Ending>,
}

/// How the last visit to a state went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// It goes on.
    Running,
    /// It was left with an output.
    Succeeded,
    /// It failed, and a catcher took its error.
    Caught,
    /// It failed, and so did what contains it; or it is a Fail state.
    Failed,
    /// It was stopped because something else ended.
    Aborted,
}

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an output.
    Succeeded,
    /// With an error, over its time, or stopped.
    Failed,
}

impl Trace {
    /// Reads the history of an execution, whole or so far.
    pub fn from_history(history: &[HistoryEvent]) -> Self {
        let by_id: BTreeMap<u64, &HistoryEvent> = history.iter().map(|it| (it.id, it)).collect();
        let mut reader = Reader { trace: Self::default(), by_id };
        for event in history {
            reader.read(event);
        }
        reader.trace
    }

    /// The states visited.
    pub fn states(&self) -> impl Iterator<Item = &StateName> {
        self.visits.keys()
    }

    /// How the execution ended, when it has.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// How the last visit to a state went, and how many there were.
    pub fn visit_to(&self, state: &str) -> Option<(Visit, u64)> {
        self.visits.get(state).copied()
    }

    /// Whether the execution took an edge of a scope.
    pub(super) fn took(&self, scope: &Scope, edge: &Edge) -> bool {
        let [from, to] = [edge.from, edge.to].map(|node| &*scope.nodes[node].name);
        if edge.from == START {
            self.visits.contains_key(to)
        } else if edge.to == scope.end() {
            self.visit_to(from).is_some_and(|(visit, _)| visit == Visit::Succeeded)
        } else {
            self.arrows.contains(&(from.into(), to.into(), edge.kind == EdgeKind::Catch))
        }
    }
}

struct Reader<'a> {
    trace: Trace,
    by_id: BTreeMap<u64, &'a HistoryEvent>,
}

impl Reader<'_> {
    fn read(&mut self, event: &HistoryEvent) {
        match event.kind {
            EventType::FailStateEntered => self.entered(event, Visit::Failed),
            EventType::MapStateFailed | EventType::ParallelStateFailed => self.fail(event, true),
            EventType::ExecutionFailed => {
                self.fail(event, false);
                self.end(Ending::Failed);
            }
            EventType::ExecutionAborted | EventType::ExecutionTimedOut => self.end(Ending::Failed),
            EventType::ExecutionSucceeded => self.end(Ending::Succeeded),
            kind if is_entered(kind) => self.entered(event, Visit::Running),
            kind if is_exited(kind) => {
                let caught = self.is_after_failure(event);
                let visit = if caught { Visit::Caught } else { Visit::Succeeded };
                self.note(event, |last| last.0 = visit);
            }
            _ => {}
        }
    }

    /// A state's Entered follows the Exited of the state before it.
    fn entered(&mut self, event: &HistoryEvent, visit: Visit) {
        let before = self.by_id.get(&event.previous_event_id).filter(|it| is_exited(it.kind));
        if let Some(before) = before
            && let (Some(from), Some(to)) = (&before.details.name, &event.details.name)
        {
            let arrow = (from.clone(), to.clone(), self.is_after_failure(before));
            self.trace.arrows.insert(arrow);
        }
        self.note(event, |last| *last = (visit, last.1 + 1));
    }

    fn note(&mut self, event: &HistoryEvent, change: impl FnOnce(&mut (Visit, u64))) {
        if let Some(name) = &event.details.name {
            change(self.trace.visits.entry(name.clone()).or_insert((Visit::Running, 0)));
        }
    }

    fn is_after_failure(&self, event: &HistoryEvent) -> bool {
        let before = self.by_id.get(&event.previous_event_id);
        before.is_some_and(|before| is_failure(before.kind))
    }

    /// Follows a failure back to what it began with: the states on the way that were not left have
    /// failed. That of a Parallel or Map goes no further than that state.
    fn fail(&mut self, event: &HistoryEvent, is_inner: bool) {
        let mut id = event.previous_event_id;
        while let Some(before) = self.by_id.get(&id) {
            if is_entered(before.kind)
                && let Some(name) = &before.details.name
                && let Some((visit @ Visit::Running, _)) = self.trace.visits.get_mut(name)
            {
                *visit = Visit::Failed;
                let is_container = matches!(
                    before.kind,
                    EventType::MapStateEntered | EventType::ParallelStateEntered
                );
                if is_inner && is_container {
                    return;
                }
            }
            // Ids only go down, whatever the history holds.
            if before.previous_event_id >= id {
                return;
            }
            id = before.previous_event_id;
        }
    }

    fn end(&mut self, ending: Ending) {
        self.trace.ending = Some(ending);
        for (visit, _) in self.trace.visits.values_mut().filter(|(it, _)| *it == Visit::Running) {
            *visit = Visit::Aborted;
        }
    }
}

fn is_entered(kind: EventType) -> bool {
    kind.details_field() == Some("stateEnteredEventDetails")
}

fn is_exited(kind: EventType) -> bool {
    kind.details_field() == Some("stateExitedEventDetails")
}

fn is_failure(kind: EventType) -> bool {
    kind.name().ends_with("Failed") || kind.name().ends_with("TimedOut")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Events as `(id, previous, type, state)`.
    fn trace(events: &[(u64, u64, &str, &str)]) -> Trace {
        let event = |(id, previous, kind, name): &(u64, u64, &str, &str)| {
            let details = if name.is_empty() { json!({}) } else { json!({ "name": name }) };
            let kind: EventType = serde_json::from_value(json!(kind)).unwrap();
            let field = kind.details_field().unwrap_or("none");
            let event = json!({
                "timestamp": 0, "type": kind, "id": id, "previousEventId": previous, field: details,
            });
            serde_json::from_value(event).unwrap()
        };
        Trace::from_history(&events.iter().map(event).collect::<Vec<_>>())
    }

    fn shown(trace: &Trace) -> String {
        let visits =
            trace.visits.iter().map(|(name, (visit, count))| format!("{name} {visit:?} {count}"));
        let arrows = trace
            .arrows
            .iter()
            .map(|(from, to, caught)| format!("{from} {} {to}", if *caught { "~>" } else { "->" }));
        let ending = trace.ending.map(|ending| format!("{ending:?}"));
        visits.chain(arrows).chain(ending).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_caught_error_is_told_from_a_success() {
        let events = [
            (1, 0, "ExecutionStarted", ""),
            (2, 0, "TaskStateEntered", "A"),
            (3, 2, "TaskFailed", ""),
            (4, 3, "TaskStateExited", "A"),
            (5, 4, "PassStateEntered", "B"),
            (6, 5, "PassStateExited", "B"),
            (7, 6, "FailStateEntered", "C"),
            (8, 7, "ExecutionFailed", ""),
        ];
        assert_eq!(
            shown(&trace(&events)),
            "A Caught 1, B Succeeded 1, C Failed 1, A ~> B, B -> C, Failed"
        );
        assert_eq!(shown(&trace(&events[..5])), "A Caught 1, B Running 1, A ~> B");
    }

    #[test]
    fn a_failed_branch_fails_its_state_and_aborts_its_siblings() {
        let events = [
            (2, 0, "ParallelStateEntered", "P"),
            (3, 2, "ParallelStateStarted", ""),
            (4, 3, "TaskStateEntered", "A"),
            (5, 3, "WaitStateEntered", "B"),
            (6, 4, "TaskFailed", ""),
            (7, 6, "WaitStateAborted", ""),
            (8, 6, "ParallelStateFailed", ""),
            (9, 8, "ExecutionFailed", ""),
        ];
        assert_eq!(shown(&trace(&events)), "A Failed 1, B Aborted 1, P Failed 1, Failed");
        let caught = [
            (9, 8, "ParallelStateExited", "P"),
            (10, 9, "SucceedStateEntered", "S"),
            (11, 10, "SucceedStateExited", "S"),
            (12, 11, "ExecutionSucceeded", ""),
        ];
        let events: Vec<_> = events[..7].iter().chain(&caught).copied().collect();
        assert_eq!(
            shown(&trace(&events)),
            "A Failed 1, B Aborted 1, P Caught 1, S Succeeded 1, P ~> S, Succeeded"
        );
    }

    #[test]
    fn a_loop_and_a_map_count_their_visits() {
        let events = [
            (2, 0, "MapStateEntered", "M"),
            (3, 2, "MapStateStarted", ""),
            (4, 3, "MapIterationStarted", "M"),
            (5, 4, "PassStateEntered", "A"),
            (6, 5, "PassStateExited", "A"),
            (7, 6, "PassStateEntered", "A"),
            (8, 7, "PassStateExited", "A"),
            (9, 8, "MapIterationSucceeded", "M"),
            (10, 8, "MapIterationStarted", "M"),
            (11, 10, "PassStateEntered", "A"),
        ];
        assert_eq!(shown(&trace(&events)), "A Running 3, M Running 1, A -> A");
    }

    #[test]
    fn a_history_that_leads_in_circles_is_read() {
        let events = [(2, 3, "TaskStateEntered", "A"), (3, 2, "ExecutionFailed", "")];
        assert_eq!(shown(&trace(&events)), "A Failed 1, Failed");
    }
}
