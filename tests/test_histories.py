from __future__ import annotations

import pytest
from histories import play

# Each of two processes plays its half.
SEEDS = range(1, 121)


@pytest.mark.timeout(110)
@pytest.mark.parametrize("half", [0, 1])
def test_all_laws_hold_in_every_history(half: int) -> None:
    """Whatever the order of steps, events, kills and failovers: no law breaks on the way,
    and in the end the list is the truth."""
    played = sum(1 for _ in play(SEEDS[half::2]))
    assert played == len(SEEDS) // 2


def test_a_seed_is_a_history() -> None:
    """The same seed plays the same steps, so that a failure can be looked at again."""
    steps_of: list[list[str]] = [[], []]
    for steps in steps_of:
        for _ in play([7, 8], steps.append):
            pass
    assert steps_of[0] == steps_of[1]
