//! Functions of plain Rust, called as tasks call them.

use std::collections::BTreeMap;

use stepyard_engine::Answer;

use super::*;
use crate::{aws::Aws, task};

const INVOKE: &str = "arn:aws:states:::lambda:invoke";
const REQUEST_ID: &str = "Request ID: ";

/// `Echo` returns its event, `Fail` fails as a step does, `Busy` and `Broken` as a runtime does.
struct Table;

fn latest() -> FunctionVersion {
    FunctionVersion::new("$LATEST".into(), "5eed".into())
}

impl Functions for Table {
    fn resolve(&self, name: &str, qualifier: Option<&str>) -> Option<FunctionVersion> {
        let known = self.names().iter().any(|known| known == name);
        let number = qualifier.filter(|it| *it != "$LATEST");
        match number {
            None => known.then(latest),
            Some("1") => known.then(|| FunctionVersion::new("1".into(), "5eed".into())),
            Some(_) => None,
        }
    }

    fn names(&self) -> Vec<String> {
        ["Broken", "Busy", "Echo", "Fail", "Nameless"].map(str::to_owned).to_vec()
    }

    fn invoke(&self, call: FunctionCall) -> BoxFuture<'_, Result<FunctionReply, FunctionError>> {
        let version = self.resolve(&call.name, call.qualifier.as_deref());
        let outcome =
            version.ok_or(FunctionError::NotFound).and_then(|version| match call.name.as_str() {
                "Busy" => Err(FunctionError::TooManyRequests("Rate Exceeded.".to_owned())),
                "Broken" => Err(FunctionError::Service("no instance could be made".to_owned())),
                "Fail" => {
                    let cause = r#"{"errorMessage":"none left","errorType":"OutOfStock"}"#;
                    let error = StatesError::new("OutOfStock", cause);
                    Err(FunctionError::Function { error, version })
                }
                "Nameless" => {
                    let error = StatesError { error: None, cause: Some("{}".to_owned()) };
                    Err(FunctionError::Function { error, version })
                }
                _ => Ok(FunctionReply { payload: call.payload, version }),
            });
        Box::pin(async { outcome })
    }
}

fn lambda() -> Lambda {
    let none_on_aws = AwsFunctions::new(Aws::default(), BTreeMap::new());
    Lambda::new(Identity::default(), Arc::new(Table), none_on_aws)
}

/// The task's answer as text, or its error as `name: cause`, its request id left out.
async fn run(task: Task) -> (String, Option<Arc<str>>) {
    let request_id = sdk::request_id(&task);
    let Outcome { result, version } = lambda().run(task).await;
    let text = match result {
        Ok(Answer::Done(payload)) => payload.text().to_owned(),
        Ok(Answer::Submitted(payload)) => format!("submitted {payload}"),
        Err(error) => format!("{}: {}", error.name(), error.cause.as_deref().unwrap_or_default()),
    };
    (text.replace(&request_id, "<id>"), version)
}

async fn check(input: &str, expected: &str) {
    let (text, _) = run(task(INVOKE, input)).await;
    assert_eq!(text, expected, "{input}");
}

#[test]
fn it_claims_request_response_and_function_arns() {
    let cases = [
        (INVOKE, true),
        ("arn:aws:lambda:us-east-1:123456789012:function:Echo", true),
        ("arn:aws:lambda:us-east-1:123456789012:function:Echo:live", true),
        ("arn:aws:states:::lambda:invoke.waitForTaskToken", true),
        ("arn:aws:states:::lambda:invoke.sync", false),
        ("arn:aws:states:::lambda:invoke.sync", false),
        ("arn:aws:states:::lambda:other", false),
        ("arn:aws:states:::aws-sdk:lambda:invoke", false),
        ("arn:aws:states:::sns:publish", false),
        ("arn:aws:states:us-east-1:123456789012:activity:Echo", false),
    ];
    for (resource, expected) in cases {
        assert_eq!(lambda().claims(&resource.parse().unwrap()), expected, "{resource}");
    }
}

#[test]
fn it_shows_what_it_can_call() {
    let shown = lambda().resources();
    assert_eq!(shown.len(), 5);
    let echo = ResourceInfo { name: "Echo".to_owned(), detail: "$LATEST@sha256:5eed".to_owned() };
    assert!(shown.contains(&echo), "{shown:?}");
}

#[tokio::test]
async fn an_invocation_answers_lambdas_envelope() {
    let input = r#"{"FunctionName":"Echo","Payload":{"b":1.0,"a":[]}}"#;
    let (text, version) = run(task(INVOKE, input)).await;
    assert_eq!(
        text,
        concat!(
            r#"{"ExecutedVersion":"$LATEST","Payload":{"b":1.0,"a":[]},"SdkHttpMetadata":{"#,
            r#""AllHttpHeaders":{"X-Amz-Executed-Version":["$LATEST"],"x-amzn-RequestId":["<id>"],"#,
            r#""Content-Length":["16"],"Content-Type":["application/json"]},"#,
            r#""HttpHeaders":{"Content-Length":"16","Content-Type":"application/json","#,
            r#""X-Amz-Executed-Version":"$LATEST","x-amzn-RequestId":"<id>"},"HttpStatusCode":200},"#,
            r#""SdkResponseMetadata":{"RequestId":"<id>"},"StatusCode":200}"#
        )
    );
    assert_eq!(version.as_deref(), Some("$LATEST@sha256:5eed"));
}

async fn envelope_of(input: &str) -> Value {
    let (text, _) = run(task(INVOKE, input)).await;
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{input}: {text}"))
}

#[tokio::test]
async fn a_payload_of_any_kind_reaches_the_function() {
    let cases = [
        (r#"{"FunctionName":"Echo","Payload":"\"text\""}"#, json!("text")),
        (r#"{"FunctionName":"Echo","Payload":"true"}"#, json!(true)),
        (r#"{"FunctionName":"Echo","Payload":" {\"a\": 1} "}"#, json!({ "a": 1 })),
        (r#"{"FunctionName":"Echo","Payload":""}"#, json!({})),
        (r#"{"FunctionName":"Echo","Payload":0.0}"#, json!(0.0)),
        (r#"{"FunctionName":"Echo","Payload":false}"#, json!(false)),
        (r#"{"FunctionName":"Echo","Payload":[]}"#, json!([])),
        (r#"{"FunctionName":"Echo","Payload":null}"#, json!({})),
        (r#"{"FunctionName":"Echo"}"#, json!({})),
    ];
    for (input, expected) in cases {
        assert_eq!(envelope_of(input).await["Payload"], expected, "{input}");
    }
}

#[tokio::test]
async fn a_payload_that_is_a_string_has_to_be_json_text() {
    let (text, _) = run(task(INVOKE, r#"{"FunctionName":"Echo","Payload":"some text"}"#)).await;
    assert_eq!(
        text,
        "Lambda.InvalidRequestContentException: Could not parse request body into json: Could not \
         parse payload into json: Unrecognized token 'some': was expecting (JSON String, Number, \
         Array, Object or token 'null', 'true' or 'false') (Service: AWSLambda; Status Code: 400; \
         Error Code: InvalidRequestContentException; Request ID: <id>; Proxy: null)"
    );
}

#[tokio::test]
async fn a_qualifier_chooses_the_version() {
    for input in [
        r#"{"FunctionName":"Echo","Qualifier":"1"}"#,
        r#"{"FunctionName":"Echo:1"}"#,
        r#"{"FunctionName":"Echo:1","Qualifier":"1"}"#,
        r#"{"FunctionName":"arn:aws:lambda:eu-west-1:210987654321:function:Echo:1"}"#,
    ] {
        assert_eq!(envelope_of(input).await["ExecutedVersion"], "1", "{input}");
    }
    check(
        r#"{"FunctionName":"Echo:1","Qualifier":"2"}"#,
        "Lambda.InvalidParameterValueException: The derived qualifier from the function name does \
         not match the specified qualifier. (Service: AWSLambda; Status Code: 400; Error Code: \
         InvalidParameterValueException; Request ID: <id>; Proxy: null)",
    )
    .await;
}

#[tokio::test]
async fn the_log_is_given_only_when_asked_for() {
    let quiet = envelope_of(r#"{"FunctionName":"Echo","LogType":"None"}"#).await;
    assert_eq!(quiet.get("LogResult"), None);
    let told = envelope_of(r#"{"FunctionName":"Echo","LogType":"Tail"}"#).await;
    let keys: Vec<_> = told.as_object().unwrap().keys().take(3).collect();
    assert_eq!(keys, ["ExecutedVersion", "LogResult", "Payload"]);
    let log = BASE64_STANDARD.decode(told["LogResult"].as_str().unwrap()).unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(
        log.starts_with("START RequestId: ") && log.contains(" Version: $LATEST\nEND "),
        "{log}"
    );
}

#[tokio::test]
async fn a_dry_run_calls_nothing() {
    let answer = envelope_of(r#"{"FunctionName":"Fail","InvocationType":"DryRun"}"#).await;
    assert_eq!(answer["StatusCode"], 204);
    let (text, _) =
        run(task(INVOKE, r#"{"FunctionName":"Missing","InvocationType":"DryRun"}"#)).await;
    assert!(text.starts_with("Lambda.ResourceNotFoundException: "), "{text}");
}

#[tokio::test]
async fn a_functions_failure_is_the_tasks() {
    let failure =
        r#"OutOfStock: {"errorMessage":"none left","errorType":"OutOfStock","requestId":"<id>"}"#;
    check(r#"{"FunctionName":"Fail"}"#, failure).await;
    check(r#"{"FunctionName":"Nameless"}"#, "Lambda.Unknown: {}").await;
    let direct = task("arn:aws:lambda:us-east-1:123456789012:function:Fail", "{}");
    assert_eq!(run(direct).await, (failure.to_owned(), Some("$LATEST@sha256:5eed".into())));
}

#[tokio::test]
async fn lambdas_own_failures_have_its_names_and_causes() {
    let suffix = |status: u16, code: &str| {
        format!(
            " (Service: AWSLambda; Status Code: {status}; Error Code: {code}; {REQUEST_ID}<id>; Proxy: null)"
        )
    };
    let not_found = |arn: &str| {
        let suffix = suffix(404, "ResourceNotFoundException");
        format!("Lambda.ResourceNotFoundException: Function not found: {arn}{suffix}")
    };
    let missing = "arn:aws:lambda:us-east-1:123456789012:function:Missing";
    let elsewhere = "arn:aws:lambda:eu-west-1:210987654321:function:Echo:9";
    check(r#"{"FunctionName":"Missing"}"#, &not_found(missing)).await;
    check(&json!({ "FunctionName": elsewhere }).to_string(), &not_found(elsewhere)).await;
    assert_eq!(run(task(missing, "{}")).await.0, not_found(missing));

    let busy = "Lambda.TooManyRequestsException: Rate Exceeded.";
    let expected = format!("{busy}{}", suffix(429, "TooManyRequestsException"));
    check(r#"{"FunctionName":"Busy"}"#, &expected).await;
    let broken = "Lambda.ServiceException: no instance could be made";
    let expected = format!("{broken}{}", suffix(500, "ServiceException"));
    check(r#"{"FunctionName":"Broken"}"#, &expected).await;
}

#[tokio::test]
async fn arguments_that_cannot_start_the_task_are_named() {
    let refused = |input: &str, problems: &str| {
        format!(
            "States.Runtime: The Parameters '{input}' could not be used to start the Task: [{problems}]"
        )
    };
    let cases = [
        ("{}", "The field 'FunctionName' is required but was missing"),
        (r#"{"FunctionName":7}"#, "The value of the field 'FunctionName' has an invalid format"),
        (
            r#"{"FunctionName":"Echo","Playload":{}}"#,
            r#"The field "Playload" is not supported by Step Functions"#,
        ),
        (
            r#"{"FunctionName":"Echo","ClientContext":{}}"#,
            "The value of the field 'ClientContext' has an invalid format",
        ),
    ];
    for (input, problems) in cases {
        check(input, &refused(input, problems)).await;
    }
}

#[tokio::test]
async fn arguments_that_lambda_refuses_are_refused_in_its_name() {
    let cases = [
        (
            r#"{"FunctionName":"no such name"}"#,
            "`no such name` is not the name of a Lambda function",
        ),
        (
            r#"{"FunctionName":"Echo","InvocationType":"Event"}"#,
            "use InvocationType RequestResponse",
        ),
        (
            r#"{"FunctionName":"Echo","InvocationType":"Later"}"#,
            "Value 'Later' at 'invocationType'",
        ),
        (r#"{"FunctionName":"Echo","LogType":"Head"}"#, "Value 'Head' at 'logType'"),
    ];
    for (input, expected) in cases {
        let (text, _) = run(task(INVOKE, input)).await;
        assert!(text.starts_with("Lambda.InvalidParameterValueException: "), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn a_function_arn_takes_the_whole_input_and_gives_the_bare_answer() {
    let echo = "arn:aws:lambda:us-east-1:123456789012:function:Echo";
    for input in [r#"{ "a": 1 }"#, "null", "0.0", r#""text""#, "[1,2]"] {
        assert_eq!(run(task(echo, input)).await.0, input);
    }
}
