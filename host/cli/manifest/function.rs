//! `[functions.NAME]`: the step that a function is bound to, what it may reach and how much it may use; or
//! the function of AWS Lambda that it is.

use std::{collections::BTreeMap, net::IpAddr, ops::Range, path::PathBuf};

use serde::Deserialize;
use stepyard_engine::{FunctionName, FunctionNameError};
use toml::Spanned;

use super::{Canary, Fault, Manifest, SecretTemplate};

/// `[functions.NAME]` with `step`.
#[derive(Debug)]
pub struct Function {
    /// A crate folder, built when it is stale, or a component file; relative to the manifest.
    pub step: Spanned<PathBuf>,
    /// What the step may reach.
    pub grants: Grants,
    /// How much it may use.
    pub limits: Limits,
    /// When a version of it that is on trial is given up; without this it is not by itself.
    pub canary: Option<Canary>,
}

/// `[functions.NAME]` with `aws`: a function of AWS Lambda.
#[derive(Debug)]
pub struct AwsFunction {
    /// What Lambda calls it, when not as definitions do.
    pub called: Option<FunctionName>,
}

/// `[functions.NAME]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Binding {
    step: Option<Spanned<PathBuf>>,
    aws: Option<Spanned<AwsName>>,
    grants: Option<Spanned<Grants>>,
    limits: Option<Spanned<Limits>>,
    canary: Option<Spanned<Canary>>,
}

/// `aws = true`, or what Lambda calls the function.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected true, or the name or ARN of a Lambda function")]
enum AwsName {
    AsInDefinitions(bool),
    Other(String),
}

/// What a function is bound to.
pub(super) enum Bound {
    Step(Function),
    Aws(AwsFunction),
}

impl Binding {
    /// What the function is bound to; `at` is where it is written.
    pub(super) fn bound(self, name: &str, at: Range<usize>) -> Result<Bound, Fault> {
        check_name(name)?;
        let Self { step, aws, grants, limits, canary } = self;
        match (step, aws) {
            (Some(step), None) => Ok(Bound::Step(Function {
                step,
                grants: grants.map(Spanned::into_inner).unwrap_or_default(),
                limits: limits.map(Spanned::into_inner).unwrap_or_default(),
                canary: canary.map(Spanned::into_inner),
            })),
            (None, Some(aws)) => {
                let spans = [
                    grants.map(|it| ("grants", it.span())),
                    limits.map(|it| ("limits", it.span())),
                    canary.map(|it| ("canary", it.span())),
                ];
                match spans.into_iter().flatten().next() {
                    Some((key, at)) => Err((
                        Some(at),
                        format!("`{key}` is for steps, and `{name}` is a function of AWS Lambda"),
                    )),
                    None => AwsFunction::read(&aws).map(Bound::Aws),
                }
            }
            (Some(_), Some(aws)) => Err((
                Some(aws.span()),
                format!("`{name}` has both `step` and `aws`; leave one out"),
            )),
            (None, None) => Err((
                Some(at),
                format!(
                    "`{name}` is bound to nothing; write step = \"…\", or aws = true for a function of AWS Lambda"
                ),
            )),
        }
    }
}

impl AwsFunction {
    fn read(written: &Spanned<AwsName>) -> Result<Self, Fault> {
        let fault = |message: String| (Some(written.span()), message);
        match written.get_ref() {
            AwsName::AsInDefinitions(true) => Ok(Self { called: None }),
            AwsName::AsInDefinitions(false) => {
                Err(fault("write aws = true, or the name or ARN of a Lambda function".to_owned()))
            }
            AwsName::Other(text) => {
                let called =
                    text.parse().map_err(|error: FunctionNameError| fault(error.to_string()))?;
                Ok(Self { called: Some(called) })
            }
        }
    }
}

impl Function {
    pub(super) fn check(&self, manifest: &Manifest) -> Result<(), Fault> {
        self.canary.as_ref().map_or(Ok(()), Canary::check)?;
        self.grants.http.iter().try_for_each(|grant| grant.check(manifest))
    }
}

/// Lambda's rule for a function's name.
fn check_name(name: &str) -> Result<(), Fault> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err((None, format!("`{name}` is not a function's name: 1 to 64 letters, digits, - and _")))
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

impl Grants {
    /// The secrets that the host puts into requests, by their names.
    #[cfg(feature = "full")]
    pub(crate) fn secrets(&self) -> impl Iterator<Item = String> {
        let headers = self.http.iter().flat_map(|grant| grant.headers.values());
        headers.filter_map(|value| Some(SecretTemplate::parse(value.get_ref())?.secret))
    }
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

impl BucketGrant {
    /// The bucket.
    pub fn bucket(&self) -> &String {
        let (Self::Name(bucket) | Self::Narrow(NarrowBucket { bucket, .. })) = self;
        bucket
    }

    /// What may be done with it.
    pub fn access(&self) -> BucketAccess {
        match self {
            Self::Name(_) => BucketAccess::ReadWrite,
            Self::Narrow(narrow) => narrow.access,
        }
    }
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
    /// The addresses the host's name may lead to, instead of any public one.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// Headers the host puts in, such as `Authorization = "Bearer {GATEWAY_KEY}"`: a name in braces
    /// is a secret's, and the step never sees its value.
    #[serde(default)]
    pub headers: BTreeMap<String, Spanned<String>>,
}

impl HttpGrant {
    fn check(&self, manifest: &Manifest) -> Result<(), Fault> {
        self.headers.iter().try_for_each(|(name, value)| check_header(name, value, manifest))
    }
}

fn check_header(header: &str, value: &Spanned<String>, manifest: &Manifest) -> Result<(), Fault> {
    match SecretTemplate::parse(value.get_ref()) {
        Some(template) => manifest.check_secret_at(value.span(), &template.secret),
        None => Err((
            Some(value.span()),
            format!(
                "the value of header `{header}` names no secret; write it as \"Bearer {{NAME}}\" with [secrets.NAME]"
            ),
        )),
    }
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
