"""How a described task is parsed: which address it gets, and what happens if fields are missing."""

from __future__ import annotations

from typing import Any

import pytest

from discovery.aws.task_parser import parse
from discovery.model import Endpoint

ENI_V4 = {"name": "privateIPv4Address", "value": "10.0.0.1"}
ENI_V6 = {"name": "ipv6Address", "value": "fd00::1"}


def described(details: list[dict[str, str]], *interfaces: dict[str, str]) -> dict[str, Any]:
    """A task with an ENI that has these details, and a container with these interfaces."""
    eni = {"type": "ElasticNetworkInterface", "details": details}
    return {
        "taskArn": "arn:aws:ecs:us-east-1:111122223333:task/arcade/a",
        "attachments": [
            {"type": "ServiceConnect", "details": [ENI_V4 | {"value": "10.9.9.9"}]},
            eni,
        ],
        "containers": [{}, {"networkInterfaces": None}, {"networkInterfaces": [*interfaces]}],
    }


@pytest.mark.parametrize(
    ("sent", "ip"),
    [
        (described([ENI_V6, ENI_V4], {"privateIpv4Address": "10.0.0.2"}), "10.0.0.1"),
        (
            described([ENI_V6], {"ipv6Address": "fd00::2"}, {"privateIpv4Address": "10.0.0.2"}),
            "10.0.0.2",
        ),
        (described([ENI_V6], {"ipv6Address": "fd00::2"}), "fd00::1"),
        (described([], {"ipv6Address": "fd00::2"}, {"ipv6Address": "fd00::3"}), "fd00::2"),
        (described([]), None),
        ({"attachments": None, "containers": None}, None),
    ],
    ids=["ENI", "containers' IPv4", "ENI's IPv6", "containers' IPv6", "none", "nothing at all"],
)
def test_ipv4_is_preferred_to_ipv6_and_the_eni_to_the_containers(
    sent: dict[str, Any], ip: str | None
) -> None:
    """The order in the answer does not matter."""
    endpoint = Endpoint(ip, 80) if ip else None
    assert endpoint == parse(sent, 80).endpoint


@pytest.mark.parametrize(("sent", "created"), [(1795329285.68, 1795329285.68), (None, 0), ("", 0)])
def test_a_time_is_the_number_that_ecs_sends(sent: object, created: float) -> None:
    """A creation time is in seconds since the epoch. A missing or odd time counts as the oldest."""
    assert created == parse({"createdAt": sent}, 80).created_at
