//! A key and its value as an item of a table.
//!
//! `bucket` is the partition key and `key` the sort key, both texts, which DynamoDB orders by their bytes;
//! `value` has the bytes. DynamoDB keeps no empty text as a key: an empty one has a NUL, and one that
//! begins with NUL has another before it, so that the order stays.

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use stepyard_engine::outside::KeyValueError;

pub(super) const BUCKET: &str = "bucket";
pub(super) const KEY: &str = "key";
pub(super) const VALUE: &str = "value";

/// The most that an item may take, names and all.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const ITEM_BYTES_MAX: usize = 400 * 1024;

/// The table of a bucket: the prefix and the bucket's name. Letters, digits, `-` and `_` of the name are
/// as they are, any other byte is `.` and its number: a table's name has no others.
pub fn dynamodb_table(prefix: &str, bucket: &str) -> String {
    let mut table = prefix.to_owned();
    for byte in bucket.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => table.push(byte.into()),
            _ => table += &format!(".{byte:02X}"),
        }
    }
    table
}

/// What is told where the table of a bucket is missing.
pub(super) fn no_table(table: &str, bucket: &str, region: &str) -> String {
    format!(
        "bucket `{bucket}` is kept in the table `{table}` of Amazon DynamoDB, which is not there in \
         {region}; create it: aws dynamodb create-table --region {region} --table-name {table} \
         --attribute-definitions AttributeName={BUCKET},AttributeType=S \
         AttributeName={KEY},AttributeType=S --key-schema AttributeName={BUCKET},KeyType=HASH \
         AttributeName={KEY},KeyType=RANGE --billing-mode PAY_PER_REQUEST"
    )
}

/// A key as the attribute it is kept in; and a bucket's name.
pub(super) fn text(text: &str) -> AttributeValue {
    let escape = if text.is_empty() || text.starts_with('\0') { "\0" } else { "" };
    AttributeValue::S(format!("{escape}{text}"))
}

/// The primary key of an item.
pub(super) fn key(bucket: &str, key: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([(BUCKET.to_owned(), text(bucket)), (KEY.to_owned(), text(key))])
}

/// An item to be written, if it is not too long.
pub(super) fn written(
    bucket: &str,
    name: &str,
    value: Vec<u8>,
) -> Result<HashMap<String, AttributeValue>, KeyValueError> {
    let names = BUCKET.len() + KEY.len() + VALUE.len();
    let bytes = names + bucket.len() + name.len() + value.len();
    if bytes > ITEM_BYTES_MAX {
        let (bucket, key) = (bucket.to_owned(), name.to_owned());
        return Err(KeyValueError::TooLong { bucket, key, bytes, bytes_max: ITEM_BYTES_MAX });
    }
    let mut item = key(bucket, name);
    item.insert(VALUE.to_owned(), AttributeValue::B(Blob::new(value)));
    Ok(item)
}

/// What an item says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) key: String,
    pub(super) value: Vec<u8>,
}

impl Item {
    /// Reads an item; one that was not written here may have another form.
    pub(super) fn read(mut item: HashMap<String, AttributeValue>) -> Result<Self, KeyValueError> {
        let key = Self::key(&item)?;
        match item.remove(VALUE) {
            Some(AttributeValue::B(value)) => Ok(Self { key, value: value.into_inner() }),
            _ => Err(KeyValueError::Store(format!(
                "the item `{key}` in Amazon DynamoDB has no binary attribute `{VALUE}`"
            ))),
        }
    }

    /// The key of an item, which may be without its value.
    pub(super) fn key(item: &HashMap<String, AttributeValue>) -> Result<String, KeyValueError> {
        match item.get(KEY) {
            Some(AttributeValue::S(key)) => Ok(key.strip_prefix('\0').unwrap_or(key).to_owned()),
            _ => Err(KeyValueError::Store(format!(
                "an item in Amazon DynamoDB has no text `{KEY}`, which is to be its table's sort key"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_a_table_of_its_own_whatever_its_name() {
        for (bucket, expected) in [
            ("inventory", "stepyard-inventory"),
            ("Orders_2-b", "stepyard-Orders_2-b"),
            ("orders.eu", "stepyard-orders.2Eeu"),
            ("orders.2Eeu", "stepyard-orders.2E2Eeu"),
            ("é/", "stepyard-.C3.A9.2F"),
            ("", "stepyard-"),
        ] {
            assert_eq!(dynamodb_table("stepyard-", bucket), expected);
        }
    }

    #[test]
    fn keys_keep_their_order_and_none_is_empty() {
        let keys = ["", "\0", "\0\0", "\0a", "\u{1}", "a", "a\0", "b", "é", "\u{ffff}", "😀"];
        let kept = keys.map(|key| {
            let item = super::key("b", key);
            assert_eq!(Item::key(&item), Ok(key.to_owned()));
            item[KEY].as_s().unwrap().clone()
        });
        assert!(kept.is_sorted() && kept.iter().all(|key| !key.is_empty()), "{kept:?}");
    }

    #[test]
    fn an_item_takes_what_dynamodb_takes() {
        let fits = ITEM_BYTES_MAX - "bucketbkeykvalue".len();
        let item = written("b", "k", vec![0; fits]).unwrap();
        assert_eq!(Item::read(item).unwrap().value.len(), fits);
        let error = written("b", "k", vec![0; fits + 1]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the value of `k` in bucket `b` is too long: with its key it takes 409601 bytes, and where \
             the bucket is kept it may take 409600"
        );
    }

    #[test]
    fn an_item_that_another_wrote_is_told_from_ours() {
        let mut item = key("b", "k");
        item.insert(VALUE.to_owned(), AttributeValue::S("text".to_owned()));
        let expected = "the key-value store failed: the item `k` in Amazon DynamoDB has no binary \
                        attribute `value`";
        assert_eq!(Item::read(item).unwrap_err().to_string(), expected);
    }
}
