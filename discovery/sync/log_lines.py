"""What a run logs, for the person on call. Bounded in lines and length."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from discovery.addresses import changes
from discovery.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from discovery.model import Decision, Exclusion, PublishedState
    from discovery.sync.rounds import Policy, Progress

log = logging.getLogger("discovery.sync")

# Lines for tasks that are left out. 5,000 silent tasks would take 0.7 MB a minute, and seconds of
# a small function's time.
MOST = 20
ADDRESSES = 10  # in one line


def round_ended(number: int, rounds: int, summary: str) -> None:
    log.info("round %d of %d: %s", number, rounds, summary)


def decided(
    what: str, state: PublishedState, decision: Decision, generation: int, panic_percent: float
) -> None:
    added, removed = changes(state.entries, decision.entries)
    log.info(
        "%s generation %d: %d listed, %d running, %d healthy, added %s, removed %s",
        what, generation, len(decision.entries), decision.running, decision.healthy,
        _some(added), _some(removed),
    )  # fmt: skip
    if decision.degraded:
        log.warning(
            "degraded: only %d of %d running tasks are healthy, below %g %%: listed tasks that run "
            "stay listed; look for what the failing tasks share",
            decision.healthy, decision.running, panic_percent,
        )  # fmt: skip


def excluded(exclusions: Sequence[Exclusion]) -> None:
    """The first exclusions, and a count for each reason."""
    for task, ip, reason in exclusions[:MOST]:
        where = one_line(ip or "no address")
        log.info("left out task %s at %s: %s", one_line(task), where, one_line(reason))
    if len(exclusions) > MOST:
        # A reason that names a task ("its address passed to task ...") counts by its kind.
        kinds = Counter(reason.split(":")[0].split(" to task ")[0] for _, _, reason in exclusions)
        log.info(
            "left out %d tasks, %d of them above: %s; a dry run answers with all of them",
            len(exclusions),
            MOST,
            ", ".join(f"{count} {one_line(kind)}" for kind, count in kinds.most_common(MOST)),
        )


def out_of_time(left: float, progress: Progress, policy: Policy) -> None:
    log.warning(
        "%.1f s are left, too few for round %d of %d: raise the function's timeout",
        left,
        min(progress.number + (progress.due is not None), policy.rounds),
        policy.rounds,
    )


def _some(addresses: list[str]) -> str:
    first, rest = " ".join(map(one_line, addresses[:ADDRESSES])), len(addresses) - ADDRESSES
    return first + (f" and {rest} more" if rest > 0 else "") or "none"
