"""A queue that reads a topic along, so that a test sees what was delivered.

    sns_queue.py subscribe ENDPOINT TOPIC     makes both; prints {"topic", "queue"}
    sns_queue.py receive ENDPOINT QUEUE       takes the messages out; prints them as SNS wrapped them
"""

import json
import sys

import boto3


def client(service, endpoint):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def subscribe(endpoint, name):
    sns, sqs = client("sns", endpoint), client("sqs", endpoint)
    fifo = name.endswith(".fifo")
    topic = sns.create_topic(Name=name, Attributes={"FifoTopic": "true"} if fifo else {})["TopicArn"]
    queue = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if fifo else {})
    queue = queue["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    arn = arn["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return {"topic": topic, "queue": queue}


def receive(endpoint, queue):
    sqs = client("sqs", endpoint)
    taken = []
    while True:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        if not messages:
            return taken
        for message in messages:
            taken.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


print(json.dumps({"subscribe": subscribe, "receive": receive}[sys.argv[1]](*sys.argv[2:])))
