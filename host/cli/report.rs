//! What the command says to people, and what it prints: problems on stderr, with the line at fault
//! and what to do about it; answers on stdout, and nothing else there.

use std::{
    fmt::{self, Display, Formatter},
    io::{self, ErrorKind, Write},
};

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};
use stepyard_asl::{Code, Diagnostic, Severity};
use unicode_width::UnicodeWidthStr;

use crate::source::{Place, Source};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HELP: Style = AnsiColor::Cyan.on_default().bold();
const BOLD: Style = Style::new().bold();
const FRAME: Style = AnsiColor::Blue.on_default().bold();

/// The most columns of a source line that are shown.
const LINE_WIDTH_MAX: usize = 100;

/// Prints an answer on stdout. A reader that has gone away, as `head` does, is no error.
pub(crate) fn output(text: &str) {
    let written = writeln!(io::stdout().lock(), "{text}");
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        self::error(&anyhow::Error::from(error).context("writing to stdout"));
    }
}

/// Says why a command failed.
pub(crate) fn error(error: &anyhow::Error) {
    say(format_args!("{ERROR}error{ERROR:#}: {}", Clean(&format!("{error:#}"))));
}

/// Says what is wrong with a definition, all of it, in the order of the text.
pub(crate) fn diagnostics(source: &Source, diagnostics: &[Diagnostic]) {
    say(Report { source, diagnostics });
}

/// Colours only on a terminal, and none where `NO_COLOR` is set.
fn say(what: impl Display) {
    // There is nowhere left to say that stderr is closed.
    let _ = writeln!(anstream::stderr().lock(), "{what}");
}

/// A definition's problems in the shape of AWS's `ValidateStateMachineDefinition`, each with its
/// file, line, column and mend besides.
pub(crate) fn as_json(source: &Source, diagnostics: &[Diagnostic]) -> Value {
    let each = sorted(source, diagnostics).into_iter().map(|(place, diagnostic)| {
        json!({
            "severity": severity(diagnostic).to_uppercase(),
            "code": diagnostic.code.to_string(),
            "message": diagnostic.message,
            "location": diagnostic.place(),
            "file": source.path(),
            "line": place.map(|place| place.line),
            "column": place.map(|place| place.column),
            "mend": diagnostic.mend,
        })
    });
    let diagnostics: Vec<Value> = each.collect();
    let failed = diagnostics.iter().any(|it| it["severity"] == "ERROR");
    json!({
        "file": source.path(),
        "result": if failed { "FAIL" } else { "OK" },
        "diagnostics": diagnostics,
    })
}

fn sorted<'a>(
    source: &Source,
    diagnostics: &'a [Diagnostic],
) -> Vec<(Option<Place>, &'a Diagnostic)> {
    let mut sorted: Vec<_> = diagnostics.iter().map(|it| (source.place_of(it), it)).collect();
    sorted.sort_by_key(|(place, _)| place.map(|place| (place.line, place.column)));
    sorted
}

fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// A definition's problems, then how many there are.
struct Report<'a> {
    source: &'a Source,
    diagnostics: &'a [Diagnostic],
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let path = self.source.path().display();
        for (place, diagnostic) in sorted(self.source, self.diagnostics) {
            write!(f, "{BOLD}{path}")?;
            if let Some(Place { line, column, .. }) = place {
                write!(f, ":{line}:{column}")?;
            }
            let style = if diagnostic.severity == Severity::Error { ERROR } else { WARNING };
            let (severity, code) = (severity(diagnostic), diagnostic.code);
            let message = message(diagnostic);
            writeln!(f, "{BOLD:#}: {style}{severity}[{code}]{style:#}: {}", Clean(message))?;
            let margin = match place {
                Some(place) => show_line(f, self.source, place, style)?,
                None => 1,
            };
            writeln!(f, "{:margin$} {HELP}help{HELP:#}: {}\n", "", Clean(&diagnostic.mend))?;
        }
        let errors = self.diagnostics.iter().filter(|it| it.severity == Severity::Error).count();
        let warnings = self.diagnostics.len() - errors;
        let counts = [(errors, "error"), (warnings, "warning")];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, what)| plural(*count, what)).collect();
        write!(f, "{BOLD}{path}{BOLD:#}: {}", counts.join(", "))
    }
}

/// The message, without the places that the JSON parser puts into its own: each of them has the text that
/// is no JSON.
fn message(diagnostic: &Diagnostic) -> &str {
    let message = diagnostic.message.as_str();
    if diagnostic.code != Code::InvalidJsonDescription {
        return message;
    }
    let words = message.lines().next().unwrap_or(message);
    let before_place = words.split_once("[Source: ").and_then(|(words, _)| words.rsplit_once(" ("));
    before_place.map_or(words, |(words, _)| words)
}

/// A count and what is counted.
pub(crate) fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Shows the line with a mark under the place; answers how wide its margin is.
fn show_line(
    f: &mut Formatter<'_>,
    source: &Source,
    place: Place,
    style: Style,
) -> Result<usize, fmt::Error> {
    let number = place.line.to_string();
    let margin = number.len();
    let excerpt = Excerpt::of(source.line(place.line), place);
    writeln!(f, "{:margin$} {FRAME}|{FRAME:#}", "")?;
    writeln!(f, "{FRAME}{number} |{FRAME:#} {}", excerpt.text)?;
    let (indent, width) = (excerpt.indent, excerpt.width);
    writeln!(
        f,
        "{:margin$} {FRAME}|{FRAME:#} {:indent$}{style}{}{style:#}",
        "",
        "",
        "^".repeat(width)
    )?;
    Ok(margin)
}

/// A line, or the part of a long one around a place.
struct Excerpt {
    text: String,
    /// In columns of a terminal.
    indent: usize,
    width: usize,
}

impl Excerpt {
    fn of(line: &str, place: Place) -> Self {
        let (before, after) = line.split_at(place.offset);
        let whole = line.len() <= LINE_WIDTH_MAX;
        let kept = if whole { LINE_WIDTH_MAX } else { LINE_WIDTH_MAX / 2 };
        let start =
            before.char_indices().rev().take(kept).last().map_or(place.offset, |(at, _)| at);
        let before = before[start..].chars().map(clean).collect::<String>();
        let shown = after.chars().take(kept).map(clean).collect::<String>();
        let (cut_before, cut_after) = (start > 0, after.chars().nth(kept).is_some());
        let [left, right] = [cut_before, cut_after].map(|is_cut| if is_cut { "…" } else { "" });
        let marked = shown.chars().take(place.width).collect::<String>();
        Self {
            text: format!("{left}{before}{shown}{right}"),
            indent: usize::from(cut_before) + before.width(),
            width: marked.width().max(1),
        }
    }
}

/// Text that may come from anywhere, without what would steer a terminal.
struct Clean<'a>(&'a str);

impl Display for Clean<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|it| match it {
            '\n' => f.write_str("\n"),
            it => write!(f, "{}", clean(it)),
        })
    }
}

/// A tab is a space, so that a mark stands below what it marks.
fn clean(character: char) -> char {
    match character {
        '\t' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        it if it.is_control() => '\u{fffd}',
        it => it,
    }
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use expect_test::{Expect, expect};
    use stepyard_asl::StateMachine;

    use super::*;

    fn problems(text: &str) -> (Source, Vec<Diagnostic>) {
        let found = StateMachine::parse(text).err().unwrap_or_default();
        (Source::new("workflow.asl.json", text), found)
    }

    fn check(text: &str, expected: Expect) {
        let (source, found) = problems(text);
        let report = Report { source: &source, diagnostics: &found }.to_string();
        expected.assert_eq(&strip_str(&report).to_string());
    }

    #[test]
    fn a_message_has_no_place_of_its_own() {
        for (text, expected) in [
            ("{\n", "Unexpected end-of-input: expected close marker for Object"),
            ("[\n}", "Unexpected close marker '}': expected ']'"),
            (
                "{,}",
                "Unexpected character (',' (code 44)): was expecting double-quote to start field name",
            ),
        ] {
            let (_, found) = problems(text);
            assert_eq!(message(&found[0]), expected, "{text}");
        }
    }

    #[test]
    fn every_problem_is_shown_with_its_line_and_its_mend() {
        check(
            r#"{
  "StartAt": "Charge",
  "States": {
    "Charge": { "Type": "Pass", "Next": "Confrm" },
    "Confirm": { "Type": "Pass", "Nxt": "Charge", "End": true }
  }
}"#,
            expect![[r#"
                workflow.asl.json:4:41: error[MISSING_TRANSITION_TARGET]: Missing 'Next' target: Confrm
                  |
                4 |     "Charge": { "Type": "Pass", "Next": "Confrm" },
                  |                                         ^^^^^^^^
                  help: did you mean `Confirm`? Names are case-sensitive

                workflow.asl.json:5:5: error[MISSING_TRANSITION_TARGET]: State "Confirm" is not reachable.
                  |
                5 |     "Confirm": { "Type": "Pass", "Nxt": "Charge", "End": true }
                  |     ^^^^^^^^^
                  help: name it in the `Next`, `Default`, `Catch` or `StartAt` that should lead to it, or remove it

                workflow.asl.json:5:34: error[SCHEMA_VALIDATION_FAILED]: Field 'Nxt' is not supported
                  |
                5 |     "Confirm": { "Type": "Pass", "Nxt": "Charge", "End": true }
                  |                                  ^^^^^
                  help: remove `Nxt`, or correct its spelling

                workflow.asl.json: 3 errors"#]],
        );
    }

    #[test]
    fn what_is_not_json_is_shown_where_it_stops_to_be() {
        check(
            "{\n  \"StartAt\": \"A\",\n}",
            expect![[r#"
            workflow.asl.json:3:1: error[INVALID_JSON_DESCRIPTION]: Unexpected character ('}' (code 125)): was expecting double-quote to start field name
              |
            3 | }
              | ^
              help: correct the JSON at that line and column: trailing comma

            workflow.asl.json: 1 error"#]],
        );
        check(
            &"[".repeat(100_000),
            expect![[r#"
            workflow.asl.json:1:128: error[TOO_DEEPLY_NESTED]: The states are too deeply nested
              |
            1 | …[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[…
              |                                                    ^
              help: let a state machine of its own do what lies deepest

            workflow.asl.json: 1 error"#]],
        );
    }

    #[test]
    fn a_hostile_name_does_not_steer_the_terminal() {
        check(
            "{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Pass\",\t\"Next\": \"\\u001b[31m\\u202e支払い\"}}}",
            expect![[r#"
                workflow.asl.json:1:1: error[MISSING_END_STATE]: Workflow has no terminal state
                  |
                1 | {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "\u001b[31m\u202e支払い"}}}
                  | ^
                  help: give a state `"End": true`, or add a Succeed or Fail state

                workflow.asl.json:1:59: error[MISSING_TRANSITION_TARGET]: Missing 'Next' target: �[31m�支払い
                  |
                1 | {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "\u001b[31m\u202e支払い"}}}
                  |                                                           ^^^^^^^^^^^^^^^^^^^^^^^^
                  help: name a state of the same `States`; names are case-sensitive

                workflow.asl.json: 2 errors"#]],
        );
    }

    #[test]
    fn the_json_form_is_that_of_aws_with_the_place() {
        let (source, found) = problems("{\"StartAt\": \"A\", \"States\": {}}");
        let expected = expect![[r#"
            {
              "file": "workflow.asl.json",
              "result": "FAIL",
              "diagnostics": [
                {
                  "severity": "ERROR",
                  "code": "MISSING_TRANSITION_TARGET",
                  "message": "Missing 'Next' target: A",
                  "location": "/StartAt",
                  "file": "workflow.asl.json",
                  "line": 1,
                  "column": 13,
                  "mend": "name a state of the same `States`; names are case-sensitive"
                },
                {
                  "severity": "ERROR",
                  "code": "SCHEMA_VALIDATION_FAILED",
                  "message": "Value cannot be empty",
                  "location": "/States",
                  "file": "workflow.asl.json",
                  "line": 1,
                  "column": 18,
                  "mend": "give it at least one field"
                }
              ]
            }"#]];
        expected.assert_eq(&serde_json::to_string_pretty(&as_json(&source, &found)).unwrap());
    }
}
