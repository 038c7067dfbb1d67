//! States that run other machines: what a Map gives its iterations, and what they and branches come to.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_map_shows_its_items_and_what_it_tolerates() {
    let input = json!({"items": [4, 5, 6]});
    let selecting =
        map(&json!({"ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"},
        "MaxConcurrency": 2, "ResultPath": "$.r"}));
    let selected = json!([{"i": 0, "v": 4}, {"i": 1, "v": 5}, {"i": 2, "v": 6}]);
    let output = json!({"items": [4, 5, 6], "r": [7]});
    check(
        mocked(&selecting, &input, result(&json!([7]))),
        &json!({"status": "SUCCEEDED", "output": output, "data": {"afterInputPath": input,
            "afterItemsPath": [4, 5, 6], "afterItemSelector": selected, "maxConcurrency": 2,
            "afterResultSelector": [7], "afterResultPath": output}}),
    );
    let test = |more: &Value, failed, mock| {
        let failures =
            TestConfiguration { map_iteration_failure_count: Some(failed), ..Default::default() };
        tested(TestRequest { configuration: failures, ..mocked(&map(more), &input, mock) })
    };
    let array = || result(&json!([7]));
    let exceeded = "States.ExceedToleratedFailureThreshold";
    for (more, failed, mock, expected) in [
        (json!({}), 3, array(), Ok(None)),
        (json!({"ToleratedFailureCount": 1}), 1, array(), Ok(None)),
        (json!({"ToleratedFailureCount": 1}), 2, array(), Ok(Some(exceeded))),
        (json!({"ToleratedFailurePercentage": 34}), 1, array(), Ok(None)),
        (json!({"ToleratedFailurePercentage": 33}), 1, array(), Ok(Some(exceeded))),
        (json!({"ToleratedFailureCount": 1}), 2, error("Torn"), Ok(Some("Torn"))),
        (json!({}), 4, array(), Err(TestRefusal::TooManyFailures)),
    ] {
        let told =
            test(&more, failed, mock).map(|tested| tested.error.map(|it| it.name().to_owned()));
        assert_eq!(told, expected.map(|it| it.map(str::to_owned)), "{more} {failed}");
    }
    let batching = json!({"ItemSelector": {"v.$": "$$.Map.Item.Value"},
        "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"of.$": "$.items[0]"}}});
    let batches = test(&batching, 0, array()).unwrap().inspection.after_item_batcher.unwrap();
    let expected = json!([{"BatchInput": {"of": 4}, "Items": [{"v": 4}, {"v": 5}]},
        {"BatchInput": {"of": 4}, "Items": [{"v": 6}]}]);
    assert_eq!(*batches.value(), expected);
    let bounded =
        test(&json!({"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 50}), 0, array());
    let inspection = bounded.unwrap().inspection;
    assert_eq!(inspection.tolerated_failure_count, Some(1));
    assert_eq!(inspection.tolerated_failure_percentage, Some(50.0));
}

#[test]
fn the_items_of_a_reader_are_those_it_is_said_to_have_read() {
    let reading = |config: Value| {
        map(&json!({"ItemsPath": "$.ignored", "ToleratedFailureCount": 1, "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config,
            "Parameters": {"Bucket": "shop", "Key.$": "$.key"}}, "ItemSelector": {
            "v.$": "$$.Map.Item.Value", "from.$": "$$.Map.Item.Source"}}))
    };
    let test = |config: Value, data: Option<&str>, failed| {
        let configuration = TestConfiguration {
            map_item_reader_data: data.map(str::to_owned),
            map_iteration_failure_count: Some(failed),
            ..Default::default()
        };
        let mocked = mocked(&reading(config), &json!({"key": "k"}), result(&json!([7])));
        tested(TestRequest { configuration, ..mocked })
    };
    let selected = |tested: Result<Tested, TestRefusal>| {
        tested.unwrap().inspection.after_item_selector.map(|items| items.value().clone())
    };
    let from = "s3://shop/k";
    let of = |value: u64| json!({"v": value, "from": from});
    let json = || json!({"InputType": "JSON"});
    let pointed = json!({"InputType": "JSON", "ItemsPointer": "/in", "MaxItems": 1});
    let csv = json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"});
    for (config, data, expected) in [
        (json(), Some("[1, 2]"), Some(json!([of(1), of(2)]))),
        (json(), Some(r#"{"a": {"b": 1}}"#), Some(json!([{"v": {"b": 1}, "from": from}]))),
        (json!({"InputType": "JSONL"}), Some("1\n\n2\n"), Some(json!([of(1), of(2)]))),
        (pointed.clone(), Some(r#"{"in": [3, 4]}"#), Some(json!([of(3)]))),
        (csv, Some("a\n1\n"), None),
        (json!({"InputType": "MANIFEST"}), Some("a,b\n"), None),
        (json!({"InputType": "JSONL", "ManifestType": "ATHENA_DATA"}), Some("1\n"), None),
        (json(), None, None),
    ] {
        assert_eq!(selected(test(config.clone(), data, 0)), expected, "{config} {data:?}");
    }
    let pointed = test(pointed, Some(r#"{"in": [3, 4]}"#), 0).unwrap().inspection;
    assert_eq!(pointed.after_items_pointer.unwrap().text(), "[3]");
    assert_eq!(test(json(), Some("[1, 2]"), 3), Err(TestRefusal::TooManyFailures));
    for (data, failed, name) in [
        (Some("[1, 2]"), 2, "States.ExceedToleratedFailureThreshold"),
        (None, 2, "States.ExceedToleratedFailureThreshold"),
        (Some("7"), 0, "States.ItemReaderFailed"),
        (Some("["), 0, "States.ItemReaderFailed"),
    ] {
        assert_eq!(test(json(), data, failed).unwrap().error.unwrap().name(), name, "{data:?}");
    }
}

#[test]
fn what_a_parallel_comes_to_is_an_array_of_its_branches() {
    let branch = |name: &str| json!({"StartAt": name, "States": {name: {"Type": "Succeed"}}});
    let state = json!({"Type": "Parallel", "InputPath": "$.a", "ResultPath": "$.r", "End": true,
        "Branches": [branch("B"), branch("C")]});
    let input = json!({"a": 1});
    let output = json!({"a": 1, "r": [2, 3]});
    check(
        mocked(&state, &input, result(&json!([2, 3]))),
        &json!({"status": "SUCCEEDED", "output": output,
            "data": {"afterResultSelector": [2, 3], "afterResultPath": output}}),
    );
    let text =
        "Mocked result must contain the same number of items as number of Parallel branches.";
    check_refused(mocked(&state, &input, result(&json!([2]))), text);
    check_refused(mocked(&state, &input, result(&json!({}))), "Mocked result must be an array.");
    let caused = |name: &str| TestRequest {
        configuration: TestConfiguration {
            error_caused_by_state: Some(name.to_owned()),
            ..Default::default()
        },
        ..mocked(&state, &input, error("Torn"))
    };
    assert_eq!(tested(caused("C")).unwrap().status, TestStatus::Failed);
    check_refused(caused("D"), "State not found in definition");
}
