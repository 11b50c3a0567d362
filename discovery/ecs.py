"""The service's tasks: ListTasks -> DescribeTasks -> addresses, page by page.

A page of ListTasks is a batch of DescribeTasks (both at most 100), so pages are
described as they come while the next is being listed. Whatever fails raises:
what was seen by then is no snapshot, and nobody may publish it.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    NamedTuple,
)

from discovery import described
from discovery.aws import AwsFailure, explain
from discovery.errors import EcsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_ec2.client import EC2Client
    from types_boto3_ecs.client import ECSClient

    from discovery.deadline import Deadline
    from discovery.model import Task

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
PAGE = 100
# Describing keeps pace with listing at about one call each; the rest is slack
# for slow answers. ECS's budget is one for the account: more would only drain it.
WORKERS = 8


class _Listed(NamedTuple):
    arns: list[str]
    next_token: str | None


class Page(NamedTuple):
    """The tasks of one page of the listing; `missing` are ids that ECS did not find."""

    tasks: list[Task]
    missing: list[str]


class Fleet:
    """The tasks that one service means to run."""

    def __init__(
        self,
        ecs: Callable[[], ECSClient],
        ec2: Callable[[], EC2Client],
        cluster: str,
        service: str,
    ) -> None:
        self._ecs, self._ec2, self._cluster, self._service = ecs, ec2, cluster, service
        self._pool = ThreadPoolExecutor(WORKERS, "ecs")

    def pages(self, deadline: Deadline) -> Iterator[Page]:
        """Yield each page as soon as it is described, in any order.

        Raises EcsError if any page, batch or address could not be had in time.
        """
        pending: dict[Future[_Listed | Page], str] = {}

        def begin(what: str, call: Callable[..., _Listed | Page], *args: Any) -> None:
            pending[self._pool.submit(call, *args)] = what

        begin("ecs:ListTasks", self._list, None)
        try:
            while pending:
                done, _ = wait(pending, deadline.left(), FIRST_COMPLETED)
                if not done:
                    raise EcsError(
                        f"{' and '.join(sorted(set(pending.values())))} for {self._target} did not "
                        "answer in the time left before the deadline: the list stays as it was; "
                        "raise the function's timeout, or see whether AWS is slow."
                    )
                for future in done:
                    del pending[future]
                    result = future.result()
                    if isinstance(result, Page):
                        yield result
                        continue
                    if result.next_token:
                        begin("ecs:ListTasks", self._list, result.next_token)
                    if result.arns:
                        begin("ecs:DescribeTasks (or EC2)", self._describe, result.arns)
        finally:
            for future in pending:
                future.cancel()

    @property
    def _target(self) -> str:
        return f"service {self._service} of cluster {self._cluster}"

    def _list(self, token: str | None) -> _Listed:
        more = {"nextToken": token} if token else {}
        answer = self._call(
            "ecs:ListTasks",
            lambda **asked: self._ecs().list_tasks(**asked),
            cluster=self._cluster,
            serviceName=self._service,
            desiredStatus="RUNNING",
            maxResults=PAGE,
            **more,
        )
        return _Listed(self._part(answer, "ecs:ListTasks", "taskArns"), answer.get("nextToken"))

    def _describe(self, arns: list[str]) -> Page:
        answer = self._call(
            "ecs:DescribeTasks",
            lambda **asked: self._ecs().describe_tasks(**asked),
            cluster=self._cluster,
            tasks=arns,
        )
        found = self._part(answer, "ecs:DescribeTasks", "tasks")
        failures = answer.get("failures", [])
        for failure in failures:
            if failure.get("reason") != "MISSING":
                raise EcsError(
                    f"ecs:DescribeTasks failed for {failure.get('arn')} with "
                    f"{failure.get('reason')} ({failure.get('detail')}): nothing is published"
                )
        told = {each.get("taskArn") for each in found} | {each.get("arn") for each in failures}
        if not told.issuperset(arns):
            raise EcsError(
                f"ecs:DescribeTasks left out {len(set(arns) - told)} of {len(arns)} tasks of "
                f"{self._target}: nothing is published; the next run tries again"
            )
        missing = [described.id_of(failure.get("arn", "")) for failure in failures]
        return Page(self._with_addresses([described.task(each) for each in found]), missing)

    def _with_addresses(self, tasks: list[Task]) -> list[Task]:
        """Ask EC2 for the addresses that the tasks themselves do not carry."""
        enis = sorted({task.eni for task in tasks if task.runs and not task.ip and task.eni})
        if not enis:
            return tasks
        # A filter, as one unknown id in NetworkInterfaceIds fails the whole call. A
        # page has at most 100 tasks and a filter takes 200 values.
        answer = self._call(
            "ec2:DescribeNetworkInterfaces",
            lambda **asked: self._ec2().describe_network_interfaces(**asked),
            Filters=[{"Name": "network-interface-id", "Values": enis}],
        )
        found = self._part(answer, "ec2:DescribeNetworkInterfaces", "NetworkInterfaces")
        addresses = {each.get("NetworkInterfaceId"): described.eni_address(each) for each in found}
        return [
            task._replace(ip=addresses.get(task.eni)) if task.eni in enis else task
            for task in tasks
        ]

    def _call(self, name: str, call: Callable[..., Any], **asked: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = call(**asked)
        except AwsFailure as error:
            raise EcsError(f"{name} for {self._target} {explain(error)}.") from error
        return answer

    def _part(self, answer: Mapping[str, Any], name: str, field: str) -> list[Any]:
        """A list that a whole answer always has: its absence is not emptiness."""
        part = answer.get(field)
        if not isinstance(part, list):
            raise EcsError(
                f"{name} for {self._target} answered without {field}: nothing is published; "
                "the next run tries again"
            )
        return part
