//! Quoted texts in paths: `'it\'s'`, `"a"`.

use std::{iter::Peekable, str::CharIndices};

/// Reads what follows an opening quote, up to and with the closing one. Gives the text and the
/// bytes taken; nothing when it does not end.
pub(super) fn read(rest: &str, quote: char) -> Option<(String, usize)> {
    let mut characters = rest.char_indices().peekable();
    let mut text = String::new();
    while let Some((position, character)) = characters.next() {
        match character {
            _ if character == quote => return Some((text, position + quote.len_utf8())),
            '\\' => text.push(escaped(&mut characters)?),
            _ => text.push(character),
        }
    }
    None
}

fn escaped(characters: &mut Peekable<CharIndices<'_>>) -> Option<char> {
    match characters.next()?.1 {
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'u' => unicode(characters),
        other => Some(other),
    }
}

/// `\uXXXX`; a pair of surrogates is one character.
fn unicode(characters: &mut Peekable<CharIndices<'_>>) -> Option<char> {
    let high = four_digits(characters)?;
    if !(0xd800..0xdc00).contains(&high) {
        return char::from_u32(high);
    }
    let escape = characters.next()?.1 == '\\' && characters.next()?.1 == 'u';
    let low = four_digits(characters)?.checked_sub(0xdc00).filter(|low| escape && *low < 0x400)?;
    char::from_u32(0x10000 + ((high - 0xd800) << 10) + low)
}

fn four_digits(characters: &mut Peekable<CharIndices<'_>>) -> Option<u32> {
    (0..4).try_fold(0, |code, _| Some(code * 16 + characters.next()?.1.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_ends_at_its_quote() {
        let cases = [
            ("a'b", Some(("a", 2))),
            (r"it\'s'", Some(("it's", 6))),
            (r#"say "hi"'"#, Some((r#"say "hi""#, 9))),
            (r"\u00e9\n\\\/'", Some(("é\n\\/", 13))),
            (r"\ud83c\udd97'", Some(("🆗", 13))),
            (r"\ud83c'", None),
            (r"\ud83cx0000'", None),
            (r"\u00g0'", None),
            ("never ends", None),
            (r"ends in an escape\", None),
        ];
        for (rest, expected) in cases {
            let read = read(rest, '\'');
            assert_eq!(read.as_ref().map(|(text, at)| (text.as_str(), *at)), expected, "{rest}");
        }
    }
}
