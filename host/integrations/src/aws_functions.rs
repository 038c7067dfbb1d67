//! Functions of AWS Lambda, through the AWS SDK.

use std::collections::BTreeMap;

use aws_sdk_lambda::{
    Client,
    operation::{RequestId, invoke::InvokeOutput},
    primitives::Blob,
};
use serde_json::{Map, Value, json};
use stepyard_asl::{Payload, StatesError};
use stepyard_engine::{FunctionName, Task, outside::HttpMetadata};

use crate::{
    aws::{Aws, AwsService},
    client::{HttpAnswer, ServiceClient},
    sdk::{self, Dialect, Errors, Service},
};

/// The errors that Lambda's model declares for Invoke.
pub(crate) const LAMBDA: Errors = Errors {
    service: Service { prefix: "Lambda", name: "AWSLambda" },
    dialect: Dialect::Optimized,
    modelled: &[
        "DurableExecutionAlreadyStartedException",
        "EC2AccessDeniedException",
        "EC2ThrottledException",
        "EC2UnexpectedException",
        "EFSIOException",
        "EFSMountConnectivityException",
        "EFSMountFailureException",
        "EFSMountTimeoutException",
        "ENILimitReachedException",
        "InvalidParameterValueException",
        "InvalidRequestContentException",
        "InvalidRuntimeException",
        "InvalidSecurityGroupIDException",
        "InvalidSubnetIDException",
        "InvalidZipFileException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
        "NoPublishedVersionException",
        "RecursiveInvocationException",
        "RequestTooLargeException",
        "ResourceConflictException",
        "ResourceNotFoundException",
        "ResourceNotReadyException",
        "S3FilesMountConnectivityException",
        "S3FilesMountFailureException",
        "S3FilesMountTimeoutException",
        "SerializedRequestEntityTooLargeException",
        "ServiceException",
        "SnapStartException",
        "SnapStartNotReadyException",
        "SnapStartTimeoutException",
        "SubnetIPAddressLimitReachedException",
        "TooManyRequestsException",
        "UnsupportedMediaTypeException",
    ],
    renamed: &[],
    other: "AWSLambdaException",
};

/// Which functions are AWS Lambda's, and how they are called.
#[derive(Debug)]
pub struct AwsFunctions {
    /// The name in definitions, and what Lambda calls it when that is another.
    bound: BTreeMap<String, Option<FunctionName>>,
    client: ServiceClient<Client>,
}

/// What is asked of a function.
#[derive(Clone, Debug, Default)]
pub(crate) struct Invocation {
    pub(crate) client_context: Option<String>,
    pub(crate) invocation_type: Option<String>,
    pub(crate) log_type: Option<String>,
    /// The request's body: a `Payload` that is a string goes as it is, and so has to be JSON text itself.
    pub(crate) payload: Option<String>,
}

/// What a function answered.
#[derive(Debug)]
pub(crate) struct Invoked {
    output: InvokeOutput,
    http: HttpMetadata,
}

impl AwsFunctions {
    /// The functions of `bound`: a name in definitions, and the function's own name where that is another.
    pub fn new(aws: Aws, bound: BTreeMap<String, Option<FunctionName>>) -> Self {
        Self { bound, client: ServiceClient::new(aws, AwsService::Lambda, Client::new) }
    }

    /// The names in definitions, each with what Lambda calls it.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&String, String)> {
        let called = |(name, called): (&String, &Option<FunctionName>)| {
            called.as_ref().map_or_else(|| name.clone(), identifier)
        };
        self.bound.iter().map(move |bound| (bound.0, called(bound)))
    }

    /// What Lambda calls a function; none when it is not Lambda's. A qualifier of the definition is taken
    /// before one of the binding.
    pub(crate) fn called(&self, function: &FunctionName) -> Option<FunctionName> {
        let called = self.bound.get(&function.name)?.clone().unwrap_or_else(|| function.clone());
        let qualifier = function.qualifier.clone().or(called.qualifier);
        Some(FunctionName { qualifier, ..called })
    }

    /// Calls a function, for `task`. The function's own error is the task's.
    pub(crate) async fn invoke(
        &self,
        function: &FunctionName,
        invocation: Invocation,
        task: &Task,
    ) -> Result<Invoked, StatesError> {
        let client = self.client.get(&LAMBDA).await?;
        let http = HttpAnswer::default();
        let payload = invocation.payload.map(Blob::new);
        let request = client
            .invoke()
            .function_name(identifier(function))
            .set_qualifier(function.qualifier.clone())
            .set_client_context(invocation.client_context)
            .set_invocation_type(invocation.invocation_type.as_deref().map(Into::into))
            .set_log_type(invocation.log_type.as_deref().map(Into::into))
            .set_payload(payload);
        let mut request = request.customize().interceptor(http.clone());
        if let Some(trace) = task.trace.clone() {
            request = request.mutate_request(move |request| {
                request.headers_mut().insert("X-Amzn-Trace-Id", trace.clone());
            });
        }
        let output = request.send().await.map_err(|error| LAMBDA.told(&error))?;
        if output.function_error.is_some() {
            return Err(function_error(&output));
        }
        Ok(Invoked { output, http: http.take().unwrap_or_default() })
    }
}

/// A function as Invoke takes it, without its qualifier.
fn identifier(function: &FunctionName) -> String {
    let FunctionName { partition, region, account, name, .. } = function;
    match (partition, region, account) {
        (Some(partition), Some(region), Some(account)) => {
            format!("arn:{partition}:lambda:{region}:{account}:function:{name}")
        }
        (_, _, Some(account)) => format!("{account}:function:{name}"),
        _ => name.clone(),
    }
}

/// The error that a function failed with: its `errorType`, and all that it says as the cause.
fn function_error(output: &InvokeOutput) -> StatesError {
    let cause = text(output);
    let error = serde_json::from_str::<Value>(&cause).ok();
    let error = error.as_ref().and_then(|error| error.get("errorType")?.as_str());
    StatesError::new(error.filter(|name| !name.is_empty()).unwrap_or("Lambda.Unknown"), cause)
}

fn text(output: &InvokeOutput) -> String {
    let payload = output.payload.as_ref().map(Blob::as_ref).unwrap_or_default();
    String::from_utf8_lossy(payload).into_owned()
}

impl Invoked {
    /// What the function returned: its JSON, or else its text.
    pub(crate) fn payload(&self) -> Payload {
        let text = text(&self.output);
        Payload::parse(text.as_str()).unwrap_or_else(|_| json!(text).into())
    }

    /// What Lambda's Invoke answers, with the payload parsed, in AWS's order.
    pub(crate) fn envelope(&self) -> Value {
        let output = &self.output;
        let mut answer = Map::new();
        let mut add = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| answer.insert(name.to_owned(), json!(value)));
        };
        add("ExecutedVersion", &output.executed_version);
        add("LogResult", &output.log_result);
        answer.insert("Payload".to_owned(), self.payload().value().clone());
        sdk::add_metadata(&mut answer, &self.http, output.request_id().unwrap_or_default());
        answer.insert("StatusCode".to_owned(), json!(output.status_code));
        answer.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_its_own_name_on_aws() {
        let bound = [("Pay", None), ("Ship", Some("123456789012:function:ship:live"))];
        let bound = bound.map(|(name, called)| {
            (name.to_owned(), called.map(|called| called.parse::<FunctionName>().unwrap()))
        });
        let functions = AwsFunctions::new(Aws::default(), bound.into());
        let called = |text: &str| {
            let called = functions.called(&text.parse().unwrap())?;
            Some((identifier(&called), called.qualifier))
        };
        let some = |name: &str, qualifier: Option<&str>| {
            Some((name.to_owned(), qualifier.map(str::to_owned)))
        };
        assert_eq!(called("Pay"), some("Pay", None));
        assert_eq!(called("Pay:2"), some("Pay", Some("2")));
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:Pay";
        assert_eq!(called(arn), some(arn, None));
        assert_eq!(called("Ship"), some("123456789012:function:ship", Some("live")));
        assert_eq!(called("Ship:3"), some("123456789012:function:ship", Some("3")));
        assert_eq!(called("Other"), None);
        let names: Vec<_> =
            functions.names().map(|(name, called)| format!("{name} {called}")).collect();
        assert_eq!(names, ["Pay Pay", "Ship 123456789012:function:ship"]);
    }

    #[test]
    fn a_function_error_is_named_by_its_type() {
        for (payload, name) in [
            (r#"{"errorMessage":"none left","errorType":"OutOfStock"}"#, "OutOfStock"),
            (r#"{"errorMessage":"killed"}"#, "Lambda.Unknown"),
            (r#"{"errorType":""}"#, "Lambda.Unknown"),
            ("not JSON", "Lambda.Unknown"),
            ("", "Lambda.Unknown"),
        ] {
            let output = InvokeOutput::builder().payload(Blob::new(payload)).build();
            let error = function_error(&output);
            assert_eq!((error.name(), error.cause.as_deref()), (name, Some(payload)));
        }
    }
}
