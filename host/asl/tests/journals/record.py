"""Takes the journals out of a store: python3 record.py <data directory> <version>.

Writes <version>/<state machine>-<execution>.jsonl beside this file: the definition on one line, then
a fact a line. A file that is there already is never written again. The golden .txt beside each is
made by the first run of the test, with UPDATE_EXPECT=1, by the version that wrote the journal.
"""

import json
import pathlib
import sqlite3
import sys

data, version = sys.argv[1:]
folder = pathlib.Path(__file__).parent / version
folder.mkdir(exist_ok=True)
store = sqlite3.connect(f"file:{data}/stepyard.db?mode=ro", uri=True)
executions = store.execute(
    "SELECT execution.id, machine, name, text FROM execution JOIN definition ON definition.id = definition"
).fetchall()
for id, machine, name, definition in executions:
    # A Map Run's children are of a state machine `name/label`.
    machine = machine.rsplit(':', 1)[1].replace('/', '-')
    file = folder / f"{machine}-{name}.jsonl"
    facts = store.execute("SELECT body FROM fact WHERE execution = ? ORDER BY number", [id])
    lines = [json.dumps(json.loads(definition)), *(body for (body,) in facts)]
    with open(file, "x") as out:
        out.write("\n".join(lines) + "\n")
