"""A boto3 client of an AWS Lambda endpoint, and what the scripts that follow share.

argv[1]: the endpoint's URL.
"""

import io
import json
import sys
import urllib.request
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION, ACCOUNT = "us-east-1", "123456789012"
lambda_ = boto3.client(
    "lambda",
    endpoint_url=sys.argv[1],
    region_name=REGION,
    aws_access_key_id="test",
    aws_secret_access_key="test",
    config=Config(retries={"total_max_attempts": 1}),
)

TYPES = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "double": (int, float),
    "list": list,
    "map": dict,
    "structure": dict,
}
# What AWS's framework answers, whatever the operation's model says.
FRAMEWORK = {"ValidationException", "SerializationException", "RequestEntityTooLargeException"}


def faults(shape, value, path):
    """Where an answer's JSON is not what AWS's own model of the service says."""
    kind = shape.type_name
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return [f"{path} is no {kind}: {value!r}"]
    if kind == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        return [f"{path} is none of {shape.enum}: {value!r}"]
    if kind == "list":
        return [it for index, item in enumerate(value) for it in faults(shape.member, item, f"{path}[{index}]")]
    if kind == "map":
        return [it for key, item in value.items() for it in faults(shape.value, item, f"{path}.{key}")]
    found = []
    for name, member in value.items() if kind == "structure" else ():
        if name not in shape.members:
            found.append(f"{path} has {name}, which the model has not")
        else:
            found += faults(shape.members[name], member, f"{path}.{name}")
    return found


checked = set()


def check(http_response, model, **_):
    """Holds every answer to AWS's model."""
    checked.add(model.name)
    status, headers = http_response.status_code, http_response.headers
    assert headers["x-amzn-requestid"], model.name
    if status >= 300:
        modelled = {shape.name: shape for shape in model.error_shapes}
        error, body = headers["x-amzn-errortype"], json.loads(http_response.content)
        assert error in modelled or error in FRAMEWORK, (model.name, error)
        if error in modelled:
            found = faults(modelled[error], body, error)
            assert not found and set(body) & {"message", "Message"} & set(modelled[error].members), (error, body)
            assert status == modelled[error].metadata["error"]["httpStatusCode"], (error, status)
        return
    # PublishVersion and CreateAlias answer 201, deletions 204, whatever the model's default is.
    assert status in (200, 201, 202, 204), (model.name, status)
    # A payload is anything, and is read where it is wanted.
    if model.name != "Invoke" and http_response.content:
        found = faults(model.output_shape, json.loads(http_response.content), model.name)
        assert not found, found


lambda_.meta.events.register("after-call.lambda", check)


def refused(call, **arguments):
    """The error and message that a call is refused with."""
    try:
        call(**arguments)
    except ClientError as error:
        return [error.response["Error"]["Code"], error.response["Error"]["Message"]]
    return None


def variant(code, word):
    """The component with a section of its own: other bytes that do the same."""
    content = bytes([len(word)]) + word.encode()
    return code + b"\0" + bytes([len(content)]) + content


def zipped(code, name="step.wasm", method=zipfile.ZIP_DEFLATED):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("README.md", "a step")
        archive.writestr(name, code)
    return packed.getvalue()


def download(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()


def read(path):
    with open(path, "rb") as file:
        return file.read()


