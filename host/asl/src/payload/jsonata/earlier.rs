//! What AWS's functions, numbers and limits were before edition 3, and most of it before edition 2: an execution
//! that began by an earlier one replays as it was told.

use jlens_core::{Error, Options};
use serde_json::{Number, Value, json};

use super::{
    Fault,
    functions::{self, Refusal},
};
use crate::payload::intrinsic::hexadecimal_digest;

/// How deep an evaluation could nest.
const DEPTH_MAX: usize = 1_000;

/// The most items of an array, `$range`'s too.
const ITEMS_MAX: usize = 1 << 17;

/// The most bytes of a string, and of a result as JSON.
const BYTES_MAX: usize = 4 << 20;

/// Holds an evaluation to bounds, and to those that there were.
pub(super) fn bound(options: Options, items: usize, bytes: usize) -> Options {
    options
        .max_depth(DEPTH_MAX)
        .max_array_length(items.min(ITEMS_MAX))
        .max_string_length(bytes.min(BYTES_MAX))
        .max_result_size(BYTES_MAX)
}

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
    if last >= ITEMS_MAX as f64 {
        return Err("The range function would give too many items".into());
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is below ITEMS_MAX")]
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

/// A float that is whole, as an integer, if there is one that large.
pub(super) fn whole(number: &Number) -> Option<Number> {
    let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0)?;
    #[expect(clippy::cast_possible_truncation, reason = "what is too large stays so")]
    let integer = float as i128;
    Number::from_i128(integer)
}

/// `$range` of edition 2.
pub(super) fn short_range(arguments: &[Option<Value>]) -> Result<Option<Value>, Refusal> {
    functions::range_of(arguments, ITEMS_MAX)
}

/// What the engine failed with before edition 2; limits were told like anything else.
pub(super) fn fault(error: &Error) -> Fault {
    let message = match error.code() {
        "U1003" => "The evaluation makes or reads more than it may".to_owned(),
        _ => error.message(),
    };
    Fault::Error(format!("{}: {message}", error.code()))
}
