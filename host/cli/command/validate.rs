//! `stepyard validate`: every mistake of a definition, each with its place and mend.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use stepyard_asl::{Diagnostic, Severity, StateMachine};

use crate::{report, source::Source};

/// Find every mistake of a definition, each with its place and mend.
///
/// Checks that the text is JSON, that each state has the fields of its type and no others, that every
/// transition leads somewhere, that every state can be reached, that the workflow can end and that
/// names are unique. The codes are those of AWS's ValidateStateMachineDefinition. Where a value is
/// still to be put in for `${Name}` by CloudFormation, what is wrong is a warning. Exits with 2 when
/// a file has an error.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The definitions, in the Amazon States Language
    #[arg(value_name = "WORKFLOW", required = true)]
    workflows: Vec<PathBuf>,

    /// One JSON object a file on stdout, in the shape of AWS's answer, with file, line and column
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let mut has_errors = false;
    for path in &arguments.workflows {
        match fs::read_to_string(path).with_context(|| format!("reading {}", path.display())) {
            Ok(text) => has_errors |= validate(&Source::new(path, text), arguments.json),
            Err(error) => {
                report::error(&error);
                has_errors = true;
            }
        }
    }
    Ok(if has_errors { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

/// Says what is wrong with one file; answers whether it has errors.
fn validate(source: &Source, is_json: bool) -> bool {
    let problems = check(source);
    if is_json {
        report::output(&report::as_json(source, &problems).to_string());
    } else if problems.is_empty() {
        report::output(&format!("{}: no problems", source.path().display()));
    } else {
        report::diagnostics(source, &problems);
    }
    problems.iter().any(|it| it.severity == Severity::Error)
}

/// All that is wrong with a definition.
pub(crate) fn check(source: &Source) -> Vec<Diagnostic> {
    let mut problems = StateMachine::diagnose(source.text());
    problems.extend(source.duplicates());
    problems.into_iter().map(|problem| softened(source, problem)).collect()
}

/// `${Name}` stands for a value that CloudFormation puts in before AWS sees the definition
/// (`DefinitionSubstitutions`). What that value will be is not known, and so not wrong yet.
fn softened(source: &Source, problem: Diagnostic) -> Diagnostic {
    let value = source.text_at(&problem.location).unwrap_or_default();
    let is_text = value.starts_with('"');
    let placeholder = value.split_once("${").and_then(|(_, rest)| rest.split_once('}'));
    let Some((name, _)) = placeholder.filter(|_| is_text) else { return problem };
    let mend = format!("put a value in for `${{{name}}}`, as DefinitionSubstitutions do");
    Diagnostic { severity: Severity::Warning, mend, ..problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_to_be_substituted_is_only_warned_of() {
        let text = r#"{"StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": "arn:${Partition}:states:::sns:publish", "Next": "B"},
            "B": {"Type": "Wait", "Seconds": "${WaitSeconds}", "Next": "C"},
            "C": {"Type": "Task", "Resource": "lambda", "Comment": "${Nothing}", "End": true}}}"#;
        let found = check(&Source::new("w.json", text)).into_iter();
        let shown: Vec<_> =
            found.map(|it| format!("{:?} at {}: {}", it.severity, it.location, it.mend)).collect();
        assert_eq!(
            shown[..2],
            [
                "Warning at /States/A/Resource: put a value in for `${Partition}`, as DefinitionSubstitutions do",
                "Warning at /States/B/Seconds: put a value in for `${WaitSeconds}`, as DefinitionSubstitutions do",
            ]
        );
        assert!(shown[2].starts_with("Error at /States/C/Resource"), "{shown:?}");
        assert_eq!(shown.len(), 3);
    }
}
