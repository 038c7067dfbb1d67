//! A Map Run that is redriven goes on with the children that did not succeed, of either kind.

use std::{
    collections::BTreeSet,
    mem,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use stepyard_asl::StatesError;
use stepyard_engine::{
    Config, Engine, MapRunStatus, MemoryStore, ObjectFolder, Quotas, clock::VirtualClock,
};

use crate::{
    custody::eventually,
    map_runs::{boom, doing, each, tenfold},
    support::{Bench, Functions, START, config, failed, settle, start, succeeded},
};

/// What becomes of items, and which were processed since that was asked last.
#[derive(Clone, Default)]
struct Items {
    failing: Arc<Mutex<BTreeSet<u64>>>,
    hanging: Arc<Mutex<BTreeSet<u64>>>,
    given: Arc<Mutex<Vec<u64>>>,
}

impl Items {
    fn fail(&self, items: &[u64]) {
        *self.failing.lock().unwrap() = items.iter().copied().collect();
    }

    fn hang(&self, items: &[u64]) {
        *self.hanging.lock().unwrap() = items.iter().copied().collect();
    }

    fn functions(&self) -> Arc<Functions> {
        let items = self.clone();
        doing(move |item| {
            items.given.lock().unwrap().push(item);
            match item {
                _ if items.failing.lock().unwrap().contains(&item) => boom(),
                _ if items.hanging.lock().unwrap().contains(&item) => None,
                _ => tenfold(item),
            }
        })
    }

    fn given(&self) -> Vec<u64> {
        mem::take(&mut *self.given.lock().unwrap())
    }
}

async fn counts(engine: &Engine, execution: &str) -> [u64; 5] {
    let run = engine.map_runs(execution, None, 9).await.unwrap().pop().unwrap();
    let run = engine.map_run(&run.arn).await.unwrap();
    assert_eq!(run.executions, run.items);
    let it = run.items;
    [it.pending, it.running, it.succeeded, it.failures(), it.total()]
}

#[tokio::test]
async fn express_children_that_succeeded_are_not_done_again() {
    let items = Items::default();
    items.fail(&[1, 3]);
    let more = json!({"MaxConcurrency": 1, "ToleratedFailureCount": 1});
    let bench = Bench::new(items.functions());
    let arn = bench.start(each("EXPRESS", more)).await.arn;
    failed(bench.engine.wait(&arn).await.unwrap());
    assert_eq!(items.given(), [0, 1, 2, 3]);
    assert_eq!(counts(&bench.engine, &arn).await, [1, 0, 2, 2, 5]);

    // What fails in a redrive is done again in the next, in another process too.
    items.fail(&[3, 4]);
    bench.engine.redrive(&arn, None).await.unwrap();
    failed(bench.engine.wait(&arn).await.unwrap());
    assert_eq!(items.given(), [1, 3, 4]);
    assert_eq!(counts(&bench.engine, &arn).await, [0, 0, 3, 2, 5]);

    items.fail(&[]);
    let bench = bench.restart(items.functions()).await;
    bench.engine.redrive(&arn, None).await.unwrap();
    let output = succeeded(bench.engine.wait(&arn).await.unwrap());
    assert_eq!(output, json!([0, 10, 20, 30, 40]));
    assert_eq!(items.given(), [3, 4]);
    assert_eq!(counts(&bench.engine, &arn).await, [0, 0, 5, 0, 5]);
}

#[tokio::test]
async fn express_children_that_were_stopped_with_their_run_are_done_again_and_no_others() {
    let items = Items::default();
    items.hang(&[1, 2]);
    let bench = Bench::manual(items.functions());
    let arn = bench.start(each("EXPRESS", json!({"MaxConcurrency": 3}))).await.arn;
    settle().await;
    bench.engine.stop(&arn, StatesError::default()).await.unwrap();
    settle().await;
    assert_eq!(items.given(), [0, 1, 2, 3, 4]);
    assert_eq!(counts(&bench.engine, &arn).await, [0, 0, 3, 2, 5]);

    // A redrive that its engine does not outlive is gone on with.
    items.hang(&[2]);
    bench.engine.redrive(&arn, None).await.unwrap();
    // What became of the children is read by another thread.
    eventually(|| items.given.lock().unwrap().len() == 2).await;
    settle().await;
    assert_eq!(items.given(), [1, 2]);
    items.hang(&[]);
    let bench = bench.restart(items.functions()).await;
    bench.engine.resume(&arn).await.unwrap();
    let output = succeeded(bench.engine.wait(&arn).await.unwrap());
    assert_eq!(output, json!([0, 10, 20, 30, 40]));
    // What was not kept when the engine ended may be done again; what was over before the redrive is not.
    let again = items.given();
    assert!(again.contains(&2) && again.iter().all(|it| [1, 2].contains(it)), "{again:?}");
    assert_eq!(counts(&bench.engine, &arn).await, [0, 0, 5, 0, 5]);
}

#[tokio::test]
async fn an_express_child_that_is_begun_anew_is_another_execution() {
    let keys = Arc::new(Mutex::new(BTreeSet::new()));
    let functions = Functions::new({
        let keys = keys.clone();
        move |task| {
            keys.lock().unwrap().insert(task.idempotency_key);
            async move { boom().unwrap() }
        }
    });
    let bench = Bench::new(functions);
    let arn = bench.start(each("EXPRESS", json!({"MaxConcurrency": 1}))).await.arn;
    failed(bench.engine.wait(&arn).await.unwrap());
    bench.engine.redrive(&arn, None).await.unwrap();
    failed(bench.engine.wait(&arn).await.unwrap());
    // It may go another way: what was done under a key was not done for this one.
    assert_eq!(keys.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_child_that_cannot_be_redriven_any_more_counts_as_failed() {
    const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;
    let items = Items::default();
    items.fail(&[0]);
    items.hang(&[1]);
    let more = json!({"MaxConcurrency": 2, "ToleratedFailureCount": 1});
    let bench = Bench::manual(items.functions());
    let arn = bench.start(each("STANDARD", more)).await.arn;
    settle().await;
    assert_eq!(items.given(), [0, 1, 2, 3, 4]);
    bench.clock.advance_millis(10 * DAY_MILLIS);
    settle().await;
    bench.engine.stop(&arn, StatesError::default()).await.unwrap();
    settle().await;
    bench.clock.advance_millis(10 * DAY_MILLIS);
    items.hang(&[]);
    bench.engine.redrive(&arn, None).await.unwrap();
    let output = succeeded(bench.engine.wait(&arn).await.unwrap());
    assert_eq!((output, items.given()), (json!([10, 20, 30, 40]), vec![1]));
    assert_eq!(counts(&bench.engine, &arn).await, [0, 0, 4, 1, 5]);
    let run = bench.engine.map_runs(&arn, None, 9).await.unwrap().pop().unwrap();
    assert_eq!((run.items.not_redrivable, run.executions.not_redrivable), (1, 1));
}

#[tokio::test]
async fn a_run_is_redriven_a_thousand_times_and_no_more() {
    let bench = Bench::new(doing(|_| boom()));
    let arn = bench.start(each("EXPRESS", json!({"MaxConcurrency": 1}))).await.arn;
    let mut errors = BTreeSet::new();
    for _ in 0..=1_000 {
        let error = failed(bench.engine.wait(&arn).await.unwrap());
        errors.insert(error.name().to_owned());
        bench.engine.redrive(&arn, None).await.unwrap();
    }
    assert_eq!(errors, ["States.ExceedToleratedFailureThreshold".to_owned()].into());
    assert_eq!(failed(bench.engine.wait(&arn).await.unwrap()).name(), "States.Runtime");
    let run = bench.engine.map_runs(&arn, None, 9).await.unwrap().pop().unwrap();
    assert_eq!((run.status, run.redrive_count), (MapRunStatus::Failed, 1_000));
}

/// A Distributed Map whose results go where `writer` says, and the texts of the files that came of it.
async fn written(kind: &str, writer: Value) -> (Value, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let items = Items::default();
    items.fail(&[1, 3]);
    let store = MemoryStore::new(Quotas::default());
    let engine = Engine::new(Config {
        objects: Arc::new(ObjectFolder::new(folder.path(), true)),
        ..config(items.functions(), VirtualClock::new(START), store)
    });
    let more = json!({"MaxConcurrency": 1, "ToleratedFailureCount": 1, "ResultWriter": writer});
    let arn = engine.start(start("e", each(kind, more))).await.unwrap().arn;
    failed(engine.wait(&arn).await.unwrap());
    items.fail(&[3]);
    engine.redrive(&arn, None).await.unwrap();
    let output = succeeded(engine.wait(&arn).await.unwrap());
    assert_eq!(items.given(), [0, 1, 2, 3, 1, 3, 4], "{kind}");
    let details = &output["ResultWriterDetails"];
    let Some(manifest) = details["Key"].as_str() else { return (output, Vec::new()) };
    let read = |key: &str| std::fs::read_to_string(folder.path().join(key)).unwrap();
    let manifest: Value = serde_json::from_str(&read(manifest)).unwrap();
    let files = manifest["ResultFiles"].as_object().unwrap().values();
    let files = files.flat_map(|files| files.as_array().unwrap());
    (output.clone(), files.map(|file| read(file["Key"].as_str().unwrap())).collect())
}

#[tokio::test]
async fn what_succeeded_before_a_redrive_is_exported_with_what_came_of_it() {
    for kind in ["STANDARD", "EXPRESS"] {
        let (_, files) = written(
            kind,
            json!({
                "Resource": "arn:aws:states:::s3:putObject",
                "Parameters": {"Bucket": "shop", "Prefix": "out"},
                "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSON"},
            }),
        )
        .await;
        let [failed, succeeded] = &files[..] else { panic!("{kind}: {files:?}") };
        assert_eq!(succeeded, "[0,10,20,40]", "{kind}");
        let failed: Value = serde_json::from_str(failed).unwrap();
        assert_eq!((failed[0]["Input"].as_str(), failed[1].as_str()), (Some("3"), None), "{kind}");
    }
}

#[tokio::test]
async fn what_is_told_of_children_is_told_of_each_once_after_a_redrive() {
    for kind in ["STANDARD", "EXPRESS"] {
        let writer = json!({"WriterConfig": {"Transformation": "NONE", "OutputType": "JSON"}});
        let (told, _) = written(kind, writer).await;
        let told = told.as_array().unwrap().iter();
        let told: Vec<_> = told.map(|it| [&it["Input"], &it["Status"]].map(Value::clone)).collect();
        let expected = json!([
            ["0", "SUCCEEDED"],
            ["1", "SUCCEEDED"],
            ["2", "SUCCEEDED"],
            ["3", "FAILED"],
            ["4", "SUCCEEDED"],
        ]);
        assert_eq!(json!(told), expected, "{kind}");
    }
}
