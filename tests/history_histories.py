"""Random histories of what is kept: events late, twice, in any order; listings that lag; failovers.

The script is the real one, in a real Valkey, and so is all that compares versions. Two writers
interleave: while one corrects the history by a listing, the other one's events arrive between any
two of its calls. All draws are from one seed, so a seed is a history:

    python tests/history_histories.py --seed 1234          one history, step by step
    python tests/history_histories.py --histories 5000     as many as you like

Of each task and instance the highest version that arrived is kept, and after a failover to a
replica the highest of what arrived since the replica's copy and of that copy.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable

from discovery.deadline import Deadline
from discovery.history.reconcile import Collector, reconcile
from discovery.history.records import of_event
from discovery.stop_codes import GONE
from discovery.store.client import ScriptClient, open_client
from discovery.store.history import History, keys, part
from discovery.store.registry import Registry
from discovery.task_record import task_from_json
from simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from discovery.model import StoredChange

PREFIX = "{histories}"
TASKS, INSTANCES, STOPPED = keys(PREFIX)
LIFE = ("PROVISIONING", "PENDING", "RUNNING", "DEACTIVATING", "STOPPED")
CLUSTER = "arn:aws:ecs:us-east-1:111122223333"


class BrokenPromiseError(AssertionError):
    """What is kept is not the highest version; the message ends with the steps that led there."""


def same(text: str) -> str:
    return text


@dataclass
class Fate:
    """One task as ECS knows it. Versions 9, 10 and 100 differ as numbers otherwise than as text."""

    id: str
    version: int
    stage: int = 0
    health: str = "UNKNOWN"
    forgotten: bool = False
    statuses: dict[int, str] = field(default_factory=dict)

    @property
    def status(self) -> str:
        return LIFE[self.stage]

    def described(self) -> dict[str, Any]:
        desired = "STOPPED" if self.stage > LIFE.index("RUNNING") else "RUNNING"
        self.statuses[self.version] = self.status
        return {
            "taskArn": f"{CLUSTER}:task/arcade/{self.id}",
            "version": self.version,
            "lastStatus": self.status,
            "desiredStatus": desired,
            "healthStatus": self.health,
        }

    def event(self) -> dict[str, Any]:
        detail = self.described()
        del detail["healthStatus"]
        return detail


class Interrupted(History):
    """The store of one writer; before each of its calls the other one may write."""

    between: Callable[[], None]
    sent: Callable[[StoredChange], None]

    def keep(self, changes: Sequence[StoredChange]) -> int:
        kept = super().keep(changes)
        for change in changes:
            self.sent(change)
        return kept

    def _run(self, action: str, *args: Any) -> Any:
        self.between()
        return super()._run(action, *args)


class Story:
    """One history."""

    def __init__(self, aws: Simulator, client: ScriptClient, seed: int, note: bool) -> None:
        self.rng, self.seed, self._note = random.Random(seed), seed, note
        self.redis: Any = aws.valkey.client()
        self.redis.flushall()
        self.deadline = Deadline(time.monotonic() + 600)
        self.client = client
        self.fates: list[Fate] = []
        self.instances: dict[str, int] = {}
        self.pending: list[dict[str, Any]] = []
        self.arrived: dict[str, int] = {}
        self.saved: tuple[dict[str, int], dict[str, bytes]] = ({}, {})
        self.failovers = 0
        self.raw: Any = aws.valkey.client(decode_responses=False)
        self.steps: list[str] = []

    # What happens.

    def begin(self) -> None:
        id = f"{len(self.fates):02d}" + "a" * 30
        fate = Fate(id, self.rng.choice([1, 8, 98, 2**53 - 9]))
        self.fates.append(fate)
        self.send(fate.event())

    def move(self) -> None:
        fate = self.rng.choice(self.fates)
        if fate.stage < len(LIFE) - 1 and not fate.forgotten:
            fate.stage += 1
            fate.version += 1
            self.send(fate.event())

    def heal(self) -> None:
        self.rng.choice(self.fates).health = self.rng.choice(["HEALTHY", "UNHEALTHY", "UNKNOWN"])

    def forget(self) -> None:
        fate = self.rng.choice(self.fates)
        fate.forgotten = fate.stage == len(LIFE) - 1

    def change_instance(self) -> None:
        id = f"{self.rng.randrange(3)}" + "b" * 31
        version = self.instances.get(id, 8) + 1
        self.instances[id] = version
        status = self.rng.choice(["ACTIVE", "DRAINING"])
        arn = f"{CLUSTER}:container-instance/arcade/{id}"
        self.send({"containerInstanceArn": arn, "version": version, "status": status})

    def send(self, detail: dict[str, Any]) -> None:
        if self.rng.random() < 0.8:  # else it is lost
            self.pending.append(detail)

    def deliver(self) -> None:
        """One event arrives, in the call that requests a listing; it may come again."""
        detail = self.rng.choice(self.pending)
        if self.rng.random() < 0.7:
            self.pending.remove(detail)
        change = of_event(detail, same)
        assert change
        also = part(PREFIX, change)
        Registry(self.client, "histories", PREFIX, 0, 10, self.deadline, "e", also).request()
        self.came(change)
        self.note(f"event {change.id[:2]} v{change.version}")

    def came(self, change: StoredChange) -> None:
        self.arrived[change.id] = max(change.version, self.arrived.get(change.id, -1))

    def copy(self) -> None:
        held = {key: self.raw.dump(key) for key in keys(PREFIX) if self.raw.exists(key)}
        self.saved = (dict(self.arrived), held)
        self.note("a replica copies")

    def fail_over(self) -> None:
        self.redis.delete(*keys(PREFIX))
        self.arrived = dict(self.saved[0])
        for key, value in self.saved[1].items():
            self.redis.restore(key, 0, value)
        self.failovers += 1
        self.note("failover")

    def correct(self, calm: bool = False) -> None:
        """A scheduled run: what it lists may be old by the time that it is kept."""
        store = Interrupted(self.client, PREFIX, self.deadline)
        store.between, store.sent = (same_again if calm else self.interrupt), self.came
        failovers = self.failovers
        self.note("a listing begins")
        collected = Collector(store.versions(), same)
        seen = [each.described() for each in self.fates if each.stage <= LIFE.index("RUNNING")]
        collected(seen)
        if not calm:
            self.interrupt()
        # ECS may not know a new task yet. It knows one that stops for an hour.
        new = [each.id for each in self.fates if each.stage <= LIFE.index("RUNNING")]
        lagging = {id for id in new if not calm and self.rng.random() < 0.1}

        def look_up(ids: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
            known = {each.id: each for each in self.fates}
            found = [known[id].described() for id in ids if not known[id].forgotten]
            gone = [id for id in ids if known[id].forgotten or id in lagging]
            return [raw for raw in found if raw["taskArn"][-32:] not in gone], gone

        reconcile(store, look_up, collected, frozenset(), time.time())
        self.note("a listing ends")
        if failovers == self.failovers:
            for raw in seen:
                change = of_event(raw, same)
                assert change
                self.came(change)

    def interrupt(self) -> None:
        """The other writer, between two calls of this one."""
        for _ in range(self.rng.choice([0, 0, 1, 3])):
            acts = [self.move, self.begin, self.heal]
            acts += [self.deliver] * 4 * bool(self.pending)
            acts += [self.fail_over] * (self.rng.random() < 0.05)
            self.rng.choice(acts)()

    # The scheduler, and what must hold.

    def play(self) -> None:
        self.begin()
        for _ in range(self.rng.randint(20, 60)):
            acts = [self.begin, self.move, self.move, self.move, self.heal, self.forget]
            acts += [self.change_instance, self.correct]
            acts += [self.deliver] * 6 * bool(self.pending)
            acts += [self.copy, self.fail_over] * (self.rng.random() < 0.3)
            self.rng.choice(acts)()
            self.check()
        while self.pending:
            self.deliver()
            self.check()
        self.correct(calm=True)
        self.check()
        self.finish()

    def check(self) -> None:
        """The highest version that arrived is kept, and it says what was true of that version."""
        held = self.redis.hgetall(TASKS) | self.redis.hgetall(INSTANCES)
        kept = {id: json.loads(text)[1] for id, text in held.items()}
        self.expect(kept == self.arrived, f"kept {kept}, arrived {self.arrived}")
        stopped = set()
        for fate in self.fates:
            record = task_from_json(held.get(fate.id, "[]"))
            if record and record.stopped_reason != GONE:
                true = fate.statuses[record.version]
                self.expect(record.last_status == true, f"{record} was {true}")
            if record and record.last_status == "STOPPED":
                stopped.add(fate.id)
        self.expect(stopped == set(self.redis.zrange(STOPPED, 0, -1)), "S:stopped is wrong")

    def finish(self) -> None:
        """After a listing with nothing else going on, what ECS knows is what is kept."""
        held = self.redis.hgetall(TASKS)
        for fate in self.fates:
            record = task_from_json(held.get(fate.id, "[]"))
            if fate.stage <= LIFE.index("RUNNING"):
                true: Any = (fate.version, fate.status, fate.health)
                kept = record and (record.version, record.last_status, record.health)
                self.expect(true == kept, f"{record}, but ECS says {true}")
            elif record:
                last = fate.status if not fate.forgotten else "STOPPED"
                self.expect(last == record.last_status, f"{record}, but ECS says {last}")

    def note(self, step: str) -> None:
        self.steps.append(step)
        if self._note:
            print(step)

    def expect(self, holds: bool, what: str) -> None:
        if not holds:
            story = "\n".join(self.steps[-60:])
            raise BrokenPromiseError(
                f"seed {self.seed}: {what}\n{story}\n"
                f"(python tests/history_histories.py --seed {self.seed})"
            )


def same_again() -> None:
    """Nothing happens in between."""


def play(seeds: Iterable[int], note: bool = False) -> Iterator[Story]:
    """Play one history a seed, all on one simulator; yields each that held."""
    with Simulator() as aws:
        port = aws.valkey.port
        client = ScriptClient(
            lambda: open_client("127.0.0.1", port, False, False, None), "Redis", None
        )
        for seed in seeds:
            story = Story(aws, client, seed, note)
            story.play()
            yield story


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, help="play this one, and print its steps")
    parser.add_argument("--histories", type=int, default=300)
    wanted = parser.parse_args()
    seeds = [wanted.seed] if wanted.seed is not None else range(1, wanted.histories + 1)
    began, steps, failovers = time.monotonic(), 0, 0
    for story in play(seeds, wanted.seed is not None):
        steps, failovers = steps + len(story.steps), failovers + story.failovers
    took = time.monotonic() - began
    print(f"{len(seeds)} histories held, {steps} steps, {failovers} failovers, {took:.0f} s")


if __name__ == "__main__":
    main()
