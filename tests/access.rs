//! Who may call `stepyard serve`, and what it takes from those who may not.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    Project, Server,
    python::{Python, python},
};

const CALLS: &str = include_str!("support/access.py");
const CERTIFICATE: &str = include_str!("support/certificate.py");

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

const KEYS: &str = r#"
secrets.KEY.file = "key"
[serve]
keys = [{ id = "AKIDEXAMPLE", secret = "KEY" }]
"#;

/// A project with this manifest, and the secret of its key.
fn project(manifest: &str) -> Project {
    let project = Project::with_manifest(manifest);
    project.write("key", &format!("{SECRET}\n"));
    project
}

fn kind(answer: &str) -> String {
    let answer: Value = serde_json::from_str(answer).expect("an answer is JSON");
    answer["__type"].as_str().unwrap().rsplit('#').next().unwrap().to_owned()
}

/// Calls with good and bad signatures, and checks what each comes to.
#[track_caller]
fn check_calls(python: &Python, arguments: &[&str]) {
    let seen = python.run(CALLS, arguments);
    let invalid = |message: &str| json!([400, "InvalidSignatureException", message]);
    let mismatch = invalid(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    );
    let unrecognized = json!([
        400,
        "UnrecognizedClientException",
        "The security token included in the request is invalid."
    ]);
    let missing =
        json!([400, "MissingAuthenticationTokenException", "Missing Authentication Token"]);
    let expected = json!({
        "good": 0,
        "wrong secret": mismatch,
        "unknown key": unrecognized,
        "a session's token": unrecognized,
        "another region": invalid(
            "Credential should be scoped to a valid region, not 'eu-west-1'. This server's is 'us-east-1'."
        ),
        "unsigned": missing,
        "by hand": 0,
        "other body": mismatch,
        "4 minutes old": 0,
        "4 minutes early": 0,
        "6 minutes old": [400, "InvalidSignatureException"],
        "6 minutes early": [400, "InvalidSignatureException"],
        "unsigned payload": invalid(
            "The value of 'x-amz-content-sha256' is not the SHA-256 of the request's body: sign the body."
        ),
    });
    assert_eq!(seen, expected);
}

#[test]
fn with_keys_only_what_they_sign_is_performed() {
    let Some(python) = python() else { return };
    let project = project(KEYS);
    let server = Server::start(&project);
    check_calls(python, &[&format!("http://{}", server.address), ID, SECRET]);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn over_tls_too() {
    let Some(python) = python() else { return };
    let tls = r#"tls = { certificate = "cert.pem", key = "key.pem" }"#;
    let project = project(&format!("{KEYS}{tls}\n"));
    python.run(CERTIFICATE, &[project.path("").to_str().unwrap()]);
    let server = Server::start(&project);
    let authority = project.path("ca.pem");
    let url = format!("https://{}", server.address);
    check_calls(python, &[&url, ID, SECRET, authority.to_str().unwrap()]);

    // Who speaks no TLS learns nothing, and keeps no one else from it.
    let mut plain = TcpStream::connect(&server.address).unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn keys_open_other_addresses_than_loopback() {
    let project = project(&format!("{KEYS}hosts = [\"stepyard.example.com\"]\n"));
    let server = Server::start_on(&project, "0.0.0.0:0");
    let get =
        |path: &str, host: &str| server.request(&format!("GET {path} HTTP/1.1"), host, "", "").0;
    assert_eq!(get("/healthz", "stepyard.example.com"), 200);
    assert_eq!(get("/readyz", "STEPYARD.example.com:443"), 200);
    assert_eq!(get("/healthz", "localhost"), 200);
    assert_eq!(get("/healthz", "example.com"), 421);
    // The address of a server that listens on all of them is not one to call.
    assert_eq!(get("/healthz", &server.address), 421);
    let unsigned = "X-Amz-Target: AWSStepFunctions.ListStateMachines\r\n";
    let (status, answer) = server.request("POST / HTTP/1.1", "localhost", unsigned, "{}");
    assert_eq!((status, kind(&answer).as_str()), (400, "MissingAuthenticationTokenException"));
}

#[test]
fn what_is_missing_for_keys_or_tls_is_told_before_anything_starts() {
    let tls = "[serve]\ntls = { certificate = \"cert.pem\", key = \"tls-key.pem\" }\n";
    let pem = |what: &str| format!("-----BEGIN {what}-----\nAAAA\n-----END {what}-----\n");
    let (certificate, key) = (pem("CERTIFICATE"), pem("PRIVATE KEY"));
    for (manifest, files, expected) in [
        (KEYS, vec![], "secret `KEY` for a key of [serve] has no value; write it to key"),
        (KEYS, vec![("key", "\n")], "secret `KEY` for a key of [serve] has no value"),
        (
            tls,
            vec![],
            "reading cert.pem, which [serve] in the manifest names as the certificate of tls",
        ),
        (
            tls,
            vec![("cert.pem", certificate.as_str())],
            "reading tls-key.pem, which [serve] in the manifest names as the key of tls",
        ),
        (
            tls,
            vec![("cert.pem", "hello"), ("tls-key.pem", key.as_str())],
            "cert.pem: there is no certificate in it: give the whole chain in PEM",
        ),
        (
            tls,
            vec![("cert.pem", &certificate), ("tls-key.pem", "hello")],
            "tls-key.pem: there is no private key in it: give the certificate's, unencrypted, in PEM",
        ),
        (
            tls,
            vec![("cert.pem", &certificate), ("tls-key.pem", &key)],
            "cert.pem with tls-key.pem: the certificate and the key cannot be used",
        ),
    ] {
        let project = Project::with_manifest(manifest);
        for (name, text) in files {
            project.write(name, text);
        }
        let refused = project.stepyard(["serve", "--listen", "127.0.0.1:0"]);
        let message = refused.refusal();
        assert!(message.contains(expected), "{message}");
        assert!(!project.path(".stepyard").exists(), "something was written");
    }
}

#[test]
fn a_hostile_request_gets_the_right_error_and_harms_no_one() {
    let project = project("");
    let server = Server::start(&project);
    let address = server.address.clone();
    let post = |headers: &str, body: &str| {
        let target = "X-Amz-Target: AWSStepFunctions.ListStateMachines\r\n";
        server.request("POST / HTTP/1.1", &address, &format!("{target}{headers}"), body)
    };
    let (status, answer) = post("", &" ".repeat((4 << 20) + 1));
    assert_eq!((status, kind(&answer).as_str()), (413, "RequestEntityTooLarge"), "{answer}");
    assert_eq!(post("", &format!("{}{{}}", " ".repeat((4 << 20) - 2))).0, 200);
    assert_eq!(post(&format!("A: {}\r\n", "x".repeat(100 << 10)), "{}").0, 431);
    assert_eq!(post(&"A: b\r\n".repeat(101), "{}").0, 431);
    assert_eq!(post("Host: example.com\r\n", "{}").0, 421);
    assert_eq!(post("Transfer-Encoding: gzip\r\n", "{}").0, 400);
    for (bytes, status) in [
        (&b"\x00\xff\xfe\r\n\r\n"[..], 400),
        (b"POST / HTTP/9.9\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: \xff\r\nConnection: close\r\n\r\n", 421),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            400,
        ),
    ] {
        assert_eq!(server.raw(bytes).0, status, "{}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(server.terminate(), Some(0));
}

#[cfg(unix)]
#[test]
fn a_thousand_idle_connections_leave_it_answering() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit { current: limit.maximum, ..limit };
    setrlimit(Resource::Nofile, all).expect("a process may open as many files as its hard limit");
    let project = project("");
    let server = Server::start(&project);
    server.call("ListStateMachines", "{}");
    #[cfg(target_os = "linux")]
    let before = server.resident_kib();

    let head = format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n", server.address);
    let connections: Vec<TcpStream> = (0..1_000)
        .map(|number| {
            let mut stream = TcpStream::connect(&server.address).expect("there is a place for it");
            // Nothing, a part of a head, a part of a body.
            let part = [String::new(), head.clone(), format!("{head}\r\n{{")];
            stream.write_all(part[number % 3].as_bytes()).expect("it is open");
            stream
        })
        .collect();
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(server.call("ListStateMachines", "{}").0, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "it was slow: {:?}", begun.elapsed());
    #[cfg(target_os = "linux")]
    {
        let grown = server.resident_kib().saturating_sub(before);
        assert!(grown < 64 << 10, "a thousand connections took {grown} KiB");
    }
    drop(connections);
    assert_eq!(server.terminate(), Some(0));
}
