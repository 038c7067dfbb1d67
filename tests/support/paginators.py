"""Walks every list that boto3 has a paginator for, in pages of each size: prints what it saw as JSON.

argv: the endpoint's URL.
"""

# What this server has not.
NOT_HERE = {"list_map_runs": {"executionArn": "arn:aws:states:us-east-1:123456789012:execution:m:1"}}
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

# Paginator → how it is asked, which list it answers, what tells its items apart.
asked = {
    "get_execution_history": ({"executionArn": executions[0]}, "events", "id"),
    "list_activities": ({}, "activities", "activityArn"),
    "list_executions": ({"stateMachineArn": machines[0]}, "executions", "executionArn"),
    "list_state_machines": ({}, "stateMachines", "stateMachineArn"),
}
seen = {}
for name in filter(sfn.can_paginate, sorted(sfn.meta.method_to_api_mapping)):
    if name in NOT_HERE:
        pages = sfn.get_paginator(name).paginate(**NOT_HERE[name])
        seen[name] = code(lambda: list(pages))
        continue
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
