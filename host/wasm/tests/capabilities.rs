//! What a step reaches with a grant, and what it is told without one.

use std::sync::Arc;

use serde_json::{Value, json};
use stepyard_engine::{FunctionVersion, Functions};

use crate::support::{
    FUNCTION, Log, World, answer, call, error, grants, invoke, limits, load, spec, steps,
};

#[tokio::test]
async fn a_step_has_no_files_environment_arguments_or_sockets() {
    let steps = steps(limits());
    let cases = [
        ("file", "No such file or directory"),
        ("write", "Err("),
        ("environment", "0"),
        ("arguments", "0"),
        ("connect", "Err(PermissionDenied)"),
        ("listen", "Err(PermissionDenied)"),
        ("datagram", "Err(PermissionDenied)"),
        ("lookup", "Err("),
    ];
    for (deed, says) in cases {
        let answer = answer(&steps, &format!("denied {deed}")).await;
        assert!(answer.contains(says), "{deed}: {answer}");
    }
}

#[tokio::test]
async fn a_granted_bucket_is_read_and_written() {
    let steps = steps(limits());
    let cases = [
        ("get key", "none"),
        ("set key value", "set"),
        ("get key", "value"),
        ("exists key", "true"),
        ("delete key", "deleted"),
        ("exists key", "false"),
        ("add count 3", "3"),
        ("add count -5", "-2"),
        ("swap turns between last", "none then between, swapped true"),
        ("get turns", "last"),
        ("batch first second", "first=1 second=none "),
        ("keys", "count,first,turns"),
    ];
    for (deed, expected) in cases {
        assert_eq!(answer(&steps, &format!("keyvalue granted {deed}")).await, expected, "{deed}");
    }
}

#[tokio::test]
async fn a_bucket_without_a_grant_is_denied() {
    let world = Arc::new(World::default());
    let steps = load(spec(grants(), limits()), &world).unwrap();
    let denied = "Error::AccessDenied";
    assert_eq!(answer(&steps, "keyvalue other get key").await, denied);
    assert_eq!(answer(&steps, "keyvalue readable get key").await, "none");
    for deed in ["set key value", "delete key", "add key 1", "swap key a b", "batch a b"] {
        assert_eq!(answer(&steps, &format!("keyvalue readable {deed}")).await, denied, "{deed}");
    }
    let keys = world.outside().keyvalue.list_keys("readable", None).await.unwrap();
    assert!(keys.keys.is_empty());
}

#[tokio::test]
async fn an_error_after_a_denial_says_which_grant_is_missing() {
    let steps = steps(limits());
    let cases = [
        ("keyvalue other get key", Some("keyvalue = [\"other\"]")),
        (
            "keyvalue readable set key value",
            Some("keyvalue = [{ bucket = \"readable\", access = \"read-write\" }]"),
        ),
        ("mail spy@example.org", Some("mail = [\"spy@example.org\"]")),
        (
            "http PUT http://example.org/a",
            Some("http = [{ url = \"http://example.org\", methods = [\"PUT\"] }]"),
        ),
        ("keyvalue granted get key", None),
    ];
    for (deed, grant) in cases {
        let error = error(&steps, &format!("fail-after {deed}")).await;
        let cause: Value = serde_json::from_str(&error.cause.unwrap()).unwrap();
        let expected = grant.map_or(Value::Null, |grant| json!([grant]));
        assert_eq!(cause["denied"], expected, "{deed}: {cause}");
    }
}

#[tokio::test]
async fn an_error_of_the_store_is_told_in_words() {
    let steps = steps(limits());
    answer(&steps, "keyvalue granted set key text").await;
    let answer = answer(&steps, "keyvalue granted add key 1").await;
    assert!(answer.contains("is not a decimal number"), "{answer}");
    let long = "k".repeat(1_025);
    let answer = self::answer(&steps, &format!("keyvalue granted get {long}")).await;
    assert!(answer.contains("a key has at most 1024 bytes"), "{answer}");
}

#[tokio::test]
async fn a_step_sees_its_settings_and_no_other() {
    let steps = steps(limits());
    assert_eq!(answer(&steps, "config greeting").await, "Ok(Some(\"hello\"))");
    assert_eq!(answer(&steps, "config PATH").await, "Ok(None)");
    assert_eq!(answer(&steps, "config all").await, "Ok([(\"greeting\", \"hello\")])");
}

#[tokio::test]
async fn mail_goes_to_granted_recipients_only() {
    let world = Arc::new(World::default());
    let steps = load(spec(grants(), limits()), &world).unwrap();
    assert_eq!(answer(&steps, "mail user@example.com").await, "Ok(())");
    let denied = answer(&steps, "mail user@example.com spy@example.org").await;
    assert_eq!(
        denied,
        "Err(Error::AccessDenied(\"no grant covers the recipient `spy@example.org`; in \
         stepyard.toml, under [functions.Hostile.grants], add `mail = [\\\"spy@example.org\\\"]`\"))"
    );
    for trick in ["spy@example.org,_a@example.com", "<spy@example.org>@example.com", "example.com"]
    {
        let refused = answer(&steps, &format!("mail {trick}")).await;
        assert!(refused.contains("is not an address"), "{trick}: {refused}");
    }
    let sent = world.sent.lock().unwrap();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].message_id, "order-1@example.com");
    assert_eq!(sent[0].to, ["user@example.com"]);
}

#[tokio::test]
async fn what_a_step_logs_is_told_with_function_execution_and_state() {
    let steps = steps(limits());
    let (log, guard) = Log::begin(tracing::Level::INFO);
    answer(&steps, "log hello").await;
    answer(&steps, "keyvalue other get key").await;
    drop(guard);

    let log = log.text();
    let version = steps.resolve(FUNCTION, None).unwrap();
    let lines: Vec<String> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| {
            let fields = &line["fields"];
            assert_eq!(fields["function"], FUNCTION);
            assert_eq!(fields["version"], format!("$LATEST@sha256:{}", version.sha256));
            assert_eq!(fields["execution"], "arn:aws:states:us-east-1:123456789012:execution:m:n");
            assert_eq!(fields["state"], "Deed");
            let source = ["context", "stream", "grant"].iter().find_map(|key| fields[key].as_str());
            let level = line["level"].as_str().unwrap();
            format!("{level} {} {}", source.unwrap(), fields["message"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        lines,
        [
            "WARN context hello",
            "INFO stdout out hello",
            "INFO stderr err hello",
            "WARN keyvalue = [\"other\"] a step was denied what it has no grant for",
        ]
    );
}

#[tokio::test]
async fn a_step_is_told_about_its_task() {
    let steps = steps(limits());
    let mut call = call("context");
    call.trace = Some("Root=1".to_owned());
    call.attempt = Some(2);
    call.idempotency_key = Some("key".to_owned());
    call.token = Some("token".to_owned());
    call.deadline = Some(stepyard_asl::Timestamp::from_millis(1_000));
    let reply = steps.invoke(call).await.unwrap();
    let context: String = serde_json::from_str(reply.payload.text()).unwrap();
    assert_eq!(
        context,
        "Context { deadline-ms: 1000, trace: \"Root=1\", execution-arn: \
         Some(\"arn:aws:states:us-east-1:123456789012:execution:m:n\"), state-name: \
         Some(\"Deed\"), attempt: Some(2), idempotency-key: Some(\"key\"), task-token: \
         Some(\"token\") }"
    );
}

#[tokio::test]
async fn functions_are_found_by_name_and_qualifier() {
    let steps = steps(limits());
    assert_eq!(steps.names(), [FUNCTION]);
    let version = steps.resolve(FUNCTION, None).unwrap();
    let FunctionVersion { number, sha256, .. } = &version;
    assert_eq!((&**number, sha256.len()), ("$LATEST", 64));
    assert_eq!(steps.resolve(FUNCTION, Some("$LATEST")), Some(version.clone()));
    assert_eq!(steps.resolve(FUNCTION, Some("1")), None);
    assert_eq!(steps.resolve("Other", None), None);
    assert_eq!(invoke(&steps, "good").await.unwrap().version, version);
}
