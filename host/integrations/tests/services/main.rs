//! The integrations against far sides that no one here wrote.

#[path = "../../../../tests/support/python.rs"]
mod python;

mod dynamodb;
mod dynamodb_buckets;
mod events;
mod failures;
mod http;
mod redis;
mod secrets_manager;
mod ses;
mod smtp;
mod sns;
mod sqs;
mod task;

use std::time::Duration;

use stepyard_integrations::{AccessKey, Aws, AwsSettings};

/// A port where nothing listens, and nothing else can while the socket is held.
fn closed_port() -> (tokio::net::TcpSocket, std::net::SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket can be made");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port is found");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}

/// What moto takes for an access key, as anything else.
fn test_key() -> AccessKey {
    AccessKey { id: "test".to_owned(), secret: "test".to_owned() }
}

/// AWS at this URL.
fn reached(url: &str, key: AccessKey, read_timeout: Option<Duration>) -> Aws {
    Aws::new(AwsSettings {
        endpoint_url: Some(url.to_owned()),
        region: Some("us-east-1".to_owned()),
        access_key: Some(key),
        read_timeout,
    })
}
