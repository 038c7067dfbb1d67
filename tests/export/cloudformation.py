"""What AWS's and others' tools say of a template and of actions.

    cloudformation.py lint TEMPLATE      what cfn-lint finds in the template, and in what SAM's translator makes
                                         of it, as CloudFormation does before it makes anything else
    cloudformation.py resources ACTION…  the ARNs that each action can be narrowed to, by AWS's Service
                                         Authorization Reference as policy_sentry has it
"""

import json
import os
import subprocess
import sys
import tempfile

from cfnlint.decode.cfn_yaml import load
from policy_sentry.querying.actions import get_action_data


class NoManagedPolicies:
    """Only the names of managed policies would be looked up."""

    def load(self):
        return {}


def translated(template):
    from samtranslator.translator.transform import transform

    # As `sam package` leaves it.
    for resource in template["Resources"].values():
        for key in ("CodeUri", "DefinitionUri"):
            if key in resource["Properties"]:
                resource["Properties"][key] = "s3://packages/key"
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    return transform(template, {}, NoManagedPolicies())


def findings(file):
    command = ["cfn-lint", "--include-checks", "I", "--format", "json", "--", file]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout)
    return [f"{it['Rule']['Id']}: {it['Message']}" for it in found]


def lint(file):
    with tempfile.TemporaryDirectory() as folder:
        cloudformation = os.path.join(folder, "template.json")
        with open(cloudformation, "w", encoding="utf-8") as out:
            json.dump(translated(json.loads(json.dumps(load(file)))), out)
        return {"sam": findings(file), "cloudformation": findings(cloudformation)}


def resources(*actions):
    def of(action):
        service, name = action.split(":")
        rows = get_action_data(service, name)[service]
        return sorted({row["resource_arn_format"] for row in rows} - {"*"})

    return {action: of(action) for action in actions}


print(json.dumps({"lint": lint, "resources": resources}[sys.argv[1]](*sys.argv[2:])))
