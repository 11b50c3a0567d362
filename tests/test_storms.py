from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import storms
from conftest import ROOT

if TYPE_CHECKING:
    from simulator import Simulator
    from simulator.template import Template


def test_a_scale_out_costs_few_calls(aws: Simulator, template: Template) -> None:
    """Some 600 events of a scale-out from 10 to 100 tasks, at 20 environments at once.

    They end with the right list, no failed invocation, no call over ECS's budget (100 at
    once, 20 a second) and at most 60 ListTasks and DescribeTasks calls together.
    """
    rng = random.Random(1)
    moments = storms.scale_out(aws, 10, 100, rng)
    passed = storms.ride_out(
        aws, moments, rng, 20, duplicates=0.65, root=ROOT, start=template.start
    )
    assert 580 < len(passed.invocations) < 660
    assert passed.truth == passed.listed
    assert passed.failed == []
    assert passed.refused == 0
    assert passed.calls <= 60
    outcomes = Counter(each.answer["outcome"] for each in passed.invocations)
    assert outcomes.keys() <= {"published", "coalesced", "superseded"}


def test_a_storm_leaves_half_of_ecs_budget(aws: Simulator, template: Template) -> None:
    """While tasks are replaced without pause, listing stays within 10 calls a second."""
    rng = random.Random(2)
    moments = storms.churn(aws, 11, rng)
    passed = storms.ride_out(aws, moments, rng, 4, duplicates=0.2, root=ROOT, start=template.start)
    assert passed.truth == passed.listed
    assert passed.failed == []
    assert passed.refused == 0
    assert passed.most_a_second <= 10
