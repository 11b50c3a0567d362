"""StopTask, GetTaskProtection and UpdateTaskProtection."""

import json
from typing import Any

from simulator.ecs import requests
from simulator.ecs.clusters import Cluster
from simulator.ecs.control_plane import Ecs
from simulator.ecs.requests import Parameters, invalid
from simulator.ecs.services import Service
from simulator.ecs.tasks import Task
from simulator.wire import to_json

_READ, _WRITTEN = 100, 10  # tasks in one call, "up to 100 task IDs" and "up to 10 task IDs"
_LONGEST, _DEFAULT = 2880, 120  # minutes


def stop_task(ecs: Ecs, parameters: Parameters) -> bytes:
    """Make a task stop. One that is to stop already goes on as it was."""
    cluster = requests.cluster_of(ecs, parameters)
    task = requests.find_task(cluster, parameters.get("task", ""))
    if task is None:
        raise invalid("The referenced task was not found.")
    with ecs.region.lock:
        if task.state.desired_status != "STOPPED":
            task.stop(parameters.get("reason", "Task stopped by user"), "UserInitiated")
        return to_json({"task": json.loads(task.state.json)})


def get_task_protection(ecs: Ecs, parameters: Parameters) -> bytes:
    """Which tasks are protected, and until when."""
    cluster = requests.cluster_of(ecs, parameters)
    found, failures = _found(cluster, parameters.get("tasks", []), _READ)
    return to_json({"protectedTasks": [_protection(task) for task in found], "failures": failures})


def update_task_protection(ecs: Ecs, parameters: Parameters) -> bytes:
    """Protect tasks, for two hours unless it says otherwise, or no more."""
    cluster = requests.cluster_of(ecs, parameters)
    minutes = parameters.get("expiresInMinutes", _DEFAULT)
    if not 1 <= minutes <= _LONGEST:
        raise invalid(f"expiresInMinutes must be between 1 and {_LONGEST}.")
    found, failures = _found(cluster, parameters.get("tasks", []), _WRITTEN)
    for task in found:
        if parameters.get("protectionEnabled"):
            task.protect(minutes)
        else:
            task.unprotect()
    return to_json({"protectedTasks": [_protection(task) for task in found], "failures": failures})


def _found(
    cluster: Cluster[Service], names: list[str], most: int
) -> tuple[list[Task], list[dict[str, str]]]:
    """The tasks of services among those in the request, and a failure for each other."""
    if not 1 <= len(names) <= most:
        raise invalid(f"tasks must hold between 1 and {most} entries, not {len(names)}")
    found: list[Task] = []
    failures: list[dict[str, str]] = []
    for each in names:
        task = requests.find_task(cluster, each)
        if task is None:
            failures.append({"arn": requests.task_arn(cluster, each), "reason": "MISSING"})
        elif task.service is None or task.state.desired_status == "STOPPED":
            failures.append({"arn": task.arn, "reason": "TASK_NOT_VALID"})
        else:
            found.append(task)
    return found, failures


def _protection(task: Task) -> dict[str, Any]:
    protected = task.protected
    until = {"expirationDate": task.protected_until} if protected else {}
    return {"taskArn": task.arn, "protectionEnabled": protected} | until
