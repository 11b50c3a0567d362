"""The front door of AWS: reads a call, spoils or delays it if asked, has it answered."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from simulator import wire
from simulator.calls import Call, Calls
from simulator.faults import Faults
from simulator.http import Request, Response
from simulator.wire import ApiError, Asked

Operation = Callable[[Mapping[str, Any]], bytes | Response]
"""Parameters in, body out, or a whole response with its headers; raises ApiError."""


_BODIES = {"garbage": b"<html>502 Bad Gateway", "empty": b"{}"}  # from a proxy in between, say


class Gateway:
    """Turns HTTP requests into operations and keeps the log of calls.

    A call takes `latency` seconds, the simulator's own work included; what an
    operation sees is the truth in the middle. `on_call` runs before a call
    is looked at, in the call's own thread.
    """

    def __init__(self, operations: dict[str, Operation], latency: float) -> None:
        self.operations = operations
        self.latency = latency
        self.calls = Calls()
        self.faults = Faults()
        self.on_call: Callable[[Call], None] | None = None
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Let go of every call that waits."""
        self._stopping.set()
        self.faults.clear()

    def answer(self, request: Request) -> Response | None:
        """Answer one request; None: close the connection instead."""
        arrived = time.monotonic()
        asked = wire.read(request)
        call = Call(asked.operation, asked.parameters, service=asked.service)
        self.calls.add(call)
        if self.on_call is not None:
            self.on_call(call)
        self._wait_until(arrived + self.latency / 2)
        response = self._spoiled(asked, call)
        self._wait_until(arrived + self.latency)
        if response is not None:
            call.status = response.status
        return response

    def _spoiled(self, asked: Asked, call: Call) -> Response | None:
        """The true answer, or what a fault makes of it."""
        fault, released = self.faults.next(asked.operation)
        if fault is None:
            return self._true(asked, call)
        match fault.kind:
            case "hangs":
                released.wait()
                return None
            case "slow":
                self._wait(fault.seconds)
                return self._true(asked, call)
            case "cut":
                return replace(self._true(asked, call), cut=True)
            case "garbage" | "empty" | "says":
                return asked.answer(_BODIES.get(fault.kind, fault.body))
            case misfortune:
                return self._failure(asked, call, asked.error(misfortune))

    def _true(self, asked: Asked, call: Call) -> Response:
        operation = self.operations.get(asked.operation)
        try:
            if operation is None:
                raise asked.error("unknown")
            answer = operation(asked.parameters)
            return answer if isinstance(answer, Response) else asked.answer(answer)
        except ApiError as error:
            return self._failure(asked, call, error)

    @staticmethod
    def _failure(asked: Asked, call: Call, error: ApiError) -> Response:
        call.error_code = error.code
        return asked.failure(error)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._stopping.wait(seconds)

    def _wait_until(self, moment: float) -> None:
        self._wait(moment - time.monotonic())
