"""Starts executions by signed requests, as any HTTP client can; prints the statuses as JSON.

argv: the URL, the access key id, the secret access key.
"""

import json
import sys
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

url, key_id, secret = sys.argv[1:]


def post(body="{}", secret=secret, sent=None, unsigned={}, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json", **headers})
    SigV4Auth(Credentials(key_id, secret), "states", "us-east-1").add_auth(request)
    headers = {**dict(request.headers), **unsigned}
    prepared = urllib.request.Request(url, data=(sent or body).encode(), headers=headers, method="POST")
    try:
        return urllib.request.urlopen(prepared).status
    except urllib.error.HTTPError as error:
        return error.code


print(
    json.dumps(
        {
            "signed": post(),
            "with a key": post(Idempotency_Key="one"),
            "again": post(Idempotency_Key="one"),
            "wrong secret": post(secret="wrong"),
            "other body": post(sent="[1]"),
            "a key that is not signed": post(unsigned={"Idempotency-Key": "two"}),
        }
    )
)
