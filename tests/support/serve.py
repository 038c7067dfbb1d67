"""Drives a Step Functions endpoint with boto3: prints what it saw as JSON.

argv: the endpoint's URL, the order workflow's file.
"""

endpoint, workflow = sys.argv[1:]
definition = open(workflow).read()
created = sfn.create_state_machine(name="orders", definition=definition, roleArn=role)
arn = created["stateMachineArn"]
again = sfn.create_state_machine(name="orders", definition=definition, roleArn=role)
order = {"order_id": "1", "product_id": "sku-001", "quantity": 1, "customer_email": "user@example.com"}
started = sfn.start_execution(stateMachineArn=arn, name="one", input=json.dumps(order))
execution = ended(started["executionArn"])
pages = sfn.get_paginator("get_execution_history").paginate(
    executionArn=started["executionArn"], PaginationConfig={"PageSize": 3}
)
events = [event for page in pages for event in page["events"]]
newest = sfn.get_execution_history(executionArn=started["executionArn"], reverseOrder=True, maxResults=1)

wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}
sleeper = sfn.create_state_machine(name="sleeper", definition=json.dumps(wait), roleArn=role)["stateMachineArn"]
names = ["a", "b", "c"]
asleep = [sfn.start_execution(stateMachineArn=sleeper, name=name)["executionArn"] for name in names]
same = sfn.start_execution(stateMachineArn=sleeper, name="a")["executionArn"] == asleep[0]
sfn.stop_execution(executionArn=asleep[1], error="Enough", cause="of it")
listed = sfn.get_paginator("list_executions").paginate(
    stateMachineArn=sleeper, statusFilter="RUNNING", PaginationConfig={"PageSize": 1}
)
wait["States"]["W"]["Seconds"] = 7200
updated = sfn.update_state_machine(stateMachineArn=sleeper, definition=json.dumps(wait))
before = sfn.describe_state_machine_for_execution(executionArn=asleep[0])
machines = sfn.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 1})
problems = sfn.validate_state_machine_definition(definition='{"StartAt": "A", "States": {}}')

missing = "arn:aws:states:us-east-1:123456789012:stateMachine:missing"
print(
    json.dumps(
        {
            "idempotent": again == {**created, "ResponseMetadata": again["ResponseMetadata"]},
            "order": [execution["status"], isinstance(json.loads(execution["output"]), dict)],
            "ids": [event["id"] for event in events],
            "first_and_last": [events[0]["type"], events[-1]["type"], newest["events"][0]["type"]],
            "same": same,
            "stopped": [ended(asleep[1])[key] for key in ("status", "error", "cause")],
            "running": [it["name"] for page in listed for it in page["executions"]],
            "revision": updated["revisionId"] == sfn.describe_state_machine(stateMachineArn=sleeper)["revisionId"],
            "at_start": "3600" in before["definition"],
            "machines": [it["name"] for page in machines for it in page["stateMachines"]],
            "diagnosed": [problems["result"], len(problems["diagnostics"]) > 0],
            "errors": [
                code(sfn.create_state_machine, name="orders", definition=json.dumps(wait), roleArn=role),
                code(sfn.create_state_machine, name="broken", definition="{}", roleArn=role),
                code(sfn.create_state_machine, name="no name", definition=definition, roleArn=role),
                code(sfn.start_execution, stateMachineArn=arn, name="one", input="{}"),
                code(sfn.start_execution, stateMachineArn=arn, input="{"),
                code(sfn.start_execution, stateMachineArn=missing),
                code(sfn.describe_state_machine, stateMachineArn="orders"),
                code(sfn.describe_execution, executionArn=asleep[0] + "x"),
                code(sfn.get_execution_history, executionArn=asleep[0], nextToken="forged"),
                code(sfn.list_executions, stateMachineArn=arn, maxResults=2000),
                code(sfn.update_state_machine, stateMachineArn=arn),
            ],
            "deleted": [
                code(sfn.delete_state_machine, stateMachineArn=arn),
                code(sfn.delete_state_machine, stateMachineArn=arn),
                code(sfn.describe_state_machine, stateMachineArn=arn),
            ],
        }
    )
)
