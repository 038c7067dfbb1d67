//! What the parameters of a Task state tell before it runs, and what the manifest tells in their place.

use stepyard_asl::{Diagnostic, Foreseen, Location, TaskState};

use super::Asked;
use crate::{
    calls::problem,
    export::text::{Part, Text},
};

/// A Task state that is asked.
pub(super) struct State<'a> {
    pub(super) task: &'a TaskState<'a>,
    pub(super) targets: Option<&'a Vec<String>>,
}

impl State<'_> {
    pub(super) fn by_arn(
        &self,
        member: &str,
        arn: Text,
        actions: &'static [&'static str],
    ) -> Result<Asked, Diagnostic> {
        let is_arn = arn.split(':').first().and_then(Text::literal) == Some("arn");
        if is_arn {
            Ok(Asked::new(actions, arn))
        } else {
            Err(self.unreadable(member, &arn, "an ARN"))
        }
    }

    pub(super) fn foreseen(&self, member: &str) -> Foreseen {
        // Without `Parameters` the input is what they are.
        self.task.parameters.map_or(Foreseen::Computed, |it| Foreseen::of(it, member))
    }

    /// What the first of these members that there is will be: one text, or those that the manifest tells.
    pub(super) fn texts(&self, members: &[&'static str]) -> Result<Vec<Text>, Diagnostic> {
        let found = members.iter().map(|member| (*member, self.foreseen(member)));
        let found = found.into_iter().find(|(_, foreseen)| *foreseen != Foreseen::Absent);
        match found {
            Some((member, Foreseen::Text(pieces))) => {
                Ok(vec![self.exact(member, pieces.into_iter().collect())?])
            }
            Some((member, _)) => self.told(member),
            None => self.told(members[0]),
        }
    }

    pub(super) fn told(&self, member: &str) -> Result<Vec<Text>, Diagnostic> {
        self.told_at(self.place(member), member)
    }

    /// What the manifest tells, in the place of what the definition does not.
    pub(super) fn told_at(&self, place: Location, member: &str) -> Result<Vec<Text>, Diagnostic> {
        match self.targets {
            Some(targets) if !targets.is_empty() => {
                targets.iter().map(|it| self.exact(member, Text::read(it))).collect()
            }
            _ => Err(self.unknown(place, member)),
        }
    }

    /// A name without what IAM takes for others: `*`, `?` and the beginning of a variable.
    pub(super) fn exact(&self, member: &str, text: Text) -> Result<Text, Diagnostic> {
        let is_open = |part: &Part| match part {
            Part::Literal(text) => text.contains(['*', '?']) || text.contains("${"),
            Part::Partition | Part::Region | Part::Account => false,
        };
        match text.parts().iter().any(is_open) {
            true => Err(self.unreadable(member, &text, "one name, without `*`, `?` and `${`")),
            false => Ok(text),
        }
    }

    pub(super) fn unknown(&self, place: Location, member: &str) -> Diagnostic {
        problem(
            place,
            format!("The role needs to know {member}, which is computed when the state runs"),
            format!(
                "write it out, or say in the manifest what it may be: targets = {{ \"{}\" = [\"…\"] }} in \
                 [workflows.NAME]",
                self.task.state
            ),
        )
    }

    pub(super) fn unreadable(&self, member: &str, text: &Text, shape: &str) -> Diagnostic {
        let message = format!("`{text}` is not the {member} that the role needs");
        problem(self.place(member), message, format!("write {shape}"))
    }

    pub(super) fn place(&self, member: &str) -> Location {
        let parameters = self.task.location.field(self.task.parameters_field);
        let computed = format!("{member}.$");
        match self.task.parameters {
            Some(all) if all.get(&computed).is_some() => match self.task.parameters_field {
                "Parameters" => parameters.field(&computed),
                _ => parameters.field(member),
            },
            Some(all) if all.get(member).is_some() => parameters.field(member),
            Some(_) => parameters,
            None => self.task.location.clone(),
        }
    }
}
