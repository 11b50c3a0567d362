"""What fails says what to mend, and leaves the list as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from conftest import KEY, PASSWORD, Start, listed
from redis_helpers import everything, quick, rest, text

from simulator import faults
from simulator.ports import free_port
from simulator.proxy import Proxy

if TYPE_CHECKING:
    from simulator import Service, Simulator

PASSED = "arn:aws:secretsmanager:us-east-1:111122223333:secret:redis-AbCdEf"


LIST = (
    '[{"ip":"127.16.0.1","task_name":"lobby:1","update_time":"2026-01-01T00:00:00Z",'
    '"status":"RUNNING"}]'
)


def listed_before(aws: Simulator) -> Service:
    """A service of two tasks, one of which somebody has listed."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(2)
    aws.valkey.client().set(KEY, LIST)
    return service


def test_faulty_settings_are_told_together_before_anything_is_touched(
    aws: Simulator, start: Start
) -> None:
    """One SettingsError names each variable, what it holds and what it may hold."""
    service = listed_before(aws)
    before = everything(aws)
    with Proxy(aws.valkey.port) as proxy:
        faulty = {
            "ECS_CLUSTER_NAME": None,
            "REDIS_SECRET_ARN": PASSWORD,
            "RETRY_COUNT": "three",
            "HEALTH_CHECK_TIMEOUT": "-1",
            "REDIS_TLS": "perhaps",
        }
        function = start(quick(aws, service, REDIS_PORT=str(proxy.port), **faulty))
        for event in ({}, {"dry_run": True}, {"action": "status"}):
            said = function.invoke(event)
            assert "SettingsError" == said.error_type
            for told in (
                "Invalid configuration: ",
                "ECS_CLUSTER_NAME is not set, expected a cluster's name or ARN",
                "RETRY_COUNT='three', expected 1 to 100",
                "HEALTH_CHECK_TIMEOUT='-1'",
                "REDIS_TLS='perhaps', expected auto, true or false",
                "REDIS_SECRET_ARN (its value is not shown), expected the ARN of a secret",
            ):
                assert told in f"{said.error_message}"
        assert (0, []) == (proxy.connections, list(aws.calls))
    assert before == everything(aws)


def test_a_wrong_password_is_told_soon_and_tried_twice_at_most(
    aws: Simulator, start: Start
) -> None:
    """It costs seconds, two AUTHs and two looks at the secret; ECS is not asked at all."""
    service = listed_before(aws)
    aws.valkey.set_password("changed by hand")
    attempts = aws.valkey.auth_attempts().total
    secret = aws.secrets.put("theirs", PASSWORD)

    said = start(quick(aws, service, REDIS_SECRET_ARN=secret)).invoke({})

    assert ("RegistryError", True) == (said.error_type, said.duration < 6.0)
    assert "refused the password" in f"{said.error_message}"
    assert "REDIS_SECRET_ARN" in f"{said.error_message}"
    assert 1 <= aws.valkey.auth_attempts().total - attempts <= 2
    assert {"GetSecretValue"} == {call.operation for call in aws.calls}
    assert 1 <= len(aws.calls) <= 2
    assert LIST == text(aws)


def test_a_password_that_was_mended_is_found_without_a_restart(
    aws: Simulator, start: Start
) -> None:
    """The environment that was refused looks at the secret again at its next invocation."""
    service = listed_before(aws)
    secret = aws.secrets.put("theirs", "not yet")
    aws.valkey.set_password(PASSWORD)
    function = start(quick(aws, service, REDIS_SECRET_ARN=secret))
    assert "RegistryError" == function.invoke({}).error_type

    aws.secrets.put("theirs", PASSWORD)

    assert "published" == function.invoke({}).answer["outcome"]
    assert [task.ip for task in service.tasks] == listed(aws)


def test_a_password_that_is_wanted_and_not_given_is_told(aws: Simulator, start: Start) -> None:
    """Without REDIS_SECRET_ARN, a Redis with AUTH is a RegistryError that names the variable."""
    service = listed_before(aws)
    aws.valkey.set_password(PASSWORD)

    said = start(quick(aws, service, REDIS_SECRET_ARN=None)).invoke({})

    assert ("RegistryError", []) == (said.error_type, list(aws.calls))
    assert "wants a password: set REDIS_SECRET_ARN" in f"{said.error_message}"
    assert LIST == text(aws)


def test_a_password_that_is_given_and_not_wanted_is_told(aws: Simulator, start: Start) -> None:
    """A secret for a Redis without AUTH is a RegistryError that says which of them to change."""
    service = listed_before(aws)

    said = start(quick(aws, service, REDIS_SECRET_ARN=aws.secrets.put("theirs", PASSWORD))).invoke(
        {}
    )

    assert "RegistryError" == said.error_type
    assert "has no password, but was sent one" in f"{said.error_message}"
    assert LIST == text(aws)


def test_a_secret_without_a_password_names_its_keys_and_no_value(
    aws: Simulator, start: Start
) -> None:
    """It is a SecretError before any connection to Redis."""
    service = listed_before(aws)
    secret = aws.secrets.put("theirs", "")
    with Proxy(aws.valkey.port) as proxy:
        settings = {"REDIS_SECRET_ARN": secret, "REDIS_PORT": str(proxy.port)}
        function = start(quick(aws, service, **settings))
        for value, told in (
            (
                json.dumps({"user": "me", "pwd": PASSWORD}),
                "holds no password, only ['pwd', 'user']",
            ),
            (json.dumps({"password": ""}), "holds no password, only ['password']"),
            (json.dumps({"password": {"of": PASSWORD}}), "holds no password, only ['password']"),
            (f'{{"password": "{PASSWORD}"', "begins like a JSON object, but is none"),
            (json.dumps({"password": PASSWORD})[:-1] + "}}", "begins like a JSON object"),
            ("  ", "is empty"),
        ):
            aws.secrets.put("theirs", value)
            said = function.invoke({})
            assert "SecretError" == said.error_type
            assert f"secret {secret} {told}" in f"{said.error_message}"

        assert 0 == proxy.connections
    assert LIST == text(aws)


def test_a_secret_that_cannot_be_had_is_told_apart(aws: Simulator, start: Start) -> None:
    """No such secret, no permission and no answer name the secret and three different cures."""
    service = listed_before(aws)
    function = start(quick(aws, service, REDIS_SECRET_ARN=PASSED))

    said = function.invoke({})
    assert "SecretError" == said.error_type
    assert f"secretsmanager:GetSecretValue for {PASSED} answered" in f"{said.error_message}"
    assert "set REDIS_SECRET_ARN to a secret of this account" in f"{said.error_message}"

    aws.faults.set("GetSecretValue", faults.denied)
    said = function.invoke({})
    assert "SecretError" == said.error_type
    assert "grant the action to the function's role" in f"{said.error_message}"

    aws.refuse()
    said = function.invoke({})
    assert "SecretError" == said.error_type
    assert "interface endpoint" in f"{said.error_message}"
    assert LIST == text(aws)


def test_a_redis_that_is_not_there_is_told_before_aws_is_asked(
    aws: Simulator, start: Start
) -> None:
    """Where nothing can be published nothing is listed: the error names host, port and cures."""
    service = listed_before(aws)
    port = str(free_port())

    said = start(quick(aws, service, REDIS_PORT=port)).invoke({})

    assert ("RegistryError", []) == (said.error_type, list(aws.calls))
    assert f"Redis at 127.0.0.1:{port} cannot be reached" in f"{said.error_message}"
    assert "security groups" in f"{said.error_message}"


def test_a_function_without_credentials_or_region_is_told(aws: Simulator, start: Start) -> None:
    """A missing role or region is an EcsError that says so, and not the SDK's exception."""
    service = listed_before(aws)
    for missing in (
        {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
        {"AWS_REGION": None, "AWS_DEFAULT_REGION": None},
    ):
        said = start(quick(aws, service, HOME="/nonexistent", **missing)).invoke({})

        assert (missing, "EcsError") == (missing, said.error_type)
        assert "give the function a role and a region" in f"{said.error_message}"
        assert LIST == text(aws)


def test_a_run_that_failed_leaves_the_place_to_the_next(aws: Simulator, start: Start) -> None:
    """After an error the next invocation runs at once, in the same environment or another."""
    service = listed_before(aws)
    function, other = start(quick(aws, service)), start(quick(aws, service))
    for next_one in (function, other):
        aws.faults.set("ListTasks", faults.denied, times=1)
        assert "EcsError" == function.invoke({}).error_type
        rest(aws)
        assert "published" == next_one.invoke({}).answer["outcome"]
        rest(aws)


def test_every_error_is_chained_to_its_cause(aws: Simulator, start: Start) -> None:
    """The trace in the log leads to the SDK's own exception."""
    service = listed_before(aws)
    function = start(quick(aws, service))
    aws.faults.set("DescribeTasks", faults.denied)

    said = function.invoke({})

    assert "botocore.errorfactory.AccessDeniedException" in said.trace
    assert "direct cause" in said.trace
