"""The service's tasks: ListTasks -> DescribeTasks -> addresses, page by page.

A page of ListTasks is a batch of DescribeTasks (both at most 100), so pages are
described as they come while the next is being listed. Of a service of one page
most are known before it is listed, and are described meanwhile. Whatever fails
raises: what was seen by then is no snapshot, and nobody may publish it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Callable, Optional

from discovery.aws import task_parser as described
from discovery.aws.errors import AwsFailure, explain
from discovery.aws.listing import Listing, Page
from discovery.errors import EcsError
from discovery.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from concurrent.futures import Future

    from types_boto3_ec2.client import EC2Client
    from types_boto3_ecs.client import ECSClient

    from discovery.deadline import Deadline
    from discovery.model import Task

    # What DescribeTasks says of tasks that will likely be listed, by ARN.
    Ahead = Optional[Future[dict[str, Any]]]

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
PAGE = 100
# Describing keeps pace with listing at about one call each; the rest is slack
# for slow answers. ECS's budget is one for the account: more would only drain it.
WORKERS = 8
# Seconds that the next listing goes before the description of what the last one told: the two
# take about as long, and reading a description (a hundred times longer) holds the page up that
# everything waits for. It is worth 7 % of the time of a run of 5,000 tasks.
HEAD_START = 0.002


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

    def pages(self, deadline: Deadline, expected: AbstractSet[str]) -> Iterator[Page]:
        """Begin to list; yields each page as soon as it is described, in any order.

        The tasks `expected` (ids), if they fit into one call, are described meanwhile; those
        of them that are listed need no call after it. Raises EcsError, when pages are taken,
        if any page, batch or address could not be had in time.
        """
        listing = Listing(self._pool, self._target)
        few = 0 < len(expected) <= PAGE
        ahead = self._pool.submit(self._ahead, sorted(expected)) if few else None
        listing.begin("ecs:ListTasks", self._list, listing, ahead)
        return listing.pages(deadline)

    @property
    def _target(self) -> str:
        return f"service {self._service} of cluster {self._cluster}"

    def _list(self, listing: Listing, ahead: Ahead, token: str | None = None) -> None:
        """List a page. What follows from it begins right here, as whoever takes pages is busy."""
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
        arns = self._part(answer, "ecs:ListTasks", "taskArns")
        if answer.get("nextToken"):
            listing.begin("ecs:ListTasks", self._list, listing, None, answer["nextToken"])
            listing.over.wait(HEAD_START)
        if arns:
            listing.begin("ecs:DescribeTasks (or EC2)", self._page, arns, ahead)

    def _ahead(self, ids: list[str]) -> dict[str, Any]:
        """Tasks by ARN, as far as they can be had: whatever fails is asked again when listed."""
        try:
            return {each["taskArn"]: each for each in self._described(ids)["tasks"]}
        except (EcsError, LookupError, TypeError):
            return {}

    def _page(self, arns: list[str], ahead: Ahead) -> Page:
        known = ahead.result() if ahead else {}
        rest = [arn for arn in arns if arn not in known]
        answer = self._described(rest) if rest else {"tasks": []}
        part = self._part(answer, "ecs:DescribeTasks", "tasks")
        failures = answer.get("failures") or []
        try:
            for failure in failures:
                if failure.get("reason") != "MISSING":
                    why = f"{failure.get('reason')} ({failure.get('detail')})"
                    raise EcsError(
                        f"ecs:DescribeTasks failed for {one_line(failure.get('arn'))} with "
                        f"{one_line(why)}: nothing is published"
                    )
            found = {each.get("taskArn"): each for each in part}
            told = found.keys() | {each.get("arn") for each in failures}
            missing = [described.id_of(failure.get("arn", "")) for failure in failures]
            found.update(known)
            tasks = [described.task(found[arn]) for arn in arns if arn in found]
        except (AttributeError, TypeError) as error:
            raise EcsError(
                f"ecs:DescribeTasks for {self._target} answered with what is no task ({error}): "
                "nothing is published; the next run tries again"
            ) from error
        if not told.issuperset(rest):
            raise EcsError(
                f"ecs:DescribeTasks left out {len(set(rest) - told)} of {len(rest)} tasks of "
                f"{self._target}: nothing is published; the next run tries again"
            )
        calls = 1 + (ahead is not None) + bool(rest)
        return Page(self._with_addresses(tasks), missing, calls)

    def _described(self, tasks: list[str]) -> Mapping[str, Any]:
        return self._call(
            "ecs:DescribeTasks",
            lambda **asked: self._ecs().describe_tasks(**asked),
            cluster=self._cluster,
            tasks=tasks,
        )

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
