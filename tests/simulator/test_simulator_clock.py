"""The simulator's time: real, or moved by a test, with what falls due in it."""

from __future__ import annotations

import threading
import time

import pytest

from simulator import Clock, Simulator


def test_a_standing_clock_moves_only_when_it_is_advanced() -> None:
    """What is due is done in the order in which it is due, at its own moment."""
    clock = Clock(1000.0)
    seen: list[tuple[str, float]] = []
    clock.after(5, lambda: seen.append(("second", clock.now())))
    clock.after(2, lambda: seen.append(("first", clock.now())))
    clock.after(9, lambda: seen.append(("third", clock.now())))

    clock.advance(5)

    assert [("first", 1002.0), ("second", 1005.0)] == seen
    assert 1005.0 == clock.now()


def test_what_is_done_can_ask_for_more_in_the_same_advance() -> None:
    """A chain of steps runs as far as the time goes."""
    clock = Clock(0.0)
    ticks: list[float] = []

    def tick() -> None:
        ticks.append(clock.now())
        clock.after(3, tick)

    clock.after(3, tick)
    clock.advance(10)

    assert [3.0, 6.0, 9.0] == ticks


def test_things_due_at_once_are_done_in_the_order_they_were_asked_for() -> None:
    """So a history with equal delays is the same each time."""
    clock = Clock(0.0)
    seen: list[int] = []
    for number in range(5):
        clock.after(1, lambda number=number: seen.append(number))  # type: ignore[misc]

    clock.advance(1)

    assert [0, 1, 2, 3, 4] == seen


def test_a_cancelled_timer_does_nothing() -> None:
    """Nor does it when it is cancelled twice."""
    clock = Clock(0.0)
    seen: list[int] = []
    timer = clock.at(1, lambda: seen.append(1))
    timer.cancel()
    timer.cancel()

    clock.advance(2)

    assert [] == seen


def test_what_a_clock_does_cannot_advance_it() -> None:
    """Time would go back afterwards."""
    clock = Clock(0.0)
    clock.after(1, clock.tick)

    with pytest.raises(RuntimeError, match="cannot advance"):
        clock.advance(1)


def test_a_real_clock_goes_by_itself_and_can_be_put_ahead() -> None:
    """It is then ahead of the world's by as much."""
    clock = Clock()
    before = time.time()
    seen: list[float] = []
    clock.after(3600, lambda: seen.append(clock.now()))

    clock.tick()
    assert [] == seen
    clock.advance(3601)

    assert 3600 <= seen[0] - before < 3610
    assert 3601 <= clock.now() - time.time() + 0.1 < 3610


def test_a_thread_can_do_what_falls_due_in_real_time() -> None:
    """Also what is added while it waits; stop() ends it."""
    threads = threading.active_count()
    done = threading.Event()
    with Simulator() as aws:
        running = threading.active_count()
        aws.clock.run()
        aws.clock.after(60, lambda: None)
        aws.clock.after(0.01, done.set)
        assert done.wait(5)
        assert running + 1 == threading.active_count()

    assert threads == threading.active_count()


def test_a_standing_clock_has_no_real_time_to_follow() -> None:
    """run() says so."""
    with pytest.raises(ValueError, match="stands"):
        Clock(0.0).run()
