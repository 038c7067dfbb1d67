"""Makes by boto3 what there is before an order: the stack's tables, the gateway's key, the sender's identity.

    made.py ENDPOINT
"""

import sys

import boto3


def client(service):
    return boto3.client(
        service,
        endpoint_url=sys.argv[1],
        region_name="us-east-1",
        aws_access_key_id="made",
        aws_secret_access_key="made",
    )


for table in ["stepyard-inventory", "stepyard-ledger"]:
    client("dynamodb").create_table(
        TableName=table,
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
client("secretsmanager").create_secret(Name="stepyard/stripe-key", SecretString="sk_test_12345")
client("sesv2").create_email_identity(EmailIdentity="stepyard.example")
print("null")
