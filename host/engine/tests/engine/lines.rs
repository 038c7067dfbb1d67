//! Tasks of activities that wait in line for a worker, their executions at rest.

use std::time::Duration;

use serde_json::{Value, json};
use stepyard_asl::{Payload, StateMachine, StatesError, Status};
use stepyard_engine::{
    ActivityTask, Completion, Config, Custody, Engine, MemoryStore, Quotas, SqliteStore,
    StartExecution, Store, Tags, clock::VirtualClock,
};

use crate::custody::{eventually, keeper, rests};
use crate::slow::Slow;
use crate::support::{Functions, START, config, settle, start, succeeded};

const PACK: &str = "arn:aws:states:us-east-1:123456789012:activity:pack";

/// A task of an activity.
fn pack() -> Value {
    json!({ "Pack": { "Type": "Task", "Resource": PACK, "End": true } })
}

/// An execution that has only so many seconds.
fn within(seconds: u64, begin: StartExecution) -> StartExecution {
    let mut definition: Value = serde_json::from_str(&begin.definition).unwrap();
    definition["TimeoutSeconds"] = json!(seconds);
    let definition = definition.to_string();
    let machine = StateMachine::parse(&definition).unwrap().into();
    StartExecution { machine, definition: definition.into(), ..begin }
}

async fn packing(engine: &Engine) {
    engine.create_activity(PACK.to_owned(), "pack".to_owned(), Tags::new()).await.unwrap();
}

/// What a worker gets, within a while.
async fn taken(engine: &Engine) -> Option<ActivityTask> {
    let comes = engine.activity_task(PACK, Some("w".to_owned())).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), comes).await.ok()?.ok()
}

#[tokio::test]
async fn tasks_that_wait_for_a_worker_rest_and_are_taken_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = || SqliteStore::open(folder.path().join("store.db"), Quotas::default()).unwrap();
    let keeper = |clock: &VirtualClock, store| {
        let config = config(Functions::hang(), clock.clone(), store);
        Engine::new(Config { custody: Some(Custody::default()), ..config })
    };
    let clock = VirtualClock::manual(START);
    let (engine, kept) = (keeper(&clock, store()), store());
    packing(&engine).await;
    let mut arns = Vec::new();
    for name in ["a", "b", "stopped", "late", "c"] {
        let begin = start(name, pack());
        let begin = if name == "late" { within(60, begin) } else { begin };
        arns.push(engine.start(begin).await.unwrap().arn);
    }
    eventually(|| arns.iter().all(|arn| rests(&kept, arn))).await;
    let first = taken(&engine).await.unwrap();
    assert_eq!(first.token.execution().as_deref(), Some(&*arns[0]));
    engine.stop(&arns[2], StatesError::default()).await.unwrap();
    clock.advance_millis(60_000);
    assert!(matches!(engine.wait(&arns[3]).await, Ok(Status::TimedOut)));
    engine.shutdown().await;
    drop((engine, kept));

    // The next engine knows who has which, and who waits.
    let (engine, kept) = (keeper(&clock, store()), store());
    for arn in [&arns[1], &arns[4]] {
        let task = taken(&engine).await.unwrap();
        assert_eq!(task.token.execution().as_deref(), Some(&**arn));
        let done = Completion::Succeeded(Payload::parse("7").unwrap());
        engine.complete_task(&task.token.0, done).await.unwrap();
        succeeded(engine.wait(arn).await.unwrap());
    }
    assert_eq!(kept.waiting(PACK, 0, 9), Ok(vec![]), "nobody is left in the line");
    let done = Completion::Succeeded(Payload::parse("1").unwrap());
    engine.complete_task(&first.token.0, done).await.unwrap();
    assert_eq!(succeeded(engine.wait(&arns[0]).await.unwrap()), json!(1));
    // One that comes while a worker waits is taken at once.
    let comes = engine.activity_task(PACK, None).await.unwrap();
    let next = engine.start(start("next", pack())).await.unwrap().arn;
    let task = tokio::time::timeout(Duration::from_secs(10), comes).await.unwrap().unwrap();
    assert_eq!(task.token.execution().as_deref(), Some(&*next));
}

#[tokio::test]
async fn many_workers_at_once_take_each_task_once() {
    let (clock, store) = (VirtualClock::manual(START), MemoryStore::new(Quotas::default()));
    let engine = keeper(Functions::hang(), &clock, &store);
    packing(&engine).await;
    let mut arns = Vec::new();
    for number in 0..150 {
        let started = engine.start(start(&format!("e-{number}"), pack())).await.unwrap();
        arns.push(started.arn.to_string());
    }
    eventually(|| arns.iter().all(|arn| rests(&store, arn))).await;
    let polls = (0..150).map(|number| {
        let engine = engine.clone();
        async move {
            let mut comes = engine.activity_task(PACK, None).await.unwrap();
            if number % 3 > 0 {
                return comes.await.ok();
            }
            // Some go at once, perhaps with a task on its way to them.
            comes.close();
            comes.try_recv().ok()
        }
    });
    let polls = tokio::spawn(futures::future::join_all(polls));
    let polled = tokio::time::timeout(Duration::from_secs(30), polls).await.unwrap().unwrap();
    let mut all: Vec<_> = polled.into_iter().flatten().collect();
    while all.len() < arns.len() {
        all.push(taken(&engine).await.expect("a task that nobody has is there still"));
    }
    let mut executions: Vec<_> = all.iter().map(|task| task.token.execution().unwrap()).collect();
    executions.sort();
    arns.sort();
    assert_eq!(executions, arns);
}

#[tokio::test]
async fn one_that_cannot_be_read_back_stands_in_no_workers_way() {
    let (clock, store) = (VirtualClock::manual(START), MemoryStore::new(Quotas::default()));
    let engine = keeper(Functions::hang(), &clock, &store);
    packing(&engine).await;
    let mut broken = start("broken", pack());
    broken.definition = "{}".into();
    let broken = engine.start(broken).await.unwrap().arn;
    let good = engine.start(start("good", pack())).await.unwrap().arn;
    eventually(|| rests(&store, &broken) && rests(&store, &good)).await;
    settle().await;
    let task = taken(&engine).await.unwrap();
    assert_eq!(task.token.execution().as_deref(), Some(&*good));
    let later = START.plus_millis(3_600_000);
    eventually(|| store.resting(later, 1).unwrap() == [(broken.clone(), later)]).await;
}

#[tokio::test]
async fn a_task_whose_worker_has_gone_finds_another_though_its_execution_rests() {
    let (clock, store) = (VirtualClock::manual(START), Slow::new(usize::MAX >> 3, usize::MAX));
    let config = config(Functions::hang(), clock, store.clone());
    let engine = Engine::new(Config { custody: Some(Custody::default()), ..config });
    packing(&engine).await;
    let arn = engine.start(start("e", pack())).await.unwrap().arn;
    settle().await;

    // It goes while it is on its way to the disk that it has the task.
    store.through.forget_permits(usize::MAX);
    let gone = engine.activity_task(PACK, None).await.unwrap();
    settle().await;
    drop(gone);
    store.through.add_permits(100);
    eventually(|| rests(&store, &arn)).await;
    settle().await;
    let next = engine.activity_task(PACK, None).await.unwrap();
    let task = tokio::time::timeout(Duration::from_secs(10), next).await.unwrap().unwrap();
    let done = Completion::Succeeded(Payload::parse("7").unwrap());
    engine.complete_task(&task.token.0, done).await.unwrap();
    assert_eq!(succeeded(engine.wait(&arn).await.unwrap()), json!(7));
}
