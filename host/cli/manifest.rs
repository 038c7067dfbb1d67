//! `stepyard.toml`: which step each function is bound to, what it may do, and where the outside is.
//! The one reader of the file; the libraries take values. `docs/manifest.md` has a line for each key.

mod workflow;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Spanned;

pub use workflow::{LogLevel, Logging, Schedule, Sqs, Workflow, WorkflowType};

/// A manifest as it is written. Every key has a default; an unknown key is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Manifest {
    /// Who an execution is, in ARNs and the context object.
    pub execution: Identity,
    /// Function name → the step it is bound to.
    pub functions: BTreeMap<String, Function>,
    /// Bucket name → its quota and first contents.
    pub keyvalue: BTreeMap<String, Bucket>,
    /// Secret name → where its value is.
    pub secrets: BTreeMap<String, Secret>,
    /// Where mail goes.
    pub mail: Mail,
    /// Where notifications go.
    pub sns: Sns,
    /// Who may call `stepyard serve`, and how.
    pub serve: Serve,
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

/// `[functions.NAME]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// A crate folder, built when it is stale, or a component file; relative to the manifest.
    pub step: Spanned<PathBuf>,
    /// What the step may reach.
    #[serde(default)]
    pub grants: Grants,
    /// How much it may use.
    #[serde(default)]
    pub limits: Limits,
}

/// `[functions.NAME.grants]`: nothing is granted unless it is named here.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grants {
    /// Buckets to read and write, or `{ bucket = "…", access = "read" }`.
    pub keyvalue: Vec<BucketGrant>,
    /// What `wasi:config` tells the step; a table, even an empty one, grants that import.
    pub config: Option<BTreeMap<String, String>>,
    /// Where requests may go.
    pub http: Vec<HttpGrant>,
    /// Recipients: an address, or `*@example.com`.
    pub mail: Vec<String>,
}

/// A bucket a step may use.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a bucket's name, or { bucket = \"…\", access = \"read\" }")]
pub enum BucketGrant {
    /// To read and to write.
    Name(String),
    /// To read only, or both.
    Narrow(NarrowBucket),
}

/// `{ bucket = "…", access = "read" }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NarrowBucket {
    /// The bucket.
    pub bucket: String,
    /// What may be done with it.
    pub access: BucketAccess,
}

/// What may be done with a bucket.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum BucketAccess {
    /// Reading only.
    Read,
    /// Reading and writing.
    ReadWrite,
}

/// `[[functions.NAME.grants.http]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpGrant {
    /// Scheme, host, port and path that a request must begin with: `https://api.example.com/v1/`.
    pub url: Spanned<String>,
    /// The methods allowed; any when absent.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Headers the host puts in, such as `Authorization = "Bearer {GATEWAY_KEY}"`: a name in braces
    /// is a secret's, and the step never sees its value.
    #[serde(default)]
    pub headers: BTreeMap<String, Spanned<String>>,
}

/// `[functions.NAME.limits]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How long a call may take.
    pub wall_seconds: Option<f64>,
    /// How long it may compute.
    pub cpu_seconds: Option<f64>,
    /// How much memory it may have.
    pub memory_mib: Option<u32>,
    /// How many calls may run at once.
    pub concurrency: Option<u32>,
    /// How many more may wait.
    pub queue: Option<u32>,
}

/// `[keyvalue.BUCKET]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bucket {
    /// The most that keys and values may take together.
    pub quota_mib: Option<u32>,
    /// Written once, where the key is absent: a text as it is, anything else as JSON.
    pub seed: BTreeMap<String, toml::Value>,
}

/// `[secrets.NAME]`: exactly one source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Secret {
    /// `env = "GATEWAY_KEY"`: an environment variable.
    #[serde(rename = "env")]
    Env(String),
    /// `file = "…"`: a file's text, without its last line break; relative to the manifest.
    #[serde(rename = "file")]
    File(PathBuf),
}

/// `[mail]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// `smtp://user@host:port` or `smtps://…`; when absent mail is kept in a folder.
    pub smtp: Option<Spanned<String>>,
    /// The secret that is the SMTP password.
    pub password: Option<Spanned<String>>,
    /// The folder, relative to the data directory.
    pub folder: Option<PathBuf>,
}

/// `[sns]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sns {
    /// Where a publish goes.
    pub delivery: SnsDelivery,
    /// With `aws`: the endpoint, when it is not the region's own.
    pub endpoint: Option<String>,
    /// With `aws`: the region, when it is not the usual chain's.
    pub region: Option<String>,
}

/// Where a publish goes.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum SnsDelivery {
    /// To the topic log in the data directory.
    #[default]
    Log,
    /// To Amazon SNS, with the credentials of the usual chain.
    Aws,
}

/// `[serve]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Serve {
    /// The keys that calls are signed with; without any, calls need no signature.
    pub keys: Vec<ServeKey>,
    /// The names in `Host` that are answered to, besides those of the address itself.
    pub hosts: Vec<Spanned<String>>,
    /// What connections are encrypted with.
    pub tls: Option<ServeTls>,
    /// The secret that whoever reads `/metrics` has to send.
    pub metrics_token: Option<Spanned<String>>,
    /// How many days an execution is kept after its end.
    pub retention_days: Option<u32>,
    /// How much the journal may take before what ended first is forgotten early.
    pub store_mib_max: Option<u32>,
}

/// `{ id = "AKIA…", secret = "NAME" }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeKey {
    /// The access key id.
    pub id: Spanned<String>,
    /// The secret that is the secret access key.
    pub secret: Spanned<String>,
}

/// `{ certificate = "cert.pem", key = "key.pem" }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeTls {
    /// The certificate chain, in PEM; relative to the manifest.
    pub certificate: PathBuf,
    /// Its private key, in PEM; relative to the manifest.
    pub key: PathBuf,
}

/// What is wrong with a manifest, and where.
#[derive(Debug)]
pub struct ManifestError {
    path: PathBuf,
    /// Line and column, from 1, where there is one place.
    place: Option<(usize, usize)>,
    message: String,
}

impl std::error::Error for ManifestError {}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl Manifest {
    /// Reads a manifest and checks that its parts fit together.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let text = std::fs::read_to_string(path).map_err(|error| ManifestError {
            path: path.to_owned(),
            place: None,
            message: format!("cannot be read: {error}; name the manifest with --manifest"),
        })?;
        Self::parse(path, &text)
    }

    /// Reads a manifest from its text.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ManifestError> {
        let fault = |span: Option<std::ops::Range<usize>>, message: String| ManifestError {
            path: path.to_owned(),
            place: span.map(|span| place(text, span.start)),
            message,
        };
        let mut manifest: Self = toml::from_str(text)
            .map_err(|error| fault(error.span(), error.message().trim_end().to_owned()))?;
        manifest.folder = path.parent().unwrap_or(Path::new("")).to_owned();
        manifest.check().map_err(|(span, message)| fault(span, message))?;
        Ok(manifest)
    }

    /// A path of the manifest, as seen from the working directory.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The workflow of this name.
    pub fn workflow(&self, name: &str) -> Option<&Workflow> {
        let mut all = self.workflows.iter();
        all.find(|(key, _)| key.get_ref() == name).map(|(_, workflow)| workflow)
    }

    fn check(&self) -> Result<(), Fault> {
        let account = self.execution.account.get_ref();
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!("execution.account is `{account}`; an account is 12 digits");
            return Err((Some(self.execution.account.span()), message));
        }
        for (name, function) in &self.functions {
            check_function_name(name)?;
            for grant in &function.grants.http {
                for (header, value) in &grant.headers {
                    self.check_header(header, value)?;
                }
            }
        }
        if let Some(name) = &self.mail.password {
            self.check_secret(name, name.get_ref())?;
        }
        self.check_buckets()?;
        self.workflows.iter().try_for_each(|(name, workflow)| workflow.check(name))?;
        self.check_serve()
    }

    /// Buckets whose names begin with `$` are the host's own.
    fn check_buckets(&self) -> Result<(), Fault> {
        let granted = self.functions.values().flat_map(|function| &function.grants.keyvalue);
        let granted = granted.map(|grant| match grant {
            BucketGrant::Name(name) | BucketGrant::Narrow(NarrowBucket { bucket: name, .. }) => {
                name
            }
        });
        match granted.chain(self.keyvalue.keys()).find(|name| name.starts_with('$')) {
            Some(name) => {
                Err((None, format!("bucket `{name}` is Stepyard's own; name yours without the $")))
            }
            None => Ok(()),
        }
    }

    fn check_serve(&self) -> Result<(), Fault> {
        let mut ids = BTreeSet::new();
        for key in &self.serve.keys {
            let id = key.id.get_ref();
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if !(1..=128).contains(&id.len()) || !id.bytes().all(is_word) {
                let message =
                    format!("`{id}` is not an access key id: 1 to 128 letters, digits and _");
                return Err((Some(key.id.span()), message));
            }
            if !ids.insert(id) {
                let message = format!("access key `{id}` is there twice; leave one out");
                return Err((Some(key.id.span()), message));
            }
            self.check_secret(&key.secret, key.secret.get_ref())?;
        }
        if let Some(token) = &self.serve.metrics_token {
            self.check_secret(token, token.get_ref())?;
        }
        for host in &self.serve.hosts {
            let name = host.get_ref();
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte);
            let with_port = name.contains(':') && !name.starts_with('[');
            if name.is_empty() || with_port || !name.bytes().all(allowed) {
                let message = format!(
                    "`{name}` is not a host; write its name or address alone, such as \"stepyard.example.com\""
                );
                return Err((Some(host.span()), message));
            }
        }
        Ok(())
    }

    fn check_header(&self, header: &str, value: &Spanned<String>) -> Result<(), Fault> {
        match SecretTemplate::parse(value.get_ref()) {
            Some(template) => self.check_secret(value, &template.secret),
            None => Err((
                Some(value.span()),
                format!(
                    "the value of header `{header}` names no secret; write it as \"Bearer {{NAME}}\" with [secrets.NAME]"
                ),
            )),
        }
    }

    fn check_secret(&self, at: &Spanned<String>, name: &str) -> Result<(), Fault> {
        if self.secrets.contains_key(name) {
            return Ok(());
        }
        let message =
            format!("secret `{name}` is not defined; add [secrets.{name}] with env or file");
        Err((Some(at.span()), message))
    }
}

/// Where it is, where it has one place, and what is wrong.
pub type Fault = (Option<std::ops::Range<usize>>, String);

/// Lambda's rule for a function's name.
fn check_function_name(name: &str) -> Result<(), Fault> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err((None, format!("`{name}` is not a function's name: 1 to 64 letters, digits, - and _")))
}

/// A header's value with a secret in it: `Bearer {NAME}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretTemplate {
    /// What stands before the secret.
    pub before: String,
    /// The secret's name.
    pub secret: String,
    /// What stands after it.
    pub after: String,
}

impl SecretTemplate {
    /// Reads a text with exactly one name in braces.
    pub fn parse(text: &str) -> Option<Self> {
        let (before, rest) = text.split_once('{')?;
        let (secret, after) = rest.split_once('}')?;
        let plain = |text: &str| !text.contains(['{', '}']);
        let [before, secret, after] = [before, secret, after].map(str::to_owned);
        (plain(&before) && plain(&secret) && plain(&after) && !secret.is_empty()).then_some(Self {
            before,
            secret,
            after,
        })
    }
}

/// Line and column, from 1, of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let line_start = before.rfind('\n').map_or(0, |index| index + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
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
            "stepyard.toml:2:1: unknown field `stp`, expected one of `step`, `grants`, `limits`",
        );
        check("[functions.A]\n", "stepyard.toml:1:1: missing field `step`");
        check(
            "[execution]\naccount = \"12\"\n",
            "stepyard.toml:2:11: execution.account is `12`; an account is 12 digits",
        );
        check(
            "[functions.\"A B\"]\nstep = \"a\"\n",
            "stepyard.toml: `A B` is not a function's name: 1 to 64 letters, digits, - and _",
        );
        check("[functions", "stepyard.toml:1:11: unclosed table, expected `]`");
        check(
            "[functions.A]\nstep = \"a\"\n[[functions.A.grants.http]]\nurl = \"http://h/\"\nheaders = { X = \"{KEY}\" }\n",
            "stepyard.toml:5:17: secret `KEY` is not defined; add [secrets.KEY] with env or file",
        );
    }

    #[test]
    fn what_is_wrong_with_serve_is_told_with_its_place() {
        let with = |serve: &str| format!("secrets.S.env = \"S\"\n[serve]\n{serve}\n");
        let key = |id: &str, secret: &str| format!("{{ id = \"{id}\", secret = \"{secret}\" }}");
        let keys = |keys: &[String]| with(&format!("keys = [{}]", keys.join(", ")));
        for (text, expected) in [
            (keys(&[key("AKID", "S"), key("AKID2", "S")]), ""),
            (
                with("hosts = [\"stepyard.example.com\", \"10.0.0.1\", \"::1\"]"),
                "stepyard.toml:3:46: `::1` is not a host; write its name or address alone, such as \"stepyard.example.com\"",
            ),
            (with("hosts = [\"a.example\", \"[::1]\"]"), ""),
            (
                with("hosts = [\"https://a.example\"]"),
                "stepyard.toml:3:10: `https://a.example` is not a host; write its name or address alone, such as \"stepyard.example.com\"",
            ),
            (
                keys(&[key("A/B", "S")]),
                "stepyard.toml:3:16: `A/B` is not an access key id: 1 to 128 letters, digits and _",
            ),
            (
                keys(&[key("A", "S"), key("A", "S")]),
                "stepyard.toml:3:44: access key `A` is there twice; leave one out",
            ),
            (
                keys(&[key("A", "T")]),
                "stepyard.toml:3:30: secret `T` is not defined; add [secrets.T] with env or file",
            ),
            (
                with("tls = { certificate = \"cert.pem\" }"),
                "stepyard.toml:3:7: missing field `key`",
            ),
        ] {
            check(&text, expected);
        }
    }

    #[test]
    fn a_header_holds_exactly_one_secret() {
        let parse = |text| SecretTemplate::parse(text).map(|t| (t.before, t.secret, t.after));
        let some = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(parse("Bearer {KEY}"), some("Bearer ", "KEY", ""));
        assert_eq!(parse("{KEY}:"), some("", "KEY", ":"));
        for text in ["plain", "{}", "{A}{B}", "{A", "A}", "}{"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
