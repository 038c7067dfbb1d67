//! Mocked results against the APIs' models.

use serde_json::{Value, json};

use super::{FieldValidationMode, POLLED, SERVICES, TABLES, check, table::Table};

/// What is told of a result in both of the modes that look at it; empty when nothing is.
#[track_caller]
fn checked(resource: &str, result: &Value, strict: &str, present: &str) {
    let resource = format!("arn:aws:states:::{resource}").parse().unwrap();
    let told = |mode| {
        let refusal = check(&resource, result, mode).err();
        let told = refusal.map(|it| it.to_string()).unwrap_or_default();
        told.replace("Mock result schema validation error: ", "")
    };
    let modes =
        [FieldValidationMode::Strict, FieldValidationMode::Present, FieldValidationMode::None];
    assert_eq!(modes.map(told), [strict, present, ""], "{resource} {result}");
}

#[test]
fn present_members_have_the_types_and_bounds_of_the_api() {
    let number = "Field 'StatusCode' must be a number";
    let boolean = "Field 'IsTruncated' must be a boolean";
    let word = "Field 'PackageType' is not an expected value";
    let object = "Field 'Configuration' must be an object";
    let key = "Field 'GrantId' is smaller than the minimum length";
    for (resource, result, told) in [
        ("lambda:invoke", json!({"StatusCode": 200, "ExecutedVersion": "1"}), ""),
        ("lambda:invoke", json!({"StatusCode": "200"}), number),
        ("aws-sdk:s3:listObjectsV2", json!({"IsTruncated": "no"}), boolean),
        ("aws-sdk:lambda:getFunction", json!({"Configuration": {"PackageType": "Tar"}}), word),
        ("aws-sdk:lambda:getFunction", json!({"Configuration": "F"}), object),
        ("aws-sdk:kms:createGrant", json!({"GrantId": ""}), key),
        ("aws-sdk:s3:getObject", json!({"Body": "text", "Metadata": {"a": "b"}}), ""),
        ("aws-sdk:s3:getObject", json!({"Metadata": {"a": 1}}), "Field 'a' must be a string"),
        ("events:putEvents", json!({"Entries": {}}), "Field 'Entries' must be an array"),
        (
            "events:putEvents",
            json!({"Entries": [{"EventId": "1"}, {"EventId": 2}]}),
            "Field 'EventId' must be a string",
        ),
        ("sqs:sendMessage", json!({"MessageId": "1", "more": [1]}), ""),
        ("sns:publish", json!([]), "Mocked result must be a JSON object."),
    ] {
        checked(resource, &result, told, told);
    }
}

#[test]
fn required_members_are_missed_in_strict_mode_alone() {
    for (resource, result, told) in [
        ("states:startExecution", json!({}), "Required field 'ExecutionArn' is missing"),
        (
            "states:startExecution",
            json!({"ExecutionArn": "a"}),
            "Required field 'StartDate' is missing",
        ),
        ("states:startExecution", json!({"ExecutionArn": "a", "StartDate": "b"}), ""),
        (
            "aws-sdk:sfn:startExecution",
            json!({"executionArn": "a"}),
            "Required field 'ExecutionArn' is missing",
        ),
    ] {
        checked(resource, &result, told, "");
    }
}

#[test]
fn the_result_of_a_job_is_what_is_polled_for() {
    let described = json!({"ExecutionArn": "e", "StateMachineArn": "m", "StartDate": "s", "Status": "SUCCEEDED", "Output": {"a": 1}});
    checked("states:startExecution.sync:2", &described, "", "");
    let told = "Field 'Output' must be a string";
    checked("states:startExecution.sync", &described, told, told);
    let running = json!({"JobRun": {"JobRunState": "AWAY"}});
    let told = "Field 'JobRunState' is not an expected value";
    checked("glue:startJobRun.sync", &running, told, told);
}

#[test]
fn what_no_api_answers_is_taken_as_it_is() {
    for resource in [
        "lambda:invoke.waitForTaskToken",
        "http:invoke",
        "aws-sdk:unheardof:describeThings",
        "aws-sdk:sqs:inventOperation",
    ] {
        checked(resource, &json!({"StatusCode": "200"}), "", "");
    }
    checked("lambda:invoke", &json!({"Payload": {"any": ["thing"]}}), "", "");
    let told = "Field 'Payload' must be a string";
    checked("aws-sdk:lambda:invoke", &json!({"Payload": {"any": 1}}), told, told);
}

#[test]
fn every_table_has_what_its_structures_name() {
    for (name, text) in TABLES {
        let table = Table::parse(text);
        assert!(table.unknown().is_empty(), "{name}: {:?}", table.unknown());
    }
    for (service, action, operation) in POLLED {
        let name =
            SERVICES.iter().find(|(own, _)| own == service).map_or(service, |(_, name)| name);
        let (_, text) = TABLES.iter().find(|(known, _)| known == name).unwrap();
        assert!(Table::parse(text).answer(operation).is_some(), "{service}:{action}: {operation}");
    }
}

#[test]
fn a_value_is_checked_however_deep_it_nests() {
    let mut item = json!({"S": 1});
    // As deep as a JSON text may nest.
    for _ in 0..50 {
        item = json!({"M": {"in": item}});
    }
    let told = "Field 'S' must be a string";
    checked("dynamodb:putItem", &json!({"Attributes": {"a": item}}), told, told);
}
