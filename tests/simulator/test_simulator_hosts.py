"""The tasks' ports, tried with plain sockets."""

from __future__ import annotations

import select
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Callable

import pytest

from simulator.hosts import Hosts, Port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator import Simulator


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    hosts = Hosts()
    yield hosts
    hosts.stop()


def connect(hosts: Hosts, address: str, timeout: float = 0.2) -> str:
    """What comes of a connect: connected, refused or silence."""
    try:
        socket.create_connection((address, hosts.port), timeout).close()
    except TimeoutError:
        return "silence"
    except ConnectionRefusedError:
        return "refused"
    return "connected"


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def test_a_port_listens_is_closed_or_stays_silent(hosts: Hosts) -> None:
    """And goes from each state to each other."""
    address = hosts.new_address()

    seen = [connect(hosts, address)]
    for state in ("listens", "silent", "closed", "silent", "listens", "closed", "listens"):
        hosts.set(address, state)
        seen.append(connect(hosts, address))

    assert seen == [
        "refused",
        "connected",
        "silence",
        "refused",
        "silence",
        "connected",
        "refused",
        "connected",
    ]


def test_silence_holds_however_often_it_is_tried(hosts: Hosts) -> None:
    """No connect slips through, and setting it again changes nothing."""
    address = hosts.new_address()
    hosts.set(address, "silent")
    hosts.set(address, "silent")

    assert [connect(hosts, address, 0.05) for _ in range(5)] == ["silence"] * 5


def test_counts_the_connections_it_accepts(hosts: Hosts) -> None:
    """By address, from many at once."""
    address = hosts.new_address()
    hosts.set(address, "listens")

    assert [connect(hosts, address) for _ in range(20)] == ["connected"] * 20
    assert eventually(lambda: hosts.connections[address] == 20)


def test_an_ipv6_address_works_too(hosts: Hosts) -> None:
    """There is one on loopback."""
    hosts.set("::1", "listens")

    assert connect(hosts, "::1") == "connected"


def test_each_simulator_has_a_port_of_its_own(hosts: Hosts) -> None:
    """So two of them can hand out the same addresses at the same time."""
    other = Hosts()
    try:
        assert other.port != hosts.port
        assert other.new_address() == hosts.new_address() == "127.16.0.1"
    finally:
        other.stop()


def test_a_stopped_task_leaves_its_address_unless_it_was_handed_on(aws: Simulator) -> None:
    """STOPPED closes the port; a later task that has the address keeps it."""
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task()
    heir = service.start_task(ip=task.ip)

    task.becomes("STOPPED")
    assert connect(aws.hosts, task.ip) == "connected"
    heir.becomes("STOPPED")
    assert connect(aws.hosts, task.ip) == "refused"


@pytest.mark.parametrize(("state", "answered"), [("listens", 5000), ("silent", 0)])
def test_5000_addresses_in_one_state(hosts: Hosts, state: Port, answered: int) -> None:
    """All of 5,000 connects succeed, or all hang; it is set up in a second or so."""
    began = time.process_time()
    addresses = [hosts.new_address() for _ in range(5000)]
    for address in addresses:
        hosts.set(address, state)
    assert time.process_time() - began < 3

    with ExitStack() as opened:
        poll = select.poll()
        for address in addresses:
            probe = opened.enter_context(socket.socket())
            probe.setblocking(False)
            probe.connect_ex((address, hosts.port))
            poll.register(probe, select.POLLOUT)
        if answered:
            assert eventually(lambda: len(poll.poll(0)) == answered)
        else:
            # Two tries of the kernel's: it sends SYN again after one second.
            assert poll.poll(1200) == []
