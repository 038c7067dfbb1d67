//! A connection that is kept: requests one after another, each with its answer. No more of HTTP than
//! that, so that the client takes little of the processor from the server it measures.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::Value;

/// The headers that an answer has, with room.
const HEADERS_MAX: usize = 16;

pub(crate) struct Connection {
    stream: TcpStream,
    address: String,
    bytes: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a connection takes its settings");
        Self { stream, address: address.to_owned(), bytes: Vec::new() }
    }

    /// Calls an operation; answers the body of what has to be a success.
    pub(crate) fn call(&mut self, operation: &str, body: &str) -> &str {
        let (address, length) = (&self.address, body.len());
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\
             X-Amz-Target: AWSStepFunctions.{operation}\r\n\r\n{body}"
        );
        self.ask(&request)
    }

    /// Calls an operation; answers what its answer says.
    pub(crate) fn json(&mut self, operation: &str, body: &Value) -> Value {
        let answer = self.call(operation, &body.to_string());
        serde_json::from_str(answer).expect("an answer is JSON")
    }

    /// What the server counts under all names that begin so, together.
    pub(crate) fn counted(&mut self, name: &str) -> u64 {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        let lines = self.ask(&request).lines().filter(|line| line.starts_with(name));
        let numbers = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        numbers.sum()
    }

    fn ask(&mut self, request: &str) -> &str {
        self.stream.write_all(request.as_bytes()).expect("the server reads");
        self.bytes.clear();
        let (status, body) = loop {
            match whole(&self.bytes) {
                Some(answer) => break answer,
                None => self.read(),
            }
        };
        let body = std::str::from_utf8(&self.bytes[body..]).expect("an answer is text");
        assert_eq!(status, 200, "{body}");
        body
    }

    fn read(&mut self) {
        let held = self.bytes.len();
        self.bytes.resize(held + (16 << 10), 0);
        let read = self.stream.read(&mut self.bytes[held..]).expect("the server answers");
        assert!(read > 0, "the server closed the connection");
        self.bytes.truncate(held + read);
    }
}

/// The status of an answer that is here whole, and where its body begins.
fn whole(bytes: &[u8]) -> Option<(u16, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut headers);
    let head = match answer.parse(bytes).expect("the server speaks HTTP") {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial => return None,
    };
    let length = answer.headers.iter().find(|it| it.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|it| std::str::from_utf8(it.value).ok()?.parse::<usize>().ok());
    let length = length.expect("an answer has a length");
    (bytes.len() == head + length).then_some((answer.code?, head))
}
