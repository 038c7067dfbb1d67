//! The shop's books: stock, charges, mails and notifications say the same as the executions.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use serde_json::Value;
use stepyard_engine::{Quotas, SqliteStore, outside::KeyValue};
use tokio::runtime::{Builder, Runtime};

use super::machines::ASKS;
use crate::support::Project;

/// What a piece costs.
const PRICE_CENTS: u64 = 1_999;

/// Holds the books of a shop that has closed against what was sold: order ids with quantities.
#[track_caller]
pub(crate) fn check(project: &Project, stock: u64, sold: &BTreeMap<String, u64>) {
    let orders: BTreeSet<String> = sold.keys().cloned().collect();
    let pieces: u64 = sold.values().sum();
    let product = value(project, "inventory", "product/sku-001");
    // A product that nobody ordered is as the manifest has it.
    let reserved = product["reservations"].as_object().map_or(0, |reserved| reserved.len());
    assert_eq!(reserved, 0, "nothing is reserved any more: {product}");
    assert_eq!(product["sold"].as_u64().unwrap_or_default(), pieces, "{product}");
    assert_eq!(product["available"], stock - pieces, "{product}");
    assert_eq!(keys(project, "inventory", "order/"), orders);

    assert_eq!(keys(project, "ledger", "charge/"), orders);
    let charges = sold.iter().map(|(order, quantity)| {
        let charge = value(project, "ledger", &format!("charge/{order}"));
        assert_eq!(charge["quantity"], *quantity, "{charge}");
        charge["amount_cents"].as_u64().unwrap()
    });
    assert_eq!(charges.sum::<u64>(), pieces * PRICE_CENTS);

    let mails: Vec<String> = project.mail().iter().map(|mail| ordered(mail)).collect();
    assert_eq!(mails.len(), orders.len(), "one mail for each order");
    assert_eq!(mails.into_iter().collect::<BTreeSet<_>>(), orders);
    check_notifications(project, &orders);
}

/// The order that a mail is about.
fn ordered(mail: &str) -> String {
    let id = mail.lines().find_map(|line| line.strip_prefix("Message-ID: <order-"));
    let id = id.and_then(|id| id.split_once('@')).unwrap_or_else(|| panic!("no order in {mail}"));
    id.0.to_owned()
}

/// Every message has a key of its own, and no two say the same.
#[track_caller]
fn check_notifications(project: &Project, orders: &BTreeSet<String>) {
    let database = Connection::open(project.path(".stepyard/stepyard.db")).unwrap();
    let select = "SELECT count(*), count(DISTINCT idempotency_key),
                      count(DISTINCT destination || ' ' || message) FROM topic_message";
    let counts = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
    let [messages, keys, texts]: [i64; 3] = database.query_row(select, [], counts).unwrap();
    assert_eq!((keys, texts), (messages, messages));
    let select = "SELECT json_extract(message, '$.order_id') FROM topic_message
                  WHERE destination LIKE '%:order-notifications'";
    let mut select = database.prepare(select).unwrap();
    let told: Vec<String> =
        select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(told.len(), orders.len(), "one notification for each order");
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), *orders);
}

/// How often each execution published a task whose token is to be answered.
pub(super) fn asks(project: &Project) -> BTreeMap<String, u32> {
    let database = Connection::open(project.path(".stepyard/stepyard.db")).unwrap();
    let select = "SELECT json_extract(message, '$.execution'), count(*) FROM topic_message
                  WHERE destination = ?1 GROUP BY 1";
    let mut select = database.prepare(select).unwrap();
    let asks = select.query_map([ASKS], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    asks.collect::<Result<_, _>>().unwrap()
}

fn value(project: &Project, bucket: &str, key: &str) -> Value {
    let (store, runtime) = open(project);
    let value = runtime.block_on(store.get(bucket, key)).unwrap();
    let value = value.unwrap_or_else(|| panic!("{bucket} has no {key}"));
    serde_json::from_slice(&value).unwrap()
}

/// What follows `prefix` in the keys of a bucket.
fn keys(project: &Project, bucket: &str, prefix: &str) -> BTreeSet<String> {
    let (store, runtime) = open(project);
    let (mut found, mut cursor) = (BTreeSet::new(), None);
    loop {
        let page = runtime.block_on(store.list_keys(bucket, cursor)).unwrap();
        let ids = page.keys.iter().filter_map(|key| key.strip_prefix(prefix));
        found.extend(ids.map(str::to_owned));
        cursor = page.cursor;
        if cursor.is_none() {
            return found;
        }
    }
}

fn open(project: &Project) -> (SqliteStore, Runtime) {
    let database = project.path(".stepyard/stepyard.db");
    let store = SqliteStore::open(database, Quotas::default()).unwrap();
    (store, Builder::new_current_thread().build().unwrap())
}
