//! `StringMatches` patterns: `*` stands for any characters, none included; `\*` for itself.

/// A pattern, read: the texts between its stars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<String>);

impl Pattern {
    /// Reads a pattern. A backslash escapes `*` and itself; before anything else it is an error
    /// (States Language, "Choice State").
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut pieces = vec![String::new()];
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let literal = match character {
                '*' => {
                    pieces.push(String::new());
                    continue;
                }
                '\\' => characters
                    .next()
                    .filter(|escaped| ['*', '\\'].contains(escaped))
                    .ok_or("follow a backslash by `*` or another backslash")?,
                _ => character,
            };
            pieces.last_mut().expect("there is a piece from the start").push(literal);
        }
        Ok(Self(pieces))
    }

    /// Whether the whole text is of this pattern. The pieces between stars are each taken as early
    /// as they occur, which leaves the most room for those after them.
    pub(super) fn matches(&self, text: &str) -> bool {
        let [first, between @ .., last] = &*self.0 else { return *text == *self.0[0] };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
        for piece in between {
            let Some(found) = rest.find(piece.as_str()) else { return false };
            rest = &rest[found + piece.len()..];
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("*", "", true),
            ("*", "any\nthing", true),
            ("log-*.txt", "log-2026.txt", true),
            ("log-*.txt", "log-.txt", true),
            ("log-*.txt", "log-2026.text", false),
            ("*a*b", "xaybzb", true),
            ("*a*b", "xbya", false),
            ("ab*ba", "aba", false),
            ("a**b", "ab", true),
            ("*é*", "caféx", true),
            ("a?[b]", "a?[b]", true),
            ("a?[b]", "axb", false),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            (r"a\\*", r"a\x", true),
            (r"\*\\", r"*\", true),
        ];
        for (pattern, text, expected) in cases {
            let found = Pattern::parse(pattern).unwrap().matches(text);
            assert_eq!(found, expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_backslash_escapes_only_stars_and_itself() {
        for pattern in [r"\", r"a\", r"\n", r"*\a*", r"\\\"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
