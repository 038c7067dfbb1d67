"""Calls AWS's services with boto3; prints the answers as JSON.

    aws.py ENDPOINT CALLS       CALLS is JSON: [[SERVICE, OPERATION, {PARAMETER: VALUE}], …]
"""

import base64
import json
import sys

import boto3


def shown(value):
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def binary(value):
    """Boto3 takes bytes where JSON has base64 in `{"base64": …}`."""
    return base64.b64decode(value["base64"]) if list(value) == ["base64"] else value


endpoint, calls = sys.argv[1:]
keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
clients = {}
answers = []
for service, operation, parameters in json.loads(calls, object_hook=binary):
    if service not in clients:
        clients[service] = boto3.client(service, endpoint_url=endpoint, **keys)
    answer = getattr(clients[service], operation)(**parameters)
    answer.pop("ResponseMetadata", None)
    answers.append(answer)
print(json.dumps(answers, default=shown))
