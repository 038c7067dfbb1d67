//! Aliases of functions: create, update, get, list, delete.

use std::collections::BTreeMap;

use axum::{http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::{Value, json};
use stepyard_engine::{
    FunctionAlias, FunctionAliasChange, LATEST, NewFunctionAlias, PublishingError,
};

use super::{
    Service,
    error::not_found,
    name::{Named, check_function},
    page::Page,
    version::DESCRIPTION,
    wire::{Asked, empty, json as answer},
};
use crate::{constraint::Constraints, error::ApiError};

/// AWS's pattern of an alias's name (botocore's model, `Alias`): not digits alone.
const NAME: &str = "(?!^[0-9]+$)([a-zA-Z0-9-_]+)";
const NAME_LENGTH: (usize, usize) = (1, 128);
/// Of the version that it names (`VersionWithLatestPublished`).
const VERSION: &str = r"(\$LATEST(\.PUBLISHED)?|[0-9]+)";
const VERSION_LENGTH: (usize, usize) = (1, 1_024);
/// What AWS demands of the additional versions and their weights.
const VERSIONS_DEMAND: &str = "satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+, Member must not be null]";
const WEIGHTS_DEMAND: &str = "satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]";

/// `RoutingConfig`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoutingConfig {
    additional_version_weights: Option<BTreeMap<String, Option<f64>>>,
}

impl RoutingConfig {
    /// The additional versions and their weights.
    fn routes(self) -> Vec<(String, f64)> {
        let weights = self.additional_version_weights.unwrap_or_default();
        weights.into_iter().map(|(version, weight)| (version, weight.unwrap_or_default())).collect()
    }
}

/// The members of CreateAlias.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateAlias {
    name: Option<String>,
    function_version: Option<String>,
    description: Option<String>,
    routing_config: Option<RoutingConfig>,
}

/// CreateAlias.
pub(super) async fn create(service: &Service, asked: &Asked) -> Result<Response, ApiError> {
    let members: CreateAlias = asked.members()?;
    let check = check_function(Constraints::default(), &asked.function)
        .present("name", &members.name)
        .present("functionVersion", &members.function_version);
    let check = check_name(check, members.name.as_deref());
    let version = members.function_version.as_deref();
    check_change(check, version, members.description.as_deref(), members.routing_config.as_ref())
        .check()?;
    let version = members.function_version.unwrap_or_default();
    let mut named = service.function(&asked.function)?;
    // As on AWS, what is not there is the version of the function.
    named.qualifier = Some(version.clone());
    let new = NewFunctionAlias {
        name: members.name.unwrap_or_default(),
        version,
        description: members.description.unwrap_or_default(),
        additional: members.routing_config.map(RoutingConfig::routes).unwrap_or_default(),
    };
    let created = service.functions.create_function_alias(&named.function, new).await;
    let created = created.map_err(|error| named.refused(error))?;
    Ok(answer(StatusCode::CREATED, &shown(&named, &created)))
}

/// The members of UpdateAlias.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateAlias {
    function_version: Option<String>,
    description: Option<String>,
    routing_config: Option<RoutingConfig>,
    revision_id: Option<String>,
}

/// UpdateAlias.
pub(super) async fn update(service: &Service, asked: &Asked) -> Result<Response, ApiError> {
    let members: UpdateAlias = asked.members()?;
    let check = check_function(Constraints::default(), &asked.function);
    let check = check_name(check, Some(&asked.alias));
    let version = members.function_version.as_deref();
    check_change(check, version, members.description.as_deref(), members.routing_config.as_ref())
        .check()?;
    let named = service.function(&asked.function)?;
    let change = FunctionAliasChange {
        version: members.function_version,
        description: members.description,
        additional: members.routing_config.map(RoutingConfig::routes),
        revision: members.revision_id,
    };
    let updated = service.functions.update_function_alias(&named.function, &asked.alias, change);
    let updated = updated.await.map_err(|error| match &error {
        PublishingError::NoAlias { alias, .. } => {
            not_found(format!("Alias not found: {}", named.arn_of(Some(alias))))
        }
        _ => named.refused(error),
    })?;
    Ok(answer(StatusCode::OK, &shown(&named, &updated)))
}

/// GetAlias.
pub(super) fn get(service: &Service, asked: &Asked) -> Result<Response, ApiError> {
    let named = named(service, asked)?;
    let alias = service.functions.function_alias(&named.function, &asked.alias);
    let alias = alias.map_err(|error| named.refused(error))?;
    Ok(answer(StatusCode::OK, &shown(&named, &alias)))
}

/// DeleteAlias.
pub(super) async fn delete(service: &Service, asked: &Asked) -> Result<Response, ApiError> {
    let named = named(service, asked)?;
    let deleted = service.functions.delete_function_alias(&named.function, &asked.alias).await;
    deleted.map_err(|error| named.refused(error))?;
    Ok(empty())
}

/// ListAliases.
pub(super) fn list(service: &Service, asked: &Asked) -> Result<Response, ApiError> {
    let version = asked.query("FunctionVersion");
    let check = check_function(Constraints::default(), &asked.function);
    let page = Page::read(asked, check_version(check, version))?;
    let named = service.function(&asked.function)?;
    let aliases = service.functions.function_aliases(&named.function, version);
    let aliases = aliases.map_err(|error| named.refused(error))?;
    let list = format!("aliases/{}/{}", named.function, version.unwrap_or_default());
    let place = |it: &FunctionAlias| (it.name.to_string(), 0);
    page.answer(service, "Aliases", &list, &aliases, place, |it| shown(&named, it))
}

/// The function of a request that names an alias in its path.
fn named(service: &Service, asked: &Asked) -> Result<Named, ApiError> {
    let check = check_function(Constraints::default(), &asked.function);
    check_name(check, Some(&asked.alias)).check()?;
    service.function(&asked.function)
}

fn check_name(check: Constraints, name: Option<&str>) -> Constraints {
    check.length("name", name, NAME_LENGTH).pattern("name", name, NAME, is_name)
}

fn check_version(check: Constraints, version: Option<&str>) -> Constraints {
    check.length("functionVersion", version, VERSION_LENGTH).pattern(
        "functionVersion",
        version,
        VERSION,
        |it| it == LATEST || it == "$LATEST.PUBLISHED" || is_number(it),
    )
}

fn check_change(
    check: Constraints,
    version: Option<&str>,
    description: Option<&str>,
    routing: Option<&RoutingConfig>,
) -> Constraints {
    const MEMBER: &str = "routingConfig.additionalVersionWeights";
    let check = check_version(check, version).length("description", description, DESCRIPTION);
    let Some(weights) = routing.and_then(|it| it.additional_version_weights.as_ref()) else {
        return check;
    };
    let shown = weights.iter().map(|(version, weight)| match weight {
        Some(weight) => format!("{version}={weight:?}"),
        None => format!("{version}=null"),
    });
    let shown = format!("{{{}}}", shown.collect::<Vec<_>>().join(", "));
    let numbered = |key: &String| key.len() <= VERSION_LENGTH.1 && is_number(key);
    let weighed = |weight: &Option<f64>| weight.is_some_and(|it| (0.0..=1.0).contains(&it));
    check
        .entries(MEMBER, &shown, "Map keys", VERSIONS_DEMAND, weights.keys().all(numbered))
        .entries(MEMBER, &shown, "Map value", WEIGHTS_DEMAND, weights.values().all(weighed))
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed) && !is_number(name)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An alias, as all operations show it.
fn shown(named: &Named, alias: &FunctionAlias) -> Value {
    let mut shown = json!({
        "AliasArn": named.arn_of(Some(&alias.name)),
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision,
    });
    if let Some(additional) = &alias.additional {
        let mut weights = json!({});
        weights[&*additional.version] = json!(additional.weight);
        shown["RoutingConfig"] = json!({ "AdditionalVersionWeights": weights });
    }
    shown
}
