"""AWS Lambda's entry: builds what a run needs, runs it, and answers.

Only this file reads the environment and builds clients. They are kept while
Lambda keeps the process warm.
"""
# ruff: noqa: E402 (how garbage is collected is set before anything is imported)

from __future__ import annotations

import gc
import logging
import os
import random
import threading
import time
import uuid
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, TypeVar

# By default Python looks for garbage after every 700 or 2,000 allocations: 3 % of a cold start,
# 6 % of the CPU of a run of 5,000 tasks, and at times a stop of 60 ms in the middle of it. A run
# leaves some 300 objects behind that only this look finds.
gc.set_threshold(50_000)

import boto3
from botocore.config import Config

from discovery import events
from discovery.aws.errors import read_early
from discovery.aws.task_lister import WORKERS, Fleet
from discovery.deadline import Deadline
from discovery.errors import DiscoveryError
from discovery.model import Outcome
from discovery.probe.tcp import Pool
from discovery.settings import Settings, from_env
from discovery.store.client import Connection, open_client
from discovery.store.credentials import SecretCredentials
from discovery.store.registry import DryRun, Registry
from discovery.sync.report import answer, figures
from discovery.sync.run import Means, sync
from discovery.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping


T = TypeVar("T")
log = logging.getLogger("discovery")
# At DEBUG botocore logs whole answers, the secret's among them; whatever level Lambda's own
# log settings give the root logger, that may not happen.
logging.getLogger("botocore").setLevel(logging.WARNING)

# Kept for the answer, in seconds: Lambda must see it before its own limit.
MARGIN = 0.5

# Seconds over which the stacks of a cluster spread their listings after an event that all of them
# get at the same instant: all take their calls from one account's 100 in a burst and 20 a second.
SPREAD = 2.0

# botocore waits 60 s by default, twice the usual life of an invocation. Standard
# mode backs off with jitter; its token bucket ends retries when most calls fail.
AWS_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=WORKERS,
    user_agent="ecs-task-discovery",  # for CloudTrail; botocore would build its own on each call
)


class Clients(NamedTuple):
    """What outlives an invocation."""

    fleet: Fleet
    connection: Connection
    owner: str  # of the place at work: an environment runs one invocation at a time


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one event. Raises DiscoveryError, and Lambda then counts a failed invocation."""
    started, at = time.monotonic(), time.time()
    deadline = Deadline(started + context.get_remaining_time_in_millis() / 1000 - MARGIN)
    try:
        settings = from_env(os.environ)
        log.setLevel(settings.log_level)
        action = events.parse(event, settings)
        if isinstance(action, events.Ignore):
            log.info("ignored an event %s", action.reason)
            return {"outcome": Outcome.IGNORED.value, "reason": action.reason}
        if isinstance(action, events.Status):
            return {"outcome": Outcome.STATUS.value, **_registry(settings, deadline).status()}
        return _sync(settings, action, deadline, started, at)
    except DiscoveryError as error:
        log.error("%s: %s", type(error).__name__, error)  # noqa: TRY400 (Lambda prints it)
        raise


def _sync(
    settings: Settings, action: events.Sync, deadline: Deadline, started: float, at: float
) -> dict[str, Any]:
    log.info("%s%s", action.reason, action.history)
    means = Means(
        fleet=_clients(settings).fleet,
        registry=_registry(settings, deadline, DryRun if action.dry_run else Registry),
        pool=lambda: Pool(settings.port, settings.connect_timeout, settings.concurrency),
        deadline=deadline,
        sleep=time.sleep,
        rounds=settings.rounds,
        interval=settings.interval,
        panic_percent=settings.panic_percent,
        calls_per_second=settings.calls_per_second,
    )
    # A tenth of the time left, so that the run keeps its own.
    longest = min(SPREAD, deadline.left() / 10) if action.shared else 0.0
    try:
        report = sync(
            means,
            action.stopping,
            action.arrived,
            random.uniform(0, longest),  # noqa: S311
        )
    except DiscoveryError:
        _measure(settings, at, {"Failed": 1})
        raise
    duration = time.monotonic() - started
    if action.dry_run:
        report.outcome = Outcome.CHECKED
    else:
        delay = None
        if action.happened_at and report.published_at:
            delay = max(0.0, at - action.happened_at) + report.published_at - started
        _measure(settings, at, figures(report, duration, delay))
    told = answer(report, duration)
    log.info("answered %s after %d ms", told["outcome"], told["duration_ms"])
    return told


def _measure(settings: Settings, at: float, values: Mapping[str, float]) -> None:
    if settings.metrics_namespace:
        names = (settings.metrics_namespace, settings.cluster_name, settings.service_name)
        print(metrics.line(*names, at, values), flush=True)  # noqa: T201 (what CloudWatch reads)


def _registry(settings: Settings, deadline: Deadline, kind: type[Registry] = Registry) -> Registry:
    clients = _clients(settings)
    names = (settings.key, settings.stem, settings.key_ttl, settings.calls_per_second)
    return kind(clients.connection, *names, deadline, clients.owner)


_making = threading.Lock()


def _once(make: Callable[[], T]) -> Callable[[], T]:
    """Made when it is first needed, by one thread at a time, as boto3's session wants it."""
    made = lru_cache(maxsize=1)(make)

    def get() -> T:
        with _making:
            return made()

    return get


@lru_cache(maxsize=1)
def _clients(settings: Settings) -> Clients:
    ecs = _once(lambda: read_early(boto3.client("ecs", config=AWS_CONFIG)))
    # Not every service needs these two.
    ec2 = _once(lambda: boto3.client("ec2", config=AWS_CONFIG))
    secrets = _once(lambda: boto3.client("secretsmanager", config=AWS_CONFIG))
    credentials = SecretCredentials(secrets, settings.secret_arn) if settings.secret_arn else None
    return Clients(
        Fleet(ecs, ec2, settings.cluster, settings.service),
        Connection(
            lambda: open_client(
                settings.redis_host,
                settings.redis_port,
                settings.tls,
                settings.redis_cluster,
                credentials,
            ),
            f"Redis at {settings.redis_host}:{settings.redis_port}",
            credentials,
        ),
        uuid.uuid4().hex,
    )
