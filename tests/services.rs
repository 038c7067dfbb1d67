//! Service integrations from `run` and `serve`: AWS's services are moto's, read back by boto3; functions of AWS
//! Lambda are those of another `stepyard serve`, by its AWS Lambda API; the HTTP API is localstripe.

use serde_json::{Value, json};

use crate::support::{
    Finished, Project, Server, order,
    python::{self, python},
};

/// The key that the server of functions wants its calls signed with.
const SERVE_KEY: &str = "[serve]\nkeys = [{ id = \"CALLER\", secret = \"KEY\" }]\n";
const KEY: (&str, &str) = ("AWS_KEY", "a secret access key");
const ROLE: &str = "arn:aws:iam::123456789012:role/r";

/// How AWS is reached, by an access key of the test's own, and how long an answer is waited for.
fn reached(service: &str, url: &str, key: &str, seconds: u32) -> String {
    format!(
        "[{service}]\nendpoint_url = \"{url}\"\nregion = \"us-east-1\"\ntimeout_seconds = {seconds}\n\
         access_key = {{ id = \"{key}\", secret = \"KEY\" }}\n[secrets.KEY]\nenv = \"AWS_KEY\"\n"
    )
}

fn task(resource: &str, parameters: &Value, next: &str) -> Value {
    let mut state = json!({
        "Type": "Task", "Resource": format!("arn:aws:states:::{resource}"), "Parameters": parameters,
    });
    match next {
        "" => state["End"] = json!(true),
        next => state["Next"] = json!(next),
    }
    state
}

fn run(project: &Project, definition: &Value, input: &Value) -> Finished {
    project.write("services.asl.json", &definition.to_string());
    let input = input.to_string();
    let run = ["run", "services.asl.json", "--name", "one", "--input", &input];
    project.stepyard_with(run, &[KEY])
}

/// The errors that attempts failed with.
fn failures(project: &Project) -> Vec<String> {
    let failed = project
        .history("one")
        .into_iter()
        .filter_map(|event| event["taskFailedEventDetails"]["error"].as_str().map(str::to_owned));
    failed.collect()
}

/// The messages of a queue.
fn received(far: &python::Aws, queue: &str) -> Vec<Value> {
    let ask = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10 });
    far.call("sqs", "receive_message", ask)["Messages"].as_array().cloned().unwrap_or_default()
}

#[test]
fn what_fails_is_retried_as_the_definition_says_and_nothing_is_lost() {
    let Some(far) = python().map(|it| it.aws()) else { return };
    let made = far.calls(&json!([
        ["dynamodb", "create_table", {
            "TableName": "run-orders", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        }],
        ["sqs", "create_queue", { "QueueName": "run-orders.fifo", "Attributes": { "FifoQueue": "true" } }],
        ["sqs", "create_queue", { "QueueName": "run-events" }],
        ["events", "put_rule", { "Name": "run", "EventPattern": "{\"source\": [\"run.orders\"]}" }],
        ["events", "put_targets", {
            "Rule": "run",
            "Targets": [{ "Id": "1", "Arn": "arn:aws:sqs:us-east-1:123456789012:run-events" }],
        }],
    ]));
    let (queue, events) = (&made[1]["QueueUrl"], made[2]["QueueUrl"].as_str().unwrap());
    let retried = |mut state: Value, error: &str| {
        state["Retry"] =
            json!([{ "ErrorEquals": [error], "IntervalSeconds": 1, "MaxAttempts": 2 }]);
        state
    };
    let key = json!({ "id": { "S.$": "$.order_id" } });
    let put = json!({
        "TableName": "run-orders", "Item": { "id": { "S.$": "$.order_id" }, "paid": { "N": "0" } },
    });
    let add = json!({
        "TableName": "run-orders", "Key": key, "UpdateExpression": "SET paid = :paid",
        "ExpressionAttributeValues": { ":paid": { "N": "1999" } },
    });
    let send = json!({
        "QueueUrl": queue, "MessageBody.$": "$", "MessageGroupId": "orders",
        "MessageDeduplicationId.$": "$.order_id",
    });
    let event = json!({ "Entries": [{
        "Source": "run.orders", "DetailType": "OrderConfirmed", "Detail": { "order_id.$": "$.order_id" },
    }] });
    let get = json!({ "TableName": "run-orders", "Key": key });
    let kept = |mut state: Value| {
        state["ResultPath"] = Value::Null;
        state
    };
    let definition = json!({ "StartAt": "Put", "States": {
        "Put": kept(retried(
            task("dynamodb:putItem", &put, "Add"), "DynamoDB.ProvisionedThroughputExceededException",
        )),
        "Add": kept(task("dynamodb:updateItem", &add, "Send")),
        "Send": kept(retried(task("sqs:sendMessage", &send, "Emit"), "SQS.SdkClientException")),
        "Emit": kept(task("events:putEvents", &event, "Get")),
        "Get": task("dynamodb:getItem", &get, ""),
    } });
    // The first write is throttled; the message is sent, and its answer never comes.
    let throttled = json!({
        "status": 400, "headers": { "Content-Type": "application/x-amz-json-1.0" },
        "body": "{\"__type\": \"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException\"}",
    });
    far.faults("run", &json!([throttled, {}, {}, { "lose": true }]));
    let project = Project::with_manifest(&reached("aws", &far.url(), "run", 1));
    let output = run(&project, &definition, &json!({ "order_id": "r-1" })).output();

    assert_eq!(output["Item"], json!({ "id": { "S": "r-1" }, "paid": { "N": "1999" } }));
    let expected = ["DynamoDB.ProvisionedThroughputExceededException", "SQS.SdkClientException"];
    assert_eq!(failures(&project), expected);
    assert_eq!(far.asked("run"), 7, "each attempt asks once");
    let messages = received(far, queue.as_str().unwrap());
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["Body"], r#"{"order_id":"r-1"}"#);
    let events = received(far, events);
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0]["Body"].as_str().unwrap().contains(r#""order_id": "r-1""#), "{events:?}");
}

#[test]
fn a_message_brings_the_token_that_its_task_waits_for() {
    let Some(far) = python().map(|it| it.aws()) else { return };
    let made = far.call("sqs", "create_queue", json!({ "QueueName": "served-tokens" }));
    let queue = made["QueueUrl"].as_str().unwrap();
    let send = json!({ "QueueUrl": queue, "MessageBody": { "token.$": "$$.Task.Token" } });
    let definition = json!({ "StartAt": "Ask", "States": {
        "Ask": task("sqs:sendMessage.waitForTaskToken", &send, ""),
    } });
    let manifest = reached("aws", &far.url(), "served", 20)
        + "[workflows.ask]\ndefinition = \"ask.asl.json\"\n";
    let project = Project::with_manifest(&manifest);
    project.write("ask.asl.json", &definition.to_string());
    let server = Server::start_with(&project, "127.0.0.1:0", &[KEY]);
    let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:ask";
    let (status, started) =
        server.call("StartExecution", &json!({ "stateMachineArn": machine }).to_string());
    assert_eq!(status, 200, "{started}");
    let mut messages = Vec::new();
    server.until("the message is sent", || {
        messages = received(far, queue);
        !messages.is_empty()
    });
    let body: Value = serde_json::from_str(messages[0]["Body"].as_str().unwrap()).unwrap();
    let answer = json!({ "taskToken": body["token"], "output": "\"yes\"" });
    assert_eq!(server.call("SendTaskSuccess", &answer.to_string()).0, 200);
    server.until("the execution ends", || server.executions("ask")[0]["status"] == "SUCCEEDED");
    assert_eq!(server.terminate(), Some(0));
}

/// The order's functions on a server that wants signatures.
fn functions() -> (Project, Server) {
    let project = Project::order_with(|text| {
        format!("{text}\n{SERVE_KEY}[secrets.KEY]\nenv = \"AWS_KEY\"\n")
    });
    let project = project.warm();
    let server = Server::start_with(&project, "127.0.0.1:0", &[KEY]);
    (project, server)
}

/// A project whose functions are AWS Lambda's, that is to say this server's.
fn caller(server: &Server, key: &str) -> Project {
    let names = ["ReceiveOrder", "CheckInventory", "ChargePayment", "SendConfirmation"];
    let functions = names.map(|name| format!("functions.{name}.aws = true\n")).concat();
    let url = format!("http://{}", server.address);
    Project::with_manifest(&(functions + &reached("aws.lambda", &url, key, 60)))
}

#[test]
fn the_order_runs_on_functions_of_aws_lambda() {
    let (_project, server) = functions();
    let caller = caller(&server, "CALLER");
    let run = |order: &Value| {
        let input = order.to_string();
        caller.stepyard_with(["run", "workflow.asl.json", "--input", &input], &[KEY])
    };
    let output = run(&order("l-1")).output();
    assert_eq!(output["inventory"]["amount_cents"], 1999, "{output}");
    assert_eq!(output["payment"]["charged"], true, "{output}");
    assert_eq!(caller.notifications().len(), 1);

    let mut declined = order("l-2");
    declined["payment_method"] = json!("tok_chargeDeclined");
    let finished = run(&declined);
    let message = finished.failure();
    assert!(message.contains("PaymentFailed") && message.contains("CardDeclined"), "{message}");
    let mut too_many = order("l-3");
    too_many["quantity"] = json!(1000);
    let finished = run(&too_many);
    let message = finished.failure();
    assert!(message.contains("InventoryFailed") && message.contains("OutOfStock"), "{message}");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn an_invocation_of_aws_lambda_has_its_parameters_and_its_envelope() {
    let (_project, server) = functions();
    let caller = caller(&server, "CALLER");
    let invoke = |more: Value| {
        let mut parameters = json!({ "FunctionName": "ReceiveOrder", "Payload.$": "$" });
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "StartAt": "Call", "States": { "Call": task("lambda:invoke", &parameters, "") } })
    };
    let call = |definition: &Value| {
        caller.write("services.asl.json", &definition.to_string());
        let input = order("e-1").to_string();
        caller.stepyard_with(["run", "services.asl.json", "--input", &input], &[KEY])
    };
    let tail = call(&invoke(json!({ "LogType": "Tail", "Qualifier": "$LATEST" }))).output();
    assert_eq!((&tail["ExecutedVersion"], &tail["StatusCode"]), (&json!("$LATEST"), &json!(200)));
    assert_eq!(tail["Payload"]["order_id"], "e-1");
    assert!(tail["LogResult"].is_string(), "{tail}");
    assert_eq!(tail["SdkHttpMetadata"]["HttpStatusCode"], 200);
    assert!(tail["SdkResponseMetadata"]["RequestId"].is_string(), "{tail}");
    let dry = call(&invoke(json!({ "InvocationType": "DryRun" }))).output();
    assert_eq!((&dry["StatusCode"], &dry["Payload"]), (&json!(204), &json!("")));
    let event = call(&invoke(json!({ "InvocationType": "Event" }))).output();
    assert_eq!((&event["StatusCode"], &event["Payload"]), (&json!(202), &json!("")));

    let arn = "arn:aws:lambda:us-east-1:123456789012:function:ReceiveOrder";
    let direct = json!({ "StartAt": "Call", "States": {
        "Call": { "Type": "Task", "Resource": arn, "End": true },
    } });
    assert_eq!(call(&direct).output()["order_id"], "e-1");

    let absent = call(&invoke(json!({ "Qualifier": "absent" })));
    let message = absent.failure();
    assert!(message.contains("Lambda.ResourceNotFoundException"), "{message}");
    assert!(message.contains("(Service: AWSLambda; Status Code: 404; "), "{message}");
    assert_eq!(server.terminate(), Some(0));
    let down = call(&direct);
    assert!(down.failure().contains("Lambda.SdkClientException"), "{}", down.stderr);
}

#[test]
fn wrong_credentials_are_told_of_by_aws_lambda() {
    let (_project, server) = functions();
    let caller = caller(&server, "STRANGER");
    let call = json!({ "FunctionName": "ReceiveOrder", "Payload.$": "$" });
    let definition =
        json!({ "StartAt": "Call", "States": { "Call": task("lambda:invoke", &call, "") } });
    let finished = run(&caller, &definition, &order("w-1"));
    let message = finished.failure();
    assert!(message.contains("Lambda.AWSLambdaException"), "{message}");
    assert!(message.contains("UnrecognizedClientException"), "{message}");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn an_http_api_is_called_by_a_connection_of_the_manifest() {
    let Some(python) = python() else { return };
    let stripe = python.stripe();
    let arn = "arn:aws:events:us-east-1:123456789012:connection/Stripe/81210c42";
    let charge = json!({
        "ApiEndpoint": format!("{}/v1/customers", stripe.url()), "Method": "POST",
        "InvocationConfig": { "ConnectionArn": arn },
        "Headers": { "Content-Type": "application/x-www-form-urlencoded" },
        "RequestBody": { "email.$": "$.email" },
        "Transform": { "RequestBodyEncoding": "URL_ENCODED" },
    });
    let definition =
        json!({ "StartAt": "Call", "States": { "Call": task("http:invoke", &charge, "") } });
    let connection = format!(
        "[connections.Stripe]\nurl = \"{}/v1/\"\nheaders = {{ X-Source = \"stepyard\" }}\n\
         api_key = {{ name = \"Authorization\", value = \"STRIPE\" }}\n[secrets.STRIPE]\nenv = \"STRIPE\"\n",
        stripe.url()
    );
    let project = Project::with_manifest(&connection);
    project.write("services.asl.json", &definition.to_string());
    let run =
        ["run", "services.asl.json", "--name", "one", "--input", r#"{"email":"a@example.com"}"#];
    let secret = "Bearer sk_test_12345";
    let output = project.stepyard_with(run, &[("STRIPE", secret)]).output();
    assert_eq!(output["ResponseBody"]["email"], "a@example.com", "{output}");
    let history = serde_json::to_string(&project.history("one")).unwrap();
    assert!(!history.contains("sk_test"), "the key is shown");

    let without = Project::with_manifest("");
    without.write("services.asl.json", &definition.to_string());
    let refused = without.stepyard(["run", "services.asl.json", "--input", "{}"]);
    let message = refused.refusal();
    assert!(message.contains("There is no connection"), "{message}");
    assert!(message.contains("add [connections.Stripe]"), "{message}");
}

#[test]
fn parameters_that_a_service_does_not_take_are_refused_before_anything_runs() {
    let project = Project::with_manifest("[workflows.wrong]\ndefinition = \"wrong.asl.json\"\n");
    let send = json!({ "QueueUrl": "q", "MessageBody": "b", "MessageSystemAttributes": {} });
    let definition =
        json!({ "StartAt": "Send", "States": { "Send": task("sqs:sendMessage", &send, "") } });
    project.write("wrong.asl.json", &definition.to_string());
    let expected = "The field \"MessageSystemAttributes\" is not supported by Step Functions";
    let validated = project.stepyard(["validate", "wrong.asl.json"]);
    assert_eq!(validated.code, Some(2));
    assert!(validated.stderr.contains(expected), "{}", validated.stderr);
    let ended = Server::try_start(&project, "127.0.0.1:0", &[]).err().expect("it does not start");
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);

    let empty = Project::with_manifest("");
    let server = Server::start(&empty);
    let create = json!({ "name": "wrong", "definition": definition.to_string(), "roleArn": ROLE });
    let (status, error) = server.call("CreateStateMachine", &create.to_string());
    assert_eq!(status, 400, "{error}");
    assert!(error["__type"].as_str().unwrap().ends_with("#InvalidDefinition"), "{error}");
    let message = error["message"].as_str().unwrap();
    let place = "SCHEMA_VALIDATION_FAILED: The field \"MessageSystemAttributes\" is not supported by Step Functions at /States/Send/Parameters";
    assert!(message.contains(place), "{message}");
}
