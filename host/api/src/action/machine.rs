//! State machines: create, update, describe, delete, list; and a definition checked alone.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use stepyard_asl::{Diagnostic, Severity, Timestamp, variable_references};
use stepyard_engine::{
    MachineType, NAME_CHARACTERS_MAX, NewStateMachine, StateMachineChange, StateMachineRecord,
    Target, check_name,
};

use super::{
    Action, Empty,
    configuration::{Encryption, Logging, Tracing},
    execution::includes_data,
    required, seconds,
    tag::{self, Tag, tags},
    version::{DESCRIPTION, publish},
};
use crate::{
    Api, arn,
    constraint::{ARN, Constraints},
    error::ApiError,
    page,
};

/// The bounds of a definition's characters (Quotas: 1 MB).
const DEFINITION: (usize, usize) = (1, 1_048_576);
/// The most diagnostics of a definition at once.
const DIAGNOSTICS_MAX: usize = 100;
/// The types of state machine, in AWS's order.
const TYPES: [&str; 2] = ["STANDARD", "EXPRESS"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateStateMachine {
    name: Option<String>,
    definition: Option<String>,
    role_arn: Option<String>,
    r#type: Option<String>,
    logging_configuration: Option<Logging>,
    tracing_configuration: Option<Tracing>,
    tags: Option<Vec<Tag>>,
    publish: Option<bool>,
    version_description: Option<String>,
    encryption_configuration: Option<Encryption>,
}

impl Action for CreateStateMachine {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        let check = Constraints::default()
            .present("name", &self.name)
            .present("definition", &self.definition)
            .arn("roleArn", &self.role_arn)
            .length("name", self.name.as_deref(), (1, NAME_CHARACTERS_MAX))
            .sensitive("definition", self.definition.as_deref(), DEFINITION)
            .one_of("type", self.r#type.as_deref(), &TYPES)
            .sensitive("versionDescription", self.version_description.as_deref(), DESCRIPTION);
        let check = Logging::constrain(check, self.logging_configuration.as_ref());
        let check = tag::constrain(check, self.tags.as_deref());
        Encryption::constrain(check, self.encryption_configuration.as_ref()).check()?;
        let publish = publish(self.publish, self.version_description)?;
        Encryption::check(self.encryption_configuration.as_ref())?;
        let tags = tags(self.tags.unwrap_or_default())?;
        let name = required(self.name)?;
        check_name(&name)?;
        let role = required(self.role_arn)?;
        arn::role(&role)?;
        let created = api.engine.create_state_machine(NewStateMachine {
            arn: api.identity.state_machine(&name)?,
            name,
            definition: required(self.definition)?.into(),
            role,
            kind: kind(self.r#type.as_deref()),
            logging: match self.logging_configuration {
                Some(logging) => logging.kept(api).await?,
                None => "".into(),
            },
            tracing: self.tracing_configuration.is_some_and(|it| it.is_on()),
            publish,
            tags,
        });
        let created = created.await?;
        let mut answer = json!({
            "stateMachineArn": created.machine.arn,
            "creationDate": seconds(created.machine.created_at),
        });
        if let Some(version) = created.version_arn() {
            answer["stateMachineVersionArn"] = json!(version);
        }
        Ok(answer)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateStateMachine {
    state_machine_arn: Option<String>,
    definition: Option<String>,
    role_arn: Option<String>,
    logging_configuration: Option<Logging>,
    tracing_configuration: Option<Tracing>,
    publish: Option<bool>,
    version_description: Option<String>,
    encryption_configuration: Option<Encryption>,
}

impl Action for UpdateStateMachine {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        let check = Constraints::default()
            .arn("stateMachineArn", &self.state_machine_arn)
            .sensitive("definition", self.definition.as_deref(), DEFINITION)
            .length("roleArn", self.role_arn.as_deref(), ARN)
            .sensitive("versionDescription", self.version_description.as_deref(), DESCRIPTION);
        let check = Logging::constrain(check, self.logging_configuration.as_ref());
        Encryption::constrain(check, self.encryption_configuration.as_ref()).check()?;
        let publish = publish(self.publish, self.version_description)?;
        Encryption::check(self.encryption_configuration.as_ref())?;
        let machine = required(self.state_machine_arn)?;
        let machine = arn::state_machine(&machine)?;
        self.role_arn.as_deref().map(arn::role).transpose()?;
        let change = StateMachineChange {
            definition: self.definition.map(Arc::from),
            role: self.role_arn,
            logging: match self.logging_configuration {
                Some(logging) => Some(logging.kept(api).await?),
                None => None,
            },
            tracing: self.tracing_configuration.map(|it| it.is_on()),
            publish,
        };
        let is_empty = change.definition.is_none()
            && change.role.is_none()
            && change.logging.is_none()
            && change.tracing.is_none()
            && self.encryption_configuration.is_none();
        if is_empty {
            let message = "Either the definition, the role ARN, the LoggingConfiguration, or the \
                           TracingConfiguration must be specified";
            return Err(ApiError::new("MissingRequiredParameter", message));
        }
        let updated = api.engine.update_state_machine(machine, change).await?;
        let mut answer = json!({ "updateDate": seconds(updated.machine.updated_at) });
        if let Some(revision) = &updated.machine.revision {
            answer["revisionId"] = json!(revision);
        }
        if let Some(version) = updated.version_arn() {
            answer["stateMachineVersionArn"] = json!(version);
        }
        Ok(answer)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeStateMachine {
    state_machine_arn: Option<String>,
    included_data: Option<String>,
}

impl Action for DescribeStateMachine {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        Constraints::default()
            .arn("stateMachineArn", &self.state_machine_arn)
            .included_data(&self.included_data)
            .check()?;
        let machine = required(self.state_machine_arn)?;
        let Target { machine, version, .. } = api.engine.look_up(&arn::machine(&machine)?).await?;
        let mut answer = described(&machine, includes_data(&self.included_data));
        answer["status"] = json!("ACTIVE");
        answer["type"] = json!(machine.kind.name());
        answer["creationDate"] = json!(seconds(machine.created_at));
        if let Some(version) = version {
            answer["stateMachineArn"] = json!(version.arn());
            answer["creationDate"] = json!(seconds(version.created_at));
            if let Some(description) = version.description {
                answer["description"] = json!(description);
            }
        }
        Ok(answer)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeleteStateMachine {
    state_machine_arn: Option<String>,
}

impl Action for DeleteStateMachine {
    type Output = Empty;

    async fn run(self, api: &Api) -> Result<Empty, ApiError> {
        Constraints::default().arn("stateMachineArn", &self.state_machine_arn).check()?;
        let machine = required(self.state_machine_arn)?;
        api.engine.delete_state_machine(arn::state_machine(&machine)?).await?;
        Ok(Empty {})
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListStateMachines {
    max_results: Option<i64>,
    next_token: Option<String>,
}

impl Action for ListStateMachines {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        const LIST: &str = "machines";
        Constraints::default()
            .max_results(self.max_results)
            .next_token(&self.next_token)
            .check()?;
        // A page begins behind the last name of the one before: what is created or deleted
        // meanwhile moves nothing.
        let after = api.pages.place(LIST, self.next_token.as_deref())?;
        let machines = api.engine.state_machines().await?;
        let mut rest =
            machines.iter().filter(|it| after.as_deref().is_none_or(|at| *it.name > *at));
        let page: Vec<_> = rest.by_ref().take(page::size(self.max_results)).collect();
        let shown: Vec<Value> = page.iter().map(|machine| listed(machine)).collect();
        let mut answer = json!({ "stateMachines": shown });
        if let (Some(last), Some(_)) = (page.last(), rest.next()) {
            answer["nextToken"] = json!(api.pages.token(LIST, &last.name));
        }
        Ok(answer)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ValidateStateMachineDefinition {
    definition: Option<String>,
    r#type: Option<String>,
    severity: Option<String>,
    max_results: Option<i64>,
}

impl Action for ValidateStateMachineDefinition {
    type Output = Value;

    async fn run(self, _: &Api) -> Result<Value, ApiError> {
        Constraints::default()
            .present("definition", &self.definition)
            .sensitive("definition", self.definition.as_deref(), DEFINITION)
            .one_of("type", self.r#type.as_deref(), &TYPES)
            .one_of("severity", self.severity.as_deref(), &["ERROR", "WARNING"])
            .range("maxResults", self.max_results, (0, DIAGNOSTICS_MAX as i64))
            .check()?;
        let kind = kind(self.r#type.as_deref());
        let problems = kind.diagnose(&required(self.definition)?);
        let with_warnings = self.severity.as_deref() == Some("WARNING");
        Ok(verdict(&problems, with_warnings, page::size(self.max_results).min(DIAGNOSTICS_MAX)))
    }
}

/// What is said of a definition with these problems: its errors decide, and as many are shown as are
/// asked for.
fn verdict(problems: &[Diagnostic], with_warnings: bool, most: usize) -> Value {
    let is_error = |problem: &Diagnostic| problem.severity == Severity::Error;
    let shown = problems.iter().filter(|problem| with_warnings || is_error(problem));
    json!({
        "result": if problems.iter().any(is_error) { "FAIL" } else { "OK" },
        "diagnostics": shown.clone().take(most).map(diagnosed).collect::<Vec<_>>(),
        "truncated": shown.count() > most,
    })
}

/// The type that a request names, which has been checked to be one.
fn kind(name: Option<&str>) -> MachineType {
    name.and_then(MachineType::named).unwrap_or(MachineType::Standard)
}

fn diagnosed(problem: &Diagnostic) -> Value {
    let mut shown = json!({
        "severity": match problem.severity { Severity::Error => "ERROR", Severity::Warning => "WARNING" },
        "code": problem.code.to_string(),
        "message": problem.message,
    });
    if let Some(place) = problem.place() {
        shown["location"] = json!(place);
    }
    shown
}

fn listed(machine: &StateMachineRecord) -> Value {
    json!({
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "type": machine.kind.name(),
        "creationDate": seconds(machine.created_at),
    })
}

/// What DescribeStateMachine and DescribeStateMachineForExecution have in common.
fn described(machine: &StateMachineRecord, with_data: bool) -> Value {
    let logging = serde_json::from_str(&machine.logging);
    let off = json!({ "level": "OFF", "includeExecutionData": false });
    let mut shown = json!({
        "stateMachineArn": machine.arn,
        "name": machine.name,
        // "If called with includedData = METADATA_ONLY, the returned definition will be {}."
        "definition": if with_data { &*machine.definition } else { "{}" },
        "roleArn": machine.role,
        "loggingConfiguration": logging.unwrap_or(off),
        "tracingConfiguration": { "enabled": machine.tracing },
        "encryptionConfiguration": { "type": "AWS_OWNED_KEY" },
    });
    if let Some(revision) = &machine.revision {
        shown["revisionId"] = json!(revision);
    }
    let references = variable_references(&machine.definition);
    if with_data && !references.is_empty() {
        shown["variableReferences"] = json!(references);
    }
    shown
}

/// The state machine as an execution runs it, whatever has become of it since.
pub(super) fn described_for(
    machine: &StateMachineRecord,
    since: Timestamp,
    with_data: bool,
) -> Value {
    let mut shown = described(machine, with_data);
    shown["updateDate"] = json!(seconds(since));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict_of(definition: &str, with_warnings: bool, most: usize) -> Value {
        verdict(&MachineType::Standard.diagnose(definition), with_warnings, most)
    }

    fn told(result: &str, diagnostics: &[&Value], truncated: bool) -> Value {
        json!({ "result": result, "diagnostics": diagnostics, "truncated": truncated })
    }

    #[test]
    fn errors_decide_and_warnings_are_shown_to_those_who_ask() {
        let hint = json!({"severity": "WARNING", "code": "PASS_RESULT_IS_STATIC",
            "message": "The Result of a Pass state is taken as it stands",
            "location": "/States/A/Result"});
        let state = |end: Value| {
            let mut state = json!({"Type": "Pass", "Result": "$.a"});
            state.as_object_mut().unwrap().extend(end.as_object().unwrap().clone());
            json!({"StartAt": "A", "States": {"A": state}}).to_string()
        };
        let valid = state(json!({"End": true}));
        assert_eq!(verdict_of(&valid, false, 100), told("OK", &[], false));
        assert_eq!(verdict_of(&valid, true, 100), told("OK", &[&hint], false));

        let lost = json!({"severity": "ERROR", "code": "MISSING_TRANSITION_TARGET",
            "message": "Missing 'Next' target: B", "location": "/States/A/Next"});
        let endless = json!({"severity": "ERROR", "code": "MISSING_END_STATE",
            "message": "Workflow has no terminal state"});
        let broken = state(json!({"Next": "B"}));
        assert_eq!(verdict_of(&broken, false, 100), told("FAIL", &[&lost, &endless], false));
        assert_eq!(verdict_of(&broken, true, 100), told("FAIL", &[&lost, &endless, &hint], false));
        assert_eq!(verdict_of(&broken, true, 2), told("FAIL", &[&lost, &endless], true));
        assert_eq!(verdict_of(&broken, false, 2), told("FAIL", &[&lost, &endless], false));
    }

    #[test]
    fn a_text_that_is_no_definition_has_the_place_of_its_parser_or_none() {
        let error = |code: &str, message: &str, location: Option<&str>| {
            let mut told = json!({"severity": "ERROR", "code": code, "message": message});
            told.as_object_mut()
                .unwrap()
                .extend(location.map(|it| ("location".to_owned(), json!(it))));
            told
        };
        let source = r#"[Source: (String)"{a}"; line: 1, column: 3]"#;
        let words =
            "Unexpected character ('a' (code 97)): was expecting double-quote to start field name";
        let message = format!("{words}\n at {source}");
        for (definition, expected) in [
            ("{a}", error("INVALID_JSON_DESCRIPTION", &message, Some(source))),
            ("", error("SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object", None)),
            (
                "{}",
                error(
                    "SCHEMA_VALIDATION_FAILED",
                    "These fields are required: [States, StartAt]",
                    Some("/"),
                ),
            ),
        ] {
            assert_eq!(verdict_of(definition, false, 100), told("FAIL", &[&expected], false));
        }
    }
}
