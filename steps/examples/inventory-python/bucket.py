"""A bucket of keys, with values of JSON."""

import json
from typing import Any, Callable, Optional

from componentize_py_types import Err
from wit_world.imports import atomics, store

from failure import Failure

# With each conflict another writer got through, so only a step that is starved gives up.
ATTEMPTS_MAX = 256


class Bucket:
    def __init__(self, name: str):
        self.name = name
        self.inner = self.ask(store.open, name)

    def get(self, key: str, read: Callable) -> Optional[Any]:
        """The key's value, made of its JSON by `read`; none where it has none."""
        return self.decode(key, self.ask(self.inner.get, key), read)

    def update(self, key: str, read: Callable, change: Callable) -> Any:
        """Changes a value by one compare-and-swap, and answers what `change` answers.

        `change` takes the value and returns its answer and what to write, which may be nothing. When
        another writer got in between, it is asked again with what the value has become.
        """
        cas = self.ask(atomics.Cas.new, self.inner, key)
        for _ in range(ATTEMPTS_MAX):
            answer, value = change(self.decode(key, self.ask(cas.current), read))
            if value is None:
                return answer
            try:
                atomics.swap(cas, json.dumps(value).encode())
                return answer
            except Err as refused:
                match refused.value:
                    case atomics.CasError_CasFailed(fresh):
                        cas = fresh
                    case atomics.CasError_StoreError(error):
                        raise self.explain(error)
        raise Failure(
            "KeyValueConflict",
            f"{key} in the bucket {self.name} changed {ATTEMPTS_MAX} times meanwhile",
        )

    def decode(self, key: str, value: Optional[bytes], read: Callable) -> Optional[Any]:
        try:
            return None if value is None else read(json.loads(value))
        except (ValueError, TypeError) as error:
            message = f"{key} in the bucket {self.name} is not valid: {error}"
            raise Failure("CorruptValue", message) from error

    def ask(self, operation: Callable, *arguments: Any) -> Any:
        try:
            return operation(*arguments)
        except Err as refused:
            raise self.explain(refused.value) from refused

    def explain(self, error: store.Error) -> Failure:
        match error:
            case store.Error_NoSuchStore():
                message = f"there is no bucket {self.name}: name it under [keyvalue] in the manifest"
                return Failure("NoSuchBucket", message)
            case store.Error_AccessDenied():
                message = f"no grant for the bucket {self.name}: add it to the function's grants.keyvalue"
                return Failure("AccessDenied", message)
            case store.Error_Other(reason):
                return Failure("KeyValueUnavailable", f"the bucket {self.name} failed: {reason}")
