//! Comparisons that Choice rules and filters share.

use std::cmp::Ordering;

use serde_json::Number;

/// Compares by value: 0 equals 0.0, and 2^53 + 1 does not equal 2^53 as a float.
pub(crate) fn numbers(left: &Number, right: &Number) -> Ordering {
    if let (Some(left), Some(right)) = (whole(left), whole(right)) {
        return left.cmp(&right);
    }
    let float = |number: &Number| number.as_f64().unwrap_or(f64::NAN);
    float(left).partial_cmp(&float(right)).expect("a JSON number is not NaN")
}

/// The number as an integer, when it is one of a size that a float may hold inexactly.
fn whole(number: &Number) -> Option<i128> {
    const BOUND: f64 = 1e30;
    number.as_i128().or_else(|| {
        let float = number.as_f64()?;
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 1e30")]
        let whole = (float.fract() == 0.0 && float.abs() < BOUND).then_some(float as i128);
        whole
    })
}

/// Compares by UTF-16 code unit, as Java does.
pub(crate) fn strings(left: &str, right: &str) -> Ordering {
    left.encode_utf16().cmp(right.encode_utf16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_value() {
        let cases = [
            ("0", "0.0", Ordering::Equal),
            ("1", "1.5", Ordering::Less),
            ("-1", "1e300", Ordering::Less),
            ("1e300", "18446744073709551615", Ordering::Greater),
            ("9007199254740993", "9007199254740992.0", Ordering::Greater),
            ("100", "1e2", Ordering::Equal),
            ("0.1", "0.10", Ordering::Equal),
        ];
        for (left, right, expected) in cases {
            let number = |text| serde_json::from_str::<Number>(text).unwrap();
            assert_eq!(numbers(&number(left), &number(right)), expected, "{left} {right}");
            assert_eq!(numbers(&number(right), &number(left)), expected.reverse());
        }
    }

    #[test]
    fn strings_are_compared_by_utf16_code_unit() {
        let cases = [
            ("", "", Ordering::Equal),
            ("A", "AB", Ordering::Less),
            ("a", "B", Ordering::Greater),
            // U+1F197 is a surrogate pair, which UTF-16 sorts before U+FF21.
            ("\u{1f197}", "\u{ff21}", Ordering::Less),
        ];
        for (left, right, expected) in cases {
            assert_eq!(strings(left, right), expected, "{left} {right}");
        }
    }
}
