//! The Amazon States Language: what a state machine says, and what it means.
//!
//! Nothing here performs I/O, reads a clock, draws randomness or awaits. An [`Execution`] is a
//! fold over [`Fact`]s: each one moves it on and yields the [`Command`]s its host must perform and
//! the [`HistoryEvent`]s that AWS would show.
//!
//! ```text
//!   Fact ──► Execution::step ──► Command, HistoryEvent
//!     ▲                             │
//!     └────── the host's work ◄─────┘
//! ```
//!
//! A fact is what the world told the execution; a command is what it asks of its host; a history
//! event is what `GetExecutionHistory` shows. Facts are journaled, the rest is derived.
//!
//! [`StateMachine`] is what a definition says; each state type is one file under `state`. Data moves
//! between states as [`Payload`]s, by the paths and templates of `payload`.
#![forbid(unsafe_code)]

mod check;
mod command;
mod diagnostic;
mod error;
mod execution;
mod express;
mod fact;
mod fields;
mod findings;
mod graph;
mod hints;
mod history;
mod jackson;
mod machine;
mod marks;
mod outline;
mod parameters;
mod payload;
mod references;
mod resource;
mod retry;
mod scopes;
mod span;
mod state;
mod test_state;
mod timestamp;

pub use command::{Command, CommandId, CommandIdError, CommandKind, ScheduleTask, Step, TaskToken};
pub use diagnostic::{Code, Diagnostic, Location, Segment, Severity};
use error::EvaluationError;
pub use error::{StatesError, name as error_name};
pub use execution::{
    Child, Execution, Filling, MapRun, Outputs, PAYLOAD_BYTES_MAX, Position, Rest, Status,
    TaskStage, Tolerance, WaitsFor,
};
pub use fact::{Configuration, EDITION, Fact, FactKind, Parent, Pins, Seed};
pub use graph::{Ending, Graph, Trace, Visit};
pub use history::{Details, EventType, HistoryEvent, TaskCredentials};
pub use machine::{DEFINITION_BYTES_MAX, InnerMachine, State, StateKind, StateMachine, TaskState};
pub use parameters::{Parameters, is_reserved_header};
pub use payload::{
    Payload,
    foreseen::{Foreseen, Piece},
    snippet::Snippet,
};
pub use references::variable_references;
pub use resource::{Pattern, Resource, ResourceError, ResourceKind};
pub use span::{Span, SpanEnd, SpanOf, SpanPlace, TaskSpan};
pub use state::{
    Dataset, ErrorDetails, ExportPlace, Inspection, Item, ItemFormat, ItemSource, ManifestType,
    OutputType, ResultDestination, Transformation,
};
pub use test_state::{
    Asked, FieldValidationMode, Mock, TestConfiguration, TestPlace, TestRefusal, TestRequest,
    TestState, TestStatus, Tested,
};
pub use timestamp::Timestamp;

/// The name of a state, unique within its state machine, at most 80 characters.
pub type StateName = std::sync::Arc<str>;
