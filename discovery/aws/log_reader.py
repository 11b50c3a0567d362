"""Log lines from CloudWatch Logs, page by page, within a budget of pages and a deadline.

AWS: FilterLogEvents is for people, with 5 to 25 calls a second for a whole account and Region.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

from discovery.aws.errors import AwsFailure
from discovery.aws.unseen import arn, call
from discovery.deadline import result_by
from discovery.inspection import UnseenError, unseen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_logs.client import CloudWatchLogsClient

    from discovery.deadline import Deadline
    from discovery.inspection import LogPlace

# Lines: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
PAGE = 10_000
PAGES = 400  # of FilterLogEvents in one diagnosis
PACE = 0.2  # seconds between two calls: the lowest quota is 5 a second
TRIES = 5  # of a page that is throttled, beside botocore's own
PAUSE = 1.0  # seconds before such a try
GETS = 5  # pages of GetLogEvents for one task's last lines
LOOK = 50  # lines between two looks at the clock: whoever takes them may be slow


class LogReader:
    """Reads log groups. Lives for one diagnosis: it counts its pages."""

    def __init__(
        self,
        client: Callable[[str], CloudWatchLogsClient],
        deadline: Deadline,
        sleep: Callable[[float], None],
        pages: int = PAGES,
    ) -> None:
        self._made, self._deadline, self._sleep = client, deadline, sleep
        self._pages = pages
        self._threads = ThreadPoolExecutor(1, "logs")
        self._called = -PACE
        self.truncated = ""  # why not all lines were read

    def window(
        self,
        place: LogPlace,
        streams: str,
        start: float,
        end: float,
        newest: bool = True,
        limit: int = PAGE,
    ) -> Iterator[tuple[int, str, str]]:
        """Each line as (ms, stream, text); the newest pages first, where the SDK can.

        `streams` is a prefix of their names, or "" for all. Without `newest` the oldest come
        first. `limit` is the most lines of a page. One that is empty and has a token is
        not the end. Raises UnseenError; sets `truncated` when budget or time end.
        """
        params: dict[str, Any] = {
            "logGroupName": place.group,
            "startTime": int(start * 1000),
            "endTime": int(end * 1000),
        }
        if streams:
            params["logStreamNamePrefix"] = streams
        newest = newest and newest_first(self._client(place, "logs:FilterLogEvents"))
        if newest:
            params["startFromHead"] = False
        if limit != PAGE:
            params["limit"] = limit
        while True:
            if not self._pages:
                self.truncated = f"the budget of {PAGES} pages is used up"
                return
            self._pages -= 1
            try:
                page = self._page(place, params)
            except TimeoutError:
                self.truncated = "the time is over"
                return
            events = page.get("events") or []
            # Within a page the lines go in the order of their time, so that tracebacks join.
            for number, event in enumerate(sorted(events, key=_time)):
                if not number % LOOK and not self._deadline.left():
                    self.truncated = "the time is over"
                    return
                yield event["timestamp"], event["logStreamName"], event["message"]
            if not page.get("nextToken"):
                return
            params["nextToken"] = page["nextToken"]

    def _client(self, place: LogPlace, action: str) -> CloudWatchLogsClient:
        """Raises UnseenError, as the Region is whatever the task definition says."""
        try:
            return self._made(place.region)
        except (*AwsFailure, ValueError) as error:
            raise unseen(error, action, f"{place.group} in the Region {place.region}") from error

    def _page(self, place: LogPlace, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """A page; a throttled one is tried again. Raises UnseenError or TimeoutError."""
        client = self._client(place, "logs:FilterLogEvents")
        resource = arn(client, "logs", f"log-group:{place.group}:*")
        for left in reversed(range(TRIES)):
            clock = self._deadline.clock
            self._wait(max(0.0, self._called + PACE - clock()))
            self._called = clock()
            future = self._threads.submit(
                partial(
                    call,
                    "logs:FilterLogEvents",
                    resource,
                    lambda: client.filter_log_events,
                    **params,
                )
            )
            try:
                return result_by(self._deadline, future)
            except UnseenError as error:
                if error.kind != "throttled" or not left:
                    raise
            self._wait(PAUSE)
        raise AssertionError  # the last try returns or raises

    def _wait(self, seconds: float) -> None:
        if seconds >= self._deadline.left():
            raise TimeoutError
        self._sleep(seconds)

    def last_lines(self, place: LogPlace, container: str, task: str, count: int) -> list[str]:
        """The last lines of a task's container; none if it never logged. Raises UnseenError."""
        client = self._client(place, "logs:GetLogEvents")
        params: dict[str, Any] = {
            "logGroupName": place.group,
            "logStreamName": place.stream(container, task),
            "limit": count,
            "startFromHead": False,
        }
        resource = arn(client, "logs", f"log-group:{place.group}:log-stream:*")
        lines: list[str] = []
        for _ in range(GETS):
            try:
                page = call("logs:GetLogEvents", resource, lambda: client.get_log_events, **params)
            except UnseenError as error:
                if error.kind == "missing" and "stream" in error.why:
                    return []
                raise
            lines = [each["message"] for each in page.get("events") or []] + lines
            token = page.get("nextBackwardToken")
            # The tokens are never absent: the end is the one that repeats.
            if len(lines) >= count or not token or token == params.get("nextToken"):
                break
            params["nextToken"] = token
        return lines[-count:]


def newest_first(client: Any) -> bool:
    """Whether this SDK's FilterLogEvents has startFromHead: botocore before 1.44 has not."""
    operation = client.meta.service_model.operation_model("FilterLogEvents")
    return "startFromHead" in operation.input_shape.members


def _time(event: Mapping[str, Any]) -> int:
    return int(event["timestamp"])
