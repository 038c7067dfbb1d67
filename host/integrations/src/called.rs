//! Which Lambda function a Task state calls, as far as its definition says.

use serde_json::Value;
use stepyard_asl::Resource;
use stepyard_engine::{FunctionName, FunctionNameError};

use crate::lambda;

/// What a Task state calls, as far as its definition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    /// This function.
    Function(FunctionName),
    /// A function whose name is known when the Task runs.
    Computed,
    /// No function.
    Nothing,
}

impl Called {
    /// What a Task state calls. `arguments` is the state's `Parameters` (or
    /// `Arguments`) as written.
    pub fn by_task(
        resource: &Resource,
        arguments: Option<&Value>,
    ) -> Result<Self, FunctionNameError> {
        if let Some(function) = FunctionName::of_resource(resource) {
            return Ok(Self::Function(function));
        }
        if !lambda::claims(resource) {
            return Ok(Self::Nothing);
        }
        let function = named(arguments)?;
        Ok(function.map_or(Self::Computed, Self::Function))
    }
}

fn named(arguments: Option<&Value>) -> Result<Option<FunctionName>, FunctionNameError> {
    let literal = |name: &str| {
        let text = arguments?.get(name)?.as_str()?;
        (!text.starts_with("{%")).then_some(text)
    };
    let Some(text) = literal("FunctionName") else { return Ok(None) };
    let mut function: FunctionName = text.parse()?;
    if let Some(qualifier) = literal("Qualifier") {
        function.qualifier = Some(qualifier.to_owned());
    }
    Ok(Some(function))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_task(resource: &str, arguments: Option<&str>) -> String {
        let arguments = arguments.map(|text| serde_json::from_str::<Value>(text).unwrap());
        match Called::by_task(&resource.parse().unwrap(), arguments.as_ref()) {
            Ok(Called::Function(function)) => function.to_string(),
            Ok(Called::Computed) => "computed".to_owned(),
            Ok(Called::Nothing) => "none".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_task_says_which_function_it_calls() {
        const INVOKE: &str = "arn:aws:states:::lambda:invoke";
        let cases = [
            (INVOKE, Some(r#"{"FunctionName":"Pay"}"#), "Pay"),
            (INVOKE, Some(r#"{"FunctionName":"Pay:live"}"#), "Pay:live"),
            (INVOKE, Some(r#"{"FunctionName":"Pay","Qualifier":"2"}"#), "Pay:2"),
            (INVOKE, Some(r#"{"FunctionName":"Pay","Qualifier.$":"$.q"}"#), "Pay"),
            (INVOKE, Some(r#"{"FunctionName.$":"$.name"}"#), "computed"),
            (INVOKE, Some(r#"{"FunctionName":"{% $name %}"}"#), "computed"),
            (INVOKE, Some("{}"), "computed"),
            (INVOKE, None, "computed"),
            (
                "arn:aws:states:::lambda:invoke.waitForTaskToken",
                Some(r#"{"FunctionName":"Pay"}"#),
                "Pay",
            ),
            ("arn:aws:lambda:us-east-1:123456789012:function:Pay:live", None, "Pay:live"),
            ("arn:aws:states:::sns:publish", Some(r#"{"FunctionName":"Pay"}"#), "none"),
            (
                INVOKE,
                Some(r#"{"FunctionName":"no such"}"#),
                "`no such` is not the name of a Lambda function; write its name, its ARN, or either with `:qualifier`",
            ),
        ];
        for (resource, arguments, expected) in cases {
            assert_eq!(of_task(resource, arguments), expected, "{resource} {arguments:?}");
        }
    }
}
