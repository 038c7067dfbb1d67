//! What the SQLite store promises beyond the contract: about its file.

use std::{fs, path::Path, sync::Arc};

use futures::future::join_all;
use rusqlite::Connection;
use stepyard_asl::Timestamp;
use stepyard_engine::{
    Batch, Quotas, Selection, SqliteStore, Store, StoreError, TopicLog,
    clock::{SeededEntropy, VirtualClock},
    outside::{AttributeValue, KeyValue, MessageAttribute, Publication, Topics},
};

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, Quotas::default())
}

#[tokio::test]
async fn what_was_answered_is_there_when_the_file_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path).unwrap();
    store.write("b", vec![("k".to_owned(), Some(b"v".to_vec()))]).await.unwrap();
    drop(store);
    assert_eq!(open(&path).unwrap().get("b", "k").await, Ok(Some(b"v".to_vec())));
}

#[tokio::test]
async fn writes_that_nobody_waits_for_share_a_commit_and_are_durable_once_settled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path).unwrap();
    let commits = || store.measures().commits.unwrap().read().count();
    // Another process: it sees what is committed, and nothing else.
    let committed = || -> i64 {
        let other = Connection::open(&path).unwrap();
        other.query_row("SELECT count(*) FROM key_value", [], |row| row.get(0)).unwrap()
    };
    let before = commits();
    for number in 0..100 {
        let key = format!("k{number}");
        assert_eq!(store.get("b", &key).await, Ok(None));
        store.write("b", vec![(key.clone(), Some(b"v".to_vec()))]).await.unwrap();
        assert_eq!(store.get("b", &key).await, Ok(Some(b"v".to_vec())));
    }
    KeyValue::settle(&store).await.unwrap();
    assert_eq!(committed(), 100);
    assert!(commits() - before < 50, "{} commits", commits() - before);

    // What is kept later is durable no sooner.
    store.write("b", vec![("last".to_owned(), Some(b"v".to_vec()))]).await.unwrap();
    store.append(Batch::default()).await.unwrap();
    assert_eq!(committed(), 101);
}

#[tokio::test]
async fn a_quota_counts_what_was_there_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    open(&path).unwrap().write("b", vec![("k".to_owned(), Some(vec![0; 100]))]).await.unwrap();
    let store =
        SqliteStore::open(&path, Quotas { default_bytes: 50, ..Quotas::default() }).unwrap();
    assert!(store.write("b", vec![("l".to_owned(), Some(vec![]))]).await.is_err());
    store.write("b", vec![("k".to_owned(), Some(vec![0; 99]))]).await.unwrap();
}

#[test]
fn a_file_of_a_later_format_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(open(&path).unwrap());
    let raw = Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 10).unwrap();
    raw.pragma_update(None, "journal_mode", "DELETE").unwrap();
    drop(raw);
    let before = fs::read(&path).unwrap();
    let error = open(&path).unwrap_err();
    let file = path.display().to_string();
    assert_eq!(error, StoreError::NewerFormat { file: file.clone(), found: 10, known: 9 });
    assert_eq!(
        error.to_string(),
        format!(
            "`{file}` has format 10; this program knows formats up to 9: \
             use the program that wrote it, or a later one"
        )
    );
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(
        &text,
        "Some notes, long enough to be taken for a header of a database file.\n".repeat(9),
    )
    .unwrap();
    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE cat (name TEXT)").unwrap();
    for path in [text, other] {
        let before = fs::read(&path).unwrap();
        let error = open(&path).unwrap_err();
        assert_eq!(error, StoreError::NotADatabase { file: path.display().to_string() });
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(open(&path).unwrap());
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("store.db"), "{error}");
}

#[test]
fn a_folder_that_is_not_there_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(&folder.path().join("absent/store.db")).unwrap_err();
    assert!(error.to_string().contains("absent"), "{error}");
    assert!(matches!(error, StoreError::Failed { action: "opening", .. }), "{error}");
}

#[tokio::test]
async fn a_journal_that_cannot_be_read_is_an_error_not_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path).unwrap();
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch(
        "INSERT INTO definition VALUES (1, x'00', '{}');
         INSERT INTO execution (id, arn, name, machine, definition, started_at, status)
         VALUES (1, 'arn', 'n', 'm', 1, 0, 'RUNNING');
         INSERT INTO fact VALUES (1, 1, '{\"at\": 1, \"fact\": \"Rained\"}');",
    )
    .unwrap();
    assert!(matches!(store.facts("arn"), Err(StoreError::Damaged { .. })));
    assert!(matches!(store.execution("arn"), Err(StoreError::Damaged { .. })));
    assert_eq!(store.executions(&Selection::default()).unwrap().len(), 1);
}

fn topics(path: &Path) -> (SqliteStore, TopicLog, VirtualClock) {
    let store = open(path).unwrap();
    let clock = VirtualClock::manual(Timestamp::from_millis(1_000));
    let log =
        TopicLog::new(store.clone(), Arc::new(clock.clone()), Arc::new(SeededEntropy::new(1)));
    (store, log, clock)
}

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:orders";

fn publication(key: &str) -> Publication {
    let attribute =
        MessageAttribute { data_type: "Binary".into(), value: AttributeValue::Binary(vec![1, 2]) };
    Publication {
        topic_arn: Some(TOPIC.to_owned()),
        message: format!("message of {key}"),
        subject: Some("Order".to_owned()),
        attributes: vec![("order".to_owned(), attribute)],
        idempotency_key: key.to_owned(),
        ..Publication::default()
    }
}

#[tokio::test]
async fn a_publication_is_logged_once_for_each_idempotency_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (_, log, _) = topics(&path);
    let first = log.publish(publication("one")).await.unwrap();
    drop(log);
    let (store, log, _) = topics(&path);
    let again = join_all((0..5).map(|_| log.publish(publication("one")))).await;
    assert!(again.iter().all(|it| it.as_ref().unwrap().message_id == first.message_id));
    let second = log.publish(publication("two")).await.unwrap();
    Store::settle(&store).await.unwrap();
    let messages = store.topic_messages(None, 0, 10).unwrap();
    let ids: Vec<&str> = messages.iter().map(|message| &*message.message_id).collect();
    assert_eq!(ids, [first.message_id, second.message_id]);
    assert_eq!(messages[0].message, "message of one");
    assert_eq!((&*messages[0].destination, messages[0].at), (TOPIC, Timestamp::from_millis(1_000)));
    assert_eq!(messages[0].subject.as_deref(), Some("Order"));
    assert_eq!(messages[0].attributes["order"]["Value"], "AQI=");
    assert_eq!(messages[0].sequence_number, None);
    let rest = store.topic_messages(Some(TOPIC), messages[0].number, 10).unwrap();
    assert_eq!(rest, messages[1..]);
    assert!(store.topic_messages(Some("arn:other"), 0, 10).unwrap().is_empty());
}

#[tokio::test]
async fn a_publication_without_an_idempotency_key_is_logged_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let (store, log, _) = topics(&folder.path().join("store.db"));
    for _ in 0..2 {
        log.publish(publication("")).await.unwrap();
    }
    Store::settle(&store).await.unwrap();
    assert_eq!(store.topic_messages(None, 0, 10).unwrap().len(), 2);
}

#[tokio::test]
async fn a_fifo_topic_knows_a_deduplication_id_for_five_minutes_and_numbers_its_messages() {
    let folder = tempfile::tempdir().unwrap();
    let (_, log, clock) = topics(&folder.path().join("store.db"));
    let publish = |key: &str, topic: &str, deduplication_id: &str| {
        log.publish(Publication {
            topic_arn: Some(format!("{TOPIC}{topic}.fifo")),
            group_id: Some("orders".to_owned()),
            deduplication_id: Some(deduplication_id.to_owned()),
            ..publication(key)
        })
    };
    let first = publish("1", "", "a").await.unwrap();
    assert_eq!(first.sequence_number.as_deref(), Some("10000000000000000001"));
    let again = publish("2", "", "a").await.unwrap();
    assert_eq!(
        (again.message_id, &again.sequence_number),
        (first.message_id.clone(), &first.sequence_number)
    );
    let second = publish("3", "", "b").await.unwrap();
    assert_eq!(second.sequence_number.as_deref(), Some("10000000000000000002"));
    let elsewhere = publish("4", "-2", "a").await.unwrap();
    assert_eq!(elsewhere.sequence_number, first.sequence_number);
    clock.advance_millis(5 * 60 * 1_000);
    let later = publish("5", "", "a").await.unwrap();
    assert_ne!(later.message_id, first.message_id);
    assert_eq!(later.sequence_number.as_deref(), Some("10000000000000000003"));
}

#[tokio::test]
async fn a_refused_publication_is_not_logged() {
    let folder = tempfile::tempdir().unwrap();
    let (store, log, _) = topics(&folder.path().join("store.db"));
    let refused = log.publish(Publication { message: String::new(), ..publication("one") }).await;
    let error = refused.unwrap_err();
    assert_eq!((&*error.code, error.status), ("InvalidParameter", 400));
    assert_eq!(error.to_string(), "InvalidParameter: Invalid parameter: Empty message");
    Store::settle(&store).await.unwrap();
    assert!(store.topic_messages(None, 0, 10).unwrap().is_empty());
}

/// What each format has that the one before has not, taken back: the newest first.
const BACK: [&str; 8] = [
    "DROP INDEX map_run_open;
     ALTER TABLE execution DROP COLUMN items;
     UPDATE map_run SET body = json_set(body, '$.progress', json(progress))
     WHERE progress IS NOT NULL;
     ALTER TABLE map_run DROP COLUMN progress;
     DROP INDEX state_machine_name;",
    "DROP TABLE map_run; DROP TABLE map_run_result;
     DROP INDEX execution_map_run;
     ALTER TABLE execution DROP COLUMN map_run;",
    "DROP TABLE waiting; DROP INDEX execution_child;",
    "DROP TABLE function;",
    "DROP TABLE checkpoint;
     DROP INDEX execution_open;
     DROP INDEX execution_awake;
     DROP INDEX execution_wake;
     DROP INDEX execution_stopped;
     ALTER TABLE execution DROP COLUMN wake_at;
     CREATE INDEX execution_unfinished ON execution (id) WHERE stopped_at IS NULL;",
    "DROP TABLE activity;
     ALTER TABLE execution DROP COLUMN redrive_count;
     ALTER TABLE execution DROP COLUMN redriven_at;",
    "DROP TABLE version; DROP TABLE alias; DROP TABLE tag;
     ALTER TABLE state_machine DROP COLUMN versions;
     ALTER TABLE execution DROP COLUMN version;
     ALTER TABLE execution DROP COLUMN alias;",
    "DROP TABLE state_machine;",
];

#[test]
fn a_file_of_an_earlier_format_is_brought_up_to_date() {
    let format = |path: &Path| {
        let raw = Connection::open(path).unwrap();
        raw.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap()
    };
    for steps in 1..=BACK.len() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        drop(open(&path).unwrap());
        let known = format(&path);
        assert_eq!(known, 1 + i64::try_from(BACK.len()).unwrap());
        let raw = Connection::open(&path).unwrap();
        raw.execute_batch(&BACK[..steps].concat()).unwrap();
        raw.execute_batch(
            "INSERT INTO definition VALUES (1, x'00', '{}');
             INSERT INTO execution (id, arn, name, machine, definition, started_at, status)
             VALUES (1, 'arn', 'n', 'm', 1, 0, 'RUNNING');",
        )
        .unwrap();
        raw.pragma_update(None, "user_version", known - i64::try_from(steps).unwrap()).unwrap();
        drop(raw);
        let store = open(&path).unwrap();
        assert_eq!((store.state_machines(), store.state_machine_count()), (Ok(vec![]), Ok(0)));
        assert_eq!(store.versions("m"), Ok(vec![]));
        let executions = store.executions(&Selection::default()).unwrap();
        assert_eq!((executions.len(), &executions[0].version), (1, &None));
        assert_eq!(format(&path), known);
    }
}

#[test]
fn how_far_a_map_run_has_come_outlives_a_change_of_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(open(&path).unwrap());
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch(BACK[0]).unwrap();
    raw.execute_batch(
        r#"INSERT INTO map_run (arn, execution, body) VALUES
           ('run:1', 'e', '{"arn": "run:1", "progress": {"next": {"child": 7}, "ended": [[8, 9]]}}'),
           ('run:2', 'e', '{"arn": "run:2"}');"#,
    )
    .unwrap();
    raw.pragma_update(None, "user_version", 8).unwrap();
    drop(raw);
    drop(open(&path).unwrap());
    let raw = Connection::open(&path).unwrap();
    let mut select = raw.prepare("SELECT body, progress FROM map_run ORDER BY number").unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let rows: Vec<(String, Option<String>)> = rows.map(Result::unwrap).collect();
    let progress = r#"{"next":{"child":7},"ended":[[8,9]]}"#.to_owned();
    let expected = [(r#"{"arn":"run:1"}"#, Some(progress)), (r#"{"arn":"run:2"}"#, None)];
    assert_eq!(rows, expected.map(|(body, progress)| (body.to_owned(), progress)));
}

#[tokio::test]
async fn a_map_run_of_many_children_is_forgotten_in_more_than_one_act() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path).unwrap();
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch(
        r#"INSERT INTO definition VALUES (1, x'00', '{}');
           INSERT INTO execution (id, arn, name, machine, definition, started_at, stopped_at, status)
           VALUES (1, 'e', 'n', 'm', 1, 0, 1, 'SUCCEEDED'), (2, 'f', 'n', 'm', 1, 0, 2, 'SUCCEEDED');
           INSERT INTO map_run (arn, execution, body) VALUES ('run:1', 'e', '{}'), ('run:2', 'f', '{}');
           WITH RECURSIVE number(child) AS (SELECT 0 UNION ALL SELECT child + 1 FROM number LIMIT 15000)
           INSERT INTO map_run_result
           SELECT 'run:1', child, '{"file": "Failed", "text": "", "items": 1}' FROM number;
           INSERT INTO map_run_result VALUES ('run:2', 0, '{}');"#,
    )
    .unwrap();
    let left = || -> (i64, i64) {
        let count = |table: &str| {
            let select = format!("SELECT count(*) FROM {table}");
            raw.query_row(&select, [], |row| row.get(0)).unwrap()
        };
        (count("execution"), count("map_run_result"))
    };
    let mut purged = Vec::new();
    for _ in 0..3 {
        let executions = store.purge(Timestamp::from_millis(9), 50).await.unwrap();
        purged.push((executions, left()));
    }
    assert_eq!(purged, [(50, (2, 5_001)), (2, (0, 0)), (0, (0, 0))]);
}
