"""From facts to findings: the service, its deployments, events and stopped tasks. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from discovery.diagnose import restarts
from discovery.diagnose.findings import DEGRADED, FAILING, INFO, UNKNOWN, Finding
from discovery.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from discovery.diagnose.facts import Facts
    from discovery.service import Deployment, ServiceEvent, ServiceView

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
STEADY = "has reached a steady state"
_EVENTS = (
    ("start_impaired", r"unable to consistently start tasks", FAILING,
     "Correct what makes the tasks fail; a new task definition ends the delay at once."),
    ("placement", r"unable to place a task|no container instance met all", FAILING,
     "Add capacity, or lower what a task asks for (CPU, memory, ports, constraints)."),
    ("configuration", r"unable to (?:start|launch) a task|could not be found|is not valid",
     FAILING, "Correct the service's configuration as the message says."),
    ("throttled", r"operations are being throttled|ThrottlingException|Rate exceeded", DEGRADED,
     "Lower the rate of calls of the account, or ask AWS for a higher quota."),
    ("role", r"unable to assume|is not authorized to perform|AccessDenied", FAILING,
     "Grant the action that the message names to the role that it names."),
    ("target_unhealthy", r"is unhealthy in \(?target[- ]group", DEGRADED,
     "Look at the target's reason, and at what the task answers to the health check."),
    ("health_check", r"failed (?:container )?health checks?", DEGRADED,
     "Look at what the health check's command or path does in the container."),
    ("deployment_failed", r"deployment failed|rolling back", DEGRADED,
     "Read the reasons of the tasks that failed in the deployment."),
    ("deployment_blocked", r"unable to (?:stop or start|scale in)|protected from scale-in",
     DEGRADED, "Wait for the protected tasks, or raise the deployment's maximum percent."),
)  # fmt: skip
_KNOWN = tuple((kind, re.compile(p), severity, remedy) for kind, p, severity, remedy in _EVENTS)


def service(facts: Facts) -> Iterator[Finding]:
    view = facts.service
    if view is None:
        return
    counts = f"desired {view.desired}, running {view.running}, pending {view.pending}"
    if view.status != "ACTIVE":
        yield Finding(
            FAILING, "service_inactive", f"The service is {view.status}, not ACTIVE.", (counts,),
            "Create the service again, or name another one.",
        )  # fmt: skip
    elif view.desired == 0 and not view.daemon:
        yield Finding(INFO, "scaled_to_zero", "The service's desired count is 0.", (counts,))
    elif view.running == 0:
        yield Finding(
            FAILING, "no_task_runs", f"No task runs, and {view.desired} should.", (counts,),
            "Look at the reasons of the tasks that stopped, and at the events.",
        )  # fmt: skip
    elif view.running < view.desired:
        yield Finding(
            INFO if _rolling(view) else DEGRADED,
            "too_few_tasks",
            f"{view.running} of {view.desired} tasks run.",
            (counts,),
            "Look at the reasons of the tasks that stopped, and at the events.",
        )


def deployments(facts: Facts) -> Iterator[Finding]:
    view = facts.service
    for each in view.deployments if view else ():
        evidence = tuple(filter(None, (_described(each), one_line(each.reason))))
        if each.rollout == "FAILED":
            primary = each.status == "PRIMARY"
            yield Finding(
                FAILING if primary else DEGRADED,
                "deployment_failed",
                f"Deployment {each.id} failed"
                + (", and ECS starts no more tasks of it." if primary else "."),
                evidence,
                "Correct what made its tasks fail, and deploy again.",
            )
        elif each.failed_tasks:
            yield Finding(
                DEGRADED, "deployment_fails",
                f"{each.failed_tasks} tasks in a row failed in deployment {each.id}.", evidence,
                "Look at the reasons of the tasks that stopped.",
            )  # fmt: skip
        elif each.rollout == "IN_PROGRESS":
            yield Finding(INFO, "deployment", f"Deployment {each.id} is in progress.", evidence)


def events(facts: Facts) -> Iterator[Finding]:
    """The newest event of each cause, whatever its age: ECS does not repeat it for hours.

    What came before the last steady state is over, and only information.
    """
    found: dict[str, Finding] = {}
    steady = False
    for event in facts.service.events if facts.service else ():
        steady = steady or STEADY in event.message
        kind, severity, remedy = _cause(event)
        if kind and kind not in found:
            over = " The service has been steady since." if steady else ""
            found[kind] = Finding(
                INFO if steady else severity,
                f"event_{kind}",
                f"ECS said {_ago(facts.now - event.at)} ago: {one_line(event.message)}{over}",
                (),
                "" if steady else remedy,
            )
    yield from found.values()


def stops(facts: Facts) -> Iterator[Finding]:
    """What stopped in the window, by plain reason."""
    groups = restarts.grouped(facts.stopped or ())
    total = restarts.faults(groups)
    for group in groups:
        often = f", one every {_ago(group.every)}" if group.every else ""
        evidence = [f"tasks {', '.join(group.tasks[:3])}"]
        if group.life is not None:
            evidence.append(f"half of them lived at most {_ago(group.life)}")
        memory = limit(facts, group) if group.kind == "out_of_memory" else ""
        lines = next((facts.last_lines[id] for id in group.tasks if facts.last_lines.get(id)), ())
        evidence += [*filter(None, [memory]), *(f"last lines before: {each}" for each in lines)]
        if group.fault is None:
            said = f"Why {group.count} tasks stopped is not known. {group.text}"
            yield Finding(UNKNOWN, group.kind, said, tuple(evidence[:1]))
        elif not group.fault:
            said = f"{group.count} tasks stopped without fault: {group.text}"
            yield Finding(INFO, group.kind, said, tuple(evidence[:1]))
        elif group.loop:
            said = f"Crash loop: {group.count} of {total} restarts{often}. {group.text}"
            yield Finding(FAILING, group.kind, said, tuple(evidence), group.remedy)
        else:
            said = f"{group.count} of {total} restarts{often}: {group.text}"
            yield Finding(DEGRADED, group.kind, said, tuple(evidence), group.remedy)


def limit(facts: Facts, group: restarts.Restarts) -> str:
    """The memory that the container, or else its task, may use."""
    definition = facts.definitions.get(group.definition)
    container = definition.container(group.container) if definition else None
    if container is not None and container.memory:
        return f"its limit is {container.memory} MiB"
    if definition is not None and definition.memory:
        return f"the task's limit is {definition.memory} MiB"
    return ""


def unseen(facts: Facts) -> Iterator[Finding]:
    """What could not be looked at. A diagnosis that lacks something is never healthy."""
    for each in facts.unseen:
        yield Finding(
            UNKNOWN,
            f"unseen_{each.kind}",
            f"{each.action} on {each.resource} {each.why}.",
            (each.action, each.resource),
            _REMEDIES.get(each.kind, ""),
        )


_REMEDIES = {
    "permission": "Grant the action on the resource to the role, or run with other credentials.",
    "throttled": "Run again with fewer minutes, or when other programs read less.",
    "time": "Run again with fewer minutes, or with a longer timeout of the function.",
}


def _rolling(view: ServiceView) -> bool:
    """Whether a deployment explains that tasks are missing: it goes on, and nothing fails."""
    return view.deploying and not any(each.failed_tasks for each in view.deployments)


def _described(deployment: Deployment) -> str:
    rollout = f", {deployment.rollout}" if deployment.rollout else ""
    return f"{deployment.status}{rollout}, {deployment.failed_tasks} failed tasks"


def _cause(event: ServiceEvent) -> tuple[str, str, str]:
    for kind, pattern, severity, remedy in _KNOWN:
        if pattern.search(event.message):
            return kind, severity, remedy
    return "", "", ""


def _ago(seconds: float) -> str:
    """A duration as a person says it."""
    seconds = max(0.0, seconds)
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"
