"""The environment variables, as two frozen values: the process's and the service's settings.

All invalid variables are reported in one error, so that one deployment can correct them. An empty
variable counts as absent (templates pass empty strings for "none"), except METRICS_NAMESPACE,
where empty means: no metrics.
"""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, TypeVar

from discovery.errors import SettingsError
from discovery.model import ServiceRef
from discovery.text import last_segment

if TYPE_CHECKING:
    from collections.abc import Mapping

Number = TypeVar("Number", int, float)

_ECS_NAME = r"[A-Za-z0-9_-]{1,255}"
_ECS_ARN = r"arn:aws[a-z-]*:ecs:[a-z0-9-]+:\d{12}:"
_SECRETS_MANAGER = r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+"
# Up to 253 characters, in labels of up to 63: nothing connects to another name.
_LABEL = r"[A-Za-z0-9-]{1,63}"
_DNS_NAME = rf"(?=[A-Za-z0-9])(?![A-Za-z0-9.-]{{254}}){_LABEL}(\.{_LABEL})*(?<!-)"
_PORT = r"(:(?P<port>\d{1,5}))?"
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def _variable(name: str, default: str | None, parse: Callable[[str], Any], expected: str) -> Any:
    """A field that is read from a variable. Without a default it is required."""
    return field(metadata={"name": name, "default": default, "parse": parse, "expected": expected})


def _matching(pattern: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError
        return text

    return parse


def _within(kind: Callable[[str], Number], low: Number, high: Number) -> Callable[[str], Number]:
    def parse(text: str) -> Number:
        number = kind(text)
        if not math.isfinite(number) or not low <= number <= high:
            raise ValueError
        return number

    return parse


_port = _within(int, 1, 65535)


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        return words[[word.lower() for word in words].index(text.lower())]

    return parse


def _host(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?", text):
        return text
    return str(ipaddress.ip_address(text))


def _key(text: str) -> str:
    """A key whose companions can share its slot (see `key_prefix`)."""
    if text.split() != [text] or (_hash_tag(text) is None and re.search("[{}]", text)):
        raise ValueError
    return text


def _hash_tag(key: str) -> str | None:
    """The part of a key that decides its slot: https://valkey.io/topics/cluster-spec/#hash-tags"""
    found = re.match(r"[^{]*\{([^}]+)\}", key)
    return found.group(1) if found else None


def _places(pattern: str) -> Callable[[str], tuple[str, ...]]:
    """Words between commas or spaces, each of which matches, with a port that exists."""

    def parse(text: str) -> tuple[str, ...]:
        words = tuple(text.replace(",", " ").split())
        for word in words:
            found = re.fullmatch(pattern, word, re.ASCII)
            if not found:
                raise ValueError
            _port(found["port"] or "1")
        return words

    return parse


def _flag(text: str) -> bool:
    return _one_of("true", "false")(text) == "true"


@dataclass(frozen=True)
class ProcessSettings:
    """What the process needs: Redis, and how it reports. Its clients depend on nothing else."""

    redis_host: str = _variable(
        "REDIS_HOST", None, _host, "a host name or address, without scheme or port"
    )
    redis_port: int = _variable("REDIS_PORT", "6379", _port, "1 to 65535")
    secret_arn: str = _variable(
        "REDIS_SECRET_ARN", "", _matching(f"({_SECRETS_MANAGER})?"), "the ARN of a secret"
    )
    tls_choice: str = _variable(
        "REDIS_TLS", "auto", _one_of("auto", "true", "false"), "auto, true or false"
    )
    redis_cluster: bool = _variable("REDIS_CLUSTER", "false", _flag, "true or false")
    metrics_namespace: str = _variable(
        "METRICS_NAMESPACE",
        "ECSTaskDiscovery",
        _matching(r"(?!AWS/)[A-Za-z0-9._/#:-]{0,255}"),
        "a CloudWatch namespace, or nothing for no metrics",
    )
    log_level: str = _variable("LOG_LEVEL", "INFO", _one_of(*_LEVELS), ", ".join(_LEVELS))

    @property
    def tls(self) -> bool:
        """ElastiCache has AUTH only with TLS, so `auto` is on for a password to ElastiCache."""
        if self.tls_choice != "auto":
            return self.tls_choice == "true"
        host = self.redis_host.lower().rstrip(".")
        elasticache = host.endswith((".cache.amazonaws.com", ".cache.amazonaws.com.cn"))
        return bool(self.secret_arn) and elasticache


@dataclass(frozen=True)
class ServiceSettings:
    """What one service needs: its name, its key, and how it is checked. Times are in seconds."""

    cluster: str = _variable(  # name or ARN, as given: the API takes both
        "ECS_CLUSTER_NAME",
        None,
        _matching(f"{_ECS_NAME}|{_ECS_ARN}cluster/{_ECS_NAME}"),
        "a cluster's name or ARN",
    )
    service: str = _variable(
        "ECS_SERVICE_NAME",
        None,
        _matching(f"{_ECS_NAME}|{_ECS_ARN}service/({_ECS_NAME}/)?{_ECS_NAME}"),
        "a service's name or ARN",
    )
    key: str = _variable(
        "REDIS_KEY", None, _key, "a key without spaces; braces only as one hash tag: a{b}c"
    )
    port: int = _variable("HEALTH_CHECK_PORT", "80", _port, "1 to 65535")
    rounds: int = _variable("RETRY_COUNT", "3", _within(int, 1, 100), "1 to 100")
    interval: float = _variable("RETRY_INTERVAL", "5", _within(float, 0, 900), "0 to 900 seconds")
    connect_timeout: float = _variable(
        "HEALTH_CHECK_TIMEOUT", "2.0", _within(float, 0.01, 60), "0.01 to 60 seconds"
    )
    # Lambda allows 1,024 descriptors. The others are for the connections to AWS and Redis, the
    # log and the interpreter.
    concurrency: int = _variable(
        "HEALTH_CHECK_CONCURRENCY", "500", _within(int, 1, 900), "1 to 900"
    )
    panic_percent: float = _variable(
        "PANIC_THRESHOLD_PERCENT", "0", _within(float, 0, 100), "0 to 100"
    )
    # Of ECS's 20 for a whole account and Region, over time. A burst may take more.
    calls_per_second: float = _variable(
        "ECS_CALLS_PER_SECOND", "10", _within(float, 1, 20), "1 to 20 calls a second"
    )
    key_ttl: int = _variable(
        "REDIS_KEY_TTL", "0", _within(int, 0, 10**9), "seconds, or 0 for a list that never expires"
    )

    recycle: bool = _variable("RECYCLE", "false", _flag, "true or false")
    topic_arn: str = _variable(
        "NOTIFICATION_TOPIC_ARN",
        "",
        _matching(r"(arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w.-]+)?"),
        "the ARN of an SNS topic",
    )
    mail_secret_arn: str = _variable(
        "SMTP_SECRET_ARN", "", _matching(f"({_SECRETS_MANAGER})?"), "the ARN of a secret"
    )
    history: bool = _variable("HISTORY", "false", _flag, "true or false")

    diagnose: bool = _variable("DIAGNOSE", "false", _flag, "true or false")
    # Only from here: whoever may invoke the function must not make it connect somewhere.
    http_endpoints: tuple[str, ...] = _variable(
        "HTTP_ENDPOINTS",
        "",
        _places(rf"https?://{_DNS_NAME}{_PORT}(/[^\s]*)?"),
        "http:// or https:// URLs between commas, with ports of 1 to 65535",
    )
    domain: tuple[str, ...] = _variable(
        "DOMAIN",
        "",
        _places(rf"{_DNS_NAME}{_PORT}"),
        "host names or host:port, between commas, with ports of 1 to 65535",
    )
    log_pattern: str = _variable(
        "LOG_PATTERN",
        "",
        _matching(r"(?:[\w./#-]|\{(?:service|cluster|family)\}){0,512}"),
        "a log group, with {service}, {cluster} or {family}",
    )

    @property
    def cluster_name(self) -> str:
        return last_segment(self.cluster)

    @property
    def service_name(self) -> str:
        return last_segment(self.service)

    @property
    def ref(self) -> ServiceRef:
        return ServiceRef(self.cluster, self.service, self.port)

    @property
    def key_prefix(self) -> str:
        """How the companion keys begin, so that they share the key's slot."""
        return self.key if _hash_tag(self.key) else "{" + self.key + "}"


class Settings(NamedTuple):
    """All that the deployment chose."""

    process: ProcessSettings
    service: ServiceSettings


def from_env(env: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingsError naming every invalid variable."""
    faults: list[str] = []
    process = _read_all(env, ProcessSettings, faults)
    service = _read_all(env, ServiceSettings, faults)
    if faults:
        raise SettingsError(f"Invalid configuration: {'; '.join(faults)}.")
    return Settings(ProcessSettings(**process), ServiceSettings(**service))


def _read_all(env: Mapping[str, str], kind: type, faults: list[str]) -> dict[str, Any]:
    """The variables of one kind of settings, by field; the invalid ones are added to `faults`."""
    values: dict[str, Any] = {}
    for each in fields(kind):
        try:
            values[each.name] = _read(env, **each.metadata)
        except ValueError as fault:
            faults.append(str(fault))
    return values


def _read(
    env: Mapping[str, str],
    name: str,
    default: str | None,
    parse: Callable[[str], Any],
    expected: str,
) -> Any:
    text = env.get(name, "").strip()
    if not text and not (name == "METRICS_NAMESPACE" and name in env):
        if default is None:
            raise ValueError(f"{name} is not set, expected {expected}")
        text = default
    try:
        return parse(text)
    except (ValueError, OverflowError):
        # Somebody may have put a password into an address, or in place of the secret's ARN.
        secret = name.endswith("_SECRET_ARN") or "@" in text
        value = " (its value is not shown)" if secret else f"={text[:100]!r}"
        raise ValueError(f"{name}{value}, expected {expected}") from None
