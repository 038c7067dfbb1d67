//! `stepyard.toml`: which step each function is bound to, what it may do, and where the outside is.
//! The one reader of the file; the libraries take values. `docs/manifest.md` has a line for each key.

mod aws;
mod bucket;
mod canary;
mod connection;
mod error;
mod function;
mod outside;
mod s3;
#[cfg(feature = "full")]
mod schedule;
mod secret;
mod secret_template;
mod serve;
mod telemetry;
mod workflow;

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Spanned;

pub use aws::{AwsKey, AwsReach, AwsSection};
pub use bucket::{Bucket, BucketStore, DynamoDb, Redis};
pub use canary::Canary;
pub use connection::{ApiKey, Basic, ConnectionSection, OAuthClient};
pub use error::{Fault, ManifestError};
pub use function::{
    AwsFunction, BucketAccess, BucketGrant, Function, Grants, HttpGrant, Limits, NarrowBucket,
};
use function::{Binding, Bound};
pub use outside::{Mail, Sns, SnsDelivery};
pub use s3::ObjectBucket;
pub use secret::Secret;
pub use secret_template::SecretTemplate;
pub use serve::{Serve, ServeKey, ServeTls};
pub use telemetry::{LogDelivery, Logs, Metrics, Otlp};
pub use workflow::{LogLevel, Logging, Schedule, Sqs, Workflow, WorkflowType};

/// A manifest as it is written. Every key has a default; an unknown key is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Manifest {
    /// Who an execution is, in ARNs and the context object.
    pub execution: Identity,
    #[serde(rename = "functions")]
    bindings: BTreeMap<String, Spanned<Binding>>,
    /// Function name → the step it is bound to.
    #[serde(skip)]
    pub functions: BTreeMap<String, Function>,
    /// Function name → the function of AWS Lambda that it is.
    #[serde(skip)]
    pub aws_functions: BTreeMap<String, AwsFunction>,
    /// Bucket name → its quota and first contents.
    pub keyvalue: BTreeMap<String, Bucket>,
    /// Where buckets are kept instead of the data directory.
    pub redis: Option<Redis>,
    /// The same in tables of Amazon DynamoDB.
    pub dynamodb: Option<DynamoDb>,
    /// Bucket of objects → the folder that it is here.
    pub s3: BTreeMap<String, ObjectBucket>,
    /// Secret name → where its value is.
    pub secrets: BTreeMap<String, Secret>,
    /// Where mail goes.
    pub mail: Mail,
    /// Where notifications go.
    pub sns: Sns,
    /// How AWS is reached.
    pub aws: AwsSection,
    /// Connection's name → the HTTP API that workflows may call.
    pub connections: BTreeMap<String, ConnectionSection>,
    /// Who may call `stepyard serve`, and how.
    pub serve: Serve,
    /// Where log records go.
    pub logs: Logs,
    /// Where metrics go.
    pub metrics: Metrics,
    /// Where traces go.
    pub otlp: Option<Otlp>,
    /// State machine's name → what `stepyard serve` registers.
    pub workflows: BTreeMap<Spanned<String>, Workflow>,
    /// The folder that holds the manifest: what its paths are relative to.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// `[execution]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// The region in ARNs.
    pub region: String,
    /// The account in ARNs, 12 digits.
    pub account: Spanned<String>,
    /// The role's name in `$$.Execution.RoleArn`.
    pub role: String,
}

impl Default for Identity {
    fn default() -> Self {
        let [region, account, role] = ["us-east-1", "123456789012", "stepyard"].map(str::to_owned);
        Self { region, account: Spanned::new(0..0, account), role }
    }
}

impl Manifest {
    /// Reads a manifest and checks that its parts fit together.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("cannot be read: {error}; name the manifest with --manifest");
            ManifestError::whole(path, message)
        })?;
        Self::parse(path, &text)
    }

    /// Reads a manifest from its text.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ManifestError> {
        let fault = |span: Option<Range<usize>>, message: String| {
            ManifestError::at(path, text, span, message)
        };
        let mut manifest: Self = toml::from_str(text)
            .map_err(|error| fault(error.span(), error.message().trim_end().to_owned()))?;
        manifest.folder = path.parent().unwrap_or(Path::new("")).to_owned();
        manifest.bind().map_err(|(span, message)| fault(span, message))?;
        manifest.check().map_err(|(span, message)| fault(span, message))?;
        Ok(manifest)
    }

    /// A path of the manifest, as seen from the working directory.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// Whether a function's name is bound to anything.
    pub fn binds(&self, function: &str) -> bool {
        self.functions.contains_key(function) || self.aws_functions.contains_key(function)
    }

    /// The workflow of this name.
    pub fn workflow(&self, name: &str) -> Option<&Workflow> {
        let mut all = self.workflows.iter();
        all.find(|(key, _)| key.get_ref() == name).map(|(_, workflow)| workflow)
    }

    /// Takes what functions are bound to apart.
    fn bind(&mut self) -> Result<(), Fault> {
        for (name, binding) in std::mem::take(&mut self.bindings) {
            let at = binding.span();
            match binding.into_inner().bound(&name, at)? {
                Bound::Step(function) => drop(self.functions.insert(name, function)),
                Bound::Aws(function) => drop(self.aws_functions.insert(name, function)),
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Fault> {
        let account = self.execution.account.get_ref();
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!("execution.account is `{account}`; an account is 12 digits");
            return Err((Some(self.execution.account.span()), message));
        }
        self.functions.values().try_for_each(|function| function.check(self))?;
        let redis = self.redis.as_ref().and_then(|redis| redis.password.as_ref());
        redis.map_or(Ok(()), |name| self.check_secret(name))?;
        self.mail.check(self)?;
        self.aws.check(self)?;
        self.connections.iter().try_for_each(|(name, it)| it.check(name, self))?;
        self.check_buckets()?;
        let identity = &self.execution;
        self.workflows.iter().try_for_each(|(name, workflow)| workflow.check(name, identity))?;
        self.metrics.check(identity)?;
        self.otlp.as_ref().map_or(Ok(()), |otlp| otlp.check(self))?;
        self.serve.check(self)
    }

    fn check_secret(&self, name: &Spanned<String>) -> Result<(), Fault> {
        self.check_secret_at(name.span(), name.get_ref())
    }

    fn check_secret_at(&self, at: Range<usize>, name: &str) -> Result<(), Fault> {
        if self.secrets.contains_key(name) {
            return Ok(());
        }
        let message = format!(
            "secret `{name}` is not defined; add [secrets.{name}] with env, file or secretsmanager"
        );
        Err((Some(at), message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let result = Manifest::parse(Path::new("stepyard.toml"), text);
        let message = result.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(message, expected, "{text}");
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        check("", "");
        check("[functions.A]\nstep = \"a\"\n", "");
        check(
            "[functions.A]\nstp = \"a\"\n",
            "stepyard.toml:2:1: unknown field `stp`, expected one of `step`, `aws`, `grants`, `limits`, `canary`",
        );
        check(
            "[functions.A]\n",
            "stepyard.toml:1:1: `A` is bound to nothing; write step = \"…\", or aws = true for a function of AWS Lambda",
        );
        check("[functions.A]\naws = true\n[functions.B]\naws = \"other:live\"\n", "");
        check(
            "[functions.A]\naws = false\n",
            "stepyard.toml:2:7: write aws = true, or the name or ARN of a Lambda function",
        );
        check(
            "[functions.A]\naws = \"a b\"\n",
            "stepyard.toml:2:7: `a b` is not the name of a Lambda function; write its name, its ARN, or either with `:qualifier`",
        );
        check(
            "[functions.A]\nstep = \"a\"\naws = true\n",
            "stepyard.toml:3:7: `A` has both `step` and `aws`; leave one out",
        );
        check(
            "[functions.A]\naws = true\nlimits = { queue = 1 }\n",
            "stepyard.toml:3:10: `limits` is for steps, and `A` is a function of AWS Lambda",
        );
        check(
            "[execution]\naccount = \"12\"\n",
            "stepyard.toml:2:11: execution.account is `12`; an account is 12 digits",
        );
        check(
            "[functions.\"A B\"]\nstep = \"a\"\n",
            "stepyard.toml: `A B` is not a function's name: 1 to 64 letters, digits, - and _",
        );
        check(
            "[functions.A]\nstep = \"a\"\n[[functions.A.grants.http]]\nurl = \"http://h/\"\naddresses = [\"10.0.0\"]\n",
            "stepyard.toml:5:14: invalid IP address syntax",
        );
        check(
            "[mail]\nsmtp = \"smtp://h\"\nses = true\n",
            "stepyard.toml:3:7: mail is sent by smtp or by ses; leave one out",
        );
        check("[mail]\nses = true\n", "");
        check(
            "[redis]\nurl = \"redis://h\"\npassword = \"P\"\n",
            "stepyard.toml:3:12: secret `P` is not defined; add [secrets.P] with env, file or secretsmanager",
        );
        check("[functions", "stepyard.toml:1:11: unclosed table, expected `]`");
        check(
            "[functions.A]\nstep = \"a\"\n[[functions.A.grants.http]]\nurl = \"http://h/\"\nheaders = { X = \"{KEY}\" }\n",
            "stepyard.toml:5:17: secret `KEY` is not defined; add [secrets.KEY] with env, file or secretsmanager",
        );
    }
}
