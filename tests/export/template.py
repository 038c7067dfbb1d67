"""The resources of a SAM template as JSON, with the account and region that tests have in the places of
CloudFormation's pseudo parameters.

    template.py FILE
"""

import json
import re
import sys

import yaml

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
}


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags."""


def sub(loader, node):
    text = loader.construct_scalar(node)
    text = re.sub(r"\$\{(AWS::\w+)\}", lambda found: PSEUDO[found.group(1)], text)
    return text.replace("${!", "${")


def ref(loader, node):
    name = loader.construct_scalar(node)
    return PSEUDO.get(name, {"Ref": name})


def get_att(loader, node):
    return {"Fn::GetAtt": loader.construct_scalar(node).split(".", 1)}


Loader.add_constructor("!Sub", sub)
Loader.add_constructor("!Ref", ref)
Loader.add_constructor("!GetAtt", get_att)

with open(sys.argv[1], encoding="utf-8") as file:
    print(json.dumps(yaml.load(file, Loader)["Resources"]))
