"""A diagnosis in this process, against a simulator whose time passes only when a test says so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable

from discovery.deadline import Deadline
from discovery.diagnose.request import Request
from discovery.settings import from_env
from discovery.wiring import diagnose

if TYPE_CHECKING:
    import pytest

    from simulator import Service, Simulator


class Doctor:
    """Diagnoses one service of a simulator."""

    def __init__(
        self, aws: Simulator, service: Service, monkeypatch: pytest.MonkeyPatch, **settings: str
    ) -> None:
        self.aws = aws
        environment = aws.settings(service, **settings)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        diagnose._once.cache_clear()  # the clients of another test's simulator
        diagnose._logs_once.cache_clear()
        self._settings = from_env(environment).service

    def parts(
        self, seconds: float = 20.0, clock: Callable[[], float] = time.monotonic, **others: Any
    ) -> diagnose.Parts:
        deadline = Deadline(clock() + seconds, clock)
        return diagnose.Parts(self._settings, deadline, now=self.aws.clock.now, **others)

    def diagnose(self, seconds: float = 20.0, request: Request | None = None, **others: Any) -> Any:
        return diagnose.diagnose(self.parts(seconds, **others), request or Request())


def kinds(answer: dict[str, Any], severity: str | None = None) -> set[str]:
    return {e["kind"] for e in answer["findings"] if severity in (None, e["severity"])}


def finding(answer: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in answer["findings"] if each["kind"] == kind)
    return found
