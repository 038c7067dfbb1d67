//! What a step reaches with a grant, and what it is told without one.

use std::{
    io,
    sync::{Arc, Mutex},
};

use stepyard_engine::{FunctionVersion, Functions};
use stepyard_wasm::{Grants, HttpGrant, Scheme, SecretHeader};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{
    FUNCTION, Steps, World, answer, call, grants, invoke, limits, load, spec, steps,
};

#[tokio::test]
async fn a_step_has_no_files_environment_arguments_or_sockets() {
    let steps = steps(limits());
    let cases = [
        ("file", "No such file or directory"),
        ("write", "Err("),
        ("environment", "0"),
        ("arguments", "0"),
        ("connect", "Err(PermissionDenied)"),
        ("listen", "Err(PermissionDenied)"),
        ("datagram", "Err(PermissionDenied)"),
        ("lookup", "Err("),
    ];
    for (deed, says) in cases {
        let answer = answer(&steps, &format!("denied {deed}")).await;
        assert!(answer.contains(says), "{deed}: {answer}");
    }
}

#[tokio::test]
async fn a_granted_bucket_is_read_and_written() {
    let steps = steps(limits());
    let cases = [
        ("get key", "none"),
        ("set key value", "set"),
        ("get key", "value"),
        ("exists key", "true"),
        ("delete key", "deleted"),
        ("exists key", "false"),
        ("add count 3", "3"),
        ("add count -5", "-2"),
        ("swap turns between last", "none then between, swapped true"),
        ("get turns", "last"),
        ("batch first second", "first=1 second=none "),
        ("keys", "count,first,turns"),
    ];
    for (deed, expected) in cases {
        assert_eq!(answer(&steps, &format!("keyvalue granted {deed}")).await, expected, "{deed}");
    }
}

#[tokio::test]
async fn a_bucket_without_a_grant_is_denied() {
    let world = Arc::new(World::default());
    let steps = load(spec(grants(), limits()), &world).unwrap();
    let denied = "Error::AccessDenied";
    assert_eq!(answer(&steps, "keyvalue other get key").await, denied);
    assert_eq!(answer(&steps, "keyvalue readable get key").await, "none");
    for deed in ["set key value", "delete key", "add key 1", "swap key a b", "batch a b"] {
        assert_eq!(answer(&steps, &format!("keyvalue readable {deed}")).await, denied, "{deed}");
    }
    let keys = world.outside().keyvalue.list_keys("readable", None).await.unwrap();
    assert!(keys.keys.is_empty());
}

#[tokio::test]
async fn an_error_of_the_store_is_told_in_words() {
    let steps = steps(limits());
    answer(&steps, "keyvalue granted set key text").await;
    let answer = answer(&steps, "keyvalue granted add key 1").await;
    assert!(answer.contains("is not a decimal number"), "{answer}");
    let long = "k".repeat(1_025);
    let answer = self::answer(&steps, &format!("keyvalue granted get {long}")).await;
    assert!(answer.contains("a key has at most 1024 bytes"), "{answer}");
}

#[tokio::test]
async fn a_step_sees_its_settings_and_no_other() {
    let steps = steps(limits());
    assert_eq!(answer(&steps, "config greeting").await, "Ok(Some(\"hello\"))");
    assert_eq!(answer(&steps, "config PATH").await, "Ok(None)");
    assert_eq!(answer(&steps, "config all").await, "Ok([(\"greeting\", \"hello\")])");
}

#[tokio::test]
async fn mail_goes_to_granted_recipients_only() {
    let world = Arc::new(World::default());
    let steps = load(spec(grants(), limits()), &world).unwrap();
    assert_eq!(answer(&steps, "mail user@example.com").await, "Ok(())");
    let denied = answer(&steps, "mail user@example.com spy@example.org").await;
    assert_eq!(
        denied,
        "Err(Error::AccessDenied(\"no grant covers the recipient `spy@example.org`; in \
         stepyard.toml, under [functions.Hostile.grants], add `mail = [\\\"spy@example.org\\\"]`\"))"
    );
    for trick in ["spy@example.org,_a@example.com", "<spy@example.org>@example.com", "example.com"]
    {
        let refused = answer(&steps, &format!("mail {trick}")).await;
        assert!(refused.contains("is not an address"), "{trick}: {refused}");
    }
    let sent = world.sent.lock().unwrap();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].message_id, "order-1@example.com");
    assert_eq!(sent[0].to, ["user@example.com"]);
}

/// Answers one request after the other with what it was sent, until it is dropped.
async fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
            let redirect = String::from_utf8_lossy(line).contains(" /redirect ");
            let status = if redirect { "302 Found" } else { "200 OK" };
            let answer = format!(
                "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:{port}/other\r\n\
                 content-length: {}\r\n\r\n{}",
                head.len(),
                String::from_utf8_lossy(&head)
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    port
}

fn http(grant: HttpGrant) -> Steps {
    let grants = Grants { http: vec![grant], ..grants() };
    load(spec(grants, limits()), &Arc::default()).unwrap()
}

#[tokio::test]
async fn a_secret_is_put_into_the_header_by_the_host() {
    let port = echo().await;
    let format = "Bearer {}".to_owned();
    let header = SecretHeader { secret: "gateway-key".to_owned(), format };
    let steps = http(HttpGrant {
        port: Some(port),
        headers: [("Authorization".to_owned(), header)].into(),
        ..HttpGrant::new(Scheme::Http, "127.0.0.1")
    });
    let answer = answer(&steps, &format!("http POST http://127.0.0.1:{port}/v1?a=b")).await;
    assert!(answer.starts_with("200 "), "{answer}");
    assert!(answer.contains("POST /v1?a=b HTTP/1.1"), "{answer}");
    assert!(answer.contains(&format!("host: 127.0.0.1:{port}")), "{answer}");
    assert!(answer.contains("authorization: Bearer s3cret"), "{answer}");
    assert!(!answer.contains("mine"), "the step's own header is replaced: {answer}");
}

#[tokio::test]
async fn a_request_without_a_grant_is_denied() {
    let port = echo().await;
    let steps = http(HttpGrant {
        port: Some(port),
        methods: vec!["GET".to_owned()],
        path_prefix: Some("/v1".to_owned()),
        ..HttpGrant::new(Scheme::Http, "127.0.0.1")
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
async fn the_host_follows_no_redirect() {
    let port = echo().await;
    let grant = HttpGrant::new(Scheme::Http, "127.0.0.1");
    let steps = http(HttpGrant { port: Some(port), ..grant });
    let answer = answer(&steps, &format!("http GET http://127.0.0.1:{port}/redirect")).await;
    assert!(answer.starts_with("302 "), "{answer}");
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

/// The host's log, one JSON object a line.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_a_step_logs_is_told_with_function_execution_and_state() {
    let steps = steps(limits());
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    answer(&steps, "log hello").await;
    answer(&steps, "keyvalue other get key").await;
    drop(guard);

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let version = steps.resolve(FUNCTION, None).unwrap();
    let lines: Vec<String> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| {
            let fields = &line["fields"];
            assert_eq!(fields["function"], FUNCTION);
            assert_eq!(fields["version"], format!("$LATEST@sha256:{}", version.sha256));
            assert_eq!(fields["execution"], "arn:aws:states:us-east-1:123456789012:execution:m:n");
            assert_eq!(fields["state"], "Deed");
            let source = ["context", "stream", "grant"].iter().find_map(|key| fields[key].as_str());
            let level = line["level"].as_str().unwrap();
            format!("{level} {} {}", source.unwrap(), fields["message"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        lines,
        [
            "WARN context hello",
            "INFO stdout out hello",
            "INFO stderr err hello",
            "WARN keyvalue = [\"other\"] a step was denied what it has no grant for",
        ]
    );
}

#[tokio::test]
async fn a_step_is_told_about_its_task() {
    let steps = steps(limits());
    let mut call = call("context");
    call.trace = Some("Root=1".to_owned());
    call.attempt = Some(2);
    call.idempotency_key = Some("key".to_owned());
    call.token = Some("token".to_owned());
    call.deadline = Some(stepyard_asl::Timestamp::from_millis(1_000));
    let reply = steps.invoke(call).await.unwrap();
    let context: String = serde_json::from_str(reply.payload.text()).unwrap();
    assert_eq!(
        context,
        "Context { deadline-ms: 1000, trace: \"Root=1\", execution-arn: \
         Some(\"arn:aws:states:us-east-1:123456789012:execution:m:n\"), state-name: \
         Some(\"Deed\"), attempt: Some(2), idempotency-key: Some(\"key\"), task-token: \
         Some(\"token\") }"
    );
}

#[tokio::test]
async fn functions_are_found_by_name_and_qualifier() {
    let steps = steps(limits());
    assert_eq!(steps.names(), [FUNCTION]);
    let version = steps.resolve(FUNCTION, None).unwrap();
    let FunctionVersion { number, sha256, .. } = &version;
    assert_eq!((&**number, sha256.len()), ("$LATEST", 64));
    assert_eq!(steps.resolve(FUNCTION, Some("$LATEST")), Some(version.clone()));
    assert_eq!(steps.resolve(FUNCTION, Some("1")), None);
    assert_eq!(steps.resolve("Other", None), None);
    assert_eq!(invoke(&steps, "good").await.unwrap().version, version);
}
