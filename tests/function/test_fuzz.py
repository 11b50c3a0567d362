"""Random input causes only the planned errors, and no error repeats a secret."""

from __future__ import annotations

import json
from typing import Any

from builders import (
    CLUSTER_ARN,
    ECS,
    ENV,
    NAME,
    deployment_change,
    instance_change,
    routed,
    scheduled,
    service_action,
    task_change,
)
from hypothesis import given
from hypothesis import strategies as st
from junk import JUNK, TEXT, fuzz, garbled, mutated

from discovery.errors import InvalidEventError, SecretError, SettingsError
from discovery.model import (
    STOPPING_STATES,
    UNHEALTHY,
    Endpoint,
    Entry,
    Probe,
    PublishedState,
    Snapshot,
    Task,
)
from discovery.routing import Sync
from discovery.settings import from_env
from discovery.store.codec import published_state, render, status
from discovery.store.credentials import PASSWORD_KEYS, parse_secret
from discovery.sync.decide import decide

SECRET = "hunter2-Zx9"

EVENTS = mutated(
    task_change(),
    task_change("RUNNING", "STOPPED"),
    task_change("STOPPED", "STOPPED", cluster="casino"),
    task_change("STOPPED", "STOPPED", group="service:bar"),
    task_change("STOPPED", "STOPPED", group="family:lobby"),
    service_action(),
    service_action(f"{ECS}:service/arcade/bar"),
    deployment_change(),
    deployment_change(f"{ECS}:service/casino/lobby"),
    instance_change(),
    instance_change("casino"),
    scheduled(),
    {"action": "sync", "dry_run": True},
    {"action": "status"},
)


def is_ours(event: dict[str, Any]) -> bool:
    """Whether the contract allows this event to lead to a sync."""
    if "source" not in event and "detail-type" not in event:
        return event.keys() <= {"action", "dry_run"} and event.get("action", "sync") == "sync"
    if event["source"] == "aws.events":
        return bool(event["detail-type"] == "Scheduled Event")
    assert event["source"] == "aws.ecs"
    kind: str = event["detail-type"]
    cluster: str = event["detail"].get("clusterArn", "")
    in_cluster = cluster.rsplit("/", 1)[-1] == "arcade"
    if kind == "ECS Task State Change":
        return bool(in_cluster and event["detail"]["group"] == "service:lobby")
    if kind == "ECS Container Instance State Change":
        return in_cluster
    assert kind in ("ECS Service Action", "ECS Deployment State Change")
    named: str = event["resources"][0]
    if cluster:
        return in_cluster and named.endswith((":service/lobby", "/lobby"))
    return named.endswith((":service/lobby", ":service/arcade/lobby"))


@fuzz
@given(EVENTS)
def test_no_event_that_is_not_ours_leads_to_a_sync(event: Any) -> None:
    """An event leads to a sync, is ignored or raises InvalidEventError. It withdraws only its own
    task."""
    try:
        action = routed(event)
    except InvalidEventError as error:
        message = str(error)
        assert len(message) < 1000
        return
    if isinstance(action, Sync):
        assert is_ours(event)
        assert len(action.log_fields.splitlines()) <= 1
    if isinstance(action, Sync) and action.stopping:
        detail = event["detail"]
        assert detail["taskArn"].endswith(f"/{action.stopping}")
        assert detail["desiredStatus"] == "STOPPED" or detail["lastStatus"] in STOPPING_STATES


VARIABLES = (
    *ENV, "REDIS_PORT", "HEALTH_CHECK_PORT", "RETRY_COUNT", "RETRY_INTERVAL", "REDIS_TLS",
    "HEALTH_CHECK_TIMEOUT", "HEALTH_CHECK_CONCURRENCY", "PANIC_THRESHOLD_PERCENT", "LOG_LEVEL",
    "REDIS_CLUSTER", "REDIS_KEY_TTL", "METRICS_NAMESPACE",
)  # fmt: skip


@fuzz
@given(
    st.dictionaries(st.sampled_from(VARIABLES), TEXT, max_size=6),
    st.sampled_from(["", SECRET, f'{{"password":"{SECRET}"}}', f"{CLUSTER_ARN}{SECRET}"]),
)
def test_settings_are_valid_or_refused_by_name(env: dict[str, str], secret: str) -> None:
    """SettingsError names each invalid variable and never repeats a possible password."""
    try:
        found = from_env(ENV | env | {"REDIS_SECRET_ARN": secret})
    except SettingsError as error:
        message = str(error)
        assert any(name in message for name in (*env, "REDIS_SECRET_ARN"))
        assert SECRET not in message
    else:
        process, service = found
        assert 1 <= min(process.redis_port, service.port, service.rounds, service.concurrency)
        assert 0 <= service.interval <= 900 >= service.connect_timeout > 0
        assert service.cluster_name
        assert service.service_name
        assert service.key in (service.key_prefix, service.key_prefix[1:-1])


KEYS = st.sampled_from([*PASSWORD_KEYS, "username", "Password", "host", "engine"])
VALUES = st.sampled_from([SECRET, "", "discovery"]) | st.none() | st.integers(0, 9)
SECRETS = st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES, max_size=2)).map(json.dumps)


@fuzz
@given(garbled(SECRETS | st.just(SECRET)))
def test_a_secret_is_parsed_or_refused_without_being_repeated(text: str) -> None:
    """Law 7: SecretError and its chained exceptions hold none of the secret's values."""
    try:
        credentials = parse_secret(text, "arn")
    except SecretError as caught:
        error: BaseException | None = caught
        while error:
            assert SECRET not in f"{error}{vars(error)}"
            error = error.__cause__ or error.__context__
    else:
        assert all(credentials)
        assert all(each in text or each in json.loads(text).values() for each in credentials)


IDS = st.sampled_from("abcdef")
IPS = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.10", "fd00::1"])
LISTS = st.lists(
    mutated({"ip": "10.0.0.1", "task_name": NAME, "update_time": "", "status": "RUNNING"}),
    max_size=3,
).map(json.dumps)
ITEMS = st.tuples(st.just(80), st.integers(-1, 200), st.integers(-1, 200))
TASKS = st.dictionaries(IDS, IPS | JUNK, max_size=4).map(json.dumps)
SPANS = st.dictionaries(IDS, ITEMS | JUNK, max_size=4).map(json.dumps)
ENDPOINTS = st.builds(Endpoint, IPS, st.sampled_from([80, 8080]))
STATE = st.fixed_dictionaries(
    {},
    optional={
        "tasks": garbled(TASKS) | TEXT,
        "items": garbled(SPANS) | TEXT,
        **dict.fromkeys(("listing", "running", "healthy", "degraded", "observed_at"), TEXT),
    },
)


@fuzz
@given(st.none() | garbled(LISTS) | TEXT, STATE, st.lists(TEXT | IDS, max_size=3))
def test_damaged_stored_state_counts_as_absent(
    text: str | None, state: dict[str, str], withdrawn: list[str]
) -> None:
    """Any stored state can be read: the next list is valid, and `status` answers with plain
    JSON."""
    flat = [each for pair in state.items() for each in pair]
    before = published_state([1, text, flat, withdrawn, 10_000, 5])
    decision = decide(before, Snapshot((), frozenset("abc"), 2), {}, None, False, 0)
    assert [] == [
        item for item in json.loads(render(decision.entries, {}, "").text) if len(item) != 4
    ]
    json.dumps(status([1, text, flat, withdrawn, 10_000, 5]), allow_nan=False)


STATUSES = st.sampled_from(["RUNNING", "RUNNING", "RUNNING", "PENDING", "STOPPED"])
HEALTH = st.sampled_from(["UNKNOWN", "UNKNOWN", "HEALTHY", "UNHEALTHY"])
RUNS = st.builds(
    Task, IDS, st.just(NAME), STATUSES, STATUSES, HEALTH, ENDPOINTS | st.none(),
    created_at=st.integers(0, 3),
)  # fmt: skip
PUBLISHED_STATES = st.builds(
    PublishedState,
    st.just(1),
    st.just(1),
    st.dictionaries(IDS, st.builds(Entry, ENDPOINTS, st.just(NAME)), max_size=4),
    st.frozensets(IDS, max_size=2),
)


@fuzz
@given(
    PUBLISHED_STATES,
    st.lists(RUNS, max_size=5, unique_by=lambda task: task.id),
    st.frozensets(IDS, max_size=3),
    st.dictionaries(ENDPOINTS, st.sampled_from(Probe), max_size=4),
    st.none() | st.frozensets(IDS),
    st.booleans(),
    st.sampled_from([0.0, 50.0, 100.0]),
)
def test_every_decision_keeps_the_laws(
    published: PublishedState,
    tasks: list[Task],
    missing: frozenset[str],
    probes: dict[Endpoint, Probe],
    before: frozenset[str] | None,
    last: bool,
    panic: float,
) -> None:
    """Laws 4 and 5 hold, each address has one task, and each excluded task has a reason."""
    observed = {task.id: task for task in tasks}
    missing -= observed.keys()
    decision = decide(published, Snapshot(tuple(tasks), missing, 2), probes, before, last, panic)
    listed, reasons = decision.entries, {each.task for each in decision.excluded}

    assert not listed.keys() & published.withdrawn
    assert len({entry.endpoint for entry in listed.values()}) == len(listed)
    assert (reasons, set()) == (
        (observed.keys() | missing) - listed.keys(),
        reasons & listed.keys(),
    )
    taken = {entry.endpoint for entry in listed.values()}
    for id in published.entries.keys() - published.withdrawn - listed.keys():
        task = observed.get(id)
        if task and task.runs:
            every = last and (before is None or id in before)
            failed = (
                every and task.endpoint is not None and probes.get(task.endpoint, Probe.OPEN).failed
            )
            reused = (task.endpoint or published.entries[id].endpoint) in taken
            assert failed or task.health_status == UNHEALTHY or reused
        elif id in missing:
            assert published.entries[id].endpoint in taken
