"""The five promises of a recycle, checked at each call that it makes and after each step."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Callable

from recycle_world import DRAINING, KEY, RECORD, STATE

from discovery.recycle.record import RECYCLING, RESTORING, TAG, loads, parse_tag

if TYPE_CHECKING:
    from recycle_world import World

    from discovery.recycle.record import Record
    from simulator import Service, Task
    from simulator.scaling import ScalableTarget


class BrokenPromiseError(AssertionError):
    """A promise does not hold; the message ends with the steps that led there."""


class Promises:
    """What others want of the service, and whether the recycle respects it."""

    def __init__(
        self, world: World, target: ScalableTarget | None, broken: Callable[[str], None]
    ) -> None:
        self.world, self.target, self.broken = world, target, broken
        self.service = world.service
        self.desired = self.least = self.service.desired  # what others want; the least of it
        self.maximum = target.maximum if target else 0
        self.minimum = target.minimum if target else 0
        self.flags = target.suspended if target else None
        self.limits: dict[str, float] = {}  # recycle -> started_before
        self.slack = 0  # tasks that the list may lack by our doing
        self.batch = 1
        self.alone = True  # no other invocation ran within this one
        self.lagged = False  # DescribeServices lagged at some time
        self.raises: set[int] = set()  # counts that the recycle may have set
        self.lost: set[str] = set()  # recycles whose record was lost: nothing more is stopped
        self.failed: set[str] = set()  # recycles that were seen failing
        self.stopped: set[str] = set()
        self.end = "none"
        self.blurred = False  # what others set cannot be distinguished from what the recycle set
        self.allowed = True  # whether the list may be empty
        self.crashed: dict[str, str] = {}  # recycle -> its replacement that crashed in its sight
        self.redis_lost = False  # something of the record, at some time
        self.answered = ""  # by the last invocation
        self._unseen = 0  # scheduled runs that could not look
        self._in_copy = False

    # What the history says.

    def begins(self, event: dict[str, Any]) -> None:
        size = str(event["batch_size"])
        share = size.endswith("%")
        self.batch = math.ceil(self.desired * float(size[:-1]) / 100) if share else int(size)
        self.batch = max(1, self.batch)
        in_place = not event.get("maintain_service_state", True)
        self.slack = self.batch if in_place else 0
        self.allowed = bool(event.get("allow_outage"))

    def others_set(self, count: int, service: Service) -> None:
        """Somebody sets the count to something that is not the recycle's own."""
        record = self.record()
        ours = {record.raised, record.before.desired} if record else set()
        tag = parse_tag(service.tags.get(TAG))
        if tag:
            ours |= {tag.raised, tag.before.desired}
        back = bool(
            record and record.phase == RECYCLING and record.raised not in (None, count)
        )  # to what it was: it is raised again
        if (count in ours and not (back and count == self.desired)) or service.lag:
            return
        self.desired, self.least = count, min(self.least, count)
        service.scale(count)

    def bounds_reset(self, target: ScalableTarget) -> None:
        """Infrastructure as code sets count and bounds to what they were."""
        target.maximum, target.minimum = self.maximum, self.minimum
        target.clamp()
        self.service.scale(self.desired)

    def scaled(self, before: int, target: ScalableTarget) -> None:
        """Scaling has acted."""
        record = self.record() or parse_tag(self.service.tags.get(TAG))
        maximum = record.raised_maximum if record else None
        self.blurred |= maximum is not None and target.maximum == maximum != self.maximum
        if target.maximum not in (self.maximum, maximum):
            self.maximum = target.maximum
        self.minimum = target.minimum
        now = self.service.desired
        if now != before:
            self.desired, self.least = now, min(self.least, now)
            ours = (record.raised, record.before.desired, target.maximum) if record else ()
            self.blurred |= now in ours  # the recycle takes such a count for its own

    def crashes(self, task: Task) -> None:
        """It is about to crash. If a look has shown it already, nothing more is stopped."""
        record, created = self.record(), task.state.created_at
        if record is None or record.ended or task.state.desired_status != "RUNNING":
            return
        if record.request.started_before <= created < record.updated_at:
            self.crashed[record.id] = task.id

    def unseen(self, operation: str) -> None:
        """A scheduled run could not look at the service, as this read is denied."""
        self._unseen = self._unseen + 1 if self.answered == "published" and self.alone else 0
        record = self.record()
        if self._unseen < 2 or record is None or record.ended or record.phase == RESTORING:
            return
        draining = set(self.world.redis.zrange(DRAINING, 0, -1))
        off = draining & {task.id for task in self.service.alive}
        self.expect(not off, f"promise 2: {off} stay off the list while {operation} is denied")

    def seeing(self) -> None:
        self._unseen = 0

    def saved(self) -> None:
        self._in_copy = self.record() is not None

    def flushed(self) -> None:
        self._forgets()
        record = self.record() or self._known
        if record and parse_tag(self.service.tags.get(TAG)):
            self.lost.add(record.id)

    def _forgets(self) -> None:
        """What only the record knew may be lost with it."""
        self.crashed.clear()
        self.redis_lost = True

    def failed_over(self, copied: bool) -> None:
        self._forgets()
        if not copied or not self._in_copy:
            self.flushed()
        elif found := self.record():
            self.lost.discard(found.id)  # it was not noticed, or the tag says so

    # What is looked at.

    def record(self) -> Record | None:
        found = loads(self.world.redis.hget(RECORD, "record"))  # type: ignore[arg-type]
        if found:
            self._known = found
        return found

    _known: Record | None = None

    def paused(self) -> bool:
        record = self.record()
        return bool(record and record.paused)

    def over(self) -> bool:
        """Whether no recycle goes on."""
        record = self.record()
        self.end = record.phase if record else "none"
        return (record is None or record.ended) and TAG not in self.service.tags

    def listed(self) -> set[str]:
        text = self.world.redis.get(KEY)
        return {item["ip"] for item in json.loads(str(text or "[]"))}

    # Checked at each call.

    def acting(self, action: str, body: bytes) -> None:
        """A call to AWS is about to be carried out."""
        if action == "StopTask":
            self._stop(json.loads(body))
        elif action == "UpdateService":
            self._written("UpdateService", self._counts(), json.loads(body)["desiredCount"])

    def seen(self, step: str, call: Any, answer: Any) -> None:
        """A call was made."""
        if step == "redis withdraw" and call[2] == 1 and answer:
            self._left(answer)

    def _left(self, address: str) -> None:
        """A task has left the list for the recycle."""
        running = {task.ip for task in self.service.running}
        staying = self.listed() & running
        least = self.least - self.slack
        self.expect(
            len(staying) >= min(least, len(running)) or not self.alone or self.service.lag > 0,
            f"promise 1: {address} left the list, which holds {len(staying)} of {least} now",
        )
        surplus = max(0, len(self.service.alive) - self.service.desired)
        self.expect(
            len(staying) > surplus
            or self.allowed
            or not self.alone
            or self.service.lag > 0
            or self.service.desired == 0,
            f"promise 1: {address} left the list, which holds {len(staying)}, and ECS is about to "
            f"stop {surplus}",
        )
        hand = self._hand()
        lacking = [
            task.id
            for task in self.service.alive
            if task.id not in hand and (task.ip not in staying)
        ]
        self.expect(
            not lacking or not self.alone,
            f"promise 1: {address} left the list while {lacking} are missing from it",
        )

    def _stop(self, call: dict[str, Any]) -> None:
        task = next(task for task in self.service.tasks if task.id == call["task"])
        reason = call["reason"]
        recycle = reason.split(" recycle ")[1].split()[0]
        self.expect(task.ip not in self.listed(), f"promise 2: {task.id} is stopped while listed")
        created = task.state.created_at
        known = self.record()
        limit = known.request.started_before if known and known.id == recycle else 0.0
        limit = self.limits.setdefault(recycle, limit)
        self.expect(created < limit, f"promise 2: {task.id} is too young to stop")
        self.expect(recycle not in self.lost, f"promise 3: {task.id} is stopped, Redis lost it")
        self.expect(recycle not in self.failed, f"promise 5: {task.id} is stopped after a failure")
        if not self.alone:
            return
        crashed = self.crashed.get(recycle)
        self.expect(not crashed, f"promise 5: {task.id} is stopped after the crash of {crashed}")
        record = self.record()
        written = record and record.id == recycle and record.batch and record.batch.step == "stop"
        self.expect(bool(written), "promise 3: a stop is not in the record")
        self.expect(task.id in self._hand(), "promise 3: another stop is in the record")
        if not self.service.lag:
            primary, others = self.service.primary, len(self.service.deployments) - 1
            self.expect(
                not others and primary.rollout == "COMPLETED",
                f"promise 4: stopped with {others} other deployments, primary {primary.rollout}",
            )
        self.expect(not task.protected, f"a protected task is stopped: {task.id}")

    def _counts(self) -> set[int | None]:
        record = self.record()
        return {record.raised, record.before.desired} if record else set()

    def _written(self, what: str, allowed: set[int | None], value: int) -> None:
        self.expect(
            value in allowed or not self.alone,
            f"promise 3: {what} {value} is not in the record, only {allowed}",
        )

    def _hand(self) -> tuple[str, ...]:
        record = self.record()
        return record.batch.tasks if record and record.batch else ()

    # Checked after each step, and in the end.

    def hold(self) -> None:
        record = self.record()
        if record and "failed" in (record.phase, record.ending):
            self.failed.add(record.id)
        self.over()

    def announced(self, record: Record) -> None:
        """People had a message of the start and one of the end."""
        subjects = {
            message.subject
            for message in self.world.aws.sns.published
            if f"Recycle {record.id} " in message.text
        }
        end = {"recycled": "finished"}.get(record.phase, record.phase)
        wanted = {f"Recycle {kind}: lobby" for kind in ("started", end)}
        self.expect(wanted <= subjects, f"messages are missing: {subjects} of {wanted}")

    def restored(self, calm: bool) -> None:
        """All is as it was, or as others have set it since."""
        record, service = self.record(), self.service
        self.expect(TAG not in service.tags, "the tag is still there")
        if not self.blurred and not self.lagged:
            self.expect(
                service.desired == self.desired,
                f"the count is {service.desired}, not {self.desired}",
            )
        if self.target and not self.blurred:
            self.expect(
                self.target.suspended == self.flags,
                f"the flags are {self.target.suspended}, not {self.flags}",
            )
            self.expect(
                self.target.maximum == self.maximum,
                f"the maximum is {self.target.maximum}, not {self.maximum}",
            )
        draining = set(self.world.redis.zrange(DRAINING, 0, -1)) & {t.id for t in service.alive}
        self.expect(not draining, f"promise 2: still off the list: {draining}")
        truth = {task.ip for task in service.running}
        self.expect(self.listed() == truth, f"the list is {self.listed()}, the truth {truth}")
        if record and record.phase == "recycled" and record.id not in self.lost:
            old = [
                t.id for t in service.alive if t.state.created_at < record.request.started_before
            ]
            self.expect(not old, f"recycled, but these are old: {old}")
        if record and not self.redis_lost and record.total:
            self.announced(record)
        self.expect(
            not calm or record is None or record.phase == "recycled",
            f"nothing went wrong, and it {record.phase if record else ''}: "
            f"{record.reason if record else ''}",
        )

    def expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.broken(what)


__all__ = ["STATE", "BrokenPromiseError", "Promises"]
