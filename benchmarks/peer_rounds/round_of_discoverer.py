"""One cold round of prometheus-ecs-discoverer, as its own main() goes about it.

Its pause of 0.1 s after each call (WARMUP_THROTTLE) is left out: this is its best.
Runs in an environment of its own; prints the seconds it took and what it found.
"""

import json
import time

import boto3
from botocore.config import Config
from loguru import logger
from prometheus_ecs_discoverer import discovery, fetching, s

logger.remove()
session = boto3.Session()
config = Config(retries={"max_attempts": s.MAX_RETRY_ATTEMPTS, "mode": "standard"})
fetcher = fetching.CachedFetcher(
    session.client("ecs", config=config), session.client("ec2", config=config)
)
began = time.monotonic()
targets = discovery.PrometheusEcsDiscoverer(fetcher).discover()
print(json.dumps([time.monotonic() - began, len({target.ip for target in targets})]))
