//! Execution: journal, timers, dispatch. Runs many executions, durably.
//!
//! ```text
//!   inbox ─► step ─► commit ─► dispatch ─► integrations, timers
//!     ▲                                          │
//!     └──────────────── facts ◄──────────────────┘
//! ```
//!
//! `asl` alone decides what happens next; this crate alone decides when it is durable. It knows no
//! Wasm, no HTTP and no AWS: what does tasks is an [`Integration`], what steps reach outside is a
//! trait of [`outside`].
//!
//! ```
//! use std::sync::Arc;
//! use stepyard_asl::{Payload, StateMachine, Status};
//! use stepyard_engine::{Config, Engine, Identity, MemoryStore, Quotas, StartExecution};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let definition = r#"{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}"#;
//! let machine = StateMachine::parse(definition).expect("the definition is valid");
//! // A durable one: SqliteStore::open("stepyard.db", Quotas::default())?
//! let store = MemoryStore::new(Quotas::default());
//! let engine = Engine::new(Config { integrations: vec![], ..Config::new(store) });
//! let started = engine
//!     .start(StartExecution {
//!         machine: Arc::new(machine),
//!         definition: definition.into(),
//!         machine_arn: Identity::default().state_machine("workflow")?,
//!         name: "order-12345".to_owned(),
//!         input: Payload::parse(r#"{"order_id": "12345"}"#)?,
//!         role: String::new(),
//!         alias: None,
//!         version: None,
//!         trace: None,
//!         parent: None,
//!         pins: None,
//!         logging: None,
//!         configuration: None,
//!     })
//!     .await?;
//! let Status::Succeeded { output } = engine.wait(&started.arn).await? else { panic!("it failed") };
//! assert_eq!(output.value()["order_id"], "12345");
//! engine.shutdown().await;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod activities;
mod aliases;
mod arn;
pub mod clock;
mod completion;
mod cover;
pub mod crash;
mod custody;
mod destination;
mod driver;
mod engine;
mod event;
mod express;
mod folder;
mod functions;
mod handle;
mod histories;
mod integration;
mod jobs;
mod live;
mod logging;
mod looking;
mod machines;
mod mail;
mod map_run;
pub mod measures;
mod names;
mod observer;
pub mod outside;
mod prepare;
mod pressure;
mod recall;
mod redrive;
mod reservation;
mod start;
mod store;
mod tags;
mod tasks;
mod timers;
#[cfg(feature = "sqlite")]
mod topics;
mod trial;
mod versions;
mod watch;

pub use activities::{ActivityError, ActivityRecord, ActivityTask};
pub use aliases::{AliasChange, AliasRecord, NewAlias, Route, Target};
pub use arn::{
    ExecutionArn, Identity, MachineArn, NAME_CHARACTERS_MAX, NameError, Qualifier, check_name,
    execution_arn,
};
pub use completion::{Completion, CompletionError};
pub use cover::Cover;
pub use custody::Custody;
pub use destination::{Unresolved, lies_below, resolve};
pub use engine::{Config, Engine, EngineError};
pub use event::{EventError, event_name};
pub use folder::ObjectFolder;
pub use functions::{
    AdditionalVersion, BindError, BindProblem, Binding, Canary, CodeArchive, CodeRecord,
    CodeUpdate, FunctionAlias, FunctionAliasChange, FunctionCall, FunctionConfiguration,
    FunctionError, FunctionLimits, FunctionMeasures, FunctionName, FunctionNameError,
    FunctionRecord, FunctionReply, FunctionVersion, Functions, Kept, LATEST, NewFunctionAlias,
    OtherQualifier, Pinning, Publishing, PublishingError, Registry, Runtime, VersionPublish,
};
pub use handle::EngineHandle;
pub use histories::HistoryPage;
pub use integration::{Answer, Integration, Outcome, ResourceInfo, Task};
pub use logging::{LogGroup, LogGroupError, LogLevel, Logging};
pub use looking::Description;
pub use machines::{
    MachineError, MachineType, NewStateMachine, Registered, StateMachineChange, StateMachineRecord,
};
pub use mail::{MailFolder, compose};
pub use map_run::{ChildResult, MapRunChange, MapRunError, MapRunRecord, MapRunStatus, RunCounts};
pub use names::SystemNames;
pub use observer::{Interest, Observer, Shown, Subject};
pub use prepare::Request;
pub use redrive::RedriveError;
pub use start::{Standing, StartError, StartExecution, Started};
pub use store::{
    Awaited, Batch, Checkpoint, ExecutionRecord, ExecutionSummary, FactPlace, MemoryStore, Quotas,
    Record, Selection, Store, StoreError, WaitingTask,
};
#[cfg(feature = "sqlite")]
pub use store::{SqliteStore, TopicMessage};
pub use tags::{TAGS_MAX, TagError, Tags};
#[cfg(feature = "sqlite")]
pub use topics::{MESSAGE_BYTES_MAX, SUBJECT_CHARACTERS_MAX, TopicLog};
pub use trial::{Exchange, ReceivedResponse, SentRequest, Trial};
pub use versions::{NewVersion, VersionRecord, VersionSummary};
pub use watch::Watch;
