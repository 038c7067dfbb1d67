"""An account of an emulator of AWS, by boto3; prints what it saw as JSON.

    account.py ENDPOINT ACCOUNT table NAME...                   tables that hold buckets
    account.py ENDPOINT ACCOUNT sender ADDRESS                  who may send mail
    account.py ENDPOINT ACCOUNT secret NAME VALUE               a secret
    account.py ENDPOINT ACCOUNT function NAME ZIP VARIABLES     a function of provided.al2023
    account.py ENDPOINT ACCOUNT subscribe TOPIC                 a topic and a queue; the queue's URL
    account.py ENDPOINT ACCOUNT machine NAME FILE               a state machine; its ARN
    account.py ENDPOINT ACCOUNT execute MACHINE NAME INPUT      one execution, to its end
    account.py ENDPOINT ACCOUNT invoke FUNCTION PAYLOAD         one invocation
    account.py ENDPOINT ACCOUNT receive QUEUE                   what was delivered, as SNS wrapped it
    account.py ENDPOINT ACCOUNT value TABLE BUCKET KEY          a bucket's value, which is JSON
    account.py ENDPOINT ACCOUNT mail                            what was sent
"""

import json
import sys
import time
import urllib.request

import boto3

ROLE = "arn:aws:iam::{}:role/stepyard"


def client(service):
    # A key of twelve digits is its account's.
    keys = {"aws_access_key_id": account, "aws_secret_access_key": "test"}
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", **keys)


def table(*names):
    dynamodb = client("dynamodb")
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


def sender(address):
    client("sesv2").create_email_identity(EmailIdentity=address)


def secret(name, value):
    client("secretsmanager").create_secret(Name=name, SecretString=value)


def function(name, file, variables):
    functions = client("lambda")
    with open(file, "rb") as code:
        functions.create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Architectures=["x86_64"],
            Role=ROLE.format(account),
            Timeout=30,
            Code={"ZipFile": code.read()},
            Environment={"Variables": json.loads(variables)},
        )
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})


def subscribe(name):
    sns, sqs = client("sns"), client("sqs")
    topic = sns.create_topic(Name=name)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"])
    return queue


def machine(name, file):
    with open(file) as definition:
        made = client("stepfunctions").create_state_machine(
            name=name, definition=definition.read(), roleArn=ROLE.format(account)
        )
    return made["stateMachineArn"]


def execute(machine, name, text):
    functions = client("stepfunctions")
    started = functions.start_execution(stateMachineArn=machine, name=name, input=text)
    while True:
        found = functions.describe_execution(executionArn=started["executionArn"])
        if found["status"] != "RUNNING":
            return {name: found.get(name) for name in ["status", "output", "error", "cause"]}
        time.sleep(0.05)


def invoke(name, payload):
    answer = client("lambda").invoke(FunctionName=name, Payload=payload)
    payload = json.loads(answer["Payload"].read())
    return {"payload": payload, "error": answer.get("FunctionError")}


def receive(queue):
    sqs, taken = client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            taken.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return taken


def value(table, bucket, key):
    key = {"bucket": {"S": bucket}, "key": {"S": key}}
    found = client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)
    return json.loads(found["Item"]["value"]["B"])


def mail():
    url = f"{endpoint}/_ministack/ses/messages?account={account}"
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


endpoint, account, command, *arguments = sys.argv[1:]
commands = [table, sender, secret, function, subscribe, machine, execute, invoke, receive, value, mail]
print(json.dumps({it.__name__: it for it in commands}[command](*arguments)))
