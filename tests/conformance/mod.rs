//! The Lambda functions that `score.py` gives recorded cases do what the corpus says of them.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Project, ROOT};

/// One branch calls one function; how it fails is its result.
fn branch(function: &str, next: &Value) -> Value {
    let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{function}");
    let mut call = json!({ "Type": "Task", "Resource": arn, "End": true });
    call.as_object_mut().unwrap().extend(next.as_object().unwrap().clone());
    let next_name = format!("{function} failed");
    let catch = json!([{ "ErrorEquals": ["States.ALL"], "Next": next_name }]);
    call["Catch"] = catch;
    let failed = json!({ "Type": "Pass", "End": true });
    json!({ "StartAt": function, "States": { function: call, next_name: failed } })
}

#[test]
fn the_functions_of_recorded_cases_do_what_the_corpus_says() {
    let folder = Path::new(ROOT).join("tests/conformance");
    let manifest = fs::read_to_string(folder.join("stepyard.toml")).unwrap();
    let crate_folder = format!("{:?}", folder.join("functions").to_str().unwrap());
    let project = Project::with_manifest(&manifest.replace("\"functions\"", &crate_folder));
    let plain = json!({});
    let branches = [
        branch("id_function", &plain),
        branch("echo_function", &plain),
        branch("return_bytes_str", &plain),
        branch("return_decorated_input", &plain),
        branch("raise_exception", &plain),
        branch("raise_custom_exception", &plain),
        branch("large_output_string", &plain),
        branch("wait_60_seconds", &json!({ "TimeoutSeconds": 1 })),
    ];
    let all = json!({ "Type": "Parallel", "Branches": branches, "End": true });
    let definition = json!({ "StartAt": "All", "States": { "All": all } });
    project.write("all.asl.json", &definition.to_string());
    let input = json!({ "a": [1, 2.5, null, true, "it's", "\n\"é\""], "b": {} });
    let input_text = input.to_string();
    let output = project.stepyard(["run", "all.asl.json", "--input", &input_text]).output();

    assert_eq!(output[0], input);
    assert_eq!(output[1], json!({ "Return": "HelloWorld" }));
    assert_eq!(output[2], "HelloWorld!");
    assert_eq!(output[3], r#"input-event-{'a': [1, 2.5, None, True, "it's", '\n"é"'], 'b': {}}"#);
    let failure = |branch: usize| {
        let cause = output[branch]["Cause"].as_str().unwrap_or_default();
        let told: Value = serde_json::from_str(cause).unwrap_or_default();
        assert!(told["requestId"].is_string(), "{output}");
        (output[branch]["Error"].clone(), told["errorType"].clone(), told["errorMessage"].clone())
    };
    let exception = json!("Exception");
    assert_eq!(failure(4), (exception.clone(), exception, json!("Some exception was raised.")));
    let custom = json!("CustomException");
    assert_eq!(failure(5), (custom.clone(), custom, json!("")));
    assert_eq!(output[6]["Error"], "States.DataLimitExceeded");
    assert_eq!(output[7]["Error"], "States.Timeout");
}
