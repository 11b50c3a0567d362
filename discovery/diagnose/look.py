"""What a diagnosis looks with, and the calls under way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, TypeVar

from discovery.deadline import result_by
from discovery.inspection import UnseenError, unseen

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from discovery.deadline import Deadline
    from discovery.diagnose.interfaces import Inspector, LogReader
    from discovery.inspection import CertificateView, HttpAnswer, ListView
    from discovery.task_record import TaskRecord

T = TypeVar("T")

THREADS = 8
# Beside these: a probe that hangs takes 10 seconds, and an https endpoint is two of them.
PROBES = 32


class Sources(NamedTuple):
    """What a diagnosis looks with."""

    inspector: Inspector
    logs: LogReader
    listed: Callable[[], ListView] | None  # None: there is no Redis here
    # The recorded tasks that stopped after a time: ECS forgets them within the hour.
    history: Callable[[float], Iterable[TaskRecord]] | None
    http: Callable[[str], HttpAnswer]
    certificate: Callable[[str, int], CertificateView]
    urls: tuple[str, ...]
    hosts: tuple[tuple[str, int], ...]
    log_group: Callable[[str], str]  # of a family, where its definition names none; "": none
    deadline: Deadline
    now: Callable[[], float]  # seconds since the epoch


class Look:
    """The calls under way, and what could not be seen."""

    def __init__(self, deadline: Deadline) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "diagnose")
        self._probes = ThreadPoolExecutor(PROBES, "probes")
        self._deadline = deadline
        self.unseen: list[UnseenError] = []

    def start(self, call: Callable[..., T], *args: Any) -> Future[T]:
        return self._threads.submit(call, *args)

    def probe(self, call: Callable[..., T], *args: Any) -> Future[T]:
        """Like `start`, for what connects to endpoints: no other call waits for a thread of it."""
        return self._probes.submit(call, *args)

    def take(self, future: Future[T], action: str, resource: str = "the service") -> T | None:
        """The result; None: it could not be seen, and is noted so."""
        try:
            return result_by(self._deadline, future)
        except TimeoutError:
            self.unseen.append(
                UnseenError("time", action, resource, "did not answer before the deadline")
            )
        except Exception as error:  # noqa: BLE001 (one part fails; the others are worth having)
            self.unseen.append(unseen(error, action, resource))
        return None

    def close(self) -> None:
        for each in (self._threads, self._probes):
            each.shutdown(wait=False, cancel_futures=True)
