"""Asks a Stepyard server what AWS was asked, and writes the score: docs/conformance.md.

    score.py STEPYARD CORPUS

STEPYARD is the binary. CORPUS is a folder of recorded cases with its runner, run_conformance.py; it is
not part of this repository; its `jsonata-suite` is JSONata's official test suite. Needs boto3.
`just conformance CORPUS` runs it.
"""

import collections
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

LEVELS = ("status", "output", "cause", "events", "full")
DOCUMENT = pathlib.Path(__file__).parents[2] / "docs" / "conformance.md"

# Why a case misses: the first that matches what the server said of it, or its id.
REASONS = [
    (r"Error=ValueError", "LocalStack's own words for a Label that AWS refuses, too"),
    (r"ItemReader|ResultWriter", "a Distributed Map's ItemReader and ResultWriter"),
    (r"test_state|TestState", "TestState"),
    (r"States\.\w+\b.*not supported|intrinsic", "an intrinsic function that is not built"),
    (r"RedriveStatus", "recorded before a .sync job's answer told whether it can be redriven (by December 2024)"),
    (r"distributed.*previousEventId|tolerated.*previousEventId", "recorded before what leaves a Distributed Map pointed back to MapRunStarted (by November 2024)"),
    (r"no integration does tasks", "an integration that is not built"),
]


def score(binary, corpus):
    """The report of a run of all visible cases."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "stepyard.toml").touch()
        command = [binary, "serve", "--listen", "127.0.0.1:0"]
        server = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
        try:
            address = next(found[1] for line in server.stderr if (found := re.search(r"API on (http\S+)", line)))
            runner = [sys.executable, corpus / "run_conformance.py", "--endpoint", address, "--corpus", corpus]
            report = folder / "report.json"
            subprocess.run([*runner, "--split", "visible", "--report", report], check=True, stdout=subprocess.DEVNULL)
            return json.loads(report.read_text())
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


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
    said = json.dumps([case["id"], case["differences"], case["call_errors"]])
    return next((why for pattern, why in REASONS if re.search(pattern, said)), "not understood yet")


def document(report, suite):
    lines = [
        "# Conformance with AWS Step Functions",
        "",
        "Cases recorded from real AWS by the maintainers of LocalStack, asked of `stepyard serve` by `just conformance`,",
        "which writes this page. A case counts at a level when every recorded answer of it matches: `status`;",
        "`output` with error names or an operation's result; `cause` with messages; `events` with order and causality;",
        "`full` with every detail. A case is not run when it needs a service that Stepyard does not call yet.",
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
    lines += ["## What is not run", "", "By what it needs:", ""]
    lines += [f"- `{need}`: {count}" for need, count in report["skips"].items()]
    lines += [
        "",
        "## Operations that answer a ValidationException so far",
        "",
        "TestState, DescribeMapRun, ListMapRuns, UpdateMapRun.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    binary, corpus = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    DOCUMENT.write_text(document(score(binary, corpus), jsonata(corpus)))
    print(f"wrote {DOCUMENT}")
