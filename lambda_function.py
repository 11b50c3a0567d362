"""AWS Lambda's entry: builds what an action needs, takes it, and answers.

Only this file reads the environment and builds clients. The clients live as long as the process,
which Lambda keeps warm between invocations.
"""
# ruff: noqa: E402 (garbage collection is configured before anything is imported)

from __future__ import annotations

import gc
import logging
import os
import random
import time
import uuid
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

# By default Python looks for garbage after every 700 or 2,000 allocations: 3 % of a cold start,
# 6 % of the CPU of a run of 5,000 tasks, and at times a pause of 60 ms in the middle of it. A run
# leaves about 300 objects behind that only this look finds.
gc.set_threshold(50_000)

import discovery
from discovery import events, routing
from discovery.aws import clients, secrets, snapstart
from discovery.aws.task_lister import TaskLister
from discovery.deadline import Deadline
from discovery.errors import DiscoveryError
from discovery.model import Outcome
from discovery.probe.tcp import Prober
from discovery.settings import from_env
from discovery.store.client import ScriptClient, open_client
from discovery.store.credentials import SecretCredentials
from discovery.store.registry import Registry
from discovery.sync.report import answer, figures
from discovery.sync.rounds import Policy
from discovery.sync.run import Dependencies, dry_run, sync
from discovery.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from discovery.interfaces import Described
    from discovery.settings import ProcessSettings, ServiceSettings, Settings
    from discovery.store.registry import ScriptPart
    from discovery.sync.report import Report
    from discovery.wiring.diagnose import Parts as DiagnoseParts
    from discovery.wiring.history import Parts as HistoryParts
    from discovery.wiring.recycle import Parts

log = logging.getLogger("discovery")
# At DEBUG botocore logs whole answers, and the secret is one. That may not happen, whatever level
# Lambda's own log settings give the root logger.
logging.getLogger("botocore").setLevel(logging.WARNING)

# Seconds kept for the answer: Lambda must see it before its own limit.
MARGIN = 0.5

# Seconds over which the stacks of a cluster spread their listings after an event that all of them
# get at the same instant. All share one account's 100 calls in a burst and 20 a second.
SPREAD = 2.0


class Invocation(NamedTuple):
    """One invocation: its settings, and its times."""

    settings: Settings
    deadline: Deadline
    started: float  # on the deadline's clock
    at: float  # seconds since the epoch


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one event. Raises DiscoveryError, and Lambda then counts a failed invocation."""
    started, at = time.monotonic(), time.time()
    deadline = Deadline(started + context.get_remaining_time_in_millis() / 1000 - MARGIN)
    try:
        settings = from_env(os.environ)
        log.setLevel(settings.process.log_level)
        _log_version()
        invocation = Invocation(settings, deadline, started, at)
        return _answer(invocation, routing.route(events.parse(event), settings.service))
    except DiscoveryError as error:
        log.error("%s: %s", type(error).__name__, error)  # noqa: TRY400 (Lambda prints it)
        raise


@lru_cache(maxsize=1)
def _log_version() -> None:
    """Once for each process: the first line of a cold start."""
    log.info("ecs-task-discovery %s", discovery.__version__)


def _answer(invocation: Invocation, action: routing.Action) -> dict[str, Any]:
    if isinstance(action, routing.Ignore):
        log.info("ignored an event %s", action.reason)
        return {"outcome": Outcome.IGNORED.value, "reason": action.reason}
    if isinstance(action, routing.Status):
        return _status(invocation)
    if isinstance(action, routing.Recycle):
        from discovery.wiring import recycle  # noqa: PLC0415 (loaded if used)

        return recycle.answer(_parts(invocation), action.params)
    if isinstance(action, routing.Diagnose):
        from discovery.wiring import diagnose  # noqa: PLC0415 (loaded if used)

        return diagnose.answer(diagnose_parts(invocation), action.params)
    if isinstance(action, routing.History):
        from discovery.wiring import history  # noqa: PLC0415 (loaded if used)

        return history.answer(_history_parts(invocation), action.params)
    log.info("%s%s", action.reason, action.log_fields)
    report = _dry_run(invocation) if action.dry_run else _sync(invocation, action)
    result = answer(report, time.monotonic() - invocation.started)
    log.info("answered %s after %d ms", result["outcome"], result["duration_ms"])
    return result


def _status(invocation: Invocation) -> dict[str, Any]:
    status = dict(_registry(invocation).status())
    if invocation.settings.service.recycle:
        from discovery.wiring import recycle  # noqa: PLC0415 (loaded if used)

        status.update(recycle.status(_parts(invocation)))
    return {"outcome": Outcome.STATUS.value, "version": discovery.__version__, **status}


def _dry_run(invocation: Invocation) -> Report:
    return dry_run(_dependencies(invocation), _policy(invocation.settings.service))


def _sync(invocation: Invocation, action: routing.Sync) -> Report:
    service = invocation.settings.service
    report = (_sync_with_history if service.history else _sync_alone)(invocation, action)
    if service.recycle and report.outcome is Outcome.PUBLISHED:
        from discovery.wiring import recycle  # noqa: PLC0415 (loaded if used)

        # The last step: its waits take what is left of the time.
        recycle.after_sync(_parts(invocation), report, action.scheduled)
    return report


def _sync_with_history(invocation: Invocation, action: routing.Sync) -> Report:
    from discovery.wiring import history  # noqa: PLC0415 (loaded if used)

    part = collector = None
    if action.changed is not None:
        part = history.with_request(invocation.settings.service, action.changed)
    if action.scheduled:
        collector = history.before_listing(_history_parts(invocation))
    report = _sync_alone(invocation, action, part, collector)
    if collector is not None:
        history.after_sync(_history_parts(invocation), collector, report)
    return report


def _sync_alone(
    invocation: Invocation,
    action: routing.Sync,
    with_request: ScriptPart | None = None,
    described: Described | None = None,
) -> Report:
    # At most a tenth of the time that is left, so that the run keeps the rest.
    longest = min(SPREAD, invocation.deadline.left() / 10) if action.shared else 0.0
    try:
        report = sync(
            _dependencies(invocation, with_request, described),
            _policy(invocation.settings.service),
            action.stopping,
            action.new_task_ids,
            random.uniform(0, longest),  # noqa: S311
            action.full,
        )
    except DiscoveryError:
        _emit(invocation, {"Failed": 1})
        raise
    delay = None
    if action.happened_at and report.published_at:
        waited = max(0.0, invocation.at - action.happened_at)
        delay = waited + report.published_at - invocation.started
    _emit(invocation, figures(report, time.monotonic() - invocation.started, delay))
    return report


def _parts(invocation: Invocation) -> Parts:
    from discovery.wiring.recycle import Parts  # noqa: PLC0415 (loaded if used)

    policy = _policy(invocation.settings.service)
    return Parts(
        service=invocation.settings.service,
        client=_script_client(invocation.settings.process),
        registry=_registry(invocation),
        sync=lambda: sync(_dependencies(invocation), policy),
        dry_run=lambda: _dry_run(invocation),
        emit=lambda values: _emit(invocation, values),
        deadline=invocation.deadline,
        owner=_owner(),
    )


def diagnose_parts(invocation: Invocation) -> DiagnoseParts:
    from discovery.wiring.diagnose import Parts  # noqa: PLC0415 (loaded if used)

    # One round: why a task is left out is of now, and a diagnosis has other things to wait for.
    policy = replace(_policy(invocation.settings.service), rounds=1)
    return Parts(
        service=invocation.settings.service,
        deadline=invocation.deadline,
        registry=_registry(invocation),
        dry_run=lambda: dry_run(_dependencies(invocation), policy),
        history=_history_parts(invocation).stopped if invocation.settings.service.history else None,
    )


def _history_parts(invocation: Invocation) -> HistoryParts:
    from discovery.wiring.history import Parts as HistoryParts  # noqa: PLC0415 (loaded if used)

    process, service = invocation.settings
    return HistoryParts(service, _script_client(process), _task_lister(), invocation.deadline)


def _emit(invocation: Invocation, values: Mapping[str, float]) -> None:
    process, service = invocation.settings
    if process.metrics_namespace:
        names = (process.metrics_namespace, service.cluster_name, service.service_name)
        # CloudWatch reads metrics from what is printed.
        print(metrics.line(*names, invocation.at, values), flush=True)  # noqa: T201


def _dependencies(
    invocation: Invocation,
    with_request: ScriptPart | None = None,
    described: Described | None = None,
) -> Dependencies:
    service = invocation.settings.service
    return Dependencies(
        service=service.ref,
        lister=_task_lister(),
        registry=_registry(invocation, with_request),
        new_prober=lambda: Prober(service.connect_timeout, service.concurrency),
        deadline=invocation.deadline,
        sleep=time.sleep,
        described=described,
    )


def _policy(service: ServiceSettings) -> Policy:
    return Policy(
        rounds=service.rounds,
        interval=service.interval,
        panic_percent=service.panic_percent,
    )


def _registry(invocation: Invocation, with_request: ScriptPart | None = None) -> Registry:
    service = invocation.settings.service
    return Registry(
        _script_client(invocation.settings.process),
        service.key,
        service.key_prefix,
        service.key_ttl,
        service.calls_per_second,
        invocation.deadline,
        _owner(),
        with_request,
    )


# What follows lives as long as the process. Not every service needs EC2 and Secrets Manager.

# Of the lease. A process runs one invocation at a time.
_owner = lru_cache(maxsize=1)(lambda: uuid.uuid4().hex)


@lru_cache(maxsize=1)
def _task_lister() -> TaskLister:
    return TaskLister(clients.prepared(clients.ecs), clients.once(clients.ec2))


@lru_cache(maxsize=1)
def _script_client(process: ProcessSettings) -> ScriptClient:
    held = credentials(process)
    where = f"Redis at {process.redis_host}:{process.redis_port}"
    endpoint = (process.redis_host, process.redis_port, process.tls, process.redis_cluster)
    return ScriptClient(lambda: open_client(*endpoint, held), where, held)


def credentials(process: ProcessSettings) -> SecretCredentials | None:
    """The password for Redis, which is fetched when it is first needed; None: there is none."""
    arn = process.secret_arn
    if not arn:
        return None
    secrets_manager = clients.once(clients.secrets_manager)
    return SecretCredentials(lambda: secrets.fetch(secrets_manager, arn), arn)


snapstart.forget_on_restore(_owner, _task_lister, _script_client)
snapstart.prepare(_task_lister, os.environ)
