//! The parameters that service integrations take, where Step Functions' list is known: it refuses any
//! other, and a definition without a required one, before anything runs.

use serde_json::{Map, Value};

use crate::{
    Diagnostic, Location, Resource, ResourceKind, StateMachine, TaskState, fields::problem,
    findings::Findings,
};

/// The parameters of an integration ("Integrating optimized services", API by API).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Those that have to be there.
    pub required: &'static [&'static str],
    /// Those that may be.
    pub optional: &'static [&'static str],
}

impl Parameters {
    /// Whether the integration takes one of this name.
    pub fn has(&self, name: &str) -> bool {
        self.required.contains(&name) || self.optional.contains(&name)
    }
}

/// Service, action, required parameters, others.
type Row = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const PARAMETERS: &[Row] = &[
    ("aws-sdk:dynamodb", "deleteItem", &["Key", "TableName"], SDK_CONDITIONAL_WRITE),
    ("aws-sdk:dynamodb", "getItem", &["Key", "TableName"], GET_ITEM),
    ("aws-sdk:dynamodb", "putItem", &["Item", "TableName"], SDK_CONDITIONAL_WRITE),
    ("aws-sdk:dynamodb", "updateItem", &["Key", "TableName"], SDK_UPDATE_ITEM),
    ("aws-sdk:sfn", "startExecution", &["StateMachineArn"], &["Input", "Name", "TraceHeader"]),
    ("dynamodb", "deleteItem", &["Key", "TableName"], CONDITIONAL_WRITE),
    ("dynamodb", "getItem", &["Key", "TableName"], GET_ITEM),
    ("dynamodb", "putItem", &["Item", "TableName"], CONDITIONAL_WRITE),
    ("dynamodb", "updateItem", &["Key", "TableName"], UPDATE_ITEM),
    ("events", "putEvents", &["Entries"], &[]),
    (
        "http",
        "invoke",
        &["ApiEndpoint", "Method"],
        &[
            "Authentication",
            "Headers",
            "InvocationConfig",
            "QueryParameters",
            "RequestBody",
            "Transform",
        ],
    ),
    (
        "lambda",
        "invoke",
        &["FunctionName"],
        &["ClientContext", "InvocationType", "LogType", "Payload", "Qualifier"],
    ),
    (
        "sns",
        "publish",
        &["Message"],
        &[
            "MessageAttributes",
            "MessageDeduplicationId",
            "MessageGroupId",
            "MessageStructure",
            "PhoneNumber",
            "Subject",
            "TargetArn",
            "TopicArn",
        ],
    ),
    (
        "sqs",
        "sendMessage",
        &["MessageBody", "QueueUrl"],
        &["DelaySeconds", "MessageAttributes", "MessageDeduplicationId", "MessageGroupId"],
    ),
    ("states", "startExecution", &["StateMachineArn"], &["Input", "Name", "TraceHeader"]),
];

const GET_ITEM: &[&str] = &[
    "AttributesToGet",
    "ConsistentRead",
    "ExpressionAttributeNames",
    "ProjectionExpression",
    "ReturnConsumedCapacity",
];

const UPDATE_ITEM: &[&str] = &[
    "AttributeUpdates",
    "ConditionExpression",
    "ConditionalOperator",
    "Expected",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnConsumedCapacity",
    "ReturnItemCollectionMetrics",
    "ReturnValues",
    "UpdateExpression",
];

/// By an AWS SDK one more may be named: it shapes what an error has, of which a task shows the message alone.
const SDK_UPDATE_ITEM: &[&str] = &[
    "AttributeUpdates",
    "ConditionExpression",
    "ConditionalOperator",
    "Expected",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnConsumedCapacity",
    "ReturnItemCollectionMetrics",
    "ReturnValues",
    "ReturnValuesOnConditionCheckFailure",
    "UpdateExpression",
];

/// What DynamoDB takes besides with a whole item, or none.
const CONDITIONAL_WRITE: &[&str] = &[
    "ConditionExpression",
    "ConditionalOperator",
    "Expected",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnConsumedCapacity",
    "ReturnItemCollectionMetrics",
    "ReturnValues",
];

/// The same by an AWS SDK.
const SDK_CONDITIONAL_WRITE: &[&str] = &[
    "ConditionExpression",
    "ConditionalOperator",
    "Expected",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnConsumedCapacity",
    "ReturnItemCollectionMetrics",
    "ReturnValues",
    "ReturnValuesOnConditionCheckFailure",
];

impl Resource {
    /// The parameters that its tasks take, where their list is known.
    pub fn parameters(&self) -> Option<Parameters> {
        let ResourceKind::Service { service, action, .. } = self.kind() else { return None };
        let mut rows = PARAMETERS.iter();
        let (_, _, required, optional) = *rows.find(|(a, b, ..)| a == service && b == action)?;
        Some(Parameters { required, optional })
    }
}

/// The headers that an HTTP task does not set ("Call HTTPS APIs in Step Functions workflows").
const RESERVED_HEADERS: [&str; 32] = [
    "a-im",
    "accept-charset",
    "accept-datetime",
    "accept-encoding",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-md5",
    "date",
    "expect",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-authorization",
    "referer",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "warning",
];

/// Whether a header is none that an HTTP task sets.
pub fn is_reserved_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let families = ["x-forwarded-", "x-amz-", "x-amzn-"];
    RESERVED_HEADERS.contains(&name.as_str())
        || families.iter().any(|family| name.starts_with(family))
}

/// What is wrong with the parameters that a definition spells out. Where a state has none its input is
/// taken for them, and they are checked when it runs.
pub(crate) fn check(machine: &StateMachine) -> Findings {
    machine.tasks().iter().flat_map(check_task).collect()
}

fn check_task(task: &TaskState<'_>) -> Findings {
    let written = task.parameters.and_then(Value::as_object);
    let (Some(written), Some(known)) = (written, task.resource.parameters()) else {
        return Findings::default();
    };
    let at = task.location.field(task.parameters_field);
    let names = || written.keys().map(|key| key.strip_suffix(".$").unwrap_or(key));
    let unknown = names().filter(|name| !known.has(name)).map(|name| unsupported(name, known, &at));
    let missing = known.required.iter().filter(|required| !names().any(|it| it == **required));
    let headers = reserved_headers(task, written, &at);
    unknown.chain(missing.map(|name| absent(name, written, &at))).chain(headers).collect()
}

fn reserved_headers(
    task: &TaskState<'_>,
    written: &Map<String, Value>,
    at: &Location,
) -> Option<Diagnostic> {
    let ResourceKind::Service { service, .. } = task.resource.kind() else { return None };
    let headers = written.get("Headers").filter(|_| service == "http")?.as_object()?;
    let names = headers.keys().map(|key| key.strip_suffix(".$").unwrap_or(key));
    let reserved: Vec<_> = names.filter(|name| is_reserved_header(name)).collect();
    let names =
        reserved.iter().map(|name| name.to_ascii_lowercase()).collect::<Vec<_>>().join(", ");
    let message = format!("The 'Headers' field contains unsupported values: [{names}]");
    let mend = "leave them out; what authorizes the request is the connection's";
    (!reserved.is_empty()).then(|| problem(message, at.clone(), mend))
}

fn unsupported(name: &str, known: Parameters, at: &Location) -> Diagnostic {
    let takes = [known.required, known.optional].concat().join(", ");
    let message = format!("The field \"{name}\" is not supported by Step Functions");
    problem(message, at.clone(), format!("it takes {takes}"))
}

fn absent(name: &str, written: &Map<String, Value>, at: &Location) -> Diagnostic {
    let message = format!("The field '{name}' is required but was missing");
    let mend = match written.is_empty() {
        true => format!("add {name}, or leave Parameters out to take the state's input for them"),
        false => format!("add {name}"),
    };
    problem(message, at.clone(), mend)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(resource: &str, parameters: &Value) -> Vec<String> {
        let resource = format!("arn:aws:states:::{resource}");
        let state =
            json!({"Type": "Task", "Resource": resource, "Parameters": parameters, "End": true});
        let definition = json!({"StartAt": "A", "States": {"A": state}});
        let problems = StateMachine::parse(&definition.to_string()).err().unwrap_or_default();
        problems.iter().map(|it| format!("{} at {}", it.message, it.location)).collect()
    }

    #[test]
    fn parameters_that_an_integration_does_not_take_are_refused() {
        for (resource, parameters, expected) in [
            ("sqs:sendMessage", json!({"QueueUrl": "q", "MessageBody.$": "$"}), vec![]),
            (
                "sqs:sendMessage.waitForTaskToken",
                json!({"QueueUrl": "q", "MessageBody": "b", "MessageSystemAttributes": {}}),
                vec![
                    "The field \"MessageSystemAttributes\" is not supported by Step Functions at /States/A/Parameters",
                ],
            ),
            (
                "dynamodb:getItem",
                json!({"Key": {}, "Item.$": "$.item"}),
                vec![
                    "The field \"Item\" is not supported by Step Functions at /States/A/Parameters",
                    "The field 'TableName' is required but was missing at /States/A/Parameters",
                ],
            ),
            (
                "events:putEvents",
                json!({}),
                vec!["The field 'Entries' is required but was missing at /States/A/Parameters"],
            ),
            (
                "http:invoke",
                json!({"ApiEndpoint": "https://h", "Method": "GET",
                    "Headers": {"Authorization.$": "$.a", "Accept": "b", "X-Amz-Date": "c"}}),
                vec![
                    "The 'Headers' field contains unsupported values: [authorization, x-amz-date] at /States/A/Parameters",
                ],
            ),
            ("aws-sdk:dynamodb:query", json!({"Anything": 1}), vec![]),
            (
                "aws-sdk:dynamodb:putItem",
                json!({"TableName": "t", "Item": {}, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}),
                vec![],
            ),
            (
                "aws-sdk:dynamodb:getItem",
                json!({"TableName": "t"}),
                vec!["The field 'Key' is required but was missing at /States/A/Parameters"],
            ),
        ] {
            assert_eq!(found(resource, &parameters), expected, "{resource} {parameters}");
        }
    }

    #[test]
    fn a_definition_that_was_accepted_before_is_still_read() {
        let state = json!({"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {"Nmae": 1}, "End": true});
        let definition = json!({"StartAt": "A", "States": {"A": state}}).to_string();
        assert!(StateMachine::parse(&definition).is_err());
        assert!(StateMachine::recall(&definition).is_ok());
    }
}
