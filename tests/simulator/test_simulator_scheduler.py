"""A service's scheduler at work, on a clock that the test moves."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from simulated import standing

from simulator import Delays, Failure, Simulator
from simulator.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator import Service, Task


@pytest.fixture
def aws() -> Iterator[Simulator]:
    with standing() as simulator:
        yield simulator


@pytest.fixture
def service(aws: Simulator) -> Service:
    return aws.ecs.create_service("arcade", "lobby", desired=3, steady=True)


def statuses(service: Service) -> Counter[str]:
    return Counter(task.state.last_status for task in service.tasks)


def sent(aws: Simulator, kind: str) -> list[str]:
    """The names of the events of a kind: those of tasks are their statuses."""
    taken = aws.events.take()
    details = [event["detail"] for event in taken if event["detail-type"] == kind]
    return [detail.get("eventName") or detail["lastStatus"] for detail in details]


def said(service: Service, what: str) -> int:
    return sum(what in event.message for event in service.events)


def test_starts_what_is_missing(aws: Simulator) -> None:
    """Each task goes its whole way by the clock, with an event for each step, and listens last."""
    service = aws.ecs.create_service("arcade", "lobby", desired=2)

    assert [] == service.tasks
    aws.ecs.advance(1)
    assert {"PROVISIONING": 2} == statuses(service)
    aws.ecs.advance(2)
    assert {"PENDING": 2} == statuses(service)
    aws.ecs.advance(5)
    assert {"RUNNING": 2} == statuses(service)
    assert ["closed"] * 2 == [aws.hosts.port_at(task.ip) for task in service.tasks]
    aws.ecs.advance(1)

    assert ["listens"] * 2 == [aws.hosts.port_at(task.ip) for task in service.tasks]
    life = ["PROVISIONING", "PENDING", "RUNNING"]
    assert sorted(life * 2) == sorted(sent(aws, "ECS Task State Change"))
    assert {service.deployment} == {task.state.started_by for task in service.tasks}


def test_a_steady_service_is_there_from_the_start(service: Service) -> None:
    """Its tasks run and listen, and its deployment is completed."""
    assert {"RUNNING": 3} == statuses(service)
    assert "COMPLETED" == service.primary.rollout
    assert [] == list(service.events)


def test_stops_what_is_too_much(aws: Simulator, service: Service) -> None:
    """A task deactivates, stops, and frees its address last, with an event for each step."""
    aws.events.take()
    service.scale(2)
    aws.ecs.advance(1)
    (task,) = (each for each in service.tasks if each not in service.alive)

    assert "listens" == aws.hosts.port_at(task.ip)
    aws.ecs.advance(20)

    assert {"RUNNING": 2, "STOPPED": 1} == statuses(service)
    assert "ServiceSchedulerInitiated" == task.state.stop_code
    assert task.state.stopped_reason == (
        f"Scaling activity initiated by (deployment {service.deployment})"
    )
    assert 0 == task.state.containers[0].exit_code
    assert "closed" == aws.hosts.port_at(task.ip)
    life = ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]
    assert life == sent(aws, "ECS Task State Change")


def test_a_slow_stop_ends_with_a_kill(aws: Simulator, service: Service) -> None:
    """Over the stop timeout: exit code 137 with no reason, which is no lack of memory."""
    service.delays = replace(service.delays, stop=100, stop_timeout=30)
    task = service.tasks[0]
    task.stop(code="UserInitiated")

    aws.ecs.advance(31)
    assert {"DEPROVISIONING": 1, "RUNNING": 3} == statuses(service)
    aws.ecs.advance(2)

    assert {"STOPPED": 1, "RUNNING": 3} == statuses(service)
    assert (137, None) == (task.state.containers[0].exit_code, task.state.containers[0].reason)


def test_replaces_a_task_that_ends(aws: Simulator, service: Service) -> None:
    """Whether a person stops it, its container exits, or it has no memory left."""
    stopped, exited, killed = service.tasks
    stopped.stop("recycle 1/3", "UserInitiated")
    exited.exit(1)
    killed.run_out_of_memory()

    aws.ecs.advance(30)

    assert {"RUNNING": 3, "STOPPED": 3} == statuses(service)
    assert [
        ("UserInitiated", 0),
        ("EssentialContainerExited", 1),
        ("EssentialContainerExited", 137),
    ] == [
        (task.state.stop_code, task.state.containers[0].exit_code)
        for task in (stopped, exited, killed)
    ]
    assert (killed.state.containers[0].reason or "").startswith("OutOfMemoryError")


def test_says_when_it_is_steady(aws: Simulator) -> None:
    """In the service's events and on EventBridge: once, until something changes."""
    service = aws.ecs.create_service("arcade", "lobby", desired=1)
    aws.ecs.advance(600)
    assert ["SERVICE_STEADY_STATE"] == sent(aws, "ECS Service Action")

    service.tasks[0].exit(0)
    aws.ecs.advance(600)

    assert ["SERVICE_STEADY_STATE"] == sent(aws, "ECS Service Action")
    assert 2 == said(service, "(service lobby) has reached a steady state.")
    assert 2 == said(service, "(service lobby) has started 1 tasks: (task ")


def test_backs_off_when_tasks_do_not_start(aws: Simulator) -> None:
    """The waits double up to 27 minutes; it is said once that starts are impaired."""
    service = aws.ecs.create_service("arcade", "lobby", desired=1)
    service.fails("cannot_pull")

    aws.ecs.advance(3 * 3600)

    starts = [task.state.created_at for task in service.tasks]
    waits = [round(later - earlier) for earlier, later in zip(starts, starts[1:], strict=False)]
    assert [8, 8] == waits[:2]
    assert waits[3] < waits[4] < waits[5] < waits[6]
    assert 27 * 60 <= waits[-1] < 28 * 60
    assert ["SERVICE_TASK_START_IMPAIRED"] == sent(aws, "ECS Service Action")
    assert 1 == said(service, "unable to consistently start tasks")


def test_starts_at_once_again_when_the_cause_is_gone(aws: Simulator) -> None:
    """A task that runs ends the waits; so does a new task definition."""
    service = aws.ecs.create_service("arcade", "lobby", desired=1)
    aws.ecs.definitions.of("lobby:2")
    service.fails("cannot_pull", times=8)
    aws.ecs.advance(500)
    assert [] == service.running

    service.recovers()
    service.deploy("lobby:2")
    aws.ecs.advance(20)

    assert ["lobby:2"] == [task.state.definition for task in service.running]


def test_a_person_who_stops_starting_tasks_impairs_nothing(aws: Simulator) -> None:
    """Only tasks that fail to start count."""
    service = aws.ecs.create_service("arcade", "lobby", desired=1)
    for _ in range(5):
        aws.ecs.advance(4)
        service.alive[0].stop(code="UserInitiated")
        aws.ecs.advance(2)

    assert [] == sent(aws, "ECS Service Action")
    assert 1 == len(service.alive)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("cannot_pull", "CannotPullContainerError: "),
        ("resource_initialization", "ResourceInitializationError: "),
        ("cannot_start", "CannotStartContainerError: "),
        (Failure("starting", "CannotCreateVolumeError: x"), "CannotCreateVolumeError: x"),
    ],
)
def test_a_task_that_never_runs(aws: Simulator, failure: Any, reason: str) -> None:
    """It stops with TaskFailedToStart, its reason, and no exit code; the next one runs."""
    service = aws.ecs.create_service("arcade", "lobby", desired=1)
    service.fails(failure, times=1)

    aws.ecs.advance(60)

    failed, well = service.tasks
    assert "TaskFailedToStart" == failed.state.stop_code
    assert (failed.state.stopped_reason or "").startswith(reason)
    assert None is failed.state.started_at is failed.state.containers[0].exit_code
    assert "RUNNING" == well.state.last_status


@pytest.mark.parametrize(("failure", "exit_code"), [("exits", 1), ("out_of_memory", 137)])
def test_a_task_that_ends_after_its_start(aws: Simulator, failure: Any, exit_code: int) -> None:
    """It has run, so the scheduler starts the next without a wait: a crash loop."""
    service = aws.ecs.create_service("arcade", "lobby", desired=1)
    service.fails(failure)

    aws.ecs.advance(600)

    crashed = [task for task in service.tasks if task.state.last_status == "STOPPED"]
    assert len(crashed) > 30
    assert {exit_code} == {task.state.containers[0].exit_code for task in crashed}
    assert [] == sent(aws, "ECS Service Action")


def test_a_task_that_never_listens(aws: Simulator) -> None:
    """It runs for ever with its port closed, and ECS takes it for well."""
    service = aws.ecs.create_service("arcade", "lobby", desired=2)
    service.fails("never_listens", times=1)
    service.fails("silent", times=1)

    aws.ecs.advance(600)

    assert {"RUNNING": 2} == statuses(service)
    assert ["closed", "silent"] == [aws.hosts.port_at(task.ip) for task in service.tasks]


def test_a_task_whose_health_check_fails_is_replaced(aws: Simulator) -> None:
    """With the reason that ECS gives."""
    service = aws.ecs.create_service("arcade", "lobby", desired=1)
    service.life.health_check = True
    service.fails("unhealthy", times=1)

    aws.ecs.advance(60)

    ill, well = service.tasks
    assert "Task failed container health checks" == ill.state.stopped_reason
    assert "HEALTHY" == well.state.health


def test_without_room_it_places_nothing(aws: Simulator, service: Service) -> None:
    """It says so, tries again after a while, and places when there is room."""
    service.room = 3
    service.scale(4)
    aws.ecs.advance(60)
    assert 3 == len(service.tasks)
    assert 1 == said(service, "was unable to place a task")
    assert ["SERVICE_TASK_PLACEMENT_FAILURE"] == sent(aws, "ECS Service Action")

    service.room = 4
    aws.ecs.advance(300)

    assert 4 == len(service.running)


def test_a_deployment_replaces_all_tasks(aws: Simulator, service: Service) -> None:
    """With 100 and 200 per cent the new ones run before the old ones stop."""
    old, first = set(service.tasks), service.deployment
    aws.events.take()
    service.deploy()
    fewest = 3
    for _ in range(30):
        aws.ecs.advance(1)
        fewest = min(fewest, len(service.running))

    assert 3 == fewest
    assert old.isdisjoint(service.alive)
    assert first not in {task.state.started_by for task in service.alive}
    assert ["COMPLETED"] == [each.rollout for each in service.deployments]
    assert f"ECS deployment {service.deployment} completed." == service.primary.reason
    assert ["SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_COMPLETED"] == sent(
        aws, "ECS Deployment State Change"
    )


def test_a_deployment_within_its_bounds(aws: Simulator, service: Service) -> None:
    """With 50 and 100 per cent of four there are never more than four, never fewer than two."""
    service.scale(4)
    aws.ecs.advance(20)
    service.minimum_percent, service.maximum_percent = 50, 100
    service.deploy()
    counts = set()
    for _ in range(60):
        aws.ecs.advance(1)
        counts.add(len(service.running))

    assert "COMPLETED" == service.primary.rollout
    assert (2, 4) == (min(counts), max(counts))


def test_a_deployment_leaves_protected_tasks_till_the_end(aws: Simulator, service: Service) -> None:
    """It is in progress until the protection has expired."""
    task = service.tasks[0]
    task.protect(minutes=10)
    service.deploy()
    aws.ecs.advance(120)

    assert ["IN_PROGRESS", "COMPLETED"] == [each.rollout for each in service.deployments]
    assert [task] == [e for e in service.running if e.state.started_by != service.deployment]
    aws.ecs.advance(600)

    assert ["COMPLETED"] == [each.rollout for each in service.deployments]


def test_a_newer_deployment_takes_over(aws: Simulator, service: Service) -> None:
    """Tasks of both older ones go."""
    service.deploy()
    aws.ecs.advance(4)
    newest = service.deploy()
    aws.ecs.advance(60)

    assert {newest.id} == {task.state.started_by for task in service.running}
    assert [newest] == service.deployments


def test_the_circuit_breaker_fails_a_deployment(aws: Simulator, service: Service) -> None:
    """After as many failures as its threshold; it then starts no task, whatever stops."""
    service.circuit_breaker = True
    service.fails("cannot_pull")
    aws.events.take()
    service.deploy()
    aws.ecs.advance(600)
    assert "FAILED" == service.primary.rollout
    assert "ECS deployment circuit breaker: tasks failed to start." == service.primary.reason
    assert 3 == len(service.running)
    assert "SERVICE_DEPLOYMENT_FAILED" in sent(aws, "ECS Deployment State Change")

    service.recovers()
    service.running[0].stop(code="UserInitiated")
    aws.ecs.advance(600)

    assert 2 == len(service.running)


def test_the_circuit_breaker_rolls_back(aws: Simulator, service: Service) -> None:
    """The older deployment is the primary one again."""
    service.circuit_breaker = service.rollback = True
    before = service.deployment
    service.fails("cannot_pull")
    service.deploy()
    aws.ecs.advance(300)
    service.recovers()
    aws.ecs.advance(900)

    assert (before, "COMPLETED") == (service.deployment, service.primary.rollout)
    assert 3 == len(service.running)


def test_addresses_are_used_again_on_request(aws: Simulator, service: Service) -> None:
    """As in a small subnet: the one that has been free for longest comes first."""
    service.reuse_addresses = True
    gone = service.tasks[0]
    gone.exit(1)
    aws.ecs.advance(1.5)
    service.scale(4)
    aws.ecs.advance(30)

    assert gone.ip in {task.ip for task in service.running}


def test_the_same_history_comes_twice() -> None:
    """Delays that vary are drawn from a seed."""

    def played() -> list[tuple[str, float]]:
        with standing() as aws:
            service = aws.ecs.create_service("arcade", "lobby", desired=5)
            service.delays = Delays(spread=0.5)
            aws.ecs.advance(30)
            service.deploy()
            aws.ecs.advance(30)
            return [(task.id, task.state.updated_at) for task in service.tasks]

    first = played()

    assert first == played()
    assert len({moment for _, moment in first}) > 5


def test_a_daemon_has_no_task_above_100_per_cent(aws: Simulator) -> None:
    """In a deployment the old task goes first: there is no room for both on an instance."""
    service = aws.ecs.create_service("arcade", "agent", desired=2, steady=True, daemon=True)
    service.deploy()
    most = 0
    for _ in range(60):
        aws.ecs.advance(1)
        most = max(most, len(service.alive))

    assert 2 == most
    assert "COMPLETED" == service.primary.rollout


def test_a_deleted_service_is_quiet(aws: Simulator, service: Service) -> None:
    """Its tasks have stopped, and nothing moves any more."""
    tasks: list[Task] = service.tasks
    service.delete()
    aws.events.take()
    aws.ecs.advance(3600)

    assert {"STOPPED": len(tasks)} == statuses(service)
    assert 0 == len(aws.events)


def test_moves_in_real_time_with_a_thread() -> None:
    """No test has to advance anything."""
    with Simulator() as real:
        service = real.ecs.create_service("arcade", "lobby", desired=2)
        service.delays = Delays().times(0.01)
        real.clock.run()
        wait_until(lambda: len(service.running) == 2, "both tasks run")
        service.running[0].stop(code="UserInitiated")
        wait_until(lambda: statuses(service) == {"RUNNING": 2, "STOPPED": 1}, "one is replaced")


def test_200_tasks_are_replaced_in_accelerated_time(aws: Simulator) -> None:
    """Thousands of steps take a moment."""
    service = aws.ecs.create_service("arcade", "lobby", desired=200, steady=True)
    service.deploy()
    aws.ecs.advance(60)

    assert 200 == len(service.running)
    assert ["COMPLETED"] == [each.rollout for each in service.deployments]
