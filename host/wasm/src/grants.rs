//! What a step may reach: nothing that does not stand here. Checked when a component is admitted,
//! import by import, and again at every call, by bucket, host and recipient.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use http::{HeaderName, Method};

/// The grants of one function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Buckets, for `wasi:keyvalue`.
    pub keyvalue: Vec<BucketGrant>,
    /// Settings, for `wasi:config`: the step sees these and no other.
    pub config: Option<BTreeMap<String, String>>,
    /// Servers, for `wasi:http`.
    pub http: Vec<HttpGrant>,
    /// Recipients, for `mail`: addresses, or patterns such as `*@example.com`.
    pub mail: Vec<String>,
}

/// A bucket that a step may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketGrant {
    /// The bucket's name.
    pub bucket: String,
    /// What the step may do there.
    pub access: Access,
}

/// What a step may do with a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Read keys and values.
    Read,
    /// Read and change them.
    ReadWrite,
}

/// A server that a step may send requests to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpGrant {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// A host name or an address, without a port.
    pub host: String,
    /// The port; none means the scheme's own.
    pub port: Option<u16>,
    /// The methods, such as `POST`; empty means all.
    pub methods: Vec<String>,
    /// The addresses that `host` may lead to, with `port`, instead of any public one: where it is
    /// inside a network of one's own.
    pub addresses: Vec<IpAddr>,
    /// The path must be this one or lie below it: `/v1` covers `/v1/charges` but not `/v10`.
    pub path_prefix: Option<String>,
    /// Headers that the host sets from secrets, by name. One of the same name from the step is
    /// replaced; the step never sees the value.
    pub headers: BTreeMap<String, SecretHeader>,
}

/// The scheme of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

/// A header that holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretHeader {
    /// The secret's name.
    pub secret: String,
    /// The header's value, with `{}` where the secret goes: `Bearer {}`.
    pub format: String,
}

impl Grants {
    /// What is wrong with the grants themselves, all of it; the manifest's words for each.
    pub fn problems(&self) -> Vec<String> {
        let mail = self.mail.iter().filter(|pattern| !pattern.contains('@') && *pattern != "*");
        mail.map(|pattern| format!("mail: `{pattern}` is neither an address nor `*`"))
            .chain(self.http.iter().flat_map(HttpGrant::problems))
            .collect()
    }

    /// What the step may do with a bucket, if anything.
    pub(crate) fn bucket(&self, name: &str) -> Option<Access> {
        self.keyvalue.iter().filter(|grant| grant.bucket == name).map(|grant| grant.access).max()
    }

    /// Whether a message may go to this address.
    pub(crate) fn recipient(&self, address: &str) -> bool {
        self.mail.iter().any(|pattern| matches(pattern, address))
    }
}

impl HttpGrant {
    /// Every request to a server.
    pub fn new(scheme: Scheme, host: impl Into<String>) -> Self {
        Self {
            scheme,
            host: host.into(),
            port: None,
            methods: Vec::new(),
            addresses: Vec::new(),
            path_prefix: None,
            headers: BTreeMap::new(),
        }
    }

    /// The host as it is looked up: an address without its brackets.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(self.scheme.port())
    }

    fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let at = format!("http `{}`", self.host);
        if self.host.is_empty() || self.host.contains(['/', '@', '*', ' ']) {
            found.push(format!("{at}: `host` is a host name or an address and nothing else"));
        }
        if !self.addresses.is_empty() && self.bare_host().parse::<IpAddr>().is_ok() {
            found.push(format!("{at}: `addresses` say where a name leads, and this is an address"));
        }
        if self.path_prefix.as_ref().is_some_and(|prefix| !prefix.starts_with('/')) {
            found.push(format!("{at}: `path_prefix` begins with `/`"));
        }
        for method in &self.methods {
            if Method::from_bytes(method.as_bytes()).is_err() || method.is_empty() {
                found.push(format!("{at}: `{method}` is not an HTTP method"));
            }
        }
        for (name, header) in &self.headers {
            if HeaderName::try_from(name.as_str()).is_err() {
                found.push(format!("{at}: `{name}` is not a header name"));
            }
            if header.format.matches("{}").count() != 1 {
                found.push(format!("{at}: the format of `{name}` needs `{{}}` once"));
            }
        }
        found
    }
}

impl Scheme {
    /// The port where a URL names none.
    pub(crate) fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// Whether `text` is of the form of `pattern`, in which `*` stands for any run of characters;
/// upper and lower case are the same, as in the domain of an address.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let (middles, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut text) = text.strip_prefix(first).and_then(|text| text.strip_suffix(last)) else {
        return false;
    };
    middles.split('*').all(|middle| match text.find(middle) {
        Some(at) => {
            text = &text[at + middle.len()..];
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_granted_by_address_or_pattern() {
        let cases = [
            ("user@example.com", "user@example.com", true),
            ("user@example.com", "USER@Example.com", true),
            ("user@example.com", "other@example.com", false),
            ("*@example.com", "anyone@example.com", true),
            ("*@example.com", "anyone@sub.example.com", false),
            ("*@example.com", "anyone@example.com.evil.example", false),
            ("*@*.example.com", "a@b.example.com", true),
            ("order-*@*.example.*", "order-1@shop.example.org", true),
            ("order-*@*.example.*", "order-1@example.org", false),
            ("a*a", "a", false),
            ("*", "anyone@example.com", true),
        ];
        for (pattern, address, granted) in cases {
            let grants = Grants { mail: vec![pattern.to_owned()], ..Grants::default() };
            assert_eq!(grants.recipient(address), granted, "{pattern} {address}");
        }
    }

    #[test]
    fn the_widest_grant_of_a_bucket_counts() {
        let bucket = |access| BucketGrant { bucket: "stock".to_owned(), access };
        let keyvalue = vec![bucket(Access::ReadWrite), bucket(Access::Read)];
        let grants = Grants { keyvalue, ..Grants::default() };
        assert_eq!(grants.bucket("stock"), Some(Access::ReadWrite));
        assert_eq!(grants.bucket("sold"), None);
    }

    #[test]
    fn a_malformed_grant_is_named() {
        let header = SecretHeader { secret: "key".to_owned(), format: "Bearer".to_owned() };
        let http = HttpGrant {
            methods: vec!["PO ST".to_owned()],
            path_prefix: Some("v1".to_owned()),
            headers: BTreeMap::from([("a b".to_owned(), header)]),
            ..HttpGrant::new(Scheme::Https, "https://example.com")
        };
        let pinned = HttpGrant {
            addresses: vec![IpAddr::from([10, 0, 0, 5])],
            ..HttpGrant::new(Scheme::Http, "[::1]")
        };
        let (http, mail) = (vec![http, pinned], vec!["example.com".to_owned()]);
        let grants = Grants { http, mail, ..Grants::default() };
        assert_eq!(
            grants.problems(),
            [
                "mail: `example.com` is neither an address nor `*`",
                "http `https://example.com`: `host` is a host name or an address and nothing else",
                "http `https://example.com`: `path_prefix` begins with `/`",
                "http `https://example.com`: `PO ST` is not an HTTP method",
                "http `https://example.com`: `a b` is not a header name",
                "http `https://example.com`: the format of `a b` needs `{}` once",
                "http `[::1]`: `addresses` say where a name leads, and this is an address",
            ]
        );
        assert!(Grants::default().problems().is_empty());
    }
}
