//! Aliases of state machines: create, describe, change, delete, list.

use std::fmt::Display;

use serde::Deserialize;
use serde_json::{Value, json};
use stepyard_engine::{AliasChange, AliasRecord, MachineArn, NewAlias, Route};

use super::{Action, Empty, required, seconds, version::DESCRIPTION};
use crate::{Api, arn, constraint::Constraints, error::ApiError, page};

/// AWS's pattern of an alias's name (API reference, `CharacterRestrictedName`): not digits alone.
const NAME: &str = r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$";
/// How many versions an alias routes to.
const ROUTES: (usize, usize) = (1, 2);
/// What their weights are together.
const WEIGHTS: i64 = 100;

fn is_name(name: &str) -> bool {
    let is_sign = |byte: u8| matches!(byte, b'_' | b'-' | b'.');
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_sign(byte))
        && name.bytes().any(|byte| byte.is_ascii_alphabetic() || is_sign(byte))
}

/// An item of `routingConfiguration`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoutingConfigurationListItem {
    state_machine_version_arn: Option<String>,
    weight: Option<i64>,
}

/// As AWS's messages show it.
impl Display for RoutingConfigurationListItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let arn = self.state_machine_version_arn.as_deref().unwrap_or("null");
        let weight = self.weight.unwrap_or_default();
        write!(f, "RoutingConfigurationListItem(stateMachineVersionArn={arn}, weight={weight})")
    }
}

fn check(check: Constraints, routing: Option<&[RoutingConfigurationListItem]>) -> Constraints {
    const MEMBER: &str = "routingConfiguration";
    let items = routing.unwrap_or_default();
    let check = check.items(MEMBER, routing.map(<[_]>::len), ROUTES, || list(items));
    items.iter().zip(1..).fold(check, |check, (item, number)| {
        let member = |name| format!("{MEMBER}.{number}.member.{name}");
        check.arn(&member("stateMachineVersionArn"), &item.state_machine_version_arn).range(
            &member("weight"),
            Some(item.weight.unwrap_or_default()),
            (0, WEIGHTS),
        )
    })
}

/// The state machine that a routing configuration is of, and its routes.
fn routes(items: &[RoutingConfigurationListItem]) -> Result<(MachineArn, Vec<Route>), ApiError> {
    let given: Vec<&str> =
        items.iter().filter_map(|it| it.state_machine_version_arn.as_deref()).collect();
    let received = list(&given);
    let refused = |demand: &str| {
        let message = format!("{demand}. Received: {received}");
        let error = ApiError::new("ValidationException", message);
        Err(error.because("INVALID_ROUTING_CONFIGURATION"))
    };
    let parsed: Result<Vec<_>, _> = given.iter().map(|given| arn::version(given)).collect();
    let Ok(parsed) = parsed else {
        return refused("Routing configuration must contain state machine version ARNs");
    };
    let Some(((machine, first), rest)) = parsed.split_first() else {
        return refused("Routing configuration must contain state machine version ARNs");
    };
    if rest.iter().any(|(other, _)| other.machine != machine.machine) {
        return refused("Routing configuration must contain versions of one state machine");
    }
    if rest.iter().any(|(_, number)| number == first) {
        return refused("Routing configuration must contain distinct state machine version ARNs");
    }
    let weights: Vec<i64> = items.iter().map(|it| it.weight.unwrap_or_default()).collect();
    if weights.iter().sum::<i64>() != WEIGHTS {
        let sum = format!("Sum of routing configuration weights must equal {WEIGHTS}");
        let message = format!("{sum}. Received: {}", list(&weights));
        let error = ApiError::new("ValidationException", message);
        return Err(error.because("INVALID_ROUTING_CONFIGURATION"));
    }
    let routes = parsed.iter().zip(weights).map(|((_, version), weight)| {
        // Checked above: 0 to 100.
        Route { version: *version, weight: u8::try_from(weight).unwrap_or_default() }
    });
    Ok((machine.clone(), routes.collect()))
}

fn list<T: Display>(items: &[T]) -> String {
    let shown: Vec<String> = items.iter().map(T::to_string).collect();
    format!("[{}]", shown.join(", "))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateStateMachineAlias {
    name: Option<String>,
    description: Option<String>,
    routing_configuration: Option<Vec<RoutingConfigurationListItem>>,
}

impl Action for CreateStateMachineAlias {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        let constraints = Constraints::default()
            .present("name", &self.name)
            .present("routingConfiguration", &self.routing_configuration)
            .length("name", self.name.as_deref(), (1, 80))
            .pattern("name", self.name.as_deref(), NAME, is_name)
            .sensitive("description", self.description.as_deref(), DESCRIPTION);
        check(constraints, self.routing_configuration.as_deref()).check()?;
        let (machine, routes) = routes(&required(self.routing_configuration)?)?;
        let created = api.engine.create_alias(NewAlias {
            machine: machine.machine,
            name: required(self.name)?.into(),
            description: self.description,
            routes,
        });
        let alias = created.await?;
        Ok(listed(&alias))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateStateMachineAlias {
    state_machine_alias_arn: Option<String>,
    description: Option<String>,
    routing_configuration: Option<Vec<RoutingConfigurationListItem>>,
}

impl Action for UpdateStateMachineAlias {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        let constraints = Constraints::default()
            .arn("stateMachineAliasArn", &self.state_machine_alias_arn)
            .sensitive("description", self.description.as_deref(), DESCRIPTION);
        check(constraints, self.routing_configuration.as_deref()).check()?;
        let (alias, name) = arn::alias(&required(self.state_machine_alias_arn)?)?;
        if self.description.is_none() && self.routing_configuration.is_none() {
            let message = "Either the description or the routing configuration must be specified";
            let error = ApiError::new("ValidationException", message);
            return Err(error.because("MISSING_REQUIRED_PARAMETER"));
        }
        let routing = self.routing_configuration.as_deref().map(routes).transpose()?;
        if routing.as_ref().is_some_and(|(machine, _)| machine.machine != alias.machine) {
            let message =
                "Routing configuration must contain versions of the alias's state machine";
            let error = ApiError::new("ValidationException", message);
            return Err(error.because("INVALID_ROUTING_CONFIGURATION"));
        }
        let routes = routing.map(|(_, routes)| routes);
        let change = AliasChange { description: self.description, routes };
        let updated = api.engine.update_alias(&alias.machine, &name, change).await?;
        Ok(json!({ "updateDate": seconds(updated.updated_at) }))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeStateMachineAlias {
    state_machine_alias_arn: Option<String>,
}

impl Action for DescribeStateMachineAlias {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        let alias = &self.state_machine_alias_arn;
        Constraints::default().arn("stateMachineAliasArn", alias).check()?;
        let (machine, name) = arn::alias(&required(self.state_machine_alias_arn)?)?;
        let alias = api.engine.alias(&machine.machine, &name).await?;
        let mut answer = listed(&alias);
        answer["name"] = json!(alias.name);
        answer["updateDate"] = json!(seconds(alias.updated_at));
        if let Some(description) = &alias.description {
            answer["description"] = json!(description);
        }
        let route = |route: &Route| {
            let version = MachineArn::version(&alias.machine, route.version);
            json!({ "stateMachineVersionArn": version.to_string(), "weight": route.weight })
        };
        answer["routingConfiguration"] = alias.routes.iter().map(route).collect();
        Ok(answer)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeleteStateMachineAlias {
    state_machine_alias_arn: Option<String>,
}

impl Action for DeleteStateMachineAlias {
    type Output = Empty;

    async fn run(self, api: &Api) -> Result<Empty, ApiError> {
        let alias = &self.state_machine_alias_arn;
        Constraints::default().arn("stateMachineAliasArn", alias).check()?;
        let (machine, name) = arn::alias(&required(self.state_machine_alias_arn)?)?;
        api.engine.delete_alias(&machine.machine, &name).await?;
        Ok(Empty {})
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListStateMachineAliases {
    state_machine_arn: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

impl Action for ListStateMachineAliases {
    type Output = Value;

    async fn run(self, api: &Api) -> Result<Value, ApiError> {
        Constraints::default()
            .arn("stateMachineArn", &self.state_machine_arn)
            .max_results(self.max_results)
            .next_token(&self.next_token)
            .check()?;
        let given = required(self.state_machine_arn)?;
        let machine = arn::machine(&given)?;
        let version = match machine.qualifier {
            None => None,
            Some(_) => Some(arn::version(&given)?.1),
        };
        let list = format!("aliases/{given}");
        let place = api.pages.place(&list, self.next_token.as_deref())?;
        let after = place.as_deref().map(read_place).transpose()?;
        let aliases = api.engine.aliases(&machine.machine, version).await?;
        let is_left = |alias: &&AliasRecord| {
            let at = (alias.created_at.as_millis(), &*alias.name);
            after.is_none_or(|after| at > after)
        };
        let mut rest = aliases.iter().filter(is_left);
        let page: Vec<_> = rest.by_ref().take(page::size(self.max_results)).collect();
        let shown: Vec<Value> = page.iter().map(|alias| listed(alias)).collect();
        let mut answer = json!({ "stateMachineAliases": shown });
        if let (Some(last), Some(_)) = (page.last(), rest.next()) {
            let place = format!("{}/{}", last.created_at.as_millis(), last.name);
            answer["nextToken"] = json!(api.pages.token(&list, &place));
        }
        Ok(answer)
    }
}

/// The alias behind which a page begins: when it was created, and its name.
fn read_place(place: &str) -> Result<(i64, &str), ApiError> {
    let parts = place.split_once('/');
    let parts = parts.and_then(|(at, name)| Some((at.parse().ok()?, name)));
    parts.ok_or_else(ApiError::invalid_token)
}

fn listed(alias: &AliasRecord) -> Value {
    json!({
        "stateMachineAliasArn": alias.arn(),
        "creationDate": seconds(alias.created_at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_not_digits_alone() {
        for name in ["PROD", "a1", "1a", "1.2", "_", "-", "blue_green-1.0"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "1", "123", "a b", "a:b", "é", "a/b", "a$"] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn a_routing_configuration_has_distinct_versions_of_one_machine_and_a_hundred_percent() {
        const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:orders";
        let (one, two) = (format!("{MACHINE}:1"), format!("{MACHINE}:2"));
        let other = format!("{MACHINE}2:1");
        let read = |items: &[(&str, i64)]| {
            let items: Vec<_> = items
                .iter()
                .map(|&(arn, weight)| RoutingConfigurationListItem {
                    state_machine_version_arn: Some(arn.to_owned()),
                    weight: Some(weight),
                })
                .collect();
            routes(&items)
        };
        let (machine, routes) = read(&[(&one, 70), (&two, 30)]).unwrap();
        assert_eq!(&*machine.machine, MACHINE);
        assert_eq!(routes, [(1, 70), (2, 30)].map(|(version, weight)| Route { version, weight }));
        for (items, message) in [
            (
                vec![(MACHINE, 70), (&*two, 30)],
                format!(
                    "Routing configuration must contain state machine version ARNs. \
                     Received: [{MACHINE}, {two}]"
                ),
            ),
            (
                vec![(&*one, 50), (&*one, 50)],
                format!(
                    "Routing configuration must contain distinct state machine version ARNs. \
                     Received: [{one}, {one}]"
                ),
            ),
            (
                vec![(&*one, 50), (&*other, 50)],
                format!(
                    "Routing configuration must contain versions of one state machine. \
                     Received: [{one}, {other}]"
                ),
            ),
            (
                vec![(&*one, 70), (&*two, 29)],
                "Sum of routing configuration weights must equal 100. Received: [70, 29]"
                    .to_owned(),
            ),
        ] {
            let expected = ApiError::new("ValidationException", message);
            let expected = expected.because("INVALID_ROUTING_CONFIGURATION");
            assert_eq!(read(&items), Err(expected));
        }
    }
}
