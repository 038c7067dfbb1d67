//! Calls of capabilities, each told back as text.

use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use wstd::{
    http::{Body, BodyExt, Client, Request, Response},
    runtime::block_on,
};

use crate::generated::{
    stepyard::step::mail::{self, Message},
    wasi::{
        config::store as config,
        keyvalue::{atomics, batch, store},
        logging::logging,
    },
};

/// What a step without a file system, an environment and sockets gets.
pub fn denied(deed: &str) -> String {
    match deed {
        "file" => match std::fs::read_to_string("/etc/passwd") {
            Ok(_) => "read".to_owned(),
            Err(error) => error.to_string(),
        },
        "write" => format!("{:?}", std::fs::write("/tmp/x", "x").map_err(|error| error.kind())),
        "environment" => format!("{}", std::env::vars().count()),
        "arguments" => format!("{}", std::env::args().count()),
        "connect" => format!("{:?}", TcpStream::connect("127.0.0.1:80").map_err(|it| it.kind())),
        "listen" => format!("{:?}", TcpListener::bind("127.0.0.1:0").map_err(|it| it.kind())),
        "datagram" => format!("{:?}", UdpSocket::bind("127.0.0.1:0").map_err(|it| it.kind())),
        "lookup" => format!("{:?}", "localhost:80".to_socket_addrs().map(Iterator::count)),
        _ => String::new(),
    }
}

pub fn call(capability: &str, words: &[&str]) -> String {
    match (capability, words) {
        ("keyvalue", [bucket, deed, rest @ ..]) => match keyvalue(bucket, deed, rest) {
            Ok(answer) => answer,
            Err(error) => format!("{error:?}"),
        },
        ("config", ["all"]) => format!("{:?}", config::get_all()),
        ("config", [key]) => format!("{:?}", config::get(key)),
        ("mail", [recipients @ ..]) => format!("{:?}", mail::send(&message(recipients))),
        ("http", [method, url]) => http(method, url, Body::empty()),
        ("http", [method, url, bytes]) => {
            http(method, url, vec![0_u8; bytes.parse().unwrap_or(0)].into())
        }
        ("follow", [url]) => follow(url),
        ("log", [text]) => {
            logging::log(logging::Level::Warn, "context", text);
            println!("out {text}");
            eprint!("err {text}");
            "logged".to_owned()
        }
        _ => format!("no deed {capability} {words:?}"),
    }
}

fn keyvalue(bucket: &str, deed: &str, words: &[&str]) -> Result<String, store::Error> {
    let bucket = store::open(bucket)?;
    match (deed, words) {
        ("get", [key]) => Ok(text(bucket.get(key)?)),
        ("set", [key, value]) => bucket.set(key, value.as_bytes()).map(|()| "set".to_owned()),
        ("delete", [key]) => bucket.delete(key).map(|()| "deleted".to_owned()),
        ("exists", [key]) => bucket.exists(key).map(|exists| exists.to_string()),
        ("keys", []) => bucket.list_keys(None).map(|page| page.keys.join(",")),
        ("add", [key, delta]) => {
            atomics::increment(&bucket, key, delta.parse().unwrap_or(0)).map(|sum| sum.to_string())
        }
        // Reads, lets the value change in between, swaps, is refused, and swaps again.
        ("swap", [key, between, value]) => {
            let cas = atomics::Cas::new(&bucket, key)?;
            let before = text(cas.current()?);
            bucket.set(key, between.as_bytes())?;
            match atomics::swap(cas, value.as_bytes()) {
                Ok(()) => Ok("swapped at once".to_owned()),
                Err(atomics::CasError::StoreError(error)) => Err(error),
                Err(atomics::CasError::CasFailed(cas)) => {
                    let found = text(cas.current()?);
                    let swapped = atomics::swap(cas, value.as_bytes()).is_ok();
                    Ok(format!("{before} then {found}, swapped {swapped}"))
                }
            }
        }
        ("batch", [first, second]) => {
            let values = [(*first, "1"), (*second, "2")];
            let values = values.map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec()));
            batch::set_many(&bucket, &values)?;
            batch::delete_many(&bucket, &[(*second).to_owned()])?;
            let keys = [first, second].map(|key| (*key).to_owned());
            let values = batch::get_many(&bucket, &keys)?;
            Ok(values.into_iter().map(|(key, value)| format!("{key}={} ", text(value))).collect())
        }
        _ => Ok(format!("no deed {deed} {words:?}")),
    }
}

fn text(value: Option<Vec<u8>>) -> String {
    value.map_or("none".to_owned(), |value| String::from_utf8_lossy(&value).into_owned())
}

fn message(recipients: &[&str]) -> Message {
    Message {
        message_id: "order-1@example.com".to_owned(),
        sender: "shop@example.com".to_owned(),
        recipients: recipients.iter().map(|address| (*address).replace('_', " ")).collect(),
        subject: "Your order".to_owned(),
        text: "It is on its way.".to_owned(),
    }
}

fn http(method: &str, url: &str, body: Body) -> String {
    block_on(async {
        match send(method, url, body).await {
            Ok(response) => {
                let status = response.status().as_u16();
                let headers = format!("{:?}", response.headers());
                let body = response.into_body().into_boxed_body().collect().await;
                let body = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
                format!("{status} {body:?} {headers}")
            }
            Err(error) => error,
        }
    })
}

/// Goes where a redirect says, as clients do.
fn follow(url: &str) -> String {
    block_on(async {
        let first = match send("GET", url, Body::empty()).await {
            Ok(response) => response,
            Err(error) => return error,
        };
        let location = first.headers().get("location").and_then(|value| value.to_str().ok());
        let second = send("GET", location.unwrap_or("nowhere"), Body::empty()).await;
        let second = second.map(|response| response.status().as_u16().to_string());
        format!("{} then {}", first.status().as_u16(), second.unwrap_or_else(|error| error))
    })
}

/// Sends a request with a header that a grant may replace.
async fn send(method: &str, url: &str, body: Body) -> Result<Response<Body>, String> {
    let request = Request::builder().method(method).uri(url).header("authorization", "mine");
    let request = request.body(body).map_err(|error| format!("no request: {error}"))?;
    Client::new().send(request).await.map_err(|error| format!("{error:?}"))
}
