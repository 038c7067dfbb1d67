"""Has a server perform one execution of each kind, for record.py to take: python3 perform.py <endpoint> <workflow.asl.json>.

What a version cannot do yet, it refuses; that is printed and passed over. Needs boto3.
"""

import json
import sys
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, workflow = sys.argv[1:]
states = boto3.client(
    "stepfunctions",
    endpoint_url=endpoint,
    region_name="us-east-1",
    aws_access_key_id="recorder",
    aws_secret_access_key="recorder",
    config=Config(retries={"max_attempts": 0}, read_timeout=90, inject_host_prefix=False),
)
ROLE = "arn:aws:iam::123456789012:role/recorder"
DONE = threading.Event()


def machine(name, definition):
    arn = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)
    return arn["stateMachineArn"]


def start(arn, input, name="1"):
    return states.start_execution(stateMachineArn=arn, name=name, input=json.dumps(input))["executionArn"]


def ended(execution):
    while (status := states.describe_execution(executionArn=execution)["status"]) == "RUNNING":
        time.sleep(0.05)
    return status


def reached(execution, state, times=1):
    """Waits until the execution has entered the state so often."""
    while True:
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
        entered = [event.get("stateEnteredEventDetails", {}).get("name") for page in pages for event in page["events"]]
        if entered.count(state) >= times:
            return
        time.sleep(0.05)


def act(activity, worker, seen):
    """Does what a task's input says at its first, second, ... attempt."""
    while not DONE.is_set():
        task = states.get_activity_task(activityArn=activity, workerName=worker)
        if not task.get("taskToken"):
            continue
        token, input = task["taskToken"], json.loads(task["input"])
        attempt = seen[input["id"]] = seen.get(input["id"], 0) + 1
        deed = input["do"][min(attempt, len(input["do"])) - 1]
        if deed == "vanish":
            continue
        try:
            if deed == "beat":
                for _ in range(2):
                    time.sleep(0.4)
                    states.send_task_heartbeat(taskToken=token)
            if deed in ("ok", "beat"):
                states.send_task_success(taskToken=token, output=json.dumps({"id": input["id"], "by": worker}))
            else:
                states.send_task_failure(taskToken=token, error=deed, cause=f"{deed} at attempt {attempt}")
        except ClientError as error:
            print("  a worker was too late:", error)


def task(activity, **more):
    return {"Type": "Task", "Resource": activity, "End": True, **more}


def flow(first, **more):
    return {"StartAt": next(iter(first)), "States": first, **more}


def activities(activity):
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 2, "MaxDelaySeconds": 2, "JitterStrategy": "FULL"}]
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}]
    caught = {"Type": "Pass", "End": True}
    arn = machine("activity", flow({"Work": task(activity, Retry=retry, Catch=catch), "Caught": caught}))
    ended(start(arn, {"id": "a1", "do": ["ok"]}))
    ended(start(arn, {"id": "a2", "do": ["Busy", "Busy", "ok"]}, "retried"))
    ended(start(arn, {"id": "a3", "do": ["Broken"]}, "caught"))
    beating = task(activity, HeartbeatSeconds=1, TimeoutSeconds=30, Retry=[{"ErrorEquals": ["States.HeartbeatTimeout"], "MaxAttempts": 1}])
    arn = machine("heartbeat", flow({"Work": beating}))
    ended(start(arn, {"id": "h1", "do": ["beat"]}))
    ended(start(arn, {"id": "h2", "do": ["vanish", "beat"]}, "missed"))
    arn = machine("timeout", flow({"Work": task(activity, TimeoutSeconds=1)}))
    ended(start(arn, {"id": "t1", "do": ["vanish"]}))


def redrives(activity):
    arn = machine("redrive", flow({"Work": task(activity)}))
    execution = start(arn, {"id": "r1", "do": ["Broken", "Broken", "ok"]})
    for token in ("first", "second"):
        ended(execution)
        states.redrive_execution(executionArn=execution, clientToken=token)
    ended(execution)
    branch = lambda id: flow({f"Work{id}": task(activity, Parameters={"id": f"p{id}", "do.$": f"$.{id}"})})
    items = flow({"Item": task(activity)})
    each = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": items, "MaxConcurrency": 2, "End": True}
    both = {"Type": "Parallel", "Branches": [branch("left"), branch("right"), flow({"Each": each})], "End": True}
    arn = machine("nested", flow({"Both": both}))
    items = [{"id": "i0", "do": ["ok"]}, {"id": "i1", "do": ["Broken", "ok"]}, {"id": "i2", "do": ["ok"]}]
    execution = start(arn, {"left": ["ok"], "right": ["ok"], "items": items})
    ended(execution)
    states.redrive_execution(executionArn=execution)
    ended(execution)
    slow = flow({"Wait": {"Type": "Wait", "Seconds": 2, "Next": "Work"}, "Work": task(activity)}, TimeoutSeconds=1)
    execution = start(machine("overdue", slow), {"id": "o1", "do": ["ok"]})
    ended(execution)
    states.redrive_execution(executionArn=execution)
    ended(execution)


def stops(activity):
    waits = flow({"Wait": {"Type": "Wait", "Seconds": 1, "Next": "Work"}, "Work": task(activity)})
    arn = machine("stopped", waits)
    execution = start(arn, {"id": "s1", "do": ["ok"]})
    reached(execution, "Wait")
    states.stop_execution(executionArn=execution, error="Operator", cause="by hand")
    states.redrive_execution(executionArn=execution)
    ended(execution)
    execution = start(arn, {"id": "s2", "do": ["ok"]}, "plainly")
    states.stop_execution(executionArn=execution)


def orders(_):
    arn = machine("orders", json.load(open(workflow)))
    order = {"order_id": "r-1", "product_id": "sku-001", "quantity": 1, "customer_email": "a@example.com"}
    for name, change in {"1": {}, "refused": {"quantity": 0}, "unfulfilled": {"order_id": "r-2", "quantity": 1000}}.items():
        ended(start(arn, order | change, name))


def children(activity):
    child = machine("child", flow({"Work": task(activity)}))
    begin = lambda pattern: {
        "Type": "Task",
        "Resource": f"arn:aws:states:::states:startExecution{pattern}",
        "Parameters": {"StateMachineArn": child, "Input.$": "$"},
        "End": True,
    }
    for name, pattern in {"begins": "", "follows": ".sync", "awaits": ".sync:2"}.items():
        arn = machine(name, flow({"Begin": begin(pattern)}))
        ended(start(arn, {"id": f"{name}-good", "do": ["ok"]}))
    ended(start(arn, {"id": "awaits-bad", "do": ["Broken"]}, "failed"))


def map_runs(activity):
    process = flow({"Item": task(activity)}, ProcessorConfig={"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"})
    each = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": process, "MaxConcurrency": 2, "Label": "Each", "End": True}
    arn = machine("distributed", flow({"Each": each}))
    ended(start(arn, {"items": [{"id": f"d{n}", "do": ["ok"]} for n in range(3)]}))
    failed = [{"id": "e0", "do": ["ok"]}, {"id": "e1", "do": ["Broken", "ok"]}]
    execution = start(arn, {"items": failed}, "redriven")
    ended(execution)
    states.redrive_execution(executionArn=execution)
    ended(execution)


def queries(activity):
    work = {
        "Type": "Task",
        "Resource": activity,
        "Arguments": "{% $merge([$states.input, {'do': $states.input.do}]) %}",
        "Assign": {"by": "{% $states.result.by %}", "asked": "{% $states.input.id %}"},
        "Output": {"id": "{% $states.result.id %}", "at": "{% $count($states.input.items) %}"},
        "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Assign": {"fault": "{% $states.errorOutput %}"}, "Next": "Told"}],
        "Next": "Each",
    }
    item = {"Type": "Pass", "Output": "{% $states.input * $states.context.Execution.RedriveCount + $number($random() < 2) %}", "End": True}
    each = {
        "Type": "Map",
        "Items": "{% [1..3] %}",
        "ItemSelector": "{% $states.context.Map.Item.Value %}",
        "ItemProcessor": flow({"Item": item}),
        "Assign": {"made": "{% $states.result %}"},
        "Next": "Which",
    }
    which = {"Type": "Choice", "Choices": [{"Condition": "{% $sum($made) > 2 and $asked = 'q1' %}", "Next": "Bad"}], "Default": "Told"}
    bad = {"Type": "Pass", "Output": "{% $states.input.missing %}", "End": True}
    told = {"Type": "Pass", "Output": {"by": "{% $by %}", "fault": "{% $fault %}"}, "End": True}
    states_ = {"Begin": {"Type": "Pass", "Assign": {"by": "nobody", "fault": "none"}, "Next": "Work"}, "Work": work}
    states_ |= {"Each": each, "Which": which, "Bad": bad, "Told": told}
    arn = machine("queries", flow(states_, QueryLanguage="JSONata"))
    ended(start(arn, {"id": "q1", "do": ["Busy", "ok"], "items": []}))
    ended(start(arn, {"id": "q2", "do": ["Broken"], "items": []}, "caught"))
    ended(start(arn, {"id": "q3", "do": ["ok"], "items": [1]}, "told"))


def readers(activity):
    """Of the bucket `recorded`, which the server's manifest has for a folder."""
    process = flow({"Item": task(activity)}, ProcessorConfig={"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"})
    each = {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSONL"},
            "Parameters": {"Bucket": "recorded", "Key": "items.jsonl"},
        },
        "ItemSelector": {"id.$": "$$.Map.Item.Value.id", "do.$": "$$.Map.Item.Value.do"},
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "recorded", "Prefix": "out"},
        },
        "ItemProcessor": process,
        "ToleratedFailureCount": 1,
        "Label": "Read",
        "End": True,
    }
    ended(start(machine("reads", flow({"Read": each})), {}))


def turns(_):
    """More states at once than a turn has, and a Map over an object's fields."""
    count = {"Type": "Pass", "Parameters": {"left.$": "States.MathAdd($.left, -1)"}, "Next": "More"}
    more = {"Type": "Choice", "Choices": [{"Variable": "$.left", "NumericGreaterThan": 0, "Next": "Count"}], "Default": "Done"}
    arn = machine("turns", flow({"Count": count, "More": more, "Done": {"Type": "Succeed"}}))
    ended(start(arn, {"left": 150}))
    selected = {"key": "{% $states.context.Map.Item.Key %}", "value": "{% $states.context.Map.Item.Value %}"}
    item = {"Type": "Pass", "Output": "{% $states.input.key & $string($states.input.value) %}", "End": True}
    process = flow({"Item": item}, ProcessorConfig={"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"})
    each = {"Type": "Map", "Items": "{% $states.input %}", "ItemSelector": selected, "ItemProcessor": process, "Label": "Fields", "End": True}
    ended(start(machine("fields", flow({"Fields": each}, QueryLanguage="JSONata")), {"a": 1, "b": [2], "c": {"d": 3}}))


def main():
    activity = states.create_activity(name="work")["activityArn"]
    seen = {}
    workers = [threading.Thread(target=act, args=(activity, f"worker-{n}", seen), daemon=True) for n in (1, 2, 3)]
    for worker in workers:
        worker.start()
    for kind in (activities, redrives, stops, orders, children, map_runs, queries, readers, turns):
        try:
            kind(activity)
        except ClientError as error:
            print(kind.__name__, "is refused:", error)
    DONE.set()
    for status in ("SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT", "RUNNING"):
        for listed in states.list_state_machines()["stateMachines"]:
            arn = listed["stateMachineArn"]
            for execution in states.list_executions(stateMachineArn=arn, statusFilter=status)["executions"]:
                print(f"{status:9} {listed['name']}:{execution['name']}")


main()
