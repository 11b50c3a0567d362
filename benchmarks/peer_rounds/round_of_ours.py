"""Our discovery alone: list and describe, no checks, no Redis; with the modules as they are.

Prints the seconds it took and what it found.
"""

import json
import os
import time
from functools import lru_cache

import boto3

from discovery.aws.errors import read_early
from discovery.aws.task_lister import Fleet
from discovery.deadline import Deadline
from lambda_function import AWS_CONFIG

ecs = read_early(boto3.client("ecs", config=AWS_CONFIG))
ec2 = lru_cache(maxsize=1)(lambda: boto3.client("ec2", config=AWS_CONFIG))
fleet = Fleet(lambda: ecs, ec2, os.environ["ECS_CLUSTER_NAME"], os.environ["ECS_SERVICE_NAME"])
began = time.monotonic()
pages = list(fleet.pages(Deadline(began + 60), set()))
found = {task.ip for page in pages for task in page.tasks if task.ip}
print(json.dumps([time.monotonic() - began, len(found)]))
