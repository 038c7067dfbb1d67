//! `/metrics`: Prometheus's own reader takes it, and it says what happened.

use serde_json::{Value, json};

use crate::support::{Project, Server, python::python};

const READER: &str = include_str!("support/metrics.py");

fn get(server: &Server, more: &str) -> (u16, String) {
    server.request("GET /metrics HTTP/1.1", &server.address, more, "")
}

/// Creates a state machine of one state.
fn create(server: &Server, name: &str, kind: &str, state: &Value) -> String {
    let definition = json!({ "StartAt": "A", "States": { "A": state } }).to_string();
    let role = "arn:aws:iam::123456789012:role/r";
    let body = json!({ "name": name, "type": kind, "definition": definition, "roleArn": role });
    let (status, created) = server.call("CreateStateMachine", &body.to_string());
    assert_eq!(status, 200, "{created}");
    created["stateMachineArn"].as_str().unwrap().to_owned()
}

#[test]
fn prometheus_reads_what_happened() {
    let Some(python) = python() else { return };
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let start = |operation: &str, machine: &str| {
        let body = json!({ "stateMachineArn": machine }).to_string();
        assert_eq!(server.call(operation, &body).0, 200);
    };
    let pass = json!({ "Type": "Pass", "End": true });
    start("StartSyncExecution", &create(&server, "quick", "EXPRESS", &pass));
    let publish = json!({
        "Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": true,
        "Parameters": { "TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message": "m" },
    });
    start("StartSyncExecution", &create(&server, "told", "EXPRESS", &publish));
    let wait = json!({ "Type": "Wait", "Seconds": 86_400, "End": true });
    start("StartExecution", &create(&server, "asleep", "STANDARD", &wait));
    assert_eq!(server.call("StopExecution", "{}").0, 400);

    let (status, text) = get(&server, "");
    assert_eq!(status, 200);
    let samples = python.run(READER, &[&text]);
    let publish = "resource=arn:aws:states:::sns:publish";
    for (sample, expected) in [
        ("stepyard_executions_started_total{type=EXPRESS}", 2.0),
        ("stepyard_executions_ended_total{status=SUCCEEDED,type=EXPRESS}", 2.0),
        ("stepyard_executions_ended_total{status=FAILED,type=EXPRESS}", 0.0),
        ("stepyard_executions_open{type=EXPRESS}", 0.0),
        ("stepyard_executions_open{type=STANDARD}", 1.0),
        ("stepyard_execution_duration_seconds_count{type=EXPRESS}", 2.0),
        ("stepyard_execution_duration_seconds_bucket{le=+Inf,type=EXPRESS}", 2.0),
        ("stepyard_history_events_total{type=WaitStateEntered}", 1.0),
        (&format!("stepyard_tasks_started_total{{{publish}}}"), 1.0),
        (&format!("stepyard_tasks_ended_total{{outcome=succeeded,{publish}}}"), 1.0),
        (&format!("stepyard_task_duration_seconds_count{{{publish}}}"), 1.0),
        ("stepyard_api_calls_total{error=,operation=StartSyncExecution}", 2.0),
        ("stepyard_api_calls_total{error=ValidationException,operation=StopExecution}", 1.0),
        ("stepyard_api_call_duration_seconds_count{operation=CreateStateMachine}", 3.0),
        ("stepyard_api_calls_at_work{}", 0.0),
        ("stepyard_tasks_at_work{}", 0.0),
        ("stepyard_inbox_messages{type=STANDARD}", 0.0),
    ] {
        assert_eq!(samples[sample], expected, "{sample} in {text}");
    }
    let mut grown =
        vec!["stepyard_commit_duration_seconds_count{}", "stepyard_store_bytes{file=database}"];
    if cfg!(target_os = "linux") {
        grown.push("process_resident_memory_bytes{}");
        // In hundredths of a second, of which it may not have taken one.
        assert!(samples["process_cpu_seconds_total{}"].is_f64(), "{text}");
    }
    for sample in grown {
        assert!(samples[sample].as_f64().is_some_and(|it| it > 0.0), "{sample} in {text}");
    }
}

#[test]
fn where_calls_need_keys_metrics_need_their_token() {
    let keys = "secrets.KEY.env = \"PATH\"\nsecrets.TOKEN.file = \"token\"\n\
                [serve]\nkeys = [{ id = \"AKIDEXAMPLE\", secret = \"KEY\" }]\n";
    let project = Project::with_manifest(keys);
    let server = Server::start(&project);
    let (status, message) = get(&server, "");
    assert_eq!(status, 401);
    assert!(message.contains("name its secret as `metrics_token` in [serve]"), "{message}");

    let project = Project::with_manifest(&format!("{keys}metrics_token = \"TOKEN\"\n"));
    project.write("token", "let me see\n");
    let server = Server::start(&project);
    for (header, expected) in [
        ("", 401),
        ("Authorization: Bearer let me\r\n", 401),
        ("Authorization: let me see\r\n", 401),
        ("Authorization: Bearer let me see\r\n", 200),
    ] {
        assert_eq!(get(&server, header).0, expected, "{header}");
    }
    assert_eq!(server.request("GET /metrics HTTP/1.1", "example.com", "", "").0, 421);
}
