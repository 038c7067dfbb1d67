//! The operations, one struct each: its members, and what is done.

mod activity;
mod alias;
mod configuration;
mod execution;
mod history;
mod machine;
mod map_run;
mod tag;
mod task;
mod test_state;
mod version;

use serde::{Serialize, de::DeserializeOwned};
use stepyard_asl::Timestamp;

use self::{
    activity::{CreateActivity, DeleteActivity, DescribeActivity, GetActivityTask, ListActivities},
    alias::{
        CreateStateMachineAlias, DeleteStateMachineAlias, DescribeStateMachineAlias,
        ListStateMachineAliases, UpdateStateMachineAlias,
    },
    execution::{
        DescribeExecution, DescribeStateMachineForExecution, ListExecutions, RedriveExecution,
        StartExecution, StartSyncExecution, StopExecution,
    },
    history::GetExecutionHistory,
    machine::{
        CreateStateMachine, DeleteStateMachine, DescribeStateMachine, ListStateMachines,
        UpdateStateMachine, ValidateStateMachineDefinition,
    },
    map_run::{DescribeMapRun, ListMapRuns, UpdateMapRun},
    tag::{ListTagsForResource, TagResource, UntagResource},
    task::{SendTaskFailure, SendTaskHeartbeat, SendTaskSuccess},
    test_state::TestState,
    version::{DeleteStateMachineVersion, ListStateMachineVersions, PublishStateMachineVersion},
};
use crate::{Api, error::ApiError, members};

/// An operation of the API, as its request is read.
trait Action: DeserializeOwned {
    /// What is answered.
    type Output: Serialize;

    /// Does it.
    async fn run(self, api: &Api) -> Result<Self::Output, ApiError>;
}

/// Declares the operations.
macro_rules! actions {
    ($($operation:ident),* $(,)?) => {
        /// All of AWS's operations.
        pub(crate) const OPERATIONS: &[&str] = &[$(stringify!($operation),)*];

        /// Does the operation that is named so.
        pub(crate) async fn perform(
            api: &Api,
            operation: &str,
            body: &[u8],
        ) -> Result<String, ApiError> {
            match operation {
                $(stringify!($operation) => run::<$operation>(api, body).await,)*
                _ => {
                    let message = format!("AWS Step Functions has no operation `{operation}`");
                    Err(ApiError::new("UnknownOperationException", message))
                }
            }
        }
    };
}

actions! {
    CreateActivity, CreateStateMachine, CreateStateMachineAlias, DeleteActivity, DeleteStateMachine,
    DeleteStateMachineAlias, DeleteStateMachineVersion, DescribeActivity, DescribeExecution,
    DescribeMapRun, DescribeStateMachine, DescribeStateMachineAlias,
    DescribeStateMachineForExecution, GetActivityTask, GetExecutionHistory, ListActivities,
    ListExecutions, ListMapRuns, ListStateMachineAliases, ListStateMachineVersions,
    ListStateMachines, ListTagsForResource, PublishStateMachineVersion, RedriveExecution,
    SendTaskFailure, SendTaskHeartbeat, SendTaskSuccess, StartExecution, StartSyncExecution,
    StopExecution, TagResource, TestState, UntagResource, UpdateMapRun, UpdateStateMachine,
    UpdateStateMachineAlias, ValidateStateMachineDefinition,
}

async fn run<A: Action>(api: &Api, body: &[u8]) -> Result<String, ApiError> {
    let action: A = members::read(body)?;
    let output = action.run(api).await?;
    serde_json::to_string(&output).map_err(|error| ApiError::internal(&error))
}

/// A member that its constraints say is there.
fn required<T>(member: Option<T>) -> Result<T, ApiError> {
    member.ok_or_else(|| ApiError::new("ValidationException", "a required member is missing"))
}

/// The wire's timestamps: seconds since the Unix epoch, with milliseconds.
pub(crate) fn seconds(at: Timestamp) -> f64 {
    // A moment that has more milliseconds than a double holds is 285,000 years away.
    at.as_millis() as f64 / 1_000.0
}

/// An operation that answers nothing.
#[derive(Debug, Serialize)]
struct Empty {}
