//! Keys and values in Redis: what several hosts share, or what is to outlive one.
//!
//! A bucket is a hash of its values, a sorted set of its keys and the number of their bytes, all three
//! in one slot of a cluster. Every change is a script, which Redis runs alone; it is sent once and
//! never again, so that no change is made twice. How durable it is once it is answered is for the
//! server's own settings to say (`appendfsync always`), as is that it evicts nothing.

use std::{collections::BTreeMap, fmt, time::Duration};

use redis::{
    Client, Cmd, FromRedisValue, IntoConnectionInfo, RedisError, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cmd,
};
use stepyard_engine::{
    Quotas,
    outside::{KeyPage, KeyValue, KeyValueError, KeyValueFuture, Swap},
};

/// How long the server may take to take a connection, and for each answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a lost connection is tried again before those who wait for it are told; the next one
/// who asks begins anew.
const RECONNECTS: usize = 3;
const RECONNECT_DELAY_MAX_MILLISECONDS: u64 = 1_000;

/// Buckets in Redis.
pub struct Redis {
    server: String,
    prefix: String,
    quotas: Quotas,
    connection: ConnectionManager,
    change: Script,
}

/// Why Redis is not there to keep buckets.
#[derive(Debug, thiserror::Error)]
pub enum RedisConnectError {
    /// Its URL is none.
    #[error(
        "not the URL of a Redis server: {0}; write redis://USER@HOST:PORT/DATABASE, or rediss:// for TLS"
    )]
    Url(String),
    /// The URL has the password in it.
    #[error(
        "the URL of the Redis server has a password in it; name a secret in `password` instead"
    )]
    PasswordInUrl,
    /// It does not answer.
    #[error("Redis at {server} cannot be used: {reason}")]
    Unavailable {
        /// Where it is.
        server: String,
        /// What went wrong.
        reason: String,
    },
}

impl Redis {
    /// The server at `redis://USER@HOST:PORT/DATABASE`, or `rediss://…` with TLS, once it has
    /// answered. The names of all its keys begin with `prefix`.
    pub async fn connect(
        url: &str,
        password: Option<&str>,
        prefix: &str,
        quotas: Quotas,
    ) -> Result<Self, RedisConnectError> {
        let bad_url = |error: RedisError| RedisConnectError::Url(error.to_string());
        let mut info = url.into_connection_info().map_err(bad_url)?;
        if info.redis.password.is_some() {
            return Err(RedisConnectError::PasswordInUrl);
        }
        info.redis.password = password.map(str::to_owned);
        let server = info.addr.to_string();
        let unavailable = |error: RedisError| {
            let (server, reason) = (server.clone(), error.to_string());
            RedisConnectError::Unavailable { server, reason }
        };
        let client = Client::open(info).map_err(bad_url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(CONNECT_TIMEOUT)
            .set_response_timeout(ANSWER_TIMEOUT)
            .set_number_of_retries(RECONNECTS)
            .set_max_delay(RECONNECT_DELAY_MAX_MILLISECONDS);
        let connection = ConnectionManager::new_with_config(client, config);
        let mut connection = connection.await.map_err(unavailable)?;
        cmd("PING").query_async::<()>(&mut connection).await.map_err(unavailable)?;
        let change = Script::new(include_str!("redis/change.lua"));
        Ok(Self { server, prefix: prefix.to_owned(), quotas, connection, change })
    }
}

impl Redis {
    /// The key of one of the three things that a bucket is.
    fn key(&self, bucket: &str, thing: &str) -> String {
        format!("{}{{{bucket}}}:{thing}", self.prefix)
    }

    /// Asks, and once more over a new connection when the one there was is lost.
    async fn ask<T: FromRedisValue>(&self, question: Cmd) -> Result<T, KeyValueError> {
        let mut connection = self.connection.clone();
        let answer = match question.query_async(&mut connection).await {
            Err(error) if error.is_connection_dropped() => {
                question.query_async(&mut connection).await
            }
            answer => answer,
        };
        answer.map_err(|error| self.failed(&error, ""))
    }

    /// Makes a change of a bucket, which may be about one key; the script's word for it and value.
    async fn change(
        &self,
        bucket: String,
        key: String,
        arguments: Vec<Vec<u8>>,
    ) -> Result<(String, Option<Vec<u8>>), KeyValueError> {
        let quota_bytes = self.quotas.of(&bucket);
        let mut script = self.change.prepare_invoke();
        for thing in ["values", "keys", "bytes"] {
            script.key(self.key(&bucket, thing));
        }
        script.arg(quota_bytes).arg(arguments);
        let mut connection = self.connection.clone();
        let changed: (String, _) = script.invoke_async(&mut connection).await.map_err(|error| {
            let unknown = error.is_io_error() && !error.is_connection_refusal();
            self.failed(
                &error,
                if unknown { "; whether it made the change is unknown" } else { "" },
            )
        })?;
        match changed.0.as_str() {
            "full" => Err(KeyValueError::QuotaExceeded { bucket, quota_bytes }),
            "no-number" => Err(KeyValueError::NotANumber { bucket, key }),
            _ => Ok(changed),
        }
    }

    fn failed(&self, error: &RedisError, and: &str) -> KeyValueError {
        KeyValueError::Store(format!("Redis at {}: {error}{and}", self.server))
    }
}

impl KeyValue for Redis {
    fn get(&self, bucket: &str, key: &str) -> KeyValueFuture<'_, Option<Vec<u8>>> {
        let mut get = cmd("HGET");
        get.arg(self.key(bucket, "values")).arg(key);
        Box::pin(self.ask(get))
    }

    fn get_many(
        &self,
        bucket: &str,
        keys: Vec<String>,
    ) -> KeyValueFuture<'_, Vec<Option<Vec<u8>>>> {
        if keys.is_empty() {
            return Box::pin(async { Ok(Vec::new()) });
        }
        let mut get = cmd("HMGET");
        get.arg(self.key(bucket, "values")).arg(keys);
        Box::pin(self.ask(get))
    }

    fn list_keys(&self, bucket: &str, cursor: Option<String>) -> KeyValueFuture<'_, KeyPage> {
        let after = cursor.map_or("-".to_owned(), |cursor| format!("({cursor}"));
        let mut list = cmd("ZRANGEBYLEX");
        list.arg(self.key(bucket, "keys")).arg(after).arg("+");
        list.arg("LIMIT").arg(0).arg(KeyPage::KEYS_MAX + 1);
        Box::pin(async { Ok(KeyPage::new(self.ask(list).await?)) })
    }

    fn write(
        &self,
        bucket: &str,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> KeyValueFuture<'_, ()> {
        // Of several writes to one key the last stands.
        let changes: BTreeMap<String, Option<Vec<u8>>> = changes.into_iter().collect();
        let mut arguments = vec![b"write".to_vec()];
        for (key, value) in changes {
            arguments.push(key.into_bytes());
            arguments.extend(optional(value, ["set", "delete"]));
        }
        let changed = self.change(bucket.to_owned(), String::new(), arguments);
        Box::pin(async { changed.await.map(|_| ()) })
    }

    fn increment(&self, bucket: &str, key: &str, delta: i64) -> KeyValueFuture<'_, i64> {
        let delta = delta.to_string().into_bytes();
        let arguments = vec![b"increment".to_vec(), key.as_bytes().to_vec(), delta];
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        Box::pin(async {
            let (_, sum) = self.change(bucket.clone(), key.clone(), arguments).await?;
            let sum = sum.and_then(|sum| std::str::from_utf8(&sum).ok()?.parse().ok());
            sum.ok_or(KeyValueError::NotANumber { bucket, key })
        })
    }

    fn compare_and_swap(
        &self,
        bucket: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> KeyValueFuture<'_, Swap> {
        let mut arguments = vec![b"swap".to_vec(), key.as_bytes().to_vec()];
        arguments.extend(optional(expected, ["value", "absent"]));
        arguments.push(value);
        let changed = self.change(bucket.to_owned(), key.to_owned(), arguments);
        Box::pin(async {
            let (word, found) = changed.await?;
            Ok(if word == "swapped" { Swap::Swapped } else { Swap::Changed(found) })
        })
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("server", &self.server)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// A value that may be absent, as the script reads it: the word for either, and the value.
fn optional(value: Option<Vec<u8>>, [some, none]: [&str; 2]) -> [Vec<u8>; 2] {
    let word = if value.is_some() { some } else { none };
    [word.as_bytes().to_vec(), value.unwrap_or_default()]
}
