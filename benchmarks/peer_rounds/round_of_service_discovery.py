"""One cold round of ecs-service-discovery, as its own run() goes about it.

Runs in an environment of its own; prints the seconds it took and what it found.
"""

import json
import time

from boto3.session import Session
from compose_x_common.aws.ecs import list_all_ecs_clusters
from ecs_service_discovery.ecs_sd_common import merge_tasks_and_hosts
from ecs_service_discovery.ecs_service_discovery import EcsCluster
from ecs_service_discovery.prometheus_sd import identify_prometheus_enabled_targets

session = Session()
began = time.monotonic()
found = set()
for arn in list_all_ecs_clusters(session=session):
    tasks = merge_tasks_and_hosts(EcsCluster(arn), session)
    _, groups = identify_prometheus_enabled_targets(tasks) or ({}, [])
    found |= {target for group in groups for target in group["targets"]}
print(json.dumps([time.monotonic() - began, len(found)]))
