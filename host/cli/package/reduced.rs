//! The manifest of a package: of the whole one what its functions are granted, their limits, and those
//! sections of the outside that they reach. Nothing else goes to AWS.
//!
//! The document itself is filtered, so that what stays is as it was written, its comments included.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use toml_edit::{DocumentMut, Item, TableLike, value};

use crate::manifest::{BucketStore, Function, Manifest, Secret};

/// Sections of which the entries are chosen one by one.
const CHOSEN: &[&str] = &["aws", "functions", "keyvalue", "secrets", "workflows"];
/// Sections that are kept whole where what they are about is used.
#[cfg(test)]
const KEPT: &[&str] = &["dynamodb", "execution", "mail", "redis", "sns"];
/// What is about a server that stays, which a function is not.
#[cfg(test)]
const LEFT: &[&str] = &["serve"];
/// A workflow's name in its package, for `STEPYARD_WORKFLOW`.
pub(super) const WORKFLOW: &str = "workflow.asl.json";

/// The keys of `[aws]` that hold for all services.
const AWS_KEYS: &[&str] = &["access_key", "endpoint_url", "region"];

/// What some functions use of a manifest.
#[derive(Debug)]
pub(super) struct Uses<'a> {
    functions: BTreeSet<&'a str>,
    buckets: BTreeSet<&'a str>,
    secrets: BTreeSet<String>,
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
        let mut uses = Self {
            functions: functions.iter().map(|(name, _)| *name).collect(),
            buckets: BTreeSet::new(),
            secrets: BTreeSet::new(),
            sections: BTreeSet::new(),
            services: BTreeSet::new(),
            workflow: None,
        };
        for (_, function) in functions {
            let grants = &function.grants;
            uses.buckets.extend(grants.keyvalue.iter().map(|grant| grant.bucket().as_str()));
            uses.secrets.extend(grants.secrets());
            if !grants.mail.is_empty() {
                uses.sections.insert("mail");
                uses.services.extend(manifest.mail.by_ses().then_some("ses"));
            }
        }
        uses.add_what_buckets_use(manifest);
        uses.add_secrets_of_sections(manifest);
        uses
    }

    /// The same with what a workflow of this name uses whose tasks call these services.
    pub(super) fn with_workflow(
        mut self,
        manifest: &'a Manifest,
        name: &'a str,
        services: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.workflow = Some(name);
        self.sections.insert("execution");
        self.services.extend(services);
        if self.services.contains("sns") {
            self.sections.insert("sns");
        }
        self.add_secrets_of_sections(manifest);
        self
    }

    fn add_what_buckets_use(&mut self, manifest: &Manifest) {
        for bucket in self.buckets.clone() {
            match manifest.store_of(bucket) {
                BucketStore::Redis => self.sections.insert("redis"),
                BucketStore::DynamoDb => {
                    self.sections.insert("dynamodb") | self.services.insert("dynamodb")
                }
                BucketStore::Sqlite => false,
            };
        }
    }

    /// What the sections name that are kept.
    fn add_secrets_of_sections(&mut self, manifest: &Manifest) {
        let redis = manifest.redis.as_ref().and_then(|it| it.password.as_ref());
        let passwords = [("redis", redis), ("mail", manifest.mail.password.as_ref())];
        for (section, password) in passwords {
            if self.sections.contains(section) {
                self.secrets.extend(password.map(|it| it.get_ref().clone()));
            }
        }
        let kept = |name: &String| manifest.secrets.get(name);
        if self
            .secrets
            .iter()
            .filter_map(kept)
            .any(|it| matches!(it, Secret::SecretsManager { .. }))
        {
            self.services.insert("secretsmanager");
        }
    }

    /// Whether the package can have all of it.
    pub(super) fn check(&self, manifest: &Manifest) -> Result<()> {
        for name in &self.secrets {
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

    /// The manifest's text with nothing else in it, and its functions bound to compiled components.
    pub(super) fn reduce(&self, text: &str) -> Result<String> {
        let mut document: DocumentMut = text.parse()?;
        let manifest = document.as_table_mut();
        keep(manifest, |section| CHOSEN.contains(&section) || self.sections.contains(section));
        for (section, names) in [("functions", &self.functions), ("keyvalue", &self.buckets)] {
            keep_in(manifest, section, |name| names.contains(name));
        }
        keep_in(manifest, "secrets", |name| self.secrets.contains(name));
        keep_in(manifest, "workflows", |name| self.workflow == Some(name));
        keep_in(manifest, "aws", |name| AWS_KEYS.contains(&name) || self.services.contains(name));
        self.bind(manifest);
        keep_filled(manifest);
        Ok(document.to_string().trim_start().to_owned())
    }

    /// What a server does with a function, a bucket or a workflow is no package's: a canary, the first
    /// contents, what starts executions.
    fn bind(&self, manifest: &mut dyn TableLike) {
        if let Some(functions) = table(manifest, "functions") {
            for (name, item) in functions.iter_mut() {
                let Some(function) = item.as_table_like_mut() else { continue };
                function.remove("canary");
                if let Some(step) = function.get_mut("step") {
                    *step = value(component_path(&name));
                }
            }
        }
        if let Some(buckets) = table(manifest, "keyvalue") {
            for (_, item) in buckets.iter_mut() {
                item.as_table_like_mut().and_then(|bucket| bucket.remove("seed"));
            }
            keep_filled(buckets);
        }
        if let Some(workflows) = table(manifest, "workflows") {
            for (_, item) in workflows.iter_mut() {
                let Some(workflow) = item.as_table_like_mut() else { continue };
                keep(workflow, |key| key == "definition");
                workflow.insert("definition", value(WORKFLOW));
            }
        }
    }
}

/// Where a function's compiled component is in its package.
pub(super) fn component_path(function: &str) -> String {
    format!("components/{function}.cwasm")
}

fn table<'a>(within: &'a mut dyn TableLike, name: &str) -> Option<&'a mut dyn TableLike> {
    within.get_mut(name).and_then(Item::as_table_like_mut)
}

fn keep_in(manifest: &mut dyn TableLike, section: &str, wanted: impl Fn(&str) -> bool) {
    if let Some(entries) = table(manifest, section) {
        keep(entries, wanted);
    }
}

fn keep(table: &mut dyn TableLike, wanted: impl Fn(&str) -> bool) {
    let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
    for name in names.iter().filter(|name| !wanted(name)) {
        table.remove(name);
    }
}

/// Drops the tables that have nothing left in them.
fn keep_filled(within: &mut dyn TableLike) {
    let empty = |(name, item): (&str, &Item)| {
        item.as_table_like().is_some_and(TableLike::is_empty).then(|| name.to_owned())
    };
    let empty: Vec<String> = within.iter().filter_map(empty).collect();
    keep(within, |name| !empty.iter().any(|it| it == name));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use expect_test::{Expect, expect};

    use super::*;

    const ORDER: &str = include_str!("../../../stepyard.toml");

    fn reduce(text: &str, functions: &[&str], services: Option<&[&'static str]>) -> String {
        let manifest = Manifest::parse(Path::new("stepyard.toml"), text).unwrap();
        let functions: Vec<_> =
            functions.iter().map(|name| (*name, &manifest.functions[*name])).collect();
        let uses = Uses::of(&manifest, &functions);
        let uses = match services {
            Some(services) => uses.with_workflow(&manifest, "order", services.iter().copied()),
            None => uses,
        };
        uses.check(&manifest).map_or_else(
            |unfit| unfit.to_string(),
            |()| {
                let reduced = uses.reduce(text).unwrap();
                Manifest::parse(Path::new("stepyard.toml"), &reduced).unwrap();
                reduced
            },
        )
    }

    fn check(text: &str, functions: &[&str], expected: Expect) {
        expected.assert_eq(&reduce(text, functions, None));
    }

    #[test]
    fn every_section_of_a_manifest_is_chosen_from_kept_or_left() {
        let unknown = Manifest::parse(Path::new("stepyard.toml"), "unknown = 1\n").unwrap_err();
        let unknown = unknown.to_string();
        let (_, sections) = unknown.split_once("expected one of ").unwrap();
        let mut sections: Vec<&str> = sections.split(", ").map(|it| it.trim_matches('`')).collect();
        sections.sort_unstable();
        let mut known = [CHOSEN, KEPT, LEFT].concat();
        known.sort_unstable();
        assert_eq!(sections, known, "say of a new section whether it goes into packages");
    }

    #[test]
    fn a_step_that_is_granted_nothing_needs_nothing() {
        check(ORDER, &["ReceiveOrder"], expect![[r#""#]]);
    }

    #[test]
    fn a_grant_brings_what_it_leads_to() {
        check(ORDER, &["ChargePayment"], expect![[r#""#]]);
        check(
            "# The shop.\n[redis]\nurl = \"redis://h\"\npassword = \"R\"\n\n[mail]\nsmtp = \"smtp://h\"\npassword = \"M\"\n\n\
             [functions.A]\nstep = \"a\"\ngrants = { keyvalue = [\"b\"], mail = [\"*\"] }\n\n[functions.B]\nstep = \"b\"\n\n\
             [keyvalue.b]\nquota_mib = 1 # small\nseed = { x = 1 }\n\n[keyvalue.c.seed]\ny = 2\n\n\
             [secrets]\nR.env = \"R\"\nM.env = \"M\"\nX.env = \"X\"\n\n[aws]\nregion = \"eu-west-1\"\n[aws.sqs]\nregion = \"us-east-1\"\n",
            &["A"],
            expect![[r#""#]],
        );
    }

    #[test]
    fn a_workflow_brings_all_its_functions_and_where_its_tasks_go() {
        let text = format!(
            "{ORDER}\n[sns]\ndelivery = \"aws\"\n[serve]\nhosts = [\"h\"]\n[execution]\nrole = \"r\"\n"
        );
        let functions = ["ReceiveOrder", "CheckInventory", "ChargePayment", "SendConfirmation"];
        let reduced = reduce(&text, &functions, Some(&["lambda", "sns"]));
        for kept in [
            "[functions.ReceiveOrder]",
            "[secrets.STRIPE_KEY]",
            "[sns]",
            "[execution]",
            "[workflows.order]",
        ] {
            assert!(reduced.contains(kept), "{kept} is not in {reduced}");
        }
        for left in ["[serve]", "seed", "steps/"] {
            assert!(!reduced.contains(left), "{left} is in {reduced}");
        }
    }

    #[test]
    fn a_secret_in_a_file_stays_behind_and_says_so() {
        let text = |path: &str| {
            format!(
                "[functions.A]\nstep = \"a\"\n[[functions.A.grants.http]]\nurl = \"http://h/\"\nheaders = {{ X = \"{{K}}\" }}\n[secrets.K]\nfile = \"{path}\"\n"
            )
        };
        check(&text("key"), &["A"], expect![[r#""#]]);
        assert!(reduce(&text("/mnt/key"), &["A"], None).contains("[secrets.K]"));
    }
}
