"""Walks every list that boto3 has a paginator for, in pages of each size: prints what it saw as JSON.

argv: the endpoint's URL.
"""

MANY = 7

definition = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 86_400, "End": True}}})
machines = [
    sfn.create_state_machine(name=f"m{number}", definition=definition, roleArn=role)["stateMachineArn"]
    for number in range(MANY)
]
executions = [
    sfn.start_execution(stateMachineArn=machines[0], name=f"e{number}")["executionArn"] for number in range(MANY)
]
for number in range(MANY):
    sfn.create_activity(name=f"a{number}")
for arn in executions[:2]:
    sfn.stop_execution(executionArn=arn)
for _ in range(2):
    sfn.redrive_execution(executionArn=executions[0])
    sfn.stop_execution(executionArn=executions[0])
# An execution with a Map Run for each of its items.
config = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
empty = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
run = {"Type": "Map", "ItemProcessor": {"ProcessorConfig": config, **empty}, "End": True}
each = {"Type": "Map", "ItemProcessor": {"StartAt": "R", "States": {"R": run}}, "End": True}
mapping = json.dumps({"StartAt": "E", "States": {"E": each}})
mapper = sfn.create_state_machine(name="mapper", definition=mapping, roleArn=role)["stateMachineArn"]
mapped = sfn.start_execution(stateMachineArn=mapper, input=json.dumps([[1]] * MANY))["executionArn"]
while sfn.describe_execution(executionArn=mapped)["status"] == "RUNNING":
    time.sleep(0.05)

# Paginator → how it is asked, which list it answers, what tells its items apart.
asked = {
    "get_execution_history": ({"executionArn": executions[0]}, "events", "id"),
    "list_activities": ({}, "activities", "activityArn"),
    "list_executions": ({"stateMachineArn": machines[0]}, "executions", "executionArn"),
    "list_map_runs": ({"executionArn": mapped}, "mapRuns", "mapRunArn"),
    "list_state_machines": ({}, "stateMachines", "stateMachineArn"),
}
seen = {}
for name in filter(sfn.can_paginate, sorted(sfn.meta.method_to_api_mapping)):
    members, items, key = asked[name]
    paginator = sfn.get_paginator(name)
    whole = [it[key] for it in getattr(sfn, name)(**members)[items]]
    assert len(set(whole)) == len(whole) >= MANY, (name, whole)
    for size in range(1, len(whole) + 2):
        pages = [page[items] for page in paginator.paginate(**members, PaginationConfig={"PageSize": size})]
        full, rest = divmod(len(whole), size)
        lengths = [len(page) for page in pages]
        assert lengths == [size] * full + [rest] * (rest > 0), (name, size, lengths)
        assert [it[key] for page in pages for it in page] == whole, (name, size)
    # Begun again where it was left off, as one does who keeps the token.
    first = paginator.paginate(**members, PaginationConfig={"PageSize": 2, "MaxItems": 4}).build_full_result()
    rest = paginator.paginate(**members, PaginationConfig={"StartingToken": first["NextToken"]}).build_full_result()
    assert [it[key] for it in first[items] + rest[items]] == whole, name
    seen[name] = len(whole)
print(json.dumps(seen))
