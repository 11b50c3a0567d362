"""Clients of the simulator that hold it to the service models of the real AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar
from xml.etree import ElementTree as ET

from botocore.config import Config

from simulator import Clock, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from botocore.exceptions import ClientError

C = TypeVar("C")
NEW_YEAR = 1_798_761_600.0  # 2027-01-01T00:00:00Z


def standing() -> Simulator:
    """A simulator whose time passes only when a test says so."""
    return Simulator(clock=Clock(NEW_YEAR))


def options(aws: Simulator) -> dict[str, Any]:
    """What points a boto3 client at a simulator; it tries each call once."""
    return {
        "endpoint_url": aws.url,
        "region_name": "us-east-1",
        "aws_access_key_id": "id",
        "aws_secret_access_key": "key",
        "config": Config(retries={"total_max_attempts": 1}),
    }


def checked(client: C) -> C:
    """The client, which fails on any answer with a field that AWS does not have.

    botocore passes over fields that it does not know, so a misspelt one would
    look like a missing one.
    """
    events: Any = client.meta.events  # type: ignore[attr-defined]
    events.register("after-call", _check)
    return client


def code(error: ClientError) -> str:
    """The code of an error."""
    return error.response["Error"]["Code"]


def _check(http_response: Any, model: Any, **_: Any) -> None:
    if http_response.status_code != 200 or model.output_shape is None:
        return
    body = http_response.content
    if model.service_model.metadata["protocol"] == "json":
        strangers = _in_json(model.output_shape, json.loads(body))
    else:
        result = ET.fromstring(body).find("{*}" + f"{model.name}Result")
        assert result is not None, body
        strangers = _in_xml(model.output_shape, result)
    assert [] == list(strangers)


def _in_json(shape: Any, value: Any, path: str = "") -> Iterable[str]:
    if shape.type_name == "structure":
        for name, inner in value.items():
            if name not in shape.members:
                yield f"{path}.{name}"
            else:
                yield from _in_json(shape.members[name], inner, f"{path}.{name}")
    elif shape.type_name == "list":
        for inner in value:
            yield from _in_json(shape.member, inner, f"{path}[]")


def _in_xml(shape: Any, element: ET.Element, path: str = "") -> Iterable[str]:
    if shape.type_name == "structure":
        for inner in element:
            name = inner.tag.rpartition("}")[2]
            if name not in shape.members:
                yield f"{path}.{name}"
            else:
                yield from _in_xml(shape.members[name], inner, f"{path}.{name}")
    elif shape.type_name == "list":
        for inner in element:
            yield from _in_xml(shape.member, inner, f"{path}[]")
