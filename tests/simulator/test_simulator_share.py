"""Lambda's share of a CPU: held by a cgroup or by signals, and let go without a trace."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from simulator import Function, share

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = 256
SHARE = MEMORY / 1769
# Two threads that together want as much of the CPUs as there is: hashing lets go of the GIL.
BUSY = """
import hashlib, threading
block = bytes(1 << 20)
def burn():
    while True:
        hashlib.sha256(block)
threading.Thread(target=burn, daemon=True).start()
burn()
"""


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """A process that takes all the CPU that it gets."""
    with subprocess.Popen([sys.executable, "-c", BUSY]) as process:
        yield process
        process.kill()


def used(pid: int, seconds: float) -> float:
    """The CPU that a process uses over so many seconds, in CPUs."""
    clock = (~pid << 3) | 2
    began, before = time.monotonic(), time.clock_gettime(clock)
    time.sleep(seconds)  # what is measured is a rate
    return (time.clock_gettime(clock) - before) / (time.monotonic() - began)


def groups() -> list[Path]:
    """Those that this process has made: other tests make their own at the same time."""
    mine = f"**/share-{os.getpid()}-*"
    return [path for path in Path("/sys/fs/cgroup").glob(mine) if path.is_dir()]


@pytest.mark.parametrize("way", ["cgroup v2", "cgroup v1", "signals"])
def test_a_process_gets_its_share_and_no_more(busy: subprocess.Popen[bytes], way: str) -> None:
    """All its threads together; afterwards it has its CPUs again, and no group is left."""
    if way not in share.ways():
        pytest.skip(f"this machine has no {way} for us")
    before = groups()
    with share.held(busy.pid, MEMORY, way) as taken:
        assert way == taken
        used(busy.pid, 0.1)
        assert SHARE * 0.4 < used(busy.pid, 1.5) < SHARE * 1.2
    assert SHARE * 1.5 < used(busy.pid, 0.5)
    assert before == groups()


# Uses so many seconds of CPU for each line, and answers with the seconds that it took.
PUSH = """
import sys, time
for line in sys.stdin:
    began, before = time.monotonic(), time.process_time()
    while time.process_time() - before < float(line):
        pass
    print(time.monotonic() - began, flush=True)
"""


@pytest.mark.parametrize("way", share.ways())
def test_a_process_is_held_from_the_first_instant(way: str) -> None:
    """It uses the quota of a few periods early at most, by the kernel's ticks."""
    command = [sys.executable, "-c", PUSH]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        for seconds, way_now in (("0", None), ("0.03", way)):
            with share.held(process.pid, MEMORY, way_now) if way_now else nullcontext():
                process.stdin.write(f"{seconds}\n")
                process.stdin.flush()
                took = float(process.stdout.readline())
        process.stdin.close()
    assert took > 0.03 / SHARE - 5 * share.PERIOD


@pytest.mark.parametrize("way", share.ways())
def test_a_process_that_ends_leaves_nothing(busy: subprocess.Popen[bytes], way: str) -> None:
    """Killed while it is held, stopped or not, it is gone and so is its group."""
    before = groups()
    with share.held(busy.pid, MEMORY, way):
        busy.kill()
        busy.wait(timeout=5)
    assert before == groups()


def test_the_best_way_is_taken() -> None:
    """Signals are for where no cgroup may be made."""
    assert "signals" == share.ways()[-1]


def test_a_function_begins_with_the_full_cpu(tmp_path: Path) -> None:
    """Its init is not slowed, as Lambda does it; each invocation is, also after a restart."""
    source = """
import hashlib, time
def burn():
    began, block = time.process_time(), bytes(1 << 16)
    wall = time.monotonic()
    while time.process_time() - began < 0.1:
        hashlib.sha256(block)
    return (time.process_time() - began) / (time.monotonic() - wall)
at_init = burn()
def lambda_handler(event, context):
    return [at_init, burn(), context.memory_limit_in_mb]
"""
    (tmp_path / "lambda_function.py").write_text(source)
    fastest = [0.0, 0.0]  # the init of the first process and of the next, in CPUs
    # Other processes may take the CPU from an init; none that is held gets more than its share.
    for _ in range(10):
        with Function({}, root=tmp_path, memory=MEMORY) as function:
            for process in range(2):
                init, invocation, memory = function.invoke({}).answer
                fastest[process] = max(fastest[process], init)
                assert invocation < SHARE * 1.5
                assert str(MEMORY) == memory
                function.kill()
        if min(fastest) > SHARE * 1.5:
            break
    assert min(fastest) > SHARE * 1.5
    assert [] == groups()
