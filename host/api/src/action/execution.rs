//! Executions: start, stop, describe, list.

mod machine;

use serde::Deserialize;
use serde_json::{Value, json};
use stepyard_asl::{PAYLOAD_BYTES_MAX, Payload, StatesError, Status, Timestamp, error_name};
use stepyard_engine::{
    EngineError, ExecutionRecord, ExecutionSummary, MachineType, MapRunRecord, NAME_CHARACTERS_MAX,
    Qualifier, Request, Selection, StartError, Started, check_name,
};

use super::{
    Action, required, seconds,
    task::{CAUSE, ERROR},
};
use crate::{
    Api, arn,
    constraint::{ARN, Constraints, LONG_ARN},
    error::ApiError,
    page,
};

pub(super) use machine::DescribeStateMachineForExecution;

/// The bounds of a page token of ListExecutions, longer than those of others.
const PAGE_TOKEN: (usize, usize) = (1, 3_096);

/// The states an execution can be in, in AWS's order.
const STATUSES: [&str; 6] =
    ["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartExecution {
    state_machine_arn: Option<String>,
    name: Option<String>,
    input: Option<String>,
    trace_header: Option<String>,
}

impl Action for StartExecution {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        let (kind, start) = self.read(api, &None).await?;
        if kind == MachineType::Express {
            let (started, _) = api.engine.start_express(start).await.map_err(busy)?;
            return Ok(self::started(&started));
        }
        let started = api.engine.start(start).await?;
        // The same name with the same input is the same execution only while it runs.
        if matches!(started.standing, stepyard_engine::Standing::Finished(_)) {
            let message = format!("Execution Already Exists: '{}'", started.arn);
            return Err(ApiError::new("ExecutionAlreadyExists", message));
        }
        Ok(self::started(&started))
    }
}

impl StartExecution {
    /// What is to be started, and as what.
    async fn read(
        self,
        api: &Api,
        included_data: &Option<String>,
    ) -> Result<(MachineType, stepyard_engine::StartExecution), ApiError> {
        Constraints::default()
            .arn("stateMachineArn", &self.state_machine_arn)
            .length("name", self.name.as_deref(), (1, NAME_CHARACTERS_MAX))
            .sensitive("input", self.input.as_deref(), (0, PAYLOAD_BYTES_MAX))
            .length("traceHeader", self.trace_header.as_deref(), (0, 256))
            .pattern("traceHeader", self.trace_header.as_deref(), r"\p{ASCII}*", str::is_ascii)
            .included_data(included_data)
            .check()?;
        let arn = required(self.state_machine_arn)?;
        let name = self.name.unwrap_or_else(|| api.engine.fresh_uuid());
        check_name(&name)?;
        let input = input(self.input)?;
        let (machine, trace) = (arn::machine(&arn)?, self.trace_header);
        let request = Request { machine, name, input, trace, parent: None };
        Ok(api.engine.prepare(request).await?)
    }
}

fn started(started: &Started) -> Value {
    json!({ "executionArn": started.arn, "startDate": seconds(started.started_at) })
}

/// AWS bounds Express executions by their rate, not by their number.
fn busy(error: StartError) -> ApiError {
    match error {
        StartError::AtCapacity => ApiError::throttled(),
        error => error.into(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartSyncExecution {
    state_machine_arn: Option<String>,
    name: Option<String>,
    input: Option<String>,
    trace_header: Option<String>,
    included_data: Option<String>,
}

impl Action for StartSyncExecution {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        let with_data = includes_data(&self.included_data);
        let start = StartExecution {
            state_machine_arn: self.state_machine_arn,
            name: self.name,
            input: self.input,
            trace_header: self.trace_header,
        };
        let (kind, start) = start.read(api, &self.included_data).await?;
        if kind != MachineType::Express {
            return Err(ApiError::type_not_supported());
        }
        let (machine, name) = (start.machine_arn.clone(), start.name.clone());
        let (input, trace) = (start.input.clone(), start.trace.clone());
        let (started, end) = api.engine.start_express(start).await.map_err(busy)?;
        let status = end.await.map_err(|_| EngineError::ShutDown)?;
        let stopped_at = api.engine.now();
        let mut shown = self::started(&started);
        shown["stateMachineArn"] = json!(machine);
        shown["name"] = json!(name);
        shown["status"] = json!(status.name());
        shown["stopDate"] = json!(seconds(stopped_at));
        show_data(&mut shown, &input, &status, with_data);
        if status == Status::TimedOut {
            shown["error"] = json!(error_name::TIMEOUT);
        }
        shown["outputDetails"] = json!({ "included": with_data });
        if let Some(trace) = trace {
            shown["traceHeader"] = json!(trace);
        }
        let took = stopped_at.as_millis().saturating_sub(started.started_at.as_millis());
        shown["billingDetails"] = json!({
            // In steps of 100 ms and 64 MB (API reference, `BillingDetails`).
            "billedDurationInMilliseconds": (took.max(1) as u64).div_ceil(100) * 100,
            "billedMemoryUsedInMB": 64,
        });
        Ok(shown)
    }
}

/// `includedData`: whether input and output are shown.
pub(super) fn includes_data(word: &Option<String>) -> bool {
    word.as_deref() != Some("METADATA_ONLY")
}

/// Input, and output or error.
fn show_data(shown: &mut Value, input: &Payload, status: &Status, with_data: bool) {
    if with_data {
        shown["input"] = json!(input.text());
    }
    shown["inputDetails"] = json!({ "included": with_data });
    match status {
        Status::Succeeded { output } => {
            if with_data {
                shown["output"] = json!(output.text());
            }
            shown["outputDetails"] = json!({ "included": with_data });
        }
        Status::Failed { error } | Status::Aborted { error } => {
            for (member, value) in [("error", &error.error), ("cause", &error.cause)] {
                if let Some(value) = value {
                    shown[member] = json!(value);
                }
            }
        }
        Status::Running | Status::TimedOut => {}
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RedriveExecution {
    execution_arn: Option<String>,
    client_token: Option<String>,
}

impl Action for RedriveExecution {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        Constraints::default()
            .arn("executionArn", &self.execution_arn)
            .length("clientToken", self.client_token.as_deref(), (1, 64))
            .pattern("clientToken", self.client_token.as_deref(), "[!-~]+", is_graphic)
            .check()?;
        let execution = required(self.execution_arn)?;
        let execution = arn::execution(&execution)?;
        let found = api.engine.describe(execution).await?.execution;
        if is_redriven_by_its_run(&found, api.engine.now()) {
            let reason = "Execution is redrivable by its Map Run: redrive its parent";
            return Err(ApiError::new("ExecutionNotRedrivable", reason));
        }
        let redriven = api.engine.redrive(execution, self.client_token);
        Ok(json!({ "redriveDate": seconds(redriven.await?) }))
    }
}

/// A child goes on with its Map Run, when the run's own execution is redriven.
fn is_redriven_by_its_run(execution: &ExecutionRecord, now: Timestamp) -> bool {
    execution.map_run().is_some() && execution.not_redrivable(now).is_none()
}

/// AWS's pattern of a client token: visible characters of ASCII.
fn is_graphic(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The input of an execution, or of a state under test; `{}` without one.
pub(super) fn input(text: Option<String>) -> Result<Payload, ApiError> {
    let invalid = |detail: &str| {
        let message = format!("Invalid State Machine Execution Input: '{detail}'");
        ApiError::new("InvalidExecutionInput", message)
    };
    let text = text.as_deref().unwrap_or("{}");
    if text.trim().is_empty() {
        return Err(invalid("Invalid execution input."));
    }
    Payload::received(text).map_err(|complaint| invalid(&complaint))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StopExecution {
    execution_arn: Option<String>,
    error: Option<String>,
    cause: Option<String>,
}

impl Action for StopExecution {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        Constraints::default()
            .arn("executionArn", &self.execution_arn)
            .sensitive("error", self.error.as_deref(), ERROR)
            .sensitive("cause", self.cause.as_deref(), CAUSE)
            .check()?;
        let execution = required(self.execution_arn)?;
        let error = StatesError { error: self.error, cause: self.cause };
        let stopped = api.engine.stop(arn::execution(&execution)?, error).await?;
        Ok(json!({ "stopDate": seconds(stopped) }))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeExecution {
    execution_arn: Option<String>,
    included_data: Option<String>,
}

impl Action for DescribeExecution {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        Constraints::default()
            .arn("executionArn", &self.execution_arn)
            .included_data(&self.included_data)
            .check()?;
        let with_data = includes_data(&self.included_data);
        let execution = required(self.execution_arn)?;
        let found = api.engine.describe(arn::execution(&execution)?).await?;
        Ok(described(&found.execution, with_data, api.engine.now()))
    }
}

fn described(execution: &ExecutionRecord, with_data: bool, now: Timestamp) -> Value {
    let mut shown = listed(&execution.summary);
    show_data(&mut shown, &execution.input, &execution.status, with_data);
    if let Some(trace) = &execution.trace {
        shown["traceHeader"] = json!(trace);
    }
    if let Some(run) = execution.map_run() {
        shown["mapRunArn"] = json!(run);
    }
    match execution.not_redrivable(now) {
        None if is_redriven_by_its_run(execution, now) => {
            shown["redriveStatus"] = json!("REDRIVABLE_BY_MAP_RUN");
        }
        None => shown["redriveStatus"] = json!("REDRIVABLE"),
        Some(reason) => {
            shown["redriveStatus"] = json!("NOT_REDRIVABLE");
            shown["redriveStatusReason"] = json!(reason);
        }
    }
    shown
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListExecutions {
    state_machine_arn: Option<String>,
    status_filter: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
    map_run_arn: Option<String>,
    redrive_filter: Option<String>,
}

impl Action for ListExecutions {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        Constraints::default()
            .length("stateMachineArn", self.state_machine_arn.as_deref(), ARN)
            .length("mapRunArn", self.map_run_arn.as_deref(), LONG_ARN)
            .length("nextToken", self.next_token.as_deref(), PAGE_TOKEN)
            .max_results(self.max_results)
            .one_of("statusFilter", self.status_filter.as_deref(), &STATUSES)
            .one_of("redriveFilter", self.redrive_filter.as_deref(), &["REDRIVEN", "NOT_REDRIVEN"])
            .check()?;
        let invalid = |message: &str| ApiError::new("ValidationException", message);
        let mut run = None;
        let (of, arn) = match (self.state_machine_arn, self.map_run_arn) {
            (None, None) => {
                return Err(invalid("Must provide a State Machine ARN or Map Run ARN"));
            }
            (Some(_), Some(_)) => {
                return Err(invalid("Must provide a State Machine ARN or a Map Run ARN, not both"));
            }
            (Some(_), None) if self.redrive_filter.is_some() => {
                return Err(invalid("redriveFilter is for the executions of a Map Run"));
            }
            // A child alone waits for a redrive (API reference, `ListExecutions`, `statusFilter`).
            (Some(_), None) if self.status_filter.as_deref() == Some("PENDING_REDRIVE") => {
                return Err(invalid("PENDING_REDRIVE is for the executions of a Map Run"));
            }
            (Some(arn), None) => (Self::of_machine(api, &arn).await?, arn),
            (None, Some(arn)) => {
                let found = api.engine.map_run(arn::map_run(&arn)?).await?;
                // Express executions leave no record, and are not listed.
                if found.is_express {
                    return Err(ApiError::type_not_supported());
                }
                run = Some(found);
                let map_run = Some(arn.clone());
                (Selection { map_run, ..Selection::default() }, arn)
            }
        };
        let filters = [&self.status_filter, &self.redrive_filter];
        let [status, redrive] = filters.map(|it| it.as_deref().unwrap_or("*"));
        let list = format!("executions/{arn}/{status}/{redrive}");
        let place = api.pages.place(&list, self.next_token.as_deref())?;
        let size = page::size(self.max_results);
        let selection = Selection {
            redriven: self.redrive_filter.map(|filter| filter == "REDRIVEN"),
            status: self.status_filter,
            // A page begins behind the last execution of the one before: newer ones move nothing.
            before: place
                .map(|number| number.parse().map_err(|_| ApiError::invalid_token()))
                .transpose()?,
            // One more shows that the page is not the last.
            limit: Some(size + 1),
            ..of
        };
        let mut found = api.engine.list(selection).await?;
        let is_last = found.len() <= size;
        found.truncate(size);
        let listed = |execution: &ExecutionSummary| match &run {
            Some(run) => listed_child(execution, run),
            None => listed(execution),
        };
        let mut answer = json!({ "executions": found.iter().map(listed).collect::<Vec<_>>() });
        if let (Some(last), false) = (found.last(), is_last) {
            answer["nextToken"] = json!(api.pages.token(&list, &last.number.to_string()));
        }
        Ok(answer)
    }
}

impl ListExecutions {
    /// The executions of a state machine, or those that a version or an alias of it started.
    async fn of_machine(api: &Api, arn: &str) -> Result<Selection, ApiError> {
        let machine = arn::machine(arn)?;
        if api.engine.look_up(&machine).await?.machine.kind == MachineType::Express {
            return Err(ApiError::type_not_supported());
        }
        let mut selection =
            Selection { machine: Some(machine.machine.to_string()), ..Selection::default() };
        match machine.qualifier {
            None => {}
            Some(Qualifier::Version(_)) => selection.version = Some(arn.to_owned()),
            Some(Qualifier::Alias(_)) => selection.alias = Some(arn.to_owned()),
        }
        Ok(selection)
    }
}

fn listed_child(execution: &ExecutionSummary, run: &MapRunRecord) -> Value {
    let mut shown = listed(execution);
    shown["mapRunArn"] = json!(run.arn);
    // Without batches it is one, which is not kept of each.
    let items = execution.items.or((run.items_of_child == 1).then_some(1));
    if let Some(items) = items {
        shown["itemCount"] = json!(items);
    }
    shown
}

fn listed(execution: &ExecutionSummary) -> Value {
    let mut shown = json!({
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine,
        "name": execution.name,
        "status": execution.status,
        "startDate": seconds(execution.started_at),
    });
    for (member, arn) in
        [("stateMachineVersionArn", &execution.version), ("stateMachineAliasArn", &execution.alias)]
    {
        if let Some(arn) = arn {
            shown[member] = json!(arn);
        }
    }
    if let Some(stopped) = execution.stopped_at {
        shown["stopDate"] = json!(seconds(stopped));
    }
    shown["redriveCount"] = json!(execution.redrive_count);
    if let Some(redriven) = execution.redriven_at {
        shown["redriveDate"] = json!(seconds(redriven));
    }
    shown
}
