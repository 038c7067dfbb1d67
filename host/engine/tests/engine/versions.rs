//! Versions, aliases and tags: what is numbered, routed and refused.

use std::collections::BTreeMap;

use stepyard_engine::{
    AliasChange, Engine, MachineArn, MachineError, MachineType, NewAlias, NewStateMachine,
    NewVersion, Qualifier, Registered, Route, StateMachineChange, TAGS_MAX, TagError, Tags,
};

use crate::support::{Bench, Functions};

const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:orders";

fn definition(comment: u32) -> String {
    format!(r#"{{"Comment":"{comment}","StartAt":"S","States":{{"S":{{"Type":"Succeed"}}}}}}"#)
}

fn new(publish: Option<NewVersion>) -> NewStateMachine {
    NewStateMachine {
        arn: MACHINE.to_owned(),
        name: "orders".to_owned(),
        definition: definition(0).into(),
        role: "role".to_owned(),
        kind: MachineType::Standard,
        logging: "".into(),
        tracing: false,
        publish,
        tags: Tags::new(),
    }
}

fn engine() -> Engine {
    Bench::manual(Functions::echo()).engine
}

fn plain() -> Option<NewVersion> {
    Some(NewVersion::default())
}

/// Another definition, published.
async fn update(engine: &Engine, comment: u32) -> Registered {
    let change = StateMachineChange {
        definition: Some(definition(comment).into()),
        publish: plain(),
        ..StateMachineChange::default()
    };
    engine.update_state_machine(MACHINE, change).await.unwrap()
}

async fn publish(engine: &Engine, revision: Option<&str>) -> Result<u64, MachineError> {
    let version = engine.publish_version(MACHINE, revision, NewVersion::default()).await;
    version.map(|version| version.number)
}

async fn numbers(engine: &Engine) -> Vec<u64> {
    engine.versions(MACHINE).await.unwrap().iter().map(|version| version.number).collect()
}

fn alias(name: &str, routes: &[(u64, u8)]) -> NewAlias {
    NewAlias {
        machine: MACHINE.into(),
        name: name.into(),
        description: None,
        routes: routed(routes),
    }
}

fn routed(routes: &[(u64, u8)]) -> Vec<Route> {
    routes.iter().map(|&(version, weight)| Route { version, weight }).collect()
}

#[tokio::test]
async fn a_revision_has_one_version_and_no_number_is_given_twice() {
    let engine = engine();
    engine.create_state_machine(new(None)).await.unwrap();
    assert_eq!(publish(&engine, None).await, Ok(1));
    assert_eq!(publish(&engine, Some("INITIAL")).await, Ok(1));
    let second = update(&engine, 2).await;
    assert_eq!(second.version, Some(2));
    // The same again changes nothing.
    assert_eq!(update(&engine, 2).await, second);
    assert_eq!(publish(&engine, second.machine.revision.as_deref()).await, Ok(2));
    let other = MachineError::OtherRevision {
        asked: "INITIAL".to_owned(),
        current: second.machine.revision.unwrap(),
    };
    assert_eq!(publish(&engine, Some("INITIAL")).await, Err(other));

    for _ in ["there", "gone"] {
        engine.delete_version(MACHINE, 2).await.unwrap();
    }
    assert_eq!(numbers(&engine).await, [1]);
    assert_eq!(publish(&engine, None).await, Ok(3));
    assert_eq!(numbers(&engine).await, [3, 1]);

    // A state machine of the same name begins anew.
    engine.delete_state_machine(MACHINE).await.unwrap();
    assert!(numbers(&engine).await.is_empty());
    assert!(matches!(publish(&engine, None).await, Err(MachineError::DoesNotExist { .. })));
    assert_eq!(engine.create_state_machine(new(plain())).await.unwrap().version, Some(1));
}

#[tokio::test]
async fn a_machine_created_with_a_version_is_found_by_the_same_request_alone() {
    let engine = engine();
    let described = |text: &str| Some(NewVersion { description: Some(text.to_owned()) });
    let first = engine.create_state_machine(new(described("one"))).await.unwrap();
    assert_eq!(first.version, Some(1));
    assert_eq!(first.version_arn().as_deref(), Some(&*format!("{MACHINE}:1")));
    assert_eq!(engine.create_state_machine(new(described("one"))).await, Ok(first));
    for other in [described("two"), plain()] {
        let exists = MachineError::AlreadyExists { arn: MACHINE.to_owned() };
        assert_eq!(engine.create_state_machine(new(other)).await, Err(exists));
    }
}

#[tokio::test]
async fn a_version_is_what_the_machine_was() {
    let engine = engine();
    engine.create_state_machine(new(plain())).await.unwrap();
    update(&engine, 2).await;
    let first = engine.route(&MachineArn::version(MACHINE, 1)).await.unwrap();
    assert_eq!((&*first.machine.definition, first.machine.revision), (&*definition(0), None));
    assert_eq!((first.version.unwrap().number, first.alias), (1, None));
    let now = MachineArn { machine: MACHINE.into(), qualifier: None };
    let now = engine.route(&now).await.unwrap();
    assert_eq!((&*now.machine.definition, now.version), (&*definition(2), None));
    for absent in [MachineArn::version(MACHINE, 3), MachineArn::alias(MACHINE, "PROD")] {
        let missing = MachineError::DoesNotExist { arn: absent.to_string() };
        assert_eq!(engine.route(&absent).await, Err(missing));
    }
}

#[tokio::test]
async fn an_alias_starts_its_versions_by_weight() {
    let engine = engine();
    engine.create_state_machine(new(plain())).await.unwrap();
    update(&engine, 2).await;
    let created = engine.create_alias(alias("PROD", &[(1, 50), (2, 50)])).await.unwrap();
    assert_eq!(engine.create_alias(alias("PROD", &[(1, 50), (2, 50)])).await, Ok(created));
    let exists = MachineError::AliasExists { name: "PROD".to_owned() };
    assert_eq!(engine.create_alias(alias("PROD", &[(1, 100)])).await, Err(exists));

    let prod = MachineArn::alias(MACHINE, "PROD");
    let drawn = async || {
        let mut drawn: BTreeMap<u64, u32> = BTreeMap::new();
        for _ in 0..200 {
            let target = engine.route(&prod).await.unwrap();
            assert_eq!(target.alias.as_deref(), Some(&*prod.to_string()));
            let version = target.version.unwrap().number;
            assert_eq!(*target.machine.definition, definition(if version == 1 { 0 } else { 2 }));
            *drawn.entry(version).or_default() += 1;
        }
        drawn
    };
    let both = drawn().await;
    assert!((60..=140).contains(&both[&1]), "{both:?}");
    for (routes, only) in [(&[(1, 100), (2, 0)], 1), (&[(1, 0), (2, 100)], 2)] {
        let change = AliasChange { routes: Some(routed(routes)), ..AliasChange::default() };
        engine.update_alias(MACHINE, "PROD", change).await.unwrap();
        assert_eq!(drawn().await, BTreeMap::from([(only, 200)]));
        assert_eq!(engine.look_up(&prod).await.unwrap().version.unwrap().number, only);
    }
}

#[tokio::test]
async fn a_version_that_an_alias_names_stays() {
    let engine = engine();
    engine.create_state_machine(new(plain())).await.unwrap();
    update(&engine, 2).await;
    engine.create_alias(alias("b", &[(1, 100)])).await.unwrap();
    engine.create_alias(alias("a", &[(1, 0), (2, 100)])).await.unwrap();
    let used = MachineError::VersionInUse { aliases: vec!["a".to_owned(), "b".to_owned()] };
    assert_eq!(engine.delete_version(MACHINE, 1).await, Err(used));
    let names = async |version| {
        let found = engine.aliases(MACHINE, version).await?;
        Ok::<_, MachineError>(found.iter().map(|it| it.name.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(names(None).await.unwrap(), ["a", "b"]);
    assert_eq!(names(Some(2)).await.unwrap(), ["a"]);
    let gone = MachineError::NoSuchQualifier { arn: format!("{MACHINE}:3") };
    assert_eq!(names(Some(3)).await, Err(gone.clone()));
    assert_eq!(engine.create_alias(alias("c", &[(3, 100)])).await, Err(gone.clone()));
    let to_nowhere = AliasChange { routes: Some(routed(&[(3, 100)])), ..AliasChange::default() };
    assert_eq!(engine.update_alias(MACHINE, "a", to_nowhere).await, Err(gone));

    for _ in ["there", "gone"] {
        engine.delete_alias(MACHINE, "b").await.unwrap();
    }
    let described = AliasChange { description: Some("live".to_owned()), routes: None };
    let changed = engine.update_alias(MACHINE, "a", described).await.unwrap();
    assert_eq!(changed.description.as_deref(), Some("live"));
    let change = AliasChange { routes: Some(routed(&[(2, 100)])), ..AliasChange::default() };
    let changed = engine.update_alias(MACHINE, "a", change).await.unwrap();
    assert_eq!(changed.description.as_deref(), Some("live"));
    engine.delete_version(MACHINE, 1).await.unwrap();

    engine.delete_state_machine(MACHINE).await.unwrap();
    engine.create_state_machine(new(None)).await.unwrap();
    assert!(engine.aliases(MACHINE, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn versions_and_aliases_have_awss_quotas() {
    let engine = engine();
    engine.create_state_machine(new(plain())).await.unwrap();
    for number in 0..100 {
        engine.create_alias(alias(&format!("a{number}"), &[(1, 100)])).await.unwrap();
    }
    let many = MachineError::TooMany { what: "aliases", limit: 100 };
    assert_eq!(engine.create_alias(alias("more", &[(1, 100)])).await, Err(many));
    for number in 2..=1_000 {
        assert_eq!(update(&engine, number).await.version, Some(u64::from(number)));
    }
    let change = StateMachineChange {
        definition: Some(definition(1_001).into()),
        publish: plain(),
        ..StateMachineChange::default()
    };
    let many = MachineError::TooMany { what: "versions", limit: 1_000 };
    assert_eq!(engine.update_state_machine(MACHINE, change).await, Err(many.clone()));
    // Nothing of the update was kept.
    assert_eq!(*engine.state_machine(MACHINE).await.unwrap().definition, definition(1_000));
    engine.delete_version(MACHINE, 999).await.unwrap();
    assert_eq!(update(&engine, 1_001).await.version, Some(1_001));
}

#[tokio::test]
async fn a_qualifier_is_taken_for_what_it_names() {
    let engine = engine();
    engine.create_state_machine(new(plain())).await.unwrap();
    engine.create_alias(alias("v1", &[(1, 100)])).await.unwrap();
    for (text, found) in [("1", true), ("v1", true), ("01", false), ("V1", false), ("2", false)] {
        let qualifier = Some(Qualifier::named(text));
        let arn = MachineArn { machine: MACHINE.into(), qualifier };
        assert_eq!(engine.look_up(&arn).await.is_ok(), found, "{text}");
    }
}

#[tokio::test]
async fn tags_are_of_a_resource_that_is_there() {
    let engine = engine();
    let tags = |all: &[(&str, &str)]| -> Tags {
        all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let missing = |arn: &str| TagError::ResourceNotFound { arn: arn.to_owned() };
    assert_eq!(engine.tag(MACHINE, tags(&[("a", "1")])).await, Err(missing(MACHINE)));
    let created = NewStateMachine { tags: tags(&[("a", "1"), ("b", "2")]), ..new(plain()) };
    engine.create_state_machine(created).await.unwrap();
    engine.tag(MACHINE, tags(&[("b", "3"), ("c", "")])).await.unwrap();
    engine.untag(MACHINE, &["a".to_owned(), "a".to_owned(), "z".to_owned()]).await.unwrap();
    assert_eq!(engine.tags(MACHINE).await, Ok(tags(&[("b", "3"), ("c", "")])));
    let version = format!("{MACHINE}:1");
    assert_eq!(engine.tags(&version).await, Err(missing(&version)));

    let many: Tags = (0..TAGS_MAX).map(|number| (number.to_string(), String::new())).collect();
    let too_many = TagError::TooMany { arn: MACHINE.to_owned() };
    assert_eq!(engine.tag(MACHINE, many.clone()).await, Err(too_many));
    engine.untag(MACHINE, &["b".to_owned(), "c".to_owned()]).await.unwrap();
    engine.tag(MACHINE, many).await.unwrap();

    engine.delete_state_machine(MACHINE).await.unwrap();
    engine.create_state_machine(new(None)).await.unwrap();
    assert_eq!(engine.tags(MACHINE).await, Ok(Tags::new()));
}
