//! What is known of a Map Run: acknowledged, it stands, whatever begins, ends or breaks meanwhile.

use std::{future, sync::Arc};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use serde_json::{Value, json};
use stepyard_asl::EventType;
use stepyard_engine::{
    Batch, Config, Engine, MapRunChange, MapRunError, MapRunRecord, MapRunStatus, Quotas, Record,
    Store,
    clock::VirtualClock,
    outside::{ObjectBody, ObjectError, ObjectPage, ObjectPlace, ObjectWriter, Objects},
};

use crate::{
    map_runs::{boom, doing, each, tenfold},
    slow::Slow,
    support::{Bench, Functions, Gauge, START, config, settle, start, succeeded},
};

/// The only Map Run of an execution.
async fn run(engine: &Engine, execution: &str) -> MapRunRecord {
    engine.map_runs(execution, None, 9).await.unwrap().pop().expect("a run has begun")
}

fn at_once(concurrency: usize) -> MapRunChange {
    MapRunChange { concurrency: Some(concurrency), ..MapRunChange::default() }
}

/// Functions that hang, and how many tasks they have.
fn hanging() -> (Arc<Functions>, Gauge) {
    let gauge = Gauge::default();
    let functions = Functions::new({
        let gauge = gauge.clone();
        move |_| {
            let counted = gauge.count();
            async move {
                let _counted = counted;
                future::pending().await
            }
        }
    });
    (functions, gauge)
}

#[tokio::test]
async fn a_change_while_a_run_begins_again_holds_for_it() {
    let bench = Bench::manual(hanging().0);
    let arn = bench.start(each("EXPRESS", json!({"MaxConcurrency": 1}))).await.arn;
    settle().await;
    let run = run(&bench.engine, &arn).await.arn;
    let Bench { engine, clock, store } = bench;
    drop(engine);
    settle().await;

    // The change is on its way to the disk when the run goes on.
    let slow = Slow::on(store.clone(), 0);
    let (functions, at_work) = hanging();
    let engine = Engine::new(config(functions, clock, slow.clone()));
    let changing = tokio::spawn({
        let (engine, run) = (engine.clone(), run.clone());
        async move { engine.update_map_run(&run, at_once(3)).await }
    });
    slow.until_asked(1).await;
    engine.resume(&arn).await.unwrap();
    settle().await;
    slow.through.add_permits(1_000);
    changing.await.unwrap().unwrap();
    settle().await;
    assert_eq!(at_work.at_a_time(), 3);
    assert_eq!(engine.map_run(&run).await.unwrap().concurrency, 3);
    assert_eq!(store.map_run(&run).unwrap().unwrap().concurrency, 3);
}

#[tokio::test]
async fn a_run_is_shown_to_be_over_once_that_is_durable() {
    // The start, the run's beginning and how far it has come; its end waits.
    let store = Slow::new(3, usize::MAX);
    let config = config(doing(tenfold), VirtualClock::manual(START), store.clone());
    let engine = Engine::new(config);
    let arn = engine.start(start("e", each("EXPRESS", json!({})))).await.unwrap().arn;
    store.until_asked(4).await;
    settle().await;
    let run = run(&engine, &arn).await.arn;
    assert_eq!(engine.map_run(&run).await.unwrap().status, MapRunStatus::Running);
    store.through.add_permits(9);
    succeeded(engine.wait(&arn).await.unwrap());
    assert_eq!(engine.map_run(&run).await.unwrap().status, MapRunStatus::Succeeded);
}

#[tokio::test]
async fn a_run_that_is_over_is_not_changed() {
    let bench = Bench::new(doing(tenfold));
    succeeded(bench.run(each("STANDARD", json!({}))).await);
    let execution = "arn:aws:states:us-east-1:123456789012:execution:orders:e";
    let before = run(&bench.engine, execution).await;
    let refused = bench.engine.update_map_run(&before.arn, at_once(3)).await;
    assert_eq!(refused, Err(MapRunError::Completed { arn: before.arn.to_string() }));
    assert_eq!(run(&bench.engine, execution).await, before);
}

#[tokio::test]
async fn a_run_whose_end_its_execution_was_not_told_counts_no_child_twice() {
    for kind in ["STANDARD", "EXPRESS"] {
        let more = json!({"ToleratedFailureCount": 1});
        let bench = Bench::manual(doing(|_| None));
        let arn = bench.start(each(kind, more)).await.arn;
        settle().await;
        // What a kill leaves between the end of a run and that of its task.
        let mut ended = serde_json::to_value(run(&bench.engine, &arn).await).unwrap();
        ended.as_object_mut().unwrap().remove("progress");
        let mut ended: MapRunRecord = serde_json::from_value(ended).unwrap();
        (ended.status, ended.stopped_at) = (MapRunStatus::Succeeded, Some(START));
        for counts in [&mut ended.items, &mut ended.executions] {
            (counts.running, counts.succeeded, counts.failed) = (0, 4, 1);
        }
        let records = vec![Record::MapRun(Box::new(ended))];
        bench.store.append(Batch { records }).await.unwrap();

        let functions = doing(|item| if item == 1 { boom() } else { tenfold(item) });
        let bench = bench.restart(functions).await;
        bench.engine.resume(&arn).await.unwrap();
        let output = succeeded(bench.engine.wait(&arn).await.unwrap());
        assert_eq!(output, json!([0, 20, 30, 40]), "{kind}");
        let counts = run(&bench.engine, &arn).await.items;
        assert_eq!((counts.succeeded, counts.failed, counts.total()), (4, 1, 5), "{kind}");
    }
}

/// Objects of two lines, the second of which never comes.
#[derive(Debug)]
struct Stuck;

impl Objects for Stuck {
    fn read(&self, _from: ObjectPlace) -> BoxFuture<'_, Result<ObjectBody, ObjectError>> {
        let first = stream::iter([Ok(b"1000\n".to_vec())]);
        let bytes = first.chain(stream::pending()).boxed();
        future::ready(Ok(ObjectBody { etag: String::new(), bytes })).boxed()
    }

    fn list(
        &self,
        _bucket: &str,
        _prefix: &str,
        _after: Option<&str>,
    ) -> BoxFuture<'_, Result<ObjectPage, ObjectError>> {
        future::ready(Ok(ObjectPage::default())).boxed()
    }

    fn create(
        &self,
        _bucket: &str,
        _key: &str,
    ) -> BoxFuture<'_, Result<Box<dyn ObjectWriter>, ObjectError>> {
        future::ready(Err(ObjectError("read only".to_owned()))).boxed()
    }
}

#[tokio::test]
async fn a_child_begins_although_the_item_of_the_next_is_long_in_coming() {
    let store = stepyard_engine::MemoryStore::new(Quotas::default());
    let config = config(doing(tenfold), VirtualClock::manual(START), store);
    let engine = Engine::new(Config { objects: Arc::new(Stuck), ..config });
    let reader = json!({
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSONL"},
        "Parameters": {"Bucket": "shop", "Key": "orders.jsonl"},
    });
    let mut states: Value = each("EXPRESS", json!({"ItemReader": reader}));
    states["Each"].as_object_mut().unwrap().remove("ItemsPath");
    let arn = engine.start(start("e", states)).await.unwrap().arn;
    settle().await;
    let history = engine.history(&arn).await.unwrap();
    assert_eq!(history.last().unwrap().kind, EventType::MapRunStarted);
    let counts = engine.map_run(&run(&engine, &arn).await.arn).await.unwrap().items;
    assert_eq!((counts.succeeded, counts.running), (1, 0));
}
