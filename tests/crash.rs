//! Torture: the server is killed at random instants while clients start executions of many kinds.
//! Nothing that was acknowledged is lost, every execution ends, and no transition is repeated.
//!
//! `STEPYARD_KILLS` says how often; 200 times unless set.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Project, Server, order};

const CLIENTS: usize = 4;
/// How long the executions that are left have to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// The state machines, each with how its executions end.
fn machines() -> Vec<(&'static str, Value, &'static str)> {
    let wait = |seconds: u32| json!({ "Type": "Wait", "Seconds": seconds, "End": true });
    let one = |state: Value| json!({ "StartAt": "A", "States": { "A": state } });
    let nap = json!({ "StartAt": "Nap", "States": { "Nap": wait(1) } });
    let callback = json!({
        "Type": "Task", "Resource": "arn:aws:states:::sns:publish.waitForTaskToken", "End": true,
        "Parameters": { "TopicArn": "arn:aws:sns:us-east-1:123456789012:asks", "Message.$": "$$.Task.Token" },
        "TimeoutSeconds": 1, "Catch": [{ "ErrorEquals": ["States.Timeout"], "Next": "B" }],
    });
    vec![
        ("wait", one(wait(1)), "SUCCEEDED"),
        (
            "map",
            one(json!({ "Type": "Map", "End": true, "MaxConcurrency": 2, "ItemProcessor": nap })),
            "SUCCEEDED",
        ),
        ("fail", one(json!({ "Type": "Fail", "Error": "Bad" })), "FAILED"),
        (
            "callback",
            json!({ "StartAt": "A", "States": { "A": callback, "B": { "Type": "Pass", "End": true } } }),
            "SUCCEEDED",
        ),
    ]
}

/// What clients were told is there: an execution's ARN, and how it has to end.
type Acknowledged = Arc<Mutex<BTreeMap<String, &'static str>>>;

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_done_twice() {
    let kills = std::env::var("STEPYARD_KILLS").ok().and_then(|text| text.parse().ok());
    let project = Project::order().warm();
    let mut server = Server::start(&project);
    let arns = create(&server);
    let acknowledged = Acknowledged::default();
    let (orders, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let address = Arc::new(Mutex::new(server.address.clone()));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (arns, acknowledged) = (arns.clone(), acknowledged.clone());
            let (address, orders, over) = (address.clone(), orders.clone(), over.clone());
            thread::spawn(move || {
                for round in 0.. {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    start(&arns, &address, &acknowledged, &orders, &format!("{client}-{round}"));
                }
            })
        })
        .collect();
    let mut shown = Vec::new();
    for kill in 0..kills.unwrap_or(200_u64) {
        thread::sleep(Duration::from_micros(20_000 + drawn() % 400_000));
        // What is shown is durable: it has to stand in the end, event for event.
        let all = acknowledged.lock().unwrap().clone();
        let one = all.into_keys().nth(drawn() as usize % 64);
        if let Some(one) = one {
            let events = done(&server, "GetExecutionHistory", &one)["events"].clone();
            shown.push((one, events));
        }
        server.kill();
        server = Server::start(&project);
        address.lock().unwrap().clone_from(&server.address);
    }
    over.store(true, Ordering::SeqCst);
    clients.into_iter().for_each(|client| client.join().unwrap());

    let acknowledged = acknowledged.lock().unwrap().clone();
    assert!(acknowledged.len() > 20, "only {} executions were started", acknowledged.len());
    let deadline = Instant::now() + PATIENCE;
    for (execution, expected) in &acknowledged {
        loop {
            let described = done(&server, "DescribeExecution", execution);
            if described["status"] != "RUNNING" {
                assert_eq!(described["status"], **expected, "{described}");
                break;
            }
            assert!(Instant::now() < deadline, "{execution} does not end");
            thread::sleep(Duration::from_millis(50));
        }
        check_history(&server, execution);
    }
    for (execution, before) in shown {
        let after = done(&server, "GetExecutionHistory", &execution);
        let (before, after) = (before.as_array().unwrap(), after["events"].as_array().unwrap());
        assert!(after.starts_with(before), "{execution} was {before:?} and is {after:?}");
    }
    // Orders whose start was not acknowledged may be there, too: all that are there add up.
    let placed = succeeded(&server, &arns["workflow"]);
    assert!(placed <= orders.load(Ordering::SeqCst));
    assert_eq!(project.mail().len(), placed);
    server.terminate();
    // The topic log holds a task's message once, whichever attempt wrote it.
    let told = project.notifications();
    let told = told.iter().filter(|it| !it["TopicArn"].as_str().unwrap().ends_with(":asks"));
    assert_eq!(told.count(), placed);
}

/// A number that no run draws again.
fn drawn() -> u64 {
    BuildHasher::hash_one(&RandomState::new(), ())
}

fn create(server: &Server) -> BTreeMap<&'static str, String> {
    let workflow = std::fs::read_to_string(crate::support::ROOT.to_owned() + "/workflow.asl.json");
    let workflow: Value = serde_json::from_str(&workflow.unwrap()).unwrap();
    let all = machines().into_iter().chain([("workflow", workflow, "SUCCEEDED")]);
    all.map(|(name, definition, _)| {
        let role = "arn:aws:iam::123456789012:role/r";
        let body = json!({ "name": name, "definition": definition.to_string(), "roleArn": role });
        let (status, created) = server.call("CreateStateMachine", &body.to_string());
        assert_eq!(status, 200, "{created}");
        (name, created["stateMachineArn"].as_str().unwrap().to_owned())
    })
    .collect()
}

/// Starts one execution of each kind, and notes those that are acknowledged.
fn start(
    arns: &BTreeMap<&'static str, String>,
    address: &Mutex<String>,
    acknowledged: &Acknowledged,
    orders: &AtomicUsize,
    name: &str,
) {
    let order = order(name);
    let kinds = machines().into_iter().map(|(kind, _, end)| (kind, end, json!([1, 2, 3])));
    for (kind, end, input) in kinds.chain([("workflow", "SUCCEEDED", order)]) {
        if kind == "workflow" && orders.fetch_add(1, Ordering::SeqCst) >= 90 {
            continue;
        }
        let body =
            json!({ "stateMachineArn": arns[kind], "name": name, "input": input.to_string() });
        let address = address.lock().unwrap().clone();
        match Server::try_call(&address, "StartExecution", &body.to_string()) {
            Some((200, started)) => {
                let arn = started["executionArn"].as_str().unwrap().to_owned();
                acknowledged.lock().unwrap().insert(arn, end);
            }
            // The server was killed under the call, or is not back yet.
            None => thread::sleep(Duration::from_millis(20)),
            Some((status, answer)) => panic!("{status} {answer}"),
        }
    }
}

/// Ids without a gap, one start and one end, and no state left more often than it was entered.
fn check_history(server: &Server, execution: &str) {
    let history = done(server, "GetExecutionHistory", execution);
    let events = history["events"].as_array().unwrap();
    let ids: Vec<u64> = events.iter().map(|event| event["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, Vec::from_iter(1..=ids.len() as u64), "{execution}");
    let count = |part: &str| {
        events.iter().filter(|event| event["type"].as_str().unwrap().contains(part)).count()
    };
    assert_eq!(count("ExecutionStarted"), 1, "{execution}");
    assert_eq!(count("ExecutionSucceeded") + count("ExecutionFailed"), 1, "{execution}");
    assert_eq!(count("StateEntered"), count("StateExited") + count("FailStateEntered"));
    assert_eq!(count("TaskScheduled"), count("TaskSucceeded") + count("TaskTimedOut"));
}

fn done(server: &Server, operation: &str, execution: &str) -> Value {
    let body = json!({ "executionArn": execution }).to_string();
    let (status, answer) = server.call(operation, &body);
    assert_eq!(status, 200, "{operation} {answer}");
    answer
}

fn succeeded(server: &Server, machine: &str) -> usize {
    let body = json!({ "stateMachineArn": machine, "maxResults": 1_000 }).to_string();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, listed) = server.call("ListExecutions", &body);
        let all = listed["executions"].as_array().unwrap();
        if all.iter().all(|it| it["status"] != "RUNNING") {
            return all.iter().filter(|it| it["status"] == "SUCCEEDED").count();
        }
        assert!(Instant::now() < deadline, "orders do not end");
        thread::sleep(Duration::from_millis(50));
    }
}
