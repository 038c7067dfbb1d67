//! When a schedule comes: EventBridge Scheduler's expressions `rate(…)`, `cron(…)` and `at(…)`.
//!
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};
use stepyard_asl::Timestamp;

/// The years that a cron expression may name.
const YEARS: std::ops::RangeInclusive<u16> = 1970..=2199;

/// The moments of a schedule.
#[derive(Clone, Debug)]
pub struct Expression {
    kind: Kind,
    zone: TimeZone,
}

#[derive(Clone, Debug)]
enum Kind {
    Rate { millis: i64 },
    Cron(Box<Cron>),
    At(DateTime),
}

/// What is wrong with an expression or its time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It is none of the three.
    #[error(
        "`{0}` is not a schedule expression: write rate(5 minutes), cron(0 12 * * ? *) or at(2026-11-25T12:00:00)"
    )]
    Unknown(String),
    /// The rate cannot be read.
    #[error(
        "`{0}` is not a rate: write a whole number from 1 and minutes, hours or days, as in rate(5 minutes)"
    )]
    Rate(String),
    /// The cron fields cannot be read.
    #[error(
        "`{expression}` is not a cron expression ({reason}): write minutes, hours, day of month, month, day of week and year, as in cron(0 12 * * ? *)"
    )]
    Cron {
        /// What was written.
        expression: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The moment cannot be read.
    #[error("`{0}` is not a date and time: write it as in at(2026-11-25T12:00:00)")]
    At(String),
    /// There is no such time zone.
    #[error("`{0}` is not a time zone: write its IANA name, such as \"Europe/Berlin\"")]
    Zone(String),
}

impl Expression {
    /// Reads an expression; `zone` is an IANA time zone, UTC where none is given.
    pub fn parse(text: &str, zone: Option<&str>) -> Result<Self, ExpressionError> {
        let kind = match inner(text) {
            Some(("rate", inner)) => rate(inner).ok_or(ExpressionError::Rate(text.to_owned()))?,
            Some(("cron", inner)) => cron(inner)
                .map_err(|reason| ExpressionError::Cron { expression: text.to_owned(), reason })?,
            Some(("at", inner)) => at(inner).ok_or(ExpressionError::At(text.to_owned()))?,
            _ => return Err(ExpressionError::Unknown(text.to_owned())),
        };
        let zone = match zone {
            None => TimeZone::UTC,
            Some(name) => {
                TimeZone::get(name).map_err(|_| ExpressionError::Zone(name.to_owned()))?
            }
        };
        Ok(Self { kind, zone })
    }

    /// The first moment after `after` of a schedule that began to be at `begun`; none when there is
    /// none any more.
    pub fn next(&self, after: Timestamp, begun: Timestamp) -> Option<Timestamp> {
        match &self.kind {
            Kind::Rate { millis } => {
                // "If you do not provide a StartDate, your schedule starts immediately."
                let passed = after.as_millis().saturating_sub(begun.as_millis());
                let periods = passed.div_euclid(*millis).saturating_add(1).max(0);
                Some(begun.plus_millis(periods.saturating_mul(*millis)))
            }
            Kind::Cron(cron) => {
                let mut civil = self.civil(after)?;
                loop {
                    civil = cron.find_next_occurrence(&civil, false).ok()?;
                    // The civil time of `after` is that of another moment, where clocks go back.
                    if let Some(moment) = self.moment(civil).filter(|moment| *moment > after) {
                        return Some(moment);
                    }
                }
            }
            Kind::At(civil) => self.once(*civil).filter(|moment| *moment > after),
        }
    }

    fn civil(&self, at: Timestamp) -> Option<DateTime> {
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
        Some(self.zone.to_datetime(at))
    }

    /// When it is so late here: where clocks go forward, some times never come, and where they go
    /// back, the first of the two counts: "your schedule runs only once and does not repeat".
    fn moment(&self, civil: DateTime) -> Option<Timestamp> {
        let offset = match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Fold { before, .. } => before,
            AmbiguousOffset::Gap { .. } => return None,
        };
        let moment = offset.to_timestamp(civil).ok()?;
        Some(Timestamp::from_millis(moment.as_millisecond()))
    }

    /// As [`Self::moment`]; one time that never comes is made up for when clocks have gone forward,
    /// since there is no next.
    fn once(&self, civil: DateTime) -> Option<Timestamp> {
        let moment = self.zone.to_ambiguous_timestamp(civil).compatible().ok()?;
        Some(Timestamp::from_millis(moment.as_millisecond()))
    }
}

/// `rate(5 minutes)` is `rate` and `5 minutes`.
fn inner(text: &str) -> Option<(&str, &str)> {
    let (kind, rest) = text.trim().split_once('(')?;
    Some((kind, rest.strip_suffix(')')?))
}

fn rate(text: &str) -> Option<Kind> {
    let (value, unit) = text.split_once(' ')?;
    let value: u32 = value.parse().ok().filter(|value| *value > 0)?;
    let minutes: i64 = match unit {
        "minute" | "minutes" => 1,
        "hour" | "hours" => 60,
        "day" | "days" => 24 * 60,
        _ => return None,
    };
    Some(Kind::Rate { millis: i64::from(value) * minutes * 60_000 })
}

fn at(text: &str) -> Option<Kind> {
    // Seconds, and no offset: the time zone says where.
    let shape = |text: &str| text.len() == 19 && text.as_bytes()[10] == b'T';
    let civil = text.parse().ok().filter(|_| shape(text))?;
    Some(Kind::At(civil))
}

/// AWS's six fields are croner's with the weekdays from 1, Sunday, without seconds, and stricter.
fn cron(text: &str) -> Result<Kind, String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minutes, hours, day, month, weekday, year] = fields[..] else {
        return Err(format!("it has {} fields", fields.len()));
    };
    if (day == "?") == (weekday == "?") {
        return Err("one of day of month and day of week has to be `?`".to_owned());
    }
    let rest = [minutes, hours, month, year]
        .into_iter()
        .chain([day, weekday].into_iter().filter(|it| *it != "?"));
    for field in rest {
        let foreign = |it: char| !it.is_ascii_alphanumeric() && !",-*/#".contains(it);
        if field.contains(foreign) || field.split(',').any(str::is_empty) {
            return Err(format!("`{field}` cannot be read"));
        }
    }
    let numbers = |field: &str| {
        let parts: Vec<&str> = field.split(|it: char| !it.is_ascii_digit()).collect();
        parts.into_iter().filter_map(|part| part.parse::<u16>().ok()).collect::<Vec<_>>()
    };
    let starts =
        year.split(',').flat_map(|part| numbers(part.split('/').next().unwrap_or_default()));
    if let Some(odd) = starts.into_iter().find(|number| !YEARS.contains(number)) {
        return Err(format!("years are {} to {}, not {odd}", YEARS.start(), YEARS.end()));
    }
    if numbers(weekday).contains(&0) {
        return Err("days of the week are 1, Sunday, to 7".to_owned());
    }
    // Alone it is the week's last day, not the month's last of some day.
    let weekday = if weekday.eq_ignore_ascii_case("L") { "7" } else { weekday };
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .dom_and_dow(true)
        .alternative_weekdays(true)
        .sloppy_ranges(true)
        .build();
    let pattern = format!("0 {minutes} {hours} {day} {month} {weekday} {year}");
    let cron = parser.parse(&pattern).map_err(|error| error.to_string())?;
    Ok(Kind::Cron(Box::new(cron)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    /// The first moments after `after`, in the minutes of UTC.
    #[track_caller]
    fn check(text: &str, zone: Option<&str>, after: &str, expected: &[&str]) {
        let expression = Expression::parse(text, zone).unwrap();
        let mut at = moment(after);
        let mut found = Vec::new();
        while let Some(next) = expression.next(at, moment(after)).filter(|_| found.len() < 3) {
            found.push(next.to_string().replace(":00.000Z", ""));
            at = next;
        }
        let expected: Vec<&str> = expected.to_vec();
        assert_eq!(found, expected, "{text} {zone:?}");
    }

    #[test]
    fn cron_has_the_six_fields_of_aws() {
        let after = "2026-11-25T11:59:30Z"; // a Wednesday
        for (text, expected) in [
            ("cron(0 12 * * ? *)", ["2026-11-25T12:00", "2026-11-26T12:00", "2026-11-27T12:00"]),
            (
                "cron(0/20 12 ? * WED *)",
                ["2026-11-25T12:00", "2026-11-25T12:20", "2026-11-25T12:40"],
            ),
            (
                "cron(15 10 ? * 6L 2027-2028)",
                ["2027-01-29T10:15", "2027-02-26T10:15", "2027-03-26T10:15"],
            ),
            (
                "cron(0 18 ? * MON-FRI *)",
                ["2026-11-25T18:00", "2026-11-26T18:00", "2026-11-27T18:00"],
            ),
            ("cron(0 8 1 * ? *)", ["2026-12-01T08:00", "2027-01-01T08:00", "2027-02-01T08:00"]),
            ("cron(0 0 L * ? *)", ["2026-11-30T00:00", "2026-12-31T00:00", "2027-01-31T00:00"]),
            ("cron(0 9 1W * ? *)", ["2026-12-01T09:00", "2027-01-01T09:00", "2027-02-01T09:00"]),
            (
                "cron(0 9 2W JAN,MAY ? *)",
                ["2027-01-01T09:00", "2027-05-03T09:00", "2028-01-03T09:00"],
            ),
            ("cron(0 0 ? * 2#1 *)", ["2026-12-07T00:00", "2027-01-04T00:00", "2027-02-01T00:00"]),
            ("cron(0 0 ? * 1 *)", ["2026-11-29T00:00", "2026-12-06T00:00", "2026-12-13T00:00"]),
            ("cron(0 0 ? * L *)", ["2026-11-28T00:00", "2026-12-05T00:00", "2026-12-12T00:00"]),
            ("cron(0 0 29 2 ? *)", ["2028-02-29T00:00", "2032-02-29T00:00", "2036-02-29T00:00"]),
        ] {
            check(text, None, after, &expected);
        }
        for never in ["cron(0 12 * * ? 2025)", "cron(0 12 31 FEB ? *)"] {
            check(never, None, after, &[]);
        }
    }

    #[test]
    fn a_time_zone_is_where_the_clock_hangs() {
        let berlin = Some("Europe/Berlin");
        let noon = "cron(0 12 * * ? *)";
        check(
            noon,
            berlin,
            "2026-10-24T00:00:00Z",
            &["2026-10-24T10:00", "2026-10-25T11:00", "2026-10-26T11:00"],
        );
        // The clock goes from 2:00 to 3:00: what falls between is skipped.
        let spring = "cron(30 2 * * ? *)";
        check(
            spring,
            berlin,
            "2027-03-27T00:00:00Z",
            &["2027-03-27T01:30", "2027-03-29T00:30", "2027-03-30T00:30"],
        );
        // It goes from 3:00 to 2:00: what comes twice is run once.
        check(
            spring,
            berlin,
            "2026-10-24T12:00:00Z",
            &["2026-10-25T00:30", "2026-10-26T01:30", "2026-10-27T01:30"],
        );
        check(
            spring,
            berlin,
            "2026-10-25T00:30:00Z",
            &["2026-10-26T01:30", "2026-10-27T01:30", "2026-10-28T01:30"],
        );
        let often = "cron(0/30 * * * ? *)";
        check(
            often,
            berlin,
            "2026-10-25T00:00:00Z",
            &["2026-10-25T00:30", "2026-10-25T02:00", "2026-10-25T02:30"],
        );
        check(
            often,
            berlin,
            "2026-10-25T01:10:00Z",
            &["2026-10-25T02:00", "2026-10-25T02:30", "2026-10-25T03:00"],
        );
    }

    #[test]
    fn a_rate_counts_from_where_the_schedule_began_and_begins_at_once() {
        let begun = moment("2026-11-25T12:00:07Z");
        let every = Expression::parse("rate(5 minutes)", Some("Europe/Berlin")).unwrap();
        let next = |after: &str| every.next(moment(after), begun).unwrap().to_string();
        assert_eq!(every.next(begun.plus_millis(-1), begun), Some(begun));
        assert_eq!(next("2026-11-25T12:00:07Z"), "2026-11-25T12:05:07.000Z");
        assert_eq!(next("2026-11-25T12:05:06Z"), "2026-11-25T12:05:07.000Z");
        assert_eq!(next("2026-12-25T12:00:08Z"), "2026-12-25T12:05:07.000Z");
        for (text, millis) in
            [("rate(1 minute)", 60_000), ("rate(2 hours)", 7_200_000), ("rate(1 day)", 86_400_000)]
        {
            let next = Expression::parse(text, None).unwrap().next(begun, begun);
            assert_eq!(next, Some(begun.plus_millis(millis)), "{text}");
        }
    }

    #[test]
    fn one_time_comes_once() {
        check("at(2026-11-25T12:00:00)", None, "2026-11-25T11:00:00Z", &["2026-11-25T12:00"]);
        check(
            "at(2026-11-25T12:00:00)",
            Some("Asia/Tokyo"),
            "2026-11-25T01:00:00Z",
            &["2026-11-25T03:00"],
        );
        check("at(2026-11-25T12:00:00)", None, "2026-11-25T12:00:00Z", &[]);
    }

    #[test]
    fn what_is_no_expression_is_told_with_its_mend() {
        for (text, zone, part) in [
            ("every day", None, "not a schedule expression"),
            ("cron 0 12 * * ? *", None, "not a schedule expression"),
            ("rate(5 minutes", None, "not a schedule expression"),
            ("rate(0 minutes)", None, "not a rate"),
            ("rate(5 seconds)", None, "not a rate"),
            ("rate(-5 minutes)", None, "not a rate"),
            ("rate(5  minutes)", None, "not a rate"),
            ("cron(0 12 * * *)", None, "it has 5 fields"),
            ("cron(0 0 12 * * ? *)", None, "it has 7 fields"),
            ("cron(0 12 * * * *)", None, "has to be `?`"),
            ("cron(0 12 ? * ? *)", None, "has to be `?`"),
            ("cron(60 12 * * ? *)", None, "not a cron expression"),
            ("cron(0 24 * * ? *)", None, "not a cron expression"),
            ("cron(0 12 * * ? 1969)", None, "years are 1970 to 2199, not 1969"),
            ("cron(0 12 ? * 0 *)", None, "1, Sunday, to 7"),
            ("cron(0 12 ? * 8 *)", None, "not a cron expression"),
            ("cron(@daily 12 * * ? *)", None, "`@daily` cannot be read"),
            ("cron(0, 12 * * ? *)", None, "`0,` cannot be read"),
            ("cron(0/0 12 * * ? *)", None, "not a cron expression"),
            ("at(2026-11-25)", None, "not a date and time"),
            ("at(2026-13-25T12:00:00)", None, "not a date and time"),
            ("at(2026-11-25T12:00:00Z)", None, "not a date and time"),
            ("rate(5 minutes)", Some("Mars/Olympus"), "`Mars/Olympus` is not a time zone"),
        ] {
            let error = Expression::parse(text, zone).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
