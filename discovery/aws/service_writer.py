"""What a recycle changes of a service. One attempt for each call, as every act may be repeated.

Raises ActionError; its `final` says that repeating the call would not help.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from botocore.exceptions import ClientError

from discovery.aws.errors import AwsFailure, explain
from discovery.aws.service_reader import DIMENSION, NAMESPACE
from discovery.errors import ActionError

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from types_boto3_ecs.client import ECSClient

    from discovery.model import ServiceRef
    from discovery.service import Suspended

# Codes that mean "not now": the account's budget, a conflict, the service's own fault.
_PASSING = frozenset(
    {
        "ThrottlingException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "ServerException",
        "InternalServiceException",
        "InternalFailure",
        "ServiceUnavailable",
        "ConcurrentUpdateException",
        "ConflictException",
        "UpdateInProgressException",
        "RequestTimeout",
    }
)
_SERVER_ERROR = 500


class ServiceWriter:
    """Changes one service, its tasks and its scaling."""

    def __init__(
        self,
        ecs: Callable[[], ECSClient],
        scaling: Callable[[], ApplicationAutoScalingClient],
        service: ServiceRef,
        resource_id: str,
    ) -> None:
        self._ecs, self._scaling = ecs, scaling
        self._service, self._resource_id = service, resource_id

    def set_desired(self, count: int) -> None:
        self._call(
            "ecs:UpdateService",
            lambda: self._ecs().update_service(
                cluster=self._service.cluster, service=self._service.service, desiredCount=count
            ),
        )

    def stop(self, task: str, reason: str) -> None:
        """Stop a task (id). A task that ECS no longer knows is stopped."""
        try:
            self._call(
                "ecs:StopTask",
                lambda: self._ecs().stop_task(
                    cluster=self._service.cluster, task=task, reason=reason
                ),
            )
        except ActionError as error:
            if not ("InvalidParameterException" in str(error) and "not found" in str(error)):
                raise

    def set_tag(self, arn: str, key: str, value: str) -> None:
        tags: Any = [{"key": key, "value": value}]
        self._call("ecs:TagResource", lambda: self._ecs().tag_resource(resourceArn=arn, tags=tags))

    def remove_tag(self, arn: str, key: str) -> None:
        self._call(
            "ecs:UntagResource",
            lambda: self._ecs().untag_resource(resourceArn=arn, tagKeys=[key]),
        )

    def set_scaling(self, maximum: int | None, suspended: Suspended) -> None:
        """Set the scalable target's maximum (None: it stays) and all three flags."""
        bounds: dict[str, Any] = {} if maximum is None else {"MaxCapacity": maximum}
        self._call(
            "application-autoscaling:RegisterScalableTarget",
            lambda: self._scaling().register_scalable_target(
                ServiceNamespace=NAMESPACE,
                ResourceId=self._resource_id,
                ScalableDimension=DIMENSION,
                SuspendedState={
                    "DynamicScalingInSuspended": suspended.scale_in,
                    "DynamicScalingOutSuspended": suspended.scale_out,
                    "ScheduledScalingSuspended": suspended.scheduled,
                },
                **bounds,
            ),
        )

    def _call(self, operation: str, call: Callable[[], Any]) -> None:
        try:
            call()
        except AwsFailure as error:
            raise ActionError(
                f"{operation} for {self._service} {explain(operation, error)}.", final=_final(error)
            ) from error


def _final(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return False
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code not in _PASSING and status < _SERVER_ERROR
