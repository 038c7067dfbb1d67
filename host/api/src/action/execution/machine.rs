//! The state machine of an execution, as it was when that began.

use serde::Deserialize;
use serde_json::{Value, json};
use stepyard_asl::Configuration;
use stepyard_engine::{MachineType, StateMachineRecord};

use super::includes_data;
use crate::{
    Api,
    action::{Action, machine::described_for, required},
    arn,
    constraint::Constraints,
    error::ApiError,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::action) struct DescribeStateMachineForExecution {
    execution_arn: Option<String>,
    included_data: Option<String>,
}

impl Action for DescribeStateMachineForExecution {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        Constraints::default()
            .arn("executionArn", &self.execution_arn)
            .included_data(&self.included_data)
            .check()?;
        let with_data = includes_data(&self.included_data);
        let execution = required(self.execution_arn)?;
        let found = api.engine.describe(arn::execution(&execution)?).await?.execution;
        let machine_arn = arn::machine_of(&execution).unwrap_or_default();
        let (registered, label) = arn::unlabelled(&machine_arn);
        // All is as it was at its start. What an earlier version did not keep of that is as it is now, and
        // no revision when the machine has changed since.
        let started = found.summary.version.as_deref().unwrap_or(registered);
        let kept = api.engine.look_up(&arn::machine(started)?).await.ok().map(|it| it.machine);
        let is_same =
            |it: &StateMachineRecord| it.definition == found.definition && it.role == found.role;
        let of_now = || Configuration {
            revision: kept.as_ref().filter(|it| is_same(it)).and_then(|it| it.revision.clone()),
            tracing: kept.as_ref().is_some_and(|it| it.tracing),
            updated_at: kept.as_ref().map_or(found.summary.started_at, |it| it.updated_at),
        };
        let configuration = found.configuration.as_deref().cloned().unwrap_or_else(of_now);
        let since = configuration.updated_at.min(found.summary.started_at);
        let (label, run) = (label.map(str::to_owned), found.map_run().map(str::to_owned));
        let machine = StateMachineRecord {
            name: machine_arn.rsplit(':').next().unwrap_or_default().into(),
            arn: machine_arn.into(),
            definition: found.definition,
            role: found.role,
            kind: MachineType::Standard,
            logging: found
                .logging
                .or_else(|| kept.as_ref().map(|it| it.logging.clone()))
                .unwrap_or_default(),
            tracing: configuration.tracing,
            created_at: found.summary.started_at,
            updated_at: since,
            revision: configuration.revision,
            versions: 0,
        };
        let mut shown = described_for(&machine, since, with_data);
        for (member, value) in [("label", label), ("mapRunArn", run)] {
            if let Some(value) = value {
                shown[member] = json!(value);
            }
        }
        Ok(shown)
    }
}
