"""The story of a run: take the place, go rounds, publish each, give the place up.

A round takes a token, lists and describes, probes, decides and publishes. It is
repeated while a running task still fails, at most RETRY_COUNT times. A request
that comes meanwhile is answered by the same run, with a round that begins at once.
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from discovery.errors import DiscoveryError, RegistryError, SecretError
from discovery.model import Decision, Exclusion, Outcome, Probe, Snapshot, Standing
from discovery.store.codec import changes
from discovery.store.registry import Begun, Lost, Published, Registry
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
from discovery.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from discovery.aws.task_lister import Fleet
    from discovery.deadline import Deadline
    from discovery.probe.tcp import Pool

log = logging.getLogger(__name__)

# Decisions on one snapshot: each further one follows an older listing that was published since.
ATTEMPTS = 3
# Lines of the log for tasks that are left out. 5,000 silent tasks would take 0.7 MB a minute,
# and seconds of a small function's time.
LOGGED = 20
# Seconds between looks at whether a request came; the contract allows 0.25.
LOOK_EVERY = 0.2
NO_IDS: AbstractSet[str] = frozenset()


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
    calls_per_second: float  # to ECS, over time


def sync(
    means: Means,
    stopping: str | None = None,
    arrived: AbstractSet[str] = NO_IDS,
    spread: float = 0.0,
) -> Report:
    """Answer one request, of an event that tells of these tasks (ids), or of none.

    The listing begins after `spread` seconds, if no other request comes first. Raises
    DiscoveryError; the list is then as it was.
    """
    registry, report = means.registry, Report()
    if stopping:
        report.withdrawn = registry.withdraw(stopping)
        log.info("withdrew task %s: %s", stopping, report.withdrawn or "it was not listed")
    if not registry.enter() or (spread and not registry.defer()):
        log.info("another run is at work on %s: it will list again for this request", registry.key)
        report.outcome = Outcome.COALESCED
        return report
    if spread:
        log.info("waiting %.3f s: every stack of the cluster has this event now", spread)
        means.sleep(spread)
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
    _log_excluded(report.decision.excluded if report.decision else ())
    return report


def _run(means: Means, report: Report, arrived: AbstractSet[str]) -> None:
    """Go rounds until nothing is left to wait for and no request is open."""
    clock, registry, until = means.deadline.clock, means.registry, means.deadline.earlier(RESERVE)
    progress, token, cost = Progress(), None, 0.0
    while True:
        begun = _begin(means, report, token, cost)
        if begun is None:
            return
        token, started = begun.token, clock()
        snapshot, probes = observe(means.fleet, means.pool, begun.standing, arrived, until)
        report.rounds += 1
        cost, paced = clock() - started, started + snapshot.calls / means.calls_per_second
        last = is_last(progress, means.rounds, means.interval, _budget(means, cost, paced))
        log.info("round %d of %d: %s", progress.number, means.rounds, summary(snapshot, probes))
        decision = _publish(means, report, begun, snapshot, probes, progress.failed, last)
        if decision and decision.settled and registry.leave(token):
            return
        progress = after(progress, decision, clock(), means.interval)
        step = next_step(progress, _budget(means, cost, paced))
        if isinstance(step, Stop):
            if progress.failed is not None:
                _out_of_time(means, progress)
            break
        if isinstance(step, WaitUntil) and _waited(means, token, step.due):
            progress = counted(progress)
    _give_up(means, token)


def _budget(means: Means, cost: float, paced: float) -> Budget:
    return Budget(means.deadline.clock(), means.deadline.left(), cost, paced)


def _out_of_time(means: Means, progress: Progress) -> None:
    log.warning(
        "%.1f s are left, too few for round %d of %d: raise the function's timeout",
        means.deadline.left(),
        min(progress.number + (progress.due is not None), means.rounds),
        means.rounds,
    )


def _give_up(means: Means, token: int | None) -> None:
    """Give up the place at the end of the time, whether a request is open or not."""
    if token is not None and not means.registry.leave(token):
        log.warning(
            "a request came after the last listing began, and no time is left to list for it: "
            "the next event or the schedule lists"
        )
        token = None
    if token is None:
        means.registry.leave(None)


def _begin(means: Means, report: Report, token: int | None, cost: float) -> Begun | None:
    """Take a token as soon as ECS's budget allows; None: this run is over.

    `token` is that of the last listing and `cost` what it took, in seconds.
    """
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
        if means.deadline.left() < begun.seconds + cost + RESERVE:
            log.warning(
                "the next listing may start in %.1f s, too late for this run", begun.seconds
            )
            _give_up(means, token)
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
    """Decide on what Redis holds now, and write; None: this listing is not published."""
    standing = begun.standing
    for _ in range(ATTEMPTS):
        decision = decide(standing, snapshot, probes, failed, last, means.panic_percent)
        answer = means.registry.publish(begun, standing, decision, snapshot.calls)
        if not isinstance(answer, Standing) or not means.deadline.left():
            break
        standing = answer  # an older listing was published meanwhile: decide on that
    if not isinstance(answer, Published):
        newer = isinstance(answer, Lost)
        why = "a newer listing is published" if newer else "older listings are published meanwhile"
        log.info("%s: this one, of token %d, is dropped", why, begun.token)
        return None
    decision = without(decision, answer.withdrawn)
    report.before = standing.entries if report.before is None else report.before
    report.generation, report.decision = answer.generation, decision
    report.outcome = Outcome.PUBLISHED
    report.published_at = report.published_at or means.deadline.clock()
    _log_publication(means, answer.generation, standing, decision)
    return decision


def _log_publication(means: Means, generation: int, standing: Standing, decision: Decision) -> None:
    added, removed = changes(standing.entries, decision.entries)
    log.info(
        "%s generation %d: %d listed, %d running, %d healthy, added %s, removed %s",
        means.registry.verb, generation, len(decision.entries), decision.running,
        decision.healthy, _some(added), _some(removed),
    )  # fmt: skip
    if decision.degraded:
        log.warning(
            "degraded: only %d of %d running tasks are healthy, below %g %%: listed tasks that run "
            "are kept; see what they share",
            decision.healthy, decision.running, means.panic_percent,
        )  # fmt: skip


def _log_excluded(excluded: Sequence[Exclusion]) -> None:
    """The first of them and a count for each reason: the log's time and size are bounded."""
    for task, ip, reason in excluded[:LOGGED]:
        where = one_line(ip or "no address")
        log.info("left out task %s at %s: %s", one_line(task), where, one_line(reason))
    if len(excluded) > LOGGED:
        # A reason that names a task ("its address passed to task ...") counts by its kind.
        kinds = Counter(reason.split(":")[0].split(" to task ")[0] for _, _, reason in excluded)
        log.info(
            "left out %d tasks, %d of them above: %s; a dry run answers with all",
            len(excluded),
            LOGGED,
            ", ".join(f"{count} {one_line(kind)}" for kind, count in kinds.most_common(LOGGED)),
        )


def _some(addresses: list[str]) -> str:
    first, rest = " ".join(map(one_line, addresses[:10])), len(addresses) - 10
    return first + (f" and {rest} more" if rest > 0 else "") or "none"


def _waited(means: Means, token: int, due: float) -> bool:
    """Wait until the moment `due`; False: a request came first."""
    while True:
        left = due - means.deadline.clock()
        if left <= 0:
            return True
        means.sleep(min(left, LOOK_EVERY))
        if means.registry.requested(token):
            return False
