//! Topics kept here: a log in the store instead of Amazon SNS, as strict as it.

use std::{fmt, sync::Arc};

use futures::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::{
    SqliteStore,
    clock::{Clock, Entropy},
    outside::{AttributeValue, MessageAttribute, Publication, Published, TopicError, Topics},
    store::{Entry, Logged},
};

/// The most bytes of a message with its attributes (SNS quota).
pub const MESSAGE_BYTES_MAX: usize = 262_144;

/// The most characters of a subject (SNS, `Publish`, `Subject`).
pub const SUBJECT_CHARACTERS_MAX: usize = 100;

/// The most characters of a FIFO topic's group and deduplication ids.
const FIFO_ID_CHARACTERS_MAX: usize = 128;

/// Publishes into a store's log of topics. A publication whose idempotency key the log knows is
/// answered as it was the first time, and adds nothing.
#[derive(Clone)]
pub struct TopicLog {
    store: SqliteStore,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl TopicLog {
    /// The log in `store`; [`SqliteStore::topic_messages`] reads it.
    pub fn new(store: SqliteStore, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { store, clock, entropy }
    }

    fn uuid(&self) -> String {
        let seed = self.entropy.seed();
        let bytes = *seed.first_chunk().expect("a seed has more bytes than a UUID");
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }
}

impl fmt::Debug for TopicLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicLog").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Topics for TopicLog {
    fn publish(&self, publication: Publication) -> BoxFuture<'_, Result<Published, TopicError>> {
        let request_id = self.uuid();
        let checked = check(&publication);
        Box::pin(async move {
            let refused = |Refusal { code, message }| TopicError {
                code: code.to_owned(),
                message,
                status: 400,
                request_id: request_id.clone(),
            };
            let (destination, fifo) = checked.map_err(refused)?;
            let attributes = attributes(&publication.attributes);
            let (message_id, at) = (self.uuid(), self.clock.now());
            let entry = Entry { publication, destination, fifo, message_id, at, attributes };
            let logged = self.store.log(entry).await.map_err(|error| TopicError {
                code: "InternalError".to_owned(),
                message: error.to_string(),
                status: 500,
                request_id: request_id.clone(),
            })?;
            let Logged { message_id, sequence_number } = logged;
            Ok(Published { message_id, sequence_number, request_id, http: None })
        })
    }
}

/// Attributes as SNS delivers them.
fn attributes(attributes: &[(String, MessageAttribute)]) -> Value {
    let shown = |attribute: &MessageAttribute| match &attribute.value {
        AttributeValue::Text(text) => json!({ "Type": attribute.data_type, "Value": text }),
        AttributeValue::Binary(bytes) => {
            use base64::{Engine as _, engine::general_purpose::STANDARD};
            json!({ "Type": attribute.data_type, "Value": STANDARD.encode(bytes) })
        }
    };
    let named = attributes.iter().map(|(name, attribute)| (name.clone(), shown(attribute)));
    Value::Object(named.collect::<Map<_, _>>())
}

/// What SNS answers to a request it refuses.
#[derive(Debug, PartialEq)]
struct Refusal {
    code: &'static str,
    message: String,
}

fn invalid(message: impl fmt::Display) -> Refusal {
    Refusal { code: "InvalidParameter", message: format!("Invalid parameter: {message}") }
}

/// The destination of a publication, and whether it is a FIFO topic; or what SNS refuses.
fn check(publication: &Publication) -> Result<(String, bool), Refusal> {
    let (destination, fifo) = destination(publication)?;
    check_message(publication)?;
    check_attributes(&publication.attributes)?;
    check_order(publication, fifo)?;
    Ok((destination, fifo))
}

fn destination(publication: &Publication) -> Result<(String, bool), Refusal> {
    let Publication { topic_arn, target_arn, phone_number, .. } = publication;
    match (topic_arn, target_arn, phone_number) {
        (Some(topic), None, None) => {
            let name = topic_name(topic).ok_or_else(|| invalid("TopicArn"))?;
            Ok((topic.clone(), name.ends_with(".fifo")))
        }
        (None, Some(target), None) => {
            let fields: Vec<&str> = target.splitn(6, ':').collect();
            let is_arn = matches!(fields[..], ["arn", _, "sns", _, _, rest] if !rest.is_empty());
            let fifo = topic_name(target).is_some_and(|name| name.ends_with(".fifo"));
            if is_arn { Ok((target.clone(), fifo)) } else { Err(invalid("TargetArn")) }
        }
        (None, None, Some(phone)) => {
            let digits = phone.strip_prefix('+').unwrap_or(phone);
            let is_phone = (2..=15).contains(&digits.len())
                && digits.bytes().all(|digit| digit.is_ascii_digit());
            let reason = format!("PhoneNumber Reason: {phone} is not valid to publish to");
            if is_phone { Ok((phone.clone(), false)) } else { Err(invalid(reason)) }
        }
        (None, None, None) => {
            Err(invalid("TopicArn or TargetArn Reason: no value for required parameter"))
        }
        _ => Err(invalid(
            "TopicArn, TargetArn and PhoneNumber Reason: exactly one of them must be specified",
        )),
    }
}

/// The name in a topic's ARN: 1 to 256 letters, digits, `-` and `_`, and `.fifo` of a FIFO topic.
fn topic_name(arn: &str) -> Option<&str> {
    let fields: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, "sns", region, account, name] = fields[..] else { return None };
    let plain = name.strip_suffix(".fifo").unwrap_or(name);
    let is_name = !plain.is_empty()
        && name.len() <= 256
        && plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_ours = partition.starts_with("aws") && !region.is_empty() && is_account;
    (is_name && is_ours).then_some(name)
}

fn check_message(publication: &Publication) -> Result<(), Refusal> {
    if publication.message.is_empty() {
        return Err(invalid("Empty message"));
    }
    let attributes: usize = publication.attributes.iter().map(attribute_bytes).sum();
    if publication.message.len() + attributes > MESSAGE_BYTES_MAX {
        return Err(invalid("Message too long"));
    }
    if !publication.subject.as_deref().is_none_or(is_subject) {
        return Err(invalid("Subject"));
    }
    match publication.message_structure.as_deref() {
        None => Ok(()),
        Some("json") => check_structure(&publication.message),
        Some(_) => Err(invalid("MessageStructure")),
    }
}

fn attribute_bytes((name, attribute): &(String, MessageAttribute)) -> usize {
    let value = match &attribute.value {
        AttributeValue::Text(text) => text.len(),
        AttributeValue::Binary(bytes) => bytes.len(),
    };
    name.len() + attribute.data_type.len() + value
}

/// "Must be ASCII text that begins with a letter, number, or punctuation mark; must not include
/// line breaks or control characters; and must be less than 100 characters long" (SNS, `Publish`);
/// the service takes exactly 100.
fn is_subject(subject: &str) -> bool {
    let printed = subject.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    printed && (1..=SUBJECT_CHARACTERS_MAX).contains(&subject.len()) && !subject.starts_with(' ')
}

fn check_structure(message: &str) -> Result<(), Refusal> {
    let Ok(Value::Object(texts)) = serde_json::from_str(message) else {
        return Err(invalid("Message Structure - JSON message body failed to parse"));
    };
    if !texts.get("default").is_some_and(Value::is_string) {
        return Err(invalid("Message Structure - No default entry in JSON message body"));
    }
    Ok(())
}

fn check_attributes(attributes: &[(String, MessageAttribute)]) -> Result<(), Refusal> {
    let empty = attributes.iter().find(|(_, attribute)| match &attribute.value {
        AttributeValue::Text(text) => text.is_empty(),
        AttributeValue::Binary(bytes) => bytes.is_empty(),
    });
    let Some((name, attribute)) = empty else { return Ok(()) };
    let data_type = &attribute.data_type;
    let message = format!(
        "The message attribute '{name}' must contain non-empty message attribute value for message \
         attribute type '{data_type}'."
    );
    Err(Refusal { code: "ParameterValueInvalid", message })
}

fn check_order(publication: &Publication, fifo: bool) -> Result<(), Refusal> {
    let Publication { group_id, deduplication_id, .. } = publication;
    if !fifo {
        return match deduplication_id {
            None => Ok(()),
            Some(_) => Err(invalid(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId \
                 parameter that is not valid for this topic type",
            )),
        };
    }
    let Some(group_id) = group_id else {
        return Err(invalid("The MessageGroupId parameter is required for FIFO topics"));
    };
    let Some(deduplication_id) = deduplication_id else {
        return Err(invalid(
            "The topic should either have ContentBasedDeduplication enabled or \
             MessageDeduplicationId provided explicitly",
        ));
    };
    for (name, id) in [("MessageGroupId", group_id), ("MessageDeduplicationId", deduplication_id)] {
        let is_id = (1..=FIFO_ID_CHARACTERS_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_id {
            return Err(invalid(format!(
                "{name} Reason: it has to be 1 to {FIFO_ID_CHARACTERS_MAX} letters, digits and \
                 punctuation marks"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:orders";

    fn publication() -> Publication {
        Publication {
            topic_arn: Some(TOPIC.to_owned()),
            message: "done".to_owned(),
            ..Publication::default()
        }
    }

    fn fifo() -> Publication {
        Publication {
            topic_arn: Some(format!("{TOPIC}.fifo")),
            group_id: Some("orders".to_owned()),
            deduplication_id: Some("order-1".to_owned()),
            ..publication()
        }
    }

    #[test]
    fn what_sns_takes_is_taken() {
        let subject = |subject: String| Publication { subject: Some(subject), ..publication() };
        for publication in [
            publication(),
            fifo(),
            subject("Order 12345".to_owned()),
            subject("s".repeat(100)),
            Publication { message: "m".repeat(MESSAGE_BYTES_MAX), ..publication() },
            Publication {
                topic_arn: None,
                phone_number: Some("+4915112345678".to_owned()),
                ..publication()
            },
        ] {
            assert!(check(&publication).is_ok(), "{publication:?}");
        }
    }

    #[test]
    fn what_sns_refuses_is_refused_in_its_words() {
        let topic = |arn: &str| Publication { topic_arn: Some(arn.to_owned()), ..publication() };
        let subject =
            |subject: &str| Publication { subject: Some(subject.to_owned()), ..publication() };
        let structure = |message: &str| Publication {
            message: message.to_owned(),
            message_structure: Some("json".to_owned()),
            ..publication()
        };
        let long = "s".repeat(SUBJECT_CHARACTERS_MAX + 1);
        let cases = [
            (
                Publication { topic_arn: None, ..publication() },
                "TopicArn or TargetArn Reason: no value",
            ),
            (
                Publication { phone_number: Some("+1234".to_owned()), ..publication() },
                "exactly one",
            ),
            (topic("orders"), "TopicArn"),
            (topic("arn:aws:sqs:us-east-1:123456789012:orders"), "TopicArn"),
            (topic("arn:aws:sns:us-east-1:123456789012:"), "TopicArn"),
            (topic("arn:aws:sns:us-east-1:12:orders"), "TopicArn"),
            (topic("arn:aws:sns:us-east-1:123456789012:or/ders"), "TopicArn"),
            (Publication { message: String::new(), ..publication() }, "Empty message"),
            (
                Publication { message: "m".repeat(MESSAGE_BYTES_MAX + 1), ..publication() },
                "Message too long",
            ),
            (subject(""), "Subject"),
            (subject(&long), "Subject"),
            (subject("a\nb"), "Subject"),
            (subject("Grüße"), "Subject"),
            (structure("text"), "JSON message body failed to parse"),
            (structure("{\"sms\": \"a\"}"), "No default entry"),
            (
                Publication { deduplication_id: Some("1".to_owned()), ..publication() },
                "not valid for this topic type",
            ),
            (Publication { group_id: None, ..fifo() }, "MessageGroupId parameter is required"),
            (Publication { deduplication_id: None, ..fifo() }, "ContentBasedDeduplication"),
            (Publication { group_id: Some("a b".to_owned()), ..fifo() }, "MessageGroupId Reason"),
        ];
        for (publication, expected) in cases {
            let refusal = check(&publication).unwrap_err();
            assert_eq!(refusal.code, "InvalidParameter", "{refusal:?}");
            assert!(refusal.message.starts_with("Invalid parameter: "), "{refusal:?}");
            assert!(refusal.message.contains(expected), "{refusal:?} for {expected}");
        }
    }

    #[test]
    fn an_attribute_needs_a_value() {
        let attribute = MessageAttribute {
            data_type: "String".to_owned(),
            value: AttributeValue::Text(String::new()),
        };
        let attributes = vec![("order".to_owned(), attribute)];
        let refusal = check(&Publication { attributes, ..publication() }).unwrap_err();
        assert_eq!(refusal.code, "ParameterValueInvalid");
    }
}
