//! How a definition is read: what all machines and states have in common.

use std::sync::Arc;

use serde_json::Value;

use super::{Behavior, DEFINITION_BYTES_MAX, State, StateKind, StateMachine};
use crate::{
    Code, Diagnostic, Location, StateName,
    diagnostic::AT,
    express,
    fields::{Dialect, Fields, NUMBER_MAX, problem},
    findings::Findings,
    jackson,
    payload::query::QueryLanguage,
    state::{Choice, ExecutionType, Fail, Map, Parallel, Pass, Succeed, Task, Wait},
};

pub(super) fn read_json(text: &str) -> Result<Value, Diagnostic> {
    if text.len() > DEFINITION_BYTES_MAX {
        let message = format!("Definition must not be longer than {DEFINITION_BYTES_MAX} bytes");
        return Err(problem(message, Location::Nowhere, "split the workflow into several"));
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() => Ok(value),
        Err(error) if !text.trim().is_empty() => Err(not_json(text, &error)),
        _ => Err(not_an_object()),
    }
}

fn not_an_object() -> Diagnostic {
    let mend = "begin with `{ \"StartAt\": …, \"States\": … }`";
    problem("Definition must be a valid JSON object", Location::Nowhere, mend)
}

/// In the words of AWS's parser, where it minds too; those of ours are the mend.
fn not_json(text: &str, error: &serde_json::Error) -> Diagnostic {
    let told = error.to_string();
    let words = told.split(" at line ").next().unwrap_or(&told);
    if words == "recursion limit exceeded" {
        let message = "The states are too deeply nested";
        let mend = "let a state machine of its own do what lies deepest";
        let problem = problem(message, Location::Nowhere, mend);
        return Diagnostic { code: Code::TooDeeplyNested, ..problem };
    }
    let message = match jackson::complaint(text) {
        Some(complaint) => format!("{}{AT}{}", complaint.words, complaint.source),
        None => words.to_owned(),
    };
    let mend = format!("correct the JSON at that line and column: {words}");
    let problem = problem(message, Location::Nowhere, mend);
    Diagnostic { code: Code::InvalidJsonDescription, ..problem }
}

pub(super) fn read_definition(mut fields: Fields<'_>) -> Option<StateMachine> {
    let language = read_language(&mut fields, QueryLanguage::JsonPath);
    let version = fields.string("Version");
    if version.is_some_and(|version| version != "1.0") {
        let message = "The field 'Version' should have one of these values: [1.0]";
        fields.wrong("Version", message, "use \"1.0\", or leave it out");
    }
    let timeout_seconds = fields.integer("TimeoutSeconds", 1..=NUMBER_MAX);
    let machine = read_states(&mut fields, language, timeout_seconds);
    fields.finish();
    machine
}

/// Reads a Parallel's branch. Its states have the language of the whole state machine, and not that
/// of the Parallel.
pub(crate) fn read_inner(mut fields: Fields<'_>) -> Option<Arc<StateMachine>> {
    let language = fields.dialect().of_machine;
    let machine = read_states(&mut fields, language, None);
    fields.finish();
    machine.map(Arc::new)
}

/// A Map's `ItemProcessor`, or `Iterator`, read.
#[derive(Debug, Default)]
pub(crate) struct Processor {
    /// None only in a definition that is refused.
    pub(crate) machine: Option<Arc<StateMachine>>,
    /// What the children of a Distributed Map are; none of an inline one.
    pub(crate) distributed: Option<ExecutionType>,
}

/// Reads a Map's `ItemProcessor`, or `Iterator`.
pub(crate) fn read_processor(mut fields: Fields<'_>) -> Processor {
    const CONFIG: &str = "ProcessorConfig";
    let at = fields.at().clone();
    let config = fields.value(CONFIG);
    let config = config.and_then(|config| fields.inner(config, at.field(CONFIG)));
    let distributed = config.and_then(read_config);
    let language = fields.dialect().of_machine;
    let machine = read_states(&mut fields, language, None);
    if let (Some(machine), Some(ExecutionType::Express)) = (&machine, distributed) {
        let problems = express::problems(machine, &at);
        fields.found().extend(problems);
    }
    fields.finish();
    Processor { machine: machine.map(Arc::new), distributed }
}

/// Reads a `ProcessorConfig`: what the children are of a Map whose `Mode` is `DISTRIBUTED`.
fn read_config(mut config: Fields<'_>) -> Option<ExecutionType> {
    const MODE: &str = "Mode";
    const TYPE: &str = "ExecutionType";
    let mode = config.string(MODE);
    if mode.is_some_and(|mode| !["INLINE", "DISTRIBUTED"].contains(&mode)) {
        let message = "The field 'Mode' should have one of these values: [INLINE, DISTRIBUTED]";
        config.wrong(MODE, message, "use INLINE, or leave it out");
    }
    let is_distributed = mode == Some("DISTRIBUTED");
    let name = if is_distributed { config.required_string(TYPE) } else { config.string(TYPE) };
    let found = name.map(|name| ExecutionType::NAMES.iter().find(|(known, _)| *known == name));
    if found == Some(None) {
        let message =
            "The field 'ExecutionType' should have one of these values: [STANDARD, EXPRESS]";
        config.wrong(TYPE, message, "use STANDARD for children that are durable, or EXPRESS");
    }
    config.finish();
    let named = found.flatten().map(|(_, kind)| *kind);
    is_distributed.then(|| named.unwrap_or(ExecutionType::Standard))
}

/// Reads what the definition and its inner machines have in common.
fn read_states(
    fields: &mut Fields<'_>,
    language: QueryLanguage,
    timeout_seconds: Option<u64>,
) -> Option<StateMachine> {
    const NAME: &str = "States";
    let comment = fields.string("Comment").map(str::to_owned);
    let object = fields.filled_object(NAME);
    let start_at = fields.required_state("StartAt");
    let object = object?;
    let mut states = Vec::with_capacity(object.len());
    for (name, state) in object {
        let at = fields.at().field(NAME).field(name);
        states.extend(read_state(name, state, (at, language), fields.found()));
    }
    let index = states.iter().enumerate();
    let index = index.map(|(index, state): (_, &State)| (state.name.clone(), index)).collect();
    Some(StateMachine {
        comment,
        start_at: start_at?,
        states,
        index,
        timeout_seconds,
        activities: Vec::new(),
        has_jobs: false,
    })
}

fn read_state(
    name: &str,
    value: &Value,
    (at, of_machine): (Location, QueryLanguage),
    found: &mut Findings,
) -> Option<State> {
    let depth = at.segments().len();
    let mut fields = Fields::of(value, at, found)?;
    let comment = fields.string("Comment").map(str::to_owned);
    let language = read_language(&mut fields, of_machine);
    let mut fields = fields.in_dialect(Dialect { language, of_machine, depth });
    let kind = read_kind(&mut fields)?;
    let next = read_next(kind, &mut fields);
    let behavior = Behavior::read(kind, &mut fields);
    fields.finish();
    Some(State { name: name.into(), comment, next, language, behavior })
}

impl Behavior {
    fn read(kind: StateKind, fields: &mut Fields<'_>) -> Self {
        match kind {
            StateKind::Task => Self::Task(Box::new(Task::read(fields))),
            StateKind::Wait => Self::Wait(Wait::read(fields)),
            StateKind::Pass => Self::Pass(Box::new(Pass::read(fields))),
            StateKind::Succeed => Self::Succeed(Succeed::read(fields)),
            StateKind::Fail => Self::Fail(Fail::read(fields)),
            StateKind::Choice => Self::Choice(Choice::read(fields)),
            StateKind::Parallel => Self::Parallel(Box::new(Parallel::read(fields))),
            StateKind::Map => Self::Map(Box::new(Map::read(fields))),
        }
    }
}

/// The state's type. Without one, nothing more can be said of the state.
fn read_kind(fields: &mut Fields<'_>) -> Option<StateKind> {
    const NAME: &str = "Type";
    if !fields.has(NAME) {
        fields.report("These fields are required: [Type]", "say of which type the state is");
    }
    let name = fields.string(NAME)?;
    let kind = StateKind::ALL.into_iter().find(|kind| kind.to_string() == name);
    if kind.is_none() {
        let names = StateKind::ALL.map(|kind| kind.to_string()).join(", ");
        let message = format!("The field 'Type' should have one of these values: [{names}]");
        fields.wrong(NAME, message, "use one of them; capitals matter");
    }
    kind
}

/// `Next`, or none with `"End": true`. Choice, Succeed and Fail have neither field.
fn read_next(kind: StateKind, fields: &mut Fields<'_>) -> Option<StateName> {
    if matches!(kind, StateKind::Choice | StateKind::Succeed | StateKind::Fail) {
        return None;
    }
    let next = fields.string("Next").map(StateName::from);
    let ends = fields.boolean("End").unwrap_or(false);
    if fields.has("Next") && ends {
        let message = "There should only be one of the following fields: [Next, End]";
        fields.report(message, "keep `Next` to go on, or `\"End\": true` to end here");
    } else if !fields.has("Next") && !ends {
        let message = "Exactly one of the following fields is required: [Next, End]";
        fields.report(message, "add `Next` to go on, or `\"End\": true` to end here");
    }
    next
}

/// The language that `QueryLanguage` names; `inherited` without one. What is neither of the two names,
/// or is no text, is taken for JSONata, as AWS does.
fn read_language(fields: &mut Fields<'_>, inherited: QueryLanguage) -> QueryLanguage {
    const NAME: &str = "QueryLanguage";
    match fields.string(NAME) {
        None if fields.has(NAME) => QueryLanguage::Jsonata,
        None => inherited,
        Some("JSONata") => QueryLanguage::Jsonata,
        Some("JSONPath") => {
            if inherited == QueryLanguage::Jsonata {
                let message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole \
                               state machine";
                fields.report(
                    message,
                    "write the state in JSONata, or all of the machine's states in \
                               JSONPath but for those that say JSONata",
                );
            }
            QueryLanguage::JsonPath
        }
        Some(_) => {
            let message = "Value should be one of the following: [JSONPath, JSONata]";
            fields.wrong(NAME, message, "use JSONPath or JSONata, or leave it out");
            QueryLanguage::Jsonata
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        StateMachine,
        state::testing::{problems, problems_of},
    };
    use serde_json::json;

    #[test]
    fn a_definition_is_an_object_with_states() {
        let cases = [
            ("", vec!["SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object at null"]),
            (
                "[]",
                vec!["SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object at null"],
            ),
            (
                "not json",
                vec![
                    "INVALID_JSON_DESCRIPTION: Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: (String)\"not json\"; line: 1, column: 4] at null",
                ],
            ),
            ("1e999", vec!["INVALID_JSON_DESCRIPTION: number out of range at null"]),
            (
                "{}",
                vec!["SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /"],
            ),
            (
                r#"{"StartAt": "A"}"#,
                vec!["SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /"],
            ),
            (
                r#"{"StartAt": "A", "States": {}}"#,
                vec![
                    "SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States",
                    "MISSING_TRANSITION_TARGET: Missing 'Next' target: A at /StartAt",
                ],
            ),
            (
                r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}, "Version": "2.0", "TimeoutSeconds": 0}"#,
                vec![
                    "SCHEMA_VALIDATION_FAILED: The field 'Version' should have one of these values: [1.0] at /Version",
                    "SCHEMA_VALIDATION_FAILED: Minimum value is 1 at /TimeoutSeconds",
                ],
            ),
            (
                r#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Succeed", "QueryLanguage": "JSONPath"}}}"#,
                vec![
                    "SCHEMA_VALIDATION_FAILED: 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at /States/A",
                ],
            ),
            (
                r#"{"QueryLanguage": "jq", "StartAt": "A", "States": {"A": {"Type": "Succeed", "OutputPath": "$"}}}"#,
                vec![
                    "SCHEMA_VALIDATION_FAILED: Value should be one of the following: [JSONPath, JSONata] at /QueryLanguage",
                    "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONata', but field 'OutputPath' is only supported for the 'JSONPath' QueryLanguage at /States/A",
                ],
            ),
            // Of a state that may not have its language nothing else is said about languages.
            (
                r#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Succeed", "QueryLanguage": "JSONPath", "Output": "{% 1 %}"}}}"#,
                vec![
                    "SCHEMA_VALIDATION_FAILED: 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at /States/A",
                ],
            ),
            (
                r#"{"QueryLanguage": 1, "StartAt": "A", "States": {"A": {"Type": "Succeed", "Output": "{% 1 %}"}}}"#,
                vec!["SCHEMA_VALIDATION_FAILED: Expected value of type [STRING] at /QueryLanguage"],
            ),
            (
                r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed", "QueryLanguage": null, "Output": 1}}}"#,
                vec![
                    "SCHEMA_VALIDATION_FAILED: Expected value of type [STRING] at /States/A/QueryLanguage",
                ],
            ),
        ];
        for (definition, expected) in cases {
            assert_eq!(problems_of(definition), expected, "{definition}");
        }
    }

    #[test]
    fn a_state_has_a_type_and_leads_on_or_ends() {
        let cases = [
            (json!(1), "Expected value of type [OBJECT] at /States/A"),
            (json!({"End": true}), "These fields are required: [Type] at /States/A"),
            (
                json!({"Type": "pass", "End": true}),
                "The field 'Type' should have one of these values: \
                 [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/A/Type",
            ),
            (
                json!({"Type": "Pass", "End": true, "Next": "A"}),
                "There should only be one of the following fields: [Next, End] at /States/A",
            ),
            (
                json!({"Type": "Pass", "End": 1}),
                "Expected value of type [BOOLEAN] at /States/A/End",
            ),
            (
                json!({"Type": "Pass", "End": true, "Output": 1}),
                "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the \
                 'JSONata' QueryLanguage at /States/A",
            ),
            (
                json!({"Type": "Pass", "End": true, "Result": 1, "QueryLanguage": "JSONata"}),
                "The QueryLanguage is set to 'JSONata', but field 'Result' is only supported for the \
                 'JSONPath' QueryLanguage at /States/A",
            ),
        ];
        for (state, expected) in cases {
            let found = problems(&state);
            assert_eq!(
                found[0],
                format!("SCHEMA_VALIDATION_FAILED: {expected}"),
                "{state}: {found:?}"
            );
        }
    }

    #[test]
    fn a_definition_is_bounded_in_length_and_depth() {
        let long = format!("{{\"Comment\": \"{}\"}}", "x".repeat(super::DEFINITION_BYTES_MAX));
        let expected =
            "SCHEMA_VALIDATION_FAILED: Definition must not be longer than 1048576 bytes at null";
        assert_eq!(problems_of(&long), [expected]);
        for deep in ["[".repeat(100_000), format!("{}{}", "[".repeat(128), "]".repeat(128))] {
            let expected = "TOO_DEEPLY_NESTED: The states are too deeply nested at null";
            assert_eq!(problems_of(&deep), [expected]);
        }
    }

    #[test]
    fn tasks_are_found_wherever_they_stand() {
        let task = |resource: &str| json!({"Type": "Task", "Resource": resource, "Parameters": {"FunctionName": "F"}, "End": true});
        let inner = json!({"StartAt": "C", "States": {"C": task("arn:aws:states:::sns:publish")}});
        let machine = json!({"StartAt": "A", "States": {
            "A": {"Type": "Map", "Next": "B",
                "Iterator": {"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [inner], "End": true}}}},
            "B": task("arn:aws:states:::lambda:invoke")}});
        let machine = StateMachine::recall(&machine.to_string()).unwrap();
        let tasks = machine.tasks();
        let found = tasks.iter().map(|task| {
            let name = &task.parameters.unwrap()["FunctionName"];
            format!("{} {} {} {name}", task.state, task.location, task.resource)
        });
        let expected = [
            "B /States/B arn:aws:states:::lambda:invoke \"F\"",
            "C /States/A/Iterator/States/P/Branches[0]/States/C arn:aws:states:::sns:publish \"F\"",
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
