//! Task tokens: how somebody outside names the task that waits for them.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{Execution, randomness};
use crate::{Command, CommandId, ScheduleTask, Seed, TaskToken};

/// Stands between the parts of a token; neither a command id nor an ARN contains it.
const BREAK: char = '\n';

impl TaskToken {
    /// The token of a task: whose it is, sealed with the execution's seed.
    pub(super) fn new(seed: &Seed, execution: &str, task: &CommandId) -> Self {
        let mut bytes = randomness::seal(seed, task).to_vec();
        bytes.extend_from_slice(format!("{task}{BREAK}{execution}").as_bytes());
        Self(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The ARN of the execution that the token says it is of; none when it is no token. Anybody can
    /// say so: [`Self::is_sealed_by`] tells whether it is true.
    pub fn execution(&self) -> Option<String> {
        self.read().map(|(_, _, execution)| execution)
    }

    /// Whether it was made with this seed.
    pub fn is_sealed_by(&self, seed: &Seed) -> bool {
        self.read().is_some_and(|(seal, task, _)| randomness::is_seal(seed, &task, &seal))
    }

    fn read(&self) -> Option<(Vec<u8>, CommandId, String)> {
        let mut seal = BASE64_URL_SAFE_NO_PAD.decode(&self.0).ok()?;
        let text = seal.split_off(randomness::SEAL_BYTES.min(seal.len()));
        let text = String::from_utf8(text).ok()?;
        let (task, execution) = text.split_once(BREAK)?;
        Some((seal, task.parse().ok()?, execution.to_owned()))
    }
}

impl Execution {
    /// Whether the token is one of this execution's, for a task of now or before.
    pub fn gave(&self, token: &TaskToken) -> bool {
        let Some(started) = &self.started else { return false };
        token.is_sealed_by(&started.seed)
            && token.execution().is_some_and(|execution| execution == started.id)
    }

    /// The task that waits for this token's answer.
    pub fn task_of_token(&self, token: &TaskToken) -> Option<&ScheduleTask> {
        let (_, task, _) = token.read().filter(|_| self.gave(token))?;
        match self.outstanding.get(&task)? {
            Command::ScheduleTask(task) if task.token.is_some() => Some(task),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:orders:one";

    #[test]
    fn a_token_says_whose_it_is_and_cannot_be_made_up() {
        let (seed, task) = ([7; 32], "1.0.3/2.1:task".parse().unwrap());
        let token = TaskToken::new(&seed, EXECUTION, &task);
        assert_eq!(token.execution().as_deref(), Some(EXECUTION));
        assert!(token.is_sealed_by(&seed));
        assert!(!token.is_sealed_by(&[8; 32]));

        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&token.0).unwrap();
        let other_task = String::from_utf8_lossy(&bytes[32..]).replacen("2.1", "2.2", 1);
        let other_task = [&bytes[..32], other_task.as_bytes()].concat();
        let forged = TaskToken(BASE64_URL_SAFE_NO_PAD.encode(other_task));
        assert_eq!(forged.execution().as_deref(), Some(EXECUTION));
        assert!(!forged.is_sealed_by(&seed));
        for none in ["", "token", "!", &token.0[4..], &token.0[..40]] {
            let none = TaskToken(none.to_owned());
            assert!(!none.is_sealed_by(&seed), "{none:?}");
        }
    }

    #[test]
    fn the_longest_names_fit_into_a_token() {
        // 80 characters of a name are at most 320 bytes, and so deep is no definition's nesting.
        let name = "\u{1F600}".repeat(80);
        let arn =
            format!("arn:aws-us-gov:states:us-gov-west-1:123456789012:execution:{name}:{name}");
        let task = format!("{}1.0:task", "1.0.39/".repeat(60)).parse().unwrap();
        assert!(TaskToken::new(&[7; 32], &arn, &task).0.len() <= 2_048);
    }
}
