"""What recorded cases find outside Step Functions: queues, topics, tables, buckets and log groups, at moto, and
those who took the messages and answered their task tokens. The cases say neither, so both are made of what they
show: a text that stands for a queue's URL is given a queue, a token is answered as the recorded history was, and
an object that a Map reads has the items that were recorded of it.
"""

import contextlib
import csv
import io
import json
import pathlib
import re
import secrets
import subprocess
import sys
import threading
import time

import boto3

SERVERS = pathlib.Path(__file__).parents[1] / "support" / "servers.py"
REGION = "us-east-1"
ACCOUNT = "123456789012"
# A text that stands for what only a run can know; they are numbered.
STAND_IN = re.compile(r"zq(\d{6})qz")
# The needs of cases but for Lambda functions: that an integration is there, the product itself has to meet.
SERVICES = ["sqs", "sns", "dynamodb", "events", "logs", "s3", "second-account"]
SERVICES += ["aws-sdk:dynamodb", "aws-sdk:s3", "aws-sdk:secretsmanager"]


class FarSide:
    def __init__(self):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        # Without the script's folder in its path, where a `moto.py` is.
        self.moto = subprocess.Popen([sys.executable, "-P", SERVERS, "aws"], text=True, **pipes)
        self.url = "http://127.0.0.1:" + self.moto.stdout.readline().split()[1]

    def close(self):
        # moto ends with its standard input.
        self.moto.stdin.close()
        self.moto.wait()

    def client(self, service):
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **keys)

    def manifest(self):
        """The part of a manifest that leads here."""
        key = 'access_key = { id = "test", secret = "AWS_KEY" }'
        return f'[sns]\ndelivery = "aws"\n[aws]\nendpoint_url = "{self.url}"\nregion = "{REGION}"\n{key}\n[secrets.AWS_KEY]\nenv = "AWS_KEY"\n'

    def find(self, case, fill):
        """What stands in a case for something outside, each with what it is here."""
        found = {}
        for name, text in members(case["steps"]):
            if name in MADE and STAND_IN.search(text) and text not in found:
                found[text] = MADE[name](self, fill(text))
                if name == "Bucket":
                    self.keep(case, found[text], fill)
        # A mask stands for a member of what was made, which a recording numbers right after it.
        masked = {text for texts in case["masks"].values() for text in texts}
        return found | {after(text): real for text, real in found.items() if after(text) in masked}

    def queue(self, _):
        return self.client("sqs").create_queue(QueueName=fresh("queue"))["QueueUrl"]

    def topic(self, _):
        """A topic with a queue of its name beneath it, from which its messages are taken."""
        sns, sqs, name = self.client("sns"), self.client("sqs"), fresh("topic")
        topic = sns.create_topic(Name=name)["TopicArn"]
        queue = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return topic

    def table(self, name):
        """A table by the key that cases use; those that are to miss one name none that could be made."""
        key = {"AttributeName": "id"}
        if re.fullmatch(r"sfn_test_table_\w+", name):
            self.client("dynamodb").create_table(
                TableName=name,
                KeySchema=[key | {"KeyType": "HASH"}],
                AttributeDefinitions=[key | {"AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        return name

    def bucket(self, name):
        """A bucket, but for what has a name of its own, which is to be missing."""
        if re.fullmatch(r"[0-9a-f]{8}", name):
            name = f"bucket-{name}"
            self.client("s3").create_bucket(Bucket=name)
        return name

    def keep(self, case, bucket, fill):
        """Keeps in a bucket the object that a Map has its items from."""
        keys = [text for name, text in members(case["steps"]) if name == "Key" and re.search(r"\.(csv|json)$", text)]
        items = recorded_items(case)
        if keys and items:
            body = as_csv(items) if keys[0].endswith(".csv") else json.dumps(items)
            self.client("s3").put_object(Bucket=bucket, Key=fill(keys[0]), Body=body.encode())

    def log_group(self, _):
        # Recordings show it by this name.
        return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:log_group_name:*"

    def role(self, _):
        return f"arn:aws:iam::{ACCOUNT}:role/{fresh('role')}"

    @contextlib.contextmanager
    def answering(self, case, found, states):
        """Takes the messages of a case, and answers their tokens as the recording shows, until it is over."""
        answer, over = recorded_answer(case), threading.Event()
        queues = [text for text in found.values() if text.startswith(self.url)]
        topics = [text for text in found.values() if ":sns:" in text]
        queues += [f"{self.url}/{ACCOUNT}/{topic.split(':')[-1]}" for topic in topics]
        takers = [threading.Thread(target=self.take, args=(queue, answer, states, over)) for queue in {*queues}]
        takers = takers if answer else []
        for taker in takers:
            taker.start()
        try:
            yield
        finally:
            over.set()
            for taker in takers:
                taker.join()

    def take(self, queue, answer, states, over):
        sqs = self.client("sqs")
        while not over.is_set():
            for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", []):
                if found := re.search(r'"TaskToken\\?":\s*\\?"([^"\\]+)', message["Body"]):
                    operation, arguments = answer
                    states.send_task_heartbeat(taskToken=found[1])
                    # Nobody was as quick as the answer of the call that brought the token.
                    time.sleep(0.5)
                    getattr(states, operation)(taskToken=found[1], **arguments)


# What has to be there for a member of an input or of parameters.
MADE = {
    "QueueUrl": FarSide.queue,
    "TopicArn": FarSide.topic,
    "TableName": FarSide.table,
    "Bucket": FarSide.bucket,
    "logGroupArn": FarSide.log_group,
    "CredentialsRoleArn": FarSide.role,
}


def after(text):
    """The stand-in that follows one."""
    bare = STAND_IN.fullmatch(text)
    return f"zq{int(bare[1]) + 1:06}qz" if bare else text


def fresh(name):
    return f"{name}-{secrets.token_hex(4)}"


def members(value):
    """The members that are texts, of objects at any depth, those in JSON texts too."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            return
    if isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, str):
                yield name, member
            yield from members(member)
    elif isinstance(value, list):
        for member in value:
            yield from members(member)


def recorded_items(case):
    """The items that a Map read, by its recorded output; where that is as many as it may read, with one more."""
    for recorded in case["expect"].values():
        for event in recorded.get("events", []) if isinstance(recorded, dict) else []:
            if event["type"] == "MapStateExited":
                items = event["stateExitedEventDetails"]["output"]
                items = json.loads(items) if isinstance(items, str) else items
                is_cut = re.search(rf"MaxItems\W+{len(items)}\b|maxItems := {len(items)}\b", json.dumps(case["steps"]))
                return items + items[:1] if is_cut else items
    # A Map that fails before it has any.
    return [{"Col1": "Value1"}]


def as_csv(items):
    """Rows of texts under the names of the first one's members."""
    text = io.StringIO()
    rows = csv.DictWriter(text, list(items[0]), lineterminator="\n")
    rows.writeheader()
    rows.writerows(items)
    return text.getvalue()


def recorded_answer(case):
    """How whoever had the token of a submitted task answered: an operation and its arguments; none where nobody did."""
    for recorded in case["expect"].values():
        events = recorded.get("events", []) if isinstance(recorded, dict) else []
        submitted = False
        for event in events:
            submitted = submitted or event["type"] == "TaskSubmitted"
            if submitted and event["type"] == "TaskSucceeded":
                output = event["taskSucceededEventDetails"]["output"]
                output = output if isinstance(output, str) else json.dumps(output)
                return "send_task_success", {"output": output}
            if submitted and event["type"] == "TaskFailed":
                details = event["taskFailedEventDetails"]
                return "send_task_failure", {name: details[name] for name in ("error", "cause") if name in details}
    return None
