"""Writes what operations of AWS services answer, for the checks of mocked results (TestState).

    python3 service_shapes.py MODELS FOLDER

MODELS is a folder of AWS's API models as botocore 1.41.0 has them (`botocore/data`; newer ones allow more than
TestState does), FOLDER is where the tables go: one for each service, by its name in
`arn:aws:states:::aws-sdk:<name>:<action>`.

After a line that says what it is, a table has a line `> Operation Structure` for each operation that answers
something, then each structure with its members indented, required ones with `!`, as Step Functions spells them:
with a capital. Types: any, boolean, a structure's name, {value of a map}, words|of|an|enumeration in (); and string,
number and [element], with bounds (min..max) where they have any.
"""

import gzip
import json
import pathlib
import sys

# All operations of those that steps and integrations call; of the rest, those that an integration of
# Step Functions calls, or polls for the end of a job.
ALL = None
SERVICES = {
    "athena": ["StartQueryExecution", "StopQueryExecution", "GetQueryExecution", "GetQueryResults"],
    "batch": ["SubmitJob", "DescribeJobs"],
    "bedrock": ["CreateModelCustomizationJob", "GetModelCustomizationJob"],
    "codebuild": ["StartBuild", "StopBuild", "BatchDeleteBuilds", "BatchGetReports", "BatchGetBuilds",
                  "StartBuildBatch", "RetryBuildBatch", "StopBuildBatch", "DeleteBuildBatch", "BatchGetBuildBatches"],
    "databrew": ["StartJobRun", "DescribeJobRun"],
    "dynamodb": ALL,
    "ecs": ["RunTask", "DescribeTasks"],
    "emr": ["RunJobFlow", "AddJobFlowSteps", "DescribeCluster", "DescribeStep", "CancelSteps"],
    "emr-containers": ["CreateVirtualCluster", "DeleteVirtualCluster", "DescribeVirtualCluster", "StartJobRun", "DescribeJobRun"],
    "emr-serverless": ["CreateApplication", "StartApplication", "StopApplication", "GetApplication",
                       "StartJobRun", "CancelJobRun", "GetJobRun"],
    "events": ALL,
    "glue": ["StartJobRun", "GetJobRun"],
    "kms": ALL,
    "lambda": ALL,
    "s3": ALL,
    "sagemaker": ["CreateEndpoint", "UpdateEndpoint", "CreateEndpointConfig", "CreateModel",
                  "CreateTrainingJob", "DescribeTrainingJob", "CreateTransformJob", "DescribeTransformJob",
                  "CreateProcessingJob", "DescribeProcessingJob", "CreateLabelingJob", "DescribeLabelingJob",
                  "CreateHyperParameterTuningJob", "DescribeHyperParameterTuningJob"],
    "secretsmanager": ALL,
    "sns": ALL,
    "sqs": ALL,
    "stepfunctions": ALL,
}
NUMBERS = {"integer", "long", "float", "double", "bigdecimal", "biginteger"}


def load(models, folder):
    newest = sorted(it for it in (models / folder).iterdir() if it.is_dir())[-1]
    packed = newest / "service-2.json.gz"
    if packed.exists():
        return json.loads(gzip.decompress(packed.read_bytes()))
    return json.loads((newest / "service-2.json").read_text())


def bounds(shape):
    if "min" not in shape and "max" not in shape:
        return ""
    return f"({shape.get('min', '')}..{shape.get('max', '')})"


class Table:
    def __init__(self, model):
        self.shapes, self.lines, self.todo, self.done = model["shapes"], [], [], set()

    def type(self, name):
        shape = self.shapes[name]
        kind = shape["type"]
        if kind == "structure":
            if shape.get("document"):
                return "any"
            self.todo.append(name)
            return name
        if kind == "list":
            return f"[{self.type(shape['member']['shape'])}]{bounds(shape)}"
        if kind == "map":
            return f"{{{self.type(shape['value']['shape'])}}}"
        if kind in NUMBERS:
            return "number" + bounds(shape)
        if kind == "boolean":
            return "boolean"
        if kind == "string" and "enum" in shape:
            return f"({'|'.join(shape['enum'])})"
        if kind == "string":
            return "string" + bounds(shape)
        if kind in ("timestamp", "blob"):
            return "string"
        raise SystemExit(f"{name}: a shape of the type {kind} is not known here")

    def structure(self, name):
        shape = self.shapes[name]
        self.lines.append(name)
        for member, of in shape.get("members", {}).items():
            required = "!" if member in shape.get("required", []) else ""
            kind = "any" if of.get("jsonvalue") else self.type(of["shape"])
            self.lines.append(f"  {member[0].upper()}{member[1:]}{required} {kind}")

    def write(self, operations):
        for name in sorted(operations):
            output = operations[name].get("output")
            if output and self.shapes[output["shape"]].get("members"):
                self.lines.append(f"> {name} {output['shape']}")
                self.todo.append(output["shape"])
        while self.todo:
            name = self.todo.pop(0)
            if name not in self.done:
                self.done.add(name)
                self.structure(name)
        return "".join(f"{line}\n" for line in self.lines)


def main():
    models, target = map(pathlib.Path, sys.argv[1:])
    for folder, wanted in SERVICES.items():
        model = load(models, folder)
        operations = {name: it for name, it in model["operations"].items() if wanted is ALL or name in wanted}
        missing = set(wanted or []) - set(operations)
        if missing:
            raise SystemExit(f"{folder} has no {', '.join(sorted(missing))}")
        called = model["metadata"]["serviceId"]
        head = f"# What operations of {called} answer: by service_shapes.py.\n"
        (target / f"{called.lower().replace(' ', '')}.txt").write_text(head + Table(model).write(operations))


main()
