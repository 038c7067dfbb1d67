//! A moment, as facts carry it: the core never asks a clock.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// Milliseconds since the Unix epoch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment and `millis` milliseconds; stays at the last representable moment.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Reads an RFC 3339 date and time in the profile of the States Language ("Timestamps"): a
    /// capital `T`, and a capital `Z` or a numeric offset. Digits past the millisecond are cut.
    pub fn parse(text: &str) -> Option<Self> {
        if text.as_bytes().get(10) != Some(&b'T') || text.ends_with('z') {
            return None;
        }
        let nanos = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
        i64::try_from(nanos.div_euclid(1_000_000)).ok().map(Self)
    }
}

/// ISO 8601 in UTC with milliseconds, as the context object shows it: `2026-11-22T21:04:17.000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        );
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|moment| moment.format(&format).ok());
        f.write_str(text.as_deref().unwrap_or("+999999999-12-31T23:59:59.999Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_read_and_shown_in_utc() {
        let cases = [
            ("2026-11-22T21:04:17Z", Some("2026-11-22T21:04:17.000Z")),
            ("2026-11-22T21:04:17.123456Z", Some("2026-11-22T21:04:17.123Z")),
            ("2026-11-22T21:04:17+01:30", Some("2026-11-22T19:34:17.000Z")),
            ("2026-11-22t21:04:17Z", None),
            ("2026-11-22T21:04:17z", None),
            ("2026-11-22 21:04:17Z", None),
            ("2026-11-22T21:04:17", None),
            ("2026-11-22", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let shown = Timestamp::parse(text).map(|timestamp| timestamp.to_string());
            assert_eq!(shown.as_deref(), expected, "{text}");
        }
    }
}
