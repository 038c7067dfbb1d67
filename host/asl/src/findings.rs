//! What is found wrong with a definition, as much of it as anybody would read: a definition of 1 MB has room
//! for a hundred thousand mistakes.

use std::ops::Deref;

use crate::{Diagnostic, Severity};

/// The most errors that are kept, and the most warnings; AWS tells 100 of both
/// (`ValidateStateMachineDefinition`: `maxResults`).
const KEPT_MAX: usize = 1_000;

/// How long the texts of either may be in all: each may quote a name, and a name is as long as its author
/// likes.
const BYTES_MAX: usize = 4 << 20;

/// Diagnostics, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<Diagnostic>,
    errors: Tally,
    warnings: Tally,
}

/// How much was found, kept or not.
#[derive(Debug, Default)]
struct Tally {
    count: usize,
    bytes: usize,
}

impl Findings {
    /// Keeps a diagnostic, unless there are more of its severity than anybody would read. The first is kept
    /// always, so that what is wrong is never taken for right.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        let tally = match diagnostic.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        tally.count += 1;
        tally.bytes += diagnostic.message.len() + diagnostic.mend.len();
        let has_room = tally.count <= KEPT_MAX && tally.bytes <= BYTES_MAX;
        if has_room || tally.count == 1 {
            self.kept.push(diagnostic);
        }
    }

    /// How many were found, kept or not.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.errors.count + self.warnings.count
    }

    /// Those that a definition is refused for.
    pub(crate) fn into_errors(self) -> Vec<Diagnostic> {
        self.into_iter().filter(|it| it.severity == Severity::Error).collect()
    }
}

impl Deref for Findings {
    type Target = [Diagnostic];

    fn deref(&self) -> &[Diagnostic] {
        &self.kept
    }
}

impl Extend<Diagnostic> for Findings {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        diagnostics.into_iter().for_each(|it| self.push(it));
    }
}

impl FromIterator<Diagnostic> for Findings {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        let mut findings = Self::default();
        findings.extend(diagnostics);
        findings
    }
}

impl IntoIterator for Findings {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.kept.into_iter()
    }
}

impl From<Findings> for Vec<Diagnostic> {
    fn from(findings: Findings) -> Self {
        findings.kept
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::StateMachine;

    fn told(definition: &Value) -> (usize, usize, usize) {
        let found = StateMachine::diagnose(&definition.to_string());
        let errors = found.iter().filter(|it| it.severity == Severity::Error).count();
        let bytes = found.iter().map(|it| it.message.len() + it.mend.len()).sum();
        (errors, found.len() - errors, bytes)
    }

    #[test]
    fn of_sixty_thousand_mistakes_as_many_are_told_as_anybody_reads() {
        let members = |value: &Value| -> Map<String, Value> {
            (0..60_000).map(|n| (format!("{n:x}"), value.clone())).collect()
        };
        let pass = |fields: Value| {
            let mut state = json!({"Type": "Pass", "End": true});
            state.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            json!({"StartAt": "A", "States": {"A": state}})
        };
        let (errors, _, _) = told(&pass(Value::Object(members(&json!(1)))));
        assert_eq!(errors, KEPT_MAX);
        let broken: Map<String, Value> =
            (0..60_000).map(|n| (format!("{n:x}.$"), json!("$["))).collect();
        let (errors, _, _) = told(&pass(json!({ "Parameters": broken })));
        assert_eq!(errors, KEPT_MAX);
        let (errors, _, _) = told(&json!({"StartAt": "0", "States": members(&json!(1))}));
        assert_eq!(errors, KEPT_MAX);
        let (errors, warnings, _) = told(&pass(json!({ "Parameters": members(&json!("$.a")) })));
        assert_eq!((errors, warnings), (0, KEPT_MAX));
    }

    #[test]
    fn an_error_behind_all_warnings_refuses_still() {
        let looking: Map<String, Value> =
            (0..5_000).map(|n| (n.to_string(), json!("$.a"))).collect();
        let definition = json!({"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Parameters": looking, "Next": "B"},
            "B": {"Type": "Pass", "End": true, "Nxet": "C"},
        }});
        let refused = StateMachine::parse(&definition.to_string()).unwrap_err();
        assert_eq!(refused.len(), 1);
    }

    #[test]
    fn long_names_are_not_told_again_and_again() {
        // Of each state that has another's name is told where that one is.
        let same: Map<String, Value> =
            (0..1_000).map(|n| (n.to_string(), json!({"Type": "Succeed"}))).collect();
        let map = |next: Value| {
            let processor = json!({"StartAt": "0", "States": same});
            json!({"Type": "Map", "ItemProcessor": processor, "Next": next})
        };
        let name = "n".repeat(300_000);
        let definition = json!({"StartAt": name, "States": {
            &*name: map(json!("B")), "B": map(json!("C")), "C": {"Type": "Succeed"},
        }});
        let (errors, _, bytes) = told(&definition);
        assert!(errors > 2 && bytes <= BYTES_MAX, "{errors} errors of {bytes} bytes");
    }
}
