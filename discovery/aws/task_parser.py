"""What AWS tells of a task, reduced to what a run needs: pure.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.model import Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def id_of(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def task(told: Mapping[str, Any]) -> Task:
    """One task, reduced to what a run needs; an odd one spoils no other."""
    eni = _eni(told)
    created = told.get("createdAt")
    return Task(
        id=id_of(told.get("taskArn", "")),
        name=id_of(told.get("taskDefinitionArn", "")),
        last_status=told.get("lastStatus", ""),
        desired_status=told.get("desiredStatus", ""),
        health_status=told.get("healthStatus", ""),
        ip=next(filter(None, _addresses(told, eni)), None),
        eni=eni.get("networkInterfaceId"),
        created_at=created if isinstance(created, (int, float)) else 0.0,
    )


def _eni(told: Mapping[str, Any]) -> Mapping[str, str]:
    """Its ENI's details; other attachments (Service Connect, EBS) may stand before it."""
    for attachment in told.get("attachments") or []:
        if attachment.get("type") == "ElasticNetworkInterface":
            return {each.get("name"): each.get("value") for each in attachment.get("details") or []}
    return {}


def _addresses(told: Mapping[str, Any], eni: Mapping[str, str]) -> Iterator[str | None]:
    """Where it may be reached, best first: IPv4 before IPv6, the ENI before the containers."""
    yield eni.get("privateIPv4Address")
    containers = told.get("containers") or []
    nets = [net for each in containers for net in each.get("networkInterfaces") or []]
    yield from (net.get("privateIpv4Address") for net in nets)
    yield eni.get("ipv6Address")
    yield from (net.get("ipv6Address") for net in nets)


def eni_address(eni: Mapping[str, Any]) -> str | None:
    ipv6 = [each.get("Ipv6Address") for each in eni.get("Ipv6Addresses", [])]
    return eni.get("PrivateIpAddress") or next(filter(None, ipv6), None)
