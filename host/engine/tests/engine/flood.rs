//! More than the engine takes: whoever asks is told so at once, and what was taken comes to its end.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::{Value, json};
use stepyard_asl::Status;
use stepyard_engine::{
    Config, Engine, EngineError, MemoryStore, Outcome, Quotas, StartError, Started,
};
use tokio::sync::Semaphore;

use crate::support::{Bench, Functions, settle, start, task};

const THROTTLED: StartError = StartError::Engine(EngineError::Throttled);

fn pay() -> Value {
    json!({ "Pay": task("Pay", json!({})) })
}

/// An engine that begins nothing while four tasks are at work, and the permits that its tasks need.
fn small() -> (Engine, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let given = permits.clone();
    let functions = Functions::new(move |task| {
        let permits = given.clone();
        async move {
            permits.acquire().await.unwrap().forget();
            Outcome::done(task.input)
        }
    });
    let config = Config::new(MemoryStore::new(Quotas::default()));
    (Engine::new(Config { integrations: vec![functions], tasks_max: 4, ..config }), permits)
}

#[tokio::test]
async fn nothing_begins_while_too_many_tasks_are_at_work() {
    let (engine, permits) = small();
    for name in ["a", "b"] {
        engine.start(start(name, pay())).await.unwrap();
        engine.start_express(start(name, pay())).await.unwrap();
        settle().await;
    }
    assert_eq!(engine.tasks_at_work(), 4);
    assert_eq!(engine.start(start("c", pay())).await, Err(THROTTLED));
    assert_eq!(engine.start_express(start("c", pay())).await.map(|_| ()), Err(THROTTLED));

    permits.add_permits(1);
    settle().await;
    engine.start(start("c", pay())).await.unwrap();
    permits.add_permits(4);
    settle().await;
    assert_eq!(engine.tasks_at_work(), 0);
    let measures = engine.measures();
    let ended = |of: &stepyard_engine::measures::Executions| of.ended().next();
    assert_eq!(ended(&measures.standard), Some(("SUCCEEDED", 3)));
    assert_eq!(ended(&measures.express), Some(("SUCCEEDED", 2)));
}

#[tokio::test]
async fn more_than_the_inbox_holds_is_throttled_and_the_rest_is_done() {
    const ASKED: usize = 3_000;
    let bench = Bench::new(Functions::echo());
    // On one thread all ask before the driver has its turn.
    let asked = (0..ASKED).map(|number| bench.engine.start(start(&format!("e-{number}"), pay())));
    let answers = join_all(asked).await;
    let started: Vec<&Started> = answers.iter().flatten().collect();
    let throttled = answers.iter().filter(|it| **it == Err(THROTTLED)).count();
    assert!(throttled > 0 && !started.is_empty(), "{} started", started.len());
    assert_eq!(started.len() + throttled, ASKED);
    for one in started {
        let status = bench.engine.wait(&one.arn).await.unwrap();
        assert!(matches!(status, Status::Succeeded { .. }), "{status:?}");
    }
    // Who was throttled comes again.
    let again = answers.iter().position(|it| it.is_err()).unwrap();
    bench.engine.start(start(&format!("e-{again}"), pay())).await.unwrap();
}
