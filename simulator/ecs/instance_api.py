"""ListContainerInstances and DescribeContainerInstances."""

from simulator.ecs import requests
from simulator.ecs.control_plane import Ecs
from simulator.ecs.requests import Parameters, invalid
from simulator.wire import to_json

_PAGE = _BATCH = 100


def list_instances(ecs: Ecs, parameters: Parameters) -> bytes:
    """A page of the ARNs of the cluster's instances."""
    cluster = requests.cluster_of(ecs, parameters)
    status = parameters.get("status")
    found = [e.arn for e in ecs.instances(cluster) if status in (None, e.status)]
    size = requests.page_size(parameters, _PAGE)
    shown, more = requests.page(found, (cluster.arn, status), parameters, size)
    return to_json({"containerInstanceArns": shown} | ({"nextToken": more} if more else {}))


def describe_instances(ecs: Ecs, parameters: Parameters) -> bytes:
    """The instances in the request, and a failure for each that is not known."""
    cluster = requests.cluster_of(ecs, parameters)
    names = parameters.get("containerInstances", [])
    if not 1 <= len(names) <= _BATCH:
        raise invalid(f"containerInstances must hold between 1 and {_BATCH} entries.")
    known = {instance.arn.rpartition("/")[2]: instance for instance in ecs.instances(cluster)}
    found, failures = [], []
    for each in names:
        instance = known.get(each.rpartition("/")[2])
        if instance is None:
            failures.append({"arn": each, "reason": "MISSING"})
        else:
            found.append(instance.described())
    return to_json({"containerInstances": found, "failures": failures})
