//! Versions of functions: publish, list, delete.

use axum::{http::StatusCode, response::Response};
use serde::Deserialize;
use stepyard_engine::{FunctionConfiguration, LATEST, PublishingError, VersionPublish};

use super::{
    Service,
    error::invalid_parameter,
    function::{base64_of, hex_of, listed, number, shown},
    name::{check_function, check_qualified},
    page::Page,
    wire::{Asked, empty, json},
};
use crate::{constraint::Constraints, error::ApiError};

/// The bounds of a description's characters.
pub(super) const DESCRIPTION: (usize, usize) = (0, 256);

/// The members of PublishVersion.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PublishVersion {
    code_sha256: Option<String>,
    description: Option<String>,
    revision_id: Option<String>,
    publish_to: Option<String>,
}

/// PublishVersion.
pub(super) async fn publish(service: &Service, asked: &Asked) -> Result<Response, ApiError> {
    let members: PublishVersion = asked.members()?;
    check_function(Constraints::default(), &asked.function)
        .length("description", members.description.as_deref(), DESCRIPTION)
        .one_of("publishTo", members.publish_to.as_deref(), &["LATEST_PUBLISHED"])
        .check()?;
    let named = service.function(&asked.function)?;
    if members.publish_to.is_some() {
        return Err(invalid_parameter("PublishTo is not supported by this server"));
    }
    let asked_code = members.code_sha256;
    // What is no SHA-256 is another than any.
    let sha256 = asked_code.as_ref().map(|it| hex_of(it).unwrap_or_default());
    let publish =
        VersionPublish { description: members.description, sha256, revision: members.revision_id };
    let published = service.functions.publish_function_version(&named.function, publish).await;
    let published = published.map_err(|error| match &error {
        PublishingError::OtherCode { current, .. } => {
            let (asked, current) = (asked_code.unwrap_or_default(), base64_of(current));
            invalid_parameter(format!(
                "CodeSHA256 ({asked}) is different from current CodeSHA256 in $LATEST ({current}). Please try again with the CodeSHA256 in $LATEST."
            ))
        }
        _ => named.refused(error),
    })?;
    Ok(json(StatusCode::CREATED, &shown(&named, &published, Some(&published.version))))
}

/// ListVersionsByFunction.
pub(super) fn list(service: &Service, asked: &Asked) -> Result<Response, ApiError> {
    let page = Page::read(asked, check_qualified(Constraints::default(), &asked.function, None))?;
    let named = service.function(&asked.function)?;
    let versions = service.functions.versions(&named.function);
    let versions = versions.map_err(|error| named.refused(error))?;
    let list = format!("versions/{}", named.function);
    let place = |it: &FunctionConfiguration| (String::new(), number(&it.version));
    let show = |it: &FunctionConfiguration| listed(&named, it, Some(&it.version));
    page.answer(service, "Versions", &list, &versions, place, show)
}

/// DeleteFunction, which deletes a version where it names one.
pub(super) async fn delete(service: &Service, asked: &Asked) -> Result<Response, ApiError> {
    let qualifier = asked.query("Qualifier");
    check_qualified(Constraints::default(), &asked.function, qualifier).check()?;
    let mut named = service.qualified(&asked.function, qualifier)?;
    // As on AWS, it is the function that is not there, whatever was asked for of it.
    let Some(number) = named.qualifier.take() else {
        let known = service.functions.configuration(&named.function, None);
        known.map_err(|error| named.refused(error))?;
        return Err(invalid_parameter(format!(
            "a function is not deleted here but unbound: remove [functions.{}] from the manifest; a Qualifier deletes one version",
            named.function
        )));
    };
    if number != LATEST && !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid_parameter("Deletion of aliases is not currently supported."));
    }
    let deleted = service.functions.delete_function_version(&named.function, &number).await;
    deleted.map_err(|error| named.refused(error))?;
    Ok(empty())
}
