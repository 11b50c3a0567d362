"""The front door of AWS: reads a call, delays it or lets it fail, and has it answered."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from simulator import wire
from simulator.calls import Call, Calls
from simulator.faults import Faults
from simulator.http import Request, Response
from simulator.wire import ApiCall, ApiError

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
        api_call = wire.read(request)
        call = Call(api_call.operation, api_call.parameters, service=api_call.service)
        self.calls.add(call)
        if self.on_call is not None:
            self.on_call(call)
        self._wait_until(arrived + self.latency / 2)
        response = self._spoiled(api_call, call)
        self._wait_until(arrived + self.latency)
        if response is not None:
            call.status = response.status
        return response

    def _spoiled(self, api_call: ApiCall, call: Call) -> Response | None:
        """The true answer, or what a fault makes of it."""
        fault, released = self.faults.next(api_call.operation)
        if fault is None:
            return self._true(api_call, call)
        match fault.kind:
            case "hangs":
                released.wait()
                return None
            case "slow":
                self._wait(fault.seconds)
                return self._true(api_call, call)
            case "cut":
                return replace(self._true(api_call, call), cut=True)
            case "garbage" | "empty" | "says":
                return api_call.answer(_BODIES.get(fault.kind, fault.body))
            case misfortune:
                return self._failure(api_call, call, api_call.error(misfortune))

    def _true(self, api_call: ApiCall, call: Call) -> Response:
        operation = self.operations.get(api_call.operation)
        try:
            if operation is None:
                raise api_call.error("unknown")
            answer = operation(api_call.parameters)
            return answer if isinstance(answer, Response) else api_call.answer(answer)
        except ApiError as error:
            return self._failure(api_call, call, error)

    @staticmethod
    def _failure(api_call: ApiCall, call: Call, error: ApiError) -> Response:
        call.error_code = error.code
        return api_call.failure(error)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._stopping.wait(seconds)

    def _wait_until(self, moment: float) -> None:
        self._wait(moment - time.monotonic())
