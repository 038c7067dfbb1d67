"""Drives an SQS endpoint with boto3; prints what it saw as JSON.

    sqs.py ENDPOINT create NAME SECONDS a queue whose messages are given again after so long, and move away
                                        when they were received twice
    sqs.py ENDPOINT send URL BODY...    the messages' ids; of a FIFO queue, GROUP:BODY
    sqs.py ENDPOINT count URL           how many messages a queue has, received ones included
"""

import json
import sys

import boto3


def create(name, seconds):
    fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    dead = sqs.create_queue(QueueName=f"dead-{name}", Attributes=fifo)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "2"})
    attributes = {"VisibilityTimeout": seconds, "RedrivePolicy": policy, **fifo}
    return [sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"], dead]


def send(url, *bodies):
    return [sqs.send_message(QueueUrl=url, **message(url, body))["MessageId"] for body in bodies]


def message(url, body):
    if not url.endswith(".fifo"):
        return {"MessageBody": body}
    group, body = body.split(":", 1)
    return {"MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": body}


def count(url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


endpoint, command, *arguments = sys.argv[1:]
keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
sqs = boto3.client("sqs", endpoint_url=endpoint, region_name="us-east-1", **keys)
print(json.dumps({"create": create, "send": send, "count": count}[command](*arguments)))
