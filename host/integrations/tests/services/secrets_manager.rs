//! Secrets in AWS Secrets Manager, against moto.

use std::time::Duration;

use futures::future::join_all;
use stepyard_integrations::SecretsManager;
use tokio::time::sleep;

use crate::{closed_port, python::python, reached, test_key};

async fn manager(url: &str, kept_for: Duration) -> SecretsManager {
    let reached = reached(url, test_key(), Some(Duration::from_secs(3)));
    SecretsManager::open(&reached, kept_for).await
}

#[tokio::test]
async fn a_secret_is_asked_for_once_in_a_while() {
    let Some(python) = python() else { return };
    let aws = python.moto();
    aws.boto3("secret", &["shop/gateway", r#"{ "key": "sk_1", "id": "shop" }"#]);
    let kept_for = Duration::from_secs(5);
    let manager = manager(&aws.url(), kept_for).await;
    assert_eq!(manager.known("shop/gateway", Some("key")), None);
    let values = join_all((0..20).map(|_| manager.value("shop/gateway", Some("key")))).await;
    assert!(values.iter().all(|value| *value == Ok("sk_1".to_owned())), "{values:?}");
    assert_eq!(manager.value("shop/gateway", Some("id")).await, Ok("shop".to_owned()));
    assert_eq!(aws.calls("GetSecretValue"), 1);
    assert_eq!(manager.known("shop/gateway", Some("key")), Some("sk_1".to_owned()));
    assert!(!format!("{manager:?}").contains("sk_1"), "{manager:?}");
    // It is rotated.
    aws.boto3("secret", &["shop/gateway", r#"{ "key": "sk_2" }"#]);
    sleep(kept_for).await;
    assert_eq!(manager.value("shop/gateway", Some("key")).await, Ok("sk_2".to_owned()));
    let error = manager.value("shop/gateway", Some("id")).await.unwrap_err().to_string();
    assert_eq!(error, "AWS Secrets Manager: `shop/gateway` has no `id`");
}

#[tokio::test]
async fn what_is_wrong_is_told_and_no_value_with_it() {
    let (_port, address) = closed_port();
    let minutes = Duration::from_secs(300);
    let down = manager(&format!("http://{address}"), minutes).await;
    let text = down.value("a", None).await.unwrap_err().to_string();
    assert!(text.starts_with("AWS Secrets Manager: `a`: Unable to execute"), "{text}");

    let Some(python) = python() else { return };
    let aws = python.moto();
    aws.boto3("secret", &["a", "hush"]);
    let manager = manager(&aws.url(), minutes).await;
    let text = manager.value("absent", None).await.unwrap_err().to_string();
    assert!(
        text.starts_with("AWS Secrets Manager: `absent`: ResourceNotFoundException: "),
        "{text}"
    );
    let text = manager.value("a", Some("k")).await.unwrap_err().to_string();
    assert_eq!(text, "AWS Secrets Manager: `a` is no JSON object, and has no `k`");

    aws.boto3("secret", &["b", "value"]);
    aws.fail("call=GetSecretValue&times=1&status=400&code=AccessDeniedException");
    let text = manager.value("b", None).await.unwrap_err().to_string();
    assert!(text.contains("`b`: AccessDeniedException: "), "{text}");
    // A failure is over soon.
    sleep(Duration::from_millis(1_100)).await;
    assert_eq!(manager.value("b", None).await, Ok("value".to_owned()));
    // Slow once: the SDK asks again.
    aws.fail("call=GetSecretValue&times=1&hold=1");
    aws.boto3("secret", &["c", "value"]);
    assert_eq!(manager.value("c", None).await, Ok("value".to_owned()));
}
