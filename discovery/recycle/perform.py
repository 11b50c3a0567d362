"""Carries out the acts of a recycle."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from discovery.errors import ActionError
from discovery.recycle.acts import (
    Act,
    Drain,
    Reinstate,
    RemoveTag,
    SetDesired,
    SetScaling,
    SetTag,
    Stop,
)
from discovery.recycle.record import TAG
from discovery.stops import RECYCLE_REASON

if TYPE_CHECKING:
    from collections.abc import Iterable

    from discovery.recycle.interfaces import Dependencies
    from discovery.recycle.record import Record

log = logging.getLogger(__name__)


def perform(acts: Iterable[Act], dependencies: Dependencies, arn: str, record: Record) -> None:
    """Carry out the acts in order on the service of this ARN. Raises ActionError, RegistryError."""
    for act in acts:
        _perform(act, dependencies, arn, record)


def _perform(act: Act, dependencies: Dependencies, arn: str, record: Record) -> None:
    registry, writer = dependencies.registry, dependencies.writer
    if isinstance(act, SetTag):
        writer.set_tag(arn, TAG, act.value)
    elif isinstance(act, RemoveTag):
        writer.remove_tag(arn, TAG)
    elif isinstance(act, SetScaling):
        writer.set_scaling(act.maximum, act.suspended)
    elif isinstance(act, SetDesired):
        writer.set_desired(act.desired)
    elif isinstance(act, Drain):
        for task in act.tasks:
            registry.drain(task)
    elif isinstance(act, Reinstate):
        for task in act.tasks:
            registry.reinstate(task)
    else:
        _stop(act, dependencies, record)


def _stop(act: Stop, dependencies: Dependencies, record: Record) -> None:
    """Stop each task, unless it has just come back into the list."""
    for number, task in enumerate(act.tasks, act.number):
        if dependencies.registry.drain(task):
            # Redis lost the tombstone since the look: the next look drains it again.
            log.warning("recycle %s: task %s was listed again before its stop", record.id, task)
            continue
        reason = f"{RECYCLE_REASON} {record.id} {number}/{act.total}"
        try:
            dependencies.writer.stop(task, reason)
        except ActionError:
            log.warning("recycle %s: task %s could not be stopped", record.id, task)
            raise
        # The stop is certain now: whatever happens to the recycle, the task stays off the list.
        dependencies.registry.withdraw(task)
