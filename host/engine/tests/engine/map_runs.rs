//! Map Runs: children that are executions of their own, bounded, tolerated, stopped and found again.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use stepyard_asl::{EventType, Fact, FactKind, StatesError, Status};
use stepyard_engine::{
    Batch, Config, Engine, ExecutionSummary, MapRunChange, MapRunError, MapRunStatus, MemoryStore,
    Outcome, Quotas, Record, Selection, SqliteStore, Store, Task,
    clock::{SeededEntropy, VirtualClock},
};
use tokio::sync::Notify;

use crate::support::{
    Bench, Functions, Gauge, Given, START, failed, settle, start, succeeded, task,
};

/// A Distributed Map over the items of `$.items`, with `more` fields, each item a task of `Do`.
pub(crate) fn each(execution_type: &str, more: Value) -> Value {
    let mut map = json!({"Type": "Map", "End": true, "ItemsPath": "$.items", "Label": "each",
    "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": execution_type},
        "StartAt": "Do", "States": {"Do": task("Do", json!({}))}}});
    map.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"Give": {"Type": "Pass", "Result": {"items": [0, 1, 2, 3, 4]}, "Next": "Each"}, "Each": map})
}

/// Does what `work` makes of an item's number.
pub(crate) fn doing(
    work: impl Fn(u64) -> Option<Outcome> + Send + Sync + 'static,
) -> Arc<Functions> {
    Functions::new(move |task| {
        let outcome = work(task.input.value().as_u64().unwrap());
        async move {
            match outcome {
                Some(outcome) => outcome,
                None => std::future::pending().await,
            }
        }
    })
}

pub(crate) fn tenfold(item: u64) -> Option<Outcome> {
    Some(Outcome::done(json!(item * 10)))
}

/// Does items tenfold and counts them; it may be stuck at 3.
fn counting(done: &Arc<AtomicUsize>, stuck: bool) -> Arc<Functions> {
    let done = done.clone();
    doing(move |item| match item {
        3 if stuck => None,
        _ => {
            done.fetch_add(1, Ordering::SeqCst);
            tenfold(item)
        }
    })
}

pub(crate) fn boom() -> Option<Outcome> {
    Some(Outcome::failed(StatesError::new("Boom", "as told")))
}

/// The children there are of `machine`'s Map state, in the order of their start.
async fn children(engine: &Engine) -> Vec<ExecutionSummary> {
    let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:orders/each".to_owned();
    let selection = Selection { machine: Some(machine), ..Selection::default() };
    let mut children = engine.list(selection).await.unwrap();
    children.reverse();
    children
}

fn count(children: &[ExecutionSummary], status: &str) -> usize {
    children.iter().filter(|child| child.status == status).count()
}

/// Waits until so many children have succeeded.
async fn until_succeeded(engine: &Engine, wanted: usize) {
    while count(&children(engine).await, "SUCCEEDED") < wanted {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn each_item_is_an_execution_of_its_own_and_the_results_are_in_the_order_of_the_items() {
    let bench = Bench::new(doing(tenfold));
    assert_eq!(succeeded(bench.run(each("STANDARD", json!({}))).await), json!([0, 10, 20, 30, 40]));
    let children = children(&bench.engine).await;
    assert_eq!((children.len(), count(&children, "SUCCEEDED")), (5, 5));

    let parent = "arn:aws:states:us-east-1:123456789012:execution:orders:e";
    let history = bench.engine.history(parent).await.unwrap();
    let started = history.iter().find(|event| event.kind == EventType::MapRunStarted).unwrap();
    for child in children {
        assert!(
            child.arn.starts_with("arn:aws:states:us-east-1:123456789012:execution:orders/each:")
        );
        let described = bench.engine.describe(&child.arn).await.unwrap().execution;
        assert_eq!(described.map_run(), started.details.map_run_arn.as_deref());
        assert_eq!(described.parent.unwrap().execution, parent);
        assert_eq!(described.role, "arn:aws:iam::123456789012:role/orders");
        let last = bench.engine.history(&child.arn).await.unwrap().pop().unwrap();
        assert_eq!(last.kind, EventType::ExecutionSucceeded);
    }
}

#[tokio::test]
async fn express_children_leave_no_record() {
    let bench = Bench::new(doing(tenfold));
    let output = succeeded(bench.run(each("EXPRESS", json!({}))).await);
    assert_eq!(output, json!([0, 10, 20, 30, 40]));
    assert_eq!(children(&bench.engine).await, []);
}

#[tokio::test]
async fn no_more_children_are_at_work_than_the_map_allows() {
    for kind in ["STANDARD", "EXPRESS"] {
        let gauge = Gauge::default();
        let functions = Functions::new({
            let gauge = gauge.clone();
            move |task| {
                let counted = gauge.count();
                async move {
                    settle().await;
                    drop(counted);
                    Outcome::done(task.input)
                }
            }
        });
        let bench = Bench::new(functions);
        succeeded(bench.run(each(kind, json!({"MaxConcurrency": 2}))).await);
        assert_eq!(gauge.most(), 2, "{kind}");
    }
}

#[tokio::test]
async fn a_run_goes_on_where_its_engine_ended_and_repeats_no_child() {
    let given = Given::default();
    let functions = |stuck: &'static [u64]| {
        let given = given.clone();
        Functions::new(move |task: Task| {
            let item = task.input.value().as_u64().unwrap();
            given.add(task);
            async move {
                match stuck.contains(&item) {
                    true => std::future::pending().await,
                    false => tenfold(item).unwrap(),
                }
            }
        })
    };
    let bench = Bench::manual(functions(&[1, 3]));
    let arn = bench.start(each("STANDARD", json!({"MaxConcurrency": 3}))).await.arn;
    settle().await;
    // 0 and 2 are done, 1 and 3 hang, 4 has ended in the place of 2.
    assert_eq!(given.tasks().len(), 5);

    let bench = bench.restart(functions(&[3])).await;
    bench.engine.resume(&arn).await.unwrap();
    until_succeeded(&bench.engine, 4).await;
    assert_eq!(count(&children(&bench.engine).await, "RUNNING"), 1);

    let bench = bench.restart(functions(&[])).await;
    bench.engine.resume(&arn).await.unwrap();
    let output = succeeded(bench.engine.wait(&arn).await.unwrap());
    assert_eq!(output, json!([0, 10, 20, 30, 40]));
    assert_eq!(children(&bench.engine).await.len(), 5, "each child is begun once");
    // What was at work is performed again with its key, and what was done is not.
    let keys: Vec<_> = given.tasks().into_iter().map(|task| task.idempotency_key).collect();
    let mut distinct = keys.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!((keys.len(), distinct.len()), (5 + 2 + 1, 5));
}

#[tokio::test]
async fn what_is_over_is_kept_though_nothing_happens_after_it() {
    let done = Arc::new(AtomicUsize::new(0));
    let counting = |stuck| counting(&done, stuck);
    let bench = Bench::manual(counting(true));
    let arn = bench.start(each("EXPRESS", json!({}))).await.arn;
    settle().await;
    bench.clock.advance_millis(1_000);
    settle().await;
    let bench = bench.restart(counting(false)).await;
    bench.engine.resume(&arn).await.unwrap();
    let output = succeeded(bench.engine.wait(&arn).await.unwrap());
    assert_eq!(output, json!([0, 10, 20, 30, 40]));
    assert_eq!(done.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_run_on_disk_goes_on_after_its_process_died() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stepyard.db");
    let open = |functions: Arc<Functions>| {
        Engine::new(Config {
            integrations: vec![functions],
            entropy: Arc::new(SeededEntropy::new(1)),
            ..Config::new(SqliteStore::open(&file, Quotas::default()).unwrap())
        })
    };
    let done = Arc::new(AtomicUsize::new(0));
    let counting = |stuck| counting(&done, stuck);
    let engine = open(counting(true));
    let arn = engine.start(start("e", each("STANDARD", json!({})))).await.unwrap().arn;
    until_succeeded(&engine, 4).await;
    drop(engine);
    let engine = open(counting(false));
    engine.resume(&arn).await.unwrap();
    assert_eq!(succeeded(engine.wait(&arn).await.unwrap()), json!([0, 10, 20, 30, 40]));
    assert_eq!(done.load(Ordering::SeqCst), 5);
    engine.shutdown().await;
}

#[tokio::test]
async fn failed_items_are_tolerated_up_to_the_threshold_and_leave_no_result() {
    let functions = || doing(|item| if item % 2 == 1 { boom() } else { tenfold(item) });
    for kind in ["STANDARD", "EXPRESS"] {
        for tolerance in [
            json!({"ToleratedFailureCount": 2}),
            json!({"ToleratedFailurePercentage": 40}),
            json!({"ToleratedFailureCount": 5, "ToleratedFailurePercentage": 100}),
        ] {
            let bench = Bench::new(functions());
            assert_eq!(succeeded(bench.run(each(kind, tolerance)).await), json!([0, 20, 40]));
        }
        for tolerance in [
            json!({}),
            json!({"ToleratedFailureCount": 1}),
            json!({"ToleratedFailurePercentage": 39.9}),
            json!({"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 100}),
        ] {
            let bench = Bench::new(functions());
            let error = failed(bench.run(each(kind, tolerance)).await);
            assert_eq!(error.name(), "States.ExceedToleratedFailureThreshold");
            let cause = "The specified tolerated failure threshold was exceeded";
            assert_eq!(error.cause.as_deref(), Some(cause));
        }
    }
}

#[tokio::test]
async fn a_failed_item_of_a_batch_counts_with_all_of_its_batch() {
    let functions = || {
        Functions::new(|task| async move {
            let items = task.input.value()["Items"].as_array().unwrap().clone();
            if items.contains(&json!(0)) { boom().unwrap() } else { Outcome::done(json!(items)) }
        })
    };
    let run = |most: u64| async move {
        let more = json!({"ItemBatcher": {"MaxItemsPerBatch": 2}, "ToleratedFailureCount": most});
        Bench::new(functions()).run(each("STANDARD", more)).await
    };
    assert_eq!(succeeded(run(2).await), json!([[2, 3], [4]]));
    assert_eq!(failed(run(1).await).name(), "States.ExceedToleratedFailureThreshold");
}

#[tokio::test]
async fn the_children_of_a_run_that_fails_are_stopped_before_its_state_is() {
    let bench = Bench::manual(doing(|item| if item == 2 { boom() } else { None }));
    failed(bench.run(each("STANDARD", json!({"MaxConcurrency": 3}))).await);
    let children = children(&bench.engine).await;
    let of = |status| count(&children, status);
    assert_eq!((children.len(), of("FAILED"), of("ABORTED")), (3, 1, 2));
}

#[tokio::test]
async fn the_children_of_a_run_are_stopped_with_its_execution() {
    let at_work = Gauge::default();
    for kind in ["STANDARD", "EXPRESS"] {
        let functions = Functions::new({
            let at_work = at_work.clone();
            move |_| {
                let counted = at_work.count();
                async move {
                    let _counted = counted;
                    std::future::pending().await
                }
            }
        });
        let bench = Bench::manual(functions);
        let arn = bench.start(each(kind, json!({}))).await.arn;
        settle().await;
        assert_eq!(at_work.at_a_time(), 5);
        bench.engine.stop(&arn, StatesError::default()).await.unwrap();
        settle().await;
        assert_eq!(at_work.at_a_time(), 0, "{kind}");
        let children = children(&bench.engine).await;
        assert_eq!(count(&children, "ABORTED"), children.len());
    }
}

#[tokio::test]
async fn children_that_outlived_their_run_are_stopped_after_a_restart() {
    let hang = || doing(|_| None);
    let bench = Bench::manual(hang());
    let arn = bench.start(each("STANDARD", json!({}))).await.arn;
    let other = bench.engine.start(start("other", each("STANDARD", json!({})))).await.unwrap().arn;
    settle().await;
    // What a kill leaves between the stop of an execution and that of its children.
    let Bench { engine, clock, store } = bench;
    drop(engine);
    settle().await;
    let (at, error) = (START, StatesError::default());
    let number = store.facts(&arn).unwrap().len() as u64 + 1;
    let fact = Fact::new(at, FactKind::ExecutionAborted { error: error.clone() });
    let status = Status::Aborted { error };
    let stopped = vec![
        Record::Fact { execution: arn.clone(), number, fact },
        Record::Finished { execution: arn.clone(), status, stopped_at: at },
    ];
    store.append(Batch { records: stopped }).await.unwrap();

    let bench = Bench::with(hang(), clock, store);
    let unfinished = Selection { status: Some("RUNNING".to_owned()), ..Selection::default() };
    let left = bench.engine.list(unfinished).await.unwrap();
    assert_eq!(left.len(), 1 + 5 + 5);
    for execution in left {
        bench.engine.resume(&execution.arn).await.unwrap();
    }
    bench.engine.stop_orphans().await.unwrap();
    let children = children(&bench.engine).await;
    assert_eq!((count(&children, "ABORTED"), count(&children, "RUNNING")), (5, 5));
    let status = bench.engine.describe(&other).await.unwrap().execution.status;
    assert_eq!(status, Status::Running);
    let run = async |execution| bench.engine.map_runs(execution, None, 9).await.unwrap()[0].clone();
    let [over, open] = [run(&arn).await, run(&other).await];
    assert_eq!((over.status, open.status), (MapRunStatus::Aborted, MapRunStatus::Running));
    let change = MapRunChange { concurrency: Some(1), ..MapRunChange::default() };
    let refused = bench.engine.update_map_run(&over.arn, change).await;
    assert_eq!(refused, Err(MapRunError::Completed { arn: over.arn.to_string() }));
    bench.engine.update_map_run(&open.arn, change).await.unwrap();
}

#[tokio::test]
async fn a_redrive_goes_on_with_the_children_that_did_not_succeed() {
    let (broken, given) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
    let functions = doing({
        let (broken, given) = (broken.clone(), given.clone());
        move |item| {
            given.lock().unwrap().push(item);
            if item == 1 && broken.load(Ordering::SeqCst) { boom() } else { tenfold(item) }
        }
    });
    let bench = Bench::new(functions);
    let arn = bench.start(each("STANDARD", json!({"MaxConcurrency": 1}))).await.arn;
    failed(bench.engine.wait(&arn).await.unwrap());
    assert_eq!(*given.lock().unwrap(), [0, 1]);
    broken.store(false, Ordering::SeqCst);
    bench.engine.redrive(&arn, None).await.unwrap();
    let output = succeeded(bench.engine.wait(&arn).await.unwrap());
    assert_eq!(output, json!([0, 10, 20, 30, 40]));
    assert_eq!(*given.lock().unwrap(), [0, 1, 1, 2, 3, 4]);
    assert_eq!(children(&bench.engine).await[1].redrive_count, 1);
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_run_but_for_the_tasks_of_its_children() {
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
    let store = MemoryStore::new(Quotas::default());
    let bench = Bench::with(functions, VirtualClock::manual(START), store.clone());
    let arn = bench.start(each("STANDARD", json!({"MaxConcurrency": 1}))).await.arn;
    settle().await;
    let engine = bench.engine.clone();
    let shutdown = tokio::spawn(async move { engine.shutdown().await });
    settle().await;
    assert!(!shutdown.is_finished());
    finish.notify_one();
    shutdown.await.unwrap();

    let bench = Bench::with(doing(tenfold), VirtualClock::manual(START), store);
    let first = children(&bench.engine).await;
    assert_eq!((first.len(), count(&first, "SUCCEEDED")), (1, 1));
    bench.engine.resume(&arn).await.unwrap();
    let output = succeeded(bench.engine.wait(&arn).await.unwrap());
    assert_eq!(output, json!([0, 10, 20, 30, 40]));
}

#[tokio::test]
async fn children_wait_for_room_where_too_many_executions_are_open() {
    let clock = VirtualClock::manual(START);
    let engine = Engine::new(Config {
        integrations: vec![doing(tenfold)],
        clock: Arc::new(clock.clone()),
        standard_max: 2,
        ..Config::new(MemoryStore::new(Quotas::default()))
    });
    let arn = engine.start(start("e", each("STANDARD", json!({})))).await.unwrap().arn;
    let ended = tokio::spawn({
        let (engine, arn) = (engine.clone(), arn.clone());
        async move { engine.wait(&arn).await }
    });
    for _ in 0..10 {
        settle().await;
        clock.advance_millis(1_000);
    }
    settle().await;
    assert!(ended.is_finished(), "{:?}", children(&engine).await);
    assert_eq!(succeeded(ended.await.unwrap().unwrap()), json!([0, 10, 20, 30, 40]));
}
