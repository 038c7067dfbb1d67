//! Values of secrets, covered with asterisks wherever they stand in what a step or a workflow would see
//! or say.
//! A covered text is as long as before, so that a Content-Length stays true.

use std::fmt::{self, Write as _};

/// A value of fewer bytes is not covered: a PIN could not be told from a price.
const VALUE_BYTES_MIN: usize = 6;

/// What stands in the place of each byte.
const ASTERISK: u8 = b'*';

/// What to cover.
#[derive(Clone, Default)]
pub struct Cover {
    /// The longest first, so that one which begins another does not hide it.
    values: Vec<Vec<u8>>,
}

impl Cover {
    /// Covers these values, as they are and as they stand in JSON, whose writers differ in what they escape.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let long = values.into_iter().filter(|value| value.len() >= VALUE_BYTES_MIN);
        let forms = long.flat_map(|value| {
            let json = escaped(value);
            let [lower, upper] = [false, true].map(|upper| in_ascii(&json, upper));
            let slashed = [&json, &lower, &upper].map(|it| it.replace('/', "\\/"));
            [value.to_owned(), json, lower, upper].into_iter().chain(slashed)
        });
        let mut values: Vec<Vec<u8>> = forms.map(String::into_bytes).collect();
        values.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        Self { values }
    }

    /// Whether there is nothing to cover.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Covers a whole text.
    pub fn text(&self, text: String) -> String {
        if self.is_empty() {
            return text;
        }
        let mut bytes = text.into_bytes();
        self.whole(&mut bytes);
        String::from_utf8(bytes).expect("whole characters became asterisks")
    }

    /// Covers the whole of what there is.
    pub fn whole(&self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            at += self.at(&mut bytes[at..]);
        }
    }

    /// Covers the beginning of something of which more is to come, and answers how much of it is
    /// done with: with the rest a value may begin.
    pub fn beginning(&self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() && !self.begins_with(&bytes[at..]) {
            at += self.at(&mut bytes[at..]);
        }
        at
    }

    /// Covers the value that stands first, if one does, and answers by how much that goes on.
    fn at(&self, bytes: &mut [u8]) -> usize {
        let Some(value) = self.values.iter().find(|value| bytes.starts_with(value)) else {
            return 1;
        };
        bytes[..value.len()].fill(ASTERISK);
        value.len()
    }

    /// Whether a value begins with all of `bytes` and goes on.
    fn begins_with(&self, bytes: &[u8]) -> bool {
        self.values.iter().any(|value| value.len() > bytes.len() && value.starts_with(bytes))
    }
}

/// How many there are, and nothing of them.
impl fmt::Debug for Cover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cover").field("values", &self.values.len()).finish()
    }
}

/// The same with what is not ASCII escaped, too: `é` as `\u00e9`, or as `\u00E9`.
fn in_ascii(escaped: &str, upper: bool) -> String {
    let mut text = String::with_capacity(escaped.len());
    for unit in escaped.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => text.push(byte.into()),
            _ if upper => write!(text, "\\u{unit:04X}").expect("a String takes what is written"),
            _ => write!(text, "\\u{unit:04x}").expect("a String takes what is written"),
        }
    }
    text
}

/// A text as it stands between the quotes of JSON.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_covered_wherever_it_stands() {
        let cover = Cover::new(["s3cret-ключ", "a\"quoted", "short", "s3cret-ключ-2"]);
        for (text, expected) in [
            ("Bearer s3cret-ключ", "Bearer ***************"),
            ("s3cret-ключs3cret-ключ", "******************************"),
            ("s3cret-ключ-2!", "*****************!"),
            ("s3cret-клю", "s3cret-клю"),
            (r#"{"k":"a\"quoted"}"#, r#"{"k":"*********"}"#),
            (r#"a"quoted"#, "********"),
            (r"s3cret-\u043a\u043b\u044e\u0447", "*******************************"),
            (r"s3cret-\u043A\u043B\u044E\u0447", "*******************************"),
            ("short", "short"),
            ("", ""),
        ] {
            assert_eq!(cover.text(text.to_owned()), expected);
        }
        assert_eq!(format!("{cover:?}"), "Cover { values: 8 }");
    }

    #[test]
    fn a_slash_may_be_escaped() {
        let cover = Cover::new(["key/of/gateway"]);
        assert_eq!(
            cover.text(r#"{"k":"key\/of\/gateway"}"#.to_owned()),
            r#"{"k":"****************"}"#
        );
    }

    #[test]
    fn a_value_in_pieces_is_covered_however_it_is_cut() {
        let cover = Cover::new(["abcabd", "abcabdef", "bdefgh"]);
        for text in ["xabcabdx", "abcabcabd", "abcabdefgh", "abcabde", "ab", "abcabdabcabdef", "xx"]
        {
            let expected = cover.text(text.to_owned());
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let pieces = [&text[..first], &text[first..second], &text[second..]];
                    let (mut done, mut held) = (Vec::new(), Vec::new());
                    for piece in pieces {
                        held.extend_from_slice(piece.as_bytes());
                        let sure = cover.beginning(&mut held);
                        done.extend(held.drain(..sure));
                    }
                    cover.whole(&mut held);
                    done.extend(held);
                    let done = String::from_utf8(done).unwrap();
                    assert_eq!(done, expected, "{pieces:?}");
                }
            }
        }
    }
}
