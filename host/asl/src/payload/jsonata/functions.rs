//! The functions that AWS adds to JSONata (Developer Guide, "Transforming data with JSONata": "Functions
//! provided by Step Functions"), on JSON values.

use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use crate::payload::intrinsic::hexadecimal_digest;

/// What a function does with its arguments, which have been held to its signature; none is undefined.
pub(super) type Body = fn(&[Option<Value>]) -> Result<Option<Value>, Refusal>;

/// Why a function gives nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Refusal {
    /// In words of its own.
    Message(String),
    /// It would take more memory than an evaluation may.
    TooLarge,
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

/// The most items that `$range` gives, as on AWS.
const RANGE_ITEMS_MAX: usize = 360_145;

/// The algorithms of `$hash`, as AWS names them.
const ALGORITHMS: &str = "SHA-1, SHA-384, SHA-256, SHA-512, MD5";

/// `$partition(array, size)`: the array in parts of that size, of which the fraction is left out; the last
/// may be shorter. Nothing of no items, or in parts of none; without a size one part.
pub(super) fn partition(arguments: &[Option<Value>]) -> Result<Option<Value>, Refusal> {
    let Some(Some(Value::Array(items))) = arguments.first() else { return Ok(None) };
    let size = match number(arguments, 1) {
        None => items.len(),
        Some(size) if size <= -1.0 => {
            return Err("Second argument must be zero or greater".into());
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is meant")]
        Some(size) => size as usize,
    };
    if items.is_empty() || size == 0 {
        return Ok(None);
    }
    let parts = items.chunks(size).map(|part| Value::from(part.to_vec()));
    Ok(Some(parts.collect()))
}

/// `$range(start, end, step)`: the numbers from `start` by `step` up to `end`, or down to it, all without
/// their fractions. Nothing where there are none, and one by itself.
pub(super) fn range(arguments: &[Option<Value>]) -> Result<Option<Value>, Refusal> {
    range_of(arguments, RANGE_ITEMS_MAX)
}

/// The same, of at most so many.
pub(super) fn range_of(
    arguments: &[Option<Value>],
    items_max: usize,
) -> Result<Option<Value>, Refusal> {
    #[expect(clippy::cast_possible_truncation, reason = "it is meant")]
    let whole = |index| number(arguments, index).map(|number| number as i64);
    let (Some(start), Some(end), Some(step)) = (whole(0), whole(1), whole(2)) else {
        return Ok(None);
    };
    let [start, end, step] = [start, end, step].map(i128::from);
    let way = end - start;
    if step == 0 || way * step < 0 {
        return Ok(None);
    }
    let last = way / step;
    if usize::try_from(last).is_ok_and(|last| last >= items_max) {
        return Err(Refusal::TooLarge);
    }
    let item = |index| Number::from_i128(start + index * step).map(Value::from);
    let items: Option<Vec<Value>> = (0..=last).map(item).collect();
    Ok(items.map(|items| if let [one] = &*items { one.clone() } else { items.into() }))
}

/// A number that a function is given.
fn number(arguments: &[Option<Value>], index: usize) -> Option<f64> {
    arguments.get(index)?.as_ref()?.as_f64()
}

/// `$hash(string, algorithm)`: the digest of its UTF-8, in lower-case hexadecimal.
pub(super) fn hash(arguments: &[Option<Value>]) -> Result<Option<Value>, Refusal> {
    let [Some(Value::String(text)), Some(Value::String(algorithm))] = arguments else {
        return Ok(None);
    };
    let digest = hexadecimal_digest(algorithm, text)
        .ok_or_else(|| format!("Hash algorithm '{algorithm}' must be one of {ALGORITHMS}"))?;
    Ok(Some(digest.into()))
}

/// `$parse(string)`: the value that a JSON text stands for.
pub(super) fn parse(arguments: &[Option<Value>]) -> Result<Option<Value>, Refusal> {
    let Some(Some(Value::String(text))) = arguments.first() else { return Ok(None) };
    Ok(Some(serde_json::from_str(text).map_err(|_| "Invalid JSON")?))
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
    use serde_json::json;

    use super::*;

    fn called(body: Body, arguments: Value) -> String {
        let arguments: Vec<_> = arguments.as_array().unwrap().iter().cloned().map(Some).collect();
        match body(&arguments) {
            Ok(value) => value.map_or_else(|| "undefined".to_owned(), |it| it.to_string()),
            Err(Refusal::Message(message)) => format!("error: {message}"),
            Err(Refusal::TooLarge) => "error: too large".to_owned(),
            Err(Refusal::Operand { code, .. }) => format!("error: {code}"),
        }
    }

    #[test]
    fn arrays_are_parted_and_numbers_ranged() {
        for (arguments, parts) in [
            (json!([[1, 2, 3], 2]), "[[1,2],[3]]"),
            (json!([[1, 2, 3], 2.9]), "[[1,2],[3]]"),
            (json!([[1, 2]]), "[[1,2]]"),
            (json!([[], 2]), "undefined"),
            (json!([[1], 0]), "undefined"),
            (json!([[1], -0.5]), "undefined"),
            (json!([[1], -1]), "error: Second argument must be zero or greater"),
        ] {
            assert_eq!(called(partition, arguments.clone()), parts, "{arguments}");
        }
        for (arguments, numbers) in [
            (json!([0, 10, 3]), "[0,3,6,9]"),
            (json!([0, 10, 5]), "[0,5,10]"),
            (json!([3, 1, -1]), "[3,2,1]"),
            (json!([-1.7, 2, 1]), "[-1,0,1,2]"),
            (json!([3, 3, 1]), "3"),
            (json!([3, 1, 1]), "undefined"),
            (json!([0, 1, 0.25]), "undefined"),
            (json!([1, 5]), "undefined"),
            (json!([0, 1e300, 1]), "error: too large"),
            (json!([1, 360_146, 1]), "error: too large"),
        ] {
            assert_eq!(called(range, arguments.clone()), numbers, "{arguments}");
        }
        assert!(called(range, json!([1, 360_145, 1])).ends_with("360145]"));
    }

    #[test]
    fn texts_are_hashed_and_parsed() {
        let sha1 = "\"2fd4e1c67a2d28fced849ee1bb76e7391b93eb12\"";
        let fox = "The quick brown fox jumps over the lazy dog";
        assert_eq!(called(hash, json!([fox, "SHA-1"])), sha1);
        assert_eq!(
            called(hash, json!([fox, "md5"])),
            "error: Hash algorithm 'md5' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5"
        );
        assert_eq!(called(hash, json!([fox])), "undefined");
        assert_eq!(called(parse, json!([r#"{"a":[1,"b"]}"#])), r#"{"a":[1,"b"]}"#);
        assert_eq!(called(parse, json!(["{"])), "error: Invalid JSON");
        assert_eq!(called(parse, json!([])), "undefined");
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
