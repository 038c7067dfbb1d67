//! A step of Stepyard: greets by name.

use serde::{Deserialize, Serialize};

wit_bindgen::generate!({ path: "wit", world: "local:step/component", generate_all });

use exports::stepyard::step::handler::{Context, Error, Guest};
use wasi::logging::logging::{Level, log};

struct Step;

export!(Step);

#[derive(Deserialize)]
struct Input {
    name: String,
}

#[derive(Serialize)]
struct Output {
    greeting: String,
}

impl Guest for Step {
    fn invoke(input: String, _context: Context) -> Result<String, Error> {
        let input: Input = serde_json::from_str(&input).map_err(|error| Error {
            error_type: "InvalidInput".to_owned(),
            error_message: format!("the input is not valid: {error}"),
        })?;
        log(Level::Info, "{NAME}", "greets");
        let output = Output { greeting: format!("Hello, {}.", input.name) };
        Ok(serde_json::to_string(&output).expect("a text is JSON"))
    }
}
