"""Each error names what failed and how to correct it, and leaves the published list unchanged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from conftest import KEY, PASSWORD, Start, listed
from redis_helpers import everything, quick, rest, text

from simulator import faults
from simulator.ports import bind_free, port_of
from simulator.proxy import Proxy

if TYPE_CHECKING:
    from simulator import Service, Simulator

PASSED = "arn:aws:secretsmanager:us-east-1:111122223333:secret:redis-AbCdEf"


LIST = (
    '[{"ip":"127.16.0.1","task_name":"lobby:1","update_time":"2026-01-01T00:00:00Z",'
    '"status":"RUNNING"}]'
)


def listed_before(aws: Simulator) -> Service:
    """Create a service of two tasks, and a list in Redis that holds one of them."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(2)
    aws.valkey.client().set(KEY, LIST)
    return service


def test_all_invalid_settings_are_reported_before_anything_is_called(
    aws: Simulator, start: Start
) -> None:
    """One SettingsError names each invalid variable, its value and the values that are allowed."""
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
            invocation = function.invoke(event)
            assert "SettingsError" == invocation.error_type
            for expected in (
                "Invalid configuration: ",
                "ECS_CLUSTER_NAME is not set, expected a cluster's name or ARN",
                "RETRY_COUNT='three', expected 1 to 100",
                "HEALTH_CHECK_TIMEOUT='-1'",
                "REDIS_TLS='perhaps', expected auto, true or false",
                "REDIS_SECRET_ARN (its value is not shown), expected the ARN of a secret",
            ):
                assert expected in f"{invocation.error_message}"
        assert (0, []) == (proxy.connections, list(aws.calls))
    assert before == everything(aws)


def test_a_wrong_password_fails_fast_after_at_most_two_attempts(
    aws: Simulator, start: Start
) -> None:
    """The error takes seconds, with at most two AUTHs and two reads of the secret. It makes no ECS
    call."""
    service = listed_before(aws)
    aws.valkey.set_password("changed by hand")
    attempts = aws.valkey.auth_attempts().total
    secret = aws.secrets.put("theirs", PASSWORD)

    invocation = start(quick(aws, service, REDIS_SECRET_ARN=secret)).invoke({})

    assert ("RegistryError", True) == (invocation.error_type, invocation.duration < 6.0)
    assert "refused the password" in f"{invocation.error_message}"
    assert "REDIS_SECRET_ARN" in f"{invocation.error_message}"
    assert 1 <= aws.valkey.auth_attempts().total - attempts <= 2
    assert {"GetSecretValue"} == {call.operation for call in aws.calls}
    assert 1 <= len(aws.calls) <= 2
    assert LIST == text(aws)


def test_a_corrected_password_is_read_without_a_restart(aws: Simulator, start: Start) -> None:
    """An environment whose password was refused reads the secret again at its next invocation."""
    service = listed_before(aws)
    secret = aws.secrets.put("theirs", "not yet")
    aws.valkey.set_password(PASSWORD)
    function = start(quick(aws, service, REDIS_SECRET_ARN=secret))
    assert "RegistryError" == function.invoke({}).error_type

    aws.secrets.put("theirs", PASSWORD)

    assert "published" == function.invoke({}).answer["outcome"]
    assert [task.ip for task in service.tasks] == listed(aws)


def test_a_missing_password_is_reported(aws: Simulator, start: Start) -> None:
    """If Redis requires AUTH, a missing REDIS_SECRET_ARN is a RegistryError that names the
    variable."""
    service = listed_before(aws)
    aws.valkey.set_password(PASSWORD)

    invocation = start(quick(aws, service, REDIS_SECRET_ARN=None)).invoke({})

    assert ("RegistryError", []) == (invocation.error_type, list(aws.calls))
    assert "wants a password: set REDIS_SECRET_ARN" in f"{invocation.error_message}"
    assert LIST == text(aws)


def test_an_unnecessary_password_is_reported(aws: Simulator, start: Start) -> None:
    """If Redis has no password, a secret is a RegistryError that names the setting to change."""
    service = listed_before(aws)

    invocation = start(
        quick(aws, service, REDIS_SECRET_ARN=aws.secrets.put("theirs", PASSWORD))
    ).invoke({})

    assert "RegistryError" == invocation.error_type
    assert "has no password, but was sent one" in f"{invocation.error_message}"
    assert LIST == text(aws)


def test_a_secret_without_a_password_names_its_keys_and_no_value(
    aws: Simulator, start: Start
) -> None:
    """A secret without a password is a SecretError, raised before any connection to Redis."""
    service = listed_before(aws)
    secret = aws.secrets.put("theirs", "")
    with Proxy(aws.valkey.port) as proxy:
        settings = {"REDIS_SECRET_ARN": secret, "REDIS_PORT": str(proxy.port)}
        function = start(quick(aws, service, **settings))
        for value, expected in (
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
            invocation = function.invoke({})
            assert "SecretError" == invocation.error_type
            assert f"secret {secret} {expected}" in f"{invocation.error_message}"

        assert 0 == proxy.connections
    assert LIST == text(aws)


def test_each_failure_to_read_the_secret_names_its_own_remedy(aws: Simulator, start: Start) -> None:
    """A missing secret, a denied call and a timeout each name the secret and their own remedy."""
    service = listed_before(aws)
    function = start(quick(aws, service, REDIS_SECRET_ARN=PASSED))

    invocation = function.invoke({})
    assert "SecretError" == invocation.error_type
    assert f"secretsmanager:GetSecretValue for {PASSED} answered" in f"{invocation.error_message}"
    assert "set REDIS_SECRET_ARN to a secret of this account" in f"{invocation.error_message}"

    aws.faults.set("GetSecretValue", faults.denied)
    invocation = function.invoke({})
    assert "SecretError" == invocation.error_type
    assert "grant the action to the function's role" in f"{invocation.error_message}"

    aws.refuse()
    invocation = function.invoke({})
    assert "SecretError" == invocation.error_type
    assert "interface endpoint" in f"{invocation.error_message}"
    assert LIST == text(aws)


def test_an_unreachable_redis_is_reported_before_any_aws_call(aws: Simulator, start: Start) -> None:
    """If Redis is unreachable, ECS is not called. The error names host, port and remedies."""
    service = listed_before(aws)
    with bind_free() as bound:  # held, so that no other test's server takes it
        port = str(port_of(bound))
        invocation = start(quick(aws, service, REDIS_PORT=port)).invoke({})

    assert ("RegistryError", []) == (invocation.error_type, list(aws.calls))
    assert f"Redis at 127.0.0.1:{port} cannot be reached" in f"{invocation.error_message}"
    assert "security groups" in f"{invocation.error_message}"


def test_missing_credentials_or_region_are_reported(aws: Simulator, start: Start) -> None:
    """A missing role or region is an EcsError with its remedy, not the SDK's exception."""
    service = listed_before(aws)
    for missing in (
        {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
        {"AWS_REGION": None, "AWS_DEFAULT_REGION": None},
    ):
        invocation = start(quick(aws, service, HOME="/nonexistent", **missing)).invoke({})

        assert (missing, "EcsError") == (missing, invocation.error_type)
        assert "give the function a role and a region" in f"{invocation.error_message}"
        assert LIST == text(aws)


def test_a_failed_run_releases_its_lease(aws: Simulator, start: Start) -> None:
    """After an error the next invocation gets the lease at once, in any environment."""
    service = listed_before(aws)
    function, other = start(quick(aws, service)), start(quick(aws, service))
    for next_one in (function, other):
        aws.faults.set("ListTasks", faults.denied, times=1)
        assert "EcsError" == function.invoke({}).error_type
        rest(aws)
        assert "published" == next_one.invoke({}).answer["outcome"]
        rest(aws)


def test_every_error_is_chained_to_its_cause(aws: Simulator, start: Start) -> None:
    """The traceback in the log ends at the SDK's own exception."""
    service = listed_before(aws)
    function = start(quick(aws, service))
    aws.faults.set("DescribeTasks", faults.denied)

    invocation = function.invoke({})

    assert "botocore.errorfactory.AccessDeniedException" in invocation.trace
    assert "direct cause" in invocation.trace
