"""Sends a Lambda endpoint what no request may be: at each member of each operation, by AWS's own model of
the service, every kind of wrong value, and holds the answers to what AWS says to such.

argv: the endpoint's URL, a seed. Prints what was wrong with the answers, and how many there were, as JSON.
"""

import base64
import copy
import http.client
import json
import random
import sys
import urllib.parse

from botocore.session import get_session

address = sys.argv[1].removeprefix("http://")
dice = random.Random(int(sys.argv[2]))
model = get_session().get_service_model("lambda")
connection = http.client.HTTPConnection(address, timeout=30)
RANDOM = 1_000

ZIP = base64.b64encode(b"PK\x05\x06" + bytes(18)).decode()
RIGHT = {
    "CreateAlias": {"FunctionName": "F", "Name": "live", "FunctionVersion": "$LATEST", "Description": "", "RoutingConfig": {"AdditionalVersionWeights": {}}},
    "DeleteAlias": {"FunctionName": "F", "Name": "nobody"},
    "DeleteFunction": {"FunctionName": "F", "Qualifier": "9"},
    "GetAlias": {"FunctionName": "F", "Name": "live"},
    "GetFunction": {"FunctionName": "F", "Qualifier": "$LATEST"},
    "GetFunctionConfiguration": {"FunctionName": "F", "Qualifier": "$LATEST"},
    "Invoke": {"FunctionName": "F", "InvocationType": "DryRun", "LogType": "None", "Qualifier": "$LATEST", "Payload": {}},
    "ListAliases": {"FunctionName": "F", "FunctionVersion": "$LATEST", "MaxItems": 5},
    "ListFunctions": {"FunctionVersion": "ALL", "MaxItems": 5},
    "ListVersionsByFunction": {"FunctionName": "F", "MaxItems": 5},
    "PublishVersion": {"FunctionName": "F", "CodeSha256": "x", "Description": "", "RevisionId": "x"},
    "UpdateAlias": {"FunctionName": "F", "Name": "nobody", "FunctionVersion": "1", "Description": "", "RoutingConfig": {"AdditionalVersionWeights": {}}, "RevisionId": "x"},
    "UpdateFunctionCode": {"FunctionName": "F", "ZipFile": ZIP, "Publish": False, "DryRun": True, "RevisionId": "x"},
}
asked = 0
faults = []


def call(operation, request, body=None):
    """Status, error (None when there is none) and message of the answer."""
    global asked
    asked += 1
    shape = model.operation_model(operation)
    members = shape.input_shape.members
    path, query, headers, rest = shape.http["requestUri"], {}, {}, {}
    for name, value in request.items():
        member = members.get(name)
        serialization = member.serialization if member else {}
        location, wire = serialization.get("location"), serialization.get("name", name)
        text = value if isinstance(value, str) else json.dumps(value)
        if location == "uri":
            path = path.replace("{" + wire + "}", urllib.parse.quote(text, safe="", errors="surrogatepass"))
        elif location == "querystring":
            query[wire] = text
        elif location == "header":
            # HTTP itself has no control characters here.
            headers[wire] = "".join(it for it in text if it.isprintable()).encode("latin-1", "replace")
        elif name == "Payload":
            rest = value
        else:
            rest[name] = value
    if query:
        path += "?" + urllib.parse.urlencode(query, errors="surrogatepass")
    if body is None:
        body = json.dumps(rest).encode() if shape.http["method"] in ("POST", "PUT") else b""
    connection.request(shape.http["method"], path, body, headers)
    response = connection.getresponse()
    content = response.read()
    if response.status < 300:
        return response.status, None, content
    error = response.getheader("x-amzn-errortype")
    answer = json.loads(content)
    return response.status, error, answer.get("message", answer.get("Message"))


def check(operation, request, holds=None, body=None):
    """Asks, and notes an answer that is none of AWS's, or not what it has to be."""
    status, error, message = call(operation, request, body)
    modelled = {it.name: it.metadata["error"]["httpStatusCode"] for it in model.operation_model(operation).error_shapes}
    framework = {"ValidationException": 400, "SerializationException": 400, "RequestEntityTooLargeException": 413, "UnknownOperationException": 404}
    right = status < 300 if error is None else {**modelled, **framework}.get(error) == status and message
    if not right or (holds and not holds(status, error, message)):
        faults.append([operation, str(request)[:200], str(body)[:60], status, error, str(message)[:300]])


def serialization(text):
    return lambda status, error, message: (error, message) == ("SerializationException", text)


def validation(path, demand):
    return lambda status, error, message: error == "ValidationException" and f"at '{path}' failed to satisfy constraint: " in message and demand in message


LIST = "Start of list found where not expected"
STRUCTURE = "Start of structure or map found where not expected."
WORDS = {True: "TRUE_VALUE", False: "FALSE_VALUE"}
NAMES = {"string": "a String", "blob": "a String", "double": "a Double", "boolean": "a Boolean"}
# Members that are AWS's and mean nothing here: whatever is in them, nothing is made of it.
UNREAD = {"Architectures", "S3ObjectStorageMode"}
SAMPLES = ["text", "", 7, -1, 1.5, True, False, [], [[]], ["a"], {}, {"a": {"b": [1]}}]


def mismatch(shape, value):
    """What AWS says to a value of another type than the shape's; None to one of its own."""
    kind = shape.type_name
    if isinstance(value, list):
        return LIST
    if isinstance(value, dict):
        return None if kind in ("structure", "map") else STRUCTURE
    if kind in ("structure", "map"):
        return "Expected null" if kind == "structure" else "Expected map or null"
    if isinstance(value, bool):
        return None if kind == "boolean" else f"{WORDS[value]} can not be converted to {NAMES[kind]}"
    if isinstance(value, str):
        return None if kind in ("string", "blob") else f"STRING_VALUE can not be converted to {NAMES[kind]}"
    return None if kind == "double" else f"NUMBER_VALUE can not be converted to {NAMES[kind]}"


def constraints(shape):
    """Values that break the shape's constraints, each with what AWS demands."""
    bounds, kind = shape.metadata, shape.type_name
    if kind == "string":
        if "max" in bounds:
            yield "x" * (bounds["max"] + 1), f"have length less than or equal to {bounds['max']}"
        if "pattern" in bounds:
            yield "\u00fc ", f"satisfy regular expression pattern: {bounds['pattern']}"
        if getattr(shape, "enum", None):
            yield "UNKNOWN", "satisfy enum value set: ["
    if kind == "integer":
        for edge, step, word in (("max", 1, "less"), ("min", -1, "greater")):
            yield bounds[edge] + step, f"have value {word} than or equal to {bounds[edge]}"


def camel(name):
    return name[0].lower() + name[1:]


def at_every_member(operation):
    right = RIGHT[operation]
    shape = model.operation_model(operation)
    has_body = shape.http["method"] in ("POST", "PUT") and operation != "Invoke"
    check(operation, right)
    if has_body:
        for text in ("[]", "7", "null", '"text"', "{", "{}}", "[" * 100_000, '{"\\ud800": 1}'):
            check(operation, right, lambda status, error, message: error == "SerializationException", text.encode())
        check(operation, right, lambda status, error, message: error == "SerializationException", b'{"\xff": 1}')
        check(operation, right, None, b"")
    for name, member in shape.input_shape.members.items():
        if name in UNREAD or name in ("TenantId", "DurableExecutionName", "ClientContext", "MasterRegion", "SourceKMSKeyArn", "S3Key", "S3Bucket", "S3ObjectVersion"):
            check(operation, {**right, name: "\u00fc "})
            continue
        location = member.serialization.get("location")
        for wrong, demand in constraints(member):
            if not (location == "header" and wrong != "UNKNOWN"):
                check(operation, {**right, name: wrong}, validation(camel(name), demand) if name != "PublishTo" or operation == "PublishVersion" else None)
        if location is None and name != "Payload":
            check(operation, {**right, name: None}, None)
            for sample in SAMPLES:
                told = mismatch(member, sample)
                check(operation, {**right, name: sample}, serialization(told) if told else None)
        if name == "MaxItems":
            for wrong in ("many", "", "1.5", "9" * 30, " 1"):
                check(operation, {**right, name: wrong}, serialization("STRING_VALUE can not be converted to an Integer"))
        for odd in ("\0\x01\x1b\x7f", "\ud7ff\uffff\U0010ffff", "' OR 1=1 --", "../../etc/passwd", "%2e%2e%2f", "x" * 20_000, "a/b", "$LATEST", "9" * 40):
            check(operation, {**right, name: odd})
    if "RoutingConfig" in right:
        weights = lambda value: {**right, "FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": value}}
        within = "routingConfig.additionalVersionWeights"
        for wrong in (-0.1, 1.1, 1e300, None):
            check(operation, weights({"2": wrong}), validation(within, "Map value must"))
        for wrong in ("$LATEST", "", "live", "1" * 1_025, "\u0662", "-1"):
            check(operation, weights({wrong: 0.5}), validation(within, "Map keys must"))
        for sample in ("0.5", True, [], {}):
            check(operation, weights({"2": sample}), serialization(mismatch(DOUBLE, sample) or STRUCTURE))
        check(operation, {**right, "RoutingConfig": {"AdditionalVersionWeights": []}}, serialization(LIST))


DOUBLE = model.shape_for("AdditionalVersionWeights").value


def anything(depth=0):
    """Any JSON value at all."""
    kind = dice.choice(["text", "number", "word"] + ["list", "structure"] * (depth < 5))
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
    request = copy.deepcopy(RIGHT[operation])
    members = sorted(model.operation_model(operation).input_shape.members)
    for name in dice.sample(members, min(len(members), dice.randrange(1, 4))):
        request[name] = anything()
    check(operation, request)


for operation in RIGHT:
    at_every_member(operation)
for _ in range(RANDOM):
    at_random()
for line in ("PATCH /2015-03-31/functions/F", "GET /2015-03-31/functions/%ff", "POST /2015-03-31/functions/F/policy", "GET /2015-03-31//functions"):
    connection.request(*line.split(" "))
    response = connection.getresponse()
    response.read()
    if (response.status, response.getheader("x-amzn-errortype")) != (404, "UnknownOperationException"):
        faults.append([line, response.status])
still = call("ListFunctions", {})[0]
print(json.dumps({"faults": faults[:40], "still": still, "asked": asked}))
