"""The service's tasks: ListTasks -> DescribeTasks -> addresses, page by page.

A page of ListTasks is a batch of DescribeTasks, as both hold at most 100 tasks. So each page is
described while the next one is listed:

    ListTasks 1 | ListTasks 2 | ListTasks 3 |
                | Describe  1 | Describe  2 | Describe 3 |

Tasks that Redis confirms need no description in most runs. Of the others, up to a page are known
before they are listed, from Redis and from the event. They are described while ListTasks is still
under way, and only what nobody knew after it:

    ListTasks 1          |
    prefetch (Describe)  | Describe the others |

If any call fails, the listing raises: the pages seen until then are no snapshot.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from discovery.aws.clients import CONNECTIONS
from discovery.aws.errors import AwsFailure, explain
from discovery.aws.listing import Listing
from discovery.aws.task_parser import arns_by_id, complete, eni_address, required_list
from discovery.deadline import result_by
from discovery.errors import EcsError
from discovery.model import Endpoint, Page
from discovery.text import last_segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from concurrent.futures import Future

    from types_boto3_ec2.client import EC2Client
    from types_boto3_ecs.client import ECSClient

    from discovery.deadline import Deadline
    from discovery.interfaces import Described
    from discovery.model import ServiceRef, Task

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
PAGE = 100
# Seconds by which the next ListTasks goes ahead of the description of the page before. Reading a
# description takes a hundred times longer than reading a page, and would delay the page that
# every later call waits for. This is worth 7 % of the time of a run of 5,000 tasks.
HEAD_START = 0.002


class Query(NamedTuple):
    """What a listing is of, for all its calls."""

    service: ServiceRef
    known: Mapping[str, Task]  # by id
    full: bool
    prefetched: Future[dict[str, Any]] | None  # raw tasks by ARN; None: nothing was prefetched


class TaskLister:
    """Lists the tasks that a service wants to run."""

    def __init__(self, ecs: Callable[[], ECSClient], ec2: Callable[[], EC2Client]) -> None:
        self._ecs, self._ec2 = ecs, ec2
        # Listing and describing need about one thread each. The others are for slow answers:
        # more would only use up the account's call budget.
        self._threads = ThreadPoolExecutor(CONNECTIONS, "ecs")

    def pages(
        self,
        service: ServiceRef,
        known: Mapping[str, Task],
        full: bool,
        expected: AbstractSet[str],
        deadline: Deadline,
        described: Described | None = None,
    ) -> Iterator[Page]:
        """Start a listing; yields tasks as soon as they are listed and described, in any order.

        The tasks `known` (by id) are described only in a full listing, and then only their status
        is news. The tasks `expected` (ids) are prefetched if they fit into one call. Raises
        EcsError, while pages are taken, if any page, batch or address cannot be had in time.
        `described` gets the descriptions of each page in the thread that has read them.
        """
        listing = Listing(self._threads, str(service), described)
        few = 0 < len(expected) <= PAGE
        ids = sorted(expected)
        prefetched = self._threads.submit(self._prefetch, service, ids) if few else None
        query = Query(service, known, full, prefetched)
        listing.start("ecs:ListTasks", self._list, listing, query)
        return listing.pages(deadline)

    def _list(self, listing: Listing, query: Query, next_token: str | None = None) -> Page:
        """List one page, and start the calls that follow from it; returns what needs none.

        They start in this thread, as the thread that takes the pages may be busy.
        """
        service, known, full, prefetched = query
        answer = _call(
            "ecs:ListTasks",
            service,
            lambda **params: self._ecs().list_tasks(**params),
            cluster=service.cluster,
            serviceName=service.service,
            desiredStatus="RUNNING",
            maxResults=PAGE,
            **({"nextToken": next_token} if next_token else {}),
        )
        arns = arns_by_id(service, answer)
        more = answer.get("nextToken")
        if more:
            listing.start("ecs:ListTasks", self._list, listing, query, more)
        others = [arn for id, arn in arns.items() if full or id not in known]
        if others:
            if more:
                listing.over.wait(HEAD_START)
            operation = "ecs:DescribeTasks (or EC2)"
            listing.start(operation, self._describe_page, listing, query, others)
        assumed = [] if full else [known[id] for id in arns if id in known]
        first = next_token is None
        return Page(assumed, [], 1 + (first and prefetched is not None))

    def _prefetch(self, service: ServiceRef, ids: list[str]) -> dict[str, Any]:
        """Raw tasks by ARN. What cannot be had is described again once it is listed."""
        try:
            return {each["taskArn"]: each for each in self._describe(service, ids)["tasks"]}
        except (EcsError, LookupError, TypeError):
            return {}

    def look_up(
        self, service: ServiceRef, ids: list[str], deadline: Deadline
    ) -> tuple[list[Mapping[str, Any]], list[str]]:
        """The descriptions of at most PAGE tasks, and the ids of those that ECS does not know.

        A task that fails in another way is in neither. Raises EcsError.
        """
        try:
            answer = result_by(deadline, self._threads.submit(self._describe, service, ids))
        except TimeoutError as error:
            raise EcsError(
                f"ecs:DescribeTasks for {service} did not answer in the time left before the "
                "deadline: the next run tries again"
            ) from error
        tasks = required_list(service, answer, "ecs:DescribeTasks", "tasks")
        failures = [each for each in answer.get("failures") or [] if isinstance(each, dict)]
        gone = [each.get("arn") for each in failures if each.get("reason") == "MISSING"]
        return tasks, [last_segment(arn) for arn in gone if isinstance(arn, str)]

    def _describe_page(self, listing: Listing, query: Query, arns: list[str]) -> Page:
        service = query.service
        early = query.prefetched.result() if query.prefetched else {}
        others = [arn for arn in arns if arn not in early]
        answer = self._describe(service, others) if others else {"tasks": []}
        tasks, missing = complete(service, arns, query.known, early, answer)
        if listing.described:
            listing.described([*(early[arn] for arn in arns if arn in early), *answer["tasks"]])
        return Page(self._with_addresses(service, tasks), missing, int(bool(others)))

    def _describe(self, service: ServiceRef, tasks: list[str]) -> Mapping[str, Any]:
        return _call(
            "ecs:DescribeTasks",
            service,
            lambda **params: self._ecs().describe_tasks(**params),
            cluster=service.cluster,
            tasks=tasks,
        )

    def _with_addresses(self, service: ServiceRef, tasks: list[Task]) -> list[Task]:
        """Look up in EC2 the addresses that the tasks themselves do not carry."""
        enis = sorted({t.eni for t in tasks if t.runs and not t.endpoint and t.eni})
        if not enis:
            return tasks
        # A filter, as one unknown id in NetworkInterfaceIds fails the whole call. A page has at
        # most 100 tasks, and a filter takes 200 values.
        operation = "ec2:DescribeNetworkInterfaces"
        answer = _call(
            operation,
            service,
            lambda **params: self._ec2().describe_network_interfaces(**params),
            Filters=[{"Name": "network-interface-id", "Values": enis}],
        )
        found = required_list(service, answer, operation, "NetworkInterfaces")
        hosts = {each.get("NetworkInterfaceId"): eni_address(each) for each in found}
        return [
            task._replace(endpoint=Endpoint(host, service.port))
            if (host := hosts.get(task.eni)) and task.eni in enis and not task.endpoint
            else task
            for task in tasks
        ]


def _call(
    operation: str, service: ServiceRef, call: Callable[..., Any], **params: Any
) -> Mapping[str, Any]:
    try:
        answer: Mapping[str, Any] = call(**params)
    except AwsFailure as error:
        raise EcsError(f"{operation} for {service} {explain(operation, error)}.") from error
    return answer
