"""What a diagnosis needs of the adapter rooms. wiring/ puts the two together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from discovery.inspection import (
        DefinitionView,
        InspectedService,
        LogPlace,
        TargetGroupView,
    )
    from discovery.task_record import TaskRecord


class Inspector(Protocol):
    """One service as AWS describes it: `aws.inspector`. Each method raises UnseenError."""

    def service(self) -> InspectedService: ...

    def tasks(self, desired: str) -> tuple[TaskRecord, ...]: ...

    def definition(self, name: str) -> DefinitionView: ...

    def target_group(self, group: str) -> TargetGroupView: ...


class LogReader(Protocol):
    """CloudWatch Logs: `aws.log_reader`. Each method raises UnseenError."""

    truncated: str

    def window(
        self, place: LogPlace, streams: str, start: float, end: float
    ) -> Iterator[tuple[int, str, str]]: ...

    def last_lines(self, place: LogPlace, container: str, task: str, count: int) -> list[str]: ...
