"""Calls a Step Functions endpoint with good and bad signatures: prints what came back as JSON.

argv: the endpoint's URL, the key's id and secret, and the certificate to trust when it is https.
"""

import json
import sys
from datetime import datetime, timedelta, timezone
from unittest import mock

import boto3
import requests
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

endpoint, key_id, secret = sys.argv[1:4]
verify = sys.argv[4] if len(sys.argv) > 4 else None


def client(id=key_id, secret=secret, token=None, region="us-east-1", **config):
    return boto3.client(
        "stepfunctions",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=id,
        aws_secret_access_key=secret,
        aws_session_token=token,
        verify=verify,
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def called(sfn):
    """What a call comes to: the number of state machines, or the error."""
    try:
        return len(sfn.list_state_machines()["stateMachines"])
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return [status, error.response["Error"]["Code"], error.response["Error"]["Message"]]


def by_hand(at=timedelta(), sent=None, **headers):
    """A call signed as it was `at` from the present, that then brings the body `sent`."""
    always = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "AWSStepFunctions.ListStateMachines",
    }
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest("POST", endpoint + "/", headers=always | headers, data=b"{}")
    moment = datetime.now(timezone.utc) + at
    with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: moment):
        SigV4Auth(Credentials(key_id, secret), "states", "us-east-1").add_auth(request)
    body = b"{}" if sent is None else sent
    answer = requests.post(request.url, data=body, headers=dict(request.headers), verify=verify)
    answered = answer.json()
    if answer.ok:
        return len(answered["stateMachines"])
    return [answer.status_code, answered["__type"].split("#")[1], answered["message"]]


minutes = lambda number: timedelta(minutes=number)
print(
    json.dumps(
        {
            "good": called(client()),
            "wrong secret": called(client(secret="another")),
            "unknown key": called(client(id="AKIDOTHER")),
            "a session's token": called(client(token="session")),
            "another region": called(client(region="eu-west-1")),
            "unsigned": called(client(signature_version=UNSIGNED)),
            "by hand": by_hand(),
            "other body": by_hand(sent=b'{"maxResults": 1}'),
            "4 minutes old": by_hand(at=minutes(-4)),
            "4 minutes early": by_hand(at=minutes(4)),
            "6 minutes old": by_hand(at=minutes(-6))[:2],
            "6 minutes early": by_hand(at=minutes(6))[:2],
            "unsigned payload": by_hand(X_Amz_Content_SHA256="UNSIGNED-PAYLOAD"),
        }
    )
)
