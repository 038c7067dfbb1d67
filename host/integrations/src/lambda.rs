//! AWS Lambda: `lambda:invoke`, and function ARNs as a `Resource`.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use stepyard_asl::{Payload, Resource, ResourceKind, StatesError};
use stepyard_engine::{
    FunctionCall, FunctionError, FunctionName, FunctionReply, FunctionVersion, Functions, Identity,
    Integration, Outcome, ResourceInfo, Task, outside::HttpMetadata,
};

use crate::{
    arguments::Arguments,
    is_called,
    sdk::{self, Service, ServiceError},
};

const LAMBDA: Service = Service { prefix: "Lambda", name: "AWSLambda" };

/// The parameters of Lambda's Invoke that Step Functions takes.
const PARAMETERS: [&str; 6] =
    ["ClientContext", "FunctionName", "InvocationType", "LogType", "Payload", "Qualifier"];

/// Calls functions, and answers as Lambda does.
pub(crate) struct Lambda {
    identity: Identity,
    functions: Arc<dyn Functions>,
}

impl Lambda {
    pub(crate) fn new(identity: Identity, functions: Arc<dyn Functions>) -> Self {
        Self { identity, functions }
    }
}

/// Whether these are Lambda's tasks.
pub(crate) fn claims(resource: &Resource) -> bool {
    match resource.kind() {
        ResourceKind::Function { .. } => true,
        ResourceKind::Service { service, action, pattern } => {
            service == "lambda" && action == "invoke" && is_called(*pattern)
        }
        ResourceKind::Activity | ResourceKind::MapRun => false,
    }
}

impl Integration for Lambda {
    fn claims(&self, resource: &Resource) -> bool {
        claims(resource)
    }

    fn resources(&self) -> Vec<ResourceInfo> {
        let info = |name: String| {
            let version = self.functions.resolve(&name, None)?;
            Some(ResourceInfo { name, detail: version.to_string() })
        };
        self.functions.names().into_iter().filter_map(info).collect()
    }

    fn run(&self, task: Task) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            match FunctionName::of_resource(&task.resource) {
                Some(function) => self.call_directly(task, function).await,
                None => self.invoke(task).await,
            }
        })
    }
}

impl Lambda {
    /// A function's ARN as the `Resource`: the task's input is the event, the bare payload its result.
    async fn call_directly(&self, task: Task, function: FunctionName) -> Outcome {
        let event = task.input.clone();
        match self.functions.invoke(call(&task, &function, event)).await {
            Ok(reply) => succeeded(reply.payload, reply.version),
            Err(error) => self.failed(error, &task, &function),
        }
    }

    /// `lambda:invoke`: the arguments name function and event, the result is Lambda's envelope.
    async fn invoke(&self, task: Task) -> Outcome {
        let request_id = sdk::request_id(&task);
        let invocation = match Invocation::read(&task.input, &request_id) {
            Ok(invocation) => invocation,
            Err(error) => return Outcome::failed(error),
        };
        if invocation.dry_run {
            return self.dry_run(&task, &invocation.function);
        }
        let call = call(&task, &invocation.function, invocation.event);
        match self.functions.invoke(call).await {
            Ok(reply) => {
                let answer = envelope(&task, &reply, &request_id, invocation.log_tail);
                Outcome { version: Some(reply.version.label), ..task.answered(answer) }
            }
            Err(error) => self.failed(error, &task, &invocation.function),
        }
    }

    /// Checks that the function exists, and calls nothing.
    fn dry_run(&self, task: &Task, function: &FunctionName) -> Outcome {
        let request_id = sdk::request_id(task);
        if self.functions.resolve(&function.name, function.qualifier.as_deref()).is_none() {
            return self.failed(FunctionError::NotFound, task, function);
        }
        let headers = vec![("x-amzn-RequestId".to_owned(), request_id.clone())];
        let mut answer = Map::new();
        answer.insert("Payload".to_owned(), json!(""));
        sdk::add_metadata(&mut answer, &HttpMetadata { status: 204, headers }, &request_id);
        answer.insert("StatusCode".to_owned(), json!(204));
        task.answered(Value::from(answer))
    }

    fn failed(&self, error: FunctionError, task: &Task, function: &FunctionName) -> Outcome {
        let refused = |exception: &str, status, message: &str| {
            let request_id = &sdk::request_id(task);
            LAMBDA
                .refused(exception, &ServiceError { message, status, code: exception, request_id })
        };
        match error {
            FunctionError::Function { error, version } => {
                let error = if error.error.is_some() {
                    error
                } else {
                    StatesError { error: Some("Lambda.Unknown".to_owned()), ..error }
                };
                Outcome { result: Err(error), version: Some(version.label) }
            }
            FunctionError::NotFound => {
                let arn = function.arn(&self.identity.region, &self.identity.account);
                let message = format!("Function not found: {arn}");
                Outcome::failed(refused("ResourceNotFoundException", 404, &message))
            }
            FunctionError::TooManyRequests(message) => {
                Outcome::failed(refused("TooManyRequestsException", 429, &message))
            }
            FunctionError::Service(message) => {
                Outcome::failed(refused("ServiceException", 500, &message))
            }
        }
    }
}

/// The arguments of `lambda:invoke`, read.
#[derive(Debug, PartialEq)]
struct Invocation {
    function: FunctionName,
    event: Payload,
    dry_run: bool,
    log_tail: bool,
}

impl Invocation {
    fn read(input: &Payload, request_id: &str) -> Result<Self, StatesError> {
        let mut arguments = Arguments::new(input, &PARAMETERS);
        let name = arguments.text("FunctionName");
        if arguments.value("FunctionName").is_none() {
            arguments.missing("FunctionName");
        }
        let qualifier = arguments.text("Qualifier");
        let invocation_type = arguments.text("InvocationType");
        let log_type = arguments.text("LogType");
        // A step has no way to read a client context, so only its kind is checked.
        arguments.text("ClientContext");
        // Lambda gives a function `{}` when a request has no payload.
        let event = arguments.value("Payload").cloned().unwrap_or_else(|| json!({}));
        arguments.finish()?;

        let invalid = |message: &str| invalid_parameter(message, request_id);
        let function: FunctionName = name.unwrap_or_default().parse().map_err(|error| {
            let message = format!("1 validation error detected: {error}");
            invalid(&message)
        })?;
        let function = function.qualified(qualifier);
        Ok(Self {
            function: function.map_err(|error| invalid(&error.to_string()))?,
            event: event.into(),
            dry_run: is_dry_run(invocation_type).map_err(|message| invalid(&message))?,
            log_tail: is_log_tail(log_type).map_err(|message| invalid(&message))?,
        })
    }
}

fn invalid_parameter(message: &str, request_id: &str) -> StatesError {
    const CODE: &str = "InvalidParameterValueException";
    LAMBDA.refused(CODE, &ServiceError { message, status: 400, code: CODE, request_id })
}

/// `Event` is refused: nothing here would keep an event until its function has taken it.
fn is_dry_run(invocation_type: Option<&str>) -> Result<bool, String> {
    match invocation_type {
        None | Some("RequestResponse") => Ok(false),
        Some("DryRun") => Ok(true),
        Some("Event") => {
            Err("Stepyard does not queue events: use InvocationType RequestResponse, \
                              in a branch of a Parallel state where the workflow must not wait"
                .to_owned())
        }
        Some(other) => Err(format!(
            "Value '{other}' at 'invocationType' failed to satisfy constraint: \
             Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
        )),
    }
}

fn is_log_tail(log_type: Option<&str>) -> Result<bool, String> {
    match log_type {
        None | Some("None") => Ok(false),
        Some("Tail") => Ok(true),
        Some(other) => Err(format!(
            "Value '{other}' at 'logType' failed to satisfy constraint: \
             Member must satisfy enum value set: [None, Tail]"
        )),
    }
}

fn call(task: &Task, function: &FunctionName, payload: Payload) -> FunctionCall {
    let pinned = task.pins.as_ref().and_then(|pins| pins.get(&function.called()).cloned());
    FunctionCall {
        name: function.name.clone(),
        qualifier: pinned.or_else(|| function.qualifier.clone()),
        payload,
        deadline: task.deadline,
        trace: task.trace.clone(),
        execution: Some(task.execution.clone()),
        state: Some(task.state.clone()),
        attempt: Some(task.attempt),
        idempotency_key: Some(task.idempotency_key.clone()),
        token: task.token.as_ref().map(|token| token.0.clone()),
    }
}

fn succeeded(output: Payload, version: FunctionVersion) -> Outcome {
    Outcome { version: Some(version.label), ..Outcome::done(output) }
}

/// What Lambda's Invoke answers, with the payload parsed, in AWS's order.
fn envelope(task: &Task, reply: &FunctionReply, request_id: &str, log_tail: bool) -> Value {
    let version = &reply.version.number;
    let mut headers = vec![
        ("X-Amz-Executed-Version".to_owned(), version.to_string()),
        ("x-amzn-RequestId".to_owned(), request_id.to_owned()),
        ("Content-Length".to_owned(), reply.payload.len().to_string()),
    ];
    headers.extend(task.trace.clone().map(|trace| ("X-Amzn-Trace-Id".to_owned(), trace)));
    headers.push(("Content-Type".to_owned(), "application/json".to_owned()));

    let mut answer = Map::new();
    answer.insert("ExecutedVersion".to_owned(), json!(**version));
    if log_tail {
        let log = log_result(version, request_id);
        headers.push(("X-Amz-Log-Result".to_owned(), log.clone()));
        answer.insert("LogResult".to_owned(), json!(log));
    }
    answer.insert("Payload".to_owned(), reply.payload.value().clone());
    sdk::add_metadata(&mut answer, &HttpMetadata { status: 200, headers }, request_id);
    answer.insert("StatusCode".to_owned(), json!(200));
    answer.into()
}

/// The platform's own lines of a call's log; what the step itself writes goes to Stepyard's log.
fn log_result(version: &str, request_id: &str) -> String {
    let start = format!("START RequestId: {request_id} Version: {version}\n");
    let end = format!("END RequestId: {request_id}\n");
    BASE64_STANDARD.encode(start + &end)
}

#[cfg(test)]
mod tests;
