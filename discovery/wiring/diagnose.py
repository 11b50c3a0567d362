"""A diagnosis, put together. Loaded when one is wanted."""

from __future__ import annotations

import logging
import time
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Callable, NamedTuple
from urllib.parse import urlsplit

from discovery.aws import clients
from discovery.aws.inspector import Inspector
from discovery.aws.log_reader import PAGES, LogReader
from discovery.diagnose import render
from discovery.diagnose import request as requests
from discovery.diagnose.collect import collect
from discovery.diagnose.look import Sources
from discovery.errors import DiagnoseError
from discovery.inspection import ListedTask, ListView
from discovery.probe import http, tls

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from discovery.deadline import Deadline
    from discovery.diagnose.facts import Facts
    from discovery.settings import ServiceSettings
    from discovery.store.registry import Registry
    from discovery.sync.report import Report
    from discovery.task_record import TaskRecord

log = logging.getLogger("discovery.diagnose")

# Seconds kept for the checks and the answer, and besides for each group of errors that may be in
# it: with 256 MB its masking takes 0.5 to 5 ms, by its length.
RENDERING, GROUP = 1.0, 0.004
HTTPS = 443


class Parts(NamedTuple):
    """What an invocation, or the command line, lends to a diagnosis."""

    service: ServiceSettings
    deadline: Deadline
    # None where there is no Redis. The dry run is of one round.
    registry: Registry | None = None
    dry_run: Callable[[], Report] | None = None
    # The recorded tasks that stopped after a time, in seconds since the epoch.
    history: Callable[[float], Iterable[TaskRecord]] | None = None
    now: Callable[[], float] = time.time


def answer(parts: Parts, params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a manual diagnose event. Raises DiscoveryError."""
    if not parts.service.diagnose:
        raise DiagnoseError(
            "Diagnosing is not allowed here: deploy with AllowDiagnose=true, which sets "
            "DIAGNOSE=true and grants the role's further actions. Nothing was read."
        )
    result = diagnose(parts, requests.request(params))
    log.info("diagnosed: %s, %d findings", result["verdict"], len(result["findings"]))
    return result


def diagnose(parts: Parts, request: requests.Request) -> dict[str, Any]:
    return render.answer(look(parts, request))


def look(parts: Parts, request: requests.Request) -> Facts:
    """The facts, before anything is concluded from them."""
    groups = request.limit if "logs" in request.checks else 0
    kept = RENDERING + min(GROUP * groups, parts.deadline.left() / 4)
    deadline = parts.deadline.earlier(kept)
    service = parts.service
    return collect(
        Sources(
            inspector=inspector(service),
            logs=log_reader(deadline),
            listed=partial(_listed, parts.registry, parts.dry_run) if parts.registry else None,
            history=parts.history,
            http=lambda url: http.probe(url, deadline),
            certificate=lambda host, port: tls.probe(host, port, deadline),
            urls=service.http_endpoints,
            hosts=_hosts(service),
            log_group=partial(log_group, service),
            deadline=deadline,
            now=parts.now,
        ),
        request,
    )


def log_group(service: ServiceSettings, family: str) -> str:
    """The log group of a family whose definition names none; "": LOG_PATTERN names none either."""
    return service.log_pattern.format(
        service=service.service_name, cluster=service.cluster_name, family=family
    )


def inspector(service: ServiceSettings) -> Inspector:
    return Inspector(_once("ecs_reader"), _once("elbv2"), service.ref)


def log_reader(deadline: Deadline, pages: int = PAGES) -> LogReader:
    return LogReader(_logs, deadline, time.sleep, pages)


def _listed(registry: Registry, dry_run: Callable[[], Report] | None) -> ListView:
    """The list, and why a task is not on it."""
    status = registry.status()
    report = dry_run() if dry_run else None
    decision = report.decision if report else None
    return ListView(
        addresses=frozenset(each["ip"] for each in status["tasks"]),
        age=status["age_seconds"],
        degraded=status["degraded"],
        excluded=tuple(
            ListedTask(each.task, each.ip or "", each.reason)
            for each in (decision.excluded if decision else ())
        ),
    )


def _hosts(service: ServiceSettings) -> tuple[tuple[str, int], ...]:
    """Whose certificates are looked at: the domains, and the endpoints with https."""
    found: dict[tuple[str, int], None] = {}
    for each in service.domain:
        host, _, port = each.partition(":")
        found[host, int(port or HTTPS)] = None
    for url in service.http_endpoints:
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            found[parts.hostname, parts.port or HTTPS] = None
    return tuple(found)


@cache
def _once(name: str) -> Callable[[], Any]:
    return clients.once(getattr(clients, name))


@cache
def _logs_once(region: str) -> Callable[[], Any]:
    return clients.once(partial(clients.logs, region))


def _logs(region: str) -> Any:
    return _logs_once(region)()
