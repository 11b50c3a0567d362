"""Options and environment variables -> the settings of each service. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from discovery.errors import SettingsError
from discovery.settings import from_env
from discovery.text import last_segment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from discovery.settings import Settings

_OPTIONS = {
    "cluster": "ECS_CLUSTER_NAME",
    "service": "ECS_SERVICE_NAME",
    "key": "REDIS_KEY",
    "log_pattern": "LOG_PATTERN",
}
_REPEATED = {"endpoint": "HTTP_ENDPOINTS", "domain": "DOMAIN"}
# What belongs to one service: another one has another list and other addresses.
_OF_ONE = ("REDIS_HOST", "REDIS_KEY", "HTTP_ENDPOINTS", "DOMAIN")
# For settings of a service without Redis; nothing connects to it.
_NO_REDIS = {"REDIS_HOST": "not-configured.invalid", "REDIS_KEY": "not-configured"}


class Target(NamedTuple):
    """A service to look at. `no_list` says why its list is not looked at; "": it is."""

    name: str
    settings: Settings
    no_list: str = ""


def with_options(env: Mapping[str, str], options: Any) -> dict[str, str]:
    """The variables, replaced by the options that were given."""
    replaced = dict(env)
    for option, name in _OPTIONS.items():
        if getattr(options, option, None):
            replaced[name] = getattr(options, option)
    for option, name in _REPEATED.items():
        if getattr(options, option, None):
            replaced[name] = ",".join(getattr(options, option))
    # The metrics are of the function; a line of them would be in the way of the answer.
    replaced["METRICS_NAMESPACE"] = ""
    return replaced


def cluster(env: Mapping[str, str]) -> str:
    """The cluster whose services are listed. Raises SettingsError."""
    target("any", env, alone=True)
    return env["ECS_CLUSTER_NAME"].strip()


def target(service: str, env: Mapping[str, str], alone: bool) -> Target:
    """The settings of a service; `alone`: no other one is looked at. Raises SettingsError.

    Redis, HTTP_ENDPOINTS and DOMAIN are those of the service that ECS_SERVICE_NAME names, or of
    the one that is looked at alone.
    """
    own = env.get("ECS_SERVICE_NAME", "").strip() or (service if alone else "")
    held = {name: value for name, value in env.items() if value.strip()}
    held["ECS_SERVICE_NAME"] = service
    no_list = ""
    if last_segment(own) != last_segment(service):
        no_list = "the settings are of another service"
        held = {name: value for name, value in held.items() if name not in _OF_ONE}
    elif missing := [name for name in _NO_REDIS if name not in held]:
        no_list = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
    if no_list:
        held |= _NO_REDIS
    return Target(last_segment(service), from_env(held), no_list)


def services(named: list[str], env: Mapping[str, str]) -> list[str] | None:
    """The services to look at, each once; None: all of the cluster. Raises SettingsError."""
    own = env.get("ECS_SERVICE_NAME", "").strip()
    wanted = named or ([own] if own else [])
    if "all" in wanted and len(wanted) > 1:
        raise SettingsError("`all` stands for every service: name no other one beside it.")
    return None if not wanted or wanted == ["all"] else list(dict.fromkeys(wanted))
