//! The Lambda functions that recorded cases call, as one step: the setting `does` says which one it is.
//!
//! | `does` | what it does |
//! |---|---|
//! | `id` | returns its input |
//! | `echo` | returns `{"Return": "HelloWorld"}` |
//! | `text` | returns `"HelloWorld!"` |
//! | `decorate` | returns `input-event-` and its input as Python's `repr` has it |
//! | `flood` | returns a string of 257 KiB, over Step Functions' 256 KiB |
//! | `raise` | fails with `Exception`: Some exception was raised. |
//! | `raise-custom` | fails with `CustomException` and no words |
//! | `sleep` | sleeps for a minute, then returns its input |

mod repr;

use std::{thread, time::Duration};

use serde_json::{Value, json};
use stepyard_step::{Context, Error, config, step};

step!(handle);

/// How many bytes `flood` returns.
const FLOOD_BYTES: usize = 257 * 1024;

/// How long `sleep` sleeps.
const SLEEP: Duration = Duration::from_secs(60);

fn handle(input: Value, _context: &Context) -> Result<Value, Error> {
    let does = config::get("does")?.unwrap_or_default();
    match does.as_str() {
        "id" => Ok(input),
        "echo" => Ok(json!({ "Return": "HelloWorld" })),
        "text" => Ok(json!("HelloWorld!")),
        "decorate" => Ok(json!(format!("input-event-{}", repr::of(&input)))),
        "flood" => Ok(json!("a".repeat(FLOOD_BYTES))),
        "raise" => Err(Error::new("Exception", "Some exception was raised.")),
        "raise-custom" => Err(Error::new("CustomException", "")),
        "sleep" => {
            thread::sleep(SLEEP);
            Ok(input)
        }
        other => Err(Error::new("UnknownFunction", format!("nothing is known of `{other}`"))),
    }
}
