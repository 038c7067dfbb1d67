//! What things are called within a template, where a name has letters and digits only and is given once.

use std::collections::BTreeSet;

/// The names of a template.
#[derive(Debug)]
pub(super) struct Names {
    write: fn(&[String], &str) -> String,
    taken: BTreeSet<String>,
}

impl Names {
    /// As CloudFormation has them: `CheckInventoryFunction`.
    pub(super) fn pascal() -> Self {
        let write = |words: &[String], kind: &str| {
            words.iter().map(|word| with_capital(word)).collect::<String>() + kind
        };
        Self { write, taken: BTreeSet::new() }
    }

    /// As Terraform has them: `check_inventory_function`.
    pub(super) fn snake() -> Self {
        let write = |words: &[String], kind: &str| {
            let words: Vec<_> = words.iter().map(|word| word.to_lowercase()).collect();
            let name = words.join("_");
            // A name begins with a letter.
            let name = if name.starts_with(|it: char| it.is_ascii_digit()) {
                format!("n{name}")
            } else {
                name
            };
            format!("{name}_{kind}")
        };
        Self { write, taken: BTreeSet::new() }
    }

    /// A name for what AWS knows as `name`; the same name for another thing has a number.
    pub(super) fn of(&mut self, name: &str, kind: &str) -> String {
        own(&mut self.taken, &(self.write)(&words(name), kind))
    }
}

/// The name, or, where another thing has it, with the first number that nothing has.
pub(super) fn own(taken: &mut BTreeSet<String>, name: &str) -> String {
    let mut own = name.to_owned();
    let mut number = 2;
    while !taken.insert(own.clone()) {
        own = format!("{name}{number}");
        number += 1;
    }
    own
}

/// A word of ASCII with a capital.
pub(super) fn with_capital(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_uppercase() + rest
}

/// The words of a name: `checkInventory-v2` has `check`, `Inventory` and `v2`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for character in name.chars() {
        let begins = character.is_ascii_uppercase() && !before.is_ascii_uppercase();
        if begins || !character.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if character.is_ascii_alphanumeric() {
            words.last_mut().expect("there is one at least").push(character);
        }
        before = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_as_each_language_has_it_and_given_once() {
        let mut pascal = Names::pascal();
        assert_eq!(pascal.of("CheckInventory", "Function"), "CheckInventoryFunction");
        assert_eq!(pascal.of("check-inventory", "Function"), "CheckInventoryFunction2");
        assert_eq!(pascal.of("order", "StateMachine"), "OrderStateMachine");
        let mut snake = Names::snake();
        assert_eq!(snake.of("CheckInventory", "function"), "check_inventory_function");
        assert_eq!(snake.of("check_inventory", "function"), "check_inventory_function2");
        assert_eq!(snake.of("SMSGate", "topic"), "smsgate_topic");
        assert_eq!(snake.of("2fa", "topic"), "n2fa_topic");
        assert_eq!(snake.of("größe", "topic"), "gr_e_topic");
    }
}
