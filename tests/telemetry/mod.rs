//! Log records, metrics and traces, read by clients that no one here wrote.

mod far;
mod logs;
mod metrics;
mod traces;
mod trouble;

use serde_json::{Value, json};

use crate::support::{Project, Server};

/// Two states that need nobody, the second of which fails.
fn failing() -> Value {
    let look = json!({ "Type": "Pass", "Next": "Fall" });
    let fall = json!({ "Type": "Fail", "Error": "Boom", "Cause": "as it was told" });
    json!({ "StartAt": "Look", "States": { "Look": look, "Fall": fall } })
}

/// A project whose server logs to CloudWatch.
fn logging_project() -> Project {
    Project::with_manifest("[logs]\ndelivery = \"cloudwatch\"\n")
}

/// Nothing is logged.
fn off() -> Value {
    json!({ "level": "OFF" })
}

/// Creates a state machine that logs so; answers its ARN.
fn create(server: &Server, name: &str, kind: &str, definition: &Value, logging: &Value) -> String {
    let body = json!({
        "name": name, "type": kind, "definition": definition.to_string(),
        "roleArn": "arn:aws:iam::123456789012:role/r", "loggingConfiguration": logging,
    });
    let (status, created) = server.call("CreateStateMachine", &body.to_string());
    assert_eq!(status, 200, "{created}");
    created["stateMachineArn"].as_str().unwrap().to_owned()
}

/// Starts an execution; answers its ARN.
fn start(server: &Server, machine: &str, input: &Value) -> String {
    let body = json!({ "stateMachineArn": machine, "input": input.to_string() });
    let (status, started) = server.call("StartExecution", &body.to_string());
    assert_eq!(status, 200, "{started}");
    started["executionArn"].as_str().unwrap().to_owned()
}

/// Runs an Express execution to its end.
fn run_express(server: &Server, machine: &str, input: &Value) -> Value {
    let body = json!({ "stateMachineArn": machine, "input": input.to_string() });
    let (status, ended) = server.call("StartSyncExecution", &body.to_string());
    assert_eq!(status, 200, "{ended}");
    ended
}

fn status(server: &Server, execution: &str) -> String {
    let body = json!({ "executionArn": execution }).to_string();
    let (_, described) = server.call("DescribeExecution", &body);
    described["status"].as_str().unwrap_or_default().to_owned()
}

fn history(server: &Server, execution: &str) -> Vec<Value> {
    let body = json!({ "executionArn": execution, "maxResults": 1_000 }).to_string();
    let (status, history) = server.call("GetExecutionHistory", &body);
    assert_eq!(status, 200, "{history}");
    history["events"].as_array().unwrap().clone()
}

/// A number that `/metrics` has of what is told outside.
fn told(server: &Server, name: &str, what: &str) -> u64 {
    let (status, text) = server.request("GET /metrics HTTP/1.1", &server.address, "", "");
    assert_eq!(status, 200, "{text}");
    let kind = if name == "waiting" { "" } else { "_total" };
    let sample = format!("stepyard_telemetry_{name}{kind}{{what=\"{what}\"}} ");
    let found = text.lines().find_map(|line| line.strip_prefix(&sample)?.parse().ok());
    found.unwrap_or_else(|| panic!("{sample} is not in {text}"))
}
