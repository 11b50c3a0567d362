"""EC2: DescribeNetworkInterfaces, for the tasks whose address only EC2 knows."""

import re
from collections.abc import Mapping
from typing import Any

from simulator.described import TaskState
from simulator.ecs.control_plane import Ecs
from simulator.gateway import Operation
from simulator.wire import ApiError

_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_VALUES = 200  # "Filter values ... up to 200 values for a filter", EC2 API reference


def operations(ecs: Ecs) -> Mapping[str, Operation]:
    """The EC2 operations this simulator knows."""
    return {
        "DescribeNetworkInterfaces": lambda parameters: describe_interfaces(ecs, parameters),
    }


def describe_interfaces(ecs: Ecs, parameters: Mapping[str, Any]) -> bytes:
    """The interfaces of tasks that have one now, by id or by a filter on the id.

    One unknown id fails the whole call; a filter leaves out what it doesn't find.
    """
    attached = {state.eni: state for state in _attached(ecs)}
    ids = _numbered(parameters, r"NetworkInterfaceId\.\d+")
    for eni in ids:
        if eni not in attached:
            message = f"The networkInterface ID '{eni}' does not exist"
            raise ApiError("InvalidNetworkInterfaceID.NotFound", message)
    wanted = _filtered(parameters)
    found = [attached[eni] for eni in ids or attached if wanted is None or eni in wanted]
    page, token = _page(found, parameters)
    return _xml(page, token)


def _attached(ecs: Ecs) -> list[TaskState]:
    tasks = [task for cluster in ecs.clusters.values() for task in cluster.tasks]
    return [task.state for task in tasks if task.state.attached]


def _filtered(parameters: Mapping[str, Any]) -> set[str] | None:
    """The ids that all filters allow; None: there is no filter."""
    allowed: set[str] | None = None
    for key in parameters:
        if not re.fullmatch(r"Filter\.\d+\.Name", key):
            continue
        if parameters[key] != "network-interface-id":
            message = f"The filter '{parameters[key]}' is invalid"
            raise ApiError("InvalidParameterValue", message)
        values = _numbered(parameters, re.escape(key.removesuffix("Name")) + r"Value\.\d+")
        if len(values) > _VALUES:
            message = f"The maximum number of filter values specified on a single call is {_VALUES}"
            raise ApiError("FilterLimitExceeded", message)
        allowed = set(values) if allowed is None else allowed & set(values)
    return allowed


def _page(
    found: list[TaskState], parameters: Mapping[str, Any]
) -> tuple[list[TaskState], str | None]:
    start = int(parameters.get("NextToken", "0"))
    if "MaxResults" not in parameters:
        return found[start:], None
    size = int(parameters["MaxResults"])
    end = start + size
    return found[start:end], str(end) if end < len(found) else None


def _numbered(parameters: Mapping[str, Any], pattern: str) -> list[str]:
    return [value for key, value in parameters.items() if re.fullmatch(pattern, key)]


def _xml(page: list[TaskState], token: str | None) -> bytes:
    items = "".join(_item(state) for state in page)
    more = f"<nextToken>{token}</nextToken>" if token else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>'
        f'<DescribeNetworkInterfacesResponse xmlns="{_NAMESPACE}">'
        f"<requestId>1f0a1b2c-simulated</requestId>"
        f"<networkInterfaceSet>{items}</networkInterfaceSet>{more}"
        f"</DescribeNetworkInterfacesResponse>"
    ).encode()


def _item(state: TaskState) -> str:
    if ":" in state.ip:
        address = (
            f"<ipv6AddressesSet><item><ipv6Address>{state.ip}</ipv6Address></item>"
            f"</ipv6AddressesSet>"
        )
    else:
        address = (
            f"<privateIpAddress>{state.ip}</privateIpAddress>"
            f"<privateIpAddressesSet><item><privateIpAddress>{state.ip}</privateIpAddress>"
            f"<primary>true</primary></item></privateIpAddressesSet>"
        )
    return (
        f"<item><networkInterfaceId>{state.eni}</networkInterfaceId>"
        f"<macAddress>{state.mac}</macAddress><status>in-use</status>"
        f"<interfaceType>interface</interfaceType>{address}</item>"
    )
