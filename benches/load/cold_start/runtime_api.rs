//! So much of Lambda's Runtime API as a function needs for one event.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

/// How long a function may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a function and gives it an event; answers how long it took until something was posted, and where
/// to. The process is ended.
pub(super) fn first_post(command: &mut Command, event: &str) -> (Duration, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    let address = listener.local_addr().expect("it listens");
    command.env("AWS_LAMBDA_RUNTIME_API", address.to_string());
    let (posts, posted) = channel();
    let (event, over) = (event.to_owned(), Arc::new(AtomicBool::new(false)));
    let is_over = over.clone();
    let accepting = thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            let (posts, event) = (posts.clone(), event.clone());
            thread::spawn(move || talk(stream, &event, &posts));
        }
    });
    let begun = Instant::now();
    let mut function = Ended(command.spawn().expect("the program runs"));
    let path = posted.recv_timeout(PATIENCE).expect("the function posts something");
    let took = begun.elapsed();
    function.end();
    over.store(true, Ordering::Relaxed);
    // The listener looks up.
    drop(TcpStream::connect(address));
    accepting.join().expect("it listens to its end");
    (took, path)
}

/// A process; dropped, it is killed.
struct Ended(Child);

impl Ended {
    fn end(&mut self) {
        // It may have ended before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.end();
    }
}

/// Answers the requests of a connection; the event is handed out once.
fn talk(stream: TcpStream, event: &str, posts: &Sender<String>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream is cloned"));
    while let Some(line) = request(&mut reader) {
        let answer = if line.starts_with("GET ") { next(event) } else { ACCEPTED.to_owned() };
        if (&stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
        let posted = line.strip_prefix("POST ").and_then(|it| it.split(' ').next());
        if posted.is_some_and(|path| posts.send(path.to_owned()).is_err()) {
            return;
        }
    }
}

const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"OK\"}";

fn next(event: &str) -> String {
    let deadline = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let deadline = deadline.expect("it is after 1970") + PATIENCE;
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
         Lambda-Runtime-Deadline-Ms: {}\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:cold\r\n\
         Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0\r\n\r\n{event}",
        event.len(),
        deadline.as_millis()
    )
}

/// Reads a request whole; answers its first line.
fn request(reader: &mut impl BufRead) -> Option<String> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|length| *length > 0)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a length is a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(first)
}
