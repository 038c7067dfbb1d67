//! The AWS CLI takes `stepyard serve` for AWS Step Functions: every operation that AWS's own model of
//! the service has is driven through it.

use serde_json::json;

use crate::support::{Project, Server, python::python};

const CLIENT: &str = include_str!("support/aws_cli.py");

#[test]
fn every_operation_is_driven_by_the_aws_cli() {
    let Some(python) = python() else { return };
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let seen = python.run(CLIENT, &[&format!("http://{}", server.address)]);
    let expected = json!({
        "machines": {
            "revision": true,
            "definition": true,
            "versions": ["2", "1"],
            "alias": ["PROD", "live", 100],
            "aliases": true,
            "through": [true, true],
            "tags": { "team": "orders", "c": "d e" },
            "checked": "FAIL",
        },
        "executions": {
            "listed": ["one", "three", "two"],
            "running": ["one", "three"],
            "stopped": ["ABORTED", "Enough", "of it", "{\"a\": \"ü\"}"],
            "redriven": ["RUNNING", 1],
            "began": true,
            "history": [1, 2, 3, 4],
            "newest": "ExecutionRedriven",
            "machines": ["asleep", "express", "pass", "sleeper"],
            "synchronous": ["SUCCEEDED", "{\"loud\": true}"],
            "deleted": [null, "StateMachineDoesNotExist"],
        },
        "tasks": {
            "described": "pack",
            "listed": ["pack", "ship"],
            "ends": [["SUCCEEDED", "{\"packed\": true}"], ["FAILED", "Torn", "the box"]],
            "over": "TaskTimedOut",
            "forged": "InvalidToken",
            "deleted": [null, "ActivityDoesNotExist"],
        },
        "one state": {
            "passed": ["SUCCEEDED", "On", "{\"b\":1}", "{\"b\":1}"],
            "torn": ["RETRIABLE", "CAUGHT_ERROR", "Mend"],
            "wrong": "ValidationException",
            "named": { "status": "SUCCEEDED", "output": "{}" },
        },
        "map runs": {
            "DescribeMapRun": "ResourceNotFound",
            "ListMapRuns": "ExecutionDoesNotExist",
            "UpdateMapRun": "ResourceNotFound",
        },
        "never driven": [],
    });
    assert_eq!(seen, expected);
    assert_eq!(server.terminate(), Some(0));
}
