//! Redis's side of the key-value contract, and what is Redis's alone.

use std::{collections::BTreeMap, sync::Arc};

use ::redis::{Client, cmd};
use stepyard_engine::{
    Quotas,
    outside::{KeyValue, KeyValueError},
};
use stepyard_integrations::{Redis, RedisConnectError};

use crate::{closed_port, python, python::python};

#[path = "../../../engine/tests/key_value_contract/promises.rs"]
#[allow(clippy::duplicate_mod, reason = "its `stores` are those of the module that includes it")]
mod promises;
#[path = "../../../engine/tests/key_value_contract/quota.rs"]
mod quota;

/// What the bucket `small` may hold, in bytes.
const QUOTA: u64 = 64;

/// The store that the promises are asked of, on a server of its own.
async fn stores() -> Vec<(Arc<dyn KeyValue>, python::Redis)> {
    store().await.into_iter().collect()
}

/// A store and its server, where a server is had.
async fn store() -> Option<(Arc<dyn KeyValue>, python::Redis)> {
    let server = python()?.redis(&[])?;
    let store = connect(&server.url(), None, "stepyard:").await.unwrap();
    Some((Arc::new(store), server))
}

async fn connect(
    url: &str,
    password: Option<&str>,
    prefix: &str,
) -> Result<Redis, RedisConnectError> {
    let quotas =
        Quotas { buckets: BTreeMap::from([("small".to_owned(), QUOTA)]), ..Quotas::default() };
    Redis::connect(url, password, prefix, quotas).await
}

#[tokio::test]
async fn hosts_with_one_prefix_share_their_buckets_and_others_do_not() {
    let Some((store, server)) = store().await else { return };
    store.write("b", vec![("k".to_owned(), Some(b"v".to_vec()))]).await.unwrap();
    let url = server.url();
    for (url, prefix, shared) in [
        (url.clone(), "stepyard:", true),
        (url.clone(), "other:", false),
        (format!("{url}/1"), "stepyard:", false),
    ] {
        let other = connect(&url, None, prefix).await.unwrap();
        let expected = shared.then(|| b"v".to_vec());
        assert_eq!(other.get("b", "k").await, Ok(expected), "{url} {prefix}");
    }
}

#[tokio::test]
async fn a_server_with_a_password_is_told_it() {
    let Some(server) = python().and_then(|it| it.redis(&["--requirepass", "pass word"])) else {
        return;
    };
    let store = connect(&server.url(), Some("pass word"), "").await.unwrap();
    assert_eq!(store.set_if_absent("b", "k", b"v".to_vec()).await, Ok(true));
    assert!(!format!("{store:?}").contains("pass"), "{store:?}");
    for password in [None, Some("another")] {
        let error = connect(&server.url(), password, "").await.unwrap_err();
        assert!(matches!(error, RedisConnectError::Unavailable { .. }), "{error:?}");
        assert!(!error.to_string().contains("another"), "{error}");
    }
}

#[tokio::test]
async fn without_the_server_changes_and_reads_fail() {
    let Some((store, server)) = store().await else { return };
    store.increment("b", "n", 1).await.unwrap();
    drop(server);
    let error = store.increment("b", "n", 1).await.unwrap_err();
    let KeyValueError::Store(text) = &error else { panic!("{error:?}") };
    assert!(text.starts_with("Redis at 127.0.0.1:"), "{text}");
    assert!(matches!(store.get("b", "n").await, Err(KeyValueError::Store(_))));
}

#[tokio::test]
async fn a_read_outlives_a_lost_connection() {
    let Some((store, server)) = store().await else { return };
    store.increment("b", "n", 1).await.unwrap();
    let client = Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut kill = cmd("CLIENT");
    kill.arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]);
    assert_eq!(kill.query_async::<i64>(&mut connection).await, Ok(1));
    assert_eq!(store.get("b", "n").await, Ok(Some(b"1".to_vec())));
    assert_eq!(store.increment("b", "n", 1).await, Ok(2));
}

#[tokio::test]
async fn what_is_no_server_is_said_with_its_mend() {
    let (_port, address) = closed_port();
    for (url, expected) in [
        ("127.0.0.1:6379".to_owned(), "not the URL of a Redis server"),
        ("http://127.0.0.1".to_owned(), "not the URL of a Redis server"),
        ("redis://user:pass@127.0.0.1".to_owned(), "name a secret in `password` instead"),
        (format!("redis://{address}"), "cannot be used"),
        (format!("rediss://{address}"), "cannot be used"),
    ] {
        let error = connect(&url, None, "").await.unwrap_err().to_string();
        assert!(error.contains(expected), "{url}: {error}");
        assert!(!error.contains("pass@"), "{error}");
    }
}
