"""Faults to put on an AWS operation: errors, silence, broken answers."""

import threading
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "throttled", "internal", "denied", "hangs", "cut", "garbage", "empty", "slow", "says"
]


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a call; `seconds` is for slow ones, `body` for odd answers."""

    kind: Kind
    seconds: float = 0.0
    body: bytes = b""


throttled: Final = Fault("throttled")
"""ThrottlingException, HTTP 400 (EC2: RequestLimitExceeded, 503)."""
internal: Final = Fault("internal")
"""The service's own error, HTTP 500."""
denied: Final = Fault("denied")
"""AccessDeniedException, HTTP 400 (EC2: UnauthorizedOperation, 403)."""
hangs: Final = Fault("hangs")
"""Accepted, never answered; the connection closes when the faults are cleared."""
cut: Final = Fault("cut")
"""Half of the true answer, then the connection closes."""
garbage: Final = Fault("garbage")
"""HTTP 200 with a body that is neither JSON nor XML."""
empty: Final = Fault("empty")
"""HTTP 200 with an empty object."""


def slow(seconds: float) -> Fault:
    """The true answer, `seconds` later."""
    return Fault("slow", seconds)


def says(body: bytes) -> Fault:
    """HTTP 200 with this body."""
    return Fault("says", body=body)


@dataclass
class _Rule:
    fault: Fault
    times: int | None
    after: int


class Faults:
    """The faults in force, one at most for each operation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: dict[str, _Rule] = {}
        self._released = threading.Event()

    def set(
        self, operation: str, fault: Fault | Kind, times: int | None = None, after: int = 0
    ) -> None:
        """Let the next `after` calls pass, then spoil `times` of them (None: all)."""
        fault = Fault(fault) if isinstance(fault, str) else fault
        with self._lock:
            self._rules[operation] = _Rule(fault, times, after)

    def clear(self) -> None:
        """No more faults; calls that hang lose their connection."""
        with self._lock:
            self._rules.clear()
            self._released.set()
            self._released = threading.Event()

    def next(self, operation: str) -> tuple[Fault | None, threading.Event]:
        """The fault of the call that has just come, and the end of its hanging."""
        with self._lock:
            rule = self._rules.get(operation)
            if rule is None or rule.times == 0:
                return None, self._released
            if rule.after:
                rule.after -= 1
                return None, self._released
            if rule.times is not None:
                rule.times -= 1
            return rule.fault, self._released
