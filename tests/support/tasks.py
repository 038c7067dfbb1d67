"""Drives what completes tasks from outside with boto3: activities, task tokens, redrive, Express.

argv: the endpoint's URL. Prints what it saw as JSON.
"""

import threading


def machine(name, states, **more):
    definition = json.dumps({"StartAt": next(iter(states)), "States": states})
    return sfn.create_state_machine(name=name, definition=definition, roleArn=role, **more)["stateMachineArn"]


def types(arn):
    return [event["type"] for event in sfn.get_execution_history(executionArn=arn)["events"]]


def absent():
    late = sfn.start_execution(stateMachineArn=packing)["executionArn"]
    return [ended(late)["cause"].replace(pack, "PACK"), types(late)]


tags = [{"key": "team", "value": "packing"}]
pack = sfn.create_activity(name="pack", tags=tags)["activityArn"]
again = sfn.create_activity(name="pack")["activityArn"]
packing = machine(
    "packing",
    {"Pack": {"Type": "Task", "Resource": pack, "HeartbeatSeconds": 60, "TimeoutSeconds": 600, "End": True}},
)
taken = {}
worker = threading.Thread(target=lambda: taken.update(sfn.get_activity_task(activityArn=pack, workerName="w-1")))
worker.start()
time.sleep(0.3)
packed = sfn.start_execution(stateMachineArn=packing, input='{"order":  1}')["executionArn"]
worker.join()
token = taken["taskToken"]
sfn.send_task_heartbeat(taskToken=token)
sfn.send_task_success(taskToken=token, output='{"packed": true}')
activity = [taken["input"], ended(packed)["output"], types(packed)]

failing = sfn.start_execution(stateMachineArn=packing)["executionArn"]
first = sfn.get_activity_task(activityArn=pack)["taskToken"]
sfn.send_task_failure(taskToken=first, error="Torn", cause="the box")
failed = ended(failing)
redriven = sfn.redrive_execution(executionArn=failing, clientToken="once")["redriveDate"]
same = sfn.redrive_execution(executionArn=failing, clientToken="once")["redriveDate"]
running = sfn.describe_execution(executionArn=failing)
second = sfn.get_activity_task(activityArn=pack)["taskToken"]
sfn.send_task_success(taskToken=second, output="[]")
succeeded = ended(failing)

waiting = machine(
    "waiting",
    {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sns:publish.waitForTaskToken",
            "Parameters": {"TopicArn": "arn:aws:sns:us-east-1:123456789012:asks", "Message.$": "$$.Task.Token"},
            "TimeoutSeconds": 600,
            "End": True,
        }
    },
)
asked = sfn.start_execution(stateMachineArn=waiting)["executionArn"]
while "TaskSubmitted" not in types(asked):
    time.sleep(0.02)
events = sfn.get_execution_history(executionArn=asked)["events"]
scheduled = next(event["taskScheduledEventDetails"] for event in events if event["type"] == "TaskScheduled")
callback = json.loads(scheduled["parameters"])["Message"]
sfn.send_task_success(taskToken=callback, output='"yes"')
answered = [ended(asked)["output"], types(asked)]

shout = {"Shout": {"Type": "Pass", "Result": "ho", "End": True}}
express = machine("shout", shout, type="EXPRESS")
loud = sfn.start_sync_execution(stateMachineArn=express, name="one", input="{}")
bad = {"Bad": {"Type": "Fail", "Error": "Bad", "Cause": "by design"}}
bare = sfn.start_sync_execution(stateMachineArn=machine("bad", bad, type="EXPRESS"), includedData="METADATA_ONLY")
lone = sfn.start_execution(stateMachineArn=express, name="one")["executionArn"]

print(
    json.dumps(
        {
            "activity": activity,
            "same_activity": again == pack,
            "described": sfn.describe_activity(activityArn=pack)["name"],
            "tags": sfn.list_tags_for_resource(resourceArn=pack)["tags"] == tags,
            "listed": [it["name"] for it in sfn.list_activities()["activities"]],
            "failed": [failed["error"], failed["cause"], failed["redriveStatus"]],
            "redriven": [same == redriven, running["status"], running["redriveCount"], "stopDate" in running],
            "succeeded": [succeeded["output"], succeeded["redriveStatus"], types(failing)],
            "answered": answered,
            "express": [loud["status"], loud["output"], loud["billingDetails"]["billedMemoryUsedInMB"]],
            "bare": [bare["status"], bare["error"], bare["cause"], "input" in bare],
            "lone": lone.split(":")[5:8],
            "errors": [
                code(sfn.send_task_success, taskToken=token, output="{}"),
                code(sfn.send_task_success, taskToken=first, output="{}"),
                code(sfn.send_task_success, taskToken=callback, output="{"),
                code(sfn.send_task_heartbeat, taskToken=callback),
                code(sfn.send_task_failure, taskToken="forged"),
                code(sfn.send_task_failure, taskToken=token[:-4] + "AAAA"),
                code(sfn.redrive_execution, executionArn=packed),
                code(sfn.start_sync_execution, stateMachineArn=packing),
                code(sfn.list_executions, stateMachineArn=express),
                code(sfn.describe_execution, executionArn=lone),
                code(sfn.get_activity_task, activityArn=pack + "x"),
                code(machine, name="no", states={"A": {"Type": "Task", "Resource": pack, "End": True}}, type="EXPRESS"),
            ],
            "deleted": [sfn.delete_activity(activityArn=pack)["ResponseMetadata"]["HTTPStatusCode"]]
            + [code(sfn.describe_activity, activityArn=pack)],
            "absent": absent(),
            "checked": sorted(checked),
        }
    )
)
