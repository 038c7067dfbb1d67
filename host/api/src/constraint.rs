//! AWS's checks of a request's members, before anything is looked at: all failures in one message.

use std::fmt::Display;

use crate::error::ApiError;

/// The bounds of an ARN's length.
pub(crate) const ARN: (usize, usize) = (1, 256);
/// Of an ARN that may name a version or a Map Run.
pub(crate) const LONG_ARN: (usize, usize) = (1, 2_000);
/// Of a page token.
const PAGE_TOKEN: (usize, usize) = (1, 1_024);

/// Gathers what is wrong with a request.
#[derive(Debug, Default)]
pub(crate) struct Constraints(Vec<String>);

impl Constraints {
    /// A member that has to be there.
    pub(crate) fn present<T>(mut self, member: &str, value: &Option<T>) -> Self {
        if value.is_none() {
            self.0.push(format!(
                "Value null at '{member}' failed to satisfy constraint: Member must not be null"
            ));
        }
        self
    }

    /// An ARN that has to be there.
    pub(crate) fn arn(self, member: &str, value: &Option<String>) -> Self {
        self.present(member, value).length(member, value.as_deref(), ARN)
    }

    /// A text of `min` to `max` characters, when it is there.
    pub(crate) fn length(
        mut self,
        member: &str,
        value: Option<&str>,
        bounds: (usize, usize),
    ) -> Self {
        if let Some((value, demand)) = value.and_then(|it| Some((it, excess(it, bounds)?))) {
            self.fail(member, value, &demand);
        }
        self
    }

    /// A text of `min` to `max` characters, when it is there, that AWS's model calls sensitive: no
    /// message repeats it.
    pub(crate) fn sensitive(
        mut self,
        member: &str,
        value: Option<&str>,
        bounds: (usize, usize),
    ) -> Self {
        if let Some(demand) = value.and_then(|it| excess(it, bounds)) {
            self.0.push(format!(
                "Value at '{member}' failed to satisfy constraint: Member must {demand}"
            ));
        }
        self
    }

    /// A number of `min` to `max`, when it is there.
    pub(crate) fn range<T>(mut self, member: &str, value: Option<T>, (min, max): (T, T)) -> Self
    where
        T: PartialOrd + Display,
    {
        let Some(value) = value else { return self };
        let bound = match () {
            () if value > max => format!("less than or equal to {max}"),
            () if value < min => format!("greater than or equal to {min}"),
            () => return self,
        };
        self.fail(member, &value.to_string(), &format!("have value {bound}"));
        self
    }

    /// `maxResults`: 0 to 1000.
    pub(crate) fn max_results(self, value: Option<i64>) -> Self {
        self.range("maxResults", value, (0, 1_000))
    }

    /// `nextToken`.
    pub(crate) fn next_token(self, value: &Option<String>) -> Self {
        self.length("nextToken", value.as_deref(), PAGE_TOKEN)
    }

    /// `includedData`.
    pub(crate) fn included_data(self, word: &Option<String>) -> Self {
        self.one_of("includedData", word.as_deref(), &["ALL_DATA", "METADATA_ONLY"])
    }

    /// A text that is `right` by a pattern of AWS's model, when it is there.
    pub(crate) fn pattern(
        mut self,
        member: &str,
        value: Option<&str>,
        pattern: &str,
        right: impl Fn(&str) -> bool,
    ) -> Self {
        if let Some(value) = value.filter(|value| !right(value)) {
            self.fail(member, value, &format!("satisfy regular expression pattern: {pattern}"));
        }
        self
    }

    /// `min` to `max` items of a list that is shown as `shown`, when it is there.
    pub(crate) fn items(
        mut self,
        member: &str,
        count: Option<usize>,
        (min, max): (usize, usize),
        shown: impl FnOnce() -> String,
    ) -> Self {
        let Some(count) = count else { return self };
        let bound = match () {
            () if count > max => format!("less than or equal to {max}"),
            () if count < min => format!("greater than or equal to {min}"),
            () => return self,
        };
        self.fail(member, &shown(), &format!("have length {bound}"));
        self
    }

    /// A map, shown as `shown`, whose keys or values (`which`) are all `right` by what is demanded of them.
    pub(crate) fn entries(
        mut self,
        member: &str,
        shown: &str,
        which: &str,
        demand: &str,
        right: bool,
    ) -> Self {
        if !right {
            self.0.push(format!(
                "Value '{shown}' at '{member}' failed to satisfy constraint: {which} must {demand}"
            ));
        }
        self
    }

    /// One of the words, when it is there.
    pub(crate) fn one_of(mut self, member: &str, value: Option<&str>, words: &[&str]) -> Self {
        if let Some(value) = value.filter(|value| !words.contains(value)) {
            self.fail(member, value, &format!("satisfy enum value set: [{}]", words.join(", ")));
        }
        self
    }

    /// Refuses the request when something is wrong with it.
    pub(crate) fn check(self) -> Result<(), ApiError> {
        let found = self.0;
        if found.is_empty() {
            return Ok(());
        }
        let plural = if found.len() == 1 { "" } else { "s" };
        let message =
            format!("{} validation error{plural} detected: {}", found.len(), found.join("; "));
        Err(ApiError::new("ValidationException", message))
    }

    fn fail(&mut self, member: &str, value: &str, demand: &str) {
        self.0.push(format!(
            "Value '{value}' at '{member}' failed to satisfy constraint: Member must {demand}"
        ));
    }
}

/// What a text would have to be, when it is too short or too long.
fn excess(text: &str, (min, max): (usize, usize)) -> Option<String> {
    let length = text.chars().count();
    match () {
        () if length > max => Some(format!("have length less than or equal to {max}")),
        () if length < min => Some(format!("have length greater than or equal to {min}")),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let wrong = Constraints::default()
            .present("definition", &None::<String>)
            .length("name", Some(""), (1, 80))
            .length("roleArn", Some("abc"), (1, 2))
            .one_of("type", Some("FAST"), &["STANDARD", "EXPRESS"])
            .max_results(Some(1_001))
            .max_results(Some(-1))
            .range("routes.1.member.weight", Some(101), (0, 100))
            .pattern("name", Some("12"), "^[a-z]+$", |name| name == "a")
            .items("routes", Some(3), (1, 2), || "[a, b, c]".to_owned())
            .items("routes", Some(0), (1, 2), || "[]".to_owned())
            .arn("stateMachineArn", &None)
            .arn("stateMachineArn", &Some(String::new()))
            .sensitive("cause", Some("abc"), (0, 2))
            .next_token(&Some(String::new()))
            .included_data(&Some("SOME".to_owned()))
            .check();
        let expected = "15 validation errors detected: \
            Value null at 'definition' failed to satisfy constraint: Member must not be null; \
            Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1; \
            Value 'abc' at 'roleArn' failed to satisfy constraint: Member must have length less than or equal to 2; \
            Value 'FAST' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]; \
            Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000; \
            Value '-1' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 0; \
            Value '101' at 'routes.1.member.weight' failed to satisfy constraint: Member must have value less than or equal to 100; \
            Value '12' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z]+$; \
            Value '[a, b, c]' at 'routes' failed to satisfy constraint: Member must have length less than or equal to 2; \
            Value '[]' at 'routes' failed to satisfy constraint: Member must have length greater than or equal to 1; \
            Value null at 'stateMachineArn' failed to satisfy constraint: Member must not be null; \
            Value '' at 'stateMachineArn' failed to satisfy constraint: Member must have length greater than or equal to 1; \
            Value at 'cause' failed to satisfy constraint: Member must have length less than or equal to 2; \
            Value '' at 'nextToken' failed to satisfy constraint: Member must have length greater than or equal to 1; \
            Value 'SOME' at 'includedData' failed to satisfy constraint: Member must satisfy enum value set: [ALL_DATA, METADATA_ONLY]";
        assert_eq!(wrong, Err(ApiError::new("ValidationException", expected)));
    }

    #[test]
    fn what_is_right_or_absent_passes() {
        let right = Constraints::default()
            .present("name", &Some("orders"))
            .length("name", Some("orders"), (1, 80))
            .length("traceHeader", None, (0, 256))
            .arn("stateMachineArn", &Some("a".repeat(256)))
            .sensitive("cause", Some("ab"), (0, 2))
            .next_token(&None)
            .included_data(&Some("METADATA_ONLY".to_owned()))
            .one_of("type", None, &["STANDARD"])
            .max_results(Some(0))
            .max_results(None)
            .range("weight", Some(100), (0, 100))
            .pattern("name", Some("a"), "^[a-z]+$", |name| name == "a")
            .items("routes", Some(2), (1, 2), String::new)
            .items("routes", None, (1, 2), String::new);
        assert_eq!(right.check(), Ok(()));
    }
}
