//! Where a step's requests go, and what they never tell it.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use stepyard_engine::outside::Names;
use stepyard_wasm::{Grants, HttpGrant, Limits, Outside, Scheme, SecretHeader};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};

use crate::support::{
    Log, Steps, World, answer, cache, error, grants, limits, load, load_all, spec,
};

/// A server that sends back what it is sent, or a redirect for what ends in `?to=URL`.
struct Echo {
    port: u16,
    received: Arc<Mutex<Vec<String>>>,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let echo = Self { port, received: Arc::clone(&received) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let head = echo_one(stream).await;
                received.lock().unwrap().push(head);
            }
        });
        echo
    }

    /// A grant of all of it.
    fn grant(&self) -> HttpGrant {
        HttpGrant { port: Some(self.port), ..HttpGrant::new(Scheme::Http, "127.0.0.1") }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

/// Answers one request, its body cut in two in the middle of the value that [`World`] has for a
/// secret, and says what the request was.
async fn echo_one(mut stream: TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap_or_default();
    let status = match target.split_once("?to=") {
        Some((_, location)) => format!("302 Found\r\nlocation: {location}"),
        None => "200 OK".to_owned(),
    };
    let authorization = head.lines().find(|line| line.starts_with("authorization")).unwrap();
    let (first, second) = head.split_at(head.find("cret").unwrap_or(head.len()));
    let chunk = |part: &str| match part.len() {
        0 => String::new(),
        length => format!("{length:x}\r\n{part}\r\n"),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nx-{authorization}\r\ntransfer-encoding: chunked\r\n\r\n{}{}0\r\n\r\n",
        chunk(first),
        chunk(second)
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    head
}

fn http(grant: HttpGrant) -> Steps {
    let grants = Grants { http: vec![grant], ..grants() };
    load(spec(grants, limits()), &Arc::default()).unwrap()
}

/// The grant with the secret in its `Authorization`.
fn with_secret(grant: HttpGrant) -> HttpGrant {
    let format = "Bearer {}".to_owned();
    let header = SecretHeader { secret: "gateway-key".to_owned(), format };
    HttpGrant { headers: [("Authorization".to_owned(), header)].into(), ..grant }
}

#[tokio::test]
async fn a_secret_is_put_into_the_header_by_the_host() {
    let echo = Echo::start().await;
    let steps = http(with_secret(echo.grant()));
    let answer = answer(&steps, &format!("http POST {}", echo.url("/v1?a=b"))).await;
    assert!(answer.starts_with("200 "), "{answer}");
    let received = echo.received.lock().unwrap().concat();
    assert!(received.contains("POST /v1?a=b HTTP/1.1"), "{received}");
    assert!(received.contains(&format!("host: 127.0.0.1:{}", echo.port)), "{received}");
    assert!(received.contains("authorization: Bearer s3cret"), "{received}");
    assert!(!received.contains("mine"), "the step's own header is replaced: {received}");
}

#[tokio::test]
async fn a_secret_that_the_server_sends_back_is_covered() {
    let echo = Echo::start().await;
    let steps = http(with_secret(echo.grant()));
    let answer = answer(&steps, &format!("http GET {}", echo.url("/"))).await;
    assert_eq!(answer.matches("Bearer ******").count(), 2, "in a header and in the body: {answer}");
    assert!(!answer.contains("s3cret"), "{answer}");
}

#[tokio::test]
async fn a_secret_is_in_no_result_error_or_log() {
    let echo = Echo::start().await;
    let steps = http(with_secret(echo.grant()));
    let (log, guard) = Log::begin(tracing::Level::TRACE);
    answer(&steps, &format!("http GET {}", echo.url("/"))).await;
    answer(&steps, "log s3cret").await;
    answer(&steps, "keyvalue s3cret get key").await;
    drop(guard);
    let log = log.text();
    assert!(log.contains("out ******") && log.contains("err ******"), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
    answer(&steps, "keyvalue granted set key s3cret").await;
    assert_eq!(answer(&steps, "keyvalue granted get key").await, "******");
    let error = error(&steps, "fail s3cret s3cret").await;
    assert_eq!(error.name(), "******");
    assert!(!error.cause.unwrap().contains("s3cret"));
    let steps = http(echo.grant());
    answer(&steps, "keyvalue granted set key s3cret").await;
    assert_eq!(answer(&steps, "keyvalue granted get key").await, "s3cret", "no secret of its own");
}

#[tokio::test]
async fn a_request_without_a_grant_is_denied() {
    let echo = Echo::start().await;
    let port = echo.port;
    let steps = http(HttpGrant {
        methods: vec!["GET".to_owned()],
        path_prefix: Some("/v1".to_owned()),
        ..echo.grant()
    });
    let cases = [
        ("GET", format!("http://127.0.0.1:{port}/v1/a"), true),
        ("POST", format!("http://127.0.0.1:{port}/v1/a"), false),
        ("GET", format!("http://127.0.0.1:{port}/other"), false),
        ("GET", format!("http://localhost:{port}/v1"), false),
        ("GET", "http://127.0.0.1/v1".to_owned(), false),
        ("GET", format!("https://127.0.0.1:{port}/v1"), false),
    ];
    for (method, url, granted) in cases {
        let answer = answer(&steps, &format!("http {method} {url}")).await;
        let expected = if granted { "200 " } else { "ErrorCode::HttpRequestDenied" };
        assert!(answer.contains(expected), "{method} {url}: {answer}");
    }
}

#[tokio::test]
async fn a_redirect_is_the_steps_to_follow_and_needs_a_grant_of_its_own() {
    let echo = Echo::start().await;
    let steps = http(HttpGrant { path_prefix: Some("/v1".to_owned()), ..echo.grant() });
    let (here, port) = (echo.url(""), echo.port);
    let cases = [
        (format!("{here}/v1/charges"), "302 then 200"),
        (format!("{here}/other"), "302 then ErrorCode::HttpRequestDenied"),
        (format!("{here}/v1/../other"), "302 then ErrorCode::HttpRequestDenied"),
        (format!("http://localhost:{port}/v1"), "302 then ErrorCode::HttpRequestDenied"),
        ("http://169.254.169.254/latest".to_owned(), "302 then ErrorCode::HttpRequestDenied"),
    ];
    for (location, expected) in cases {
        let deed = format!("follow {here}/v1?to={location}");
        assert_eq!(answer(&steps, &deed).await, expected, "{location}");
    }
}

/// A resolver that answers anew each time, and with nothing when it has no more answers.
#[derive(Debug, Default)]
struct Resolver(Mutex<VecDeque<Vec<SocketAddr>>>);

impl Resolver {
    fn answers(answers: &[&[&str]]) -> Arc<Self> {
        let address = |address: &&str| SocketAddr::new(address.parse().unwrap(), 0);
        let answers = answers.iter().map(|answer| answer.iter().map(address).collect());
        Arc::new(Self(Mutex::new(answers.collect())))
    }
}

impl Names for Resolver {
    fn addresses(&self, _host: &str, _port: u16) -> BoxFuture<'_, io::Result<Vec<SocketAddr>>> {
        let answer = self.0.lock().unwrap().pop_front();
        Box::pin(async { answer.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}

/// The hostile step, which may send requests to `shop.example` where the resolver says that is.
fn http_named(port: u16, addresses: &[&str], names: Arc<Resolver>) -> Steps {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    let shop = HttpGrant::new(Scheme::Http, "shop.example");
    let grants =
        Grants { http: vec![HttpGrant { port: Some(port), addresses, ..shop }], ..grants() };
    let outside = Outside { names, ..Arc::<World>::default().outside() };
    load_all(vec![spec(grants, limits())], outside, cache()).unwrap()
}

#[tokio::test]
async fn a_name_leads_inside_only_where_the_grant_has_the_address() {
    let Echo { port, .. } = Echo::start().await;
    let prohibited = "ErrorCode::DestinationIpProhibited";
    let cases: [(&[&str], &[&str], &str); 6] = [
        (&[], &["127.0.0.1"], prohibited),
        (&[], &["10.0.0.5", "::1", "169.254.169.254"], prohibited),
        (&["127.0.0.1"], &["127.0.0.1"], "200 "),
        (&["127.0.0.1"], &["::ffff:127.0.0.1"], "200 "),
        (&["127.0.0.1"], &["10.0.0.5", "127.0.0.1"], "200 "),
        (&["127.0.0.1"], &["127.0.0.2"], prohibited),
    ];
    for (granted, found, expected) in cases {
        let steps = http_named(port, granted, Resolver::answers(&[found]));
        let answer = answer(&steps, &format!("http GET http://shop.example:{port}/")).await;
        assert!(answer.starts_with(expected), "{granted:?} {found:?}: {answer}");
    }
}

#[tokio::test]
async fn a_denied_address_is_told_with_the_grant_that_is_missing() {
    let steps = http_named(8080, &[], Resolver::answers(&[&["10.0.0.5"]]));
    let (log, _guard) = Log::begin(tracing::Level::WARN);
    answer(&steps, "http GET http://shop.example:8080/").await;
    let grant = r#"http = [{ url = \"http://shop.example:8080\", addresses = [\"10.0.0.5\"] }]"#;
    assert!(log.text().contains(grant), "{}", log.text());
}

#[tokio::test]
async fn a_request_that_is_not_sent_says_why_however_long_its_body() {
    // Nothing listens there, and nothing else can while the socket is held.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let closed = HttpGrant { port: Some(port), ..HttpGrant::new(Scheme::Http, "127.0.0.1") };
    let inside = HttpGrant::new(Scheme::Http, "shop.example");
    let grants = Grants { http: vec![closed, inside], ..grants() };
    let limits = Limits { host_call_bytes_max: 2 << 20, ..limits() };
    let names = Resolver::answers(&[&["10.0.0.5"]]);
    let outside = Outside { names, ..Arc::<World>::default().outside() };
    let steps = load_all(vec![spec(grants, limits)], outside, cache()).unwrap();
    for (url, expected) in [
        (format!("http://127.0.0.1:{port}/"), "ErrorCode::ConnectionRefused"),
        ("http://shop.example/".to_owned(), "ErrorCode::DestinationIpProhibited"),
        ("http://other.example/".to_owned(), "ErrorCode::HttpRequestDenied"),
    ] {
        // More than is buffered: the step waits for somebody to read.
        let answer = answer(&steps, &format!("http POST {url} {}", 4 << 20)).await;
        assert!(answer.starts_with(expected), "{url}: {answer}");
    }
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_asked_once_for_a_request() {
    let Echo { port, .. } = Echo::start().await;
    let names = Resolver::answers(&[&["127.0.0.1"], &["127.0.0.2"], &["127.0.0.1"]]);
    let steps = http_named(port, &["127.0.0.1"], names.clone());
    let deed = format!("http GET http://shop.example:{port}/");
    for (expected, left) in [("200 ", 2), ("ErrorCode::DestinationIpProhibited", 1), ("200 ", 0)] {
        let answer = answer(&steps, &deed).await;
        assert!(answer.starts_with(expected), "{answer}");
        assert_eq!(names.0.lock().unwrap().len(), left, "one look-up for each request");
    }
}

#[tokio::test]
async fn a_server_that_does_not_encrypt_gets_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hello = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 3];
        stream.read_exact(&mut hello).await.unwrap();
        hello
    });
    let grant = HttpGrant::new(Scheme::Https, "127.0.0.1");
    let steps = http(HttpGrant { port: Some(port), ..grant });
    let answer = answer(&steps, &format!("http GET https://127.0.0.1:{port}/")).await;
    assert!(answer.contains("ErrorCode::TlsProtocolError"), "{answer}");
    assert_eq!(hello.await.unwrap(), [0x16, 3, 1], "a TLS handshake was begun");
}

#[tokio::test]
async fn a_secret_without_a_value_fails_the_request() {
    let header = SecretHeader { secret: "absent".to_owned(), format: "{}".to_owned() };
    let steps = http(HttpGrant {
        headers: [("x-key".to_owned(), header)].into(),
        ..HttpGrant::new(Scheme::Http, "127.0.0.1")
    });
    let answer = answer(&steps, "http GET http://127.0.0.1/").await;
    assert!(answer.contains("the secret `absent` has no value"), "{answer}");
}
