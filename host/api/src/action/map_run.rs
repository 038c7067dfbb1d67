//! Map Runs: what is known of them, and what may be changed of one that is under way.

use serde::Deserialize;
use serde_json::{Value, json};
use stepyard_engine::{MapRunChange, MapRunError, MapRunRecord, RunCounts};

use super::{Action, Empty, required, seconds};
use crate::{
    Api, arn,
    constraint::{ARN, Constraints, LONG_ARN},
    error::ApiError,
    page,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeMapRun {
    map_run_arn: Option<String>,
}

impl Action for DescribeMapRun {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        Constraints::default()
            .present("mapRunArn", &self.map_run_arn)
            .length("mapRunArn", self.map_run_arn.as_deref(), LONG_ARN)
            .check()?;
        let run = required(self.map_run_arn)?;
        let run = api.engine.map_run(arn::map_run(&run)?).await?;
        let mut shown = json!({
            "mapRunArn": run.arn,
            "executionArn": run.execution,
            "status": run.status.name(),
            "startDate": seconds(run.started_at),
            "maxConcurrency": run.concurrency,
            "toleratedFailurePercentage": run.tolerance.percentage.unwrap_or_default(),
            "toleratedFailureCount": run.tolerance.count.unwrap_or_default(),
            "itemCounts": counts(&run.items),
            "executionCounts": counts(&run.executions),
            "redriveCount": run.redrive_count,
        });
        for (member, at) in [("stopDate", run.stopped_at), ("redriveDate", run.redriven_at)] {
            if let Some(at) = at {
                shown[member] = json!(seconds(at));
            }
        }
        Ok(shown)
    }
}

fn counts(counts: &RunCounts) -> Value {
    json!({
        "pending": counts.pending,
        "running": counts.running,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "timedOut": counts.timed_out,
        "aborted": counts.aborted,
        "total": counts.total(),
        "resultsWritten": counts.results_written,
        // Express children are begun anew, and so can always be redriven. Of a Standard one it is known once
        // it was tried.
        "failuresNotRedrivable": counts.not_redrivable,
        "pendingRedrive": 0,
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListMapRuns {
    execution_arn: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

impl Action for ListMapRuns {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        Constraints::default()
            .present("executionArn", &self.execution_arn)
            .length("executionArn", self.execution_arn.as_deref(), ARN)
            .max_results(self.max_results)
            .next_token(&self.next_token)
            .check()?;
        let execution = required(self.execution_arn)?;
        let execution = arn::execution(&execution)?;
        api.engine.describe(execution).await?;
        let list = format!("mapRuns/{execution}");
        // A page begins behind the last run of the one before: newer ones move nothing.
        let after = api.pages.place(&list, self.next_token.as_deref())?;
        let size = page::size(self.max_results);
        // One more shows that the page is not the last.
        let mut runs = api.engine.map_runs(execution, after.as_deref(), size + 1).await?;
        let is_last = runs.len() <= size;
        runs.truncate(size);
        let mut answer = json!({ "mapRuns": runs.iter().map(listed).collect::<Vec<_>>() });
        if let (Some(last), false) = (runs.last(), is_last) {
            answer["nextToken"] = json!(api.pages.token(&list, &last.arn));
        }
        Ok(answer)
    }
}

fn listed(run: &MapRunRecord) -> Value {
    let mut shown = json!({
        "executionArn": run.execution,
        "mapRunArn": run.arn,
        "stateMachineArn": run.machine,
        "startDate": seconds(run.started_at),
    });
    if let Some(stopped) = run.stopped_at {
        shown["stopDate"] = json!(seconds(stopped));
    }
    shown
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateMapRun {
    map_run_arn: Option<String>,
    max_concurrency: Option<i64>,
    tolerated_failure_percentage: Option<f32>,
    tolerated_failure_count: Option<i64>,
}

impl Action for UpdateMapRun {
    type Output = Empty;

    async fn run(self, api: &Api) -> Result<Empty, ApiError> {
        // By its digits: 33.3 is to be shown as 33.3 again.
        let percentage =
            self.tolerated_failure_percentage.and_then(|it| it.to_string().parse::<f64>().ok());
        Constraints::default()
            .present("mapRunArn", &self.map_run_arn)
            .length("mapRunArn", self.map_run_arn.as_deref(), LONG_ARN)
            .range("maxConcurrency", self.max_concurrency, (0, i64::MAX))
            .range("toleratedFailurePercentage", percentage, (0.0, 100.0))
            .range("toleratedFailureCount", self.tolerated_failure_count, (0, i64::MAX))
            .check()?;
        let run = required(self.map_run_arn)?;
        let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
        let change = MapRunChange {
            concurrency: self.max_concurrency.and_then(|it| usize::try_from(it).ok()),
            tolerated_count: self.tolerated_failure_count.map(unsigned),
            tolerated_percentage: percentage,
        };
        api.engine.update_map_run(arn::map_run(&run)?, change).await?;
        Ok(Empty {})
    }
}

impl From<MapRunError> for ApiError {
    fn from(error: MapRunError) -> Self {
        match error {
            MapRunError::DoesNotExist { arn } => {
                Self::new("ResourceNotFound", format!("Resource not found: '{arn}'")).about(arn)
            }
            MapRunError::Completed { arn } => {
                let message = format!("Map Run is over and cannot be updated: '{arn}'");
                Self::new("ValidationException", message).because("CANNOT_UPDATE_COMPLETED_MAP_RUN")
            }
            MapRunError::Engine(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests;
