"""A step of Stepyard: greets by name."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.handler import Context, Error
from wit_world.imports.logging import Level, log


class Handler(exports.Handler):
    def invoke(self, input: str, context: Context) -> str:
        value = json.loads(input)
        name = value.get("name") if isinstance(value, dict) else None
        if not isinstance(name, str):
            raise Err(Error("InvalidInput", "the input's field name is no text"))
        log(Level.INFO, "{NAME}", "greets")
        return json.dumps({"greeting": f"Hello, {name}."})
