//! Commit, then act; and going on where another engine ended.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use stepyard_asl::Status;
use stepyard_engine::{
    Answer, Config, Engine, EngineError, MemoryStore, Outcome, Selection, SqliteStore, StartError,
    Store, StoreError,
    clock::{Clock, VirtualClock},
};
use tokio::sync::Notify;

use crate::{
    slow::Slow,
    support::{
        Bench, Functions, Given, START, alone, engine, payload, settle, start, succeeded, task,
    },
};

/// Two tasks and a Wait, side by side.
fn three() -> Value {
    let branches = [
        alone("A", task("A", json!({ "TimeoutSeconds": 60 }))),
        alone("B", task("B", json!({}))),
        alone("Sleep", json!({ "Type": "Wait", "Seconds": 100, "End": true })),
    ];
    json!({ "Three": { "Type": "Parallel", "Branches": branches, "End": true } })
}

/// Keeps the tasks it is given, and answers those of the functions in `answered`.
fn answering(given: &Given, answered: &'static [&'static str]) -> Arc<Functions> {
    let given = given.clone();
    Functions::new(move |task| {
        let name = task.resource.text().rsplit_once(':').unwrap().1.to_owned();
        given.add(task);
        async move {
            match answered.contains(&&*name) {
                true => Outcome::done(payload(json!(name))),
                false => std::future::pending().await,
            }
        }
    })
}

#[tokio::test]
async fn an_execution_goes_on_where_its_engine_ended() {
    let given = Given::default();
    let bench = Bench::manual(answering(&given, &["B"]));
    let arn = bench.start(three()).await.arn;
    settle().await;
    bench.clock.advance_millis(40_000);
    let before = given.tasks();
    assert_eq!(before.len(), 2);

    let again = Given::default();
    let bench = bench.restart(answering(&again, &["A"])).await;
    bench.clock.advance_millis(10_000);
    bench.engine.resume(&arn).await.unwrap();
    settle().await;
    // A was at work and is performed again, as the same task; B was done and is not.
    let [task] = &again.tasks()[..] else { panic!("one task: {:?}", again.tasks()) };
    let first = before.iter().find(|it| it.resource == task.resource).unwrap();
    assert!(task.resource.text().ends_with(":A"));
    assert_eq!(task.idempotency_key, first.idempotency_key);
    assert_eq!((task.deadline, task.attempt), (Some(START.plus_millis(60_000)), 0));
    assert_eq!(task.trace, first.trace);
    // The Wait fires when it would have.
    bench.clock.advance_millis(49_999);
    settle().await;
    assert_eq!(bench.engine.describe(&arn).await.unwrap().execution.status, Status::Running);
    bench.clock.advance_millis(1);
    let output = succeeded(bench.engine.wait(&arn).await.unwrap());
    assert_eq!(output, json!(["A", "B", { "order": 1 }]));
    let stopped_at = bench.engine.describe(&arn).await.unwrap().execution.summary.stopped_at;
    assert_eq!(stopped_at, Some(START.plus_millis(100_000)));
}

#[tokio::test]
async fn a_resumed_task_times_out_when_the_first_one_would_have() {
    let bench = Bench::manual(Functions::hang());
    let arn = bench.start(json!({ "A": task("A", json!({ "TimeoutSeconds": 60 })) })).await.arn;
    settle().await;
    bench.clock.advance_millis(50_000);
    let bench = bench.restart(Functions::hang()).await;
    bench.engine.resume(&arn).await.unwrap();
    bench.clock.advance_millis(10_000);
    let Status::Failed { error } = bench.engine.wait(&arn).await.unwrap() else { panic!() };
    assert_eq!(error.name(), "States.Timeout");
}

#[tokio::test]
async fn to_resume_what_is_at_work_or_over_changes_nothing() {
    let given = Given::default();
    let bench = Bench::manual(answering(&given, &[]));
    let arn = bench.start(json!({ "A": task("A", json!({})) })).await.arn;
    settle().await;
    bench.engine.resume(&arn).await.unwrap();
    let bench = bench.restart(answering(&given, &["A"])).await;
    let resumes = (0..10).map(|_| bench.engine.resume(&arn));
    futures::future::try_join_all(resumes).await.unwrap();
    succeeded(bench.engine.wait(&arn).await.unwrap());
    bench.engine.resume(&arn).await.unwrap();
    settle().await;
    assert_eq!(given.tasks().len(), 2, "once by each engine");
}

#[tokio::test]
async fn a_shutdown_lets_tasks_end_and_begins_nothing_more() {
    let finish = Arc::new(Notify::new());
    let functions = Functions::new({
        let finish = finish.clone();
        move |task| {
            let finish = finish.clone();
            async move {
                finish.notified().await;
                Outcome::done(task.input)
            }
        }
    });
    let bench = Bench::manual(functions);
    let mut states = json!({ "A": task("A", json!({ "Next": "B" })), "B": task("B", json!({})) });
    states["A"].as_object_mut().unwrap().remove("End");
    let arn = bench.start(states).await.arn;
    settle().await;
    let engine = bench.engine.clone();
    let shutdown = tokio::spawn(async move { engine.shutdown().await });
    settle().await;
    let other = bench.engine.start(start("other", three())).await;
    assert_eq!(other, Err(StartError::Engine(EngineError::ShutDown)));
    let waiting = tokio::spawn({
        let (engine, arn) = (bench.engine.clone(), arn.clone());
        async move { engine.wait(&arn).await }
    });
    settle().await;
    assert!(!shutdown.is_finished());
    finish.notify_one();
    shutdown.await.unwrap();
    assert_eq!(waiting.await.unwrap(), Err(EngineError::ShutDown));
    assert_eq!(bench.store.facts(&arn).unwrap().len(), 2, "the end of A is kept");

    let given = Given::default();
    let bench = bench.restart(answering(&given, &["B"])).await;
    bench.engine.resume(&arn).await.unwrap();
    assert_eq!(succeeded(bench.engine.wait(&arn).await.unwrap()), json!("B"));
    assert_eq!(given.tasks().len(), 1);
}

#[tokio::test]
async fn an_engine_that_ends_cancels_its_tasks() {
    let running = crate::support::Gauge::default();
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
    bench.start(json!({ "A": task("A", json!({})) })).await;
    settle().await;
    assert_eq!(running.at_a_time(), 1);
    drop(bench);
    settle().await;
    assert_eq!(running.at_a_time(), 0);
}

#[tokio::test]
async fn sqlite_keeps_an_execution_across_engines_and_openings() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open(folder.path().join("store.db"), Default::default()).unwrap();
    let clock = VirtualClock::manual(START);
    let first = engine(Functions::hang(), clock.clone(), open());
    let arn = first.start(start("e", three())).await.unwrap().arn;
    drop(first);
    settle().await;
    let second = engine(Functions::echo(), clock.clone(), open());
    let awake = Selection { awake: true, ..Selection::default() };
    let unfinished = second.list(awake).await.unwrap();
    assert_eq!(unfinished.iter().map(|it| &it.arn).collect::<Vec<_>>(), [&arn]);
    second.resume(&arn).await.unwrap();
    clock.advance_millis(100_000);
    succeeded(second.wait(&arn).await.unwrap());
    let history = second.history(&arn).await.unwrap();
    second.shutdown().await;
    let third = engine(Functions::hang(), clock, open());
    assert_eq!(third.history(&arn).await.unwrap(), history);
    assert!(matches!(third.wait(&arn).await, Ok(Status::Succeeded { .. })));
}

#[tokio::test]
async fn nothing_is_done_or_acknowledged_before_it_is_durable() {
    let (given, store) = (Given::default(), Slow::new(0, usize::MAX));
    let engine = engine(answering(&given, &["A"]), VirtualClock::manual(START), store.clone());
    let starting = tokio::spawn({
        let engine = engine.clone();
        async move { engine.start(start("e", json!({ "A": task("A", json!({})) }))).await }
    });
    settle().await;
    assert!(!starting.is_finished() && given.tasks().is_empty());
    store.through.add_permits(1);
    let arn = starting.await.unwrap().unwrap().arn;
    let waiting = tokio::spawn({
        let (engine, arn) = (engine.clone(), arn.clone());
        async move { engine.wait(&arn).await }
    });
    let mut watch = engine.watch(&arn).await.unwrap();
    settle().await;
    // The task is done, but that is not on the disk: nobody hears of it.
    assert_eq!(given.tasks().len(), 1);
    assert!(!waiting.is_finished());
    let mut seen = Vec::new();
    while let Some(event) = futures::FutureExt::now_or_never(watch.next()).flatten() {
        seen.push(event.kind.name());
    }
    assert_eq!(seen.last(), Some(&"LambdaFunctionStarted"), "{seen:?}");
    store.through.add_permits(1);
    succeeded(waiting.await.unwrap().unwrap());
}

#[tokio::test]
async fn an_express_task_is_over_once_what_it_wrote_is_durable() {
    let (given, store) = (Given::default(), Slow::new(0, usize::MAX));
    let functions = answering(&given, &["A", "B"]);
    let engine = engine(functions, VirtualClock::manual(START), store.clone());
    let mut first = task("A", json!({ "Next": "B" }));
    first.as_object_mut().unwrap().remove("End");
    let states = json!({ "A": first, "B": task("B", json!({})) });
    let (_, end) = engine.start_express(start("e", states)).await.unwrap();
    settle().await;
    assert_eq!(given.tasks().len(), 1, "nothing is built upon what may be lost");
    store.break_down();
    store.through.add_permits(2);
    let Status::Failed { error } = end.await.unwrap() else { panic!("it did not fail") };
    let cause = error.cause.unwrap();
    assert!(cause.contains("what the task wrote is not kept"), "{cause}");
    assert_eq!(given.tasks().len(), 2);
}

#[tokio::test]
async fn when_the_store_fails_nobody_is_told_otherwise() {
    let (given, store) = (Given::default(), Slow::new(10, 2));
    let engine = engine(answering(&given, &[]), VirtualClock::new(START), store);
    let arn = engine.start(start("e", json!({ "A": task("A", json!({})) }))).await.unwrap().arn;
    let waiting = tokio::spawn({
        let (engine, arn) = (engine.clone(), arn.clone());
        async move { engine.wait(&arn).await }
    });
    settle().await;
    let failed = EngineError::Store(StoreError::Closed { reason: "the disk is full".to_owned() });
    let other = engine.start(start("other", json!({ "A": task("A", json!({})) }))).await;
    assert_eq!(other, Err(StartError::Engine(failed.clone())));
    assert_eq!(waiting.await.unwrap(), Err(failed.clone()));
    assert_eq!(engine.wait(&arn).await, Err(failed.clone()));
    assert_eq!(engine.start(start("third", three())).await, Err(StartError::Engine(failed)));
    assert_eq!(given.tasks().len(), 1, "nothing of the failed commit was performed");
    engine.shutdown().await;
}

#[tokio::test]
async fn a_timer_that_came_due_while_nobody_was_there_fires_at_once() {
    let bench = Bench::manual(Functions::echo());
    let states = json!({ "Sleep": { "Type": "Wait", "Seconds": 10, "End": true } });
    let arn = bench.start(states).await.arn;
    let bench = bench.restart(Functions::echo()).await;
    bench.clock.advance_millis(1_000_000);
    bench.engine.resume(&arn).await.unwrap();
    succeeded(bench.engine.wait(&arn).await.unwrap());
    assert_eq!(bench.clock.now(), START.plus_millis(1_000_000));
}

#[tokio::test]
async fn an_engine_that_breaks_down_says_so() {
    #[derive(Debug)]
    struct Broken;

    impl Clock for Broken {
        fn now(&self) -> stepyard_asl::Timestamp {
            panic!("the clock stopped")
        }

        fn sleep_until(&self, _: stepyard_asl::Timestamp) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }
    }

    let clock = Arc::new(Broken);
    let engine = Engine::new(Config { clock, ..Config::new(MemoryStore::default()) });
    let broken = EngineError::Broken { reason: "the clock stopped".to_owned() };
    let started = engine.start(start("e", three())).await;
    assert_eq!(started, Err(StartError::Engine(broken.clone())));
    assert_eq!(engine.wait("arn").await, Err(broken));
}

#[tokio::test]
async fn a_task_that_was_submitted_is_only_awaited_after_a_restart() {
    let given = Given::default();
    let submitting = |given: &Given| {
        let given = given.clone();
        Functions::new(move |task| {
            given.add(task);
            async { Outcome { result: Ok(Answer::Submitted(payload(json!({})))), version: None } }
        })
    };
    let callback = json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": { "FunctionName": "A", "Payload": { "token.$": "$$.Task.Token" } },
        "TimeoutSeconds": 60, "End": true,
    });
    let bench = Bench::manual(submitting(&given));
    let arn = bench.start(json!({ "Ask": callback })).await.arn;
    settle().await;
    assert_eq!(given.tasks().len(), 1);

    let again = Given::default();
    let bench = bench.restart(submitting(&again)).await;
    bench.engine.resume(&arn).await.unwrap();
    settle().await;
    assert!(again.tasks().is_empty(), "{:?}", again.tasks());
    // Its timeout is a timer like any other, and goes on.
    bench.clock.advance_millis(60_000);
    let status = bench.engine.wait(&arn).await.unwrap();
    assert!(matches!(&status, Status::Failed { error } if error.name() == "States.Timeout"));
}
