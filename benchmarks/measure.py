"""Measurements of a process, and the summary of several runs."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from simulator import share

if TYPE_CHECKING:
    from collections.abc import Iterable

# From the kernel's posix-timers.h: a process's CPU clock, threads that have ended included.
_CPU_CLOCK = 2


def cpu_seconds(pid: int) -> float:
    """CPU that a process has used, to the nanosecond (/proc/PID/stat counts in 10 ms)."""
    return time.clock_gettime((~pid << 3) | _CPU_CLOCK)


def peak_memory(pid: int) -> float:
    """The most memory that a process has held at once, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(pid)


def machine() -> dict[str, str | float]:
    """The machine, as figures of two machines cannot be compared."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    system = os.uname()
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{system.sysname} {system.release.split('-')[0]} {system.machine}",
        "python": platform.python_version(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "shares": share.ways()[0],
    }


@dataclass(frozen=True)
class Spread:
    """Several runs of one thing: the median, the least and the most."""

    median: float
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        all_ = sorted(values)
        return cls(median(all_), all_[0], all_[-1], len(all_))
