"""Application Auto Scaling: scalable targets, and a policy and actions that change a service."""

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulator.account import ACCOUNT, REGION
from simulator.ecs.control_plane import Ecs
from simulator.ecs.services import Service
from simulator.gateway import Operation
from simulator.wire import ApiError, to_json

_DIMENSION = "ecs:service:DesiredCount"
_PAGE = 50


@dataclass(frozen=True)
class Suspended:
    """What of a target's scaling is suspended: the three flags of SuspendedState."""

    scale_in: bool = False
    scale_out: bool = False
    scheduled: bool = False


_FLAGS = {
    "DynamicScalingInSuspended": "scale_in",
    "DynamicScalingOutSuspended": "scale_out",
    "ScheduledScalingSuspended": "scheduled",
}


class ScalableTarget:
    """A service that scales: within its bounds, unless it is suspended."""

    def __init__(self, service: Service, minimum: int, maximum: int, now: float) -> None:
        self.service = service
        self.minimum, self.maximum = minimum, maximum
        self.suspended = Suspended()
        self.created_at = now
        self.resource_id = f"service/{service.cluster.name}/{service.name}"
        digits = uuid.uuid5(uuid.NAMESPACE_URL, service.arn).hex
        self.arn = (
            f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/0ec5{digits}"
        )

    def clamp(self) -> None:
        """Move the service's desired count into the bounds."""
        self._becomes(self.service.desired)

    def wants(self, capacity: int) -> bool:
        """A policy wants this many tasks: whether it changed anything.

        Each direction may be suspended, and a deployment suspends scaling in.
        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html
        """
        capacity, desired = self._bounded(capacity), self.service.desired
        deploying = self.service.primary.rollout == "IN_PROGRESS"
        if capacity > desired and self.suspended.scale_out:
            return False
        if capacity < desired and (self.suspended.scale_in or deploying):
            return False
        return self._becomes(capacity)

    def scheduled(self, minimum: int | None = None, maximum: int | None = None) -> bool:
        """A scheduled action sets bounds, and with them the count: whether it acted."""
        if self.suspended.scheduled:
            return False
        self.minimum = self.minimum if minimum is None else minimum
        self.maximum = self.maximum if maximum is None else maximum
        self.clamp()
        return True

    def _bounded(self, capacity: int) -> int:
        return min(max(capacity, self.minimum), self.maximum)

    def _becomes(self, capacity: int) -> bool:
        capacity = self._bounded(capacity)
        if capacity == self.service.desired:
            return False
        self.service.announce("SERVICE_DESIRED_COUNT_UPDATED", desiredCount=capacity)
        self.service.scale(capacity)
        return True


class Policy:
    """Target tracking: as many tasks as share `load` so that each has at most `per_task`."""

    def __init__(self, target: ScalableTarget, per_task: float) -> None:
        self.target = target
        self.per_task = per_task
        self.load = target.service.desired * per_task

    def act(self) -> bool:
        """Scale to what the load needs now: whether anything changed."""
        return self.target.wants(math.ceil(self.load / self.per_task))


class Scaling:
    """The scalable targets of one account and region."""

    def __init__(self, ecs: Ecs) -> None:
        self._ecs = ecs
        self._targets: dict[str, ScalableTarget] = {}

    def register(self, service: Service, minimum: int, maximum: int) -> ScalableTarget:
        """Make a service scalable."""
        now = self._ecs.region.clock.now()
        made = ScalableTarget(service, minimum, maximum, now)
        self._targets[made.resource_id] = made
        made.clamp()
        return made

    def track(self, target: ScalableTarget, per_task: float, every: float | None = None) -> Policy:
        """A policy; with `every` it acts by itself, each so many seconds of the clock."""
        policy = Policy(target, per_task)
        if every is not None:
            self._repeat(policy, every)
        return policy

    def schedule(
        self,
        target: ScalableTarget,
        after: float,
        minimum: int | None = None,
        maximum: int | None = None,
    ) -> None:
        """A scheduled action, which acts so many seconds from now."""
        self._ecs.region.clock.after(after, lambda: target.scheduled(minimum, maximum))

    def operations(self) -> Mapping[str, Operation]:
        """The operations this simulator knows."""
        return {
            "DescribeScalableTargets": self._describe_scalable_targets,
            "RegisterScalableTarget": self._register_scalable_target,
        }

    def _repeat(self, policy: Policy, every: float) -> None:
        if policy.target.service.status == "ACTIVE":
            policy.act()
            self._ecs.region.clock.after(every, lambda: self._repeat(policy, every))

    def _describe_scalable_targets(self, parameters: Mapping[str, Any]) -> bytes:
        _check_namespace(parameters)
        wanted = parameters.get("ResourceIds", [])
        known = list(self._targets.values())
        found = [each for each in known if not wanted or each.resource_id in wanted]
        if parameters.get("ScalableDimension", _DIMENSION) != _DIMENSION:
            found = []
        size = parameters.get("MaxResults", _PAGE)
        start = _start(parameters)
        end = start + size
        more = {"NextToken": str(end)} if end < len(found) else {}
        return to_json({"ScalableTargets": [_written(each) for each in found[start:end]]} | more)

    def _register_scalable_target(self, parameters: Mapping[str, Any]) -> bytes:
        """Register or change a target; what is not given stays, the bounds hold at once."""
        _check_namespace(parameters)
        if parameters.get("ScalableDimension") != _DIMENSION:
            raise _invalid(f"Unsupported scalable dimension: {parameters.get('ScalableDimension')}")
        resource_id = parameters.get("ResourceId", "")
        with self._ecs.region.lock:
            known = self._targets.get(resource_id)
            service = self._service(resource_id)
            minimum = parameters.get("MinCapacity", known and known.minimum)
            maximum = parameters.get("MaxCapacity", known and known.maximum)
            if minimum is None or maximum is None:
                raise _invalid("MinCapacity and MaxCapacity are required for a new target")
            if minimum > maximum or minimum < 0:
                raise _invalid("Maximum capacity cannot be less than minimum capacity")
            now = self._ecs.region.clock.now()
            target = known or ScalableTarget(service, minimum, maximum, now)
            target.minimum, target.maximum = minimum, maximum
            target.suspended = _suspended(target.suspended, parameters.get("SuspendedState", {}))
            self._targets[resource_id] = target
            target.clamp()
        return to_json({"ScalableTargetARN": target.arn})

    def _service(self, resource_id: str) -> Service:
        kind, _, path = resource_id.partition("/")
        cluster, _, name = path.partition("/")
        home = self._ecs.clusters.get(cluster)
        service = home.services.get(name) if home and kind == "service" else None
        if service is None or service.status != "ACTIVE":
            raise _invalid(f"ECS service doesn't exist: {resource_id}")
        return service


def _check_namespace(parameters: Mapping[str, Any]) -> None:
    if parameters.get("ServiceNamespace") != "ecs":
        raise _invalid(f"Unsupported service namespace: {parameters.get('ServiceNamespace')}")


def _start(parameters: Mapping[str, Any]) -> int:
    token = parameters.get("NextToken", "0")
    if not token.isdecimal():
        raise ApiError("InvalidNextTokenException", "Invalid token")
    return int(token)


def _suspended(before: Suspended, given: Mapping[str, bool]) -> Suspended:
    """A flag that is not given stays. AWS does not document that, so give all three."""
    return replace(
        before, **{field: given[flag] for flag, field in _FLAGS.items() if flag in given}
    )


def _written(target: ScalableTarget) -> dict[str, Any]:
    return {
        "ServiceNamespace": "ecs",
        "ResourceId": target.resource_id,
        "ScalableDimension": _DIMENSION,
        "MinCapacity": target.minimum,
        "MaxCapacity": target.maximum,
        "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/"
        "ecs.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
        "CreationTime": target.created_at,
        "SuspendedState": {
            flag: getattr(target.suspended, field) for flag, field in _FLAGS.items()
        },
        "ScalableTargetARN": target.arn,
    }


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)
