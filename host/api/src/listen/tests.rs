//! Over real sockets, with limits short enough to wait for.

use std::time::Instant;

use axum::{
    body::Bytes,
    http::StatusCode,
    routing::{get, post},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
    task::JoinHandle,
};

use super::*;
use crate::{body::Bodies, error::ApiError};

const SHORT: Duration = Duration::from_millis(150);
/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(60);

fn limits() -> Limits {
    Limits { head_time: LONG, idle_time: LONG, body_time: LONG, ..Limits::default() }
}

/// A server at work; `stop` ends it.
struct Running {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Running {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Arc::new(limits);
        let bodies = Bodies::new(limits.clone());
        let size = async move |body: Body| -> Result<String, ApiError> {
            Ok(bodies.read(body, bodies.usual()).await?.len().to_string())
        };
        let slow = async || {
            sleep(SHORT * 2).await;
            "slow"
        };
        let flood = async || Bytes::from(vec![b' '; 64 << 20]);
        let router = Router::new()
            .route("/size", post(size))
            .route("/slow", get(slow))
            .route("/flood", get(flood))
            .route("/panic", get(async || -> StatusCode { panic!("a bug, for a test") }));
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let ended = tokio::spawn(serve(listener, None, router, limits, stopped));
        Self { address, stop, ended }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// All that is answered to these bytes until the connection is closed.
    async fn answer(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        rest(&mut stream).await
    }
}

/// What comes until the connection is closed, however it is.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(LONG / 4, stream.read_to_end(&mut bytes)).await.expect("it is closed");
    String::from_utf8(bytes).unwrap()
}

async fn status(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 12];
    stream.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn post_of(body: &str) -> String {
    let length = body.len();
    format!("POST /size HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn a_client_that_does_not_come_to_the_end_of_its_head_is_cut_off() {
    let server = Running::start(Limits { head_time: SHORT, ..limits() }).await;
    let begun = Instant::now();
    assert_eq!(server.answer(b"").await, "");
    assert_eq!(server.answer(b"POST /size HT").await, "");

    // A byte now and then does not help.
    let mut stream = server.connect().await;
    stream.write_all(b"POST /size HTTP/1.1\r\n").await.unwrap();
    while stream.write_all(b"a: b\r\n").await.is_ok() {
        sleep(SHORT / 10).await;
        assert!(begun.elapsed() < LONG / 4, "it is fed without end");
    }
}

#[tokio::test]
async fn a_client_may_rest_between_requests_longer_than_within_a_head() {
    let limits = Limits { head_time: SHORT, idle_time: SHORT * 6, ..limits() };
    let server = Running::start(limits).await;
    let mut stream = server.connect().await;
    for _ in 0..2 {
        stream.write_all(post_of("x").as_bytes()).await.unwrap();
        let mut answer = vec![0; 128];
        let read = stream.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200"), "{answer:?}");
        sleep(SHORT * 2).await;
    }
    // A second head is held to its time too.
    let begun = Instant::now();
    stream.write_all(b"POST").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    assert!(begun.elapsed() < SHORT * 4, "{:?}", begun.elapsed());

    let mut stream = server.connect().await;
    stream.write_all(post_of("x").as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_request_at_work_is_not_hurried() {
    let limits = Limits { head_time: SHORT, idle_time: SHORT, ..limits() };
    let server = Running::start(limits).await;
    let answer = server.answer(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(answer.ends_with("\r\n\r\nslow"), "{answer}");
}

#[tokio::test]
async fn a_body_has_its_size_and_its_time() {
    let limits = Limits { body_bytes: 1_000, bodies_bytes: 2 << 10, body_time: SHORT, ..limits() };
    let server = Running::start(limits).await;
    let chunked = |chunk: &str, end: &str| {
        let length = chunk.len();
        format!(
            "POST /size HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{length:x}\r\n{chunk}\r\n{end}"
        )
    };
    let close = |request: String| request.replacen("Host: h", "Host: h\r\nConnection: close", 1);
    for (request, status, part) in [
        (close(post_of(&"x".repeat(1_000))), 200, "1000"),
        (close(post_of(&"x".repeat(1_001))), 413, "#RequestEntityTooLarge\""),
        (close(post_of(&"x".repeat(1 << 20))), 413, "at most 1000 bytes"),
        (chunked(&"x".repeat(1_000), "0\r\n\r\n"), 200, "1000"),
        (chunked(&"x".repeat(1_001), "0\r\n\r\n"), 413, "#RequestEntityTooLarge\""),
        (chunked("x", ""), 408, "#RequestTimeout\""),
        (chunked("x", "nonsense\r\n"), 400, "#SerializationException\""),
    ] {
        let answer = server.answer(request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(answer.contains(part), "{answer}");
    }
}

#[tokio::test]
async fn all_bodies_together_have_a_size() {
    let server = Running::start(Limits { bodies_bytes: 2 << 10, ..limits() }).await;
    let mut first = server.connect().await;
    first.write_all(&post_of(&"x".repeat(2_000)).as_bytes()[..1_900]).await.unwrap();
    let refused = |answer: &str| answer.contains("#ThrottlingException\"");
    // What is held is given back when its connection ends, and not before.
    while !refused(&server.answer(close_of(2_000).as_bytes()).await) {
        sleep(SHORT / 10).await;
    }
    drop(first);
    while refused(&server.answer(close_of(2_000).as_bytes()).await) {
        sleep(SHORT / 10).await;
    }
}

fn close_of(bytes: usize) -> String {
    post_of(&"x".repeat(bytes)).replacen("Host: h", "Host: h\r\nConnection: close", 1)
}

#[tokio::test]
async fn a_head_has_its_size() {
    let server = Running::start(limits()).await;
    let head = |headers: &str| format!("GET /slow HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
    for headers in [format!("a: {}\r\n", "x".repeat(128 << 10)), "a: b\r\n".repeat(200)] {
        let answer = server.answer(head(&headers).as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    let answer = server.answer(b"\x16\x03\x01 not HTTP\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_cut_off() {
    let server = Running::start(Limits { write_time: SHORT, ..limits() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /flood HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    sleep(SHORT * 4).await;
    let mut bytes = Vec::new();
    let _ = timeout(LONG / 4, stream.read_to_end(&mut bytes)).await.expect("it is closed");
    assert!(bytes.len() < 64 << 20, "{} bytes came", bytes.len());
}

#[tokio::test]
async fn past_the_most_connections_the_next_waits() {
    let server = Running::start(Limits { connections: 2, ..limits() }).await;
    let first = server.connect().await;
    let _second = server.connect().await;
    let mut third = server.connect().await;
    third.write_all(post_of("x").as_bytes()).await.unwrap();
    assert!(timeout(SHORT, status(&mut third)).await.is_err(), "there was no place for it");
    drop(first);
    assert_eq!(status(&mut third).await, "HTTP/1.1 200");
}

#[tokio::test]
async fn a_panic_ends_its_own_connection() {
    let server = Running::start(Limits { connections: 1, ..limits() }).await;
    assert_eq!(server.answer(b"GET /panic HTTP/1.1\r\nHost: h\r\n\r\n").await, "");
    let answer = server.answer(close_of(1).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn at_the_end_requests_are_drained_and_the_rest_is_closed() {
    let server = Running::start(limits()).await;
    let mut idle = server.connect().await;
    let mut partial = server.connect().await;
    partial.write_all(b"GET /slow").await.unwrap();
    let mut rested = server.connect().await;
    rested.write_all(post_of("x").as_bytes()).await.unwrap();
    assert_eq!(status(&mut rested).await, "HTTP/1.1 200");
    let mut slow = server.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    sleep(SHORT).await;

    server.stop.send(()).unwrap();
    assert!(rest(&mut slow).await.ends_with("\r\n\r\nslow"));
    assert_eq!(rest(&mut idle).await, "");
    assert!(rest(&mut rested).await.ends_with("\r\n\r\n1"));
    drop(partial);
    timeout(LONG / 4, server.ended).await.expect("it ends").unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "it still listens");
}

#[tokio::test]
async fn draining_has_its_time() {
    let limits = Limits { drain_time: SHORT / 3, ..limits() };
    let server = Running::start(limits).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let mut partial = server.connect().await;
    partial.write_all(b"GET /slow").await.unwrap();
    sleep(SHORT / 3).await;
    server.stop.send(()).unwrap();
    timeout(LONG / 4, server.ended).await.expect("it ends").unwrap();
    assert_eq!(rest(&mut slow).await, "");
}
