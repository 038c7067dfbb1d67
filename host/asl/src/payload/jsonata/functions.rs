//! The functions that AWS adds to JSONata (Developer Guide, "Transforming data with JSONata": "Functions
//! provided by Step Functions"), on JSON values.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::payload::intrinsic::hexadecimal_digest;

/// What a function does with its arguments, which have been held to its signature; none is undefined.
pub(super) type Body = fn(&[Option<Value>]) -> Result<Option<Value>, Refusal>;

/// Why a function gives nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Refusal {
    /// In words of its own.
    Message(String),
    /// An operand is of a wrong kind: JSONata's code, its operator and what stood there.
    Operand { code: &'static str, token: &'static str, value: Value },
}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

impl From<&str> for Refusal {
    fn from(message: &str) -> Self {
        Self::Message(message.to_owned())
    }
}

/// The most items that `$range` gives.
const RANGE_ITEMS_MAX: f64 = 131_072.0;

/// `$partition(array, size)`: the array in parts of that size; the last may be shorter.
pub(super) fn partition(arguments: &[Option<Value>]) -> Result<Option<Value>, Refusal> {
    let [Some(Value::Array(items)), Some(size)] = arguments else { return Ok(None) };
    let size = size.as_f64().filter(|size| *size >= 1.0 && size.fract() == 0.0);
    let size =
        size.ok_or("The second argument of the partition function must be a positive integer")?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, from 1 up")]
    let parts = items.chunks(size as usize);
    Ok(Some(parts.map(|part| Value::from(part.to_vec())).collect()))
}

/// `$range(start, end, step)`: the numbers from `start` by `step` up to `end`, or down to it.
pub(super) fn range(arguments: &[Option<Value>]) -> Result<Option<Value>, Refusal> {
    let number = |index: usize| arguments.get(index)?.as_ref()?.as_f64();
    let (Some(start), Some(end), Some(step)) = (number(0), number(1), number(2)) else {
        return Ok(None);
    };
    if step == 0.0 {
        return Err("The third argument of the range function must not be zero".into());
    }
    let last = ((end - start) / step).floor();
    if last >= RANGE_ITEMS_MAX {
        return Err("The range function would give too many items".into());
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is below RANGE_ITEMS_MAX")]
    let count = last as i64;
    let items = (0..=count).map(|index| json!(start + index as f64 * step));
    Ok(Some(items.collect()))
}

/// `$hash(string, algorithm)`: the digest of its UTF-8, in lower-case hexadecimal.
pub(super) fn hash(arguments: &[Option<Value>]) -> Result<Option<Value>, Refusal> {
    let [Some(Value::String(text)), Some(Value::String(algorithm))] = arguments else {
        return Ok(None);
    };
    let digest = hexadecimal_digest(algorithm, text).ok_or_else(|| {
        format!(
            "The second argument of the hash function must be one of MD5, SHA-1, SHA-256, SHA-384, \
             SHA-512, not {algorithm}"
        )
    })?;
    Ok(Some(digest.into()))
}

/// `$parse(string)`: the value that a JSON text stands for.
pub(super) fn parse(arguments: &[Option<Value>]) -> Result<Option<Value>, Refusal> {
    let [Some(Value::String(text))] = arguments else { return Ok(None) };
    let value = serde_json::from_str(text);
    value
        .map(Some)
        .map_err(|error| format!("The argument of the parse function is no JSON: {error}").into())
}

/// Any number of draws, made of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drawn([u8; 16]);

impl Drawn {
    pub(super) fn new(seed: [u8; 16]) -> Self {
        Self(seed)
    }

    /// Draw number `count`.
    pub(super) fn bytes(self, count: u64) -> [u8; 16] {
        let digest =
            Sha256::new().chain_update(self.0).chain_update(count.to_be_bytes()).finalize();
        *digest.first_chunk().expect("a digest has 32 bytes")
    }
}

/// A number from 0 up to, not with, 1.
pub(super) fn unit(bytes: [u8; 16]) -> f64 {
    fraction(bits(bytes) >> 11)
}

/// 64 of the bits of a draw.
pub(super) fn bits(bytes: [u8; 16]) -> u64 {
    u64::from_be_bytes(*bytes.first_chunk().expect("16 bytes are more than 8"))
}

/// What `new java.util.Random(seed).nextDouble()` gives in Java, as `$random(seed)` does on AWS: a
/// linear congruential generator of 48 bits.
pub(super) fn seeded(seed: f64) -> f64 {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;
    #[expect(clippy::cast_possible_truncation, reason = "as Java casts a double to a long")]
    let seed = seed as i64;
    let mut state = (seed.cast_unsigned() ^ MULTIPLIER) & MASK;
    let mut next = |bits: u32| {
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(0xB) & MASK;
        state >> (48 - bits)
    };
    let (high, low) = (next(26), next(27));
    fraction((high << 27) + low)
}

/// 53 bits as a number from 0 up to, not with, 1.
fn fraction(bits: u64) -> f64 {
    bits as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(body: Body, arguments: Value) -> String {
        let arguments: Vec<_> = arguments.as_array().unwrap().iter().cloned().map(Some).collect();
        match body(&arguments) {
            Ok(value) => value.map_or_else(|| "undefined".to_owned(), |it| it.to_string()),
            Err(Refusal::Message(message)) => format!("error: {message}"),
            Err(Refusal::Operand { code, .. }) => format!("error: {code}"),
        }
    }

    #[test]
    fn arrays_are_parted_and_numbers_ranged() {
        assert_eq!(called(partition, json!([[1, 2, 3], 2])), "[[1,2],[3]]");
        assert_eq!(called(partition, json!([[], 2])), "[]");
        assert!(called(partition, json!([[1], 0])).starts_with("error: "));
        assert!(called(partition, json!([[1], 1.5])).starts_with("error: "));
        assert_eq!(called(range, json!([0, 10, 3])), "[0.0,3.0,6.0,9.0]");
        assert_eq!(called(range, json!([0, 10, 5])), "[0.0,5.0,10.0]");
        assert_eq!(called(range, json!([3, 1, -1])), "[3.0,2.0,1.0]");
        assert_eq!(called(range, json!([3, 1, 1])), "[]");
        assert!(called(range, json!([0, 1, 0])).starts_with("error: "));
        assert!(called(range, json!([0, 1e300, 1])).starts_with("error: "));
    }

    #[test]
    fn texts_are_hashed_and_parsed() {
        let sha1 = "\"2fd4e1c67a2d28fced849ee1bb76e7391b93eb12\"";
        let fox = "The quick brown fox jumps over the lazy dog";
        assert_eq!(called(hash, json!([fox, "SHA-1"])), sha1);
        assert!(called(hash, json!([fox, "SHA1"])).starts_with("error: "));
        assert_eq!(called(parse, json!([r#"{"a":[1,"b"]}"#])), r#"{"a":[1,"b"]}"#);
        assert!(called(parse, json!(["{"])).starts_with("error: "));
    }

    #[test]
    fn a_seed_gives_what_java_gives() {
        assert_eq!(seeded(42.0), 0.727_563_680_032_868_1);
        assert_eq!(seeded(0.0), 0.730_967_787_376_657);
    }

    #[test]
    fn draws_differ_and_are_the_same_again() {
        let drawn = Drawn::new([7; 16]);
        assert_ne!(drawn.bytes(0), drawn.bytes(1));
        assert_eq!(drawn.bytes(1), Drawn::new([7; 16]).bytes(1));
        assert!((0.0..1.0).contains(&unit([255; 16])) && unit([0; 16]) == 0.0);
    }
}
