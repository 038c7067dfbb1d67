//! A subscriber that counts. Orders run while the server is killed at random instants; each is notified,
//! and where it is notified again the message has the same identity: its `idempotency_key`. To a FIFO
//! topic the identity is the deduplication id, so that its subscriber has each order once.
//!
//! `STEPYARD_ORDERS` says how many there are; 200 unless set, for moto takes its time.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use fastrand::Rng;
use serde_json::{Value, json};

use super::{
    client::Client,
    machines::{arn, creation, execution},
    seed, setting,
};
use crate::support::{Project, ROOT, Server, order, python::python};

/// How many customers there are. Each has one order open at a time: more at once would time the topic's own
/// slowness, whose answers come the later the more of them are awaited.
const CUSTOMERS: usize = 32;
/// How many orders are begun for each kill.
const ORDERS_A_KILL: u64 = 40;
/// How long after that the server lives at most.
const DELAY_MICROS_MAX: u64 = 200_000;
/// How long an order has to end.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks at an order.
const PAUSE: Duration = Duration::from_millis(50);
/// The topic whose subscriber has each order once.
const ONCE: &str = "once.fifo";

#[test]
fn each_order_is_notified_and_again_under_the_same_identity_alone() {
    let Some(python) = python() else { return };
    let orders = setting("STEPYARD_ORDERS", || 200);
    let mut rng = Rng::with_seed(seed());
    let aws = python.moto();
    let (plain, once) = (aws.subscribe("order-notifications"), aws.subscribe(ONCE));
    let project = Project::order_with(|text| {
        let text = text.replace("available = 100", &format!("available = {orders}"));
        let url = aws.url();
        let reached = format!("[aws]\nendpoint_url = \"{url}\"\nregion = \"us-east-1\"\n");
        format!("{text}\n[sns]\ndelivery = \"aws\"\n{reached}")
    });
    let project = project.warm();
    let credentials = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let start = || Server::start_with(&project, "127.0.0.1:0", &credentials);
    let (first, client) = (start(), Client::default());
    client.find(&first.address);
    let mut server = Some(first);
    client.done("CreateStateMachine", &creation("delivery", &definition()));

    let begun = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..CUSTOMERS {
            scope.spawn(|| {
                while let Some(number) = next(&begun, orders) {
                    place(&client, number);
                }
            });
        }
        for kill in 1..=orders / ORDERS_A_KILL {
            while begun.load(Ordering::SeqCst) < kill * ORDERS_A_KILL {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(Duration::from_micros(rng.u64(0..DELAY_MICROS_MAX)));
            server.take().expect("one is at work").kill();
            let next = start();
            client.find(&next.address);
            server = Some(next);
        }
    });
    all_succeeded(&client, orders);
    assert_eq!(server.expect("one is at work").terminate(), Some(0));

    let counted = count(aws.receive(&plain));
    assert_eq!(counted.len() as u64, orders, "orders that were notified");
    let repeated: u64 = counted.values().map(|times| times - 1).sum();
    eprintln!("{repeated} of {orders} were notified again");
    let counted = count(aws.receive(&once));
    assert_eq!(counted.len() as u64, orders, "orders that were notified once");
    assert!(counted.values().all(|times| *times == 1), "{counted:?}");
}

/// The order's workflow, which at last notifies a FIFO topic as well.
fn definition() -> Value {
    let text = std::fs::read_to_string(ROOT.to_owned() + "/workflow.asl.json").unwrap();
    let mut definition: Value = serde_json::from_str(&text).unwrap();
    let states = definition["States"].as_object_mut().unwrap();
    let mut notify = states["NotifyCustomer"].clone();
    let parameters = notify["Parameters"].as_object_mut().unwrap();
    parameters.remove("TopicArn.$");
    let topic = format!("arn:aws:sns:us-east-1:123456789012:{ONCE}");
    parameters.insert("TopicArn".to_owned(), topic.into());
    let identity = parameters["MessageAttributes"]["idempotency_key"]["StringValue.$"].clone();
    parameters.insert("MessageDeduplicationId.$".to_owned(), identity);
    parameters.insert("MessageGroupId.$".to_owned(), "$.order_id".into());
    states.insert("NotifyOnce".to_owned(), notify);
    let first = states["NotifyCustomer"].as_object_mut().unwrap();
    first.remove("End");
    first.insert("Next".to_owned(), "NotifyOnce".into());
    definition
}

/// The number of the next order, while there is one.
fn next(begun: &AtomicU64, orders: u64) -> Option<u64> {
    let number = begun.fetch_add(1, Ordering::SeqCst);
    (number < orders).then_some(number)
}

/// Starts an order, until that is acknowledged, and waits for its end.
fn place(client: &Client, number: u64) {
    let name = format!("order-{number}");
    let start = json!({
        "stateMachineArn": arn("delivery"), "name": name, "input": order(&name).to_string(),
    });
    let answer = client.call("StartExecution", &start);
    if let Err(error) = answer.result {
        // The call before was heard, and what it started has ended since: no second start.
        assert!(answer.repeated && error == "ExecutionAlreadyExists", "{start}: {error}");
    }
    let execution = execution(&start);
    let deadline = Instant::now() + PATIENCE;
    while client.describe(&execution)["status"] == "RUNNING" {
        assert!(Instant::now() < deadline, "{execution} does not end");
        thread::sleep(PAUSE);
    }
}

#[track_caller]
fn all_succeeded(client: &Client, orders: u64) {
    let executions = client.executions(&arn("delivery"));
    let succeeded = executions.iter().filter(|it| it["status"] == "SUCCEEDED").count();
    assert_eq!(succeeded as u64, orders, "{executions:?}");
}

/// How often each order was notified, always in the same words and under its own identity.
#[track_caller]
fn count(messages: Vec<Value>) -> BTreeMap<String, u64> {
    let (mut times, mut texts) = (BTreeMap::new(), BTreeMap::new());
    for message in messages {
        let attribute = |name: &str| message["MessageAttributes"][name]["Value"].as_str();
        let order = attribute("order_id").unwrap().to_owned();
        assert_eq!(attribute("idempotency_key"), Some(&*format!("notification/{order}")));
        let text = texts.entry(order.clone()).or_insert_with(|| message["Message"].clone());
        assert_eq!(*text, message["Message"]);
        *times.entry(order).or_default() += 1;
    }
    times
}
