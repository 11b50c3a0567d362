"""The story of a run: take the place, go rounds, publish each, give the place up.

A round takes a token, lists and describes, probes, decides and publishes. It is
repeated while a running task still fails, at most RETRY_COUNT times. A request
that comes meanwhile is answered by the same run, with a round that begins at once.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from discovery.decide import decide
from discovery.errors import DiscoveryError, RegistryError, SecretError
from discovery.model import Decision, Outcome, Probe, Snapshot, Standing
from discovery.observe import observe, summary
from discovery.registry import Begun, Lost, Registry
from discovery.report import Report
from discovery.stored import changes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from discovery.deadline import Deadline
    from discovery.ecs import Fleet
    from discovery.health import Pool

log = logging.getLogger(__name__)

# Seconds kept for the publication and for giving up the place: listing and
# checking end this long before the deadline.
RESERVE = 1.0
# Seconds between looks at whether a request came; the contract allows 0.25.
LOOK_EVERY = 0.2
NOBODY: AbstractSet[str] = frozenset()


@dataclass(frozen=True)
class Means:
    """What a run acts through, and how it was told to go about it."""

    fleet: Fleet
    registry: Registry
    pool: Callable[[], Pool]
    deadline: Deadline
    sleep: Callable[[float], None]
    rounds: int
    interval: float  # seconds
    panic_percent: float


def sync(means: Means, stopping: str | None = None, arrived: AbstractSet[str] = NOBODY) -> Report:
    """Answer one request, of an event that tells of these tasks (ids), or of none.

    Raises DiscoveryError; the list is then as it was.
    """
    registry, report = means.registry, Report()
    if stopping:
        report.withdrawn = registry.withdraw(stopping)
        log.info("withdrew task %s: %s", stopping, report.withdrawn or "it was not listed")
    if not registry.enter():
        log.info("another run is at work on %s: it will list again for this request", registry.key)
        report.outcome = Outcome.COALESCED
        return report
    with registry.held():
        try:
            _run(means, report, arrived)
        except BaseException as error:
            # Where Redis is out of reach, the lease ends by itself.
            unreachable = isinstance(error, RegistryError) and not error.answered
            if not (unreachable or isinstance(error, SecretError)):
                with suppress(DiscoveryError):
                    registry.leave(None)
            raise
    for task, ip, reason in report.decision.excluded if report.decision else ():
        log.info("left out task %s at %s: %s", task, ip or "no address", reason)
    return report


def _run(means: Means, report: Report, arrived: AbstractSet[str]) -> None:
    """Go rounds until nothing is left to wait for and no request is open."""
    deadline, clock, until = means.deadline, means.deadline.clock, means.deadline.earlier(RESERVE)
    counted, failed, due = 1, None, None
    while True:
        started = clock()
        begun = _begin(means, report)
        if begun is None:
            return
        snapshot, probes = observe(means.fleet, means.pool, begun.standing, arrived, until)
        report.rounds += 1
        cost = clock() - started
        # Out of time, the second round and any later one is as good as the last; a
        # single one is not: what failed only once stays.
        late = deadline.left() < means.interval + cost + RESERVE
        last = counted >= means.rounds or (counted > 1 and late)
        log.info("round %d of %d: %s", counted, means.rounds, summary(snapshot, probes))
        decision = _publish(means, report, begun, snapshot, probes, failed, last)
        if decision is None:
            failed = NOBODY  # the round is lost, and so is the proof that anybody failed in it
        elif decision.settled:
            if means.registry.leave(begun.token):
                return
            counted, failed, due = 1, None, None  # a request came meanwhile: a new run
        else:
            failed, due = decision.failing, due or clock() + means.interval
        pause = max(0.0, due - clock()) if due else 0.0
        if deadline.left() < pause + cost + RESERVE:
            log.warning(
                "%.1f s are left, too few for round %d of %d: raise the function's timeout",
                deadline.left(),
                min(counted + 1, means.rounds),
                means.rounds,
            )
            break
        # A request during the wait is answered at once, by a round that does not count:
        # those that count are `interval` apart.
        if due and _waited(means, begun.token, due):
            counted, due = counted + 1, None
    means.registry.leave(None)


def _begin(means: Means, report: Report) -> Begun | None:
    """Take a token as soon as ECS's budget allows; None: this run is over."""
    while True:
        begun = means.registry.begin()
        if isinstance(begun, Begun):
            return begun
        if isinstance(begun, Lost):
            log.info(
                "another run is at work on %s by now: it lists after this one", means.registry.key
            )
            if report.outcome is Outcome.KEPT:
                report.outcome = Outcome.SUPERSEDED if report.rounds else Outcome.COALESCED
            return None
        if means.deadline.left() < begun.seconds + RESERVE:
            log.warning(
                "the next listing may start in %.1f s, too late for this run", begun.seconds
            )
            means.registry.leave(None)
            return None
        means.sleep(begun.seconds)


def _publish(
    means: Means,
    report: Report,
    begun: Begun,
    snapshot: Snapshot,
    probes: Mapping[str, Probe],
    failed: AbstractSet[str] | None,
    last: bool,
) -> Decision | None:
    """Decide on what Redis holds now, and write; None: a newer listing is there."""
    standing = begun.standing
    while True:
        decision = decide(standing, snapshot, probes, failed, last, means.panic_percent)
        answer = means.registry.publish(begun, standing, decision, snapshot.calls)
        if not isinstance(answer, Standing):
            break
        standing = answer  # a task was withdrawn meanwhile, say: decide again
    if isinstance(answer, Lost):
        log.info("a newer listing is published: this one, of token %d, is dropped", begun.token)
        return None
    report.before = standing.entries if report.before is None else report.before
    report.generation, report.decision, report.outcome = answer, decision, Outcome.PUBLISHED
    report.published_at = report.published_at or means.deadline.clock()
    added, removed = changes(standing.entries, decision.entries)
    log.info(
        "%s generation %d: %d listed, %d running, %d healthy, added %s, removed %s",
        means.registry.verb, answer, len(decision.entries), decision.running, decision.healthy,
        _some(added), _some(removed),
    )  # fmt: skip
    if decision.degraded:
        log.warning(
            "degraded: only %d of %d running tasks are healthy, below %g %%: listed tasks that run "
            "are kept; see what they share",
            decision.healthy, decision.running, means.panic_percent,
        )  # fmt: skip
    return decision


def _some(addresses: list[str]) -> str:
    rest = len(addresses) - 10
    return " ".join(addresses[:10]) + (f" and {rest} more" if rest > 0 else "") or "none"


def _waited(means: Means, token: int, due: float) -> bool:
    """Wait until the moment `due`; False: a request came first."""
    while True:
        left = due - means.deadline.clock()
        if left <= 0:
            return True
        means.sleep(min(left, LOOK_EVERY))
        if means.registry.requested(token):
            return False
