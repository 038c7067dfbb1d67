//! A store that fails: whatever was asked for is acknowledged to nobody and acted upon by nobody.

use futures::{FutureExt, future::BoxFuture};
use serde_json::json;
use stepyard_asl::{StatesError, Status};
use stepyard_engine::{
    Answer, Completion, Engine, EngineError, MachineType, NewStateMachine, Outcome, Selection,
    Store, StoreError, Tags, clock::VirtualClock,
};

use crate::{
    slow::Slow,
    support::{Functions, Gauge, Given, START, engine, payload, settle, start, task},
};

/// What there is before the store fails.
struct Scene {
    engine: Engine,
    store: Slow,
    clock: VirtualClock,
    /// Waits for its token, for an hour at most.
    asking: String,
    token: String,
    /// Failed, and may be redriven.
    failed: String,
    /// At work on a task.
    working: String,
    /// How many tasks are at work.
    running: Gauge,
    given: Given,
}

impl Scene {
    async fn open() -> Self {
        let (store, clock) = (Slow::new(1_000, usize::MAX), VirtualClock::manual(START));
        let (given, running) = (Given::default(), Gauge::default());
        let functions = Functions::new({
            let (given, running) = (given.clone(), running.clone());
            move |task| {
                let counted = running.count();
                let asks = task.token.is_some();
                given.add(task);
                async move {
                    let _counted = counted;
                    if asks {
                        let answer = Answer::Submitted(payload(json!({})));
                        return Outcome { result: Ok(answer), version: None };
                    }
                    std::future::pending().await
                }
            }
        });
        let engine = engine(functions, clock.clone(), store.clone());
        let begin = async |name, states| engine.start(start(name, states)).await.unwrap().arn;
        let ask = json!({
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": { "FunctionName": "A", "Payload": { "token.$": "$$.Task.Token" } },
            "TimeoutSeconds": 3_600, "End": true,
        });
        let asking = begin("asking", json!({ "Ask": ask })).await.to_string();
        let failed = begin("failed", json!({ "Bad": { "Type": "Fail" } })).await.to_string();
        engine.wait(&failed).await.unwrap();
        let working = begin("working", json!({ "Work": task("Work", json!({})) })).await;
        settle().await;
        let token = given.tasks().iter().find_map(|it| it.token.clone()).unwrap().0;
        let working = working.to_string();
        Self { engine, store, clock, asking, token, failed, working, running, given }
    }
}

/// Asks for something that has to be kept; answers why it was not.
type Door = for<'a> fn(&'a Scene) -> BoxFuture<'a, Result<(), String>>;

/// Every door that acknowledges something.
const DOORS: [(&str, Door); 7] = [
    ("start", |scene| {
        let started = scene.engine.start(start("new", json!({ "Work": task("New", json!({})) })));
        Box::pin(async { started.await.map(drop).map_err(|error| error.to_string()) })
    }),
    ("stop", |scene| {
        let stopped = scene.engine.stop(&scene.working, StatesError::runtime("Enough"));
        Box::pin(async { stopped.await.map(drop).map_err(|error| error.to_string()) })
    }),
    ("redrive", |scene| {
        let redriven = scene.engine.redrive(&scene.failed, None);
        Box::pin(async { redriven.await.map(drop).map_err(|error| error.to_string()) })
    }),
    ("complete", |scene| {
        let output = Completion::Succeeded(payload(json!("done")));
        let completed = scene.engine.complete_task(&scene.token, output);
        Box::pin(async { completed.await.map_err(|error| error.to_string()) })
    }),
    ("create_activity", |scene| {
        let created = scene.engine.create_activity("arn".into(), "pack".into(), Tags::new());
        Box::pin(async { created.await.map(drop).map_err(|error| error.to_string()) })
    }),
    ("create_state_machine", |scene| {
        let created = scene.engine.create_state_machine(NewStateMachine {
            arn: "arn:aws:states:us-east-1:123456789012:stateMachine:m".to_owned(),
            name: "m".to_owned(),
            definition: r#"{"StartAt":"S","States":{"S":{"Type":"Succeed"}}}"#.into(),
            role: "role".to_owned(),
            kind: MachineType::Standard,
            logging: "".into(),
            tracing: false,
            publish: None,
            tags: Tags::new(),
        });
        Box::pin(async { created.await.map(drop).map_err(|error| error.to_string()) })
    }),
    // Nobody asks, yet an hour has passed.
    ("a timer", |scene| {
        scene.clock.advance_millis(3_600_000);
        let ended = scene.engine.wait(&scene.asking);
        Box::pin(async { ended.await.map(drop).map_err(|error| error.to_string()) })
    }),
];

#[tokio::test]
async fn what_is_not_kept_is_acknowledged_at_no_door() {
    for (name, door) in DOORS {
        let scene = Scene::open().await;
        let mut watch = scene.engine.watch(&scene.working).await.unwrap();
        while watch.next().now_or_never().is_some() {}
        let waiting = tokio::spawn({
            let (engine, working) = (scene.engine.clone(), scene.working.clone());
            async move { engine.wait(&working).await }
        });
        settle().await;
        let (tasks, before) = (scene.given.tasks().len(), kept(&scene));
        assert!(scene.engine.failed().now_or_never().is_none(), "{name}");

        scene.store.break_down();
        let closed = StoreError::Closed { reason: "the disk is full".to_owned() };
        assert_eq!(door(&scene).await, Err(closed.to_string()), "{name}");
        let closed = EngineError::Store(closed);
        assert_eq!(scene.engine.failed().now_or_never(), Some(closed.clone()), "{name}");
        assert!(!scene.engine.is_running(), "{name}");
        // Whoever asks next is told the same, whichever door broke.
        for (next, door) in DOORS {
            assert_eq!(door(&scene).await, Err(closed.to_string()), "{name}, then {next}");
        }
        settle().await;
        assert_eq!(scene.given.tasks().len(), tasks, "{name}: nothing was performed");
        assert_eq!(kept(&scene), before, "{name}: nothing was kept");
        assert_eq!(watch.next().await, None, "{name}: nothing is shown");
        assert_eq!(waiting.await.unwrap(), Err(closed), "{name}");
        assert_eq!(scene.running.at_a_time(), 0, "{name}: tasks at work are cancelled");
    }
}

/// What the store has: each execution's status and number of facts, state machines and activities.
fn kept(scene: &Scene) -> (Vec<(String, Status, usize)>, usize, usize) {
    let store = &scene.store.inner;
    let execution = |arn: &str| {
        let status = store.execution(arn).unwrap().unwrap().status;
        (arn.to_owned(), status, store.facts(arn).unwrap().len())
    };
    let all = store.executions(&Selection::default()).unwrap();
    let executions = all.iter().map(|it| execution(&it.arn)).collect();
    let machines = store.state_machines().unwrap().len();
    (executions, machines, store.activities().unwrap().len())
}
