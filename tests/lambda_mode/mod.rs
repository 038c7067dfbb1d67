//! `stepyard` as the custom runtime of an AWS Lambda function: the real binary against Lambda's Runtime
//! API, whose answers are as AWS gives them. Emulators err here: one sends a deadline in 1970, another
//! takes a function's error for a broken process.

mod far_sides;
mod function;
mod init;
mod packaged;
mod runtime_api;
mod workflow;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stepyard_wasm::Grants;

use self::{
    function::Package,
    runtime_api::{ACCEPTED, FORBIDDEN, INTERNAL_ERROR, Post, RuntimeApi, TOO_LARGE, TRACE},
};
use crate::{support::order, text_step::TextStep};

/// A package with the step that takes orders, which needs no grant.
fn receive() -> Package {
    let manifest = "[functions.ReceiveOrder]\nstep = \"components/ReceiveOrder.cwasm\"\n";
    Package::new(manifest).with_step("ReceiveOrder", "steps/receive", Grants::default())
}

const RECEIVE: [(&str, &str); 1] = [("STEPYARD_STEP", "ReceiveOrder")];

/// A package with a step in text, bound to `Text` with these limits.
fn text(step: &TextStep<'_>, limits: &str) -> Package {
    let manifest = format!(
        "[functions.Text]\nstep = \"components/Text.cwasm\"\n[functions.Text.limits]\n{limits}\n"
    );
    Package::new(&manifest).with_bytes("Text", &step.component())
}

const TEXT: [(&str, &str); 1] = [("STEPYARD_STEP", "Text")];

/// Asserts that an error was posted for an invocation, and answers its name and message.
#[track_caller]
fn error(post: &Post, id: &str) -> (String, String) {
    assert_eq!(post.path, format!("invocation/{id}/error"), "{post:?}");
    let body = post.json();
    let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
    (text("errorType"), text("errorMessage"))
}

#[test]
fn a_step_answers_one_event_after_the_other() {
    let api = RuntimeApi::start();
    let function = receive().start(&api, &RECEIVE);
    for id in ["first", "second"] {
        let post = api.invoke(id, order(id).to_string());
        assert_eq!(post.path, format!("invocation/{id}/response"), "{post:?}");
        assert_eq!(post.json()["order_id"], id);
        // What tells this invocation from a later one of the same request is sent back.
        let echo = "lambda-runtime-invocation-id: 4c3d7f06-43a1-4f0e-b7b0-31d5f6f0a3ab";
        assert!(post.head.contains(echo), "{}", post.head);
    }
    let log = function.log();
    assert_eq!(log.last().unwrap()["level"], "INFO", "{log:?}");
}

#[test]
fn an_error_of_the_step_keeps_its_name_and_the_next_event_is_taken() {
    let api = RuntimeApi::start();
    let function = receive().start(&api, &RECEIVE);
    let mut wrong = order("1");
    wrong["quantity"] = json!(0);
    let post = api.invoke("wrong", wrong.to_string());
    let (name, message) = error(&post, "wrong");
    assert_eq!(name, "InvalidOrder");
    assert!(message.contains("quantity"), "{message}");
    assert!(post.head.contains("lambda-runtime-function-error-type: invalidorder"), "{post:?}");
    assert_eq!(api.invoke("right", order("2").to_string()).json()["order_id"], "2");

    let log = function.log();
    let said: Vec<&Value> = log.iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(said.len(), 1, "{log:?}");
    assert_eq!(
        (&said[0]["requestId"], &said[0]["errorType"]),
        (&json!("wrong"), &json!("InvalidOrder"))
    );
    assert!(said[0]["timestamp"].as_str().unwrap().ends_with('Z'), "{said:?}");
}

#[test]
fn an_event_that_is_not_json_is_an_error_of_its_own() {
    let api = RuntimeApi::start();
    let _function = receive().start(&api, &RECEIVE);
    for (id, event) in [("cut", &b"{\"order_id\":"[..]), ("bytes", b"\"\xff\""), ("none", b"")] {
        let (name, message) = error(&api.invoke(id, event), id);
        assert_eq!(name, "Runtime.UnmarshalError");
        assert!(message.starts_with("the event is not JSON: "), "{message}");
    }
    assert_eq!(api.invoke("right", order("1").to_string()).json()["order_id"], "1");
}

#[test]
fn a_breach_of_the_sandbox_has_its_name() {
    let endless = TextStep { invoke: "(loop (br 0)) i32.const 0", ..TextStep::default() };
    let api = RuntimeApi::start();
    let _function = text(&endless, "cpu_seconds = 0.2").start(&api, &TEXT);
    let (name, message) = error(&api.invoke("loop", "{}"), "loop");
    assert_eq!(name, "Sandbox.CpuTimeExceeded");
    assert!(message.contains("limits.cpu_seconds"), "{message}");

    // Each function has an API of its own: what asked once may be asking still.
    let api = RuntimeApi::start();
    let trap = TextStep { invoke: "unreachable", ..TextStep::default() };
    let _function = text(&trap, "").start(&api, &TEXT);
    assert_eq!(error(&api.invoke("trap", "{}"), "trap").0, "Runtime.ExitError");
}

#[test]
fn the_invocations_deadline_ends_the_step_before_lambda_does() {
    let endless = TextStep { invoke: "(loop (br 0)) i32.const 0", ..TextStep::default() };
    let api = RuntimeApi::start();
    let limits = "cpu_seconds = 600\nwall_seconds = 600";
    let _function = text(&endless, limits).start(&api, &TEXT);
    for id in ["one", "other"] {
        let (began, time) = (Instant::now(), Duration::from_secs(2));
        api.invoke_within(id, "{}", time);
        let (name, message) = error(&api.posted(), id);
        assert_eq!(name, "Sandbox.Timedout");
        let expected = format!("RequestId: {id} Error: Task timed out after 1.");
        assert!(message.starts_with(&expected) && message.ends_with(" seconds"), "{message}");
        assert!(began.elapsed() >= Duration::from_millis(1_500), "{:?}", began.elapsed());
    }
}

/// A step that is given memory where there is some, one piece after the other.
fn given_memory(invoke: &str) -> TextStep<'_> {
    let realloc = "global.get $next
        (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get 3)) (i32.const 7))
                                   (i32.const -8)))";
    let module = r#"(memory (export "memory") 1) (global $next (mut i32) (i32.const 1024))"#;
    TextStep { invoke, realloc, module, ..TextStep::default() }
}

#[test]
fn a_step_is_told_its_deadline_and_its_trace_and_nothing_that_lambda_does_not_know() {
    // Where its parameters lie: the input's text, then the context's members, one behind the other. It
    // traps where one of the five options is there; else it fails with the trace as its message.
    let trace = given_memory(
        "(if (i32.or (i32.or (i32.load8_u offset=24 (local.get 0)) (i32.load8_u offset=36 (local.get 0)))
                (i32.or (i32.or (i32.load8_u offset=48 (local.get 0)) (i32.load8_u offset=56 (local.get 0)))
                        (i32.load8_u offset=68 (local.get 0))))
            (then unreachable))
        (i32.store (i32.const 512) (i32.const 1))
        (i32.store (i32.const 516) (i32.const 16))
        (i32.store (i32.const 520) (i32.const 4))
        (i32.store (i32.const 524) (i32.load offset=16 (local.get 0)))
        (i32.store (i32.const 528) (i32.load offset=20 (local.get 0)))
        i32.const 512",
    );
    let api = RuntimeApi::start();
    let _function = text(&trace, "").start(&api, &TEXT);
    let told = error(&api.invoke("trace", "{}"), "trace");
    assert_eq!(told, ("null".to_owned(), TRACE.to_owned()));

    // The deadline, as decimal digits, written from the last to the first.
    let deadline = given_memory(
        "(local $at i32) (local $rest i64)
        (local.set $at (i32.const 700))
        (local.set $rest (i64.load offset=8 (local.get 0)))
        (loop $digit
            (local.set $at (i32.sub (local.get $at) (i32.const 1)))
            (i32.store8 (local.get $at)
                (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $rest) (i64.const 10)))))
            (local.set $rest (i64.div_u (local.get $rest) (i64.const 10)))
            (br_if $digit (i64.ne (local.get $rest) (i64.const 0))))
        (i32.store (i32.const 512) (i32.const 0))
        (i32.store (i32.const 516) (local.get $at))
        (i32.store (i32.const 520) (i32.sub (i32.const 700) (local.get $at)))
        i32.const 512",
    );
    let api = RuntimeApi::start();
    let _function = text(&deadline, "wall_seconds = 600").start(&api, &TEXT);
    let before = now_ms();
    api.invoke_within("deadline", "{}", Duration::from_secs(30));
    let told: u128 = api.posted().body.parse().expect("a deadline is a number");
    // It was handed out in between.
    let deadlines = before + 29_000..=now_ms() + 30_000;
    assert!(deadlines.contains(&told), "{told} is not in {deadlines:?}");
}

fn now_ms() -> u128 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()
}

#[test]
fn what_lambda_does_not_take_is_told_in_the_log_and_the_next_event_is_taken() {
    let api = RuntimeApi::start();
    let function = receive().start(&api, &RECEIVE);
    for (id, exchange) in [("large", TOO_LARGE), ("late", FORBIDDEN), ("last", ACCEPTED)] {
        api.answer_next(exchange);
        assert_eq!(api.invoke(id, order(id).to_string()).json()["order_id"], id);
    }
    let log = function.log();
    let told = |id: &str, status: u16| {
        log.iter().any(|line| {
            let text = line["message"].as_str().unwrap_or_default();
            line["requestId"] == id && line["status"] == status && text.contains("took no response")
        })
    };
    assert!(told("large", 413) && told("late", 403), "{log:?}");
    assert!(log.iter().all(|line| line["requestId"] != "last"), "{log:?}");
}

#[test]
fn a_result_past_the_quota_is_an_error_with_a_name() {
    // A result of 1,100,000 spaces around a `null`, within the memory and past 1,048,576 bytes.
    let large = TextStep {
        invoke: "(memory.fill (i32.const 1024) (i32.const 32) (i32.const 1100000))
            (i32.store (i32.const 1024) (i32.const 0x6c6c756e))
            (i32.store (i32.const 512) (i32.const 0))
            (i32.store (i32.const 516) (i32.const 1024))
            (i32.store (i32.const 520) (i32.const 1100000))
            i32.const 512",
        module: r#"(memory (export "memory") 18)"#,
        ..TextStep::default()
    };
    let api = RuntimeApi::start();
    let _function = text(&large, "").start(&api, &TEXT);
    let (name, message) = error(&api.invoke("large", "{}"), "large");
    assert_eq!(name, "Function.ResponseSizeTooLarge");
    assert_eq!(message, "the step returned more than 1048576 bytes; a result has at most 1048576");
}

#[test]
fn a_lost_environment_ends_the_process() {
    let api = RuntimeApi::start();
    let function = receive().start(&api, &RECEIVE);
    api.answer_next(INTERNAL_ERROR);
    api.invoke("1", order("1").to_string());
    let (status, log) = function.finish();
    assert_eq!(status.code(), Some(1), "{log:?}");
    assert!(log.last().unwrap().contains("the Runtime API answered 500"), "{log:?}");

    let api = RuntimeApi::start();
    let function = receive().start(&api, &RECEIVE);
    api.invoke("2", order("2").to_string());
    drop(api);
    let (status, log) = function.finish();
    assert_eq!(status.code(), Some(1), "{log:?}");
    assert!(log.last().unwrap().contains("the Runtime API cannot be used"), "{log:?}");
}

#[test]
fn an_invocation_that_was_handed_out_comes_to_its_end_before_the_process_does() {
    let endless = TextStep { invoke: "(loop (br 0)) i32.const 0", ..TextStep::default() };
    let api = RuntimeApi::start();
    let function = text(&endless, "cpu_seconds = 1\nwall_seconds = 50").start(&api, &TEXT);
    api.invoke_within("loop", "{}", Duration::from_secs(60));
    api.until_handed_out(1);
    function.terminate();
    assert_eq!(error(&api.posted(), "loop").0, "Sandbox.CpuTimeExceeded");
    let (status, log) = function.finish();
    assert_eq!(status.code(), Some(0), "{log:?}");
    assert!(log.last().unwrap().contains("SIGTERM"), "{log:?}");
}

#[test]
fn the_log_has_the_form_and_the_level_that_the_function_is_configured_with() {
    let api = RuntimeApi::start();
    let quiet = [RECEIVE[0], ("AWS_LAMBDA_LOG_LEVEL", "ERROR")];
    let function = receive().start(&api, &quiet);
    api.invoke("1", order("1").to_string());
    assert_eq!(function.log(), [Value::Null; 0]);

    let api = RuntimeApi::start();
    let text = [RECEIVE[0], ("AWS_LAMBDA_LOG_FORMAT", "Text")];
    let function = receive().start(&api, &text);
    api.invoke("2", b"no JSON");
    function.terminate();
    let (_, log) = function.finish();
    let fields: Vec<&str> = log[0].split('\t').collect();
    assert_eq!(fields[1..3], ["2", "ERROR"], "{log:?}");
    assert!(fields[3].contains("errorType=\"Runtime.UnmarshalError\""), "{log:?}");
}
