"""Why did a task stop, in plain words, and is it a fault? Pure.

docs/stops.md has the catalogue as a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from discovery.stop_codes import (
    EXITS,
    GONE,
    SIGKILL,
    SIGTERM,
    STOP_CODES,
    UNSEEN,
    StopExplanation,
)
from discovery.stop_rules import AFTERMATH, CAUSES, FAILURES, Rule
from discovery.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from discovery.task_record import TaskRecord

# StopTask's reason begins with it when this function recycles: `... recycle <id> 3/7`.
RECYCLE_REASON = "ecs-task-discovery recycle"

USER, SCHEDULER = "UserInitiated", "ServiceSchedulerInitiated"
# With these, an exit code is a consequence of the stop.
_TAKEN_AWAY = ("SpotInterruption", "TerminationNotice", "InfrastructureHealth")

_CLEAN = (0, SIGTERM, None)  # None: it still runs, or ECS does not say
_FIRST_SIGNAL, _LAST_SIGNAL = 128 + 1, 128 + 64
# Codes that a container may end with because another one ended, the likeliest last.
_CONSEQUENCE = {SIGKILL: 1, 0: 2, SIGTERM: 3}
_LONGEST = 200  # characters of a reason that is quoted


class StoppedContainer(NamedTuple):
    """What DescribeTasks says of a container."""

    name: str
    exit_code: int | None = None
    reason: str = ""
    essential: bool | None = None  # the task definition says so; None: not known


class Stop(NamedTuple):
    """A task's stop: what ECS says of it, and nothing else."""

    stop_code: str = ""
    stopped_reason: str = ""
    containers: tuple[StoppedContainer, ...] = ()
    last_status: str = "STOPPED"
    desired_status: str = "STOPPED"
    launch_type: str = ""


_MORE_MEMORY = (
    "Raise the memory of the task and the container, or find what uses it.",
    "Raise the container's memory limit, or find what uses it.",
)
_SLOW_SHUTDOWN = (
    "Let the program end on SIGTERM (entryPoint as a list, so that it gets the signal), "
    "or raise stopTimeout."
)


def stop_of(record: TaskRecord) -> Stop:
    """What a task's record says of its stop; it does not say which containers are essential."""
    return Stop(
        record.stop_code,
        record.stopped_reason,
        tuple(
            StoppedContainer(each.name, each.exit_code, each.reason) for each in record.containers
        ),
        record.last_status,
        record.desired_status,
        record.launch_type,
    )


def explain(stop: Stop) -> StopExplanation:
    """The stop in plain words, from its most specific sign."""
    if stop.desired_status != "STOPPED" and stop.last_status != "STOPPED" and not stop.stop_code:
        return StopExplanation("running", False, "The task was not stopped.")
    if stop.stopped_reason == GONE:
        return UNSEEN
    cause = _cause(stop)
    memory = _out_of_memory(stop)
    # ECS keeps this reason of a container whose child was killed, and of one that recovered.
    # https://github.com/aws/amazon-ecs-agent/issues/5135
    if memory and not (cause and memory.exit_code in _CLEAN):
        who = _capital(_named(memory, "the task"))
        text = f"{who} ran out of memory{_code(memory.exit_code)}."
        return StopExplanation("out_of_memory", True, text, _memory(stop))
    failure = _first(FAILURES, stop)
    if failure:
        return failure
    explained = cause or _by_exit_code(stop) or _first(AFTERMATH, stop) or _by_stop_code(stop)
    if memory:
        note = f"; before that, ECS saw {_named(memory, 'it')} run out of memory"
        return explained._replace(text=f"{explained.text[:-1]}{note}.", remedy=_memory(stop))
    return explained


def _cause(stop: Stop) -> StopExplanation | None:
    """Why ECS stopped the task, unless a container ended first."""
    rule, text = _match(CAUSES, stop)
    if rule and rule.fault:
        return StopExplanation(rule.kind, True, f"{text}.", rule.remedy)
    if stop.stop_code == "EssentialContainerExited":
        return None
    if rule:
        return _shut_down(stop, rule.kind, text)
    return _requested(stop)


def _requested(stop: Stop) -> StopExplanation | None:
    """A stop by StopTask or by the scheduler, whose reason is free text."""
    before, ours, which = stop.stopped_reason.partition(RECYCLE_REASON)
    if ours and not before and stop.stop_code in ("", USER):
        which = one_line(which, 60) or "no id"
        return _shut_down(stop, "recycled", f"This function recycled the task ({which})")
    quoted = _quoted(stop.stopped_reason, "no reason given")
    if stop.stop_code == USER:
        return _shut_down(stop, "stopped_by_user", f"A StopTask call stopped the task ({quoted})")
    if stop.stop_code == SCHEDULER:
        return _shut_down(stop, "stopped_by_scheduler", f"ECS stopped the task ({quoted})")
    return None


def _shut_down(stop: Stop, kind: str, text: str) -> StopExplanation:
    """A stop that is no fault; a container that had to be killed is named.

    A container gets SIGTERM and, after stopTimeout, SIGKILL:
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html
    """
    for each in _essential(stop):
        # AWS kills what still runs when its Spot notice of two minutes ends.
        if each.exit_code == SIGKILL and kind != "spot":
            late = f"{_named(each)} did not end within its stopTimeout and was killed"
            return StopExplanation(
                "killed_slow_shutdown", False, f"{text}; {late} (exit code 137).", _SLOW_SHUTDOWN
            )
    return StopExplanation(kind, False, f"{text}.")


def _out_of_memory(stop: Stop) -> StoppedContainer | None:
    """The container that ran out of memory; an exit code alone does not say so."""
    for each in _essential(stop):
        if "outofmemory" in each.reason.lower():
            return each
    if "outofmemory" in stop.stopped_reason.lower():
        return StoppedContainer(_only(stop))
    return None


def _memory(stop: Stop) -> str:
    return _MORE_MEMORY[stop.launch_type in ("EC2", "EXTERNAL")]


def _by_exit_code(stop: Stop) -> StopExplanation | None:
    """The essential container that ended first, as far as the exit codes show it.

    ECS then ends the others, by SIGTERM and SIGKILL, so any other code is closer to the cause.
    """
    ended = [each for each in _essential(stop) if each.exit_code is not None]
    if not ended or stop.stop_code in _TAKEN_AWAY:
        return None
    return _exited(min(ended, key=lambda each: _CONSEQUENCE.get(each.exit_code or 0, 0)))


def _exited(container: StoppedContainer) -> StopExplanation:
    code = container.exit_code or 0
    who = _named(container)
    known = EXITS.get(code)
    if known:
        return known._replace(text=_filled(known.text, who))
    if _FIRST_SIGNAL <= code <= _LAST_SIGNAL:
        text = f"{who} was ended by signal {code - 128}{_code(code)}."
    else:
        text = f"{who} ended with an error{_code(code)}."
    return StopExplanation("app_exit", True, _capital(text), "Look at the last lines of its log.")


def _by_stop_code(stop: Stop) -> StopExplanation:
    known = STOP_CODES.get(stop.stop_code)
    if known:
        return known
    reason = _quoted(stop.stopped_reason, "no reason given")
    code = _quoted(stop.stop_code, "no stop code")
    return StopExplanation(
        "unknown",
        True,
        f"The task stopped for a reason that is not in the catalogue ({code}: {reason}).",
        "Read the whole reason, and the events of the service.",
    )


def _first(rules: Sequence[Rule], stop: Stop) -> StopExplanation | None:
    rule, text = _match(rules, stop)
    if rule is None:
        return None
    on_ec2 = rule.on_ec2 if stop.launch_type in ("EC2", "EXTERNAL") else ""
    return StopExplanation(rule.kind, rule.fault, text, on_ec2 or rule.remedy)


def _match(rules: Iterable[Rule], stop: Stop) -> tuple[Rule | None, str]:
    """The first rule that fits a reason, be it the task's or a container's, and its text."""
    reasons = [(each.reason, _named(each)) for each in _essential(stop) if each.reason]
    # The reason of a StopTask call is its caller's own text.
    if stop.stop_code != USER or rules is CAUSES:
        reasons.append((stop.stopped_reason, _named(StoppedContainer(_only(stop)))))
    for rule in rules:
        for reason, who in reasons:
            if rule.pattern.search(reason):
                return rule, _filled(rule.text, who)
    return None, ""


def _essential(stop: Stop) -> list[StoppedContainer]:
    """Those that can end the task; if the task definition is not known, all."""
    return [each for each in stop.containers if each.essential is not False]


def _only(stop: Stop) -> str:
    """The container's name, if there is but one."""
    return stop.containers[0].name if len(stop.containers) == 1 else ""


def _named(container: StoppedContainer, nobody: str = "a container") -> str:
    return f"container {one_line(container.name, 60)}" if container.name else nobody


def _quoted(text: str, nothing: str) -> str:
    return one_line(text, _LONGEST) or nothing


def _filled(text: str, who: str) -> str:
    return text.replace("{who}", who).replace("{Who}", _capital(who))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _code(exit_code: int | None) -> str:
    return "" if exit_code is None else f" (exit code {exit_code})"
