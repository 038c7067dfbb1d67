//! The log of an execution: its history, event by event, without its data.

use stepyard_asl::{EventType, HistoryEvent};
use stepyard_engine::{ExecutionArn, LogLevel, Watch};

/// Logs what happens in an execution, until it is over. What AWS logs at its level ERROR is an error
/// here, an execution's beginning and success are told, and the rest is for looking closely.
pub(crate) async fn log(execution: ExecutionArn, mut events: Watch) {
    while let Some(event) = events.next().await {
        let HistoryEvent { id, previous_event_id, kind, details, .. } = event;
        let (kind_name, state) = (kind.name(), details.name.as_deref());
        let (error, cause) = (details.error.as_deref(), details.cause.as_deref());
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    execution = &*execution,
                    id,
                    previous_event_id,
                    state,
                    error,
                    cause,
                    "{kind_name}"
                )
            };
        }
        match kind {
            kind if LogLevel::Error.logs(kind) => log!(error),
            EventType::ExecutionStarted | EventType::ExecutionSucceeded => log!(info),
            _ => log!(debug),
        }
    }
}
