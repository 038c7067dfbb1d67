//! TestState through `stepyard serve`: a state without a mock does its work.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    thread,
};

use serde_json::{Value, json};

use crate::support::{Project, Server, order, python::python};

const ROLE: &str = "arn:aws:iam::123456789012:role/r";

/// What TestState answers at TRACE.
fn trace(server: &Server, state: &Value, input: &Value, more: &Value) -> Value {
    let mut request = json!({
        "definition": state.to_string(), "input": input.to_string(), "roleArn": ROLE, "inspectionLevel": "TRACE",
    });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, answer) = server.call("TestState", &request.to_string());
    assert_eq!(status, 200, "{answer}");
    answer
}

fn parsed(text: &Value) -> Value {
    serde_json::from_str(text.as_str().unwrap_or_default()).unwrap()
}

#[test]
fn a_task_is_done_by_the_step_of_its_function() {
    let project = Project::order().warm();
    let server = Server::start(&project);
    let call = |function: &str| {
        json!({
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "On",
            "Parameters": { "FunctionName": function, "Payload.$": "$" },
            "ResultSelector": { "order.$": "$.Payload.order_id" },
            "Retry": [{ "ErrorEquals": ["Lambda.ResourceNotFoundException"], "IntervalSeconds": 2 }],
        })
    };
    let answer = trace(&server, &call("ReceiveOrder"), &order("t-1"), &json!({}));
    assert_eq!((&answer["status"], &answer["nextState"]), (&json!("SUCCEEDED"), &json!("On")));
    assert_eq!(parsed(&answer["output"]), json!({ "order": "t-1" }));
    let data = &answer["inspectionData"];
    assert_eq!(parsed(&data["afterParameters"])["Payload"], order("t-1"));
    assert_eq!(parsed(&data["result"])["Payload"]["order_id"], "t-1");

    let absent = trace(&server, &call("Absent"), &order("t-2"), &json!({}));
    assert_eq!(absent["error"], "Lambda.ResourceNotFoundException", "{absent}");
    let details = json!({ "retryIndex": 0, "retryBackoffIntervalSeconds": 2 });
    assert_eq!(
        (&absent["status"], &absent["inspectionData"]["errorDetails"]),
        (&json!("RETRIABLE"), &details)
    );

    let slow = json!({ "Type": "Wait", "Seconds": 1, "End": true });
    let waited = trace(&server, &slow, &json!([1]), &json!({ "inspectionLevel": "INFO" }));
    assert_eq!(waited, json!({ "status": "SUCCEEDED", "output": "[1]" }));
    let without_role = json!({ "definition": call("ReceiveOrder").to_string() });
    let (status, refused) = server.call("TestState", &without_role.to_string());
    assert_eq!(
        (status, &refused["message"]),
        (400, &json!("RoleArn must be specified when testing a Task state"))
    );
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn the_request_and_the_response_of_an_http_task_are_shown() {
    let Some(python) = python() else { return };
    let stripe = python.stripe();
    let connection = format!(
        "[connections.Stripe]\nurl = \"{}/v1/\"\nheaders = {{ X-Source = \"stepyard\" }}\n\
         api_key = {{ name = \"Authorization\", value = \"STRIPE\" }}\n[secrets.STRIPE]\nenv = \"STRIPE\"\n",
        stripe.url()
    );
    let project = Project::with_manifest(&connection);
    let secret = "Bearer sk_test_12345";
    let server = Server::start_with(&project, "127.0.0.1:0", &[("STRIPE", secret)]);
    let charge = json!({
        "Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": true,
        "Parameters": {
            "ApiEndpoint": format!("{}/v1/customers", stripe.url()), "Method": "POST",
            "InvocationConfig": {
                "ConnectionArn": "arn:aws:events:us-east-1:123456789012:connection/Stripe/81210c42",
            },
            "Headers": { "Content-Type": "application/x-www-form-urlencoded", "X-Mine": "mine" },
            "RequestBody": { "email.$": "$.email" },
            "Transform": { "RequestBodyEncoding": "URL_ENCODED" },
        },
    });
    let input = json!({ "email": "a@example.com" });
    for (reveals, shows) in [(false, false), (true, true)] {
        let answer = trace(&server, &charge, &input, &json!({ "revealSecrets": reveals }));
        assert_eq!(answer["status"], "SUCCEEDED", "{answer}");
        let request = &answer["inspectionData"]["request"];
        assert_eq!((&request["protocol"], &request["method"]), (&json!("http"), &json!("POST")));
        assert_eq!(request["url"], format!("{}/v1/customers", stripe.url()));
        assert_eq!(request["body"], "email=a%40example.com");
        let headers = request["headers"].as_str().unwrap();
        assert!(headers.starts_with('[') && headers.contains("x-mine: mine"), "{headers}");
        assert_eq!(headers.contains(secret), shows, "{headers}");
        assert_eq!(headers.contains("x-source"), shows, "{headers}");
        let response = &answer["inspectionData"]["response"];
        assert_eq!(
            (&response["statusCode"], &response["statusMessage"]),
            (&json!("200"), &json!("OK"))
        );
        assert_eq!(parsed(&response["body"])["email"], "a@example.com");
    }
    let debug = trace(&server, &charge, &input, &json!({ "inspectionLevel": "DEBUG" }));
    assert_eq!(debug["inspectionData"].get("request"), None);
    assert_eq!(server.terminate(), Some(0));
}

/// The address of an API that answers each request with the request's own head.
fn mirror() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).unwrap() > 0 {}
            let length = head.len();
            write!(stream.get_mut(), "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{head}")
                .unwrap();
        }
    });
    address
}

#[test]
fn a_secret_that_an_api_sends_back_is_shown_to_whoever_asks() {
    let address = mirror();
    let connection = format!(
        "[connections.Mirror]\nurl = \"http://{address}/v1/\"\n\
         api_key = {{ name = \"X-Key\", value = \"MIRROR\" }}\n[secrets.MIRROR]\nenv = \"MIRROR\"\n"
    );
    let project = Project::with_manifest(&connection);
    let secret = "sesame-open-12345";
    let server = Server::start_with(&project, "127.0.0.1:0", &[("MIRROR", secret)]);
    let look = json!({
        "Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": true,
        "Parameters": {
            "ApiEndpoint": format!("http://{address}/v1/mirror"), "Method": "GET",
            "InvocationConfig": {
                "ConnectionArn": "arn:aws:events:us-east-1:123456789012:connection/Mirror/81210c42",
            },
        },
    });
    for reveals in [false, true] {
        let answer = trace(&server, &look, &json!({}), &json!({ "revealSecrets": reveals }));
        assert_eq!(answer["status"], "SUCCEEDED", "{answer}");
        let data = &answer["inspectionData"];
        let body = data["response"]["body"].as_str().unwrap();
        assert!(body.contains("x-key: "), "{body}");
        assert_eq!(body.contains(secret), reveals, "{body}");
        for result in [&answer["output"], &data["result"]] {
            assert!(!result.as_str().unwrap().contains(secret), "{result}");
        }
    }
    assert_eq!(server.terminate(), Some(0));
}
