//! Distributed Map and nested executions, through `stepyard serve` and its death.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use crate::support::{Project, Server};

const ROLE: &str = "arn:aws:iam::123456789012:role/r";

pub(crate) fn done(server: &Server, operation: &str, body: &Value) -> Value {
    let (status, answer) = server.call(operation, &body.to_string());
    assert_eq!(status, 200, "{operation} {answer}");
    answer
}

/// Creates a state machine whose only state is this one, and gives its ARN.
pub(crate) fn create(server: &Server, name: &str, state: &Value) -> Value {
    let definition = json!({ "StartAt": name, "States": { name: state } }).to_string();
    let machine = json!({ "name": name, "definition": definition, "roleArn": ROLE });
    done(server, "CreateStateMachine", &machine)["stateMachineArn"].clone()
}

pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..400 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("it did not come to that in 20 s");
}

fn types(server: &Server, execution: &Value) -> Vec<String> {
    let history = done(server, "GetExecutionHistory", &json!({ "executionArn": execution }));
    let events = history["events"].as_array().unwrap().iter();
    events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

/// A Map Run of three children, each of which waits for an execution of another state machine.
fn start(server: &Server) -> (Value, Value) {
    let nap = create(server, "nap", &json!({ "Type": "Wait", "Seconds": 3, "End": true }));
    let call = json!({
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": true,
        "Parameters": {
            "StateMachineArn": nap,
            "Input": { "item.$": "$", "child.$": "$$.Execution.Id" },
        },
        "ResultSelector": { "item.$": "$.Output.item" },
    });
    let each = json!({
        "Type": "Map", "Label": "each", "End": true,
        "ItemProcessor": {
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
            "StartAt": "Call", "States": { "Call": call },
        },
    });
    let each = create(server, "map", &each);
    let started =
        done(server, "StartExecution", &json!({ "stateMachineArn": each, "input": "[1, 2, 3]" }));
    (nap, started["executionArn"].clone())
}

#[test]
fn children_speak_the_query_language_of_the_machine() {
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    for kind in ["STANDARD", "EXPRESS"] {
        let context = "$states.context.Map.Item";
        let item = format!("{{% {{'key': {context}.Key, 'value': {context}.Value}} %}}");
        let done_with = "{% $states.input.key & $string($states.input.value) %}";
        let map = json!({
            "Type": "Map", "End": true, "Items": "{% $states.input %}", "ItemSelector": item,
            "ItemProcessor": {
                "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": kind },
                "StartAt": "Do",
                "States": { "Do": { "Type": "Pass", "Output": done_with, "End": true } },
            },
        });
        let states = json!({ "Each": map });
        let machine = json!({ "QueryLanguage": "JSONata", "StartAt": "Each", "States": states });
        let machine = json!({ "name": kind, "definition": machine.to_string(), "roleArn": ROLE });
        let machine = done(&server, "CreateStateMachine", &machine)["stateMachineArn"].clone();
        let start = json!({ "stateMachineArn": machine, "input": r#"{"a": 1, "b": [2]}"# });
        let execution = done(&server, "StartExecution", &start)["executionArn"].clone();
        let described =
            || done(&server, "DescribeExecution", &json!({ "executionArn": execution }));
        until(|| described()["status"] != "RUNNING");
        assert_eq!(described()["output"], r#"["a1","b[2]"]"#, "{}", described());
    }
}

fn executions(server: &Server, machine: &Value) -> Vec<Value> {
    let listed = done(server, "ListExecutions", &json!({ "stateMachineArn": machine }));
    listed["executions"].as_array().unwrap().clone()
}

#[test]
fn a_map_run_and_the_jobs_of_its_children_outlive_the_server() {
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let (nap, execution) = start(&server);
    until(|| executions(&server, &nap).len() == 3);
    server.kill();
    let server = Server::start(&project);
    server.kill();

    let server = Server::start(&project);
    let described = || done(&server, "DescribeExecution", &json!({ "executionArn": execution }));
    until(|| described()["status"] != "RUNNING");
    assert_eq!(described()["output"], r#"[{"item":1},{"item":2},{"item":3}]"#);
    let expected = [
        "ExecutionStarted",
        "MapStateEntered",
        "MapStateStarted",
        "MapRunStarted",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(types(&server, &execution), expected);
    let jobs = executions(&server, &nap);
    assert_eq!(jobs.len(), 3, "no job is begun twice");
    for job in jobs {
        let job =
            done(&server, "DescribeExecution", &json!({ "executionArn": job["executionArn"] }));
        let input: Value = serde_json::from_str(job["input"].as_str().unwrap()).unwrap();
        check_child(&server, &input["child"]);
    }
}

/// A child tells whose it is, and did each thing once.
fn check_child(server: &Server, child: &Value) {
    let arn = json!({ "executionArn": child });
    let described = done(server, "DescribeExecution", &arn);
    let run = described["mapRunArn"].as_str().unwrap();
    assert!(run.starts_with("arn:aws:states:us-east-1:123456789012:mapRun:map/each:"), "{run}");
    let machine = done(server, "DescribeStateMachineForExecution", &arn);
    assert_eq!((&machine["label"], &machine["mapRunArn"]), (&json!("each"), &json!(run)));
    assert_eq!(machine["stateMachineArn"], described["stateMachineArn"]);
    assert!(machine["definition"].as_str().unwrap().starts_with(r#"{"StartAt":"Call""#));
    let expected = [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(types(server, child), expected);
}

#[test]
fn what_an_execution_started_is_stopped_with_it() {
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let (nap, execution) = start(&server);
    until(|| executions(&server, &nap).len() == 3);
    done(&server, "StopExecution", &json!({ "executionArn": execution }));
    until(|| executions(&server, &nap).iter().all(|job| job["status"] == "ABORTED"));
    let job = json!({ "executionArn": executions(&server, &nap)[0]["executionArn"] });
    let job = done(&server, "DescribeExecution", &job);
    let input: Value = serde_json::from_str(job["input"].as_str().unwrap()).unwrap();
    let child = json!({ "executionArn": input["child"] });
    let child = done(&server, "DescribeExecution", &child);
    let told = ["status", "redriveStatus"].map(|member| child[member].clone());
    assert_eq!(told, ["ABORTED", "REDRIVABLE_BY_MAP_RUN"].map(Value::from));
}
