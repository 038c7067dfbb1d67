//! The moment that a request says it was signed at, and how far from ours it may be.

use std::time::SystemTime;

use stepyard_asl::Timestamp;
use time::{
    OffsetDateTime, PrimitiveDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc2822},
    macros::format_description,
};

use super::{incomplete, refused};
use crate::error::ApiError;

/// How far a signature's date may be from the server's clock, either way.
///
/// "In most cases, a request must reach AWS within five minutes of the time stamp in the request."
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>
const SKEW_MINUTES_MAX: i64 = 5;

const BASIC: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");

/// When a request was signed, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date(OffsetDateTime);

impl Date {
    /// Reads `20260102T030405Z`.
    pub(super) fn basic(text: &str) -> Result<Self, ApiError> {
        let read = PrimitiveDateTime::parse(text, BASIC).map_err(|_| {
            incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
            ))
        })?;
        Ok(Self(read.assume_utc()))
    }

    /// Reads a `Date` header: the basic format, or HTTP's own.
    pub(super) fn of_http(text: &str) -> Result<Self, ApiError> {
        match OffsetDateTime::parse(text, &Rfc2822) {
            Ok(read) => Ok(Self(read.to_offset(time::UtcOffset::UTC))),
            Err(_) => Self::basic(text),
        }
    }

    /// The same moment for a signer.
    pub(super) fn time(self) -> SystemTime {
        self.0.into()
    }

    /// Refuses a date of another day than the credential's scope names.
    pub(super) fn check_scope(self, day: &str) -> Result<(), ApiError> {
        let whole = basic(self.0);
        match whole.split_once('T') {
            Some((own, _)) if own == day => Ok(()),
            _ => Err(refused(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{day}' != '{}', from '{whole}'.",
                whole.split('T').next().unwrap_or_default()
            ))),
        }
    }

    /// Refuses a date too far from `now`.
    pub(super) fn check_skew(self, now: Timestamp) -> Result<(), ApiError> {
        let now = OffsetDateTime::from_unix_timestamp(now.as_millis().div_euclid(1_000));
        // A clock beyond the year 9999 has no text; what is signed then is too old.
        let now = now.unwrap_or(PrimitiveDateTime::MAX.assume_utc());
        let skew = time::Duration::minutes(SKEW_MINUTES_MAX);
        let (earliest, latest) = (now.saturating_sub(skew), now.saturating_add(skew));
        let [date, now, early, late] = [self.0, now, earliest, latest].map(basic);
        match () {
            () if self.0 < earliest => Err(refused(format!(
                "Signature expired: {date} is now earlier than {early} ({now} - {SKEW_MINUTES_MAX} min.)"
            ))),
            () if self.0 > latest => Err(refused(format!(
                "Signature not yet current: {date} is still later than {late} ({now} + {SKEW_MINUTES_MAX} min.)"
            ))),
            () => Ok(()),
        }
    }
}

fn basic(moment: OffsetDateTime) -> String {
    moment.format(BASIC).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2015-08-30T12:36:00Z.
    const NOW: i64 = 1_440_938_160;

    #[test]
    fn five_minutes_either_way_are_let_pass() {
        let expired = |text: &str| {
            format!(
                "Signature expired: {text} is now earlier than 20150830T123100Z (20150830T123600Z - 5 min.)"
            )
        };
        let early = |text: &str| {
            format!(
                "Signature not yet current: {text} is still later than 20150830T124100Z (20150830T123600Z + 5 min.)"
            )
        };
        for (text, refusal) in [
            ("20150830T123600Z", None),
            ("20150830T123100Z", None),
            ("20150830T124100Z", None),
            ("20150830T123059Z", Some(expired("20150830T123059Z"))),
            ("20150830T124101Z", Some(early("20150830T124101Z"))),
            ("00000101T000000Z", Some(expired("00000101T000000Z"))),
            ("99991231T235959Z", Some(early("99991231T235959Z"))),
        ] {
            let judged = Date::basic(text).unwrap().check_skew(Timestamp::from_millis(NOW * 1_000));
            assert_eq!(judged.err(), refusal.map(refused), "{text}");
        }
        let date = Date::basic("20150830T123600Z").unwrap();
        for clock in [i64::MIN, i64::MAX] {
            assert!(date.check_skew(Timestamp::from_millis(clock)).is_err(), "{clock}");
        }
    }

    #[test]
    fn a_date_is_read_in_two_formats() {
        let basic = Date::basic("20150830T123600Z").unwrap();
        assert_eq!(basic.0.unix_timestamp(), NOW);
        for text in ["Sun, 30 Aug 2015 12:36:00 GMT", "20150830T123600Z"] {
            assert_eq!(Date::of_http(text), Ok(basic), "{text}");
        }
        for text in ["", "2015-08-30T12:36:00Z", "20150830T123600", "20151330T123600Z", "x"] {
            assert!(Date::basic(text).is_err() && Date::of_http(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_day_is_that_of_the_scope() {
        let date = Date::basic("20150830T123600Z").unwrap();
        assert_eq!(date.check_scope("20150830"), Ok(()));
        let message = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150831' != '20150830', from '20150830T123600Z'.";
        assert_eq!(date.check_scope("20150831"), Err(refused(message)));
    }
}
