//! An execution's input: a file, standard input, or JSON text on the command line.

use std::{fs, io::Read, path::Path};

use anyhow::{Context, Result, bail};
use stepyard_asl::Payload;

/// The most bytes an input may have (Step Functions quota "Maximum input or output size").
pub(crate) const INPUT_BYTES_MAX: usize = 262_144;

/// Reads what `--input` names: `-` is standard input, an existing file its content, else JSON text.
pub(crate) fn read(argument: &str) -> Result<Payload> {
    if argument == "-" {
        let mut text = String::new();
        let limit = INPUT_BYTES_MAX as u64 + 1;
        std::io::stdin().take(limit).read_to_string(&mut text).context("reading standard input")?;
        return parse("standard input", text);
    }
    let path = Path::new(argument);
    if path.is_file() {
        let length = fs::metadata(path).with_context(|| format!("reading {argument}"))?.len();
        check_length(argument, length)?;
        let text = fs::read_to_string(path).with_context(|| format!("reading {argument}"))?;
        return parse(argument, text);
    }
    if !argument.trim_start().starts_with(['{', '[', '"'])
        && serde_json::from_str::<serde_json::Value>(argument).is_err()
    {
        bail!("--input {argument}: there is no such file, and it is not JSON text");
    }
    parse("--input", argument.to_owned())
}

fn parse(name: &str, text: String) -> Result<Payload> {
    check_length(name, text.len() as u64)?;
    match Payload::parse(text) {
        Ok(payload) => Ok(payload),
        Err(error) => bail!("{}", describe(name, &error)),
    }
}

fn check_length(name: &str, length: u64) -> Result<()> {
    if length > INPUT_BYTES_MAX as u64 {
        bail!(
            "{name}: the input has {length} bytes or more; an execution's input may have {INPUT_BYTES_MAX} (256 KiB)"
        );
    }
    Ok(())
}

/// `order.json:3:7: expected value`: serde_json's message without the place it repeats.
fn describe(name: &str, error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    format!("{name}:{}:{}: not JSON: {message}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_told_by_its_form() {
        let check = |argument: &str, expected: Result<&str, &str>| {
            let found = read(argument).map(|it| it.text().to_owned()).map_err(|it| it.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{argument}");
        };
        check(r#"{"a": 1}"#, Ok(r#"{"a": 1}"#));
        check("7", Ok("7"));
        check("no.json", Err("--input no.json: there is no such file, and it is not JSON text"));
        check("{\"a\":\n 1,}", Err("--input:2:4: not JSON: trailing comma"));
        let nested = "[".repeat(100_000);
        check(&nested, Err("--input:1:128: not JSON: recursion limit exceeded"));
        let long = format!("\"{}\"", "a".repeat(INPUT_BYTES_MAX));
        check(
            &long,
            Err(
                "--input: the input has 262146 bytes or more; an execution's input may have 262144 (256 KiB)",
            ),
        );
    }
}
