"""Two from PyPI that find ECS tasks, beside us: discovery alone, a cold round each.

They look for Prometheus targets in whole clusters and check no health, so only the
calls and the time to know all addresses are compared. Each runs in an environment of
its own, with its own SDK settings.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.contest import LATENCY, ROOT
from benchmarks.measure import Spread
from benchmarks.peer_aws import teach
from benchmarks.results import Peer, Results
from simulator import Simulator

if TYPE_CHECKING:
    from benchmarks.contest import Progress

ROUNDS = {250: 3, 1000: 1}  # of so many tasks; one of them takes its time
PROGRAMS = Path(__file__).parent / "peer_rounds"


class Contestant(NamedTuple):
    name: str
    python: str
    program: str
    leaves_out: str


def environment(name: str) -> str:
    """The interpreter of a peer's own environment, which make sets up."""
    return str(ROOT / f".venv-peer-{name}" / "bin" / "python")


CONTESTANTS = (
    Contestant("ours", sys.executable, "round_of_ours.py", "here: checks, tokens, the list"),
    Contestant(
        "prometheus-ecs-discoverer 3.3.4",
        environment("prometheus-ecs-discoverer"),
        "round_of_discoverer.py",
        "health checks, events, MISSING tasks (its first round's pause of 0.1 s a call is off)",
    ),
    Contestant(
        "ecs-service-discovery 0.1.4",
        environment("ecs-service-discovery"),
        "round_of_service_discovery.py",
        "health checks, events, MISSING tasks",
    ),
)


def measure(results: Results, progress: Progress) -> None:
    for tasks, rounds in ROUNDS.items():
        with Simulator(latency=LATENCY) as aws:
            service = aws.ecs.create_service("arcade", "lobby")
            service.start_tasks(tasks)
            teach(aws, service)
            settings = aws.settings(service, PYTHONPATH=str(ROOT), PATH="/usr/bin:/bin")
            seconds: dict[str, list[float]] = {each.name: [] for each in CONTESTANTS}
            calls: dict[str, dict[str, int]] = {}
            found: dict[str, int] = {}
            for turn in range(rounds):
                for each in CONTESTANTS:
                    progress(f"{tasks:,} tasks, {each.name}, {turn + 1} of {rounds}")
                    aws.calls.clear()
                    took, found[each.name] = _round(each, settings)
                    seconds[each.name].append(took)
                    calls[each.name] = dict(Counter(call.operation for call in aws.calls))
        results.peers += [
            Peer(
                each.name,
                tasks,
                found[each.name],
                calls[each.name],
                Spread.of(seconds[each.name]),
                each.leaves_out,
            )
            for each in CONTESTANTS
        ]


def _round(each: Contestant, settings: dict[str, str]) -> tuple[float, int]:
    done = subprocess.run(
        [each.python, str(PROGRAMS / each.program)],
        env=settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise RuntimeError(f"{each.name}: {done.stderr}")
    seconds, found = json.loads(done.stdout.splitlines()[-1])
    return seconds, found
