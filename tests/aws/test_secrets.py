"""The formats of a secret, and the error for a secret without a password."""

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
    """The password in a JSON secret may have any of six names, in any case."""
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
    """Text that does not begin like a JSON object is the password, without surrounding
    whitespace."""
    assert (expected,) == parse_secret(text, ARN)


@pytest.mark.parametrize("name", ["username", "Username", "USERNAME"])
def test_a_username_beside_it_is_for_acl_users(name: str) -> None:
    """Username and password come in the order of the arguments of AUTH."""
    text = json.dumps({"password": PASSWORD, name: "discovery"})
    assert ("discovery", PASSWORD) == parse_secret(text, ARN)


@pytest.mark.parametrize("username", ["", None, 7, ["discovery"]])
def test_an_invalid_username_is_ignored(username: Any) -> None:
    """Without a valid username the default user logs in with the password alone."""
    text = json.dumps({"password": PASSWORD, "username": username})
    assert (PASSWORD,) == parse_secret(text, ARN)


def test_the_names_have_an_order() -> None:
    """If a secret has several of the names, the first in the contract's order is used."""
    order = ("password", "redis_password", "auth_token", "authToken", "token", "secret")
    content = {name: f"under {name}" for name in reversed(order)}
    for name in order:
        assert (f"under {name}",) == parse_secret(json.dumps(content), ARN)
        del content[name]


@pytest.mark.parametrize("other", ["", None, 5, {}])
def test_a_name_without_a_password_is_skipped(other: Any) -> None:
    """An empty `password` does not hide a token beside it."""
    assert (PASSWORD,) == parse_secret(json.dumps({"password": other, "token": PASSWORD}), ARN)


def test_a_password_keeps_the_space_inside_json() -> None:
    """The quotes in JSON delimit the password, so its whitespace is kept."""
    assert (f" {PASSWORD} ",) == parse_secret(json.dumps({"password": f" {PASSWORD} "}), ARN)


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_secret_is_refused(text: str) -> None:
    """An empty secret holds no password."""
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
def test_broken_json_is_refused_without_being_repeated(text: str) -> None:
    """Law 7: neither the error nor its chain holds the secret's text, unlike a JSONDecodeError."""
    error = refused(text)
    assert "begins like a JSON object, but is none" in str(error)
    assert PASSWORD not in str(error)
    assert (None, None) == (error.__cause__, error.__context__)


def test_json_nested_too_deep_is_broken_json() -> None:
    """A secret of 64 KB can nest deeper than Python parses. This is a SecretError too."""
    refused('{"a":' * 10_900 + "1" + "}" * 10_900)


@pytest.mark.parametrize(
    "content",
    [
        {"pass": PASSWORD},
        {"passwd": PASSWORD, "user": "discovery"},
        {"password": ""},
        {"password": None, "token": 12345678},
        {"credentials": {"password": PASSWORD}},
        {},
    ],
)
def test_a_secret_without_a_password_names_its_keys_and_no_value(content: dict[str, Any]) -> None:
    """The error lists the secret's keys and the key that the password should have."""
    message = str(refused(json.dumps(content)))
    assert f"holds no password, only {sorted(content)}" in message
    assert "put it under 'password'" in message
    for value in (PASSWORD, "discovery", "12345678"):
        assert value not in message
