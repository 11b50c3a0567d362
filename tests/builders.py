"""Builders of what the product takes in: settings, ECS's events, tasks, what Redis holds.

The events are those of AWS's documentation, with names of our own:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.events import parse
from discovery.model import Decision, Endpoint, Entry, Probe, PublishedState, Snapshot, Task
from discovery.routing import Action, route
from discovery.settings import Settings, from_env
from discovery.sync.decide import decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

CLUSTER, SERVICE = "arcade", "lobby"
ACCOUNT, REGION = "111122223333", "us-west-2"
ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
CLUSTER_ARN = f"{ECS}:cluster/{CLUSTER}"
SERVICE_ARN = f"{ECS}:service/{CLUSTER}/{SERVICE}"
TASK_ID = "c13b4cb40f1f4fe4a2971f76ae5a47ad"
NAME = "lobby:7"
PORT = 80

# lastStatus and desiredStatus of a task that does not run.
NOT_RUNNING = [
    ("PROVISIONING", "RUNNING"),
    ("PENDING", "RUNNING"),
    ("ACTIVATING", "RUNNING"),
    ("RUNNING", "STOPPED"),
    ("DEACTIVATING", "STOPPED"),
    ("STOPPING", "STOPPED"),
    ("DEPROVISIONING", "STOPPED"),
    ("STOPPED", "STOPPED"),
    ("STOPPED", "RUNNING"),
]

# Just what is required.
ENV = {
    "ECS_CLUSTER_NAME": CLUSTER,
    "ECS_SERVICE_NAME": SERVICE,
    "REDIS_HOST": "redis.internal",
    "REDIS_KEY": "ecs:task:iplist",
}


def settings(**variables: str) -> Settings:
    return from_env(ENV | variables)


def routed(event: Any, **variables: str) -> Action:
    """The action for an event, with settings that differ from the required ones in these."""
    return route(parse(event), settings(**variables).service)


def envelope(kind: str, resources: list[str], detail: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "9bcdac79-b31f-4d3d-9410-fbd727c29fab",
        "detail-type": kind,
        "source": "aws.ecs",
        "account": ACCOUNT,
        "time": "2026-11-22T16:41:06Z",
        "region": REGION,
        "resources": resources,
        "detail": dict(detail),
    }


def task_change(
    last: str = "RUNNING", desired: str = "RUNNING", cluster: str = CLUSTER, **detail: Any
) -> dict[str, Any]:
    """An ECS Task State Change of a Fargate task of our service; `detail` has the last word."""
    arn = f"{ECS}:task/{cluster}/{TASK_ID}"
    eni = {
        "subnetId": "subnet-abcd1234",
        "networkInterfaceId": "eni-abcd1234",
        "macAddress": "0a:98:eb:a7:29:ba",
        "privateIPv4Address": "10.0.0.139",
    }
    attachment = "1789bcae-ddfb-4d10-8ebe-8ac87ddba5b8"
    container = {
        "containerArn": f"{ECS}:container/{cluster}/{TASK_ID}/cf159fd6-3e3f-4a9e-84f9-66cbe726af01",
        "lastStatus": last,
        "name": "lobby",
        "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/lobby:latest",
        "runtimeId": f"{TASK_ID}-1527056392",
        "taskArn": arn,
        "networkInterfaces": [{"attachmentId": attachment, "privateIpv4Address": "10.0.0.139"}],
        "cpu": "0",
    }
    shape = {
        "attachments": [
            {"id": "8d2a", "type": "serviceconnect", "status": "ATTACHED", "details": []},
            {
                "id": attachment,
                "type": "eni",
                "status": "ATTACHED",
                "details": [{"name": name, "value": value} for name, value in eni.items()],
            },
        ],
        "availabilityZone": "us-west-2c",
        "clusterArn": f"{ECS}:cluster/{cluster}",
        "connectivity": "CONNECTED",
        "connectivityAt": "2026-11-22T16:40:37.966Z",
        "containers": [container],
        "cpu": "256",
        "createdAt": "2026-11-22T16:40:31.101Z",
        "desiredStatus": desired,
        "enableExecuteCommand": False,
        "group": f"service:{SERVICE}",
        "lastStatus": last,
        "launchType": "FARGATE",
        "memory": "512",
        "overrides": {"containerOverrides": [{"name": "lobby"}]},
        "platformVersion": "1.4.0",
        "startedBy": "ecs-svc/1234567890123456789",
        "taskArn": arn,
        "taskDefinitionArn": f"{ECS}:task-definition/{NAME}",
        "updatedAt": "2026-11-22T16:41:06.976Z",
        "version": 3,
    }
    if desired == "STOPPED":
        shape["stopCode"] = "ServiceSchedulerInitiated"
        shape["stoppedReason"] = "Scaling activity initiated by (deployment ecs-svc/1234567890)"
    return envelope("ECS Task State Change", [arn], shape | detail)


def service_action(service: str = SERVICE_ARN, **detail: Any) -> dict[str, Any]:
    """An ECS Service Action: the service is in `resources`, the cluster in the detail."""
    shape = {
        "eventType": "INFO",
        "eventName": "SERVICE_STEADY_STATE",
        "clusterArn": CLUSTER_ARN,
        "createdAt": "2026-11-22T19:27:22.695Z",
    }
    return envelope("ECS Service Action", [service], shape | detail)


def deployment_change(service: str = SERVICE_ARN, **detail: Any) -> dict[str, Any]:
    """An ECS Deployment State Change: service and cluster are in `resources` alone."""
    shape = {
        "eventType": "INFO",
        "eventName": "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "deploymentId": "ecs-svc/1234567890123456789",
        "updatedAt": "2026-11-22T11:11:11Z",
        "reason": "ECS deployment ecs-svc/1234567890123456789 in progress.",
    }
    return envelope("ECS Deployment State Change", [service], shape | detail)


def instance_change(cluster: str = CLUSTER, **detail: Any) -> dict[str, Any]:
    """An ECS Container Instance State Change, of an instance that drains."""
    arn = f"{ECS}:container-instance/{cluster}/b54a2a04046f4331a9d74481e8a3e0d3"
    shape = {
        "agentConnected": True,
        "clusterArn": f"{ECS}:cluster/{cluster}",
        "containerInstanceArn": arn,
        "ec2InstanceId": "i-f3a8506b",
        "registeredResources": [{"name": "CPU", "type": "INTEGER", "integerValue": 2048}],
        "remainingResources": [{"name": "CPU", "type": "INTEGER", "integerValue": 1988}],
        "status": "DRAINING",
        "version": 14801,
        "versionInfo": {"agentHash": "aebcbca", "agentVersion": "1.98.0"},
        "updatedAt": "2026-11-22T16:41:06.991Z",
    }
    return envelope("ECS Container Instance State Change", [arn], shape | detail)


def scheduled() -> dict[str, Any]:
    """What an EventBridge rule with a schedule sends."""
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/every-minute"
    return envelope("Scheduled Event", [rule], {}) | {"source": "aws.events"}


def nested(depth: int) -> list[Any]:
    """A list in a list in a list."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def task(
    id: str,
    ip: str | None,
    last: str = "RUNNING",
    desired: str = "RUNNING",
    health: str = "UNKNOWN",
    created_at: float = 0.0,
) -> Task:
    endpoint = Endpoint(ip, PORT) if ip else None
    return Task(id, NAME, last, desired, health, endpoint, created_at=created_at)


def snapshot(*tasks: Task, missing: Iterable[str] = ()) -> Snapshot:
    return Snapshot(tasks, frozenset(missing), calls=2)


def entries(**ips: str) -> dict[str, Entry]:
    """Listed entries: entries(a="10.0.0.1")."""
    return {id: entry(ip) for id, ip in ips.items()}


def entry(ip: str, name: str = NAME, port: int = PORT) -> Entry:
    return Entry(Endpoint(ip, port), name)


def held(withdrawn: Iterable[str] = (), **ips: str) -> PublishedState:
    """The published state: in held(a="10.0.0.1") task `a` is listed."""
    return PublishedState(1, 1, entries(**ips), frozenset(withdrawn))


def opened(*ips: str) -> dict[str, Probe]:
    """Probes, by address, that all found their port open."""
    return dict.fromkeys(ips, Probe.OPEN)


def decided(
    state: PublishedState,
    seen: Snapshot,
    probes: Mapping[str, Probe],
    before: AbstractSet[str] | None = None,
    last: bool = False,
    panic: float = 0.0,
) -> Decision:
    """The decision on a round: the first of several, if nothing else is said."""
    by_endpoint = {Endpoint(ip, PORT): probe for ip, probe in probes.items()}
    return decide(state, seen, by_endpoint, before, last, panic)


def why(decision: Decision) -> dict[str, str]:
    """The reasons by task."""
    return {each.task: each.reason for each in decision.excluded}
