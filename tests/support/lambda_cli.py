"""Swaps, versions, splits and calls a step with the AWS CLI: prints what it saw as JSON.

argv: the endpoint's URL, the component that `ReceiveOrder` is bound to.
"""

import json
import os
import subprocess
import sys
import tempfile
import zipfile

home = tempfile.TemporaryDirectory()
environment = {
    **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.path.join(home.name, "config"),
    "AWS_SHARED_CREDENTIALS_FILE": os.path.join(home.name, "credentials"),
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_PAGER": "",
}
order = json.dumps({"order_id": "1", "product_id": "p", "quantity": 1, "customer_email": "a@example.com"})
answer = os.path.join(home.name, "answer.json")


def aws(command, *positional, **options):
    """What a command prints."""
    line = [sys.executable, "-m", "awscli", "lambda", command, "--endpoint-url", sys.argv[1], *positional]
    for name, value in options.items():
        line += [f"--{name.replace('_', '-')}", value]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, (line, done.returncode, done.stderr)
    return json.loads(done.stdout) if done.stdout.strip() else None


def upload(word):
    """A zip of the component, with a section of its own."""
    path = os.path.join(home.name, f"{word}.zip")
    with open(sys.argv[2], "rb") as file:
        code = file.read()
    content = bytes([len(word)]) + word.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("step.wasm", code + b"\0" + bytes([len(content)]) + content)
    return f"fileb://{path}"


def invoke(**options):
    said = aws("invoke", answer, function_name="ReceiveOrder", payload=order, **options)
    with open(answer) as file:
        return said, json.load(file)


one = aws("publish-version", function_name="ReceiveOrder", description="as bound")
swapped = aws("update-function-code", function_name="ReceiveOrder", zip_file=upload("two"))
two = aws("publish-version", function_name="ReceiveOrder")
live = aws("create-alias", function_name="ReceiveOrder", name="live", function_version="1")
split = aws("update-alias", function_name="ReceiveOrder", name="live", routing_config="AdditionalVersionWeights={2=0.5}")
ran = {invoke(qualifier="live")[0]["ExecutedVersion"] for _ in range(12)}
said, told = invoke()
rolled_back = aws("update-alias", function_name="ReceiveOrder", name="live", function_version="1", routing_config="AdditionalVersionWeights={}")
print(
    json.dumps(
        {
            "versions": [one["Version"], two["Version"]],
            "swapped": swapped["CodeSha256"] == two["CodeSha256"] != one["CodeSha256"],
            "live": live["FunctionVersion"],
            "split": split["RoutingConfig"],
            "ran": sorted(ran),
            "said": [said["StatusCode"], said["ExecutedVersion"], told["order_id"]],
            "rolled back": [rolled_back["FunctionVersion"], "RoutingConfig" in rolled_back],
            "listed": [it["Version"] for it in aws("list-versions-by-function", function_name="ReceiveOrder")["Versions"]],
            "got": aws("get-function", function_name="ReceiveOrder")["Configuration"]["CodeSha256"] == two["CodeSha256"],
            "updated": aws("wait", "function-updated", function_name="ReceiveOrder"),
        }
    )
)
