"""CloudWatch Logs, called by the real boto3 client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import boto3
import pytest
from botocore.exceptions import ClientError
from simulated import NEW_YEAR, checked, code, options, standing

from simulator.ecs.definitions import ContainerDefinition
from simulator.logs.store import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_logs import CloudWatchLogsClient

    from simulator import Simulator

MS = round(NEW_YEAR * 1000)


@pytest.fixture
def aws() -> Iterator[Simulator]:
    with standing() as simulator:
        yield simulator


@pytest.fixture
def logs(aws: Simulator) -> CloudWatchLogsClient:
    return checked(boto3.client("logs", **options(aws)))


def fill(aws: Simulator, count: int, stream: str = "s", every: float = 1.0) -> None:
    lines = [(NEW_YEAR + number * every, f"line {number}") for number in range(count)]
    aws.logs.put("g", stream, lines)


def pages(logs: CloudWatchLogsClient, **parameters: Any) -> list[list[str]]:
    """The messages of each page of FilterLogEvents, followed by its tokens."""
    found: list[list[str]] = []
    more: dict[str, Any] = {}
    while not found or more:
        page = logs.filter_log_events(logGroupName="g", **parameters, **more)
        found.append([event["message"] for event in page["events"]])
        more = {"nextToken": page["nextToken"]} if "nextToken" in page else {}
    return found


def followed(logs: CloudWatchLogsClient, **parameters: Any) -> list[list[str]]:
    """The messages of each page of GetLogEvents, until its forward token repeats."""
    found: list[list[str]] = []
    token: dict[str, Any] = {}
    while True:
        page = logs.get_log_events(
            logGroupName="g", logStreamName="s", startFromHead=True, **parameters, **token
        )
        if token.get("nextToken") == page["nextForwardToken"]:
            return found
        found.append([event["message"] for event in page["events"]])
        token = {"nextToken": page["nextForwardToken"]}


def test_filters_streams_in_the_order_of_time(aws: Simulator, logs: CloudWatchLogsClient) -> None:
    """All of them, those named, or those with a prefix; each event says where it is from."""
    aws.logs.put("g", "app/b", [(NEW_YEAR + 2, "second"), (NEW_YEAR, "first")])
    aws.logs.put("g", "app/a", [(NEW_YEAR + 1, "between")])
    aws.logs.put("g", "other", [(NEW_YEAR + 3, "last")])

    (event, *_) = logs.filter_log_events(logGroupName="g")["events"]

    assert ("first", "app/b", MS) == (event["message"], event["logStreamName"], event["timestamp"])
    assert [["first", "between", "second", "last"]] == pages(logs)
    assert [["first", "between", "second"]] == pages(logs, logStreamNamePrefix="app/")
    assert [["between", "last"]] == pages(logs, logStreamNames=["app/a", "other"])
    assert [[]] == pages(logs, logStreamNamePrefix="nothing")


def test_a_limit_caps_a_page_not_the_answer(aws: Simulator, logs: CloudWatchLogsClient) -> None:
    """The last full page has no token; every event has an id of its own."""
    fill(aws, 10)

    assert [4, 4, 2] == [len(page) for page in pages(logs, limit=4)]
    assert [5, 5] == [len(page) for page in pages(logs, limit=5)]
    ids = [event["eventId"] for event in logs.filter_log_events(logGroupName="g")["events"]]
    assert 10 == len(set(ids))


def test_a_page_holds_10_000_events_or_a_megabyte(
    aws: Simulator, logs: CloudWatchLogsClient
) -> None:
    """Whichever comes first."""
    fill(aws, 10_001, every=0.001)
    aws.logs.put("g", "large", ["x" * 300_000] * 4)

    assert [10_000, 1] == [len(page) for page in pages(logs, logStreamNames=["s"])]
    assert [3, 1] == [len(page) for page in pages(logs, logStreamNames=["large"])]


def test_pages_with_a_pattern_are_partly_full_or_empty(
    aws: Simulator, logs: CloudWatchLogsClient
) -> None:
    """A page ends after so many lines were looked at; only a missing token is the end."""
    fill(aws, 100)
    aws.logs.scan = 30

    assert [[], ["line 42"], [], []] == pages(logs, filterPattern='"line 42"')


def test_empty_pages_can_come_first(aws: Simulator, logs: CloudWatchLogsClient) -> None:
    """As AWS sends them for no reason that one could see; also without a pattern."""
    fill(aws, 3)
    aws.logs.empty_first = 2

    assert [0, 0, 3] == [len(page) for page in pages(logs)]
    assert [0, 0, 3] == [len(page) for page in followed(logs)]


def test_times_bound_a_filter_at_both_ends(aws: Simulator, logs: CloudWatchLogsClient) -> None:
    """An event at startTime and one at endTime are still in it."""
    fill(aws, 10)

    assert [["line 3", "line 4", "line 5"]] == pages(logs, startTime=MS + 3000, endTime=MS + 5000)


def test_newest_first_is_a_choice(aws: Simulator, logs: CloudWatchLogsClient) -> None:
    """startFromHead is new: clients before 1.44 do not know it."""
    operation: Any = logs.meta.service_model.operation_model("FilterLogEvents")
    if "startFromHead" not in operation.input_shape.members:
        pytest.skip("this botocore has no startFromHead")
    fill(aws, 5)

    assert [["line 4", "line 3"], ["line 2", "line 1"], ["line 0"]] == pages(
        logs, startFromHead=False, limit=2
    )


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("ERROR", ["ERROR disk full", "ERROR -- 42"]),
        ("ERROR full", ["ERROR disk full"]),
        ('"disk full"', ["ERROR disk full"]),
        ("?42 ?fine", ["all is fine", "ERROR -- 42"]),
        ("ERROR -disk", ["ERROR -- 42"]),
        ("", ["ERROR disk full", "all is fine", "ERROR -- 42"]),
    ],
)
def test_patterns(
    aws: Simulator, logs: CloudWatchLogsClient, pattern: str, expected: list[str]
) -> None:
    """Terms, phrases, any of, none of."""
    aws.logs.put("g", "s", ["ERROR disk full", "all is fine", "ERROR -- 42"])

    assert [expected] == pages(logs, filterPattern=pattern)


@pytest.mark.parametrize(
    "wrong",
    [
        {"logStreamNames": ["s"], "logStreamNamePrefix": "s"},
        {"limit": 10_001},
        {"nextToken": "invented"},
        {"logStreamNames": ["s"] * 101},
        {"filterPattern": '{ $.level = "error" }'},
    ],
)
def test_refuses_what_does_not_go(
    aws: Simulator, logs: CloudWatchLogsClient, wrong: dict[str, Any]
) -> None:
    """Names with a prefix, too large a page, a token of nobody's, patterns it does not play."""
    fill(aws, 1)

    with pytest.raises(ClientError) as error:
        logs.filter_log_events(logGroupName="g", **wrong)

    assert "InvalidParameterException" == code(error.value)


def test_a_token_is_good_for_its_own_request_alone(
    aws: Simulator, logs: CloudWatchLogsClient
) -> None:
    """Not for another pattern."""
    fill(aws, 3)
    token = logs.filter_log_events(logGroupName="g", limit=1)["nextToken"]

    with pytest.raises(ClientError) as error:
        logs.filter_log_events(logGroupName="g", filterPattern="x", nextToken=token)
    assert "InvalidParameterException" == code(error.value)


def test_what_is_unknown_is_not_found(aws: Simulator, logs: CloudWatchLogsClient) -> None:
    """A group, or a stream: of a task that died before it logged, say."""
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="log group"):
        logs.filter_log_events(logGroupName="g")
    fill(aws, 1)
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="log stream"):
        logs.get_log_events(logGroupName="g", logStreamName="nothing")
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="log stream"):
        logs.filter_log_events(logGroupName="g", logStreamNames=["nothing"])


def test_gets_the_last_lines_of_a_stream(aws: Simulator, logs: CloudWatchLogsClient) -> None:
    """By default; backwards from there with the other token, until that repeats."""
    fill(aws, 10)
    last = logs.get_log_events(logGroupName="g", logStreamName="s", limit=3)
    before = logs.get_log_events(
        logGroupName="g", logStreamName="s", limit=3, nextToken=last["nextBackwardToken"]
    )

    assert ["line 7", "line 8", "line 9"] == [event["message"] for event in last["events"]]
    assert ["line 4", "line 5", "line 6"] == [event["message"] for event in before["events"]]


def test_gets_forward_until_the_token_repeats(aws: Simulator, logs: CloudWatchLogsClient) -> None:
    """Tokens are never missing; new lines come with the last one."""
    fill(aws, 10)
    assert [4, 4, 2] == [len(page) for page in followed(logs, limit=4)]

    page = logs.get_log_events(logGroupName="g", logStreamName="s", startFromHead=True)
    end: Any = {"logGroupName": "g", "logStreamName": "s", "nextToken": page["nextForwardToken"]}
    assert page["nextForwardToken"] == logs.get_log_events(**end)["nextForwardToken"]
    aws.logs.put("g", "s", [(NEW_YEAR + 60, "later")])
    assert ["later"] == [event["message"] for event in logs.get_log_events(**end)["events"]]


def test_a_page_of_a_stream_holds_a_megabyte(aws: Simulator, logs: CloudWatchLogsClient) -> None:
    """If it has not 10,000 events before."""
    aws.logs.put("g", "s", ["x" * 300_000] * 4)

    assert [3, 1] == [len(page) for page in followed(logs)]
    last = logs.get_log_events(logGroupName="g", logStreamName="s")
    assert 3 == len(last["events"])


def test_a_token_of_another_time_is_moved_into_the_times(
    aws: Simulator, logs: CloudWatchLogsClient
) -> None:
    """It never leads outside of the window of the request."""
    fill(aws, 10)
    parameters: Any = {"logGroupName": "g", "logStreamName": "s"}
    early = logs.get_log_events(**parameters, startFromHead=True, limit=1)["nextForwardToken"]

    page = logs.get_log_events(**parameters, nextToken=early, startTime=MS + 8000)

    assert ["line 8", "line 9"] == [event["message"] for event in page["events"]]


def test_times_bound_a_stream_at_its_start(aws: Simulator, logs: CloudWatchLogsClient) -> None:
    """Here an event at endTime is not in it any more."""
    fill(aws, 10)

    assert [["line 3", "line 4"]] == followed(logs, startTime=MS + 3000, endTime=MS + 5000)


def test_a_group_can_be_named_by_its_arn(aws: Simulator, logs: CloudWatchLogsClient) -> None:
    """But not by both."""
    fill(aws, 1)
    (group,) = logs.describe_log_groups()["logGroups"]

    assert 1 == len(logs.filter_log_events(logGroupIdentifier=group["logGroupArn"])["events"])
    with pytest.raises(ClientError):
        logs.filter_log_events(logGroupIdentifier=group["logGroupArn"], logGroupName="g")


def test_quotas_are_the_regions(aws: Simulator, logs: CloudWatchLogsClient) -> None:
    """Five FilterLogEvents a second in some; each operation has its own."""
    fill(aws, 1)
    aws.logs.throttle(filters=5, gets=10)
    for _ in range(5):
        logs.filter_log_events(logGroupName="g")

    with pytest.raises(ClientError) as error:
        logs.filter_log_events(logGroupName="g")
    assert "ThrottlingException" == code(error.value)
    logs.get_log_events(logGroupName="g", logStreamName="s")
    aws.ecs.advance(0.2)
    logs.filter_log_events(logGroupName="g")
    aws.logs.unthrottle()
    logs.filter_log_events(logGroupName="g")


def test_describes_groups_in_pages(aws: Simulator, logs: CloudWatchLogsClient) -> None:
    """Of at most 50, by prefix or by a part of the name."""
    for number in range(60):
        aws.logs.create_group(f"/ecs/{number:02d}").retention = 7

    found = [
        group["logGroupName"]
        for page in logs.get_paginator("describe_log_groups").paginate()
        for group in page["logGroups"]
    ]
    assert [f"/ecs/{number:02d}" for number in range(60)] == found
    (one,) = logs.describe_log_groups(logGroupNamePrefix="/ecs/42")["logGroups"]
    assert ("/ecs/42", 7, MS) == (one["logGroupName"], one["retentionInDays"], one["creationTime"])
    assert 6 == len(logs.describe_log_groups(logGroupNamePattern="/3", limit=6)["logGroups"])


def test_describes_streams_by_name_or_last_event(
    aws: Simulator, logs: CloudWatchLogsClient
) -> None:
    """The newest first with orderBy; not together with a prefix."""
    for number, name in enumerate(("b", "c", "a")):
        aws.logs.put("g", name, [(NEW_YEAR + number, "x")])
    aws.logs.create_stream("g", "empty")

    def names(**parameters: Any) -> list[str]:
        found = logs.describe_log_streams(logGroupName="g", **parameters)["logStreams"]
        return [stream["logStreamName"] for stream in found]

    assert ["a", "b", "c", "empty"] == names()
    assert ["a", "c", "b", "empty"] == names(orderBy="LastEventTime", descending=True)
    assert ["b"] == names(logStreamNamePrefix="b")
    with pytest.raises(ClientError):
        names(logStreamNamePrefix="b", orderBy="LastEventTime")
    (a, *_) = logs.describe_log_streams(logGroupName="g")["logStreams"]
    assert MS + 2000 == a["lastEventTimestamp"]


def test_a_task_logs_where_its_definition_says(aws: Simulator, logs: CloudWatchLogsClient) -> None:
    """Group and prefix from there, then container and task; with FireLens it cannot be seen."""
    where = {
        "awslogs-group": "/shop",
        "awslogs-region": "eu-west-1",
        "awslogs-stream-prefix": "p",
    }
    aws.ecs.definitions.register(
        "shop",
        ContainerDefinition("app", log={"logDriver": "awslogs", "options": where}),
        ContainerDefinition("router", log={"logDriver": "awsfirelens"}),
    )
    task = aws.ecs.create_service("arcade", "shop").start_task()
    aws.log(task, "starting", "listening")
    page = logs.get_log_events(logGroupName="/shop", logStreamName=f"p/app/{task.id}")

    assert ["starting", "listening"] == [event["message"] for event in page["events"]]
    with pytest.raises(ValueError, match="awsfirelens"):
        aws.log(task, "x", container="router")


class Made(Sequence[Row]):
    """A million lines that exist only while they are read."""

    def __len__(self) -> int:
        return 1_000_000

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        assert isinstance(index, int)
        if index >= 1_000_000:
            raise IndexError
        return Row(MS + index, "s", f"line {index}")


def test_a_million_lines_can_be_made_as_they_are_read(
    aws: Simulator, logs: CloudWatchLogsClient
) -> None:
    """Any page of them is there at once."""
    aws.logs.serve("g", "s", Made())
    parameters: Any = {"logGroupName": "g", "startTime": MS + 700_000, "limit": 2}

    page = logs.filter_log_events(**parameters)

    assert ["line 700000", "line 700001"] == [event["message"] for event in page["events"]]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("denied", "AccessDeniedException"),
        ("throttled", "ThrottlingException"),
        ("internal", "ServiceUnavailableException"),
    ],
)
def test_fails_as_the_service_does(
    aws: Simulator, logs: CloudWatchLogsClient, fault: Any, expected: str
) -> None:
    """And the call is on record with the action that IAM must allow."""
    aws.faults.set("FilterLogEvents", fault)

    with pytest.raises(ClientError) as error:
        logs.filter_log_events(logGroupName="g")

    assert expected == code(error.value)
    assert "logs:FilterLogEvents" == aws.calls[0].action
