"""What ECS and Application Auto Scaling say of a service, apart from its tasks. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Deployment(NamedTuple):
    """One of the service's deployments."""

    id: str
    status: str  # PRIMARY, ACTIVE or INACTIVE
    rollout: str  # IN_PROGRESS, COMPLETED, FAILED, or "" where ECS does not roll out itself
    failed_tasks: int  # consecutive failures to start
    reason: str = ""


class ServiceEvent(NamedTuple):
    """One message of the service's event list."""

    at: float  # seconds since the epoch
    message: str


@dataclass(frozen=True)
class ServiceView:
    """One service as DescribeServices describes it."""

    arn: str
    status: str  # ACTIVE, DRAINING or INACTIVE
    desired: int
    running: int
    pending: int
    daemon: bool
    controller: str  # ECS, CODE_DEPLOY or EXTERNAL
    deployments: tuple[Deployment, ...]  # newest first
    events: tuple[ServiceEvent, ...]  # newest first, at most 100
    target_groups: tuple[str, ...]  # ARNs
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def primary(self) -> Deployment | None:
        return next((each for each in self.deployments if each.status == "PRIMARY"), None)

    @property
    def deploying(self) -> bool:
        return len(self.deployments) != 1 or self.deployments[0].rollout == "IN_PROGRESS"

    @property
    def impaired(self) -> bool:
        """Whether ECS delays starts, as tasks failed to start again and again.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html
        """
        for event in self.events:
            if "has reached a steady state" in event.message:
                return False
            if "unable to consistently start tasks" in event.message:
                return True
        return False


class Suspended(NamedTuple):
    """What Application Auto Scaling may not do for now."""

    scale_in: bool = False
    scale_out: bool = False
    scheduled: bool = False


class Scaling(NamedTuple):
    """A service's scalable target."""

    minimum: int
    maximum: int
    suspended: Suspended
