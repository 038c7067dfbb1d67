//! `POST /start/<machine>`: any HTTP client starts an execution, once for a key.

use serde_json::{Value, json};

use crate::support::{Project, Server, python::python};

const JSON: &str = "Content-Type: application/json\r\n";
const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;

const WORKFLOWS: &str = r#"
[workflows.pass]
definition = "pass.asl.json"
[workflows.quick]
definition = "pass.asl.json"
type = "EXPRESS"
"#;

fn project(more: &str) -> Project {
    let project = Project::with_manifest(&format!("{more}{WORKFLOWS}"));
    project.write("pass.asl.json", PASS);
    project
}

/// The status and the body, which is JSON.
fn start(server: &Server, machine: &str, headers: &str, body: &str) -> (u16, Value) {
    let line = format!("POST /start/{machine} HTTP/1.1");
    let (status, answer) = server.request(&line, &server.address, headers, body);
    (status, serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{status} {answer}")))
}

fn with_key(key: &str) -> String {
    format!("{JSON}Idempotency-Key: {key}\r\n")
}

#[test]
fn a_body_is_an_executions_input() {
    let project = project("");
    let server = Server::start(&project);
    let (status, started) = start(&server, "pass", JSON, r#"{"order_id": "1"}"#);
    assert_eq!(status, 201, "{started}");
    assert!(started["startDate"].is_f64(), "{started}");
    let execution = json!({ "executionArn": started["executionArn"] }).to_string();
    server.until("the execution ends", || {
        server.call("DescribeExecution", &execution).1["status"] == "SUCCEEDED"
    });
    let (_, described) = server.call("DescribeExecution", &execution);
    assert_eq!(described["input"], r#"{"order_id": "1"}"#);
    assert_eq!(described["startDate"], started["startDate"]);

    let (status, started) = start(&server, "quick", JSON, "{}");
    let arn = started["executionArn"].as_str().unwrap();
    assert_eq!((status, arn.contains(":express:quick:")), (202, true), "{arn}");
}

#[test]
fn a_key_starts_one_execution_however_often_it_comes() {
    let project = project("");
    let server = Server::start(&project);
    let first = start(&server, "pass", &with_key("\"order-1\""), "[1]");
    assert_eq!(first.0, 201, "{first:?}");
    assert!(first.1["executionArn"].as_str().unwrap().ends_with(":pass:order-1"), "{first:?}");
    assert_eq!(start(&server, "pass", &with_key("order-1"), "[1]"), first);
    let (status, refused) = start(&server, "pass", &with_key("order-1"), "[2]");
    assert_eq!((status, &refused["status"]), (422, &json!(422)), "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("with another input"), "{refused}");
    let odd = start(&server, "pass", &with_key("\"shop/order 1\""), "[1]");
    assert_eq!(odd, start(&server, "pass", &with_key("\"shop/order 1\""), "[1]"));
    server.kill();

    let server = Server::start(&project);
    assert_eq!(start(&server, "pass", &with_key("order-1"), "[1]"), first, "a kill forgets no key");
    assert_eq!(start(&server, "pass", &with_key("\"shop/order 1\""), "[1]"), odd);
    assert_eq!(server.executions("pass").len(), 2);
    let (status, refused) = start(&server, "quick", &with_key("order-1"), "[1]");
    assert_eq!(status, 400, "an EXPRESS execution is not remembered: {refused}");
}

#[test]
fn what_starts_nothing_is_told_as_problem_details() {
    let project = project("");
    let server = Server::start(&project);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let long = format!("\"{}\"", "x".repeat(262_144));
    let nested = "[".repeat(200_000);
    for (machine, headers, body, status, detail) in [
        ("nothing", JSON, "{}", 404, "State Machine Does Not Exist"),
        ("pass:7", JSON, "{}", 404, "State Machine Does Not Exist"),
        ("pass:PROD", JSON, "{}", 404, "State Machine Does Not Exist"),
        ("a%20b", JSON, "{}", 404, "Invalid Name"),
        ("pass", "", "{}", 415, "application/json"),
        ("pass", form, "a=b", 415, "application/json"),
        ("pass", "Content-Type: text/plain\r\n", "{}", 415, "application/json"),
        ("pass", JSON, "", 400, "send {} for none"),
        ("pass", JSON, "{", 400, "not JSON"),
        ("pass", JSON, &nested, 400, "not JSON"),
        ("pass", &with_key("\"\""), "{}", 400, "Idempotency-Key"),
        ("pass", JSON, &long, 413, "262146 bytes"),
    ] {
        let (answered, problem) = start(&server, machine, headers, body);
        assert_eq!(answered, status, "{machine} {headers}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
    }
    let huge = " ".repeat(5 << 20);
    assert_eq!(start(&server, "pass", JSON, &huge).0, 413);
    let status = |line: &str, host: &str| server.request(line, host, JSON, "{}").0;
    assert_eq!(status("POST /start/pass HTTP/1.1", "example.com"), 421);
    assert_eq!(status("GET /start/pass HTTP/1.1", &server.address), 405);
    assert_eq!(status("OPTIONS /start/pass HTTP/1.1", &server.address), 405);
    assert_eq!(status("POST /start/ HTTP/1.1", &server.address), 404);
    assert_eq!(server.executions("pass").len(), 0);
}

#[test]
fn with_keys_it_has_to_be_signed() {
    let Some(python) = python() else { return };
    let (id, secret) = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    let keys = format!(
        "secrets.KEY.file = \"key\"\n[serve]\nkeys = [{{ id = \"{id}\", secret = \"KEY\" }}]\n"
    );
    let project = project(&keys);
    project.write("key", secret);
    let server = Server::start(&project);
    let (status, refused) = start(&server, "pass", JSON, "{}");
    let missing = json!("MissingAuthenticationTokenException");
    assert_eq!((status, &refused["error"]), (403, &missing), "{refused}");
    // What is there is no stranger's to learn.
    assert_eq!(start(&server, "nothing", JSON, "{}").0, 403);
    let script = include_str!("support/start.py");
    let url = format!("http://{}/start/pass", server.address);
    let seen = python.run(script, &[&url, id, secret]);
    assert_eq!(
        seen,
        json!({
            "signed": 201, "with a key": 201, "again": 201, "wrong secret": 403,
            "other body": 403, "a key that is not signed": 403,
        })
    );
}
