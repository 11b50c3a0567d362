"""The metrics of a run as one line in CloudWatch's embedded metric format, to be printed. Pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MILLISECONDS = frozenset({"SyncDuration", "EventToPublish"})


def line(
    namespace: str, cluster: str, service: str, at: float, figures: Mapping[str, float]
) -> str:
    """The line to print; `at` is in seconds since the epoch."""
    metrics: list[dict[str, str]] = [
        {"Name": name, "Unit": "Milliseconds" if name in _MILLISECONDS else "Count"}
        for name in figures
    ]
    document: dict[str, Any] = {
        "_aws": {
            "Timestamp": int(at * 1000),
            "CloudWatchMetrics": [
                {"Namespace": namespace, "Dimensions": [["Cluster", "Service"]], "Metrics": metrics}
            ],
        },
        "Cluster": cluster,
        "Service": service,
        **figures,
    }
    return json.dumps(document)
