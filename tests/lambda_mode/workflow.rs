//! A whole workflow in one invocation.

use std::time::Duration;

use serde_json::{Value, json};
use stepyard_wasm::Grants;

use super::{
    error,
    function::Package,
    runtime_api::{RuntimeApi, TRACE},
};
use crate::support::order;

const WORKFLOW: (&str, &str) = ("STEPYARD_WORKFLOW", "workflow.asl.json");

/// A package with the step that takes orders, and a workflow of these states.
fn package(states: &Value, more: &str) -> Package {
    let manifest = "[functions.ReceiveOrder]\nstep = \"components/ReceiveOrder.cwasm\"\n";
    let package = Package::new(&format!("{manifest}{more}"));
    let first = states.as_object().unwrap().keys().next().unwrap();
    let definition = json!({ "StartAt": first, "States": states });
    package.write("workflow.asl.json", definition.to_string());
    package.with_step("ReceiveOrder", "steps/receive", Grants::default())
}

fn receive(next: &str) -> Value {
    json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": { "FunctionName": "ReceiveOrder", "Payload.$": "$" },
        "OutputPath": "$.Payload",
        "Next": next,
    })
}

#[test]
fn an_invocation_is_an_execution_to_its_end() {
    let told = json!({
        "Type": "Pass",
        "Parameters": {
            "order.$": "$.order_id",
            "execution.$": "$$.Execution.Id",
            "name.$": "$$.Execution.Name",
            "machine.$": "$$.StateMachine.Id",
        },
        "End": true,
    });
    let workflow = "[workflows.order]\ndefinition = \"workflow.asl.json\"\n";
    let package = package(&json!({ "Receive": receive("Told"), "Told": told }), workflow);
    let api = RuntimeApi::start();
    let function = package.start(&api, &[WORKFLOW, ("AWS_LAMBDA_LOG_LEVEL", "DEBUG")]);
    for id in ["first", "second"] {
        let post = api.invoke(id, order(id).to_string());
        assert_eq!(post.path, format!("invocation/{id}/response"), "{post:?}");
        let output = post.json();
        assert_eq!((&output["order"], &output["name"]), (&json!(id), &json!(id)));
        // Region and account are the function's, the name is the manifest's.
        assert_eq!(output["machine"], "arn:aws:states:us-east-2:123456789012:stateMachine:order");
        let execution = output["execution"].as_str().unwrap();
        let expected = format!("arn:aws:states:us-east-2:123456789012:express:order:{id}:");
        assert!(execution.starts_with(&expected), "{execution}");
    }

    let log = function.log();
    let of_first = log.iter().filter(|line| line["requestId"] == "first");
    let history: Vec<_> = of_first.filter(|line| !line["id"].is_null()).collect();
    let said: Vec<&str> = history.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(
        said,
        [
            "ExecutionStarted",
            "TaskStateEntered",
            "TaskScheduled",
            "TaskStarted",
            "TaskSucceeded",
            "TaskStateExited",
            "PassStateEntered",
            "PassStateExited",
            "ExecutionSucceeded",
        ]
    );
    assert_eq!((&history[0]["level"], &history[1]["level"]), (&json!("INFO"), &json!("DEBUG")));
    assert_eq!(history[1]["state"], "Receive");
}

#[test]
fn a_failed_execution_is_an_error_by_its_error_and_cause() {
    let fail = json!({ "Type": "Fail", "Error": "PaymentFailed", "CausePath": "$.cause" });
    let package = package(&json!({ "Failed": fail }), "");
    let api = RuntimeApi::start();
    let function = package.start(&api, &[WORKFLOW]);
    let told = error(&api.invoke("1", r#"{"cause": "card declined"}"#), "1");
    assert_eq!(told, ("PaymentFailed".to_owned(), "card declined".to_owned()));
    let log = function.log();
    let failed = log.iter().find(|line| line["message"] == "ExecutionFailed").unwrap();
    assert_eq!((&failed["level"], &failed["error"]), (&json!("ERROR"), &json!("PaymentFailed")));
    assert_eq!(failed["requestId"], "1");
}

#[test]
fn a_steps_error_fails_the_execution_under_its_name() {
    let package =
        package(&json!({ "Receive": receive("Done"), "Done": { "Type": "Succeed" } }), "");
    let api = RuntimeApi::start();
    let _function = package.start(&api, &[WORKFLOW]);
    let (name, message) = error(&api.invoke("1", "{}"), "1");
    assert_eq!(name, "InvalidOrder");
    // The cause is the step's own error, as Step Functions has it.
    let cause: Value = serde_json::from_str(&message).unwrap();
    assert_eq!(cause["errorType"], "InvalidOrder");
}

#[test]
fn an_execution_that_the_invocations_time_is_too_short_for_is_stopped() {
    let states = json!({ "Wait": { "Type": "Wait", "Seconds": 3600, "End": true } });
    let api = RuntimeApi::start();
    let function = package(&states, "").start(&api, &[WORKFLOW]);
    api.invoke_within("slow", "{}", Duration::from_secs(1));
    let (name, message) = error(&api.posted(), "slow");
    assert_eq!(name, "States.Timeout");
    assert!(message.starts_with("RequestId: slow Error: Task timed out after 0."), "{message}");
    let log = function.log();
    assert!(log.iter().any(|line| line["message"] == "ExecutionAborted"), "{log:?}");

    let states = json!({ "Wait": { "Type": "Wait", "Seconds": 3600, "End": true } });
    let package = package(&states, "");
    let text = json!({ "StartAt": "Wait", "States": states, "TimeoutSeconds": 1 }).to_string();
    package.write("workflow.asl.json", text);
    let api = RuntimeApi::start();
    let _function = package.start(&api, &[WORKFLOW]);
    assert_eq!(error(&api.invoke("own", "{}"), "own").0, "States.Timeout");
}

#[test]
fn a_step_of_the_workflow_is_told_the_trace() {
    // What starts the execution is what its tasks are traced by: the context object has it not, a
    // Lambda task's answer has.
    let receive = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": { "FunctionName": "ReceiveOrder", "Payload.$": "$" },
        "OutputPath": "$.SdkHttpMetadata.HttpHeaders",
        "End": true,
    });
    let api = RuntimeApi::start();
    let _function = package(&json!({ "Receive": receive }), "").start(&api, &[WORKFLOW]);
    let headers = api.invoke("1", order("1").to_string()).json();
    assert_eq!(headers["X-Amzn-Trace-Id"], TRACE);
}
