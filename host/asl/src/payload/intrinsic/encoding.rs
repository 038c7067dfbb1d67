//! The intrinsic functions that encode, hash and merge.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use md5::Md5;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{
    super::Random,
    function::{Fault, Function, Given, values},
};

/// The most characters of a text to encode, decode or hash (Developer Guide, "Intrinsic functions").
const TEXT_MAX: usize = 10_000;

/// `States.Base64Encode(string)`: its UTF-8 in Base64.
pub(super) fn base64_encode(
    this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let [string] = values(given);
    Ok(BASE64_STANDARD.encode(text(this, string)?).into())
}

/// `States.Base64Decode(string)`: the text that it encodes.
pub(super) fn base64_decode(
    this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let [string] = values(given);
    let bytes = BASE64_STANDARD.decode(text(this, string)?).map_err(|_| this.invalid())?;
    String::from_utf8(bytes).map(Value::from).map_err(|_| this.invalid())
}

/// `States.Hash(string, algorithm)`: the digest of its UTF-8, in lower-case hexadecimal.
pub(super) fn hash(
    this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let [string, algorithm] = values(given);
    let text = text(this, string)?;
    let digest = algorithm.as_str().and_then(|algorithm| hexadecimal_digest(algorithm, text));
    digest.map(Value::from).ok_or_else(|| this.invalid())
}

/// The digest of a text's UTF-8 in lower-case hexadecimal; none of an algorithm that AWS lacks.
pub(crate) fn hexadecimal_digest(algorithm: &str, text: &str) -> Option<String> {
    Some(match algorithm {
        "MD5" => hexadecimal(&Md5::digest(text)),
        "SHA-1" => hexadecimal(&Sha1::digest(text)),
        "SHA-256" => hexadecimal(&Sha256::digest(text)),
        "SHA-384" => hexadecimal(&Sha384::digest(text)),
        "SHA-512" => hexadecimal(&Sha512::digest(text)),
        _ => return None,
    })
}

/// `States.JsonMerge(object, object, false)`: the members of both; of two of one name, the second's.
pub(super) fn json_merge(
    this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let [Value::Object(one), Value::Object(other), Value::Bool(false)] = values(given) else {
        return Err(this.invalid());
    };
    let mut merged = one.clone();
    merged.extend(other.clone());
    Ok(merged.into())
}

fn text<'a>(this: &Function, value: &'a Value) -> Result<&'a str, Fault> {
    let text = value.as_str().filter(|text| text.chars().count() <= TEXT_MAX);
    text.ok_or_else(|| this.invalid())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
