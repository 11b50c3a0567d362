"""What is made of a task as ECS tells of it: which address, and what if some of it is missing."""

from __future__ import annotations

from typing import Any

import pytest

from discovery.aws.task_parser import task

ENI_V4 = {"name": "privateIPv4Address", "value": "10.0.0.1"}
ENI_V6 = {"name": "ipv6Address", "value": "fd00::1"}


def told(details: list[dict[str, str]], *interfaces: dict[str, str]) -> dict[str, Any]:
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
    ("given", "ip"),
    [
        (told([ENI_V6, ENI_V4], {"privateIpv4Address": "10.0.0.2"}), "10.0.0.1"),
        (
            told([ENI_V6], {"ipv6Address": "fd00::2"}, {"privateIpv4Address": "10.0.0.2"}),
            "10.0.0.2",
        ),
        (told([ENI_V6], {"ipv6Address": "fd00::2"}), "fd00::1"),
        (told([], {"ipv6Address": "fd00::2"}, {"ipv6Address": "fd00::3"}), "fd00::2"),
        (told([]), None),
        ({"attachments": None, "containers": None}, None),
    ],
    ids=["ENI", "containers' IPv4", "ENI's IPv6", "containers' IPv6", "none", "nothing at all"],
)
def test_ipv4_goes_before_ipv6_and_the_eni_before_the_containers(
    given: dict[str, Any], ip: str | None
) -> None:
    """Whatever stands first in the answer."""
    assert ip == task(given).ip


@pytest.mark.parametrize(("given", "created"), [(1795329285.68, 1795329285.68), (None, 0), ("", 0)])
def test_a_time_is_the_number_that_ecs_sends(given: object, created: float) -> None:
    """In seconds since the epoch; one that is missing or odd is the oldest."""
    assert created == task({"createdAt": given}).created_at
