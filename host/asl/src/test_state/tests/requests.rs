//! What is asked for: which state it is about, and what is refused.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_state_of_a_whole_machine_is_found_by_its_name() {
    let inner = map(&json!({}));
    let machine =
        json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Many"}, "Many": inner}});
    let named = |name: &str| TestRequest {
        state_name: Some(name.to_owned()),
        ..request(&machine, &json!({"items": []}))
    };
    assert_eq!(tested(named("A")).unwrap().next_state.as_deref(), Some("Many"));
    assert_eq!(tested(named("Each")).unwrap().status, TestStatus::Succeeded);
    check_refused(named("B"), "State not found in definition");
    let broken = json!({"StartAt": "A", "States": {"A": {"Type": "Nap"}}});
    let request = TestRequest { state_name: Some("A".to_owned()), ..request(&broken, &json!({})) };
    let Err(TestRefusal::InvalidDefinition(found)) = tested(request) else {
        panic!("it is invalid")
    };
    assert_eq!(found[0].location.to_string(), "/States/A/Type");
}

#[test]
fn a_definition_of_one_state_leads_wherever_it_says() {
    let problems = |state: Value| match tested(request(&state, &json!({}))) {
        Err(TestRefusal::InvalidDefinition(found)) => {
            found.iter().map(|it| format!("{} at {}", it.message, it.location)).collect()
        }
        _ => Vec::new(),
    };
    let none: [&str; 0] = [];
    assert_eq!(problems(json!({"Type": "Pass", "Next": "Anywhere"})), none);
    assert_eq!(
        problems(json!({"Type": "Pass"})),
        ["Exactly one of the following fields is required: [Next, End] at /States/StateName"]
    );
    let processor = json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Nowhere"}}});
    assert_eq!(
        problems(json!({"Type": "Map", "ItemProcessor": processor, "Next": "Anywhere"})),
        ["Missing 'Next' target: Nowhere at /States/StateName/ItemProcessor/States/A/Next"]
    );
    assert_eq!(problems(json!([])), ["Definition must be a valid JSON object at null"]);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let input = json!({"a": 1, "items": []});
    let (pass, task) = (json!({"Type": "Pass", "End": true}), call(&json!({})));
    let activity = json!({"Type": "Task", "Resource": "arn:aws:states:us-east-1:1:activity:Pack", "End": true});
    let both = Mock { result: Some("{}".to_owned()), ..error("E").unwrap() };
    let nameless = Mock { error: Some(StatesError::default()), ..Mock::default() };
    let no_json = Mock { result: Some("{".to_owned()), ..Mock::default() };
    let counted = TestConfiguration { map_iteration_failure_count: Some(0), ..Default::default() };
    for (request, told) in [
        (
            mocked(&pass, &input, result(&json!({}))),
            "State type 'Pass' is not supported when a mock is specified",
        ),
        (
            mocked(&task, &input, Some(both)),
            "A test mock should have only one of the following fields: [result, errorOutput].",
        ),
        (
            mocked(&task, &input, Some(Mock::default())),
            "A test mock should have one of the following fields: [result, errorOutput].",
        ),
        (
            mocked(&task, &input, Some(nameless)),
            "A test mock should have the field 'error' in its errorOutput.",
        ),
        (mocked(&task, &input, Some(no_json)), "Mocked result must be valid JSON"),
        (
            TestRequest { reveal_secrets: true, ..mocked(&task, &input, result(&json!({}))) },
            "TestState does not support RevealSecrets when a mock is specified.",
        ),
        (
            TestRequest { configuration: counted, ..request(&map(&json!({})), &input) },
            "TestState does not support MapIterationFailureCount when a mock is not specified.",
        ),
        (
            TestRequest { context: Some("{}".to_owned()), ..request(&task, &input) },
            "TestState does not support Context when a mock is not specified.",
        ),
        (
            request(&map(&json!({})), &input),
            "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]",
        ),
        (
            request(&activity, &input),
            "TestState API does not support Activity tasks, or the '.sync' and '.waitForTaskToken' service integration patterns, when a mock is not specified.",
        ),
        (
            TestRequest { role_arn: None, ..request(&task, &input) },
            "RoleArn must be specified when testing a Task state",
        ),
        (mocked(&map(&json!({})), &input, result(&json!({}))), "Mocked result must be an array."),
    ] {
        check_refused(request, told);
    }
    assert_eq!(
        tested(mocked(&activity, &input, result(&json!(7)))).unwrap().output.unwrap().text(),
        "7"
    );
}

#[test]
fn a_context_object_is_taken_as_it_is_given() {
    let waiting = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "F", "Payload": {"t.$": "$$.Task.Token"}},
        "ResultSelector": {"c.$": "$$"}, "End": true});
    let calling = call(&json!({"ResultSelector": {"c.$": "$$"}}));
    let with = |state: &Value, context: &Value| TestRequest {
        context: Some(context.to_string()),
        ..mocked(state, &json!({"a": 1}), result(&json!({})))
    };
    for (state, context) in [
        (&calling, json!({})),
        (
            &calling,
            json!({"Execution": {"Input": 7}, "State": {"RetryCount": 2}, "StateMachine": {"Name": "M"}}),
        ),
        (&waiting, json!({"Task": {"Token": "t"}})),
    ] {
        let output = tested(with(state, &context)).unwrap().output.unwrap();
        assert_eq!(output.value()["c"], context);
    }
    for (context, told) in [
        (json!([]), "Context object must be a JSON object"),
        (json!({"Map": {}}), "'Map' field is not supported when mocking a Context object"),
        (json!({"More": 1}), "Field 'More' is not allowed"),
        (json!({"Execution": {"More": 1}}), "Field 'Execution.More' is not allowed"),
        (json!({"Execution": {"Id": 1}}), "Execution.Id must be a string"),
        (json!({"State": {"RetryCount": "1"}}), "State.RetryCount must be a number"),
        (json!({"StateMachine": "M"}), "StateMachine must be an object"),
        (
            json!({"Task": {"Token": "t"}}),
            "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern",
        ),
    ] {
        check_refused(
            with(&calling, &context),
            &format!("Invalid Context object provided: {told}"),
        );
    }
}

#[test]
fn without_a_context_object_there_is_one_of_an_express_execution() {
    let state = call(&json!({"ResultSelector": {"c.$": "$$"}}));
    let test = |role: Option<&str>| {
        let mocked = mocked(&state, &json!({"a": 1}), result(&json!({})));
        let request = TestRequest { role_arn: role.map(str::to_owned), ..mocked };
        tested(request).unwrap().output.unwrap().value()["c"].clone()
    };
    let mut expected = json!({
        "Execution": {"Id": place().execution, "Input": {"a": 1}, "Name": "one", "RoleArn": "r",
            "StartTime": "2026-11-22T21:04:17.000Z"},
        "StateMachine": {"Id": place().machine, "Name": "M"},
        "State": {"Name": "StateName", "EnteredTime": "2026-11-22T21:04:17.000Z", "RetryCount": 0},
    });
    assert_eq!(test(Some("r")), expected);
    expected["Execution"].as_object_mut().unwrap().remove("RoleArn");
    assert_eq!(test(None), expected);
}
