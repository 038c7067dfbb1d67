//! The calls that are really made: what Step Functions is asked for by the order's histories, and what the host
//! asks of AWS for each step, as moto saw it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::iam::Call;

const PLACE: &str = "us-east-1:123456789012";

/// What Step Functions does for a task that a history tells of.
pub(super) fn of_task(event: &Value) -> Option<Call> {
    let details = event.get("taskScheduledEventDetails")?;
    let parameters: Value = serde_json::from_str(details["parameters"].as_str().unwrap()).unwrap();
    let text = |name: &str| parameters[name].as_str().unwrap().to_owned();
    let service = details["resourceType"].as_str().unwrap();
    Some(match (service, details["resource"].as_str().unwrap()) {
        ("lambda", "invoke") => {
            let arn = format!("arn:aws:lambda:{PLACE}:function:{}", text("FunctionName"));
            Call::new("lambda:InvokeFunction", arn)
        }
        ("sns", "publish") => Call::new("sns:Publish", text("TopicArn")),
        other => panic!("{other:?} is not in the order's workflow"),
    })
}

/// What IAM is asked for by a request that AWS got.
pub(super) fn of_request(request: &Value) -> Vec<Call> {
    let body: Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
    let target = request["target"].as_str().unwrap();
    let table = |name: &str| format!("arn:aws:dynamodb:{PLACE}:table/{name}");
    match target.split_once('.') {
        Some(("DynamoDB_20120810", "TransactWriteItems")) => {
            let items = body["TransactItems"].as_array().unwrap().iter();
            let each = items.flat_map(|item| item.as_object().unwrap());
            let call = |(what, item): (&String, &Value)| {
                let action = match what.as_str() {
                    "ConditionCheck" => "dynamodb:ConditionCheckItem".to_owned(),
                    what => format!("dynamodb:{what}Item"),
                };
                Call::new(&action, table(item["TableName"].as_str().unwrap()))
            };
            each.map(call).collect()
        }
        Some(("DynamoDB_20120810", action @ "BatchGetItem")) => {
            let tables = body["RequestItems"].as_object().unwrap().keys();
            tables.map(|name| Call::new(&format!("dynamodb:{action}"), table(name))).collect()
        }
        Some(("DynamoDB_20120810", action)) => {
            let name = body["TableName"].as_str().unwrap();
            vec![Call::new(&format!("dynamodb:{action}"), table(name))]
        }
        Some(("secretsmanager", action)) => {
            // AWS's own end of the ARN of a secret that is asked for by its name.
            let name = body["SecretId"].as_str().unwrap();
            let arn = format!("arn:aws:secretsmanager:{PLACE}:secret:{name}-a1B2c3");
            vec![Call::new(&format!("secretsmanager:{action}"), arn)]
        }
        _ if target == "/v2/email/outbound-emails" => vec![of_mail(&body)],
        _ => panic!("{target} is not called for the order"),
    }
}

/// A message that is whole already is sent by SendEmail and asked for as SendRawEmail, on the sender's domain
/// where that is what is verified.
fn of_mail(body: &Value) -> Call {
    let raw = BASE64_STANDARD.decode(body["Content"]["Raw"]["Data"].as_str().unwrap()).unwrap();
    let message = String::from_utf8(raw).unwrap();
    let from = message.lines().find_map(|line| line.strip_prefix("From: ")).unwrap().trim();
    let (_, domain) = from.split_once('@').unwrap();
    let recipients: Vec<&str> = body["Destination"]["ToAddresses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    Call::new("ses:SendRawEmail", format!("arn:aws:ses:{PLACE}:identity/{domain}"))
        .with("ses:FromAddress", &[from])
        .with("ses:Recipients", &recipients)
}
