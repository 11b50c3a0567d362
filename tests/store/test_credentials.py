"""The Redis password: where it comes from, how it is rotated, and what a refusal costs."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING

import boto3
import pytest
from conftest import IMPATIENT, KEY, PASSWORD, ROOT, listed
from redis_helpers import quick, text

from discovery.aws.secrets import fetch
from discovery.store.client import open_client
from discovery.store.credentials import SecretCredentials
from simulator import Delays, Function, events, faults
from simulator.processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Start

    from simulator import Invocation, Service, Simulator

NEW = f"{PASSWORD}-new"  # law 7 is watched for this one too


def served(aws: Simulator) -> Service:
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    return service


def invoke(aws: Simulator, function: Function) -> tuple[Invocation, int, int, int]:
    """Invoke; with it the AUTHs that Redis got, those it refused, and the looks at the secret."""
    before, looks = aws.valkey.auth_attempts(), len(aws.calls.of("GetSecretValue"))
    said = function.invoke({})
    after = aws.valkey.auth_attempts()
    sent, failed = after.total - before.total, after.failed - before.failed
    return said, sent, failed, len(aws.calls.of("GetSecretValue")) - looks


def rotate(aws: Simulator) -> None:
    """The end of a rotation: the old password and the connections that used it are gone."""
    aws.secrets.put("redis", NEW)
    aws.valkey.set_password(NEW)
    aws.valkey.close_clients()


def test_each_form_of_a_secret_opens_redis(aws: Simulator) -> None:
    """A plain string, bytes, and JSON under each of the contract's names, in any case."""
    aws.valkey.set_password(PASSWORD)
    manager = boto3.client(
        "secretsmanager",
        endpoint_url=aws.url,
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="example",
    )
    names = ("password", "redis_password", "auth_token", "authToken", "TOKEN", "Secret")
    forms: list[str | bytes] = [PASSWORD, PASSWORD.encode()]
    forms += [json.dumps({name: PASSWORD}) for name in names]
    for form in forms:
        arn = aws.secrets.put("any", form)
        credentials = SecretCredentials(partial(fetch, lambda: manager, arn), arn)
        credentials.renew(None)
        client = open_client("127.0.0.1", aws.valkey.port, False, False, credentials)
        assert client.ping()
        client.close()


def test_a_username_beside_the_password_logs_that_user_in(aws: Simulator, start: Start) -> None:
    """An ACL user reads and writes, where the default user's password is another."""
    aws.valkey.set_password("another")
    service = served(aws)
    secret = a_user(aws, "~* &* +@all")
    function = start(quick(aws, service, REDIS_SECRET_ARN=secret))
    assert "published" == function.invoke({}).answer["outcome"]
    assert [task.ip for task in service.tasks] == listed(aws)


def test_the_secret_is_fetched_once(aws: Simulator, start: Start) -> None:
    """Neither a further invocation nor a new connection looks at it again."""
    aws.valkey.set_password(PASSWORD)
    function = start(quick(aws, served(aws)))
    said, sent, failed, looks = invoke(aws, function)
    assert ("published", 1, 0, 1) == (said.answer["outcome"], sent, failed, looks)
    said, sent, failed, looks = invoke(aws, function)
    assert ("published", 0, 0, 0) == (said.answer["outcome"], sent, failed, looks)
    aws.valkey.close_clients()
    said, sent, failed, looks = invoke(aws, function)
    assert ("published", 1, 0, 0) == (said.answer["outcome"], sent, failed, looks)


def test_a_rotation_between_invocations_heals_by_itself(aws: Simulator, start: Start) -> None:
    """The first invocation after it publishes, for one refusal and one look at the secret."""
    aws.valkey.set_password(PASSWORD)
    function = start(quick(aws, served(aws)))
    assert "published" == function.invoke({}).answer["outcome"]
    rotate(aws)
    said, sent, failed, looks = invoke(aws, function)
    assert (None, 2, 1, 1) == (said.error_message, sent, failed, looks)
    assert "published" == said.answer["outcome"]
    said, sent, failed, looks = invoke(aws, function)
    assert ("published", 0, 0, 0) == (said.answer["outcome"], sent, failed, looks)


def test_a_rotation_in_the_middle_of_a_run_heals_by_itself(aws: Simulator, start: Start) -> None:
    """The run that is at work when its connection is closed goes on with the new password."""
    aws.valkey.set_password(PASSWORD)
    service = served(aws)
    function = start(quick(aws, service))
    seen: list[str] = []

    def once(_: object) -> None:
        aws.on_call = None
        seen.append("a listing")
        rotate(aws)

    function.invoke({"action": "status"})  # it is in, with the old password
    aws.on_call = once
    said, sent, failed, looks = invoke(aws, function)
    assert (["a listing"], None) == (seen, said.error_message)
    assert (2, 1, 1) == (sent, failed, looks)
    assert [task.ip for task in service.tasks] == listed(aws)


def test_while_two_passwords_are_valid_nobody_is_refused(aws: Simulator, start: Start) -> None:
    """ElastiCache takes both for a while: the old one goes on, and what starts has the new."""
    aws.valkey.set_password(PASSWORD)
    service = served(aws)
    settings = quick(aws, service)
    warm = start(settings)
    warm.invoke({})
    aws.secrets.put("redis", NEW)
    aws.valkey.set_passwords([PASSWORD, NEW])
    aws.valkey.close_clients()
    for function in (warm, start(settings)):
        said, _, failed, _ = invoke(aws, function)
        assert ("published", 0) == (said.answer["outcome"], failed)
    rotate(aws)
    said, sent, failed, looks = invoke(aws, warm)
    assert (None, 2, 1, 1) == (said.error_message, sent, failed, looks)


def test_half_a_rotation_stops_only_what_starts_in_it(aws: Simulator, start: Start) -> None:
    """While the secret is ahead of the server, a warm environment gets in again with what it
    has; a new one says what is wrong, changes nothing, and gets in when the server follows."""
    aws.valkey.set_password(PASSWORD)
    service = served(aws)
    settings = quick(aws, service)
    warm = start(settings)
    warm.invoke({})
    aws.secrets.put("redis", NEW)
    aws.valkey.close_clients()
    said, sent, failed, looks = invoke(aws, warm)
    assert ("published", 1, 0, 0) == (said.answer["outcome"], sent, failed, looks)
    before = text(aws)
    cold = start(settings)
    said = cold.invoke({})
    assert "RegistryError" == said.error_type
    assert "put the server's password into the secret" in f"{said.error_message}"
    assert before == text(aws)
    aws.valkey.set_password(NEW)
    assert "published" == cold.invoke({}).answer["outcome"]


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_each_invocation_that_is_refused_costs_little(
    aws: Simulator, start: Start, warm: bool
) -> None:
    """One AUTH and one fresh look, however often it is invoked: nobody is locked out."""
    aws.valkey.set_password(PASSWORD if warm else "changed by hand")
    secret = aws.secrets.put("theirs", PASSWORD)
    function = start(quick(aws, served(aws), REDIS_SECRET_ARN=secret))
    if warm:
        function.invoke({})
        aws.valkey.set_password("changed by hand")
        aws.valkey.close_clients()
    before = text(aws)
    for invocation in range(3):
        said, sent, failed, looks = invoke(aws, function)
        assert ("RegistryError", True) == (said.error_type, said.duration < 6.0)
        assert "REDIS_SECRET_ARN" in f"{said.error_message}"
        fetched = 0 if warm or invocation else 1
        assert (1, 1, 1 + fetched) == (sent, failed, looks)
    assert before == text(aws)
    aws.secrets.put("theirs", "changed by hand")
    assert "published" == function.invoke({}).answer["outcome"]


def test_a_refusal_in_the_middle_of_a_run_costs_no_more(aws: Simulator, start: Start) -> None:
    """The lease's renewal knocks once, and the publication after it: two AUTHs, each with its
    look, and no more while a long listing goes on."""
    aws.valkey.set_password(PASSWORD)
    function = start(quick(aws, served(aws)))
    function.invoke({})

    def lock_out(_: object) -> None:
        aws.on_call = None
        aws.valkey.set_password("changed by hand")
        aws.valkey.close_clients()

    aws.on_call = lock_out
    aws.faults.set("ListTasks", faults.slow(4.4))  # a renewal comes after 2 s, and would after 4
    said, sent, failed, looks = invoke(aws, function)
    assert ("RegistryError", 2, 2, 2) == (said.error_type, sent, failed, looks)


def test_secrets_manager_that_hangs_at_the_fresh_look_is_named(
    aws: Simulator, start: Start
) -> None:
    """Redis refused the password soon; it is not Redis that kept the function waiting."""
    aws.valkey.set_password(PASSWORD)
    function = start(quick(aws, served(aws)))
    function.invoke({})
    before = text(aws)
    rotate(aws)
    aws.faults.set("GetSecretValue", faults.hangs)
    said = function.invoke({}, timeout=2.0)
    assert ("SecretError", False) == (said.error_type, said.timed_out)
    assert "Secrets Manager did not answer" in f"{said.error_message}"
    assert before == text(aws)
    aws.faults.clear()
    assert "published" == function.invoke({}).answer["outcome"]


def test_a_secret_that_is_absent_is_told(aws: Simulator, start: Start) -> None:
    """It is a SecretError that names the secret and the variable; Redis is not bothered."""
    aws.valkey.set_password(PASSWORD)
    gone = aws.secrets.put("redis", PASSWORD)[:-6] + "gone00"
    said, sent, _, _ = invoke(aws, start(quick(aws, served(aws), REDIS_SECRET_ARN=gone)))
    assert ("SecretError", 0) == (said.error_type, sent)
    for words in (gone, "ResourceNotFoundException", "set REDIS_SECRET_ARN to a secret"):
        assert words in f"{said.error_message}"


def test_the_password_stays_out_of_a_log_at_debug(
    aws: Simulator, product_python: str, tmp_path: Path
) -> None:
    """Law 7: Lambda's log settings can put the root logger at DEBUG, where botocore would log
    the answers that it gets, the secret's among them."""
    (tmp_path / "all_of_it.py").write_text(
        "import logging, sys\n"
        "logging.getLogger().setLevel(logging.DEBUG)\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from lambda_function import lambda_handler\n"
    )
    aws.valkey.set_password(PASSWORD)
    settings = quick(aws, served(aws), LOG_LEVEL="DEBUG")
    handler = "all_of_it.lambda_handler"
    with Function(settings, root=tmp_path, python=product_python, handler=handler) as function:
        said = function.invoke({})
    assert "published" == said.answer["outcome"]
    assert any("DEBUG" in line for line in said.log)  # urllib3, for one, does talk
    assert PASSWORD not in "".join(said.log)


def documented(cluster: bool = False) -> str:
    """The rules that docs/contract.md gives for an ACL user."""
    contract = " ".join((ROOT / "docs" / "contract.md").read_text().split())
    (found,) = re.findall(r"An ACL user needs `(.+?)` \(in cluster mode `(.+?)` too\)", contract)
    return " ".join(found[: 1 + cluster]).replace("<key>", KEY)


def a_user(aws: Simulator, rules: str) -> str:
    """The secret of an ACL user with these rules."""
    aws.valkey.add_user("discovery", PASSWORD, rules)
    return aws.secrets.put("user", json.dumps({"username": "discovery", "password": PASSWORD}))


def test_the_documented_rules_are_enough(aws: Simulator, start: Start) -> None:
    """A user with those and no others can do all: sync, a withdrawal, an expiring list, status."""
    service = served(aws)
    service.start_task()
    secret = a_user(aws, documented())
    function = start(quick(aws, service, REDIS_SECRET_ARN=secret, REDIS_KEY_TTL="60"))
    for event in ({}, {"dry_run": True}, {"action": "status"}):
        assert function.invoke(event).error_message is None
    aws.events.take()
    service.tasks[0].stop()
    (stopped,) = aws.events.take()
    assert [service.tasks[0].ip] == function.invoke(stopped).answer["removed"]


def test_the_documented_rules_are_enough_for_a_recycle(aws: Simulator, start: Start) -> None:
    """From its start over each command to its end, when its record gets an expiry."""
    service = aws.ecs.create_service("arcade", "lobby", desired=1, steady=True)
    service.delays = Delays().times(0.02)
    secret = a_user(aws, documented())
    settings = quick(
        aws, service, RECYCLE="true", REDIS_SECRET_ARN=secret, ECS_CALLS_PER_SECOND="20"
    )
    function = start(settings, handler=IMPATIENT)
    aws.clock.run()
    recycle = {"action": "recycle"}
    for event in (
        recycle | {"drain_time": 0, "wait_time": 0},
        *(recycle | {"command": word} for word in ("status", "pause", "resume")),
    ):
        assert function.invoke(event).error_message is None

    def ended() -> bool:
        said = function.invoke(events.scheduled())
        assert [] == [line for line in said.log if "denies this user" in line]
        return aws.valkey.client().ttl("{" + KEY + "}:recycle") > 0

    wait_until(ended, "the recycle has ended", 40)
    aws.clock.stop()
    assert "recycled" == function.invoke(recycle | {"command": "status"}).answer["outcome"]


def test_a_user_that_may_too_little_changes_nothing(aws: Simulator, start: Start) -> None:
    """What is missing is named, and the list is whole as it was: not half of it is written."""
    service = served(aws)
    start(quick(aws, service)).invoke({})
    before = text(aws)
    service.start_task()
    function = start(quick(aws, service, REDIS_SECRET_ARN=a_user(aws, documented())))
    for rules in (
        "~* &* +get",  # no scripts
        "~ecs:* &* +@all",  # these keys not
        "~* &* +@all -hset",  # a command in the script not
        "~* +@all resetchannels",  # no channel
    ):
        a_user(aws, rules)
        said = function.invoke({})
        assert (rules, "RegistryError") == (rules, said.error_type)
        assert "denies this user a command or key" in f"{said.error_message}"
        assert before == text(aws)
    aws.events.take()
    service.tasks[0].stop()
    (stopped,) = aws.events.take()
    assert "denies this user a command or key" in f"{function.invoke(stopped).error_message}"
    assert before == text(aws)
