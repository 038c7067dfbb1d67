//! The intrinsic functions: one table of them all, and those of texts.

use std::{borrow::Cow, fmt, ops::RangeInclusive};

use serde_json::Value;

use super::{super::Random, CallError, WEIGHT_MAX, array, encoding, math};

/// An intrinsic function.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// How many arguments it takes.
    arguments: RangeInclusive<usize>,
    /// Whether it can stand where a string must (`ErrorPath`, `CausePath`).
    pub(super) may_give_a_string: bool,
    /// What it does.
    body: Body,
}

type Body = fn(&Function, &[Given<'_>], &dyn Random) -> Result<Value, Fault>;

/// An argument's value.
#[derive(Debug)]
pub(super) struct Given<'a> {
    pub(super) value: Cow<'a, Value>,
    /// Of a text in quotes, what stands between them.
    pub(super) raw: Option<&'a str>,
}

/// What went wrong in a call, as AWS words it.
#[derive(Debug)]
pub(super) struct Fault(pub(super) String);

const ANY: usize = usize::MAX;

/// Every function of the States Language, by name.
static FUNCTIONS: [Function; 18] = [
    Function::new("States.Array", 0..=ANY, false, array::array),
    Function::new("States.ArrayContains", 2..=2, false, array::contains),
    Function::new("States.ArrayGetItem", 2..=2, true, array::get_item),
    Function::new("States.ArrayLength", 1..=1, false, array::length),
    Function::new("States.ArrayPartition", 2..=2, false, array::partition),
    Function::new("States.ArrayRange", 3..=3, false, array::range),
    Function::new("States.ArrayUnique", 1..=1, false, array::unique),
    Function::new("States.Base64Decode", 1..=1, true, encoding::base64_decode),
    Function::new("States.Base64Encode", 1..=1, true, encoding::base64_encode),
    Function::new("States.Format", 1..=ANY, true, format),
    Function::new("States.Hash", 2..=2, true, encoding::hash),
    Function::new("States.JsonMerge", 3..=3, false, encoding::json_merge),
    Function::new("States.JsonToString", 1..=1, true, json_to_string),
    Function::new("States.MathAdd", 2..=2, false, math::add),
    Function::new("States.MathRandom", 2..=3, false, math::random),
    Function::new("States.StringSplit", 2..=2, false, string_split),
    Function::new("States.StringToJson", 1..=1, false, string_to_json),
    Function::new("States.UUID", 0..=0, true, uuid),
];

impl Function {
    const fn new(
        name: &'static str,
        arguments: RangeInclusive<usize>,
        may_give_a_string: bool,
        body: Body,
    ) -> Self {
        Self { name, arguments, may_give_a_string, body }
    }

    pub(super) fn named(name: &str) -> Result<&'static Self, CallError> {
        let function = FUNCTIONS.iter().find(|function| function.name == name);
        function.ok_or_else(|| CallError::Unknown { name: name.to_owned() })
    }

    /// Checks the number of arguments.
    pub(super) fn check(&self, given: usize) -> Result<(), CallError> {
        if self.arguments.contains(&given) {
            return Ok(());
        }
        let expected = match (*self.arguments.start(), *self.arguments.end()) {
            (0, 0) => "no arguments".to_owned(),
            (least, ANY) => format!("{least} or more arguments"),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        Err(CallError::Arguments { name: self.name, expected, given })
    }

    pub(super) fn run(&self, given: &[Given<'_>], random: &dyn Random) -> Result<Value, Fault> {
        (self.body)(self, given, random)
    }

    pub(super) fn too_large(&self) -> Fault {
        Fault(format!("The result of {} is too large", self.name))
    }

    pub(super) fn invalid(&self) -> Fault {
        Fault(format!("Invalid arguments in {}", self.name))
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// `States.Format(template, value, ...)`: the template with each `{}` replaced by a value, in order.
fn format(this: &Function, given: &[Given<'_>], _random: &dyn Random) -> Result<Value, Fault> {
    let (template, values) = given.split_first().ok_or_else(|| this.invalid())?;
    let template =
        template.raw.or_else(|| template.value.as_str()).ok_or_else(|| this.invalid())?;
    let mut values = values.iter();
    let mut text = String::new();
    let mut characters = template.chars().peekable();
    let mismatch = || {
        let name = this.name;
        Fault(format!(
            "Invalid arguments in {name}: number of arguments do not match the occurrences of {{}}."
        ))
    };
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let escaped = characters.next_if(|next| ['\'', '{', '}', '\\'].contains(next));
                text.push(escaped.unwrap_or('\\'));
            }
            '{' => {
                if characters.next() != Some('}') {
                    let name = this.name;
                    return Err(Fault(format!(
                        "Invalid template in {name}: matching '}}' not found for '{{'."
                    )));
                }
                render(&values.next().ok_or_else(mismatch)?.value, &mut text);
                if text.len() > WEIGHT_MAX {
                    return Err(this.too_large());
                }
            }
            _ => text.push(character),
        }
    }
    if values.next().is_some() {
        return Err(mismatch());
    }
    Ok(text.into())
}

/// Writes a value as AWS's `States.Format` does, which is as Java writes it: `{k=v, l=[1, 2]}`.
/// Recursion here is as deep as the value, which [`super::measure`] bounds.
fn render(value: &Value, text: &mut String) {
    match value {
        Value::String(string) => text.push_str(string),
        Value::Array(elements) => {
            text.push('[');
            for (position, element) in elements.iter().enumerate() {
                text.push_str(if position == 0 { "" } else { ", " });
                render(element, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (position, (name, member)) in members.iter().enumerate() {
                text.push_str(if position == 0 { "" } else { ", " });
                text.push_str(name);
                text.push('=');
                render(member, text);
            }
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => text.push_str(&value.to_string()),
    }
}

/// `States.JsonToString(value)`: the value as compact JSON.
fn json_to_string(
    _this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let [value] = values(given);
    Ok(value.to_string().into())
}

/// `States.StringSplit(string, delimiters)`: the pieces between any of the characters in
/// `delimiters`, without empty ones.
fn string_split(
    this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let [Value::String(string), Value::String(delimiters)] = values(given) else {
        return Err(this.invalid());
    };
    let pieces = string.split(|character| delimiters.contains(character));
    Ok(pieces.filter(|piece| !piece.is_empty()).collect())
}

/// `States.StringToJson(string)`: the value that a JSON text stands for; null for a blank one.
fn string_to_json(
    this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let [Value::String(string)] = values(given) else { return Err(this.invalid()) };
    if string.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&without_negative_zeros(string)).map_err(|_| this.invalid())
}

/// serde_json reads `-0` as the float -0.0; on AWS it is the integer 0.
fn without_negative_zeros(json: &str) -> Cow<'_, str> {
    if !json.contains("-0") {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len());
    let (mut in_string, mut escaped, mut before) = (false, false, ' ');
    for (position, character) in json.char_indices() {
        if character == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = character == '\\' && in_string && !escaped;
        let rest = &json[position..];
        let exponent = before == 'e' || before == 'E';
        if in_string || exponent || !is_negative_zero(rest) {
            text.push(character);
        }
        before = character;
    }
    Cow::Owned(text)
}

fn is_negative_zero(rest: &str) -> bool {
    let after = rest.strip_prefix("-0");
    after.is_some_and(|after| {
        !after.starts_with(|next: char| next.is_ascii_digit() || ".eE".contains(next))
    })
}

/// `States.UUID()`: a version 4 UUID.
fn uuid(_this: &Function, _given: &[Given<'_>], random: &dyn Random) -> Result<Value, Fault> {
    let uuid = uuid::Builder::from_random_bytes(random.draw()).into_uuid();
    Ok(uuid.to_string().into())
}

/// The arguments of a function that takes `N` of them.
pub(super) fn values<'a, const N: usize>(given: &'a [Given<'_>]) -> [&'a Value; N] {
    let mut values = given.iter().map(|given| &*given.value);
    [(); N].map(|()| values.next().expect("the number of arguments is checked when a call is read"))
}
