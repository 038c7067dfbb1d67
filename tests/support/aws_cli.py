"""Drives every operation of a Step Functions endpoint with the AWS CLI: prints what it saw as JSON.

argv: the endpoint's URL.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

from botocore import xform_name
from botocore.session import get_session

# Every operation there is, by AWS's own model of the service.
model = get_session().get_service_model("stepfunctions")
commands = {xform_name(name, "-"): name for name in model.operation_names}
driven = set()

home = tempfile.TemporaryDirectory()
environment = {
    **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL_SFN": sys.argv[1],
    # StartSyncExecution goes to the host itself, not to `sync-` before it.
    "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    "AWS_CONFIG_FILE": os.path.join(home.name, "config"),
    "AWS_SHARED_CREDENTIALS_FILE": os.path.join(home.name, "credentials"),
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_PAGER": "",
}
role = "arn:aws:iam::123456789012:role/orders"


def run(command, *flags, **options):
    driven.add(commands[command])
    line = [sys.executable, "-m", "awscli", "stepfunctions", command, *flags]
    for name, value in options.items():
        line += [f"--{name.replace('_', '-')}", *(value if isinstance(value, list) else [str(value)])]
    return subprocess.run(line, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def aws(command, *flags, **options):
    """What a command prints."""
    done = run(command, *flags, **options)
    assert done.returncode == 0, (command, done.returncode, done.stderr)
    return json.loads(done.stdout) if done.stdout.strip() else None


def refused(command, **options):
    """The error that a command is refused with."""
    done = run(command, **options)
    told = re.search(r"An error occurred \((\w+)\) when calling the (\w+) operation", done.stderr)
    assert done.returncode != 0 and told and told[2] == commands[command], (command, done.stdout, done.stderr)
    return told[1]


def definition(name, **states):
    """A file with a definition, as the command line takes it."""
    path = os.path.join(home.name, f"{name}.asl.json")
    with open(path, "w") as file:
        json.dump({"StartAt": next(iter(states)), "States": states}, file)
    return f"file://{path}"


def machine(name, *flags, states, **options):
    created = aws("create-state-machine", *flags, name=name, definition=definition(name, **states), role_arn=role, **options)
    return created["stateMachineArn"]


def all_of(command, member, key, **options):
    """A list by pages of one: what the CLI gathers of it, and by hand with its own token."""
    whole = [it[key] for it in aws(command, page_size=1, **options)[member]]
    first = aws(command, page_size=1, max_items=1, **options)
    rest = aws(command, page_size=1, starting_token=first["NextToken"], **options)
    by_hand = [it[key] for page in (first, rest) for it in page[member]]
    assert whole == by_hand and len(set(whole)) == len(whole), (command, whole, by_hand)
    return whole


def sleeping(seconds):
    return {"Sleep": {"Type": "Wait", "Seconds": seconds, "End": True}}


def machines_and_versions():
    asleep = machine("asleep", "--publish", states=sleeping(86_400), tags=["key=team,value=orders", "key=a,value=b"])
    updated = aws("update-state-machine", state_machine_arn=asleep, definition=definition("longer", **sleeping(90_000)))
    described = aws("describe-state-machine", state_machine_arn=asleep)
    second = aws("publish-state-machine-version", state_machine_arn=asleep, description="longer")["stateMachineVersionArn"]
    listed = aws("list-state-machine-versions", state_machine_arn=asleep)["stateMachineVersions"]
    route = f"stateMachineVersionArn={second},weight=100"
    alias = aws("create-state-machine-alias", name="PROD", routing_configuration=[route])["stateMachineAliasArn"]
    aws("update-state-machine-alias", state_machine_alias_arn=alias, description="live")
    shown = aws("describe-state-machine-alias", state_machine_alias_arn=alias)
    aliases = aws("list-state-machine-aliases", state_machine_arn=asleep)["stateMachineAliases"]
    started = aws("start-execution", state_machine_arn=alias, name="by-alias")["executionArn"]
    through = aws("describe-execution", execution_arn=started)
    aws("untag-resource", resource_arn=asleep, tag_keys=["a"])
    aws("tag-resource", resource_arn=asleep, tags=[json.dumps([{"key": "c", "value": "d e"}])])
    aws("delete-state-machine-alias", state_machine_alias_arn=alias)
    aws("delete-state-machine-version", state_machine_version_arn=second)
    return {
        "revision": updated["revisionId"] == described["revisionId"],
        "definition": "90000" in described["definition"],
        "versions": [it["stateMachineVersionArn"].rsplit(":", 1)[1] for it in listed],
        "alias": [shown["name"], shown["description"], shown["routingConfiguration"][0]["weight"]],
        "aliases": [it["stateMachineAliasArn"] for it in aliases] == [alias],
        "through": [through["stateMachineAliasArn"] == alias, through["stateMachineVersionArn"] == second],
        "tags": {it["key"]: it["value"] for it in aws("list-tags-for-resource", resource_arn=asleep)["tags"]},
        "checked": aws("validate-state-machine-definition", definition='{"StartAt": "A", "States": {}}')["result"],
    }


def executions():
    pass_on = machine("pass", states={"Pass": {"Type": "Pass", "End": True}})
    asleep = machine("sleeper", states=sleeping(86_400))
    names = ["one", "two", "three"]
    arns = [aws("start-execution", state_machine_arn=asleep, name=name, input='{"a": "ü"}')["executionArn"] for name in names]
    aws("stop-execution", execution_arn=arns[1], error="Enough", cause="of it")
    stopped = aws("describe-execution", execution_arn=arns[1])
    running = aws("list-executions", state_machine_arn=asleep, status_filter="RUNNING")["executions"]
    aws("redrive-execution", execution_arn=arns[1], client_token="once")
    again = aws("describe-execution", execution_arn=arns[1])
    began = aws("describe-state-machine-for-execution", execution_arn=arns[0])
    history = all_of("get-execution-history", "events", "id", execution_arn=arns[1])
    newest = aws("get-execution-history", "--reverse-order", execution_arn=arns[1], max_items=1)
    express = machine("express", type="EXPRESS", states={"Pass": {"Type": "Pass", "End": True}})
    synchronous = aws("start-sync-execution", state_machine_arn=express, input='{"loud": true}')
    return {
        "listed": sorted(all_of("list-executions", "executions", "name", state_machine_arn=asleep)),
        "running": sorted(it["name"] for it in running),
        "stopped": [stopped["status"], stopped["error"], stopped["cause"], stopped["input"]],
        "redriven": [again["status"], again["redriveCount"]],
        "began": "86400" in began["definition"],
        "history": history,
        "newest": newest["events"][0]["type"],
        "machines": sorted(all_of("list-state-machines", "stateMachines", "name")),
        "synchronous": [synchronous["status"], synchronous["output"]],
        "deleted": [aws("delete-state-machine", state_machine_arn=pass_on), refused("describe-state-machine", state_machine_arn=pass_on)],
    }


def tasks():
    pack = aws("create-activity", name="pack")["activityArn"]
    aws("create-activity", name="ship")
    packing = machine("packing", states={"Pack": {"Type": "Task", "Resource": pack, "End": True}})
    tokens = {}
    for name in ("good", "bad"):
        execution = aws("start-execution", state_machine_arn=packing, name=name, input=f'"{name}"')["executionArn"]
        task = aws("get-activity-task", activity_arn=pack, worker_name="w")
        tokens[json.loads(task["input"])] = (execution, task["taskToken"])
    (good, good_token), (bad, bad_token) = tokens["good"], tokens["bad"]
    aws("send-task-heartbeat", task_token=good_token)
    aws("send-task-success", task_token=good_token, task_output='{"packed": true}')
    aws("send-task-failure", task_token=bad_token, error="Torn", cause="the box")
    ends = [aws("describe-execution", execution_arn=arn) for arn in (good, bad)]
    return {
        "described": aws("describe-activity", activity_arn=pack)["name"],
        "listed": all_of("list-activities", "activities", "name"),
        "ends": [[ends[0]["status"], ends[0]["output"]], [ends[1]["status"], ends[1]["error"], ends[1]["cause"]]],
        "over": refused("send-task-heartbeat", task_token=good_token),
        "forged": refused("send-task-success", task_token="forged", task_output="{}"),
        "deleted": [aws("delete-activity", activity_arn=pack), refused("describe-activity", activity_arn=pack)],
    }


def one_state():
    """A state by itself, with its data; one with a mock; one of a whole machine."""
    passing = {"Type": "Pass", "Parameters": {"b.$": "$.a"}, "Next": "On"}
    passed = aws("test-state", definition=json.dumps(passing), input='{"a": 1}', inspection_level="DEBUG")
    calling = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "F"},
        "Retry": [{"ErrorEquals": ["Torn"], "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Mend"}],
        "End": True,
    }
    torn = {"errorOutput": {"error": "Torn", "cause": "the box"}}
    retried = aws("test-state", definition=json.dumps(calling), mock=json.dumps(torn))
    caught = aws("test-state", definition=json.dumps(calling), mock=json.dumps(torn), state_configuration="retrierRetryCount=1")
    wrong = json.dumps({"result": '{"StatusCode": "200"}'})
    named = aws("test-state", definition=definition("named", Call=calling, Mend={"Type": "Succeed"}), state_name="Mend")
    return {
        "passed": [passed["status"], passed["nextState"], passed["output"], passed["inspectionData"]["afterParameters"]],
        "torn": [retried["status"], caught["status"], caught["nextState"]],
        "wrong": refused("test-state", definition=json.dumps(calling), mock=wrong),
        "named": named,
    }


def map_runs():
    """Map Runs that are not there."""
    run_arn = "arn:aws:states:us-east-1:123456789012:mapRun:m/l:r"
    return {
        "DescribeMapRun": refused("describe-map-run", map_run_arn=run_arn),
        "ListMapRuns": refused("list-map-runs", execution_arn="arn:aws:states:us-east-1:123456789012:execution:m:1"),
        "UpdateMapRun": refused("update-map-run", map_run_arn=run_arn, max_concurrency=1),
    }


seen = {"machines": machines_and_versions(), "executions": executions(), "tasks": tasks()}
seen.update({"one state": one_state(), "map runs": map_runs()})
print(json.dumps({**seen, "never driven": sorted(set(commands.values()) - driven)}))
