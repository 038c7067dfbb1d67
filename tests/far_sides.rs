//! The order workflow against far sides that no one here wrote: localstripe takes the payment,
//! aiosmtpd the mail, moto the notification; Redis keeps the stock.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::support::{Finished, Project, order, python::python};

/// What localstripe takes for a secret key.
const KEY: (&str, &str) = ("STRIPE_KEY", "sk_test_12345");

/// The order project with payments made at this gateway; a call of it may take one second.
fn with_gateway(url: &str) -> Project {
    let project = Project::order_with(|text| {
        let text = text.replace("config = {}", &format!("config = {{ gateway_url = \"{url}\" }}"));
        let text = text.replace("https://api.stripe.com/v1/", &format!("{url}/v1/"));
        text.replacen("wall_seconds = 28", "wall_seconds = 2", 1)
    });
    project.warm()
}

fn run(project: &Project, input: &Value) -> Finished {
    let input = input.to_string();
    project.stepyard_with(["run", "workflow.asl.json", "--name", "one", "--input", &input], &[KEY])
}

/// The charges that the gateway has, by its own account.
fn charges(port: u16) -> Vec<Value> {
    let listed = request(port, "GET", "/v1/charges?limit=100");
    let listed: Value = serde_json::from_str(&listed).expect("localstripe answers JSON");
    let charges = listed["data"].as_array().expect("charges are listed").clone();
    charges.into_iter().filter(|charge| charge["status"] == "succeeded").collect()
}

/// One HTTP/1.0 request; answers the body.
fn request(port: u16, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nContent-Length: 0\r\n\r\n",
        KEY.1
    );
    stream.write_all(head.as_bytes()).expect("the request is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer is text");
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    body.to_owned()
}

#[test]
fn an_order_is_charged_at_the_gateway() {
    let Some(python) = python() else { return };
    let gateway = python.stripe();
    let project = with_gateway(&gateway.url());
    let output = run(&project, &order("g-1")).output();
    let charges = charges(gateway.port());
    assert_eq!(charges.len(), 1, "{charges:?}");
    assert_eq!(charges[0]["amount"], output["inventory"]["amount_cents"]);
    assert_eq!(charges[0]["id"], output["payment"]["charge_id"]);
}

#[test]
fn a_card_that_the_gateway_declines_ends_in_payment_failed() {
    let Some(python) = python() else { return };
    let gateway = python.stripe();
    let project = with_gateway(&gateway.url());
    let mut declined = order("g-2");
    declined["payment_method"] = json!("pm_card_chargeCustomerFail");
    let finished = run(&project, &declined);
    let message = finished.failure();
    assert!(message.contains("PaymentFailed") && message.contains("CardDeclined"), "{message}");
    assert!(charges(gateway.port()).is_empty());
}

#[test]
fn a_charge_whose_answer_is_lost_is_retried_and_stays_one_charge() {
    let Some(python) = python() else { return };
    let gateway = python.stripe();
    let project = with_gateway(&gateway.url());
    request(gateway.port(), "PUT", "/_config/hold-answer?path=/confirm");
    run(&project, &order("g-3")).output();
    let attempts = project.history("one");
    let timed_out = |event: &&Value| event["taskFailedEventDetails"]["error"] == "Sandbox.Timedout";
    assert_eq!(attempts.iter().filter(timed_out).count(), 1, "the first attempt timed out");
    assert_eq!(charges(gateway.port()).len(), 1);
}

#[test]
fn the_secret_key_is_in_no_log_and_in_no_history() {
    let Some(python) = python() else { return };
    let gateway = python.stripe();
    let project = with_gateway(&gateway.url());
    let input = order("g-4").to_string();
    let log = ("STEPYARD_LOG", "trace");
    let run = ["run", "workflow.asl.json", "--name", "one", "--input", &input];
    let finished = project.stepyard_with(run, &[KEY, log]);
    finished.output();
    let history = serde_json::to_string(&project.history("one")).unwrap();
    for text in [&finished.stderr, &finished.stdout, &history] {
        assert!(!text.contains(KEY.1), "the key is shown");
    }
}

#[test]
fn projects_sell_from_one_stock_that_is_in_redis() {
    let Some(redis) = python().and_then(|it| it.redis(&["--requirepass", "let me in"])) else {
        return;
    };
    let url = redis.url();
    let shop = |stock: &str| {
        let section = format!(
            "\n[redis]\nurl = \"{url}\"\npassword = \"REDIS\"\n[secrets.REDIS]\nenv = \"REDIS\"\n{stock}"
        );
        Project::order_with(|text| text + &section).warm()
    };
    let buy = |shop: &Project, id: &str, quantity: u32| {
        let mut order = order(id);
        order["quantity"] = quantity.into();
        let input = order.to_string();
        let run = ["run", "workflow.asl.json", "--input", &input];
        shop.stepyard_with(run, &[("REDIS", "let me in")])
    };
    let (one, other) = (shop(""), shop(""));
    buy(&one, "r-1", 60).output();
    let sold_out = buy(&other, "r-2", 60);
    assert!(sold_out.failure().contains("OutOfStock"), "{}", sold_out.stderr);
    buy(&other, "r-3", 40).output();
    // A bucket may stay behind.
    let third = shop("[keyvalue.inventory]\nstore = \"sqlite\"\n");
    buy(&third, "r-4", 100).output();
    drop(redis);
    let refused = buy(&one, "r-5", 1);
    assert!(refused.refusal().contains("Redis at 127.0.0.1:"), "{}", refused.stderr);
}

#[test]
fn the_confirmation_is_sent_by_smtp() {
    let Some(python) = python() else { return };
    let smtp = python.smtp();
    let url = smtp.url();
    let project = Project::order_with(|text| format!("{text}\n[mail]\nsmtp = \"{url}\"\n")).warm();
    project.run(&order("m-1")).output();
    let messages = smtp.messages();
    assert_eq!(messages.len(), 1, "{messages:?}");
    let expected = ["X-RcptTo: user@example.com", "Message-ID: <order-m-1@stepyard.local>", "m-1"];
    for text in expected {
        assert!(messages[0].contains(text), "{text} is not in {}", messages[0]);
    }
    assert!(project.mail().is_empty(), "nothing is kept in the folder");
}

#[test]
fn the_notification_reaches_a_subscriber_of_the_topic() {
    let Some(python) = python() else { return };
    let sns = python.sns();
    let queue = sns.subscribe("order-notifications");
    let url = sns.url();
    let section = format!(
        "\n[sns]\ndelivery = \"aws\"\n[aws.sns]\nendpoint_url = \"{url}\"\nregion = \"us-east-1\"\n"
    );
    let project = Project::order_with(|text| text + &section).warm();
    let input = order("n-1").to_string();
    let credentials = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let run = ["run", "workflow.asl.json", "--input", &input];
    project.stepyard_with(run, &credentials).output();
    let received = sns.receive(&queue);
    assert_eq!(received.len(), 1, "{received:?}");
    let attributes = &received[0]["MessageAttributes"];
    assert_eq!(attributes["order_id"]["Value"], "n-1");
    assert_eq!(attributes["status"]["Value"], "CONFIRMED");
    let message: Value = serde_json::from_str(received[0]["Message"].as_str().unwrap()).unwrap();
    assert_eq!((&message["order_id"], &message["status"]), (&json!("n-1"), &json!("CONFIRMED")));
}
