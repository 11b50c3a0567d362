"""What one look at a service has shown. The checks and the correlation work on it. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from discovery.diagnose.summary import LogReport
    from discovery.inspection import (
        CertificateView,
        DefinitionView,
        HttpAnswer,
        ListView,
        TargetGroupView,
        UnseenError,
    )
    from discovery.service import ServiceView
    from discovery.stop_codes import StopExplanation
    from discovery.task_record import TaskRecord


class StoppedTask(NamedTuple):
    """A task that stopped in the window, and why."""

    record: TaskRecord
    why: StopExplanation
    container: str  # the one that ended it, as far as it is known


@dataclass(frozen=True)
class Facts:
    """None stands for what was not looked at, or could not be seen; `unseen` says which."""

    now: float  # seconds since the epoch
    minutes: int
    service: ServiceView | None = None
    running: tuple[TaskRecord, ...] | None = None  # tasks that ECS wants to run
    stopped: tuple[StoppedTask, ...] | None = None  # in the window, newest first
    definitions: Mapping[str, DefinitionView] = field(default_factory=dict)
    current: str = ""  # the definition that the service starts tasks of, family:revision
    groups: tuple[TargetGroupView, ...] | None = None
    listed: ListView | None = None
    endpoints: tuple[HttpAnswer, ...] = ()
    certificates: tuple[CertificateView, ...] = ()
    log_group: str = ""  # that LOG_PATTERN names, where a definition names none
    logs: LogReport | None = None
    logs_truncated: str = ""  # why not all lines of the window were read
    last_lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by task id
    unseen: tuple[UnseenError, ...] = ()
