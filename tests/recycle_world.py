"""A service under recycling in one process, in accelerated time, with the real code and clients.

boto3's clients reach the simulator without a socket, so that a history takes milliseconds. An
invocation passes a gate at each call to Redis or AWS: there its fate may meet it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Callable

import boto3
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError

from discovery import events, routing
from discovery.aws.clients import once, use_fast_json
from discovery.aws.task_lister import TaskLister
from discovery.deadline import Deadline
from discovery.errors import DiscoveryError
from discovery.model import Outcome
from discovery.probe.tcp import Prober
from discovery.settings import from_env
from discovery.store.client import ScriptClient, open_client
from discovery.store.registry import Registry
from discovery.sync.rounds import Policy
from discovery.sync.run import Dependencies, sync
from discovery.wiring import recycle
from simulator import Clock, Simulator
from simulator.http import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from discovery.deadline import Deadline as DeadlineType
    from discovery.settings import ServiceSettings
    from simulator import Service

KEY = "{fleet}:iplist"
STATE, DRAINING, RECORD = f"{KEY}:state", f"{KEY}:draining", f"{KEY}:recycle"
LEASE, RECYCLE_LEASE = f"{KEY}:lease", f"{KEY}:recycle:lease"
NEW_YEAR = 1_798_761_600.0  # 2027-01-01T00:00:00Z
# ECS takes a second to react to anything; the registry's lease is renewed by a thread.
FROZEN = 25.0  # seconds; longer than both leases

_SERVICES = {
    "ecs_reader": "ecs",
    "ecs_writer": "ecs",
    "application_autoscaling": "application-autoscaling",
    "elbv2": "elbv2",
    "sns": "sns",
    "secrets_manager": "secretsmanager",
}
_CONFIG = Config(retries={"total_max_attempts": 1}, signature_version=UNSIGNED)


class Killed(BaseException):
    """The invocation ends here, with nothing cleaned up."""


class _Body:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


class GatedClient(ScriptClient):
    """The real connection to Redis, with the world's gate before and after each call."""

    world: World

    def run(self, script: Any, keys: Any, deadline: DeadlineType, *args: Any) -> Any:
        if threading.current_thread().name == "lease":
            return 0
        call = super().run
        return self.world.gate(
            f"redis {args[0]}", lambda: call(script, keys, deadline, *args), args
        )


class World:
    """The simulator, the clients, and the one service of a history."""

    def __init__(self, aws: Simulator) -> None:
        self.aws = aws
        self.redis = aws.valkey.client()
        self.thread = threading.get_ident()
        self.client = GatedClient(
            lambda: open_client("127.0.0.1", aws.valkey.port, False, False, None), "Redis", None
        )
        self.client.world = self
        made = {name: once(self._maker(service)) for name, service in _SERVICES.items()}
        self.aws_client: Callable[[str], Callable[[], Any]] = made.__getitem__
        ecs = use_fast_json(self._maker("ecs")())
        self.lister = TaskLister(lambda: ecs, once(self._maker("ec2")))
        # What a history puts in: the gate of each call, and eyes on what was done.
        self.meet: Callable[[str, bool], str] = lambda _step, _before: ""
        self.overtake: Callable[[], None] = lambda: None
        self.seen: Callable[[str, Any, Any], None] = lambda _step, _asked, _answer: None
        self.acting: Callable[[str, Any], None] = lambda _action, _parameters: None
        self.service: Service
        self.settings: ServiceSettings
        self.figures: dict[str, float] = {}  # the metrics that were printed last
        self.owners = 0
        self.killed = False  # the invocation that goes on

    def begin(self, cluster: str, desired: int, **options: Any) -> Service:
        """A service that runs, and nothing in Redis."""
        self.redis.flushall()
        self.aws.calls.clear()
        self.service = self.aws.ecs.create_service(
            cluster, "lobby", desired=desired, steady=True, **options
        )
        topic = self.aws.sns.create("alerts")
        self.aws.sns.published.clear()
        environment = self.aws.settings(
            self.service, KEY, RECYCLE="true", NOTIFICATION_TOPIC_ARN=topic
        )
        self.settings = from_env(environment).service
        self.aws.events.take()
        return self.service

    def now(self) -> float:
        return self.aws.clock.now()

    # Time.

    def sleep(self, seconds: float) -> None:
        """The product sleeps: its lease on the recycle runs on."""
        self.pass_time(seconds, RECYCLE_LEASE)

    def pass_time(self, seconds: float, *leases: str) -> None:
        """Time for ECS; and for these leases, as Redis has a clock of its own."""
        self.aws.ecs.advance(seconds)
        for lease in leases or (LEASE, RECYCLE_LEASE):
            left = int(self.redis.pttl(lease)) - round(seconds * 1000)
            if left > 0:
                self.redis.pexpire(lease, left)
            else:
                self.redis.delete(lease)

    def messages(self) -> list[str]:
        """What the messages of this service say has happened, oldest first."""
        subjects = [message.subject or "" for message in self.aws.sns.published]
        return [subject[len("Recycle ") :].partition(":")[0] for subject in subjects]

    # What an invocation does, as lambda_function does it.

    def invoke(self, event: dict[str, Any], timeout: float = 60.0) -> dict[str, Any]:
        """Answer one event. Raises DiscoveryError."""
        self.owners += 1
        self.killed = False
        deadline = Deadline(self.now() + timeout, self.now)
        parts = self._parts(deadline, f"owner {self.owners}")
        action = routing.route(events.parse(event), self.settings)
        if isinstance(action, routing.Recycle):
            return recycle.answer(parts, action.params)
        if isinstance(action, routing.Ignore):
            return {"outcome": Outcome.IGNORED.value}
        assert isinstance(action, routing.Sync), action
        report = sync(self._dependencies(parts), self._policy, action.stopping, action.new_task_ids)
        if report.outcome is Outcome.PUBLISHED:
            recycle.after_sync(parts, report, action.scheduled)
        return {"outcome": report.outcome.value}

    @property
    def _policy(self) -> Policy:
        return Policy(rounds=3, interval=5.0, panic_percent=0)

    def _parts(self, deadline: Deadline, owner: str) -> recycle.Parts:
        registry = Registry(self.client, KEY, self.settings.key_prefix, 0, 1e6, deadline, owner)
        parts = recycle.Parts(
            service=self.settings,
            client=self.client,
            registry=registry,
            sync=lambda: sync(self._dependencies(parts), self._policy),
            dry_run=lambda: recycle_dry_run(self._dependencies(parts), self._policy),
            emit=self.figures.update,
            deadline=deadline,
            owner=owner,
            aws_client=self.aws_client,
            sleep=self.sleep,
            now=self.now,
        )
        return parts

    def _dependencies(self, parts: recycle.Parts) -> Dependencies:
        return Dependencies(
            service=self.settings.ref,
            lister=self.lister,
            registry=parts.registry,
            new_prober=lambda: Prober(0.5, 100),
            deadline=parts.deadline,
            sleep=lambda seconds: self.pass_time(seconds, RECYCLE_LEASE),
        )

    # The gate.

    def gate(self, step: str, call: Callable[[], Any], params: Any) -> Any:
        """Make the call, unless fate is faster; then let the history look."""
        if threading.get_ident() != self.thread:
            return call()
        if self.killed:  # what would clean up is dead, too
            raise Killed
        self._strike(self.meet(step, True), step)
        answer = call()
        self.seen(step, params, answer)
        self._strike(self.meet(step, False), step)
        return answer

    def _strike(self, fate: str, step: str) -> None:
        if fate == "dies":
            self.killed = True
            raise Killed
        if fate == "lost" and not step.startswith("redis"):
            raise ReadTimeoutError(endpoint_url=step)
        if fate in ("freezes", "is overtaken"):
            if fate == "freezes":
                self.pass_time(FROZEN)
            self.overtake()

    # boto3 without a socket.

    def _maker(self, service: str) -> Callable[[], Any]:
        def make() -> Any:
            client = boto3.client(  # type: ignore[call-overload]
                service,
                region_name="us-east-1",
                endpoint_url=self.aws.url,
                config=_CONFIG,
            )
            client.meta.events.register(f"before-send.{_endpoint(client)}", self._send)
            return client

        return make

    def _send(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        action = event_name.rpartition(".")[2]
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()

        def call() -> Any:
            if threading.get_ident() == self.thread:
                self.acting(action, body)
            return self.aws._gateway.answer(Request(headers, body))

        response = self.gate(f"aws {action}", call, body)
        kind: Any = {"Content-Type": response.content_type}
        return AWSResponse(request.url, response.status, kind, _Body(response.body))


def recycle_dry_run(dependencies: Dependencies, policy: Policy) -> Any:
    from discovery.sync.run import dry_run  # noqa: PLC0415

    return dry_run(dependencies, policy)


def standing_world() -> Iterator[World]:
    with Simulator(clock=Clock(NEW_YEAR)) as aws:
        yield World(aws)


def quietly(invoke: Callable[[], dict[str, Any]]) -> str:
    """What became of an invocation, in a word or two."""
    try:
        return str(invoke()["outcome"])
    except Killed:
        return "killed"
    except DiscoveryError as error:
        return f"{type(error).__name__}: {error}"


def _endpoint(client: Any) -> str:
    return str(client.meta.service_model.service_id.hyphenize())


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
