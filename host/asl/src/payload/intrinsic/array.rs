//! The intrinsic functions that make and read arrays.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    super::{Random, measure},
    WEIGHT_MAX,
    function::{Fault, Function, Given, values},
    math::rounded,
};

/// The most elements that `States.ArrayRange` gives (Developer Guide, "Intrinsic functions").
const RANGE_MAX: i64 = 1_000;

/// `States.Array(value, ...)`: its arguments. They are weighed before they are copied: a definition
/// may name one large value many thousand times.
pub(super) fn array(
    this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let mut weight = 0;
    for given in given {
        weight += measure::weight(&given.value);
        if weight > WEIGHT_MAX {
            return Err(this.too_large());
        }
    }
    Ok(given.iter().map(|given| given.value.clone().into_owned()).collect())
}

/// `States.ArrayContains(array, value)`: whether an element equals the value.
pub(super) fn contains(
    this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let [array, wanted] = values(given);
    let elements = array.as_array().ok_or_else(|| this.invalid())?;
    Ok(elements.contains(wanted).into())
}

/// `States.ArrayGetItem(array, index)`: the element at an index from 0.
pub(super) fn get_item(
    this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let [array, index] = values(given);
    let elements = array.as_array().ok_or_else(|| this.invalid())?;
    let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
    index.and_then(|index| elements.get(index)).cloned().ok_or_else(|| this.invalid())
}

/// `States.ArrayLength(array)`: how many elements it has.
pub(super) fn length(
    this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let [array] = values(given);
    Ok(array.as_array().ok_or_else(|| this.invalid())?.len().into())
}

/// `States.ArrayPartition(array, size)`: the array in chunks, the last of which may be shorter.
pub(super) fn partition(
    this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let [array, size] = values(given);
    let elements = array.as_array().ok_or_else(|| this.invalid())?;
    let size = rounded(size).and_then(|size| usize::try_from(size).ok());
    let size = size.filter(|size| *size > 0).ok_or_else(|| this.invalid())?;
    Ok(elements.chunks(size).map(<[Value]>::to_vec).collect())
}

/// `States.ArrayRange(first, last, step)`: the numbers from the first to the last, both included.
pub(super) fn range(
    this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let [first, last, step] = values(given).map(rounded);
    let (Some(first), Some(last), Some(step)) = (first, last, step) else {
        return Err(this.invalid());
    };
    // Each is an `i32`, so nothing here overflows.
    let steps = (last - first).checked_div(step).ok_or_else(|| this.invalid())?;
    let count = if (last - first) * step.signum() < 0 { 0 } else { steps + 1 };
    if count > RANGE_MAX {
        return Err(this.invalid());
    }
    Ok((0..count).map(|position| first + position * step).collect())
}

/// `States.ArrayUnique(array)`: its elements without repetitions, each where it stood first.
pub(super) fn unique(
    this: &Function,
    given: &[Given<'_>],
    _random: &dyn Random,
) -> Result<Value, Fault> {
    let [array] = values(given);
    let elements = array.as_array().ok_or_else(|| this.invalid())?;
    let mut seen = HashSet::new();
    Ok(elements.iter().filter(|element| seen.insert(canonical(element))).cloned().collect())
}

/// A text that equal values share, whatever the order of their members. Recursion here is as deep as
/// the value, which [`super::measure`] bounds.
fn canonical(value: &Value) -> String {
    match value {
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        Value::Object(members) => {
            let member = |(name, value)| format!("{}:{}", Value::from(name), canonical(value));
            let mut members: Vec<_> =
                members.iter().map(|(name, value)| member((name.as_str(), value))).collect();
            members.sort();
            format!("{{{}}}", members.join(","))
        }
        scalar => scalar.to_string(),
    }
}
