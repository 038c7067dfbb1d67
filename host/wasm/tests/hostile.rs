//! A hostile step fails its task with a fitting named error, and the host goes on.

use std::time::Duration;

use futures::future::join_all;
use stepyard_engine::{FunctionError, Quotas};
use stepyard_wasm::Limits;

use crate::support::{World, error, grants, invoke, limits, load, reply, spec, steps};

/// Runs a deed and expects an error of this name, whose cause says this; then a good task.
async fn check(limits: Limits, deed: &str, name: &str, says: &str) {
    let steps = steps(limits);
    let error = error(&steps, deed).await;
    let cause = error.cause.clone().unwrap_or_default();
    assert_eq!(error.name(), name, "{deed}: {cause}");
    assert!(cause.contains(says), "{deed}: {cause}");
    let cause: serde_json::Value = serde_json::from_str(&cause).expect("the cause is JSON");
    assert_eq!(cause["errorType"], name, "{deed}");

    assert_eq!(reply(&steps, "good").await, "{\"good\":true}", "after {deed}");
    assert_eq!(steps.runtime().instances(), 0, "after {deed}");
}

#[tokio::test]
async fn an_infinite_loop_ends_at_its_cpu_time() {
    let says = "computed for more than 0.30 seconds (limits.cpu_seconds)";
    check(limits(), "resources loop", "Sandbox.CpuTimeExceeded", says).await;
}

#[tokio::test]
async fn a_sleeping_step_ends_at_its_wall_time() {
    let limits = Limits { wall_time: Duration::from_secs(1), ..limits() };
    let says = "Task timed out after 1.00 seconds (limits.wall_seconds)";
    check(limits, "resources sleep", "Sandbox.Timedout", says).await;
}

#[tokio::test]
async fn a_memory_bomb_runs_out_of_memory() {
    let says = "may have 16777216 (limits.memory_mib)";
    check(limits(), "resources allocate", "Runtime.OutOfMemory", says).await;
    let says = "asked for 1";
    check(limits(), "returns json 1073741824", "Runtime.OutOfMemory", says).await;
}

#[tokio::test]
async fn a_step_can_live_with_a_refused_growth() {
    let pages: usize = reply(&steps(limits()), "resources grow").await.parse().unwrap();
    assert!(pages * 65_536 <= limits().memory_bytes_max, "{pages} pages");
}

#[tokio::test]
async fn endless_recursion_overflows_the_stack() {
    let says = "recurses too deeply";
    check(limits(), "resources recurse", "Runtime.StackOverflow", says).await;
    check(limits(), "resources recurse-narrow", "Runtime.StackOverflow", says).await;
}

#[tokio::test]
async fn a_trap_a_panic_and_an_exit_are_exit_errors() {
    let cases = [
        ("panic", "boom from the guest"),
        ("unreachable", "it panicked or aborted"),
        ("bad-pointer", "out of bounds memory access"),
        ("divide", "attempt to divide by zero"),
        ("exit", "exited with status"),
    ];
    for (deed, says) in cases {
        check(limits(), &format!("resources {deed}"), "Runtime.ExitError", says).await;
    }
}

#[tokio::test]
async fn a_result_that_is_too_large_is_refused() {
    let says = "returned 300000 bytes; a result has at most 262144";
    check(limits(), "returns json 300000", "Function.ResponseSizeTooLarge", says).await;
    let says = "returned more than 1048576 bytes; a result has at most 262144";
    check(limits(), "returns json 3000000", "Function.ResponseSizeTooLarge", says).await;
}

#[tokio::test]
async fn a_result_of_just_the_limit_is_taken() {
    let text = reply(&steps(limits()), "returns json 262144").await;
    assert_eq!(text.len(), 262_144);
}

#[tokio::test]
async fn a_result_that_is_not_json_is_refused() {
    check(limits(), "returns nothing 0", "Runtime.MarshalError", "not JSON").await;
    check(limits(), "returns bad-utf8 3", "Runtime.MarshalError", "no text").await;
    check(limits(), "returns bad-pointer 4294901760", "Runtime.MarshalError", "no text").await;
    let nested = format!("return {}", "[".repeat(100_000));
    check(limits(), &nested, "Runtime.MarshalError", "recursion limit exceeded").await;
}

#[tokio::test]
async fn an_error_of_the_step_itself_is_its_type_and_message() {
    let error = error(&steps(limits()), "fail CardDeclined no-funds").await;
    assert_eq!(error.name(), "CardDeclined");
    let cause = "{\"errorMessage\":\"no-funds\",\"errorType\":\"CardDeclined\"}";
    assert_eq!(error.cause.as_deref(), Some(cause));
}

#[tokio::test]
async fn an_endless_error_is_cut() {
    let error = error(&steps(limits()), "returns error 100000").await;
    assert_eq!(error.name(), "A".repeat(256));
    assert!(error.cause.unwrap_or_default().len() < 32_768);
}

#[tokio::test]
async fn a_flood_of_host_calls_ends_at_its_budget() {
    let cases = [
        ("keyvalue", "Sandbox.KeyValueBytesExceeded", "8388608 bytes of key-value"),
        ("keyvalue-reads", "Sandbox.KeyValueBytesExceeded", "8388608 bytes of key-value"),
        ("keyvalue-batch", "Sandbox.KeyValueBytesExceeded", "8388608 bytes of key-value"),
        ("host-calls", "Sandbox.HostCallsExceeded", "more than 10000 times"),
        ("one-call", "Sandbox.HostCallSizeExceeded", "more than 1048576 bytes in one call"),
        ("handles", "Sandbox.HandlesExceeded", "more than 1000 handles"),
        ("log", "Sandbox.LogBytesExceeded", "262144 bytes of log"),
        ("stdout", "Sandbox.LogBytesExceeded", "262144 bytes of log"),
        ("stderr", "Sandbox.LogBytesExceeded", "standard error ends: a line"),
    ];
    for (deed, name, says) in cases {
        let limits = Limits { cpu_time: Duration::from_secs(30), ..limits() };
        check(limits, &format!("floods {deed}"), name, says).await;
    }
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
