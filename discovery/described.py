"""What AWS tells of a task, reduced to what a run needs: pure.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.model import Task

if TYPE_CHECKING:
    from collections.abc import Mapping


def id_of(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def task(told: Mapping[str, Any]) -> Task:
    """One task, reduced to what a run needs; an odd one spoils no other."""
    ip, eni = _address(told)
    created = told.get("createdAt")
    return Task(
        id=id_of(told.get("taskArn", "")),
        name=id_of(told.get("taskDefinitionArn", "")),
        last_status=told.get("lastStatus", ""),
        desired_status=told.get("desiredStatus", ""),
        health_status=told.get("healthStatus", ""),
        ip=ip,
        eni=eni,
        created_at=created.timestamp() if created else 0.0,
    )


def _address(told: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """A task's address and ENI; IPv4 goes before IPv6, the ENI before the containers.

    Other attachments (Service Connect, EBS) may stand before the ENI's.
    """
    details: dict[str, str] = {}
    for attachment in told.get("attachments", []):
        if attachment.get("type") == "ElasticNetworkInterface":
            details = {
                each.get("name"): each.get("value") for each in attachment.get("details", [])
            }
            break
    nets = [net for each in told.get("containers", []) for net in each.get("networkInterfaces", [])]
    found = (
        [details.get("privateIPv4Address")]
        + [net.get("privateIpv4Address") for net in nets]
        + [details.get("ipv6Address")]
        + [net.get("ipv6Address") for net in nets]
    )
    return next(filter(None, found), None), details.get("networkInterfaceId")


def eni_address(eni: Mapping[str, Any]) -> str | None:
    ipv6 = [each.get("Ipv6Address") for each in eni.get("Ipv6Addresses", [])]
    return eni.get("PrivateIpAddress") or next(filter(None, ipv6), None)
