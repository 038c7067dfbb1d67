//! A flood of starts: each is answered, with what began or that it is too much, and what began ends.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Project, Server};

const CLIENTS: usize = 64;
const STARTS: usize = 12;
/// The tasks that each execution has at once.
const TASKS: usize = 100;
/// How long what began has to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// A state machine that notifies somebody for each number of its input, all at once.
fn create(server: &Server) -> String {
    let publish = json!({
        "Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": true,
        "Parameters": { "TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message.$": "States.Format('{}', $)" },
    });
    let each = json!({ "StartAt": "Tell", "States": { "Tell": publish } });
    let map = json!({ "Type": "Map", "ItemProcessor": each, "ResultPath": null, "End": true });
    let definition = json!({ "StartAt": "All", "States": { "All": map } }).to_string();
    let role = "arn:aws:iam::123456789012:role/r";
    let body = json!({ "name": "flood", "definition": definition, "roleArn": role }).to_string();
    let (status, created) = server.call("CreateStateMachine", &body);
    assert_eq!(status, 200, "{created}");
    created["stateMachineArn"].as_str().unwrap().to_owned()
}

/// Starts executions without a pause; answers those that began, and how many were throttled.
fn flood(address: &str, machine: &str) -> (Vec<String>, usize) {
    let numbers: Vec<usize> = (0..TASKS).collect();
    let body = json!({ "stateMachineArn": machine, "input": json!(numbers).to_string() });
    let (mut began, mut throttled) = (Vec::new(), 0);
    for _ in 0..STARTS {
        let answer = Server::try_call(address, "StartExecution", &body.to_string());
        match answer.expect("every call is answered") {
            (200, started) => began.push(started["executionArn"].as_str().unwrap().to_owned()),
            (400, error) if is_throttling(&error) => throttled += 1,
            (status, answer) => panic!("{status} {answer}"),
        }
    }
    (began, throttled)
}

fn is_throttling(error: &Value) -> bool {
    let kind = error["__type"].as_str().unwrap_or_default();
    kind.ends_with("#ThrottlingException") && error["message"] == "Rate exceeded"
}

#[test]
fn a_flood_is_answered_or_throttled_and_nothing_of_it_is_lost() {
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let machine = create(&server);
    #[cfg(target_os = "linux")]
    let before = server.resident_kib();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (address, machine) = (server.address.clone(), machine.clone());
            thread::spawn(move || flood(&address, &machine))
        })
        .collect();
    let answers: Vec<_> = clients.into_iter().map(|it| it.join().unwrap()).collect();
    let throttled: usize = answers.iter().map(|(_, throttled)| throttled).sum();
    let began: BTreeSet<String> = answers.into_iter().flat_map(|(began, _)| began).collect();
    assert!(!began.is_empty() && throttled > 0, "{} began, {throttled} throttled", began.len());
    assert_eq!(began.len() + throttled, CLIENTS * STARTS);
    #[cfg(target_os = "linux")]
    {
        let grown = server.resident_kib().saturating_sub(before);
        assert!(grown < 256 << 10, "the flood took {grown} KiB");
    }

    let deadline = Instant::now() + PATIENCE;
    for execution in &began {
        while describe(&server, execution)["status"] == "RUNNING" {
            assert!(Instant::now() < deadline, "{execution} does not end");
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(describe(&server, execution)["status"], "SUCCEEDED");
    }
    // What was throttled did not begin.
    let body = json!({ "stateMachineArn": machine, "maxResults": 1_000 }).to_string();
    let (_, listed) = server.call("ListExecutions", &body);
    assert_eq!(listed["executions"].as_array().unwrap().len(), began.len());
    assert_eq!(server.terminate(), Some(0));
    let told = project.stepyard(["topics", "--json", "--limit", "1000000"]);
    assert_eq!(told.stdout.lines().count(), began.len() * TASKS);
}

fn describe(server: &Server, execution: &str) -> Value {
    let body = json!({ "executionArn": execution }).to_string();
    let (status, described) = server.call("DescribeExecution", &body);
    assert_eq!(status, 200, "{described}");
    described
}
