"""A diagnosis names the one cause, and what could not be seen, and is then never healthy."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from looks import Doctor, finding, kinds
from simulated import standing

from discovery.aws.log_reader import LogReader
from discovery.cli.safe import masked
from discovery.diagnose.redact import MASK
from discovery.diagnose.request import Request
from discovery.errors import RegistryError
from discovery.inspection import ListedTask, ListView
from discovery.task_record import ContainerRecord, TaskRecord
from discovery.wiring import diagnose as wiring
from simulator import Certificate, Reply, WebHost
from simulator.ecs.definitions import ContainerDefinition
from simulator.logs.store import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator import Call, Service, Simulator

NOT_KNOWN = "arn:aws:ecs:us-east-1:*:"


@pytest.fixture
def aws() -> Iterator[Simulator]:
    with standing() as simulator:
        yield simulator


@pytest.fixture
def service(aws: Simulator) -> Service:
    """Two tasks behind a target group, all well, each with one line of log."""
    aws.ecs.definitions.register("lobby", ContainerDefinition("app", memory=512), memory="1024")
    service = aws.ecs.create_service("arcade", "lobby", desired=2, steady=True)
    service.attach(aws.elb.create("front"))
    aws.ecs.advance(60)
    for task in service.tasks:
        aws.log(task, "ready")
    return service


@pytest.fixture
def doctor(aws: Simulator, service: Service, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    return Doctor(aws, service, monkeypatch)


def run_out_of_memory(aws: Simulator, service: Service, *lines: str) -> None:
    task = service.running[0]
    aws.log(task, *lines)
    task.run_out_of_memory("app")
    aws.ecs.advance(60)


def test_a_service_without_faults_is_healthy(doctor: Doctor) -> None:
    """All was looked at, nothing is wrong: no cause, and only information."""
    answer = doctor.diagnose()
    assert ("diagnosed", "healthy", None) == (
        answer["outcome"], answer["verdict"], answer["cause"],
    )  # fmt: skip
    assert set() == kinds(answer, "unknown") | kinds(answer, "degraded") | kinds(answer, "failing")
    assert (2, 2, True) == (
        answer["service"]["desired"], answer["service"]["running"], answer["service"]["steady"],
    )  # fmt: skip
    assert 2 == answer["logs"]["lines"]
    assert {"healthy": 2} == answer["targets"][0]["states"]


def test_most_restarts_out_of_memory_are_the_cause(
    aws: Simulator, service: Service, doctor: Doctor
) -> None:
    """One sentence has the count, the container, its limit and the last lines before."""
    for _ in range(4):
        run_out_of_memory(aws, service, "loading", "java.lang.OutOfMemoryError: Java heap space")
    for _ in range(2):
        service.running[0].exit(1, container="app")
        aws.ecs.advance(60)

    answer = doctor.diagnose()

    assert "failing" == answer["verdict"]
    assert (
        "4 of 6 restarts are OutOfMemory in container app; its limit is 512 MiB; the last lines "
        "before: loading | java.lang.OutOfMemoryError: Java heap space."
    ) == answer["cause"]["text"]
    assert ("out_of_memory", "high") == (answer["cause"]["kind"], answer["cause"]["confidence"])
    assert (6, {"app": 6}) == (answer["restarts"]["count"], answer["restarts"]["containers"])
    assert {"out_of_memory": 4, "app_exit": 2} == {
        each["kind"]: each["count"] for each in answer["restarts"]["groups"]
    }


def test_tasks_that_end_again_and_again_are_a_crash_loop(
    aws: Simulator, service: Service, doctor: Doctor
) -> None:
    """Three faults of one kind in a short life are called a loop, and fail the service."""
    service.fails("exits")
    service.running[0].exit(1, container="app")
    aws.ecs.advance(240)
    answer = doctor.diagnose()
    assert "failing" == answer["verdict"]
    found = finding(answer, "app_exit")
    assert found["what"].startswith("Crash loop: ")
    assert answer["restarts"]["groups"][0]["loop"]
    assert "app_exit" == answer["cause"]["kind"]


def test_an_image_that_cannot_be_pulled_is_the_cause_of_a_failing_deployment(
    aws: Simulator, service: Service, doctor: Doctor
) -> None:
    """The deployment, its events and the missing tasks are explained by it."""
    service.fails("cannot_pull")
    service.deploy()
    aws.ecs.advance(120)
    answer = doctor.diagnose()
    assert answer["cause"]["kind"].startswith("image_pull"), answer["cause"]
    assert {"deployment_fails"} <= set(answer["cause"]["explains"])


def test_scaling_in_is_no_fault(aws: Simulator, service: Service, doctor: Doctor) -> None:
    """Tasks that ECS stopped for a scale-in count as stopped, not as restarts."""
    service.scale(1)
    aws.ecs.advance(60)
    answer = doctor.diagnose()
    assert ("healthy", 0, 1) == (
        answer["verdict"], answer["restarts"]["count"], answer["restarts"]["stopped"],
    )  # fmt: skip


def test_all_targets_unhealthy_is_failing_and_one_is_degraded(
    aws: Simulator, service: Service, doctor: Doctor
) -> None:
    """The reason is in plain words, and the task of each target is named."""
    group, (one, two) = aws.elb.create("front"), service.running
    group.force(one.ip, "unhealthy", "Target.ResponseCodeMismatch")
    answer = doctor.diagnose(request=Request(checks=("targets",)))
    found = finding(answer, "targets_unhealthy")
    assert ("degraded", "degraded") == (answer["verdict"], found["severity"])
    assert "it answers the health check with a status that is not allowed" in found["what"]
    assert one.id in found["evidence"][0]
    group.force(two.ip, "unhealthy", "Target.Timeout")
    assert "failing" == doctor.diagnose(request=Request(checks=("targets",)))["verdict"]


def test_draining_is_normal_for_a_task_that_stops(
    aws: Simulator, service: Service, doctor: Doctor
) -> None:
    """A target that drains while its task runs is a finding; with the task it is none."""
    group = aws.elb.create("front")
    group.draining = 300.0
    service.scale(1)
    aws.ecs.advance(3)
    assert "targets_draining" not in kinds(doctor.diagnose())
    group.deregister(service.alive[0].ip)
    assert "targets_draining" in kinds(doctor.diagnose(), "degraded")


def test_a_target_that_is_healthy_and_not_listed_is_a_finding(
    aws: Simulator, service: Service, doctor: Doctor
) -> None:
    """And so is the other way round, with why a task is left out."""
    one, two = service.running
    aws.elb.create("front").force(two.ip, "unhealthy", "Target.Timeout")
    view = ListView(
        frozenset({two.ip}), 1.0, False, (ListedTask(one.id, one.ip, "connection refused"),)
    )
    answer = diagnosed_with(doctor, view)
    assert (one.ip,) == tuple(finding(answer, "healthy_target_not_listed")["evidence"])
    assert (two.ip,) == tuple(finding(answer, "listed_target_unhealthy")["evidence"])
    assert "connection refused" in finding(answer, "list_lacks_tasks")["what"]


@pytest.mark.parametrize(
    ("view", "kind"),
    [
        (ListView(frozenset(), None, False), "list_missing"),
        (ListView(frozenset(), 600.0, False), "list_stale"),
        (ListView(frozenset(), 1.0, True), "list_degraded"),
    ],
)
def test_a_list_that_is_old_missing_or_degraded_is_a_finding(
    doctor: Doctor, view: ListView, kind: str
) -> None:
    """Whatever ECS says."""
    assert kind in kinds(diagnosed_with(doctor, view))


def diagnosed_with(doctor: Doctor, view: ListView) -> dict[str, Any]:
    """A diagnosis that is given what the list holds."""

    class Registry:
        def status(self) -> dict[str, Any]:
            return {
                "tasks": [{"ip": ip} for ip in view.addresses],
                "age_seconds": view.age,
                "degraded": view.degraded,
            }

    class Report:
        decision = view  # it has `excluded`, as a decision has

    answer: dict[str, Any] = doctor.diagnose(registry=Registry(), dry_run=Report)
    return answer


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("DescribeServices", "ecs:DescribeServices"),
        ("ListTasks", "ecs:ListTasks"),
        ("DescribeTasks", "ecs:DescribeTasks"),
        ("DescribeTaskDefinition", "ecs:DescribeTaskDefinition"),
        ("DescribeTargetHealth", "elasticloadbalancing:DescribeTargetHealth"),
        ("FilterLogEvents", "logs:FilterLogEvents"),
    ],
)
def test_a_permission_that_lacks_is_a_finding_and_the_verdict_unknown(
    aws: Simulator, doctor: Doctor, operation: str, action: str
) -> None:
    """The finding names the action and an ARN; the service is never called healthy."""
    aws.faults.set(operation, "denied")
    answer = doctor.diagnose()
    assert "unknown" == answer["verdict"]
    found = finding(answer, "unseen_permission")
    assert action == found["evidence"][0]
    assert found["evidence"][1].startswith("arn:aws:")


def test_last_lines_without_permission_are_a_finding(
    aws: Simulator, service: Service, doctor: Doctor
) -> None:
    """GetLogEvents is only called for tasks that stopped; what is wrong is still named."""
    run_out_of_memory(aws, service, "loading")
    aws.faults.set("GetLogEvents", "denied")
    answer = doctor.diagnose()
    assert "out_of_memory" == answer["cause"]["kind"]
    assert "logs:GetLogEvents" == finding(answer, "unseen_permission")["evidence"][0]


def test_a_group_that_is_not_there_is_a_finding(
    aws: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that has never logged is not called healthy."""
    service = aws.ecs.create_service("arcade", "quiet", desired=1, steady=True)
    answer = Doctor(aws, service, monkeypatch).diagnose()
    assert "unknown" == answer["verdict"]
    assert "log-group:/ecs/quiet:" in finding(answer, "unseen_missing")["what"]


def test_a_region_that_there_is_not_is_a_finding(
    aws: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A template that nobody expanded: what else there is to see is seen."""
    options = {
        "awslogs-group": "/ecs/odd", "awslogs-region": "${AWS_REGION}",
        "awslogs-stream-prefix": "ecs",
    }  # fmt: skip
    log = {"logDriver": "awslogs", "options": options}
    aws.ecs.definitions.register("odd", ContainerDefinition("app", log=log))
    service = aws.ecs.create_service("arcade", "odd", desired=1, steady=True)
    service.tasks[0].run_out_of_memory("app")
    answer = Doctor(aws, service, monkeypatch).diagnose()
    assert ("failing", "out_of_memory") == (answer["verdict"], answer["cause"]["kind"])
    assert answer["logs"] is None
    assert {"logs:FilterLogEvents", "logs:GetLogEvents"} == {
        each["evidence"][0] for each in answer["findings"] if each["kind"] == "unseen_failed"
    }
    assert "/ecs/odd in the Region ${AWS_REGION}" in finding(answer, "unseen_failed")["what"]


def test_an_error_that_nobody_expected_is_a_finding(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends neither the other parts nor the diagnosis; the service is not called healthy."""

    def fail(*_: object) -> Any:
        raise KeyError("an odd\nanswer")

    answer = doctor.diagnose(history=fail)
    assert ("unknown", 2) == (answer["verdict"], answer["logs"]["lines"])
    assert "the history failed: KeyError: 'an odd" in finding(answer, "unseen_failed")["what"]
    monkeypatch.setattr(LogReader, "window", fail)
    answer = doctor.diagnose()
    assert ("unknown", None) == (answer["verdict"], answer["logs"])
    assert "on /ecs/lobby failed: KeyError" in finding(answer, "unseen_failed")["what"]


@pytest.mark.parametrize(
    ("log", "kind"),
    [
        ({"logDriver": "awsfirelens"}, "logs_elsewhere"),
        ({}, "logs_elsewhere"),
        (
            {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": "/ecs/odd",
                    "awslogs-region": "us-east-1",
                    "awslogs-stream-prefix": "ecs",
                    "mode": "non-blocking",
                },
            },
            "logs_may_drop",
        ),
    ],
)
def test_logs_that_go_elsewhere_or_may_be_dropped_are_never_healthy(
    aws: Simulator, monkeypatch: pytest.MonkeyPatch, log: dict[str, Any], kind: str
) -> None:
    """No error seen is no proof there."""
    aws.ecs.definitions.register("odd", ContainerDefinition("app", log=log))
    service = aws.ecs.create_service("arcade", "odd", desired=1, steady=True)
    aws.logs.put("/ecs/odd", "ecs/app/" + service.tasks[0].id, ["ready"])
    answer = Doctor(aws, service, monkeypatch).diagnose()
    assert ("unknown", "unknown") == (answer["verdict"], finding(answer, kind)["severity"])


def test_a_log_pattern_names_the_group_where_the_definition_names_none(
    aws: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As FireLens may write to CloudWatch Logs; the whole group is then read."""
    aws.ecs.definitions.register(
        "odd", ContainerDefinition("app", log={"logDriver": "awsfirelens"})
    )
    service = aws.ecs.create_service("arcade", "odd", desired=1, steady=True)
    aws.logs.put("/apps/odd", "anything", ["panic: runtime error: index out of range"])
    doctor = Doctor(aws, service, monkeypatch, LOG_PATTERN="/apps/{service}")
    answer = doctor.diagnose()
    assert {"panic": 1} == answer["logs"]["classes"]
    assert "logs_elsewhere" not in kinds(answer)


def test_empty_pages_are_not_the_end(aws: Simulator, service: Service, doctor: Doctor) -> None:
    """Two empty pages with a token come before the first line of each call."""
    aws.logs.empty_first = 2
    run_out_of_memory(aws, service, "the last words")
    answer = doctor.diagnose()
    assert 3 == answer["logs"]["lines"]
    assert "the last words" in answer["cause"]["text"]


def test_a_page_that_is_throttled_is_read_again(
    aws: Simulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And if it stays throttled, that is a finding."""
    monkeypatch.setattr("discovery.aws.log_reader.PAUSE", 0.01)
    backoff = "botocore.retries.standard.ExponentialBackoff.delay_amount"
    monkeypatch.setattr(backoff, lambda *_: 0.01)
    aws.faults.set("FilterLogEvents", "throttled", times=4)  # botocore itself tries three times
    answer = doctor.diagnose()
    assert ("healthy", 2) == (answer["verdict"], answer["logs"]["lines"])
    aws.faults.set("FilterLogEvents", "throttled")
    answer = doctor.diagnose(seconds=30)
    assert "unknown" == answer["verdict"]
    assert {"unseen_throttled", "logs_truncated"} & kinds(answer, "unknown")


def test_what_does_not_answer_in_time_is_a_finding(aws: Simulator, doctor: Doctor) -> None:
    """The diagnosis ends by its deadline, with what it has."""
    aws.faults.set("DescribeTargetHealth", "hangs")
    aws.faults.set("FilterLogEvents", "hangs")
    began = time.monotonic()
    answer = doctor.diagnose(seconds=3)
    assert time.monotonic() - began < 3
    assert "unknown" == answer["verdict"]
    assert {"unseen_time", "logs_truncated"} <= kinds(answer, "unknown")


@pytest.mark.parametrize("lines", [50_000, pytest.param(200_000, marks=pytest.mark.soak)])
def test_many_lines_are_counted_and_bounded(
    aws: Simulator, service: Service, doctor: Doctor, lines: int
) -> None:
    """Every line counts; of each group one sample is kept; the answer stays small."""
    task, now = service.tasks[0], int(aws.clock.now() * 1000)

    class Lines:
        def __len__(self) -> int:
            return lines

        def __getitem__(self, at: int) -> Row:
            text = f"ERROR order {at} failed" if at % 100 == 0 else f"GET /orders/{at} 200"
            return Row(now - lines + at, f"ecs/app/{task.id}", text)

    aws.logs.serve("/ecs/lobby", f"ecs/app/{task.id}", Lines())  # type: ignore[arg-type]
    aws.logs.groups["/ecs/lobby"].streams.pop(f"ecs/app/{service.tasks[1].id}")
    answer = doctor.diagnose(seconds=30 + lines / 1000)  # a machine may be busy
    assert lines == answer["logs"]["lines"], answer["findings"]
    assert [lines // 100] == [each["count"] for each in answer["logs"]["groups"]]
    assert len(json.dumps(answer)) < 20_000


def test_pages_beyond_the_budget_make_the_verdict_unknown(
    aws: Simulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not read may hold anything."""
    monkeypatch.setattr(
        wiring, "log_reader",
        lambda deadline: LogReader(wiring._logs, deadline, time.sleep, pages=1),
    )  # fmt: skip
    aws.logs.scan = 1
    answer = doctor.diagnose()
    assert ("unknown", True) == (answer["verdict"], answer["logs"]["truncated"])
    assert "logs_truncated" in kinds(answer, "unknown")


def test_newest_first_is_used_where_the_sdk_has_it(
    aws: Simulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is left out where it has not: an older SDK would refuse the call."""
    doctor.diagnose()
    calls = [each for each in aws.calls if each.operation == "FilterLogEvents"]
    assert [False] == [each.parameters.get("startFromHead") for each in calls]
    monkeypatch.setattr("discovery.aws.log_reader.newest_first", lambda _: False)
    aws.calls.clear()
    assert 2 == doctor.diagnose()["logs"]["lines"]
    calls = [each for each in aws.calls if each.operation == "FilterLogEvents"]
    assert [None] == [each.parameters.get("startFromHead") for each in calls]


def test_secrets_in_lines_and_reasons_are_masked(
    aws: Simulator, service: Service, doctor: Doctor
) -> None:
    """Neither a sample nor a last line nor the cause holds a password."""
    run_out_of_memory(aws, service, "ERROR login failed password=hunter2xyz for bob")
    assert "hunter2xyz" not in json.dumps(doctor.diagnose())


@pytest.mark.parametrize("family", ["auth", "reset-password", "api-token"])
def test_the_name_of_a_task_definition_is_no_secret(
    aws: Simulator, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    """The reader has to see which revision runs, whatever its family is called."""
    aws.ecs.definitions.register(family, ContainerDefinition("app"))
    service = aws.ecs.create_service("arcade", family, desired=1, steady=True)
    answer = Doctor(aws, service, monkeypatch).diagnose()
    assert f"{family}:1" == answer["service"]["definition"]
    assert f"{family}:1" == masked({"task_name": f"{family}:1"})["task_name"]
    assert MASK not in json.dumps(answer)


def test_lines_of_other_services_in_the_same_group_do_not_count(
    aws: Simulator, doctor: Doctor
) -> None:
    """Two services of one task definition share a group and a prefix."""
    aws.logs.put("/ecs/lobby", "ecs/app/0123456789abcdef0123456789abcdef", ["panic: theirs"])
    answer = doctor.diagnose()
    assert (2, {}) == (answer["logs"]["lines"], answer["logs"]["classes"])


def test_a_page_of_tasks_is_described_while_the_next_is_listed(
    aws: Simulator, service: Service, doctor: Doctor
) -> None:
    """The time of a diagnosis grows with the pages of ListTasks, not with twice as many calls."""
    service.start_tasks(2 * 100)
    pages, listed = 0, threading.Event()
    overlapped: list[bool] = []

    def hold(call: Call) -> None:
        nonlocal pages
        if call.parameters.get("desiredStatus") == "RUNNING":
            pages += 1
            if pages > 1:
                listed.set()
        if call.operation == "DescribeTasks":
            overlapped.append(listed.wait(5))

    aws.on_call = hold
    answer = doctor.diagnose(request=Request(checks=("tasks",)))
    assert [] == [kind for kind in kinds(answer) if kind.startswith("unseen")]
    assert [True, True, True] == overlapped


def test_a_history_adds_the_tasks_that_ecs_has_forgotten(aws: Simulator, doctor: Doctor) -> None:
    """ECS keeps them for an hour; a longer window needs the history."""
    stopped = aws.clock.now() - 7200
    old = TaskRecord(
        id="f" * 32, version=9, last_status="STOPPED", desired_status="STOPPED",
        started=stopped - 60, stopped=stopped, stop_code="EssentialContainerExited",
        stopped_reason="Essential container in task exited",
        containers=(ContainerRecord("app", 139),), task_definition="lobby:1",
    )  # fmt: skip
    day = Request(minutes=1440)
    assert 0 == doctor.diagnose(request=day)["restarts"]["count"]
    answer = doctor.diagnose(request=day, history=lambda _: [old])
    assert (1, "segfault") == (answer["restarts"]["count"], answer["cause"]["kind"])
    assert 0 == doctor.diagnose(history=lambda _: [old])["restarts"]["count"]


@pytest.mark.parametrize(("version", "kind"), [(1, "out_of_memory"), (99, "segfault")])
def test_a_task_that_ecs_and_the_history_know_counts_once(
    aws: Simulator, service: Service, doctor: Doctor, version: int, kind: str
) -> None:
    """Of the two records the one with the higher version counts."""
    task = service.running[0]
    run_out_of_memory(aws, service)
    record = TaskRecord(
        task.id, version, "STOPPED", "STOPPED", stopped=aws.clock.now() - 9,
        stop_code="EssentialContainerExited", containers=(ContainerRecord("app", 139),),
    )  # fmt: skip
    answer = doctor.diagnose(history=lambda _: [record])
    assert [(kind, 1)] == [(each["kind"], each["count"]) for each in answer["restarts"]["groups"]]


def test_a_history_that_cannot_be_read_is_a_finding(doctor: Doctor) -> None:
    """The tasks that ECS has forgotten are not seen then, so the service is not called healthy."""

    def refuse(_: float) -> list[TaskRecord]:
        raise RegistryError("Redis at redis:6379 refused the command")

    answer = doctor.diagnose(history=refuse)
    assert "unknown" == answer["verdict"]
    assert "the history failed: Redis at redis:6379" in finding(answer, "unseen_failed")["what"]


def test_the_newest_event_of_a_cause_is_shown_whatever_its_age(
    aws: Simulator, service: Service, doctor: Doctor
) -> None:
    """ECS does not repeat it for hours; once the service is steady it is only information."""
    service.say("(service lobby) was unable to place a task because no container instance met all")
    aws.clock.advance(3 * 3600)
    answer = doctor.diagnose()
    assert "failing" == finding(answer, "event_placement")["severity"]
    assert "event_placement" == answer["cause"]["kind"]
    service.say("(service lobby) has reached a steady state.")
    assert "info" == finding(doctor.diagnose(), "event_placement")["severity"]


@pytest.mark.parametrize(
    ("certificate", "severity", "said"),
    [
        (Certificate(days=90), "info", "it ends in 90.0 days"),
        (Certificate(days=20), "degraded", "it ends in 20.0 days"),
        (Certificate(days=5), "failing", "it ends in 5.0 days"),
        (Certificate(days=-2), "failing", "it has expired; it ended 2 days ago"),
        (Certificate(signed_by="itself"), "failing", "it is signed by itself"),
        (Certificate(signed_by="intermediate"), "failing", "its chain has a gap"),
        (Certificate(names=("elsewhere.invalid",)), "failing", "it is for another name"),
    ],
)
def test_a_certificate_is_judged_by_its_days_chain_and_name(
    aws: Simulator, service: Service, monkeypatch: pytest.MonkeyPatch,
    certificate: Certificate, severity: str, said: str,
) -> None:  # fmt: skip
    """Under 30 days it is a warning, under 7 it fails, and so does what no client trusts."""
    with WebHost(certificate) as web:
        monkeypatch.setenv("SSL_CERT_FILE", str(web.ca))
        doctor = Doctor(aws, service, monkeypatch, DOMAIN=f"localhost:{web.port}")
        answer = doctor.diagnose(request=Request(checks=("endpoints",)))
    found = next(each for each in answer["findings"] if each["kind"].startswith("certificate"))
    assert (severity, True) == (found["severity"], said in found["what"]), found


def test_an_endpoint_is_judged_by_its_status_and_time(
    aws: Simulator, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redirect is shown and not followed; what does not answer fails."""
    with WebHost(plain=True) as web:
        web.replies["/old"] = Reply(301, location=f"{web.url}/new")
        web.replies["/down"] = Reply(503)
        web.replies["/gone"] = Reply(404)
        paths = ("", "/old", "/down", "/gone")
        urls = [f"{web.url}{path}" for path in paths] + ["http://localhost:1/"]
        doctor = Doctor(aws, service, monkeypatch, HTTP_ENDPOINTS=",".join(urls))
        answer = doctor.diagnose(request=Request(checks=("endpoints",)))
    assert [200, 301, 503, 404, 0] == [each["status"] for each in answer["endpoints"]["http"]]
    assert f"{web.url}/new" == answer["endpoints"]["http"][1]["location"]
    assert {"endpoint_fails", "endpoint_down"} == kinds(answer, "failing")
    assert {"endpoint_refuses"} == kinds(answer, "degraded")


def test_nothing_is_written(aws: Simulator, service: Service, doctor: Doctor) -> None:
    """All calls read."""
    run_out_of_memory(aws, service, "loading")
    aws.calls.clear()
    doctor.diagnose()
    assert {
        "DescribeServices", "ListTasks", "DescribeTasks", "DescribeTaskDefinition",
        "DescribeTargetHealth", "FilterLogEvents", "GetLogEvents",
    } == {each.operation for each in aws.calls}  # fmt: skip
