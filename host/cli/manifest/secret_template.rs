//! A header's value with a secret in it.

/// A header's value with a secret in it: `Bearer {NAME}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretTemplate {
    /// What stands before the secret.
    pub before: String,
    /// The secret's name.
    pub secret: String,
    /// What stands after it.
    pub after: String,
}

impl SecretTemplate {
    /// Reads a text with exactly one name in braces.
    pub fn parse(text: &str) -> Option<Self> {
        let (before, rest) = text.split_once('{')?;
        let (secret, after) = rest.split_once('}')?;
        let plain = |text: &str| !text.contains(['{', '}']);
        let [before, secret, after] = [before, secret, after].map(str::to_owned);
        (plain(&before) && plain(&secret) && plain(&after) && !secret.is_empty()).then_some(Self {
            before,
            secret,
            after,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_holds_exactly_one_secret() {
        let parse = |text| SecretTemplate::parse(text).map(|t| (t.before, t.secret, t.after));
        let some = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(parse("Bearer {KEY}"), some("Bearer ", "KEY", ""));
        assert_eq!(parse("{KEY}:"), some("", "KEY", ":"));
        for text in ["plain", "{}", "{A}{B}", "{A", "A}", "}{"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
