//! `[aws]` and `[aws.SERVICE]`: how AWS is reached, where the SDK's own chain is not to say it.

use std::num::NonZeroU32;

use serde::Deserialize;
use stepyard_integrations::AwsService;
use toml::Spanned;

use super::{Fault, Manifest, Secret};

/// `[aws]`: what holds for all services, and a table for each that is reached otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AwsSection {
    /// Another endpoint than AWS's.
    pub endpoint_url: Option<Spanned<String>>,
    /// The region.
    pub region: Option<String>,
    /// Whose calls they are.
    pub access_key: Option<AwsKey>,
    /// How long a call may take to answer.
    pub timeout_seconds: Option<NonZeroU32>,
    /// Amazon DynamoDB.
    pub dynamodb: Option<AwsReach>,
    /// Amazon EventBridge.
    pub events: Option<AwsReach>,
    /// AWS Lambda.
    pub lambda: Option<AwsReach>,
    /// Amazon CloudWatch Logs.
    pub logs: Option<AwsReach>,
    /// Amazon S3.
    pub s3: Option<AwsReach>,
    /// AWS Secrets Manager.
    pub secretsmanager: Option<AwsReach>,
    /// Amazon SES.
    pub ses: Option<AwsReach>,
    /// Amazon SNS.
    pub sns: Option<AwsReach>,
    /// Amazon SQS.
    pub sqs: Option<AwsReach>,
}

/// How a service is reached; the SDK's chain says what is absent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AwsReach {
    /// Another endpoint than AWS's: `http://127.0.0.1:4566`.
    pub endpoint_url: Option<Spanned<String>>,
    /// The region.
    pub region: Option<String>,
    /// Whose calls they are.
    pub access_key: Option<AwsKey>,
    /// How long a call may take to answer.
    pub timeout_seconds: Option<NonZeroU32>,
}

/// `{ id = "AKIA…", secret = "NAME" }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsKey {
    /// The access key id.
    pub id: String,
    /// The secret that is the secret access key.
    pub secret: Spanned<String>,
}

impl AwsSection {
    /// What holds for all services.
    pub fn all(&self) -> AwsReach {
        let Self { endpoint_url, region, access_key, timeout_seconds, .. } = self;
        AwsReach {
            endpoint_url: endpoint_url.clone(),
            region: region.clone(),
            access_key: access_key.clone(),
            timeout_seconds: *timeout_seconds,
        }
    }

    /// The services that have a table of their own, and its name.
    pub fn services(&self) -> Vec<(&'static str, AwsService, &AwsReach)> {
        let all = [
            ("dynamodb", AwsService::DynamoDb, &self.dynamodb),
            ("events", AwsService::Events, &self.events),
            ("lambda", AwsService::Lambda, &self.lambda),
            ("logs", AwsService::Logs, &self.logs),
            ("s3", AwsService::S3, &self.s3),
            ("secretsmanager", AwsService::SecretsManager, &self.secretsmanager),
            ("ses", AwsService::Ses, &self.ses),
            ("sns", AwsService::Sns, &self.sns),
            ("sqs", AwsService::Sqs, &self.sqs),
        ];
        let own = all.into_iter();
        own.filter_map(|(name, service, own)| Some((name, service, own.as_ref()?))).collect()
    }

    pub(super) fn check(&self, manifest: &Manifest) -> Result<(), Fault> {
        self.all().check(manifest)?;
        self.services().into_iter().try_for_each(|(_, _, own)| own.check(manifest))
    }
}

impl AwsReach {
    fn check(&self, manifest: &Manifest) -> Result<(), Fault> {
        if let Some(url) = &self.endpoint_url {
            let text = url.get_ref();
            let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            if rest.is_none_or(|rest| rest.starts_with('/') || rest.is_empty()) {
                let message =
                    format!("`{text}` is not a URL; write it as in \"http://127.0.0.1:4566\"");
                return Err((Some(url.span()), message));
            }
        }
        let Some(AwsKey { secret, .. }) = &self.access_key else { return Ok(()) };
        manifest.check_secret(secret)?;
        let name = secret.get_ref();
        match manifest.secrets.get(name) {
            Some(Secret::SecretsManager { .. }) => {
                let message = format!(
                    "secret `{name}` is in Secrets Manager, and this is what AWS is reached by; give it env or file"
                );
                Err((Some(secret.span()), message))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_wrong_with_aws_is_told_with_its_place() {
        for (text, expected) in [
            (
                "[aws]\nregion = \"eu-west-1\"\n[aws.sqs]\nendpoint_url = \"http://127.0.0.1:1\"\n",
                "",
            ),
            (
                "[aws.sqs]\nendpoint_url = \"127.0.0.1:1\"\n",
                "stepyard.toml:2:16: `127.0.0.1:1` is not a URL; write it as in \"http://127.0.0.1:4566\"",
            ),
            (
                "[aws]\naccess_key = { id = \"A\", secret = \"S\" }\n",
                "stepyard.toml:2:35: secret `S` is not defined; add [secrets.S] with env, file or secretsmanager",
            ),
            (
                "secrets.S.secretsmanager = \"s\"\n[aws]\naccess_key = { id = \"A\", secret = \"S\" }\n",
                "stepyard.toml:3:35: secret `S` is in Secrets Manager, and this is what AWS is reached by; give it env or file",
            ),
            (
                "[aws.kinesis]\n",
                "stepyard.toml:1:6: unknown field `kinesis`, expected one of `endpoint_url`, `region`, `access_key`, `timeout_seconds`, `dynamodb`, `events`, `lambda`, `logs`, `s3`, `secretsmanager`, `ses`, `sns`, `sqs`",
            ),
        ] {
            let result = Manifest::parse(Path::new("stepyard.toml"), text);
            let message = result.err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(message, expected, "{text}");
        }
    }
}
