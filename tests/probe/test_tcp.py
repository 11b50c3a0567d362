"""The pool of TCP checks, against hosts that listen, refuse, stay silent or are out of reach."""

from __future__ import annotations

import resource
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from discovery.deadline import Deadline
from discovery.model import Probe
from discovery.probe.tcp import Pool
from simulator.hosts import Hosts
from simulator.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from simulator.hosts import Port


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    """Addresses of the test's own."""
    hosts = Hosts()
    yield hosts
    hosts.stop()


def some(hosts: Hosts, port: Port, count: int = 1) -> list[str]:
    addresses = [hosts.new_address() for _ in range(count)]
    for address in addresses:
        hosts.set(address, port)
    return addresses


def soon(seconds: float = 10.0) -> Deadline:
    return Deadline(time.monotonic() + seconds)


def check(
    hosts: Hosts,
    ips: Sequence[str],
    timeout: float = 0.2,
    concurrency: int = 500,
    deadline: Deadline | None = None,
) -> Mapping[str, Probe]:
    with closing(Pool(hosts.port, timeout, concurrency)) as pool:
        pool.add(ips)
        return pool.finish(deadline or soon())


def sockets() -> int:
    """How many this process has open."""
    links = (each for each in Path("/proc/self/fd").iterdir() if each.is_symlink())
    return sum(link.readlink().name.startswith("socket:") for link in links)


def test_what_a_port_says_is_told_apart(hosts: Hosts) -> None:
    """Open, refused, silent and unreachable are four answers."""
    (opens,), (closed,), (silent,) = (some(hosts, port) for port in ("listens", "closed", "silent"))
    beyond = "224.0.0.1"  # a multicast group: no route for TCP
    assert {
        opens: Probe.OPEN,
        closed: Probe.REFUSED,
        silent: Probe.TIMED_OUT,
        beyond: Probe.UNREACHABLE,
    } == check(hosts, [opens, closed, silent, beyond])


def test_ipv6_is_checked_as_ipv6(hosts: Hosts) -> None:
    """An address with a colon is asked over IPv6, on the same port."""
    assert {"::1": Probe.REFUSED} == check(hosts, ["::1"])
    hosts.set("::1", "listens")
    assert {"::1": Probe.OPEN} == check(hosts, ["::1"])


def test_nobody_to_ask_is_an_answer(hosts: Hosts) -> None:
    """Without addresses the pool ends at once."""
    assert {} == check(hosts, [])


def test_a_timeout_is_each_connects_own(hosts: Hosts) -> None:
    """Silent hosts beyond the concurrency take their turn: ceil(n / concurrency) timeouts."""
    silent = some(hosts, "silent", 10)
    begun = time.monotonic()

    verdicts = check(hosts, silent, timeout=0.1, concurrency=4)

    assert 0.3 <= time.monotonic() - begun < 0.9
    assert {Probe.TIMED_OUT} == {*verdicts.values()}


def test_no_more_connects_than_allowed_are_in_flight(hosts: Hosts) -> None:
    """The concurrency bounds the sockets that are open, however many addresses are added."""
    silent = some(hosts, "silent", 12)
    before = sockets()
    with closing(Pool(hosts.port, 5.0, 4)) as pool:
        pool.add(silent[:6])
        assert 4 == sockets() - before
        pool.add(silent[6:])
        assert 4 == sockets() - before
    assert before == sockets()


def test_listening_hosts_do_not_wait_for_silent_ones(hosts: Hosts) -> None:
    """One place is enough to get past a silent host to all that listen."""
    hosts_asked = [*some(hosts, "silent"), *some(hosts, "listens", 300)]
    verdicts = check(hosts, hosts_asked, timeout=0.3, concurrency=2)
    assert [Probe.TIMED_OUT, *[Probe.OPEN] * 300] == [verdicts[ip] for ip in hosts_asked]


def test_each_address_is_asked_once(hosts: Hosts) -> None:
    """An address that comes twice, in one page or in two, is one connect."""
    (address,) = some(hosts, "listens")
    with closing(Pool(hosts.port, 0.2, 500)) as pool:
        pool.add([address, address])
        pool.finish(soon())
        pool.add([address])
        assert {address: Probe.OPEN} == pool.finish(soon())
    (other,) = some(hosts, "listens")
    check(hosts, [other])  # accepted after the first, in the order the kernel has them
    while not hosts.connections[other]:
        time.sleep(0.001)
    assert 1 == hosts.connections[address]


def test_a_guess_that_was_right_is_asked_once(hosts: Hosts) -> None:
    """What is asked ahead and added later has its answer from then, and is not asked again."""
    opens, closed = some(hosts, "listens"), some(hosts, "closed")
    with closing(Pool(hosts.port, 5.0, 500)) as pool:
        pool.guess([*opens, *closed])
        wait_until(lambda: hosts.connections[opens[0]] == 1, "it is asked ahead")
        pool.add([*closed, *opens])
        assert {opens[0]: Probe.OPEN, closed[0]: Probe.REFUSED} == pool.finish(soon())
    assert {opens[0]: 1} == hosts.connections


def test_a_wrong_guess_holds_nobody_up(hosts: Hosts) -> None:
    """Addresses that are gone answer nothing: they are not waited for, nor told of."""
    gone, opens = some(hosts, "silent", 500), some(hosts, "listens", 300)
    begun = time.monotonic()
    with closing(Pool(hosts.port, 5.0, 8)) as pool:
        before = sockets()
        pool.guess(gone)
        assert 4 == sockets() - before, "half of the pool is kept for what is added"
        pool.add(opens)
        assert dict.fromkeys(opens, Probe.OPEN) == pool.finish(soon())
        assert dict.fromkeys(opens, Probe.OPEN) == pool.finish(soon())
        assert before == sockets()
    assert time.monotonic() - begun < 5.0


def test_an_answer_in_time_counts_however_late_we_look(hosts: Hosts) -> None:
    """While pages are being described nobody looks at the pool: the kernel's answers wait."""
    opens, silent = some(hosts, "listens"), some(hosts, "silent")
    now = 0.0
    with closing(Pool(hosts.port, 0.05, 500, clock=lambda: now)) as pool:
        pool.add([*opens, *silent])
        while not hosts.connections[opens[0]]:
            time.sleep(0.001)
        now = 1.0  # the listing took longer than a connect may
        verdicts = pool.finish(soon())
    assert {opens[0]: Probe.OPEN, silent[0]: Probe.TIMED_OUT} == verdicts


def test_the_deadline_leaves_the_rest_unanswered(hosts: Hosts) -> None:
    """At the deadline the pool ends; who was not asked, or not long enough, has not failed."""
    opens, silent = some(hosts, "listens", 3), some(hosts, "silent", 6)
    begun = time.monotonic()

    verdicts = check(hosts, [*opens, *silent], 0.3, 3, Deadline(begun + 0.45))

    assert 0.45 <= time.monotonic() - begun < 0.6
    expected = [Probe.OPEN] * 3 + [Probe.TIMED_OUT] * 3 + [Probe.UNANSWERED] * 3
    assert expected == [verdicts[ip] for ip in (*opens, *silent)]


def test_a_deadline_that_has_passed_asks_nobody_for_long(hosts: Hosts) -> None:
    """Without time left the pool does not wait at all."""
    silent = some(hosts, "silent", 3)
    begun = time.monotonic()
    verdicts = check(hosts, silent, 5.0, deadline=Deadline(begun - 1))
    assert time.monotonic() - begun < 1.0
    assert {Probe.UNANSWERED} == {*verdicts.values()}


@contextmanager
def descriptors(count: int) -> Iterator[None]:
    """As if the process might open so many more files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_fault_of_ours_is_not_held_against_a_task(hosts: Hosts) -> None:
    """Out of descriptors, we have not asked: such a task is unanswered, not failing."""
    silent = some(hosts, "silent", 40)
    pool = Pool(hosts.port, 0.1, 500)
    with closing(pool), descriptors(0):
        pool.add(silent)
        verdicts = pool.finish(soon())
    assert Probe.UNANSWERED in verdicts.values()
    assert {Probe.UNANSWERED, Probe.TIMED_OUT} >= {*verdicts.values()}


def test_nothing_stays_open(hosts: Hosts) -> None:
    """After close() no socket is left, whether its connect had ended or not."""
    everybody = [*some(hosts, "closed", 5), *some(hosts, "silent", 5)]
    before = sockets()
    check(hosts, everybody, timeout=5.0, deadline=soon(0.1))
    assert before == sockets()


def test_thousands_are_asked_in_a_moment(hosts: Hosts) -> None:
    """3,000 listening hosts take far less than a timeout, 500 at a time."""
    everybody = some(hosts, "listens", 3000)
    begun = time.monotonic()
    verdicts = check(hosts, everybody, timeout=2.0)
    assert {Probe.OPEN} == {*verdicts.values()}
    assert time.monotonic() - begun < 2.0
