//! Reads an object of a definition field by field, and reports all that is wrong with it.

use std::{fmt::Display, ops::RangeInclusive};

use serde_json::{Map, Value};

use crate::{
    Code, Diagnostic, Location, Severity, StateName,
    findings::Findings,
    payload::{
        path::{Path, ReferencePath},
        query::{Moment, Query, QueryLanguage, marked},
        template::{self, Template},
    },
};

/// The most that AWS accepts for seconds and attempts.
pub(crate) const NUMBER_MAX: u64 = 99_999_999;

/// An object that is being read. Each field is asked for once; [`Fields::finish`] then reports the
/// required fields that are missing and the fields that nobody asked for.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    object: &'a Map<String, Value>,
    at: Location,
    found: &'a mut Findings,
    dialect: Dialect,
    asked: Vec<&'static str>,
    missing: Vec<&'static str>,
}

/// How the fields of a state are written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dialect {
    pub(crate) language: QueryLanguage,
    /// That of the whole state machine: states inside the state have it when they name none.
    pub(crate) of_machine: QueryLanguage,
    /// How many steps the state is below the definition's root.
    pub(crate) depth: usize,
}

impl Dialect {
    /// Whether the state may not have its language: nothing is said then of fields that are another's.
    fn is_refused(self) -> bool {
        self.language == QueryLanguage::JsonPath && self.of_machine == QueryLanguage::Jsonata
    }
}

impl<'a> Fields<'a> {
    /// The fields of `value`, when it is an object; reports it when it is not.
    pub(crate) fn of(value: &'a Value, at: Location, found: &'a mut Findings) -> Option<Self> {
        match value {
            Value::Object(object) => Some(Self::new(object, at, found)),
            _ => {
                found.push(expected("Object", at));
                None
            }
        }
    }

    pub(crate) fn new(
        object: &'a Map<String, Value>,
        at: Location,
        found: &'a mut Findings,
    ) -> Self {
        let (dialect, asked, missing) = (Dialect::default(), Vec::new(), Vec::new());
        Self { object, at, found, dialect, asked, missing }
    }

    /// The fields of a value inside this object, in the same dialect.
    pub(crate) fn inner<'b>(&'b mut self, value: &'b Value, at: Location) -> Option<Fields<'b>> {
        let dialect = self.dialect;
        Fields::of(value, at, self.found).map(|fields| Fields { dialect, ..fields })
    }

    /// The same fields, in another dialect.
    pub(crate) fn in_dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn language(&self) -> QueryLanguage {
        self.dialect.language
    }

    /// The object's place.
    pub(crate) fn at(&self) -> &Location {
        &self.at
    }

    /// The object itself.
    pub(crate) fn object(&self) -> &'a Map<String, Value> {
        self.object
    }

    /// For readers of inner values, which report on their own.
    pub(crate) fn found(&mut self) -> &mut Findings {
        self.found
    }

    /// Whether the object has the field; does not count as asking for it. What belongs to the other
    /// query language is not there for those who ask, and is reported in the end.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.object.contains_key(name) && !self.language().lacks(name)
    }

    /// The field's value.
    pub(crate) fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        self.asked.push(name);
        self.object.get(name).filter(|_| !self.language().lacks(name))
    }

    /// The field's value; it must have one.
    pub(crate) fn required(&mut self, name: &'static str) -> Option<&'a Value> {
        let value = self.value(name);
        if value.is_none() {
            self.missing.push(name);
        }
        value
    }

    /// A payload template.
    pub(crate) fn template(&mut self, name: &'static str, moment: Moment) -> Option<Template> {
        let (value, at) = (self.value(name)?, self.at.field(name));
        let reader = template::Reader { dialect: self.dialect, moment };
        Some(Template::read(value, &at, reader, self.found))
    }

    /// The JSONata expression that stands in the place of a plain value, in a state of that language;
    /// an inner none when it stands there and is refused.
    pub(crate) fn query(&mut self, name: &'static str, moment: Moment) -> Option<Option<Query>> {
        if self.language() != QueryLanguage::Jsonata {
            return None;
        }
        let text = marked(self.value(name)?.as_str()?)?;
        let at = self.at.field(name);
        let place = at.below(self.dialect.depth);
        Some(Query::read(text, (&at, place), moment, self.found))
    }

    /// Text.
    pub(crate) fn string(&mut self, name: &'static str) -> Option<&'a str> {
        let value = self.value(name)?;
        self.as_string(name, value)
    }

    /// Text that must be there.
    pub(crate) fn required_string(&mut self, name: &'static str) -> Option<&'a str> {
        let value = self.required(name)?;
        self.as_string(name, value)
    }

    /// The name of a state, which must be there.
    pub(crate) fn required_state(&mut self, name: &'static str) -> Option<StateName> {
        self.required_string(name).map(StateName::from)
    }

    /// True or false.
    pub(crate) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        let value = self.value(name)?;
        self.expect(name, "Boolean", value.as_bool())
    }

    /// A whole number within a range.
    pub(crate) fn integer(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = self.value(name)?;
        if value.as_i64().is_some_and(|number| number < 0) {
            self.below(name, range.start());
            return None;
        }
        let number = self.expect(name, "Integer", value.as_u64())?;
        if number < *range.start() {
            self.below(name, range.start());
        } else if number > *range.end() {
            self.above(name, range.end());
        }
        range.contains(&number).then_some(number)
    }

    /// A number, not less than `minimum`.
    pub(crate) fn number(&mut self, name: &'static str, minimum: f64) -> Option<f64> {
        self.number_in(name, minimum..=f64::MAX)
    }

    /// A number within a range.
    pub(crate) fn number_in(
        &mut self,
        name: &'static str,
        range: RangeInclusive<f64>,
    ) -> Option<f64> {
        let value = self.value(name)?;
        let number = self.expect(name, "Number", value.as_f64())?;
        if number < *range.start() {
            self.below(name, &format!("{:.1}", range.start()));
        } else if number > *range.end() {
            self.above(name, &format!("{:.1}", range.end()));
        }
        range.contains(&number).then_some(number)
    }

    /// A list.
    pub(crate) fn array(&mut self, name: &'static str) -> Option<&'a [Value]> {
        let value = self.value(name)?;
        self.expect(name, "Array", value.as_array().map(Vec::as_slice))
    }

    /// An object that must be there and have a field.
    pub(crate) fn filled_object(&mut self, name: &'static str) -> Option<&'a Map<String, Value>> {
        let value = self.required(name)?;
        let object = self.expect(name, "Object", value.as_object())?;
        if object.is_empty() {
            self.wrong(name, "Value cannot be empty", "give it at least one field");
        }
        Some(object)
    }

    /// A list that must be there and have an element.
    pub(crate) fn filled_array(&mut self, name: &'static str) -> Option<&'a [Value]> {
        let value = self.required(name)?;
        let elements = self.expect(name, "Array", value.as_array().map(Vec::as_slice))?;
        if elements.is_empty() {
            self.wrong(name, "Value cannot be empty", "give it at least one element");
        }
        Some(elements)
    }

    /// A JSONPath.
    pub(crate) fn path(&mut self, name: &'static str) -> Option<Path> {
        let text = self.string(name)?;
        let path = Path::parse(text);
        path.map_err(|error| self.wrong(name, "Value is not a JSONPath", error.to_string())).ok()
    }

    /// A Reference Path into the state's own data, to put a value there.
    pub(crate) fn writable_path(&mut self, name: &'static str) -> Option<ReferencePath> {
        let path = self.any_reference_path(name)?;
        if !path.is_writable() {
            let mend = "use a path that begins with `$.`: a value is put into the state's own data";
            self.wrong(name, "Value is not a Reference Path", mend);
            return None;
        }
        Some(path)
    }

    /// A Reference Path, into the state's own data or a variable.
    pub(crate) fn reference_path(&mut self, name: &'static str) -> Option<ReferencePath> {
        let path = self.any_reference_path(name)?;
        if path.is_context() {
            let mend = "begin it with `$.` or a variable; the context object cannot be read here";
            self.wrong(name, "Value is not a Reference Path", mend);
            return None;
        }
        Some(path)
    }

    /// A Reference Path, into the state's data, a variable or the context object.
    pub(crate) fn any_reference_path(&mut self, name: &'static str) -> Option<ReferencePath> {
        let text = self.string(name)?;
        let path = ReferencePath::parse(text);
        let report = |error| {
            self.wrong(name, "Value is not a Reference Path", format!("{error}"));
        };
        path.map_err(report).ok()
    }

    /// Reports fields that exclude one another; false when more than one of them is there.
    pub(crate) fn at_most_one(&mut self, names: &[&str]) -> bool {
        let given = names.iter().filter(|name| self.has(name)).count();
        if given > 1 {
            let fields = names.join(", ");
            let message = format!("There should only be one of the following fields: [{fields}]");
            self.report(message, "keep the one that is meant and remove the others");
        }
        given <= 1
    }

    /// As `at_most_one`, and one of them must be there.
    pub(crate) fn exactly_one(&mut self, names: &[&str]) {
        if !names.iter().any(|name| self.has(name)) {
            let fields = names.join(", ");
            let message = format!("Exactly one of the following fields is required: [{fields}]");
            self.report(message, "add the one that is meant");
        }
        self.at_most_one(names);
    }

    /// Reports that none of these fields is there.
    pub(crate) fn at_least_one(&mut self, names: &[&str]) {
        if !names.iter().any(|name| self.has(name)) {
            let fields = names.join(", ");
            let message = format!("At least one of the following fields is required: [{fields}]");
            self.report(message, "add the one that is meant");
        }
    }

    /// Reports something that AWS has and this version lacks, by its name.
    pub(crate) fn not_built(&mut self, what: impl Display, mend: impl Into<String>) {
        self.report(format!("{what} is not supported by this version of Stepyard yet"), mend);
    }

    /// Reports a problem of the object.
    pub(crate) fn report(&mut self, message: impl Into<String>, mend: impl Into<String>) {
        self.found.push(problem(message, self.at.clone(), mend));
    }

    /// Reports a problem of a field's value.
    pub(crate) fn wrong(
        &mut self,
        name: &str,
        message: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.found.push(problem(message, self.at.field(name), mend));
    }

    /// Reports what is missing and what nobody asked for.
    pub(crate) fn finish(mut self) {
        if !self.missing.is_empty() {
            let fields = self.missing.join(", ");
            let message = format!("These fields are required: [{fields}]");
            self.report(message, format!("add {fields}"));
        }
        for name in self.object.keys() {
            let language = self.language();
            if language.lacks(name) {
                if !self.dialect.is_refused() {
                    let mend = "use the fields of the state's query language";
                    self.report(foreign(name, language), mend);
                }
            } else if !self.asked.contains(&name.as_str()) {
                let message = format!("Field '{name}' is not supported");
                self.report(message, format!("remove `{name}`, or correct its spelling"));
            }
        }
    }

    fn as_string(&mut self, name: &str, value: &'a Value) -> Option<&'a str> {
        self.expect(name, "String", value.as_str())
    }

    fn expect<T>(&mut self, name: &str, kind: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.found.push(expected(kind, self.at.field(name)));
        }
        value
    }

    fn below(&mut self, name: &str, minimum: &impl Display) {
        let mend = format!("use a number from {minimum} up");
        self.wrong(name, format!("Minimum value is {minimum}"), mend);
    }

    fn above(&mut self, name: &str, maximum: &impl Display) {
        let mend = format!("use a number up to {maximum}");
        self.wrong(name, format!("Maximum value is {maximum}"), mend);
    }
}

fn foreign(name: &str, language: QueryLanguage) -> String {
    let (language, other) = match language {
        QueryLanguage::JsonPath => (language, QueryLanguage::Jsonata),
        QueryLanguage::Jsonata => (language, QueryLanguage::JsonPath),
    };
    format!(
        "The QueryLanguage is set to '{}', but field '{name}' is only supported for the '{}' \
         QueryLanguage",
        language.name(),
        other.name()
    )
}

/// A problem that AWS reports as `SCHEMA_VALIDATION_FAILED`.
pub(crate) fn problem(
    message: impl Into<String>,
    location: Location,
    mend: impl Into<String>,
) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: Code::SchemaValidationFailed,
        message: message.into(),
        location,
        mend: mend.into(),
    }
}

/// A value of the wrong JSON type.
pub(crate) fn expected(kind: &str, location: Location) -> Diagnostic {
    let article = if kind.starts_with(['A', 'I', 'O']) { "an" } else { "a" };
    let mend = format!("put {article} {} here", kind.to_lowercase());
    problem(format!("Expected value of type [{}]", kind.to_uppercase()), location, mend)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Reads `value` and gives what was reported.
    fn reported(value: &Value, read: impl FnOnce(&mut Fields<'_>)) -> Vec<String> {
        let mut found = Findings::default();
        let at = Location::default().field("States").field("A");
        let mut fields = Fields::of(value, at, &mut found).unwrap();
        read(&mut fields);
        fields.finish();
        found.iter().map(|it| format!("{} at {}", it.message, it.location)).collect()
    }

    #[test]
    fn a_number_is_held_to_its_range() {
        let cases = [
            (json!(1), vec![]),
            (json!(99_999_999), vec![]),
            (json!(0), vec!["Minimum value is 1 at /States/A/N"]),
            (json!(-3), vec!["Minimum value is 1 at /States/A/N"]),
            (json!(100_000_000), vec!["Maximum value is 99999999 at /States/A/N"]),
            (json!(1.5), vec!["Expected value of type [INTEGER] at /States/A/N"]),
            (json!("1"), vec!["Expected value of type [INTEGER] at /States/A/N"]),
        ];
        for (number, expected) in cases {
            let found = reported(&json!({ "N": number }), |fields| {
                fields.integer("N", 1..=NUMBER_MAX);
            });
            assert_eq!(found, expected, "{number}");
        }
    }

    #[test]
    fn what_is_missing_is_reported_together_and_what_is_unknown_apart() {
        let found = reported(&json!({"Comment": "", "Nxt": "B", "Wat": 1}), |fields| {
            fields.string("Comment");
            fields.required("Resource");
            fields.required("Next");
        });
        let expected = [
            "These fields are required: [Resource, Next] at /States/A",
            "Field 'Nxt' is not supported at /States/A",
            "Field 'Wat' is not supported at /States/A",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn fields_that_exclude_one_another_are_counted() {
        let one = "Exactly one of the following fields is required: [B, C] at /States/A";
        let only = "There should only be one of the following fields: [B, C] at /States/A";
        let cases = [
            (json!({}), vec![one]),
            (json!({"B": 1}), vec![]),
            (json!({"B": 1, "C": 2}), vec![only]),
        ];
        for (value, expected) in cases {
            let found = reported(&value, |fields| {
                fields.exactly_one(&["B", "C"]);
                fields.value("B");
                fields.value("C");
            });
            assert_eq!(found, expected, "{value}");
        }
    }
}
