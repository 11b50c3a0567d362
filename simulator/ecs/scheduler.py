"""A service's scheduler: starts what is missing, stops what is too much, sends events."""

from simulator.clock import Clock, Timer
from simulator.ecs.clusters import TaskOptions
from simulator.ecs.deployments import COMPLETED, FAILED, ROLLING_BACK, Deployment, threshold
from simulator.ecs.plan import Goal, Standing, bounds, plan
from simulator.ecs.services import Service
from simulator.ecs.tasks import Task

_IMPAIRED_AFTER = 3  # consecutive tasks that did not start
_LONGEST_BACKOFF = 27 * 60.0
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html
_IMPAIRED = (
    "is unable to consistently start tasks successfully. For more information, see the "
    "Troubleshooting section of the Amazon ECS Developer Guide."
)
_UNPLACED = (
    "was unable to place a task. Reason: Capacity is unavailable at this time. Please try "
    "again later or in a different availability zone. For more information, see the "
    "Troubleshooting section of the Amazon ECS Developer Guide."
)
_IN_ELB = "Task failed ELB health checks in ({group})"
_IN_CONTAINER = "Task failed container health checks"


class Scheduler:
    """Moves one service to what is wanted of it, each time that something has changed."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._region = service.cluster.region
        self._clock: Clock = self._region.clock
        self._wake: Timer | None = None
        self._ran: set[str] = set()
        self._failures = 0
        self._not_before = 0.0
        self._steady = self._unplaced = False
        self._definition = service.definition
        self._ran |= {task.id for task in service.running}
        service.scheduled = True
        service.watchers.append(self.wake)
        service.task_watchers.append(self.task_changed)

    def wake(self) -> None:
        """Look at the service a reaction time from now."""
        with self._region.lock:
            if self._wake is None:
                self._wake = self._clock.after(self._service.delays.react, self.act)

    def task_changed(self, task: Task) -> None:
        """Follow a task: count how it began, see it off when it is to stop."""
        with self._region.lock:
            state, service = task.state, self._service
            if state.desired_status == "STOPPED":
                self._drain(task)
                if state.last_status == "STOPPED" and state.started_at is None:
                    self._start_failed(task)
                service.life.end(task)
            elif state.last_status == "RUNNING" and task.id not in self._ran:
                self._runs(task)

    def act(self) -> None:
        """Look at the service, and do what is missing."""
        with self._region.lock:
            self._wake = None
            service = self._service
            if service.status == "INACTIVE":
                return
            if service.definition != self._definition:
                self._definition, self._failures, self._not_before = service.definition, 0, 0.0
            alive = service.alive
            self._stop_ill(alive)
            alive = [task for task in alive if task.state.desired_status == "RUNNING"]
            self._count_well(alive)
            self._break_circuit()
            self._replace(alive)
            self._settle()

    def _replace(self, alive: list[Task]) -> None:
        service = self._service
        percents = (service.minimum_percent, service.maximum_percent)
        if service.strategy == "DAEMON":
            percents = (0, 100)
        primary = service.primary
        goal = Goal(
            service.desired,
            *bounds(service.desired, *percents),
            primary.id,
            primary.rollout == "FAILED",
        )
        order = self._region.rng.sample(alive, len(alive))  # ECS does not say which goes first
        wanted = plan(goal, [self._standing(task) for task in order])
        self._start(wanted.start)
        self._await_protection(alive)
        for task in [task for task in alive if task.id in wanted.stop]:
            task.stop(f"Scaling activity initiated by (deployment {primary.id})")
        self._told(len(wanted.stop), "stopped {n} running tasks", wanted.stop)

    def _await_protection(self, alive: list[Task]) -> None:
        """Look again when the next protection expires, if it is in the way."""
        if len(alive) > self._service.desired or len(self._service.deployments) > 1:
            ends = [task.protected_until or 0.0 for task in alive if task.protected]
            if ends:
                self._later(min(ends) - self._clock.now())

    def _start(self, count: int) -> None:
        service, now = self._service, self._clock.now()
        if count and now < self._not_before:
            self._later(self._not_before - now)
            return
        room = count
        if service.room is not None:
            here = sum(task.state.last_status != "STOPPED" for task in service.tasks)
            room = max(0, min(count, service.room - here))
        started = [self._start_one() for _ in range(room)]
        self._told(len(started), "started {n} tasks", started)
        if room < count:
            self._not_placed()
        else:
            self._unplaced = False

    def _start_one(self) -> str:
        service = self._service
        options: TaskOptions = {"status": "PROVISIONING", "port": "closed"}
        if address := self._used_address():
            options["ip"] = address
        task = service.start_task(**options)
        service.life.begin(task)
        return task.id

    def _used_address(self) -> str | None:
        """The address that has been free for longest, if they are to be used again."""
        if not self._service.reuse_addresses:
            return None
        taken = {t.ip for t in self._service.tasks if t.state.last_status != "STOPPED"}
        stopped = [t for t in self._service.tasks if t.ip not in taken]
        return min(stopped, key=lambda t: t.state.stopped_at or 0.0).ip if stopped else None

    def _not_placed(self) -> None:
        service = self._service
        service.primary.failure()
        if not self._unplaced:
            service.say(_UNPLACED)
            service.announce("SERVICE_TASK_PLACEMENT_FAILURE", "ERROR", reason="RESOURCE:FARGATE")
        self._unplaced = True
        self._not_before = self._clock.now() + service.delays.replace
        self._later(service.delays.replace)

    def _start_failed(self, task: Task) -> None:
        """A task has ended that never ran. When it was stopped by a person it did not fail."""
        if task.state.stop_code != "TaskFailedToStart":
            return
        service = self._service
        self._failures += 1
        if (deployment := self._deployment_of(task)) is not None:
            deployment.failure()
        if self._failures < _IMPAIRED_AFTER:
            return
        if self._failures == _IMPAIRED_AFTER:
            service.say(_IMPAIRED)
            service.announce("SERVICE_TASK_START_IMPAIRED", "WARN")
        wait = service.delays.backoff * 2 ** min(self._failures - _IMPAIRED_AFTER, 20)
        self._not_before = self._clock.now() + min(wait, _LONGEST_BACKOFF)

    def _runs(self, task: Task) -> None:
        """A task has begun to run."""
        self._ran.add(task.id)
        self._failures, self._not_before = 0, min(self._not_before, self._clock.now())
        for group in self._service.target_groups:
            group.register(task.ip)
            self._service.say(f"registered 1 targets in (target-group {group.arn})")

    def _drain(self, task: Task) -> None:
        if task.id in self._ran:
            self._ran.discard(task.id)
            for group in self._service.target_groups:
                group.deregister(task.ip)
                self._service.say("has begun draining connections on 1 tasks.")

    def _count_well(self, alive: list[Task]) -> None:
        for task in alive:
            deployment = self._deployment_of(task)
            if deployment is not None and not deployment.proved and self._well(task):
                deployment.success()

    def _stop_ill(self, alive: list[Task]) -> None:
        """Stop the tasks that fail their health checks."""
        for task in alive:
            if task.state.last_status == "RUNNING" and (reason := self._illness(task)):
                if (deployment := self._deployment_of(task)) is not None:
                    deployment.failure()
                self._service.say(f"(task {task.id}) failed health checks: {reason}.")
                task.stop(reason)

    def _illness(self, task: Task) -> str | None:
        if task.state.health == "UNHEALTHY":
            return _IN_CONTAINER
        past_grace = (task.state.started_at or 0.0) + self._service.grace - self._clock.now()
        for group in self._service.target_groups:
            if group.health(task.ip).state == "unhealthy":
                if past_grace <= 0:
                    return _IN_ELB.format(group=f"target-group {group.arn}")
                self._later(past_grace)
        return None

    def _break_circuit(self) -> None:
        service, primary, now = self._service, self._service.primary, self._clock.now()
        if primary.rollout != "IN_PROGRESS" or not service.circuit_breaker:
            return
        if primary.failed < threshold(service.desired):
            return
        primary.becomes("FAILED", FAILED, now)
        service.changed()
        older = next((each for each in service.deployments[1:]), None)
        if service.rollback and older is not None:
            primary.status, older.status = "ACTIVE", "PRIMARY"
            older.becomes("IN_PROGRESS", ROLLING_BACK, now)
            service.deployments.remove(older)
            service.deployments.insert(0, older)
        service.say(f"(deployment {primary.id}) deployment failed: tasks failed to start.")
        service.announce_deployment(primary, "SERVICE_DEPLOYMENT_FAILED", "ERROR")

    def _settle(self) -> None:
        """See what is finished: older deployments, the primary one, the service."""
        service, now = self._service, self._clock.now()
        alive = service.alive
        used = {task.state.started_by for task in alive}
        primary, *older = service.deployments
        kept = [primary, *(each for each in older if each.id in used)]
        if kept != service.deployments:
            service.deployments = kept
            service.changed()
        well = sum(self._well(task) for task in alive)
        at_rest = len(service.deployments) == 1 and well == len(alive) == service.desired
        if at_rest and primary.rollout == "IN_PROGRESS":
            primary.becomes("COMPLETED", COMPLETED, now)
            service.changed()
            service.say(f"(deployment {primary.id}) deployment completed.")
            service.announce_deployment(primary, "SERVICE_DEPLOYMENT_COMPLETED")
        if at_rest and not self._steady:
            service.say("has reached a steady state.")
            service.announce("SERVICE_STEADY_STATE")
        self._steady = at_rest

    def _well(self, task: Task) -> bool:
        """Whether it runs and is healthy by every check there is."""
        service, state = self._service, task.state
        if state.last_status != "RUNNING" or state.desired_status != "RUNNING":
            return False
        if service.life.health_check and state.health != "HEALTHY":
            return False
        healths = [group.health(task.ip).state for group in service.target_groups]
        return all(health == "healthy" for health in healths)

    def _standing(self, task: Task) -> Standing:
        return Standing(task.id, task.state.started_by, self._well(task), task.protected)

    def _deployment_of(self, task: Task) -> Deployment | None:
        found = (each for each in self._service.deployments if each.id == task.state.started_by)
        return next(found, None)

    def _told(self, count: int, what: str, ids: list[str]) -> None:
        if count:
            named = " ".join(f"(task {each})" for each in ids)
            self._service.say(f"has {what.format(n=count)}: {named}.")

    def _later(self, seconds: float) -> None:
        self._clock.after(seconds, self.wake)
