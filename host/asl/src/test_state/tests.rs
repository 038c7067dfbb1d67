//! States under test, one table for each subject: what a request comes to, as a line of text for each
//! thing that is shown.

mod forks;
mod requests;

use serde_json::{Value, json};

use super::*;
use crate::ErrorDetails;

fn place() -> TestPlace {
    TestPlace {
        execution: "arn:aws:states:us-east-1:123456789012:express:M:one".to_owned(),
        machine: "arn:aws:states:us-east-1:123456789012:stateMachine:M".to_owned(),
        now: Timestamp::from_millis(1_795_381_457_000),
        seed: [7; 32],
    }
}

/// A request for a state, with an input, a role and nothing else.
fn request(state: &Value, input: &Value) -> TestRequest {
    TestRequest {
        definition: state.to_string(),
        state_name: None,
        role_arn: Some("arn:aws:iam::123456789012:role/r".to_owned()),
        input: input.clone().into(),
        variables: None,
        reveal_secrets: false,
        mock: None,
        context: None,
        configuration: TestConfiguration::default(),
    }
}

fn result(value: &Value) -> Option<Mock> {
    Some(Mock { result: Some(value.to_string()), ..Mock::default() })
}

fn error(name: &str) -> Option<Mock> {
    Some(Mock { error: Some(StatesError::new(name, "why")), ..Mock::default() })
}

fn mocked(state: &Value, input: &Value, mock: Option<Mock>) -> TestRequest {
    TestRequest { mock, ..request(state, input) }
}

fn tested(request: TestRequest) -> Result<Tested, TestRefusal> {
    match TestState::new(request, place())?.begin()? {
        Asked::Nothing(tested) => Ok(*tested),
        asked => panic!("something is asked: {asked:?}"),
    }
}

/// All that a test shows, as JSON.
fn shown(tested: &Tested) -> Value {
    let it = &tested.inspection;
    let mut data = json!({});
    for (name, payload) in [
        ("afterInputPath", &it.after_input_path),
        ("afterParameters", &it.after_parameters),
        ("afterArguments", &it.after_arguments),
        ("result", &it.result),
        ("afterResultSelector", &it.after_result_selector),
        ("afterResultPath", &it.after_result_path),
        ("variables", &it.variables),
        ("afterItemsPath", &it.after_items_path),
        ("afterItemSelector", &it.after_item_selector),
    ] {
        if let Some(payload) = payload {
            data[name] = payload.value().clone();
        }
    }
    if let Some(count) = it.max_concurrency {
        data["maxConcurrency"] = json!(count);
    }
    let mut shown = json!({ "status": tested.status.name(), "data": data });
    if let Some(output) = &tested.output {
        shown["output"] = output.value().clone();
    }
    if let Some(next) = &tested.next_state {
        shown["next"] = json!(**next);
    }
    if let Some(error) = &tested.error {
        shown["error"] = json!(error.name());
    }
    shown
}

#[track_caller]
fn check(request: TestRequest, expected: &Value) {
    let definition = request.definition.clone();
    let tested = tested(request).unwrap();
    assert_eq!(shown(&tested), *expected, "{definition}");
}

#[track_caller]
fn check_refused(request: TestRequest, expected: &str) {
    let definition = request.definition.clone();
    let refusal = tested(request).expect_err("the test is refused");
    assert_eq!(refusal.to_string(), expected, "{definition}");
}

fn call(more: &Value) -> Value {
    let mut state = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
        "Parameters": {"FunctionName": "F", "Payload.$": "$.a"}});
    let members = more.as_object().unwrap().clone();
    state.as_object_mut().unwrap().extend(members);
    if more.get("QueryLanguage").is_some() {
        state.as_object_mut().unwrap().remove("Parameters");
        state["Arguments"] = json!({"FunctionName": "F", "Payload": "{% $states.input.a %}"});
    }
    state
}

fn map(more: &Value) -> Value {
    let mut state = json!({"Type": "Map", "ItemsPath": "$.items", "End": true, "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Each", "States": {"Each": {"Type": "Pass", "End": true}}}});
    state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    state
}

#[test]
fn states_that_do_no_work_show_their_data_on_the_way() {
    let input = json!({"a": {"b": 1}});
    for (state, expected) in [
        (
            json!({"Type": "Pass", "End": true}),
            json!({"status": "SUCCEEDED", "output": input, "data": {"afterInputPath": input,
                "afterParameters": input, "afterResultSelector": input, "afterResultPath": input}}),
        ),
        (
            json!({"Type": "Pass", "InputPath": "$.a", "Parameters": {"c.$": "$.b"}, "ResultPath": "$.d", "Next": "B"}),
            json!({"status": "SUCCEEDED", "next": "B", "output": {"a": {"b": 1}, "d": {"c": 1}}, "data": {
                "afterInputPath": {"b": 1}, "afterParameters": {"c": 1}, "afterResultSelector": {"c": 1},
                "afterResultPath": {"a": {"b": 1}, "d": {"c": 1}}}}),
        ),
        (
            json!({"Type": "Pass", "InputPath": "$.a", "Result": 7, "End": true}),
            json!({"status": "SUCCEEDED", "output": 7,
                "data": {"result": 7, "afterResultSelector": 7, "afterResultPath": 7}}),
        ),
        (
            json!({"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $states.input.a.b %}", "End": true}),
            json!({"status": "SUCCEEDED", "output": 1, "data": {}}),
        ),
        (
            json!({"Type": "Succeed", "InputPath": "$.a", "OutputPath": "$.b"}),
            json!({"status": "SUCCEEDED", "output": 1, "data": {"afterInputPath": {"b": 1}}}),
        ),
        (
            json!({"Type": "Fail", "Error": "Torn"}),
            json!({"status": "FAILED", "error": "Torn", "data": {"afterInputPath": input}}),
        ),
        (
            json!({"Type": "Fail", "QueryLanguage": "JSONata", "Error": "{% 'To' & 'rn' %}"}),
            json!({"status": "FAILED", "error": "Torn", "data": {}}),
        ),
        (
            json!({"Type": "Choice", "InputPath": "$.a", "Choices": [{"Variable": "$.b", "NumericEquals": 1, "Next": "One"}]}),
            json!({"status": "SUCCEEDED", "next": "One", "output": {"b": 1}, "data": {"afterInputPath": {"b": 1}}}),
        ),
        (
            json!({"Type": "Choice", "Choices": [{"Variable": "$.a.b", "NumericEquals": 2, "Next": "Two"}], "Default": "Else"}),
            json!({"status": "SUCCEEDED", "next": "Else", "output": input, "data": {"afterInputPath": input}}),
        ),
        (
            json!({"Type": "Wait", "Seconds": 0, "Next": "B"}),
            json!({"status": "SUCCEEDED", "next": "B", "output": input, "data": {"afterInputPath": input}}),
        ),
        (
            json!({"Type": "Pass", "InputPath": "$.no", "End": true}),
            json!({"status": "FAILED", "error": "States.Runtime", "data": {}}),
        ),
    ] {
        check(request(&state, &input), &expected);
    }
}

#[test]
fn a_task_shows_its_data_up_to_where_it_came() {
    let input = json!({"a": 1});
    let parameters = json!({"FunctionName": "F", "Payload": 1});
    let done = json!({"Payload": 2});
    for (state, mock, expected) in [
        (
            call(
                &json!({"ResultSelector": {"r.$": "$.Payload"}, "ResultPath": "$.b", "OutputPath": "$.b"}),
            ),
            result(&done),
            json!({"status": "SUCCEEDED", "output": {"r": 2}, "data": {"afterInputPath": input,
                "afterParameters": parameters, "result": done, "afterResultSelector": {"r": 2},
                "afterResultPath": {"a": 1, "b": {"r": 2}}}}),
        ),
        (
            call(&json!({"QueryLanguage": "JSONata", "Output": "{% $states.result.Payload %}"})),
            result(&done),
            json!({"status": "SUCCEEDED", "output": 2, "data": {"afterArguments": parameters, "result": done}}),
        ),
        (
            call(&json!({})),
            error("Torn"),
            json!({"status": "FAILED", "error": "Torn",
                "data": {"afterInputPath": input, "afterParameters": parameters}}),
        ),
        (
            call(&json!({"ResultSelector": {"r.$": "$.no"}})),
            result(&done),
            json!({"status": "FAILED", "error": "States.Runtime", "data": {"afterInputPath": input,
                "afterParameters": parameters, "result": done}}),
        ),
    ] {
        check(mocked(&state, &input, mock), &expected);
    }
    let tested =
        tested(mocked(&call(&json!({"ResultSelector": {"r.$": "$.no"}})), &input, result(&done)));
    let cause = tested.unwrap().error.unwrap().cause.unwrap();
    assert!(
        cause.starts_with(
            "An error occurred while executing the state 'StateName' (entered at the event id #2)."
        ),
        "{cause}"
    );
}

#[test]
fn variables_are_read_and_shown_with_those_that_are_assigned() {
    let with = |variables: &str, state: &Value| TestRequest {
        variables: Some(variables.to_owned()),
        ..request(state, &json!({"n": 1}))
    };
    let assigning = json!({"Type": "Pass", "Assign": {"y.$": "$.n", "x.$": "$y"}, "OutputPath": "$x", "End": true});
    let shown = |request| tested(request).unwrap();
    let one = shown(with(r#"{"x": [0], "y": 2}"#, &assigning));
    assert_eq!(one.output.unwrap().text(), "[0]");
    assert_eq!(*one.inspection.variables.unwrap().value(), json!({"x": 2, "y": 1}));
    let none = shown(with("{}", &json!({"Type": "Succeed"})));
    assert_eq!(none.inspection.variables, None);
    let failing = shown(with(r#"{"x": 1}"#, &json!({"Type": "Fail"})));
    assert_eq!(failing.inspection.variables.unwrap().text(), r#"{"x":1}"#);
    for (variables, told) in [
        ("[]", "they must be a JSON object"),
        ("{", "they must be a JSON object"),
        (r#"{"states": 1}"#, "'states': `states` is AWS's own variable: choose another name"),
    ] {
        check_refused(with(variables, &assigning), &format!("Invalid Variables provided: {told}"));
    }
}

#[test]
fn an_error_meets_the_first_retrier_and_then_the_catchers() {
    let retry = json!([{"ErrorEquals": ["Other"]},
        {"ErrorEquals": ["Torn"], "IntervalSeconds": 3, "BackoffRate": 1.5, "MaxAttempts": 2, "MaxDelaySeconds": 4}]);
    let catch = json!([{"ErrorEquals": ["Lost"], "Next": "Find"},
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Assign": {"was.$": "$.Error"}, "Next": "Mend"}]);
    let state = call(&json!({"Retry": retry, "Catch": catch}));
    let test = |name: &str, used| {
        let configuration = TestConfiguration { retrier_retry_count: used, ..Default::default() };
        let mocked = mocked(&state, &json!({"a": 1}), error(name));
        tested(TestRequest { configuration, ..mocked }).unwrap()
    };
    for (name, used, status, catch, retry, seconds) in [
        ("Torn", None, TestStatus::Retriable, None, Some(1), Some(3)),
        ("Torn", Some(1), TestStatus::Retriable, None, Some(1), Some(4)),
        ("Torn", Some(2), TestStatus::CaughtError, Some(1), Some(1), None),
        ("Lost", None, TestStatus::CaughtError, Some(0), None, None),
        ("Cut", None, TestStatus::CaughtError, Some(1), None, None),
        ("States.Runtime", None, TestStatus::Failed, None, None, None),
    ] {
        let tested = test(name, used);
        assert_eq!(tested.status, status, "{name} {used:?}");
        assert_eq!(tested.error, Some(StatesError::new(name, "why")));
        let expected = ErrorDetails {
            catch_index: catch,
            retry_index: retry,
            retry_backoff_interval_seconds: seconds,
        };
        assert_eq!(
            tested.inspection.error_details.unwrap_or_default(),
            expected,
            "{name} {used:?}"
        );
    }
    let mended = test("Cut", None);
    assert_eq!(mended.next_state.as_deref(), Some("Mend"));
    assert_eq!(
        *mended.output.unwrap().value(),
        json!({"a": 1, "e": {"Error": "Cut", "Cause": "why"}})
    );
    assert_eq!(mended.inspection.variables.unwrap().text(), r#"{"was":"Cut"}"#);
    let counted = call(&json!({"ResultSelector": {"n.$": "$$.State.RetryCount"}}));
    let configuration = TestConfiguration { retrier_retry_count: Some(3), ..Default::default() };
    let mocked = mocked(&counted, &json!({"a": 1}), result(&json!({})));
    let tested = tested(TestRequest { configuration, ..mocked }).unwrap();
    assert_eq!(tested.output.unwrap().text(), r#"{"n":3}"#);
}

#[test]
fn what_is_asked_for_is_answered_once_it_is_done() {
    let begun = |state: &Value| {
        let mut test = TestState::new(request(state, &json!({"a": 1})), place()).unwrap();
        let asked = test.begin().unwrap();
        (test, asked)
    };
    let later = place().now.plus_millis(1_000);
    let state = call(
        &json!({"TimeoutSeconds": 9, "Catch": [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "Silent"}]}),
    );
    let (test, asked) = begun(&state);
    let Asked::Task(task) = asked else { panic!("no task is asked for: {asked:?}") };
    assert_eq!(
        (&*task.state, task.timeout_seconds, task.input.text()),
        ("StateName", Some(9), r#"{"FunctionName":"F","Payload":1}"#)
    );
    let done = test.answer(later, &task, Ok(json!({"Payload": 2}).into()));
    assert_eq!(done.output.unwrap().text(), r#"{"Payload":2}"#);
    let late = begun(&state).0.time_out(later, false);
    assert_eq!(
        late.error,
        Some(StatesError { error: Some("States.Timeout".to_owned()), cause: None })
    );
    assert_eq!(begun(&state).0.time_out(later, true).next_state.as_deref(), Some("Silent"));
    let large = json!("x".repeat(262_144));
    let failed = begun(&state).0.answer(later, &task, Ok(large.into()));
    assert_eq!(failed.error.unwrap().name(), "States.DataLimitExceeded");

    let (test, asked) = begun(
        &json!({"Type": "Wait", "QueryLanguage": "JSONata", "Seconds": 1, "Output": "{% $now() %}", "Next": "B"}),
    );
    assert!(matches!(asked, Asked::Wait(at) if at == later), "{asked:?}");
    let woken = test.wake(later);
    assert_eq!(woken.output.unwrap().text(), r#""2026-11-22T21:04:18.000Z""#);
    assert_eq!(woken.next_state.as_deref(), Some("B"));
}
