"""The straightforward way to the same list, as a yardstick: what one writes in an afternoon.

boto3's client at import, ListTasks then DescribeTasks in a row, whole answers kept,
32 threads with `create_connection`, one SET. No round is repeated and nothing of the
seven laws is kept.
"""

from __future__ import annotations

import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import boto3
import redis

CLUSTER, SERVICE = os.environ["ECS_CLUSTER_NAME"], os.environ["ECS_SERVICE_NAME"]
PORT = int(os.environ.get("HEALTH_CHECK_PORT", "80"))
TIMEOUT = float(os.environ.get("HEALTH_CHECK_TIMEOUT", "2.0"))

ecs = boto3.client("ecs")
store = redis.Redis(os.environ["REDIS_HOST"], int(os.environ.get("REDIS_PORT", "6379")))


def lambda_handler(event: Any, context: Any) -> dict[str, int]:  # noqa: ARG001
    arns: list[str] = []
    for page in ecs.get_paginator("list_tasks").paginate(cluster=CLUSTER, serviceName=SERVICE):
        arns += page["taskArns"]
    tasks: list[Any] = []
    for start in range(0, len(arns), 100):
        batch = arns[start : start + 100]
        tasks += ecs.describe_tasks(cluster=CLUSTER, tasks=batch)["tasks"]
    running = [task for task in tasks if task["lastStatus"] == "RUNNING"]
    with ThreadPoolExecutor(32) as pool:
        healthy = list(pool.map(accepts, map(address, running)))
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    entries = [
        {
            "ip": address(task),
            "task_name": task["taskDefinitionArn"].rsplit("/", 1)[-1],
            "update_time": now,
            "status": task["lastStatus"],
        }
        for task, accepted in zip(running, healthy)
        if accepted
    ]
    store.set(os.environ["REDIS_KEY"], json.dumps(entries))
    return {"running": len(running), "healthy": len(entries)}


def address(task: Any) -> str | None:
    for attachment in task["attachments"]:
        for detail in attachment["details"]:
            if detail["name"] == "privateIPv4Address":
                return str(detail["value"])
    return None


def accepts(ip: str | None) -> bool:
    try:
        with socket.create_connection((ip or "", PORT), TIMEOUT):
            return True
    except OSError:
        return False
