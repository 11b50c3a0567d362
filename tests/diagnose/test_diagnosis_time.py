"""A diagnosis ends by its deadline (law 6), whatever the lines are."""

from __future__ import annotations

import random
import socket
import string
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from conftest import HANDLER, ROOT
from looks import Doctor, kinds
from redis_helpers import quick
from simulated import standing

from discovery.aws.log_reader import LOOK
from discovery.diagnose import log_lines
from simulator import Function, Simulator
from simulator.logs.store import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator import Call, Service


@pytest.fixture
def still() -> Iterator[Simulator]:
    with standing() as simulator:
        yield simulator


def lobby(aws: Simulator) -> Service:
    """Two tasks; the first one has no line yet."""
    service = aws.ecs.create_service("arcade", "lobby", desired=2, steady=True)
    aws.log(service.tasks[1], "ready")
    return service


def put(aws: Simulator, service: Service, texts: list[str]) -> None:
    """Lines of the first task in the last minutes, a millisecond apart."""
    begin = int(aws.clock.now() * 1000) - len(texts)
    stream = f"ecs/lobby/{service.tasks[0].id}"
    rows = [Row(begin + number, stream, text) for number, text in enumerate(texts)]
    aws.logs.serve("/ecs/lobby", stream, rows)


def test_the_time_may_end_in_the_middle_of_a_page(
    still: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page has up to 10,000 lines, and what a line takes depends on what it says."""
    service = lobby(still)
    put(still, service, ["ready"] * 5_000)
    taken = 0
    is_ours = log_lines.is_ours

    def slow(*line: object) -> bool:
        nonlocal taken
        taken += 1
        return is_ours(*line)  # type: ignore[arg-type]

    monkeypatch.setattr(log_lines, "is_ours", slow)
    answer = Doctor(still, service, monkeypatch).diagnose(
        seconds=60, clock=lambda: time.monotonic() + (3600 if taken >= 1_000 else 0)
    )
    assert 1_000 <= answer["logs"]["lines"] <= 1_000 + LOOK
    assert ("unknown", True) == (answer["verdict"], answer["logs"]["truncated"])
    assert "logs_truncated" in kinds(answer, "unknown")


def test_endpoints_that_hang_hold_nothing_else_up(
    still: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each https endpoint is two probes, of 10 seconds at most; the other calls go on meanwhile."""
    service = lobby(still)
    with ExitStack() as held:
        silent = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(8)]
        urls = ",".join(f"https://localhost:{each.getsockname()[1]}/" for each in silent)

        def release(call: Call) -> None:
            if call.operation == "FilterLogEvents":
                held.close()  # the probes end now, not by the deadline

        still.on_call = release
        answer = Doctor(still, service, monkeypatch, HTTP_ENDPOINTS=urls).diagnose(seconds=15)
    assert 1 == answer["logs"]["lines"]
    assert set() == kinds(answer, "unknown")
    assert [0] * 8 == [each["status"] for each in answer["endpoints"]["http"]]


@pytest.mark.soak
@pytest.mark.parametrize("limit", [200, 1000])
def test_errors_that_all_differ_do_not_time_the_function_out(
    aws: Simulator, product_python: str, limit: int
) -> None:
    """The share of a CPU of 256 MB; as many groups as may be in the answer."""
    service, dice = lobby(aws), random.Random(1)
    words = iter(lambda: "".join(dice.choices(string.ascii_lowercase, k=7)), "")
    put(aws, service, [
        f"ERROR cannot find product {next(words)} for customer {next(words)} {next(words)}"
        for _ in range(60_000)
    ])  # fmt: skip
    env = quick(aws, service, DIAGNOSE="true")
    with Function(
        env, root=ROOT, python=product_python, handler=HANDLER, timeout=15.0, memory=256
    ) as function:
        function.invoke({"action": "status"})  # what follows is no cold start
        said = function.invoke({"action": "diagnose", "limit": limit})
    assert said.error_message is None
    assert limit == len(said.answer["logs"]["groups"])
    assert "logs_truncated" in kinds(said.answer, "unknown")
