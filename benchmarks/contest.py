"""The two that are compared: the function and the straightforward one, in turn."""

from __future__ import annotations

import json
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Self

from benchmarks.measure import cpu_seconds, peak_memory
from simulator import Function, Invocation, Service, Simulator, share

if TYPE_CHECKING:
    from simulator import Task
    from simulator.events import Event

ROOT = Path(__file__).parent.parent
LATENCY = 0.03  # seconds that each AWS call takes
OURS, STRAIGHTFORWARD = "ours", "straightforward"  # each has a Redis key of that name
ROOTS = {STRAIGHTFORWARD: ROOT / "benchmarks" / "straightforward", OURS: ROOT}
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event"}

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """One invocation."""

    wall: float  # seconds
    cpu: float  # seconds, of the function's process
    calls: int  # to AWS


class Contest:
    """Both of them, each in a process of its own, before one service."""

    def __init__(self, aws: Simulator, service: Service, **settings: str) -> None:
        self._aws = aws
        self.redis = aws.valkey.client()
        with ExitStack() as started:
            self.functions = {
                name: started.enter_context(
                    Function(aws.settings(service, name, **settings), root, timeout=300)
                )
                for name, root in ROOTS.items()
            }
            self._started = started.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()

    def in_turn(self, rounds: int, progress: Progress, what: str) -> dict[str, list[Run]]:
        """Run both so many times, the one after the other, after a run to warm up."""
        runs: dict[str, list[Run]] = {name: [] for name in ROOTS}
        for each in range(rounds + 1):
            progress(f"{what}round {each} of {rounds}")
            for name in ROOTS:
                run = self.run(name)
                if each:
                    runs[name].append(run)
        return runs

    def run(self, name: str, event: Any = SCHEDULED, memory: int | None = None) -> Run:
        """Invoke one of them, and see that it did its work.

        With `memory` (MB) it has Lambda's share of a CPU meanwhile.
        """
        self.reset_rate_limit()
        pid = self.pid(name)
        self._aws.calls.clear()
        with share.held(pid, memory) if memory else nullcontext():
            before = cpu_seconds(pid)
            done = checked(self.functions[name].invoke(event))
            cpu = cpu_seconds(pid) - before
        return Run(done.duration, cpu, len(self._aws.calls))

    def reset_rate_limit(self) -> None:
        """Let a listing follow at once, though the last was just now; a storm may not."""
        self.redis.delete(f"{{{OURS}}}:ratelimit")

    def listed(self, name: str) -> set[str]:
        return {item["ip"] for item in json.loads(str(self.redis.get(name) or "[]"))}

    def peak_memory(self, name: str) -> float:
        return peak_memory(self.pid(name))

    def pid(self, name: str) -> int:
        function = self.functions[name]
        if function.init_error:
            raise RuntimeError(function.init_error)
        return function.pid


def checked(done: Invocation) -> Invocation:
    """A figure of a run that failed would be none."""
    if done.error_type:
        raise RuntimeError(f"{done.error_type}: {done.error_message}\n{done.trace}")
    return done


def critical_path(tasks: int) -> float:
    """Seconds that AWS alone takes: pages of ListTasks in a row, and one call more."""
    pages = max(1, -(-tasks // 100))
    return (pages + 1) * LATENCY


def newcomer(aws: Simulator, service: Service) -> tuple[Task, Event]:
    """A task that has come up, and the event that says so."""
    task = service.start_task(status="PENDING")
    task.becomes("RUNNING")
    return task, aws.events.take()[-1]
