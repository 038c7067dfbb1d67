//! Mail by Amazon SES, against moto.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use stepyard_engine::{
    clock::SystemClock,
    outside::{Mail, MailError, MailMessage},
};
use stepyard_integrations::Ses;

use crate::{closed_port, python::python, reached, test_key};

async fn ses(url: &str, read_timeout: Option<Duration>) -> Ses {
    Ses::open(&reached(url, test_key(), read_timeout), Arc::new(SystemClock)).await
}

fn message(from: &str) -> MailMessage {
    MailMessage {
        function: "SendConfirmation".to_owned(),
        message_id: "order-12345@stepyard.local".to_owned(),
        from: from.to_owned(),
        to: ["user@example.com", "copy@example.com"].map(str::to_owned).to_vec(),
        subject: "Your order is confirmed".to_owned(),
        text: "Order 12345 is on its way.\n".to_owned(),
    }
}

#[tokio::test]
async fn a_message_is_sent_whole_and_keeps_its_id() {
    let Some(python) = python() else { return };
    let aws = python.moto();
    aws.boto3("sender", &["orders@example.com"]);
    let mail = ses(&aws.url(), None).await;
    mail.send(message("Shop <orders@example.com>")).await.unwrap();
    let mails = aws.boto3("mails", &[]);
    let [sent] = mails.as_array().unwrap().as_slice() else { panic!("{mails}") };
    assert_eq!(sent["source"], "orders@example.com");
    let destinations = sent["destinations"].as_array().unwrap();
    for recipient in ["user@example.com", "copy@example.com"] {
        assert!(destinations.contains(&json!(recipient)), "{sent}");
    }
    let text = sent["raw_data"].as_str().unwrap().replace("\r\n", "\n");
    for line in [
        "Message-ID: <order-12345@stepyard.local>",
        "Original-Message-ID: <order-12345@stepyard.local>",
        "From: Shop <orders@example.com>",
        "To: user@example.com, copy@example.com",
        "Subject: Your order is confirmed",
        "Order 12345 is on its way.",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
}

#[tokio::test]
async fn what_ses_refuses_of_a_message_is_refused_for_ever() {
    let Some(python) = python() else { return };
    let aws = python.moto();
    let mail = ses(&aws.url(), None).await;
    let outcome = mail.send(message("nobody@example.com")).await;
    let Err(MailError::Refused(text)) = outcome else { panic!("{outcome:?}") };
    assert!(text.starts_with("Amazon SES: MessageRejected: "), "{text}");
    let outcome = mail.send(MailMessage { to: Vec::new(), ..message("a@example.com") }).await;
    assert_eq!(outcome, Err(MailError::Refused("it has no recipient".to_owned())));
    assert_eq!(aws.boto3("mails", &[]), json!([]));
}

#[tokio::test]
async fn what_concerns_the_sender_may_be_otherwise_the_next_time() {
    let Some(python) = python() else { return };
    let aws = python.moto();
    aws.boto3("sender", &["orders@example.com"]);
    let mail = ses(&aws.url(), None).await;
    // The SDK asks three times.
    aws.fail("call=outbound-emails&times=2&status=429&code=TooManyRequestsException");
    mail.send(message("orders@example.com")).await.unwrap();
    for (status, code) in [
        (429, "TooManyRequestsException"),
        (400, "SendingPausedException"),
        (400, "AccountSuspendedException"),
        (400, "MailFromDomainNotVerifiedException"),
        (403, "AccessDeniedException"),
        (500, "InternalFailure"),
    ] {
        // As often as the SDK asks: again where that may help.
        let times = if status == 429 || status == 500 { 3 } else { 1 };
        aws.fail(&format!("call=outbound-emails&times={times}&status={status}&code={code}"));
        let outcome = mail.send(message("orders@example.com")).await;
        let Err(MailError::Unavailable(text)) = outcome else { panic!("{code}: {outcome:?}") };
        assert!(text.starts_with(&format!("Amazon SES: {code}: ")), "{text}");
    }
}

#[tokio::test]
async fn a_service_that_is_down_or_slow_is_unavailable() {
    let (_port, address) = closed_port();
    let outcome =
        ses(&format!("http://{address}"), None).await.send(message("a@example.com")).await;
    let Err(MailError::Unavailable(text)) = outcome else { panic!("{outcome:?}") };
    assert!(text.contains("Connection refused"), "{text}");
    let Some(python) = python() else { return };
    let aws = python.moto();
    aws.boto3("sender", &["a@example.com"]);
    aws.fail("call=outbound-emails&times=3&hold=1");
    let outcome =
        ses(&aws.url(), Some(Duration::from_secs(1))).await.send(message("a@example.com")).await;
    let Err(MailError::Unavailable(text)) = outcome else { panic!("{outcome:?}") };
    assert!(text.contains("timed out"), "{text}");
    let mails = aws.boto3("mails", &[]);
    let ids = mails.as_array().unwrap().iter().filter(|mail| {
        let text = mail["raw_data"].as_str().unwrap();
        text.contains("Original-Message-ID: <order-12345@stepyard.local>")
    });
    assert!(ids.count() >= 1, "what was sent and not answered has its id: {mails}");
}
