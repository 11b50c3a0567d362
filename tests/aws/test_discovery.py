"""From ECS to a list: every page, every address, and who is left out and why."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from conftest import Start, listed
from redis_helpers import items, quick, rest, state

from simulator import faults
from simulator.processes import wait_until

if TYPE_CHECKING:
    from simulator import Call, Fault, Simulator


def left_out(answer: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    return sorted((each["task"], each["ip"], each["reason"]) for each in answer["excluded"])


@pytest.mark.parametrize(
    ("count", "lists", "describes"), [(1, 1, 1), (100, 1, 1), (101, 2, 2), (250, 3, 3)]
)
def test_every_page_of_the_listing_is_described_once(
    aws: Simulator, start: Start, count: int, lists: int, describes: int
) -> None:
    """However many pages there are, all tasks are listed, at one call a page each way."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(count)

    answer = start(quick(aws, service)).invoke({}).answer

    assert (lists, describes) == tuple(
        len(aws.calls.of(name)) for name in ("ListTasks", "DescribeTasks")
    )
    asked = [arn for call in aws.calls.of("DescribeTasks") for arn in call.parameters["tasks"]]
    assert sorted(task.arn for task in service.tasks) == sorted(asked)
    assert (count, count) == (answer["running"], answer["healthy"])
    assert [task.ip for task in service.tasks] == listed(aws)


def test_what_is_listed_is_asked_while_ecs_still_lists(aws: Simulator, start: Start) -> None:
    """A slow ECS costs no time twice: the checks of what was listed before do not wait for it."""
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task()
    function = start(quick(aws, service))
    function.invoke({})
    rest(aws)
    aws.faults.set("ListTasks", "hangs")

    run = function.start({})

    wait_until(lambda: aws.hosts.connections[task.ip] == 2, "it is asked again")
    assert not run.done()
    aws.faults.clear()
    assert {"outcome": "published", "healthy": 1}.items() <= run.result().answer.items()


def test_a_task_that_is_gone_is_not_waited_for(aws: Simulator, start: Start) -> None:
    """An address that was listed and is silent now costs no timeout, once ECS lists it no more."""
    service = aws.ecs.create_service("arcade", "lobby")
    gone, stays = service.start_tasks(2)
    function = start(quick(aws, service, HEALTH_CHECK_TIMEOUT="5"))
    function.invoke({})
    gone.becomes("STOPPED")
    aws.hosts.set(gone.ip, "silent")
    rest(aws)

    done = function.invoke({})

    assert ([gone.ip], [stays.ip]) == (done.answer["removed"], listed(aws))
    assert done.duration < 5.0


def test_an_address_goes_to_the_task_that_was_created_last(aws: Simulator, start: Start) -> None:
    """ECS may tell of both, the one that had the address and the one that has it now."""
    service = aws.ecs.create_service("arcade", "lobby")
    before = service.start_tasks(8)
    now = [service.start_task(ip=task.ip) for task in before]

    answer = start(quick(aws, service)).invoke({}).answer

    passed = [
        (old.id, old.ip, f"its address passed to task {new.id}") for old, new in zip(before, now)
    ]
    assert sorted(passed) == left_out(answer)


def test_an_empty_service_costs_one_call(aws: Simulator, start: Start) -> None:
    """Where nothing is listed there is nothing to describe."""
    service = aws.ecs.create_service("arcade", "lobby")
    start(quick(aws, service)).invoke({})
    assert ["ListTasks"] == [call.operation for call in aws.calls]


def test_only_the_tasks_of_the_service_are_listed(aws: Simulator, start: Start) -> None:
    """Standalone tasks, other services and namesakes in other clusters stay out, also by ARN."""
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task()
    service.cluster.run_task("lobby:1")
    aws.ecs.create_service("arcade", "lobby-2").start_task()
    aws.ecs.create_service("casino", "lobby").start_task()
    names = {"ECS_CLUSTER_NAME": service.cluster_arn, "ECS_SERVICE_NAME": service.arn}
    for settings in (quick(aws, service), quick(aws, service, **names)):
        assert "published" == start(settings).invoke({}).answer["outcome"]
        assert [task.ip] == listed(aws)
        aws.valkey.flush()


def test_the_address_is_found_wherever_it_stands(aws: Simulator, start: Start) -> None:
    """In the ENI's attachment (not the first), in the containers alone, or with EC2 alone."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task(address_from="attachment")
    service.start_task(address_from="containers")
    function = start(quick(aws, service))
    function.invoke({})
    assert [] == aws.calls.of("DescribeNetworkInterfaces")
    assert [task.ip for task in service.tasks] == listed(aws)

    only_ec2 = service.start_task(address_from="ec2")
    function.invoke({})
    assert [task.ip for task in service.tasks] == listed(aws)
    assert [{only_ec2.state.eni}] == [
        asked_for(call) for call in aws.calls.of("DescribeNetworkInterfaces")
    ]


def asked_for(call: Call) -> set[str]:
    """The interfaces that a DescribeNetworkInterfaces filters on."""
    return {call.parameters[key] for key in call.parameters if key.startswith("Filter.1.Value")}


def test_ec2_is_asked_in_batches(aws: Simulator, start: Start) -> None:
    """250 tasks without an address cost one EC2 call a page, by a filter of its 200 at most."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(250, address_from="ec2")

    start(quick(aws, service)).invoke({})

    calls = aws.calls.of("DescribeNetworkInterfaces")
    assert [50, 100, 100] == sorted(len(asked_for(call)) for call in calls)
    assert {task.state.eni for task in service.tasks} == set().union(*map(asked_for, calls))
    assert [task.ip for task in service.tasks] == listed(aws)


def test_an_interface_that_is_gone_costs_only_its_task(aws: Simulator, start: Start) -> None:
    """Where EC2 does not know one task's ENI, the others are listed and that one has a reason."""
    service = aws.ecs.create_service("arcade", "lobby")
    gone, stays = service.start_tasks(2, address_from="ec2")
    service.freeze_listing()
    gone.becomes("STOPPED")

    answer = start(quick(aws, service)).invoke({}).answer

    reason = "no address: its ENI is unknown (network mode awsvpc is required)"
    assert [(gone.id, None, reason)] == left_out(answer)
    assert [stays.ip] == listed(aws)


def test_a_task_with_only_an_ipv6_address_is_checked_and_listed(
    aws: Simulator, start: Start
) -> None:
    """IPv6 is found in the containers and with EC2, checked as IPv6, and sorted after IPv4."""
    service = aws.ecs.create_service("arcade", "lobby")
    sixth = service.start_task(ip="::1")
    fourth = service.start_task()
    function = start(quick(aws, service))
    function.invoke({})
    assert [fourth.ip, "::1"] == listed(aws)
    assert [] == aws.calls.of("DescribeNetworkInterfaces")

    sixth.stop()
    sixth = service.start_task(ip="::1", address_from="ec2")
    function.invoke({})
    assert [fourth.ip, "::1"] == listed(aws)
    assert f'"{sixth.id}":"::1"' in state(aws)["tasks"]

    sixth.port("closed")
    answer = function.invoke({}).answer
    assert ([(sixth.id, "::1", "connection refused")], ["::1"]) == (
        left_out(answer),
        answer["removed"],
    )


def test_tasks_that_do_not_run_yet_are_left_out(aws: Simulator, start: Start) -> None:
    """Their ports may listen already; they are not asked or waited for, and the status is told."""
    service = aws.ecs.create_service("arcade", "lobby")
    early = {
        status: service.start_task(status=status)
        for status in ("PROVISIONING", "PENDING", "ACTIVATING")
    }
    runs = service.start_task()
    function = start(quick(aws, service))

    answer = function.invoke({}).answer

    address = {name: early[name].ip for name in ("PENDING", "ACTIVATING")} | {"PROVISIONING": None}
    assert sorted(
        (task.id, address[status], f"not running: it is {status}, desired RUNNING")
        for status, task in early.items()
    ) == left_out(answer)
    assert ([runs.ip], 1, 1) == (listed(aws), answer["running"], answer["rounds"])
    assert [0, 0, 0] == [aws.hosts.connections[task.ip] for task in early.values()]

    for task in early.values():
        task.becomes("RUNNING")
    assert [task.ip for task in early.values()] == function.invoke({}).answer["added"]


def test_a_task_that_stops_while_it_is_listed_is_left_out(aws: Simulator, start: Start) -> None:
    """Between ListTasks and DescribeTasks it was told to stop: desired status counts."""
    service = aws.ecs.create_service("arcade", "lobby")
    stops, stays = service.start_tasks(2)
    function = start(quick(aws, service))
    aws.on_call = lambda call: stops.stop() if call.operation == "DescribeTasks" else None

    answer = function.invoke({}).answer

    reason = "not running: it is DEACTIVATING, desired STOPPED"
    assert [(stops.id, stops.ip, reason)] == left_out(answer)
    assert [stays.ip] == answer["added"] == listed(aws)


def test_a_task_that_was_described_ahead_counts_only_if_it_is_listed(
    aws: Simulator, start: Start
) -> None:
    """It was told to stop since, so ECS lists it no more: that is what counts."""
    service = aws.ecs.create_service("arcade", "lobby")
    stops, stays = service.start_tasks(2)
    function = start(quick(aws, service))
    function.invoke({})
    rest(aws)

    def on_call(call: Call) -> None:
        if call.operation == "ListTasks":
            wait_until(lambda: described.wait(0), "they are described")
            stops.stop()
        else:
            described.set()

    described = threading.Event()
    aws.on_call = on_call

    answer = function.invoke({}).answer

    assert ([stops.ip], []) == (answer["removed"], answer["excluded"])
    assert [stays.ip] == listed(aws)


def test_what_is_listed_is_described_while_ecs_lists(aws: Simulator, start: Start) -> None:
    """Known tasks cost no call after the listing; a newcomer costs one, for itself alone."""
    service = aws.ecs.create_service("arcade", "lobby")
    known = service.start_tasks(99)
    function = start(quick(aws, service))
    function.invoke({})
    for newcomers in (0, 1, 1, 1):
        new = service.start_tasks(newcomers)
        aws.calls.clear()
        rest(aws)
        assert [task.ip for task in new] == function.invoke({}).answer["added"]
        asked = [call.parameters["tasks"] for call in aws.calls.of("DescribeTasks")]
        if len(known) <= 100:
            assert sorted(task.id for task in known) == asked[0]
            assert [[task.arn] for task in new] == asked[1:]
        else:  # more than a call takes: in the listing's pages
            assert [100, 2] == sorted(map(len, asked), reverse=True)
        known += new
    assert [task.ip for task in service.tasks] == listed(aws)


def test_a_newcomer_that_its_event_tells_of_costs_no_call(aws: Simulator, start: Start) -> None:
    """It is described with what is known, while ECS lists."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(2)
    function = start(quick(aws, service))
    function.invoke({})
    newcomer = service.start_task(status="PENDING")
    newcomer.becomes("RUNNING")
    aws.calls.clear()
    rest(aws)

    answer = function.invoke(aws.events.take()[-1]).answer

    assert [newcomer.ip] == answer["added"]
    (call,) = aws.calls.of("DescribeTasks")
    assert sorted(task.id for task in service.tasks) == call.parameters["tasks"]


@pytest.mark.parametrize(
    "fault", [faults.denied, faults.empty, faults.garbage, faults.says(b'{"tasks":[7]}')]
)
def test_a_description_ahead_that_fails_is_made_up_for(
    aws: Simulator, start: Start, fault: Fault
) -> None:
    """It was a guess: what is listed is described then."""
    service = aws.ecs.create_service("arcade", "lobby")
    tasks = service.start_tasks(2)
    function = start(quick(aws, service))
    function.invoke({})
    aws.faults.set("DescribeTasks", fault, times=1)
    aws.calls.clear()
    rest(aws)

    answer = function.invoke({}).answer

    assert (2, []) == (answer["healthy"], answer["removed"])
    assert sorted(task.arn for task in tasks) in [
        sorted(call.parameters["tasks"]) for call in aws.calls.of("DescribeTasks")
    ]


def test_a_task_whose_container_is_unhealthy_is_left_out(aws: Simulator, start: Start) -> None:
    """ECS's own verdict goes before the port's; HEALTHY and UNKNOWN leave it to the port."""
    service = aws.ecs.create_service("arcade", "lobby")
    healthy, unknown = service.start_task(health="HEALTHY"), service.start_task(health="UNKNOWN")
    unhealthy = service.start_task(health="UNHEALTHY")
    function = start(quick(aws, service))

    answer = function.invoke({}).answer
    reason = "UNHEALTHY: its container health check fails"
    assert [(unhealthy.id, unhealthy.ip, reason)] == left_out(answer)
    assert ([healthy.ip, unknown.ip], 1) == (listed(aws), answer["rounds"])
    assert 0 == aws.hosts.connections[unhealthy.ip]

    healthy.health("UNHEALTHY")
    answer = function.invoke({}).answer
    assert ([healthy.ip], [unknown.ip]) == (answer["removed"], listed(aws))


def test_missing_is_not_stopped(aws: Simulator, start: Start) -> None:
    """A task that DescribeTasks calls MISSING keeps its place if it has one, and gets none."""
    service = aws.ecs.create_service("arcade", "lobby")
    known = service.start_task()
    function = start(quick(aws, service, RETRY_COUNT="2"))
    function.invoke({})
    new = service.start_task()
    known.hide()
    new.hide()

    answer = function.invoke({}).answer
    reason = "MISSING: ECS listed it and did not find it"
    assert [(new.id, None, reason)] == left_out(answer)
    assert ([known.ip], [], 2) == (listed(aws), answer["removed"], answer["rounds"])

    new.show()
    assert [new.ip] == function.invoke({}).answer["added"]


def test_an_address_that_was_handed_on_is_listed_once(aws: Simulator, start: Start) -> None:
    """Where ECS tells of two running tasks with one address, it is the later one's."""
    service = aws.ecs.create_service("arcade", "lobby")
    first = service.start_task()
    function = start(quick(aws, service))
    function.invoke({})
    service.definition = "lobby:2"
    second = service.start_task(ip=first.ip)
    rest(aws)

    answer = function.invoke({}).answer

    assert [(first.ip, "lobby:2")] == [(item["ip"], item["task_name"]) for item in items(aws)]
    assert [(first.id, first.ip, f"its address passed to task {second.id}")] == left_out(answer)
    assert f'{{"{second.id}":"{second.ip}"}}' == state(aws)["tasks"]
    assert ([], []) == (answer["added"], answer["removed"])
