"""A run: acquire the lease, go through rounds, publish each, release the lease.

A round takes a fencing token, lists, describes, probes, decides and publishes. Rounds are
repeated while a running task still fails, at most RETRY_COUNT times. A request that comes
meanwhile is answered by the same run, with a round that begins at once.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from discovery.errors import DiscoveryError, EcsError, RegistryError, SecretError
from discovery.model import (
    NO_IDS,
    Grant,
    LeaseHeld,
    Outcome,
    Published,
    PublishedState,
    Superseded,
)
from discovery.sync import log_lines
from discovery.sync.decide import decide, without
from discovery.sync.observe import observe, summary
from discovery.sync.report import Report
from discovery.sync.rounds import (
    RESERVE,
    Budget,
    Progress,
    Stop,
    WaitUntil,
    after,
    counted,
    is_last,
    next_step,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from discovery.deadline import Deadline
    from discovery.interfaces import Described, Prober, Registry, TaskLister
    from discovery.model import Decision, Endpoint, Probe, ServiceRef, Snapshot
    from discovery.sync.rounds import Policy

log = logging.getLogger(__name__)

# Decisions on one snapshot. Each further one follows an older listing that was published since.
ATTEMPTS = 3
# Seconds between two looks at whether a request came; the contract allows 0.25.
POLL_INTERVAL = 0.2


@dataclass(frozen=True)
class Dependencies:
    """What a run acts through."""

    service: ServiceRef
    lister: TaskLister
    registry: Registry
    new_prober: Callable[[], Prober]
    deadline: Deadline
    sleep: Callable[[float], None]
    described: Described | None = None  # for the history


@dataclass(frozen=True)
class Observation:
    """What one round saw, and what it cost."""

    snapshot: Snapshot
    probes: Mapping[Endpoint, Probe]
    cost: float  # seconds
    listing_from: float  # the moment from which the rate limit allows the next listing

    def budget(self, deadline: Deadline) -> Budget:
        return Budget(deadline.clock(), deadline.left(), self.cost, self.listing_from)


def sync(
    dependencies: Dependencies,
    policy: Policy,
    stopping: str | None = None,
    new_task_ids: AbstractSet[str] = NO_IDS,
    spread: float = 0.0,
    full: bool = True,
) -> Report:
    """Answer one request.

    `stopping` is the id of a task to withdraw first, `new_task_ids` are tasks that an event has
    announced. The listing begins after `spread` seconds, if no other request comes first. A
    `full` one looks at each task, any other one only at those that may have changed.
    Raises DiscoveryError; the list is then as it was.
    """
    registry, report = dependencies.registry, Report()
    if stopping:
        report.withdrawn = registry.withdraw(stopping)
        log.info("withdrew task %s: %s", stopping, report.withdrawn or "it was not listed")
    if not registry.request(full, new_task_ids) or (spread and not registry.reserve()):
        log.info("another run holds the lease on %s: it lists for this request", registry.key)
        report.outcome = Outcome.COALESCED
        return report
    if spread:
        log.info("waiting %.3f s: every stack of the cluster gets this event now", spread)
        dependencies.sleep(spread)
    with registry.keep_lease():
        try:
            _run(dependencies, policy, report, new_task_ids)
        except BaseException as error:
            # Where Redis is out of reach, the lease expires by itself.
            unreachable = isinstance(error, RegistryError) and not error.answered
            if not (unreachable or isinstance(error, SecretError)):
                with suppress(DiscoveryError):
                    registry.release(None)
            raise
    log_lines.excluded(report.decision.excluded if report.decision else ())
    return report


def dry_run(dependencies: Dependencies, policy: Policy) -> Report:
    """Go through all rounds of a run and write nothing. Raises DiscoveryError."""
    report, progress = Report(outcome=Outcome.CHECKED), Progress()
    clock = dependencies.deadline.clock
    while True:
        state = dependencies.registry.read()
        seen = _observe(dependencies, state, NO_IDS, full=True)
        report.rounds += 1
        last = is_last(progress, policy, seen.budget(dependencies.deadline))
        log_lines.round_ended(progress.number, policy.rounds, summary(seen.snapshot, seen.probes))
        decision = decide(
            state, seen.snapshot, seen.probes, progress.failed, last, policy.panic_percent
        )
        report.add(state, seen.snapshot, decision, state.generation)
        log_lines.decided("dry run on", state, decision, state.generation, policy.panic_percent)
        progress = after(progress, decision, clock(), policy)
        step = None if decision.settled else next_step(progress, seen.budget(dependencies.deadline))
        if not isinstance(step, WaitUntil):
            if step:
                log_lines.out_of_time(dependencies.deadline.left(), progress, policy)
            break
        dependencies.sleep(max(0.0, step.due - clock()))
        progress = counted(progress)
    log_lines.excluded(decision.excluded)
    return report


def _run(
    dependencies: Dependencies, policy: Policy, report: Report, new_task_ids: AbstractSet[str]
) -> None:
    """Go through rounds until there is nothing to wait for and no open request."""
    deadline, registry = dependencies.deadline, dependencies.registry
    progress, token, cost = Progress(), None, 0.0
    while True:
        grant = _acquire(dependencies, report, token, cost, urgent=progress.number > 1)
        if grant is None:
            return
        try:
            seen = _observe(dependencies, grant.state, new_task_ids, grant.full, grant.wait)
        except EcsError:
            # A full listing takes longer than the one before, by which its time was reckoned.
            if report.published_at is None or deadline.left() > RESERVE:
                raise
            break
        report.rounds += 1
        token, cost = grant.token, seen.cost
        last = is_last(progress, policy, seen.budget(deadline))
        log_lines.round_ended(progress.number, policy.rounds, summary(seen.snapshot, seen.probes))
        decision, released = _publish(
            dependencies, policy, report, grant, seen, progress.failed, last
        )
        if released:
            return
        progress = after(progress, decision, deadline.clock(), policy)
        step = next_step(progress, seen.budget(deadline))
        if isinstance(step, Stop):
            break
        if isinstance(step, WaitUntil) and _waited(dependencies, token, step.due):
            progress = counted(progress)
    if progress.failed is not None:
        log_lines.out_of_time(deadline.left(), progress, policy)
    _release_at_last(registry, token)


def _observe(
    dependencies: Dependencies,
    state: PublishedState,
    new_task_ids: AbstractSet[str],
    full: bool,
    wait: float = 0.0,
) -> Observation:
    """List and probe. The rate limit allows the next listing `wait` seconds from now."""
    started = dependencies.deadline.clock()
    snapshot, probes = observe(
        dependencies.service,
        dependencies.lister,
        dependencies.new_prober,
        state,
        new_task_ids,
        full,
        dependencies.deadline.earlier(RESERVE),
        dependencies.described,
    )
    cost = dependencies.deadline.clock() - started
    return Observation(snapshot, probes, cost, started + wait)


def _acquire(
    dependencies: Dependencies, report: Report, token: int | None, cost: float, urgent: bool
) -> Grant | None:
    """Take a fencing token as soon as the rate limit allows; None: this run is over.

    `token` is the last listing's, and `cost` is what that listing took, in seconds. The rounds
    after the first are `urgent`, as a task waits for them.
    """
    registry = dependencies.registry
    while True:
        answer = registry.acquire(urgent)
        if isinstance(answer, Grant):
            return answer
        if isinstance(answer, LeaseHeld):
            log.info("another run holds the lease on %s now: it lists after this one", registry.key)
            if report.outcome is Outcome.KEPT:
                report.outcome = Outcome.SUPERSEDED if report.rounds else Outcome.COALESCED
            return None
        if dependencies.deadline.left() < answer.seconds + cost + RESERVE:
            log.warning(
                "the rate limit allows the next listing in %.1f s, too late for this run: the "
                "next event or the schedule lists",
                answer.seconds,
            )
            _release_at_last(registry, token)
            return None
        # A request that comes meanwhile may be urgent, and wait for less.
        dependencies.sleep(min(answer.seconds, POLL_INTERVAL))


def _release_at_last(registry: Registry, token: int | None) -> None:
    """Release the lease at the end of the time, whether a request is open or not."""
    if token is not None and not registry.release(token):
        log.warning(
            "a request came after the last listing began, and no time is left to list for it: "
            "the next event or the schedule lists"
        )
        token = None
    if token is None:
        registry.release(None)


def _publish(
    dependencies: Dependencies,
    policy: Policy,
    report: Report,
    grant: Grant,
    seen: Observation,
    failed: AbstractSet[str] | None,
    last: bool,
) -> tuple[Decision | None, bool]:
    """Decide on what Redis holds now, and write; None: this listing is not published.

    The second value says whether the lease is given back, as nothing is left to do.
    """
    state = grant.state
    for _ in range(ATTEMPTS):
        decision = decide(state, seen.snapshot, seen.probes, failed, last, policy.panic_percent)
        answer = dependencies.registry.publish(grant, state, decision, seen.snapshot.calls)
        if not isinstance(answer, PublishedState) or not dependencies.deadline.left():
            break
        if not seen.snapshot.full:
            break  # it took tasks as known from a state that is no longer the published one
        state = answer  # of an older listing, or without a task that is reinstated: decide on that
    if not isinstance(answer, Published):
        newer = isinstance(answer, Superseded)
        why = "a newer listing is published" if newer else "what is published changed meanwhile"
        log.info("%s: the listing of token %d is dropped", why, grant.token)
        return None, False
    decision = without(decision, answer.withdrawn)
    report.add(state, seen.snapshot, decision, answer.generation)
    report.outcome = Outcome.PUBLISHED
    report.published_at = report.published_at or dependencies.deadline.clock()
    log_lines.decided("published", state, decision, answer.generation, policy.panic_percent)
    return decision, answer.released


def _waited(dependencies: Dependencies, token: int, due: float) -> bool:
    """Wait until the moment `due`; False: a request came first."""
    while True:
        left = due - dependencies.deadline.clock()
        if left <= 0:
            return True
        dependencies.sleep(min(left, POLL_INTERVAL))
        if dependencies.registry.renew(token):
            return False
