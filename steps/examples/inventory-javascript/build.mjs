// Makes inventory.wasm, or the file that is named.

import { componentize } from "@bytecodealliance/componentize-js";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const contract = join(here, "../../../wit");
const output = process.argv[2] ?? "inventory.wasm";

// The tool wants a world's dependencies in a folder `deps` beside it.
const wit = mkdtempSync(join(tmpdir(), "wit-"));
cpSync(join(contract, "deps"), join(wit, "deps"), { recursive: true });
cpSync(join(contract, "step.wit"), join(wit, "deps/stepyard-step/step.wit"));
cpSync(join(here, "world.wit"), join(wit, "world.wit"));

const { component } = await componentize({
    sourcePath: join(here, "step.js"),
    witPath: wit,
    worldName: "inventory",
    // `fetch` would be an import that the step has no grant for.
    disableFeatures: ["http", "fetch-event"],
});
writeFileSync(output, component);
rmSync(wit, { recursive: true });
