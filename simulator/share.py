"""Lambda's share of a CPU: memory / 1,769 MB of one, handed out in periods of 20 ms.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html

    with held(process.pid, memory=256) as way:
        ...

A cgroup's quota holds the process where a cgroup may be made, of version 1 or 2. Elsewhere a
small program stops it with SIGSTOP as soon as it has used its share, and lets it go on when
the period is over: right on average, though a period may be overdrawn by a millisecond.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

PERIOD = 0.02  # seconds
FULL = 1769  # MB of memory that come with one CPU
SIGNALS = "signals"

_LOOK = 0.001  # seconds between looks at what a process has used


def quota(memory: int) -> float:
    """The seconds of CPU in each period that a function of so many MB has."""
    return PERIOD * memory / FULL


@contextlib.contextmanager
def held(pid: int, memory: int, way: str | None = None) -> Iterator[str]:
    """Hold a process, with all its threads, to the share of so many MB; yields how.

    `way` is one of `ways()`; without it the first of them is taken.
    """
    chosen = way or ways()[0]
    with _by_signals(pid, memory) if chosen == SIGNALS else _by_cgroup(pid, memory, chosen):
        yield chosen


def ways() -> list[str]:
    """The ways that this machine has, best first."""
    return [name for name, parent in _PARENTS.items() if _allows(parent)] + [SIGNALS]


def _v1_parent() -> Path | None:
    """Our own group in the hierarchy that has the cpu controller."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup" and "cpu" in options.split(","):
            return _own_group(Path(before.split()[4]), "cpu")
    return None


def _v2_parent() -> Path | None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            group = _own_group(Path(before.split()[4]), "")
            # A group that holds processes hands no controller on, but for the root's.
            for parent in (group, group.parent):
                if "cpu" in _read(parent / "cgroup.subtree_control").split():
                    return parent
    return None


def _own_group(mount: Path, controller: str) -> Path:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            own = mount / path.lstrip("/")
            return own if own.is_dir() else mount
    return mount


_PARENTS: dict[str, Callable[[], Path | None]] = {"cgroup v2": _v2_parent, "cgroup v1": _v1_parent}


def _allows(parent: Callable[[], Path | None]) -> bool:
    """Whether a group can be made there, and given a quota."""
    with contextlib.suppress(OSError):
        where = parent()
        if where:
            group = where / f"share-{os.getpid()}-{uuid.uuid4().hex}"
            group.mkdir()
            try:
                _limit(group, 256)
            finally:
                group.rmdir()
            return True
    return False


def _limit(group: Path, memory: int) -> None:
    period, allowed = round(PERIOD * 1e6), round(quota(memory) * 1e6)
    if (group / "cpu.max").exists():
        (group / "cpu.max").write_text(f"{allowed} {period}")
    else:
        (group / "cpu.cfs_period_us").write_text(str(period))
        (group / "cpu.cfs_quota_us").write_text(str(allowed))


@contextlib.contextmanager
def _by_cgroup(pid: int, memory: int, way: str) -> Iterator[None]:
    parent = _PARENTS[way]()
    assert parent is not None
    group = parent / f"share-{os.getpid()}-{uuid.uuid4().hex}"
    group.mkdir()
    try:
        _limit(group, memory)
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        with contextlib.suppress(OSError):  # it has ended
            (parent / "cgroup.procs").write_text(str(pid))
        _remove(group)


def _remove(group: Path) -> None:
    """Remove a group; a process that was killed is in it until the kernel has buried it."""
    for _ in range(200):
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.01)
    group.rmdir()


@contextlib.contextmanager
def _by_signals(pid: int, memory: int) -> Iterator[None]:
    command = [sys.executable, __file__, str(pid), str(quota(memory)), str(os.getpid())]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as keeper:
        assert keeper.stdout is not None
        keeper.stdout.readline()  # it counts from now on; its own start takes some periods
        try:
            yield
        finally:
            keeper.terminate()
            keeper.wait()
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _keep(pid: int, allowed: float, holder: int) -> None:
    """Let a process use so many seconds of each period, until it or the holder has ended."""
    clock = (~pid << 3) | 2  # clock_getcpuclockid(3): all threads of a process
    used, left = time.clock_gettime(clock), allowed
    print("counting", flush=True)
    try:
        while os.getppid() == holder:
            begun = time.monotonic()
            while left > 0 and time.monotonic() - begun < PERIOD:
                time.sleep(_LOOK)
                now = time.clock_gettime(clock)
                left, used = left - (now - used), now
            if left <= 0:
                os.kill(pid, signal.SIGSTOP)
                time.sleep(max(0.0, begun + PERIOD - time.monotonic()))
                now = time.clock_gettime(clock)
                left, used = left - (now - used), now
            left = min(left + allowed, allowed)
            if left > 0:
                os.kill(pid, signal.SIGCONT)
    except OSError:  # the process has ended
        return
    os.kill(pid, signal.SIGCONT)


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    _keep(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
