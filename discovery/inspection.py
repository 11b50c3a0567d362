"""What a diagnosis sees around a service: definitions, targets, endpoints. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from discovery.errors import DiscoveryError
from discovery.text import one_line

if TYPE_CHECKING:
    from discovery.service import ServiceView


class UnseenError(DiscoveryError):
    """Something could not be looked at: by which action, on what, and why.

    `kind` is one of permission, missing, throttled, time, failed.
    """

    def __init__(self, kind: str, action: str, resource: str, why: str) -> None:
        super().__init__(f"{action} for {resource} {why}")
        self.kind, self.action, self.resource, self.why = kind, action, resource, why


def unseen(error: Exception, action: str, resource: str) -> UnseenError:
    """What a call that failed leaves unseen, whatever it failed of."""
    if isinstance(error, UnseenError):
        return error
    ours = isinstance(error, DiscoveryError)  # which says by itself what is wrong
    said = f"{error}" if ours else f"{type(error).__name__}: {one_line(error)}"
    return UnseenError("failed", action, resource, f"failed: {said}".rstrip("."))


class LogPlace(NamedTuple):
    """Where a container logs. `prefix` is "" where the definition names none."""

    region: str
    group: str
    prefix: str

    def stream(self, container: str, task: str) -> str:
        """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html"""
        return f"{self.prefix}/{container}/{task}"


class ContainerView(NamedTuple):
    """A container of a task definition."""

    name: str
    essential: bool = True
    memory: int | None = None  # hard limit in MiB
    log_driver: str = ""  # "" means that nothing is logged
    log_mode: str = ""  # blocking, non-blocking, or "" where the account's default holds
    place: LogPlace | None = None  # only with awslogs and a group


class DefinitionView(NamedTuple):
    """A revision of a task definition."""

    name: str  # family:revision
    memory: int | None = None  # of the task, in MiB
    containers: tuple[ContainerView, ...] = ()

    def container(self, name: str) -> ContainerView | None:
        return next((each for each in self.containers if each.name == name), None)


class TargetView(NamedTuple):
    """A target, with its state and reason code as Elastic Load Balancing gives them."""

    id: str  # an address, or an instance's id
    port: int
    state: str
    reason: str = ""
    description: str = ""


class TargetGroupView(NamedTuple):
    """A target group and its targets."""

    arn: str
    targets: tuple[TargetView, ...] = ()

    @property
    def name(self) -> str:
        return self.arn.split(":targetgroup/")[-1].split("/")[0]


class HttpAnswer(NamedTuple):
    """What an HTTP endpoint answered; status 0: nothing, because of `fault`."""

    url: str
    status: int = 0
    seconds: float = 0.0
    location: str = ""  # of a redirect
    fault: str = ""


class CertificateView(NamedTuple):
    """A certificate that a host presents; `fault` says why a client does not trust it."""

    host: str
    port: int
    days: float | None = None  # left; None: not known
    issuer: str = ""
    names: tuple[str, ...] = ()
    fault: str = ""
    connected: bool = True


class ListedTask(NamedTuple):
    """A task that is left out of the list, and why."""

    task: str
    ip: str
    reason: str


@dataclass(frozen=True)
class ListView:
    """The list in Redis, beside what a dry run says about it now."""

    addresses: frozenset[str]
    age: float | None  # seconds since the listing behind it; None: never published
    degraded: bool
    excluded: tuple[ListedTask, ...] = ()


@dataclass(frozen=True)
class InspectedService:
    """A service, and the task definition (ARN or family:revision) that it starts tasks of."""

    view: ServiceView
    definition: str
