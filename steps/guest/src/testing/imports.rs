//! The imports of a step that is no component: those of the host in memory.

#[cfg(feature = "http")]
use crate::http;
use crate::{keyvalue::Failure, logging::Level, mail};

use super::{Host, TASK, Write};

/// A bucket of the host's.
#[derive(Debug)]
pub(crate) struct Bucket {
    host: Host,
    name: String,
}

/// A compare-and-swap in the making. It compares values, the least that a store may do: a value
/// that went away and came back is the same.
#[derive(Debug)]
pub(crate) struct Cas {
    host: Host,
    bucket: String,
    key: String,
    current: Option<Vec<u8>>,
}

/// Begins a host call: here a task may be killed, or wait for its turn.
pub(crate) fn call() -> Host {
    // The doom is taken out while it passes: a killed task unwinds through here.
    let task = TASK.with_borrow(Clone::clone);
    let mut task = task.expect("a step's import outside of `testing::Host::run`");
    task.doom.pass();
    let host = task.host.clone();
    TASK.set(Some(task));
    host
}

pub(crate) fn config_get(key: &str) -> Result<Option<String>, String> {
    Ok(call().state().config.get(key).cloned())
}

pub(crate) fn log(_level: Level, _context: &str, _message: &str) {
    call();
}

pub(crate) fn send_mail(message: mail::Message) -> Result<(), mail::Error> {
    let host = call();
    let mut state = host.state();
    if let Some(failure) = &state.mail_failure {
        return Err(failure.clone());
    }
    if state.mail.iter().all(|sent| sent.message_id != message.message_id) {
        state.mail.push(message);
    }
    Ok(())
}

#[cfg(feature = "http")]
pub(crate) fn send_http(request: http::Request) -> Result<http::Response, http::Error> {
    let server = call().state().server.clone();
    let Some(server) = server else {
        return Err(http::Error::AccessDenied(format!("no grant for {}", request.url)));
    };
    server(&request)
}

impl Bucket {
    pub(crate) fn open(name: &str) -> Result<Self, Failure> {
        let host = call();
        let bucket = Self { host, name: name.to_owned() };
        bucket.check()?;
        let there = bucket.host.state().buckets.contains_key(name);
        if there { Ok(bucket) } else { Err(Failure::NoSuchBucket) }
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        call();
        Ok(self.read(key))
    }

    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<(), Failure> {
        call();
        write(&self.host, &self.name, key, Some(value.to_vec()));
        Ok(())
    }

    pub(crate) fn delete(&self, key: &str) -> Result<(), Failure> {
        call();
        write(&self.host, &self.name, key, None);
        Ok(())
    }

    pub(crate) fn begin(&self, key: &str) -> Result<Cas, Failure> {
        call();
        let current = self.read(key);
        Ok(Cas { host: self.host.clone(), bucket: self.name.clone(), key: key.to_owned(), current })
    }

    fn check(&self) -> Result<(), Failure> {
        self.host.state().failures.get(&self.name).map_or(Ok(()), |failure| Err(failure.clone()))
    }

    fn read(&self, key: &str) -> Option<Vec<u8>> {
        self.host.state().buckets[&self.name].get(key).cloned()
    }
}

impl Cas {
    pub(crate) fn current(&self) -> Result<Option<Vec<u8>>, Failure> {
        call();
        Ok(self.current.clone())
    }

    /// Answers none when the value was written, else a fresh handle.
    pub(crate) fn swap(mut self, value: &[u8]) -> Result<Option<Self>, Failure> {
        call();
        let (current, rival) = {
            let state = self.host.state();
            let rival = state.rivals.contains(&(self.bucket.clone(), self.key.clone()));
            (state.buckets[&self.bucket].get(&self.key).cloned(), rival)
        };
        if current != self.current || rival {
            self.current = current;
            return Ok(Some(self));
        }
        write(&self.host, &self.bucket, &self.key, Some(value.to_vec()));
        Ok(None)
    }
}

fn write(host: &Host, bucket: &str, key: &str, value: Option<Vec<u8>>) {
    let mut state = host.state();
    match value.clone() {
        Some(value) => state.set(bucket, key, value),
        None => {
            state.buckets.entry(bucket.to_owned()).or_default().remove(key);
        }
    }
    state.writes.push(Write { bucket: bucket.to_owned(), key: key.to_owned(), value });
}
