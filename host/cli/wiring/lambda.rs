//! A Stepyard on AWS Lambda: executions are in memory, and what outlasts them is outside. The disk there
//! is no store: the next invocation may be on another.

use std::sync::Arc;

use anyhow::{Result, bail};
use futures::future::{BoxFuture, ready};
use stepyard_asl::{ResourceKind, StateMachine};
use stepyard_engine::{
    MemoryStore,
    outside::{Mail, MailError, MailMessage, Publication, Published, TopicError, Topics},
};
use stepyard_wasm::{Settings, StepSpec};

use super::{Parts, Seams, Stepyard};
use crate::{
    aws,
    buckets::{is_embedded, quotas},
    manifest::{Function, Manifest, SnsDelivery},
};

impl Stepyard {
    /// One on AWS Lambda, for these functions and the workflow that calls them, if any. Refused where
    /// they would keep something on its disk. Components may be compiled already: they come in the
    /// package that this program comes in.
    pub async fn on_lambda(
        manifest: &Manifest,
        steps: Vec<StepSpec>,
        machine: Option<&StateMachine>,
    ) -> Result<Self> {
        let problems = kept_on_disk(manifest, &steps, machine);
        if !problems.is_empty() {
            bail!("{}", problems.join("\n"));
        }
        let seams = Seams::default();
        let aws = aws::reached(manifest)?;
        let topics = match machine {
            Some(_) => super::topics(manifest, &aws).await,
            None => None,
        };
        let mail = super::mail(manifest, &aws, &seams.clock).await?;
        let store = MemoryStore::new(quotas(manifest));
        let mail = mail.unwrap_or_else(|| Arc::new(Nowhere));
        let topics = topics.unwrap_or_else(|| Arc::new(Nowhere));
        let parts = Parts {
            // Few calls come, one after the other: what counts is how soon the first is answered.
            settings: Settings { pooled: false, precompiled: true, ..Settings::default() },
            // Many environments begin, and none of them is the first: `stepyard seed` does it once.
            seeds: false,
            ..Parts::new(steps, mail, topics, aws, seams)
        };
        Box::pin(parts.wire(manifest, store)).await
    }
}

/// What the step runtime is told of the functions that `wanted` picks, in a package: their components are
/// there as files.
pub(crate) fn packaged_steps(
    manifest: &Manifest,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<StepSpec>> {
    let functions = manifest.functions.iter().filter(|(name, _)| wanted(name));
    let spec = |(name, function): (&String, &Function)| {
        super::step_spec(name, function, manifest.resolve(function.step.get_ref()))
    };
    functions.map(spec).collect()
}

/// What would be kept on the disk, each with the manifest's key and how to keep it elsewhere.
pub(crate) fn kept_on_disk(
    manifest: &Manifest,
    steps: &[StepSpec],
    machine: Option<&StateMachine>,
) -> Vec<String> {
    const NO_STORE: &str = "and Lambda's disk is no store";
    let mut problems = Vec::new();
    for StepSpec { function, grants, .. } in steps {
        for bucket in grants.keyvalue.iter().map(|grant| &grant.bucket) {
            if is_embedded(manifest, bucket) {
                problems.push(format!(
                    "[keyvalue.{bucket}], which function `{function}` is granted, is kept in the data \
                     directory, {NO_STORE}: keep it in DynamoDB with [dynamodb], or in Redis with \
                     [redis]; no `store = \"sqlite\"` then"
                ));
            }
        }
        if !grants.mail.is_empty() && manifest.mail.is_embedded() {
            problems.push(format!(
                "[mail], which function `{function}` is granted, keeps messages in a folder, \
                 {NO_STORE}: send them with `ses = true`, or with `smtp = \"smtp://…\"`"
            ));
        }
    }
    let publishes = machine.is_some_and(|machine| {
        machine.tasks().iter().any(|task| {
            matches!(task.resource.kind(), ResourceKind::Service { service, .. } if service == "sns")
        })
    });
    if publishes && manifest.sns.delivery == SnsDelivery::Log {
        problems.push(format!(
            "[sns] keeps what the workflow publishes in the topic log of the data directory, \
             {NO_STORE}: set `delivery = \"aws\"`"
        ));
    }
    problems
}

/// Where mail and notifications go that nobody sends: of functions without the grant, and of workflows
/// that publish nothing.
#[derive(Debug)]
struct Nowhere;

const UNREACHED: &str =
    "nothing is wired for it on Lambda: no function or state was found to need it";

impl Mail for Nowhere {
    fn send(&self, _message: MailMessage) -> BoxFuture<'_, Result<(), MailError>> {
        Box::pin(ready(Err(MailError::Unavailable(UNREACHED.to_owned()))))
    }
}

impl Topics for Nowhere {
    fn publish(&self, _publication: Publication) -> BoxFuture<'_, Result<Published, TopicError>> {
        Box::pin(ready(Err(TopicError {
            code: "InternalError".to_owned(),
            message: UNREACHED.to_owned(),
            status: 500,
            request_id: String::new(),
        })))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What stands in the way of a function with these sections, and of a workflow that publishes.
    fn check(sections: &str, expected: &[&str]) {
        let grants = "[functions.F]\nstep = \"f\"\n[functions.F.grants]\n";
        let text = format!("{grants}{sections}");
        let manifest = Manifest::parse(Path::new("stepyard.toml"), &text).unwrap();
        let function = &manifest.functions["F"];
        let spec = super::super::step_spec("F", function, "f.cwasm".into()).unwrap();
        let publishes = r#"{"StartAt": "P", "States": {"P": {"Type": "Task", "End": true,
            "Resource": "arn:aws:states:::sns:publish", "Parameters": {"Message": "m"}}}}"#;
        let machine = StateMachine::parse(publishes).unwrap();
        let problems = kept_on_disk(&manifest, &[spec], Some(&machine));
        let keys: Vec<&str> =
            problems.iter().map(|it| it.split([',', ' ']).next().unwrap()).collect();
        assert_eq!(keys, expected, "{problems:#?}");
    }

    #[test]
    fn all_that_would_be_kept_on_the_disk_is_named_by_its_key() {
        check("", &["[sns]"]);
        check("[sns]\ndelivery = \"aws\"\n", &[]);
        check("keyvalue = [\"stock\"]\nmail = [\"*\"]\n", &["[keyvalue.stock]", "[mail]", "[sns]"]);
        let elsewhere = "keyvalue = [\"stock\"]\nmail = [\"*\"]\n[redis]\nurl = \"redis://h\"\n\
                         [mail]\nsmtp = \"smtp://h\"\n[sns]\ndelivery = \"aws\"\n";
        check(elsewhere, &[]);
        let on_aws = "keyvalue = [\"stock\"]\nmail = [\"*\"]\n[dynamodb]\n[mail]\nses = true\n\
                      [sns]\ndelivery = \"aws\"\n";
        check(on_aws, &[]);
        check(&format!("{elsewhere}[keyvalue.stock]\nstore = \"sqlite\"\n"), &["[keyvalue.stock]"]);
    }
}
