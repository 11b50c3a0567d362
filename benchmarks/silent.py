"""5,000 tasks that never answer: what one round takes over the least that it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contest import LATENCY, OURS, STRAIGHTFORWARD, Contest
from benchmarks.measure import Spread
from benchmarks.results import Results, Row
from simulator import Simulator

if TYPE_CHECKING:
    from benchmarks.contest import Progress

TASKS, CONCURRENCY = 5000, 500
TIMEOUT = 1.0  # seconds; with the default of 2 the straightforward one takes over five minutes
ROUNDS = 3


def measure(results: Results, progress: Progress) -> None:
    least = TASKS / CONCURRENCY * TIMEOUT
    with Simulator(latency=LATENCY) as aws:
        service = aws.ecs.create_service("arcade", "lobby")
        progress("starting them")
        service.start_tasks(TASKS, port="silent")
        with Contest(aws, service, HEALTH_CHECK_TIMEOUT=str(TIMEOUT), RETRY_COUNT="1") as contest:
            walls = []
            for each in range(ROUNDS):
                progress(f"round {each + 1} of {ROUNDS}")
                walls.append(contest.run(OURS).wall / least)
            progress("the straightforward one, once: almost three minutes")
            theirs = contest.run(STRAIGHTFORWARD).wall / least
    results.rows.append(
        Row(
            f"{TASKS:,} silent tasks, one round, over ceil(tasks / concurrency) x timeout",
            Spread.of(walls),
            Spread.of([theirs]),
            1.1,
        )
    )
