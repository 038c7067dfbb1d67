//! Tasks that somebody outside completes, through `stepyard serve`: task tokens, activities, redrive;
//! and Express executions.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use crate::support::{Project, Server, python::python};

const CLIENT: &str = concat!(include_str!("support/client.py"), include_str!("support/tasks.py"));

const ROLE: &str = "arn:aws:iam::123456789012:role/r";

#[test]
fn boto3_completes_tasks_from_outside() {
    let Some(python) = python() else { return };
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let seen = python.run(CLIENT, &[&format!("http://{}", server.address)]);
    let started = "ExecutionStarted";
    let entered = "TaskStateEntered";
    let expected = json!({
        "activity": ["{\"order\":  1}", "{\"packed\": true}", [
            started, entered, "ActivityScheduled", "ActivityStarted", "ActivitySucceeded",
            "TaskStateExited", "ExecutionSucceeded",
        ]],
        "same_activity": true,
        "described": "pack",
        "tags": true,
        "listed": ["pack"],
        "failed": ["Torn", "the box", "REDRIVABLE"],
        "redriven": [true, "RUNNING", 1, false],
        "succeeded": ["[]", "NOT_REDRIVABLE", [
            started, entered, "ActivityScheduled", "ActivityStarted", "ActivityFailed",
            "ExecutionFailed", "ExecutionRedriven", "ActivityScheduled", "ActivityStarted",
            "ActivitySucceeded", "TaskStateExited", "ExecutionSucceeded",
        ]],
        "answered": ["\"yes\"", [
            started, entered, "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded",
            "TaskStateExited", "ExecutionSucceeded",
        ]],
        "express": ["SUCCEEDED", "\"ho\"", 64],
        "bare": ["FAILED", "Bad", "by design", false],
        "lone": ["express", "shout", "one"],
        "errors": [
            "TaskTimedOut",
            "TaskTimedOut",
            "InvalidOutput",
            "TaskTimedOut",
            "InvalidToken",
            "InvalidToken",
            "ExecutionNotRedrivable",
            "StateMachineTypeNotSupported",
            "StateMachineTypeNotSupported",
            "InvalidArn",
            "ActivityDoesNotExist",
            "InvalidDefinition",
        ],
        "deleted": [200, "ActivityDoesNotExist"],
        "absent": [
            "An error occurred while executing the state 'Pack' (entered at the event id #2). \
             The activity PACK does not exist.",
            [started, entered, "ExecutionFailed"],
        ],
        // Whose answers were held against AWS's own model of the service.
        "checked": [
            "CreateActivity", "CreateStateMachine", "DeleteActivity", "DescribeActivity",
            "DescribeExecution", "GetActivityTask", "GetExecutionHistory", "ListActivities",
            "ListExecutions", "ListTagsForResource", "RedriveExecution", "SendTaskFailure",
            "SendTaskHeartbeat", "SendTaskSuccess", "StartExecution", "StartSyncExecution",
        ],
    });
    assert_eq!(seen, expected);
    assert_eq!(server.terminate(), Some(0));
}

/// Creates a state machine whose only state is this one, and starts `one` of it.
fn start(server: &Server, state: Value) -> String {
    let definition = json!({ "StartAt": "A", "States": { "A": state } }).to_string();
    let machine = json!({ "name": "m", "definition": definition, "roleArn": ROLE });
    let machine = done(server, "CreateStateMachine", &machine);
    let start = json!({ "stateMachineArn": machine["stateMachineArn"], "name": "one" });
    let started = done(server, "StartExecution", &start);
    started["executionArn"].as_str().unwrap().to_owned()
}

fn done(server: &Server, operation: &str, body: &Value) -> Value {
    let (status, answer) = server.call(operation, &body.to_string());
    assert_eq!(status, 200, "{operation} {answer}");
    answer
}

fn types(server: &Server, execution: &str) -> Vec<String> {
    let history = done(server, "GetExecutionHistory", &json!({ "executionArn": execution }));
    let events = history["events"].as_array().unwrap().iter();
    events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_activitys_task_and_its_token_outlive_the_server() {
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let activity = done(&server, "CreateActivity", &json!({ "name": "pack" }));
    let activity = activity["activityArn"].clone();
    let task =
        json!({ "Type": "Task", "Resource": activity, "HeartbeatSeconds": 900, "End": true });
    let execution = start(&server, task);
    server.kill();

    let server = Server::start(&project);
    let poll = json!({ "activityArn": activity, "workerName": "w" });
    let taken = done(&server, "GetActivityTask", &poll);
    server.kill();

    let server = Server::start(&project);
    let beat = json!({ "taskToken": taken["taskToken"] });
    done(&server, "SendTaskHeartbeat", &beat);
    server.kill();

    let server = Server::start(&project);
    let success = json!({ "taskToken": taken["taskToken"], "output": "[1]" });
    done(&server, "SendTaskSuccess", &success);
    server.kill();

    let server = Server::start(&project);
    let expected = [
        "ExecutionStarted",
        "TaskStateEntered",
        "ActivityScheduled",
        "ActivityStarted",
        "ActivitySucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(types(&server, &execution), expected);
    let (status, answer) = server.call("SendTaskSuccess", &success.to_string());
    assert_eq!(status, 400, "{answer}");
    assert!(answer["__type"].as_str().unwrap().ends_with("#TaskTimedOut"), "{answer}");
}

#[test]
fn a_redriven_execution_goes_on_after_a_kill() {
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let execution = start(&server, json!({ "Type": "Wait", "Seconds": 3, "End": true }));
    done(&server, "StopExecution", &json!({ "executionArn": execution }));
    let redrive = json!({ "executionArn": execution });
    done(&server, "RedriveExecution", &redrive);
    server.kill();

    let server = Server::start(&project);
    let described = || done(&server, "DescribeExecution", &redrive);
    assert_eq!(described()["redriveCount"], 1);
    for _ in 0..400 {
        if described()["status"] != "RUNNING" {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let expected = [
        "ExecutionStarted",
        "WaitStateEntered",
        "ExecutionAborted",
        "ExecutionRedriven",
        "WaitStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(types(&server, &execution), expected);
}
