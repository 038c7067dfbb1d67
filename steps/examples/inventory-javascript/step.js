// Reserves an order's stock, or gives it back: `{"action": "reserve" | "release", …}`.
//
// The step of steps/inventory, in JavaScript: the same answers to the same calls, on the same values.

import { Bucket } from "./bucket.js";
import { Failure } from "./failure.js";
import { isText, isWhole } from "./product.js";
import { BUCKET, described, release, reserve } from "./stock.js";

export const handler = {
    invoke(input, context) {
        try {
            return JSON.stringify(handle(read(input)));
        } catch (error) {
            if (!(error instanceof Failure)) throw error;
            throw { errorType: error.errorType, errorMessage: error.message };
        }
    },
};

function handle({ action, ...claim }) {
    const bucket = new Bucket(BUCKET);
    if (action === "release") return { released: release(bucket, claim) };
    const { sale, available } = reserve(bucket, claim);
    if (sale !== undefined) {
        const { amount_cents, currency } = sale;
        return { available: true, amount_cents, currency, failure: null };
    }
    const Cause = `${described(claim)} asked for, ${available} available`;
    const failure = { Error: "OutOfStock", Cause };
    return { available: false, amount_cents: null, currency: null, failure };
}

const FIELDS = {
    action: [(it) => it === "reserve" || it === "release", "`reserve` or `release`"],
    order_id: [isText, "a text"],
    product_id: [isText, "a text"],
    quantity: [(it) => isWhole(it) && it > 0, "a whole number from 1 to 2^53"],
    holder: [isText, "a text"],
};

/** The request, each field of it checked. */
function read(text) {
    let value;
    try {
        value = JSON.parse(text);
    } catch (error) {
        throw new Failure("InvalidInput", `the input is not valid: ${error.message}`);
    }
    if (typeof value !== "object" || value === null) {
        throw new Failure("InvalidInput", "the input is not valid: it is no object");
    }
    const request = { holder: "", ...value };
    const read = Object.entries(FIELDS).map(([name, [holds, expected]]) => {
        if (!Object.hasOwn(request, name)) {
            throw new Failure("InvalidInput", `the input is not valid: missing field \`${name}\``);
        }
        if (!holds(request[name])) {
            const message = `the input's field ${name} is not valid: expected ${expected}`;
            throw new Failure("InvalidInput", message);
        }
        return [name, request[name]];
    });
    return Object.fromEntries(read);
}
