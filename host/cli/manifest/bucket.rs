//! `[keyvalue.BUCKET]`, `[redis]` and `[dynamodb]`: where keys and values are kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use stepyard_integrations::dynamodb_table;
use toml::Spanned;

use super::{BucketGrant, Fault, Manifest};

/// What the names of tables begin with, where the manifest says nothing else.
const TABLE_PREFIX: &str = "stepyard-";

/// How long DynamoDB lets a table's name be.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const TABLE_NAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=255;

/// `[keyvalue.BUCKET]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bucket {
    /// The most that keys and values may take together.
    pub quota_mib: Option<Spanned<u32>>,
    /// Where it is kept, if not where `[redis]` or `[dynamodb]` has all buckets.
    pub store: Option<Spanned<BucketStore>>,
    /// Written once, where the key is absent: a text as it is, anything else as JSON.
    pub seed: BTreeMap<String, toml::Value>,
}

/// Where a bucket is kept.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum BucketStore {
    /// In the data directory.
    Sqlite,
    /// Where `[redis]` says.
    Redis,
    /// In a table of Amazon DynamoDB.
    #[serde(rename = "dynamodb")]
    DynamoDb,
}

/// `[redis]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// `redis://user@host:port/database`, or `rediss://…` with TLS.
    pub url: String,
    /// The secret that is the password.
    pub password: Option<Spanned<String>>,
    /// What the names of all keys begin with.
    pub prefix: Option<String>,
}

/// `[dynamodb]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DynamoDb {
    /// What the names of the buckets' tables begin with.
    pub table_prefix: Option<Spanned<String>>,
}

impl Manifest {
    /// Where a bucket is kept. The host's own, whose names begin with `$`, are beside its executions.
    pub fn store_of(&self, bucket: &str) -> BucketStore {
        if bucket.starts_with('$') {
            return BucketStore::Sqlite;
        }
        let written = self.keyvalue.get(bucket).and_then(|it| it.store.as_ref());
        written.map_or_else(|| self.default_store(), |store| *store.get_ref())
    }

    /// Where buckets are kept of which nothing else is said.
    pub fn default_store(&self) -> BucketStore {
        match (&self.redis, &self.dynamodb) {
            (Some(_), _) => BucketStore::Redis,
            (None, Some(_)) => BucketStore::DynamoDb,
            (None, None) => BucketStore::Sqlite,
        }
    }

    /// What the names of the buckets' tables in DynamoDB begin with.
    pub fn table_prefix(&self) -> &str {
        let written = self.dynamodb.as_ref().and_then(|it| it.table_prefix.as_ref());
        written.map_or(TABLE_PREFIX, |prefix| prefix.get_ref())
    }

    /// All buckets that the manifest names.
    pub fn buckets(&self) -> BTreeSet<&String> {
        let granted = self.functions.values().flat_map(|function| &function.grants.keyvalue);
        granted.map(BucketGrant::bucket).chain(self.keyvalue.keys()).collect()
    }

    pub(super) fn check_buckets(&self) -> Result<(), Fault> {
        self.buckets().into_iter().try_for_each(|name| self.check_bucket(name))
    }

    fn check_bucket(&self, name: &str) -> Result<(), Fault> {
        if name.starts_with('$') {
            let message = format!("bucket `{name}` is Stepyard's own; name yours without the $");
            return Err((None, message));
        }
        let written = self.keyvalue.get(name);
        let store = written.and_then(|bucket| bucket.store.as_ref());
        if store.is_none() && self.redis.is_some() && self.dynamodb.is_some() {
            let message = format!(
                "bucket `{name}` may be in Redis or in DynamoDB; add store to [keyvalue.{name}]"
            );
            return Err((None, message));
        }
        match self.store_of(name) {
            BucketStore::Sqlite => Ok(()),
            BucketStore::Redis if self.redis.is_some() => Ok(()),
            BucketStore::Redis => {
                let message = format!("bucket `{name}` is kept in Redis; add [redis] with its url");
                Err((store.map(Spanned::span), message))
            }
            BucketStore::DynamoDb => self.check_table(name, written),
        }
    }

    fn check_table(&self, name: &str, written: Option<&Bucket>) -> Result<(), Fault> {
        if let Some(quota) = written.and_then(|bucket| bucket.quota_mib.as_ref()) {
            let message = format!(
                "bucket `{name}` is kept in DynamoDB, where nothing bounds it; leave quota_mib out"
            );
            return Err((Some(quota.span()), message));
        }
        let table = dynamodb_table(self.table_prefix(), name);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if TABLE_NAME_LENGTH.contains(&table.len()) && table.bytes().all(allowed) {
            return Ok(());
        }
        let prefix = self.dynamodb.as_ref().and_then(|it| it.table_prefix.as_ref());
        let message = format!(
            "bucket `{name}` would be kept in the table `{table}`; a table's name is 3 to 255 letters, \
             digits, -, _ and ."
        );
        Err((prefix.map(Spanned::span), message))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_wrong_with_buckets_is_told_with_its_place() {
        let granted = "[functions.A]\nstep = \"a\"\ngrants.keyvalue = [\"b\"]\n";
        let two = "[redis]\nurl = \"redis://h\"\n[dynamodb]\n";
        for (text, expected) in [
            ("[redis]\nurl = \"redis://h\"\n[keyvalue.b]\nstore = \"redis\"\n".to_owned(), ""),
            ("[keyvalue.b]\nstore = \"dynamodb\"\n".to_owned(), ""),
            (format!("{granted}[dynamodb]\n"), ""),
            (
                "[keyvalue.b]\nstore = \"redis\"\n".to_owned(),
                "stepyard.toml:2:9: bucket `b` is kept in Redis; add [redis] with its url",
            ),
            (
                format!("{granted}{two}"),
                "stepyard.toml: bucket `b` may be in Redis or in DynamoDB; add store to [keyvalue.b]",
            ),
            (format!("{granted}{two}[keyvalue.b]\nstore = \"dynamodb\"\n"), ""),
            (
                "[dynamodb]\n[keyvalue.b]\nquota_mib = 1\n".to_owned(),
                "stepyard.toml:3:13: bucket `b` is kept in DynamoDB, where nothing bounds it; leave quota_mib out",
            ),
            (
                format!("{granted}[dynamodb]\ntable_prefix = \"a/\"\n"),
                "stepyard.toml:5:16: bucket `b` would be kept in the table `a/b`; a table's name is 3 to 255 letters, digits, -, _ and .",
            ),
            (
                "[keyvalue.\"$b\"]\n".to_owned(),
                "stepyard.toml: bucket `$b` is Stepyard's own; name yours without the $",
            ),
        ] {
            let result = Manifest::parse(Path::new("stepyard.toml"), &text);
            let message = result.err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(message, expected, "{text}");
        }
    }
}
