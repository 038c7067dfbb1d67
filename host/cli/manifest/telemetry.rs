//! `[logs]`, `[metrics]` and `[otlp]`: where log records, metrics and traces go.

use std::{collections::BTreeMap, num::NonZeroU32, path::PathBuf};

use serde::Deserialize;
use stepyard_engine::LogGroup;
use toml::Spanned;

use super::{Fault, Identity, Manifest, SecretTemplate};

/// The longest that is counted until it is told: CloudWatch keeps metrics by the minute.
const INTERVAL_SECONDS_MAX: i64 = 3_600;

/// `[logs]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logs {
    /// Where the log records of state machines with logging go.
    pub delivery: LogDelivery,
}

/// Where log events go.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum LogDelivery {
    /// Nowhere.
    #[default]
    Off,
    /// To Amazon CloudWatch Logs.
    Cloudwatch,
    /// To standard output, a line each; of `stepyard run`, to standard error.
    Stdout,
}

/// `[metrics]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Where metrics go, in CloudWatch's embedded metric format.
    pub delivery: LogDelivery,
    /// The log group's name or ARN.
    pub log_group: Option<Spanned<String>>,
    /// CloudWatch's namespace for them.
    pub namespace: Option<Spanned<String>>,
    /// How long is counted until it is told.
    pub interval_seconds: Option<Spanned<i64>>,
}

/// `[otlp]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Otlp {
    /// The collector's URL, without the path.
    pub endpoint: Option<Spanned<String>>,
    /// Headers of each request: texts, in which `{NAME}` is a secret.
    pub headers: BTreeMap<String, Spanned<String>>,
    /// How long the collector may take to answer.
    pub timeout_seconds: Option<NonZeroU32>,
    /// The certificates that are trusted, in PEM; relative to the manifest.
    pub certificate: Option<PathBuf>,
    /// Which share of the traces is kept, from 0 to 1.
    pub sample: Option<Spanned<f64>>,
    /// The service's name.
    pub service_name: Option<String>,
}

impl Metrics {
    /// The log group that they go to.
    pub fn group(&self, identity: &Identity) -> Result<LogGroup, Fault> {
        let (text, at) = match &self.log_group {
            Some(group) => (group.get_ref().as_str(), Some(group.span())),
            None => ("/stepyard/metrics", None),
        };
        log_group(text, identity).map_err(|message| (at, message))
    }

    /// CloudWatch's namespace for them.
    pub fn namespace(&self) -> &str {
        self.namespace.as_ref().map_or("Stepyard/States", |it| it.get_ref())
    }

    /// How many seconds are counted until it is told.
    pub fn interval_seconds(&self) -> u64 {
        let written = self.interval_seconds.as_ref().map(|it| *it.get_ref());
        written.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(60)
    }

    pub(super) fn check(&self, identity: &Identity) -> Result<(), Fault> {
        self.group(identity)?;
        if let Some(namespace) = &self.namespace {
            let name = namespace.get_ref();
            // CloudWatch, `PutMetricData`: "you can't specify a namespace that begins with AWS/".
            if name.is_empty() || name.len() > 255 || name.starts_with("AWS/") {
                let message = format!(
                    "`{name}` is not a namespace of yours: 1 to 255 characters, and AWS/ is AWS's own"
                );
                return Err((Some(namespace.span()), message));
            }
        }
        match &self.interval_seconds {
            Some(seconds) if !(1..=INTERVAL_SECONDS_MAX).contains(seconds.get_ref()) => {
                let message = format!("interval_seconds is from 1 to {INTERVAL_SECONDS_MAX}");
                Err((Some(seconds.span()), message))
            }
            _ => Ok(()),
        }
    }
}

impl Otlp {
    pub(super) fn check(&self, manifest: &Manifest) -> Result<(), Fault> {
        if let Some(url) = &self.endpoint {
            let text = url.get_ref();
            let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) {
                let message =
                    format!("`{text}` is not a URL; write it as in \"http://127.0.0.1:4318\"");
                return Err((Some(url.span()), message));
            }
        }
        if let Some(share) = &self.sample
            && !(0.0..=1.0).contains(share.get_ref())
        {
            let message = "sample is a share, from 0 to 1".to_owned();
            return Err((Some(share.span()), message));
        }
        for value in self.headers.values() {
            if let Some(template) = SecretTemplate::parse(value.get_ref()) {
                manifest.check_secret_at(value.span(), &template.secret)?;
            }
        }
        Ok(())
    }
}

/// The log group of an ARN, or of a name in the manifest's region and account.
pub(super) fn log_group(text: &str, identity: &Identity) -> Result<LogGroup, String> {
    let group = match text.starts_with("arn:") {
        true => LogGroup::parse(text),
        false => LogGroup::named(text, &identity.region, identity.account.get_ref()),
    };
    group.map_err(|error| {
        format!(
            "`{text}` is not a log group: {error}; write its name, or its ARN with `:*` at its end"
        )
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_wrong_with_telemetry_is_told_with_its_place() {
        for (text, expected) in [
            ("[logs]\ndelivery = \"cloudwatch\"\n[metrics]\ndelivery = \"stdout\"\n[otlp]\n", ""),
            (
                "[logs]\ndelivery = \"aws\"\n",
                "stepyard.toml:2:12: unknown variant `aws`, expected one of `off`, `cloudwatch`, `stdout`",
            ),
            ("[metrics]\nlog_group = \"/stepyard/metrics\"\nnamespace = \"Mine\"\n", ""),
            (
                "[metrics]\nlog_group = \"a b\"\n",
                "stepyard.toml:2:13: `a b` is not a log group: it is not `arn:<partition>:logs:<region>:<account>:log-group:<name>:*`; write its name, or its ARN with `:*` at its end",
            ),
            (
                "[metrics]\nnamespace = \"AWS/States\"\n",
                "stepyard.toml:2:13: `AWS/States` is not a namespace of yours: 1 to 255 characters, and AWS/ is AWS's own",
            ),
            (
                "[metrics]\ninterval_seconds = 0\n",
                "stepyard.toml:2:20: interval_seconds is from 1 to 3600",
            ),
            (
                "[otlp]\nendpoint = \"collector:4318\"\n",
                "stepyard.toml:2:12: `collector:4318` is not a URL; write it as in \"http://127.0.0.1:4318\"",
            ),
            ("[otlp]\nsample = 2.0\n", "stepyard.toml:2:10: sample is a share, from 0 to 1"),
            (
                "[otlp]\nheaders = { Authorization = \"Bearer {KEY}\" }\n",
                "stepyard.toml:2:29: secret `KEY` is not defined; add [secrets.KEY] with env, file or secretsmanager",
            ),
        ] {
            let result = Manifest::parse(Path::new("stepyard.toml"), text);
            let message = result.err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(message, expected, "{text}");
        }
    }
}
