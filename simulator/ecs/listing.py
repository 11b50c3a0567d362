"""ListTasks and DescribeTasks, with the paging, limits and failures of the ECS API."""

import itertools

from simulator.ecs import requests
from simulator.ecs.clusters import Cluster
from simulator.ecs.control_plane import Ecs
from simulator.ecs.requests import Parameters, invalid
from simulator.ecs.services import Service
from simulator.ecs.tasks import Task
from simulator.wire import to_json

_PAGE = 100  # ListTasks: "maxResults ... can be between 1 and 100"
_BATCH = 100  # DescribeTasks: "A list of up to 100 task IDs or full ARN entries"


def list_tasks(ecs: Ecs, parameters: Parameters) -> bytes:
    """A page of the ARNs of tasks whose *desired* status is the one in the request."""
    cluster = requests.cluster_of(ecs, parameters)
    name = parameters.get("serviceName")
    service = None if name is None else requests.service_of(cluster, name)
    size = requests.page_size(parameters, _PAGE)
    wanted = (cluster.arn, service and service.name, parameters.get("desiredStatus", "RUNNING"))
    start = 0
    if "nextToken" in parameters:
        start = requests.position(parameters["nextToken"], wanted)

    arns: list[str] = []
    for position, task in enumerate(itertools.islice(cluster.tasks, start, None), start):
        if not _matches(cluster, task, service, wanted[2]):
            continue
        if len(arns) == size:
            return to_json({"taskArns": arns, "nextToken": requests.token(position, wanted)})
        arns.append(task.arn)
    return to_json({"taskArns": arns})


def describe_tasks(ecs: Ecs, parameters: Parameters) -> bytes:
    """The tasks in the request, and a failure for each that is not known now."""
    cluster = requests.cluster_of(ecs, parameters)
    names = parameters.get("tasks", [])
    if not 1 <= len(names) <= _BATCH:
        raise invalid(f"tasks must hold between 1 and {_BATCH} entries, not {len(names)}")
    tasks: list[bytes] = []
    failures: list[dict[str, str]] = []
    for each in names:
        task = requests.find_task(cluster, each)
        state = task.seen if task else None
        if state is None:
            failures.append({"arn": requests.task_arn(cluster, each), "reason": "MISSING"})
        else:
            tasks.append(state.json)
    return b'{"tasks":[%b],"failures":%b}' % (b",".join(tasks), to_json(failures))


def _matches(cluster: Cluster[Service], task: Task, service: Service | None, desired: str) -> bool:
    if service is not None and task.service is not service:
        return False
    state = task.seen
    if state is None or state.desired_status != desired:
        return False
    return requests.remembers(cluster, state)
