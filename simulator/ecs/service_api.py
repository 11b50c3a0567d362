"""DescribeServices, ListServices and UpdateService."""

from typing import Any

from simulator.ecs import requests
from simulator.ecs.control_plane import Ecs
from simulator.ecs.descriptions import describe, tag_list
from simulator.ecs.requests import Parameters, invalid
from simulator.ecs.services import Service
from simulator.wire import ApiError, to_json

_BATCH = 10  # DescribeServices: "You may specify up to 10 services to describe"
_PAGE, _DEFAULT_PAGE = 100, 10  # ListServices: "up to 10 results" unless maxResults says otherwise


def describe_services(ecs: Ecs, parameters: Parameters) -> bytes:
    """The services in the request, and a failure for each that is not known."""
    cluster = requests.cluster_of(ecs, parameters)
    names = parameters.get("services", [])
    if not 1 <= len(names) <= _BATCH:
        raise invalid("Too many services." if names else "Services cannot be empty.")
    services, failures = [], []
    with_tags = "TAGS" in parameters.get("include", [])
    with ecs.region.lock:
        for each in names:
            service = requests.find_service(cluster, each)
            if service is None:
                prefix = cluster.arn.replace(":cluster/", ":service/")
                arn = each if each.startswith("arn:") else f"{prefix}/{each}"
                failures.append({"arn": arn, "reason": "MISSING"})
                continue
            tags = {"tags": tag_list(service.tags)} if with_tags else {}
            services.append(ecs.answer(service) | tags)
    return to_json({"services": services, "failures": failures})


def list_services(ecs: Ecs, parameters: Parameters) -> bytes:
    """A page of the ARNs of the cluster's services, but for those deleted."""
    cluster = requests.cluster_of(ecs, parameters)
    strategy = parameters.get("schedulingStrategy")
    arns = [
        service.arn
        for service in list(cluster.services.values())
        if service.status == "ACTIVE" and strategy in (None, service.strategy)
    ]
    size = requests.page_size(parameters, _PAGE, _DEFAULT_PAGE)
    shown, more = requests.page(arns, (cluster.arn, strategy), parameters, size)
    return to_json({"serviceArns": shown} | ({"nextToken": more} if more else {}))


def update_service(ecs: Ecs, parameters: Parameters) -> bytes:
    """Change a service: its count, its definition, its deployment's bounds."""
    cluster = requests.cluster_of(ecs, parameters)
    service = requests.service_of(cluster, parameters.get("service", ""))
    with ecs.region.lock:
        if service.status != "ACTIVE":
            raise ApiError("ServiceNotActiveException", "Service was not ACTIVE.")
        desired = _desired(service, parameters)
        definition = _definition(ecs, parameters)
        _configure(service, parameters.get("deploymentConfiguration", {}))
        if "healthCheckGracePeriodSeconds" in parameters:
            service.grace = float(parameters["healthCheckGracePeriodSeconds"])
        if desired is not None:
            service.scale(desired)
        renewed = definition not in (None, service.definition)
        if renewed or parameters.get("forceNewDeployment"):
            service.deploy(definition)
        return to_json({"service": describe(service)})


def _desired(service: Service, parameters: Parameters) -> int | None:
    desired: int | None = parameters.get("desiredCount")
    if desired is None:
        return None
    if service.strategy == "DAEMON":
        raise invalid(
            "The daemon scheduling strategy does not support a desired count for services. "
            "Remove the desired count value and try again."
        )
    if desired < 0:
        raise invalid("desiredCount must not be negative.")
    return desired


def _definition(ecs: Ecs, parameters: Parameters) -> str | None:
    name = parameters.get("taskDefinition")
    if name is None:
        return None
    found = ecs.region.definitions.find(name)
    if found is None:
        raise ApiError("ClientException", "TaskDefinition not found.")
    return found.name


def _configure(service: Service, configuration: dict[str, Any]) -> None:
    service.minimum_percent = configuration.get("minimumHealthyPercent", service.minimum_percent)
    service.maximum_percent = configuration.get("maximumPercent", service.maximum_percent)
    if "deploymentCircuitBreaker" in configuration:
        breaker = configuration["deploymentCircuitBreaker"]
        service.circuit_breaker = breaker["enable"]
        service.rollback = breaker["rollback"]
