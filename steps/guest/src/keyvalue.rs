//! Buckets of keys, with values of JSON.
//!
//! [`Bucket::update`] is the way to change a value that others change too: one compare-and-swap
//! decides, and a step that is killed before it has changed nothing.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, host};

/// How often [`Bucket::update`] begins again. With each conflict another writer got through, so
/// only a step that is starved by hundreds of others gives up.
const ATTEMPTS_MAX: u32 = 256;

/// A named collection of keys.
#[derive(Debug)]
pub struct Bucket {
    name: String,
    inner: host::Bucket,
}

/// What [`Bucket::update`] is to do with a value, and what it then answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<Value, Answer> {
    /// Leave it as it is.
    Keep(Answer),
    /// Put this in its place.
    Write(Value, Answer),
}

/// Why the host did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    NoSuchBucket,
    AccessDenied,
    Other(String),
}

/// Opens the bucket with this name.
pub fn open(name: &str) -> Result<Bucket, Error> {
    let inner = host::Bucket::open(name).map_err(|failure| explain(name, failure))?;
    Ok(Bucket { name: name.to_owned(), inner })
}

impl Bucket {
    /// The key's value, or none where it has none.
    pub fn get<Value: DeserializeOwned>(&self, key: &str) -> Result<Option<Value>, Error> {
        let value = self.inner.get(key).map_err(|failure| explain(&self.name, failure))?;
        self.decode(key, value)
    }

    /// Gives the key this value, whatever it had before.
    pub fn set<Value: Serialize>(&self, key: &str, value: &Value) -> Result<(), Error> {
        let value = self.encode(key, value)?;
        self.inner.set(key, &value).map_err(|failure| explain(&self.name, failure))
    }

    /// Takes the key away; a key that is not there is no error.
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        self.inner.delete(key).map_err(|failure| explain(&self.name, failure))
    }

    /// Changes a value as `change` says, unless another writer got in between: then begins again
    /// with what the value has become.
    ///
    /// What `change` itself reads, it reads after the value it was given and before the swap.
    pub fn update<Value, Answer>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<Value>) -> Result<Change<Value, Answer>, Error>,
    ) -> Result<Answer, Error>
    where
        Value: DeserializeOwned + Serialize,
    {
        let failed = |failure| explain(&self.name, failure);
        let mut cas = self.inner.begin(key).map_err(failed)?;
        for _ in 0..ATTEMPTS_MAX {
            let current = cas.current().map_err(failed)?;
            let (value, answer) = match change(self.decode(key, current)?)? {
                Change::Keep(answer) => return Ok(answer),
                Change::Write(value, answer) => (value, answer),
            };
            match cas.swap(&self.encode(key, &value)?).map_err(failed)? {
                None => return Ok(answer),
                Some(fresh) => cas = fresh,
            }
        }
        Err(Error::new(
            "KeyValueConflict",
            format!("{key} in the bucket {} changed {ATTEMPTS_MAX} times meanwhile", self.name),
        ))
    }

    fn decode<Value: DeserializeOwned>(
        &self,
        key: &str,
        value: Option<Vec<u8>>,
    ) -> Result<Option<Value>, Error> {
        value.map(|bytes| serde_json::from_slice(&bytes)).transpose().map_err(|error| {
            let name = &self.name;
            Error::new("CorruptValue", format!("{key} in the bucket {name} is not valid: {error}"))
        })
    }

    fn encode<Value: Serialize>(&self, key: &str, value: &Value) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(value).map_err(|error| {
            let name = &self.name;
            Error::new("CorruptValue", format!("{key} for the bucket {name} is not JSON: {error}"))
        })
    }
}

fn explain(bucket: &str, failure: Failure) -> Error {
    match failure {
        Failure::NoSuchBucket => Error::new(
            "NoSuchBucket",
            format!("there is no bucket {bucket}: name it under [keyvalue] in the manifest"),
        ),
        Failure::AccessDenied => Error::new(
            "AccessDenied",
            format!("no grant for the bucket {bucket}: add it to the function's grants.keyvalue"),
        ),
        Failure::Other(reason) => {
            Error::new("KeyValueUnavailable", format!("the bucket {bucket} failed: {reason}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Host, Outcome, interleave};

    fn increment() -> Result<u64, Error> {
        open("counters")?.update("visits", |visits: Option<u64>| {
            let visits = visits.unwrap_or(0) + 1;
            Ok(Change::Write(visits, visits))
        })
    }

    #[test]
    fn an_update_loses_nothing_whatever_comes_in_between() {
        for seed in 0..200 {
            let host = Host::new().with_bucket("counters");
            let outcomes = interleave(&host, seed, 0.0, (0..4).map(|_| increment).collect());
            assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done(Ok(_)))));
            assert_eq!(host.value("counters", "visits").unwrap(), "4", "seed {seed}");
        }
    }

    #[test]
    fn a_value_that_is_kept_is_not_written() {
        let host = Host::new().with_value("counters", "visits", "7");
        let seen = host.run(|| {
            open("counters")?.update("visits", |visits: Option<u64>| Ok(Change::Keep(visits)))
        });
        assert_eq!(seen, Ok(Some(7)));
        assert!(host.history("counters", "visits").is_empty());
    }

    #[test]
    fn a_value_that_always_changes_meanwhile_is_given_up() {
        let host = Host::new().with_bucket("counters").with_rival("counters", "visits", "0");
        let error = host.run(increment).unwrap_err();
        assert_eq!(
            error.to_string(),
            "KeyValueConflict: visits in the bucket counters changed 256 times meanwhile"
        );
    }

    #[test]
    fn a_failure_says_what_to_do() {
        let cases = [
            (
                Host::new(),
                "NoSuchBucket: there is no bucket counters: name it under [keyvalue] in the manifest",
            ),
            (
                Host::new().with_denied_bucket("counters"),
                "AccessDenied: no grant for the bucket counters: add it to the function's \
                 grants.keyvalue",
            ),
            (
                Host::new().with_broken_bucket("counters", "the disk is full"),
                "KeyValueUnavailable: the bucket counters failed: the disk is full",
            ),
            (
                Host::new().with_value("counters", "visits", "seven"),
                "CorruptValue: visits in the bucket counters is not valid: expected value at \
                 line 1 column 1",
            ),
        ];
        for (host, message) in cases {
            assert_eq!(host.run(increment).unwrap_err().to_string(), message);
        }
    }
}
