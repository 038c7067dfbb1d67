//! The arguments of a service integration: read by name, every problem found named at once.

use serde_json::{Map, Value};
use stepyard_asl::{Payload, StatesError};

/// Reads the arguments of one task, and gathers what is wrong with them.
///
/// An argument that is `null` counts as absent, as AWS has it.
pub(crate) struct Arguments<'a> {
    input: &'a Payload,
    fields: Option<&'a Map<String, Value>>,
    problems: Vec<String>,
}

impl<'a> Arguments<'a> {
    /// Starts reading `input`, whose fields may have the names in `supported`.
    pub(crate) fn new(input: &'a Payload, supported: &[&str]) -> Self {
        let fields = input.value().as_object();
        let mut problems = Vec::new();
        if fields.is_none() {
            problems.push("The arguments are not a JSON object".to_owned());
        }
        let unknown = fields.into_iter().flat_map(Map::keys);
        for name in unknown.filter(|name| !supported.contains(&name.as_str())) {
            problems.push(format!("The field \"{name}\" is not supported by Step Functions"));
        }
        Self { input, fields, problems }
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

    /// Notes that a required argument is absent.
    pub(crate) fn missing(&mut self, name: &str) {
        self.problems.push(format!("The field '{name}' is required but was missing"));
    }

    /// Notes that an argument's value is of the wrong kind.
    pub(crate) fn malformed(&mut self, name: &str) {
        self.problems.push(format!("The value of the field '{name}' has an invalid format"));
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
        let mut arguments = Arguments::new(&input, &["Name", "Other"]);
        let name = arguments.text("Name").map(str::to_owned);
        (name, arguments.finish())
    }

    #[test]
    fn an_argument_is_read_by_its_name() {
        let cases =
            [(r#"{"Name":"x","Other":1}"#, Some("x")), (r#"{"Name":null}"#, None), ("{}", None)];
        for (input, expected) in cases {
            assert_eq!(read(input), (expected.map(str::to_owned), Ok(())), "{input}");
        }
    }

    #[test]
    fn every_problem_is_named_at_once() {
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
