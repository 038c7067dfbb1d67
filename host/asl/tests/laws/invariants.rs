//! What every history and every trace keeps to, whatever happened.

use std::collections::BTreeMap;

use stepyard_asl::{EventType, HistoryEvent, Span, SpanOf};

/// What every history of AWS's keeps to.
pub(crate) fn check_history(history: &[HistoryEvent]) {
    let mut inside = BTreeMap::<_, i64>::new();
    for (index, event) in history.iter().enumerate() {
        assert_eq!(event.id, index as u64 + 1);
        assert!(event.previous_event_id < event.id);
        let (name, kind) = (event.details.name.clone(), event.kind.name());
        if kind.ends_with("StateEntered") {
            *inside.entry(name).or_default() += 1;
        } else if kind.ends_with("StateExited") {
            let count = inside.entry(name).or_default();
            *count -= 1;
            assert!(*count >= 0, "{event:?} leaves a state that is not entered");
        }
    }
    let is_ending = |event: &&HistoryEvent| {
        matches!(
            event.kind,
            EventType::ExecutionSucceeded
                | EventType::ExecutionFailed
                | EventType::ExecutionTimedOut
                | EventType::ExecutionAborted
        )
    };
    let endings: Vec<_> = history.iter().filter(is_ending).map(|event| event.id).collect();
    assert_eq!(endings, [history.len() as u64]);
}

/// What took time is told once, is within what it is part of, and leaves no visit untold.
pub(crate) fn check_spans(spans: &[Span], history: &[HistoryEvent]) {
    let places: BTreeMap<_, _> = spans.iter().map(|span| (&span.place, span)).collect();
    assert_eq!(places.len(), spans.len(), "a span is told twice");
    for span in spans {
        assert!(span.began <= span.ended, "{span:?}");
        let Some(parent) = span.place.parent() else {
            assert_eq!(span.of, SpanOf::Execution);
            continue;
        };
        let parent = places.get(&parent).unwrap_or_else(|| panic!("{span:?} is part of nothing"));
        assert!(parent.began <= span.began && span.ended <= parent.ended, "{span:?} in {parent:?}");
    }
    let is_state = |span: &&Span| matches!(span.of, SpanOf::State { .. });
    let is_entered = |event: &&HistoryEvent| event.kind.name().ends_with("StateEntered");
    assert_eq!(spans.iter().filter(is_state).count(), history.iter().filter(is_entered).count());
    let is_scheduled = |event: &&HistoryEvent| {
        event.kind.name().ends_with("Scheduled") || event.kind == EventType::MapRunStarted
    };
    let is_task = |span: &&Span| matches!(span.of, SpanOf::Task(_));
    assert_eq!(spans.iter().filter(is_task).count(), history.iter().filter(is_scheduled).count());
}
