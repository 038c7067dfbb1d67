"""Publishes, routes and tags with boto3: prints what it saw as JSON.

argv: the endpoint's URL, and what to do: `fill` an empty server, `look` at what `fill` left, or
`go_on` from there.
"""

from collections import Counter

endpoint, task = sys.argv[1:]
machine = "arn:aws:states:us-east-1:123456789012:stateMachine:routed"
first, second, prod = f"{machine}:1", f"{machine}:2", f"{machine}:PROD"


def definition(seconds):
    """Waits, so that an execution stays what it is."""
    return json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": seconds, "End": True}}})


def routes(*weights):
    """Weights for the first and the second version."""
    given = zip((first, second), weights)
    return [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in given]


def start(arn, count, prefix):
    """How many of `count` starts each version got."""
    started = [sfn.start_execution(stateMachineArn=arn, name=f"{prefix}-{i}") for i in range(count)]
    described = [sfn.describe_execution(executionArn=it["executionArn"]) for it in started]
    return Counter(it.get("stateMachineVersionArn", "none").rsplit(":", 1)[-1] for it in described)


def pages(call, member, **arguments):
    """All of a list, by pages of one."""
    found, token = [], {}
    while True:
        page = call(maxResults=1, **arguments, **token)
        assert len(page[member]) <= 1
        found += page[member]
        if "nextToken" not in page:
            return found
        token = {"nextToken": page["nextToken"]}


def versions():
    found = pages(sfn.list_state_machine_versions, "stateMachineVersions", stateMachineArn=machine)
    return [it["stateMachineVersionArn"].rsplit(":", 1)[-1] for it in found]


def aliases(arn):
    found = pages(sfn.list_state_machine_aliases, "stateMachineAliases", stateMachineArn=arn)
    return [it["stateMachineAliasArn"].rsplit(":", 1)[-1] for it in found]


def names(arn):
    listed = sfn.get_paginator("list_executions").paginate(stateMachineArn=arn)
    return sorted(it["name"] for page in listed for it in page["executions"])


def tags():
    found = sfn.list_tags_for_resource(resourceArn=machine)["tags"]
    return {it["key"]: it["value"] for it in found}


def fill():
    created = sfn.create_state_machine(
        name="routed",
        definition=definition(86_400),
        roleArn=role,
        publish=True,
        versionDescription="the first",
        tags=[{"key": "team", "value": "orders"}, {"key": "gone", "value": ""}],
    )
    same = sfn.update_state_machine(stateMachineArn=machine, definition=definition(86_400), publish=True)
    updated = sfn.update_state_machine(stateMachineArn=machine, definition=definition(90_000), publish=True)
    again = sfn.publish_state_machine_version(stateMachineArn=machine, revisionId=updated["revisionId"])
    sfn.create_state_machine_alias(name="PROD", description="live", routingConfiguration=routes(100, 0))
    one = start(prod, 8, "one")
    by_name = sfn.start_execution(stateMachineArn=prod, name="same")
    sfn.update_state_machine_alias(stateMachineAliasArn=prod, routingConfiguration=routes(50, 50))
    half = start(prod, 60, "half")
    sfn.update_state_machine_alias(stateMachineAliasArn=prod, routingConfiguration=routes(0, 100))
    sfn.create_state_machine_alias(name="canary", routingConfiguration=routes(100))
    two = start(prod, 8, "two")
    by_name_again = sfn.start_execution(stateMachineArn=prod, name="same")
    kept = sfn.describe_execution(executionArn=by_name["executionArn"])
    began = sfn.get_execution_history(executionArn=by_name["executionArn"])["events"][0]
    began = began["executionStartedEventDetails"]
    runs = sfn.describe_state_machine_for_execution(executionArn=by_name["executionArn"])
    start(second, 1, "version")
    start(machine, 1, "plain")
    sfn.tag_resource(resourceArn=machine, tags=[{"key": "team", "value": "sales"}, {"key": "a", "value": "b"}])
    sfn.untag_resource(resourceArn=machine, tagKeys=["gone", "never"])
    many = [{"key": str(number), "value": ""} for number in range(50)]
    return {
        "published": [it["stateMachineVersionArn"] for it in (created, same, updated, again)],
        "ineffective": "revisionId" in same,
        "all_to_one": one,
        "half_and_half": [sum(half.values()), sorted(half)],
        "all_to_two": two,
        "same": by_name["executionArn"] == by_name_again["executionArn"],
        "kept": [kept["stateMachineVersionArn"], kept["stateMachineAliasArn"]],
        "began": [began["stateMachineVersionArn"], began["stateMachineAliasArn"]],
        "runs": "86400" in runs["definition"] and "revisionId" not in runs,
        "errors": [
            code(sfn.delete_state_machine_version, stateMachineVersionArn=first),
            code(sfn.publish_state_machine_version, stateMachineArn=machine, revisionId="INITIAL"),
            code(sfn.publish_state_machine_version, stateMachineArn=machine + "x"),
            code(sfn.start_execution, stateMachineArn=f"{machine}:9"),
            code(sfn.start_execution, stateMachineArn=f"{machine}:absent"),
            code(sfn.describe_state_machine, stateMachineArn=f"{machine}:9"),
            code(sfn.describe_state_machine_alias, stateMachineAliasArn=f"{machine}:absent"),
            code(sfn.update_state_machine_alias, stateMachineAliasArn=f"{machine}:absent", description="x"),
            code(sfn.update_state_machine_alias, stateMachineAliasArn=prod),
            code(sfn.create_state_machine_alias, name="PROD", routingConfiguration=routes(100)),
            code(sfn.create_state_machine_alias, name="12", routingConfiguration=routes(100)),
            code(sfn.create_state_machine_alias, name="x", routingConfiguration=routes(60, 30)),
            code(sfn.delete_state_machine, stateMachineArn=first),
            code(sfn.tag_resource, resourceArn=first, tags=[]),
            code(sfn.tag_resource, resourceArn=machine, tags=many),
            code(sfn.tag_resource, resourceArn=machine, tags=[{"key": "aws:x", "value": ""}]),
            code(sfn.list_tags_for_resource, resourceArn="routed"),
            code(sfn.update_state_machine, stateMachineArn=machine, roleArn=role, versionDescription="x"),
        ],
    }


def look():
    version = sfn.describe_state_machine(stateMachineArn=first)
    alias = sfn.describe_state_machine_alias(stateMachineAliasArn=prod)
    through = sfn.describe_state_machine(stateMachineArn=prod)
    return {
        "versions": versions(),
        "aliases": aliases(machine),
        "of_first": aliases(first),
        "first": [version["stateMachineArn"], version["description"], "86400" in version["definition"]],
        "prod": [alias["name"], alias["description"], alias["routingConfiguration"]],
        "dates": [str(it) for it in (version["creationDate"], alias["creationDate"], alias["updateDate"])],
        "through": through["stateMachineArn"],
        "tags": tags(),
        "by_alias": names(prod),
        "by_version": [len(names(first)) + len(names(second)), names(f"{machine}:canary")],
        "all": len(names(machine)),
    }


def go_on():
    sfn.update_state_machine_alias(stateMachineAliasArn=prod, routingConfiguration=routes(100))
    sfn.delete_state_machine_version(stateMachineVersionArn=second)
    third = sfn.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"]
    after = versions()
    gone = code(sfn.delete_state_machine_alias, stateMachineAliasArn=f"{machine}:canary")
    left = aliases(machine)
    sfn.delete_state_machine(stateMachineArn=machine)
    deleted = [
        versions(),
        code(sfn.list_state_machine_aliases, stateMachineArn=machine),
        code(sfn.describe_state_machine, stateMachineArn=first),
        code(sfn.start_execution, stateMachineArn=prod),
        code(sfn.list_tags_for_resource, resourceArn=machine),
    ]
    anew = sfn.create_state_machine(name="routed", definition=definition(1), roleArn=role, publish=True)
    return {
        "third": third,
        "versions": after,
        "aliases": [gone, left],
        "deleted": deleted,
        "anew": [anew["stateMachineVersionArn"], versions(), aliases(machine), tags()],
    }


print(json.dumps({"fill": fill, "look": look, "go_on": go_on}[task]()))
