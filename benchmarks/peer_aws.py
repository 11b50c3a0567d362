"""What the peers ask of AWS that the simulator lacks: the least that they find tasks with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.wire import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator import Service, Simulator


def teach(aws: Simulator, service: Service) -> None:
    """Let the simulator answer with one Fargate cluster and a definition marked for both peers."""
    definition = {
        "taskDefinitionArn": f"{service.cluster.arn.partition(':cluster/')[0]}"
        f":task-definition/{service.definition}",
        "family": service.name,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [
            {
                "name": service.name,
                "portMappings": [{"containerPort": 80, "hostPort": 80}],
                "environment": [{"name": "PROMETHEUS_TARGET", "value": "true"}],
                "dockerLabels": {
                    "ecs_sd_prometheus_container_port": "80",
                    "ecs_sd_prometheus_job_name": service.name,
                },
            }
        ],
    }
    answers: dict[str, Any] = {
        "ListClusters": {"clusterArns": [service.cluster.arn]},
        "ListContainerInstances": {"containerInstanceArns": []},
        "DescribeTaskDefinition": {"taskDefinition": definition},
    }
    aws.operations.update({name: _always(answer) for name, answer in answers.items()})


def _always(answer: Any) -> Callable[[Mapping[str, Any]], bytes]:
    return lambda _: to_json(answer)
