//! Who may call: AWS Signature Version 4, in the form of an `Authorization` header.
//!
//! A request is judged twice: by its head before any of its body is read ([`Access::claim`]), so that
//! a stranger's body is never kept, and with its body after ([`Claim::verify`]). The crate that signs
//! for AWS's own SDK computes the signature; here it is compared.

mod authorization;
mod date;

use std::{borrow::Cow, collections::BTreeMap, fmt};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{self, SignableBody, SignableRequest, SigningSettings},
    sign::v4,
};
use axum::http::{HeaderMap, header, request::Parts};
use sha2::{Digest, Sha256};
use stepyard_asl::Timestamp;
use subtle::ConstantTimeEq;

use self::{authorization::Authorization, date::Date};
use crate::error::ApiError;

/// AWS Step Functions in a credential's scope.
pub(crate) const STATES: &str = "states";
/// AWS Lambda in a credential's scope.
pub(crate) const LAMBDA: &str = "lambda";

const DATE: &str = "x-amz-date";
const TARGET: &str = "x-amz-target";
const TOKEN: &str = "x-amz-security-token";
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const INVOCATION_TYPE: &str = "x-amz-invocation-type";
const PAYLOAD_HASH: &str = "x-amz-content-sha256";

/// A key that calls may be signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The access key id, which a request names.
    pub id: String,
    /// The secret access key, which it never does.
    pub secret: String,
}

/// The secret stays out of logs.
impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The keys of those who may call.
#[derive(Clone, Debug)]
pub struct Access {
    keys: BTreeMap<String, AccessKey>,
    region: String,
}

impl Access {
    /// Lets in what one of `keys` has signed for `region`.
    pub fn new(keys: impl IntoIterator<Item = AccessKey>, region: String) -> Self {
        let keys = keys.into_iter().map(|key| (key.id.clone(), key)).collect();
        Self { keys, region }
    }

    /// Judges a request to a service by its head. What it claims is proved when its body has been
    /// verified too.
    pub(crate) fn claim<'a>(
        &'a self,
        service: &'static str,
        head: &'a Parts,
        now: Timestamp,
    ) -> Result<Claim<'a>, ApiError> {
        let headers = &head.headers;
        let text = only(headers, header::AUTHORIZATION.as_str())?.ok_or_else(missing)?;
        let authorization = Authorization::parse(text)?;
        // Keys are lasting ones: there is no session that a token could name.
        let key = self.keys.get(authorization.key_id).filter(|_| !headers.contains_key(TOKEN));
        let key = key.ok_or_else(unrecognized)?;

        authorization.check_scope(&self.region, service)?;
        let (date_header, date) = signing_date(headers)?;
        date.check_scope(authorization.date)?;
        date.check_skew(now)?;

        // What says which call it is has to be signed with it.
        let told = [TARGET, IDEMPOTENCY_KEY, INVOCATION_TYPE]
            .into_iter()
            .filter(|it| headers.contains_key(*it));
        for name in ["host", date_header].into_iter().chain(told) {
            if !authorization.signed_headers.contains(&name) {
                return Err(refused(format!(
                    "'{name}' must be a 'SignedHeader' in the AWS Authorization."
                )));
            }
        }
        Ok(Claim { access: self, service, key, authorization, date_header, date, head })
    }
}

/// A request by whoever it says, until it is verified.
pub(crate) struct Claim<'a> {
    access: &'a Access,
    service: &'static str,
    key: &'a AccessKey,
    authorization: Authorization<'a>,
    /// Which header the date is from.
    date_header: &'static str,
    date: Date,
    head: &'a Parts,
}

impl Claim<'_> {
    /// Checks the signature of the head and `body`.
    pub(crate) fn verify(&self, body: &[u8]) -> Result<(), ApiError> {
        let hash = hex(&Sha256::digest(body));
        // The hash that is signed is the one of the body that came, whatever the header says; one
        // that says otherwise, `UNSIGNED-PAYLOAD` too, is told what is wrong.
        if only(&self.head.headers, PAYLOAD_HASH)?.is_some_and(|said| said != hash) {
            let message = format!(
                "The value of '{PAYLOAD_HASH}' is not the SHA-256 of the request's body: sign the body."
            );
            return Err(refused(message));
        }
        let expected = self.signature(hash)?;
        let given = self.authorization.signature.as_bytes();
        match bool::from(expected.as_bytes().ct_eq(given)) {
            true => Ok(()),
            false => Err(mismatch()),
        }
    }

    /// The signature that the request has when our key signs it.
    fn signature(&self, body_hash: String) -> Result<String, ApiError> {
        let credentials = Credentials::new(&self.key.id, &self.key.secret, None, None, "stepyard");
        let identity = credentials.into();
        let mut settings = SigningSettings::default();
        // The signer adds `x-amz-date`; a request that is signed by its `Date` has none.
        let added = (self.date_header != DATE).then_some(Cow::Borrowed(DATE));
        settings.excluded_headers = Some(added.into_iter().collect());
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.access.region)
            .name(self.service)
            .time(self.date.time())
            .settings(settings)
            .build()
            .map_err(|_| mismatch())?
            .into();
        let uri = self.head.uri.path_and_query().map_or("/", |it| it.as_str());
        let request = SignableRequest::new(
            self.head.method.as_str(),
            uri,
            self.signed()?.into_iter(),
            SignableBody::Precomputed(body_hash),
        );
        // What a signer cannot read has no signature.
        let request = request.map_err(|_| mismatch())?;
        let signed = http_request::sign(request, &params).map_err(|_| mismatch())?;
        Ok(signed.into_parts().1)
    }

    /// The headers that are signed, as they came.
    fn signed(&self) -> Result<Vec<(&str, &str)>, ApiError> {
        let mut signed = Vec::new();
        for name in &self.authorization.signed_headers {
            for value in self.head.headers.get_all(*name) {
                signed.push((*name, value.to_str().map_err(|_| mismatch())?));
            }
        }
        Ok(signed)
    }
}

/// The date that a request is signed at, and the header it is from.
fn signing_date(headers: &HeaderMap) -> Result<(&'static str, Date), ApiError> {
    if let Some(text) = only(headers, DATE)? {
        return Ok((DATE, Date::basic(text)?));
    }
    match only(headers, "date")? {
        Some(text) => Ok(("date", Date::of_http(text)?)),
        None => Err(incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        )),
    }
}

/// A header's value. What is there twice or is no text could be read in two ways, and is refused.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(incomplete(format!("Header '{name}' has to be there once, in ASCII."))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn missing() -> ApiError {
    ApiError::new("MissingAuthenticationTokenException", "Missing Authentication Token")
}

fn unrecognized() -> ApiError {
    let message = "The security token included in the request is invalid.";
    ApiError::new("UnrecognizedClientException", message)
}

fn incomplete(message: impl Into<String>) -> ApiError {
    ApiError::new("IncompleteSignatureException", message)
}

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidSignatureException", message)
}

fn mismatch() -> ApiError {
    refused(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    )
}

#[cfg(test)]
mod tests;
