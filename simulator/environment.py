"""The inside of one Lambda execution environment: a program that function.py starts.

    python environment.py FOLDER MODULE.FUNCTION DESCRIPTOR

It imports the handler and serves invocations one at a time, as lines of JSON
over a socket that it gets as a descriptor. It needs the standard library
alone and runs on each Python that Lambda has, 3.9 to 3.14.
"""
# ruff: noqa: E402

from __future__ import annotations

import sys

# The handler's folder in place of ours, before any other import: our http.py
# and secrets.py must not pass for the standard library's.
sys.path[0] = sys.argv[1]

import io
import json
import logging
import os
import resource
import time
import traceback
from importlib import import_module
from typing import Any, Callable

_LOGGED = "[ERROR] {type}: {message}\n{trace}"  # how Lambda logs an error it caught
Handler = Callable[[Any, "Context"], Any]

_DESCRIPTORS = 1024  # "Lambda quotas": file descriptors of an execution environment


class Channel:
    """Lines of JSON to and from the outside; threads may send at the same time."""

    def __init__(self, descriptor: int) -> None:
        self._incoming = open(descriptor, "rb")
        self._outgoing = open(descriptor, "wb", closefd=False)

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the outside has gone."""
        line = self._incoming.readline()
        message: dict[str, Any] | None = json.loads(line) if line else None
        return message

    def send(self, **message: Any) -> None:
        """Send a message; raises TypeError, ValueError or RecursionError if it has no JSON form."""
        self._outgoing.write(json.dumps(message).encode() + b"\n")
        self._outgoing.flush()


class Output(io.TextIOBase):
    """Standard output as Lambda takes it: each line is an entry of the log."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._begun = ""

    def write(self, text: str) -> int:
        """Log each line that is complete."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._channel.send(log=line)
        return len(text)


class LogHandler(logging.Handler):
    """Lambda's handler at the root logger; one record is one entry of the log."""

    request_id = ""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel
        formatter = logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
            "%Y-%m-%dT%H:%M:%S",
        )
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record, with the id of the invocation it belongs to."""
        record.aws_request_id = self.request_id
        self._channel.send(log=self.format(record))


class Context:
    """The context object that a handler gets, with the fields of the Lambda guide."""

    function_name = "ecs-task-discovery"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:us-east-1:111122223333:function:ecs-task-discovery"
    memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
    log_group_name = "/aws/lambda/ecs-task-discovery"
    log_stream_name = "2026/01/01/[$LATEST]5f0c1d2e3a4b5c6d7e8f901234567890"
    identity = None
    client_context = None

    def __init__(self, request_id: str, deadline: float) -> None:
        self.aws_request_id = request_id
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda stops the invocation."""
        return max(int((self._deadline - time.monotonic()) * 1000), 0)


def load(name: str) -> Handler:
    """Import the handler that `module.function` names."""
    module, _, function = name.rpartition(".")
    handler: Handler = getattr(import_module(module), function)
    return handler


def described(error: Exception) -> dict[str, str]:
    """An error as Lambda reports it, with its causes in the trace."""
    trace = traceback.format_exception(type(error), error, error.__traceback__)
    return {"type": type(error).__name__, "message": str(error), "trace": "".join(trace)}


def described_import(name: str, error: Exception) -> dict[str, str]:
    """An error at the handler's import, of which Lambda distinguishes two kinds."""
    failure = described(error)
    if isinstance(error, ImportError):
        module = name.rpartition(".")[0]
        failure["type"] = "Runtime.ImportModuleError"
        failure["message"] = f"Unable to import module '{module}': {error}"
    elif isinstance(error, SyntaxError):
        failure["type"] = "Runtime.UserCodeSyntaxError"
    return failure


def serve(channel: Channel, handler: Handler, log: LogHandler) -> None:
    """Answer invocations until the outside has gone."""
    while True:
        request = channel.receive()
        if request is None:
            return
        log.request_id = request["id"]
        try:
            answer = handler(request["event"], Context(request["id"], request["deadline"]))
        except Exception as error:
            failure = described(error)
            channel.send(log=_LOGGED.format(**failure))
            channel.send(error=failure)
            continue
        try:
            channel.send(answer=answer)
        except Exception as error:
            message = f"Unable to marshal response: {error}"
            channel.send(error={"type": "Runtime.MarshalError", "message": message, "trace": ""})


def main(name: str, descriptor: int) -> None:
    """Set logging up as Lambda does, import the handler, serve."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (_DESCRIPTORS, _DESCRIPTORS))
    channel = Channel(descriptor)
    log = LogHandler(channel)
    logging.getLogger().addHandler(log)
    sys.stdout = sys.stderr = Output(channel)
    try:
        handler = load(name)
    except Exception as error:
        channel.send(error=described_import(name, error))
        return
    channel.send(ready=True)
    serve(channel, handler, log)


if __name__ == "__main__":
    main(sys.argv[2], int(sys.argv[3]))
