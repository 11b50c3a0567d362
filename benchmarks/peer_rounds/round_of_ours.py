"""Our discovery alone: list and describe, without probes and Redis, by the product's own modules.

Prints the seconds that it took and the number of addresses that it found.
"""

import json
import os
import time
from functools import lru_cache

from discovery.aws import clients
from discovery.aws.task_lister import TaskLister
from discovery.deadline import Deadline
from discovery.model import ServiceRef

ecs = clients.ecs()
lister = TaskLister(lambda: ecs, lru_cache(maxsize=1)(clients.ec2))
service = ServiceRef(os.environ["ECS_CLUSTER_NAME"], os.environ["ECS_SERVICE_NAME"], port=80)
began = time.monotonic()
pages = list(lister.pages(service, {}, True, set(), Deadline(began + 60)))
found = {task.endpoint for page in pages for task in page.tasks if task.endpoint}
print(json.dumps([time.monotonic() - began, len(found)]))
