"""Random histories of one service: the real code in many environments, one step at a time.

Environments are threads with clients of their own. Each stops before every call to
Redis, every call to ECS and every sleep, and a scheduler that draws from one seed
says who goes on, what happens to the service meanwhile, which event arrives, how
often, and who is killed. So a seed is a history, and a failure can be run again:

    python tests/histories.py --seed 1234          one history, printed step by step
    python tests/histories.py --histories 5000     as many as you like (make soak)

A calm history has overlaps, but nothing is lost in it: when all events have been
answered the list must be the truth, with no further run. In a rough one environments
are killed, ECS refuses calls, ports open and close without an event, and Redis is
flushed or fails over to a replica that lacks the last writes: there the next minute's
reconcile must bring the truth back.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import threading
import time
from typing import TYPE_CHECKING, Any, Callable

import boto3

from discovery import events, routing
from discovery.aws.task_lister import TaskLister
from discovery.deadline import Deadline
from discovery.errors import DiscoveryError
from discovery.probe.tcp import Prober
from discovery.settings import from_env
from discovery.store.client import ScriptClient, open_client
from discovery.store.registry import LEASE, Registry
from discovery.sync.rounds import Policy
from discovery.sync.run import Dependencies, sync
from simulator import Simulator, share
from simulator import faults as fault
from simulator.events import container_instance_state_change, scheduled, task_state_change

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from discovery.aws.listing import Listing
    from discovery.aws.task_lister import Query
    from discovery.model import Page, ServiceRef
    from simulator import Task

KEY = "{fleet}:iplist"
STATE, LEASE_KEY, RATELIMIT = f"{KEY}:state", f"{KEY}:lease", f"{KEY}:ratelimit"
ENVIRONMENTS = 5
ROUNDS, INTERVAL, TIMEOUT = 3, 5.0, 120.0  # seconds of the history's own clock


class Killed(BaseException):
    """The environment ends here, with nothing cleaned up."""


class BrokenLawError(AssertionError):
    """A law does not hold; the message ends with the steps that led there."""


ungated = threading.local()


class Actor(threading.Thread):
    """One invocation, which goes on only when the scheduler lets it."""

    def __init__(self, stage: Stage, environment: Environment, event: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self.stage, self.environment, self.event = stage, environment, event
        self.killed = False
        self.outcome = ""
        self.at = "its start"
        self._go, self._parked = threading.Semaphore(0), threading.Semaphore(0)
        environment.actor = self

    def gate(self, step: str) -> None:
        """Stop here, until the scheduler picks this actor again."""
        if not self.killed:
            self.at = step
            self._parked.release()
            self._go.acquire()
        if self.killed:
            raise Killed

    def advance(self) -> None:
        """Let it take its step, and wait for it to stand before the next."""
        self._go.release()
        if not self._parked.acquire(timeout=30):
            raise BrokenLawError(f"{self.name} hangs after {self.at}")

    def run(self) -> None:
        self._go.acquire()
        try:
            self.outcome = self.stage.invoke(self.environment, self.event)
        except Killed:
            self.outcome = "killed"
        except DiscoveryError as error:
            self.outcome = f"failed: {error}"
        except BaseException as error:
            self.outcome = f"crashed: {error!r}"
            raise
        finally:
            self._parked.release()


class GatedClient(ScriptClient):
    """The real connection, with a gate before each call and an eye on what is written."""

    stage: Stage
    environment: Environment

    def run(self, script: Any, keys: Any, deadline: Deadline, *args: Any) -> Any:
        if threading.current_thread().name == "lease":
            return 0  # whether the lease expires is the scheduler's to say
        self.environment.gate(f"redis {args[0]}")
        self.stage.before_write()
        answer = super().run(script, keys, deadline, *args)
        self.stage.after_write(self.environment, args, answer)
        return answer


class GatedLister(TaskLister):
    """Prefetches before it lists, so that what it prefetched is as old as it can be."""

    def _prefetch(self, service: ServiceRef, ids: list[str]) -> dict[str, Any]:
        ungated.on = True
        try:
            return super()._prefetch(service, ids)
        finally:
            ungated.on = False

    def _list(self, listing: Listing, query: Query, next_token: str | None = None) -> Page:
        if query.prefetched:
            query.prefetched.result()
        return super()._list(listing, query, next_token)


class Environment:
    """A warm execution environment: clients that live from invocation to invocation."""

    def __init__(self, aws: Simulator, number: int) -> None:
        self.number = number
        self.actor: Actor | None = None
        self.ecs = boto3.client(
            "ecs",
            region_name="us-east-1",
            endpoint_url=aws.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.ecs.meta.events.register("before-call.ecs", self._before_call)
        self.client = GatedClient(
            lambda: open_client("127.0.0.1", aws.valkey.port, False, False, None), "Redis", None
        )
        self.client.environment = self

    def gate(self, step: str) -> None:
        assert self.actor
        self.actor.gate(step)

    def _before_call(self, model: Any, **_: Any) -> None:
        if not getattr(ungated, "on", False):
            self.gate(f"ecs {model.name}")


class Stage:
    """One history: a service, its events, the environments, and what must hold."""

    def __init__(
        self,
        aws: Simulator,
        environments: list[Environment],
        seed: int,
        show: Callable[[str], None],
    ) -> None:
        self.aws, self.environments, self.seed = aws, environments, seed
        self.rng = random.Random(seed)
        self.rough = self.was_rough = self.rng.random() < 0.5
        self.now = 0.0
        self.steps: list[str] = []
        self._show = show
        self.redis = aws.valkey.client()
        self.redis.flushall()
        aws.events.take()
        self.service = aws.ecs.create_service(f"arcade-{seed}", "lobby")
        self.settings = from_env(aws.settings(self.service, key=KEY)).service
        self.pending: list[dict[str, Any]] = []
        self.actors: list[Actor] = []
        self.closed: set[str] = set()  # addresses
        self.withdrawn: set[str] = set()  # task ids
        # The listings in the order in which they began: who, and with what token.
        self.listings: list[tuple[int, int]] = []
        self.published = self.saved = -1  # the place of the published one among them
        self.newest_generation = self.seen_generation = 0
        self.copy: dict[str, tuple[bytes, int]] = {}
        for environment in environments:
            environment.client.stage = self

    # What the environments do.

    def invoke(self, environment: Environment, event: dict[str, Any]) -> str:
        action = routing.route(events.parse(event), self.settings)
        assert isinstance(action, routing.Sync)
        deadline = Deadline(self.now + TIMEOUT, lambda: self.now)
        lister = GatedLister(lambda: environment.ecs, lambda: boto3.client("ec2"))
        owner = f"{self.seed}/{len(self.steps)}"
        try:
            dependencies = Dependencies(
                service=self.settings.ref,
                lister=lister,
                registry=Registry(
                    environment.client, KEY, self.settings.key_prefix, 0, 10, deadline, owner
                ),
                new_prober=lambda: Prober(0.5, 100),
                deadline=deadline,
                sleep=lambda seconds: self.sleep(environment, seconds),
            )
            policy = Policy(ROUNDS, INTERVAL, panic_percent=0)
            spread = 1.0 if action.shared else 0.0
            return sync(
                dependencies, policy, action.stopping, action.new_task_ids, spread, action.full
            ).outcome.value
        finally:
            lister._threads.shutdown(wait=False)

    def sleep(self, environment: Environment, seconds: float) -> None:
        wake = self.now + seconds
        environment.gate(f"sleep {seconds:g}")
        self.now = max(self.now, wake)

    def before_write(self) -> None:
        """Only the scheduler lets time pass: neither pace nor lease runs out by itself."""
        self.redis.delete(RATELIMIT)
        self.redis.pexpire(LEASE_KEY, LEASE)

    def after_write(self, environment: Environment, args: tuple[Any, ...], answer: Any) -> None:
        if args[0] == "withdraw":
            self.withdrawn.add(args[1])
        if args[0] == "acquire" and len(answer) > 1:
            self.listings.append((environment.number, answer[0]))
        if args[0] == "publish" and answer[0] > 0:
            listing = self.listings.index((environment.number, args[1]))
            self.expect(listing > self.published, "law 2: an older listing was published")
            self.expect(answer[0] > self.newest_generation, "a generation was given twice")
            self.published, self.newest_generation = listing, answer[0]

    # What happens to the service.

    def start(self) -> None:
        gone = [t.ip for t in self.service.tasks if t.state.last_status == "STOPPED"]
        here = {t.ip for t in self.service.tasks if t.state.last_status != "STOPPED"}
        free = sorted(set(gone) - here)
        handed_on = self.rng.choice(free) if free and self.rng.random() < 0.6 else None
        status = self.rng.choice(["RUNNING", "RUNNING", "PENDING"])
        task = self.service.start_task(status=status, ip=handed_on)  # type: ignore[arg-type]
        self.closed.discard(task.ip)

    def alive(self) -> list[Task]:
        return [t for t in self.service.tasks if t.state.last_status != "STOPPED"]

    def move(self) -> None:
        """One task takes its next step in life."""
        task = self.rng.choice(self.alive())
        if task.state.last_status == "PENDING":
            task.becomes("RUNNING")
        elif task.state.last_status == "RUNNING":
            task.stop()
        else:
            task.becomes("STOPPED")

    def flip(self) -> None:
        running = [t for t in self.alive() if t.state.last_status == "RUNNING"]
        if running:
            task, port = self.rng.choice(running), self.rng.choice(["closed", "listens"])
            task.port(port)  # type: ignore[arg-type]
            (self.closed.add if port == "closed" else self.closed.discard)(task.ip)

    def sicken(self) -> None:
        """The container health check of a task changes, and an event follows."""
        running = [t for t in self.alive() if t.state.last_status == "RUNNING"]
        if running:
            task = self.rng.choice(running)
            task.health(self.rng.choice(["HEALTHY", "UNHEALTHY"]))
            event = self.rng.choice([scheduled(), task_state_change(task.state)])
            self.pending.append(event)

    def schedule(self) -> None:
        self.pending.append(scheduled())

    def drain(self) -> None:
        self.pending.append(container_instance_state_change(self.service.cluster_arn))

    def refuse(self) -> None:
        operation = self.rng.choice(["ListTasks", "DescribeTasks"])
        self.aws.faults.set(operation, fault.denied, times=1)

    def flush(self) -> None:
        self.redis.flushall()
        self.forgotten(-1)

    def save(self) -> None:
        """What a replica has by now."""
        self.saved = self.published
        raw = self.aws.valkey.client(decode_responses=False)
        self.copy = {
            key.decode(): (value, max(0, raw.pttl(key)))
            for key in raw.scan_iter()
            if (value := raw.dump(key))  # a lease may expire meanwhile
        }

    def fail_over(self) -> None:
        """To the replica: whatever was written since is lost."""
        self.redis.flushall()
        for key, (value, ttl) in self.copy.items():
            self.redis.restore(key, ttl, value)
        self.forgotten(self.saved)

    def forgotten(self, published: int) -> None:
        """Redis lost its last writes; what a run still knows may be newer than what is left."""
        self.published = published
        self.withdrawn.clear()
        self.seen_generation = 0

    # The scheduler.

    def run(self) -> None:
        """Play the history. Raises BrokenLawError."""
        self.rng.choice([self.start, self.start])()
        for _ in range(self.rng.randint(20, 60)):
            self.pending += self.aws.events.take()
            name, act = self.rng.choice(self.choices())
            self.note(name)
            act()
            self.check()
        self.finish()

    def choices(self) -> list[tuple[str, Callable[[], object]]]:
        possible: list[tuple[str, Callable[[], object]]] = [
            ("a task starts", self.start),
            ("an instance drains", self.drain),
            ("a task's health changes", self.sicken),
        ]
        possible += [("a minute is over", self.schedule)] * (self.rng.random() < 0.2)
        if self.alive():
            possible += [("a task moves on", self.move)] * 2
        if self.pending and len(self.actors) < ENVIRONMENTS:
            possible += [("an event arrives", self.deliver)] * 4
        if self.actors:
            possible += [("a step", self.step)] * 16
            possible += [("the lease expires", lambda: self.redis.delete(LEASE_KEY))]
        if self.rough:
            possible += [
                ("a port changes", self.flip),
                ("a call will be refused", self.refuse),
                ("a replica copies", self.save),
                ("Redis fails over", self.fail_over),
            ]
            possible += [("an environment is killed", self.kill)] * bool(self.actors)
            possible += [("Redis is flushed", self.flush)] * (self.rng.random() < 0.2)
        return possible

    def deliver(self) -> None:
        event = self.rng.choice(self.pending)
        if self.rng.random() < 0.8:  # else it will come again
            self.pending.remove(event)
        self.begin(event)

    def begin(self, event: dict[str, Any]) -> None:
        busy = {actor.environment for actor in self.actors}
        environment = next(e for e in self.environments if e not in busy)
        actor = Actor(self, environment, event)
        actor.start()
        self.actors.append(actor)

    def step(self) -> None:
        actor = self.rng.choice(self.actors)
        self.note(f"  {actor.environment.number}: {actor.at}")
        actor.advance()
        if actor.outcome:
            self.ended(actor)

    def kill(self) -> None:
        actor = self.rng.choice(self.actors)
        self.note(f"  {actor.environment.number} dies before {actor.at}")
        actor.killed = True
        actor.advance()
        self.ended(actor)

    def ended(self, actor: Actor) -> None:
        self.note(f"  {actor.environment.number} ends: {actor.outcome}")
        actor.join()
        self.actors.remove(actor)
        self.expect(not actor.outcome.startswith("crashed"), actor.outcome)
        if actor.outcome == "killed" or actor.outcome.startswith("failed"):
            self.expect(self.was_rough, f"an invocation {actor.outcome} for no reason")
            self.pending.append(actor.event)  # as Lambda does

    def finish(self) -> None:
        """Answer all that is open; then the list must be the truth."""
        self.note("no more changes")
        self.rough = False
        self.aws.faults.clear()
        self.pending += self.aws.events.take()
        while self.pending or self.actors:
            can_begin = self.pending and len(self.actors) < ENVIRONMENTS
            if can_begin and (not self.actors or self.rng.random() < 0.3):
                self.begin(self.pending.pop())
            else:
                self.step()
            self.check()
        if self.was_rough:
            self.note("a minute later")
            self.redis.delete(LEASE_KEY)
            self.begin(scheduled())
            while self.actors:
                self.step()
                self.check()
        else:
            state = self.redis.hgetall(STATE)
            answered = int(state.get("requested", 2**60)) < int(state["listing"])
            self.expect(answered, "law 3: no listing began after the last event")
            answered = int(state.get("full_requested", 0)) < int(state["full"])
            self.expect(answered, "law 3: no full listing began after the last that was requested")
        truth = sorted(
            task.ip
            for task in self.alive()
            if task.state.last_status == "RUNNING"
            and task.state.health != "UNHEALTHY"
            and task.ip not in self.closed
        )
        self.expect(self.listed() == truth, f"the list is {self.listed()}, the truth {truth}")

    def close(self) -> None:
        for task in self.alive():
            task.becomes("STOPPED")

    # What must hold after each step.

    def check(self) -> None:
        reads: Any = self.redis.pipeline(transaction=False)  # one round trip in place of three
        reads.hgetall(STATE).zrange(f"{KEY}:withdrawn", 0, -1).get(KEY)
        state, withdrawn, text = reads.execute()
        generation = int(state.get("generation", 0))
        self.expect(generation >= self.seen_generation, "a generation went back")
        self.seen_generation = generation
        published, left = json.loads(state.get("tasks", "{}")), set(withdrawn)
        tasks = {task: ip for task, ip in published.items() if task not in left}
        back = self.withdrawn & tasks.keys()
        self.expect(not back, f"law 4: listed though it was stopping: {back}")
        self.expect(addresses(text) == sorted(tasks.values()), "list and state differ")

    def listed(self) -> list[str]:
        return addresses(self.redis.get(KEY))

    def note(self, step: str) -> None:
        self.steps.append(step)
        self._show(f"{self.now:7.1f}  {step}")

    def expect(self, holds: bool, what: str) -> None:
        if not holds:
            story = "\n".join(self.steps[-60:])
            raise BrokenLawError(
                f"seed {self.seed}: {what}\n{story}\n(python tests/histories.py --seed {self.seed})"
            )


def addresses(text: Any) -> list[str]:
    return sorted(item["ip"] for item in json.loads(text or "[]"))


def play(
    seeds: Iterable[int], show: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[int, Stage]]:
    """Play one history a seed, all on one simulator; yields each that held."""
    with Simulator() as aws:
        environments = [Environment(aws, number) for number in range(ENVIRONMENTS)]
        for seed in seeds:
            stage = Stage(aws, environments, seed, show)
            stage.run()
            stage.close()
            yield seed, stage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, help="play this one, and print its steps")
    parser.add_argument("--histories", type=int, default=300)
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first seed")
    parser.add_argument("--memory", type=int, help="with Lambda's CPU for so many MB")
    options = parser.parse_args()
    if options.memory:
        with share.held(os.getpid(), options.memory) as way:
            print(f"the share of {options.memory} MB, by {way}")
            play_all(options)
    else:
        play_all(options)


def play_all(options: argparse.Namespace) -> None:
    """Play the histories that the options name, and print how they went."""
    if options.seed is not None:
        for seed, _ in play([options.seed], print):
            print(f"seed {seed}: all laws held")
        return
    began, steps, rough = time.monotonic(), 0, 0
    last = options.first + options.histories - 1
    for done, (seed, stage) in enumerate(play(range(options.first, last + 1)), 1):
        steps, rough = steps + len(stage.steps), rough + stage.was_rough
        if done % 100 == 0 or seed == last:
            print(
                f"{done} of {options.histories} histories held ({rough} rough), {steps} steps, "
                f"seeds {options.first} to {seed}, {time.monotonic() - began:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
