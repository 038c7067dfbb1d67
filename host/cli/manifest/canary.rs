//! `[functions.NAME.canary]`: when a version of a function that is on trial is given up.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::Fault;

/// `[functions.NAME.canary]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// No judgement before so many calls. 20.
    pub calls: Option<u32>,
    /// The largest part of its calls that may fail, from 0 to 1. 0.05.
    pub errors: Option<Spanned<f64>>,
    /// The longest that a call may take on average; any time when absent.
    pub latency_ms: Option<u32>,
}

impl Canary {
    pub(super) fn check(&self) -> Result<(), Fault> {
        match &self.errors {
            Some(errors) if !(0.0..=1.0).contains(errors.get_ref()) => {
                let message = format!(
                    "canary.errors is {}; it is a part of the calls, from 0 to 1",
                    errors.get_ref()
                );
                Err((Some(errors.span()), message))
            }
            _ => Ok(()),
        }
    }
}

impl From<&Canary> for stepyard_engine::Canary {
    fn from(written: &Canary) -> Self {
        Self {
            calls_min: written.calls.unwrap_or(20).into(),
            errors_max: written.errors.as_ref().map_or(0.05, |errors| *errors.get_ref()),
            latency_max: written.latency_ms.map(|millis| Duration::from_millis(millis.into())),
        }
    }
}
