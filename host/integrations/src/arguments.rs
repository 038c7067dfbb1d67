//! The arguments of a service integration: read by name, every problem found named at once.

use serde_json::{Map, Value};
use stepyard_asl::{Parameters, Payload, StatesError};
use stepyard_engine::Task;

/// Reads the arguments of one task, and gathers what is wrong with them.
///
/// An argument that is `null` counts as absent, as AWS has it.
pub(crate) struct Arguments<'a> {
    input: &'a Payload,
    fields: Option<&'a Map<String, Value>>,
    problems: Vec<String>,
}

impl<'a> Arguments<'a> {
    /// Starts reading those of `task`: what its resource does not take, and what it needs and was not
    /// given, is noted.
    pub(crate) fn of(task: &'a Task) -> Self {
        Self::new(&task.input, task.resource.parameters())
    }

    fn new(input: &'a Payload, known: Option<Parameters>) -> Self {
        let fields = input.value().as_object();
        let mut problems = Vec::new();
        if fields.is_none() {
            problems.push("The arguments are not a JSON object".to_owned());
        }
        let mut arguments = Self { input, fields, problems };
        let (Some(known), Some(fields)) = (known, fields) else { return arguments };
        for name in fields.keys().filter(|name| !known.has(name)) {
            let problem = format!("The field \"{name}\" is not supported by Step Functions");
            arguments.problems.push(problem);
        }
        for name in known.required.iter().filter(|name| !fields.contains_key(**name)) {
            arguments.missing(name);
        }
        arguments
    }

    /// An argument of any kind.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.fields?.get(name).filter(|value| !value.is_null())
    }

    /// An argument that is a string.
    pub(crate) fn text(&mut self, name: &str) -> Option<&'a str> {
        let value = self.value(name)?;
        let text = value.as_str();
        if text.is_none() {
            self.malformed(name);
        }
        text
    }

    /// An argument that is a whole number.
    pub(crate) fn integer(&mut self, name: &str) -> Option<i32> {
        let value = self.value(name)?;
        let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
        if number.is_none() {
            self.malformed(name);
        }
        number
    }

    /// An argument that is true or false.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        if value.as_bool().is_none() {
            self.malformed(name);
        }
        value.as_bool()
    }

    /// Notes that a required argument is `null`, where the service would not say so itself.
    pub(crate) fn not_null(&mut self, name: &str) {
        if self.fields.is_some_and(|fields| fields.get(name).is_some_and(Value::is_null)) {
            self.missing(name);
        }
    }

    /// Notes that a required argument is absent.
    pub(crate) fn missing(&mut self, name: &str) {
        self.problems.push(format!("The field '{name}' is required but was missing"));
    }

    /// Notes that an argument's value is of the wrong kind.
    pub(crate) fn malformed(&mut self, name: &str) {
        self.problems.push(format!("The value of the field '{name}' has an invalid format"));
    }

    /// Notes that an argument has members which Step Functions does not take.
    pub(crate) fn unsupported(&mut self, name: &str, members: &[String]) {
        let members = members.join(", ");
        self.problems.push(format!("The '{name}' field contains unsupported values: [{members}]"));
    }

    /// Ends the reading; fails, as AWS does, when the arguments cannot start the task.
    pub(crate) fn finish(self) -> Result<(), StatesError> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(StatesError::runtime(format!(
            "The Parameters '{}' could not be used to start the Task: [{}]",
            self.input,
            self.problems.join(", ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str) -> (Option<String>, Result<(), StatesError>) {
        let input = Payload::parse(input).unwrap();
        let known = Parameters { required: &["Name"], optional: &["Other"] };
        let mut arguments = Arguments::new(&input, Some(known));
        let name = arguments.text("Name").map(str::to_owned);
        (name, arguments.finish())
    }

    #[test]
    fn an_argument_is_read_by_its_name() {
        let cases = [(r#"{"Name":"x","Other":1}"#, Some("x")), (r#"{"Name":null}"#, None)];
        for (input, expected) in cases {
            assert_eq!(read(input), (expected.map(str::to_owned), Ok(())), "{input}");
        }
    }

    #[test]
    fn every_problem_is_named_at_once() {
        assert_eq!(
            read(r#"{"Nmae":"x"}"#).1.unwrap_err().cause.unwrap(),
            r#"The Parameters '{"Nmae":"x"}' could not be used to start the Task: [The field "Nmae" is not supported by Step Functions, The field 'Name' is required but was missing]"#
        );
        let (_, outcome) = read(r#"{"Name":1,"Nmae":"x"}"#);
        let error = outcome.unwrap_err();
        assert_eq!(error.name(), "States.Runtime");
        assert_eq!(
            error.cause.unwrap(),
            r#"The Parameters '{"Name":1,"Nmae":"x"}' could not be used to start the Task: [The field "Nmae" is not supported by Step Functions, The value of the field 'Name' has an invalid format]"#
        );
    }

    #[test]
    fn arguments_that_are_no_object_are_refused() {
        for input in ["1", "[]", "null", r#""x""#] {
            assert!(read(input).1.is_err(), "{input}");
        }
    }
}
