"""Lambda, from the outside: execution environments that run the function."""

import contextlib
import functools
import queue
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from os import environ
from pathlib import Path
from typing import Any, Self

from simulator import processes, share
from simulator.sandbox import Sandbox, Start, interpreter

_HANDLER = "lambda_function.lambda_handler"


@dataclass(frozen=True)
class Invocation:
    """What came of an invocation: an answer, or an error; and what was logged.

    `duration` is in seconds and leaves out the start of the environment. `log`
    has an entry for each log record or printed line since the last invocation.
    """

    answer: Any = None
    error_type: str | None = None
    error_message: str | None = None
    trace: str = ""
    log: list[str] = field(default_factory=list)
    duration: float = 0.0
    timed_out: bool = False


class Function:
    """One Lambda execution environment: a process that runs the handler.

    The process has exactly the variables of `env`, with PATH and HOME, and
    1,024 descriptors. It starts at once and lives on between invocations; after
    a timeout, a crash or an error at its import, the next one starts it afresh.
    `start` starts it in another way than as a new interpreter, see template.py.
    With `memory` (MB) it has Lambda's share of a CPU from its first invocation on.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        root: str | Path = ".",
        python: str = sys.executable,
        timeout: float = 30.0,
        handler: str = _HANDLER,
        memory: int | None = None,
        start: Start | None = None,
    ) -> None:
        passed = {name: environ[name] for name in ("PATH", "HOME") if name in environ}
        if memory:
            passed["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = str(memory)
        self._memory = memory
        self._share = contextlib.ExitStack()
        self._held: Sandbox | None = None
        self._boot = functools.partial(
            Sandbox, passed | dict(env), Path(root), start or interpreter(python), handler
        )
        self._timeout = timeout
        self._worker = ThreadPoolExecutor(1, "function")
        self._sandbox = self._boot()
        self._frozen = False
        self._closing = False
        self._lock = threading.Lock()  # a kill hits the process that runs, not one before it

    def invoke(self, event: Any, timeout: float | None = None) -> Invocation:
        """Invoke and wait; `timeout` in seconds, in place of the function's own."""
        return self.start(event, timeout).result()

    def start(self, event: Any, timeout: float | None = None) -> "Future[Invocation]":
        """Invoke in the background; invocations queue, one runs at a time."""
        limit = self._timeout if timeout is None else timeout
        return self._worker.submit(self._invoke, event, limit)

    @property
    def init_error(self) -> str | None:
        """`type: message` of the error at the handler's import, if there was one."""
        failure = self._worker.submit(self._sandbox.init_failure).result()
        return None if failure is None else f"{failure['type']}: {failure['message']}"

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._sandbox.process.pid

    def kill(self) -> None:
        """Kill the process, in the middle of an invocation or not."""
        with self._lock:
            self._sandbox.kill()

    def freeze(self) -> None:
        """Stop the process as Lambda does between invocations; it does not run at all."""
        self._frozen = True
        processes.suspend(self._sandbox.process)

    def thaw(self) -> None:
        """Let it run again. An invocation begins with this."""
        self._frozen = False
        processes.resume(self._sandbox.process)

    def close(self) -> None:
        """Kill the process; an invocation under way ends with an error."""
        self._worker.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closing = True
            self._sandbox.kill()
        self._worker.shutdown()
        self._share.close()
        self._sandbox.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hold(self, sandbox: Sandbox) -> None:
        """Hold it to its share of a CPU: after the init, which has a whole one."""
        if self._memory and sandbox is not self._held:
            self._share.close()
            self._share.enter_context(share.held(sandbox.process.pid, self._memory))
            self._held = sandbox

    def _invoke(self, event: Any, timeout: float) -> Invocation:
        if self._frozen:
            self.thaw()
        with self._lock:
            if self._sandbox.ended and not self._closing:
                self._sandbox.close()
                self._sandbox = self._boot()
            sandbox = self._sandbox
        failure = sandbox.init_failure()
        if failure is not None:
            sandbox.kill()
            return _failed(failure, sandbox, 0.0)
        self._hold(sandbox)
        began = time.monotonic()
        request_id = str(uuid.uuid4())
        sandbox.send(id=request_id, event=event, deadline=began + timeout)
        try:
            message = sandbox.receive(began + timeout)
        except TimeoutError:
            sandbox.kill()
            return Invocation(
                error_type="Sandbox.Timedout",
                error_message=f"RequestId: {request_id} Error: Task timed out after "
                f"{timeout:.2f} seconds",
                log=sandbox.take_log(),
                duration=time.monotonic() - began,
                timed_out=True,
            )
        duration = time.monotonic() - began
        if "error" in message:
            return _failed(message["error"], sandbox, duration)
        return Invocation(message["answer"], log=sandbox.take_log(), duration=duration)


class Environments:
    """Up to `size` environments of one function, started as invocations need them.

    `options` are those of Function.
    """

    def __init__(self, env: Mapping[str, str], size: int, **options: Any) -> None:
        self.functions: list[Function] = []
        """The environments there are."""
        self._boot = functools.partial(Function, env, **options)
        self._idle: queue.LifoQueue[Function] = queue.LifoQueue()
        self._workers = ThreadPoolExecutor(size, "environments")

    def invoke(self, event: Any) -> "Future[Invocation]":
        """Invoke in the background; when all environments are busy, it queues."""
        return self._workers.submit(self._invoke, event)

    def close(self) -> None:
        """Kill all environments; invocations under way end with an error."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        for function in self.functions:
            function.kill()
        self._workers.shutdown()
        for function in self.functions:
            function.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _invoke(self, event: Any) -> Invocation:
        # As many workers as environments: with none idle there is room for one more.
        try:
            function = self._idle.get_nowait()
        except queue.Empty:
            function = self._boot()
            self.functions.append(function)
        try:
            return function.invoke(event)
        finally:
            self._idle.put(function)


def _failed(failure: Mapping[str, str], sandbox: Sandbox, duration: float) -> Invocation:
    return Invocation(
        error_type=failure["type"],
        error_message=failure["message"],
        trace=failure["trace"],
        log=sandbox.take_log(),
        duration=duration,
    )
