"""The TCP prober, against hosts that listen, refuse, stay silent or are out of reach."""

from __future__ import annotations

import resource
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from discovery.deadline import Deadline
from discovery.model import Endpoint, Probe
from discovery.probe.tcp import Prober
from simulator.hosts import Hosts
from simulator.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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


def at(hosts: Hosts, ips: Iterable[str]) -> list[Endpoint]:
    return [Endpoint(ip, hosts.port) for ip in ips]


def by_address(results: Mapping[Endpoint, Probe]) -> dict[str, Probe]:
    return {endpoint.host: result for endpoint, result in results.items()}


def check(
    hosts: Hosts,
    ips: Sequence[str],
    timeout: float = 0.2,
    concurrency: int = 500,
    deadline: Deadline | None = None,
) -> Mapping[str, Probe]:
    with closing(Prober(timeout, concurrency)) as prober:
        prober.submit(at(hosts, ips))
        return by_address(prober.results(deadline or soon()))


def sockets() -> int:
    """How many this process has open."""
    links = (each for each in Path("/proc/self/fd").iterdir() if each.is_symlink())
    return sum(link.readlink().name.startswith("socket:") for link in links)


def test_each_kind_of_port_has_its_result(hosts: Hosts) -> None:
    """Open, refused, silent and unreachable are four results."""
    (opens,), (closed,), (silent,) = (some(hosts, port) for port in ("listens", "closed", "silent"))
    beyond = "224.0.0.1"  # a multicast group: no route for TCP
    assert {
        opens: Probe.OPEN,
        closed: Probe.REFUSED,
        silent: Probe.TIMED_OUT,
        beyond: Probe.UNREACHABLE,
    } == check(hosts, [opens, closed, silent, beyond])


def test_ipv6_is_probed_as_ipv6(hosts: Hosts) -> None:
    """An address with a colon is probed over IPv6, on the same port."""
    assert {"::1": Probe.REFUSED} == check(hosts, ["::1"])
    hosts.set("::1", "listens")
    assert {"::1": Probe.OPEN} == check(hosts, ["::1"])


def test_nobody_to_ask_is_an_answer(hosts: Hosts) -> None:
    """Without addresses the pool ends at once."""
    assert {} == check(hosts, [])


def test_a_timeout_is_each_connects_own(hosts: Hosts) -> None:
    """Silent hosts beyond the concurrency take their turn: ceil(n / concurrency) timeouts."""
    silent = some(hosts, "silent", 10)
    started = time.monotonic()

    results = check(hosts, silent, timeout=0.1, concurrency=4)

    assert 0.3 <= time.monotonic() - started < 0.9
    assert {Probe.TIMED_OUT} == {*results.values()}


def test_no_more_connects_than_allowed_are_in_flight(hosts: Hosts) -> None:
    """The concurrency bounds the sockets that are open, however many addresses are added."""
    silent = some(hosts, "silent", 12)
    before = sockets()
    with closing(Prober(5.0, 4)) as prober:
        prober.submit(at(hosts, silent[:6]))
        assert 4 == sockets() - before
        prober.submit(at(hosts, silent[6:]))
        assert 4 == sockets() - before
    assert before == sockets()


def test_listening_hosts_do_not_wait_for_silent_ones(hosts: Hosts) -> None:
    """One place is enough to get past a silent host to all that listen."""
    every = [*some(hosts, "silent"), *some(hosts, "listens", 300)]
    results = check(hosts, every, timeout=0.3, concurrency=2)
    assert [Probe.TIMED_OUT, *[Probe.OPEN] * 300] == [results[ip] for ip in every]


def test_each_endpoint_is_probed_once(hosts: Hosts) -> None:
    """An address that comes twice, in one page or in two, is one connect."""
    (address,) = some(hosts, "listens")
    with closing(Prober(0.2, 500)) as prober:
        prober.submit(at(hosts, [address, address]))
        by_address(prober.results(soon()))
        prober.submit(at(hosts, [address]))
        assert {address: Probe.OPEN} == by_address(prober.results(soon()))
    (other,) = some(hosts, "listens")
    check(hosts, [other])  # accepted after the first, in the order the kernel has them
    while not hosts.connections[other]:
        time.sleep(0.001)
    assert 1 == hosts.connections[address]


def test_a_prefetched_endpoint_is_probed_once(hosts: Hosts) -> None:
    """An endpoint that is prefetched and submitted later is not probed again."""
    opens, closed = some(hosts, "listens"), some(hosts, "closed")
    with closing(Prober(5.0, 500)) as prober:
        prober.prefetch(at(hosts, [*opens, *closed]))
        wait_until(lambda: hosts.connections[opens[0]] == 1, "it is prefetched")
        prober.submit(at(hosts, [*closed, *opens]))
        assert {opens[0]: Probe.OPEN, closed[0]: Probe.REFUSED} == by_address(
            prober.results(soon())
        )
    assert {opens[0]: 1} == hosts.connections


def test_nothing_waits_for_an_endpoint_that_was_prefetched_in_vain(hosts: Hosts) -> None:
    """Addresses that are gone do not answer: no result waits for them, or mentions them."""
    gone, opens = some(hosts, "silent", 500), some(hosts, "listens", 300)
    started = time.monotonic()
    with closing(Prober(5.0, 8)) as prober:
        before = sockets()
        prober.prefetch(at(hosts, gone))
        assert 4 == sockets() - before, "half of the connects are kept for what is submitted"
        prober.submit(at(hosts, opens))
        assert dict.fromkeys(opens, Probe.OPEN) == by_address(prober.results(soon()))
        assert dict.fromkeys(opens, Probe.OPEN) == by_address(prober.results(soon()))
        assert before == sockets()
    assert time.monotonic() - started < 5.0


def test_a_connect_in_time_counts_however_late_it_is_seen(hosts: Hosts) -> None:
    """While pages are being described the kernel keeps the results."""
    opens, silent = some(hosts, "listens"), some(hosts, "silent")
    now = 0.0
    with closing(Prober(0.05, 500, clock=lambda: now)) as prober:
        prober.submit(at(hosts, [*opens, *silent]))
        while not hosts.connections[opens[0]]:
            time.sleep(0.001)
        now = 1.0  # the listing took longer than a connect may
        results = by_address(prober.results(soon()))
    assert {opens[0]: Probe.OPEN, silent[0]: Probe.TIMED_OUT} == results


def test_the_deadline_leaves_the_rest_unanswered(hosts: Hosts) -> None:
    """At the deadline the pool ends; who was not asked, or not long enough, has not failed."""
    opens, silent = some(hosts, "listens", 3), some(hosts, "silent", 6)
    started = time.monotonic()

    results = check(hosts, [*opens, *silent], 0.3, 3, Deadline(started + 0.45))

    assert 0.45 <= time.monotonic() - started < 0.6
    expected = [Probe.OPEN] * 3 + [Probe.TIMED_OUT] * 3 + [Probe.UNANSWERED] * 3
    assert expected == [results[ip] for ip in (*opens, *silent)]


def test_a_deadline_that_has_passed_asks_nobody_for_long(hosts: Hosts) -> None:
    """Without time left the pool does not wait at all."""
    silent = some(hosts, "silent", 3)
    started = time.monotonic()
    results = check(hosts, silent, 5.0, deadline=Deadline(started - 1))
    assert time.monotonic() - started < 1.0
    assert {Probe.UNANSWERED} == {*results.values()}


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


def test_a_fault_on_our_side_is_no_failure_of_a_task(hosts: Hosts) -> None:
    """Without a descriptor there was no probe: such a task is unanswered, not failing."""
    silent = some(hosts, "silent", 40)
    prober = Prober(0.1, 500)
    with closing(prober), descriptors(0):
        prober.submit(at(hosts, silent))
        results = by_address(prober.results(soon()))
    assert Probe.UNANSWERED in results.values()
    assert {Probe.UNANSWERED, Probe.TIMED_OUT} >= {*results.values()}


def test_nothing_stays_open(hosts: Hosts) -> None:
    """After close() no socket is left, whether its connect had ended or not."""
    everybody = [*some(hosts, "closed", 5), *some(hosts, "silent", 5)]
    before = sockets()
    check(hosts, everybody, timeout=5.0, deadline=soon(0.1))
    assert before == sockets()


def test_thousands_are_asked_in_a_moment(hosts: Hosts) -> None:
    """3,000 listening hosts take far less than a timeout, 500 at a time."""
    everybody = some(hosts, "listens", 3000)
    started = time.monotonic()
    results = check(hosts, everybody, timeout=2.0)
    assert {Probe.OPEN} == {*results.values()}
    assert time.monotonic() - started < 2.0
