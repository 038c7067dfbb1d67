//! Reference Paths: paths that name one node, to read it or to put a value there.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Miss, Path, PathError, Root, Step, child, invalid_path, position_in, walk};
use crate::{
    StatesError, error_name,
    payload::{Scope, measure},
};

/// A path of names and indexes only: `$.a['b'][0]`.
#[derive(Clone, Debug)]
pub(crate) struct ReferencePath {
    text: Box<str>,
    root: Root,
    steps: Box<[Step]>,
}

impl ReferencePath {
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        let Path { text, root, route } = Path::parse(text)?;
        if !route.is_steps_only() {
            return Err(PathError::NotReference);
        }
        Ok(Self { text, root, steps: route.steps })
    }

    /// The path as the definition has it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it starts at `$$`.
    pub(crate) fn is_context(&self) -> bool {
        self.root == Root::Context
    }

    /// Whether it starts at `$`: any other path can be read only.
    pub(crate) fn is_writable(&self) -> bool {
        self.root == Root::Input
    }

    /// The node it names.
    pub(crate) fn read<'a>(&self, scope: &Scope<'a>) -> Result<&'a Value, Miss> {
        match self.root {
            Root::Context => scope.context.resolve(&self.steps),
            Root::Input | Root::Variable(_) => walk(self.root.find(scope)?, &self.steps, 0),
        }
    }

    /// What `ItemsPath`, `SecondsPath` and the like give; a miss is `States.Runtime`.
    pub(crate) fn apply<'a>(&self, scope: &Scope<'a>) -> Result<Cow<'a, Value>, StatesError> {
        let found = self.read(scope).map_err(|miss| invalid_path(&self.text, &miss));
        found.map(Cow::Borrowed)
    }

    /// `raw_input` with `result` at this path, as `ResultPath` has it: objects that are missing on
    /// the way are made, an array's element is replaced only where it exists.
    pub(crate) fn write(&self, raw_input: Value, result: Value) -> Result<Value, StatesError> {
        find_place(&raw_input, &self.steps).map_err(|step| self.conflict(step, &raw_input))?;
        measure::check_steps(self.steps.len())?;
        let mut output = raw_input;
        *make_place(&mut output, &self.steps).expect("the place was found") = result;
        measure::check_depth(&output)?;
        Ok(output)
    }

    fn conflict(&self, step: &Step, input: &Value) -> StatesError {
        let cause = if input.is_array() || input.is_object() {
            let step = match step {
                Step::Name(name) => name.to_string(),
                Step::Index(index) => index.to_string(),
            };
            format!("Unable to apply step \"{step}\" to input {input}")
        } else {
            format!("Unable to apply ReferencePath {} to input {input}", self.text)
        };
        StatesError::new(error_name::RESULT_PATH_MATCH_FAILURE, cause)
    }

    /// What the path is read from, for messages.
    pub(crate) fn subject<'a>(&self, scope: &Scope<'a>) -> &'a Value {
        self.root.subject(scope)
    }
}

/// Looks whether a value can be put where `steps` lead; else gives the step that leads nowhere.
fn find_place<'s>(root: &Value, steps: &'s [Step]) -> Result<(), &'s Step> {
    let mut node = Some(root);
    for step in steps {
        node = match (node, step) {
            (Some(Value::Object(_)), Step::Name(_)) => node.and_then(|node| child(node, step)),
            (Some(array @ Value::Array(_)), Step::Index(_)) => {
                Some(child(array, step).ok_or(step)?)
            }
            (None, Step::Name(_)) => None,
            _ => return Err(step),
        };
    }
    Ok(())
}

/// The node that `steps` lead to, made where an object lacks it.
fn make_place<'a>(root: &'a mut Value, steps: &[Step]) -> Option<&'a mut Value> {
    let mut node = root;
    let mut made = false;
    for step in steps {
        if made {
            *node = Value::Object(Map::new());
        }
        node = match (step, node) {
            (Step::Name(name), Value::Object(members)) => {
                made = !members.contains_key(&**name);
                members.entry(name.to_string()).or_insert(Value::Null)
            }
            (Step::Index(index), Value::Array(elements)) => {
                let position = position_in(elements.len(), *index)?;
                elements.get_mut(position)?
            }
            _ => return None,
        };
    }
    Some(node)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{super::tests::values, *};
    use crate::payload::testing::in_scope;

    fn written(path: &str, input: Value, result: Value) -> String {
        match ReferencePath::parse(path).unwrap().write(input, result) {
            Ok(output) => output.to_string(),
            Err(error) => {
                format!("{}: {}", error.name(), error.cause.as_deref().unwrap_or_default())
            }
        }
    }

    #[test]
    fn a_result_is_put_where_the_path_says() {
        let cases = [
            ("$", r#"{"a":1}"#, "9"),
            ("$.r", r#"{"a":1}"#, r#"{"a":1,"r":9}"#),
            ("$.a", r#"{"a":{"b":1},"c":2}"#, r#"{"a":9,"c":2}"#),
            ("$.a.b.c", "{}", r#"{"a":{"b":{"c":9}}}"#),
            ("$.a.b", r#"{"a":{"x":1}}"#, r#"{"a":{"x":1,"b":9}}"#),
            ("$['a b']", "{}", r#"{"a b":9}"#),
            ("$.l[1]", r#"{"l":[1,2]}"#, r#"{"l":[1,9]}"#),
            ("$.l[0].x.y", r#"{"l":[{}]}"#, r#"{"l":[{"x":{"y":9}}]}"#),
            ("$[0]", "[1]", "[9]"),
        ];
        for (path, input, expected) in cases {
            let input = serde_json::from_str(input).unwrap();
            assert_eq!(written(path, input, json!(9)), expected, "{path}");
        }
    }

    #[test]
    fn a_result_that_has_no_place_is_an_error() {
        let cases = [
            ("$.r", r#""text""#, r#"Unable to apply ReferencePath $.r to input "text""#),
            ("$.r", "null", "Unable to apply ReferencePath $.r to input null"),
            ("$.r", "[1]", r#"Unable to apply step "r" to input [1]"#),
            ("$.a.b", r#"{"a":1}"#, r#"Unable to apply step "b" to input {"a":1}"#),
            ("$.a.b", r#"{"a":null}"#, r#"Unable to apply step "b" to input {"a":null}"#),
            ("$.a[2]", r#"{"a":[1,2]}"#, r#"Unable to apply step "2" to input {"a":[1,2]}"#),
            ("$.a[0]", "{}", r#"Unable to apply step "0" to input {}"#),
            ("$[0]", "{}", r#"Unable to apply step "0" to input {}"#),
        ];
        for (path, input, cause) in cases {
            let input = serde_json::from_str(input).unwrap();
            let expected = format!("States.ResultPathMatchFailure: {cause}");
            assert_eq!(written(path, input, json!(9)), expected, "{path}");
        }
    }

    #[test]
    fn an_output_that_nests_too_deep_is_an_error() {
        let path = format!("${}", ".a".repeat(126));
        assert!(written(&path, json!({}), json!([])).starts_with('{'));
        let cause = "States.Runtime: The payload nests more than 127 arrays and objects deep";
        assert_eq!(written(&path, json!({}), json!([[]])), cause);
        assert_eq!(
            written(&"$.a".replace(".a", &".a".repeat(100_000)), json!({}), json!(1)),
            cause
        );
    }

    #[test]
    fn only_names_and_indexes_make_a_reference_path() {
        for text in ["$", "$$", "$.a", "$.a['b c'][0]", "$$.Execution.Id", "$.a[-1]"] {
            assert_eq!(ReferencePath::parse(text).unwrap().text(), text);
        }
        for text in ["$.*", "$..a", "$[0,1]", "$[0:1]", "$['a','b']", "$[?(@.a)]", "$.a.length()"] {
            assert_eq!(ReferencePath::parse(text).unwrap_err(), PathError::NotReference, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            path in r"\$(\.[ab]|\['[ab]'\]|\[-?[0-2]\]){0,6}",
            input in values(),
            result in values(),
        ) {
            let path = ReferencePath::parse(&path).unwrap();
            if let Ok(output) = path.write(input, result.clone()) {
                prop_assert!(in_scope(&output, |scope| path.read(scope) == Ok(&result)));
            }
        }
    }
}
