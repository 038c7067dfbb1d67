//! The integrations, one by one: which resources a state's parameters name, and what is done with them.

use serde_json::Value;
use stepyard_asl::{Diagnostic, Foreseen, Pattern};

use super::{Asked, State};
use crate::{
    calls::problem,
    export::{
        policy::Condition,
        text::{Part, Text},
    },
};

/// Events by which Step Functions learns of the end of an execution that it waits for.
const EXECUTION_RULE: &str = "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule";

impl State<'_> {
    pub(super) fn functions(&self) -> Result<Vec<Asked>, Diagnostic> {
        let qualifier = match self.foreseen("Qualifier") {
            Foreseen::Text(pieces) => Some(self.exact("Qualifier", pieces.into_iter().collect())?),
            // Then the manifest's targets have the qualifiers, too.
            Foreseen::Computed if self.task.parameters.is_some() => {
                let targets = self.told("Qualifier")?;
                return targets.into_iter().map(|name| self.function(name, None)).collect();
            }
            Foreseen::Absent | Foreseen::Computed => None,
        };
        let names = self.texts(&["FunctionName"])?;
        names.into_iter().map(|name| self.function(name, qualifier.clone())).collect()
    }

    /// A function by its name, its ARN or a part of that, with a qualifier or without.
    fn function(&self, name: Text, qualifier: Option<Text>) -> Result<Asked, Diagnostic> {
        let parts = name.split(':');
        let named = match &*parts {
            [arn, ..] if arn.literal() == Some("arn") => name.clone(),
            [account, function, ..] if function.literal() == Some("function") => {
                let place = Text::joined([Text::of(Part::Region), account.clone()]);
                Text::arn_at("lambda", place, Text::joined(parts[1..].iter().cloned()))
            }
            [_] | [_, _] => {
                Text::arn("lambda", Text::joined([Text::from("function"), name.clone()]))
            }
            _ => return Err(self.unreadable("FunctionName", &name, "a function's name or ARN")),
        };
        let arn = Text::joined([named].into_iter().chain(qualifier));
        Ok(Asked::new(&["lambda:InvokeFunction"], arn))
    }

    pub(super) fn topics(&self) -> Result<Vec<Asked>, Diagnostic> {
        if self.task.parameters.is_some() && self.foreseen("PhoneNumber") != Foreseen::Absent {
            return Err(problem(
                self.place("PhoneNumber"),
                "IAM has no resource for a PhoneNumber, so that the state would need all topics, too".to_owned(),
                "publish to a topic that the number is subscribed to".to_owned(),
            ));
        }
        let arns = self.texts(&["TopicArn", "TargetArn"])?;
        arns.into_iter().map(|arn| self.by_arn("TopicArn", arn, &["sns:Publish"])).collect()
    }

    /// `https://sqs.<region>.amazonaws.com/<account>/<name>`
    pub(super) fn queues(&self) -> Result<Vec<Asked>, Diagnostic> {
        let queue = |url: Text| {
            let parts = url.split('/');
            let [scheme, slash, host, account, name] = &*parts else { return None };
            let host = host.split('.');
            let [sqs, region, amazonaws, ..] = &*host else { return None };
            let is_url = scheme.literal() == Some("https:")
                && slash.literal() == Some("")
                && sqs.literal() == Some("sqs")
                && amazonaws.literal() == Some("amazonaws");
            let place = Text::joined([region.clone(), account.clone()]);
            is_url
                .then(|| Asked::new(&["sqs:SendMessage"], Text::arn_at("sqs", place, name.clone())))
        };
        let shape = "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME";
        let urls = self.texts(&["QueueUrl"])?;
        let each = urls
            .into_iter()
            .map(|url| queue(url.clone()).ok_or_else(|| self.unreadable("QueueUrl", &url, shape)));
        each.collect()
    }

    pub(super) fn tables(
        &self,
        actions: &'static [&'static str],
    ) -> Result<Vec<Asked>, Diagnostic> {
        let names = self.texts(&["TableName"])?;
        Ok(names
            .into_iter()
            .map(|it| Asked::new(actions, named("dynamodb", "table", it)))
            .collect())
    }

    pub(super) fn event_buses(&self) -> Result<Vec<Asked>, Diagnostic> {
        let asked = |bus| Asked::new(&["events:PutEvents"], named("events", "event-bus", bus));
        let entries =
            self.task.parameters.and_then(|it| it.get("Entries")).and_then(Value::as_array);
        let Some(entries) = entries else {
            return Ok(self.told("Entries")?.into_iter().map(asked).collect());
        };
        let mut buses = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            match Foreseen::of(entry, "EventBusName") {
                Foreseen::Absent if entry.is_object() => buses.push("default".into()),
                Foreseen::Text(pieces) => {
                    buses.push(self.exact("EventBusName", pieces.into_iter().collect())?);
                }
                Foreseen::Absent | Foreseen::Computed => {
                    let place = self.place("Entries").index(index);
                    buses.extend(self.told_at(place, "EventBusName")?);
                }
            }
        }
        Ok(buses.into_iter().map(asked).collect())
    }

    pub(super) fn executions(&self, pattern: Pattern) -> Result<Vec<Asked>, Diagnostic> {
        let mut asked = Vec::new();
        for arn in self.texts(&["StateMachineArn"])? {
            let parts = arn.split(':');
            let [_, _, _, region, account, kind, name, qualifier @ ..] = &*parts else {
                return Err(self.unreadable("StateMachineArn", &arn, "a state machine's ARN"));
            };
            if kind.literal() != Some("stateMachine") {
                return Err(self.unreadable("StateMachineArn", &arn, "a state machine's ARN"));
            }
            let machine = Text::joined(parts[..7].iter().cloned());
            let start = Asked::new(&["states:StartExecution"], machine);
            // The resource is the state machine, whichever version or alias of it is started.
            let conditions = qualifier.iter().map(|qualifier| Condition {
                operator: "StringEquals",
                key: "states:StateMachineQualifier",
                values: vec![qualifier.clone()],
            });
            asked.push(Asked { conditions: conditions.collect(), ..start });
            if matches!(pattern, Pattern::RunJob | Pattern::RunJobParsed) {
                let place = Text::joined([region.clone(), account.clone()]);
                let executions = Text::joined(["execution".into(), name.clone(), "*".into()]);
                let follow = &["states:DescribeExecution", "states:StopExecution"];
                let rule = Text::arn("events", EXECUTION_RULE);
                let events = &["events:DescribeRule", "events:PutRule", "events:PutTargets"];
                asked.push(
                    Asked::new(follow, Text::arn_at("states", place, executions))
                        .labelled("Follow"),
                );
                asked.push(Asked::new(events, rule).labelled("Events"));
            }
        }
        asked.dedup();
        Ok(asked)
    }

    /// "Connecting to HTTPS endpoints": the call itself, and the secret of its connection.
    pub(super) fn endpoints(&self, machine: &str) -> Result<Vec<Asked>, Diagnostic> {
        let condition = |key, values| Condition { operator: "StringEquals", key, values };
        let endpoints = self.texts(&["ApiEndpoint"])?;
        let Foreseen::Text(method) = self.foreseen("Method") else {
            return Err(self.unknown(self.place("Method"), "Method"));
        };
        let invoke = Asked {
            conditions: vec![
                condition("states:HTTPEndpoint", endpoints),
                condition("states:HTTPMethod", vec![method.into_iter().collect()]),
            ],
            ..Asked::new(
                &["states:InvokeHTTPEndpoint"],
                Text::arn("states", format!("stateMachine:{machine}")),
            )
        };
        let mut asked = vec![invoke];
        for holder in ["Authentication", "InvocationConfig"] {
            let Some(held) = self.task.parameters.and_then(|it| it.get(holder)) else { continue };
            let at = self.place(holder);
            let Foreseen::Text(pieces) = Foreseen::of(held, "ConnectionArn") else {
                return Err(self.unknown(at, "ConnectionArn"));
            };
            let arn = self.exact("ConnectionArn", pieces.into_iter().collect())?;
            let parts = arn.split('/');
            let [_, name, _] = &*parts else {
                return Err(self.unreadable(holder, &arn, "a connection's ARN"));
            };
            let secret = Text::joined([
                Text::from("secret"),
                Text::from(format!("events!connection/{}/*", name.literal().unwrap_or_default())),
            ]);
            let read = &["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"];
            asked.push(
                Asked::new(&["events:RetrieveConnectionCredentials"], arn).labelled("Connection"),
            );
            asked.push(Asked::new(read, Text::arn("secretsmanager", secret)).labelled("Secret"));
        }
        Ok(asked)
    }

    /// A task with `Credentials` is done in the role that they name.
    pub(super) fn assumed_role(&self) -> Result<Asked, Diagnostic> {
        let credentials = self.task.credentials.unwrap_or(&Value::Null);
        match Foreseen::of(credentials, "RoleArn") {
            Foreseen::Text(pieces) => {
                let role = self.exact("RoleArn", pieces.into_iter().collect())?;
                Ok(Asked::new(&["sts:AssumeRole"], role).labelled("Credentials"))
            }
            Foreseen::Absent | Foreseen::Computed => {
                Err(self.unknown(self.task.location.field("Credentials"), "RoleArn"))
            }
        }
    }
}

/// A resource of the stack's own place by its name, or any by its ARN.
fn named(service: &str, kind: &str, name: Text) -> Text {
    match name.split(':').first().and_then(Text::literal) {
        Some("arn") => name,
        _ => Text::arn(service, name.after(&format!("{kind}/"))),
    }
}
