"""EventBridge: the events that ECS sends, as AWS documents them, and their delivery."""

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from simulator.account import ACCOUNT, REGION
from simulator.described import TaskState, describe

Event = dict[str, Any]
R_co = TypeVar("R_co", covariant=True)

# An event names attachment types otherwise than DescribeTasks does.
_ATTACHMENT_TYPES = {"ElasticNetworkInterface": "eni", "ServiceConnect": "serviceconnect"}


class Events:
    """The events that ECS has sent and nobody has taken yet, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[Callable[[], Event]] = []

    def add(self, event: Callable[[], Event]) -> None:
        """Something has changed. The event itself is made when it is taken."""
        with self._lock:
            self._pending.append(event)

    def take(self) -> list[Event]:
        """Return those pending, and forget them."""
        with self._lock:
            taken, self._pending = self._pending, []
        return [event() for event in taken]

    def __len__(self) -> int:
        with self._lock:
            return len(self._pending)


class Invocable(Protocol[R_co]):
    """A Function, Environments, or anything else that takes an event."""

    def invoke(self, event: Event) -> R_co: ...


class Named(Protocol):
    """A service, as far as its events name it."""

    @property
    def arn(self) -> str: ...

    @property
    def cluster_arn(self) -> str: ...


def deliver(
    function: Invocable[R_co],
    events: Iterable[Event],
    rng: random.Random | None = None,
    duplicates: int = 0,
) -> list[R_co]:
    """Invoke a function with each event, as EventBridge does.

    EventBridge delivers at least once and in no order: with `rng` the events
    are shuffled, and `duplicates` of them, drawn at random, come twice.
    """
    rng_or_fixed = rng or random.Random(0)
    queue = list(events)
    queue += rng_or_fixed.choices(queue, k=duplicates) if queue else []
    if rng is not None:
        rng.shuffle(queue)
    return [function.invoke(event) for event in queue]


def task_state_change(task: TaskState) -> Event:
    """ECS Task State Change: the described task, less its health, with dates as text."""
    detail = describe(task) | {"updatedAt": task.updated_at}
    del detail["healthStatus"], detail["tags"]
    for name in [name for name in detail if name.endswith("At")]:
        detail[name] = _iso(detail[name], "milliseconds")
    for attachment in detail["attachments"]:
        attachment["type"] = _ATTACHMENT_TYPES[attachment["type"]]
    for container in detail["containers"]:
        del container["healthStatus"]
    event = _event("aws.ecs", "ECS Task State Change", [task.arn], detail, task.updated_at)
    # The same change is the same event, however often it is delivered.
    return event | {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{task.arn}/{task.version}"))}


def service_action(
    service: Named,
    name: str = "SERVICE_STEADY_STATE",
    kind: str = "INFO",
    at: float | None = None,
    **detail: Any,
) -> Event:
    """ECS Service Action: the scheduler's news; the service is in `resources` alone."""
    at = time.time() if at is None else at
    return _event(
        "aws.ecs",
        "ECS Service Action",
        [service.arn],
        {
            "eventType": kind,
            "eventName": name,
            "clusterArn": service.cluster_arn,
            "createdAt": _iso(at, "milliseconds"),
            **detail,
        },
        at,
    )


def deployment_state_change(
    service: Named,
    name: str = "SERVICE_DEPLOYMENT_COMPLETED",
    kind: str = "INFO",
    at: float | None = None,
    deployment: str = "ecs-svc/1234567890123456789",
    reason: str | None = None,
) -> Event:
    """ECS Deployment State Change: no cluster in the detail, no version either."""
    at = time.time() if at is None else at
    return _event(
        "aws.ecs",
        "ECS Deployment State Change",
        [service.arn],
        {
            "eventType": kind,
            "eventName": name,
            "deploymentId": deployment,
            "updatedAt": _iso(at, "milliseconds"),
            "reason": reason or f"ECS deployment {deployment} completed.",
        },
        at,
    )


def container_instance_state_change(
    cluster_arn: str, version: int = 1, at: float | None = None, **detail: Any
) -> Event:
    """ECS Container Instance State Change, by default of an instance that drains."""
    at = time.time() if at is None else at
    cluster = cluster_arn.rpartition("/")[2]
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/{cluster}/{uuid.uuid4().hex}"
    arn = detail.get("containerInstanceArn", arn)
    return _event(
        "aws.ecs",
        "ECS Container Instance State Change",
        [arn],
        {
            "agentConnected": True,
            "clusterArn": cluster_arn,
            "containerInstanceArn": arn,
            "ec2InstanceId": "i-0f3a8506b1c2d3e4f",
            "status": "DRAINING",
            "version": version,
            "versionInfo": {"agentVersion": "1.98.0", "dockerVersion": "DockerVersion: 25.0.13"},
            "updatedAt": _iso(at, "milliseconds"),
            **detail,
        },
        at,
    )


def scheduled(rule: str = "every-minute") -> Event:
    """Scheduled Event: what a rule with a schedule sends."""
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}"
    return _event("aws.events", "Scheduled Event", [arn], {})


def _event(
    source: str, kind: str, resources: list[str], detail: Event, at: float | None = None
) -> Event:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": _iso(time.time() if at is None else at, "seconds"),
        "region": REGION,
        "resources": resources,
        "detail": detail,
    }


def _iso(seconds: float, precision: str) -> str:
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{int(seconds % 1 * 1000):03d}Z" if precision == "milliseconds" else f"{text}Z"
