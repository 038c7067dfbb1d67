//! What one client, or all of them together, may ask of the server. Past a limit a request is refused
//! or its connection closed; nothing waits or grows without end.

use std::time::Duration;

/// The limits of a server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The most connections at once; more wait in the operating system's queue.
    pub connections: u32,
    /// The most calls at work at once, but for those that wait for an activity's task. More are
    /// answered ThrottlingException.
    pub calls: usize,
    /// How long a TLS handshake may take, or a request's head once its first byte is there; for a
    /// connection's first request, from when the connection is there.
    pub head_time: Duration,
    /// How long a connection may wait for its next request.
    pub idle_time: Duration,
    /// How long a request's body may take.
    pub body_time: Duration,
    /// How long a client may take no byte of its answer.
    pub write_time: Duration,
    /// How long requests that are being answered may go on once the server is asked to stop.
    pub drain_time: Duration,
    /// The most bytes of a request's head. A longer one is answered 431.
    pub head_bytes: usize,
    /// The most headers of a request. More are answered 431.
    pub headers: usize,
    /// The most bytes of a body. A longer one is answered 413.
    pub body_bytes: usize,
    /// The most bytes of a body that brings a component. A longer one is answered 413.
    pub upload_bytes: usize,
    /// How long such a body may take.
    pub upload_time: Duration,
    /// The most components on their way in or out at once. More are answered
    /// TooManyRequestsException.
    pub transfers: usize,
    /// The most bytes of all bodies that are held at once. Past it calls are answered
    /// ThrottlingException.
    pub bodies_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            // So that there are connections left to say so on.
            calls: 2_048,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(75),
            body_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            drain_time: Duration::from_secs(30),
            head_bytes: 64 << 10,
            headers: 100,
            // The longest definition (1 MiB) with its JSON escapes, and the rest.
            body_bytes: 4 << 20,
            // Lambda's: 50 MiB in base64, and the rest.
            upload_bytes: 70_167_211,
            upload_time: Duration::from_secs(5 * 60),
            // So that uploads alone do not fill the room that all bodies have.
            transfers: 2,
            bodies_bytes: 256 << 20,
        }
    }
}
