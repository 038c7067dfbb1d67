//! Payload templates: a JSON value in which a name that ends in `.$` marks a path or an intrinsic
//! call to be evaluated (States Language, "Payload Template"); in a JSONata state, one in which a
//! text `{% ... %}` is an expression.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{
    Scope,
    expression::{Expression, refusal},
    measure,
    query::{Moment, Query, QueryLanguage, marked},
};
use crate::{
    Diagnostic, EvaluationError, Location, StatesError, error_name,
    fields::{Dialect, problem},
    findings::Findings,
};

/// What the paths and calls of one template may give in all, in the units of [`measure::weight`].
/// AWS's payloads end at 262,144 bytes: this stops only what would be refused anyway, before it
/// takes memory.
const WEIGHT_MAX: usize = 16 << 20;

/// A payload template, read.
#[derive(Clone, Debug)]
pub(crate) struct Template(Node);

#[derive(Clone, Debug)]
enum Node {
    /// Nothing in it is evaluated.
    Literal(Value),
    Object(Vec<(Box<str>, Self)>),
    Array(Vec<Self>),
    /// What a name ending in `.$` stood for.
    Field(Box<Field>),
    /// What stood between `{%` and `%}`.
    Query(Box<Query>),
}

/// What a template is read as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader {
    pub(crate) dialect: Dialect,
    pub(crate) moment: Moment,
}

#[derive(Clone, Debug)]
struct Field {
    /// The name with its `.$`.
    name: Box<str>,
    expression: Expression,
}

impl Template {
    /// Reads a template that stands at `at`; what is wrong with it is added to `found`.
    pub(crate) fn read(value: &Value, at: &Location, reader: Reader, found: &mut Findings) -> Self {
        Self(Node::read(value, at, reader, found))
    }

    /// The expression that the whole template is.
    pub(crate) fn as_query(&self) -> Option<&Query> {
        match &self.0 {
            Node::Query(query) => Some(query),
            _ => None,
        }
    }

    /// The value it stands for.
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        let mut left = WEIGHT_MAX;
        let value = self.0.evaluate(scope, &mut left)?;
        measure::check_depth(&value)?;
        Ok(value)
    }
}

/// Recursion here is as deep as the definition, which serde_json reads to a depth of 127 at most.
impl Node {
    fn read(value: &Value, at: &Location, reader: Reader, found: &mut Findings) -> Self {
        let node = match value {
            Value::Object(members) => Self::Object(read_members(members, at, reader, found)),
            Value::Array(elements) => {
                let read = |(index, it)| Self::read(it, &at.index(index), reader, found);
                Self::Array(elements.iter().enumerate().map(read).collect())
            }
            Value::String(text) => read_query(text, at, reader, found)
                .map_or_else(|| Self::Literal(value.clone()), |query| Self::Query(Box::new(query))),
            _ => Self::Literal(value.clone()),
        };
        if node.is_constant() { Self::Literal(value.clone()) } else { node }
    }

    fn is_constant(&self) -> bool {
        match self {
            Self::Literal(_) => true,
            Self::Object(members) => members.iter().all(|(_, it)| matches!(it, Self::Literal(_))),
            Self::Array(elements) => elements.iter().all(|it| matches!(it, Self::Literal(_))),
            Self::Field(_) | Self::Query(_) => false,
        }
    }

    fn evaluate(&self, scope: &Scope<'_>, left: &mut usize) -> Result<Value, EvaluationError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Object(members) => members
                .iter()
                .map(|(name, node)| Ok((name.to_string(), node.evaluate(scope, left)?)))
                .collect::<Result<_, _>>()
                .map(Value::Object),
            Self::Array(elements) => elements
                .iter()
                .map(|node| node.evaluate(scope, left))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Self::Field(field) => {
                Ok(weighed(field.expression.evaluate(&field.name, scope)?, left)?)
            }
            Self::Query(query) => Ok(weighed(Cow::Owned(query.evaluate(scope)?), left)?),
        }
    }
}

fn read_members(
    members: &Map<String, Value>,
    at: &Location,
    reader: Reader,
    found: &mut Findings,
) -> Vec<(Box<str>, Node)> {
    let has_paths = reader.dialect.language == QueryLanguage::JsonPath;
    let mut nodes = Vec::with_capacity(members.len());
    for (name, value) in members {
        let Some(stripped) = name.strip_suffix(".$").filter(|_| has_paths) else {
            nodes.push((name.as_str().into(), Node::read(value, &at.field(name), reader, found)));
            continue;
        };
        if members.contains_key(stripped) {
            found.push(duplicate(stripped, at));
        }
        match Expression::read(value) {
            Ok(expression) => {
                let field = Field { name: name.as_str().into(), expression };
                nodes.push((stripped.into(), Node::Field(Box::new(field))));
            }
            Err(error) => found.push(refusal(name, &error, at)),
        }
    }
    nodes
}

/// Reads a text that is an expression. None when it is none, or is refused.
fn read_query(text: &str, at: &Location, reader: Reader, found: &mut Findings) -> Option<Query> {
    if reader.dialect.language != QueryLanguage::Jsonata {
        return None;
    }
    let place = at.below(reader.dialect.depth);
    Query::read(marked(text)?, (at, place), reader.moment, found)
}

fn duplicate(name: &str, at: &Location) -> Diagnostic {
    problem(
        format!("The field '{name}' is given twice, as '{name}' and as '{name}.$'"),
        at.clone(),
        format!("remove `{name}` or `{name}.$`: both give the member `{name}`"),
    )
}

/// A value, once it has been taken off what may be left.
fn weighed(value: Cow<'_, Value>, left: &mut usize) -> Result<Value, StatesError> {
    *left = left.checked_sub(measure::weight(&value)).ok_or_else(|| {
        StatesError::new(
            error_name::DATA_LIMIT_EXCEEDED,
            "The payload template gives a value with a size exceeding the maximum number of bytes \
             service limit.",
        )
    })?;
    Ok(value.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::payload::{path::tests::values, testing::in_scope};

    fn read(template: &Value) -> (Template, Vec<String>) {
        let mut found = Findings::default();
        let at = Location::default().field("States").field("A").field("Parameters");
        let reader = Reader { dialect: Dialect::default(), moment: Moment::Entering };
        let template = Template::read(template, &at, reader, &mut found);
        (template, found.iter().map(|it| format!("{} at {}", it.message, it.location)).collect())
    }

    fn evaluated(template: &Value, input: &Value) -> String {
        let (template, found) = read(template);
        assert_eq!(found, Vec::<String>::new());
        match in_scope(input, |scope| template.evaluate(scope)) {
            Ok(value) => value.to_string(),
            Err(EvaluationError { error, .. }) => {
                format!("{}: {}", error.name(), error.cause.as_deref().unwrap_or_default())
            }
        }
    }

    #[test]
    fn names_ending_in_dollar_are_evaluated_and_nothing_else_is() {
        let input = json!({"a": {"b": [1, 2, 3]}, "n": null});
        let cases = [
            (json!({}), "{}"),
            (json!(5), "5"),
            (
                json!({"x": "$.a", "y": [{"z": "States.UUID()"}]}),
                r#"{"x":"$.a","y":[{"z":"States.UUID()"}]}"#,
            ),
            (json!({"z": 1, "x.$": "$.a.b", "y": 2}), r#"{"z":1,"x":[1,2,3],"y":2}"#),
            (json!({"x.$": "$"}), r#"{"x":{"a":{"b":[1,2,3]},"n":null}}"#),
            (json!({"x.$": "$.n"}), r#"{"x":null}"#),
            (
                json!({"l": [1, {"x.$": "$.a.b[0]"}, [{"y.$": "$.a.b[1:]"}]]}),
                r#"{"l":[1,{"x":1},[{"y":[2,3]}]]}"#,
            ),
            (json!({"x.$": "$.no[*]"}), r#"{"x":[]}"#),
            (json!({"x.$": "$.a.b[5]"}), r#"{"x":null}"#),
            (
                json!({"x.$": "$$.State.Name", "y.$": "States.Format('{}!', $.a.b[2])"}),
                r#"{"x":"Pay","y":"3!"}"#,
            ),
            (
                json!({"x.$": "$box", "y.$": "States.ArrayLength($box.size)", "z": "$box"}),
                r#"{"x":{"size":[3,4]},"y":2,"z":"$box"}"#,
            ),
            (json!({"x.$.$": "$.n"}), r#"{"x.$":null}"#),
            (json!({".$": "$.n"}), r#"{"":null}"#),
            (json!({"$": "$.n"}), r#"{"$":"$.n"}"#),
        ];
        for (template, expected) in cases {
            assert_eq!(evaluated(&template, &input), expected, "{template}");
        }
    }

    #[test]
    fn each_uuid_is_another_and_always_the_same() {
        let template = json!({"a.$": "States.UUID()", "b": {"c.$": "States.UUID()"}});
        let expected = r#"{"a":"01010101-0101-4101-8101-010101010101","b":{"c":"02020202-0202-4202-8202-020202020202"}}"#;
        assert_eq!(evaluated(&template, &json!({})), expected);
        assert_eq!(evaluated(&template, &json!({})), expected);
    }

    #[test]
    fn a_path_to_nothing_fails_and_names_path_field_and_input() {
        let cases = [
            ("$.x", r#"'{"a":1}'"#),
            ("$.a.x", r#"'{"a":1}'"#),
            ("$.x.y", r#"'{"a":1}'"#),
            ("$.a[0]", r#"'{"a":1}'"#),
            ("$none", r#"'{"a":1}'"#),
            ("$none.x", r#"'{"a":1}'"#),
            ("$box.x", r#"'{"size":[3,4]}'"#),
        ];
        for (path, input) in cases {
            let expected = format!(
                "States.Runtime: The JSONPath '{path}' specified for the field 'v.$' could not be \
                 found in the input {input}"
            );
            assert_eq!(evaluated(&json!({"p": {"v.$": path}}), &json!({"a": 1})), expected);
        }
        let context = evaluated(&json!({"v.$": "$$.Execution.Input.no"}), &json!({}));
        let start = "States.Runtime: The JSONPath '$$.Execution.Input.no' specified for the field \
                     'v.$' could not be found in the input '{\"Execution\":{\"Id\":";
        assert!(context.starts_with(start), "{context}");
    }

    #[test]
    fn what_cannot_be_evaluated_is_refused_where_it_stands() {
        let refused = |field: &str| {
            format!(
                "The value for the field '{field}' must be a valid JSONPath or a valid intrinsic \
                 function call"
            )
        };
        let here = "/States/A/Parameters";
        let cases = [
            (json!({"k.$": "plain"}), format!("{} at {here}", refused("k.$"))),
            (json!({"k.$": 5}), format!("{} at {here}", refused("k.$"))),
            (json!({"k.$": {"x": 1}}), format!("{} at {here}", refused("k.$"))),
            (json!({"k.$": "$."}), format!("{} at {here}", refused("k.$"))),
            (json!({"k.$": "States.Nope()"}), format!("{} at {here}", refused("k.$"))),
            (json!({"p": {"k.$": ""}}), format!("{} at {here}/p", refused("k.$"))),
            (json!({"p": [1, {"k.$": ""}]}), format!("{} at {here}/p[1]", refused("k.$"))),
            (json!([{"k.$": ""}]), format!("{} at {here}[0]", refused("k.$"))),
            (
                json!({"k": 1, "k.$": "$.a"}),
                format!("The field 'k' is given twice, as 'k' and as 'k.$' at {here}"),
            ),
        ];
        for (template, expected) in cases {
            assert_eq!(read(&template).1, [expected], "{template}");
        }
        assert_eq!(read(&json!({"a.$": 1, "b": {"c.$": 2}})).1.len(), 2);
    }

    #[test]
    fn what_a_template_builds_is_bounded() {
        let large = json!({"text": "x".repeat(250_000)});
        let many = |count| (0..count).map(|n| (format!("f{n}.$"), json!("$"))).collect();
        assert!(evaluated(&Value::Object(many(60)), &large).starts_with("{\"f0\""));
        let refused = evaluated(&Value::Object(many(70)), &large);
        assert!(refused.starts_with("States.DataLimitExceeded: "), "{refused}");

        let mut deep = json!(1);
        for _ in 0..126 {
            deep = json!([deep]);
        }
        assert!(evaluated(&json!({"x.$": "$"}), &deep).starts_with("{\"x\":["));
        assert_eq!(
            evaluated(&json!({"y": {"x.$": "$"}}), &deep),
            "States.Runtime: The payload nests more than 127 arrays and objects deep"
        );
    }

    proptest! {
        #[test]
        fn a_template_without_dollar_names_is_itself(value in values(), input in values()) {
            prop_assert_eq!(evaluated(&value, &input), value.to_string());
        }

        #[test]
        fn any_value_is_read_as_a_template(text in "[$a.*()'{}, \\[\\]]{0,12}") {
            read(&json!({"x.$": text}));
            read(&json!({"x.$": format!("States.Format({text})")}));
        }
    }
}
