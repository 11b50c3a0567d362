"""The record of a recycle in Redis: one writer at a time, and none on an older record."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from redis_helpers import PREFIX

from discovery.deadline import Deadline
from discovery.store.client import ScriptClient, open_client
from discovery.store.recycles import LEASE, Recycles

if TYPE_CHECKING:
    from simulator import Simulator


def recycles(aws: Simulator, owner: str) -> Recycles:
    port = aws.valkey.port
    client = ScriptClient(lambda: open_client("127.0.0.1", port, False, False, None), "Redis", None)
    return Recycles(client, PREFIX, Deadline(time.monotonic() + 30), owner)


def test_one_invocation_holds_the_lease(aws: Simulator) -> None:
    """Another one gets it after its release, or when it has expired; its own it extends."""
    first, second = recycles(aws, "first"), recycles(aws, "second")
    assert (0, "", "") == first.acquire()
    assert None is second.acquire()
    aws.valkey.client().pexpire(f"{PREFIX}:recycle:lease", LEASE // 2)
    assert None is not first.acquire()
    assert LEASE // 2 < int(aws.valkey.client().pttl(f"{PREFIX}:recycle:lease"))
    second.release()  # not its own
    assert None is second.acquire()
    first.release()
    assert None is not second.acquire()


def test_a_record_is_replaced_by_its_latest_reader_alone(aws: Simulator) -> None:
    """A write on an older version, or without the lease, changes nothing."""
    first, second = recycles(aws, "first"), recycles(aws, "second")
    held = first.acquire()
    assert held
    written = first.write(held, "one", False)
    assert written == (1, "one", "")
    assert None is first.write(held, "again", False)
    first.release()
    assert None is first.write(written, "late", False)
    taken = second.acquire()
    assert taken
    assert None is first.write(written, "later", False)
    assert (2, "two", "") == second.write(taken, "two", False)
    assert (2, "two", "") == first.read()


def test_a_command_stays_until_the_record_answers_it(aws: Simulator) -> None:
    """One that comes after the read is not lost."""
    mine = recycles(aws, "mine")
    mine.command("pause")
    held = mine.acquire()
    assert held
    assert "pause" == held.command
    mine.command("cancel")
    assert mine.write(held, "paused", False)
    again = mine.acquire()
    assert again
    assert "cancel" == again.command
    assert mine.write(again, "cancelled", False)
    assert "" == mine.read().command


def test_only_the_record_of_an_ended_recycle_expires(aws: Simulator) -> None:
    """In a week; one that goes on stays, however long."""
    mine, key = recycles(aws, "mine"), f"{PREFIX}:recycle"
    held = mine.acquire()
    assert held
    held = mine.write(held, "ended", True)
    assert held
    assert 604_790 <= int(aws.valkey.client().ttl(key)) <= 604_800
    assert mine.write(held, "another", False)
    assert -1 == aws.valkey.client().ttl(key)
