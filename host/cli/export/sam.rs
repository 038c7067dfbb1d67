//! A stack as a template of the AWS Serverless Application Model, in YAML.

use super::{
    Origin,
    names::Names,
    policy::{Condition, Role, Statement},
    stack::{Destination, Function, LOG_DAYS, Logging, Machine, Stack, Table, Topic},
    text::{Part, Text},
    yaml::Yaml,
};

/// The template.
pub(super) fn template(stack: &Stack, origin: &Origin<'_>) -> String {
    let mut template = Template::new(origin);
    stack.machines.iter().for_each(|it| template.add_machine(it));
    stack.functions.iter().for_each(|it| template.add_function(it));
    stack.topics.iter().for_each(|it| template.add_topic(it));
    stack.tables.iter().for_each(|it| template.add_table(it));
    template.into_text()
}

struct Template<'a> {
    origin: &'a Origin<'a>,
    names: Names,
    resources: Vec<(String, Yaml)>,
    outputs: Vec<(String, Yaml)>,
}

impl<'a> Template<'a> {
    fn new(origin: &'a Origin<'a>) -> Self {
        Self { origin, names: Names::pascal(), resources: Vec::new(), outputs: Vec::new() }
    }

    fn into_text(self) -> String {
        let sections = [
            ("AWSTemplateFormatVersion", Yaml::text("2010-09-09")),
            ("Transform", Yaml::text("AWS::Serverless-2016-10-31")),
            ("Description", Yaml::text(self.origin.description())),
            ("Resources", Yaml::Sections(self.resources)),
            ("Outputs", Yaml::Map(self.outputs)),
        ];
        let sections = sections.map(|(key, value)| (key.to_owned(), value));
        Yaml::Sections(sections.into()).commented(self.origin.notice()).to_string()
    }

    fn add(&mut self, id: &str, kind: &str, properties: Yaml) {
        let resource = Yaml::map([("Type", Yaml::text(kind)), ("Properties", properties)]);
        self.resources.push((id.to_owned(), resource));
    }

    fn add_machine(&mut self, machine: &Machine) {
        let id = self.names.of(&machine.name, "StateMachine");
        let (role, logs) = (format!("{id}Role"), format!("{id}Logs"));
        let mut properties = vec![
            ("Name", Yaml::text(&machine.name)),
            ("Type", Yaml::text(machine.kind.name())),
            ("DefinitionUri", Yaml::text(self.origin.path(&machine.definition))),
            ("Role", attribute(&role, "Arn")),
        ];
        if let Some(logging) = &machine.logging {
            properties.push(("Logging", logging_of(logging, &logs)));
        }
        if machine.tracing {
            properties.push(("Tracing", Yaml::map([("Enabled", Yaml::Flag(true))])));
        }
        self.add(&id, "AWS::Serverless::StateMachine", members(properties));
        if let Some(Logging { destination: Destination::Own(group), .. }) = &machine.logging {
            self.add_log_group(&logs, group);
        }
        self.add_role(&role, &machine.role);
        let value = Yaml::Tagged("Ref", id.clone());
        self.outputs.push((format!("{id}Arn"), Yaml::map([("Value", value)])));
    }

    fn add_function(&mut self, function: &Function) {
        let id = self.names.of(&function.name, "Function");
        let (role, logs) = (format!("{id}Role"), format!("{id}Logs"));
        let (variable, value) = &function.variable;
        let logging = Yaml::map([
            ("LogFormat", Yaml::text("JSON")),
            ("LogGroup", Yaml::Tagged("Ref", logs.clone())),
        ]);
        let variables = Yaml::Map(vec![((*variable).to_owned(), Yaml::text(value))]);
        let mut properties = vec![
            ("FunctionName", Yaml::text(&function.name)),
            ("Runtime", Yaml::text("provided.al2023")),
            ("Architectures", Yaml::List(vec![Yaml::text(self.origin.architecture.to_string())])),
            ("Handler", Yaml::text("bootstrap")),
            ("CodeUri", Yaml::text(self.origin.path(&function.package))),
            ("MemorySize", Yaml::Number(function.memory_mib)),
            ("Timeout", Yaml::Number(function.timeout_seconds)),
        ];
        if let Some(concurrency) = function.concurrency {
            properties.push(("ReservedConcurrentExecutions", Yaml::Number(concurrency)));
        }
        properties.push(("Environment", Yaml::map([("Variables", variables)])));
        properties.push(("LoggingConfig", logging));
        if function.tracing {
            properties.push(("Tracing", Yaml::text("Active")));
        }
        if let Some(alias) = &function.alias {
            properties.push(("AutoPublishAlias", Yaml::text(alias)));
        }
        properties.push(("Role", attribute(&role, "Arn")));
        self.add(&id, "AWS::Serverless::Function", members(properties));
        self.add_log_group(&logs, &function.log_group);
        self.add_role(&role, &function.role);
    }

    fn add_log_group(&mut self, id: &str, name: &str) {
        let properties = Yaml::map([
            ("LogGroupName", Yaml::text(name)),
            ("RetentionInDays", Yaml::Number(LOG_DAYS)),
        ]);
        let group = Yaml::map([
            ("Type", Yaml::text("AWS::Logs::LogGroup")),
            ("DeletionPolicy", Yaml::text("Delete")),
            ("UpdateReplacePolicy", Yaml::text("Delete")),
            ("Properties", properties),
        ]);
        self.resources.push((id.to_owned(), group));
    }

    fn add_role(&mut self, id: &str, role: &Role) {
        let trust = Yaml::map([
            ("Effect", Yaml::text("Allow")),
            ("Principal", Yaml::map([("Service", Yaml::text(role.service.principal()))])),
            ("Action", Yaml::text("sts:AssumeRole")),
            ("Condition", conditions(&role.trust())),
        ]);
        let mut properties = vec![("AssumeRolePolicyDocument", document(vec![trust]))];
        if !role.statements.is_empty() {
            let policy = Yaml::map([
                ("PolicyName", Yaml::text("stepyard")),
                ("PolicyDocument", document(role.statements.iter().map(statement).collect())),
            ]);
            properties.push(("Policies", Yaml::List(vec![policy])));
        }
        self.add(id, "AWS::IAM::Role", members(properties));
    }

    fn add_topic(&mut self, topic: &Topic) {
        let id = self.names.of(topic.name.trim_end_matches(".fifo"), "Topic");
        let mut properties = vec![("TopicName", Yaml::text(&topic.name))];
        if topic.is_fifo() {
            properties.push(("FifoTopic", Yaml::Flag(true)));
        }
        self.add(&id, "AWS::SNS::Topic", members(properties));
        let value = Yaml::Tagged("Ref", id.clone());
        self.outputs.push((format!("{id}Arn"), Yaml::map([("Value", value)])));
    }

    /// A table outlives its stack: what it holds is no template's.
    fn add_table(&mut self, table: &Table) {
        let id = self.names.of(&table.bucket, "Table");
        let attribute = |name: &str| {
            Yaml::map([("AttributeName", Yaml::text(name)), ("AttributeType", Yaml::text("S"))])
        };
        let key = |name: &str, kind: &str| {
            Yaml::map([("AttributeName", Yaml::text(name)), ("KeyType", Yaml::text(kind))])
        };
        let properties = Yaml::map([
            ("TableName", Yaml::text(&table.name)),
            ("BillingMode", Yaml::text("PAY_PER_REQUEST")),
            ("AttributeDefinitions", Yaml::List(vec![attribute("bucket"), attribute("key")])),
            ("KeySchema", Yaml::List(vec![key("bucket", "HASH"), key("key", "RANGE")])),
        ]);
        let resource = Yaml::map([
            ("Type", Yaml::text("AWS::DynamoDB::Table")),
            ("DeletionPolicy", Yaml::text("RetainExceptOnCreate")),
            ("UpdateReplacePolicy", Yaml::text("Retain")),
            ("Properties", properties),
        ]);
        let comment = format!("The bucket {}. It stays when the stack is deleted.", table.bucket);
        self.resources.push((id, resource.commented(comment)));
    }
}

fn members(members: Vec<(&str, Yaml)>) -> Yaml {
    Yaml::Map(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn attribute(id: &str, attribute: &str) -> Yaml {
    Yaml::Tagged("GetAtt", format!("{id}.{attribute}"))
}

fn logging_of(logging: &Logging, logs: &str) -> Yaml {
    let group = match &logging.destination {
        Destination::Own(_) => attribute(logs, "Arn"),
        Destination::Other(arn) => Yaml::text(arn),
    };
    let group = Yaml::map([("LogGroupArn", group)]);
    Yaml::map([
        ("Level", Yaml::text(logging.level)),
        ("IncludeExecutionData", Yaml::Flag(logging.include_execution_data)),
        ("Destinations", Yaml::List(vec![Yaml::map([("CloudWatchLogsLogGroup", group)])])),
    ])
}

fn document(statements: Vec<Yaml>) -> Yaml {
    Yaml::map([("Version", Yaml::text("2012-10-17")), ("Statement", Yaml::List(statements))])
}

fn statement(statement: &Statement) -> Yaml {
    let actions = statement.actions.iter().map(|action| Yaml::text(*action)).collect();
    let mut written = vec![
        ("Sid", Yaml::text(&statement.sid)),
        ("Effect", Yaml::text("Allow")),
        ("Action", one_or_list(actions)),
        ("Resource", one_or_list(statement.resources.iter().map(text).collect())),
    ];
    if !statement.conditions.is_empty() {
        written.push(("Condition", conditions(&statement.conditions)));
    }
    members(written).commented(&statement.reason)
}

/// Conditions, those with one operator together.
fn conditions(conditions: &[Condition]) -> Yaml {
    let mut operators: Vec<(String, Yaml)> = Vec::new();
    for condition in conditions {
        let values = one_or_list(condition.values.iter().map(text).collect());
        let member = (condition.key.to_owned(), values);
        match operators.iter_mut().find(|(operator, _)| operator == condition.operator) {
            Some((_, Yaml::Map(members))) => members.push(member),
            _ => operators.push((condition.operator.to_owned(), Yaml::Map(vec![member]))),
        }
    }
    Yaml::Map(operators)
}

fn one_or_list(mut nodes: Vec<Yaml>) -> Yaml {
    match nodes.len() {
        1 => nodes.remove(0),
        _ => Yaml::List(nodes),
    }
}

/// A text with CloudFormation's pseudo parameters.
fn text(text: &Text) -> Yaml {
    match (text.literal(), text.parts()) {
        (Some(literal), _) => Yaml::text(literal),
        (None, [Part::Account]) => Yaml::Tagged("Ref", "AWS::AccountId".to_owned()),
        (None, _) => Yaml::Tagged(
            "Sub",
            text.written(|part| match part {
                Part::Literal(literal) => literal.replace("${", "${!"),
                part => Text::of(part.clone()).to_string(),
            }),
        ),
    }
}
