"""The exit code is right wherever the output goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from commands import redirected
from redis_helpers import quick

if TYPE_CHECKING:
    from simulator import Simulator


@pytest.fixture
def env(aws: Simulator) -> dict[str, str]:
    """A service that is healthy."""
    service = aws.ecs.create_service("arcade", "lobby", desired=1, steady=True)
    aws.log(service.tasks[0], "ready")
    return quick(aws, service, REDIS_HOST=None)


@pytest.mark.parametrize("how", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_a_stream_that_is_closed_changes_nothing(env: dict[str, str], how: str) -> None:
    """What is not wanted is not written; a healthy service stays healthy."""
    done = redirected(env, how, "diagnose", "--quiet")
    assert (0, "") == (done.code, done.err)
    assert done.out == ("" if ">&- 2" in how or how == ">&-" else "lobby: healthy\n")


@pytest.mark.parametrize("words", ["diagnose", "logs pull", "list --help"])
def test_output_that_cannot_be_written_is_an_error(env: dict[str, str], words: str) -> None:
    """A full disk is not a reader that has seen enough, nor a service that is degraded."""
    done = redirected(env, ">/dev/full", *words.split())
    assert (2, 1) == (done.code, len(done.err.splitlines()))
    assert "No space left on device" in done.err
    assert 2 == redirected(env, ">/dev/full 2>&1", *words.split()).code


def test_an_error_with_nowhere_to_go_is_still_an_error(env: dict[str, str]) -> None:
    """A wrong option, and a cluster that there is not."""
    assert (2, "", "") == redirected(env, "2>&-", "dance")
    assert (2, "", "") == redirected(env, "2>&-", "diagnose", "all", "--cluster", "nowhere")
