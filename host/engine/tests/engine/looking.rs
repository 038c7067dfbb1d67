//! Looking at executions: describe, list, history, watch.

use serde_json::json;
use stepyard_asl::StatesError;
use stepyard_engine::{EngineError, Selection};

use crate::support::{Bench, Functions, START, settle, start, succeeded, task};

#[tokio::test]
async fn a_watch_shows_every_event_once_whenever_it_begins() {
    let bench = Bench::manual(Functions::echo());
    let states = json!({
        "Pay": task("Pay", json!({})),
        "Sleep": { "Type": "Wait", "Seconds": 10, "End": true },
    });
    let mut states = states;
    let pay = states["Pay"].as_object_mut().unwrap();
    pay.remove("End");
    pay.insert("Next".to_owned(), json!("Sleep"));
    let arn = bench.start(states).await.arn;
    let early = bench.engine.watch(&arn).await.unwrap();
    settle().await;
    let late = bench.engine.watch(&arn).await.unwrap();
    bench.clock.advance_millis(10_000);
    succeeded(bench.engine.wait(&arn).await.unwrap());
    let after = bench.engine.watch(&arn).await.unwrap();
    let history = bench.engine.history(&arn).await.unwrap();
    assert_eq!(history.first().unwrap().kind.name(), "ExecutionStarted");
    assert_eq!(history.last().unwrap().kind.name(), "ExecutionSucceeded");
    for (name, mut watch) in [("early", early), ("late", late), ("after", after)] {
        let mut seen = Vec::new();
        while let Some(event) = watch.next().await {
            seen.push(event);
        }
        assert_eq!(seen, history, "{name}");
    }
}

#[tokio::test]
async fn an_execution_is_described_as_it_stands() {
    let bench = Bench::manual(Functions::hang());
    let arn = bench.start(json!({ "Pay": task("Pay", json!({})) })).await.arn;
    let running = bench.engine.describe(&arn).await.unwrap();
    assert!(running.live);
    assert_eq!(running.execution.summary.status, "RUNNING");
    assert_eq!(running.execution.input.value(), &json!({ "order": 1 }));
    assert_eq!(running.execution.role, "arn:aws:iam::123456789012:role/orders");

    let bench = bench.restart(Functions::hang()).await;
    let interrupted = bench.engine.describe(&arn).await.unwrap();
    assert!(!interrupted.live);
    assert_eq!(interrupted.execution, running.execution);

    bench.engine.resume(&arn).await.unwrap();
    bench.clock.advance_millis(5);
    bench.engine.stop(&arn, StatesError::default()).await.unwrap();
    let stopped = bench.engine.describe(&arn).await.unwrap();
    assert!(!stopped.live);
    assert_eq!(stopped.execution.summary.status, "ABORTED");
    assert_eq!(stopped.execution.summary.stopped_at, Some(START.plus_millis(5)));
}

#[tokio::test]
async fn what_does_not_exist_is_said_not_to() {
    let bench = Bench::new(Functions::echo());
    let none = EngineError::ExecutionDoesNotExist { arn: "arn:x".to_owned() };
    let engine = &bench.engine;
    assert_eq!(engine.describe("arn:x").await.unwrap_err(), none);
    assert_eq!(engine.history("arn:x").await.unwrap_err(), none);
    assert_eq!(engine.watch("arn:x").await.unwrap_err(), none);
    assert_eq!(engine.wait("arn:x").await.unwrap_err(), none);
    assert_eq!(engine.resume("arn:x").await.unwrap_err(), none);
    assert_eq!(engine.stop("arn:x", StatesError::default()).await.unwrap_err(), none);
    assert_eq!(none.to_string(), "execution `arn:x` does not exist");
}

#[tokio::test]
async fn executions_are_listed_newest_first() {
    let bench = Bench::manual(Functions::hang());
    for name in ["a", "b"] {
        let states = json!({ "Pay": task("Pay", json!({})) });
        bench.engine.start(start(name, states)).await.unwrap();
    }
    let done = start("c", json!({ "Done": { "Type": "Succeed" } }));
    bench.engine.start(done).await.unwrap();
    let names = async |selection| {
        let found = bench.engine.list(selection).await.unwrap();
        found.iter().map(|it| it.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(Selection::default()).await, ["c", "b", "a"]);
    let running = Selection { status: Some("RUNNING".to_owned()), ..Selection::default() };
    assert_eq!(names(running).await, ["b", "a"]);
}
