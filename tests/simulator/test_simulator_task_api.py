"""StopTask, task protection, and stopped tasks, called by the real boto3 client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from simulated import checked, code, options, standing

from simulator.ecs.definitions import ContainerDefinition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_ecs import ECSClient

    from simulator import Service, Simulator


@pytest.fixture
def aws() -> Iterator[Simulator]:
    with standing() as simulator:
        yield simulator


@pytest.fixture
def service(aws: Simulator) -> Service:
    return aws.ecs.create_service("arcade", "lobby", desired=3, steady=True)


@pytest.fixture
def ecs(aws: Simulator) -> ECSClient:
    return checked(boto3.client("ecs", **options(aws)))


def test_stops_a_task_with_a_reason(aws: Simulator, service: Service, ecs: ECSClient) -> None:
    """The reason is its stoppedReason; the scheduler replaces it."""
    victim = service.tasks[0]
    answer = ecs.stop_task(cluster="arcade", task=victim.arn, reason="recycle r-1 1/3")
    aws.ecs.advance(30)
    (task,) = ecs.describe_tasks(cluster="arcade", tasks=[victim.arn])["tasks"]

    assert ("DEACTIVATING", "STOPPED") == (
        answer["task"]["lastStatus"],
        answer["task"]["desiredStatus"],
    )
    assert ("STOPPED", "UserInitiated", "recycle r-1 1/3") == (
        task["lastStatus"],
        task["stopCode"],
        task["stoppedReason"],
    )
    assert [task["stoppingAt"] < task["stoppedAt"]] == [True]
    assert 3 == len(service.running)


def test_stopping_again_changes_nothing(aws: Simulator, service: Service, ecs: ECSClient) -> None:
    """Neither its reason nor its version: the call may be repeated."""
    victim = service.tasks[0]
    ecs.stop_task(cluster="arcade", task=victim.id)
    aws.ecs.advance(2)
    before = victim.state
    again = ecs.stop_task(cluster="arcade", task=victim.arn, reason="again")

    assert before is victim.state
    assert "Task stopped by user" == again["task"]["stoppedReason"]


def test_a_task_that_starts_can_be_stopped(
    aws: Simulator, service: Service, ecs: ECSClient
) -> None:
    """It has no exit code then, and its start has not failed."""
    service.scale(4)
    aws.ecs.advance(4)
    (starting,) = (task for task in service.tasks if task.state.last_status == "PENDING")
    ecs.stop_task(cluster="arcade", task=starting.arn)
    aws.ecs.advance(30)
    (task,) = ecs.describe_tasks(cluster="arcade", tasks=[starting.arn])["tasks"]

    assert ("STOPPED", "UserInitiated") == (task["lastStatus"], task["stopCode"])
    assert "exitCode" not in task["containers"][0]
    assert 0 == service.primary.failed
    assert 4 == len(service.running)


@pytest.mark.usefixtures("service")
def test_an_unknown_task_is_a_wrong_parameter(ecs: ECSClient) -> None:
    """There is no exception of its own for it."""
    with pytest.raises(ClientError) as error:
        ecs.stop_task(cluster="arcade", task="0" * 32)

    assert "InvalidParameterException" == code(error.value)
    assert "The referenced task was not found." == error.value.response["Error"]["Message"]


def test_a_task_moved_by_hand_waits_for_the_hand(aws: Simulator, ecs: ECSClient) -> None:
    """Without a scheduler a stopped task deactivates until the test moves it on."""
    task = aws.ecs.create_service("arcade", "manual").start_task()
    ecs.stop_task(cluster="arcade", task=task.arn)
    aws.ecs.advance(3600)

    assert "DEACTIVATING" == task.state.last_status


def test_ecs_forgets_a_stopped_task_after_an_hour(
    aws: Simulator, service: Service, ecs: ECSClient
) -> None:
    """Till then it is listed among the stopped and described."""
    gone = service.tasks[0]
    gone.exit(1)
    aws.ecs.advance(30)

    def listed() -> list[str]:
        return ecs.list_tasks(cluster="arcade", desiredStatus="STOPPED")["taskArns"]

    aws.ecs.advance(3500)
    assert [gone.arn] == listed()
    assert [] == ecs.describe_tasks(cluster="arcade", tasks=[gone.arn])["failures"]
    aws.ecs.advance(100)

    assert [] == listed()
    (failure,) = ecs.describe_tasks(cluster="arcade", tasks=[gone.arn])["failures"]
    assert {"arn": gone.arn, "reason": "MISSING"} == failure


def test_a_stopped_task_tells_how_each_container_ended(aws: Simulator, ecs: ECSClient) -> None:
    """Exit code and reason of the one that failed, the other's code, and image digests."""
    aws.ecs.definitions.register(
        "shop", ContainerDefinition("app", memory=512), ContainerDefinition("proxy")
    )
    service = aws.ecs.create_service("arcade", "shop")
    task = service.start_task()
    task.run_out_of_memory("app")

    (described,) = ecs.describe_tasks(cluster="arcade", tasks=[task.arn])["tasks"]
    app, proxy = described["containers"]

    assert "Essential container in task exited" == described["stoppedReason"]
    assert ("app", 137, "OutOfMemoryError: Container killed due to memory usage") == (
        app["name"],
        app["exitCode"],
        app["reason"],
    )
    assert (("proxy", 0), False) == ((proxy["name"], proxy["exitCode"]), "reason" in proxy)
    assert app["imageDigest"].startswith("sha256:")
    assert app["imageDigest"] != proxy["imageDigest"]


def test_protects_tasks_for_a_time(aws: Simulator, service: Service, ecs: ECSClient) -> None:
    """Scale-in leaves them, StopTask does not; it is two hours unless it says otherwise."""
    one, two, three = service.tasks
    set_ = ecs.update_task_protection(
        cluster="arcade", tasks=[one.arn, two.id], protectionEnabled=True
    )
    assert {True} == {each["protectionEnabled"] for each in set_["protectedTasks"]}
    service.scale(1)
    aws.ecs.advance(60)
    assert [one, two] == service.alive
    assert three not in service.alive

    ecs.stop_task(cluster="arcade", task=one.arn)
    aws.ecs.advance(7200)
    got = ecs.get_task_protection(cluster="arcade", tasks=[two.arn])
    assert [{"taskArn": two.arn, "protectionEnabled": False}] == got["protectedTasks"]


def test_protection_is_read_with_its_end_and_taken_away(
    aws: Simulator, service: Service, ecs: ECSClient
) -> None:
    """A test can protect by the handle as the application does by the call."""
    task = service.tasks[0]
    task.protect(minutes=5)
    (read,) = ecs.get_task_protection(cluster="arcade", tasks=[task.arn])["protectedTasks"]
    assert 300 == read["expirationDate"].timestamp() - aws.clock.now()

    ecs.update_task_protection(cluster="arcade", tasks=[task.arn], protectionEnabled=False)
    assert not task.protected


@pytest.mark.usefixtures("service")
def test_some_tasks_cannot_be_protected(aws: Simulator, ecs: ECSClient) -> None:
    """Those of no service, and those unknown, are failures; the calls have their limits."""
    lone = aws.ecs.create_cluster("arcade").run_task()
    answer = ecs.get_task_protection(cluster="arcade", tasks=[lone.arn, "0" * 32])
    assert ["TASK_NOT_VALID", "MISSING"] == [each["reason"] for each in answer["failures"]]

    ids = ["0" * 32] * 101
    wrong: list[Any] = [
        lambda: ecs.get_task_protection(cluster="arcade", tasks=ids),
        lambda: ecs.update_task_protection(
            cluster="arcade", tasks=ids[:11], protectionEnabled=True
        ),
        lambda: ecs.update_task_protection(
            cluster="arcade", tasks=ids[:1], protectionEnabled=True, expiresInMinutes=2881
        ),
    ]
    for call in wrong:
        with pytest.raises(ClientError) as error:
            call()
        assert "InvalidParameterException" == code(error.value)


def test_container_instances(aws: Simulator, ecs: ECSClient) -> None:
    """With what runs on them, and an event for each change that counts its version."""
    instance = aws.ecs.add_instance("arcade")
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task(instance=instance.arn)
    aws.events.take()
    instance.drain()
    (listed,) = ecs.list_container_instances(cluster="arcade")["containerInstanceArns"]
    answer = ecs.describe_container_instances(
        cluster="arcade", containerInstances=[listed, "0" * 32]
    )
    (found,) = answer["containerInstances"]
    (event,) = aws.events.take()
    (described,) = ecs.describe_tasks(cluster="arcade", tasks=[task.arn])["tasks"]

    assert ["MISSING"] == [each["reason"] for each in answer["failures"]]
    assert ("DRAINING", True, 1, 2) == (
        found["status"],
        found["agentConnected"],
        found["runningTasksCount"],
        found["version"],
    )
    assert [1792, 3392] == [each["integerValue"] for each in found["remainingResources"]]
    assert (instance.arn, "EC2") == (described["containerInstanceArn"], described["launchType"])
    assert ("ECS Container Instance State Change", [instance.arn]) == (
        event["detail-type"],
        event["resources"],
    )
    assert ("DRAINING", 2, instance.ec2_id, 1) == (
        event["detail"]["status"],
        event["detail"]["version"],
        event["detail"]["ec2InstanceId"],
        event["detail"]["runningTasksCount"],
    )


def test_task_definitions(aws: Simulator, ecs: ECSClient) -> None:
    """By family the newest, by revision, by ARN; with limits and where the logs go."""
    service = aws.ecs.create_service("arcade", "lobby", desired=1, steady=True)
    aws.ecs.definitions.register(
        "lobby", ContainerDefinition("app", memory=512, log={}, stop_timeout=60, port=80)
    )
    first = ecs.describe_task_definition(taskDefinition="lobby:1")["taskDefinition"]
    newest = ecs.describe_task_definition(taskDefinition="lobby")["taskDefinition"]
    (old,), (app,) = first["containerDefinitions"], newest["containerDefinitions"]

    assert service.tasks[0].state.definition == "lobby:1"
    assert (
        first
        == ecs.describe_task_definition(taskDefinition=first["taskDefinitionArn"])["taskDefinition"]
    )
    assert 2 == newest["revision"]
    assert (512, 60, False) == (app["memory"], app["stopTimeout"], "logConfiguration" in app)
    assert {
        "awslogs-group": "/ecs/lobby",
        "awslogs-region": "us-east-1",
        "awslogs-stream-prefix": "ecs",
    } == old["logConfiguration"]["options"]
    with pytest.raises(ClientError) as error:
        ecs.describe_task_definition(taskDefinition="lobby:3")
    assert "ClientException" == code(error.value)
