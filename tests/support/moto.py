"""What AWS is to have before a test, and what it has after it, by boto3.

    moto.py table ENDPOINT TABLE...          makes tables for buckets
    moto.py items ENDPOINT TABLE             prints its items, {key: value}
    moto.py secret ENDPOINT NAME VALUE       stores a secret, or another value of it
    moto.py sender ENDPOINT ADDRESS          lets mail be sent from an address
    moto.py mails ENDPOINT                   prints what was sent, each {source, destinations, raw_data}
    moto.py user ENDPOINT POLICY             makes a user who may do what a policy says; prints {id, secret}
    moto.py authorize ENDPOINT               has every call from then on be allowed by a policy
"""

import json
import sys
import urllib.request

import boto3


def client(service, endpoint):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def table(endpoint, *names):
    dynamodb = client("dynamodb", endpoint)
    for name in names:
        dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[
                {"AttributeName": "bucket", "AttributeType": "S"},
                {"AttributeName": "key", "AttributeType": "S"},
            ],
            KeySchema=[
                {"AttributeName": "bucket", "KeyType": "HASH"},
                {"AttributeName": "key", "KeyType": "RANGE"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )


def items(endpoint, name):
    pages = client("dynamodb", endpoint).get_paginator("scan").paginate(TableName=name)
    found = [item for page in pages for item in page["Items"]]
    return {item["key"]["S"]: item["value"]["B"].decode() for item in found}


def secret(endpoint, name, value):
    secrets = client("secretsmanager", endpoint)
    try:
        secrets.create_secret(Name=name, SecretString=value)
    except secrets.exceptions.ResourceExistsException:
        secrets.put_secret_value(SecretId=name, SecretString=value)


def sender(endpoint, address):
    client("sesv2", endpoint).create_email_identity(EmailIdentity=address)


def mails(endpoint):
    # SES itself does not tell what it sent; moto does.
    with urllib.request.urlopen(endpoint + "/moto-api/data.json") as answer:
        sent = json.load(answer).get("ses", {}).get("RawMessage", [])
    return [{key: mail[key] for key in ("source", "destinations", "raw_data")} for mail in sent]


def user(endpoint, policy):
    iam = client("iam", endpoint)
    iam.create_user(UserName="stepyard")
    iam.put_user_policy(UserName="stepyard", PolicyName="stepyard", PolicyDocument=policy)
    key = iam.create_access_key(UserName="stepyard")["AccessKey"]
    return {"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


def authorize(endpoint):
    url, plain = endpoint + "/moto-api/reset-auth", {"Content-Type": "text/plain"}
    urllib.request.urlopen(urllib.request.Request(url, b"0", plain)).close()


commands = [table, items, secret, sender, mails, user, authorize]
command = {command.__name__: command for command in commands}[sys.argv[1]]
print(json.dumps(command(*sys.argv[2:])))
