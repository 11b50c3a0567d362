"""One service or many: all but the logs first, then the logs of those that are not well."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import lambda_function
from discovery.cli import aws, environment
from discovery.diagnose.findings import DEGRADED, FAILING, INFO, Finding
from discovery.errors import SettingsError
from discovery.wiring import diagnose as wiring

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from discovery.cli.environment import Target
    from discovery.deadline import Deadline
    from discovery.diagnose.request import Request

log = logging.getLogger("discovery.cli")

# Services at a time. Each makes about ten calls; ECS grants an account 20 a second.
AT_ONCE = 4


class Diagnosis(NamedTuple):
    """What was found at a service: the contract's answer."""

    service: str
    answer: dict[str, Any]


def targets(named: list[str], env: Mapping[str, str]) -> list[Target]:
    """The services to look at, with their settings. Raises SettingsError or UnseenError."""
    wanted = environment.services(named, env)
    if wanted is None:
        cluster = environment.cluster(env)
        log.info("listing the services of %s", cluster)
        wanted = aws.services(cluster)
        if not wanted:
            raise SettingsError(f"The cluster {cluster} has no services: name another one.")
    return [environment.target(each, env, alone=len(wanted) == 1) for each in wanted]


def diagnose(targets: Sequence[Target], request: Request, deadline: Deadline) -> list[Diagnosis]:
    """A diagnosis of each service.

    Of several, the logs are read one service after the other, and only of those that are degraded
    or failing: FilterLogEvents has 5 calls a second in some Regions.
    """
    without_logs = tuple(each for each in request.checks if each != "logs")
    if len(targets) == 1 or without_logs in (request.checks, ()):
        at_once = AT_ONCE if without_logs == request.checks else 1
        return _each(targets, request, deadline, at_once)
    first = _each(targets, request._replace(checks=without_logs), deadline, AT_ONCE)
    found = []
    for target, diagnosis in zip(targets, first):
        if diagnosis.answer["verdict"] in (DEGRADED, FAILING):
            log.info("%s is %s: reading its logs", target.name, diagnosis.answer["verdict"])
            found.append(_one(request, deadline, target))
        else:
            found.append(diagnosis)
    return found


def parts(target: Target, deadline: Deadline) -> wiring.Parts:
    """What a diagnosis of the service works with."""
    now = time.monotonic()
    invocation = lambda_function.Invocation(target.settings, deadline, now, time.time())
    held = lambda_function.diagnose_parts(invocation)
    return held._replace(registry=None, dry_run=None) if target.no_list else held


def _each(
    targets: Sequence[Target], request: Request, deadline: Deadline, at_once: int
) -> list[Diagnosis]:
    threads = ThreadPoolExecutor(at_once, "services")
    try:
        return list(threads.map(partial(_one, request, deadline), targets))
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _one(request: Request, deadline: Deadline, target: Target) -> Diagnosis:
    answer = wiring.diagnose(parts(target, deadline), request)
    if target.no_list and "list" in request.checks:
        answer["findings"].append(_no_list(target.no_list)._asdict())
    return Diagnosis(target.name, answer)


def _no_list(why: str) -> Finding:
    """Nobody expects a list here, so a service may be healthy without one."""
    return Finding(
        INFO,
        "list_not_seen",
        f"The list in Redis was not looked at: {why}.",
        (),
        "Set REDIS_HOST and REDIS_KEY for the service of ECS_SERVICE_NAME, or add --skip list.",
    )
