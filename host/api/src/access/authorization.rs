//! The `Authorization` header: which key has signed what.

use super::{incomplete, refused};
use crate::error::ApiError;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What a credential's scope ends with.
const TERMINATOR: &str = "aws4_request";

/// `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, SignedHeaders=<a>;<b>,
/// Signature=<hex>`, read but not believed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Authorization<'a> {
    pub(super) key_id: &'a str,
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) terminator: &'a str,
    pub(super) signed_headers: Vec<&'a str>,
    pub(super) signature: &'a str,
}

impl<'a> Authorization<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, ApiError> {
        let (algorithm, rest) = text.split_once(' ').unwrap_or((text, ""));
        if algorithm != ALGORITHM {
            return Err(incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
        }
        let names = ["Credential", "Signature", "SignedHeaders"];
        let mut values = [None; 3];
        for pair in rest.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(incomplete(format!(
                    "'{pair}' not a valid key=value pair (missing equal-sign) in Authorization header: '{text}'."
                )));
            };
            if let Some(index) = names.iter().position(|known| *known == name) {
                values[index] = Some(value);
            }
        }
        let [Some(credential), Some(signature), Some(signed_headers)] = values else {
            let absent = names.iter().zip(values).filter(|(_, value)| value.is_none());
            let told =
                absent.map(|(it, _)| format!("Authorization header requires '{it}' parameter."));
            return Err(incomplete(told.collect::<Vec<_>>().join(" ")));
        };
        let parts: Vec<&str> = credential.split('/').collect();
        let [key_id, date, region, service, terminator] = parts[..] else {
            return Err(incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
            )));
        };
        let signed_headers: Vec<&str> = signed_headers.split(';').collect();
        // As a signer writes them; and a name cannot be given a thousand times to make work.
        if !signed_headers.is_sorted_by(|left, right| left < right) {
            return Err(incomplete("'SignedHeaders' must be in order, each once."));
        }
        Ok(Self { key_id, date, region, service, terminator, signed_headers, signature })
    }

    /// Refuses a credential for another region or service.
    pub(super) fn check_scope(&self, region: &str, service: &str) -> Result<(), ApiError> {
        let message = match () {
            () if self.region != region => format!(
                "Credential should be scoped to a valid region, not '{}'. This server's is '{region}'.",
                self.region
            ),
            () if self.service != service => {
                format!("Credential should be scoped to correct service: '{service}'.")
            }
            () if self.terminator != TERMINATOR => format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{}'.",
                self.terminator
            ),
            () => return Ok(()),
        };
        Err(refused(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_three_parts_come_in_any_order_and_spacing() {
        let expected = Authorization {
            key_id: "AKID",
            date: "20260102",
            region: "us-east-1",
            service: "states",
            terminator: "aws4_request",
            signed_headers: vec!["host", "x-amz-date"],
            signature: "ab",
        };
        for text in [
            "AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/states/aws4_request, SignedHeaders=host;x-amz-date, Signature=ab",
            "AWS4-HMAC-SHA256 Signature=ab,SignedHeaders=host;x-amz-date,Credential=AKID/20260102/us-east-1/states/aws4_request",
        ] {
            assert_eq!(Authorization::parse(text).as_ref(), Ok(&expected));
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        for (text, message) in [
            ("Bearer abc", "Unsupported AWS 'algorithm': 'Bearer'."),
            ("", "Unsupported AWS 'algorithm': ''."),
            (
                "AWS4-HMAC-SHA256",
                "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.",
            ),
            (
                "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host",
                "Authorization header requires 'Signature' parameter.",
            ),
            (
                "AWS4-HMAC-SHA256 Credential",
                "'Credential' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 Credential'.",
            ),
            (
                "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0",
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b'",
            ),
            (
                "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host;host, Signature=0",
                "'SignedHeaders' must be in order, each once.",
            ),
        ] {
            assert_eq!(Authorization::parse(text), Err(incomplete(message)), "{text}");
        }
    }
}
