"""A deployment of a service: what its tasks run, and how far it has come."""

from dataclasses import dataclass
from typing import Literal

Rollout = Literal["IN_PROGRESS", "COMPLETED", "FAILED"]

IN_PROGRESS = "ECS deployment {id} in progress."
COMPLETED = "ECS deployment {id} completed."
FAILED = "ECS deployment circuit breaker: tasks failed to start."
ROLLING_BACK = "ECS deployment circuit breaker: rolling back to deploymentId {id}."


@dataclass
class Deployment:
    """A deployment. `id` is the startedBy of its tasks; times are in seconds since 1970."""

    id: str
    definition: str
    created_at: float
    updated_at: float
    rollout: Rollout = "IN_PROGRESS"
    reason: str = ""
    status: Literal["PRIMARY", "ACTIVE"] = "PRIMARY"
    failed: int = 0
    """Consecutive failures to start; counted until the first of its tasks is well."""
    proved: bool = False
    """Whether one of its tasks was ever well."""

    def becomes(self, rollout: Rollout, reason: str, at: float) -> None:
        """Go over to another rollout state."""
        self.rollout, self.reason, self.updated_at = rollout, reason.format(id=self.id), at

    def failure(self) -> None:
        """One of its tasks did not come to be well."""
        if not self.proved:
            self.failed += 1

    def success(self) -> None:
        """One of its tasks is well."""
        self.failed, self.proved = 0, True


def threshold(desired: int) -> int:
    """The failures at which the circuit breaker acts: half of the tasks, from 3 to 200.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    return max(3, min(200, (desired + 1) // 2))
