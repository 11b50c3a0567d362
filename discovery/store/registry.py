"""The registry in Redis: token, publish, withdraw, lease, read.

`registry.lua` says what each action writes; this file is its Python side. The
tokens are what makes an overlap of runs harmless. The lease only saves calls:
it keeps all but one run from listing.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from discovery.errors import DiscoveryError
from discovery.store import codec as stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from discovery.deadline import Deadline
    from discovery.model import Decision, Standing
    from discovery.store.client import Connection

_TEXT = Path(__file__).with_suffix(".lua").read_text(encoding="utf-8")
_SCRIPT = (hashlib.sha1(_TEXT.encode()).hexdigest(), _TEXT)  # noqa: S324 (EVALSHA names it so)

# A holder that was killed is in the way for this long, in milliseconds; one that
# lives renews in time for two of its calls to fail.
LEASE = 8000
RENEW_EVERY = 2.0  # seconds


class Begun(NamedTuple):
    """A listing may start: its fencing token, and what it will build on."""

    token: int
    standing: Standing


class Wait(NamedTuple):
    """The last listing was too recent: so many seconds first."""

    seconds: float


class Published(NamedTuple):
    """The list is written, but for the tasks (ids) withdrawn too late for the decision."""

    generation: int
    withdrawn: AbstractSet[str]


class Lost(NamedTuple):
    """Somebody else has the place, or a newer listing is published."""


class Registry:
    """One service's keys, for the length of one invocation."""

    verb = "published"  # in the log

    def __init__(
        self,
        connection: Connection,
        key: str,
        stem: str,
        ttl: int,
        calls_per_second: float,
        deadline: Deadline,
        owner: str,
    ) -> None:
        self._connection, self._deadline = connection, deadline
        self._ttl, self._owner = ttl, owner
        self._call_costs = round(1000 / calls_per_second)  # ms between listings for each call
        self.key = key
        companions = ("state", "lease", "pace", "withdrawn")
        self._keys = (key, *(f"{stem}:{name}" for name in companions))

    def withdraw(self, task: str) -> str | None:
        """Take a stopped task out of the list, for good; its address, if it was listed."""
        return self._run("withdraw", task) or None

    def enter(self) -> bool:
        """Ask for a listing that begins after this moment; False: another run will make it."""
        return bool(self._run("enter", self._owner, LEASE))

    def defer(self) -> bool:
        """Take the place to wait in it; False: another run will list.

        A request that does not wait may take the place over.
        """
        return bool(self._run("defer", self._owner, LEASE))

    def begin(self) -> Begun | Wait | Lost:
        """Take the place, and a token for a listing that begins now."""
        number, *standing = self._run("begin", self._owner, LEASE, self._call_costs)
        if standing:
            return Begun(number, stored.standing(standing[0]))
        return Lost() if number < 0 else Wait(number / 1000)

    def publish(
        self, begun: Begun, standing: Standing, decision: Decision, calls: int
    ) -> Published | Standing | Lost:
        """Write the list, unless a listing that began later is published.

        Or, with nothing written: what stands, if an older listing was published since the
        decision was made.
        """
        observed = stored.iso(begun.token / 1000)
        added, removed = stored.changes(standing.entries, decision.entries)
        answer, *rest = self._run(
            "publish",
            begun.token,
            standing.listing,
            standing.generation,
            stored.render(decision.entries, observed),
            stored.dumps({task: entry.ip for task, entry in decision.entries.items()}),
            self._ttl,
            stored.dumps(added),
            stored.dumps(removed),
            calls,
            self._call_costs,
            *("observed_at", observed),
            *("running", decision.running),
            *("healthy", decision.healthy),
            *("degraded", int(decision.degraded)),
        )
        if answer > 0:
            return Published(answer, frozenset(rest[0]))
        return stored.standing(rest[0]) if rest else Lost()

    def requested(self, token: int) -> bool:
        """Renew the lease; has anybody asked for a listing since the token was taken?"""
        return bool(self._run("renew", self._owner, LEASE, token))

    def leave(self, token: int | None) -> bool:
        """Give up the place; False: a request came after the token, so it is still ours."""
        return bool(self._run("leave", self._owner, LEASE, "" if token is None else token))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Renew the lease in the background, through listings and checks that take long."""
        over = threading.Event()

        def renew() -> None:
            # The first failure ends it: the run itself meets the same fault, and tells.
            with suppress(DiscoveryError):
                while not over.wait(RENEW_EVERY):
                    self.requested(0)

        threading.Thread(target=renew, name="lease", daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def read(self) -> Standing:
        return stored.standing(self._run("read"))

    def status(self) -> Mapping[str, Any]:
        """What Redis holds, and how old it is."""
        return stored.status(self._run("read"))

    def _run(self, action: str, *args: Any) -> Any:
        return self._connection.run(_SCRIPT, self._keys, self._deadline, action, *args)


class DryRun(Registry):
    """The same, but for whatever writes."""

    verb = "would build on"

    def withdraw(self, task: str) -> str | None:  # noqa: ARG002
        return None

    def enter(self) -> bool:
        return True

    def defer(self) -> bool:
        return True

    def begin(self) -> Begun:
        return Begun(0, self.read())

    def publish(
        self,
        begun: Begun,  # noqa: ARG002
        standing: Standing,
        decision: Decision,  # noqa: ARG002
        calls: int,  # noqa: ARG002
    ) -> Published:
        return Published(standing.generation, frozenset())

    def requested(self, token: int) -> bool:  # noqa: ARG002
        return False

    def leave(self, token: int | None) -> bool:  # noqa: ARG002
        return True
