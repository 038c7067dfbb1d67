//! What a change of a function has to keep to.

use std::sync::Arc;

use crate::functions::{AdditionalVersion, FunctionRecord, LATEST, PublishingError};

/// What a change comes to.
pub(super) type Changed<T> = Result<T, PublishingError>;

/// The most versions and aliases of a function. AWS bounds what they take, not their number; each is a
/// line of a record that is written as one.
pub(super) const VERSIONS_MAX: usize = 1_000;
pub(super) const ALIASES_MAX: usize = 100;

/// The longest description, in characters (Lambda's API Reference, PublishVersion and CreateAlias).
const DESCRIPTION_CHARACTERS_MAX: usize = 256;

pub(super) fn revision(asked: Option<&str>, current: &str) -> Changed<()> {
    match asked.filter(|asked| *asked != current) {
        None => Ok(()),
        Some(asked) => {
            let (asked, current) = (asked.to_owned(), current.to_owned());
            Err(PublishingError::OtherRevision { asked, current })
        }
    }
}

pub(super) fn description(description: Option<&str>) -> Changed<()> {
    let characters = description.map_or(0, |text| text.chars().count());
    match characters > DESCRIPTION_CHARACTERS_MAX {
        false => Ok(()),
        true => Err(PublishingError::Description { characters, max: DESCRIPTION_CHARACTERS_MAX }),
    }
}

/// Lambda's API Reference, CreateAlias: 1 to 128 of these characters, and not digits alone.
pub(super) fn alias_name(name: &str) -> Changed<()> {
    let fits = (1..=128).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        && !name.bytes().all(|byte| byte.is_ascii_digit());
    if fits { Ok(()) } else { Err(PublishingError::AliasName { name: name.to_owned() }) }
}

pub(super) fn room(
    record: &FunctionRecord,
    what: &'static str,
    count: usize,
    limit: usize,
) -> Changed<()> {
    if count < limit {
        return Ok(());
    }
    Err(PublishingError::TooMany { function: record.name.to_string(), what, limit })
}

/// The versions that an alias may route to.
pub(super) fn routes(
    record: &FunctionRecord,
    version: &str,
    additional: &[(String, f64)],
) -> Changed<(Arc<str>, Option<AdditionalVersion>)> {
    let number = |number: &str| {
        let found = record.numbered(number).map(|code| code.number.clone());
        found.ok_or_else(|| PublishingError::NoVersion {
            function: record.name.to_string(),
            qualifier: number.to_owned(),
        })
    };
    let version = number(version)?;
    let (other, weight) = match additional {
        [] => return Ok((version, None)),
        [(other, weight)] => (number(other)?, *weight),
        more => return Err(PublishingError::TooManyRoutes { count: more.len() }),
    };
    if !(0.0..=1.0).contains(&weight) {
        return Err(PublishingError::Weight { version: other.to_string(), weight });
    }
    if *version == *LATEST || *other == *LATEST {
        return Err(PublishingError::LatestRoute);
    }
    if version == other {
        return Err(PublishingError::SameRoute { version: version.to_string() });
    }
    Ok((version, Some(AdditionalVersion { version: other, weight })))
}

pub(super) fn no_alias(function: &str, alias: &str) -> PublishingError {
    PublishingError::NoAlias { function: function.to_owned(), alias: alias.to_owned() }
}
