// A bucket of keys, with values of JSON.

import { Cas, swap } from "wasi:keyvalue/atomics@0.2.0-draft2";
import { open } from "wasi:keyvalue/store@0.2.0-draft2";

import { Failure } from "./failure.js";

// With each conflict another writer got through, so only a step that is starved gives up.
const ATTEMPTS_MAX = 256;

export class Bucket {
    constructor(name) {
        this.name = name;
        this.inner = this.ask(() => open(name));
    }

    /** The key's value, made of its JSON by `read`; undefined where it has none. */
    get(key, read) {
        return this.decode(key, this.ask(() => this.inner.get(key)), read);
    }

    /**
     * Changes a value by one compare-and-swap, and answers what `change` answers.
     *
     * `change` takes the value and returns its answer and what to write, which may be nothing. When
     * another writer got in between, it is asked again with what the value has become.
     */
    update(key, read, change) {
        let cas = this.ask(() => Cas.new(this.inner, key));
        for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
            const [answer, value] = change(this.decode(key, this.ask(() => cas.current()), read));
            if (value === undefined) return answer;
            try {
                swap(cas, new TextEncoder().encode(JSON.stringify(value)));
                return answer;
            } catch (error) {
                const refused = reason(error);
                if (refused.tag !== "cas-failed") throw this.explain(refused.val);
                cas = refused.val;
            }
        }
        throw new Failure(
            "KeyValueConflict",
            `${key} in the bucket ${this.name} changed ${ATTEMPTS_MAX} times meanwhile`,
        );
    }

    decode(key, value, read) {
        if (value === undefined || value === null) return undefined;
        try {
            return read(JSON.parse(new TextDecoder().decode(value)));
        } catch (error) {
            const message = `${key} in the bucket ${this.name} is not valid: ${error.message}`;
            throw new Failure("CorruptValue", message);
        }
    }

    ask(operation) {
        try {
            return operation();
        } catch (error) {
            throw this.explain(reason(error));
        }
    }

    explain(refused) {
        const { name } = this;
        switch (refused.tag) {
            case "no-such-store": {
                const message = `there is no bucket ${name}: name it under [keyvalue] in the manifest`;
                return new Failure("NoSuchBucket", message);
            }
            case "access-denied": {
                const message = `no grant for the bucket ${name}: add it to the function's grants.keyvalue`;
                return new Failure("AccessDenied", message);
            }
            default:
                return new Failure("KeyValueUnavailable", `the bucket ${name} failed: ${refused.val}`);
        }
    }
}

/** What the host refused an operation with; anything else is a fault of ours and goes on. */
function reason(error) {
    const refused = error?.payload ?? error;
    if (refused?.tag === undefined) throw error;
    return refused;
}
