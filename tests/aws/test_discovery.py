"""From ECS to the list: every page, every address, and the reason for each excluded task."""

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


def excluded(answer: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    return sorted((each["task"], each["ip"], each["reason"]) for each in answer["excluded"])


@pytest.mark.parametrize(
    ("count", "lists", "describes"), [(1, 1, 1), (100, 1, 1), (101, 2, 2), (250, 3, 3)]
)
def test_every_page_of_the_listing_is_described_once(
    aws: Simulator, start: Start, count: int, lists: int, describes: int
) -> None:
    """All tasks of all pages are listed, with one ListTasks and one DescribeTasks call for each
    page."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(count)

    answer = start(quick(aws, service)).invoke({}).answer

    assert (lists, describes) == tuple(
        len(aws.calls.of(name)) for name in ("ListTasks", "DescribeTasks")
    )
    described = [arn for call in aws.calls.of("DescribeTasks") for arn in call.parameters["tasks"]]
    assert sorted(task.arn for task in service.tasks) == sorted(described)
    assert (count, count) == (answer["running"], answer["healthy"])
    assert [task.ip for task in service.tasks] == listed(aws)


def test_listed_tasks_are_probed_while_ecs_still_lists(aws: Simulator, start: Start) -> None:
    """While a slow ECS lists, the tasks of the published list are already probed."""
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task()
    function = start(quick(aws, service))
    function.invoke({})
    rest(aws)
    aws.faults.set("ListTasks", "hangs")

    run = function.start({})

    wait_until(lambda: aws.hosts.connections[task.ip] == 2, "it is probed again")
    assert not run.done()
    aws.faults.clear()
    assert {"outcome": "published", "healthy": 1}.items() <= run.result().answer.items()


def test_a_run_does_not_wait_for_a_task_that_is_gone(aws: Simulator, start: Start) -> None:
    """A silent address of the published list costs no timeout once ECS no longer lists its task."""
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


def test_an_address_belongs_to_the_task_that_was_created_last(aws: Simulator, start: Start) -> None:
    """If ECS reports two running tasks with one address, the address belongs to the newer task."""
    service = aws.ecs.create_service("arcade", "lobby")
    before = service.start_tasks(8)
    now = [service.start_task(ip=task.ip) for task in before]

    answer = start(quick(aws, service)).invoke({}).answer

    passed = [
        (old.id, old.ip, f"its address passed to task {new.id}") for old, new in zip(before, now)
    ]
    assert sorted(passed) == excluded(answer)


def test_an_empty_service_costs_one_call(aws: Simulator, start: Start) -> None:
    """If ECS lists no task, DescribeTasks is not called."""
    service = aws.ecs.create_service("arcade", "lobby")
    start(quick(aws, service)).invoke({})
    assert ["ListTasks"] == [call.operation for call in aws.calls]


def test_only_the_tasks_of_the_service_are_listed(aws: Simulator, start: Start) -> None:
    """Standalone tasks, other services and services of the same name elsewhere are not listed."""
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


def test_the_address_is_found_in_each_place(aws: Simulator, start: Start) -> None:
    """The address is found in any ENI attachment, in the containers, or by an EC2 call."""
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
        filtered(call) for call in aws.calls.of("DescribeNetworkInterfaces")
    ]


def filtered(call: Call) -> set[str]:
    """The network interfaces in the filter of a DescribeNetworkInterfaces call."""
    return {call.parameters[key] for key in call.parameters if key.startswith("Filter.1.Value")}


def test_ec2_is_called_in_batches(aws: Simulator, start: Start) -> None:
    """250 tasks without an address cost one EC2 call for each page, as a filter takes 200
    values."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(250, address_from="ec2")

    start(quick(aws, service)).invoke({})

    calls = aws.calls.of("DescribeNetworkInterfaces")
    assert [50, 100, 100] == sorted(len(filtered(call)) for call in calls)
    assert {task.state.eni for task in service.tasks} == set().union(*map(filtered, calls))
    assert [task.ip for task in service.tasks] == listed(aws)


def test_a_missing_interface_excludes_only_its_task(aws: Simulator, start: Start) -> None:
    """If EC2 does not know the ENI of one task, that task has a reason and the others are
    listed."""
    service = aws.ecs.create_service("arcade", "lobby")
    gone, stays = service.start_tasks(2, address_from="ec2")
    service.freeze_listing()
    gone.becomes("STOPPED")

    answer = start(quick(aws, service)).invoke({}).answer

    reason = "no address: its ENI is unknown (network mode awsvpc is required)"
    assert [(gone.id, None, reason)] == excluded(answer)
    assert [stays.ip] == listed(aws)


def test_a_task_with_only_an_ipv6_address_is_probed_and_listed(
    aws: Simulator, start: Start
) -> None:
    """An IPv6 address is found in the containers and by EC2, probed, and sorted after IPv4."""
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
        excluded(answer),
        answer["removed"],
    )


def test_tasks_that_do_not_run_yet_are_excluded(aws: Simulator, start: Start) -> None:
    """A task that is not RUNNING is not probed, even if its port is open. The reason has its
    status."""
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
    ) == excluded(answer)
    assert ([runs.ip], 1, 1) == (listed(aws), answer["running"], answer["rounds"])
    assert [0, 0, 0] == [aws.hosts.connections[task.ip] for task in early.values()]

    for task in early.values():
        task.becomes("RUNNING")
    assert [task.ip for task in early.values()] == function.invoke({}).answer["added"]


def test_a_task_that_stops_during_the_listing_is_excluded(aws: Simulator, start: Start) -> None:
    """A task that was stopped between ListTasks and DescribeTasks is excluded by its desired
    status."""
    service = aws.ecs.create_service("arcade", "lobby")
    stops, stays = service.start_tasks(2)
    function = start(quick(aws, service))
    aws.on_call = lambda call: stops.stop() if call.operation == "DescribeTasks" else None

    answer = function.invoke({}).answer

    reason = "not running: it is DEACTIVATING, desired STOPPED"
    assert [(stops.id, stops.ip, reason)] == excluded(answer)
    assert [stays.ip] == answer["added"] == listed(aws)


def test_a_prefetched_task_counts_only_if_ecs_lists_it(aws: Simulator, start: Start) -> None:
    """A task that was described ahead of the listing is excluded if ECS no longer lists it."""
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


def test_known_tasks_are_described_while_ecs_lists(aws: Simulator, start: Start) -> None:
    """Known tasks cost no call after the listing. A new task costs one call for itself alone."""
    service = aws.ecs.create_service("arcade", "lobby")
    known = service.start_tasks(99)
    function = start(quick(aws, service))
    function.invoke({})
    for newcomers in (0, 1, 1, 1):
        new = service.start_tasks(newcomers)
        aws.calls.clear()
        rest(aws)
        assert [task.ip for task in new] == function.invoke({}).answer["added"]
        described = [call.parameters["tasks"] for call in aws.calls.of("DescribeTasks")]
        if len(known) <= 100:
            assert sorted(task.id for task in known) == described[0]
            assert [[task.arn] for task in new] == described[1:]
        else:  # more than a call takes: in the listing's pages
            assert [100, 2] == sorted(map(len, described), reverse=True)
        known += new
    assert [task.ip for task in service.tasks] == listed(aws)


def test_a_new_task_named_by_its_event_costs_no_call(aws: Simulator, start: Start) -> None:
    """A task that its event names is described while ECS lists; the known tasks are not."""
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
    assert [newcomer.id] == call.parameters["tasks"]


@pytest.mark.parametrize(
    "fault", [faults.denied, faults.empty, faults.garbage, faults.says(b'{"tasks":[7]}')]
)
def test_a_failed_prefetch_is_repeated_after_the_listing(
    aws: Simulator, start: Start, fault: Fault
) -> None:
    """If the prefetch fails, the listed tasks are described after the listing."""
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


def test_a_task_with_an_unhealthy_container_is_excluded(aws: Simulator, start: Start) -> None:
    """UNHEALTHY from ECS excludes a task. HEALTHY and UNKNOWN leave the decision to the probe."""
    service = aws.ecs.create_service("arcade", "lobby")
    healthy, unknown = service.start_task(health="HEALTHY"), service.start_task(health="UNKNOWN")
    unhealthy = service.start_task(health="UNHEALTHY")
    function = start(quick(aws, service))

    answer = function.invoke({}).answer
    reason = "UNHEALTHY: its container health check fails"
    assert [(unhealthy.id, unhealthy.ip, reason)] == excluded(answer)
    assert ([healthy.ip, unknown.ip], 1) == (listed(aws), answer["rounds"])
    assert 0 == aws.hosts.connections[unhealthy.ip]

    healthy.health("UNHEALTHY")
    answer = function.invoke({}).answer
    assert ([healthy.ip], [unknown.ip]) == (answer["removed"], listed(aws))


def test_missing_is_not_stopped(aws: Simulator, start: Start) -> None:
    """A task that DescribeTasks reports as MISSING stays if it was listed, and is not added
    otherwise."""
    service = aws.ecs.create_service("arcade", "lobby")
    known = service.start_task()
    function = start(quick(aws, service, RETRY_COUNT="2"))
    function.invoke({})
    new = service.start_task()
    known.hide()
    new.hide()

    answer = function.invoke({}).answer
    reason = "MISSING: ECS listed it and did not find it"
    assert [(new.id, None, reason)] == excluded(answer)
    assert ([known.ip], [], 2) == (listed(aws), answer["removed"], answer["rounds"])

    new.show()
    assert [new.ip] == function.invoke({}).answer["added"]


def test_a_reused_address_is_listed_once(aws: Simulator, start: Start) -> None:
    """If ECS reports two running tasks with one address, only the newer task is listed."""
    service = aws.ecs.create_service("arcade", "lobby")
    first = service.start_task()
    function = start(quick(aws, service))
    function.invoke({})
    service.definition = "lobby:2"
    second = service.start_task(ip=first.ip)
    rest(aws)

    answer = function.invoke({}).answer

    assert [(first.ip, "lobby:2")] == [(item["ip"], item["task_name"]) for item in items(aws)]
    assert [(first.id, first.ip, f"its address passed to task {second.id}")] == excluded(answer)
    assert f'{{"{second.id}":"{second.ip}"}}' == state(aws)["tasks"]
    assert ([], []) == (answer["added"], answer["removed"])
