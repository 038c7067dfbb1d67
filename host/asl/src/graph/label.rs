//! What stands on nodes and arrows: a state's caption, a Choice rule or a Catch in a few words.

use serde_json::{Map, Value};

use super::text::clean;
use crate::{Pattern, Resource, ResourceKind, outline::State};

/// No label is longer, in characters: what does not fit is cut by who draws it anyway.
const LABEL_CHARS_MAX: usize = 200;

/// How deep a rule's And, Or and Not are spelt out.
const RULE_DEPTH_MAX: usize = 4;

/// The state's type and what it works on.
pub(super) fn caption(state: &State<'_>) -> String {
    let detail = match state.kind() {
        "Task" => resource(state),
        "Wait" => wait(state),
        "Fail" => state.text("Error").to_owned(),
        "Parallel" => match state.inside.len() {
            1 => "1 branch".to_owned(),
            count => format!("{count} branches"),
        },
        "Map" => map(state),
        _ => String::new(),
    };
    let kind = if state.kind().is_empty() { "no Type" } else { state.kind() };
    let caption = if detail.is_empty() { kind.to_owned() } else { format!("{kind} · {detail}") };
    cut(&clean(&caption))
}

fn resource(state: &State<'_>) -> String {
    let text = state.text("Resource");
    let Ok(resource) = text.parse::<Resource>() else { return text.to_owned() };
    match resource.kind() {
        ResourceKind::Function { name, .. } => format!("Lambda {name}"),
        ResourceKind::Activity | ResourceKind::MapRun => {
            format!("activity {}", text.rsplit(':').next().unwrap_or_default())
        }
        ResourceKind::Service { service, action, pattern } => match function_name(state) {
            Some(name) if service == "lambda" && *pattern == Pattern::RequestResponse => {
                format!("Lambda {name}")
            }
            _ => format!("{service}:{action}{}", pattern.suffix()),
        },
    }
}

/// The function that `lambda:invoke` calls, when it is written out; of an ARN the name.
fn function_name<'a>(state: &State<'a>) -> Option<&'a str> {
    let arguments = ["Parameters", "Arguments"].iter().find_map(|it| state.fields.get(*it))?;
    let name = arguments.get("FunctionName")?.as_str()?;
    Some(name.split_once(":function:").map_or(name, |(_, name)| name))
}

fn wait(state: &State<'_>) -> String {
    let value = |field: &str| state.fields.get(field).map(plain);
    let seconds = || value("Seconds").map(|seconds| format!("{seconds} s"));
    let seconds_path = || value("SecondsPath").map(|path| format!("{path} s"));
    let until = || value("Timestamp").or_else(|| value("TimestampPath"));
    let until = || until().map(|moment| format!("until {moment}"));
    seconds().or_else(seconds_path).or_else(until).unwrap_or_default()
}

fn map(state: &State<'_>) -> String {
    let items = ["ItemsPath", "Items"].iter().find_map(|field| state.fields.get(*field)?.as_str());
    let items = items.map_or("each item".to_owned(), |items| format!("each of {}", bare(items)));
    match state.fields.get("MaxConcurrency").and_then(Value::as_u64) {
        None | Some(0) => items,
        Some(1) => format!("{items}, one by one"),
        Some(count) => format!("{items}, {count} at a time"),
    }
}

/// The errors that a catcher names.
pub(super) fn errors(catcher: &Map<String, Value>) -> String {
    let names = catcher.get("ErrorEquals").and_then(Value::as_array);
    let names: Vec<&str> = names.into_iter().flatten().filter_map(Value::as_str).collect();
    cut(&clean(&names.join(", ")))
}

/// A Choice rule: `$.available == true`.
pub(super) fn rule(rule: &Map<String, Value>) -> String {
    cut(&clean(&condition(rule, RULE_DEPTH_MAX)))
}

fn condition(rule: &Map<String, Value>, depth: usize) -> String {
    if depth == 0 {
        return "…".to_owned();
    }
    if let Some(expression) = rule.get("Condition") {
        return expression
            .as_str()
            .map_or_else(|| expression.to_string(), |it| bare(it).to_owned());
    }
    let inner = |rule: &Value| match rule.as_object() {
        Some(rule) if is_compound(rule) => format!("({})", condition(rule, depth - 1)),
        Some(rule) => condition(rule, depth - 1),
        None => "…".to_owned(),
    };
    let joined = |rules: &Value, word: &str| {
        let rules: Vec<String> = rules.as_array().into_iter().flatten().map(inner).collect();
        rules.join(word)
    };
    if let Some(rules) = rule.get("And") {
        return joined(rules, " && ");
    }
    if let Some(rules) = rule.get("Or") {
        return joined(rules, " || ");
    }
    if let Some(negated) = rule.get("Not") {
        return format!("not {}", inner(negated));
    }
    comparison(rule).unwrap_or_else(|| "…".to_owned())
}

fn is_compound(rule: &Map<String, Value>) -> bool {
    rule.contains_key("And") || rule.contains_key("Or")
}

fn comparison(rule: &Map<String, Value>) -> Option<String> {
    let variable = rule.get("Variable")?.as_str()?;
    let (operator, operand) = rule
        .iter()
        .find(|(field, _)| !matches!(field.as_str(), "Variable" | "Next" | "Comment" | "Assign"))?;
    if let Some(property) = operator.strip_prefix("Is") {
        let not = if operand == &Value::Bool(false) { " not" } else { "" };
        return Some(format!("{variable} is{not} {}", property.to_lowercase()));
    }
    // The longer endings first: `LessThanEquals` ends with `Equals` too.
    let symbols = [
        ("LessThanEquals", "≤"),
        ("GreaterThanEquals", "≥"),
        ("LessThan", "<"),
        ("GreaterThan", ">"),
        ("Equals", "=="),
        ("Matches", "matches"),
    ];
    let (operator, is_path) =
        operator.strip_suffix("Path").map_or((operator.as_str(), false), |it| (it, true));
    let (_, symbol) = symbols.iter().find(|(ending, _)| operator.ends_with(ending))?;
    let operand = if is_path { plain(operand) } else { operand.to_string() };
    Some(format!("{variable} {symbol} {operand}"))
}

/// A value as it is read, a string without its quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| bare(text).to_owned())
}

/// A JSONata expression without its braces.
fn bare(text: &str) -> &str {
    let inner = text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}"));
    inner.map_or(text, str::trim)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LABEL_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_is_said_in_a_few_words() {
        for (written, expected) in [
            (json!({"Variable": "$.a", "BooleanEquals": true, "Next": "X"}), "$.a == true"),
            (json!({"Variable": "$.a", "StringEquals": "x", "Next": "X"}), "$.a == \"x\""),
            (json!({"Variable": "$.a", "NumericLessThanEquals": 3}), "$.a ≤ 3"),
            (json!({"Variable": "$.a", "NumericGreaterThanPath": "$.b"}), "$.a > $.b"),
            (json!({"Variable": "$.a", "StringMatches": "a*"}), "$.a matches \"a*\""),
            (json!({"Variable": "$.a", "IsPresent": true}), "$.a is present"),
            (json!({"Variable": "$.a", "IsNull": false}), "$.a is not null"),
            (json!({"Comment": "c", "Variable": "$.a", "TimestampLessThan": "t"}), "$.a < \"t\""),
            (
                json!({"And": [
                    {"Variable": "$.a", "IsNull": true},
                    {"Or": [{"Not": {"Variable": "$.b", "IsString": true}}, {"Variable": "$.c"}]},
                ]}),
                "$.a is null && (not $.b is string || …)",
            ),
            (json!({"Condition": "{% $states.input.n > 1 %}"}), "$states.input.n > 1"),
            (json!({"Next": "X"}), "…"),
            (json!({"And": 3}), ""),
        ] {
            assert_eq!(rule(written.as_object().unwrap()), expected, "{written}");
        }
    }

    #[test]
    fn a_rule_of_any_depth_has_a_short_label() {
        let mut rule_value = json!({"Variable": "$.a", "IsNull": true});
        for _ in 0..100 {
            rule_value = json!({"And": [rule_value.clone(), rule_value["Not"].clone()]});
        }
        assert!(rule(rule_value.as_object().unwrap()).chars().count() <= LABEL_CHARS_MAX + 1);
    }

    #[test]
    fn a_caption_says_the_type_and_what_it_works_on() {
        let cases = [
            (
                json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                       "Parameters": {"FunctionName": "ChargePayment"}}),
                "Task · Lambda ChargePayment",
            ),
            (
                json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                       "Parameters": {"FunctionName.$": "$.f"}}),
                "Task · lambda:invoke",
            ),
            (
                json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:Pay:live"}),
                "Task · Lambda Pay",
            ),
            (
                json!({"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken"}),
                "Task · sqs:sendMessage.waitForTaskToken",
            ),
            (
                json!({"Type": "Task", "Resource": "arn:aws:states:us-east-1:1:activity:Pack"}),
                "Task · activity Pack",
            ),
            (json!({"Type": "Wait", "Seconds": 60}), "Wait · 60 s"),
            (json!({"Type": "Wait", "TimestampPath": "$.at"}), "Wait · until $.at"),
            (json!({"Type": "Fail", "Error": "NoStock"}), "Fail · NoStock"),
            (json!({"Type": "Map", "MaxConcurrency": 5}), "Map · each item, 5 at a time"),
            (
                json!({"Type": "Map", "Items": "{% $states.input.l %}"}),
                "Map · each of $states.input.l",
            ),
            (json!({"Type": "Parallel", "Branches": []}), "Parallel · 0 branches"),
            (json!({"Type": "Choice"}), "Choice"),
            (json!({}), "no Type"),
        ];
        for (state, expected) in cases {
            let definition = json!({"States": {"A": state}});
            let graph = crate::graph::Graph::read(&definition);
            assert_eq!(graph.scopes[0].nodes[1].caption, expected);
        }
    }
}
