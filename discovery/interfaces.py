"""What the capability rooms need of the adapter rooms. lambda_function puts the two together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from contextlib import AbstractContextManager

    from discovery.deadline import Deadline
    from discovery.model import (
        Decision,
        Endpoint,
        Grant,
        LeaseHeld,
        Page,
        Probe,
        Published,
        PublishedState,
        RetryAfter,
        ServiceRef,
        Superseded,
        Task,
    )


class Described(Protocol):
    """Takes the tasks of a page as ECS describes them, in any thread. It raises nothing."""

    def __call__(self, tasks: Sequence[Mapping[str, Any]], /) -> None: ...


class TaskLister(Protocol):
    """ECS: `aws.task_lister`."""

    def pages(
        self,
        service: ServiceRef,
        known: Mapping[str, Task],
        full: bool,
        expected: AbstractSet[str],
        deadline: Deadline,
        described: Described | None = None,
    ) -> Iterator[Page]: ...


class Prober(Protocol):
    """The TCP checks of one round: `probe.tcp`."""

    def prefetch(self, endpoints: Iterable[Endpoint]) -> None: ...

    def submit(self, endpoints: Iterable[Endpoint]) -> None: ...

    def results(self, deadline: Deadline) -> Mapping[Endpoint, Probe]: ...

    def close(self) -> None: ...


class Registry(Protocol):
    """One service's keys in Redis: `store.registry`."""

    key: str

    def withdraw(self, task: str) -> str | None: ...

    def request(self, full: bool = True, named: AbstractSet[str] = ...) -> bool: ...

    def reserve(self) -> bool: ...

    def acquire(self, urgent: bool = False) -> Grant | RetryAfter | LeaseHeld: ...

    def keep_lease(self) -> AbstractContextManager[None]: ...

    def renew(self, token: int) -> bool: ...

    def release(self, token: int | None) -> bool: ...

    def publish(
        self, grant: Grant, state: PublishedState, decision: Decision, calls: int
    ) -> Published | PublishedState | Superseded: ...

    def read(self) -> PublishedState: ...
