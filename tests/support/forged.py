"""Asks a Step Functions endpoint with page tokens and task tokens that it never gave, or gave for something
else. Prints which of them it took as JSON.

argv: the endpoint's URL.
"""


def machine(name, **state):
    definition = json.dumps({"StartAt": "A", "States": {"A": {**state, "End": True}}})
    return sfn.create_state_machine(name=name, definition=definition, roleArn=role)["stateMachineArn"]


def changed(token):
    """The token with each character changed, cut at each length, and made longer."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/="
    for place, character in enumerate(token):
        for other in (alphabet[(alphabet.find(character) + 1) % len(alphabet)], alphabet[alphabet.find(character) - 32], "\0"):
            yield token[:place] + other + token[place + 1 :]
        yield token[:place] + token[place + 1 :]
    for length in range(1, len(token)):
        yield token[:length]
        yield token[length:]
    yield from (token + more for more in ("A", "=", " ", "\n", token))
    yield from (token[::-1], token.swapcase(), f" {token}", "forged", "\u00fc", "'", "a.b.c", "0")


waiting = machine("waiting", Type="Wait", Seconds=86_400)
other = machine("other", Type="Wait", Seconds=86_400)
pack = sfn.create_activity(name="pack")["activityArn"]
sfn.create_activity(name="ship")
packing = machine("packing", Type="Task", Resource=pack)
executions = {arn: [sfn.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(2)] for arn in (waiting, other)}
for arn in (waiting, other):
    for seconds in (1, 2):
        definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": seconds, "End": True}}})
        sfn.update_state_machine(stateMachineArn=arn, definition=definition, publish=True)
    for name in ("a", "b"):
        route = [{"stateMachineVersionArn": f"{arn}:1", "weight": 100}]
        sfn.create_state_machine_alias(name=name, routingConfiguration=route)

# Each list that has pages: how it is asked for, and for what.
LISTS = [
    (sfn.list_state_machines, {}),
    (sfn.list_activities, {}),
    *((sfn.list_executions, {"stateMachineArn": arn, **filter}) for arn in (waiting, other) for filter in ({}, {"statusFilter": "RUNNING"})),
    *((sfn.list_state_machine_versions, {"stateMachineArn": arn}) for arn in (waiting, other)),
    *((sfn.list_state_machine_aliases, {"stateMachineArn": arn}) for arn in (waiting, f"{waiting}:1", other)),
    *((sfn.get_execution_history, {"executionArn": arn, "reverseOrder": reverse}) for arn in executions[waiting] for reverse in (False, True)),
]
tokens = [call(**members, maxResults=1)["nextToken"] for call, members in LISTS]

taken, asked = [], 0


def refused(error, call, **members):
    global asked
    asked += 1
    found = code(call, **members)
    if found != error:
        taken.append([call.__name__, members, found])


for (call, members), own in zip(LISTS, tokens):
    for token in tokens:
        if token != own:
            refused("InvalidToken", call, **members, nextToken=token)
call, members = LISTS[0]
for token in changed(tokens[0]):
    refused("InvalidToken", call, **members, nextToken=token)
for call, members in LISTS:
    refused("ValidationException", call, **members, nextToken="A" * 3_097)

packed = [sfn.start_execution(stateMachineArn=packing)["executionArn"] for _ in range(2)]
[first, second] = [sfn.get_activity_task(activityArn=pack)["taskToken"] for _ in range(2)]
half = len(first) // 2
for token in (*changed(first), first[:half] + second[half:], second[:half] + first[half:], *tokens):
    refused("InvalidToken", sfn.send_task_heartbeat, taskToken=token)
for token in (tokens[0], first[:-1], first + "A"):
    refused("InvalidToken", sfn.send_task_success, taskToken=token, output="{}")
    refused("InvalidToken", sfn.send_task_failure, taskToken=token)
for token in (first, second):
    refused("InvalidToken", sfn.list_activities, nextToken=token)
sfn.send_task_success(taskToken=first, output="{}")
sfn.send_task_failure(taskToken=second)
ends = sorted(ended(arn)["status"] for arn in packed)
pages = [len(next(iter(call(**members, nextToken=token).values()))) > 0 for (call, members), token in zip(LISTS, tokens)]
print(json.dumps({"taken": taken[:20], "ends": ends, "pages": all(pages), "many": asked > 1_000}))
