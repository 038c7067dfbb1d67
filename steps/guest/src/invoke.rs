//! From JSON text to a typed function and back.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Context, Error};

/// Calls a step's function with JSON text. `step!` gives each step crate its own.
pub fn invoke<Input, Output>(
    handle: impl FnOnce(Input, &Context) -> Result<Output, Error>,
    input: &str,
    context: &Context,
) -> Result<String, Error>
where
    Input: DeserializeOwned,
    Output: Serialize,
{
    let output = handle(read(input)?, context)?;
    serde_json::to_string(&output)
        .map_err(|error| Error::new("InvalidOutput", format!("the output is not JSON: {error}")))
}

fn read<Input: DeserializeOwned>(input: &str) -> Result<Input, Error> {
    let mut json = serde_json::Deserializer::from_str(input);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let message = match field.as_str() {
            "." => format!("the input is not valid: {}", error.inner()),
            field => format!("the input's field {field} is not valid: {}", error.inner()),
        };
        Error::new("InvalidInput", message)
    })?;
    json.end()
        .map_err(|error| Error::new("InvalidInput", format!("the input is not valid: {error}")))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Order {
        lines: Vec<Line>,
    }

    #[derive(Deserialize)]
    struct Line {
        quantity: u32,
    }

    fn total(order: Order, _context: &Context) -> Result<u32, Error> {
        Ok(order.lines.iter().map(|line| line.quantity).sum())
    }

    fn answer(input: &str) -> Result<String, Error> {
        invoke(total, input, &Context::default())
    }

    #[test]
    fn a_typed_function_answers_json_with_json() {
        assert_eq!(answer(r#"{"lines": [{"quantity": 2}, {"quantity": 3}]}"#).unwrap(), "5");
    }

    #[test]
    fn a_bad_input_names_the_field_and_the_place() {
        let cases = [
            (
                r#"{"lines": [{"quantity": "two"}]}"#,
                "the input's field lines[0].quantity is not valid: invalid type: string \"two\", \
                 expected u32 at line 1 column 29",
            ),
            (
                r#"{"lines": [{}]}"#,
                "the input's field lines[0] is not valid: missing field `quantity` at line 1 \
                 column 13",
            ),
            (r#"{}"#, "the input is not valid: missing field `lines` at line 1 column 2"),
            (
                r#"{"lines": []} []"#,
                "the input is not valid: trailing characters at line 1 column 15",
            ),
            ("", "the input is not valid: EOF while parsing a value at line 1 column 0"),
        ];
        for (input, message) in cases {
            let error = answer(input).unwrap_err();
            assert_eq!((error.error_type(), error.message()), ("InvalidInput", message));
        }
    }
}
