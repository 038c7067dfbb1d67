//! Lambda's Runtime API, for one function: it hands out the events that a test gives it, and answers what
//! is posted as AWS does, by the exchanges beside this file.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant, SystemTime},
};

use serde_json::Value;

const NEXT: &str = include_str!("exchanges/next.http");
pub(super) const ACCEPTED: &str = include_str!("exchanges/accepted.http");
pub(super) const FORBIDDEN: &str = include_str!("exchanges/forbidden.http");
pub(super) const INTERNAL_ERROR: &str = include_str!("exchanges/internal_error.http");
pub(super) const TOO_LARGE: &str = include_str!("exchanges/too_large.http");

/// The region of the function in `next`.
const REGION: &str = "us-east-2";

/// The trace header of every event.
pub(super) const TRACE: &str =
    "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1";

/// How long something may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The API, at work until it is dropped.
pub(super) struct RuntimeApi {
    shared: Arc<Shared>,
    address: SocketAddr,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    region: &'static str,
    events: VecDeque<Event>,
    handed_out: usize,
    posts: VecDeque<Post>,
    answers: VecDeque<&'static str>,
    is_closed: bool,
}

/// An invocation.
#[derive(Clone, Debug)]
struct Event {
    id: String,
    body: Vec<u8>,
    time: Duration,
}

/// What was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Post {
    /// Behind `/2018-06-01/runtime/`.
    pub(super) path: String,
    /// The head, in lower case.
    pub(super) head: String,
    pub(super) body: String,
}

impl Post {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("what is posted is JSON")
    }
}

impl RuntimeApi {
    /// One in the region of the exchange.
    pub(super) fn start() -> Self {
        Self::start_in(REGION)
    }

    /// One for a function in this region.
    pub(super) fn start_in(region: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        let address = listener.local_addr().expect("it listens");
        let shared = Arc::new(Shared::default());
        shared.state.lock().unwrap().region = region;
        let serving = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.state.lock().unwrap().is_closed {
                    return;
                }
                let (stream, serving) = (stream.expect("it is accepted"), serving.clone());
                thread::spawn(move || serving.talk(stream));
            }
        });
        Self { shared, address }
    }

    /// `127.0.0.1:<port>`, as `AWS_LAMBDA_RUNTIME_API` has it.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Gives the function an event, which it has so much time for.
    pub(super) fn invoke_within(&self, id: &str, event: impl Into<Vec<u8>>, time: Duration) {
        let event = Event { id: id.to_owned(), body: event.into(), time };
        self.shared.state.lock().unwrap().events.push_back(event);
        self.shared.changed.notify_all();
    }

    /// Gives the function an event, and answers what it posts.
    pub(super) fn invoke(&self, id: &str, event: impl Into<Vec<u8>>) -> Post {
        self.invoke_within(id, event, PATIENCE);
        self.posted()
    }

    /// What is posted next is answered so.
    pub(super) fn answer_next(&self, exchange: &'static str) {
        self.shared.state.lock().unwrap().answers.push_back(exchange);
    }

    /// Waits for what is posted next.
    #[track_caller]
    pub(super) fn posted(&self) -> Post {
        let posted = self.shared.until(|state| state.posts.pop_front());
        posted.expect("the function posts something in time")
    }

    /// Waits until so many events are on their way to the function.
    #[track_caller]
    pub(super) fn until_handed_out(&self, events: usize) {
        let handed = self.shared.until(|state| (state.handed_out >= events).then_some(()));
        handed.expect("the function asks for its next event in time");
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap().is_closed = true;
        self.shared.changed.notify_all();
        // The listener looks up.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    /// Waits until there is something; none when that takes too long or the API is closed.
    fn until<T>(&self, mut found: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state.lock().unwrap();
        loop {
            if let Some(found) = found(&mut state) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.is_closed {
                return None;
            }
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Answers the requests of a connection, until it ends.
    fn talk(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("a stream is cloned"));
        while let Some((line, head, body)) = request(&mut reader) {
            let is_next = line == "GET /2018-06-01/runtime/invocation/next HTTP/1.1";
            let answer = if is_next {
                let Some(event) = self.until(|state| state.events.pop_front()) else { return };
                next(&event, self.state.lock().unwrap().region)
            } else {
                self.post(&line, head, body)
            };
            // Who asked may have ended.
            if (&stream).write_all(&answer).is_err() {
                return;
            }
            if is_next {
                self.state.lock().unwrap().handed_out += 1;
                self.changed.notify_all();
            }
        }
    }

    fn post(&self, line: &str, head: String, body: String) -> Vec<u8> {
        let path = line.strip_prefix("POST /2018-06-01/runtime/");
        let path = path.and_then(|path| path.strip_suffix(" HTTP/1.1"));
        let path = path.unwrap_or_else(|| panic!("the Runtime API has no {line}")).to_owned();
        let mut state = self.state.lock().unwrap();
        state.posts.push_back(Post { path, head, body });
        let answer = state.answers.pop_front().unwrap_or(ACCEPTED);
        self.changed.notify_all();
        let (head, body) = answer.split_once("\n\n").expect("an exchange has a head");
        message(head, body.as_bytes())
    }
}

/// The recorded answer to `next`, with this event in it.
fn next(event: &Event, region: &str) -> Vec<u8> {
    let deadline = SystemTime::now() + event.time;
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let head = NEXT.trim_end().replace("8476a536-e9f4-11e8-9739-2dfe598c3fcd", &event.id);
    let head = head.replace(REGION, region);
    message(&head.replace("1542409706888", &deadline.to_string()), &event.body)
}

fn message(head: &str, body: &[u8]) -> Vec<u8> {
    let head = head.replace('\n', "\r\n");
    let mut message = format!("{head}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    message.extend_from_slice(body);
    message
}

/// The next request of a connection: its first line, its head and its body.
fn request(reader: &mut impl BufRead) -> Option<(String, String, String)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let mut head = String::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        head += &header.to_ascii_lowercase();
    }
    let length = head.lines().find_map(|header| header.strip_prefix("content-length:"));
    let length = length.map_or(0, |length| length.trim().parse().expect("a length is a number"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((line.trim().to_owned(), head, String::from_utf8(body).expect("a body is text")))
}
