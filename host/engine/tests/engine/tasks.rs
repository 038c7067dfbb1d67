//! Tasks: retried, timed out, side by side, cancelled, gone wrong.

use std::sync::{Arc, Mutex};

use serde_json::json;
use stepyard_asl::{FactKind, Payload, StatesError, Status};
use stepyard_engine::{Answer, Outcome, Store, clock::Clock};
use tokio::sync::{Barrier, Notify};

use crate::support::{
    Bench, Functions, Gauge, Given, START, alone, failed, payload, settle, succeeded, task,
};

#[tokio::test]
async fn a_wait_of_a_year_passes_when_nothing_else_is_to_be_done() {
    let bench = Bench::new(Functions::echo());
    let year = 365 * 24 * 60 * 60;
    let states = json!({ "Sleep": { "Type": "Wait", "Seconds": year, "End": true } });
    assert_eq!(succeeded(bench.run(states).await), json!({ "order": 1 }));
    assert_eq!(bench.clock.now(), START.plus_millis(year * 1_000));
}

#[tokio::test]
async fn a_task_is_told_what_it_belongs_to() {
    let given = Given::default();
    let functions = Functions::new({
        let given = given.clone();
        move |task| {
            given.add(task);
            async { Outcome::done(payload(json!("ok"))) }
        }
    });
    let bench = Bench::new(functions);
    let states = json!({ "Pay": task("Pay", json!({ "TimeoutSeconds": 60 })) });
    assert_eq!(succeeded(bench.run(states).await), json!("ok"));
    let [task] = &given.tasks()[..] else { panic!("one task") };
    assert_eq!(task.execution, "arn:aws:states:us-east-1:123456789012:execution:orders:e");
    assert_eq!((&*task.state, task.attempt), ("Pay", 0));
    assert_eq!(task.input.value(), &json!({ "order": 1 }));
    assert_eq!(task.trace.as_deref(), Some("Root=1-2-3"));
    assert_eq!(task.deadline, Some(START.plus_millis(60_000)));
    assert!(task.idempotency_key.starts_with(&format!("{}/", task.execution)));
}

#[tokio::test]
async fn a_retry_waits_its_backoff_and_keeps_the_idempotency_key() {
    let given = Given::default();
    let moments = Arc::new(Mutex::new(Vec::new()));
    let clock = stepyard_engine::clock::VirtualClock::new(START);
    let functions = Functions::new({
        let (given, moments, clock) = (given.clone(), moments.clone(), clock.clone());
        move |task| {
            moments.lock().unwrap().push(clock.now().as_millis() - START.as_millis());
            let attempts = given.add(task);
            async move {
                match attempts {
                    3 => Outcome::done(payload(json!("third time lucky"))),
                    _ => Outcome::failed(StatesError::new("Busy", "try again")),
                }
            }
        }
    });
    let bench = Bench::with(functions, clock, stepyard_engine::MemoryStore::default());
    let retry = json!([{ "ErrorEquals": ["Busy"], "IntervalSeconds": 10, "BackoffRate": 2.0 }]);
    let states = json!({ "Pay": task("Pay", json!({ "Retry": retry })) });
    assert_eq!(succeeded(bench.run(states).await), json!("third time lucky"));
    assert_eq!(*moments.lock().unwrap(), [0, 10_000, 30_000]);
    let tasks = given.tasks();
    assert_eq!(tasks.iter().map(|task| task.attempt).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(tasks.iter().all(|task| task.idempotency_key == tasks[0].idempotency_key));
}

#[tokio::test]
async fn two_visits_of_a_state_have_idempotency_keys_of_their_own() {
    let given = Given::default();
    let functions = Functions::new({
        let given = given.clone();
        move |task| {
            let visits = given.add(task);
            async move { Outcome::done(payload(json!(visits))) }
        }
    });
    let bench = Bench::new(functions);
    let mut pay = task("Pay", json!({ "Next": "Enough" }));
    pay.as_object_mut().unwrap().remove("End");
    let again = json!([{ "Variable": "$", "NumericLessThan": 2, "Next": "Pay" }]);
    let states = json!({
        "Pay": pay,
        "Enough": { "Type": "Choice", "Choices": again, "Default": "Done" },
        "Done": { "Type": "Succeed" },
    });
    assert_eq!(succeeded(bench.run(states).await), json!(2));
    let tasks = given.tasks();
    assert_ne!(tasks[0].idempotency_key, tasks[1].idempotency_key);
}

#[tokio::test]
async fn a_timeout_fails_the_task_and_cancels_its_work() {
    let running = Gauge::default();
    let functions = Functions::new({
        let running = running.clone();
        move |_| {
            let counted = running.count();
            async move {
                let _counted = counted;
                std::future::pending().await
            }
        }
    });
    let bench = Bench::manual(functions);
    let states = json!({ "Pay": task("Pay", json!({ "TimeoutSeconds": 5 })) });
    let started = bench.start(states).await;
    settle().await;
    bench.clock.advance_millis(4_999);
    settle().await;
    assert_eq!(running.at_a_time(), 1);
    bench.clock.advance_millis(1);
    let error = failed(bench.engine.wait(&started.arn).await.unwrap());
    assert_eq!(error.name(), "States.Timeout");
    settle().await;
    assert_eq!(running.at_a_time(), 0);
}

#[tokio::test]
async fn a_task_that_was_submitted_runs_out_of_heartbeats() {
    let given = Given::default();
    let functions = Functions::new({
        let given = given.clone();
        move |task| {
            given.add(task);
            async {
                let details = payload(json!({ "StatusCode": 200 }));
                Outcome { result: Ok(Answer::Submitted(details)), version: None }
            }
        }
    });
    let bench = Bench::new(functions);
    let states = json!({ "Ask": {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": { "FunctionName": "Ask", "Payload": { "token.$": "$$.Task.Token" } },
        "HeartbeatSeconds": 30,
        "End": true,
    } });
    let error = failed(bench.run(states).await);
    assert_eq!(error.name(), "States.Timeout");
    assert_eq!(bench.clock.now(), START.plus_millis(30_000));
    let [task] = &given.tasks()[..] else { panic!("one task") };
    let token = task.token.as_ref().expect("a callback has a token");
    assert_eq!(task.input.value()["Payload"]["token"], token.0);
}

#[tokio::test]
async fn branches_of_a_parallel_run_at_the_same_time() {
    let both = Arc::new(Barrier::new(2));
    let functions = Functions::new(move |task| {
        let both = both.clone();
        async move {
            both.wait().await;
            Outcome::done(payload(json!(task.resource.text().rsplit_once(':').unwrap().1)))
        }
    });
    let bench = Bench::new(functions);
    let branches = [alone("A", task("A", json!({}))), alone("B", task("B", json!({})))];
    let states = json!({ "Both": { "Type": "Parallel", "Branches": branches, "End": true } });
    assert_eq!(succeeded(bench.run(states).await), json!(["A", "B"]));
}

#[tokio::test]
async fn a_map_runs_as_many_iterations_at_a_time_as_it_may() {
    for (limit, most) in [(0, 6), (1, 1), (4, 4)] {
        let running = Gauge::default();
        let functions = Functions::new({
            let running = running.clone();
            move |task| {
                let counted = running.count();
                async move {
                    let _counted = counted;
                    settle().await;
                    Outcome::done(task.input)
                }
            }
        });
        let bench = Bench::new(functions);
        let states = json!({
            "Items": { "Type": "Pass", "Result": [1, 2, 3, 4, 5, 6], "Next": "Each" },
            "Each": {
                "Type": "Map",
                "MaxConcurrency": limit,
                "ItemProcessor": alone("Pay", task("Pay", json!({}))),
                "End": true,
            },
        });
        assert_eq!(succeeded(bench.run(states).await), json!([1, 2, 3, 4, 5, 6]));
        assert_eq!(running.most(), most, "MaxConcurrency {limit}");
    }
}

#[tokio::test]
async fn the_outcome_of_a_task_that_was_cancelled_is_ignored() {
    // Both outcomes come at once: the first fails the Parallel and so cancels the second.
    let both = Arc::new(Barrier::new(2));
    let functions = Functions::new(move |task| {
        let both = both.clone();
        async move {
            both.wait().await;
            match task.resource.text().ends_with(":A") {
                true => Outcome::failed(StatesError::new("Broken", "A failed")),
                false => Outcome::done(payload(json!("B is done"))),
            }
        }
    });
    let bench = Bench::new(functions);
    let branches = [alone("A", task("A", json!({}))), alone("B", task("B", json!({})))];
    let catch = json!([{ "ErrorEquals": ["Broken"], "Next": "Caught" }]);
    let states = json!({
        "Both": { "Type": "Parallel", "Branches": branches, "Catch": catch, "End": true },
        "Caught": { "Type": "Wait", "Seconds": 1, "End": true },
    });
    let output = succeeded(bench.run(states).await);
    assert_eq!(output, json!({ "Error": "Broken", "Cause": "A failed" }));
}

#[tokio::test]
async fn stopping_an_execution_cancels_its_tasks() {
    let running = Gauge::default();
    let functions = Functions::new({
        let running = running.clone();
        move |_| {
            let counted = running.count();
            async move {
                let _counted = counted;
                std::future::pending().await
            }
        }
    });
    let bench = Bench::manual(functions);
    let branches = [alone("A", task("A", json!({}))), alone("B", task("B", json!({})))];
    let states = json!({ "Both": { "Type": "Parallel", "Branches": branches, "End": true } });
    let arn = bench.start(states).await.arn;
    settle().await;
    assert_eq!(running.at_a_time(), 2);
    bench.clock.advance_millis(7);
    let error = StatesError::new("Stopped", "enough");
    let stopped_at = bench.engine.stop(&arn, error.clone()).await.unwrap();
    assert_eq!(stopped_at, START.plus_millis(7));
    assert_eq!(bench.engine.wait(&arn).await, Ok(Status::Aborted { error }));
    settle().await;
    assert_eq!(running.at_a_time(), 0);
    bench.clock.advance_millis(7);
    let again = bench.engine.stop(&arn, StatesError::default()).await;
    assert_eq!(again, Ok(stopped_at), "an execution stops once");
}

#[tokio::test]
async fn a_panic_in_an_integration_fails_its_task_and_nothing_else() {
    let functions = Functions::new(|task| async move {
        assert!(!task.execution.ends_with(":bad"), "no such order");
        Outcome::done(task.input)
    });
    let bench = Bench::new(functions);
    let states = json!({ "Pay": task("Pay", json!({})) });
    let bad = bench.engine.start(crate::support::start("bad", states.clone())).await.unwrap();
    let error = failed(bench.engine.wait(&bad.arn).await.unwrap());
    assert_eq!(error.name(), "States.Runtime");
    assert!(error.cause.as_deref().unwrap().ends_with("panicked: no such order"), "{error:?}");
    succeeded(bench.run(states).await);
}

#[tokio::test]
async fn a_task_that_nothing_claims_fails() {
    let bench = Bench::new(Functions::echo());
    let resource = "arn:aws:states:::sns:publish";
    assert!(!bench.engine.claims(&resource.parse().unwrap()));
    let parameters = json!({ "TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message": "m" });
    let state =
        json!({ "Type": "Task", "Resource": resource, "Parameters": parameters, "End": true });
    let error = failed(bench.run(json!({ "Tell": state })).await);
    assert_eq!(error.name(), "States.Runtime");
    let cause = error.cause.unwrap();
    assert_eq!(cause, "no integration does tasks of the resource `arn:aws:states:::sns:publish`");
}

#[tokio::test]
async fn the_time_of_facts_never_decreases() {
    let advanced = Arc::new(Notify::new());
    let functions = Functions::new({
        let advanced = advanced.clone();
        move |task| {
            let advanced = advanced.clone();
            async move {
                advanced.notified().await;
                Outcome::done(task.input)
            }
        }
    });
    let clock = Backwards(Mutex::new(START.as_millis()));
    let store = stepyard_engine::MemoryStore::default();
    let engine = stepyard_engine::Engine::new(stepyard_engine::Config {
        integrations: vec![functions],
        clock: Arc::new(clock),
        ..stepyard_engine::Config::new(store.clone())
    });
    let states = json!({ "Pay": task("Pay", json!({})) });
    let started = engine.start(crate::support::start("e", states)).await.unwrap();
    advanced.notify_one();
    succeeded(engine.wait(&started.arn).await.unwrap());
    let facts = store.facts(&started.arn).unwrap();
    assert!(matches!(facts[1].kind, FactKind::TaskSucceeded { .. }));
    assert_eq!(facts[1].at, facts[0].at);
}

/// A clock that goes back a second at every look.
#[derive(Debug)]
struct Backwards(Mutex<i64>);

impl Clock for Backwards {
    fn now(&self) -> stepyard_asl::Timestamp {
        let mut now = self.0.lock().unwrap();
        *now -= 1_000;
        stepyard_asl::Timestamp::from_millis(*now)
    }

    fn sleep_until(&self, _: stepyard_asl::Timestamp) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_executions_run_at_once() {
    // None ends before all have begun.
    let all = Arc::new(Barrier::new(1_000));
    let functions = Functions::new(move |task| {
        let all = all.clone();
        async move {
            all.wait().await;
            Outcome::done(task.input)
        }
    });
    let bench = Bench::new(functions);
    let states = json!({ "Pay": task("Pay", json!({})) });
    let mut runs = Vec::new();
    for number in 0..1_000 {
        let (engine, states) = (bench.engine.clone(), states.clone());
        runs.push(tokio::spawn(async move {
            let mut start = crate::support::start(&format!("e-{number}"), states);
            start.input = Payload::from(json!(number));
            let started = engine.start(start).await.unwrap();
            succeeded(engine.wait(&started.arn).await.unwrap())
        }));
    }
    for (number, run) in runs.into_iter().enumerate() {
        assert_eq!(run.await.unwrap(), json!(number));
    }
}
