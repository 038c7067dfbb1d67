//! Mail against aiosmtpd.

use std::sync::Arc;

use stepyard_engine::{
    clock::SystemClock,
    outside::{Mail, MailError, MailMessage},
};
use stepyard_integrations::Smtp;

use crate::{closed_port, python::python};

fn smtp(url: &str) -> Smtp {
    Smtp::new(url, Arc::new(SystemClock)).unwrap()
}

fn message(to: &[&str]) -> MailMessage {
    MailMessage {
        function: "SendConfirmation".to_owned(),
        message_id: "order-12345@stepyard.local".to_owned(),
        from: "orders@example.com".to_owned(),
        to: to.iter().map(|&to| to.to_owned()).collect(),
        subject: "Your order is confirmed".to_owned(),
        text: "Order 12345\n.\nis on its way.\n".to_owned(),
    }
}

#[tokio::test]
async fn a_message_arrives_with_its_id_as_often_as_it_is_sent() {
    let Some(python) = python() else { return };
    let server = python.smtp();
    let mail = smtp(&server.url());
    let recipients = ["user@example.com", "copy@example.com"];
    for sent in 1..=2 {
        mail.send(message(&recipients)).await.unwrap();
        let messages = server.messages();
        assert_eq!(messages.len(), sent);
        for text in messages.iter().map(|text| text.replace("\r\n", "\n")) {
            for line in [
                "Message-ID: <order-12345@stepyard.local>",
                "From: orders@example.com",
                "Subject: Your order is confirmed",
                "X-MailFrom: orders@example.com",
                "X-RcptTo: user@example.com, copy@example.com",
            ] {
                assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
            }
            assert!(text.trim_end().ends_with("\n\nOrder 12345\n.\nis on its way."), "{text}");
        }
    }
}

#[tokio::test]
async fn text_in_any_script_arrives() {
    let Some(python) = python() else { return };
    let server = python.smtp();
    let mail = smtp(&server.url());
    let subject = "Ваш заказ".to_owned();
    mail.send(MailMessage { subject, ..message(&["user@example.com"]) }).await.unwrap();
    let messages = server.messages();
    assert!(messages[0].contains("=?utf-8?b?0JLQsNGIINC30LDQutCw0Lc=?="), "{}", messages[0]);
}

#[tokio::test]
async fn a_refused_recipient_refuses_the_message() {
    let Some(python) = python() else { return };
    let server = python.smtp();
    let mail = smtp(&server.url());
    let outcome = mail.send(message(&["user@example.com", "refused@example.com"])).await;
    let Err(MailError::Refused(text)) = outcome else { panic!("{outcome:?}") };
    assert!(text.contains("550") && text.contains("no such user here"), "{text}");
    assert_eq!(server.messages(), [] as [String; 0]);
}

#[tokio::test]
async fn a_server_that_cannot_take_it_for_the_moment_is_unavailable() {
    let Some(python) = python() else { return };
    let server = python.smtp();
    let mail = smtp(&server.url());
    let outcome = mail.send(message(&["busy@example.com"])).await;
    let Err(MailError::Unavailable(text)) = outcome else { panic!("{outcome:?}") };
    assert!(text.contains("try again later"), "{text}");
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable() {
    let (_port, address) = closed_port();
    let outcome = smtp(&format!("smtp://{address}")).send(message(&["user@example.com"])).await;
    let Err(MailError::Unavailable(text)) = outcome else { panic!("{outcome:?}") };
    assert!(text.contains("Connection refused"), "{text}");
}
