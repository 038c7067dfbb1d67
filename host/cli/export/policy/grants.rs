//! What the grants of functions ask of AWS: the tables of buckets, the identity that mail is sent from, the
//! values of secrets. What the host does with each is what `stepyard_integrations` says that it does.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use stepyard_integrations::{
    DYNAMODB_READ_ACTIONS, DYNAMODB_WRITE_ACTIONS, SECRETS_MANAGER_ACTIONS, SES_ACTIONS,
    dynamodb_table,
};

use super::{Condition, Statement, sid};
use crate::{
    export::{stack::Table, text::Text},
    manifest::{BucketAccess, BucketStore, Grants, Manifest, Secret},
};

/// Functions and what they are granted, all in one role.
pub(in crate::export) type Granted<'a> = [(&'a str, &'a Grants)];

/// The statements that functions with these grants need.
pub(in crate::export) fn statements(
    manifest: &Manifest,
    granted: &Granted<'_>,
) -> Result<Vec<Statement>> {
    let mut statements = Vec::new();
    for (bucket, (access, functions)) in buckets(granted) {
        if let Some(table) = table(manifest, bucket, &functions)? {
            statements.push(of_bucket(&table, access, &functions));
        }
    }
    statements.extend(mail(manifest, granted)?);
    for (secret, whose) in secrets(manifest, granted) {
        statements.push(of_secret(manifest, secret, &whose)?);
    }
    Ok(statements)
}

/// The tables that their buckets are kept in.
pub(in crate::export) fn tables(manifest: &Manifest, granted: &Granted<'_>) -> Result<Vec<Table>> {
    let buckets = buckets(granted).into_iter();
    let tables = buckets.map(|(bucket, (_, functions))| table(manifest, bucket, &functions));
    Ok(tables.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Each bucket, what may be done with it in all, and who may.
fn buckets<'a>(granted: &Granted<'a>) -> BTreeMap<&'a str, (BucketAccess, Vec<&'a str>)> {
    let mut buckets = BTreeMap::new();
    for (function, grants) in granted {
        for grant in &grants.keyvalue {
            let (access, functions) =
                buckets.entry(grant.bucket().as_str()).or_insert((BucketAccess::Read, Vec::new()));
            if grant.access() == BucketAccess::ReadWrite {
                *access = BucketAccess::ReadWrite;
            }
            functions.push(*function);
        }
    }
    buckets
}

/// The table of a bucket; none where it is in Redis, which has no roles.
fn table(manifest: &Manifest, bucket: &str, functions: &[&str]) -> Result<Option<Table>> {
    match manifest.store_of(bucket) {
        BucketStore::DynamoDb => {
            let name = dynamodb_table(manifest.table_prefix(), bucket);
            Ok(Some(Table { name, bucket: bucket.to_owned() }))
        }
        BucketStore::Redis => Ok(None),
        BucketStore::Sqlite => bail!(
            "bucket `{bucket}`, granted to {}, is kept in the data directory, and a function on AWS Lambda has none: add \
             [dynamodb], or store = \"dynamodb\" to [keyvalue.{bucket}]",
            functions.join(" and ")
        ),
    }
}

fn of_bucket(table: &Table, access: BucketAccess, functions: &[&str]) -> Statement {
    let (mut actions, may) = match access {
        BucketAccess::Read => (DYNAMODB_READ_ACTIONS.to_vec(), "read"),
        BucketAccess::ReadWrite => {
            ([&DYNAMODB_READ_ACTIONS[..], &DYNAMODB_WRITE_ACTIONS].concat(), "read and write")
        }
    };
    actions.sort_unstable();
    let (bucket, functions) = (&table.bucket, functions.join(" and "));
    Statement {
        sid: format!("Keyvalue{}", sid(bucket)),
        reason: format!("The grant keyvalue of {functions}: to {may} the bucket {bucket}."),
        actions,
        resources: vec![Text::arn("dynamodb", format!("table/{}", table.name))],
        conditions: Vec::new(),
    }
}

/// Sending from the identity that is the manifest's, to the recipients that are granted.
fn mail(manifest: &Manifest, granted: &Granted<'_>) -> Result<Option<Statement>> {
    let senders: Vec<_> = granted.iter().filter(|(_, it)| !it.mail.is_empty()).collect();
    let functions: Vec<&str> = senders.iter().map(|(name, _)| *name).collect();
    let functions = functions.join(" and ");
    if senders.is_empty() || (!manifest.mail.by_ses() && manifest.mail.smtp.is_some()) {
        return Ok(None);
    }
    if !manifest.mail.by_ses() {
        bail!(
            "the mail of {functions} is kept in the data directory, and a function on AWS Lambda has none: add ses = \
             true, or smtp, to [mail]"
        );
    }
    let identity = manifest.mail.identity.as_ref().with_context(|| {
        format!(
            "{functions} may send mail by Amazon SES, and its role needs to know as whom: add identity = \"…\" to \
             [mail], the address or domain that is verified in SES"
        )
    })?;
    let recipients: BTreeSet<&String> = senders.iter().flat_map(|(_, it)| &it.mail).collect();
    let like = |key, values| Condition { operator: "StringLike", key, values };
    let from = if identity.contains('@') { identity.clone() } else { format!("*@{identity}") };
    let mut conditions = vec![like("ses:FromAddress", vec![from.into()])];
    // "*" is everybody: then there is nothing to ask for.
    if !recipients.iter().any(|it| *it == "*") {
        conditions.push(Condition {
            operator: "ForAllValues:StringLike",
            key: "ses:Recipients",
            values: recipients.into_iter().map(Text::from).collect(),
        });
    }
    Ok(Some(Statement {
        sid: "Mail".to_owned(),
        reason: format!("The grant mail of {functions}."),
        actions: SES_ACTIONS.into(),
        resources: vec![Text::arn("ses", format!("identity/{identity}"))],
        conditions,
    }))
}

/// Each secret that is needed, and what for.
fn secrets<'a>(manifest: &'a Manifest, granted: &Granted<'a>) -> BTreeMap<&'a str, Vec<String>> {
    let mut secrets = BTreeMap::<&str, Vec<String>>::new();
    for (function, grants) in granted {
        let needed: BTreeSet<String> = grants.secrets().collect();
        for (name, _) in manifest.secrets.iter().filter(|(name, _)| needed.contains(*name)) {
            secrets.entry(name).or_default().push(format!("the grant http of {function}"));
        }
    }
    let in_redis = |bucket| manifest.store_of(bucket) == BucketStore::Redis;
    let uses_redis = buckets(granted).into_keys().any(in_redis);
    let uses_mail = granted.iter().any(|(_, it)| !it.mail.is_empty());
    let redis = manifest.redis.as_ref().and_then(|it| it.password.as_ref());
    for (is_used, password, whose) in
        [(uses_redis, redis, "[redis]"), (uses_mail, manifest.mail.password.as_ref(), "[mail]")]
    {
        if let Some(name) = password.filter(|_| is_used) {
            secrets.entry(name.get_ref()).or_default().push(whose.to_owned());
        }
    }
    secrets
}

/// Reading a secret. Secrets Manager ends a secret's ARN with six characters of its own.
fn of_secret(manifest: &Manifest, name: &str, whose: &[String]) -> Result<Statement> {
    let whose = whose.join(" and ");
    let Some(Secret::SecretsManager { id, .. }) = manifest.secrets.get(name) else {
        bail!(
            "secret `{name}` for {whose} is no secret of AWS Secrets Manager, and a template holds no secrets: write \
             secretsmanager = \"its name or ARN\" in [secrets.{name}]"
        );
    };
    let resource = match id.starts_with("arn:") {
        true => id.into(),
        false => Text::arn("secretsmanager", format!("secret:{id}-??????")),
    };
    Ok(Statement {
        sid: format!("Secret{}", sid(name)),
        reason: format!("The secret {name}, for {whose}."),
        actions: SECRETS_MANAGER_ACTIONS.into(),
        resources: vec![resource],
        conditions: Vec::new(),
    })
}
