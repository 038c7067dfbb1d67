//! Versions of state machines: publish, list, delete.

use serde::Deserialize;
use serde_json::{Value, json};
use stepyard_engine::NewVersion;

use super::{Action, Empty, required, seconds};
use crate::{
    Api, arn,
    constraint::{Constraints, LONG_ARN},
    error::ApiError,
    page,
};

/// The bounds of a description's characters.
pub(super) const DESCRIPTION: (usize, usize) = (0, 256);

/// What `publish` and `versionDescription` of a request ask for.
pub(super) fn publish(
    publish: Option<bool>,
    description: Option<String>,
) -> Result<Option<NewVersion>, ApiError> {
    match (publish, description) {
        (Some(true), description) => Ok(Some(NewVersion { description })),
        (_, None) => Ok(None),
        (_, Some(_)) => {
            let message = "Version description can only be set when publish is true";
            Err(ApiError::new("ValidationException", message))
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PublishStateMachineVersion {
    state_machine_arn: Option<String>,
    revision_id: Option<String>,
    description: Option<String>,
}

impl Action for PublishStateMachineVersion {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        Constraints::default()
            .arn("stateMachineArn", &self.state_machine_arn)
            .sensitive("description", self.description.as_deref(), DESCRIPTION)
            .check()?;
        let machine = required(self.state_machine_arn)?;
        let machine = arn::state_machine(&machine)?;
        let publish = NewVersion { description: self.description };
        let revision = self.revision_id.as_deref();
        let version = api.engine.publish_version(machine, revision, publish).await?;
        Ok(json!({
            "stateMachineVersionArn": version.arn(),
            "creationDate": seconds(version.created_at),
        }))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeleteStateMachineVersion {
    state_machine_version_arn: Option<String>,
}

impl Action for DeleteStateMachineVersion {
    type Output = Empty;

    async fn run(self, api: &Api) -> Result<Empty, ApiError> {
        let version = &self.state_machine_version_arn;
        Constraints::default()
            .present("stateMachineVersionArn", version)
            .length("stateMachineVersionArn", version.as_deref(), LONG_ARN)
            .check()?;
        let (machine, number) = arn::version(&required(self.state_machine_version_arn)?)?;
        api.engine.delete_version(&machine.machine, number).await?;
        Ok(Empty {})
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListStateMachineVersions {
    state_machine_arn: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

impl Action for ListStateMachineVersions {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        Constraints::default()
            .arn("stateMachineArn", &self.state_machine_arn)
            .max_results(self.max_results)
            .next_token(&self.next_token)
            .check()?;
        let machine = required(self.state_machine_arn)?;
        let list = format!("versions/{}", arn::state_machine(&machine)?);
        // Newest first; a page begins below the last number of the one before.
        let below = api.pages.place(&list, self.next_token.as_deref())?;
        let below = below.map(|number| number.parse::<u64>()).transpose();
        let below = below.map_err(|_| ApiError::invalid_token())?;
        let versions = api.engine.versions(&machine).await?;
        let mut rest = versions.iter().filter(|it| below.is_none_or(|below| it.number < below));
        let page: Vec<_> = rest.by_ref().take(page::size(self.max_results)).collect();
        let shown: Vec<Value> = page
            .iter()
            .map(|version| {
                json!({
                    "stateMachineVersionArn": version.arn(),
                    "creationDate": seconds(version.created_at),
                })
            })
            .collect();
        let mut answer = json!({ "stateMachineVersions": shown });
        if let (Some(last), Some(_)) = (page.last(), rest.next()) {
            answer["nextToken"] = json!(api.pages.token(&list, &last.number.to_string()));
        }
        Ok(answer)
    }
}
