//! A stack as a Terraform configuration.

use std::path::Path;

use super::{
    Origin,
    hcl::{File, Hcl, Value, escaped},
    names::Names,
    policy::{Condition, Role, Statement},
    stack::{Destination, Function, LOG_DAYS, Logging, Machine, Stack, Table, Topic},
};

/// The configuration.
pub(super) fn configuration(stack: &Stack, origin: &Origin<'_>) -> String {
    let mut configuration = Configuration { origin, names: Names::snake(), body: preamble(origin) };
    if !stack.tables.is_empty() {
        configuration.body.push(table_protection());
    }
    stack.machines.iter().for_each(|it| configuration.add_machine(it));
    stack.functions.iter().for_each(|it| configuration.add_function(it));
    stack.topics.iter().for_each(|it| configuration.add_topic(it));
    stack.tables.iter().for_each(|it| configuration.add_table(it));
    File(configuration.body).to_string()
}

struct Configuration<'a> {
    origin: &'a Origin<'a>,
    names: Names,
    body: Vec<Hcl>,
}

fn preamble(origin: &Origin<'_>) -> Vec<Hcl> {
    let provider = Value::Map(vec![
        ("source".to_owned(), Value::text("hashicorp/aws")),
        ("version".to_owned(), Value::text(">= 6.0")),
    ]);
    let terraform = vec![
        Hcl::attribute("required_version", Value::text(">= 1.6")),
        Hcl::block("required_providers", vec![Hcl::attribute("aws", provider)]),
    ];
    let local = |name, expression| Hcl::attribute(name, Value::expression(expression));
    vec![
        Hcl::Comment(format!("{}\n{}", origin.description(), origin.notice())),
        Hcl::Gap,
        Hcl::block("terraform", terraform),
        Hcl::data("aws_partition", "current", vec![]),
        Hcl::data("aws_region", "current", vec![]),
        Hcl::data("aws_caller_identity", "current", vec![]),
        Hcl::block(
            "locals",
            vec![
                local("partition", "data.aws_partition.current.partition"),
                local("region", "data.aws_region.current.region"),
                local("account", "data.aws_caller_identity.current.account_id"),
            ],
        ),
    ]
}

fn table_protection() -> Hcl {
    Hcl::block(
        "variable \"protect_tables\"",
        vec![
            Hcl::attribute("description", Value::text("Whether tables refuse to be deleted.")),
            Hcl::attribute("type", Value::expression("bool")),
            Hcl::attribute("default", Value::expression("true")),
        ],
    )
}

impl Configuration<'_> {
    fn add(&mut self, kind: &str, name: &str, body: Vec<Hcl>) {
        self.body.push(Hcl::resource(kind, name, body));
    }

    fn add_output(&mut self, name: &str, expression: String) {
        let value = Hcl::attribute("value", Value::Expression(expression));
        self.body.push(Hcl::block(&format!("output \"{name}\""), vec![value]));
    }

    fn add_machine(&mut self, machine: &Machine) {
        let name = self.names.of(&machine.name, "state_machine");
        let definition = self.path(&machine.definition);
        let mut body = vec![
            Hcl::attribute("name", Value::text(&machine.name)),
            Hcl::attribute("type", Value::text(machine.kind.name())),
            Hcl::attribute("definition", Value::expression(format!("file({definition})"))),
            Hcl::attribute("role_arn", reference("aws_iam_role", &name, "arn")),
        ];
        if let Some(logging) = &machine.logging {
            body.push(Hcl::block("logging_configuration", logging_of(logging, &name)));
        }
        if machine.tracing {
            let enabled = Hcl::attribute("enabled", Value::expression("true"));
            body.push(Hcl::block("tracing_configuration", vec![enabled]));
        }
        body.extend(depends_on_policy(&machine.role, &name));
        self.add("aws_sfn_state_machine", &name, body);
        if let Some(Logging { destination: Destination::Own(group), .. }) = &machine.logging {
            self.add_log_group(&name, group);
        }
        self.add_role(&name, &machine.role);
        self.add_output(&format!("{name}_arn"), format!("aws_sfn_state_machine.{name}.arn"));
    }

    fn add_function(&mut self, function: &Function) {
        let name = self.names.of(&function.name, "function");
        let package = self.path(&function.package);
        let number = |number: u64| Value::Expression(number.to_string());
        let mut body = vec![
            Hcl::attribute("function_name", Value::text(&function.name)),
            Hcl::attribute("runtime", Value::text("provided.al2023")),
            Hcl::attribute("architectures", Value::texts([self.origin.architecture.to_string()])),
            Hcl::attribute("handler", Value::text("bootstrap")),
            Hcl::attribute("filename", Value::Expression(package.clone())),
            Hcl::attribute(
                "source_code_hash",
                Value::Expression(format!("filebase64sha256({package})")),
            ),
            Hcl::attribute("memory_size", number(function.memory_mib)),
            Hcl::attribute("timeout", number(function.timeout_seconds)),
        ];
        if let Some(concurrency) = function.concurrency {
            body.push(Hcl::attribute("reserved_concurrent_executions", number(concurrency)));
        }
        if function.alias.is_some() {
            body.push(Hcl::attribute("publish", Value::expression("true")));
        }
        body.push(Hcl::attribute("role", reference("aws_iam_role", &name, "arn")));
        let (variable, value) = &function.variable;
        let variables = Value::Map(vec![((*variable).to_owned(), Value::text(value))]);
        body.push(Hcl::block("environment", vec![Hcl::attribute("variables", variables)]));
        let log_group = reference("aws_cloudwatch_log_group", &name, "name");
        body.push(Hcl::block(
            "logging_config",
            vec![
                Hcl::attribute("log_format", Value::text("JSON")),
                Hcl::attribute("log_group", log_group),
            ],
        ));
        if function.tracing {
            let mode = Hcl::attribute("mode", Value::text("Active"));
            body.push(Hcl::block("tracing_config", vec![mode]));
        }
        body.extend(depends_on_policy(&function.role, &name));
        self.add("aws_lambda_function", &name, body);
        if let Some(alias) = &function.alias {
            self.add_alias(&name, alias);
        }
        self.add_log_group(&name, &function.log_group);
        self.add_role(&name, &function.role);
    }

    fn add_alias(&mut self, function: &str, alias: &str) {
        let body = vec![
            Hcl::attribute("name", Value::text(alias)),
            Hcl::attribute(
                "function_name",
                reference("aws_lambda_function", function, "function_name"),
            ),
            Hcl::attribute(
                "function_version",
                reference("aws_lambda_function", function, "version"),
            ),
        ];
        self.add("aws_lambda_alias", function, body);
    }

    fn add_log_group(&mut self, name: &str, group: &str) {
        let body = vec![
            Hcl::attribute("name", Value::text(group)),
            Hcl::attribute("retention_in_days", Value::Expression(LOG_DAYS.to_string())),
        ];
        self.add("aws_cloudwatch_log_group", name, body);
    }

    fn add_role(&mut self, name: &str, role: &Role) {
        let principals = vec![
            Hcl::attribute("type", Value::text("Service")),
            Hcl::attribute("identifiers", Value::texts([role.service.principal()])),
        ];
        let mut trust = vec![
            Hcl::attribute("actions", Value::texts(["sts:AssumeRole"])),
            Hcl::block("principals", principals),
        ];
        trust.extend(role.trust().iter().map(condition));
        let trust = vec![Hcl::block("statement", trust)];
        let trust_name = format!("{name}_trust");
        self.body.push(Hcl::data("aws_iam_policy_document", &trust_name, trust));
        let trust = reference("data.aws_iam_policy_document", &trust_name, "json");
        let name_prefix = Hcl::attribute("name_prefix", Value::text(prefix(name)));
        self.add(
            "aws_iam_role",
            name,
            vec![name_prefix, Hcl::attribute("assume_role_policy", trust)],
        );
        if role.statements.is_empty() {
            return;
        }
        let statements = role.statements.iter().flat_map(statement).collect();
        self.body.push(Hcl::data("aws_iam_policy_document", name, statements));
        let policy = vec![
            Hcl::attribute("name", Value::text("stepyard")),
            Hcl::attribute("role", reference("aws_iam_role", name, "id")),
            Hcl::attribute("policy", reference("data.aws_iam_policy_document", name, "json")),
        ];
        self.add("aws_iam_role_policy", name, policy);
    }

    fn add_topic(&mut self, topic: &Topic) {
        let name = self.names.of(topic.name.trim_end_matches(".fifo"), "topic");
        let mut body = vec![Hcl::attribute("name", Value::text(&topic.name))];
        if topic.is_fifo() {
            body.push(Hcl::attribute("fifo_topic", Value::expression("true")));
        }
        self.add("aws_sns_topic", &name, body);
        self.add_output(&format!("{name}_arn"), format!("aws_sns_topic.{name}.arn"));
    }

    fn add_table(&mut self, table: &Table) {
        let name = self.names.of(&table.bucket, "table");
        let attribute = |name: &str| {
            let body = [("name", name), ("type", "S")];
            Hcl::block(
                "attribute",
                body.map(|(key, value)| Hcl::attribute(key, Value::text(value))).into(),
            )
        };
        self.body.push(Hcl::Comment(format!("The bucket {}.", table.bucket)));
        let body = vec![
            Hcl::attribute("name", Value::text(&table.name)),
            Hcl::attribute("billing_mode", Value::text("PAY_PER_REQUEST")),
            Hcl::attribute("hash_key", Value::text("bucket")),
            Hcl::attribute("range_key", Value::text("key")),
            Hcl::attribute("deletion_protection_enabled", Value::expression("var.protect_tables")),
            attribute("bucket"),
            attribute("key"),
        ];
        self.add("aws_dynamodb_table", &name, body);
    }

    /// A file, as the configuration finds it, in quotes.
    fn path(&self, path: &Path) -> String {
        let path = escaped(&self.origin.path(path));
        match path.starts_with('/') {
            true => format!("\"{path}\""),
            false => format!("\"${{path.module}}/{path}\""),
        }
    }
}

/// The longest that the beginning of a role's name may be (AWS provider, `name_prefix`).
const PREFIX_MAX: usize = 38;

fn prefix(name: &str) -> String {
    let begun: String = name.chars().take(PREFIX_MAX - 1).collect();
    begun.replace('_', "-") + "-"
}

fn reference(kind: &str, name: &str, attribute: &str) -> Value {
    Value::Expression(format!("{kind}.{name}.{attribute}"))
}

/// What a role may do is there before what assumes it.
fn depends_on_policy(role: &Role, name: &str) -> Option<Hcl> {
    let policy = Value::Expression(format!("aws_iam_role_policy.{name}"));
    let depends_on = Hcl::attribute("depends_on", Value::List(vec![policy]));
    (!role.statements.is_empty()).then_some(depends_on)
}

fn logging_of(logging: &Logging, name: &str) -> Vec<Hcl> {
    let destination = match &logging.destination {
        Destination::Own(_) => {
            Value::Expression(format!("\"${{aws_cloudwatch_log_group.{name}.arn}}:*\""))
        }
        Destination::Other(arn) => Value::text(arn),
    };
    let data = logging.include_execution_data.to_string();
    vec![
        Hcl::attribute("level", Value::text(logging.level)),
        Hcl::attribute("include_execution_data", Value::Expression(data)),
        Hcl::attribute("log_destination", destination),
    ]
}

fn statement(statement: &Statement) -> [Hcl; 2] {
    let mut body = vec![
        Hcl::attribute("sid", Value::text(&statement.sid)),
        Hcl::attribute("actions", Value::texts(statement.actions.iter().copied())),
        Hcl::attribute("resources", Value::texts(statement.resources.iter().cloned())),
    ];
    body.extend(statement.conditions.iter().map(condition));
    [Hcl::Comment(statement.reason.clone()), Hcl::block("statement", body)]
}

fn condition(condition: &Condition) -> Hcl {
    Hcl::block(
        "condition",
        vec![
            Hcl::attribute("test", Value::text(condition.operator)),
            Hcl::attribute("variable", Value::text(condition.key)),
            Hcl::attribute("values", Value::texts(condition.values.iter().cloned())),
        ],
    )
}
