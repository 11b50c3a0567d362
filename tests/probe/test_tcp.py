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
    """Hosts at addresses of this test alone."""
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


def probe_all(
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
    """The number of sockets that this process has open."""
    links = (each for each in Path("/proc/self/fd").iterdir() if each.is_symlink())
    return sum(link.readlink().name.startswith("socket:") for link in links)


def test_each_kind_of_port_has_its_result(hosts: Hosts) -> None:
    """An open, a refusing, a silent and an unreachable port give four different results."""
    (opens,), (closed,), (silent,) = (some(hosts, port) for port in ("listens", "closed", "silent"))
    beyond = "224.0.0.1"  # a multicast group: no route for TCP
    assert {
        opens: Probe.OPEN,
        closed: Probe.REFUSED,
        silent: Probe.TIMED_OUT,
        beyond: Probe.UNREACHABLE,
    } == probe_all(hosts, [opens, closed, silent, beyond])


def test_ipv6_is_probed_as_ipv6(hosts: Hosts) -> None:
    """An address with a colon is probed over IPv6, on the same port."""
    assert {"::1": Probe.REFUSED} == probe_all(hosts, ["::1"])
    hosts.set("::1", "listens")
    assert {"::1": Probe.OPEN} == probe_all(hosts, ["::1"])


def test_no_endpoints_give_no_results(hosts: Hosts) -> None:
    """Without addresses the prober returns at once."""
    assert {} == probe_all(hosts, [])


def test_each_connect_has_its_own_timeout(hosts: Hosts) -> None:
    """Silent hosts beyond the concurrency wait for a slot: ceil(n / concurrency) timeouts."""
    silent = some(hosts, "silent", 10)
    started = time.monotonic()

    results = probe_all(hosts, silent, timeout=0.1, concurrency=4)

    assert 0.3 <= time.monotonic() - started < 0.9
    assert {Probe.TIMED_OUT} == {*results.values()}


def test_no_more_connects_than_allowed_are_in_flight(hosts: Hosts) -> None:
    """The concurrency limits the open sockets, however many addresses are submitted."""
    silent = some(hosts, "silent", 12)
    before = sockets()
    with closing(Prober(5.0, 4)) as prober:
        prober.submit(at(hosts, silent[:6]))
        assert 4 == sockets() - before
        prober.submit(at(hosts, silent[6:]))
        assert 4 == sockets() - before
    assert before == sockets()


def test_listening_hosts_do_not_wait_for_silent_ones(hosts: Hosts) -> None:
    """A second slot is enough to pass a silent host and reach all listening hosts."""
    every = [*some(hosts, "silent"), *some(hosts, "listens", 300)]
    results = probe_all(hosts, every, timeout=0.3, concurrency=2)
    assert [Probe.TIMED_OUT, *[Probe.OPEN] * 300] == [results[ip] for ip in every]


def test_each_endpoint_is_probed_once(hosts: Hosts) -> None:
    """An address that is submitted twice, in one page or in two, is probed once."""
    (address,) = some(hosts, "listens")
    with closing(Prober(0.2, 500)) as prober:
        prober.submit(at(hosts, [address, address]))
        by_address(prober.results(soon()))
        prober.submit(at(hosts, [address]))
        assert {address: Probe.OPEN} == by_address(prober.results(soon()))
    (other,) = some(hosts, "listens")
    probe_all(hosts, [other])  # the kernel accepts connections in order, so this is the last
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


def test_a_useless_prefetch_is_not_waited_for(hosts: Hosts) -> None:
    """A prefetched address that is never submitted is not waited for and has no result."""
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


def test_a_connect_in_time_counts_even_if_it_is_read_late(hosts: Hosts) -> None:
    """The kernel keeps a connect's result while the listing takes longer than the timeout."""
    opens, silent = some(hosts, "listens"), some(hosts, "silent")
    now = 0.0
    with closing(Prober(0.05, 500, clock=lambda: now)) as prober:
        prober.submit(at(hosts, [*opens, *silent]))
        while not hosts.connections[opens[0]]:
            time.sleep(0.001)
        now = 1.0  # longer than the connect timeout
        results = by_address(prober.results(soon()))
    assert {opens[0]: Probe.OPEN, silent[0]: Probe.TIMED_OUT} == results


def test_the_deadline_leaves_the_rest_unanswered(hosts: Hosts) -> None:
    """At the deadline the prober returns. Unfinished probes are unanswered, not failed."""
    opens, silent = some(hosts, "listens", 3), some(hosts, "silent", 6)
    started = time.monotonic()

    results = probe_all(hosts, [*opens, *silent], 0.3, 3, Deadline(started + 0.45))

    assert 0.45 <= time.monotonic() - started < 0.6
    expected = [Probe.OPEN] * 3 + [Probe.TIMED_OUT] * 3 + [Probe.UNANSWERED] * 3
    assert expected == [results[ip] for ip in (*opens, *silent)]


def test_a_deadline_that_has_passed_ends_the_probes_at_once(hosts: Hosts) -> None:
    """If the deadline has passed, the prober does not wait at all."""
    silent = some(hosts, "silent", 3)
    started = time.monotonic()
    results = probe_all(hosts, silent, 5.0, deadline=Deadline(started - 1))
    assert time.monotonic() - started < 1.0
    assert {Probe.UNANSWERED} == {*results.values()}


@contextmanager
def descriptors(count: int) -> Iterator[None]:
    """Limit the process to this many more open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_local_fault_is_not_a_failure_of_the_task(hosts: Hosts) -> None:
    """Without a free file descriptor there was no probe: the task is unanswered, not failing."""
    silent = some(hosts, "silent", 40)
    prober = Prober(0.1, 500)
    with closing(prober), descriptors(0):
        prober.submit(at(hosts, silent))
        results = by_address(prober.results(soon()))
    assert Probe.UNANSWERED in results.values()
    assert {Probe.UNANSWERED, Probe.TIMED_OUT} >= {*results.values()}


def test_nothing_stays_open(hosts: Hosts) -> None:
    """After close() no socket is open, whether its connect had finished or not."""
    everyone = [*some(hosts, "closed", 5), *some(hosts, "silent", 5)]
    before = sockets()
    probe_all(hosts, everyone, timeout=5.0, deadline=soon(0.1))
    assert before == sockets()


def test_thousands_of_endpoints_are_probed_quickly(hosts: Hosts) -> None:
    """3,000 listening hosts, 500 at a time, take far less than one timeout."""
    everyone = some(hosts, "listens", 3000)
    started = time.monotonic()
    results = probe_all(hosts, everyone, timeout=2.0)
    assert {Probe.OPEN} == {*results.values()}
    assert time.monotonic() - started < 2.0
