"""The calls that were made, in order: what a test counts and looks into."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Call:
    """One AWS call. `status` and `error_code` are filled in when it is answered.

    `at` is the time.monotonic() of its arrival. `status` stays None for a
    call that never gets an answer.
    """

    operation: str
    parameters: Mapping[str, Any]
    at: float = field(default_factory=time.monotonic)
    status: int | None = None
    error_code: str | None = None
    service: str = ""
    """As IAM names it: `ecs`, `elasticloadbalancing`."""

    @property
    def action(self) -> str:
        """The action that IAM must allow for this call, like `ecs:StopTask`."""
        return f"{self.service}:{self.operation}"


class Calls:
    """A log of calls that many threads write and a test reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []

    def add(self, call: Call) -> None:
        """Append a call."""
        with self._lock:
            self._calls.append(call)

    def of(self, operation: str) -> list[Call]:
        """The calls of one operation, oldest first."""
        return [call for call in self if call.operation == operation]

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._calls.clear()

    def __iter__(self) -> Iterator[Call]:
        with self._lock:
            return iter(self._calls.copy())

    def __len__(self) -> int:
        with self._lock:
            return len(self._calls)

    def __getitem__(self, index: int) -> Call:
        with self._lock:
            return self._calls[index]
