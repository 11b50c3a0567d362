"""ListTagsForResource, TagResource and UntagResource."""

import re

from simulator.ecs.control_plane import Ecs
from simulator.ecs.descriptions import tag_list
from simulator.ecs.requests import Parameters, invalid
from simulator.wire import ApiError, to_json

_MOST = 50  # "Maximum number of tags per resource - 50"
_KEY, _VALUE = 128, 256  # characters, at most
# The pattern of TagKey and TagValue: letters, spaces, numbers, and these.
_ALLOWED = re.compile(r"[\w\s.:/=+\-@]*")


def list_tags(ecs: Ecs, parameters: Parameters) -> bytes:
    """The tags of a resource."""
    tags = ecs.tags_of(parameters.get("resourceArn", ""))
    if tags is None:
        raise invalid("The specified resource was not found.")
    return to_json({"tags": tag_list(tags)})


def tag_resource(ecs: Ecs, parameters: Parameters) -> bytes:
    """Add tags to a resource, or replace their values."""
    tags = _existing(ecs, parameters)
    given = {tag.get("key", ""): tag.get("value", "") for tag in parameters.get("tags", [])}
    for key, value in given.items():
        _check(key, value)
    if len(tags | given) > _MOST:
        raise invalid(f"The number of tags exceeds the limit of {_MOST} for the resource.")
    tags |= given
    return b"{}"


def untag_resource(ecs: Ecs, parameters: Parameters) -> bytes:
    """Take tags from a resource; those that it does not have are no error."""
    tags = _existing(ecs, parameters)
    for key in parameters.get("tagKeys", []):
        tags.pop(key, None)
    return b"{}"


def _existing(ecs: Ecs, parameters: Parameters) -> dict[str, str]:
    tags = ecs.tags_of(parameters.get("resourceArn", ""))
    if tags is None:
        raise ApiError("ResourceNotFoundException", "The specified resource wasn't found.")
    return tags


def _check(key: str, value: str) -> None:
    if not 1 <= len(key) <= _KEY or len(value) > _VALUE:
        raise invalid(f"A tag's key has 1 to {_KEY} characters, its value at most {_VALUE}.")
    if not (_ALLOWED.fullmatch(key) and _ALLOWED.fullmatch(value)):
        raise invalid("Tags hold letters, spaces, numbers and _ . : / = + - @ alone.")
    if key.lower().startswith("aws:"):
        raise invalid("Tag keys that begin with aws: are reserved.")
