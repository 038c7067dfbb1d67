"""Calls a Lambda endpoint that wants signatures: prints what each call came to as JSON.

argv: the endpoint's URL, the key's id and secret, a component.
"""

import json
import sys
import urllib.error
import urllib.request

import boto3
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

endpoint, key_id, secret, component = sys.argv[1:]
ARN = "arn:aws:lambda:us-east-1:123456789012:function:ReceiveOrder"
with open(component, "rb") as file:
    code = file.read()


def client(id=key_id, secret=secret, **config):
    config = Config(retries={"total_max_attempts": 1}, **config)
    return boto3.client("lambda", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=id, aws_secret_access_key=secret, config=config)


def told(call):
    """What a call comes to: its status, or the error."""
    try:
        return call()["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return [status, error.response["Error"]["Code"]]


def send(request, **changed):
    """A request as it was signed, or changed after."""
    headers = {**dict(request.headers), **changed.get("headers", {})}
    url, body = changed.get("url", request.url), changed.get("body", request.body)
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=request.method)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return [error.code, error.headers["x-amzn-errortype"]]


def signed(method, path, body=b"", service="lambda", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest(method, endpoint + path, headers=headers, data=body)
    SigV4Auth(Credentials(key_id, secret), service, "us-east-1").add_auth(request)
    return request.prepare()


good, path = client(), "/2015-03-31/functions/ReceiveOrder/invocations"
link = good.get_function(FunctionName=ARN)["Code"]["Location"]
with urllib.request.urlopen(link) as answer:
    followed = answer.read() == code


def follow(url):
    try:
        return urllib.request.urlopen(url).status
    except urllib.error.HTTPError as error:
        return error.code


dry = signed("POST", path, b"{}", X_Amz_Invocation_Type="DryRun")
late = signed("POST", path, b"{}")
base, token = link.rsplit("/", 1)
forged = [token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :] for place in range(len(token) - 1)]
print(
    json.dumps(
        {
            "by name": told(lambda: good.get_function(FunctionName="ReceiveOrder", Qualifier="$LATEST")),
            "by arn": told(lambda: good.invoke(FunctionName=f"{ARN}:$LATEST", Payload=b"{}")),
            "upload": told(lambda: good.update_function_code(FunctionName=ARN, ZipFile=code, DryRun=True)),
            "page": told(lambda: good.list_functions(MaxItems=1, FunctionVersion="ALL")),
            "wrong secret": told(lambda: client(secret="another").list_functions()),
            "unknown key": told(lambda: client(id="AKIDOTHER").list_functions()),
            "unsigned": told(lambda: client(signature_version=UNSIGNED).list_functions()),
            "unsigned upload": told(lambda: client(signature_version=UNSIGNED).update_function_code(FunctionName=ARN, ZipFile=code)),
            "another service": send(signed("POST", path, b"{}", service="states")),
            "as signed": send(dry),
            "another body": send(dry, body=b"[]"),
            "another function": send(dry, url=dry.url.replace("ReceiveOrder", "Another")),
            "another version": send(dry, url=dry.url + "?Qualifier=1"),
            "another kind": send(dry, headers={"X-Amz-Invocation-Type": "Event"}),
            "a kind that is not signed": send(late, headers={"X-Amz-Invocation-Type": "DryRun"}),
            "followed": followed,
            "forged links": sorted({follow(f"{base}/{it}") for it in [*forged, token[:-4], token + "A", "x"]}),
        }
    )
)
