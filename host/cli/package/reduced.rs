//! The manifest of a package: of the whole one what its functions are granted, their limits, and those
//! sections of the outside that they reach. Nothing else goes to AWS.
//!
//! The document itself is filtered, so that what stays is as it was written, its comments included.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use toml_edit::{DocumentMut, Item, TableLike, Value, value};

use crate::manifest::{BucketStore, Function, Manifest, Secret};

/// Sections of which the entries are chosen one by one.
const CHOSEN: &[&str] = &["aws", "functions", "keyvalue", "secrets", "workflows"];
/// Sections that are kept whole where what they are about is used.
#[cfg(test)]
const KEPT: &[&str] = &["connections", "dynamodb", "execution", "mail", "redis", "sns"];
/// What is about a server that stays, which a function is not, or about folders of its disk: only a
/// Distributed Map reads objects, and a workflow in one invocation has none.
#[cfg(test)]
const LEFT: &[&str] = &["logs", "metrics", "otlp", "s3", "serve"];
/// The keys of `[aws]` that hold for all services.
const AWS_KEYS: &[&str] = &["access_key", "endpoint_url", "region"];
/// A workflow's name in its package, for `STEPYARD_WORKFLOW`.
pub(super) const WORKFLOW: &str = "workflow.asl.json";

/// What some functions use of a manifest.
#[derive(Debug)]
pub(super) struct Uses<'a> {
    functions: BTreeSet<&'a str>,
    buckets: BTreeSet<&'a str>,
    /// Sections that are kept whole.
    sections: BTreeSet<&'static str>,
    /// Services of AWS, as `[aws.SERVICE]` names them.
    services: BTreeSet<&'a str>,
    /// The workflow, by the name that the manifest has for it.
    workflow: Option<&'a str>,
}

impl<'a> Uses<'a> {
    /// What these functions use.
    pub(super) fn of(manifest: &'a Manifest, functions: &[(&'a str, &'a Function)]) -> Self {
        let grants = || functions.iter().map(|(_, function)| &function.grants);
        let buckets = grants().flat_map(|grants| &grants.keyvalue);
        let mut uses = Self {
            functions: functions.iter().map(|(name, _)| *name).collect(),
            buckets: buckets.map(|grant| grant.bucket().as_str()).collect(),
            sections: BTreeSet::new(),
            services: BTreeSet::new(),
            workflow: None,
        };
        if grants().any(|grants| !grants.mail.is_empty()) {
            uses.sections.insert("mail");
            uses.services.extend(manifest.mail.by_ses().then_some("ses"));
        }
        for bucket in &uses.buckets {
            match manifest.store_of(bucket) {
                BucketStore::Sqlite => false,
                BucketStore::Redis => uses.sections.insert("redis"),
                BucketStore::DynamoDb => {
                    uses.services.insert("dynamodb");
                    uses.sections.insert("dynamodb")
                }
            };
        }
        uses
    }

    /// The same with what a workflow of this name uses, whose tasks call these services and these
    /// functions of AWS Lambda.
    pub(super) fn with_workflow(
        mut self,
        name: &'a str,
        services: impl IntoIterator<Item = &'a str>,
        aws_functions: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.workflow = Some(name);
        self.sections.insert("execution");
        for service in services {
            match service {
                // Of the manifest's own functions, which are in the package.
                "lambda" => false,
                "http" => self.sections.insert("connections"),
                "sns" => self.sections.insert("sns") && self.services.insert("sns"),
                service => self.services.insert(service),
            };
        }
        for function in aws_functions {
            self.functions.insert(function);
            self.services.insert("lambda");
        }
        self
    }

    /// The manifest's text with nothing else in it, and its steps those of the package.
    pub(super) fn reduce(&self, text: &str, manifest: &Manifest) -> Result<String> {
        let mut document: DocumentMut = text.parse()?;
        let all = document.as_table_mut();
        keep(all, |section| CHOSEN.contains(&section) || self.sections.contains(section));
        keep_in(all, "functions", |name| self.functions.contains(name));
        keep_in(all, "keyvalue", |name| self.buckets.contains(name));
        keep_in(all, "workflows", |name| self.workflow == Some(name));
        self.bind(all);
        let named = texts(all, "secrets");
        let is_named = |name: &str| named.iter().any(|text| names(text, name));
        keep_in(all, "secrets", is_named);
        let managed = are_managed(manifest, all).then_some("secretsmanager");
        let is_called = |name: &str| self.services.contains(name) || managed == Some(name);
        keep_in(all, "aws", |name| AWS_KEYS.contains(&name) || is_called(name));
        keep_filled(all);
        check_secrets(manifest, all)?;
        Ok(document.to_string().trim_start().to_owned())
    }

    /// What a server does with a function, a bucket or a workflow is no package's: a canary, the first
    /// contents, what starts executions.
    fn bind(&self, all: &mut dyn TableLike) {
        each_in(all, "functions", |name, function| {
            function.remove("canary");
            if let Some(step) = function.get_mut("step") {
                *step = value(component_path(name));
            }
        });
        each_in(all, "keyvalue", |_, bucket| drop(bucket.remove("seed")));
        each_in(all, "workflows", |_, workflow| {
            keep(workflow, |key| key == "definition");
            workflow.insert("definition", value(WORKFLOW));
        });
        table(all, "keyvalue").into_iter().for_each(keep_filled);
    }
}

/// Where a function's compiled component is in its package.
pub(super) fn component_path(function: &str) -> String {
    format!("components/{function}.cwasm")
}

/// Whether AWS Secrets Manager has one of the secrets.
fn are_managed(manifest: &Manifest, kept: &mut dyn TableLike) -> bool {
    let is_managed =
        |name| matches!(manifest.secrets.get(name), Some(Secret::SecretsManager { .. }));
    table(kept, "secrets").is_some_and(|secrets| secrets.iter().any(|(name, _)| is_managed(name)))
}

/// A package has no secret in it: one that is beside the manifest would be missing.
fn check_secrets(manifest: &Manifest, kept: &mut dyn TableLike) -> Result<()> {
    let Some(secrets) = table(kept, "secrets") else { return Ok(()) };
    for (name, _) in secrets.iter() {
        if let Some(Secret::File(path)) = manifest.secrets.get(name)
            && path.is_relative()
        {
            bail!(
                "secret `{name}` is read from a file beside the manifest, and a package has no secrets in it; name \
                 it in [secrets.{name}] with env, or with the absolute path of a file that the function mounts"
            );
        }
    }
    Ok(())
}

/// Whether a text is a secret's name, or has it in braces.
fn names(text: &str, secret: &str) -> bool {
    text == secret || text.contains(&format!("{{{secret}}}"))
}

/// All texts of a document but those of one section.
fn texts(all: &dyn TableLike, except: &str) -> BTreeSet<String> {
    fn collect(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => drop(into.insert(text.value().clone())),
            Value::Array(values) => values.iter().for_each(|value| collect(value, into)),
            Value::InlineTable(table) => table.iter().for_each(|(_, value)| collect(value, into)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    let mut left: Vec<&Item> =
        all.iter().filter(|(section, _)| *section != except).map(|(_, item)| item).collect();
    while let Some(item) = left.pop() {
        match item {
            Item::None => {}
            Item::Value(value) => collect(value, &mut found),
            Item::Table(table) => left.extend(table.iter().map(|(_, item)| item)),
            Item::ArrayOfTables(tables) => {
                left.extend(tables.iter().flat_map(|it| it.iter().map(|(_, item)| item)));
            }
        }
    }
    found
}

fn table<'a>(within: &'a mut dyn TableLike, name: &str) -> Option<&'a mut dyn TableLike> {
    within.get_mut(name).and_then(Item::as_table_like_mut)
}

fn each_in(
    all: &mut dyn TableLike,
    section: &str,
    mut change: impl FnMut(&str, &mut dyn TableLike),
) {
    let entries = table(all, section).into_iter().flat_map(|entries| entries.iter_mut());
    for (name, item) in entries {
        if let Some(entry) = item.as_table_like_mut() {
            change(&name, entry);
        }
    }
}

fn keep_in(all: &mut dyn TableLike, section: &str, wanted: impl Fn(&str) -> bool) {
    if let Some(entries) = table(all, section) {
        keep(entries, wanted);
    }
}

fn keep(table: &mut dyn TableLike, wanted: impl Fn(&str) -> bool) {
    let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
    for name in names.iter().filter(|name| !wanted(name)) {
        table.remove(name);
    }
}

/// Drops the tables that have nothing left in them, but for `[dynamodb]`, which says something by being
/// there.
fn keep_filled(within: &mut dyn TableLike) {
    let empty = |(name, item): (&str, &Item)| {
        let empty = item.as_table_like().is_some_and(|table| table.is_empty());
        (empty && name != "dynamodb").then(|| name.to_owned())
    };
    let empty: Vec<String> = within.iter().filter_map(empty).collect();
    keep(within, |name| !empty.iter().any(|it| it == name));
}

#[cfg(test)]
#[path = "reduced/tests.rs"]
mod tests;
