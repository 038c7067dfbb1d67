//! AWS Lambda: `lambda:invoke`, and function ARNs as a `Resource`. A function is a step that is asked of
//! `Functions`, or one of AWS Lambda's own where the manifest says so.

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
    aws_functions::{self, AwsFunctions, LAMBDA},
    is_called,
    sdk::{self, ServiceError},
};

/// Calls functions, and answers as Lambda does.
pub(crate) struct Lambda {
    identity: Identity,
    functions: Arc<dyn Functions>,
    on_aws: AwsFunctions,
}

impl Lambda {
    pub(crate) fn new(
        identity: Identity,
        functions: Arc<dyn Functions>,
        on_aws: AwsFunctions,
    ) -> Self {
        Self { identity, functions, on_aws }
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
        let on_aws = self.on_aws.names().map(|(name, called)| ResourceInfo {
            name: name.clone(),
            detail: format!("{called} on AWS Lambda"),
        });
        self.functions.names().into_iter().filter_map(info).chain(on_aws).collect()
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
        if let Some(called) = self.on_aws.called(&function) {
            let invocation = aws_functions::Invocation {
                payload: Some(event.text().to_owned()),
                ..Default::default()
            };
            return match self.on_aws.invoke(&called, invocation, &task).await {
                Ok(invoked) => Outcome::done(invoked.payload()),
                Err(error) => Outcome::failed(error),
            };
        }
        match self.functions.invoke(call(&task, &function, event)).await {
            Ok(reply) => succeeded(reply.payload, reply.version),
            Err(error) => self.failed(error, &task, &function),
        }
    }

    /// `lambda:invoke`: the arguments name function and event, the result is Lambda's envelope.
    async fn invoke(&self, task: Task) -> Outcome {
        let request_id = sdk::request_id(&task);
        let invocation = match Invocation::read(&task, &request_id) {
            Ok(invocation) => invocation,
            Err(error) => return Outcome::failed(error),
        };
        if let Some(called) = self.on_aws.called(&invocation.function) {
            return match self.on_aws.invoke(&called, invocation.asked, &task).await {
                Ok(invoked) => task.answered(invoked.envelope()),
                Err(error) => Outcome::failed(error),
            };
        }
        let (dry_run, log_tail) = match invocation.here(&request_id) {
            Ok(here) => here,
            Err(error) => return Outcome::failed(error),
        };
        if dry_run {
            return self.dry_run(&task, &invocation.function);
        }
        let event = match event(invocation.asked.payload.as_deref(), &request_id) {
            Ok(event) => event,
            Err(error) => return Outcome::failed(error),
        };
        let call = call(&task, &invocation.function, event);
        match self.functions.invoke(call).await {
            Ok(reply) => {
                let answer = envelope(&task, &reply, &request_id, log_tail);
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
        let request_id = &sdk::request_id(task);
        let refused = |exception: &str, status, message: &str| {
            LAMBDA.refused(&ServiceError { message, status, code: exception, request_id })
        };
        match error.of_request(request_id) {
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
#[derive(Debug)]
struct Invocation {
    function: FunctionName,
    asked: aws_functions::Invocation,
}

impl Invocation {
    fn read(task: &Task, request_id: &str) -> Result<Self, StatesError> {
        let mut arguments = Arguments::of(task);
        arguments.not_null("FunctionName");
        let mut text = |name: &str| arguments.text(name).map(str::to_owned);
        let (name, qualifier) = (text("FunctionName"), text("Qualifier"));
        let asked = aws_functions::Invocation {
            client_context: text("ClientContext"),
            invocation_type: text("InvocationType"),
            log_type: text("LogType"),
            payload: arguments.value("Payload").map(sdk::text),
        };
        arguments.finish()?;

        let invalid = |message: &str| invalid_parameter(message, request_id);
        let function: FunctionName = name.unwrap_or_default().parse().map_err(|error| {
            let message = format!("1 validation error detected: {error}");
            invalid(&message)
        })?;
        let function = function.qualified(qualifier.as_deref());
        Ok(Self { function: function.map_err(|error| invalid(&error.to_string()))?, asked })
    }

    /// Whether a step is only looked for, and whether the end of its log is wanted. A client context is
    /// nothing a step could read.
    fn here(&self, request_id: &str) -> Result<(bool, bool), StatesError> {
        let dry_run = is_dry_run(self.asked.invocation_type.as_deref());
        let log_tail = is_log_tail(self.asked.log_type.as_deref());
        let both = dry_run.and_then(|dry_run| Ok((dry_run, log_tail?)));
        both.map_err(|message| invalid_parameter(&message, request_id))
    }
}

fn invalid_parameter(message: &str, request_id: &str) -> StatesError {
    bad_request("InvalidParameterValueException", message, request_id)
}

fn bad_request(code: &str, message: &str, request_id: &str) -> StatesError {
    LAMBDA.refused(&ServiceError { message, status: 400, code, request_id })
}

/// The event that a request with this payload brings: `{}` where it has none, and JSON where it has any.
fn event(payload: Option<&str>, request_id: &str) -> Result<Payload, StatesError> {
    let text = payload.filter(|text| !text.is_empty()).unwrap_or("{}");
    Payload::received(text).map_err(|complaint| {
        let message = format!(
            "Could not parse request body into json: Could not parse payload into json: {complaint}"
        );
        bad_request("InvalidRequestContentException", &message, request_id)
    })
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
