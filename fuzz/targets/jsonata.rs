//! JSONata expressions, each with the JSON that it is evaluated on.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../host/asl/tests/laws/trials.rs"]
#[expect(dead_code, reason = "each target tries one kind of text")]
mod trials;

fuzz_target!(|text: &str| trials::jsonata(text));
