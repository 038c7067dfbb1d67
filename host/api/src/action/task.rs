//! Task tokens: what whoever completes a task from outside says of it.

use serde::Deserialize;
use stepyard_asl::{PAYLOAD_BYTES_MAX, Payload, StatesError};
use stepyard_engine::Completion;

use super::{Action, Empty, required};
use crate::{Api, constraint::Constraints, error::ApiError};

/// The bounds of a task token's characters.
const TOKEN: (usize, usize) = (1, 2_048);
/// The bounds of an error's name, and of its cause.
pub(super) const ERROR: (usize, usize) = (0, 256);
pub(super) const CAUSE: (usize, usize) = (0, 32_768);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendTaskSuccess {
    task_token: Option<String>,
    output: Option<String>,
}

impl Action for SendTaskSuccess {
    type Output = Empty;

    async fn run(self, api: &Api) -> Result<Empty, ApiError> {
        Constraints::default()
            .present("taskToken", &self.task_token)
            .present("output", &self.output)
            .sensitive("taskToken", self.task_token.as_deref(), TOKEN)
            .sensitive("output", self.output.as_deref(), (0, PAYLOAD_BYTES_MAX))
            .check()?;
        let output = Payload::received(&required(self.output)?).map_err(|complaint| {
            ApiError::new("InvalidOutput", format!("Invalid Output: '{complaint}'"))
        })?;
        complete(api, self.task_token, Completion::Succeeded(output)).await
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendTaskFailure {
    task_token: Option<String>,
    error: Option<String>,
    cause: Option<String>,
}

impl Action for SendTaskFailure {
    type Output = Empty;

    async fn run(self, api: &Api) -> Result<Empty, ApiError> {
        Constraints::default()
            .present("taskToken", &self.task_token)
            .sensitive("taskToken", self.task_token.as_deref(), TOKEN)
            .sensitive("error", self.error.as_deref(), ERROR)
            .sensitive("cause", self.cause.as_deref(), CAUSE)
            .check()?;
        let error = StatesError { error: self.error, cause: self.cause };
        complete(api, self.task_token, Completion::Failed(error)).await
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendTaskHeartbeat {
    task_token: Option<String>,
}

impl Action for SendTaskHeartbeat {
    type Output = Empty;

    async fn run(self, api: &Api) -> Result<Empty, ApiError> {
        Constraints::default()
            .present("taskToken", &self.task_token)
            .sensitive("taskToken", self.task_token.as_deref(), TOKEN)
            .check()?;
        complete(api, self.task_token, Completion::Beat).await
    }
}

async fn complete(
    api: &Api,
    token: Option<String>,
    completion: Completion,
) -> Result<Empty, ApiError> {
    api.engine.complete_task(&required(token)?, completion).await?;
    Ok(Empty {})
}
