"""The acts of a recycle, as values. Each is absolute, so that it may be repeated. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Union

if TYPE_CHECKING:
    from discovery.recycle.record import Record
    from discovery.service import Suspended


class SetTag(NamedTuple):
    """Keep on the service what is needed to restore it."""

    value: str


class RemoveTag(NamedTuple):
    """Forget it, as everything is restored."""


class SetScaling(NamedTuple):
    """Set the scalable target's maximum (None: leave it) and its three flags."""

    maximum: int | None
    suspended: Suspended


class SetDesired(NamedTuple):
    """Set the service's desired count."""

    desired: int


class Drain(NamedTuple):
    """Take tasks off the list, for the readers to look away."""

    tasks: tuple[str, ...]


class Stop(NamedTuple):
    """Stop tasks that are off the list."""

    tasks: tuple[str, ...]
    number: int  # of the first of them, from 1
    total: int


class Reinstate(NamedTuple):
    """Let drained tasks be listed again."""

    tasks: tuple[str, ...]


Act = Union[SetTag, RemoveTag, SetScaling, SetDesired, Drain, Stop, Reinstate]


class Step(NamedTuple):
    """What follows: write the record, carry out the acts, then go on, wait or end."""

    record: Record
    acts: tuple[Act, ...] = ()
    # Look again at this moment (epoch seconds); 0.0: at once; None: at the next event or tick.
    again_at: float | None = 0.0
