"""One service's keys in Redis: fencing tokens, lease, rate limit, publications, withdrawals.

`registry.lua` says what each action writes; this file is its Python side. The fencing tokens
make an overlap of runs harmless. The lease only saves calls: it lets one run list at a time.
"""

from __future__ import annotations

import logging
import math
import threading
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from discovery.addresses import changes
from discovery.errors import DiscoveryError
from discovery.model import (
    NO_IDS,
    Grant,
    LeaseHeld,
    Published,
    PublishedState,
    RetryAfter,
    Superseded,
)
from discovery.store import codec, scripts
from discovery.text import iso, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from discovery.deadline import Deadline
    from discovery.model import Decision
    from discovery.store.client import ScriptClient

log = logging.getLogger(__name__)

_SCRIPT = scripts.load("ground", "ratelimit", "items", "registry")

# A run that was killed holds up the others for this long, in milliseconds.
LEASE = 8000
RENEW_EVERY = 2.0  # seconds
BURST = 4.0  # seconds: of 20 calls a second and 100 at once, 10 and 40 are ours by default


class ScriptPart(NamedTuple):
    """A script that is executed in the same call as another, after it.

    If it fails, the other one's writes stay, and its answer is returned. The log then has
    `failed`, the reason that Redis gives, and `remedy`.
    """

    text: str
    keys: tuple[str, ...]
    args: tuple[Any, ...]
    failed: str
    remedy: str


class Registry:
    """One service's keys, for the length of one invocation.

    Each method raises RegistryError or SecretError.
    """

    def __init__(
        self,
        client: ScriptClient,
        key: str,
        key_prefix: str,
        ttl: int,
        calls_per_second: float,
        deadline: Deadline,
        owner: str,
        with_request: ScriptPart | None = None,
    ) -> None:
        self._client, self._deadline = client, deadline
        self._ttl, self._owner = ttl, owner
        # A full bucket of BURST seconds' calls, and a refill that keeps a minute, which may begin
        # with a full bucket, within the calls per second.
        self._burst = max(2, int(BURST * calls_per_second))
        self._call_costs = math.ceil(1000 / (calls_per_second * (1 - BURST / 60)))  # ms
        self._with_request = with_request
        self.key = key
        companions = ("state", "lease", "ratelimit", "withdrawn", "draining")
        self._keys = (key, *(f"{key_prefix}:{name}" for name in companions))

    def withdraw(self, task: str) -> str | None:
        """Remove a stopping task from the list for good; returns its address if it was listed."""
        return self._run("withdraw", task, 0) or None

    def drain(self, task: str) -> str | None:
        """Remove a task that is about to be stopped; `reinstate` takes this back."""
        return self._run("withdraw", task, 1) or None

    def draining(self) -> frozenset[str]:
        """Ids of the tasks that were drained, and neither reinstated nor forgotten."""
        return frozenset(self._run("draining"))

    def reinstate(self, task: str) -> bool:
        """Let a drained task be listed again by the next listing, which this requests.

        False: it was not drained. A task that ECS has said to be stopping stays withdrawn.
        """
        return bool(self._run("reinstate", task))

    def request(self, full: bool = True, named: AbstractSet[str] = NO_IDS) -> bool:
        """Request a listing that begins after this moment; False: another run will make it.

        Whichever run makes it looks at each task if it has to be `full`, and else at least at
        the tasks `named` (ids).
        """
        part = self._with_request
        args: tuple[Any, ...] = (
            "request", self._owner, LEASE, int(full), " ".join(sorted(named))
        )  # fmt: skip
        if part is None:
            return bool(self._run(*args))
        script, keys = _joined(part.text, len(self._keys), len(args)), self._keys + part.keys
        answer, failure = self._client.run(script, keys, self._deadline, *args, *part.args)
        if failure:
            log.error("%s: %s. %s", part.failed, one_line(failure).rstrip("."), part.remedy)
        return bool(answer)

    def reserve(self) -> bool:
        """Take the lease to wait with it; False: another run will list.

        A request that does not wait may take the lease over.
        """
        return bool(self._run("reserve", self._owner, LEASE))

    def acquire(self, urgent: bool = False) -> Grant | RetryAfter | LeaseHeld:
        """Take the lease, and a fencing token for a listing that begins now.

        Unless it is `urgent`, is full or looks at a task that an event has named, the listing
        leaves half of the rate limit's bucket to others.
        """
        number, *rest = self._run(
            "acquire", self._owner, LEASE, int(urgent), self._call_costs, self._burst
        )
        if rest:
            state, wait, full = rest
            return Grant(number, codec.published_state(state), wait / 1000, bool(full))
        return LeaseHeld() if number < 0 else RetryAfter(number / 1000)

    def publish(
        self, grant: Grant, state: PublishedState, decision: Decision, calls: int
    ) -> Published | PublishedState | Superseded:
        """Write the list, unless a listing that began later is published.

        If an older listing was published since the decision was made, nothing is written and
        the new published state is returned, to decide on. With a settled decision the lease is
        given back, unless a request came after the grant.
        """
        observed = iso(grant.token / 1000)
        added, removed = changes(state.entries, decision.entries)
        rendered = codec.render(decision.entries, decision.confirmed, observed)
        answer, *rest = self._run(
            "publish",
            grant.token,
            self._owner,
            int(decision.settled),
            int(grant.full),
            state.listing,
            state.generation,
            rendered.text,
            rendered.tasks,
            rendered.items,
            self._ttl,
            codec.dumps(added),
            codec.dumps(removed),
            calls,
            self._call_costs,
            *("observed_at", observed),
            *("running", decision.running),
            *("healthy", decision.healthy),
            *("degraded", int(decision.degraded)),
        )
        if answer > 0:
            withdrawn, released = rest
            return Published(answer, frozenset(withdrawn), bool(released))
        return codec.published_state(rest[0]) if rest else Superseded()

    def renew(self, token: int) -> bool:
        """Renew the lease; was a listing requested since the token was taken?"""
        return bool(self._run("renew", self._owner, LEASE, token))

    def release(self, token: int | None) -> bool:
        """Give the lease back. False: a request came after the token, so it is still ours."""
        return bool(self._run("release", self._owner, LEASE, "" if token is None else token))

    @contextmanager
    def keep_lease(self) -> Iterator[None]:
        """Renew the lease in the background, through listings and probes that take long."""
        over = threading.Event()

        def renew() -> None:
            # The first failure ends it: the run itself meets the same fault, and reports it.
            with suppress(DiscoveryError):
                while not over.wait(RENEW_EVERY):
                    self.renew(0)

        threading.Thread(target=renew, name="lease", daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def read(self) -> PublishedState:
        return codec.published_state(self._run("read"))

    def status(self) -> Mapping[str, Any]:
        """What Redis holds, and how old it is."""
        return codec.status(self._run("read"))

    def _run(self, action: str, *args: Any) -> Any:
        return self._client.run(_SCRIPT, self._keys, self._deadline, action, *args)


@lru_cache(maxsize=1)
def _joined(text: str, keys: int, args: int) -> scripts.Script:
    """Our script with another one after it, which has the keys and arguments behind ours."""
    joined = f"""\
local function first()
{_SCRIPT.text}
end
local function second(KEYS, ARGV)
{text}
end
local answer = first()
local done, why = pcall(second, {{unpack(KEYS, {keys + 1})}}, {{unpack(ARGV, {args + 1})}})
if not done and type(why) == 'table' then why = why.err end
return {{answer, done and '' or tostring(why)}}
"""
    return scripts.of(joined)
