"""The formats of a secret, and what is told of one that holds no password."""

from __future__ import annotations

import json
from typing import Any

import pytest

from discovery.errors import SecretError
from discovery.store.credentials import parse_secret

ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:redis-AbCdEf"
PASSWORD = "hunter2-Zx9"


def refused(text: str) -> SecretError:
    with pytest.raises(SecretError) as caught:
        parse_secret(text, ARN)
    assert ARN in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "redis_password",
        "auth_token",
        "authToken",
        "token",
        "secret",
        "Password",
        "PASSWORD",
        "Redis_Password",
        "AUTH_TOKEN",
        "AuthToken",
        "authtoken",
        "Token",
        "SECRET",
    ],
)
def test_the_password_is_found_under_each_name_of_the_contract(name: str) -> None:
    """JSON with the password under one of six names, in any case."""
    text = json.dumps({"engine": "redis", name: PASSWORD, "port": 6379})
    assert (PASSWORD,) == parse_secret(text, ARN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PASSWORD, PASSWORD),
        (f"  {PASSWORD}\n", PASSWORD),
        ("two words", "two words"),
        ("pässwörd✓", "pässwörd✓"),
        ('"quoted"', '"quoted"'),
        ("[1]", "[1]"),
        ("null", "null"),
        ("12345678", "12345678"),
        ("a{b}", "a{b}"),
    ],
)
def test_a_plain_string_is_the_password(text: str, expected: str) -> None:
    """Whatever does not begin like a JSON object is the password, less the space around it."""
    assert (expected,) == parse_secret(text, ARN)


@pytest.mark.parametrize("name", ["username", "Username", "USERNAME"])
def test_a_username_beside_it_is_for_acl_users(name: str) -> None:
    """Username and password, in the order in which AUTH takes them."""
    text = json.dumps({"password": PASSWORD, name: "discovery"})
    assert ("discovery", PASSWORD) == parse_secret(text, ARN)


@pytest.mark.parametrize("username", ["", None, 7, ["discovery"]])
def test_a_username_that_is_none_does_not_count(username: Any) -> None:
    """The default user logs in with the password alone."""
    text = json.dumps({"password": PASSWORD, "username": username})
    assert (PASSWORD,) == parse_secret(text, ARN)


def test_the_names_have_an_order() -> None:
    """Where several are there, the first of the contract's list is taken, whatever comes first."""
    order = ("password", "redis_password", "auth_token", "authToken", "token", "secret")
    held = {name: f"under {name}" for name in reversed(order)}
    for name in order:
        assert (f"under {name}",) == parse_secret(json.dumps(held), ARN)
        del held[name]


@pytest.mark.parametrize("other", ["", None, 5, {}])
def test_a_name_without_a_password_is_passed_over(other: Any) -> None:
    """An empty `password` does not hide a token that is there."""
    assert (PASSWORD,) == parse_secret(json.dumps({"password": other, "token": PASSWORD}), ARN)


def test_a_password_keeps_the_space_inside_json() -> None:
    """In JSON the quotes say where the password begins and ends."""
    assert (f" {PASSWORD} ",) == parse_secret(json.dumps({"password": f" {PASSWORD} "}), ARN)


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_secret_is_refused(text: str) -> None:
    """There is nothing in it to log in with."""
    assert "is empty: put the password in it" in str(refused(text))


@pytest.mark.parametrize(
    "text",
    [
        f'{{"password": "{PASSWORD}"',
        f'{{"password": "{PASSWORD}",}}',
        f"{{'password': '{PASSWORD}'}}",
        f"{{{PASSWORD}}}",
        f'{{"password": "{PASSWORD}"}} and more',
    ],
)
def test_broken_json_is_refused_without_a_word_of_it(text: str) -> None:
    """Law 7: neither the error nor its chain carries the text, as the decoder's own would."""
    error = refused(text)
    assert "begins like a JSON object, but is none" in str(error)
    assert PASSWORD not in str(error)
    assert (None, None) == (error.__cause__, error.__context__)


def test_json_nested_too_deep_is_broken_json() -> None:
    """A secret of 64 KB can be nested deeper than Python reads: that is the planned error too."""
    refused('{"a":' * 10_900 + "1" + "}" * 10_900)


@pytest.mark.parametrize(
    "held",
    [
        {"pass": PASSWORD},
        {"passwd": PASSWORD, "user": "discovery"},
        {"password": ""},
        {"password": None, "token": 12345678},
        {"credentials": {"password": PASSWORD}},
        {},
    ],
)
def test_a_secret_without_a_password_names_its_keys_and_no_value(held: dict[str, Any]) -> None:
    """The person on call learns what is there and where the password belongs."""
    told = str(refused(json.dumps(held)))
    assert f"holds no password, only {sorted(held)}" in told
    assert "put it under 'password'" in told
    for value in (PASSWORD, "discovery", "12345678"):
        assert value not in told
