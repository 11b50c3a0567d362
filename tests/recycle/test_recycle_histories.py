"""Random histories of a recycle, some hundred of them; `make soak` plays thousands."""

from __future__ import annotations

import pytest
from recycle_histories import play

# Each of two processes plays its half.
SEEDS = range(1, 31)  # make soak plays thousands


@pytest.mark.timeout(110)
@pytest.mark.parametrize("half", [0, 1])
def test_the_five_promises_hold_in_every_history(half: int) -> None:
    """Whatever dies, fails or scales: no promise breaks, and in the end all is restored."""
    played = sum(1 for _ in play(SEEDS[half::2]))
    assert played == len(SEEDS) // 2
