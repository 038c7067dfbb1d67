//! The integrations against far sides that no one here wrote.

#[path = "../../../../tests/support/python.rs"]
mod python;

mod dynamodb;
mod events;
mod failures;
mod http;
mod redis;
mod smtp;
mod sns;
mod sqs;
mod task;

/// A port where nothing listens, and nothing else can while the socket is held.
fn closed_port() -> (tokio::net::TcpSocket, std::net::SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket can be made");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port is found");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}
