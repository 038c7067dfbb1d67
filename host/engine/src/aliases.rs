//! Aliases: names that start a version of a state machine, or one of two by their weights.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;

use crate::{
    Engine, MachineArn, MachineError, Qualifier, StateMachineRecord, VersionSummary, store::Record,
};

/// The most aliases of a state machine (Quotas: "Number of state machine aliases").
const ALIASES_MAX: usize = 100;

/// How often a start asks an alias that routes to a version which is deleted meanwhile.
const LOOKS_MAX: usize = 3;

/// An alias of a state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasRecord {
    /// Its state machine's unqualified ARN.
    pub machine: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// What was said about it.
    pub description: Option<String>,
    /// The versions it starts; their weights are 100 together.
    pub routes: Vec<Route>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed; when it was created, before the first change.
    pub updated_at: Timestamp,
}

/// A version that an alias starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The version's number.
    pub version: u64,
    /// How many of a hundred starts it gets.
    pub weight: u8,
}

/// The arguments of `CreateStateMachineAlias`.
#[derive(Clone, Debug)]
pub struct NewAlias {
    /// The state machine's unqualified ARN.
    pub machine: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// A description.
    pub description: Option<String>,
    /// As [`AliasRecord::routes`].
    pub routes: Vec<Route>,
}

/// The arguments of `UpdateStateMachineAlias`: what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct AliasChange {
    /// Another description.
    pub description: Option<String>,
    /// Other routes.
    pub routes: Option<Vec<Route>>,
}

/// What an ARN of a state machine stands for at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The state machine: as it is, or as it was when the version was published.
    pub machine: StateMachineRecord,
    /// The version, when the ARN names one or an alias.
    pub version: Option<VersionSummary>,
    /// The alias's ARN, when the ARN names one.
    pub alias: Option<String>,
}

impl AliasRecord {
    /// Its qualified ARN.
    pub fn arn(&self) -> String {
        MachineArn::alias(&self.machine, &self.name).to_string()
    }

    /// Whether it starts the version.
    pub fn routes_to(&self, version: u64) -> bool {
        self.routes.iter().any(|route| route.version == version)
    }

    /// The version for one of a hundred starts, the first of them 0.
    fn route(&self, start: u64) -> Option<u64> {
        let mut below = 0;
        let mut routes = self.routes.iter();
        let route = routes.find(|route| {
            below += u64::from(route.weight);
            start < below
        });
        route.map(|route| route.version)
    }

    /// The version with the greatest weight, the first of equals.
    fn main_route(&self) -> Option<u64> {
        let heavier =
            |one: Route, other: &Route| if other.weight > one.weight { *other } else { one };
        let (first, rest) = self.routes.split_first()?;
        Some(rest.iter().fold(*first, heavier).version)
    }
}

impl Engine {
    /// Creates an alias; it is durable when this returns. The same name with the same description
    /// and routes is the alias that is there (API reference, `CreateStateMachineAlias`).
    pub async fn create_alias(&self, new: NewAlias) -> Result<AliasRecord, MachineError> {
        let _held = self.hold(&new.machine).await;
        self.check_routes(&new.machine, &new.routes)?;
        if let Some(found) = self.store().alias(&new.machine, &new.name)? {
            return match found.routes == new.routes && found.description == new.description {
                true => Ok(found),
                false => Err(MachineError::AliasExists { name: new.name.to_string() }),
            };
        }
        if self.store().aliases(&new.machine)?.len() >= ALIASES_MAX {
            return Err(MachineError::TooMany { what: "aliases", limit: ALIASES_MAX });
        }
        let now = self.now();
        let alias = AliasRecord {
            machine: new.machine,
            name: new.name,
            description: new.description,
            routes: new.routes,
            created_at: now,
            updated_at: now,
        };
        self.keep(vec![Record::Alias(Box::new(alias.clone()))]).await?;
        Ok(alias)
    }

    /// Changes an alias; starts from here on take the new routes.
    pub async fn update_alias(
        &self,
        machine: &str,
        name: &str,
        change: AliasChange,
    ) -> Result<AliasRecord, MachineError> {
        let _held = self.hold(&machine.into()).await;
        let before = self.alias(machine, name).await?;
        let mut after = before.clone();
        after.description = change.description.or(after.description);
        after.routes = change.routes.unwrap_or(after.routes);
        self.check_routes(machine, &after.routes)?;
        if after != before {
            after.updated_at = self.now();
            self.keep(vec![Record::Alias(Box::new(after.clone()))]).await?;
        }
        Ok(after)
    }

    /// Removes an alias; one that is not there is removed already. Its executions go on.
    pub async fn delete_alias(&self, machine: &str, name: &str) -> Result<(), MachineError> {
        let _held = self.hold(&machine.into()).await;
        let record = Record::AliasDeleted { machine: machine.into(), name: name.into() };
        Ok(self.keep(vec![record]).await?)
    }

    /// The alias of this name.
    pub async fn alias(&self, machine: &str, name: &str) -> Result<AliasRecord, MachineError> {
        let found = self.store().alias(machine, name)?;
        found.ok_or_else(|| missing(&MachineArn::alias(machine, name)))
    }

    /// The aliases of a state machine, or those that route to its `version`: those created first
    /// first, and of one moment by name.
    pub async fn aliases(
        &self,
        machine: &str,
        version: Option<u64>,
    ) -> Result<Vec<AliasRecord>, MachineError> {
        self.state_machine(machine).await?;
        if let Some(number) = version {
            self.check_version(machine, number)?;
        }
        let mut aliases = self.store().aliases(machine)?;
        aliases.retain(|alias| version.is_none_or(|version| alias.routes_to(version)));
        aliases.sort_by(|one, other| {
            (one.created_at, &one.name).cmp(&(other.created_at, &other.name))
        });
        Ok(aliases)
    }

    /// What a start by this ARN begins: an alias's route is drawn by the weights, each time anew.
    pub async fn route(&self, arn: &MachineArn) -> Result<Target, MachineError> {
        self.target(arn, |alias| alias.route(self.draw(100)))
    }

    /// What this ARN stands for: of an alias, the version that most of its starts get.
    pub async fn look_up(&self, arn: &MachineArn) -> Result<Target, MachineError> {
        self.target(arn, AliasRecord::main_route)
    }

    fn target(
        &self,
        arn: &MachineArn,
        route: impl Fn(&AliasRecord) -> Option<u64>,
    ) -> Result<Target, MachineError> {
        let absent = || MachineError::DoesNotExist { arn: arn.to_string() };
        let machine = self.store().state_machine(&arn.machine)?.ok_or_else(absent)?;
        let (version, alias) = match &arn.qualifier {
            None => return Ok(Target { machine, version: None, alias: None }),
            Some(Qualifier::Version(number)) => {
                (self.store().version(&machine.arn, *number)?, None)
            }
            Some(Qualifier::Alias(name)) => {
                let mut found = None;
                // A version that is gone is in the alias no longer: it may go only then.
                for _ in 0..LOOKS_MAX {
                    let alias = self.store().alias(&machine.arn, name)?.ok_or_else(absent)?;
                    let Some(number) = route(&alias) else { break };
                    found = self.store().version(&machine.arn, number)?;
                    if found.is_some() {
                        break;
                    }
                }
                (found, Some(arn.to_string()))
            }
        };
        let version = version.ok_or_else(absent)?;
        let summary = version.summary.clone();
        Ok(Target { machine: version.of(machine), version: Some(summary), alias })
    }

    fn check_routes(&self, machine: &str, routes: &[Route]) -> Result<(), MachineError> {
        routes.iter().try_for_each(|route| self.check_version(machine, route.version))
    }

    fn check_version(&self, machine: &str, number: u64) -> Result<(), MachineError> {
        match self.store().version(machine, number)? {
            Some(_) => Ok(()),
            None => Err(missing(&MachineArn::version(machine, number))),
        }
    }
}

fn missing(arn: &MachineArn) -> MachineError {
    MachineError::NoSuchQualifier { arn: arn.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alias(routes: &[(u64, u8)]) -> AliasRecord {
        AliasRecord {
            machine: "m".into(),
            name: "PROD".into(),
            description: None,
            routes: routes.iter().map(|&(version, weight)| Route { version, weight }).collect(),
            created_at: Timestamp::from_millis(0),
            updated_at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn of_a_hundred_starts_each_version_gets_its_weight() {
        for (routes, main) in [
            (&[(1, 100)][..], 1),
            (&[(1, 70), (2, 30)], 1),
            (&[(1, 30), (2, 70)], 2),
            (&[(1, 50), (2, 50)], 1),
            (&[(1, 0), (2, 100)], 2),
            (&[(1, 100), (2, 0)], 1),
        ] {
            let alias = alias(routes);
            for &(version, weight) in routes {
                let starts = (0..100).filter(|start| alias.route(*start) == Some(version));
                assert_eq!(starts.count(), usize::from(weight), "{version} of {routes:?}");
            }
            assert_eq!(alias.main_route(), Some(main), "{routes:?}");
        }
    }
}
