"""The inside of a template: a program that template.py starts, and that forks sandboxes.

    python template_process.py FOLDER MODULE...

It imports the modules once, and reads the SDK's data if they need it. Then, for each request on
standard input, a socket, it forks a process that goes on as environment.py would in a new
interpreter, but with these modules imported. It runs on each Python that Lambda has, 3.9 to 3.14.
"""
# ruff: noqa: E402

from __future__ import annotations

import sys

# As in environment.py: before any other import.
sys.path[0] = sys.argv[1]

import gc
import json
import os
import socket
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

_PROGRAM = Path(__file__).with_name("environment.py")
_LARGEST = 1 << 20  # bytes of a request; the variables of a function have 4 KB at most
_SERVICES = (
    "application-autoscaling",
    "ec2",
    "ecs",
    "elbv2",
    "logs",
    "secretsmanager",
    "sns",
)


def share_sdk_data() -> None:
    """Let each process begin with the service models that botocore would read from its files.

    Half of what a first client costs goes to finding and reading them. They are the same for
    every process, as long as AWS_DATA_PATH names no others.
    """
    session_module = import_module("botocore.session")
    loaders = import_module("botocore.loaders")
    session = session_module.Session()
    for service in _SERVICES:
        session.create_client(
            service, "us-east-1", aws_access_key_id="id", aws_secret_access_key="key"
        )
    known = dict(session.get_component("data_loader")._cache)  # noqa: SLF001
    begin = loaders.Loader.__init__

    def begin_with_known(self: Any, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        if "AWS_DATA_PATH" not in os.environ:
            self._cache.update(known)

    loaders.Loader.__init__ = begin_with_known


def fork(requests: socket.socket, request: dict[str, Any], descriptor: int) -> bool:
    """Fork a process for a request; True in this process, False in the template."""
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise RuntimeError(f"the template has {threads} threads: a fork would lose all but one")
    # A process in between, whose end makes the one that it forks a child of the test's process.
    reading, writing = os.pipe()
    between = os.fork()
    if between:
        os.close(writing)
        os.waitpid(between, 0)
        requests.sendall(os.read(reading, 64))
        os.close(reading)
        return False
    child = os.fork()
    if child:
        os.write(writing, json.dumps(child).encode())
        os._exit(0)
    os.close(reading)
    os.close(writing)
    requests.close()
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    sys.argv = [str(_PROGRAM), sys.argv[1], request["handler"], str(descriptor)]
    return True


def serve(requests: socket.socket) -> bool:
    """Fork for each request; True in a process that was forked, False when the outside has gone."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(requests, _LARGEST, 1)
        if not data:
            return False
        if fork(requests, json.loads(data), *descriptors):
            return True
        os.close(*descriptors)


def main() -> None:
    """Import, then serve; a forked process goes on with environment.py as its own program."""
    for name in sys.argv[2:]:
        import_module(name)
    if "botocore" in sys.modules:
        share_sdk_data()
    code = compile(_PROGRAM.read_bytes(), str(_PROGRAM), "exec")
    gc.collect()
    gc.freeze()  # what is here stays, and a fork need not copy it
    if serve(socket.socket(fileno=os.dup(0))):
        os.close(0)
        os.open(os.devnull, os.O_RDONLY)  # the lowest descriptor that is free: standard input
        program = sys.modules["__main__"] = ModuleType("__main__")
        program.__file__ = str(_PROGRAM)
        exec(code, vars(program))


if __name__ == "__main__":
    main()
