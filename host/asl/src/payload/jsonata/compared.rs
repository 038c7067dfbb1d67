//! What stands in the place of the engine's comparisons (`rewrite`): each value is looked at once.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::functions::Refusal;

type Answer = Result<Option<Value>, Refusal>;

/// `a = b`: whether they are equal all through; false of undefined ones.
pub(super) fn equal(arguments: &[Option<Value>]) -> Answer {
    Ok(Some(json!(are_equal(arguments) == Some(true))))
}

/// `a != b`; false of undefined ones, too.
pub(super) fn unequal(arguments: &[Option<Value>]) -> Answer {
    Ok(Some(json!(are_equal(arguments) == Some(false))))
}

/// `a in b`: whether an item of `b`, or `b` itself, is equal to `a`.
pub(super) fn member(arguments: &[Option<Value>]) -> Answer {
    let [Some(wanted), Some(list)] = arguments else { return Ok(Some(json!(false))) };
    let mut items = list.as_array().map_or(std::slice::from_ref(list), Vec::as_slice).iter();
    let found = if wanted.is_array() || wanted.is_object() {
        // Written down once, and not for each item.
        let text = canonical(wanted.clone());
        items.any(|item| item.is_array() == wanted.is_array() && canonical(item.clone()) == text)
    } else {
        items.any(|item| is_same(item, wanted))
    };
    Ok(Some(json!(found)))
}

/// What `**` is about to go through. It is counted as all arguments are, and nothing is made of it.
pub(super) fn counted(_: &[Option<Value>]) -> Answer {
    Ok(Some(json!(true)))
}

/// `a / b`. What is not finite is text in AWS's results, `"Infinity"`, and so is here at once.
pub(super) fn quotient(arguments: &[Option<Value>]) -> Answer {
    let operand = |index: usize, code: &'static str| match arguments.get(index) {
        Some(Some(value)) => match value.as_f64() {
            Some(number) => Ok(Some(number)),
            None => Err(Refusal::Operand { code, token: "/", value: value.clone() }),
        },
        _ => Ok(None),
    };
    let (dividend, divisor) = (operand(0, "T2001")?, operand(1, "T2002")?);
    let quotient = dividend.zip(divisor).map(|(dividend, divisor)| dividend / divisor);
    Ok(quotient.map(|quotient| match quotient {
        f64::INFINITY => json!("Infinity"),
        f64::NEG_INFINITY => json!("-Infinity"),
        quotient if quotient.is_nan() => json!("NaN"),
        quotient => json!(quotient),
    }))
}

/// How many names are still compared each with each.
const FEW: usize = 64;

/// The names of an object's members, or of those of all objects of an array and of the arrays in it, each
/// once.
pub(super) fn keys(arguments: &[Option<Value>]) -> Answer {
    Ok(Some(json!(names(arguments))))
}

/// Whether there are so few of these names that it does not matter how they are compared.
pub(super) fn few_keys(arguments: &[Option<Value>]) -> Answer {
    Ok(Some(json!(names(arguments).len() <= FEW)))
}

fn names(arguments: &[Option<Value>]) -> Vec<&String> {
    let (mut seen, mut names) = (HashSet::new(), Vec::new());
    let mut ready: Vec<&Value> = arguments.iter().flatten().collect();
    while let Some(value) = ready.pop() {
        match value {
            Value::Array(items) => ready.extend(items.iter().rev()),
            Value::Object(members) => names.extend(members.keys().filter(|key| seen.insert(*key))),
            _ => {}
        }
    }
    names
}

/// The items of a list, each once, where it stands first; what is no list is itself.
pub(super) fn unique(arguments: &[Option<Value>]) -> Answer {
    let [Some(Value::Array(items))] = arguments else { return Ok(first(arguments)) };
    let mut seen = HashSet::new();
    let unique = items.iter().filter(|item| seen.insert(canonical((*item).clone())));
    Ok(Some(unique.cloned().collect()))
}

/// Whether all items of a list are equal, or there is no list.
pub(super) fn uniform(arguments: &[Option<Value>]) -> Answer {
    let [Some(Value::Array(items))] = arguments else { return Ok(Some(json!(true))) };
    let mut texts = items.iter().map(|item| canonical(item.clone()));
    let first = texts.next();
    Ok(Some(json!(texts.all(|text| Some(&text) == first.as_ref()))))
}

fn first(arguments: &[Option<Value>]) -> Option<Value> {
    arguments.first().cloned().flatten()
}

fn are_equal(arguments: &[Option<Value>]) -> Option<bool> {
    let [Some(one), Some(other)] = arguments else { return None };
    Some(is_same(one, other))
}

fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => {
            canonical(one.clone()) == canonical(other.clone())
        }
        _ => one == other,
    }
}

/// A text that equal values share: names in order, and numbers as the engine has them, which are floats.
/// A work list, as the value nests as deep as its author likes.
fn canonical(mut value: Value) -> String {
    let mut ready = vec![&mut value];
    while let Some(node) = ready.pop() {
        match node {
            Value::Number(number) => {
                if let Some(float) = number.as_f64() {
                    // Nought has one sign only.
                    *node = json!(float + 0.0);
                }
            }
            Value::Array(items) => ready.extend(items),
            Value::Object(members) => {
                members.sort_keys();
                ready.extend(members.values_mut());
            }
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(body: fn(&[Option<Value>]) -> Answer, arguments: &[Value]) -> String {
        let arguments: Vec<_> = arguments.iter().cloned().map(Some).collect();
        match body(&arguments) {
            Ok(value) => value.map_or_else(|| "undefined".to_owned(), |it| it.to_string()),
            Err(Refusal::Operand { code, .. }) => code.to_owned(),
            Err(Refusal::TooLarge) => "too large".to_owned(),
            Err(Refusal::Message(message)) => message,
        }
    }

    #[test]
    fn values_are_equal_all_through() {
        let cases = [
            (json!(1), json!(1.0), true),
            (json!(0), json!(-0.0), true),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64), true),
            (json!("1"), json!(1), false),
            (json!(null), json!(null), true),
            (json!({"a": [1, {"b": 2}], "c": 3}), json!({"c": 3.0, "a": [1, {"b": 2}]}), true),
            (json!([1, 2]), json!([2, 1]), false),
            (json!([]), json!({}), false),
        ];
        for (one, other, expected) in cases {
            let arguments = [one, other];
            assert_eq!(called(equal, &arguments), expected.to_string(), "{arguments:?}");
            assert_eq!(called(unequal, &arguments), (!expected).to_string(), "{arguments:?}");
        }
        for body in [equal, unequal] {
            assert_eq!(body(&[None, Some(json!(1))]), Ok(Some(json!(false))));
        }
    }

    #[test]
    fn lists_are_searched_and_thinned() {
        let list = json!([1, "a", {"b": 1, "c": 2}, [1], 1.0, {"c": 2, "b": 1}]);
        for (item, expected) in
            [(json!(1), "true"), (json!({"c": 2, "b": 1}), "true"), (json!("1"), "false")]
        {
            assert_eq!(called(member, &[item, list.clone()]), expected);
        }
        assert_eq!(called(member, &[json!(1), json!(1)]), "true");
        assert_eq!(called(unique, std::slice::from_ref(&list)), r#"[1,"a",{"b":1,"c":2},[1]]"#);
        assert_eq!(called(unique, &[json!("a")]), r#""a""#);
        assert_eq!(called(uniform, &[list]), "false");
        assert_eq!(called(uniform, &[json!([1, 1.0])]), "true");
        assert_eq!(called(keys, &[json!([{"a": 1}, [{"b": 1, "a": 2}], 3])]), r#"["a","b"]"#);
        assert_eq!(called(few_keys, &[json!([{"a": 1}, 1])]), "true");
        let many: Vec<_> = (0..65).map(|it| json!({it.to_string(): 1})).collect();
        assert_eq!(called(few_keys, &[json!(many)]), "false");
    }

    #[test]
    fn what_is_not_finite_is_text() {
        for (dividend, divisor, expected) in [
            (json!(6), json!(4), "1.5"),
            (json!(1), json!(0), r#""Infinity""#),
            (json!(-1), json!(0), r#""-Infinity""#),
            (json!(0), json!(0), r#""NaN""#),
            (json!("1"), json!(2), "T2001"),
            (json!(1), json!(null), "T2002"),
        ] {
            assert_eq!(called(quotient, &[dividend, divisor]), expected);
        }
    }
}
