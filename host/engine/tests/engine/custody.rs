//! An engine with custody of its store: what only waits rests, what is unfinished goes on by itself,
//! what is long past is forgotten.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use stepyard_asl::{Fact, FactKind, Payload, StatesError, Status};
use stepyard_engine::{
    Answer, Batch, Checkpoint, Completion, CompletionError, Config, Custody, Engine, EngineError,
    MemoryStore, Outcome, Quotas, Record, Selection, SqliteStore, Standing, StartError, Store,
    clock::VirtualClock,
};

use crate::{
    slow::Slow,
    support::{Functions, Given, START, config, settle, start, succeeded, task},
};

const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;

fn wait(seconds: u64) -> Value {
    json!({ "Sleep": { "Type": "Wait", "Seconds": seconds, "End": true } })
}

/// A task that somebody outside completes, and hears of within a minute if at all.
fn callback(more: Value) -> Value {
    let mut ask = json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": true,
        "Parameters": { "FunctionName": "Ask", "Payload": { "token.$": "$$.Task.Token" } },
    });
    ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "Ask": ask })
}

/// Passes on each task's token and is done with it.
fn asking(given: &Given) -> Arc<Functions> {
    let given = given.clone();
    Functions::new(move |task| {
        given.add(task);
        async { Outcome { result: Ok(Answer::Submitted(json!({}).into())), version: None } }
    })
}

pub(crate) fn keeper(
    functions: Arc<Functions>,
    clock: &VirtualClock,
    store: &MemoryStore,
) -> Engine {
    let config = config(functions, clock.clone(), store.clone());
    Engine::new(Config { custody: Some(Custody::default()), ..config })
}

pub(crate) fn rests(store: &dyn Store, arn: &str) -> bool {
    store.execution(arn).unwrap().unwrap().rests
}

/// Waits for what comes of reading a store, which other threads do.
pub(crate) async fn eventually(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_waits_long_rests_and_goes_on_at_its_moment() {
    let (clock, store) = (VirtualClock::manual(START), MemoryStore::new(Quotas::default()));
    let engine = keeper(Functions::echo(), &clock, &store);
    let long = engine.start(start("long", wait(3_600))).await.unwrap().arn;
    let longer = engine.start(start("longer", wait(7_200))).await.unwrap().arn;
    let short = engine.start(start("short", wait(10))).await.unwrap().arn;
    let busy = engine.start(start("busy", json!({ "A": task("A", json!({})) }))).await.unwrap();
    succeeded(engine.wait(&busy.arn).await.unwrap());
    settle().await;
    assert_eq!([&long, &longer, &short].map(|arn| rests(&store, arn)), [true, true, false]);
    assert!(engine.describe(&long).await.unwrap().live, "it is not interrupted");

    clock.advance_millis(3_599_999);
    settle().await;
    assert_eq!(engine.describe(&long).await.unwrap().execution.status, Status::Running);
    clock.advance_millis(1);
    eventually(|| !rests(&store, &long)).await;
    succeeded(engine.wait(&long).await.unwrap());
    let over = engine.describe(&long).await.unwrap().execution;
    assert_eq!(over.summary.stopped_at, Some(START.plus_millis(3_600_000)));
    assert!(!over.rests && rests(&store, &longer));
    // One that rests for less long than those before is not overslept.
    let next = engine.start(start("next", wait(60))).await.unwrap().arn;
    settle().await;
    assert!(rests(&store, &next));
    clock.advance_millis(60_000);
    succeeded(engine.wait(&next).await.unwrap());
}

#[tokio::test]
async fn what_rests_is_looked_for_when_its_moment_has_come() {
    let (clock, store) = (VirtualClock::manual(START), Slow::new(1_000, usize::MAX));
    let config = config(Functions::echo(), clock.clone(), store.clone());
    let engine = Engine::new(Config { custody: Some(Custody::default()), ..config });
    let arn = engine.start(start("long", wait(3_600))).await.unwrap().arn;
    eventually(|| rests(&store.inner, &arn)).await;
    // As many looks as there were reasons, however late; without a pause there are thousands.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let looks = store.looks.load(Ordering::SeqCst);
    assert!(looks < 20, "{looks} looks");
    clock.advance_millis(3_600_000);
    succeeded(engine.wait(&arn).await.unwrap());
}

#[tokio::test]
async fn what_rests_hears_whoever_speaks_to_it() {
    let (clock, store) = (VirtualClock::manual(START), MemoryStore::new(Quotas::default()));
    let given = Given::default();
    let engine = keeper(asking(&given), &clock, &store);
    let mut arns = Vec::new();
    for name in ["done", "failed", "beaten", "stopped"] {
        let states = callback(json!({ "HeartbeatSeconds": 60 }));
        arns.push(engine.start(start(name, states)).await.unwrap().arn);
        settle().await;
    }
    eventually(|| arns.iter().all(|arn| rests(&store, arn))).await;
    let tokens: Vec<_> = given.tasks().into_iter().map(|task| task.token.unwrap().0).collect();
    let done = Completion::Succeeded(Payload::parse("7").unwrap());
    engine.complete_task(&tokens[0], done).await.unwrap();
    assert_eq!(succeeded(engine.wait(&arns[0]).await.unwrap()), json!(7));
    let failed = Completion::Failed(StatesError::new("No", "never"));
    engine.complete_task(&tokens[1], failed).await.unwrap();
    assert!(matches!(engine.wait(&arns[1]).await, Ok(Status::Failed { .. })));

    clock.advance_millis(59_999);
    engine.complete_task(&tokens[2], Completion::Beat).await.unwrap();
    // It rests until its next heartbeat.
    eventually(|| rests(&store, &arns[2])).await;
    engine.stop(&arns[3], StatesError::default()).await.unwrap();
    assert!(matches!(engine.wait(&arns[3]).await, Ok(Status::Aborted { .. })));
    let waiting = tokio::spawn({
        let (engine, arn) = (engine.clone(), arns[2].clone());
        async move { engine.wait(&arn).await }
    });
    settle().await;
    clock.advance_millis(59_999);
    settle().await;
    assert!(!waiting.is_finished());
    clock.advance_millis(1);
    assert!(matches!(waiting.await.unwrap(), Ok(Status::Failed { .. })));
    assert_eq!(given.tasks().len(), 4, "nothing is asked twice");
}

#[tokio::test]
async fn what_takes_a_year_is_over() {
    let (clock, store) = (VirtualClock::manual(START), MemoryStore::new(Quotas::default()));
    let engine = keeper(Functions::hang(), &clock, &store);
    let resting = engine.start(start("resting", wait(99_999_999))).await.unwrap().arn;
    let at_work = engine.start(start("busy", json!({ "A": task("A", json!({})) }))).await.unwrap();
    eventually(|| rests(&store, &resting)).await;
    clock.advance_millis(100 * DAY_MILLIS);
    let later = engine.start(start("later", wait(99_999_999))).await.unwrap().arn;
    clock.advance_millis(265 * DAY_MILLIS - 1);
    settle().await;
    let status = |arn: &str| store.execution(arn).unwrap().unwrap().status;
    for arn in [&resting, &at_work.arn] {
        assert_eq!(status(arn), Status::Running);
    }
    // It is looked for now and then, by a thread that time does not wait for.
    for arn in [&resting, &at_work.arn] {
        eventually(|| {
            clock.advance_millis(60_000);
            status(arn) == Status::TimedOut
        })
        .await;
    }
    assert_eq!(status(&later), Status::Running);
}

#[tokio::test]
async fn what_is_read_back_and_told_nothing_rests_again() {
    let (clock, store) = (VirtualClock::manual(START), MemoryStore::new(Quotas::default()));
    let given = Given::default();
    let engine = keeper(asking(&given), &clock, &store);
    let retried = json!({ "TimeoutSeconds": 60,
        "Retry": [{ "ErrorEquals": ["States.ALL"], "IntervalSeconds": 3_600 }] });
    let arn = engine.start(start("e", callback(retried))).await.unwrap().arn;
    eventually(|| rests(&store, &arn)).await;
    clock.advance_millis(60_000);
    let later = START.plus_millis(3_660_000);
    eventually(|| store.resting(later, 1).unwrap() == [(arn.clone(), later)]).await;
    settle().await;
    let resumed = || engine.measures().standard.resumed.get();
    let before = resumed();
    let over = given.tasks()[0].token.clone().unwrap().0;
    for times in 1..=3 {
        let late = engine.complete_task(&over, Completion::Beat).await.unwrap_err();
        assert_eq!(late, CompletionError::TaskOver);
        settle().await;
        assert_eq!(resumed(), before + times, "it was not in memory");
    }
}

#[tokio::test]
async fn what_waits_for_much_rests_once_it_was_told_nothing_for_a_while() {
    let (clock, store) = (VirtualClock::manual(START), MemoryStore::new(Quotas::default()));
    let given = Given::default();
    let engine = keeper(asking(&given), &clock, &store);
    let each =
        json!({ "StartAt": "Ask", "States": callback(json!({ "HeartbeatSeconds": 3_600 })) });
    let states = json!({ "Each": { "Type": "Map", "Iterator": each, "End": true } });
    let mut begin = start("e", states);
    begin.input = json!((0..40).collect::<Vec<_>>()).into();
    let arn = engine.start(begin).await.unwrap().arn;
    eventually(|| rests(&store, &arn)).await;
    let resumed = || engine.measures().standard.resumed.get();
    let tokens: Vec<_> = given.tasks().into_iter().map(|task| task.token.unwrap().0).collect();
    for (number, token) in tokens.iter().enumerate() {
        if number == 4 {
            assert_eq!(resumed(), 0, "it is in memory");
            clock.advance_millis(60_000);
            settle().await;
            clock.advance_millis(60_000);
            settle().await;
        }
        let done = Completion::Succeeded(Payload::parse("7").unwrap());
        engine.complete_task(token, done).await.unwrap();
        settle().await;
    }
    assert_eq!(succeeded(engine.wait(&arn).await.unwrap()).as_array().unwrap().len(), 40);
    assert!(resumed() >= 1, "it had left memory");
}

#[tokio::test]
async fn the_next_keeper_goes_on_with_all_that_is_unfinished() {
    let (clock, store) = (VirtualClock::manual(START), MemoryStore::new(Quotas::default()));
    let first = keeper(Functions::hang(), &clock, &store);
    let asleep = first.start(start("asleep", wait(3_600))).await.unwrap().arn;
    let mut busy = Vec::new();
    for number in 0..50 {
        let states = json!({ "A": task("A", json!({})) });
        busy.push(first.start(start(&format!("busy-{number}"), states)).await.unwrap().arn);
    }
    settle().await;
    drop(first);
    settle().await;

    let second = keeper(Functions::echo(), &clock, &store);
    for arn in &busy {
        succeeded(second.wait(arn).await.unwrap());
    }
    assert!(rests(&store, &asleep));
    let again = second.start(start("asleep", wait(3_600))).await.unwrap();
    assert_eq!(again.standing, Standing::Running);
    clock.advance_millis(3_600_000);
    succeeded(second.wait(&asleep).await.unwrap());
}

#[tokio::test]
async fn one_that_cannot_go_on_keeps_no_other_from_going_on() {
    let (clock, store) = (VirtualClock::manual(START), MemoryStore::new(Quotas::default()));
    let first = keeper(Functions::hang(), &clock, &store);
    let good = first.start(start("good", json!({ "A": task("A", json!({})) }))).await.unwrap().arn;
    let mut broken = start("broken", json!({ "A": task("A", json!({})) }));
    broken.definition = "{}".into();
    let broken = first.start(broken).await.unwrap().arn;
    settle().await;
    drop(first);
    settle().await;
    let second = keeper(Functions::echo(), &clock, &store);
    succeeded(second.wait(&good).await.unwrap());
    // It is tried again later.
    eventually(|| rests(&store, &broken)).await;
    let error = second.wait(&broken).await.unwrap_err();
    assert!(matches!(error, EngineError::InvalidDefinition { .. }), "{error}");
}

#[tokio::test]
async fn what_rests_counts_as_open() {
    let (clock, store) = (VirtualClock::manual(START), MemoryStore::new(Quotas::default()));
    let config = config(Functions::echo(), clock.clone(), store.clone());
    let config = Config { custody: Some(Custody::default()), standard_max: 2, ..config };
    let engine = Engine::new(config.clone());
    engine.start(start("a", wait(60))).await.unwrap();
    let second = engine.start(start("b", wait(60))).await.unwrap().arn;
    settle().await;
    let refused = engine.start(start("c", wait(60))).await;
    assert_eq!(refused, Err(StartError::AtCapacity));
    drop(engine);
    settle().await;
    let engine = Engine::new(config);
    settle().await;
    assert_eq!(engine.start(start("c", wait(60))).await, Err(StartError::AtCapacity));
    engine.stop(&second, StatesError::default()).await.unwrap();
    engine.start(start("c", wait(60))).await.unwrap();
    settle().await;
    assert_eq!(engine.start(start("d", wait(60))).await, Err(StartError::AtCapacity));
}

/// Counts down from 400, asking a function at each turn.
fn countdown() -> Value {
    json!({
        "Ask": { "Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:A",
            "Next": "Less" },
        "Less": { "Type": "Pass", "Parameters": { "order.$": "States.MathAdd($.order, -1)" },
            "Next": "More" },
        "More": { "Type": "Choice", "Default": "Ask",
            "Choices": [{ "Variable": "$.order", "NumericLessThan": -1_200, "Next": "Sleep" }] },
        "Sleep": { "Type": "Wait", "Seconds": 60, "End": true },
    })
}

#[tokio::test]
async fn a_long_journal_is_told_from_its_last_checkpoint_and_ends_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = || SqliteStore::open(folder.path().join("store.db"), Quotas::default()).unwrap();
    let clock = VirtualClock::manual(START);
    let mut histories = Vec::new();
    for name in ["kept", "spoiled"] {
        let keeper = |store| {
            let config = config(Functions::echo(), clock.clone(), store);
            Engine::new(Config { custody: Some(Custody::default()), ..config })
        };
        let engine = keeper(store());
        let arn = engine.start(start(name, countdown())).await.unwrap().arn;
        eventually(|| rests(&store(), &arn)).await;
        drop(engine);
        let store = store();
        let checkpoint = store.checkpoint(&arn).unwrap().expect("it is long enough for one");
        let facts = store.facts(&arn).unwrap().len() as u64;
        assert!(checkpoint.facts >= 500 && facts - checkpoint.facts < 500, "{facts} facts");
        if name == "spoiled" {
            let checkpoint = Checkpoint { body: "{}".to_owned(), ..checkpoint };
            let record = Record::Checkpoint { execution: arn.clone(), checkpoint };
            store.append(Batch { records: vec![record] }).await.unwrap();
        }
        let engine = keeper(store);
        clock.advance_millis(60_000);
        succeeded(engine.wait(&arn).await.unwrap());
        let history = engine.history(&arn).await.unwrap();
        histories.push(history.iter().map(|it| (it.id, it.kind.name())).collect::<Vec<_>>());
        engine.shutdown().await;
    }
    assert_eq!(histories[0], histories[1]);
}

#[tokio::test]
async fn what_ended_before_the_retention_is_forgotten() {
    let (clock, store) = (VirtualClock::manual(START), MemoryStore::new(Quotas::default()));
    let engine = keeper(Functions::echo(), &clock, &store);
    let open = engine.start(start("open", wait(200 * DAY_MILLIS / 1_000))).await.unwrap().arn;
    let past = engine.start(start("past", wait(0))).await.unwrap().arn;
    succeeded(engine.wait(&past).await.unwrap());
    let is_purged = || store.execution(&past).unwrap().is_none();
    clock.advance_millis(90 * DAY_MILLIS);
    settle().await;
    assert!(!is_purged());
    clock.advance_millis(DAY_MILLIS);
    eventually(is_purged).await;
    let error = engine.history(&past).await.unwrap_err();
    assert_eq!(error, EngineError::ExecutionDoesNotExist { arn: past.to_string() });
    assert_eq!(engine.describe(&open).await.unwrap().execution.status, Status::Running);
}

#[tokio::test]
async fn a_store_past_its_size_forgets_what_ended_first() {
    let (clock, store) = (VirtualClock::manual(START), MemoryStore::new(Quotas::default()));
    let config = config(Functions::echo(), clock.clone(), store.clone());
    let custody = Custody { store_bytes_max: Some(0), retention: Duration::MAX };
    let engine = Engine::new(Config { custody: Some(custody), ..config });
    let open = engine.start(start("open", wait(3_600))).await.unwrap().arn;
    for name in ["a", "b"] {
        let arn = engine.start(start(name, wait(0))).await.unwrap().arn;
        engine.wait(&arn).await.unwrap();
    }
    settle().await;
    clock.advance_millis(DAY_MILLIS / 100);
    eventually(|| store.executions(&Selection::default()).unwrap().len() == 1).await;
    assert!(store.execution(&open).unwrap().is_some());
}

#[tokio::test]
async fn what_is_over_by_its_facts_alone_ends_as_they_say() {
    let (clock, store) = (VirtualClock::manual(START), MemoryStore::new(Quotas::default()));
    let engine = keeper(Functions::hang(), &clock, &store);
    let arn = engine.start(start("e", wait(3_600))).await.unwrap().arn;
    drop(engine);
    settle().await;
    let number = store.facts(&arn).unwrap().len() as u64 + 1;
    let error = StatesError::new("Stopped", "by hand");
    let aborted = FactKind::ExecutionAborted { error: error.clone() };
    let fact = Fact::new(START.plus_millis(5), aborted);
    let fact = Record::Fact { execution: arn.clone(), number, fact };
    store.append(Batch { records: vec![fact] }).await.unwrap();
    assert_eq!(store.execution(&arn).unwrap().unwrap().status, Status::Running);

    let engine = keeper(Functions::hang(), &clock, &store);
    engine.resume(&arn).await.unwrap();
    assert_eq!(engine.wait(&arn).await.unwrap(), Status::Aborted { error });
    let record = store.execution(&arn).unwrap().unwrap();
    assert_eq!(record.summary.stopped_at, Some(START.plus_millis(5)));
}
