//! A definition is JSON, and there is no other text of it: to print one is to write its JSON anew. However
//! that is spelt (spaces, escapes, the order of a state's fields) it is the same machine, and what was
//! written so is written so again.

use serde_json::{Map, Value};
use stepyard_asl::{StateMachine, variable_references};

use crate::{generator, random::Random};

#[test]
fn a_definition_that_is_read_written_and_read_again_is_the_same() {
    for seed in 0..100 {
        let mut random = Random(seed);
        let definition = generator::definition(&mut random);
        let machine = shown(&definition.to_string());
        let pretty = serde_json::to_string_pretty(&definition).unwrap();
        let escaped = escaped(&definition.to_string());
        for text in [pretty, escaped] {
            assert_eq!(shown(&text), machine, "seed {seed}: {text}");
            let read: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(read.to_string(), definition.to_string(), "seed {seed}");
            assert_eq!(variable_references(&text), variable_references(&definition.to_string()));
        }
    }
}

#[test]
fn the_order_of_fields_says_nothing() {
    for seed in 0..100 {
        let mut random = Random(seed);
        let definition = generator::definition(&mut random);
        let mut shuffled = definition.clone();
        shuffle_fields(&mut shuffled, &mut random);
        assert_eq!(shown(&shuffled.to_string()), shown(&definition.to_string()), "seed {seed}");
    }
}

/// Of a field that is written twice the last one counts, as for whoever reads JSON into a map.
#[test]
fn a_field_that_is_written_twice_is_the_last_of_the_two() {
    let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Choice", "Default": "B", "Default": "C",
        "Choices": [{"Variable": "$.n", "IsNull": true, "Next": "B", "Next": "C"}]},
        "C": {"Type": "Fail", "Type": "Succeed"}}}"#;
    let once = r#"{"StartAt": "A", "States": {"A": {"Type": "Choice", "Default": "C",
        "Choices": [{"Variable": "$.n", "IsNull": true, "Next": "C"}]}, "C": {"Type": "Succeed"}}}"#;
    assert_eq!(shown(text), shown(once));
}

/// All that is kept of a definition.
fn shown(text: &str) -> String {
    format!("{:?}", StateMachine::parse(text).unwrap_or_else(|found| panic!("{found:#?} {text}")))
}

/// The same JSON with every letter of its texts escaped.
fn escaped(json: &str) -> String {
    let (mut text, mut in_string, mut is_escaped) = (String::new(), false, false);
    for character in json.chars() {
        match character {
            _ if is_escaped => text.push(character),
            '"' => text.push('"'),
            letter if in_string && letter.is_alphabetic() => {
                let mut units = [0; 2];
                for unit in letter.encode_utf16(&mut units) {
                    text += &format!("\\u{unit:04x}");
                }
            }
            _ => text.push(character),
        }
        in_string ^= character == '"' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
    }
    text
}

/// Shuffles the fields of machines, states, rules, retriers and catchers; not the states, whose order is
/// shown, and nothing in data.
fn shuffle_fields(value: &mut Value, random: &mut Random) {
    const ORDERED: [&str; 10] = [
        "Parameters",
        "Arguments",
        "Result",
        "ResultSelector",
        "Assign",
        "Output",
        "ItemSelector",
        "Items",
        "BatchInput",
        "Credentials",
    ];
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|it| shuffle_fields(it, random)),
        Value::Object(members) => {
            let mut fields: Vec<_> = std::mem::take(members).into_iter().collect();
            for (name, member) in &mut fields {
                match member {
                    Value::Object(states) if name == "States" => {
                        states.values_mut().for_each(|state| shuffle_fields(state, random));
                    }
                    _ if ORDERED.contains(&name.as_str()) => {}
                    _ => shuffle_fields(member, random),
                }
            }
            random.shuffle(&mut fields);
            *members = fields.into_iter().collect::<Map<_, _>>();
        }
        _ => {}
    }
}
