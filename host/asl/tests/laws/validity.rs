//! Validation accepts whatever the generator makes, and the generator makes everything.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{facts::parse, generator, random::Random};

#[test]
fn every_generated_machine_is_accepted() {
    let mut seen = BTreeMap::<String, u32>::new();
    for seed in 0..1_000 {
        let definition = generator::definition(&mut Random(seed));
        parse(&definition);
        count_fields(&definition, &mut seen);
    }
    // A generator that leaves something out tests little.
    for field in FIELDS.split_whitespace() {
        assert!(seen.get(field).is_some_and(|&count| count >= 5), "few have {field}: {seen:?}");
    }
}

/// How often each field occurs, and each type in each language: `Task/JSONata`.
fn count_fields(definition: &Value, seen: &mut BTreeMap<String, u32>) {
    let mut ready = vec![(definition, "JSONPath")];
    while let Some((value, language)) = ready.pop() {
        let language = value.get("QueryLanguage").and_then(Value::as_str).unwrap_or(language);
        if let Some(kind) = value.get("Type").and_then(Value::as_str) {
            *seen.entry(format!("{kind}/{language}")).or_default() += 1;
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    *seen.entry(name.clone()).or_default() += 1;
                    ready.push((member, language));
                }
            }
            Value::Array(elements) => ready.extend(elements.iter().map(|it| (it, language))),
            _ => {}
        }
    }
}

const FIELDS: &str = "
    Task/JSONPath Wait/JSONPath Pass/JSONPath Succeed/JSONPath Fail/JSONPath Choice/JSONPath
    Parallel/JSONPath Map/JSONPath
    Task/JSONata Wait/JSONata Pass/JSONata Succeed/JSONata Fail/JSONata Choice/JSONata
    Parallel/JSONata Map/JSONata
    StartAt States Comment Version TimeoutSeconds QueryLanguage Type Next End
    InputPath Parameters Result ResultSelector ResultPath OutputPath Assign Arguments Output
    Resource TimeoutSecondsPath HeartbeatSeconds Credentials Retry Catch
    ErrorEquals IntervalSeconds MaxAttempts BackoffRate MaxDelaySeconds JitterStrategy
    Seconds SecondsPath Timestamp TimestampPath Error ErrorPath Cause CausePath
    Choices Default Condition Variable And Or Not IsPresent IsNull IsTimestamp StringMatches
    StringEquals NumericLessThan TimestampGreaterThanEquals BooleanEquals StringEqualsPath
    NumericLessThanEqualsPath TimestampGreaterThanPath BooleanEqualsPath
    Branches ItemProcessor Iterator ItemsPath Items ItemSelector MaxConcurrency MaxConcurrencyPath
    ProcessorConfig Mode ExecutionType Label ToleratedFailureCount ToleratedFailurePercentage
    ItemBatcher ItemReader ReaderConfig ResultWriter";
