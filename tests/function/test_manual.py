"""Manual invocations: a sync, a dry run, which writes nothing, and a status, which only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conftest import KEY, PASSWORD, Start, listed
from redis_helpers import PREFIX, Subscriber, everything, items, quick, rest, text

import discovery

if TYPE_CHECKING:
    from simulator import Simulator

DRY_RUN = {"dry_run": True}


def reasons(answer: dict[str, Any]) -> dict[str, str]:
    return {each["task"]: each["reason"] for each in answer["excluded"]}


def test_a_manual_sync_may_name_its_action_or_not(aws: Simulator, start: Start) -> None:
    """`{}`, `{"action": "sync"}` and a dry_run of false each publish."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = start(quick(aws, service))
    for event in ({}, {"action": "sync"}, {"action": "sync", "dry_run": False}):
        task = service.start_task()
        answer = function.invoke(event).answer
        assert ("published", [task.ip]) == (answer["outcome"], answer["added"])


def test_a_dry_run_into_an_empty_redis_leaves_it_empty(aws: Simulator, start: Start) -> None:
    """A dry run leaves no lease and no token. It answers with the list that it would publish."""
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task()

    answer = start(quick(aws, service)).invoke(DRY_RUN).answer

    assert {} == everything(aws)
    assert ("checked", [task.ip]) == (answer["outcome"], answer["added"])


def test_a_dry_run_writes_nothing_and_gives_the_reason_for_each_excluded_task(
    aws: Simulator, start: Start
) -> None:
    """No key changes, no message is published, and each excluded task has a reason."""
    service = aws.ecs.create_service("arcade", "lobby")
    listed_one, stopped = service.start_tasks(2)
    function = start(quick(aws, service, RETRY_COUNT="2"))
    function.invoke({})
    stopped.becomes("STOPPED")
    new = service.start_task()
    expected = {
        service.start_task(status="PENDING").id: "not running: it is PENDING, desired RUNNING",
        service.start_task(health="UNHEALTHY").id: "UNHEALTHY: its container health check fails",
        service.start_task(port="closed").id: "connection refused",
        service.start_task(port="silent").id: "timed out",
    }
    hidden = service.start_task()
    hidden.hide()
    rest(aws)
    before, subscriber = everything(aws), Subscriber(aws)

    answer = function.invoke(DRY_RUN).answer

    assert before == everything(aws)
    assert [] == subscriber.messages()
    assert ("checked", [new.ip], [stopped.ip]) == (
        answer["outcome"],
        answer["added"],
        answer["removed"],
    )
    assert (5, 2, 2) == (answer["running"], answer["healthy"], answer["rounds"])
    excluded = reasons(answer)
    assert "MISSING: ECS listed it and did not find it" == excluded.pop(hidden.id)
    assert expected == excluded
    assert [listed_one.ip, stopped.ip] == listed(aws)


def test_a_dry_run_does_not_wait_for_another_run(aws: Simulator, start: Start) -> None:
    """A dry run needs no lease, so it answers while another run holds it and does not disturb
    it."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    aws.valkey.client().set(f"{PREFIX}:lease", "another run", px=8000)
    before = everything(aws)

    assert "checked" == start(quick(aws, service)).invoke(DRY_RUN).answer["outcome"]

    assert before == everything(aws)


def test_status_shows_what_redis_holds_without_calls_or_writes(
    aws: Simulator, start: Start
) -> None:
    """Status answers with the list, its generation and its age. It makes no AWS call and no
    write."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(2)
    service.start_task(port="closed")
    function = start(quick(aws, service, RETRY_COUNT="1"))
    published = function.invoke({}).answer
    rest(aws)
    before = everything(aws)
    aws.calls.clear()

    answer = function.invoke({"action": "status"}).answer

    assert ([], before) == (list(aws.calls), everything(aws))
    assert 0 <= answer.pop("age_seconds") < 60
    assert 0 <= answer.pop("full_age_seconds") < 60
    assert {
        "outcome": "status",
        "version": discovery.__version__,
        "tasks": items(aws),
        "generation": published["generation"],
        "observed_at": items(aws)[0]["update_time"],
        "running": 3,
        "healthy": 2,
        "degraded": False,
        "withdrawn": 0,
    } == answer


def test_status_of_an_empty_redis_is_empty(aws: Simulator, start: Start) -> None:
    """Before the first publication, status answers without tasks, age or generation."""
    service = aws.ecs.create_service("arcade", "lobby")

    answer = start(quick(aws, service)).invoke({"action": "status"}).answer

    assert {} == everything(aws)
    assert ("status", [], 0, None, None) == tuple(
        answer[name] for name in ("outcome", "tasks", "generation", "observed_at", "age_seconds")
    )


def test_status_of_an_expired_list_has_no_tasks(aws: Simulator, start: Start) -> None:
    """Once the key has expired for its readers, status shows no tasks either."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    function = start(quick(aws, service))
    function.invoke({})
    aws.valkey.client().delete(KEY)

    assert [] == function.invoke({"action": "status"}).answer["tasks"]
    assert text(aws) is None


def test_manual_invocations_work_with_a_password(aws: Simulator, start: Start) -> None:
    """With AUTH on, sync, dry run and status work, and read the secret once."""
    aws.valkey.set_password(PASSWORD)
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    function = start(quick(aws, service))

    outcomes = [
        function.invoke(event).answer["outcome"] for event in ({}, DRY_RUN, {"action": "status"})
    ]

    assert ["published", "checked", "status"] == outcomes
    assert 1 == len(aws.calls.of("GetSecretValue"))
