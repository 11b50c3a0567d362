"""Elastic Load Balancing: target groups, and the health of the targets in them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.account import ACCOUNT, REGION
from simulator.clock import Clock
from simulator.gateway import Operation
from simulator.hosts import Hosts, Port
from simulator.wire import ApiError, to_xml

_ARN = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}"
_DESCRIPTIONS = {
    "Elb.RegistrationInProgress": "Target registration is in progress",
    "Elb.InitialHealthChecking": "Initial health checks in progress",
    "Target.FailedHealthChecks": "Health checks failed",
    "Target.Timeout": "Request timed out",
    "Target.ResponseCodeMismatch": "Health checks failed with these codes: [503]",
    "Target.DeregistrationInProgress": "Target deregistration is in progress",
    "Target.NotRegistered": "Target is not registered to the target group",
    "Target.NotInUse": "Target group is not configured to receive traffic from the load balancer",
    "Target.HealthCheckDisabled": "Health checks are not enabled for this target",
    "Elb.InternalError": "Health checks failed due to an internal error",
}


@dataclass(frozen=True)
class Health:
    """The TargetHealth of the API: a state and, but for `healthy`, a reason code."""

    state: str
    reason: str | None = None


_UNUSED = Health("unused", "Target.NotRegistered")
_DRAINING = Health("draining", "Target.DeregistrationInProgress")
_REGISTERING = Health("initial", "Elb.RegistrationInProgress")
_CHECKING = Health("initial", "Elb.InitialHealthChecking")
_BY_PORT: Mapping[Port, Health] = {
    "listens": Health("healthy"),
    "silent": Health("unhealthy", "Target.Timeout"),
    "closed": Health("unhealthy", "Target.FailedHealthChecks"),
}


@dataclass
class _Target:
    registered_at: float
    draining_since: float | None = None
    forced: Health | None = None


class TargetGroup:
    """A target group of one load balancer, whose targets are the tasks' addresses.

    A target is registered after `registration` seconds and judged after
    `checking` more: healthy if its port listens then and for as long as it
    does. It drains for `draining` seconds. Change the three any time.
    """

    registration, checking, draining = 2.0, 10.0, 5.0
    health_path = "/health"

    def __init__(self, name: str, hosts: Hosts, clock: Clock) -> None:
        self.name = name
        self.arn = f"{_ARN}:targetgroup/{name}/73e2d6bc24d8a067"
        self.port = hosts.port
        self.watchers: list[Callable[[], object]] = []
        self._hosts = hosts
        self._clock = clock
        self._targets: dict[str, _Target] = {}

    def register(self, address: str) -> None:
        """Register an address. Watchers are called when it is to be judged."""
        self._targets[address] = _Target(self._clock.now())
        self._clock.after(self.registration + self.checking, self._changed)

    def deregister(self, address: str) -> None:
        """Let an address drain; nothing happens if it does, or is not registered."""
        target = self._targets.get(address)
        if target is not None and target.draining_since is None:
            target.draining_since = self._clock.now()
            self._clock.after(self.draining, lambda: self._drained(address, target))

    def force(self, address: str, state: str, reason: str | None = None) -> None:
        """Give a registered address this state and reason, whatever its port does."""
        self._targets[address].forced = Health(state, reason)
        self._changed()

    def release(self, address: str) -> None:
        """Judge an address by its port again."""
        self._targets[address].forced = None
        self._changed()

    def addresses(self) -> list[str]:
        """The addresses registered, draining ones too, in the order they came."""
        return [each for each in list(self._targets) if self.health(each).state != "unused"]

    def health(self, address: str) -> Health:
        """The health of an address as of now."""
        now, target = self._clock.now(), self._targets.get(address)
        if target is None:
            return _UNUSED
        if target.draining_since is not None:
            return _DRAINING if now < target.draining_since + self.draining else _UNUSED
        if target.forced is not None:
            return target.forced
        judged_from = target.registered_at + self.registration
        if now < judged_from + self.checking:
            return _REGISTERING if now < judged_from else _CHECKING
        return _BY_PORT[self._hosts.port_at(address)]

    def _drained(self, address: str, target: _Target) -> None:
        if self._targets.get(address) is target:
            del self._targets[address]
        self._changed()

    def _changed(self) -> None:
        for watcher in self.watchers:
            watcher()


class TargetGroups:
    """The target groups of one account and region."""

    def __init__(self, hosts: Hosts, clock: Clock) -> None:
        self._hosts = hosts
        self._clock = clock
        self._by_arn: dict[str, TargetGroup] = {}

    def create(self, name: str) -> TargetGroup:
        """A target group; the existing one if there is one of this name."""
        made = TargetGroup(name, self._hosts, self._clock)
        return self._by_arn.setdefault(made.arn, made)

    def operations(self) -> Mapping[str, Operation]:
        """The operations this simulator knows."""
        return {
            "DescribeTargetHealth": self._describe_target_health,
            "DescribeTargetGroups": self._describe_target_groups,
            "DeregisterTargets": self._deregister_targets,
        }

    def _describe_target_health(self, parameters: Mapping[str, Any]) -> bytes:
        group = self._asked(parameters)
        wanted = [str(target["Id"]) for target in parameters.get("Targets", [])]
        found = [_described(group, address) for address in wanted or group.addresses()]
        return to_xml(
            "elasticloadbalancing", "DescribeTargetHealth", {"TargetHealthDescriptions": found}
        )

    def _describe_target_groups(self, parameters: Mapping[str, Any]) -> bytes:
        names = parameters.get("Names", [])
        groups = [self._found(arn) for arn in parameters.get("TargetGroupArns", [])]
        groups = groups or [e for e in self._by_arn.values() if not names or e.name in names]
        described = [
            {
                "TargetGroupArn": group.arn,
                "TargetGroupName": group.name,
                "Protocol": "HTTP",
                "Port": group.port,
                "VpcId": "vpc-0a1b2c3d4e5f60718",
                "HealthCheckProtocol": "HTTP",
                "HealthCheckPort": "traffic-port",
                "HealthCheckEnabled": True,
                "HealthCheckPath": group.health_path,
                "Matcher": {"HttpCode": "200"},
                "TargetType": "ip",
            }
            for group in groups
        ]
        return to_xml("elasticloadbalancing", "DescribeTargetGroups", {"TargetGroups": described})

    def _deregister_targets(self, parameters: Mapping[str, Any]) -> bytes:
        """Let targets drain. One without its port is not found, which is no error."""
        group = self._asked(parameters)
        for target in parameters.get("Targets", []):
            if target.get("Port") == str(group.port):
                group.deregister(target["Id"])
        return to_xml("elasticloadbalancing", "DeregisterTargets", {})

    def _asked(self, parameters: Mapping[str, Any]) -> TargetGroup:
        return self._found(parameters.get("TargetGroupArn", ""))

    def _found(self, arn: str) -> TargetGroup:
        if arn not in self._by_arn:
            raise ApiError("TargetGroupNotFound", "One or more target groups not found")
        return self._by_arn[arn]


def _described(group: TargetGroup, address: str) -> dict[str, Any]:
    health = group.health(address)
    return {
        "Target": {"Id": address, "Port": group.port, "AvailabilityZone": f"{REGION}a"},
        "HealthCheckPort": str(group.port),
        "TargetHealth": {
            "State": health.state,
            "Reason": health.reason,
            "Description": _DESCRIPTIONS.get(health.reason or ""),
        },
    }
