"""A boto3 client of a Step Functions endpoint, and what the scripts that follow share.

argv[1]: the endpoint's URL.
"""

import json
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

role = "arn:aws:iam::123456789012:role/orders"
sfn = boto3.client(
    "stepfunctions",
    endpoint_url=sys.argv[1],
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
    config=Config(read_timeout=65, inject_host_prefix=False),
)

TYPES = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "double": (int, float),
    "float": (int, float),
    "timestamp": (int, float),
    "list": list,
    "structure": dict,
    "map": dict,
}


def faults(shape, value, path):
    """Where an answer's JSON is not what AWS's own model of the service says."""
    kind = shape.type_name
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return [f"{path} is no {kind}: {value!r}"]
    if kind == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        return [f"{path} is none of {shape.enum}: {value!r}"]
    if kind == "list":
        return [it for index, item in enumerate(value) for it in faults(shape.member, item, f"{path}[{index}]")]
    if kind != "structure":
        return []
    found = [f"{path} lacks {name}" for name in shape.required_members if value.get(name) is None]
    for name, member in value.items():
        if name not in shape.members:
            found.append(f"{path} has {name}, which the model has not")
        elif member is not None:
            found += faults(shape.members[name], member, f"{path}.{name}")
    return found


checked = set()


def check(http_response, model, **_):
    """Holds every answer to AWS's model."""
    checked.add(model.name)
    if http_response.status_code == 200:
        found = faults(model.output_shape, json.loads(http_response.content), model.name)
        assert not found, found
    else:
        error = json.loads(http_response.content)["__type"].rsplit("#", 1)[1]
        modelled = [shape.name for shape in model.error_shapes]
        assert error in [*modelled, "ValidationException", "ThrottlingException"], (model.name, error)


sfn.meta.events.register("after-call.stepfunctions", check)


def code(call, **arguments):
    """The error that a call is refused with."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


def ended(arn):
    """The execution, once it is over."""
    while True:
        execution = sfn.describe_execution(executionArn=arn)
        if execution["status"] != "RUNNING":
            return execution
        time.sleep(0.02)


