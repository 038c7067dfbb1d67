//! What a hostile step leaves behind: nothing. How each kind of it ends is in `suite.rs`.

use std::time::Duration;

use futures::future::join_all;
use stepyard_engine::{FunctionError, Functions, Quotas};
use stepyard_wasm::Limits;

use crate::support::{World, error, grants, invoke, limits, load, reply, spec, steps};

#[tokio::test]
async fn a_step_can_live_with_a_refused_growth() {
    let pages: usize = reply(&steps(limits()), "resources grow").await.parse().unwrap();
    assert!(pages * 65_536 <= limits().memory_bytes_max, "{pages} pages");
}

#[tokio::test]
async fn a_result_of_just_the_limit_is_taken() {
    let text = reply(&steps(limits()), "returns json 262144").await;
    assert_eq!(text.len(), 262_144);
}

#[tokio::test]
async fn an_endless_error_is_cut() {
    let error = error(&steps(limits()), "returns error 100000").await;
    assert_eq!(error.name(), "A".repeat(256));
    assert!(error.cause.unwrap_or_default().len() < 32_768);
}

#[tokio::test]
async fn a_bucket_holds_no_more_than_its_quota() {
    let quotas = Quotas { buckets: [("granted".to_owned(), 1 << 20)].into(), ..Quotas::default() };
    let world = World::with_quotas(quotas);
    let steps = load(spec(grants(), limits()), &world).unwrap();
    let error = error(&steps, "floods keyvalue").await;
    assert_eq!(error.name(), "Sandbox.KeyValueBytesExceeded");
    let store = world.outside().keyvalue;
    let mut held = 0;
    for key in store.list_keys("granted", None).await.unwrap().keys {
        held += store.get("granted", &key).await.unwrap().unwrap_or_default().len();
    }
    assert!(held <= 1 << 20, "the bucket holds {held} bytes");
}

#[tokio::test]
async fn sleepers_by_the_dozen_leave_nothing_behind() {
    let limits = Limits { wall_time: Duration::from_secs(1), ..limits() };
    let steps = steps(limits);
    let ended = join_all((0..24).map(|_| error(&steps, "resources sleep"))).await;
    assert!(ended.iter().all(|error| error.name() == "Sandbox.Timedout"));
    assert_eq!(steps.runtime().instances(), 0);
    assert_eq!(reply(&steps, "good").await, "{\"good\":true}");
}

#[tokio::test]
async fn a_task_that_is_given_up_frees_its_instance() {
    let steps = steps(limits());
    let mut task = Box::pin(invoke(&steps, "resources sleep"));
    while steps.runtime().instances() == 0 {
        assert!(futures::poll!(&mut task).is_pending());
        tokio::task::yield_now().await;
    }
    drop(task);
    assert_eq!(steps.runtime().instances(), 0);
}

#[tokio::test]
async fn a_loop_does_not_keep_others_from_running() {
    let steps = steps(Limits { cpu_time: Duration::from_secs(1), ..limits() });
    let (looped, good) = tokio::join!(error(&steps, "resources loop"), reply(&steps, "good"));
    assert_eq!(looped.name(), "Sandbox.CpuTimeExceeded");
    assert_eq!(good, "{\"good\":true}");
}

#[tokio::test]
async fn more_tasks_than_may_wait_are_turned_away() {
    let limits = Limits { concurrency_max: 1, queue_max: 1, ..limits() };
    let steps = steps(limits);
    let (first, second, third) = tokio::join!(
        invoke(&steps, "resources loop"),
        invoke(&steps, "good"),
        invoke(&steps, "good"),
    );
    assert!(matches!(first, Err(FunctionError::Function { .. })));
    assert!(second.is_ok());
    let Err(FunctionError::TooManyRequests(reason)) = third else {
        panic!("the third was not turned away: {third:?}");
    };
    assert_eq!(
        reason,
        "function `Hostile` runs 1 tasks and 1 wait (limits.concurrency, limits.queue)"
    );
}

#[tokio::test]
async fn what_stops_a_step_is_counted_by_its_name() {
    let steps = steps(limits());
    for deed in [
        "resources panic",
        "returns nothing 0",
        "resources panic",
        "fail Runtime.OutOfMemory forged",
    ] {
        let _ = error(&steps, deed).await;
    }
    let breaches = steps.breaches();
    let counts: Vec<_> = breaches.iter().map(|(_, name, count)| (*name, *count)).collect();
    assert_eq!(counts, [("Runtime.ExitError", 2), ("Runtime.MarshalError", 1)]);
}
