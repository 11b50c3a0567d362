"""Settings from environment variables: defaults, limits, and one error for all faults."""

from __future__ import annotations

from typing import Any

import pytest
from builders import CLUSTER_ARN, ENV, SERVICE_ARN, settings

from discovery.errors import SettingsError
from discovery.settings import ProcessSettings, ServiceSettings, Settings, from_env

SECRET_ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/redis-AbCdEf"
ELASTICACHE = "lobby.x1y2z3.ng.0001.use1.cache.amazonaws.com"
LONGEST_NAME = ".".join(["a" * 63] * 3 + ["b" * 61])
REQUIRED = ("ECS_CLUSTER_NAME", "ECS_SERVICE_NAME", "REDIS_HOST", "REDIS_KEY")


def refused(env: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        from_env(env)
    assert caught.value.__context__ is None  # a chained exception would repeat the hidden values
    return str(caught.value)


def test_an_unset_variable_has_the_contracts_default() -> None:
    """Four variables are required. Every other variable has the contract's default."""
    process = ProcessSettings(
        redis_host="redis.internal",
        redis_port=6379,
        secret_arn="",
        tls_choice="auto",
        redis_cluster=False,
        metrics_namespace="ECSTaskDiscovery",
        log_level="INFO",
    )
    service = ServiceSettings(
        cluster="arcade",
        service="lobby",
        key="ecs:task:iplist",
        port=80,
        rounds=3,
        interval=5.0,
        connect_timeout=2.0,
        concurrency=500,
        panic_percent=0.0,
        calls_per_second=10.0,
        key_ttl=0,
        recycle=False,
        history=False,
        topic_arn="",
        mail_secret_arn="",
        diagnose=False,
        http_endpoints=(),
        domain=(),
        log_pattern="",
    )
    expected = Settings(process, service)
    assert expected == from_env(ENV)


@pytest.mark.parametrize(
    ("name", "text", "attribute", "expected"),
    [
        ("ECS_CLUSTER_NAME", "casino_2", "cluster", "casino_2"),
        ("ECS_CLUSTER_NAME", CLUSTER_ARN, "cluster", CLUSTER_ARN),
        ("ECS_CLUSTER_NAME", CLUSTER_ARN, "cluster_name", "arcade"),
        ("ECS_SERVICE_NAME", SERVICE_ARN, "service", SERVICE_ARN),
        ("ECS_SERVICE_NAME", SERVICE_ARN, "service_name", "lobby"),
        (
            "ECS_SERVICE_NAME",
            "arn:aws-cn:ecs:cn-north-1:111122223333:service/lobby",
            "service_name",
            "lobby",
        ),
        ("REDIS_HOST", "10.0.0.1", "redis_host", "10.0.0.1"),
        ("REDIS_HOST", "fd00::1", "redis_host", "fd00::1"),
        ("REDIS_HOST", ELASTICACHE, "redis_host", ELASTICACHE),
        ("REDIS_PORT", "65535", "redis_port", 65535),
        ("REDIS_SECRET_ARN", SECRET_ARN, "secret_arn", SECRET_ARN),
        ("REDIS_KEY", "a{b}c", "key", "a{b}c"),
        ("HEALTH_CHECK_PORT", "1", "port", 1),
        ("RETRY_COUNT", "1", "rounds", 1),
        ("RETRY_COUNT", "100", "rounds", 100),
        ("RETRY_INTERVAL", "0", "interval", 0.0),
        ("RETRY_INTERVAL", "0.5", "interval", 0.5),
        ("HEALTH_CHECK_TIMEOUT", "0.25", "connect_timeout", 0.25),
        ("HEALTH_CHECK_CONCURRENCY", "900", "concurrency", 900),
        ("ECS_CALLS_PER_SECOND", "1", "calls_per_second", 1.0),
        ("ECS_CALLS_PER_SECOND", "2.5", "calls_per_second", 2.5),
        ("PANIC_THRESHOLD_PERCENT", "100", "panic_percent", 100.0),
        ("PANIC_THRESHOLD_PERCENT", "33.3", "panic_percent", 33.3),
        ("ECS_CALLS_PER_SECOND", " 3 ", "calls_per_second", 3.0),
        ("ECS_CALLS_PER_SECOND", "20", "calls_per_second", 20.0),
        ("REDIS_TLS", "TRUE", "tls_choice", "true"),
        ("REDIS_CLUSTER", "True", "redis_cluster", True),
        ("REDIS_CLUSTER", "false", "redis_cluster", False),
        ("REDIS_KEY_TTL", "300", "key_ttl", 300),
        ("METRICS_NAMESPACE", "Games/Lobby", "metrics_namespace", "Games/Lobby"),
        ("METRICS_NAMESPACE", "", "metrics_namespace", ""),
        ("METRICS_NAMESPACE", "  ", "metrics_namespace", ""),
        ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("DOMAIN", LONGEST_NAME, "domain", (LONGEST_NAME,)),
        ("DOMAIN", "a-b.c:65535, 10.0.0.1", "domain", ("a-b.c:65535", "10.0.0.1")),
        ("HTTP_ENDPOINTS", "http://x:1/café?a=b:c", "http_endpoints", ("http://x:1/café?a=b:c",)),
        ("REDIS_PORT", " 6380\n", "redis_port", 6380),
    ],
)
def test_a_variable_that_is_set_is_used(
    name: str, text: str, attribute: str, expected: Any
) -> None:
    """Each variable is read without surrounding whitespace. Keywords are read in any case."""
    process, service = settings(**{name: text})
    assert expected == getattr(process if hasattr(process, attribute) else service, attribute)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ECS_CLUSTER_NAME", "my cluster"),
        ("ECS_CLUSTER_NAME", SERVICE_ARN),
        ("ECS_SERVICE_NAME", "lobby/2"),
        ("ECS_SERVICE_NAME", CLUSTER_ARN),
        ("REDIS_HOST", "redis.internal:6379"),
        ("REDIS_HOST", "redis://redis.internal"),
        ("REDIS_HOST", "two words"),
        ("REDIS_HOST", "[::1]"),
        ("REDIS_PORT", "0"),
        ("REDIS_PORT", "65536"),
        ("REDIS_PORT", "6379.0"),
        ("REDIS_PORT", "redis"),
        ("REDIS_KEY", "two words"),
        ("REDIS_KEY", "a}b"),
        ("REDIS_KEY", "a{}b"),
        ("REDIS_KEY", "a{}{b}"),
        ("HEALTH_CHECK_PORT", "-1"),
        ("RETRY_COUNT", "0"),
        ("RETRY_COUNT", "101"),
        ("RETRY_COUNT", "2.5"),
        ("RETRY_INTERVAL", "-0.1"),
        ("RETRY_INTERVAL", "5s"),
        ("RETRY_INTERVAL", "901"),
        ("HEALTH_CHECK_TIMEOUT", "0"),
        ("HEALTH_CHECK_TIMEOUT", "nan"),
        ("HEALTH_CHECK_TIMEOUT", "inf"),
        ("HEALTH_CHECK_CONCURRENCY", "0"),
        ("HEALTH_CHECK_CONCURRENCY", "901"),
        ("PANIC_THRESHOLD_PERCENT", "101"),
        ("PANIC_THRESHOLD_PERCENT", "50%"),
        ("ECS_CALLS_PER_SECOND", "0"),
        ("ECS_CALLS_PER_SECOND", "0.9"),
        ("ECS_CALLS_PER_SECOND", "20.1"),
        ("ECS_CALLS_PER_SECOND", "nan"),
        ("ECS_CALLS_PER_SECOND", "ten"),
        ("REDIS_TLS", "yes"),
        ("REDIS_CLUSTER", "auto"),
        ("REDIS_KEY_TTL", "-1"),
        ("METRICS_NAMESPACE", "AWS/ECS"),
        ("METRICS_NAMESPACE", "a b"),
        ("LOG_LEVEL", "verbose"),
        ("DOMAIN", "a..b"),
        ("DOMAIN", "a-"),
        ("DOMAIN", "a:0"),
        ("DOMAIN", "fine, a:65536"),
        ("DOMAIN", "a" * 64),
        ("DOMAIN", f"{LONGEST_NAME}a"),
        ("HTTP_ENDPOINTS", "https://shop..example.com/"),
        ("HTTP_ENDPOINTS", "http://localhost:99999/"),
        ("HTTP_ENDPOINTS", "ftp://localhost/"),
        ("REDIS_PORT", "1" + "0" * 400),
        ("RETRY_INTERVAL", "1" + "0" * 400),
    ],
)
def test_an_invalid_variable_is_reported_with_its_value(name: str, text: str) -> None:
    """The error gives the variable, its value and the expected values."""
    message = refused(ENV | {name: text})
    assert message.startswith(f"Invalid configuration: {name}='{text[:100]}', expected "), message


def test_all_faults_are_reported_together() -> None:
    """The error names every invalid variable, so one deployment can correct them all."""
    bad = {"REDIS_PORT": "x", "RETRY_COUNT": "0", "REDIS_TLS": "maybe", "LOG_LEVEL": "INFO"}
    message = refused(bad)
    assert message.startswith("Invalid configuration: ")
    for name in REQUIRED:
        assert f"{name} is not set, expected " in message
    for name in ("REDIS_PORT", "RETRY_COUNT", "REDIS_TLS"):
        assert f"{name}='{bad[name]}', expected " in message
    assert "LOG_LEVEL" not in message


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("text", [None, "", "  "])
def test_a_required_variable_that_is_absent_or_empty_is_named(name: str, text: str | None) -> None:
    """An empty required variable is reported like an absent one."""
    env = {key: value for key, value in ENV.items() if key != name}
    if text is not None:
        env[name] = text
    assert f"{name} is not set, expected " in refused(env)


def test_empty_variables_count_as_absent() -> None:
    """Templates pass empty strings for "none". They mean the default, except for
    METRICS_NAMESPACE."""
    optional = (
        "REDIS_PORT REDIS_SECRET_ARN HEALTH_CHECK_PORT RETRY_COUNT RETRY_INTERVAL REDIS_TLS"
        " HEALTH_CHECK_TIMEOUT HEALTH_CHECK_CONCURRENCY PANIC_THRESHOLD_PERCENT REDIS_CLUSTER"
        " ECS_CALLS_PER_SECOND REDIS_KEY_TTL LOG_LEVEL"
    )
    assert from_env(ENV) == settings(**dict.fromkeys(optional.split(), ""))


def test_other_variables_do_not_matter() -> None:
    """Lambda sets dozens of variables itself."""
    assert from_env(ENV) == settings(AWS_REGION="us-east-1", PATH="/usr/bin", RETRY_COUNTS="x")


@pytest.mark.parametrize(
    "text",
    ["hunter2", f"{SECRET_ARN} hunter2", '{"password": "hunter2"}', "arn:aws:ecs:hunter2"],
)
def test_a_password_in_place_of_the_arn_is_not_shown(text: str) -> None:
    """Law 7: a password that was set in place of its ARN is not repeated."""
    message = refused(ENV | {"REDIS_SECRET_ARN": text})
    assert "REDIS_SECRET_ARN (its value is not shown), expected the ARN of a secret" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    "text", ["rediss://default:hunter2@redis.internal:6379", "default:hunter2@redis.internal"]
)
def test_a_password_in_an_address_is_not_shown(text: str) -> None:
    """Law 7: a Redis URL in REDIS_HOST is not repeated with its password.

    The error still names the variable and the expected value.
    """
    message = refused(ENV | {"REDIS_HOST": text})
    assert "REDIS_HOST (its value is not shown), expected " in message
    assert "without scheme or port" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("host", "secret", "choice", "expected"),
    [
        (ELASTICACHE, SECRET_ARN, "auto", True),
        (ELASTICACHE.upper(), SECRET_ARN, "auto", True),
        (f"{ELASTICACHE}.", SECRET_ARN, "auto", True),
        ("master.lobby.x1y2z3.use1.cache.amazonaws.com", SECRET_ARN, "auto", True),
        ("lobby.x1y2z3.cnn1.cache.amazonaws.com.cn", SECRET_ARN, "auto", True),
        (ELASTICACHE, "", "auto", False),
        ("redis.internal", SECRET_ARN, "auto", False),
        ("cache.amazonaws.com.evil.example", SECRET_ARN, "auto", False),
        ("10.0.0.1", SECRET_ARN, "auto", False),
        ("redis.internal", "", "true", True),
        (ELASTICACHE, SECRET_ARN, "false", False),
    ],
)
def test_tls_is_on_if_elasticache_needs_it_or_if_it_is_set(
    host: str, secret: str, choice: str, expected: bool
) -> None:
    """`auto` turns TLS on for a password that goes to ElastiCache, which has AUTH only with TLS."""
    found = settings(REDIS_HOST=host, REDIS_SECRET_ARN=secret, REDIS_TLS=choice)
    assert expected is found.process.tls


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        ("ecs:task:iplist", "{ecs:task:iplist}"),
        ("{lobby}:iplist", "{lobby}:iplist"),
        ("ecs:{lobby}", "ecs:{lobby}"),
        ("a}b{c}", "a}b{c}"),
        ("{{a}}", "{{a}}"),
        ("{a}{b}", "{a}{b}"),
    ],
)
def test_the_companion_keys_share_the_keys_slot(key: str, prefix: str) -> None:
    """The text between the first { and the next } is hashed. A key without it gets its own tag."""
    assert prefix == settings(REDIS_KEY=key).service.key_prefix
    assert tag(key) == tag(f"{prefix}:state")


def tag(key: str) -> str:
    """The part of the key that is hashed: https://valkey.io/topics/cluster-spec/#hash-tags."""
    start = key.find("{")
    end = key.find("}", start + 1)
    return key[start + 1 : end] if start >= 0 and end > start + 1 else key


def test_settings_are_immutable() -> None:
    """Settings are hashable values, so they can be the key of the warm clients."""
    assert hash(from_env(ENV)) == hash(from_env(dict(ENV)))
    assert {settings(RETRY_COUNT="4"), from_env(ENV)} == {from_env(ENV), settings(RETRY_COUNT="4")}
    with pytest.raises(AttributeError):
        settings().service.port = 81  # type: ignore[misc]
