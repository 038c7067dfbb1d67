//! The intrinsic functions that compute.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    super::Random,
    function::{Fault, Function, Given, values},
};

/// A number as AWS takes it for a whole one: rounded half up, towards the greater, and within 32
/// bits. None of what is no such number.
pub(super) fn rounded(value: &Value) -> Option<i64> {
    let number = match value.as_i64() {
        Some(number) => number,
        None => {
            let exact = value.as_f64()?;
            // Adding a half to the greatest number below one half would give 1.
            let rounded =
                if exact - exact.floor() < 0.5 { exact.floor() } else { exact.floor() + 1.0 };
            // Beyond it the cast saturates, and is out of range below.
            rounded as i64
        }
    };
    i32::try_from(number).ok().map(i64::from)
}

/// `States.MathAdd(number, number)`: their sum, each rounded before; within 32 bits as they are.
pub(super) fn add(
    this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let [Some(one), Some(other)] = values(given).map(rounded) else { return Err(this.invalid()) };
    let sum = i32::try_from(one + other).map_err(|_| this.invalid())?;
    Ok(sum.into())
}

/// `States.MathRandom(start, end, seed?)`: a whole number from the start to before the end; the same
/// for the same seed. AWS does not say how it draws: with a seed, ours are not its numbers.
pub(super) fn random(
    this: &Function,
    given: &[Given<'_>],
    random: &dyn Random,
) -> Result<Value, Fault> {
    let number = |position: usize| given.get(position).map(|given| rounded(&given.value));
    let (Some(Some(start)), Some(Some(end))) = (number(0), number(1)) else {
        return Err(this.invalid());
    };
    let width = u64::try_from(end - start).ok().filter(|width| *width > 0);
    let width = width.ok_or_else(|| this.invalid())?;
    let drawn: [u8; 16] = match number(2) {
        None => random.draw(),
        Some(None) => return Err(this.invalid()),
        Some(Some(seed)) => {
            let digest: [u8; 32] = Sha256::digest(seed.to_be_bytes()).into();
            *digest.first_chunk().expect("a digest has 32 bytes")
        }
    };
    let (high, _) = drawn.split_first_chunk().expect("a draw has 16 bytes");
    // The draw's share of 2^64, as a share of the width: no number is likelier than another by more
    // than 2^-32.
    let share = (u128::from(u64::from_be_bytes(*high)) * u128::from(width)) >> 64;
    let offset = i64::try_from(share).map_err(|_| this.invalid())?;
    Ok((start + offset).into())
}
