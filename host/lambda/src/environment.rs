//! What Lambda tells by the environment.

use std::{env, path::PathBuf};

/// What names a step, and what a workflow.
const STEP: &str = "STEPYARD_STEP";
const WORKFLOW: &str = "STEPYARD_WORKFLOW";

/// How many MiB the function has.
const MEMORY: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";

/// Variables that Lambda sets, and that polling needs.
const NEEDED: [&str; 4] =
    ["AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", MEMORY];

/// A function's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The folder with what was packaged (`LAMBDA_TASK_ROOT`).
    pub root: PathBuf,
    /// The function of the manifest whose step is served (`STEPYARD_STEP`).
    pub step: Option<String>,
    /// The file of the workflow that is served (`STEPYARD_WORKFLOW`).
    pub workflow: Option<PathBuf>,
}

/// The process was not started by Lambda.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is not set as AWS Lambda sets it: `stepyard lambda` runs as a function's custom runtime; \
     elsewhere, use `stepyard run` or `stepyard serve`"
)]
pub struct NotOnLambda(&'static str);

impl Environment {
    /// Reads it.
    pub fn read() -> Result<Self, NotOnLambda> {
        Self::of(|name| env::var(name).ok())
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, NotOnLambda> {
        let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        if let Some(missing) = NEEDED.into_iter().find(|name| !is_set(name)) {
            return Err(NotOnLambda(missing));
        }
        // `lambda_runtime` would panic over it.
        if variable(MEMORY).is_none_or(|memory| memory.parse::<i32>().is_err()) {
            return Err(NotOnLambda(MEMORY));
        }
        Ok(Self {
            root: variable("LAMBDA_TASK_ROOT").unwrap_or_default().into(),
            step: variable(STEP).filter(|name| !name.is_empty()),
            workflow: variable(WORKFLOW).filter(|file| !file.is_empty()).map(PathBuf::from),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The environment with these variables beside those that Lambda always sets.
    fn environment(more: &[(&str, &str)]) -> Result<Environment, NotOnLambda> {
        let set = [
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
            ("AWS_LAMBDA_FUNCTION_NAME", "check-inventory"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ];
        let all: Vec<_> = more.iter().chain(&set).collect();
        Environment::of(|name| {
            all.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn what_is_served_is_named_by_a_variable() {
        let step = [("STEPYARD_STEP", "CheckInventory"), ("LAMBDA_TASK_ROOT", "/var/task")];
        let found = environment(&step).unwrap();
        assert_eq!(found.step.as_deref(), Some("CheckInventory"));
        assert_eq!((found.root, found.workflow), ("/var/task".into(), None));
        let found = environment(&[("STEPYARD_WORKFLOW", "workflow.asl.json")]).unwrap();
        assert_eq!((found.step, found.workflow), (None, Some("workflow.asl.json".into())));
        assert_eq!(environment(&[("STEPYARD_STEP", "")]).unwrap().step, None);
    }

    #[test]
    fn what_lambda_did_not_start_is_told() {
        for missing in NEEDED {
            let refused = environment(&[(missing, "")]).unwrap_err();
            assert!(refused.to_string().starts_with(missing), "{refused}");
        }
        let odd = environment(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much")]);
        assert_eq!(odd, Err(NotOnLambda("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")));
    }
}
