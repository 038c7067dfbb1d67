//! The order workflow in one invocation, with everything that outlasts it outside: the stock and the
//! ledger in Redis, mail by SMTP, notifications at an SNS that no one here wrote.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;
use stepyard_wasm::{Access, BucketGrant, Grants, HttpGrant, Scheme};

use super::{
    error,
    function::{Package, order_workflow},
    runtime_api::{RuntimeApi, TRACE},
};
use crate::support::{Project, order, python::python};

/// The order's manifest as a package has it.
fn manifest(outside: &str) -> String {
    let text = std::fs::read_to_string(format!("{}/stepyard.toml", crate::support::ROOT)).unwrap();
    let steps = [
        ("steps/receive", "ReceiveOrder"),
        ("steps/inventory", "CheckInventory"),
        ("steps/payment", "ChargePayment"),
        ("steps/confirm", "SendConfirmation"),
    ];
    let packaged = steps.iter().fold(text, |text, (folder, function)| {
        text.replace(&format!("\"{folder}\""), &format!("\"components/{function}.cwasm\""))
    });
    packaged + outside
}

fn package(outside: &str) -> Package {
    let bucket =
        |bucket: &str| BucketGrant { bucket: bucket.to_owned(), access: Access::ReadWrite };
    let config = Some([("sender".to_owned(), "orders@stepyard.example".to_owned())].into());
    let inventory = Grants { keyvalue: vec![bucket("inventory")], ..Grants::default() };
    let payment = Grants {
        keyvalue: vec![bucket("ledger")],
        config: Some(Default::default()),
        http: vec![HttpGrant::new(Scheme::Https, "api.stripe.com")],
        ..Grants::default()
    };
    let confirm = Grants { config, mail: vec!["*".to_owned()], ..inventory.clone() };
    let package = Package::new(&manifest(outside));
    package.write("workflow.asl.json", order_workflow());
    package
        .with_step("ReceiveOrder", "steps/receive", Grants::default())
        .with_step("CheckInventory", "steps/inventory", inventory)
        .with_step("ChargePayment", "steps/payment", payment)
        .with_step("SendConfirmation", "steps/confirm", confirm)
}

#[test]
fn the_order_workflow_runs_in_one_invocation() {
    let Some(python) = python() else { return };
    let Some(redis) = python.redis(&[]) else { return };
    let (smtp, sns) = (python.smtp(), python.sns());
    let queue = sns.subscribe("order-notifications");
    let door = Door::to(sns.url().trim_start_matches("http://"));
    let outside = |sns: &str| {
        format!(
            "\n[redis]\nurl = \"{}\"\n[mail]\nsmtp = \"{}\"\n[sns]\ndelivery = \"aws\"\n[aws.sns]\nendpoint_url = \"{sns}\"\n",
            redis.url(),
            smtp.url()
        )
    };
    let credentials = [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
    ];

    // Nothing is seeded on Lambda: that is done beforehand, and once.
    let shop = Project::order_with(|text| text + &outside(&sns.url())).warm();
    let input = order("local").to_string();
    shop.stepyard_with(["run", "workflow.asl.json", "--input", &input], &credentials).output();

    let api = RuntimeApi::start_in("us-east-1");
    let variables =
        [credentials.as_slice(), &[("STEPYARD_WORKFLOW", "workflow.asl.json")]].concat();
    let function = package(&outside(&door.url())).start(&api, &variables);
    let post = api.invoke("sample", order("l-1").to_string());
    assert_eq!(post.path, "invocation/sample/response", "{post:?}");
    assert_eq!(post.json()["order_id"], "l-1");

    let received = sns.receive(&queue);
    let orders: Vec<&Value> =
        received.iter().map(|it| &it["MessageAttributes"]["order_id"]["Value"]).collect();
    assert!(orders.contains(&&"l-1".into()), "{received:?}");
    let published = door.requests();
    assert!(published.contains(&format!("x-amzn-trace-id: {TRACE}")), "{published}");
    assert!(smtp.messages().iter().any(|message| message.contains("l-1")));

    let mut many = order("l-2");
    many["quantity"] = 1_000.into();
    let (name, message) = error(&api.invoke("many", many.to_string()), "many");
    assert_eq!(name, "InventoryFailed");
    assert!(message.contains("OutOfStock"), "{message}");
    function.log();
}

/// A door before a server, by which all goes through, and which remembers what was asked.
struct Door {
    port: u16,
    asked: Arc<Mutex<Vec<u8>>>,
}

impl Door {
    fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (server, remembered) = (server.to_owned(), asked.clone());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&server).unwrap();
                let (back, front) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let remembered = remembered.clone();
                thread::spawn(move || pass(client, server, Some(&remembered)));
                thread::spawn(move || pass(back, front, None));
            }
        });
        Self { port, asked }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn requests(&self) -> String {
        String::from_utf8_lossy(&self.asked.lock().unwrap()).into_owned()
    }
}

/// Passes on what comes until either side ends.
fn pass(mut from: TcpStream, mut to: TcpStream, remembered: Option<&Mutex<Vec<u8>>>) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if let Some(remembered) = remembered {
            remembered.lock().unwrap().extend_from_slice(&bytes[..read]);
        }
        if to.write_all(&bytes[..read]).is_err() {
            return;
        }
    }
}
