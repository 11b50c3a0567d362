"""From facts to findings: targets, the list, endpoints, certificates. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discovery.diagnose.findings import DEGRADED, FAILING, INFO, Finding
from discovery.model import RUNNING
from discovery.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from discovery.diagnose.facts import Facts
    from discovery.inspection import (
        CertificateView,
        HttpAnswer,
        ListView,
        TargetGroupView,
        TargetView,
    )
    from discovery.task_record import TaskRecord

# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
REASONS = {
    "Elb.RegistrationInProgress": "it is being registered",
    "Elb.InitialHealthChecking": "its first health checks are under way",
    "Target.ResponseCodeMismatch": "it answers the health check with a status that is not allowed",
    "Target.Timeout": "it does not answer the health check in time",
    "Target.FailedHealthChecks": "the connection to it fails, or it answers badly",
    "Elb.InternalError": "the load balancer has an error of its own",
    "Target.NotRegistered": "it is not registered",
    "Target.NotInUse": "no listener uses the target group, or its zone is not enabled",
    "Target.InvalidState": "its instance is stopped",
    "Target.IpUnusable": "its address belongs to a load balancer",
    "Target.DeregistrationInProgress": "it is being deregistered",
    "Target.HealthCheckDisabled": "health checks are off",
}
SLOW = 3.0  # seconds for an answer
WARN_DAYS, FAIL_DAYS = 30, 7  # left of a certificate
STALE = 180.0  # seconds; the schedule lists each minute
SETTLE = 60.0  # seconds in which a new task's registration is under way
MOST = 20  # targets or tasks named in evidence
_UNHEALTHY = ("unhealthy", "unhealthy.draining")


def targets(facts: Facts) -> Iterator[Finding]:
    """Each target is judged by what its task does: draining is normal for one that stops."""
    tasks = {each.address: each for each in facts.running or () if each.address}
    for group in facts.groups or ():
        yield from _bad(group, tasks)
        yield from _left_over(group, tasks, facts)
        yield from _unregistered(group, tasks, facts.now)


def _bad(group: TargetGroupView, tasks: dict[str, TaskRecord]) -> Iterator[Finding]:
    bad = [each for each in group.targets if each.state in _UNHEALTHY]
    healthy = sum(each.state == "healthy" for each in group.targets)
    if bad:
        why = REASONS.get(bad[0].reason, bad[0].description or bad[0].reason or "no reason given")
        yield Finding(
            DEGRADED if healthy else FAILING,
            "targets_unhealthy",
            f"{len(bad)} of {len(group.targets)} targets of {group.name} are unhealthy: "
            f"{one_line(why)}.",
            tuple(_target(each, tasks) for each in bad[:MOST]),
            "Look at what the task answers to the health check, and at its security group.",
        )
    lost = [each for each in group.targets if each.state == "unused"]
    if lost:
        why = REASONS.get(lost[0].reason, lost[0].reason)
        yield Finding(
            DEGRADED, "targets_unused",
            f"{len(lost)} targets of {group.name} get no requests: {one_line(why)}.",
            tuple(_target(each, tasks) for each in lost[:MOST]),
        )  # fmt: skip


def _left_over(
    group: TargetGroupView, tasks: dict[str, TaskRecord], facts: Facts
) -> Iterator[Finding]:
    if facts.running is None:
        return
    draining = [e for e in group.targets if e.state == "draining" and _runs(tasks.get(e.id))]
    if draining and not (facts.service and facts.service.deploying):
        yield Finding(
            DEGRADED, "targets_draining",
            f"{len(draining)} targets of {group.name} drain though their tasks run and nothing is "
            "being deployed.",
            tuple(_target(each, tasks) for each in draining[:MOST]),
            "Find what deregistered them, or replace the tasks.",
        )  # fmt: skip
    alone = [
        each
        for each in group.targets
        if each.state in ("healthy", *_UNHEALTHY)
        and each.id not in tasks
        and not each.id.startswith("i-")
    ]
    if alone:
        yield Finding(
            DEGRADED, "targets_without_task",
            f"{len(alone)} targets of {group.name} belong to no task of the service.",
            tuple(_target(each, tasks) for each in alone[:MOST]),
            "Deregister them, unless another service shares the target group.",
        )  # fmt: skip


def _unregistered(
    group: TargetGroupView, tasks: dict[str, TaskRecord], now: float
) -> Iterator[Finding]:
    known = {each.id for each in group.targets}
    if any(id.startswith("i-") for id in known):
        return
    lacking = [
        task
        for address, task in tasks.items()
        if address not in known and _runs(task) and now - (task.started or now) > SETTLE
    ]
    if lacking:
        yield Finding(
            DEGRADED, "tasks_without_target",
            f"{len(lacking)} running tasks are not registered with {group.name}.",
            tuple(f"{task.address} (task {task.id})" for task in lacking[:MOST]),
            "Look at the service's events for a failed registration.",
        )  # fmt: skip


def listing(facts: Facts) -> Iterator[Finding]:
    """The list: fresh, degraded, whom it lacks, and whom the load balancer sees otherwise."""
    view = facts.listed
    if view is None:
        return
    if view.age is None:
        yield Finding(
            FAILING, "list_missing", "The list has never been published.", (),
            "Invoke the function, and read its log if it fails.",
        )  # fmt: skip
    elif view.age > STALE:
        yield Finding(
            DEGRADED, "list_stale", f"The list is {view.age:.0f} s old.", (),
            "Look whether the schedule invokes the function, and read its log.",
        )  # fmt: skip
    if view.degraded:
        yield Finding(
            DEGRADED, "list_degraded",
            "So few tasks accept connections that the list keeps tasks that fail.", (),
            "Look at the tasks' ports, and at the security groups between function and tasks.",
        )  # fmt: skip
    if view.excluded:
        running = {each.id for each in facts.running or () if _runs(each)}
        left_out = [each for each in view.excluded if each.task in running]
        if left_out:
            yield Finding(
                DEGRADED, "list_lacks_tasks",
                f"{len(left_out)} running tasks are not in the list: {left_out[0].reason}.",
                tuple(f"{e.task} ({e.ip or 'no address'}): {e.reason}" for e in left_out[:MOST]),
            )  # fmt: skip
    yield from _against_targets(facts, view)


def _against_targets(facts: Facts, view: ListView) -> Iterator[Finding]:
    for group in facts.groups or ():
        if any(each.id.startswith("i-") for each in group.targets):
            continue
        states = {each.id: each.state for each in group.targets}
        ours = {each.address for each in facts.running or () if each.address}
        absent = sorted(
            id
            for id, state in states.items()
            if state == "healthy" and id in ours and id not in view.addresses
        )
        if absent:
            yield Finding(
                DEGRADED, "healthy_target_not_listed",
                f"{len(absent)} targets are healthy in {group.name} and not in the list.",
                tuple(absent[:MOST]),
                "Look whether HEALTH_CHECK_PORT is the targets' port, and whether the function "
                "may connect to it.",
            )  # fmt: skip
        wrong = sorted(id for id in view.addresses if states.get(id) in _UNHEALTHY)
        if wrong:
            yield Finding(
                DEGRADED, "listed_target_unhealthy",
                f"{len(wrong)} addresses are in the list and unhealthy in {group.name}.",
                tuple(wrong[:MOST]),
                "The list checks that a task accepts connections; the target group checks more.",
            )  # fmt: skip


def endpoints(facts: Facts) -> Iterator[Finding]:
    for each in facts.endpoints:
        yield _endpoint(each)
    for certificate in facts.certificates:
        yield _certificate(certificate)


def _endpoint(each: HttpAnswer) -> Finding:
    evidence = (f"{each.seconds * 1000:.0f} ms",)
    if each.fault:
        return Finding(
            FAILING, "endpoint_down", f"{each.url} does not answer: {each.fault}.", evidence,
            "Look at its name, its load balancer and its targets.",
        )  # fmt: skip
    if each.status >= 500:  # noqa: PLR2004 (the classes of HTTP statuses)
        return Finding(
            FAILING, "endpoint_fails", f"{each.url} answers {each.status}.", evidence,
            "Look at the errors in the logs, and at the targets.",
        )  # fmt: skip
    if each.status >= 400:  # noqa: PLR2004
        said = f"{each.url} answers {each.status}."
        return Finding(DEGRADED, "endpoint_refuses", said, evidence, "Correct HTTP_ENDPOINTS.")
    redirect = f", a redirect to {one_line(each.location, 200)}" if each.location else ""
    if each.seconds > SLOW:
        return Finding(
            DEGRADED, "endpoint_slow",
            f"{each.url} takes {each.seconds:.1f} s to answer {each.status}{redirect}.", evidence,
        )  # fmt: skip
    return Finding(INFO, "endpoint", f"{each.url} answers {each.status}{redirect}.", evidence)


def _certificate(each: CertificateView) -> Finding:
    where = f"{each.host}:{each.port}"
    evidence = tuple(
        filter(None, [each.issuer and f"issued by {each.issuer}", ", ".join(each.names[:MOST])])
    )
    if not each.connected:
        return Finding(
            FAILING, "certificate_unseen", f"{where} offers no TLS: {each.fault}.", evidence,
            "Look at its name, its load balancer and its listeners.",
        )  # fmt: skip
    left = "" if each.days is None else _left(each.days)
    if each.fault:
        said = f"The certificate of {where} is not valid: {each.fault}{left and f'; {left}'}."
        return Finding(
            FAILING, "certificate_invalid", said, evidence,
            "Install a certificate for this name, with its whole chain.",
        )  # fmt: skip
    severity = INFO
    if each.days is None or each.days < WARN_DAYS:
        severity = DEGRADED
    if each.days is not None and each.days < FAIL_DAYS:
        severity = FAILING
    return Finding(
        severity, "certificate" if severity == INFO else "certificate_expires",
        f"The certificate of {where}: {left or 'its end is not known'}.", evidence,
        "" if severity == INFO else "Renew it.",
    )  # fmt: skip


def _left(days: float) -> str:
    return f"it ended {-days:.0f} days ago" if days < 0 else f"it ends in {days:.1f} days"


def _runs(task: TaskRecord | None) -> bool:
    return task is not None and task.last_status == task.desired_status == RUNNING


def _target(target: TargetView, tasks: dict[str, TaskRecord]) -> str:
    task = tasks.get(target.id)
    of = f" (task {task.id})" if task else ""
    why = f", {target.reason}" if target.reason else ""
    return f"{target.id}:{target.port}{of}: {target.state}{why}"


def summed(targets: Sequence[TargetView]) -> dict[str, int]:
    """How many targets are in each state."""
    states = sorted({each.state for each in targets})
    return {state: sum(each.state == state for each in targets) for state in states}
