//! `stepyard serve`: boto3 takes it for AWS Step Functions, and nothing acknowledged is lost.

use std::io::Write;

use serde_json::{Value, json};

use crate::support::{Project, ROOT, Server, python::python};

const CLIENT: &str = concat!(include_str!("support/client.py"), include_str!("support/serve.py"));

const WAITING: &str =
    r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":86400,"End":true}}}"#;

/// Creates the state machine `waiting`, and starts `one` of it.
fn start_waiting(server: &Server) -> String {
    let role = "arn:aws:iam::123456789012:role/r";
    let machine = json!({ "name": "waiting", "definition": WAITING, "roleArn": role });
    let (_, created) = server.call("CreateStateMachine", &machine.to_string());
    let start = json!({ "stateMachineArn": created["stateMachineArn"], "name": "one" });
    let (status, started) = server.call("StartExecution", &start.to_string());
    assert_eq!(status, 200, "{started}");
    started["executionArn"].as_str().unwrap().to_owned()
}

fn describe(server: &Server, execution: &str) -> Value {
    let body = json!({ "executionArn": execution }).to_string();
    let (status, described) = server.call("DescribeExecution", &body);
    assert_eq!(status, 200, "{described}");
    described
}

#[test]
fn boto3_takes_it_for_step_functions() {
    let Some(python) = python() else { return };
    let project = Project::order().warm();
    let server = Server::start(&project);
    let workflow = format!("{ROOT}/workflow.asl.json");
    let seen = python.run(CLIENT, &[&format!("http://{}", server.address), &workflow]);
    let ids: Vec<u64> = (1..=seen["ids"].as_array().unwrap().len() as u64).collect();
    assert_eq!(seen["ids"], json!(ids));
    let expected = json!({
        "idempotent": true,
        "order": ["SUCCEEDED", true],
        "ids": ids,
        "first_and_last": ["ExecutionStarted", "ExecutionSucceeded", "ExecutionSucceeded"],
        "same": true,
        "stopped": ["ABORTED", "Enough", "of it"],
        "running": ["c", "a"],
        "revision": true,
        "at_start": true,
        "machines": ["order", "orders", "sleeper"],
        "diagnosed": ["FAIL", true],
        "errors": [
            "StateMachineAlreadyExists",
            "InvalidDefinition",
            "InvalidName",
            "ExecutionAlreadyExists",
            "InvalidExecutionInput",
            "StateMachineDoesNotExist",
            "InvalidArn",
            "ExecutionDoesNotExist",
            "InvalidToken",
            "ValidationException",
            "MissingRequiredParameter",
        ],
        "deleted": [null, null, "StateMachineDoesNotExist"],
    });
    assert_eq!(seen, expected);
    assert_eq!(project.mail().len(), 1);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill_and_goes_on() {
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let execution = start_waiting(&server);
    let before = describe(&server, &execution);
    server.kill();

    let server = Server::start(&project);
    assert_eq!(describe(&server, &execution), before);
    let stop = json!({ "executionArn": execution }).to_string();
    let (status, _) = server.call("StopExecution", &stop);
    assert_eq!(status, 200);
    server.kill();

    let server = Server::start(&project);
    assert_eq!(describe(&server, &execution)["status"], "ABORTED");
    let (_, history) = server.call("GetExecutionHistory", &stop);
    let types: Vec<&str> = history["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"]);
}

#[test]
fn a_server_that_is_asked_to_end_leaves_no_write_ahead_log() {
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    start_waiting(&server);
    let log = project.path(".stepyard/stepyard.db-wal");
    assert!(log.metadata().is_ok_and(|it| it.len() > 0), "what was written is in the log first");
    assert_eq!(server.terminate(), Some(0));
    assert!(!log.exists(), "{:?}", log.metadata());
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    // Half a request: the server waits for the rest of it when it is asked to end.
    let mut client = std::net::TcpStream::connect(&server.address).unwrap();
    client.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n").unwrap();
    server.until("the request is at work", || {
        let head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        server.raw(head).0 == 200
    });
    server.ask_to_end();
    server.until_said("stopping", 1);
    server.ask_to_end();
    assert_eq!(server.finish().code, Some(130));
}

#[test]
fn a_second_server_on_the_data_directory_is_refused() {
    let project = Project::with_manifest("");
    let _server = Server::start(&project);
    let second = project.stepyard(["serve", "--listen", "127.0.0.1:0"]);
    let message = second.refusal();
    assert!(message.contains("another stepyard is at work on"), "{message}");
}

#[test]
fn without_keys_it_listens_on_loopback_only() {
    let project = Project::with_manifest("");
    let refused = project.stepyard(["serve", "--listen", "0.0.0.0:0"]);
    let message = refused.refusal();
    let expected = "0.0.0.0:0 is not a loopback address, and anyone who reaches it could call: add `keys` to [serve] in stepyard.toml, or listen on 127.0.0.1";
    assert!(message.contains(expected), "{message}");
    assert!(!project.path(".stepyard").exists(), "something was written");
}

#[test]
fn a_request_that_is_none_is_refused_with_awss_error() {
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let nested = "[".repeat(200_000);
    for (operation, body, error) in [
        ("Fly", "{}", "UnknownOperationException"),
        ("StartExecution", "", "SerializationException"),
        ("StartExecution", "[]", "SerializationException"),
        ("StartExecution", r#"{"stateMachineArn": 7}"#, "SerializationException"),
        ("StartExecution", &nested, "SerializationException"),
        ("StartExecution", "{}", "ValidationException"),
        ("ListExecutions", "{}", "ValidationException"),
        ("TestState", "{}", "ValidationException"),
    ] {
        let (status, answer) = server.call(operation, body);
        let kind = answer["__type"].as_str().unwrap().rsplit('#').next().unwrap();
        assert_eq!((status, kind), (400, error), "{operation} {answer}");
        assert!(answer["message"].is_string(), "{answer}");
    }
    let address = server.address.clone();
    let status = |line, host: &str, more, body: &str| server.request(line, host, more, body).0;
    assert_eq!(status("POST / HTTP/1.1", &address, "", "{}"), 400);
    assert_eq!(status("POST / HTTP/1.1", "example.com", "", "{}"), 421);
    assert_eq!(status("POST / HTTP/1.1", &address, "", &" ".repeat(5 << 20)), 413);
    assert_eq!(status("GET /nowhere HTTP/1.1", &address, "", ""), 404);
    assert_eq!(status("GET /healthz HTTP/1.1", &address, "", ""), 200);
    assert_eq!(status("GET /readyz HTTP/1.1", &address, "", ""), 200);
}
