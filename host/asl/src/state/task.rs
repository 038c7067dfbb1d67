//! Task: one unit of work, done by whatever claims its `Resource`.

use serde_json::Value;

use super::{
    Context, Exit, Progress, StateType,
    flow::{Filter, Number, ResultFlow, fill, shown, whole, whole_number},
};
use crate::{
    EvaluationError, Pattern, Payload, Resource, ResourceKind, StatesError,
    fields::{Fields, NUMBER_MAX, problem},
    payload::{
        path::ReferencePath,
        query::{Moment, QueryLanguage, marked},
        template::Template,
    },
    retry::{Catcher, Retrier},
};

/// A Task state.
#[derive(Debug)]
pub(crate) struct Task {
    /// None only in a definition that is refused.
    resource: Option<Resource>,
    language: QueryLanguage,
    input_path: Filter,
    /// In JSONata called `Arguments`.
    parameters: Option<Template>,
    /// `Parameters` as the definition has them; `Arguments` as they would stand there.
    literal_parameters: Option<Value>,
    credentials: Option<Template>,
    /// `Credentials` as the definition has them.
    literal_credentials: Option<Value>,
    timeout: Option<Number>,
    heartbeat: Option<Number>,
    result: ResultFlow,
    retry: Vec<Retrier>,
    catch: Vec<Catcher>,
}

/// The work of one attempt.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) resource: Resource,
    pub(crate) input: Payload,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) heartbeat_seconds: Option<u64>,
    /// The role that `Credentials` name.
    pub(crate) role: Option<String>,
}

impl Task {
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        let task = Self {
            resource: read_resource(fields),
            language: fields.language(),
            input_path: Filter::read(fields, "InputPath"),
            parameters: read_parameters(fields),
            literal_parameters: as_written(fields, "Parameters", "Arguments"),
            credentials: read_credentials(fields),
            literal_credentials: as_written(fields, "Credentials", "Credentials"),
            timeout: Number::read(fields, "TimeoutSeconds", "TimeoutSecondsPath", 1..=NUMBER_MAX),
            heartbeat: Number::read(
                fields,
                "HeartbeatSeconds",
                "HeartbeatSecondsPath",
                1..=NUMBER_MAX,
            ),
            result: ResultFlow::read(fields),
            retry: Retrier::read_all(fields),
            catch: Catcher::read_all(fields),
        };
        task.check_heartbeat(fields);
        task
    }

    pub(crate) fn resource(&self) -> Option<&Resource> {
        self.resource.as_ref()
    }

    /// The field that has the parameters.
    pub(crate) fn parameters_field(&self) -> &'static str {
        match self.language {
            QueryLanguage::JsonPath => "Parameters",
            QueryLanguage::Jsonata => "Arguments",
        }
    }

    pub(crate) fn literal_parameters(&self) -> Option<&Value> {
        self.literal_parameters.as_ref()
    }

    pub(crate) fn literal_credentials(&self) -> Option<&Value> {
        self.literal_credentials.as_ref()
    }

    fn check_heartbeat(&self, fields: &mut Fields<'_>) {
        const NAME: &str = "HeartbeatSeconds";
        let (Some(Number::Literal(timeout)), Some(Number::Literal(heartbeat))) =
            (&self.timeout, &self.heartbeat)
        else {
            return;
        };
        if heartbeat >= timeout {
            let mend = format!("use a number below {timeout}, the state's TimeoutSeconds");
            fields.wrong(NAME, "HeartbeatSeconds must be smaller than TimeoutSeconds", mend);
        }
    }
}

/// `Parameters`, in JSONata `Arguments`.
pub(super) fn read_parameters(fields: &mut Fields<'_>) -> Option<Template> {
    let parameters = fields.template("Parameters", Moment::Entering);
    parameters.or(fields.template("Arguments", Moment::Entering))
}

/// A field as the definition has it. What an expression gives has `.$` after its name, as in JSONPath.
fn as_written(fields: &Fields<'_>, jsonpath: &str, jsonata: &str) -> Option<Value> {
    if fields.language() == QueryLanguage::JsonPath {
        return fields.object().get(jsonpath).cloned();
    }
    let is_computed = |value: &Value| value.as_str().and_then(marked).is_some();
    match fields.object().get(jsonata)? {
        Value::Object(members) => {
            let named = members.iter().map(|(name, value)| {
                let name = if is_computed(value) { format!("{name}.$") } else { name.clone() };
                (name, value.clone())
            });
            Some(named.collect())
        }
        arguments => Some(arguments.clone()).filter(|it| !is_computed(it)),
    }
}

fn read_resource(fields: &mut Fields<'_>) -> Option<Resource> {
    const NAME: &str = "Resource";
    let text = fields.required_string(NAME)?;
    let mend = "name a Lambda function, an activity, or a service integration such as \
                arn:aws:states:::lambda:invoke or arn:aws:states:::aws-sdk:dynamodb:query";
    let Ok(resource) = text.parse::<Resource>() else {
        fields.wrong(NAME, "Value is not a valid resource ARN", mend);
        return None;
    };
    if !resource.is_known() {
        let message = format!(
            "The resource provided {text} is not recognized. The value is not a valid resource \
             ARN, or the resource is not available in this region."
        );
        fields.wrong(NAME, message, mend);
    }
    Some(resource)
}

fn read_credentials(fields: &mut Fields<'_>) -> Option<Template> {
    const NAME: &str = "Credentials";
    let role = fields.value(NAME)?;
    if role.get("RoleArn").or(role.get("RoleArn.$")).is_none() {
        let at = fields.at().field(NAME);
        let message = "The field 'RoleArn' is required but was missing";
        fields.found().push(problem(message, at, "name the role in `RoleArn`"));
        return None;
    }
    fields.template(NAME, Moment::Entering)
}

impl StateType for Task {
    fn enter(&self, cx: &Context<'_>) -> Result<Progress, EvaluationError> {
        let input = self.input_path.apply(cx, cx.input)?;
        cx.inspect(|it| it.after_input_path = Some(input.clone()));
        let limit = |number: &Option<Number>, name| {
            number.as_ref().map(|number| seconds(number, name, cx, &input)).transpose()
        };
        let timeout_seconds = limit(&self.timeout, "TimeoutSecondsPath")?;
        let heartbeat_seconds = limit(&self.heartbeat, "HeartbeatSecondsPath")?;
        let role = self.role(cx, &input)?;
        let input = fill(self.parameters.as_ref(), cx, input)?;
        cx.inspect(|it| {
            it.after_parameters = Some(input.clone());
            it.after_arguments = Some(input.clone());
        });
        let resource = self.resource.clone().expect("a definition that parses names a resource");
        let order = Order { resource, input, timeout_seconds, heartbeat_seconds, role };
        Ok(Progress::Task(Box::new(order)))
    }

    fn leave(&self, cx: &Context<'_>, result: Payload) -> Result<Exit, EvaluationError> {
        self.result.apply(cx, result)
    }

    fn retriers(&self) -> &[Retrier] {
        &self.retry
    }

    fn catchers(&self) -> &[Catcher] {
        &self.catch
    }

    fn shows_token(&self) -> bool {
        let resource = self.resource.as_ref();
        resource.is_some_and(|resource| match resource.kind() {
            ResourceKind::Service { pattern, .. } => *pattern != Pattern::RequestResponse,
            ResourceKind::Function { .. } | ResourceKind::Activity | ResourceKind::MapRun => false,
        })
    }
}

impl Task {
    fn role(&self, cx: &Context<'_>, input: &Payload) -> Result<Option<String>, EvaluationError> {
        let Some(credentials) = &self.credentials else { return Ok(None) };
        let credentials = credentials.evaluate(&cx.scope(input.value()))?;
        let role = credentials.get("RoleArn").and_then(Value::as_str).map(str::to_owned);
        role.map(Some).ok_or_else(|| {
            let cause = "The field 'RoleArn' of the state's Credentials is not a string.";
            StatesError::runtime(cause).into()
        })
    }
}

/// `TimeoutSeconds` or `HeartbeatSeconds`: at least one second, wherever it comes from.
fn seconds(
    number: &Number,
    name: &str,
    cx: &Context<'_>,
    input: &Payload,
) -> Result<u64, EvaluationError> {
    let scope = cx.scope(input.value());
    let in_range = |seconds: i64| {
        let seconds = u64::try_from(seconds).ok();
        seconds.filter(|seconds| (1..=NUMBER_MAX).contains(seconds))
    };
    let path = match number {
        Number::Literal(seconds) => return Ok(*seconds),
        Number::Path(path) => path,
        Number::Query(query) => {
            let seconds = whole_number(query, &scope)?;
            return in_range(seconds).ok_or_else(|| {
                let name = name.trim_end_matches("Path");
                query.refuse(format!(
                    "{name} must be a whole number from 1 to {NUMBER_MAX}, but was {seconds}."
                ))
            });
        }
    };
    let value = path.apply(&scope)?;
    let seconds = whole(&value).and_then(in_range);
    Ok(seconds.ok_or_else(|| refuse_seconds(name, path, &value))?)
}

fn refuse_seconds(name: &str, path: &ReferencePath, value: &Value) -> StatesError {
    let (path, text) = (path.text(), shown(value));
    StatesError::runtime(format!(
        "The {name} parameter must reference a whole number from 1 to {NUMBER_MAX}: {path} == {text}"
    ))
}

#[cfg(test)]
mod tests {
    use crate::state::testing::check;
    use serde_json::json;

    #[test]
    fn its_fields_are_checked() {
        check(
            &json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
                "TimeoutSeconds": 9, "HeartbeatSeconds": 8, "Credentials": {"RoleArn.$": "$.role"}}),
            &[
                (
                    json!({"Resource": "REMOVED"}),
                    &["These fields are required: [Resource] at /States/A"],
                ),
                (
                    json!({"Resource": "lambda"}),
                    &["Value is not a valid resource ARN at /States/A/Resource"],
                ),
                (
                    json!({"Resource": "arn:aws:states:::dynamodb:query"}),
                    &[
                        "The resource provided arn:aws:states:::dynamodb:query is not recognized. The value is not a valid resource ARN, or the resource is not available in this region. at /States/A/Resource",
                    ],
                ),
                (json!({"TimeoutSeconds": 0}), &["Minimum value is 1 at /States/A/TimeoutSeconds"]),
                (
                    json!({"TimeoutSecondsPath": "$.t"}),
                    &[
                        "There should only be one of the following fields: [TimeoutSeconds, TimeoutSecondsPath] at /States/A",
                    ],
                ),
                (
                    json!({"HeartbeatSeconds": 9}),
                    &[
                        "HeartbeatSeconds must be smaller than TimeoutSeconds at /States/A/HeartbeatSeconds",
                    ],
                ),
                (
                    json!({"Credentials": {}}),
                    &["The field 'RoleArn' is required but was missing at /States/A/Credentials"],
                ),
                (
                    json!({"Retry": [{"ErrorEquals": []}]}),
                    &["Value cannot be empty at /States/A/Retry[0]/ErrorEquals"],
                ),
                (
                    json!({"Retry": [{"ErrorEquals": ["States.ALL", "E"]}]}),
                    &[
                        "States.ALL must be alone in its ErrorEquals, and in the last element at /States/A/Retry[0]/ErrorEquals",
                    ],
                ),
                (
                    json!({"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "A"}, {"ErrorEquals": ["E"], "Next": "A"}]}),
                    &[
                        "States.ALL must be alone in its ErrorEquals, and in the last element at /States/A/Catch[0]/ErrorEquals",
                    ],
                ),
                (
                    json!({"Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 0, "BackoffRate": 0.5,
                        "MaxDelaySeconds": 31_622_401, "JitterStrategy": "SOME"}]}),
                    &[
                        "Minimum value is 1 at /States/A/Retry[0]/IntervalSeconds",
                        "Minimum value is 1.0 at /States/A/Retry[0]/BackoffRate",
                        "Maximum value is 31622400 at /States/A/Retry[0]/MaxDelaySeconds",
                        "The field 'JitterStrategy' should have one of these values: [FULL, NONE] at /States/A/Retry[0]/JitterStrategy",
                    ],
                ),
                (
                    json!({"Catch": [{"Next": "A", "Output": 1}]}),
                    &[
                        "These fields are required: [ErrorEquals] at /States/A/Catch[0]",
                        "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for \
                       the 'JSONata' QueryLanguage at /States/A/Catch[0]",
                    ],
                ),
                (
                    json!({"Arguments": {}}),
                    &[
                        "The QueryLanguage is set to 'JSONPath', but field 'Arguments' is only supported for \
                       the 'JSONata' QueryLanguage at /States/A",
                    ],
                ),
                (
                    json!({"Assign": [1], "Catch": [{"ErrorEquals": ["E"], "Next": "A", "Assign": {"1": 1}}]}),
                    &[
                        "Expected value of type [OBJECT] at /States/A/Assign",
                        "The variable name '1' is not valid at /States/A/Catch[0]/Assign",
                    ],
                ),
            ],
        );
    }
}
