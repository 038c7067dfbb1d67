//! How AWS is reached, as the manifest has it.

use std::time::Duration;

use anyhow::Result;
use stepyard_integrations::{AccessKey, Aws, AwsFunctions, AwsSettings};

use crate::{
    manifest::{AwsKey, AwsReach, Manifest},
    secrets,
};

/// How AWS is reached: `[aws]` and `[aws.SERVICE]`, with their secrets looked up.
pub(crate) fn reached(manifest: &Manifest) -> Result<Aws> {
    let section = &manifest.aws;
    let all = settings(&section.all(), "[aws]", manifest)?;
    section.services().into_iter().try_fold(Aws::new(all), |aws, (name, service, own)| {
        Ok(aws.with(service, settings(own, &format!("[aws.{name}]"), manifest)?))
    })
}

/// The functions that are AWS Lambda's.
pub(crate) fn functions(manifest: &Manifest, aws: &Aws) -> AwsFunctions {
    let bound = manifest.aws_functions.iter();
    let bound = bound.map(|(name, function)| (name.clone(), function.called.clone()));
    AwsFunctions::new(aws.clone(), bound.collect())
}

fn settings(written: &AwsReach, whose: &str, manifest: &Manifest) -> Result<AwsSettings> {
    let key = |AwsKey { id, secret }: &AwsKey| {
        let secret = secrets::here(manifest, secret.get_ref(), &format!("access_key of {whose}"))?;
        Ok::<_, anyhow::Error>(AccessKey { id: id.clone(), secret })
    };
    Ok(AwsSettings {
        endpoint_url: written.endpoint_url.as_ref().map(|url| url.get_ref().clone()),
        region: written.region.clone(),
        access_key: written.access_key.as_ref().map(key).transpose()?,
        read_timeout: written
            .timeout_seconds
            .map(|seconds| Duration::from_secs(seconds.get().into())),
    })
}
