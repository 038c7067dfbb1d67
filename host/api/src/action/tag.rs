//! Tags of resources: add, take away, list.

use serde::Deserialize;
use serde_json::{Value, json};
use stepyard_engine::{TAGS_MAX, Tags};

use super::{Action, Empty, required};
use crate::{Api, arn, constraint::Constraints, error::ApiError};

/// A tag, as requests have it.
#[derive(Debug, Deserialize)]
pub(super) struct Tag {
    key: Option<String>,
    value: Option<String>,
}

/// The bounds of a tag's key and value (API reference, `Tag`).
const KEY: (usize, usize) = (1, 128);
const VALUE: (usize, usize) = (0, 256);

/// What only AWS itself may tag with.
const RESERVED: &str = "aws:";

pub(super) fn constrain(check: Constraints, tags: Option<&[Tag]>) -> Constraints {
    let tags = tags.unwrap_or_default().iter().zip(1..);
    tags.fold(check, |check, (tag, number)| {
        let member = |part| format!("tags.{number}.member.{part}");
        let check = check.length(&member("key"), tag.key.as_deref(), KEY);
        check.length(&member("value"), tag.value.as_deref(), VALUE)
    })
}

/// The tags of a request, each key once: the last value of a key is meant.
pub(super) fn tags(given: Vec<Tag>) -> Result<Tags, ApiError> {
    let tags: Tags = given
        .into_iter()
        .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()))
        .collect();
    for (key, value) in &tags {
        check_text(key, value)?;
    }
    match tags.len() > TAGS_MAX {
        true => Err(ApiError::new("TooManyTags", format!("At most {TAGS_MAX} tags are allowed"))),
        false => Ok(tags),
    }
}

/// "Tags may only contain Unicode letters, digits, white space, or these symbols: _ . : / = + - @."
/// (API reference, `TagResource`)
fn check_text(key: &str, value: &str) -> Result<(), ApiError> {
    let refused = |message: String| Err(ApiError::new("ValidationException", message));
    let allowed = |character: char| {
        character.is_alphanumeric() || character.is_whitespace() || "_.:/=+-@".contains(character)
    };
    if key.is_empty() {
        return refused("A tag must have a key".to_owned());
    }
    let begins = key.get(..RESERVED.len());
    if begins.is_some_and(|begins| begins.eq_ignore_ascii_case(RESERVED)) {
        return refused(format!("Tag keys that begin with '{RESERVED}' are reserved: '{key}'"));
    }
    match [key, value].into_iter().find(|text| !text.chars().all(allowed)) {
        Some(text) => refused(format!("A tag must not contain such characters: '{text}'")),
        None => Ok(()),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TagResource {
    resource_arn: Option<String>,
    tags: Option<Vec<Tag>>,
}

impl Action for TagResource {
    type Output = Empty;

    async fn run(self, api: &Api) -> Result<Empty, ApiError> {
        let check = Constraints::default()
            .arn("resourceArn", &self.resource_arn)
            .present("tags", &self.tags);
        constrain(check, self.tags.as_deref()).check()?;
        let resource = required(self.resource_arn)?;
        let tags = tags(required(self.tags)?)?;
        api.engine.tag(arn::taggable(&resource)?, tags).await?;
        Ok(Empty {})
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UntagResource {
    resource_arn: Option<String>,
    tag_keys: Option<Vec<String>>,
}

impl Action for UntagResource {
    type Output = Empty;

    async fn run(self, api: &Api) -> Result<Empty, ApiError> {
        let check = Constraints::default()
            .arn("resourceArn", &self.resource_arn)
            .present("tagKeys", &self.tag_keys);
        let keys = self.tag_keys.as_deref().unwrap_or_default();
        let check = keys.iter().enumerate().fold(check, |check, (number, key)| {
            check.length(&format!("tagKeys.{}.member", number + 1), Some(key), KEY)
        });
        check.check()?;
        let resource = required(self.resource_arn)?;
        api.engine.untag(arn::taggable(&resource)?, keys).await?;
        Ok(Empty {})
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListTagsForResource {
    resource_arn: Option<String>,
}

impl Action for ListTagsForResource {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        Constraints::default().arn("resourceArn", &self.resource_arn).check()?;
        let resource = required(self.resource_arn)?;
        let tags = api.engine.tags(arn::taggable(&resource)?).await?;
        let shown: Vec<Value> =
            tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        Ok(json!({ "tags": shown }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(all: &[(&str, &str)]) -> Result<Tags, ApiError> {
        let tag = |(key, value): &(&str, &str)| Tag {
            key: Some((*key).to_owned()),
            value: Some((*value).to_owned()),
        };
        tags(all.iter().map(tag).collect())
    }

    #[test]
    fn tags_are_those_that_aws_takes() {
        let two = given(&[("Ünï code-1", "a.b:c/d=e+f@g_h"), ("b", ""), ("b", "last")]).unwrap();
        assert_eq!(two.len(), 2);
        assert_eq!(two["b"], "last");
        for refused in [("", "v"), ("aws:x", "v"), ("AWS:x", "v"), ("a", "v;")] {
            assert!(given(&[refused]).is_err(), "{refused:?}");
        }
        assert!(tags(vec![Tag { key: None, value: None }]).is_err());
    }

    #[test]
    fn there_are_at_most_fifty() {
        let keys: Vec<String> = (0..51).map(|number| number.to_string()).collect();
        let all: Vec<(&str, &str)> = keys.iter().map(|key| (&**key, "")).collect();
        assert_eq!(given(&all[..50]).unwrap().len(), 50);
        let refused = given(&all).unwrap_err();
        assert_eq!(refused, ApiError::new("TooManyTags", "At most 50 tags are allowed"));
    }
}
