"""Reserves an order's stock, or gives it back: `{"action": "reserve" | "release", …}`.

The step of steps/inventory, in Python: the same answers to the same calls, on the same values.
"""

import json
from typing import Any, Callable

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.handler import Context, Error

from bucket import Bucket
from failure import Failure
from product import Sale, is_whole
from stock import BUCKET, Claim, release, reserve


class Handler(exports.Handler):
    def invoke(self, input: str, context: Context) -> str:
        try:
            return json.dumps(handle(read(input)))
        except Failure as failure:
            raise Err(Error(failure.error_type, failure.message))


def handle(request: dict[str, Any]) -> dict[str, Any]:
    bucket = Bucket(BUCKET)
    names = ("order_id", "product_id", "quantity", "holder")
    claim = Claim(**{name: request[name] for name in names})
    if request["action"] == "release":
        return {"released": release(bucket, claim)}
    reserved = reserve(bucket, claim)
    if isinstance(reserved, Sale):
        return answer(True, reserved.amount_cents, reserved.currency, None)
    cause = f"{claim} asked for, {reserved.available} available"
    return answer(False, None, None, {"Error": "OutOfStock", "Cause": cause})


def answer(available: bool, amount_cents: Any, currency: Any, failure: Any) -> dict[str, Any]:
    return {
        "available": available,
        "amount_cents": amount_cents,
        "currency": currency,
        "failure": failure,
    }


def read(text: str) -> dict[str, Any]:
    """The request, each field of it checked."""
    try:
        request = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Failure("InvalidInput", f"the input is not valid: {error}")
    if not isinstance(request, dict):
        raise Failure("InvalidInput", "the input is not valid: it is no object")
    request.setdefault("holder", "")
    for name, (holds, expected) in FIELDS.items():
        if name not in request:
            raise Failure("InvalidInput", f"the input is not valid: missing field `{name}`")
        if not holds(request[name]):
            raise Failure("InvalidInput", f"the input's field {name} is not valid: expected {expected}")
    return request


FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "action": (lambda it: it in ("reserve", "release"), "`reserve` or `release`"),
    "order_id": (lambda it: isinstance(it, str), "a text"),
    "product_id": (lambda it: isinstance(it, str), "a text"),
    "quantity": (lambda it: is_whole(it) and it > 0, "a whole number above 0"),
    "holder": (lambda it: isinstance(it, str), "a text"),
}
