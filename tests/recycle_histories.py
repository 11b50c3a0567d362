"""Random histories of a recycle: the real code, a real Redis, the simulator's scheduler, one seed.

Invocations die, freeze or are overtaken between any two calls, calls fail, Redis is flushed or
fails over to an older copy, others deploy and scale, tasks crash and fail to start, operators
pause and cancel. After each step the five promises must hold, and in the end all is restored.

    python tests/recycle_histories.py --seed 1234          one history, step by step
    python tests/recycle_histories.py --histories 2000     many of them (make soak)
"""

# ruff: noqa: T201 (it is a program too)

from __future__ import annotations

import argparse
import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

from recycle_promises import BrokenPromiseError, Promises
from recycle_world import FROZEN, World, quietly, standing_world

from simulator import Delays
from simulator import faults as fault
from simulator.events import scheduled
from simulator.scaling import Suspended

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from simulator.scaling import Policy, ScalableTarget

WRITES = ("StopTask", "UpdateService", "TagResource", "UntagResource", "RegisterScalableTarget")
READS = ("ListTasks", "DescribeTasks", "DescribeServices", "DescribeScalableTargets")
FAILURES = ("cannot_pull", "resource_initialization", "exits", "never_listens")
NEEDED = ("DescribeServices", "DescribeScalableTargets", "GetTaskProtection")
LONGEST = 600  # ticks until the end


class History:
    """One history: what happens, and in what order."""

    def __init__(self, world: World, seed: int, show: Callable[[str], None]) -> None:
        self.world, self.seed, self.rng = world, seed, random.Random(seed)
        self.steps: list[str] = []
        self._show = show
        rng = self.rng
        self.calm = rng.random() < 0.3  # nothing goes wrong
        # The one thing that goes wrong, so that what goes wrong else does not hide it; "": all.
        self.theme = rng.choice(["", "", "", "counts", "crashes", "denials"])
        service = world.begin(f"arcade-{seed}", rng.choice([1, 2, 2, 3, 3, 4, 5, 8]))
        service.delays = Delays(spread=0.5)
        self.service = service
        world.aws.ecs.region.rng.seed(seed)
        self.target: ScalableTarget | None = None
        self.policy: Policy | None = None
        self._surroundings()
        self.promises = Promises(world, self.target, self._broken)
        self.pending: list[dict[str, Any]] = []
        self.copy: dict[str, tuple[bytes, int]] = {}
        self.fate, self.countdown, self.nested = "", 0, False
        self.ids = 0
        self.denied = ""  # a read that is denied for now
        world.meet, world.overtake = self._meet, self._overtake
        world.seen, world.acting = self.promises.seen, self.promises.acting

    def _surroundings(self) -> None:
        rng, service, aws = self.rng, self.service, self.world.aws
        if rng.random() < 0.3:
            group = aws.elb.create(f"lobby-{self.seed}")
            service.attach(group)
        if rng.random() < 0.5:
            maximum = service.desired + rng.choice([0, 0, 1, 3])
            target = aws.scaling.register(service, rng.randint(0, service.desired), maximum)
            target.suspended = Suspended(*(rng.random() < 0.2 for _ in range(3)))
            self.target = target
            if rng.random() < 0.6:
                self.policy = aws.scaling.track(target, per_task=100)
        self.world.pass_time(60)
        for task in service.tasks:
            if rng.random() < 0.1:
                task.protect(60)

    # The history.

    def play(self) -> None:
        """Raises BrokenPromiseError."""
        self.world.invoke({})
        self.start()
        for _ in range(self.rng.randint(4, 16)):
            self.pending += self.world.aws.events.take()
            name, act = self.rng.choice(self.choices())
            self.note(name)
            act()
            self.promises.hold()
        self.finish()
        self.service.delete()
        if self.target:
            self.world.aws.scaling._targets.pop(self.target.resource_id)

    def start(self) -> None:
        rng = self.rng
        desired = self.service.desired
        event: dict[str, Any] = {
            "action": "recycle",
            "wait_time": rng.choice([0, 0, 5, 30, 90, 400]),
            "drain_time": rng.choice([0, 1, 5, 5, 30, 200]),
            "batch_size": rng.choice([1, 1, 1, 2, 3, "50%", "100%"]),
            "settle_time": rng.choice([0, 0, 0, 20, 200]),
            "replacement_timeout": rng.choice([120, 300, 600]),
        }
        if rng.random() < 0.4:
            event |= {"maintain_service_state": False, "allow_outage": rng.random() < 0.6}
        if self.theme == "counts" and desired > 2:
            event |= {"maintain_service_state": False, "allow_outage": False, "batch_size": 2}
        self.note(f"{desired} tasks, scaling {vars(self.target) if self.target else None}: {event}")
        self.event = event
        self.promises.begins(event)
        self.invoke(event)

    def again(self) -> None:
        """Another start: it begins another recycle only if none goes on."""
        if self.promises.over():
            self.promises.begins(self.event)
        self.invoke(self.event)

    def choices(self) -> list[tuple[str, Callable[[], object]]]:
        possible: list[tuple[str, Callable[[], object]]] = [
            ("a minute passes", self.tick),
            ("a minute passes", self.tick),
            ("some time passes", lambda: self.world.pass_time(self.rng.choice([1.0, 5.0, 20.0]))),
        ]
        if self.pending:
            possible += [("an event arrives", self.deliver)] * 3
        if self.calm:
            return possible
        if self.theme:
            return [*possible, *possible, *self.of_theme()]
        possible += [
            ("pause", partial(self.command, "pause")),
            ("resume", partial(self.command, "resume")),
            ("cancel", partial(self.command, "cancel")),
            ("again", self.again),
            ("a deployment", self.deploy),
            ("somebody sets the count", self.scale),
            ("a task crashes", self.crash),
            ("a replacement crashes", self.crash_replacement),
            ("starts fail", self.starts_fail),
            ("starts succeed", self.service.recovers),
            ("a call will fail", self.refuse),
            ("a read is denied", self.deny),
            ("reads are allowed", self.allow),
            ("DescribeServices lags", self.lag),
            ("protection", self.protect),
            ("a replica copies", self.save),
            ("Redis fails over", self.fail_over),
            ("Redis is flushed", self.flush),
        ]
        if self.target:
            possible += [("scaling", self.act_on_scaling)] * 2
        return possible

    def of_theme(self) -> list[tuple[str, Callable[[], object]]]:
        if self.theme == "counts":
            return [("somebody sets a low count", partial(self.scale, 3))] * 2
        if self.theme == "crashes":
            return [("a replacement crashes", self.crash_replacement)]
        return [
            ("a read is denied", self.deny),
            ("a read is denied", self.deny),
            ("reads are allowed", self.allow),
        ]

    def finish(self) -> None:
        """Nothing more happens: the recycle must end, and all must be restored."""
        self.note("no more changes")
        calm, self.calm = self.calm, True
        self.denied = ""
        self.service.recovers()
        self.service.lag = 0
        self.world.aws.faults.clear()
        for task in self.service.tasks:
            task.unprotect()
        self.world.pass_time(60)
        for task in self.service.running:
            task.port("listens")
        for _ in range(LONGEST):
            self.tick()
            self.promises.hold()
            if self.promises.paused():  # by a command that was left behind
                self.command("resume")
            if self.promises.over():
                break
        else:
            self._broken(f"the recycle does not end: {self.promises.record()}")
        self.world.pass_time(120)
        self.tick()
        self.promises.restored(calm)

    # What happens.

    def tick(self) -> None:
        self.world.pass_time(30 + self.rng.random() * 30)
        self.invoke(scheduled())
        if self.denied:
            self.promises.unseen(self.denied)

    def deliver(self) -> None:
        event = self.rng.choice(self.pending)
        if self.rng.random() < 0.8:
            self.pending.remove(event)
        self.invoke(event)

    def command(self, word: str) -> None:
        self.invoke({"action": "recycle", "command": word})

    def invoke(self, event: dict[str, Any]) -> None:
        rng = self.rng
        self.fate = ""
        if not self.calm and rng.random() < (0.1 if self.theme else 0.5):
            self.fate = rng.choice(["dies", "dies", "lost", "freezes", "is overtaken"])
            self.countdown = rng.randint(1, rng.choice([20, 60, 150]))
        self.promises.alone = True
        timeout = rng.choice([30.0, 60.0, 300.0])
        answer = quietly(lambda: self.world.invoke(event, timeout))
        self.note(f"  {answer}")
        self.promises.answered = answer
        self.fate = ""

    def deploy(self) -> None:
        self.service.deploy()

    def scale(self, highest: int = 9) -> None:
        bounds = (self.promises.minimum, self.promises.maximum)
        low, high = bounds if self.target else (1, 9)
        high = min(high, highest)
        count = self.rng.randint(max(1, low), max(1, low, high))
        self.promises.others_set(count, self.service)

    def act_on_scaling(self) -> None:
        target, rng = self.target, self.rng
        assert target
        kind = rng.choice(["policy", "schedule", "reset"])
        before = self.service.desired
        if kind == "policy" and self.policy:
            self.policy.load = rng.randint(1, 9) * 100.0
            self.policy.act()
        elif kind == "schedule":
            minimum = rng.randint(0, 5)
            target.scheduled(minimum, max(minimum, rng.randint(2, 9)))
        elif kind == "reset":
            self.promises.bounds_reset(target)
            return
        self.note(f"  {kind}: {before} to {self.service.desired}, {vars(target)}")
        self.promises.scaled(before, target)

    def crash(self) -> None:
        if self.service.running:
            task = self.rng.choice(self.service.running)
            self.promises.crashes(task)
            task.exit(1)

    def crash_replacement(self) -> None:
        """The youngest task, which readers may see already."""
        if self.service.running:
            task = max(self.service.running, key=lambda task: task.state.created_at)
            self.promises.crashes(task)
            task.exit(1)

    def deny(self) -> None:
        """From now on, until `allow`."""
        self.allow()
        self.denied = self.rng.choice(NEEDED)
        self.world.aws.faults.set(self.denied, fault.denied)

    def allow(self) -> None:
        self.world.aws.faults.clear()
        self.denied = ""
        self.promises.seeing()

    def starts_fail(self) -> None:
        kind: Any = self.rng.choice(FAILURES)
        self.service.fails(kind, self.rng.choice([1, 2, None]))

    def refuse(self) -> None:
        operation = self.rng.choice([*WRITES, *WRITES, *READS])
        kinds = [fault.throttled, fault.internal, fault.denied]
        self.world.aws.faults.set(operation, self.rng.choice(kinds), times=self.rng.randint(1, 2))

    def lag(self) -> None:
        self.service.lag = self.rng.choice([0.0, 5.0, 20.0])
        self.promises.lagged = True

    def protect(self) -> None:
        task = self.rng.choice(self.service.tasks)
        self.rng.choice([lambda: task.protect(60), task.unprotect])()

    def save(self) -> None:
        raw = self.world.aws.valkey.client(decode_responses=False)
        self.copy = {
            key.decode(): (value, max(0, raw.pttl(key)))
            for key in raw.scan_iter()
            if (value := raw.dump(key))  # a lease may expire meanwhile
        }
        raw.close()
        self.promises.saved()

    def flush(self) -> None:
        self.world.redis.flushall()
        self.promises.flushed()

    def fail_over(self) -> None:
        self.world.redis.flushall()
        for key, (value, ttl) in self.copy.items():
            self.world.redis.restore(key, ttl, value)
        self.promises.failed_over(bool(self.copy))

    # The fate of an invocation.

    def _meet(self, step: str, before: bool) -> str:
        if not self.fate or self.nested:
            return ""
        self.countdown -= 1
        if self.countdown > 0 or (before and self.fate == "lost"):
            return ""
        fate, self.fate = self.fate, ""
        self.note(f"  {fate} {'before' if before else 'after'} {step}")
        return fate

    def _overtake(self) -> None:
        self.nested, self.promises.alone = True, False
        for _ in range(self.rng.randint(1, 3)):
            self.note(f"    other: {quietly(lambda: self.world.invoke(scheduled()))}")
            self.world.pass_time(self.rng.choice([1.0, FROZEN]))
        self.nested = False

    # Telling.

    def note(self, step: str) -> None:
        self.steps.append(step)
        self._show(f"{self.world.now() - 1_798_761_600:9.1f}  {step}")

    def _broken(self, what: str) -> None:
        story = "\n".join(self.steps[-60:])
        raise BrokenPromiseError(
            f"seed {self.seed}: {what}\n{story}\n"
            f"(python tests/recycle_histories.py --seed {self.seed})"
        )


def play(
    seeds: Iterable[int], show: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[int, History]]:
    """Play one history for each seed; yields each in which the promises held."""
    for world in standing_world():
        for seed in seeds:
            history = History(world, seed, show)
            history.play()
            yield seed, history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, help="play this one, and print its steps")
    parser.add_argument("--histories", type=int, default=300)
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first seed")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        for seed, _ in play([arguments.seed], print):
            print(f"seed {seed}: all promises held")
        return
    began, ends = time.monotonic(), dict[str, int]()
    last = arguments.first + arguments.histories - 1
    for done, (seed, history) in enumerate(play(range(arguments.first, last + 1)), 1):
        ends[history.promises.end] = ends.get(history.promises.end, 0) + 1
        if done % 100 == 0 or seed == last:
            counts = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
            print(
                f"{done} of {arguments.histories} histories held ({counts}), seeds "
                f"{arguments.first} to {seed}, {time.monotonic() - began:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
