"""Asks a Stepyard server what AWS was asked, and writes the score: docs/conformance.md.

    score.py STEPYARD CORPUS [RUNNER_ARGUMENT...]

STEPYARD is the binary. CORPUS is a folder of recorded cases with its runner, run_conformance.py; it is
not part of this repository; its `jsonata-suite` is JSONata's official test suite. With arguments for the
runner, such as `--only callback --diffs`, what it prints is shown and nothing is written. Needs boto3 and moto.
`just conformance CORPUS` runs it.
"""

import collections
import contextlib
import importlib.util
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading

from far_side import ACCOUNT, REGION, SERVICES, FarSide

HERE = pathlib.Path(__file__).parent
# The Lambda functions of the cases, each a step.
MANIFEST = HERE / "stepyard.toml"
FUNCTIONS = HERE / "functions"
LEVELS = ("status", "output", "cause", "events", "full")
DOCUMENT = HERE.parents[1] / "docs" / "conformance.md"

# Why a case misses: the first that matches what the server said of it, or its id.
REASONS = [
    (r"Error=ValueError", "LocalStack's own words for a Label that AWS refuses, too"),
    (r"States\.\w+\b.*not supported|intrinsic", "an intrinsic function that is not built"),
    (r"<<task_token>", "a recording whose mask for a task token its runner does not read"),
    (
        r'"(messages|stepfunctions_events|logged_execution_events|end_event|get-s3-object): ',
        "what another service was told, for which the runner does not ask",
    ),
    (r"billedDurationInMilliseconds", "how long AWS's function took"),
    (r"test_service_lambda_map_timeout", "AWS shows tasks that ran out of time at once in no order"),
    (
        r"ConsumedCapacity|test_send_message_empty_body|test_put_item_invalid_table_name|test_dynamodb_invalid_param|mixed_malformed_detail",
        "moto, the far side, answers otherwise than AWS",
    ),
    (r"RedriveStatus", "recorded before a .sync job's answer told whether it can be redriven (by December 2024)"),
    (r"(distributed|tolerated|item_reader).*previousEventId", "recorded before what leaves a Distributed Map pointed back to MapRunStarted (by November 2024)"),
    (r'"aws-sdk:(s3|secretsmanager)"', "an AWS SDK integration that is not built"),
]


@contextlib.contextmanager
def serving(binary, far_side):
    """The address of a server that has the functions of the cases, and reaches the far side."""
    with tempfile.TemporaryDirectory() as folder:
        functions = MANIFEST.read_text().replace('"functions"', json.dumps(str(FUNCTIONS)))
        (pathlib.Path(folder) / "stepyard.toml").write_text(functions + far_side.manifest())
        command = [binary, "serve", "--listen", "127.0.0.1:0"]
        keys = os.environ | {"AWS_KEY": "test"}
        server = subprocess.Popen(command, cwd=folder, env=keys, stderr=subprocess.PIPE, text=True)
        try:
            lines = iter(server.stderr.readline, "")
            address = next((found[1] for line in lines if (found := re.search(r"API on (http\S+)", line))), None)
            if address is None:
                sys.exit("the server did not start")
            # What it says later is no use here, and must not fill the pipe.
            threading.Thread(target=collections.deque, args=(lines, 0), daemon=True).start()
            yield address
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


def runner(corpus, far_side):
    """The corpus's runner, whose replays find at the far side what they ask for."""
    spec = importlib.util.spec_from_file_location("run_conformance", corpus / "run_conformance.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    class Replay(module.Replay):
        def run(self):
            found = far_side.find(self.case, self.fill)
            self.real |= found
            with far_side.answering(self.case, found, self.client):
                return super().run()

    module.Replay = Replay
    return module


def provided():
    """The needs of cases that are met."""
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
    functions = re.findall(r"^\[functions\.(\w+)\]", MANIFEST.read_text(), re.M)
    return SERVICES + [f"lambda:{name}={arn}{name}" for name in [*functions, "absent"]]


def score(binary, corpus, more):
    """The report of a run of the visible cases."""
    far_side = FarSide()
    try:
        with serving(binary, far_side) as address, tempfile.NamedTemporaryFile() as report:
            arguments = ["--endpoint", address, "--corpus", str(corpus), "--split", "visible", "--report", report.name]
            arguments += [part for need in provided() for part in ("--provide", need)]
            sys.argv = ["run_conformance.py", *arguments, *more]
            with contextlib.nullcontext() if more else contextlib.redirect_stdout(io.StringIO()):
                runner(corpus, far_side).main()
            return None if more else json.load(report)
    finally:
        far_side.close()


def jsonata(corpus):
    """How many cases of JSONata's official suite the engine passes, and of how many."""
    command = ["cargo", "test", "-p", "stepyard-asl", "--lib", "the_official_suite", "--", "--ignored", "--nocapture"]
    where = os.environ | {"STEPYARD_JSONATA_SUITE": str(corpus / "jsonata-suite")}
    told = subprocess.run(command, env=where, cwd=DOCUMENT.parent, capture_output=True, text=True)
    found = re.search(r"jsonata suite: (\d+) of (\d+), (\d+) unreadable", told.stdout)
    if found is None:
        sys.exit(told.stdout + told.stderr)
    return found.groups()


def reason(case):
    said = json.dumps([case["id"], case["needs"], case["differences"], case.get("call_errors")])
    return next((why for pattern, why in REASONS if re.search(pattern, said)), "not understood yet")


def document(report, suite):
    lines = [
        "# Conformance with AWS Step Functions",
        "",
        "Cases recorded from real AWS by the maintainers of LocalStack, asked of `stepyard serve` by `just conformance`,",
        "which writes this page. A case counts at a level when every recorded answer of it matches: `status`;",
        "`output` with error names or an operation's result; `cause` with messages; `events` with order and causality;",
        "`full` with every detail. The Lambda functions of the cases are steps (`tests/conformance/functions`); queues,",
        "topics, tables, buckets and event buses are moto's.",
        "",
        "| category | cases | run | " + " | ".join(LEVELS) + " |",
        "| --- |" + " ---: |" * (2 + len(LEVELS)),
    ]
    for name, row in report["table"].items():
        shown = "**all**" if name == "TOTAL" else name
        levels = " | ".join("/".join(map(str, row[level])) for level in LEVELS)
        lines.append(f"| {shown} | {row['cases']} | {row['run']} | {levels} |")
    passed, total, unreadable = suite
    lines += [
        "",
        f"Of the official test suite of JSONata 2.2.2 the engine passes {passed} of {total} cases; {unreadable} files more hold half a",
        "surrogate pair, which no text of ours can. AWS has JSONata 2.0.6 without `$eval`, and with functions of its own.",
    ]
    misses = collections.defaultdict(list)
    for case in report["results"]:
        if case.get("full") is False:
            misses[reason(case)].append(f"{case['category']}: {case['id'].split('::')[-1]}")
    lines += ["", "## What misses", ""]
    for why, cases in sorted(misses.items(), key=lambda it: -len(it[1])):
        lines += [f"### {why} ({len(cases)})", ""]
        # Each name once: a parametrised case is one line with its count.
        names = collections.Counter(re.sub(r"\[.*", "", case) for case in cases)
        lines += [f"- {name}" + (f" ({count} cases)" if count > 1 else "") for name, count in sorted(names.items())]
        lines.append("")
    lines += ["## What is not run", "", "By what it needs:" if report["skips"] else "Nothing.", ""]
    lines += [f"- `{need}`: {count}" for need, count in report["skips"].items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    binary, corpus = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    more = sys.argv[3:]
    report = score(binary, corpus, more)
    if not more:
        DOCUMENT.write_text(document(report, jsonata(corpus)))
        print(f"wrote {DOCUMENT}")
