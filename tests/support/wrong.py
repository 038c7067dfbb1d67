"""Sends a Step Functions endpoint what no request may be: at each member of each operation, by AWS's own
model of the service, every kind of wrong value, and holds the answers to what AWS says to such.

argv: the endpoint's URL, a seed. Prints what was wrong with the answers, and how many there were, as JSON.
"""

import copy
import http.client
import json
import random
import re
import sys

from botocore.session import get_session

address = sys.argv[1].removeprefix("http://")
dice = random.Random(int(sys.argv[2]))
model = get_session().get_service_model("stepfunctions")
connection = http.client.HTTPConnection(address, timeout=30)

# How many requests are wrong at random.
RANDOM = 1_500

asked = 0
faults = []


def call(operation, request):
    """Status, error (None when there is none) and message of the answer. `request`: JSON, or bytes."""
    global asked
    asked += 1
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    headers = {"X-Amz-Target": f"AWSStepFunctions.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    connection.request("POST", "/", body, headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    if response.status == 200:
        return 200, None, answer
    return response.status, answer["__type"].rsplit("#", 1)[1], answer.get("message", "")


def done(operation, **members):
    status, error, answer = call(operation, members)
    assert status == 200, (operation, members, error, answer)
    return answer


def definition(**state):
    return json.dumps({"StartAt": "A", "States": {"A": {**state, "End": True}}})


ROLE = "arn:aws:iam::123456789012:role/r"
PASS = definition(Type="Pass")
WAIT = definition(Type="Wait", Seconds=86_400)
wait = done("CreateStateMachine", name="wait", definition=WAIT, roleArn=ROLE)["stateMachineArn"]
version = done("PublishStateMachineVersion", stateMachineArn=wait)["stateMachineVersionArn"]
route = [{"stateMachineVersionArn": version, "weight": 100}]
alias = done("CreateStateMachineAlias", name="PROD", routingConfiguration=route)["stateMachineAliasArn"]
express = done("CreateStateMachine", name="express", definition=PASS, roleArn=ROLE, type="EXPRESS")["stateMachineArn"]
execution = done("StartExecution", stateMachineArn=wait, name="one")["executionArn"]
activity = done("CreateActivity", name="pack")["activityArn"]
ARN = "arn:aws:states:us-east-1:123456789012:"
RUN = f"{ARN}mapRun:m/l:r"

configurations = {
    "loggingConfiguration": {
        "level": "ALL",
        "includeExecutionData": True,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:g:*"}}],
    },
    "tracingConfiguration": {"enabled": True},
}
tags = [{"key": "team", "value": "orders"}]
encryption = {"type": "AWS_OWNED_KEY", "kmsKeyId": "k", "kmsDataKeyReusePeriodSeconds": 60}

# A request of each operation with every member it may have. It need not be granted, only be well formed.
RIGHT = {
    "CreateActivity": {"name": "made", "tags": tags, "encryptionConfiguration": encryption},
    "CreateStateMachine": {
        "name": "made",
        "definition": PASS,
        "roleArn": ROLE,
        "type": "STANDARD",
        **configurations,
        "tags": tags,
        "publish": True,
        "versionDescription": "first",
        "encryptionConfiguration": encryption,
    },
    "CreateStateMachineAlias": {"name": "PROD", "description": "live", "routingConfiguration": route},
    "DeleteActivity": {"activityArn": f"{ARN}activity:gone"},
    "DeleteStateMachine": {"stateMachineArn": f"{ARN}stateMachine:gone"},
    "DeleteStateMachineAlias": {"stateMachineAliasArn": f"{ARN}stateMachine:gone:PROD"},
    "DeleteStateMachineVersion": {"stateMachineVersionArn": f"{ARN}stateMachine:gone:1"},
    "DescribeActivity": {"activityArn": activity},
    "DescribeExecution": {"executionArn": execution, "includedData": "METADATA_ONLY"},
    "DescribeMapRun": {"mapRunArn": RUN},
    "DescribeStateMachine": {"stateMachineArn": wait, "includedData": "METADATA_ONLY"},
    "DescribeStateMachineAlias": {"stateMachineAliasArn": alias},
    "DescribeStateMachineForExecution": {"executionArn": execution, "includedData": "METADATA_ONLY"},
    "GetActivityTask": {"activityArn": f"{ARN}activity:gone", "workerName": "w"},
    "GetExecutionHistory": {
        "executionArn": execution,
        "maxResults": 1,
        "reverseOrder": True,
        "nextToken": "forged",
        "includeExecutionData": False,
    },
    "ListActivities": {"maxResults": 1, "nextToken": "forged"},
    "ListExecutions": {
        "stateMachineArn": wait,
        "statusFilter": "RUNNING",
        "maxResults": 1,
        "nextToken": "forged",
        "mapRunArn": RUN,
        "redriveFilter": "REDRIVEN",
    },
    "ListMapRuns": {"executionArn": execution, "maxResults": 1, "nextToken": "forged"},
    "ListStateMachineAliases": {"stateMachineArn": wait, "nextToken": "forged", "maxResults": 1},
    "ListStateMachineVersions": {"stateMachineArn": wait, "nextToken": "forged", "maxResults": 1},
    "ListStateMachines": {"maxResults": 1, "nextToken": "forged"},
    "ListTagsForResource": {"resourceArn": wait},
    "PublishStateMachineVersion": {"stateMachineArn": wait, "revisionId": "r", "description": "second"},
    "RedriveExecution": {"executionArn": f"{execution}x", "clientToken": "once"},
    "SendTaskFailure": {"taskToken": "forged", "error": "Torn", "cause": "the box"},
    "SendTaskHeartbeat": {"taskToken": "forged"},
    "SendTaskSuccess": {"taskToken": "forged", "output": "{}"},
    "StartExecution": {"stateMachineArn": wait, "name": "one", "input": "{}", "traceHeader": "Root=1"},
    "StartSyncExecution": {
        "stateMachineArn": express,
        "name": "one",
        "input": "{}",
        "traceHeader": "Root=1",
        "includedData": "ALL_DATA",
    },
    "StopExecution": {"executionArn": execution, "error": "Enough", "cause": "of it"},
    "TagResource": {"resourceArn": wait, "tags": tags},
    "TestState": {
        "definition": '{"Type": "Pass", "End": true}',
        "roleArn": ROLE,
        "input": "{}",
        "inspectionLevel": "INFO",
        "revealSecrets": False,
        "variables": "{}",
        "stateName": "A",
        "mock": {"result": "{}", "errorOutput": {"error": "E", "cause": "c"}, "fieldValidationMode": "NONE"},
        "context": "{}",
        "stateConfiguration": {
            "retrierRetryCount": 0,
            "errorCausedByState": "A",
            "mapIterationFailureCount": 0,
            "mapItemReaderData": "[]",
        },
    },
    "UntagResource": {"resourceArn": wait, "tagKeys": ["team"]},
    "UpdateMapRun": {"mapRunArn": RUN, "maxConcurrency": 1, "toleratedFailurePercentage": 1.5, "toleratedFailureCount": 1},
    "UpdateStateMachine": {
        "stateMachineArn": wait,
        "definition": WAIT,
        "roleArn": ROLE,
        **configurations,
        "publish": True,
        "versionDescription": "first",
        "encryptionConfiguration": encryption,
    },
    "UpdateStateMachineAlias": {"stateMachineAliasArn": alias, "description": "live", "routingConfiguration": route},
    "ValidateStateMachineDefinition": {"definition": PASS, "type": "STANDARD", "severity": "WARNING", "maxResults": 1},
}


def check(operation, request, expected=None):
    """Asks, and holds the answer to what may come of anything at all, and to what is expected."""
    try:
        status, error, message = call(operation, request)
    except (http.client.HTTPException, OSError) as dropped:
        faults.append([operation, repr(request)[:300], f"no answer: {dropped!r}"])
        connection.close()
        return
    modelled = {shape.name for shape in model.operation_model(operation).error_shapes}
    if status != 200 and (status != 400 or error not in modelled | {"SerializationException", "ValidationException"}):
        faults.append([operation, repr(request)[:300], status, error, message])
    elif expected and not expected(status, error, message):
        faults.append([operation, repr(request)[:300], status, error, str(message)[:300]])


def serialization(text):
    return lambda status, error, message: (error, message) == ("SerializationException", text)


def validation(value, path, demand, sensitive=False):
    """One failed constraint among those that are told."""
    shown = "" if sensitive else " null" if value is None else f" '{value}'"
    text = f"Value{shown} at '{path}' failed to satisfy constraint: Member must {demand}"

    def holds(status, error, message):
        counted = re.match(r"(\d+) validation errors? detected: ", message) if error == "ValidationException" else None
        return bool(counted) and text in message

    return holds


def same_as(outcome):
    return lambda status, error, message: (status, error) == outcome


LIST = "Start of list found where not expected"
STRUCTURE = "Start of structure or map found where not expected."
WORDS = {True: "TRUE_VALUE", False: "FALSE_VALUE"}
NAMES = {"string": "a String", "integer": "an Integer", "long": "an Integer", "float": "a Float", "boolean": "a Boolean"}
SAMPLES = ["text", "", 7, -1, 1.5, True, False, [], [[]], ["a"], {}, {"a": {"b": [1]}}]


def mismatch(shape, value):
    """What AWS says to a value of another type than the shape's; None to one of its own."""
    kind = shape.type_name
    if isinstance(value, list):
        return None if kind == "list" else LIST
    if isinstance(value, dict):
        return None if kind == "structure" else STRUCTURE
    if kind in ("list", "structure"):
        return "Expected list or null" if kind == "list" else "Expected null"
    if isinstance(value, bool):
        return None if kind == "boolean" else f"{WORDS[value]} can not be converted to {NAMES[kind]}"
    if isinstance(value, str):
        return None if kind == "string" else f"STRING_VALUE can not be converted to {NAMES[kind]}"
    return None if kind in ("integer", "long", "float") else f"NUMBER_VALUE can not be converted to {NAMES[kind]}"


def constraints(shape):
    """Values that break the shape's constraints, each with what AWS demands."""
    bounds = shape.metadata
    kind = shape.type_name
    if kind == "string":
        if "max" in bounds:
            yield "x" * (bounds["max"] + 1), f"have length less than or equal to {bounds['max']}"
        if bounds.get("min"):
            yield "", f"have length greater than or equal to {bounds['min']}"
        if "pattern" in bounds:
            yield "\u00fc ", f"satisfy regular expression pattern: {bounds['pattern']}"
        if getattr(shape, "enum", None):
            yield "UNKNOWN", "satisfy enum value set: ["
    if kind in ("integer", "long"):
        for edge, step, word in (("max", 1, "less"), ("min", -1, "greater")):
            if edge in bounds:
                yield bounds[edge] + step, f"have value {word} than or equal to {bounds[edge]}"


def places(shape, value, path=(), name="", required=False):
    """Every member of a request, at every depth: where it is, how AWS names it, its shape."""
    if path:
        yield path, name, shape, required
    if shape.type_name == "structure":
        for member, inner in shape.members.items():
            dotted = f"{name}.{member}" if name else member
            yield from places(inner, value[member], (*path, member), dotted, member in shape.required_members)
    elif shape.type_name == "list":
        yield from places(shape.member, value[0], (*path, 0), f"{name}.1.member")


def put(request, path, value):
    request = copy.deepcopy(request)
    *way, last = path
    at = request
    for step in way:
        at = at[step]
    at[last] = value
    return request


def at_every_member(operation):
    right = RIGHT[operation]
    status, error, _ = call(operation, right)
    check(operation, {**right, "unknown": [{"a": None}], "": 1}, same_as((status, error)))
    for text in ("", "[]", "7", "null", '"text"', "{", json.dumps(right)[:-1], json.dumps(right) + "}", "[" * 100_000):
        check(operation, text.encode(), lambda status, error, message: error == "SerializationException")
    check(operation, b'{"\xff": 1}', lambda status, error, message: error == "SerializationException")
    for path, name, shape, required in places(model.operation_model(operation).input_shape, right):
        sensitive = shape.metadata.get("sensitive", False)
        # A number that is not boxed in the model is 0 when it is not there.
        missing = required and shape.type_name in ("string", "list", "structure")
        check(operation, put(right, path, None), validation(None, name, "not be null") if missing else None)
        for sample in SAMPLES:
            told = mismatch(shape, sample)
            check(operation, put(right, path, sample), serialization(told) if told else None)
        for wrong, demand in constraints(shape):
            check(operation, put(right, path, wrong), validation(wrong, name, demand, sensitive))
        if shape.type_name == "list" and "max" in shape.metadata:
            most = shape.metadata["max"]
            many = put(right, path, [{"stateMachineVersionArn": version, "weight": 1}] * (most + 1))
            told = lambda status, error, message: f"have length less than or equal to {most}" in str(message)
            check(operation, many, told)
        if shape.type_name == "structure":
            check(operation, put(right, (*path, "unknown"), {"a": [1]}), same_as((status, error)))
        for odd in ("\0\x01\x1b\x7f", "\ud7ff\uffff\U0010ffff", "' OR 1=1 --", 2**63, -(2**63), 10**400, "x" * 100_000):
            check(operation, put(right, path, odd))


def anything(depth=0):
    """Any JSON value at all."""
    kinds = ["text", "number", "word"] + ["list", "structure"] * (depth < 5)
    kind = dice.choice(kinds)
    if kind == "text":
        return "".join(chr(dice.choice([dice.randrange(128), dice.randrange(0xD800)])) for _ in range(dice.randrange(20)))
    if kind == "number":
        return dice.choice([0, -1, dice.randrange(-(10**30), 10**30), dice.uniform(-1e300, 1e300), 5e-324])
    if kind == "word":
        return dice.choice([None, True, False])
    if kind == "list":
        return [anything(depth + 1) for _ in range(dice.randrange(4))]
    return {str(anything(9)): anything(depth + 1) for _ in range(dice.randrange(4))}


def at_random():
    operation = dice.choice(sorted(RIGHT))
    request = RIGHT[operation]
    members = [place[0] for place in places(model.operation_model(operation).input_shape, request)]
    for path in sorted(dice.sample(members, min(len(members), dice.randrange(1, 4))), key=len, reverse=True):
        request = put(request, path, anything())
    text = bytearray(json.dumps(request).encode())
    if dice.random() < 0.3:
        for _ in range(dice.randrange(1, 4)):
            text[dice.randrange(len(text))] = dice.randrange(256)
    if dice.random() < 0.1:
        del text[dice.randrange(len(text)) :]
    check(operation, bytes(text))


left = sorted(set(model.operation_names) - set(RIGHT))
for operation in RIGHT:
    at_every_member(operation)
for _ in range(RANDOM):
    at_random()
still = call("ListStateMachines", {})[0]
print(json.dumps({"faults": faults[:40], "left out": left, "still": still, "asked": asked}))
