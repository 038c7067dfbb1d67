// A step of Stepyard: greets by name.

import { log } from "wasi:logging/logging@0.1.0-draft";

export const handler = {
    invoke(input, context) {
        const { name } = JSON.parse(input) ?? {};
        if (typeof name !== "string") {
            throw { errorType: "InvalidInput", errorMessage: "the input's field name is no text" };
        }
        log("info", "{NAME}", "greets");
        return JSON.stringify({ greeting: `Hello, ${name}.` });
    },
};
