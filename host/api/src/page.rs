//! Pages of lists and histories. A token says where the next page begins, and is signed: it cannot
//! be made up, nor used for another list than the one it was given for.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use stepyard_asl::Seed;

use crate::error::ApiError;

/// How many there are on a page when the request does not say (API reference, `maxResults`).
const RESULTS_DEFAULT: usize = 100;

/// The bytes of a signature.
const SIGNATURE: usize = 32;

/// Signs and reads page tokens.
#[derive(Clone)]
pub(crate) struct PageTokens(Seed);

impl PageTokens {
    pub(crate) fn new(key: Seed) -> Self {
        Self(key)
    }

    /// The token for the page of `list` that begins at `place`.
    pub(crate) fn token(&self, list: &str, place: &str) -> String {
        let mut bytes = self.mac(list, place).finalize().into_bytes().to_vec();
        bytes.extend_from_slice(place.as_bytes());
        BASE64.encode(bytes)
    }

    /// Where the page begins that a token given for `list` asks for; none without a token.
    pub(crate) fn place(
        &self,
        list: &str,
        token: Option<&str>,
    ) -> Result<Option<String>, ApiError> {
        let Some(token) = token else { return Ok(None) };
        let place = self.read(list, token).ok_or_else(ApiError::invalid_token)?;
        Ok(Some(place))
    }

    fn read(&self, list: &str, token: &str) -> Option<String> {
        let bytes = BASE64.decode(token).ok()?;
        let (signature, place) = bytes.split_at_checked(SIGNATURE)?;
        let place = std::str::from_utf8(place).ok()?;
        self.mac(list, place).verify_slice(signature).ok()?;
        Some(place.to_owned())
    }

    fn mac(&self, list: &str, place: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length will do");
        mac.update(list.as_bytes());
        mac.update(&[0]);
        mac.update(place.as_bytes());
        mac
    }
}

/// The key stays out of logs.
impl fmt::Debug for PageTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageTokens")
    }
}

/// How many results a page has at most.
pub(crate) fn size(max_results: Option<i64>) -> usize {
    match max_results.and_then(|it| usize::try_from(it).ok()) {
        None | Some(0) => RESULTS_DEFAULT,
        Some(size) => size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_list_alone() {
        let tokens = PageTokens::new([7; 32]);
        let token = tokens.token("history/a", "100");
        assert_eq!(tokens.place("history/a", Some(&token)), Ok(Some("100".to_owned())));
        assert_eq!(tokens.place("history/a", None), Ok(None));
        let other = PageTokens::new([8; 32]);
        assert_eq!(other.place("history/a", Some(&token)), Err(ApiError::invalid_token()));
        let changed = BASE64.encode([&BASE64.decode(&token).unwrap()[..], b"0"].concat());
        for forged in ["", "x", "!", &changed, &token[1..]] {
            let read = tokens.place("history/a", Some(forged));
            assert_eq!(read, Err(ApiError::invalid_token()), "{forged}");
        }
        assert_eq!(tokens.place("history/b", Some(&token)), Err(ApiError::invalid_token()));
    }
}
