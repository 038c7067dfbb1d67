//! What passes for an e-mail address: the plain form that people have, not all that RFC 5322 allows.

/// RFC 5321, 4.5.3.1: the longest local part, and the longest address that a path can hold.
const LOCAL_LENGTH_MAX: usize = 64;
const ADDRESS_LENGTH_MAX: usize = 254;

/// RFC 1035, 2.3.4: the longest part of a domain's name between two dots.
const LABEL_LENGTH_MAX: usize = 63;

/// The address with its domain in lower case, or none where it is not plausible. The local part is
/// its server's business and stays as it is.
pub(crate) fn normalise(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let plausible = address.len() <= ADDRESS_LENGTH_MAX
        && local.len() <= LOCAL_LENGTH_MAX
        && local.split('.').all(is_atom)
        && domain.contains('.')
        && domain.split('.').all(is_label);
    plausible.then(|| format!("{local}@{}", domain.to_ascii_lowercase()))
}

fn is_atom(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

fn is_label(text: &str) -> bool {
    (1..=LABEL_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plausible_address_keeps_its_local_part() {
        for (address, expected) in [
            ("user@example.com", "user@example.com"),
            ("First.Last+tag@Example.CO.uk", "First.Last+tag@example.co.uk"),
        ] {
            assert_eq!(normalise(address).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        let long = format!("{}@example.com", "x".repeat(65));
        for address in [
            "",
            "nobody",
            "@example.com",
            "user@",
            "user@localhost",
            "user@example..com",
            "user@-example.com",
            "a b@example.com",
            "a@b@example.com",
            ".user@example.com",
            "user@example.com\r\nBcc: all@example.com",
            "<user@example.com>",
            "a@b.com,c@d.com",
            &long,
        ] {
            assert_eq!(normalise(address), None, "{address}");
        }
    }
}
