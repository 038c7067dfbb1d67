//! Transcripts: facts in, commands and history out, as text a person reviews (`transcripts/`). Each
//! step is taken on a replay of the journal so far, so that every transcript tests recovery too.
//!
//! Long, for it is a table: a machine and what it meets, one after the other.
//!
//! `UPDATE_EXPECT=1 cargo test` rewrites them.

mod rendering;

use std::{collections::BTreeMap, sync::Arc};

use expect_test::{ExpectFile, expect_file};
use serde_json::{Value, json};
use stepyard_asl::{
    Command, CommandId, CommandKind, Execution, Fact, FactKind, Payload, StateMachine, StatesError,
    Status, Step, Timestamp,
};

use rendering::{render, render_command, render_event};

#[test]
fn states_that_need_nobody_run_in_one_step() {
    check(
        json!({"StartAt": "Look", "States": {
            "Look": {"Type": "Pass", "Result": {"n": 7}, "ResultPath": "$.seen", "Next": "Which"},
            "Which": {"Type": "Choice", "Default": "Few",
                "Choices": [{"Variable": "$.seen.n", "NumericGreaterThan": 5, "Next": "Many"}]},
            "Few": {"Type": "Fail", "Error": "TooFew"},
            "Many": {"Type": "Succeed", "OutputPath": "$.seen"}}}),
        &[start(r#"{"a": 1}"#)],
        expect_file!["transcripts/states_that_need_nobody_run_in_one_step.txt"],
    );
}

#[test]
fn paths_and_templates_shape_what_a_task_gets_and_gives() {
    check(
        json!({"StartAt": "Ask", "States": {"Ask": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
            "InputPath": "$.order",
            "Parameters": {"FunctionName": "Ask", "Payload": {
                "id.$": "$.id", "who.$": "$$.Execution.Name", "at.$": "$$.State.EnteredTime",
                "again.$": "$$.State.RetryCount", "key.$": "States.Format('ask/{}', $.id)"}},
            "ResultSelector": {"answer.$": "$.Payload", "kind": "fresh"},
            "ResultPath": "$.result.inner",
            "OutputPath": "$.result"}}}),
        &[
            start(r#"{"order": {"id": 12}}"#),
            done("1.0:task", json!({"Payload": [1, 2], "StatusCode": 200})),
        ],
        expect_file!["transcripts/paths_and_templates_shape_what_a_task_gets_and_gives.txt"],
    );
}

#[test]
fn functions_services_and_activities_have_their_own_events() {
    let task = |resource: &str| json!({"StartAt": "Do", "States": {"Do": {"Type": "Task", "Resource": resource, "End": true}}});
    check(
        task("arn:aws:lambda:us-east-1:123456789012:function:Pay:live"),
        &[start("{}"), done("1.0:task", json!("paid"))],
        expect_file!["transcripts/functions_services_and_activities_have_their_own_events_1.txt"],
    );
    check(
        task("arn:aws:states:::sns:publish"),
        &[start("{}"), failed("1.0:task", "SNS.NotFoundException", "no such topic")],
        expect_file!["transcripts/functions_services_and_activities_have_their_own_events_2.txt"],
    );
    check(
        task("arn:aws:states:us-east-1:123456789012:activity:Pack"),
        &[start("{}"), taken("1.0:task", Some("worker-1")), done("1.0:task", json!(true))],
        expect_file!["transcripts/functions_services_and_activities_have_their_own_events_3.txt"],
    );
}

#[test]
fn a_task_of_an_absent_activity_is_not_scheduled() {
    let pack = "arn:aws:states:us-east-1:123456789012:activity:Pack";
    check_without(
        &[pack],
        json!({"StartAt": "Pack", "States": {
            "Pack": {"Type": "Task", "Resource": pack, "End": true,
                "Retry": [{"ErrorEquals": ["States.Runtime"]}],
                "Catch": [{"ErrorEquals": ["States.Runtime"], "Next": "Sorry"}]},
            "Sorry": {"Type": "Pass", "End": true}}}),
        &[start("{}")],
        expect_file!["transcripts/a_task_of_an_absent_activity_is_not_scheduled.txt"],
    );
}

#[test]
fn a_task_is_retried_with_backoff_up_to_the_cap_and_then_caught() {
    check(
        json!({"StartAt": "Pay", "States": {
            "Pay": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
                "Retry": [
                    {"ErrorEquals": ["Never"], "MaxAttempts": 9},
                    {"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxAttempts": 3, "MaxDelaySeconds": 5}],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Sorry"}]},
            "Sorry": {"Type": "Pass", "End": true}}}),
        &[
            start(r#"{"order":1}"#),
            failed("1.0:task", "Busy", "later"),
            fired("1.0:backoff"),
            failed("1.1:task", "Busy", "later"),
            fired("1.1:backoff"),
            failed("1.2:task", "Busy", "later"),
            fired("1.2:backoff"),
            failed("1.3:task", "Busy", "never"),
        ],
        expect_file![
            "transcripts/a_task_is_retried_with_backoff_up_to_the_cap_and_then_caught.txt"
        ],
    );
}

#[test]
fn a_jittered_delay_is_drawn_from_the_seed() {
    check(
        json!({"StartAt": "Pay", "States": {"Pay": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
            "Retry": [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 10, "JitterStrategy": "FULL"}]}}}),
        &[start("{}"), failed("1.0:task", "Busy", "")],
        expect_file!["transcripts/a_jittered_delay_is_drawn_from_the_seed.txt"],
    );
}

#[test]
fn a_timeout_fails_the_attempt_and_each_attempt_has_its_own() {
    check(
        json!({"StartAt": "Pay", "States": {"Pay": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
            "TimeoutSeconds": 9,
            "Retry": [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1}]}}}),
        &[
            start("{}"),
            fired("1.0:timeout"),
            done("1.0:task", json!("too late")),
            fired("1.0:backoff"),
            fired("1.1:timeout"),
        ],
        expect_file!["transcripts/a_timeout_fails_the_attempt_and_each_attempt_has_its_own.txt"],
    );
}

#[test]
fn a_heartbeat_moves_the_next_one_and_shows_nothing() {
    check(
        json!({"StartAt": "Ask", "States": {"Ask": {
            "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true,
            "HeartbeatSeconds": 60}}}),
        &[
            start("{}"),
            submitted("1.0:task"),
            beat("1.0:task"),
            done("1.0:task", json!(true)),
            beat("1.0:task"),
        ],
        expect_file!["transcripts/a_heartbeat_moves_the_next_one_and_shows_nothing.txt"],
    );
}

#[test]
fn a_redrive_attempts_the_failed_task_again_with_its_retries_and_its_own_deadline() {
    check(
        json!({"StartAt": "Pay", "TimeoutSeconds": 100, "States": {"Pay": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "Done",
            "TimeoutSeconds": 9, "Parameters": {"again.$": "$$.State.RetryCount",
                "redrives.$": "$$.Execution.RedriveCount"},
            "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}]},
            "Done": {"Type": "Succeed"}}}),
        &[
            start("{}"),
            failed("1.0:task", "Busy", "later"),
            fired("1.0:backoff"),
            failed("1.1:task", "Busy", "later"),
            redriven(),
            done("1.1:task", json!("too late")),
            failed("1.2:task", "Busy", "later"),
            fired("1.2:backoff"),
            done("1.3:task", json!("paid")),
            redriven(),
        ],
        expect_file!["transcripts/a_redrive_attempts_the_failed_task_again.txt"],
    );
}

#[test]
fn a_redrive_goes_on_with_what_failed_or_was_stopped_inside_a_parallel_and_a_map() {
    let task = |name: &str| {
        json!({"StartAt": name, "States": {name: {"Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke", "End": true}}})
    };
    check(
        json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true, "Branches": [
            task("One"),
            {"StartAt": "Each", "States": {"Each": {"Type": "Map", "MaxConcurrency": 2,
                "ItemProcessor": task("Two"), "End": true}}},
            {"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 50, "End": true}}}]}}}),
        &[
            start("[1, 2, 3]"),
            done("1.0.0/1.0:task", json!("one")),
            done("1.0.1/1.0.1/1.0:task", json!("second")),
            failed("1.0.1/1.0.0/1.0:task", "Broken", "once"),
            redriven(),
            done("1.0.1/1.0.0/1.1:task", json!("first")),
            done("1.0.1/1.0.2/1.1:task", json!("third")),
            fired("1.0.2/1.0:wait"),
        ],
        expect_file!["transcripts/a_redrive_goes_on_inside_a_parallel_and_a_map.txt"],
    );
}

#[test]
fn a_redrive_of_an_error_that_was_dealt_with_goes_on_behind_it() {
    check(
        json!({"StartAt": "Both", "States": {
            "Both": {"Type": "Parallel", "Next": "Never", "Branches": [
                {"StartAt": "Bad", "States": {"Bad": {"Type": "Fail", "Error": "Bad"}}},
                {"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 50, "End": true}}}],
                "Catch": [{"ErrorEquals": ["Bad"], "Next": "Worse"}]},
            "Never": {"Type": "Succeed"},
            "Worse": {"Type": "Fail", "Error": "Worse"}}}),
        &[start("{}"), redriven()],
        expect_file!["transcripts/a_redrive_of_an_error_that_was_dealt_with.txt"],
    );
}

#[test]
fn a_redrive_of_a_stopped_wait_keeps_its_moment() {
    check(
        json!({"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 50, "Next": "Done"},
            "Done": {"Type": "Succeed"}}}),
        &[
            start("{}"),
            FactKind::ExecutionAborted { error: StatesError { error: None, cause: None } },
            redriven(),
            fired("1.0:wait"),
        ],
        expect_file!["transcripts/a_redrive_of_a_stopped_wait_keeps_its_moment.txt"],
    );
}

#[test]
fn an_express_execution_ends_after_five_minutes() {
    check(
        json!({"StartAt": "Nap", "TimeoutSeconds": 900, "States": {
            "Nap": {"Type": "Wait", "Seconds": 800, "End": true}}}),
        &[start_express("{}"), fired("0.0:execution")],
        expect_file!["transcripts/an_express_execution_ends_after_five_minutes.txt"],
    );
}

#[test]
fn a_silent_task_is_caught_by_the_name_of_heartbeats() {
    check(
        json!({"StartAt": "Pay", "States": {
            "Pay": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": true,
                "TimeoutSecondsPath": "$.patience", "HeartbeatSeconds": 3,
                "Catch": [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "Silent"}]},
            "Silent": {"Type": "Succeed"}}}),
        &[start(r#"{"patience": 60}"#), submitted("1.0:task"), fired("1.0:heartbeat")],
        expect_file!["transcripts/a_silent_task_is_caught_by_the_name_of_heartbeats.txt"],
    );
}

#[test]
fn heartbeats_of_an_activity_count_from_when_a_worker_took_it() {
    check(
        json!({"StartAt": "Pack", "States": {"Pack": {"Type": "Task", "End": true,
            "Resource": "arn:aws:states:us-east-1:123456789012:activity:Pack",
            "HeartbeatSeconds": 3, "TimeoutSeconds": 60}}}),
        &[
            start("{}"),
            taken("1.0:task", None),
            taken("1.0:task", Some("another")),
            fired("1.0:heartbeat"),
        ],
        expect_file!["transcripts/heartbeats_of_an_activity_count_from_when_a_worker_took_it.txt"],
    );
}

#[test]
fn the_timeout_of_an_activity_counts_from_when_a_worker_took_it() {
    check(
        json!({"StartAt": "Pack", "States": {"Pack": {"Type": "Task", "End": true,
            "Resource": "arn:aws:states:us-east-1:123456789012:activity:Pack",
            "TimeoutSeconds": 60}}}),
        &[start("{}"), taken("1.0:task", None), fired("1.0:timeout")],
        expect_file![
            "transcripts/the_timeout_of_an_activity_counts_from_when_a_worker_took_it.txt"
        ],
    );
}

/// As an execution that began before edition 3 was told.
#[test]
fn the_timeout_of_an_activity_counted_from_its_scheduling() {
    let mut start = start("{}");
    if let FactKind::ExecutionStarted { edition, .. } = &mut start {
        *edition = 2;
    }
    check(
        json!({"StartAt": "Pack", "States": {"Pack": {"Type": "Task", "End": true,
            "Resource": "arn:aws:states:us-east-1:123456789012:activity:Pack",
            "HeartbeatSeconds": 3, "TimeoutSeconds": 60}}}),
        &[start, taken("1.0:task", None), fired("1.0:timeout")],
        expect_file!["transcripts/the_timeout_of_an_activity_counted_from_its_scheduling.txt"],
    );
}

#[test]
fn a_task_token_is_in_the_context_and_completes_the_task() {
    check(
        json!({"StartAt": "Ask", "States": {"Ask": {
            "Type": "Task", "Resource": "arn:aws:states:::sns:publish.waitForTaskToken", "End": true,
            "Parameters": {"Message": {"token.$": "$$.Task.Token"}}}}}),
        &[
            start("{}"),
            submitted("1.0:task"),
            submitted("1.0:task"),
            done("1.0:task", json!("yes")),
        ],
        expect_file!["transcripts/a_task_token_is_in_the_context_and_completes_the_task.txt"],
    );
}

#[test]
fn a_wait_lasts_until_its_moment_and_not_at_all_when_that_is_past() {
    check(
        json!({"StartAt": "A", "States": {
            "A": {"Type": "Wait", "Seconds": 30, "Next": "B"},
            "B": {"Type": "Wait", "SecondsPath": "$.zero", "Next": "C"},
            "C": {"Type": "Wait", "Timestamp": "2020-01-01T00:00:00Z", "Next": "D"},
            "D": {"Type": "Wait", "TimestampPath": "$.then", "OutputPath": "$.zero", "End": true}}}),
        &[
            start(r#"{"zero": 0, "then": "2026-11-22T22:00:00Z"}"#),
            fired("1.0:wait"),
            fired("4.0:wait"),
        ],
        expect_file![
            "transcripts/a_wait_lasts_until_its_moment_and_not_at_all_when_that_is_past.txt"
        ],
    );
}

#[test]
fn a_wait_that_cannot_be_read_fails_the_execution() {
    let wait = |field: &str| json!({"StartAt": "A", "States": {"A": {"Type": "Wait", field: "$.x", "End": true}}});
    check(
        wait("SecondsPath"),
        &[start(r#"{"x": -1}"#)],
        expect_file!["transcripts/a_wait_that_cannot_be_read_fails_the_execution_1.txt"],
    );
    check(
        wait("SecondsPath"),
        &[start(r#"{"x": 1.5}"#)],
        expect_file!["transcripts/a_wait_that_cannot_be_read_fails_the_execution_2.txt"],
    );
    check(
        wait("SecondsPath"),
        &[start("{}")],
        expect_file!["transcripts/a_wait_that_cannot_be_read_fails_the_execution_3.txt"],
    );
    check(
        wait("SecondsPath"),
        &[start(r#"{"x": 3000000000}"#)],
        expect_file!["transcripts/a_wait_that_cannot_be_read_fails_the_execution_4.txt"],
    );
    check(
        wait("TimestampPath"),
        &[start(r#"{"x": "tomorrow"}"#)],
        expect_file!["transcripts/a_wait_that_cannot_be_read_fails_the_execution_5.txt"],
    );
}

#[test]
fn a_choice_without_a_true_rule_or_default_fails_the_execution() {
    check(
        json!({"StartAt": "Which", "States": {
            "Which": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "One"}]},
            "One": {"Type": "Succeed"}}}),
        &[start(r#"{"n": 2}"#)],
        expect_file!["transcripts/a_choice_without_a_true_rule_or_default_fails_the_execution.txt"],
    );
}

#[test]
fn a_fail_state_names_its_error_and_may_leave_it_out() {
    check(
        json!({"StartAt": "No", "States": {"No": {"Type": "Fail", "ErrorPath": "$.name",
            "CausePath": "States.Format('order {}', $.id)"}}}),
        &[start(r#"{"name": "OutOfStock", "id": 7}"#)],
        expect_file!["transcripts/a_fail_state_names_its_error_and_may_leave_it_out_1.txt"],
    );
    check(
        json!({"StartAt": "No", "States": {"No": {"Type": "Fail"}}}),
        &[start("{}")],
        expect_file!["transcripts/a_fail_state_names_its_error_and_may_leave_it_out_2.txt"],
    );
}

#[test]
fn a_fail_state_whose_error_cannot_be_read_fails_the_execution() {
    check(
        json!({"StartAt": "No", "States": {"No": {"Type": "Fail", "ErrorPath": "$.name",
            "CausePath": "States.ArrayGetItem($.list, 0)"}}}),
        &[start(r#"{"name": "E", "list": [7]}"#)],
        expect_file!["transcripts/a_fail_state_whose_error_cannot_be_read.txt"],
    );
}

#[test]
fn a_fail_state_fails_what_contains_it() {
    check(
        json!({"StartAt": "Both", "States": {
            "Both": {"Type": "Parallel", "End": true,
                "Branches": [
                    {"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 9, "End": true}}},
                    {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "No", "Cause": "never"}}}],
                "Catch": [{"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.error", "Next": "Sorry"}]},
            "Sorry": {"Type": "Succeed"}}}),
        &[start(r#"{"n": 1}"#)],
        expect_file!["transcripts/a_fail_state_fails_what_contains_it.txt"],
    );
}

#[test]
fn a_succeed_state_ends_its_iteration_alone() {
    check(
        json!({"StartAt": "Each", "States": {"Each": {"Type": "Map", "MaxConcurrency": 1, "End": true,
            "ItemProcessor": {"StartAt": "Which", "States": {
                "Which": {"Type": "Choice", "Default": "Nap",
                    "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "Enough"}]},
                "Enough": {"Type": "Succeed", "OutputPath": "$.n"},
                "Nap": {"Type": "Wait", "Seconds": 5, "OutputPath": "$.n", "End": true}}}}}}),
        &[start(r#"[{"n": 1}, {"n": 2}, {"n": 1}]"#), fired("1.0.1/2.0:wait")],
        expect_file!["transcripts/a_succeed_state_ends_its_iteration_alone.txt"],
    );
}

#[test]
fn each_state_sees_the_context_object_of_its_kind() {
    let all = json!({"c.$": "$$"});
    let pass = json!({"StartAt": "In", "States": {"In": {"Type": "Pass", "Parameters": {"c.$": "$$.State"}, "End": true}}});
    check(
        json!({"StartAt": "Pass", "States": {
            "Pass": {"Type": "Pass", "Parameters": all, "ResultPath": null, "Next": "Call"},
            "Call": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": all,
                "ResultPath": null, "Next": "Wait for it"},
            "Wait for it": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish.waitForTaskToken",
                "Parameters": {"state.$": "$$.State"}, "ResultSelector": {"state.$": "$$.State"},
                "ResultPath": null, "Next": "Both"},
            "Both": {"Type": "Parallel", "Parameters": {"c.$": "$$.State"}, "ResultPath": null,
                "Branches": [pass], "Next": "Each"},
            "Each": {"Type": "Map", "ItemSelector": {"state.$": "$$.State", "map.$": "$$.Map"},
                "ItemProcessor": {"StartAt": "Leave", "States": {"Leave": {"Type": "Succeed"}}},
                "ItemsPath": "$$.Execution.Input.items", "Next": "Done"},
            "Done": {"Type": "Succeed", "OutputPath": "$$.State"}}}),
        &[
            start(r#"{"items": [7]}"#),
            done("2.0:task", json!("sent")),
            submitted("3.0:task"),
            done("3.0:task", json!("answered")),
        ],
        expect_file!["transcripts/each_state_sees_the_context_object_of_its_kind.txt"],
    );
}

/// A task with all that its first event may show, of this resource, whose errors are caught.
fn caught(resource: &str) -> Value {
    json!({"StartAt": "Do", "States": {
        "Do": {"Type": "Task", "Resource": resource, "TimeoutSeconds": 90, "HeartbeatSeconds": 60,
            "Credentials": {"RoleArn": "arn:aws:iam::111122223333:role/other"}, "End": true,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}]},
        "Sorry": {"Type": "Pass", "End": true}}})
}

#[test]
fn a_function_that_takes_too_long_is_caught() {
    check(
        caught("arn:aws:lambda:us-east-1:123456789012:function:Pay"),
        &[start("{}"), fired("1.0:timeout")],
        expect_file!["transcripts/a_function_that_takes_too_long_is_caught.txt"],
    );
}

#[test]
fn an_activity_that_fails_is_caught() {
    check(
        caught("arn:aws:states:us-east-1:123456789012:activity:Pack"),
        &[start("{}"), taken("1.0:task", None), failed("1.0:task", "Torn", "the box")],
        expect_file!["transcripts/an_activity_that_fails_is_caught.txt"],
    );
}

#[test]
fn a_callback_that_never_comes_is_caught() {
    check(
        caught("arn:aws:states:::sqs:sendMessage.waitForTaskToken"),
        &[start("{}"), submitted("1.0:task"), fired("1.0:heartbeat")],
        expect_file!["transcripts/a_callback_that_never_comes_is_caught.txt"],
    );
}

#[test]
fn a_job_that_fails_is_caught() {
    check(
        caught("arn:aws:states:::states:startExecution.sync:2"),
        &[
            start("{}"),
            submitted("1.0:task"),
            failed("1.0:task", "States.TaskFailed", r#"{"Status":"FAILED"}"#),
        ],
        expect_file!["transcripts/a_job_that_fails_is_caught.txt"],
    );
}

#[test]
fn runtime_errors_are_not_caught() {
    check(
        json!({"StartAt": "Do", "States": {
            "Do": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
                "Parameters": {"x.$": "$.missing"},
                "Retry": [{"ErrorEquals": ["States.ALL"]}],
                "Catch": [{"ErrorEquals": ["States.Runtime"], "Next": "Sorry"}]},
            "Sorry": {"Type": "Pass", "End": true}}}),
        &[start(r#"{"a": 1}"#)],
        expect_file!["transcripts/runtime_errors_are_not_caught.txt"],
    );
}

#[test]
fn parallel_branches_are_joined_in_the_order_of_the_definition() {
    check(
        json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true,
            "Branches": [
                {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}}},
                {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}],
            "ResultSelector": {"first.$": "$[0]", "second.$": "$[1]"}}}}),
        &[start(r#"{"n": 1}"#), done("1.0.0/1.0:task", json!("a"))],
        expect_file!["transcripts/parallel_branches_are_joined_in_the_order_of_the_definition.txt"],
    );
}

#[test]
fn a_failed_branch_stops_its_siblings() {
    check(
        json!({"StartAt": "Both", "States": {
            "Both": {"Type": "Parallel", "End": true,
                "Branches": [
                    {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 9, "End": true}}},
                    {"StartAt": "B", "States": {"B": {"Type": "Wait", "Seconds": 60, "End": true}}},
                    {"StartAt": "C", "States": {"C": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": true}}}],
                "Catch": [{"ErrorEquals": ["Boom"], "ResultPath": "$.error", "Next": "Sorry"}]},
            "Sorry": {"Type": "Pass", "End": true}}}),
        &[start("{}"), failed("1.0.2/1.0:task", "Boom", "bang"), fired("1.0.1/1.0:wait")],
        expect_file!["transcripts/a_failed_branch_stops_its_siblings.txt"],
    );
}

/// AWS shows every task that ran out of time at one moment before the first of them fails the Map.
#[test]
fn tasks_that_run_out_of_time_at_once_are_all_over_before_their_map_fails() {
    let also = ["1.0.1/1.0:timeout", "1.0.2/1.0:timeout"].map(id).to_vec();
    check(
        json!({"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true, "ItemProcessor": {
            "StartAt": "Do", "States": {"Do": {
                "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 5, "End": true}}}}}}),
        &[start("[1,2,3]"), FactKind::TimerFired { timer: id("1.0.0/1.0:timeout"), also }],
        expect_file![
            "transcripts/tasks_that_run_out_of_time_at_once_are_all_over_before_their_map_fails.txt"
        ],
    );
}

#[test]
fn a_retried_parallel_runs_all_its_branches_again() {
    check(
        json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true,
            "Branches": [
                {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}}},
                {"StartAt": "B", "States": {"B": {"Type": "Fail", "Error": "Boom"}}}],
            "Retry": [{"ErrorEquals": ["Boom"], "MaxAttempts": 1}]}}}),
        &[start("{}"), fired("1.0:backoff")],
        expect_file!["transcripts/a_retried_parallel_runs_all_its_branches_again.txt"],
    );
}

#[test]
fn a_map_runs_as_many_items_as_its_concurrency_allows() {
    check(
        json!({"StartAt": "Each", "States": {"Each": {"Type": "Map", "MaxConcurrency": 2, "End": true,
            "ItemsPath": "$.items",
            "ItemSelector": {"n.$": "$$.Map.Item.Index", "it.$": "$$.Map.Item.Value", "all.$": "$.name"},
            "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Do", "States": {
                "Do": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}}}}}}),
        &[
            start(r#"{"items": ["x", "y", "z"], "name": "m"}"#),
            done("1.0.1/1.0:task", json!("b")),
            done("1.0.0/1.0:task", json!("a")),
            done("1.0.2/1.0:task", json!("c")),
        ],
        expect_file!["transcripts/a_map_runs_as_many_items_as_its_concurrency_allows.txt"],
    );
}

#[test]
fn a_map_of_nothing_succeeds_at_once() {
    check(
        json!({"StartAt": "Each", "States": {
            "Each": {"Type": "Map", "Next": "Last", "Iterator": {"StartAt": "Do", "States": {
                "Do": {"Type": "Pass", "End": true}}}},
            "Last": {"Type": "Succeed"}}}),
        &[start("[]")],
        expect_file!["transcripts/a_map_of_nothing_succeeds_at_once.txt"],
    );
}

#[test]
fn an_inline_map_with_a_reader_fails_the_execution() {
    check(
        json!({"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true,
            "ItemReader": {"Resource": "arn:aws:states:::s3:getObject",
                "Parameters": {"Bucket": "b", "Key": "k"}},
            "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}}}}),
        &[start("[1]")],
        expect_file!["transcripts/an_inline_map_with_a_reader_fails_the_execution.txt"],
    );
}

#[test]
fn a_map_over_anything_but_an_array_fails_the_execution() {
    check(
        json!({"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true, "ItemsPath": "$.items",
            "ItemProcessor": {"StartAt": "Do", "States": {"Do": {"Type": "Pass", "End": true}}}}}}),
        &[start(r#"{"items": {"a": 1}}"#)],
        expect_file!["transcripts/a_map_over_anything_but_an_array_fails_the_execution.txt"],
    );
}

#[test]
fn an_error_leaves_nested_maps_one_by_one_until_it_is_caught() {
    check(
        json!({"StartAt": "Outer", "States": {
            "Outer": {"Type": "Map", "End": true,
                "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "Sorry"}],
                "ItemProcessor": {"StartAt": "Inner", "States": {"Inner": {"Type": "Map", "End": true,
                    "ItemProcessor": {"StartAt": "Do", "States": {"Do": {
                        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}}}}}}},
            "Sorry": {"Type": "Pass", "End": true}}}),
        &[start("[[1,2],[3]]"), failed("1.0.0/1.0.1/1.0:task", "Boom", "bang")],
        expect_file!["transcripts/an_error_leaves_nested_maps_one_by_one_until_it_is_caught.txt"],
    );
}

#[test]
fn a_retried_map_starts_over() {
    check(
        json!({"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true, "MaxConcurrency": 1,
            "Retry": [{"ErrorEquals": ["Boom"], "MaxAttempts": 1}],
            "ItemProcessor": {"StartAt": "Do", "States": {"Do": {
                "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true}}}}}}),
        &[
            start("[1,2]"),
            done("1.0.0/1.0:task", json!("one")),
            failed("1.0.1/1.0:task", "Boom", ""),
            fired("1.0:backoff"),
            done("1.1.0/1.0:task", json!("one")),
            failed("1.1.1/1.0:task", "Boom", ""),
        ],
        expect_file!["transcripts/a_retried_map_starts_over.txt"],
    );
}

#[test]
fn the_machine_itself_can_run_out_of_time() {
    check(
        json!({"StartAt": "Do", "TimeoutSeconds": 60, "States": {"Do": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 90, "End": true,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Do"}]}}}),
        &[start("{}"), fired("0.0:execution"), done("1.0:task", json!(1))],
        expect_file!["transcripts/the_machine_itself_can_run_out_of_time.txt"],
    );
}

#[test]
fn an_aborted_execution_cancels_what_is_under_way() {
    check(
        json!({"StartAt": "Each", "TimeoutSeconds": 60, "States": {"Each": {"Type": "Map", "End": true,
            "ItemProcessor": {"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 9, "End": true}}}}}}),
        &[
            start("[1,2]"),
            FactKind::ExecutionAborted {
                error: StatesError { error: Some("Stop".into()), cause: None },
            },
        ],
        expect_file!["transcripts/an_aborted_execution_cancels_what_is_under_way.txt"],
    );
}

#[test]
fn a_task_that_failed_without_a_word_is_caught_with_nulls() {
    check(
        json!({"StartAt": "Ask", "States": {
            "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true,
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Sorry"}]},
            "Sorry": {"Type": "Pass", "End": true}}}),
        &[
            start(r#"{"a":1}"#),
            submitted("1.0:task"),
            FactKind::TaskFailed {
                task: id("1.0:task"),
                error: StatesError::default(),
                version: None,
            },
        ],
        expect_file!["transcripts/a_task_that_failed_without_a_word_is_caught_with_nulls.txt"],
    );
}

#[test]
fn a_result_over_the_limit_fails_the_task() {
    check(
        json!({"StartAt": "Do", "States": {
            "Do": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:Big", "End": true,
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}]},
            "Sorry": {"Type": "Pass", "End": true}}}),
        &[start("{}"), done("1.0:task", json!("x".repeat(262_143)))],
        expect_file!["transcripts/a_result_over_the_limit_fails_the_task.txt"],
    );
}

#[test]
fn an_output_over_the_limit_is_not_caught_by_the_wildcard() {
    check(
        json!({"StartAt": "Do", "States": {
            "Do": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
                "ResultSelector": {"a.$": "$", "b.$": "$"},
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}]},
            "Sorry": {"Type": "Pass", "End": true}}}),
        &[start("{}"), done("1.0:task", json!("x".repeat(200_000)))],
        expect_file!["transcripts/an_output_over_the_limit_is_not_caught_by_the_wildcard.txt"],
    );
}

#[test]
fn facts_about_what_is_over_change_nothing_and_impossible_ones_end_it() {
    let machine = json!({"StartAt": "Do", "States": {"Do": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 9, "Next": "Do"}}});
    check(
        looping(&machine),
        &[
            start("{}"),
            done("1.0:task", json!({})),
            done("1.0:task", json!({})),
            fired("1.0:timeout"),
            done("3.0:task", json!({})),
        ],
        expect_file![
            "transcripts/facts_about_what_is_over_change_nothing_and_impossible_ones_end_it_1.txt"
        ],
    );
    check(
        looping(&machine),
        &[start("{}"), fired("1.0:wait")],
        expect_file![
            "transcripts/facts_about_what_is_over_change_nothing_and_impossible_ones_end_it_2.txt"
        ],
    );
    check(
        looping(&machine),
        &[start("{}"), fired("1.0:task")],
        expect_file![
            "transcripts/facts_about_what_is_over_change_nothing_and_impossible_ones_end_it_3.txt"
        ],
    );
    check(
        looping(&machine),
        &[done("1.0:task", json!({}))],
        expect_file![
            "transcripts/facts_about_what_is_over_change_nothing_and_impossible_ones_end_it_4.txt"
        ],
    );
}

#[test]
fn what_takes_a_year_runs_out_of_time() {
    check(
        json!({"StartAt": "Nap", "States": {
            "Nap": {"Type": "Wait", "Seconds": 99_999_999, "End": true}}}),
        &[start("{}"), FactKind::ExecutionOverdue, redriven()],
        expect_file!["transcripts/what_takes_a_year_runs_out_of_time.txt"],
    );
}

#[test]
fn a_loop_that_asks_nobody_ends_with_the_history() {
    let mut text = String::new();
    let machine = json!({"StartAt": "Round", "States": {
        "Round": {"Type": "Pass", "Next": "Again"},
        "Again": {"Type": "Choice", "Default": "Round",
            "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "Stop"}]},
        "Stop": {"Type": "Succeed"}}});
    let mut execution = Execution::new(parse(&machine));
    let (step, turns) = told_in_turns(&mut execution, start("{}"));
    assert_eq!(execution.event_count(), 25_000);
    assert!((40..60).contains(&turns), "{turns}");
    for event in step.history.iter().rev().take(3).rev() {
        text += &render_event(event);
    }
    text += &step.commands.iter().map(|it| render_command(it, BEGIN)).collect::<String>();
    expect_file!["transcripts/a_loop_that_asks_nobody_ends_with_the_history.txt"].assert_eq(&text);
}

#[test]
fn an_express_loop_that_asks_nobody_runs_out_of_time() {
    let machine = json!({"StartAt": "Round", "States": {
        "Round": {"Type": "Choice", "Default": "Round",
            "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "Stop"}]},
        "Stop": {"Type": "Succeed"}}});
    let mut execution = Execution::new(parse(&machine));
    told_in_turns(&mut execution, start_express("{}"));
    assert!(execution.event_count() > 25_000);
    assert_eq!(*execution.status(), Status::TimedOut);
}

#[test]
fn data_that_nests_deeper_each_round_fails_the_execution() {
    let round = |state: Value| {
        let mut machine = json!({"StartAt": "Round", "States": {
            "Again": {"Type": "Choice", "Default": "Round",
                "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "Stop"}]},
            "Stop": {"Type": "Succeed"}}});
        machine["States"]["Round"] = state;
        let mut execution = Execution::new(parse(&machine));
        told_in_turns(&mut execution, start("{}"));
        let Status::Failed { error } = execution.status() else { panic!("{execution:?}") };
        assert_eq!(error.name(), "States.Runtime");
        error.cause.clone().unwrap()
    };
    let pass = round(json!({"Type": "Pass", "Parameters": {"deeper.$": "$"}, "Next": "Again"}));
    assert!(pass.contains("'Round'") && pass.contains("nests more than"), "{pass}");
    let parallel = round(json!({"Type": "Parallel", "Next": "Again", "Branches": [
        {"StartAt": "Same", "States": {"Same": {"Type": "Pass", "End": true}}}]}));
    assert!(parallel.contains("nested too deep"), "{parallel}");
}

/// A Map state with `more` fields whose items are children of their own.
fn distributed(more: Value) -> Value {
    let mut map = json!({"Type": "Map", "End": true, "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Do", "States": {"Do": {"Type": "Pass", "End": true}}}});
    map.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    map
}

#[test]
fn a_map_run_is_one_task_and_what_leaves_its_state_points_back_to_its_start() {
    check(
        json!({"StartAt": "Each", "States": {
            "Each": distributed(json!({"End": false, "Next": "Done", "Label": "each",
                "ItemsPath": "$.items", "ResultPath": "$.done"})),
            "Done": {"Type": "Succeed"}}}),
        &[start(r#"{"items": [1, 2]}"#), done("1.0:task", json!(["a", "b"]))],
        expect_file!["transcripts/a_map_run_is_one_task.txt"],
    );
}

#[test]
fn a_map_run_that_failed_is_retried_as_another_and_then_caught() {
    check(
        json!({"StartAt": "Each", "States": {
            "Each": distributed(json!({"Label": "each",
                "Retry": [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "MaxAttempts": 1}],
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}]})),
            "Sorry": {"Type": "Pass", "End": true}}}),
        &[
            start("[1, 2]"),
            failed("1.0:task", "States.ExceedToleratedFailureThreshold", "too many"),
            fired("1.0:backoff"),
            failed("1.1:task", "States.ExceedToleratedFailureThreshold", "too many"),
            done("1.1:task", json!([])),
        ],
        expect_file!["transcripts/a_map_run_that_failed_is_retried_and_then_caught.txt"],
    );
}

#[test]
fn a_redrive_goes_on_with_the_same_map_run() {
    check(
        json!({"StartAt": "Each", "States": {"Each": distributed(json!({"Label": "each"}))}}),
        &[
            start("[1, 2]"),
            failed("1.0:task", "States.ExceedToleratedFailureThreshold", "too many"),
            redriven(),
            failed("1.1:task", "States.ExceedToleratedFailureThreshold", "still"),
            redriven(),
            done("1.2:task", json!(["a", "b"])),
        ],
        expect_file!["transcripts/a_redrive_goes_on_with_the_same_map_run.txt"],
    );
}

#[test]
fn a_map_run_is_stopped_with_what_contains_it() {
    let fail = json!({"StartAt": "Bad", "States": {"Bad": {"Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke", "End": true}}});
    let each =
        json!({"StartAt": "Each", "States": {"Each": distributed(json!({"Label": "each"}))}});
    check(
        json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true,
            "Branches": [each, fail]}}}),
        &[
            start("[1]"),
            failed("1.0.1/1.0:task", "Boom", "as told"),
            redriven(),
            failed("1.0.0/1.1:task", "States.Runtime", "broken"),
        ],
        expect_file!["transcripts/a_map_run_is_stopped_with_what_contains_it.txt"],
    );
}

#[test]
fn what_bounds_a_map_run_is_read_after_its_state_has_started() {
    let cases = [
        (json!({"ToleratedFailureCountPath": "$.n"}), r#"{"items": [0], "n": "NoNumber"}"#),
        (json!({"ToleratedFailureCountPath": "$.n"}), r#"{"items": [0], "n": -1}"#),
        (json!({"ToleratedFailurePercentagePath": "$.n"}), r#"{"items": [0], "n": "NoNumber"}"#),
        (json!({"ToleratedFailurePercentagePath": "$.n"}), r#"{"items": [0], "n": -1.1}"#),
        (json!({"ItemBatcher": {"MaxItemsPerBatchPath": "$.n"}}), r#"{"items": [0], "n": 0}"#),
    ];
    let mut text = String::new();
    for (more, input) in cases {
        let mut map = distributed(more);
        map["ItemsPath"] = json!("$.items");
        let machine = json!({"StartAt": "Each", "States": {"Each": map}});
        let kind = start(input);
        text +=
            &render(&kind, &Execution::new(parse(&machine)).step(&fact(0, kind.clone())), BEGIN);
    }
    expect_file!["transcripts/what_bounds_a_map_run_is_read_after_its_state_has_started.txt"]
        .assert_eq(&text);
}

#[test]
fn what_one_state_assigns_later_ones_read() {
    check(
        json!({"StartAt": "Take", "States": {
            "Take": {"Type": "Pass", "Result": {"id": 7}, "ResultPath": "$.order",
                "Assign": {"order.$": "$", "n": 1, "m": 2}, "Next": "Swap"},
            "Swap": {"Type": "Pass", "Parameters": {"was.$": "States.Array($n, $m)"},
                "Assign": {"n.$": "$m", "m.$": "$n"}, "Next": "Which"},
            "Which": {"Type": "Choice", "Default": "Few", "Assign": {"chosen": "none"}, "Choices": [
                {"Variable": "$n", "NumericLessThan": 2, "Next": "Few", "Assign": {"chosen": "few"}},
                {"Variable": "$order.id", "NumericGreaterThanPath": "$n", "Next": "Nap",
                    "Assign": {"chosen.$": "$.was[0]"}}]},
            "Few": {"Type": "Fail"},
            "Nap": {"Type": "Wait", "SecondsPath": "$n", "Assign": {"napped.$": "$$.State.Name"},
                "Next": "Pay"},
            "Pay": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                "TimeoutSecondsPath": "$order.id", "Parameters": {"id.$": "$order.id"},
                "ResultSelector": {"code.$": "$.StatusCode"}, "ResultPath": "$.paid",
                "Assign": {"payload.$": "$.Payload"},
                "Catch": [{"ErrorEquals": ["Poor"], "ResultPath": null, "Next": "Again",
                    "Assign": {"why.$": "$.Cause"}}],
                "Next": "Done"},
            "Again": {"Type": "Pass", "Next": "Pay"},
            "Done": {"Type": "Succeed", "OutputPath": "$payload"}}}),
        &[
            start("{}"),
            fired("4.0:wait"),
            failed("5.0:task", "Poor", "no money"),
            done("7.0:task", json!({"Payload": [1], "StatusCode": 200})),
        ],
        expect_file!["transcripts/what_one_state_assigns_later_ones_read.txt"],
    );
}

#[test]
fn branches_read_the_variables_around_them_and_keep_their_own() {
    let branch = |name: &str, state: Value| json!({"StartAt": name, "States": {name: state}});
    let task = |name: &str| {
        json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"top.$": "$top", "slot": name}, "Assign": {"mine.$": "$"}, "End": true})
    };
    let each = json!({"Type": "Map", "ItemsPath": "$top", "Next": "Tell", "MaxConcurrency": 1,
        "ItemSelector": {"i.$": "$$.Map.Item.Index", "top.$": "$top[0]"},
        "Assign": {"mine.$": "$[1]"},
        "ItemProcessor": branch("Keep", json!({"Type": "Pass", "Assign": {"inner.$": "$"},
            "OutputPath": "$top[1]", "End": true}))});
    let tell =
        json!({"Type": "Pass", "Parameters": {"mine.$": "$mine", "top.$": "$top"}, "End": true});
    let deep = json!({"StartAt": "Each", "States": {"Each": each, "Tell": tell}});
    check(
        json!({"StartAt": "Take", "States": {
            "Take": {"Type": "Pass", "Assign": {"top": ["a", "b"]}, "Next": "Both"},
            "Both": {"Type": "Parallel", "Branches": [branch("One", task("one")), deep],
                "Assign": {"results.$": "$[0]"}, "ResultPath": null, "Next": "End"},
            "End": {"Type": "Pass", "Parameters": {"r.$": "$results"}, "Next": "Gone"},
            "Gone": {"Type": "Pass", "InputPath": "$mine", "End": true}}}),
        &[start("{}"), done("2.0.0/1.0:task", json!("paid"))],
        expect_file!["transcripts/branches_read_the_variables_around_them.txt"],
    );
}

#[test]
fn jsonata_states_compute_with_what_they_get_and_keep() {
    check(
        json!({"QueryLanguage": "JSONata", "StartAt": "Take", "States": {
            "Take": {"Type": "Pass", "Next": "Which",
                "Assign": {"n": "{% $states.input.n + 1 %}", "plain": "$n", "at": "{% $now() %}"},
                "Output": {"order": "{% $states.input.order %}", "ids": ["{% $uuid() != $uuid() %}"]}},
            "Which": {"Type": "Choice", "Default": "Few", "Assign": {"chosen": "none"}, "Output": "none",
                "Choices": [
                    {"Condition": "{% $n < 3 %}", "Next": "Few"},
                    {"Condition": "{% $n = 3 %}", "Next": "Nap", "Assign": {"chosen": "{% $n %}"},
                        "Output": {"chose": "{% $states.input.order.id %}"}}]},
            "Few": {"Type": "Fail", "Error": "{% 'Few' %}", "Cause": "{% 'only ' & $n %}"},
            "Nap": {"Type": "Wait", "Seconds": "{% $n %}", "Next": "Pay",
                "Output": "{% $merge([$states.input, {'napped': $states.context.State.Name}]) %}"},
            "Pay": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                "TimeoutSeconds": "{% $n * 10 %}", "HeartbeatSeconds": 5,
                "Credentials": {"RoleArn": "{% 'arn:aws:iam::123456789012:role/' & $states.input.chose %}"},
                "Arguments": {"FunctionName": "Pay", "Payload": "{% $states.input %}"},
                "Assign": {"code": "{% $states.result.StatusCode %}"},
                "Output": {"paid": "{% $states.result.Payload %}", "was": "{% $states.input %}"},
                "Catch": [{"ErrorEquals": ["Poor"], "Next": "Few", "Assign": {"n": 0},
                    "Output": {"why": "{% $states.errorOutput.Cause %}"}}],
                "Next": "Each"},
            "Each": {"Type": "Map", "Items": "{% [1..2] %}", "MaxConcurrency": "{% 1 %}",
                "ItemSelector": {"i": "{% $states.context.Map.Item.Index %}",
                    "v": "{% $states.context.Map.Item.Value * $code %}"},
                "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Pass", "End": true,
                    "Output": "{% $states.input.v + $n %}"}}},
                "Output": "{% $sum($states.result) %}", "Next": "Both"},
            "Both": {"Type": "Parallel", "Arguments": {"sum": "{% $states.input %}"}, "Branches": [
                {"StartAt": "Left", "States": {"Left": {"Type": "Pass", "End": true}}},
                {"StartAt": "Right", "States": {"Right": {"Type": "Succeed", "Output": "{% $chosen %}"}}}],
                "Next": "Done"},
            "Done": {"Type": "Succeed", "Output": "{% $states.input[1] %}"}}}),
        &[
            start(r#"{"n": 2, "order": {"id": "one"}}"#),
            fired("3.0:wait"),
            done("4.0:task", json!({"Payload": [1.5, 9007199254740993_i64], "StatusCode": 200})),
        ],
        expect_file!["transcripts/jsonata_states_compute_with_what_they_get_and_keep.txt"],
    );
}

#[test]
fn an_expression_that_fails_has_an_event_of_its_own() {
    let fail = |state: Value, facts: &[FactKind], name: &str| {
        let mut machine = json!({"QueryLanguage": "JSONata", "StartAt": "Go", "States": {
            "Go": {"Type": "Pass", "Next": "A"}, "B": {"Type": "Pass", "End": true}}});
        machine["States"]["A"] = state;
        if ["Choice", "Fail"].iter().all(|kind| machine["States"]["A"]["Type"] != *kind) {
            machine["States"]["A"]["End"] = json!(true);
        }
        let file = format!("transcripts/an_expression_that_fails_{name}.txt");
        check(machine, facts, expect_file![file]);
    };
    let begin = || start(r#"{"n": 1}"#);
    let task = "arn:aws:states:::lambda:invoke";
    let inner = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}});
    fail(
        json!({"Type": "Pass", "Output": {"a": [1, {"b": "{% $states.input.m %}"}]}}),
        &[begin()],
        "in_a_pass",
    );
    fail(json!({"Type": "Wait", "Seconds": "{% 'x' %}"}), &[begin()], "in_a_wait");
    fail(
        json!({"Type": "Choice", "Choices": [{"Condition": "{% $states.input.m %}", "Next": "B"}]}),
        &[begin()],
        "in_a_choice",
    );
    fail(
        json!({"Type": "Choice", "Default": "B", "Choices": [{"Condition": "{% $states.input.n %}", "Next": "B"}]}),
        &[begin()],
        "in_a_choice_of_no_boolean",
    );
    fail(
        json!({"Type": "Task", "Resource": task, "Arguments": {"Payload": "{% $sum('a') %}"}}),
        &[begin()],
        "in_arguments",
    );
    fail(
        json!({"Type": "Task", "Resource": task, "Output": "{% $states.result.x %}",
            "Retry": [{"ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 1}]}),
        &[
            begin(),
            done("2.0:task", json!({})),
            fired("2.0:backoff"),
            done("2.1:task", json!({"x": 7})),
        ],
        "in_an_output_and_is_retried",
    );
    fail(
        json!({"Type": "Map", "Items": "{% $states.input %}", "ItemProcessor": inner}),
        &[begin()],
        "in_items",
    );
    fail(
        json!({"Type": "Map", "Items": [1, 2], "ItemSelector": "{% $states.context.Map.Item.Value.x %}",
            "ItemProcessor": inner}),
        &[begin()],
        "in_an_item_selector",
    );
    fail(json!({"Type": "Map", "ItemProcessor": inner}), &[begin()], "as_the_input_is_no_array");
    fail(
        json!({"Type": "Parallel", "Arguments": "{% $f := function() { 1 } %}", "Branches": [inner]}),
        &[begin()],
        "in_a_parallel",
    );
    fail(json!({"Type": "Fail", "Cause": "{% 1 %}"}), &[begin()], "in_a_fail");
}

#[test]
fn a_catcher_deals_with_an_expression_and_may_fail_itself() {
    let machine = |output: &str| {
        json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": "{% $states.input.none %}", "End": true, "Catch": [
                    {"ErrorEquals": ["Other"], "Next": "B"},
                    {"ErrorEquals": ["States.ALL"], "Next": "B", "Output": {"e": output}}]},
            "B": {"Type": "Pass", "End": true}}})
    };
    check(
        machine("{% $states.errorOutput.Error & ' of ' & $states.input.n %}"),
        &[start(r#"{"n": 1}"#)],
        expect_file!["transcripts/a_catcher_deals_with_an_expression.txt"],
    );
    check(
        machine("{% $states.errorOutput.Nothing %}"),
        &[start(r#"{"n": 1}"#)],
        expect_file!["transcripts/a_catcher_fails_itself.txt"],
    );
}

#[test]
fn variables_are_bounded() {
    let large = |bytes: usize| json!("x".repeat(bytes - 2));
    let run = |machine: Value| {
        let mut execution = Execution::new(parse(&machine));
        execution.step(&fact(0, start("{}")));
        match execution.status() {
            Status::Failed { error } => error.name().to_owned(),
            status => format!("{status:?}"),
        }
    };
    let assign = |values: Value| {
        run(
            json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Assign": values, "End": true}}}),
        )
    };
    assert!(assign(json!({"a": large(262_144)})).starts_with("Succeeded"));
    assert_eq!(assign(json!({"a": large(262_145)})), "States.DataLimitExceeded");
    assert_eq!(
        assign(json!({"a": large(200_000), "b": large(62_145)})),
        "States.DataLimitExceeded"
    );

    // Each state has a variable of its own, of as much as one Assign may assign.
    let many = |count: usize| {
        let state = |index: usize| {
            let variable = format!("v{index}.$");
            let next = format!("S{}", index + 1);
            (
                format!("S{index}"),
                json!({"Type": "Pass", "Result": {}, "OutputPath": "$$.Execution.Input",
                "Assign": {variable: "$$.Execution.Input.text"}, "Next": next}),
            )
        };
        let mut states: serde_json::Map<String, Value> = (0..count).map(state).collect();
        states.insert(format!("S{count}"), json!({"Type": "Succeed", "OutputPath": null}));
        let mut execution = Execution::new(parse(&json!({"StartAt": "S0", "States": states})));
        let input = json!({"text": "x".repeat(262_000 - 2)}).to_string();
        told_in_turns(&mut execution, start(&input));
        execution.status().clone()
    };
    assert!(matches!(many(40), Status::Succeeded { .. }));
    let Status::Failed { error } = many(41) else { panic!("not bounded") };
    assert_eq!(error.name(), "States.DataLimitExceeded");
}

/// A loop that the definition can leave, as AWS requires.
fn looping(machine: &Value) -> Value {
    let mut machine = machine.clone();
    machine["States"]["Do"]["Catch"] = json!([{"ErrorEquals": ["Stop"], "Next": "Stop"}]);
    machine["States"]["Stop"] = json!({"Type": "Succeed"});
    machine
}

/// Plays facts: a timer when it is due, anything else a second after the last.
#[track_caller]
fn check(machine: Value, facts: &[FactKind], expect: ExpectFile) {
    check_without(&[], machine, facts, expect);
}

fn check_without(activities: &[&str], machine: Value, facts: &[FactKind], expect: ExpectFile) {
    let machine = parse(&machine);
    let absent_activities: Vec<_> = activities.iter().copied().map(Arc::from).collect();
    let (mut journal, mut transcript) = (Vec::<Fact>::new(), String::new());
    let (mut now, mut timers) = (0, BTreeMap::new());
    for kind in facts {
        now += 1000;
        if let FactKind::TimerFired { timer, .. } = kind {
            now = timers.remove(timer).unwrap_or(now).max(now);
        }
        let absent_activities = absent_activities.clone();
        let fact = Fact { absent_activities, ..fact(now, kind.clone()) };
        let step = Execution::replay(machine.clone(), &journal).step(&fact);
        for command in &step.commands {
            if let Command::StartTimer { timer, at } = command {
                timers.insert(timer.clone(), at.as_millis() - BEGIN);
            }
        }
        transcript += &render(kind, &step, BEGIN);
        journal.push(fact);
    }
    expect.assert_eq(&transcript);
}

/// 2026-11-22T21:04:17Z.
const BEGIN: i64 = 1_795_381_457_000;

fn fact(millis: i64, kind: FactKind) -> Fact {
    Fact::new(Timestamp::from_millis(BEGIN + millis), kind)
}

/// What a task takes is no matter here, so the definitions are read as accepted ones.
#[track_caller]
fn parse(machine: &Value) -> Arc<StateMachine> {
    Arc::new(StateMachine::recall(&machine.to_string()).unwrap())
}

fn start(input: &str) -> FactKind {
    FactKind::ExecutionStarted {
        id: "arn:aws:states:eu-west-1:123456789012:execution:orders:one".to_owned(),
        name: "one".to_owned(),
        role: "arn:aws:iam::123456789012:role/orders".to_owned(),
        machine: "arn:aws:states:eu-west-1:123456789012:stateMachine:orders".to_owned(),
        alias: None,
        version: None,
        trace: None,
        parent: None,
        input: Payload::parse(input).unwrap(),
        seed: [7; 32],
        pins: None,
        logging: None,
        configuration: None,
        edition: stepyard_asl::EDITION,
    }
}

/// Tells a fact, and the turns that it leads to; gives the last step and how many there were.
fn told_in_turns(execution: &mut Execution, kind: FactKind) -> (Step, usize) {
    let (mut step, mut turns) = (execution.step(&fact(0, kind)), 1);
    while let Some(timer) = step.commands.iter().find_map(turn_of) {
        step = execution.step(&fact(0, FactKind::timer_fired(timer)));
        turns += 1;
    }
    (step, turns)
}

fn turn_of(command: &Command) -> Option<CommandId> {
    let Command::StartTimer { timer, .. } = command else { return None };
    (timer.kind() == CommandKind::Turn).then(|| timer.clone())
}

fn start_express(input: &str) -> FactKind {
    let mut start = start(input);
    let FactKind::ExecutionStarted { id, .. } = &mut start else {
        unreachable!("start makes a start")
    };
    *id = "arn:aws:states:eu-west-1:123456789012:express:orders:one:2".to_owned();
    start
}

fn done(task: &str, output: Value) -> FactKind {
    FactKind::TaskSucceeded { task: id(task), output: output.into(), version: None }
}

fn failed(task: &str, error: &str, cause: &str) -> FactKind {
    FactKind::TaskFailed { task: id(task), error: StatesError::new(error, cause), version: None }
}

fn submitted(task: &str) -> FactKind {
    FactKind::TaskSubmitted { task: id(task), details: json!({"MessageId": "m"}).into() }
}

fn taken(task: &str, worker: Option<&str>) -> FactKind {
    FactKind::TaskStarted { task: id(task), worker: worker.map(str::to_owned) }
}

fn beat(task: &str) -> FactKind {
    FactKind::TaskBeat { task: id(task) }
}

fn redriven() -> FactKind {
    FactKind::ExecutionRedriven { client_token: None }
}

fn fired(timer: &str) -> FactKind {
    FactKind::timer_fired(id(timer))
}

fn id(text: &str) -> stepyard_asl::CommandId {
    text.parse().unwrap()
}
