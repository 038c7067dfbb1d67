//! A Distributed Map over files: read from a folder or from Amazon S3 (moto's), exported to them, and gone
//! on with after the server's death.

use std::{
    fmt::Write as _,
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::{
    map_runs::{create, done, until},
    support::{Project, Server, python::python},
};

const FOLDER: &str = "[s3.shop]\nfolder = \"shop\"\nwrite = true\n";

fn with_folder() -> Project {
    let project = Project::with_manifest(FOLDER);
    fs::create_dir(project.path("shop")).unwrap();
    project
}

/// A Map over what `reader` reads, whose children pass their input on.
fn map(kind: &str, reader: &Value, more: &Value) -> Value {
    let mut map = json!({
        "Type": "Map", "Label": "each", "End": true, "ItemReader": reader,
        "ItemProcessor": {
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": kind },
            "StartAt": "Do", "States": { "Do": { "Type": "Pass", "End": true } },
        },
    });
    map.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    map
}

fn reader(key: &str, config: Value) -> Value {
    json!({
        "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config,
        "Parameters": { "Bucket": "shop", "Key": key },
    })
}

fn start(server: &Server, name: &str, state: &Value) -> Value {
    let machine = create(server, name, state);
    done(server, "StartExecution", &json!({ "stateMachineArn": machine }))["executionArn"].clone()
}

fn ended(server: &Server, execution: &Value) -> Value {
    let described = || done(server, "DescribeExecution", &json!({ "executionArn": execution }));
    server.until("it is over", || described()["status"] != "RUNNING");
    described()
}

/// What an execution over such a state comes to.
fn output(server: &Server, name: &str, state: &Value) -> Value {
    let ended = ended(server, &start(server, name, state));
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    serde_json::from_str(ended["output"].as_str().unwrap()).unwrap()
}

fn the_run(server: &Server, execution: &Value) -> Value {
    let listed = done(server, "ListMapRuns", &json!({ "executionArn": execution }));
    let [run] = &listed["mapRuns"].as_array().unwrap()[..] else { panic!("{listed}") };
    done(server, "DescribeMapRun", &json!({ "mapRunArn": run["mapRunArn"] }))
}

#[test]
fn items_are_read_from_files_of_every_kind() {
    let project = with_folder();
    project.write("shop/a.csv", "\u{feff}sku,n,\nA1,1,x,dropped\n\"B,2\",2\n");
    project.write("shop/b.jsonl", "{\"n\": 1}\n\n[2]\n\"three\"");
    project
        .write("shop/c.json", r#"{"skip": [{"x": "]"}], "deep": {"items": [1, {"a": [2]}, "3"]}}"#);
    project.write("shop/d.json", r#"{"one": 1, "two": {"b": 2}}"#);
    project.write("shop/e.csv", "1|2\n3|4\n");
    project.write("shop/parts/1.jsonl", "1\n2\n");
    project.write("shop/parts/2.jsonl", "3");
    let server = Server::start(&project);
    let csv = json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"});
    let given = json!({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x"],
        "CSVDelimiter": "PIPE", "MaxItems": 1});
    let listing = json!({
        "Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "shop", "Prefix": "parts/"},
    });
    let mut flattened = listing.clone();
    flattened["ReaderConfig"] = json!({"InputType": "JSONL", "Transformation": "LOAD_AND_FLATTEN"});
    for (name, reader, expected) in [
        (
            "csv",
            reader("a.csv", csv),
            json!([{"sku": "A1", "n": "1", "": "x"}, {"sku": "B,2", "n": "2", "": ""}]),
        ),
        (
            "jsonl",
            reader("b.jsonl", json!({"InputType": "JSONL"})),
            json!([{"n": 1}, [2], "three"]),
        ),
        (
            "pointer",
            reader("c.json", json!({"InputType": "JSON", "ItemsPointer": "/deep/items"})),
            json!([1, {"a": [2]}, "3"]),
        ),
        (
            "members",
            reader("d.json", json!({"InputType": "JSON"})),
            json!([{"Key": "one", "Value": 1}, {"Key": "two", "Value": {"b": 2}}]),
        ),
        ("given", reader("e.csv", given), json!([{"x": "1"}])),
        ("flattened", flattened, json!([1, 2, 3])),
    ] {
        for kind in ["STANDARD", "EXPRESS"] {
            let state = map(kind, &reader, &json!({"MaxConcurrency": 2}));
            assert_eq!(output(&server, &format!("{name}-{kind}"), &state), expected, "{name}");
        }
    }
    let listed = output(&server, "listing", &map("EXPRESS", &listing, &json!({})));
    assert_eq!([&listed[0]["Key"], &listed[1]["Key"]], ["parts/1.jsonl", "parts/2.jsonl"]);
    assert_eq!((&listed[0]["Size"], listed[0]["Etag"].is_string()), (&json!(4), true));
}

#[test]
fn what_cannot_be_read_fails_the_run_with_its_cause() {
    let project = with_folder();
    project.write("shop/a.csv", "a,b,a\n1,2,3\n");
    project.write("shop/scalar.json", "5");
    project.write("secret.json", "[1]");
    let server = Server::start(&project);
    let csv = json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"});
    let json = || json!({"InputType": "JSON"});
    for (name, reader, cause) in [
        ("twice", reader("a.csv", csv), "CSV headers cannot contain duplicates."),
        ("scalar", reader("scalar.json", json()), "Attempting to map over non-iterable node."),
        ("absent", reader("absent.json", json()), "The object absent.json cannot be read"),
        ("outside", reader("../secret.json", json()), "The key ../secret.json names no file"),
    ] {
        let execution = start(&server, name, &map("STANDARD", &reader, &json!({})));
        let failed = ended(&server, &execution);
        assert_eq!(failed["error"], "States.ItemReaderFailed", "{failed}");
        assert!(failed["cause"].as_str().unwrap().starts_with(cause), "{failed}");
        assert_eq!(the_run(&server, &execution)["status"], "FAILED");
    }
}

#[test]
fn results_are_exported_and_the_run_is_told_of() {
    let project = with_folder();
    project.write("shop/items.jsonl", "1\n2\n3\n4\n5\n");
    let server = Server::start(&project);
    let mut state = map(
        "STANDARD",
        &reader("items.jsonl", json!({"InputType": "JSONL"})),
        &json!({
            "ToleratedFailureCount": 1, "MaxConcurrency": 2,
            "ItemBatcher": {"MaxItemsPerBatch": 2},
            "ResultWriter": {
                "Resource": "arn:aws:states:::s3:putObject",
                "Parameters": {"Bucket": "shop", "Prefix": "out"},
            },
        }),
    );
    state["ItemProcessor"]["States"] = json!({
        "Do": {"Type": "Choice", "Default": "Fine",
            "Choices": [{"Variable": "$.Items[0]", "NumericEquals": 5, "Next": "Bad"}]},
        "Fine": {"Type": "Pass", "End": true},
        "Bad": {"Type": "Fail", "Error": "Five", "Cause": "no fives"},
    });
    let execution = start(&server, "export", &state);
    let ended = ended(&server, &execution);
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let output: Value = serde_json::from_str(ended["output"].as_str().unwrap()).unwrap();
    let run = the_run(&server, &execution);
    assert_eq!(output["MapRunArn"], run["mapRunArn"]);
    let id = run["mapRunArn"].as_str().unwrap().rsplit(':').next().unwrap();
    let key = format!("out/{id}/manifest.json");
    assert_eq!(output["ResultWriterDetails"], json!({"Bucket": "shop", "Key": key}));
    let read = |key: &str| -> Value {
        let text = fs::read_to_string(project.path("shop").join(key)).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let manifest = read(&key);
    let files = &manifest["ResultFiles"];
    assert_eq!(files["PENDING"], json!([]));
    assert_eq!(files["SUCCEEDED"][0]["Key"], json!(format!("out/{id}/SUCCEEDED_0.json")));
    let succeeded = read(files["SUCCEEDED"][0]["Key"].as_str().unwrap());
    assert_eq!(succeeded.as_array().unwrap().len(), 2);
    assert_eq!(succeeded[0]["Output"], r#"{"Items":[1,2]}"#);
    assert_eq!(succeeded[0]["Status"], "SUCCEEDED");
    let failed = read(files["FAILED"][0]["Key"].as_str().unwrap());
    assert_eq!((&failed[0]["Error"], &failed[0]["Cause"]), (&json!("Five"), &json!("no fives")));

    let counted =
        |counts: &str, names: [&str; 4]| names.map(|it| run[counts][it].as_u64().unwrap());
    let names = ["total", "succeeded", "failed", "resultsWritten"];
    assert_eq!(counted("itemCounts", names), [5, 4, 1, 5]);
    assert_eq!(counted("executionCounts", names), [3, 2, 1, 3]);
    assert_eq!((&run["maxConcurrency"], &run["toleratedFailureCount"]), (&json!(2), &json!(1)));
    let children = json!({"mapRunArn": run["mapRunArn"], "statusFilter": "SUCCEEDED"});
    let children = done(&server, "ListExecutions", &children);
    assert_eq!(children["executions"].as_array().unwrap().len(), 2, "{children}");
    let update = json!({"mapRunArn": run["mapRunArn"], "maxConcurrency": 1}).to_string();
    let (status, refused) = server.call("UpdateMapRun", &update);
    assert_eq!((status, &refused["reason"]), (400, &json!("CANNOT_UPDATE_COMPLETED_MAP_RUN")));
}

#[test]
fn a_run_that_is_under_way_is_given_more_room() {
    let project = Project::with_manifest("");
    let server = Server::start(&project);
    let mut state = map("STANDARD", &Value::Null, &json!({"MaxConcurrency": 1}));
    state.as_object_mut().unwrap().remove("ItemReader");
    state["ItemProcessor"]["States"]["Do"] = json!({"Type": "Wait", "Seconds": 30, "End": true});
    let machine = create(&server, "slow", &state);
    let input = json!({"stateMachineArn": machine, "input": "[1,2,3]"});
    let execution = done(&server, "StartExecution", &input)["executionArn"].clone();
    let running = || the_run(&server, &execution)["itemCounts"]["running"].clone();
    until(|| {
        let listed = done(&server, "ListMapRuns", &json!({ "executionArn": execution }));
        listed["mapRuns"] != json!([]) && running() == 1
    });
    let run = the_run(&server, &execution);
    assert_eq!(run["itemCounts"]["pending"], 2);
    done(&server, "UpdateMapRun", &json!({"mapRunArn": run["mapRunArn"], "maxConcurrency": 3}));
    until(|| running() == 3);
    done(&server, "StopExecution", &json!({ "executionArn": execution }));
    until(|| the_run(&server, &execution)["status"] == "ABORTED");
    assert_eq!(the_run(&server, &execution)["itemCounts"]["aborted"], 3);
}

/// How many lines the large file has.
const LINES: usize = 200_000;

#[test]
fn a_large_file_is_mapped_in_bounded_memory() {
    let project = with_folder();
    let mut text = String::from("number,filling\n");
    for number in 0..LINES {
        writeln!(text, "{number},{}", "x".repeat(200)).unwrap();
    }
    project.write("shop/large.csv", &text);
    drop(text);
    let server = Server::start(&project);
    let csv = json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"});
    let more = json!({"ItemBatcher": {"MaxItemsPerBatch": 20}, "MaxConcurrency": 100});
    let mut state = map("EXPRESS", &reader("large.csv", csv), &more);
    state["ItemProcessor"]["States"]["Do"]["Result"] = json!({});
    state["ResultPath"] = Value::Null;
    let before = server.resident_kib();
    let execution = start(&server, "large", &state);
    let mut most = before;
    server.until("the large file is mapped", || {
        most = most.max(server.resident_kib());
        let described = done(&server, "DescribeExecution", &json!({ "executionArn": execution }));
        described["status"] != "RUNNING"
    });
    let run = the_run(&server, &execution);
    assert_eq!(run["itemCounts"]["succeeded"], LINES, "{run}");
    let grown = (most - before) / 1_024;
    // The file has 41 MB. Its items as values would be some 100 MB.
    assert!(grown < 40, "mapping {LINES} lines took {grown} MiB");
    eprintln!("mapping {LINES} lines took {grown} MiB");
}

#[test]
fn a_killed_server_goes_on_from_where_it_was() {
    let project = with_folder();
    let lines: String = (0..1_500).map(|number| format!("{number}\n")).collect();
    project.write("shop/items.jsonl", &lines);
    let server = Server::start(&project);
    let mut state = map(
        "STANDARD",
        &reader("items.jsonl", json!({"InputType": "JSONL"})),
        &json!({"MaxConcurrency": 200}),
    );
    state["ItemProcessor"]["States"]["Do"] = json!({"Type": "Wait", "Seconds": 1, "End": true});
    let execution = start(&server, "killed", &state);
    let succeeded = |server: &Server| {
        let listed = done(server, "ListMapRuns", &json!({ "executionArn": execution }));
        let run = listed["mapRuns"][0]["mapRunArn"].clone();
        if run.is_null() {
            return 0;
        }
        let run = done(server, "DescribeMapRun", &json!({ "mapRunArn": run }));
        run["itemCounts"]["succeeded"].as_u64().unwrap()
    };
    server.until("some are over", || succeeded(&server) > 300);
    server.kill();

    let server = Server::start(&project);
    let ended = ended(&server, &execution);
    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let expected: Vec<usize> = (0..1_500).collect();
    assert_eq!(ended["output"], json!(expected).to_string());
    let run = the_run(&server, &execution);
    assert_eq!(run["itemCounts"]["succeeded"], 1_500);
    let (mut children, mut next) = (0, Value::Null);
    loop {
        let mut page = json!({"mapRunArn": run["mapRunArn"], "maxResults": 1_000});
        if !next.is_null() {
            page["nextToken"] = next;
        }
        let listed = done(&server, "ListExecutions", &page);
        children += listed["executions"].as_array().unwrap().len();
        next = listed["nextToken"].clone();
        if next.is_null() {
            break;
        }
    }
    assert_eq!(children, 1_500, "no child is begun twice");
}

/// One request, whose signature moto does not check; answers the body.
fn request(port: u16, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=READER/20260101/us-east-1/s3/aws4_request\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("the request is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer is text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    assert!(head.contains(" 200 "), "{method} {path}: {answer}");
    body.to_owned()
}

#[test]
fn items_are_read_from_amazon_s3_and_results_exported_there() {
    let Some(python) = python() else { return };
    let aws = python.own_aws();
    let port: u16 = aws.url().rsplit(':').next().unwrap().trim_matches('/').parse().unwrap();
    request(port, "PUT", "/shop", "");
    request(port, "PUT", "/shop/orders.csv", "sku,n\nA,1\nB,2\n");
    let manifest = format!(
        "[aws]\nendpoint_url = \"{}\"\nregion = \"us-east-1\"\n\
         access_key = {{ id = \"READER\", secret = \"KEY\" }}\n[secrets.KEY]\nenv = \"AWS_KEY\"\n",
        aws.url()
    );
    let project = Project::with_manifest(&manifest);
    let server = Server::start_with(&project, "127.0.0.1:0", &[("AWS_KEY", "key")]);
    let csv = json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"});
    let writer = json!({"ResultWriter": {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": "shop", "Prefix": "out/"},
        "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"},
    }});
    let exported = output(&server, "s3", &map("EXPRESS", &reader("orders.csv", csv), &writer));
    let key = exported["ResultWriterDetails"]["Key"].as_str().unwrap();
    let manifest: Value =
        serde_json::from_str(&request(port, "GET", &format!("/shop/{key}"), "")).unwrap();
    let file = manifest["ResultFiles"]["SUCCEEDED"][0]["Key"].as_str().unwrap();
    let lines = request(port, "GET", &format!("/shop/{file}"), "");
    assert_eq!(lines, "{\"sku\":\"A\",\"n\":\"1\"}\n{\"sku\":\"B\",\"n\":\"2\"}\n");

    let listing = json!({
        "Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "shop", "Prefix": "orders"},
    });
    let listed = output(&server, "listing", &map("STANDARD", &listing, &json!({})));
    assert_eq!((&listed[0]["Key"], &listed[0]["Size"]), (&json!("orders.csv"), &json!(14)));

    let absent = reader("absent.csv", json!({"InputType": "JSON"}));
    let failed = ended(&server, &start(&server, "absent", &map("STANDARD", &absent, &json!({}))));
    assert_eq!(failed["error"], "States.ItemReaderFailed", "{failed}");
    let cause = failed["cause"].as_str().unwrap();
    assert!(
        cause.starts_with("The specified key does not exist. (Service: S3, Status Code: 404,"),
        "{cause}"
    );
}
